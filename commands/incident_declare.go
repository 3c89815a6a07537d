package commands

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
)

// declareCommand opens an incident, unless one of its key is open.
func declareCommand(env Env) Command {
	c := Command{
		Name: "incident declare", Under: "incident", Args: "[domain]", Summary: "open an incident, with a channel of its own",
		Examples: []string{declareExample(env), declareExample(env) + " --severity P0", "incident declare --run R-1042"},
		General:  rightDeclare, Needs: declareNeeds(env), Flags: declareFlags,
		Prepare: func(ctx context.Context, c Call) (Prepared, error) { return declare(ctx, env, c) },
		Form:    func(ctx context.Context, c Call) (*message.Form, error) { return declareForm(ctx, env, c) },
	}
	return c
}

// bindCommand makes the channel in which it is asked the incident's.
func bindCommand(env Env) Command {
	example := strings.Replace(declareExample(env), "declare", "bind", 1)
	return Command{
		Name: "incident bind", Under: "incident", Args: "[domain]", Summary: "open an incident in this channel, instead of one of its own",
		Examples: []string{example}, General: rightDeclare, Needs: declareNeeds(env),
		Flags: func(set *pflag.FlagSet) {
			declareFlags(set)
			_ = set.MarkHidden("bind") // the flag exists, and is what the command is
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			if err := c.Flags.Set("bind", "true"); err != nil {
				return Prepared{}, err
			}
			return declare(ctx, env, c)
		},
	}
}

// declareNeeds asks for the right to the run, too, whose numbers are taken over.
func declareNeeds(env Env) func(context.Context, Call) ([]authz.Permission, error) {
	return func(ctx context.Context, c Call) ([]authz.Permission, error) {
		rights := []authz.Permission{rightDeclare}
		word, _ := c.Flags.GetString("run")
		if word == "" || !env.Policy.Decide(c.Subject, rightDeclare).Allowed {
			return rights, nil
		}
		run, err := runNamed(ctx, env, c, word)
		if err != nil {
			return nil, err
		}
		return append(rights, rightsTo(env.Catalog, run)...), nil
	}
}

func declareFlags(set *pflag.FlagSet) {
	set.String("severity", "", "P1")
	set.String("title", "", "'Order totals are wrong'")
	set.String("run", "", "R-1042")
	set.Bool("drill", false, "it is an exercise, and says so everywhere")
	set.Bool("private", false, "its channel is private")
	set.Bool("bind", false, "this channel becomes its channel")
}

func declareExample(env Env) string {
	if domains := declarable(env); len(domains) > 0 {
		return "incident declare " + domains[0]
	}
	return "incident declare"
}

// declarable are the domains that an incident can be about: those of checks and those
// that alerts are mapped to.
func declarable(env Env) []string {
	domains := env.Catalog.Domains()
	var mapped []string
	for _, rule := range env.Incidents.Rules.Alerts {
		if rule.Domain != "" && !slices.Contains(domains, rule.Domain) && !slices.Contains(mapped, rule.Domain) {
			mapped = append(mapped, rule.Domain)
		}
	}
	slices.Sort(mapped)
	return append(domains, mapped...)
}

func declare(ctx context.Context, env Env, c Call) (Prepared, error) {
	d, err := declaration(ctx, env, c)
	if err != nil {
		return Prepared{}, err
	}
	open, err := env.Archive.IncidentOf(ctx, d.Key)
	switch {
	case err == nil:
		return openAlready(env, c, open), nil
	case !errors.Is(err, incidents.ErrNotFound):
		return Prepared{}, err
	}
	if d.Bind != "" {
		if here, err := env.Archive.IncidentIn(ctx, d.Bind); err == nil {
			return Prepared{}, badInput("This is the channel of %s already; in one channel one incident is dealt with.", here.Ref()).try("incident declare " + d.Domain)
		} else if !errors.Is(err, incidents.ErrNotFound) {
			return Prepared{}, err
		}
	}
	return declared(ctx, env, c, d)
}

// declaration reads what is declared.
func declaration(ctx context.Context, env Env, c Call) (incidents.Declaration, error) {
	d := incidents.Declaration{
		Source: c.Request.Source, By: c.Request.Actor.User, Request: c.ID, At: env.Now(),
		Asked: incidents.Place{Channel: c.Request.Channel, Thread: c.Request.Thread},
	}
	if d.Asked.Channel == "" || c.Place.Shared {
		d.Asked = incidents.Place{Channel: env.Incidents.Rules.Fallback}
	}
	if c.Place.Shared && d.Asked.Channel == c.Request.Channel {
		d.Asked = incidents.Place{}
	}
	if d.Source == "" {
		d.Source = audit.FromSystem
	}
	if err := underRun(ctx, env, c, &d); err != nil {
		return d, err
	}
	if err := declaredDomain(env, c, &d); err != nil {
		return d, err
	}
	err := declaredFlags(c, &d)
	if d.Bind == "" && (d.Private || env.Incidents.Rules.Private) {
		d.Asked = incidents.Place{} // nothing is to stand there
	}
	return d, err
}

// declaredDomain reads the domain, or takes that of the run.
func declaredDomain(env Env, c Call, d *incidents.Declaration) error {
	known := declarable(env)
	switch {
	case len(c.Args) > 1:
		return badInput("One domain at a time; a title goes behind --title.").try("incident declare " + strings.ToLower(c.Args[0]) + " --title " + spelled(clip(strings.Join(c.Args[1:], " "))))
	case len(c.Args) == 1:
		word := strings.ToLower(c.Args[0])
		if one, ok := env.Catalog.ByName()[word]; ok && !slices.Contains(known, word) {
			word = one.Domain
		}
		if !slices.Contains(known, word) {
			return unknownDomain(known, c.Args[0])
		}
		d.Domain = word
	case d.Domain == "":
		example := declareExample(env)
		if bind, _ := c.Flags.GetBool("bind"); bind {
			example = strings.Replace(example, "declare", "bind", 1)
		}
		return badInput("Which data is wrong? Name a domain: %s.", strings.Join(known, ", ")).try(example)
	}
	d.Key = d.Domain
	return nil
}

func unknownDomain(known []string, word string) error {
	if near := nearest(strings.ToLower(word), known); near != "" {
		return badInput("There is no domain called \"%s\". Did you mean %s?", clip(word), near).try("incident declare " + near)
	}
	bad := badInput("There is no domain called \"%s\"; there are %s.", clip(word), strings.Join(known, ", "))
	if len(known) > 0 {
		return bad.try("incident declare " + known[0])
	}
	return bad
}

func declaredFlags(c Call, d *incidents.Declaration) error {
	example := "incident declare " + d.Domain
	d.Private, _ = c.Flags.GetBool("private")
	d.Title, _ = c.Flags.GetString("title")
	d.Title = oneLine(d.Title)
	if n := len([]rune(d.Title)); n > maxTitle {
		return badInput("That title is %d characters long; at most %d fit.", n, maxTitle).try(example + " --title 'Order totals are wrong'")
	}
	if word, _ := c.Flags.GetString("severity"); word != "" {
		severity, err := severityWord([]string{word}, example+" --severity P1")
		if err != nil {
			return err
		}
		d.Severity = severity
	}
	if d.Drill, _ = c.Flags.GetBool("drill"); d.Drill {
		d.Key = "drill/" + d.Domain // an exercise must not stand in the way of what is real
	}
	if bind, _ := c.Flags.GetBool("bind"); bind {
		return bindTo(c, d, example)
	}
	return nil
}

// maxTitle is how long a title may be, in characters.
const maxTitle = 120

// bindTo makes the channel of the call the incident's.
func bindTo(c Call, d *incidents.Declaration, example string) error {
	switch {
	case d.Private:
		return badInput("This channel stays as it is, so --private and --bind do not go together.").try(example + " --private")
	case c.Request.Channel == "" || c.Place.Direct:
		return badInput("An incident cannot live in a direct message; ask in a channel, or let me create one.").try(example)
	case c.Place.Shared:
		return badInput("This channel is shared with another organisation, so no row data and no fixes here. Let me create a channel.").try(example)
	case !c.Place.Member:
		return badInput("I am not a member of this channel: invite me first, then ask again.").try(example + " --bind")
	}
	d.Bind = c.Request.Channel
	return nil
}

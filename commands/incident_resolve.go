package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// resolveCommand ends an incident, if what failed has passed since, or somebody who may
// gives a reason.
func resolveCommand(env Env) Command {
	const example = "incident resolve %s --says 'orders are right again'"
	return Command{
		Name: "incident resolve", Under: "incident", Args: "[incident]", Summary: "end it, when its checks have passed since the last fix",
		Examples: []string{"incident resolve --says 'orders are right again'", "incident resolve --because 'the lost rows are archived and not needed'"},
		General:  rightManage,
		Flags: func(set *pflag.FlagSet) {
			set.String("says", "", "'orders are right again'")
			set.String(flagBecause, "", "'the check is wrong, see the note'")
		},
		Needs: overrideNeeds,
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			v, c, err := viewFor(ctx, env, c, example)
			if err != nil {
				return Prepared{}, err
			}
			return resolve(env, c, v)
		},
		Form: func(ctx context.Context, c Call) (*message.Form, error) {
			if !onlyNamed(c) || c.Flags.Changed("says") || c.Flags.Changed(flagBecause) {
				return nil, nil
			}
			v, _, err := viewFor(ctx, env, c, example)
			if err != nil || v.Incident.Status.Over() {
				return nil, err
			}
			return resolveForm(env, c, v), nil
		},
	}
}

// flagBecause gives the reason why an incident ends although something is against that.
const flagBecause = "because"

const overridden = "override by " + string(rightOverride)

// overrideNeeds asks for the right to end it all the same where such a reason is given.
func overrideNeeds(_ context.Context, c Call) ([]authz.Permission, error) {
	if because, _ := c.Flags.GetString(flagBecause); strings.TrimSpace(because) != "" {
		return []authz.Permission{rightManage, rightOverride}, nil
	}
	return []authz.Permission{rightManage}, nil
}

// viewFor is everything about the incident that a call is about.
func viewFor(ctx context.Context, env Env, c Call, example string) (incidents.View, Call, error) {
	i, c, err := whichIncident(ctx, env, c, example)
	if err != nil {
		return incidents.View{}, c, err
	}
	v, err := viewOf(ctx, env, i.ID)
	return v, c, err
}

func resolve(env Env, c Call, v incidents.View) (Prepared, error) {
	i := v.Incident
	if len(c.Args) > 0 {
		return Prepared{Incident: i.Ref()}, badInput("What is true now is said with --says; I do not understand \"%s\".", clip(strings.Join(c.Args, " "))).
			try("incident resolve " + i.Ref() + " --says " + spelled(strings.Join(c.Args, " ")))
	}
	says, _ := c.Flags.GetString("says")
	because, _ := c.Flags.GetString(flagBecause)
	says, because = oneLine(says), oneLine(because)
	against, active := incidents.Gate(v, env.Incidents)
	if !i.Status.Over() && len(against) > 0 && (active || because == "") {
		return notResolved(env, v, against, active), nil
	}
	if len(against) == 0 {
		because = "" // nothing was to be overridden
	}
	moved, err := incidents.Resolve(v, env.Incidents, by(env, c), says, because)
	if err != nil {
		return Prepared{Incident: i.Ref()}, notMoved(err)
	}
	m := moving{
		to: []incidents.Incident{moved}, before: string(i.Status), after: string(incidents.Resolved),
		args: map[string]string{"says": clip(says), "override": clip(because)}, says: message.Join(i.Ref(), " is resolved, says ", byWhom(c), "."),
	}
	if because != "" {
		m.says = message.Join(i.Ref(), " is resolved by ", byWhom(c), " although not everything is right: ", because)
		m.parts = []message.Part{{Lines: few(against)}}
	}
	p := movedOn(env, c, i, m)
	if because != "" {
		p.Rule = overridden
	}
	return p, nil
}

// notResolved says what keeps it from being resolved, and offers to look again.
func notResolved(env Env, v incidents.View, against []string, active bool) Prepared {
	i := v.Incident
	m := &message.Message{Parts: []message.Part{{Lines: few(against)}}}
	rule := "checks have not passed"
	switch {
	case active:
		rule = "a fix is under way"
		m.Headline = message.Text("%s cannot be resolved while something is being changed: wait for it, or stop it.", i.Ref())
	default:
		verb := " are"
		if len(against) == 1 {
			verb = " is"
		}
		m.Headline = message.Text("%s is not resolved: %s%s not right yet.", i.Ref(), phrase.Plural(int64(len(against)), "thing"), verb)
		m.Context = []message.Line{message.Join("If it has to end all the same: ", message.Mono(env.Word+" incident resolve "+i.Ref()+" --because '…'"), whoOverrides(env))}
		m.Actions = runChecks(env, i)
	}
	return Prepared{Target: i.Ref(), Incident: i.Ref(), Refused: true, Rule: rule, Reply: m}
}

func whoOverrides(env Env) string {
	holders := env.Policy.Holders(rightOverride)
	if len(holders) == 0 {
		return ", which no role in the config may"
	}
	return ", for " + strings.Join(holders, ", ")
}

// runChecks is the button that runs the checks of an incident's domain, if it has any.
func runChecks(env Env, i incidents.Incident) []message.Action {
	what := i.Domain
	if _, _, err := env.Catalog.Select(what); err != nil || what == "" {
		what = "all"
	}
	return []message.Action{{Verb: "check", Ref: what + " --" + flagIncident + " " + i.Ref(), Label: "Run the checks", Style: message.Primary}}
}

// few are at most five of them, and how many more there are.
func few(all []string) []message.Line {
	const most = 5
	var lines []message.Line
	for n, one := range all {
		if n == most {
			return append(lines, message.Text("… and %d more", len(all)-most))
		}
		lines = append(lines, message.Text("%s", one))
	}
	return lines
}

func resolveForm(env Env, c Call, v incidents.View) *message.Form {
	i := v.Incident
	f := &message.Form{
		Title: "Resolve " + i.Ref(), Verb: "incident resolve", Ref: i.Ref(), Submit: "Resolve",
		Fields: []message.Field{{Name: "says", Label: "What is true now?", Kind: message.FieldLines, Optional: true, Max: maxSaid, Hint: "for the final summary"}},
	}
	against, active := incidents.Gate(v, env.Incidents)
	if len(against) == 0 {
		f.Intro = []message.Line{message.Text("%s", nothingAgainst(v))}
		return f
	}
	f.Intro = append([]message.Line{{message.Strong("Not everything is right yet:")}}, few(against)...)
	if !active && env.Policy.Decide(c.Subject, rightOverride).Allowed {
		f.Fields = append(f.Fields, message.Field{
			Name: flagBecause, Label: "Why does it end all the same?", Kind: message.FieldLines, Optional: true, Max: maxSaid,
			Hint: "in 10 characters or more; without a reason nothing is resolved",
		})
	}
	return f
}

// nothingAgainst says why nothing keeps an incident from being resolved: that nothing
// was looked at is not the same as that all is right.
func nothingAgainst(v incidents.View) string {
	switch {
	case len(v.Checks) == 0:
		return "No check was run for it, so nothing says whether the data are right."
	case !slices.ContainsFunc(v.Checks, func(c incidents.Checked) bool { return c.Failed.Known() }):
		return "No check has failed for it."
	}
	return "Every check that failed has passed since the last fix."
}

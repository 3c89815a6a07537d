package commands

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/check/report"
	"github.com/integritybot/integritybot/internal/message"
)

// checkCommand runs checks.
func checkCommand(env Env) Command {
	return Command{
		Name:     "check",
		Args:     "[all | <domain> | <check>]",
		Summary:  "run checks and say what is wrong",
		Examples: checkExamples(env.Catalog),
		General:  "check:any",
		Flags: func(set *pflag.FlagSet) {
			set.Bool("full", false, "read at full speed, without holding back for the database")
			set.String("since", "", "2h")
			set.String(flagIncident, "", "INC-12")
		},
		Needs: func(_ context.Context, c Call) ([]authz.Permission, error) {
			checks, _, _, err := selection(env.Catalog, c)
			return append(permissions(checks), rightToNamed(c)...), err
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			c, err := forNamed(ctx, env, c, "check")
			if err != nil {
				return Prepared{}, err
			}
			checks, title, opts, err := selection(env.Catalog, c)
			if err != nil {
				return Prepared{}, err
			}
			if c.Request.Channel == "" {
				return Prepared{}, badInput("I do not know in which channel to answer; ask in a channel.").try("check")
			}
			words := strings.Join(append([]string{"check"}, quoted(c.Request.Text)...), " ")
			o := check.Order{Title: title, Words: words, Checks: names(checks), Options: opts}
			o.Off = env.Catalog.Off(strings.Join(c.Args, ""))
			return startRun(env, c, o), nil
		},
	}
}

func checkExamples(catalog check.Catalog) []string {
	examples := []string{"check all"}
	if d := catalog.Domains(); len(d) > 0 {
		examples = []string{"check " + d[0], "check all --full"}
	}
	if len(catalog) > 0 {
		examples = append(examples, "check "+catalog[0].Name+" --since 2h")
	}
	return examples
}

// selection reads which checks a call wants, and how.
func selection(catalog check.Catalog, c Call) ([]check.Check, string, check.Options, error) {
	var opts check.Options
	if len(c.Args) > 1 {
		return nil, "", opts, badInput("One thing at a time: all, a domain, or a check; not %q.", strings.Join(c.Args, " ")).try("check " + c.Args[0])
	}
	word := "all"
	if len(c.Args) == 1 {
		word = c.Args[0]
	}
	checks, title, err := catalog.Select(word)
	var unknown *check.UnknownError
	if errors.As(err, &unknown) {
		return nil, "", opts, unknownCheck(catalog, word)
	}
	if len(checks) == 0 {
		return nil, "", opts, badInput("The config declares no checks yet; see config.example.yaml.")
	}
	opts.Full, _ = c.Flags.GetBool("full")
	if since, _ := c.Flags.GetString("since"); since != "" {
		ago, bad := span(since)
		if bad != nil {
			return nil, "", opts, bad.try("check " + word + " --since 2h")
		}
		opts.Since = ago
	}
	return checks, title, opts, err
}

// unknownCheckFor is the same for a command that takes one check and no domain.
func unknownCheckFor(catalog check.Catalog, command, word string) error {
	all := names(catalog)
	if near := nearest(word, all); near != "" {
		return badInput("There is no check called \"%s\". Did you mean \"%s\"?", clip(word), near).try(command + " " + near)
	}
	return badInput("There is no check called \"%s\". There are %s.", clip(word), strings.Join(all, ", ")).try("help")
}

func unknownCheck(catalog check.Catalog, word string) error {
	if near := nearest(strings.ToLower(word), catalog.Words()); near != "" {
		return badInput("There is no check called \"%s\". Did you mean \"%s\"?", clip(word), near).try("check " + near)
	}
	return badInput("There is no check called \"%s\". There are %s.", clip(word), strings.Join(catalog.Domains(), ", ")).try("check all")
}

// permissions of a set of checks: one for each domain.
func permissions(checks []check.Check) []authz.Permission {
	var needs []authz.Permission
	seen := map[string]bool{}
	for _, c := range checks {
		if !seen[c.Domain] {
			seen[c.Domain] = true
			needs = append(needs, authz.Permission("check:"+c.Domain))
		}
	}
	return needs
}

func names(checks []check.Check) []string {
	out := make([]string, len(checks))
	for i, c := range checks {
		out[i] = c.Name
	}
	return out
}

// quoted are the words behind the command's name as they were understood.
func quoted(text string) []string {
	words, err := Split(text)
	if err != nil || len(words) == 0 {
		return nil
	}
	return words[1:]
}

// startRun prepares a run of the order in the place where it was asked for.
func startRun(_ Env, c Call, o check.Order) Prepared {
	o.Channel, o.Thread, o.ResponseURL = c.Request.Channel, c.Request.Thread, c.Request.ResponseURL
	o.AskedBy, o.AskedAt, o.Request = c.Request.Actor.User, c.Request.At, c.ID
	o.NoRows, o.Incident = c.Place.Shared, c.Incident
	return Prepared{
		Target: strings.Join(o.Checks, ","), Pending: true, Numbered: true,
		Build: func(run int64) Intent {
			order := o
			order.ID = run
			return Intent{Run: &order, Posts: []message.Post{report.Queued(order)}}
		},
	}
}

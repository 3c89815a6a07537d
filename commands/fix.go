package commands

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	runs "github.com/integritybot/integritybot/internal/check/report"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// fixCommand asks for a plan: what would change if what a check finds now were
// repaired. It changes nothing itself.
func fixCommand(env Env) Command {
	return Command{
		Name:     "fix",
		Args:     "<check>",
		Summary:  "preview the repair of what a check finds; nothing changes before somebody confirms it",
		Examples: fixExamples(env),
		General:  "fix:any",
		Flags: func(set *pflag.FlagSet) {
			set.Int("limit", 0, "100")
			set.String("mode", "", "quarantine")
			set.String("parent", "", "c-unknown")
		},
		Needs: func(ctx context.Context, c Call) ([]authz.Permission, error) {
			one, _, err := toFix(ctx, env, c)
			return []authz.Permission{authz.Permission("fix:" + one.Domain)}, err
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			one, run, err := toFix(ctx, env, c)
			if err != nil {
				return Prepared{}, err
			}
			o, err := fixOrder(env, c, one, run)
			if err != nil {
				return Prepared{}, err
			}
			return startPlan(env, c, o), nil
		},
	}
}

func fixExamples(env Env) []string {
	for _, one := range env.Catalog {
		if one.Fixable {
			return []string{"fix " + one.Name, "fix " + one.Name + " --limit 100"}
		}
	}
	return []string{"fix orphaned-orders"}
}

// toFix reads which check is meant: by its name, or as one check of a run, as
// the button "Preview fix" says it. Then the run is given as well.
func toFix(ctx context.Context, env Env, c Call) (check.Check, *check.Run, error) {
	example := fixExamples(env)[0]
	if len(c.Args) != 1 {
		return check.Check{}, nil, badInput("Which check's findings should be repaired? Name one.").try(example)
	}
	name := strings.ToLower(c.Args[0])
	var from *check.Run
	if strings.Contains(name, "/") {
		run, only, err := findRun(ctx, env.Archive, c, "fix")
		if err != nil {
			return check.Check{}, nil, err
		}
		name, from = only, &run
	}
	one, known := env.Catalog.ByName()[name]
	switch {
	case known:
		return one, from, nil
	case slices.Contains(env.Catalog.Domains(), name):
		checks, _, _ := env.Catalog.Select(name) // the domain exists
		return check.Check{}, nil, badInput("A fix is for one check at a time; %s has %s.", name, strings.Join(names(checks), ", ")).try("fix " + checks[0].Name)
	}
	return check.Check{}, nil, unknownCheckFor(env.Catalog, "fix", name)
}

// fixOrder is the plan as it was asked for, if it may be asked for like this.
func fixOrder(env Env, c Call, one check.Check, run *check.Run) (fix.Order, error) {
	declared, ok := env.Fixes[one.Name]
	switch {
	case c.Place.Shared:
		return fix.Order{}, badInput("This channel is shared with another organisation, so no row data and no fixes here. Use a private channel.")
	case c.Request.Channel == "":
		return fix.Order{}, badInput("I do not know in which channel to answer; ask in a channel.").try("fix " + one.Name)
	case !ok:
		return fix.Order{}, badInput("The config declares no fix for %s.", one.Name).try("prevent " + one.Name)
	case declared.Applier == nil:
		return fix.Order{}, badInput("Fixes are off for %s: the config gives no write access for it (targets.%s.postgres.fix_dsn).", one.Place, one.Target)
	}
	if run != nil && passed(*run, one.Name) {
		return fix.Order{}, badInput("%s passes in %s: there is nothing to fix.", one.Title, run.Ref()).try("check " + one.Name)
	}
	o := fix.Order{Check: one.Name, Domain: one.Domain}
	if err := fixFlags(&o, c, declared); err != nil {
		return fix.Order{}, err
	}
	if run != nil && run.Channel == c.Request.Channel {
		o.Under = runs.HeadKey(run.ID)
	}
	return o, nil
}

func passed(run check.Run, name string) bool {
	return slices.ContainsFunc(run.Findings, func(f check.Finding) bool { return f.Check == name && f.Verdict == check.Pass })
}

// fixFlags reads how much and which way.
func fixFlags(o *fix.Order, c Call, declared fix.Declared) error {
	if c.Flags.Changed("limit") {
		o.Limit, _ = c.Flags.GetInt("limit")
		if err := declared.Rules.Caps.Limit(o.Limit); err != nil {
			return inWords(err).try("fix " + o.Check + " --limit 100")
		}
	}
	o.Mode, _ = c.Flags.GetString("mode")
	o.Argument, _ = c.Flags.GetString("parent")
	modes := declared.Planner.Modes()
	if o.Mode == "" || slices.Contains(modes, o.Mode) {
		return nil
	}
	if near := nearest(o.Mode, modes); near != "" {
		return badInput("%s cannot be repaired by \"%s\". Did you mean %s?", o.Check, clip(o.Mode), near).try("fix " + o.Check + " --mode " + near)
	}
	return badInput("%s cannot be repaired by \"%s\"; its config allows %s.", o.Check, clip(o.Mode), strings.Join(modes, ", ")).try("fix " + o.Check)
}

// inWords makes bad input of a problem that has a sentence for people.
func inWords(err error) *InputError {
	var p *check.Problem
	if errors.As(err, &p) {
		return badInput("%s", p.Sentence)
	}
	return badInput("%s.", strings.TrimSuffix(err.Error(), "."))
}

// startPlan prepares a plan and the run that works it out, which has the same
// number.
func startPlan(env Env, c Call, o fix.Order) Prepared {
	o.Channel, o.ResponseURL = c.Request.Channel, c.Request.ResponseURL
	o.AskedBy, o.AskedAt, o.Request = c.Request.Actor.User, c.Request.At, c.ID
	if o.Under == "" {
		o.Thread = c.Request.Thread
	}
	return Prepared{
		Pending: true, Numbered: true,
		Build: func(number int64) Intent {
			plan := o
			plan.ID = number
			return Intent{Plan: &plan, Run: planRun(plan, number, check.StepPlan, c), Posts: []message.Post{env.Plans.Planning(plan)}}
		},
	}
}

// planRun is a run that works for a plan. It is asked for by whoever asks now.
func planRun(plan fix.Order, number int64, step check.Step, c Call) *check.Order {
	return &check.Order{
		ID: number, Title: plan.Ref(), Words: "check " + plan.Check, Checks: []string{plan.Check},
		Channel: plan.Channel, Thread: plan.Thread, AskedBy: c.Request.Actor.User, AskedAt: c.Request.At, Request: c.ID,
		Step: step, Plan: plan.ID,
	}
}

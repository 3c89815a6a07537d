package commands

import (
	"context"
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
			one, from, err := toFix(ctx, env, c)
			if err != nil {
				return nil, err
			}
			return planRights(env, wanted(one, from, c)), nil
		},
		Prepare: func(ctx context.Context, c Call) (Prepared, error) {
			one, from, err := toFix(ctx, env, c)
			if err != nil {
				return Prepared{}, err
			}
			o, err := fixOrder(env, c, one, from)
			if err != nil {
				return Prepared{}, err
			}
			if c, err = heldFor(ctx, env, c, from.incident()); err != nil {
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

// origin is where a wish to fix comes from; both may be nil.
type origin struct {
	run  *check.Run // the run that found it
	plan *fix.Plan  // the plan that is to be made again
}

// incident is the one that it belongs to; 0: none.
func (o origin) incident() int64 {
	switch {
	case o.run != nil:
		return o.run.Incident
	case o.plan != nil:
		return o.plan.Incident
	}
	return 0
}

// toFix reads which check is meant: by its name, as one check of a run, as the
// button "Preview fix" says it, or as a plan that is to be made again, as the
// button "New preview" does. Then the run or the plan is given as well.
func toFix(ctx context.Context, env Env, c Call) (check.Check, origin, error) {
	example := fixExamples(env)[0]
	if len(c.Args) != 1 {
		return check.Check{}, origin{}, badInput("Which check's findings should be repaired? Name one.").try(example)
	}
	name := strings.ToLower(c.Args[0])
	var from origin
	_, named := env.Catalog.ByName()[name]
	switch {
	case named: // whatever it looks like
	case strings.Contains(name, "/"):
		run, only, err := findRun(ctx, env.Archive, c, "fix")
		if err != nil {
			return check.Check{}, from, err
		}
		name, from.run = only, &run
	case fix.IsRef(name):
		p, _, err := findPlan(ctx, env, c, "fix")
		if err != nil {
			return check.Check{}, from, err
		}
		if p.Undoes > 0 {
			return check.Check{}, from, badInput("%s takes another plan back; ask for that again instead.", p.Ref()).try("undo " + fix.Ref(p.Undoes))
		}
		name, from.plan = p.Check, &p
	}
	one, known := env.Catalog.ByName()[name]
	switch {
	case known:
		return one, from, nil
	case slices.Contains(env.Catalog.Domains(), name):
		checks, _, _ := env.Catalog.Select(name) // the domain exists
		return check.Check{}, from, badInput("A fix is for one check at a time; %s has %s.", name, strings.Join(names(checks), ", ")).try("fix " + checks[0].Name)
	}
	return check.Check{}, from, unknownCheckFor(env.Catalog, "fix", name)
}

// fixOrder is the plan as it was asked for, if it may be asked for like this.
func fixOrder(env Env, c Call, one check.Check, from origin) (fix.Order, error) {
	declared, err := fixable(env, c, one)
	if err != nil {
		return fix.Order{}, err
	}
	if from.run != nil && passed(*from.run, one.Name) {
		return fix.Order{}, badInput("%s passes in %s: there is nothing to fix.", one.Title, from.run.Ref()).try("check " + one.Name)
	}
	o := wanted(one, from, c)
	before := ""
	if from.plan != nil {
		before = from.plan.Mode
	}
	if err := fixFlags(&o, c, declared, before); err != nil {
		return fix.Order{}, err
	}
	if one.Kind == kindRestore && o.Argument == "" && !timeless(env, one) {
		return fix.Order{}, noMoment(env, one)
	}
	if from.run != nil && from.run.Channel == c.Request.Channel {
		o.Under = runs.HeadKey(from.run.ID)
	}
	return o, nil
}

// wanted is the plan as the words ask for it, before they are judged.
func wanted(one check.Check, from origin, c Call) fix.Order {
	o := fix.Order{Check: one.Name, Domain: one.Domain}
	if from.plan != nil {
		o = again(*from.plan, one, c)
	}
	if c.Flags.Changed("mode") {
		o.Mode, _ = c.Flags.GetString("mode")
	}
	return o
}

// fixable is the fix of a check, if plans of it can be asked for here.
func fixable(env Env, c Call, one check.Check) (fix.Declared, error) {
	declared, ok := env.Fixes[one.Name]
	switch {
	case c.Place.Shared:
		return declared, badInput("This channel is shared with another organisation, so no row data and no fixes here. Use a private channel.")
	case c.Request.Channel == "":
		return declared, badInput("I do not know in which channel to answer; ask in a channel.").try("fix " + one.Name)
	case !ok:
		return declared, noFix(env, one)
	case declared.Applier == nil || declared.Planner == nil:
		return declared, badInput("Fixes are off for %s: %s.", one.Place, off(declared))
	}
	return declared, nil
}

func noFixOfLag(env Env, one check.Check) *InputError {
	bad := badInput("What a consumer has not read yet cannot be repaired: it has to read on. What it gave up on can be sent again.")
	if letters := ofKind(env.Catalog, kindLetters); len(letters) > 0 {
		return bad.try(naming(env, letters[0], "events dlq"))
	}
	return bad.try("events lag " + one.Name)
}

// off says why nothing can be written where a fix would.
func off(declared fix.Declared) string {
	if declared.Off != "" {
		return declared.Off
	}
	return "the config gives no write access for it"
}

// again is the order of an earlier plan once more, with all that was said then. It
// stands where that one stands.
func again(p fix.Plan, one check.Check, c Call) fix.Order {
	o := fix.Order{
		Check: one.Name, Domain: one.Domain, Mode: p.Mode, Argument: p.Argument, Limit: p.Limit,
		Select: p.Select, From: p.From, To: p.To, Rate: p.Rate,
	}
	if p.Channel == c.Request.Channel {
		o.Under = p.Under
	}
	return o
}

func passed(run check.Run, name string) bool {
	return slices.ContainsFunc(run.Findings, func(f check.Finding) bool { return f.Check == name && f.Verdict == check.Pass })
}

// startPlan prepares a plan and the run that works it out, which has the same
// number.
func startPlan(env Env, c Call, o fix.Order) Prepared {
	o.Channel, o.ResponseURL = c.Request.Channel, c.Request.ResponseURL
	o.AskedBy, o.AskedAt, o.Request, o.Incident = c.Request.Actor.User, c.Request.At, c.ID, c.Incident
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
		Step: step, Plan: plan.ID, Incident: plan.Incident,
	}
}

package commands

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// The ways of a fix that sends records on.
const (
	modeReplay     = "replay"
	modeQuarantine = "quarantine"
	modeAggregate  = "aggregate"
)

// fastest is more than any plan is asked to send in a second.
const fastest = 1_000_000

// eventsReplayCommand asks for a plan that sends dead letters on, or aside. It
// sends nothing itself.
func eventsReplayCommand(env Env) Command {
	return Command{
		Name: "events replay", Under: "events", Kind: kindLetters, Args: "[check]",
		Summary:  "preview sending dead letters on again; nothing is sent before somebody confirms it",
		Examples: examplesOf(env, "events replay", kindLetters, "--match error=NullPointer --limit 100"),
		General:  "fix:any",
		Flags: func(set *pflag.FlagSet) {
			set.StringArray("match", nil, "key=o-17")
			set.String("since", "", "2h")
			set.Int("rate", 0, "100")
			set.Int("limit", 0, "100")
			set.Bool("quarantine", false, "put them aside in the quarantine topic instead")
		},
		Needs: needsOf(env, kindLetters, "events replay", "fix"),
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			one, err := oneCheck(env, c, kindLetters, "events replay")
			if err != nil {
				return Prepared{}, err
			}
			declared, err := fixable(env, c, one)
			if err != nil {
				return Prepared{}, err
			}
			o, err := replayOrder(env, c, one, declared)
			if err != nil {
				return Prepared{}, err
			}
			return startPlan(env, c, o), nil
		},
	}
}

func replayOrder(env Env, c Call, one check.Check, declared fix.Declared) (fix.Order, error) {
	o := fix.Order{Check: one.Name, Domain: one.Domain, Mode: modeReplay}
	if aside, _ := c.Flags.GetBool("quarantine"); aside {
		o.Mode = modeQuarantine
	}
	if !slices.Contains(declared.Planner.Modes(), o.Mode) {
		return o, badInput("The fix of %s does not allow %s; its config allows %s.", one.Name, o.Mode, strings.Join(declared.Planner.Modes(), ", ")).try("fix " + one.Name)
	}
	var err error
	example := naming(env, one, "events replay")
	if o.Select, err = selecting(env, c, example); err != nil {
		return o, err
	}
	if o.Rate, err = numberFlag(c, "rate", fastest, example+" --rate 100"); err != nil {
		return o, err
	}
	if err := limitFlag(&o, c, declared); err != nil {
		return o, err.try(example + " --limit 100")
	}
	var ago check.Options
	if bad := sinceFlag(c, &ago); bad != nil {
		return o, bad.try(example + " --since 2h")
	}
	if ago.Since > 0 {
		o.From = env.Now().Add(-ago.Since)
	}
	return o, nil
}

// eventsAggregateCommand asks for a plan that sends one aggregate's events again
// from where its service keeps them.
func eventsAggregateCommand(env Env) Command {
	example := aggregateExample(env)
	return Command{
		Name: "events replay-aggregate", Under: "events", Kind: kindLetters, Args: "<id>",
		Summary:  "preview sending one aggregate's events again from the event store, in their order",
		Examples: []string{example, example + " --from 2026-11-21T10:00:00Z"},
		General:  "fix:any",
		Flags: func(set *pflag.FlagSet) {
			set.String("from", "", "2026-11-21T10:00:00Z")
			set.String("to", "", "2026-11-22")
			set.Int("rate", 0, "100")
			set.String("check", "", "failed-events")
		},
		Needs: func(_ context.Context, c Call) ([]authz.Permission, error) {
			one, err := aggregateCheck(env, c)
			if err != nil {
				return nil, err
			}
			return []authz.Permission{authz.Permission("fix:" + one.Domain)}, nil
		},
		Prepare: func(_ context.Context, c Call) (Prepared, error) {
			one, err := aggregateCheck(env, c)
			if err != nil {
				return Prepared{}, err
			}
			declared, err := fixable(env, c, one)
			if err != nil {
				return Prepared{}, err
			}
			if !slices.Contains(declared.Planner.Modes(), modeAggregate) {
				return Prepared{}, badInput("The fix of %s names no event store to read from (event_store, and aggregate among its modes).", one.Name).try(naming(env, one, "events replay"))
			}
			o, err := aggregateOrder(env, c, one)
			if err != nil {
				return Prepared{}, err
			}
			return startPlan(env, c, o), nil
		},
	}
}

// aggregateCheck is the check whose fix knows the event store.
func aggregateCheck(env Env, c Call) (check.Check, error) {
	able := withEventStore(env)
	if len(c.Args) != 1 || c.Args[0] == "" {
		return check.Check{}, badInput("Which aggregate? Give one id.").try(aggregateExample(env))
	}
	if word, _ := c.Flags.GetString("check"); word != "" {
		return checkOfKind(env.Catalog, kindLetters, "events replay-aggregate o-17 --check", word)
	}
	switch len(able) {
	case 0:
		return check.Check{}, badInput("The config names no event store: a check of kind %s whose fix has event_store; config.example.yaml shows one.", kindLetters).try("help events")
	case 1:
		return able[0], nil
	}
	return check.Check{}, badInput("Which event store? It belongs to the fix of one of %s.", strings.Join(names(able), ", ")).try(aggregateExample(env))
}

// withEventStore are the checks whose fix knows one, as far as that is known of a
// fix that is off.
func withEventStore(env Env) []check.Check {
	var able []check.Check
	for _, one := range ofKind(env.Catalog, kindLetters) {
		declared, ok := env.Fixes[one.Name]
		if ok && (declared.Planner == nil || slices.Contains(declared.Planner.Modes(), modeAggregate)) {
			able = append(able, one)
		}
	}
	return able
}

// aggregateExample names a check where there are several, of which preferred is
// one.
func aggregateExample(env Env, preferred ...check.Check) string {
	able := withEventStore(env)
	if len(able) < 2 {
		return "events replay-aggregate o-17"
	}
	return "events replay-aggregate o-17 --check " + append(preferred, able...)[0].Name
}

func aggregateOrder(env Env, c Call, one check.Check) (fix.Order, error) {
	example := aggregateExample(env, one)
	o := fix.Order{Check: one.Name, Domain: one.Domain, Mode: modeAggregate, Argument: c.Args[0]}
	for _, bound := range []struct {
		name string
		at   *time.Time
	}{{"from", &o.From}, {"to", &o.To}} {
		text, _ := c.Flags.GetString(bound.name)
		if !c.Flags.Changed(bound.name) {
			continue
		}
		t, ok := moment(text)
		if !ok {
			return o, badInput("--%s: \"%s\" is not a time; write 2026-11-21T10:00:00Z, or 2026-11-21 for its midnight in UTC.", bound.name, clip(text)).try(example + " --from 2026-11-21T10:00:00Z")
		}
		*bound.at = t
	}
	if !o.From.IsZero() && !o.To.IsZero() && !o.From.Before(o.To) {
		return o, badInput("--to must be later than --from; nothing lies between them.").try(example + " --from 2026-11-21T10:00:00Z --to 2026-11-21T11:00:00Z")
	}
	var err error
	o.Rate, err = numberFlag(c, "rate", fastest, example+" --rate 100")
	return o, err
}

// moment reads a time as people type it. Without a zone it is UTC.
func moment(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, strings.ToUpper(text)); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

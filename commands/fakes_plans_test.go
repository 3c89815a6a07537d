package commands_test

import (
	"context"
	"strings"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/look"
)

func fewRuns() map[int64]check.Run {
	return map[int64]check.Run{
		7: {
			Order: check.Order{ID: 7, Title: "Orders", Channel: "C1", Checks: []string{"orphaned-orders", "order-totals"}, Words: "check orders"}, State: check.Running,
			Findings: []check.Finding{{Check: "orphaned-orders", Verdict: check.Pass}},
		},
		8: {
			Order: check.Order{ID: 8, Title: "Stock", Channel: "C1", Checks: []string{"product-stock"}}, State: check.Done,
			Findings: []check.Finding{{Check: "product-stock", Verdict: check.Fail}},
		},
		9: {Order: check.Order{ID: 9, Title: "Old", Channel: "C1", Checks: []string{"removed-check"}}, State: check.Done},
		10: {Order: check.Order{
			ID: 10, Title: "Failed events", Channel: "C1", Checks: []string{"failed-events"}, Step: check.StepExport,
			Select: []string{"key=o-17"}, Limit: 5, Options: check.Options{Since: time.Hour},
		}, State: check.Failed},
		11: {Order: check.Order{
			ID: 11, Title: "Logs", Channel: "C1", Step: check.StepLook, Look: "logs", Right: "look:logs", Words: "logs --grep x", Grep: "x",
			Options: check.Options{Since: time.Hour},
		}, State: check.Running},
		12: {Order: check.Order{
			ID: 12, Title: "Cached values", Channel: "C1", Step: check.StepLook, Look: "cache get", Right: "look:cache",
			Select: []string{"customer:1"}, Checks: []string{"customer-cache"},
		}, State: check.Done},
		13: {Order: check.Order{ID: 13, Title: "Diagnosis", Channel: "C1", Step: check.StepLook, Look: "diagnose", Domain: "orders", Right: "diagnose:orders"}, State: check.Done},
		31: {Order: check.Order{ID: 31, Channel: "C1", Checks: []string{"orphaned-orders"}, Step: check.StepPlan, Plan: 31, AskedBy: "U1ALICE"}, State: check.Running},
	}
}

// fewPlans are one in each state that matters, all asked for by Alice.
func fewPlans() map[int64]fix.Plan {
	plans := map[int64]fix.Plan{}
	add := func(id int64, state fix.State, change func(*fix.Plan)) {
		p := fix.Plan{
			Order: fix.Order{ID: id, Check: "orphaned-orders", Domain: "orders", Channel: "C1", AskedBy: "U1ALICE"},
			State: state, Draft: fix.Draft{Does: "delete 30 orders", Button: "change 30 orders", Rows: 30, Total: 30, Place: "production/shop"},
			Hash: "hash", Digest: "digest", Batches: 1, Expires: noon.Add(5 * time.Minute),
		}
		if change != nil {
			change(&p)
		}
		plans[id] = p
	}
	decided := func(p *fix.Plan) { p.DecidedBy, p.DecidedAt, p.Run = "U1BOB", noon.Add(-time.Minute), 40 }
	add(31, fix.Planning, func(p *fix.Plan) { p.Hash, p.Draft = "", fix.Draft{} })
	add(32, fix.Waiting, nil)
	add(33, fix.Waiting, func(p *fix.Plan) { p.Second, p.Why = true, "over 500 rows" })
	add(34, fix.Waiting, func(p *fix.Plan) { p.Expires = noon })
	add(35, fix.Waiting, func(p *fix.Plan) { p.Digest = "another" })
	add(36, fix.Applying, decided)
	add(37, fix.Applied, decided)
	add(38, fix.Cancelled, decided)
	add(39, fix.Expired, func(p *fix.Plan) {
		p.Check, p.Domain, p.Mode, p.Limit, p.Rate, p.Under = "failed-events", "events", "quarantine", 7, 50, "run/8"
		p.Select, p.From, p.To = []string{"key=o-17"}, noon.Add(-time.Hour), noon
	})
	add(40, fix.Expired, func(p *fix.Plan) { p.Undoes = 37 })
	add(41, fix.Expired, func(p *fix.Plan) {
		p.Check, p.Domain, p.Mode, p.Argument, p.From = "failed-events", "events", "aggregate", "o-17", noon.Add(-time.Hour)
	})
	add(43, fix.Waiting, func(p *fix.Plan) {
		p.Check, p.Domain, p.Mode, p.Draft.Typed, p.Second, p.Why = "customer-cache", "cache", "flush", "production/cache", true, "a flush always needs a second person"
	})
	add(44, fix.Expired, func(p *fix.Plan) { p.Check, p.Domain, p.Mode = "customer-cache", "cache", "flush" })
	add(45, fix.Expired, func(p *fix.Plan) {
		p.Check, p.Domain, p.Mode, p.Select = "customer-cache", "cache", "clear", []string{"key=a"}
	})
	add(42, fix.Expired, func(p *fix.Plan) { p.Mode, p.Argument = "attach", "c-1" })
	return plans
}

// ways is a Planner that only knows its modes.
type ways []string

func (w ways) Modes() []string { return w }

func (ways) Draft(context.Context, fix.Order, fix.Caps, func(check.Progress)) (fix.Draft, error) {
	panic("a command works no plan out")
}

// idle is an Applier that must not be called by a command.
type idle struct{ fix.Applier }

func fewFixes() fix.Catalog {
	return fix.Catalog{
		"orphaned-orders": {
			Check: catalog[0], Digest: "digest", Planner: ways{"delete", "attach"}, Applier: idle{},
			Rules: fix.Rules{Caps: fix.Caps{Rows: 10_000, Share: 0.05}, SecondOver: 500, Expiry: 10 * time.Minute},
		},
		"product-stock": {Check: catalog[2], Digest: "digest", Off: "the config gives no write access for it (targets.shop.postgres.fix_dsn)"},
		"failed-events": {
			Check: catalog[5], Digest: "digest", Planner: ways{"replay", "quarantine", "aggregate"}, Applier: idle{},
			Rules: fix.Rules{Caps: fix.Caps{Rows: 10_000, Share: 1}, SecondOver: 500, Expiry: 10 * time.Minute},
		},
		"customer-cache":   way(6, ways{"clear", "flush"}, map[string]fix.Way{"flush": {Right: "cache:flush", Second: "a flush always needs a second person"}}),
		"blocked-sessions": way(7, ways{"cancel", "terminate"}, map[string]fix.Way{"terminate": {Right: "locks:terminate"}}),
		"writers": way(8, ways{"read-only", "scale", "resume"}, map[string]fix.Way{
			"read-only": {Right: "writes:stop"}, "scale": {Right: "writes:stop"}, "resume": {Right: "writes:resume"},
		}),
		"backup": way(9, ways{"restore"}, map[string]fix.Way{"restore": {Right: "restore:run"}}),
	}
}

// way is a fix some of whose ways ask for more.
func way(of int, modes ways, more map[string]fix.Way) fix.Declared {
	return fix.Declared{
		Check: catalog[of], Digest: "digest", Planner: modes, Applier: idle{},
		Rules: fix.Rules{Caps: fix.Caps{Rows: 10_000, Share: 1}, SecondOver: 500, Expiry: 10 * time.Minute, Ways: more},
	}
}

// blind is a Looker that must not be called by a command.
type blind struct{ look.Looker }

func fewLooks() look.Catalog {
	all := look.Catalog{}
	for name, title := range map[string]string{
		"logs": "Logs", "events logs": "Logs about events", "changes": "Changes", "db conflicts": "Conflicts",
		"cache get": "Cached values", "cache ttl": "Expiry", "cache scan": "Keys", "diagnose": "Diagnosis",
	} {
		all[name] = look.Look{Name: name, Title: title, Place: "production", Looker: blind{}}
	}
	return all
}

// selection understands keys alone.
func selection(words []string) error {
	for _, w := range words {
		if !strings.HasPrefix(w, "key=") {
			return &check.Problem{Sentence: "I do not understand \"" + w + "\"; write key=o-17."}
		}
	}
	return nil
}

// migrations is a Preventer.
type migrations struct{}

func (migrations) Prevent(_ context.Context, name string) (commands.Prevention, error) {
	if name == "order-totals" {
		return commands.Prevention{}, &check.Problem{Sentence: "Postgres production/shop did not answer in 5 s."}
	}
	return commands.Prevention{Title: "Foreign key", Name: "V__fk.sql", SQL: "ALTER TABLE orders …;\n", Notes: []string{"NULL is let pass."}}, nil
}

package diagnose

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/look"
)

// now is when the constructed situations are looked at.
func now() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

// ago is a time before that.
func ago(d time.Duration) time.Time { return now().Add(-d) }

// world is a situation: what all steps saw. It begins healthy.
type world struct {
	steps  []stepSeen
	kinds  []look.Kind // of change that can be seen
	noRows bool
	told   time.Time
	toldBy string
}

func changeKinds() []look.Kind {
	return []look.Kind{look.Rollout, look.ConfigEdit, look.Scaling, look.Migration}
}

// catalog are the checks of a shop.
func catalog() check.Catalog {
	return check.Catalog{
		{Name: "orphaned-orders", Title: "Orphaned orders", Domain: "orders", Kind: kindOrphans, Noun: "orders", Target: "shop"},
		{Name: "order-totals", Title: "Order totals", Domain: "orders", Kind: kindTotals, Noun: "orders", Target: "shop"},
		{Name: "order-payments", Title: "Payments", Domain: "payments", Kind: kindMatch, Noun: "orders", Target: "shop"},
		{Name: "duplicate-emails", Title: "Duplicate customers", Domain: "customers", Kind: kindDuplicates, Noun: "customers", Target: "shop"},
		{Name: "negative-totals", Title: "Negative totals", Domain: "orders", Kind: "rows", Noun: "orders", Target: "shop"},
		{Name: "foreign-keys", Title: "Foreign keys", Domain: "schema", Kind: kindForeignKeys, Noun: "rows", Target: "shop"},
		{Name: "verify-orders", Title: "As the runbook verifies", Domain: "verification", Kind: "query", Target: "shop", OnRequest: true},
		{Name: "consumer-lag", Title: "Consumer lag", Domain: "events", Kind: kindLag, Noun: "partitions", Target: "events"},
		{Name: "failed-events", Title: "Failed events", Domain: "events", Kind: kindLetters, Noun: "dead letters", Target: "events"},
		{Name: "customer-cache", Title: "Customer cache", Domain: "cache", Kind: kindCache, Noun: "values", Target: "cache"},
		{Name: "blocked-sessions", Title: "Blocked sessions", Domain: "locks", Kind: kindLocks, Noun: "sessions", Target: "shop"},
		{Name: "writers", Title: "Writers", Domain: "writes", Kind: "writers", Target: "cluster"},
	}
}

// fixes are declared for all of them but two.
func fixes() fix.Catalog {
	out := fix.Catalog{}
	for _, c := range catalog() {
		if c.Name != "negative-totals" && c.Name != "consumer-lag" {
			out[c.Name] = fix.Declared{Check: c, Planner: planner{modes: modesOf(c.Kind)}, Applier: applier{}}
		}
	}
	return out
}

// planner and applier are there; a diagnosis never asks them for anything but modes.
type (
	planner struct {
		fix.Planner
		modes []string
	}
	applier struct{ fix.Applier }
)

func (p planner) Modes() []string { return p.modes }

func modesOf(kind string) []string {
	if kind == kindWriters {
		return []string{modeReadOnly, modeScale, "resume"}
	}
	return []string{"declared"}
}

// healthy is a shop where everything answers and nothing is wrong.
func healthy() *world {
	w := &world{kinds: changeKinds()}
	scanned := map[string]int64{
		"orphaned-orders": 3_000_000, "order-totals": 3_000_000, "order-payments": 2_700_000, "duplicate-emails": 500_000,
		"negative-totals": 3_000_000, "foreign-keys": 12_000_000, "consumer-lag": 12, "failed-events": 0, "customer-cache": 50_000, "blocked-sessions": 40,
	}
	for _, s := range Steps() {
		w.steps = append(w.steps, stepSeen{step: s, took: 2 * time.Second})
	}
	for _, c := range catalog() {
		step, ok := stepOf(c.Kind)
		if !ok || c.OnRequest {
			continue
		}
		w.at(step).findings = append(w.at(step).findings, judged{of: c, Finding: check.Finding{
			Check: c.Name, Verdict: check.Pass, Started: ago(3 * time.Second), Duration: time.Second, Result: check.Result{Scanned: scanned[c.Name]},
		}})
	}
	for name, step := range map[string]Step{"logs": Scope, "db conflicts": Scope, "events logs": Events, "changes": Changes, "locks": Races} {
		w.at(step).done = append(w.at(step).done, name)
		w.at(step).whole = append(w.at(step).whole, name)
	}
	w.sees(Scope,
		look.Fact{Kind: look.Deadlocks, Subject: "production/shop", At: ago(30 * day), Says: "0 deadlocks on production/shop"},
		look.Fact{Kind: look.Rollbacks, Subject: "production/shop", Count: 1_200, Of: 3_000_000, Says: "0.04 % of transactions on production/shop rolled back"},
		look.Fact{Kind: look.Checksums, Subject: "production/shop", Says: "0 checksum failures on production/shop"})
	w.sees(Races, look.Fact{Kind: look.Blocked, Says: "no blocked sessions"}, look.Fact{Kind: look.Writers, Of: 40, Says: "nobody writes to a table just now"})
	return w
}

func stepOf(kind string) (Step, bool) {
	switch kind {
	case kindLag, kindLetters:
		return Events, true
	case kindCache:
		return Cache, true
	case kindLocks:
		return Races, true
	}
	return Data, check.JudgesRows(kind)
}

func (w *world) at(s Step) *stepSeen {
	return &w.steps[slices.IndexFunc(w.steps, func(one stepSeen) bool { return one.step == s })]
}

func (w *world) check(name string) *judged {
	for i := range w.steps {
		for j := range w.steps[i].findings {
			if w.steps[i].findings[j].Check == name {
				return &w.steps[i].findings[j]
			}
		}
	}
	panic("no check " + name)
}

// change is something that is put into a world.
type change func(*world)

func situation(changes ...change) *world {
	w := healthy()
	for _, c := range changes {
		c(w)
	}
	return w
}

// fails lets a check find rows that went bad between two times; zero: not known.
func fails(name string, rows int64, first, last time.Time) change {
	return func(w *world) {
		f := w.check(name)
		f.Verdict, f.Tally.Rows, f.Tally.First, f.Tally.Last = check.Fail, rows, first, last
		f.Result.Scanned = max(f.Result.Scanned, rows)
		f.Tally.Examples = []check.Example{{Values: []string{"o-1"}}}
	}
}

// classed sorts what a check found.
func classed(name string, classes map[string]int64) change {
	return func(w *world) { w.check(name).Tally.Classes = classes }
}

func said(name, says string) change { return func(w *world) { w.check(name).Result.Says = says } }

func scanned(name string, n int64) change {
	return func(w *world) { w.check(name).Result.Scanned = n }
}

// letters are dead letters of one error.
func letters(n int64, first, last time.Time) change {
	return func(w *world) {
		fails("failed-events", n, first, last)(w)
		classed("failed-events", map[string]int64{"OrderCreated/NullPointer": n - n/30, "TimeoutException": n / 30})(w)
	}
}

// mute lets a check not answer.
func mute(name, reason string) change {
	return func(w *world) {
		f := w.check(name)
		f.Verdict, f.Reason, f.Result = check.Unknown, reason, check.Result{}
	}
}

// silent lets a look not answer: its facts go, and it says why.
func silent(s Step, name, reason string, kinds ...look.Kind) change {
	return func(w *world) {
		at := w.at(s)
		at.done = slices.DeleteFunc(at.done, func(n string) bool { return n == name })
		at.whole = slices.DeleteFunc(at.whole, func(n string) bool { return n == name })
		at.facts = slices.DeleteFunc(at.facts, func(f look.Fact) bool { return slices.Contains(kinds, f.Kind) })
		at.missing = append(at.missing, reason)
	}
}

// partly lets a look answer in part.
func partly(s Step, name, missing string) change {
	return func(w *world) {
		at := w.at(s)
		at.whole = slices.DeleteFunc(at.whole, func(n string) bool { return n == name })
		at.missing = append(at.missing, missing)
	}
}

// noLook takes a look away as if it were not set up.
func noLook(s Step, name string, kinds ...look.Kind) change {
	return func(w *world) {
		silent(s, name, "", kinds...)(w)
		at := w.at(s)
		at.missing = at.missing[:len(at.missing)-1]
		at.lacking, at.without = append(at.lacking, name), append(at.without, name)
	}
}

// secondLocks is a second check of locks, of another database.
func secondLocks(v check.Verdict) change {
	return func(w *world) {
		f := judged{of: check.Check{Name: "blocked-b", Title: "Blocked B", Kind: kindLocks}, Finding: check.Finding{Check: "blocked-b", Verdict: v}}
		if v == check.Unknown {
			f.Reason = "Postgres b does not answer."
		}
		w.at(Races).findings = append(w.at(Races).findings, f)
	}
}

// told is what a run that failed earlier has told.
func told(since time.Time, by string) change {
	return func(w *world) { w.told, w.toldBy = since, by }
}

// sees adds facts in place of what said that there is none of their kind.
func sees(s Step, facts ...look.Fact) change { return func(w *world) { w.sees(s, facts...) } }

func (w *world) sees(s Step, facts ...look.Fact) {
	at := w.at(s)
	for _, f := range facts {
		at.facts = slices.DeleteFunc(at.facts, func(old look.Fact) bool { return old.Kind == f.Kind && old.Count == 0 && !dated(f.Kind) })
		at.facts = append(at.facts, f)
	}
}

func rollout(at time.Time) change {
	return sees(Changes, look.Fact{Kind: look.Rollout, Subject: "deployment/ecommerce-backend", Count: 1, At: at, Says: "rollout 41 of ecommerce-backend (image 1.8.2 → 1.8.3)"})
}

func migration(at time.Time) change {
	return sees(Changes, look.Fact{Kind: look.Migration, Subject: "flyway_schema_history", Count: 1, At: at, Says: "migration V57 by flyway (recompute totals)"})
}

func configEdit(at time.Time) change {
	return sees(Changes, look.Fact{Kind: look.ConfigEdit, Subject: "configmap/ecommerce-config", Count: 1, At: at, Says: "configmap ecommerce-config edited by client kubectl-edit"})
}

// off is a world in which a step has nothing to look at.
func off(s Step) change {
	return func(w *world) {
		*w.at(s) = stepSeen{step: s, lacking: []string{lack(s)}}
	}
}

// dead is a world in which nothing of a step answers.
func dead(s Step, why string) change {
	return func(w *world) {
		at := w.at(s)
		for i := range at.findings {
			f := &at.findings[i]
			f.Verdict, f.Reason, f.Result, f.Tally = check.Unknown, why, check.Result{}, check.Tally{}
		}
		at.facts, at.done, at.whole = nil, nil, nil
		at.missing = append(at.missing, string(s)+": "+why)
	}
}

func (w *world) evidence() evidence {
	return weighable{seen: w.steps, now: now(), logsFrom: ago(hour), changesFrom: ago(week), told: w.told, toldBy: w.toldBy, kinds: w.kinds}.evidence()
}

func (w *world) reporter() reporter {
	for i := range w.steps {
		w.steps[i].sort()
	}
	e := w.evidence()
	return reporter{
		title: "Orders", domain: "orders", noRows: w.noRows, now: now(),
		seen: w.steps, evidence: e, diagnosis: weigh(e), fixes: fixes(),
	}
}

// named are the causes that are named, each with its strength.
func (w *world) named() []string {
	out := []string{}
	for _, c := range weigh(w.evidence()).named() {
		out = append(out, string(c.cause)+": "+string(c.strength))
	}
	return out
}

func equal[T any](t *testing.T, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

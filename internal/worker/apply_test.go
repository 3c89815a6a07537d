package worker_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// manyRows need three batches.
const manyRows = 2*fix.MaxBatch + 500

// approved is a plan that was confirmed, and nobody works yet.
func approved(t testing.TB, s *store.Store, shop *target, by string, change ...func(*fix.Declared)) int64 {
	t.Helper()
	checks, with := fixing(shop, change...)
	stop := start(t, s, checks, with)
	id := wish(t, s)
	until(t, s, id, fix.Waiting)
	await(t, s, id)
	stop()
	confirm(t, s, id, by)
	return id
}

// apply works until the plan is over.
func apply(t testing.TB, s *store.Store, shop *target, id int64, change ...func(*worker.Options)) fix.Plan {
	t.Helper()
	checks, with := fixing(shop)
	stop := start(t, s, checks, append([]func(*worker.Options){with}, change...)...)
	p := over(t, s, id)
	await(t, s, p.Run)
	stop()
	return p
}

func TestAPlanIsAppliedAndVerified(t *testing.T) {
	t.Parallel()
	s, shop := open(t, database(t)), newTarget(manyRows)
	id := approved(t, s, shop, "U2")
	p := apply(t, s, shop, id)
	if p.State != fix.Applied || shop.wrong() != 0 || p.Reason != "" {
		t.Errorf("%s: %s, %d wrong", p.State, p.Reason, shop.wrong())
	}
	want := fix.Outcome{Changed: manyRows, Total: manyRows, Batches: 3, Verdict: check.Pass, Before: manyRows, Took: p.Outcome.Took}
	if diff := cmp.Diff(want, p.Outcome); diff != "" || p.Outcome.Took <= 0 {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	if got := said(t, s)[fmt.Sprintf("plan/%d", id)]; !strings.Contains(got, "applied") || !strings.Contains(got, "2,500 → 0, PASS") {
		t.Errorf("said %q", got)
	}
	if got, want := actions(t, s), []string{"plan P done", "fix.apply P intended", "fix.applied P done", "fix.verified P done"}; !cmp.Equal(unnumbered(got, p), want) {
		t.Errorf("events %v", got)
	}
	entries, err := s.Events(t.Context(), commands.EventFilter{Action: "fix.verified"})
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	if e := entries[0]; e.Before != "2500" || e.After != "0" || e.PlanHash != p.Hash || e.Actor.User != "U2" || e.Request != "click" {
		t.Errorf("the audit says %+v", e.Event)
	}
}

func unnumbered(events []string, p fix.Plan) []string {
	var out []string
	for _, e := range events {
		out = append(out, strings.ReplaceAll(e, p.Ref(), "P"))
	}
	return out
}

// made is a confirmed plan and what is around it.
type made struct {
	t     *testing.T
	store *store.Store
	dsn   string
	shop  *target
	plan  int64
}

func TestWhatWasTakenAwayBeforeTheFirstChange(t *testing.T) {
	t.Parallel()
	second := func(d *fix.Declared) { d.Rules.SecondOver = 1 }
	// who of the two may fix, and who may approve.
	may := func(fixes, approves string) authz.Policy {
		return authz.Policy{Roles: []authz.Role{
			{Name: "fixers", Users: strings.Fields(fixes), Permissions: []string{"check:orders", "fix:orders"}},
			{Name: "approvers", Users: strings.Fields(approves), Permissions: []string{"approve:orders"}},
		}}
	}
	for name, c := range map[string]struct {
		by     string
		rules  []func(*fix.Declared)
		change func(w made, o *worker.Options)
		state  fix.State
		reason string
		events string
	}{
		"the decider's right": {
			by:     "U2",
			change: func(_ made, o *worker.Options) { o.Policy = may("U1", "U1") },
			state:  fix.Refused, reason: "lost the right to (fix:orders)", events: "refused",
		},
		"the asker's right, where it takes two": {
			by: "U2", rules: []func(*fix.Declared){second},
			change: func(_ made, o *worker.Options) { o.Policy = may("U2", "U2") },
			state:  fix.Refused, reason: "Whoever asked for", events: "refused",
		},
		"the approver's right": {
			by: "U2", rules: []func(*fix.Declared){second},
			change: func(_ made, o *worker.Options) { o.Policy = may("U1 U2", "U1") },
			state:  fix.Refused, reason: "lost the right to (approve:orders)", events: "refused",
		},
		"self-approval, whatever the store says": {
			by: "U1", rules: []func(*fix.Declared){second},
			change: func(made, *worker.Options) {},
			state:  fix.Refused, reason: "it takes two people", events: "refused",
		},
		"what Slack says": {
			by: "U2",
			change: func(_ made, o *worker.Options) {
				o.Directory = &people{err: errors.New("time-out")}
			},
			state: fix.Refused, reason: "Slack did not say", events: "refused",
		},
		"the check as it was": {
			by: "U2",
			change: func(_ made, o *worker.Options) {
				d := o.Fixes["a"]
				d.Digest = "another"
				o.Fixes["a"] = d
			},
			state: fix.Refused, reason: "was declared differently since", events: "refused",
		},
		"the fix": {
			by:     "U2",
			change: func(_ made, o *worker.Options) { delete(o.Fixes, "a") },
			state:  fix.Failed, reason: "no longer declares a fix", events: "failed",
		},
		"the write access": {
			by: "U2",
			change: func(w made, _ *worker.Options) {
				w.shop.fail = func(call string, _ int) error {
					if call == "ready" {
						return &check.Problem{Sentence: "Fixes are off: it has no schema integritybot."}
					}
					return nil
				}
			},
			state: fix.Failed, reason: "it has no schema integritybot. Nothing was done.", events: "failed",
		},
		"the content": {
			by: "U2",
			change: func(w made, _ *worker.Options) {
				pgtest.Exec(w.t, w.dsn, fmt.Sprintf(`UPDATE plan_batches SET body = replace(convert_from(body, 'UTF8'), '"1"', '"2"')::bytea WHERE plan = %d`, w.plan))
			},
			state: fix.Refused, reason: "is not what was decided upon", events: "refused",
		},
		"the wish": {
			by: "U2",
			change: func(w made, _ *worker.Options) {
				stopRun(w.t, w.store, planOf(w.t, w.store, w.plan).Run)
			},
			state: fix.Cancelled, reason: "stopped before the first change", events: "done",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := database(t)
			s, shop := open(t, dsn), newTarget(3)
			id := approved(t, s, shop, c.by, c.rules...)
			p := apply(t, s, shop, id, func(o *worker.Options) {
				o.RightsWithin, o.ReadyWithin = time.Second, time.Second
				c.change(made{t, s, dsn, shop, id}, o)
			})
			if p.State != c.state || !strings.Contains(p.Reason, c.reason) {
				t.Errorf("%s: %q", p.State, p.Reason)
			}
			if shop.wrong() != 3 || shop.calls["apply"] != 0 {
				t.Error("something was changed")
			}
			if got := unnumbered(actions(t, s), p); !cmp.Equal(got, []string{"plan P done", "fix.apply P " + c.events}) {
				t.Errorf("events %v", got)
			}
			if text := said(t, s)[fmt.Sprintf("plan/%d", id)]; !strings.Contains(text, p.Ref()) || strings.Contains(text, "waiting") {
				t.Errorf("said %q", text)
			}
		})
	}
}

func TestAnApplyStopsBetweenTwoBatches(t *testing.T) {
	s, shop := open(t, database(t)), newTarget(manyRows)
	id := approved(t, s, shop, "U2")
	run := planOf(t, s, id).Run
	shop.before = func(b fix.Batch, _ int) {
		if b.N == 1 { // it is being made while somebody presses Stop
			stopRun(t, s, run)
			time.Sleep(500 * time.Millisecond)
		}
	}
	p := apply(t, s, shop, id)
	want := fix.Outcome{Changed: 2000, Total: 2000, Left: 500, Batches: 2, Verdict: check.Fail, Before: manyRows, After: 500, Took: p.Outcome.Took}
	if diff := cmp.Diff(want, p.Outcome); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	if p.State != fix.PartlyApplied || !strings.Contains(p.Reason, "It was stopped") || shop.wrong() != 500 {
		t.Errorf("%s: %q, %d wrong", p.State, p.Reason, shop.wrong())
	}
	if r := await(t, s, run); r.State != check.Stopped || r.StoppedBy != "U7" {
		t.Errorf("the run is %s by %q", r.State, r.StoppedBy)
	}
}

func TestWhatIsLockedIsTriedAgainAndWhatChangedIsLeftAlone(t *testing.T) {
	t.Parallel()
	s, shop := open(t, database(t)), newTarget(12)
	id := approved(t, s, shop, "U2")
	shop.locked["3"], shop.locked["4"] = 1, 9 // one is free at the second look
	shop.rows["5"] = "changed by somebody"
	shop.busy = []string{"replica lag 12 s (limit 5 s)"}
	p := apply(t, s, shop, id)
	want := fix.Outcome{
		Changed: 10, Total: 10, Batches: 1, Verdict: check.Fail, Before: 12, After: 1, Took: p.Outcome.Took,
		Skipped: []fix.Skip{{Table: "t", Key: []string{"4"}, Why: fix.WhyLocked}, {Table: "t", Key: []string{"5"}, Why: fix.WhyChanged}},
	}
	if diff := cmp.Diff(want, p.Outcome); diff != "" || p.State != fix.PartlyApplied {
		t.Errorf("%s, outcome (-want +got):\n%s", p.State, diff)
	}
	if shop.value("5") != "changed by somebody" {
		t.Error("what somebody changed was overwritten")
	}
}

// A living target that refuses a batch: what was before stays, and the plan says
// which and why.
func TestABatchThatTheTargetRefuses(t *testing.T) {
	t.Parallel()
	s, shop := open(t, database(t)), newTarget(manyRows)
	id := approved(t, s, shop, "U2")
	shop.fail = func(call string, n int) error {
		if call == "apply" && n >= 2 {
			return &check.Problem{Sentence: "The trigger orders_guard refuses it."}
		}
		return nil
	}
	p := apply(t, s, shop, id)
	if p.State != fix.PartlyApplied || !strings.HasPrefix(p.Reason, "The trigger orders_guard refuses it.") || p.Outcome.Left != 1500 || p.Outcome.Changed != 1000 {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
	if shop.calls["apply"] != 1+3 {
		t.Errorf("it was tried %d times", shop.calls["apply"]-1)
	}
}

// An answer that was lost: the target knows that the batch took effect.
func TestALostAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	s, shop := open(t, database(t)), newTarget(manyRows)
	id := approved(t, s, shop, "U2")
	shop.fail = func(call string, n int) error {
		switch {
		case call == "answer" && n == 2:
			return errors.New("connection reset")
		case call == "applied" && n <= 2: // it is starting again
			return errors.New("connection refused")
		}
		return nil
	}
	p := apply(t, s, shop, id)
	if p.State != fix.Applied || p.Outcome.Changed != manyRows || shop.calls["apply"] != 3 {
		t.Errorf("%s: %q, %+v, %d calls", p.State, p.Reason, p.Outcome, shop.calls["apply"])
	}
}

// A target that stays silent: nobody guesses, and it ends.
func TestATargetThatStaysSilent(t *testing.T) {
	t.Parallel()
	s, shop := open(t, database(t)), newTarget(manyRows)
	id := approved(t, s, shop, "U2")
	shop.fail = func(call string, _ int) error {
		shop.mu.Lock()
		defer shop.mu.Unlock()
		if shop.calls["answer"] >= 2 && call != "ready" {
			return &check.Problem{Sentence: "Postgres production/shop does not answer."}
		}
		return nil
	}
	p := apply(t, s, shop, id, func(o *worker.Options) { o.TargetWithin = time.Second })
	if p.State != fix.PartlyApplied || !p.Outcome.Unknown || p.Outcome.Changed != 1000 || p.Outcome.Verdict != check.Unknown ||
		!strings.Contains(p.Reason, "it is not known whether the last batch took effect") {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
	if got := actions(t, s); !strings.HasSuffix(got[2], "failed") || !strings.HasSuffix(got[3], "failed") {
		t.Errorf("events %v", got)
	}
	if text := said(t, s)[fmt.Sprintf("plan/%d", id)]; strings.Contains(text, "🟢") {
		t.Errorf("said %q", text)
	}
}

func TestAnUndoTakesThePlanBack(t *testing.T) {
	t.Parallel()
	s, shop := open(t, database(t)), newTarget(12)
	id := approved(t, s, shop, "U2")
	apply(t, s, shop, id)
	checks, with := fixing(shop)
	start(t, s, checks, with)
	back := wish(t, s, func(o *fix.Order) { o.Undoes = id })
	until(t, s, back, fix.Waiting)
	confirm(t, s, back, "U2")
	if p := over(t, s, back); p.State != fix.Applied || p.Outcome.Verdict != check.Fail || p.Outcome.After != 12 || shop.wrong() != 12 {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
	if p := planOf(t, s, id); p.State != fix.Undone || p.UndoneBy != back {
		t.Errorf("the first is %s by %d", p.State, p.UndoneBy)
	}
	if text := said(t, s)[fmt.Sprintf("plan/%d", id)]; !strings.Contains(text, "undone by "+fix.Ref(back)) {
		t.Errorf("said %q", text)
	}
	if got := actions(t, s); !slices.Contains(got, "fix.applied "+fix.Ref(back)+" done") {
		t.Errorf("events %v", got)
	}
}

// What was begun and cannot be looked up any more is never called untouched.
func TestAnApplyWhoseFixIsGoneFromTheConfig(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	s, shop := open(t, dsn), newTarget(12)
	id := approved(t, s, shop, "U2")
	pgtest.Exec(t, dsn, `UPDATE plans SET state = 'applying'`) // another process had begun
	p := apply(t, s, shop, id, func(o *worker.Options) { delete(o.Fixes, "a") })
	if p.State != fix.PartlyApplied || !p.Outcome.Unknown || !strings.Contains(p.Reason, "no longer declares a fix") || shop.wrong() != 12 {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
}

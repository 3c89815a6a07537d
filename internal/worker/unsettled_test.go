package worker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/worker"
)

// silent makes the target not answer from its second batch on, which did take
// effect or not, until it is to answer again.
func silent(shop *target, tookEffect bool, answers *atomic.Bool) {
	when := "apply"
	if tookEffect {
		when = "answer"
	}
	var quiet atomic.Bool
	shop.fail = func(call string, n int) error {
		if call == when && n == 2 {
			quiet.Store(true)
		}
		if quiet.Load() && !answers.Load() && call != "detect" && call != "draft" {
			return &check.Problem{Sentence: "Kafka production/events does not answer."}
		}
		return nil
	}
}

// A plan whose end is not known keeps what it may have sent. As soon as the target
// answers, the next one who needs to know finds out, and the message is put right.
func TestAnUnknownEndIsFoundOutBeforeTheNextPlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		effect bool
		state  fix.State
		sent   int64
	}{"it took effect": {true, fix.Applied, 700}, "it did not": {false, fix.PartlyApplied, 500}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			shop := newTopic(s, "dlq", 700)
			id := approved(t, s, shop, "U2")
			var answers atomic.Bool
			silent(shop, c.effect, &answers)
			p := apply(t, s, shop, id, func(o *worker.Options) { o.TargetWithin = time.Second })
			if p.State != fix.PartlyApplied || !p.Outcome.Unknown || !strings.Contains(p.Reason, "it is not known whether the last batch took effect") {
				t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
			}
			if diff := cmp.Diff(map[string][]fix.Span{p.Ref() + " sent": {{From: 0, To: 500}}, p.Ref() + " taken": {{From: 500, To: 700}}}, spans(t, s, "dlq")); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
			answers.Store(true)
			checks, with := fixing(shop)
			start(t, s, checks, with)
			next := wish(t, s)
			if n := until(t, s, next, fix.Waiting, fix.Failed); n.Draft.Rows != 700-c.sent {
				t.Errorf("the next plan is %s of %d letters: %s", n.State, n.Draft.Rows, n.Reason)
			}
			if p = planOf(t, s, id); p.State != c.state || p.Outcome.Unknown || p.Outcome.Total != c.sent || p.Outcome.Left != 700-c.sent {
				t.Errorf("found out: %s: %q, %+v", p.State, p.Reason, p.Outcome)
			}
			if diff := cmp.Diff(map[string][]fix.Span{p.Ref() + " sent": {{From: 0, To: c.sent}}}, spans(t, s, "dlq")); diff != "" {
				t.Errorf("held after that (-want +got):\n%s", diff)
			}
			if got := actions(t, s); !slices.Contains(got, "fix.settled "+p.Ref()+" done") {
				t.Errorf("events %v", got)
			}
			if text := said(t, s)[fmt.Sprintf("plan/%d", id)]; strings.Contains(text, "not known") {
				t.Errorf("said %q", text)
			}
		})
	}
}

// A check finds out by itself, too: what was sent is not failing.
func TestAnUnknownEndIsFoundOutBeforeTheCheck(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", 700)
	id := approved(t, s, shop, "U2")
	var answers atomic.Bool
	silent(shop, true, &answers)
	apply(t, s, shop, id, func(o *worker.Options) { o.TargetWithin = time.Second })
	checks, with := fixing(shop)
	start(t, s, checks, with)
	if r := await(t, s, ask(t, s, "a")); len(r.Findings) != 1 || r.Findings[0].Tally.Rows != 200 {
		t.Errorf("while nobody knows: %+v", r.Findings)
	}
	answers.Store(true)
	if r := await(t, s, ask(t, s, "a")); len(r.Findings) != 1 || r.Findings[0].Verdict != check.Pass {
		t.Errorf("when it is known: %+v", r.Findings)
	}
}

// What a target may have forgotten is never taken for "nothing was done".
func TestAnInterruptedPlanThatIsTooOld(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	s := open(t, dsn)
	shop := newTopic(s, "dlq", 700)
	id := approved(t, s, shop, "U2")
	var answers atomic.Bool
	silent(shop, true, &answers)
	ctx, cancel := context.WithCancel(t.Context())
	shop.before = func(b fix.Batch, _ int) {
		if b.N == 1 {
			cancel() // the whole bot goes down
		}
	}
	checks, with := fixing(shop)
	o := options(s, checks)
	with(&o)
	w, err := worker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	_ = worker.Carry(ctx, w, planOf(t, s, id).Run)
	answers.Store(true)
	pgtest.Exec(t, dsn, `UPDATE plans SET decided_at = decided_at - interval '6 days'`)
	shop.forget()
	p := apply(t, s, shop, id)
	if p.State != fix.PartlyApplied || !p.Outcome.Unknown || !strings.Contains(p.Reason, "confirmed more than 5 days ago") {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
	start(t, s, checks, with)
	await(t, s, ask(t, s, "a"))
	if diff := cmp.Diff(map[string][]fix.Span{p.Ref() + " sent": {{From: 0, To: 500}}, p.Ref() + " taken": {{From: 500, To: 700}}}, spans(t, s, "dlq")); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	if _, most := shop.sentOf(); most != 1 {
		t.Errorf("a letter was sent %d times", most)
	}
}

// unsettle makes of plans that were carried out some of which it is not known, as
// after a crash of everything.
func unsettle(t testing.TB, dsn string) {
	t.Helper()
	pgtest.Exec(t, dsn, `UPDATE plans SET state = 'partly applied', outcome = (outcome::jsonb || '{"unknown": true}')::json WHERE state = 'applied'`)
}

// A target that does not answer is asked once, however many of its plans there are,
// and a run waits for all targets together no longer than for one answer.
func TestASilentTargetDoesNotHoldUpTheCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		silent func(shop *target)
		checks []string
	}{
		"which refuses, with two plans": {func(shop *target) {
			shop.fail = func(call string, _ int) error {
				if call == "applied" {
					return &check.Problem{Sentence: "Kafka production/events does not answer."}
				}
				return nil
			}
		}, []string{"a"}},
		"which hangs, and another one": {func(shop *target) { shop.hangs = true }, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := database(t)
			s := open(t, dsn)
			shops := map[string]*target{"a": newTopic(s, "dlq", 20), "b": newTopic(s, "dlq2", 20)}
			checks, with := fixingAll(shops)
			stop := start(t, s, checks, with)
			for i := range 4 {
				id := wish(t, s, func(o *fix.Order) { o.Check, o.Limit = []string{"a", "b"}[i%2], 10 })
				until(t, s, id, fix.Waiting)
				await(t, s, confirm(t, s, id, "U2"))
			}
			stop()
			unsettle(t, dsn)
			asked := func() int { return shops["a"].asks("applied") + shops["b"].asks("applied") }
			before := asked()
			for _, shop := range shops {
				c.silent(shop)
			}
			o := options(s, checks)
			with(&o)
			o.CallWithin = 500 * time.Millisecond
			w, err := worker.New(o)
			if err != nil {
				t.Fatal(err)
			}
			run := ask(t, s, c.checks...)
			if err := worker.Carry(t.Context(), w, run); err != nil {
				t.Fatal(err)
			}
			if n := asked() - before; n != 1 {
				t.Errorf("asked %d times", n)
			}
			if r := await(t, s, run); r.State != check.Done || len(r.Findings) != len(c.checks) || r.Findings[0].Verdict != check.Pass {
				t.Errorf("%s: %+v", r.State, r.Findings)
			}
		})
	}
}

// What has no places of its own is found out, too.
func TestAnUnknownEndOfEventsIsFoundOut(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", 700)
	shop.events = true
	id := approved(t, s, shop, "U2")
	var answers atomic.Bool
	silent(shop, true, &answers)
	p := apply(t, s, shop, id, func(o *worker.Options) { o.TargetWithin = time.Second })
	if p.State != fix.PartlyApplied || !p.Outcome.Unknown || p.Outcome.Total != 500 {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
	answers.Store(true)
	checks, with := fixing(shop)
	start(t, s, checks, with)
	if p = until(t, s, id, fix.Applied); p.Outcome.Unknown || p.Outcome.Total != 700 || p.Reason != "" {
		t.Errorf("found out: %q, %+v", p.Reason, p.Outcome)
	}
	await(t, s, ask(t, s, "a"))
	settled := 0
	for _, e := range actions(t, s) {
		if e == "fix.settled "+p.Ref()+" done" {
			settled++
		}
	}
	if settled != 1 {
		t.Errorf("settled %d times", settled)
	}
}

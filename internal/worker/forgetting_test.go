package worker_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// wantForgotten: nothing was sent twice, and nobody may have what may have been sent.
func wantForgotten(t *testing.T, s *store.Store, shop *target, p fix.Plan, what string) {
	t.Helper()
	want := "Its target has forgotten " + what + " that had been sent."
	if p.State != fix.PartlyApplied || !p.Outcome.Unknown || !strings.HasPrefix(p.Reason, want) {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
	if letters, most := shop.sentOf(); letters != 500 || most != 1 {
		t.Errorf("%d letters were sent, up to %d times", letters, most)
	}
	held := map[string][]fix.Span{p.Ref() + " sent": {{From: 0, To: 500}}, p.Ref() + " taken": {{From: 500, To: 700}}}
	if shop.events {
		held = map[string][]fix.Span{}
	}
	if diff := cmp.Diff(held, spans(t, s, "dlq")); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
}

// The bot goes down in the middle of a plan, and the target forgets what it did
// of it: a group deleted, or another prefix in the config. The next process sends
// nothing of it again, then and later.
func TestATargetForgetsAPlanOfTheDead(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", 700)
	id := approved(t, s, shop, "U2")
	ctx, cancel := context.WithCancel(t.Context())
	shop.asked = func(next *fix.Batch) (string, error) {
		if next != nil && next.N == 1 {
			cancel()
		}
		return "", nil
	}
	checks, with := fixing(shop)
	o := options(s, checks)
	with(&o)
	w, err := worker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	_ = worker.Carry(ctx, w, planOf(t, s, id).Run)
	if p := planOf(t, s, id); p.State != fix.Applying {
		t.Fatalf("the plan of the dead is %s", p.State)
	}
	shop.mu.Lock()
	known, order := maps.Clone(shop.record), shop.order
	shop.mu.Unlock()
	shop.forget()
	wantForgotten(t, s, shop, apply(t, s, shop, id), "500 records")
	// The check still works, and so does the next plan: it has nothing to take.
	start(t, s, checks, with)
	if r := await(t, s, ask(t, s, "a")); len(r.Findings) != 1 || r.Findings[0].Tally.Rows != 200 {
		t.Errorf("%s: %+v", r.State, r.Findings)
	}
	if p := over(t, s, wish(t, s)); p.State != fix.Failed {
		t.Errorf("the next plan is %s of %d letters", p.State, p.Draft.Rows)
	}
	wantForgotten(t, s, shop, planOf(t, s, id), "500 records")
	// The old name is in the config again: what was sent is known, and the rest free.
	shop.mu.Lock()
	shop.record, shop.order = known, order
	shop.mu.Unlock()
	await(t, s, ask(t, s, "a"))
	if p := planOf(t, s, id); p.State != fix.PartlyApplied || p.Outcome.Unknown || p.Outcome.Total != 500 {
		t.Errorf("found out: %s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
	if diff := cmp.Diff(map[string][]fix.Span{fix.Ref(id) + " sent": {{From: 0, To: 500}}}, spans(t, s, "dlq")); diff != "" {
		t.Errorf("held in the end (-want +got):\n%s", diff)
	}
}

// The target forgets in the middle of a plan, and this process is still there: it
// notices as soon as it asks, also where no ledger has the places.
func TestATargetForgetsAPlanUnderWay(t *testing.T) {
	t.Parallel()
	for what, events := range map[string]bool{"500 records": false, "1 of its batches": true} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			shop := newTopic(s, "dlq", 700)
			shop.events = events
			id := approved(t, s, shop, "U2")
			shop.fail = func(call string, n int) error {
				if call == "apply" && n == 2 {
					shop.forget()
					return errors.New("the coordinator knows no such group")
				}
				return nil
			}
			wantForgotten(t, s, shop, apply(t, s, shop, id), what)
		})
	}
}

// A plan ended without it being known how. When the target answers again it has
// forgotten what it had confirmed: the plan stays as it is.
func TestATargetThatForgotSettlesNothing(t *testing.T) {
	t.Parallel()
	for name, events := range map[string]bool{"letters": false, "events": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			shop := newTopic(s, "dlq", 700)
			shop.events = events
			id := approved(t, s, shop, "U2")
			var answers atomic.Bool
			silent(shop, false, &answers)
			before := apply(t, s, shop, id, func(o *worker.Options) { o.TargetWithin = time.Second })
			shop.forget()
			answers.Store(true)
			asked := shop.asks("applied")
			checks, with := fixing(shop)
			start(t, s, checks, with)
			await(t, s, ask(t, s, "a"))
			if shop.asks("applied") == asked {
				t.Error("it was not asked")
			}
			if diff := cmp.Diff(before, planOf(t, s, id)); diff != "" || !before.Outcome.Unknown {
				t.Errorf("the plan (-before +after):\n%s", diff)
			}
			for _, e := range actions(t, s) {
				if strings.HasPrefix(e, "fix.settled") {
					t.Errorf("event %s", e)
				}
			}
		})
	}
}

// reluctant is a store whose ledger does not take what was sent the first times.
type reluctant struct {
	*store.Store
	left atomic.Int64
}

func (r *reluctant) NoteSent(ctx context.Context, run, epoch, plan int64, made []fix.Claim) error {
	if r.left.Add(-1) >= 0 {
		return errors.New("could not serialize access")
	}
	return r.Store.NoteSent(ctx, run, epoch, plan, made)
}

// Each batch is in the ledger before the next one is sent, even if the store does
// not take it at once.
func TestWhatWasSentIsNotedBeforeTheNextBatch(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	shop := newTopic(s, "dlq", manyRows)
	id := approved(t, s, shop, "U2")
	shop.before = func(b fix.Batch, _ int) {
		from := int64(0)
		for n := range b.N {
			from += []int64{500, 1000, 1000}[n]
		}
		if got := spans(t, s, "dlq")[fix.Ref(id)+" sent"]; from > 0 && (len(got) != 1 || got[0] != fix.Span{From: 0, To: from}) {
			t.Errorf("before batch %d the ledger has %v as sent", b.N, got)
		}
	}
	checks, with := fixing(shop)
	slow := &reluctant{Store: s}
	slow.left.Store(3)
	start(t, slow, checks, with)
	if p := over(t, s, id); p.State != fix.Applied || p.Outcome.Verdict != check.Pass || p.Outcome.Total != manyRows {
		t.Errorf("%s: %q, %+v", p.State, p.Reason, p.Outcome)
	}
	if n := shop.asks("apply"); n != 3 {
		t.Errorf("%d batches were made", n)
	}
}

package worker_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// TestTheDeadSendNothingThatWasFreed: a replica dies at every step of an apply. The
// next one goes on and ends the plan early, as the target wants it; what was not
// sent is free, and another plan sends it. Then the dead come back.
func TestTheDeadSendNothingThatWasFreed(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	_, applying := countSteps(t, s, inThree(newTopic(s, "check-0", fewRows)))
	var wards []*ward
	for at := 1; at <= applying; at++ {
		name := fmt.Sprintf("check-%d", at)
		w := &ward{name: name, shop: inThree(newTopic(s, name, fewRows)), m: newMortal(at)}
		w.plan = wish(t, s, func(o *fix.Order) { o.Check = name })
		wards = append(wards, w)
	}
	stop := survive(t, s, wards, false)
	for _, w := range wards {
		until(t, s, w.plan, fix.Waiting)
	}
	stop()
	for _, w := range wards {
		confirm(t, s, w.plan, "U2")
	}
	dieOver(t, s, wards, wards, func(w *ward) int64 { return planOf(t, s, w.plan).Run })
	stop = survive(t, s, wards, true)
	for _, w := range wards {
		if p := over(t, s, w.plan); p.State != fix.Applied && (p.State != fix.PartlyApplied || !strings.Contains(p.Reason, "canaries came back")) {
			t.Errorf("%s, step %d: %s: %s", w.name, w.m.at, p.State, p.Reason)
		}
	}
	stop()
	survive(t, s, wards, false)
	rest := map[*ward]int64{}
	for _, w := range wards {
		if planOf(t, s, w.plan).State != fix.Applied { // else it had died when all was done
			rest[w] = wish(t, s, func(o *fix.Order) { o.Check = w.name })
		}
	}
	for _, id := range rest {
		until(t, s, id, fix.Waiting)
		confirm(t, s, id, "U2")
	}
	for w, id := range rest {
		if p := over(t, s, id); p.State != fix.Applied {
			t.Errorf("%s, the rest: %s: %s", w.name, p.State, p.Reason)
		}
	}
	t.Logf("%d of %d plans were ended early", len(rest), applying)
	raise(t, wards)
	for _, w := range wards {
		for key := range w.shop.rows {
			if n := w.shop.copies[key]; n != 1 {
				t.Errorf("%s, step %d: letter %s was sent %d times", w.name, w.m.at, key, n)
			}
		}
	}
}

// survive runs a replica that lives until the test ends or stop is called.
func survive(t *testing.T, s *store.Store, all []*ward, halt bool) (stop func()) {
	t.Helper()
	o := wardOptions(s, all, nil)
	for _, d := range o.Fixes {
		if p, ok := d.Applier.(*producer); ok {
			p.halt = halt
		}
	}
	return start(t, s, o.Catalog, func(own *worker.Options) { *own = o })
}

// sentOnce: every letter was sent exactly once, and the ledger knows.
func (w *ward) sentOnce(t *testing.T) {
	t.Helper()
	w.shop.mu.Lock()
	defer w.shop.mu.Unlock()
	for key := range w.shop.rows {
		if n := w.shop.copies[key]; n != 1 {
			t.Errorf("%s, step %d: letter %s was sent %d times", w.name, w.m.at, key, n)
		}
	}
	held, err := w.shop.held(t.Context())
	want := []fix.Held{{Plan: w.plan, Hold: fix.Sent, Spans: []fix.Span{{From: 0, To: fewRows}}}}
	if diff := cmp.Diff(want, held); diff != "" || err != nil {
		t.Errorf("%s, step %d: %v, held (-want +got):\n%s", w.name, w.m.at, err, diff)
	}
}

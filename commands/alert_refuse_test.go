package commands_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestEveryRequestThatWasTurnedAwayIsCountedInTheEnd: also those after which nobody was
// turned away any more, and those before the process ended.
func TestEveryRequestThatWasTurnedAwayIsCountedInTheEnd(t *testing.T) {
	h := newHouse(t)
	a, now := h.alerts(), noon
	a.Now = func() time.Time { return now }
	recorded := func() (counts []string) {
		for _, in := range h.ledger.intents {
			counts = append(counts, in.Events[0].Error+" "+in.Events[0].Args["count"])
		}
		return counts
	}
	expect := func(when string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, recorded()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	for range 10_000 {
		a.Refuse(t.Context(), "The token is missing.")
	}
	now = now.Add(9 * time.Second)
	a.Settle(t.Context(), false)
	expect("while it is silent", "The token is missing. 1")
	now = now.Add(time.Second)
	a.Settle(t.Context(), false)
	expect("10 s later", "The token is missing. 1", "The token is missing. 9999")
	a.Settle(t.Context(), false)
	now = now.Add(time.Minute)
	a.Settle(t.Context(), true)
	expect("when nothing more came", "The token is missing. 1", "The token is missing. 9999")
	a.Refuse(t.Context(), "There is no alert in it.")
	a.Refuse(t.Context(), "There is no alert in it.")
	a.Settle(t.Context(), true)
	expect("before the process ends", "The token is missing. 1", "The token is missing. 9999", "There is no alert in it. 1", "There is no alert in it. 1")
}

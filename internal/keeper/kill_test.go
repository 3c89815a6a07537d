package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/keeper"
)

// TestAReplicaIsKilledAtEveryStep: while a channel is furnished, before and after each
// thing that the replica asks of Slack and each that it writes. Another one goes on;
// nothing is done twice, nothing is left out.
func TestAReplicaIsKilledAtEveryStep(t *testing.T) {
	w := newWorld(t, 1, func(o *keeper.Options) {
		o.Domain = func(string) (names, off []string) { return []string{"stock"}, nil }
	})
	for at := 1; ; at++ {
		i := w.declare(0, fmt.Sprintf("shop-%d", at))
		m := &mortal{at: at}
		victim := w.start(mortalStore{w.stores[0], m}, mortalRooms{w.slack, m})
		for range 2 {
			for _, pass := range passes(victim) {
				_ = pass(t.Context()) // its errors are the end of it
				w.send()
			}
		}
		if !m.killed() {
			if at < 40 {
				t.Errorf("there are %d steps only: what dies here?", at)
			}
			t.Logf("killed at %d points", at-1)
			return
		}
		w.clock.pass(time.Minute)
		w.keep(0)
		w.clock.pass(11 * time.Second)
		w.keep(0)
		w.furnished(i, "inc-"+i.Opened.Format("20060102")+"-"+i.Domain)
		w.once(i)
		if t.Failed() {
			t.Fatalf("killed at step %d", at)
		}
		w.move(i.ID, func(i incidents.Incident) incidents.Incident {
			i, err := incidents.Decline(incidents.View{Incident: i}, incidents.Wording{}, incidents.Move{By: "U1", At: w.clock.Now()}, "only a test of the bot", "")
			if err != nil {
				t.Fatal(err)
			}
			return i
		})
		w.clock.pass(2 * time.Hour) // and nobody keeps it any more
	}
}

package keeper_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/keeper"
)

// TestOneReminderForEachDueTime: a day, three replicas that look at the same time, and
// twenty restarts. Whenever an update is due, one reminder comes within a minute, and
// never a second one.
func TestOneReminderForEachDueTime(t *testing.T) {
	const step = 30 * time.Second
	w := newWorld(t, 3)
	random := rand.New(rand.NewPCG(1, 2))
	i := w.declare(0, "orders", func(d *incidents.Declaration) { d.Asked = incidents.Place{Channel: "C0OPS"} })
	due := map[time.Time]bool{}
	restartEvery := int(24*time.Hour/step) / 20
	for n := range int(24 * time.Hour / step) {
		if n > 0 && n%restartEvery == 0 {
			at := random.IntN(3)
			w.keepers[at] = w.start(w.stores[at], w.slack)
		}
		w.together(func(k *keeper.Keeper) {
			if err := k.Tick(t.Context()); err != nil {
				t.Error(err)
			}
		})
		now := w.incident(i.ID)
		for audience, c := range now.Clocks {
			if c.Due.After(w.clock.Now()) {
				continue
			}
			if w.clock.Now().Sub(c.Due) > time.Minute && !c.Reminded.Equal(c.Due) {
				t.Fatalf("%s: due %s, and at %s nobody was reminded", audience, c.Due, w.clock.Now())
			}
			due[c.Due] = true
			if random.IntN(4) == 0 { // somebody writes it
				w.move(i.ID, func(i incidents.Incident) incidents.Incident {
					next, err := i.Clone().TellNext(incidents.Move{By: "U1", At: w.clock.Now()}, audience, w.clock.Now().Add(time.Duration(10+random.IntN(50))*time.Minute))
					if err != nil {
						t.Fatal(err)
					}
					return next
				})
			}
		}
		w.clock.pass(step)
	}
	reminders := w.count(`SELECT count(*) FROM audit_events WHERE body::jsonb ->> 'action' = 'incident.remind'`)
	posts := w.count(`SELECT count(*) FROM posts WHERE key LIKE '%/remind/%'`)
	if len(due) < 20 {
		t.Errorf("only %d updates were due: nothing is tested", len(due))
	}
	if reminders != int64(len(due)) || posts != reminders {
		t.Errorf("%d were due, %d reminders on record, %d posts", len(due), reminders, posts)
	}
}

// TestOneReplicaMovesAnIncidentOn: whatever many see at once, one writes.
func TestOneReplicaMovesAnIncidentOn(t *testing.T) {
	w := newWorld(t, 3)
	w.declare(0, "orders")
	w.clock.pass(31 * time.Minute)
	var wg sync.WaitGroup
	for range 10 {
		for _, k := range w.keepers {
			wg.Go(func() {
				if err := k.Tick(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if n := w.count(`SELECT count(*) FROM audit_events WHERE body::jsonb ->> 'action' = 'incident.remind'`); n != 1 {
		t.Errorf("%d reminders", n)
	}
}

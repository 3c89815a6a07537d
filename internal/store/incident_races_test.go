package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/store"
)

// Fifty people on three replicas declare the same at once, in the same groups or not.
func TestOneIncidentOfAKey(t *testing.T) {
	stores := replicas(t, database(t))
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	ready := make(chan struct{})
	for n := range 50 {
		wg.Go(func() {
			<-ready
			_, err := stores[n%3].Record(t.Context(), fmt.Sprintf("declare-%d", n), true, func(id int64) commands.Intent {
				in := change(incident(id, "orders", ""), incident(id, "orders", "").Log("incident.declare", nil))
				in.Posts = []message.Post{post(fmt.Sprintf("declared/%d", id), "C1", "declared")}
				return in
			})
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, incidents.ErrMoved):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	close(ready)
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 49 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
	for _, query := range []string{`SELECT count(*) FROM incidents`, `SELECT count(*) FROM audit_events`, `SELECT count(*) FROM posts`, `SELECT count(*) FROM inbox`} {
		if n := count(t, stores[0], query); n != 1 {
			t.Errorf("%s: %d", query, n)
		}
	}
}

// Two hundred people change one incident at once: each change is made from what is
// true, or not at all.
func TestEveryChangeIsAppliedOnce(t *testing.T) {
	const changes = 200
	stores := replicas(t, database(t))
	i := declared(t, stores[0], "orders", "C1")
	var wg sync.WaitGroup
	for n := range changes {
		wg.Go(func() {
			s := stores[n%3]
			for {
				now := stored(t, s, i.ID)
				now.FollowUps = append(now.FollowUps, fmt.Sprint(n))
				err := record(t, s, change(now, now.Log("incident.followup", map[string]string{"n": fmt.Sprint(n)})))
				if err == nil {
					return
				}
				if !errors.Is(err, incidents.ErrMoved) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	got := stored(t, stores[1], i.ID)
	seen := map[string]bool{}
	for _, f := range got.FollowUps {
		seen[f] = true
	}
	if got.Version != changes+1 || len(got.FollowUps) != changes || len(seen) != changes {
		t.Errorf("version %d, %d changes, %d different", got.Version, len(got.FollowUps), len(seen))
	}
	if n := count(t, stores[0], `SELECT count(*) FROM audit_events WHERE action = 'incident.followup'`); n != changes {
		t.Errorf("%d events", n)
	}
}

// One who is late fails alone, and nothing of what he wanted is done.
func TestAMoverWhoIsLateHarmsNobodyInHisGroup(t *testing.T) {
	s := open(t, database(t), func(o *store.Options) { o.WriteTimeout = patience })
	old := declared(t, s, "orders", "C1")
	must(t, record(t, s, change(old)))
	var wg sync.WaitGroup
	for n := range 60 {
		wg.Go(func() {
			in := commands.Intent{Events: []audit.Event{event("help")}, Posts: []message.Post{post(fmt.Sprintf("p%d", n), "C1", "x")}}
			if late := n%20 == 7; late {
				in.Incidents = []incidents.Change{{Incident: old}}
			}
			if err := record(t, s, in); errors.Is(err, incidents.ErrMoved) != (n%20 == 7) || err != nil && n%20 != 7 {
				t.Errorf("%d: %v", n, err)
			}
		})
	}
	wg.Wait()
	if n := count(t, s, `SELECT count(*) FROM audit_events WHERE action = 'help'`); n != 57 {
		t.Errorf("%d events", n)
	}
	if n := count(t, s, `SELECT count(*) FROM posts`); n != 57 {
		t.Errorf("%d posts", n)
	}
}

// What two people do to the same incidents in another order ends, and each does all or
// nothing of it.
func TestMergingBothWaysAtOnceEnds(t *testing.T) {
	stores := replicas(t, database(t))
	one, two := declared(t, stores[0], "orders", "C1"), declared(t, stores[0], "payments", "C2")
	for round := range 20 {
		var won atomic.Int64
		var wg sync.WaitGroup
		for n := range 6 {
			wg.Go(func() {
				a, b := one, two
				if n%2 == 1 {
					a, b = two, one
				}
				err := record(t, stores[n%3], commands.Intent{Incidents: []incidents.Change{{Incident: a}, {Incident: b}}})
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, incidents.ErrMoved) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("round %d: %d won", round, won.Load())
		}
		one, two = stored(t, stores[0], one.ID), stored(t, stores[0], two.ID)
	}
}

// Whatever stands in the log behind the declaration belongs to the incident, and
// nothing before it but what was committed with it.
func TestEventsAreFilledInTheOrderOfTheLog(t *testing.T) {
	stores := replicas(t, database(t))
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			if n == 60 {
				declared(t, stores[0], "orders", "C1")
				return
			}
			if err := stores[n%3].Append(t.Context(), event("help")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	entries, err := stores[0].Events(t.Context(), commands.EventFilter{Limit: 1000})
	must(t, err)
	declaration := slices.IndexFunc(entries, func(e audit.Entry) bool { return e.Action == "incident.declare" })
	if declaration < 0 || len(entries) != 200 {
		t.Fatalf("%d events", len(entries))
	}
	for n, e := range entries { // the newest first
		filled := e.Incident != ""
		if n < declaration && !filled || n > declaration && filled && !e.At.Equal(entries[declaration].At) {
			t.Errorf("event %d (%s) is of %q", e.Seq, e.Action, e.Incident)
		}
	}
}

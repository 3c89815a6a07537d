package keeper_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/keeper"
)

// TestTheSummarySaysWhatIsStored: whatever happens, and whichever replica shows it.
func TestTheSummarySaysWhatIsStored(t *testing.T) {
	w, i := pinnedRoom(t, 3)
	c := &chance{w: w, id: i.ID, random: rand.New(rand.NewPCG(5, 6))}
	different := map[string]bool{}
	for n := range 500 {
		c.happen()
		k := w.keepers[n%3]
		if n%5 == 0 {
			for _, pass := range []func(context.Context) error{k.Tick, k.Deliver, k.Watch} {
				if err := pass(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			w.send()
		}
		if n%4 == 0 {
			w.together(func(k *keeper.Keeper) {
				if err := k.Show(t.Context()); err != nil {
					t.Error(err)
				}
			})
		} else if err := k.Show(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.send()
		w.clock.pass(time.Duration(1+c.random.IntN(5)) * time.Second)
		if n%20 != 19 {
			continue
		}
		w.clock.pass(10 * time.Second) // so long an edit may wait
		if err := k.Show(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.send()
		want := incidents.Summary(w.view(i.ID), words())
		if diff := cmp.Diff(want.PlainText(), w.desired(incidents.SummaryKey(i.ID)).Message.PlainText()); diff != "" {
			t.Fatalf("after %d events the summary does not say what is stored (-want +got):\n%s", n+1, diff)
		}
		different[want.PlainText()] = true
	}
	if len(different) < 20 {
		t.Errorf("only %d different summaries: nothing is tested", len(different))
	}
	w.oneSummary(i, 10*time.Second)
}

// oneSummary checks that one message of the channel is the summary, says what it should,
// and was never edited sooner than gap after the edit before.
func (w *world) oneSummary(i incidents.Incident, gap time.Duration) {
	w.t.Helper()
	if n := w.count(`SELECT count(*) FROM posts WHERE key LIKE '%/summary'`); n != 1 {
		w.t.Errorf("%d summaries", n)
	}
	want := w.desired(incidents.SummaryKey(i.ID)).Message.PlainText()
	pinned := w.incident(i.ID).Room.Pinned
	w.slack.with(i.Room.Channel, func(r *room) {
		if got := r.said[pinned].Text; got != want {
			w.t.Errorf("in Slack stands (-want +got):\n%s", cmp.Diff(want, got))
		}
		edits := r.edits[pinned]
		for n := 1; n < len(edits); n++ {
			if d := edits[n].Sub(edits[n-1]); d < gap {
				w.t.Errorf("edit %d came %s after the one before", n, d)
			}
		}
		if len(edits) < 20 {
			w.t.Errorf("%d edits: nothing is tested", len(edits))
		}
	})
}

// TestAnEndIsShown: however an incident ends, its summary says so, also if no replica
// ran when it ended; the final summary is posted once.
func TestAnEndIsShown(t *testing.T) {
	end := func(i incidents.Incident, status incidents.Status, at time.Time, soak time.Duration) incidents.Incident {
		i = i.Clone()
		i.Status, i.End = status, &incidents.End{By: "U1", At: at, Says: "all is well"}
		if soak > 0 {
			i.End.Soak = at.Add(soak)
		}
		return i
	}
	for _, c := range []struct {
		name   string
		status incidents.Status
		soak   time.Duration
		anew   bool // the replicas start after it
		finals int64
		says   string
	}{
		{"resolved, with a soak", incidents.Resolved, 30 * time.Minute, false, 1, "RESOLVED"},
		{"resolved, without a soak", incidents.Resolved, 0, false, 1, "RESOLVED"},
		{"declined", incidents.Declined, 0, false, 0, "DECLINED"},
		{"merged while nobody ran", incidents.Merged, 0, true, 0, "MERGED"},
		{"resolved while nobody ran", incidents.Resolved, 0, true, 1, "RESOLVED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, i := pinnedRoom(t, 1)
			w.clock.pass(time.Minute)
			w.move(i.ID, func(i incidents.Incident) incidents.Incident { return end(i, c.status, w.clock.Now(), c.soak) })
			if c.anew {
				w.keepers[0] = w.start(w.stores[0], w.slack)
			}
			w.settle()
			summary := w.desired(incidents.SummaryKey(i.ID)).Message.PlainText()
			if !strings.Contains(summary, c.says) {
				t.Errorf("the summary says:\n%s", summary)
			}
			if n := w.count(`SELECT count(*) FROM posts WHERE key LIKE '%/final/%'`); n != c.finals {
				t.Errorf("%d final summaries", n)
			}
		})
	}
}

// TestAnIncidentThatCannotBeWordedHoldsUpNoOther: a bug in one is no end of the process.
func TestAnIncidentThatCannotBeWordedHoldsUpNoOther(t *testing.T) {
	w := newWorld(t, 1)
	broken, fine := w.declare(0, "orders"), w.declare(0, "inventory")
	w.settle()
	w.clock.pass(time.Minute)
	k := w.start(panics{w.stores[0], broken.ID}, w.slack)
	w.move(fine.ID, func(i incidents.Incident) incidents.Incident { i.Lead = "U3"; return i })
	w.slack.with(w.incident(fine.ID).Room.Channel, func(r *room) { r.pins = map[string]bool{} })
	w.move(fine.ID, func(i incidents.Incident) incidents.Incident { i.Room.Pinned = ""; return i })
	if err := k.Show(t.Context()); err == nil || !strings.Contains(err.Error(), broken.Ref()) {
		t.Errorf("error %v", err)
	}
	if w.incident(fine.ID).Room.Pinned == "" {
		t.Error("the other one is not pinned")
	}
	if p := w.desired(incidents.SummaryKey(fine.ID)); !strings.Contains(p.Message.PlainText(), "U3") {
		t.Errorf("the other one says:\n%s", p.Message.PlainText())
	}
}

// panics is a store in which one incident is a bug.
type panics struct {
	keeper.Store
	id int64
}

func (p panics) IncidentFacts(ctx context.Context, id int64) (incidents.View, error) {
	if id == p.id {
		panic("a bug")
	}
	return p.Store.IncidentFacts(ctx, id)
}

// TestRunKeepsEverythingByItself: the loops, on the real clock, until they are ended.
func TestRunKeepsEverythingByItself(t *testing.T) {
	w := newWorld(t, 2, func(o *keeper.Options) { o.TickEvery = 20 * time.Millisecond })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, len(w.keepers))
	for _, k := range w.keepers {
		go func() { ended <- k.Run(ctx) }()
	}
	i := w.declare(0, "orders")
	for began := time.Now(); w.incident(i.ID).Room.Pinned == ""; time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("it is not there yet: %+v", w.incident(i.ID).Room)
		}
		w.send()
	}
	stop()
	for range w.keepers {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	w.furnished(i, "inc-20261122-orders")
}

func TestOptionsThatCannotWork(t *testing.T) {
	_, err := keeper.New(keeper.Options{TickEvery: -time.Second, Senders: -1})
	if err == nil {
		t.Fatal("no error")
	}
	got := strings.Split(strings.TrimPrefix(err.Error(), "keeper: "), "\n")
	slices.Sort(got)
	want := []string{"Senders is -1, less than 1", "TickEvery is -1s, less than 0", "no Domain", "no Holder", "no Members", "no Rooms", "no Store"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

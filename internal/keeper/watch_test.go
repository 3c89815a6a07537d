package keeper_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

// sight tells a replica that something happened to a message.
func (w *world) sight(replica int, event, channel, ts, kind string) {
	w.t.Helper()
	err := w.stores[replica].Sight(w.t.Context(), incidents.Sighting{Event: event, Channel: channel, TS: ts, Kind: kind, At: w.clock.Now()})
	if err != nil {
		w.t.Fatal(err)
	}
}

// told is what the timeline says of messages: the latest text of each, and how it stands.
func (w *world) told(id int64) map[string]string {
	w.t.Helper()
	entries, err := w.stores[0].Entries(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		state := e.Why
		if e.Gone {
			state = "gone"
		}
		if e.Withdrawn {
			state = "withdrawn"
		}
		out[e.Text] = fmt.Sprintf("%s by %s, revision %d, files %v, thread %q", state, e.Author, e.Revision, e.Files, e.Thread)
	}
	return out
}

// pinnedRoom is a world with one furnished incident.
func pinnedRoom(t testing.TB, replicas int) (*world, incidents.Incident) {
	t.Helper()
	w := newWorld(t, replicas)
	i := w.declare(0, "orders")
	w.settle()
	i = w.incident(i.ID)
	return w, i
}

func mark(r *room, ts string)   { r.said[ts].Reactions = append(r.said[ts].Reactions, "pushpin") }
func unmark(r *room, ts string) { r.said[ts].Reactions = nil }

func TestMessagesThatArePinnedOrMarkedStandOnTheTimeline(t *testing.T) {
	w, i := pinnedRoom(t, 1)
	c := i.Room.Channel
	watch := func(ts string) {
		t.Helper()
		w.sight(0, fmt.Sprint(rand.Int64()), c, ts, "whatever")
		if err := w.keepers[0].Watch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	pinned, marked, plain, reply := w.slack.say(c, "U1", "pinned"), w.slack.say(c, "U2", "marked"), w.slack.say(c, "U3", "plain"), w.slack.say(c, "U2", "reply")
	w.slack.with(c, func(r *room) {
		r.pins[pinned] = true
		mark(r, marked)
		r.said[marked].Files = []string{"graph.png https://files.example/1"}
		mark(r, reply)
		r.said[reply].Thread = plain
		r.said[plain].Reactions = []string{"eyes"}
	})
	for _, ts := range []string{pinned, marked, plain, reply, i.Room.Pinned} {
		watch(ts)
	}
	want := map[string]string{
		"pinned": `pinned by U1, revision 1, files [], thread ""`,
		"marked": `reaction by U2, revision 1, files [graph.png https://files.example/1], thread ""`,
		"reply":  fmt.Sprintf("reaction by U2, revision 1, files [], thread %q", plain),
	}
	if diff := cmp.Diff(want, w.told(i.ID)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	w.slack.with(c, func(r *room) {
		r.said[pinned].Text = "edited"
		unmark(r, marked)
		delete(r.said, reply)
	})
	for _, ts := range []string{pinned, marked, plain, reply} {
		watch(ts)
		watch(ts) // again: nothing is new
	}
	want = map[string]string{
		"edited": `pinned by U1, revision 2, files [], thread ""`,
		"marked": `withdrawn by U2, revision 2, files [graph.png https://files.example/1], thread ""`,
		"reply":  fmt.Sprintf("gone by U2, revision 2, files [], thread %q", plain),
	}
	if diff := cmp.Diff(want, w.told(i.ID)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	w.slack.with(c, func(r *room) { mark(r, marked) })
	watch(marked)
	if got := w.told(i.ID)["marked"]; got != `reaction by U2, revision 3, files [graph.png https://files.example/1], thread ""` {
		t.Error(got)
	}
	if n := w.events(i.ID, "incident.message", audit.Done); n != 7 {
		t.Errorf("%d events, want one for each revision", n)
	}
	if n := w.count(`SELECT count(*) FROM incident_sightings`); n != 0 {
		t.Errorf("%d sightings are left", n)
	}
}

// TestAMessageThatSlackDoesNotGiveHoldsUpNoOther, and is looked at again.
func TestAMessageThatSlackDoesNotGiveHoldsUpNoOther(t *testing.T) {
	w, i := pinnedRoom(t, 1)
	c := i.Room.Channel
	for n := range 45 {
		ts := w.slack.say(c, "U1", fmt.Sprintf("message %d", n))
		w.slack.with(c, func(r *room) { r.pins[ts] = true })
		w.sight(0, fmt.Sprintf("Ev%d", n), c, ts, "pin_added")
	}
	var once sync.Once
	w.slack.breaks(func(method string) (f fault) {
		if method == "message" {
			once.Do(func() { f.before = sayNo(incidents.NotNow) })
		}
		return f
	})
	if err := w.keepers[0].Watch(t.Context()); err == nil {
		t.Error("nothing failed: nothing is tested")
	}
	if n := len(w.told(i.ID)); n != 44 {
		t.Errorf("%d messages are on the timeline", n)
	}
	w.clock.pass(time.Minute)
	if err := w.keepers[0].Watch(t.Context()); err != nil || len(w.told(i.ID)) != 45 {
		t.Errorf("then %d messages, %v", len(w.told(i.ID)), err)
	}
}

// TestSlackThatAsksToWaitIsLeftAlone, with the messages that wait to be looked at.
func TestSlackThatAsksToWaitIsLeftAlone(t *testing.T) {
	w, i := pinnedRoom(t, 1)
	for n := range 45 {
		ts := w.slack.say(i.Room.Channel, "U1", fmt.Sprintf("message %d", n))
		w.sight(0, fmt.Sprintf("Ev%d", n), i.Room.Channel, ts, "pin_added")
	}
	var calls atomic.Int64
	w.slack.breaks(func(method string) fault {
		if method != "message" {
			return fault{}
		}
		calls.Add(1)
		return fault{before: &incidents.RoomError{Problem: incidents.NotNow, Sentence: "Wait.", Wait: time.Minute}}
	})
	for range 20 { // 40 seconds
		_ = w.keepers[0].Watch(t.Context())
		w.clock.pass(2 * time.Second)
	}
	if n := calls.Load(); n > 20 {
		t.Errorf("%d calls, although it asked to wait a minute", n)
	}
}

// TestSightingsComeOftenAndInAnyOrder: each four times, to three replicas, while people
// go on. The timeline says what stands in Slack, and each revision once.
func TestSightingsComeOftenAndInAnyOrder(t *testing.T) {
	w, i := pinnedRoom(t, 3)
	c, random := i.Room.Channel, rand.New(rand.NewPCG(3, 4))
	type told struct{ event, ts string }
	var events []told
	var all []string
	for n := range 20 {
		all = append(all, w.slack.say(c, "U1", fmt.Sprintf("message %d", n)))
	}
	for n := range 60 {
		ts := all[random.IntN(len(all))]
		w.slack.with(c, func(r *room) {
			if r.said[ts] == nil {
				return
			}
			switch random.IntN(6) {
			case 0, 1:
				r.pins[ts] = true
			case 2:
				delete(r.pins, ts)
			case 3:
				mark(r, ts)
			case 4:
				r.said[ts].Text += "."
			case 5:
				if n > 40 {
					delete(r.said, ts)
				}
			}
		})
		for range 4 {
			events = append(events, told{fmt.Sprintf("Ev%d", n), ts})
		}
		if n%20 != 19 {
			continue
		}
		random.Shuffle(len(events), func(a, b int) { events[a], events[b] = events[b], events[a] })
		var wg sync.WaitGroup
		for r := range 3 {
			mine := slices.Clone(events[r*len(events)/3 : (r+1)*len(events)/3])
			wg.Go(func() {
				for n, e := range mine {
					w.sight(r, e.event, c, e.ts, "whatever")
					if n%7 == 0 {
						if err := w.keepers[r].Watch(t.Context()); err != nil {
							t.Error(err)
						}
					}
				}
				if err := w.keepers[r].Watch(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		events = events[:0]
	}
	w.clock.pass(time.Minute)
	if err := w.keepers[0].Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.agrees(i, c)
}

// agrees checks that the timeline says what stands in Slack, with each revision once.
func (w *world) agrees(i incidents.Incident, c string) {
	w.t.Helper()
	entries, err := w.stores[0].Entries(w.t.Context(), i.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	got, want := map[string]string{}, map[string]string{}
	for _, e := range entries {
		if !e.Gone && !e.Withdrawn {
			got[e.Key] = e.Text
		}
	}
	w.slack.with(c, func(r *room) {
		for ts, m := range r.said {
			if !m.Ours && (r.pins[ts] || slices.Contains(m.Reactions, "pushpin")) {
				want["slack/"+c+"/"+ts] = m.Text
			}
		}
	})
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("the timeline (-want +got):\n%s", diff)
	}
	if len(want) == 0 {
		w.t.Error("nothing is on the timeline: nothing is tested")
	}
	revisions := w.count(`SELECT count(*) FROM incident_entries`)
	if n := w.events(i.ID, "incident.message", audit.Done); n != revisions {
		w.t.Errorf("%d events for %d revisions", n, revisions)
	}
	if n := w.count(`SELECT count(*) FROM (SELECT body - 'revision' - 'noted', lag(body - 'revision' - 'noted') OVER (PARTITION BY key ORDER BY revision) AS before, body
		FROM (SELECT key, revision, body::jsonb AS body FROM incident_entries) e) x WHERE before = body - 'revision' - 'noted'`); n != 0 {
		w.t.Errorf("%d revisions say the same as the one before", n)
	}
}

func TestAMissingRightToReadIsSaidOnce(t *testing.T) {
	w, i := pinnedRoom(t, 1)
	w.slack.breaks(only("message", fault{before: sayNo(incidents.NotAllowed)}))
	for n := range 3 {
		w.sight(0, fmt.Sprint(n), i.Room.Channel, "1.1", "pin_added")
		w.keep(0)
	}
	i = w.incident(i.ID)
	if i.Room.Trouble["timeline"] != "What people pin and mark is not put on the timeline. Slack says not allowed." {
		t.Errorf("trouble %v", i.Room.Trouble)
	}
	if n := w.events(i.ID, "incident.furnish", audit.Failed); n != 1 {
		t.Errorf("said %d times", n)
	}
	if n := w.count(`SELECT count(*) FROM incident_sightings`); n != 0 {
		t.Errorf("%d sightings are left", n)
	}
}

// overtaken is a workspace in which something happens once while a replica asks about a
// message: before it is answered, or before it does anything with the answer.
type overtaken struct {
	*slack
	first, then   sync.Once
	before, after func()
}

func (o *overtaken) Message(ctx context.Context, channel, ts string) (incidents.Seen, error) {
	o.first.Do(o.before)
	seen, err := o.slack.Message(ctx, channel, ts)
	o.then.Do(o.after)
	return seen, err
}

// TestAnOlderTextNeverComesAfterANewerOne: another replica writes down what it saw while
// this one looks.
func TestAnOlderTextNeverComesAfterANewerOne(t *testing.T) {
	for name, early := range map[string]bool{"it saw the older text": true, "it saw the newer text": false} {
		t.Run(name, func(t *testing.T) {
			w, i := pinnedRoom(t, 1)
			c := i.Room.Channel
			ts := w.slack.say(c, "U1", "first")
			w.slack.with(c, func(r *room) { r.pins[ts] = true })
			w.nudgeAll()
			w.slack.with(c, func(r *room) { r.said[ts].Text = "second" })
			w.sight(0, "Ev1", c, ts, "message_changed")
			edit := func() { w.slack.with(c, func(r *room) { r.said[ts].Text = "third" }) }
			o := &overtaken{slack: w.slack, before: func() {}, after: func() { edit(); w.nudgeAll() }}
			if early {
				o.before, o.after = func() { w.nudgeAll(); edit() }, func() {}
			}
			if err := w.start(w.stores[0], o).Watch(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.agrees(i, c)
		})
	}
}

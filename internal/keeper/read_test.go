package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/keeper"
)

// TestWhatWasMissedIsReadBack: nobody listened for three hours.
func TestWhatWasMissedIsReadBack(t *testing.T) {
	w, i := pinnedRoom(t, 2)
	c := i.Room.Channel
	var all []string
	for n := range 30 {
		all = append(all, w.slack.say(c, "U1", fmt.Sprintf("message %d", n)))
		w.clock.pass(6 * time.Minute)
	}
	w.slack.with(c, func(r *room) {
		r.pins[all[0]], r.pins[all[7]], r.pins[all[29]] = true, true, true
		mark(r, all[15])
	})
	w.together(func(k *keeper.Keeper) {
		if err := k.Read(t.Context()); err != nil {
			t.Error(err)
		}
	})
	w.nudgeAll()
	w.agrees(i, c)
	w.slack.with(c, func(r *room) {
		delete(r.said, all[0])
		delete(r.pins, all[7])
		r.said[all[15]].Text = "edited"
		r.pins[all[16]] = true
	})
	w.nudgeAll()
	w.agrees(i, c)
	if got := w.told(i.ID); len(got) != 5 || got["message 0"] != `gone by U1, revision 2, files [], thread ""` {
		t.Errorf("%v", got)
	}
	before := w.count(`SELECT count(*) FROM incident_entries`)
	w.nudgeAll()
	if n := w.count(`SELECT count(*) FROM incident_entries`); n != before {
		t.Errorf("reading it again made %d entries", n-before)
	}
}

// nudgeAll has every replica read.
func (w *world) nudgeAll() {
	w.t.Helper()
	for _, k := range w.keepers {
		w.clock.pass(time.Second)
		k.Nudge()
		if err := k.Read(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestAReadingGoesOnWhereSlackAskedToWait: a long channel is read in several visits.
func TestAReadingGoesOnWhereSlackAskedToWait(t *testing.T) {
	w, i := pinnedRoom(t, 1)
	c, pages := i.Room.Channel, 0
	for n := range 20 {
		ts := w.slack.say(c, "U1", fmt.Sprintf("message %d", n))
		w.slack.with(c, func(r *room) { r.pins[ts] = true })
		w.clock.pass(time.Second)
	}
	w.slack.breaks(func(method string) fault {
		if method != "history" {
			return fault{}
		}
		if pages++; pages%3 == 0 {
			return fault{before: &incidents.RoomError{Problem: incidents.NotNow, Sentence: "Wait.", Wait: 10 * time.Second}}
		}
		return fault{}
	})
	w.keepers[0].Nudge()
	for range 10 {
		if err := w.keepers[0].Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.clock.pass(11 * time.Second)
	}
	w.agrees(i, c)
	if pages > 14 {
		t.Errorf("%d pages were asked for: it began anew", pages)
	}
}

// TestAReadingThatLastsLongWaitsAllTheSame, each time as long as Slack asked for.
func TestAReadingThatLastsLongWaitsAllTheSame(t *testing.T) {
	w, _ := pinnedRoom(t, 1)
	calls := 0
	w.slack.breaks(func(method string) fault {
		if method != "history" {
			return fault{}
		}
		calls++
		return fault{before: &incidents.RoomError{Problem: incidents.NotNow, Sentence: "Wait.", Wait: time.Minute}}
	})
	w.clock.pass(11 * time.Minute)
	for range 90 { // three minutes
		if err := w.keepers[0].Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.clock.pass(2 * time.Second)
	}
	if calls < 2 || calls > 4 {
		t.Errorf("%d calls in 3 minutes, each of which was told to wait a minute", calls)
	}
}

// TestAChannelThatIsAwayForAWhileKeepsItsSummary: it was archived, or the bot removed.
func TestAChannelThatIsAwayForAWhileKeepsItsSummary(t *testing.T) {
	w, i := pinnedRoom(t, 1)
	w.clock.pass(time.Minute)
	w.slack.with(i.Room.Channel, func(r *room) { r.pins = map[string]bool{} })
	w.sight(0, "Ev1", i.Room.Channel, i.Room.Pinned, "pin_removed")
	if err := w.keepers[0].Watch(t.Context()); err != nil || w.incident(i.ID).Room.Pinned != "" {
		t.Fatalf("nothing is tested: %v", err)
	}
	w.slack.with(i.Room.Channel, func(r *room) { r.archived = true })
	w.slack.breaks(only("message", fault{before: sayNo(incidents.NotAllowed)})) // what Slack says then
	if err := w.keepers[0].Show(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.send()
	w.slack.with(i.Room.Channel, func(r *room) { r.archived = false })
	w.slack.breaks(nil)
	w.clock.pass(2 * time.Minute)
	w.settle()
	if got := w.incident(i.ID).Room.Pinned; got != i.Room.Pinned {
		t.Errorf("pinned is %q, and was %q", got, i.Room.Pinned)
	}
}

// TestWhatPeoplePinnedStaysPinned, also if the bot wrote it, when a new summary is.
func TestWhatPeoplePinnedStaysPinned(t *testing.T) {
	w, i := pinnedRoom(t, 1)
	w.clock.pass(time.Minute)
	result := w.slack.post(i.Room.Channel, "", "a result")
	w.slack.with(i.Room.Channel, func(r *room) { r.pins[result] = true; delete(r.said, i.Room.Pinned); delete(r.pins, i.Room.Pinned) })
	w.sight(0, "Ev1", i.Room.Channel, i.Room.Pinned, "message_deleted")
	w.settle()
	now := w.incident(i.ID).Room.Pinned
	w.slack.with(i.Room.Channel, func(r *room) {
		if !r.pins[result] || !r.pins[now] || now == i.Room.Pinned || len(r.pins) != 2 {
			t.Errorf("the summary is %q, pins %v", now, r.pins)
		}
	})
}

// TestTheSummaryComesBack: after somebody deleted it, or took its pin away, whether the
// bot was told or not.
func TestTheSummaryComesBack(t *testing.T) {
	for name, tell := range map[string]func(w *world, channel, ts string){
		"told": func(w *world, channel, ts string) { w.sight(0, "Ev1", channel, ts, "message_deleted") },
		"read": func(w *world, _, _ string) { w.keepers[0].Nudge() },
	} {
		for what, harm := range map[string]func(r *room, ts string){
			"deleted":  func(r *room, ts string) { delete(r.said, ts); delete(r.pins, ts) },
			"unpinned": func(r *room, ts string) { delete(r.pins, ts) },
		} {
			t.Run(what+" and "+name, func(t *testing.T) {
				w, i := pinnedRoom(t, 1)
				w.clock.pass(time.Minute)
				w.slack.with(i.Room.Channel, func(r *room) { harm(r, i.Room.Pinned) })
				tell(w, i.Room.Channel, i.Room.Pinned)
				w.settle()
				i = w.incident(i.ID)
				w.slack.with(i.Room.Channel, func(r *room) {
					if r.said[i.Room.Pinned] == nil || !r.pins[i.Room.Pinned] || len(r.pins) != 1 {
						t.Errorf("pinned %q, pins %v", i.Room.Pinned, r.pins)
					}
				})
			})
		}
	}
}

package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/workspace"
)

// witness notes what it is told, and fails as it is told to.
type witness struct {
	mu    sync.Mutex
	seen  []incidents.Sighting
	fails int
}

func (w *witness) Sight(_ context.Context, s incidents.Sighting) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, s)
	if w.fails > 0 {
		w.fails--
		return errors.New("the store is down")
	}
	return nil
}

func (w *witness) sightings() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, s := range w.seen {
		out = append(out, s.Kind+" "+s.TS)
	}
	return out
}

// TestWhatHappensToMessagesIsSeen: where it happened, and nothing that means nothing.
func TestWhatHappensToMessagesIsSeen(t *testing.T) {
	see := &witness{}
	w := newWorld(t, setup{deps: func(d *bot.Deps) { d.Witness, d.Reaction = see, "pushpin" }})
	r := w.rooms()
	head := w.say(w.alice, "", "the importer writes twice")
	reply := w.say(w.bob, head, "since 14:02")
	alone := w.say(w.bob, "", "I look")
	w.outbox.Set(post("incident/INC-1/summary", w.channel, "INC-1"))
	w.outbox.idle(t, 10*time.Second)
	own := w.messages()[0].TS
	changed := post("incident/INC-1/summary", w.channel, "INC-1: worse")
	w.outbox.Set(changed) // its own edits are not for the timeline
	w.outbox.idle(t, 10*time.Second)
	var want []string
	step := func(line string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if line != "" {
			want = append(want, line)
		}
		eventually(t, 3*time.Second, fmt.Sprint(want), func() bool { return len(see.sightings()) >= len(want) })
	}
	step("reaction_added "+reply, w.React(w.alice, w.channel, reply, "pushpin", false))
	step("", w.React(w.alice, w.channel, reply, "eyes", false))
	step("", w.React(w.alice, w.channel, reply, "eyes", true))
	step("reaction_removed "+reply, w.React(w.alice, w.channel, reply, "pushpin", true))
	step("pin_added "+reply, w.Pin(w.alice, w.channel, reply, false))
	step("pin_removed "+reply, w.Pin(w.alice, w.channel, reply, true))
	step("pin_added "+own, r.Pin(t.Context(), w.channel, own))
	step("message_changed "+reply, w.Edit(w.bob, w.channel, reply, "since 14:05"))
	step("message_deleted "+alone, w.Delete(w.bob, w.channel, alone))
	step("message_deleted "+head, w.Delete(w.alice, w.channel, head)) // its thread is left
	time.Sleep(100 * time.Millisecond)
	if diff := cmp.Diff(want, see.sightings()); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	for _, s := range see.seen {
		if s.Channel != w.channel || s.Event == "" || s.At.IsZero() {
			t.Errorf("%+v lacks something", s)
		}
	}
	if n := len(w.asker.requests()); n != 0 {
		t.Errorf("asked %d times", n)
	}
	w.check()
}

// TestWhatCannotBeWrittenDownComesAgain: no ack, and Slack sends it once more; what was
// written is not, however often Slack delivers it.
func TestWhatCannotBeWrittenDownComesAgain(t *testing.T) {
	see := &witness{fails: 1}
	w := newWorld(t, setup{
		deps: func(d *bot.Deps) { d.Witness = see },
		workspace: func(o *workspace.Options) {
			o.Timing.Ack, o.Timing.EventRetryAfter = 300*time.Millisecond, []time.Duration{0, time.Second}
		},
	})
	ts := w.say(w.alice, "", "look")
	if err := w.Pin(w.alice, w.channel, ts, false); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the second delivery", func() bool { return len(see.sightings()) == 2 })
	if see.seen[0].Event != see.seen[1].Event {
		t.Errorf("the events are %s and %s, want one", see.seen[0].Event, see.seen[1].Event)
	}
	w.fault(workspace.Fault{Method: "socket", Kind: "duplicate", Count: 4})
	if err := w.Pin(w.alice, w.channel, ts, true); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	if got := see.sightings(); len(got) != 3 {
		t.Errorf("seen %q, want three", got)
	}
}

// TestAppsWithoutTheScopesSeeNothing, and Slack does not complain.
func TestAppsWithoutTheScopesSeeNothing(t *testing.T) {
	see := &witness{}
	w := newWorld(t, setup{deps: func(d *bot.Deps) { d.Witness, d.Reaction = see, "pushpin" }, workspace: func(o *workspace.Options) {
		o.App.Scopes = slices.DeleteFunc(bot.Scopes(), func(s string) bool {
			return strings.HasPrefix(s, "pins:") || strings.HasPrefix(s, "reactions:")
		})
	}})
	ts := w.say(w.alice, "", "look")
	for _, err := range []error{w.Pin(w.alice, w.channel, ts, false), w.React(w.alice, w.channel, ts, "pushpin", false)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(200 * time.Millisecond)
	if got := see.sightings(); len(got) != 0 {
		t.Errorf("seen %q", got)
	}
}

// TestThatSlackCanBeHeardAgainIsSaid once, after no socket was open, and not for a socket
// that was replaced.
func TestThatSlackCanBeHeardAgainIsSaid(t *testing.T) {
	var back atomic.Int64
	w := newWorld(t, setup{deps: func(d *bot.Deps) { d.OnBack = func() { back.Add(1) } }})
	open := func() bool { return len(w.bot.Status().Links) == 2 }
	w.fault(workspace.Fault{Method: "socket", Kind: "refresh", Count: 1})
	time.Sleep(200 * time.Millisecond)
	eventually(t, 5*time.Second, "two sockets", open)
	if n := back.Load(); n != 0 {
		t.Errorf("said %d times though a socket was always open", n)
	}
	w.fault(workspace.Fault{Method: "socket", Kind: "drop"})
	eventually(t, 5*time.Second, "word of it", func() bool { return back.Load() > 0 })
	eventually(t, 5*time.Second, "two sockets", open)
	if n := back.Load(); n > 2 { // the second when the sockets went one after the other
		t.Errorf("said %d times", n)
	}
}

package keeper_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/keeper"
)

// TestSlackSaysNo: what cannot be done is a sentence where people are, and an audit
// event; everything else is done.
func TestSlackSaysNo(t *testing.T) {
	for _, c := range []struct {
		name    string
		before  func(w *world)
		fault   func(method string) fault
		trouble map[string]string // step to a piece of the sentence
		room    string            // name of the channel
		bound   bool
		change  func(*incidents.Declaration)
	}{
		{
			name:   "the name is taken by a channel that the bot sees",
			before: func(w *world) { w.slack.open("inc-20261122-orders", false) },
			room:   "inc-20261122-orders-2",
		},
		{
			name: "the name is taken by a channel that the bot cannot see, and the next one as well",
			before: func(w *world) {
				w.slack.nameless["inc-20261122-orders"], w.slack.nameless["inc-20261122-orders-2"] = true, true
			},
			room: "inc-20261122-orders-3",
		},
		{
			name:   "the name is that of an older channel of the bot's, of another store",
			before: func(w *world) { w.slack.open("inc-20261122-orders", true).created = noon.Add(-time.Hour) },
			room:   "inc-20261122-orders-2",
		},
		{
			name:    "channels may not be created",
			fault:   only("create", fault{before: sayNo(incidents.NotAllowed)}),
			trouble: map[string]string{incidents.FurnishChannel: "It has no channel of its own, so it goes on here. Slack says not allowed."},
			bound:   true,
		},
		{
			name:    "channels may not be created, and it was declared in a conversation with the bot",
			fault:   only("create", fault{before: sayNo(incidents.NotAllowed)}),
			change:  func(d *incidents.Declaration) { d.Asked.Channel = "DU9" },
			trouble: map[string]string{incidents.FurnishChannel: "It has no channel of its own, so it goes on here."},
			bound:   true,
		},
		{
			name:    "the answer to the creation is lost every time",
			fault:   only("create", fault{after: sayNo(incidents.NotKnown)}),
			room:    "inc-20261122-orders",
			trouble: map[string]string{},
		},
		{
			name:    "nobody may be invited",
			fault:   only("invite", fault{before: sayNo(incidents.NotAllowed)}),
			room:    "inc-20261122-orders",
			trouble: map[string]string{incidents.FurnishInvite: "Slack says not allowed."},
		},
		{
			name:    "no bookmarks and no topic",
			fault:   either(only("bookmark", fault{before: sayNo(incidents.NotAllowed)}), only("topic", fault{before: sayNo(incidents.NotAllowed)})),
			room:    "inc-20261122-orders",
			trouble: map[string]string{incidents.FurnishBookmarks: "Slack says", incidents.FurnishTopic: "Slack says"},
		},
		{
			name:    "nothing may be pinned",
			fault:   only("pin", fault{before: sayNo(incidents.NotAllowed)}),
			room:    "inc-20261122-orders",
			trouble: map[string]string{"pin": "The summary is not pinned. Slack says not allowed."},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			if c.before != nil {
				c.before(w)
			}
			w.slack.post("C0OPS", "", "hello")
			w.slack.breaks(c.fault)
			if c.change == nil {
				c.change = func(*incidents.Declaration) {}
			}
			i := w.declare(0, "orders", c.change)
			w.settle()
			w.settle()
			i = w.incident(i.ID)
			if c.bound && i.Room.Channel != "C0OPS" {
				t.Errorf("it goes on in %q", i.Room.Channel)
			}
			if i.Room.Name != c.room || i.Room.Bound != c.bound || !i.Room.Settled {
				t.Errorf("room %+v", i.Room)
			}
			for what, piece := range c.trouble {
				if !strings.Contains(i.Room.Trouble[what], piece) {
					t.Errorf("trouble with %s: %q", what, i.Room.Trouble[what])
				}
				key := "incident/" + i.Ref() + "/trouble/" + what
				if what == incidents.FurnishChannel && i.Asked.Channel == i.Where() { // said once
					key = "incident/" + i.Ref() + "/declared"
				}
				p := w.desired(key)
				if p == nil || p.Channel != i.Where() || !strings.Contains(p.Message.PlainText(), strings.TrimPrefix(piece, "It has no channel of its own, so it goes on here. ")) {
					t.Errorf("people read %+v", p)
				}
			}
			if len(i.Room.Trouble) != len(c.trouble) {
				t.Errorf("trouble %v", i.Room.Trouble)
			}
			failed := w.events(i.ID, "incident.furnish", audit.Failed) + w.events(i.ID, "incident.create-channel", audit.Failed)
			if failed < int64(len(c.trouble)) {
				t.Errorf("%d failures on record", failed)
			}
			if n := w.count(`SELECT count(*) FROM runs`); n != 1 {
				t.Errorf("%d runs", n)
			}
			if w.desired(incidents.SummaryKey(i.ID)) == nil {
				t.Error("there is no summary")
			}
		})
	}
}

// TestAChannelIsFoundAgain: the answer to its creation was lost, and Slack lists it only
// a while later. It is not taken for somebody else's.
func TestAChannelIsFoundAgain(t *testing.T) {
	w := newWorld(t, 2)
	w.slack.lag = 20 * time.Second
	w.slack.breaks(only("create", fault{after: sayNo(incidents.NotKnown)}))
	i := w.declare(0, "orders")
	w.keep(0)
	w.slack.breaks(nil)
	for n := range 6 {
		w.clock.pass(7 * time.Second)
		w.keep(n % 2)
	}
	w.settle()
	w.furnished(i, "inc-20261122-orders")
	if w.slack.created != 1 {
		t.Errorf("%d channels were created", w.slack.created)
	}
}

// TestAChannelWhoseAnswerIsLostLateIsFoundAgain: Slack asked to wait for minutes before,
// so that the first try is long ago.
func TestAChannelWhoseAnswerIsLostLateIsFoundAgain(t *testing.T) {
	w := newWorld(t, 2)
	w.slack.lag = 20 * time.Second
	w.slack.breaks(only("create", fault{before: sayNo(incidents.NotNow)}))
	i := w.declare(0, "orders")
	w.keep(0)
	w.clock.pass(2 * time.Minute)
	w.slack.breaks(only("create", fault{after: sayNo(incidents.NotKnown)}))
	w.keep(0)
	w.slack.breaks(nil)
	for n := range 12 {
		w.clock.pass(7 * time.Second)
		w.keep(n % 2)
	}
	w.settle()
	w.furnished(i, "inc-20261122-orders")
	if w.slack.created != 1 {
		t.Errorf("%d channels were created", w.slack.created)
	}
}

// TestAChannelOfAnIncidentThatEndedMeanwhileIsItsOwn: the replica that created it was
// killed before it wrote that down, and then somebody declined the incident.
func TestAChannelOfAnIncidentThatEndedMeanwhileIsItsOwn(t *testing.T) {
	w := newWorld(t, 1)
	w.slack.breaks(only("create", fault{after: sayNo(incidents.NotKnown)}))
	w.slack.lag = 20 * time.Second
	i := w.declare(0, "orders")
	w.keep(0)
	if w.slack.created != 1 || w.incident(i.ID).Room.Channel != "" {
		t.Fatal("nothing is tested")
	}
	w.move(i.ID, func(i incidents.Incident) incidents.Incident {
		i, err := incidents.Decline(incidents.View{Incident: i}, incidents.Wording{}, incidents.Move{By: "U1", At: w.clock.Now()}, "only a test of the bot", "")
		if err != nil {
			t.Fatal(err)
		}
		return i
	})
	for range 3 {
		w.clock.pass(time.Minute)
		w.keep(0)
	}
	if got := w.incident(i.ID).Room; got.Name != "inc-20261122-orders" || got.Channel == "" {
		t.Errorf("room %+v", got)
	}
	if p := w.desired(incidents.SummaryKey(i.ID)); p == nil || !strings.Contains(p.Message.PlainText(), "DECLINED") {
		t.Errorf("there stands %+v", p)
	}
}

// only has one method fail.
func only(method string, f fault) func(string) fault {
	return func(m string) fault {
		if m == method {
			return f
		}
		return fault{}
	}
}

func either(a, b func(string) fault) func(string) fault {
	return func(m string) fault {
		if f := a(m); f != (fault{}) {
			return f
		}
		return b(m)
	}
}

// TestSlackIsAway: nothing is given up; everything is done when it answers again.
func TestSlackIsAway(t *testing.T) {
	for name, f := range map[string]fault{
		"it asks to wait":                       {before: &incidents.RoomError{Problem: incidents.NotNow, Sentence: "Wait.", Wait: 20 * time.Second}},
		"its answers are lost":                  {after: sayNo(incidents.NotKnown)},
		"it does not do it and does not answer": {before: sayNo(incidents.NotKnown)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2)
			i := w.declare(0, "orders")
			w.slack.breaks(func(string) fault { return f })
			w.settle()
			if i = w.incident(i.ID); len(i.Room.Trouble) > 0 || i.Room.Settled {
				t.Errorf("given up: %+v", i.Room)
			}
			w.slack.breaks(nil)
			w.clock.pass(time.Minute)
			w.settle()
			w.furnished(i, "inc-20261122-orders")
			w.once(i)
		})
	}
}

// hangOnce has the first call of a method hang until it is given up.
func hangOnce(method string) func(string) fault {
	var once sync.Once
	return func(m string) (f fault) {
		if m == method {
			once.Do(func() { f.hang = true })
		}
		return f
	}
}

func TestAHangingSlackHoldsUpNoOtherIncident(t *testing.T) {
	w := newWorld(t, 1, func(o *keeper.Options) { o.Lease = time.Hour })
	one, two := w.declare(0, "orders"), w.declare(0, "inventory")
	w.slack.breaks(hangOnce("invite"))
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.keepers[0].Furnish(ctx) }()
	settled := func() (n int) {
		for _, i := range []incidents.Incident{w.incident(one.ID), w.incident(two.ID)} {
			if i.Room.Settled {
				n++
			}
		}
		return n
	}
	for began := time.Now(); settled() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("none is settled while one hangs")
		}
	}
	if settled() == 2 {
		t.Error("none hangs: nothing is tested")
	}
	giveUp()
	<-ended
	w.settle()
	w.furnished(one, "inc-20261122-orders")
	w.furnished(two, "inc-20261122-inventory")
}

func TestAVisitToAHangingSlackEnds(t *testing.T) {
	w := newWorld(t, 1, func(o *keeper.Options) { o.Lease = 400 * time.Millisecond })
	i := w.declare(0, "orders")
	w.slack.breaks(hangOnce("create"))
	began := time.Now()
	if err := w.keepers[0].Furnish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	if i = w.incident(i.ID); i.Room.Settled || len(i.Room.Trouble) > 0 {
		t.Errorf("given up: %+v", i.Room)
	}
}

func TestAChannelThatTheBotIsNotIn(t *testing.T) {
	w := newWorld(t, 1)
	w.slack.post("C7", "", "hello")
	w.slack.with("C7", func(r *room) { r.outside = true })
	i := w.declare(0, "orders", func(d *incidents.Declaration) { d.Bind = "C7" })
	w.settle()
	if i = w.incident(i.ID); !strings.Contains(i.Room.Trouble[incidents.FurnishChannel], "invite me") || !i.Room.Settled {
		t.Errorf("room %+v", i.Room)
	}
}

func TestGroupsAndDomainsThatAreEmpty(t *testing.T) {
	members := func(_ context.Context, group string) ([]string, error) {
		switch group {
		case "S0GONE":
			return nil, fmt.Errorf("usergroups: %w", context.DeadlineExceeded)
		case "S0PART":
			return []string{"U1", "UGONE"}, nil
		}
		return nil, nil
	}
	for _, c := range []struct {
		name, domain string
		invite       []string
		after        time.Duration
		want         map[string]string
	}{
		{"nobody is in the group", "orders", []string{"S0NONE"}, 0, map[string]string{incidents.FurnishInvite: "The user group S0NONE has nobody in it, so nobody of it was invited."}},
		{"one of them left the workspace", "orders", []string{"S0PART"}, 0, map[string]string{incidents.FurnishInvite: "1 person of 3 could not be invited: invite them by hand."}},
		{"Slack does not tell for long", "orders", []string{"S0GONE"}, 11 * time.Minute, map[string]string{incidents.FurnishInvite: "Slack did not say who is in the user group S0GONE, so nobody of it was invited."}},
		{"no check is declared", "shipping", nil, 0, map[string]string{incidents.FurnishChecks: "No check is declared for shipping, so none was begun."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1, func(o *keeper.Options) { o.Members, o.Words.Rules.Invite = members, c.invite })
			i := w.declare(0, c.domain)
			w.settle()
			if c.after > 0 {
				if got := w.incident(i.ID).Room; got.Settled || len(got.Trouble) > 0 {
					t.Errorf("given up at once: %+v", got)
				}
				w.clock.pass(c.after)
				w.settle()
			}
			i = w.incident(i.ID)
			if diff := cmp.Diff(c.want, i.Room.Trouble); diff != "" {
				t.Errorf("trouble (-want +got):\n%s", diff)
			}
			if !i.Room.Settled {
				t.Errorf("room %+v", i.Room)
			}
			if c.want[incidents.FurnishInvite] != "" && !w.slack.rooms[i.Room.Channel].members["U9"] {
				t.Error("who declared it is not in its channel")
			}
		})
	}
}

// TestWhatSlackAllowsByNowIsDone once somebody has it tried again, and nothing twice.
func TestWhatSlackAllowsByNowIsDone(t *testing.T) {
	w := newWorld(t, 1)
	w.slack.breaks(either(only("invite", fault{before: sayNo(incidents.NotAllowed)}), only("pin", fault{before: sayNo(incidents.NotAllowed)})))
	id := w.declare(0, "orders").ID
	w.settle()
	if trouble := w.incident(id).Room.Trouble; len(trouble) != 2 {
		t.Fatalf("the trouble is %v", trouble)
	}
	w.slack.breaks(nil)
	w.settle()
	if got := w.incident(id); got.Room.Pinned != "" || len(got.Room.Trouble) != 2 {
		t.Fatalf("it was tried again by itself: %+v", got.Room)
	}
	w.move(id, func(i incidents.Incident) incidents.Incident {
		out, what, err := i.TryAgain(incidents.Move{By: "U1", At: w.clock.Now()})
		if err != nil || len(what) != 2 {
			t.Fatalf("%v, %v", what, err)
		}
		return out
	})
	w.settle()
	got := w.incident(id)
	if len(got.Room.Trouble) > 0 || got.Room.Pinned == "" || !got.Room.Settled {
		t.Errorf("the room is %+v", got.Room)
	}
	w.slack.with(got.Room.Channel, func(r *room) {
		if !r.members["U2"] || len(r.pins) != 1 {
			t.Errorf("members %v, pins %v", r.members, r.pins)
		}
	})
	if _, _, err := got.TryAgain(incidents.Move{By: "U1", At: w.clock.Now()}); err == nil {
		t.Error("nothing is missing, and it is tried again")
	}
}

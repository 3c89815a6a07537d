package keeper_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/keeper"
)

// called has the first level called.
func (w *world) called(id int64, why string) {
	w.t.Helper()
	w.move(id, func(i incidents.Incident) incidents.Incident {
		out, _, err := incidents.Escalate(i, words(), incidents.Move{By: "U1", At: w.clock.Now()}, "L1", why,
			func(group string) ([]string, error) { return groups()[group], nil })
		if err != nil {
			w.t.Fatal(err)
		}
		return out
	})
}

// reads is what stands in a channel, as it was said.
func (w *world) reads(channel string) (texts []string) {
	w.t.Helper()
	w.slack.with(channel, func(r *room) {
		for _, ts := range slices.Sorted(maps.Keys(r.said)) {
			texts = append(texts, r.said[ts].Text)
		}
	})
	return texts
}

// TestThoseWhoAreCalledAreWrittenToAndInvited: each once, by whatever replica, and when
// somebody came they read that.
func TestThoseWhoAreCalledAreWrittenToAndInvited(t *testing.T) {
	w := newWorld(t, 3)
	id := w.declare(0, "orders").ID
	w.settle()
	w.called(id, "the key is gone")
	pass := func() {
		for _, k := range w.keepers {
			if err := k.Call(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		w.send()
	}
	pass()
	w.clock.pass(30 * time.Second)
	pass()
	said := w.reads("DU4")
	if len(said) != 1 || !strings.Contains(said[0], "calls you (L1") {
		t.Fatalf("U4 reads %q", said)
	}
	in := w.incident(id)
	w.slack.with(in.Room.Channel, func(r *room) {
		if !r.members["U4"] {
			t.Error("U4, who is called, is not in the channel")
		}
	})
	w.move(id, func(i incidents.Incident) incidents.Incident {
		out, err := i.Acknowledge(incidents.Move{By: "U4", At: w.clock.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return out
	})
	w.clock.pass(30 * time.Second)
	pass()
	if said := w.reads("DU4"); len(said) != 1 || !strings.Contains(said[0], "have to come any more") {
		t.Errorf("U4, who came, reads %q", said)
	}
}

// TestWhoCannotBeWrittenToIsNamed in the incident, and nobody else is kept waiting.
func TestWhoCannotBeWrittenToIsNamed(t *testing.T) {
	w := newWorld(t, 1)
	id := w.declare(0, "orders").ID
	w.settle()
	w.called(id, "")
	w.slack.breaks(only("direct", fault{before: sayNo(incidents.NotAllowed)}))
	for range 3 {
		if err := w.keepers[0].Call(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	trouble := w.incident(id).Room.Trouble
	if !strings.Contains(trouble["call/U4"], "I could not write to U4") {
		t.Errorf("the trouble is %q", trouble)
	}
}

// ends declines an incident.
func (w *world) ends(id int64) {
	w.t.Helper()
	w.move(id, func(i incidents.Incident) incidents.Incident {
		out, err := incidents.Decline(incidents.View{Incident: i}, incidents.Wording{}, incidents.Move{By: "U1", At: w.clock.Now()}, "only a test of the bot", "")
		if err != nil {
			w.t.Fatal(err)
		}
		return out
	})
}

// TestNobodyIsCalledToAnIncidentThatEnded: who was called reads that, whether a replica
// ran at the end or not.
func TestNobodyIsCalledToAnIncidentThatEnded(t *testing.T) {
	w := newWorld(t, 1)
	id := w.declare(0, "orders").ID
	w.settle()
	w.called(id, "")
	w.settle()
	w.ends(id)
	w.keepers[0] = w.start(w.stores[0], w.slack)
	w.settle()
	if said := w.reads("DU4"); len(said) != 1 || !strings.Contains(said[0], "have to come any more") {
		t.Errorf("U4 reads %q", said)
	}
	w.slack.with(w.incident(id).Room.Channel, func(r *room) { r.members = map[string]bool{} })
	w.settle()
	w.slack.with(w.incident(id).Room.Channel, func(r *room) {
		if len(r.members) > 0 {
			t.Errorf("invited to what is over: %v", r.members)
		}
	})
}

// TestWhoDoesNotGetTheirMessageIsNamed: Slack gave a conversation, and then refused what
// was said in it for good.
func TestWhoDoesNotGetTheirMessageIsNamed(t *testing.T) {
	w := newWorld(t, 1)
	id := w.declare(0, "orders").ID
	w.settle()
	w.called(id, "")
	if err := w.keepers[0].Call(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, _, err := w.stores[0].Next(t.Context(), time.Minute)
	for ; err == nil && d != nil && d.Post.Channel != "DU4"; d, _, err = w.stores[0].Next(t.Context(), time.Minute) {
	}
	if err != nil || d == nil {
		t.Fatalf("nothing is for U4: %v", err)
	}
	if err := w.stores[0].Failed(t.Context(), d, "The account is deactivated."); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(time.Minute)
	w.settle()
	if got := w.incident(id).Room.Trouble["call/U4"]; !strings.Contains(got, "I could not write to U4, who is called") || !strings.Contains(got, "deactivated") {
		t.Errorf("the trouble is %q", got)
	}
}

// TestNobodyIsBroughtIntoAChannelOfOthers: who is in it decides that.
func TestNobodyIsBroughtIntoAChannelOfOthers(t *testing.T) {
	w := newWorld(t, 1)
	w.slack.post("C7", "", "hello")
	id := w.declare(0, "orders", func(d *incidents.Declaration) { d.Bind = "C7" }).ID
	w.settle()
	w.called(id, "")
	w.leads(id, "U5")
	w.settle()
	if said := w.reads("DU4"); len(said) != 1 || w.slack.invites != 0 {
		t.Errorf("U4 reads %q; %d invitations", said, w.slack.invites)
	}
}

func (w *world) leads(id int64, who string) {
	w.t.Helper()
	w.move(id, func(i incidents.Incident) incidents.Incident {
		out, err := i.SetLead(incidents.Move{By: "U1", At: w.clock.Now()}, who)
		if err != nil {
			w.t.Fatal(err)
		}
		return out
	})
}

// TestWhoHasTheLeadLaterIsInvited, once, by whatever replica; who declared it is in the
// channel already.
func TestWhoHasTheLeadLaterIsInvited(t *testing.T) {
	w := newWorld(t, 3)
	id := w.declare(0, "orders").ID
	w.settle()
	before := w.slack.invites
	for _, who := range []string{"U9", "U5", "U9", "U5", "UGONE"} {
		w.leads(id, who)
		w.together(func(k *keeper.Keeper) {
			if err := k.Call(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	i := w.incident(id)
	w.slack.with(i.Room.Channel, func(r *room) {
		if !r.members["U5"] {
			t.Error("who leads it is not in the channel")
		}
	})
	if n := w.slack.invites - before; n != 2 {
		t.Errorf("%d invitations", n)
	}
	if got := i.Room.Trouble["lead/UGONE"]; !strings.Contains(got, "Who leads it could not") {
		t.Errorf("the trouble is %q", i.Room.Trouble)
	}
}

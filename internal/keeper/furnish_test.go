package keeper_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/keeper"
)

// furnished checks that an incident has one channel with everything in it, done once.
func (w *world) furnished(i incidents.Incident, name string) {
	w.t.Helper()
	i = w.incident(i.ID)
	if !i.Room.Settled || i.Room.Name != name {
		w.t.Fatalf("%s: settled %v, its channel is %q, want %q; trouble %v", i.Ref(), i.Room.Settled, i.Room.Name, name, i.Room.Trouble)
	}
	w.slack.mu.Lock()
	defer w.slack.mu.Unlock()
	r := w.slack.rooms[i.Room.Channel]
	if r == nil || r.name != name || !r.ours {
		w.t.Fatalf("%s: its channel is %+v", i.Ref(), r)
	}
	named := 0
	for _, other := range w.slack.rooms {
		if other.ours && strings.HasPrefix(other.name, name) && other != r {
			named++
		}
	}
	if named > 0 {
		w.t.Errorf("%s: %d more channels of the bot's begin with %s", i.Ref(), named, name)
	}
	people := map[string]bool{"U1": true, "U2": true, "U3": true, "U9": true}
	if diff := cmp.Diff(people, r.members); diff != "" {
		w.t.Errorf("%s: members (-want +got):\n%s", i.Ref(), diff)
	}
	if diff := cmp.Diff(map[string]string{"Runbook": "https://wiki.example/runbook", "Board": "https://board.example"}, r.bookmarks); diff != "" {
		w.t.Errorf("%s: bookmarks (-want +got):\n%s", i.Ref(), diff)
	}
	if !strings.Contains(r.topic, i.Ref()) {
		w.t.Errorf("%s: the topic is %q", i.Ref(), r.topic)
	}
	pinned := 0
	for ts := range r.pins {
		if m := r.said[ts]; m != nil && m.Ours {
			pinned++
		}
	}
	if pinned != 1 {
		w.t.Errorf("%s: %d messages of the bot's are pinned, want the summary alone", i.Ref(), pinned)
	}
}

// once checks in the store what was done for an incident.
func (w *world) once(i incidents.Incident) {
	w.t.Helper()
	if n := w.count(`SELECT count(*) FROM runs WHERE asked ->> 'Words' = $1`, "check "+i.Domain); n != 1 {
		w.t.Errorf("%s: its checks were begun %d times", i.Ref(), n)
	}
	for action, want := range map[string]int64{"incident.create-channel": 1, "incident.furnish": 5, "incident.pin": 1} {
		if n := w.events(i.ID, action, audit.Done); n != want {
			w.t.Errorf("%s: %d events of %s, want %d", i.Ref(), n, action, want)
		}
	}
}

func TestAnIncidentIsFurnished(t *testing.T) {
	w := newWorld(t, 1)
	i := w.declare(0, "orders")
	w.settle()
	w.furnished(i, "inc-20261122-orders")
	w.once(i)
	if n := w.count(`SELECT count(*) FROM posts WHERE key LIKE 'incident/%/summary'`); n != 1 {
		t.Errorf("%d summaries", n)
	}
	var asked struct{ Channel, By, Words string }
	w.query(&asked.Channel, `SELECT asked ->> 'Channel' FROM runs`)
	w.query(&asked.By, `SELECT asked ->> 'AskedBy' FROM runs`)
	w.query(&asked.Words, `SELECT asked ->> 'Words' FROM runs`)
	want := struct{ Channel, By, Words string }{w.incident(i.ID).Room.Channel, "", "check orders"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("the run (-want +got):\n%s", diff)
	}
	if p := w.desired("incident/" + i.Ref() + "/declared"); p == nil || p.Channel != "C0OPS" {
		t.Errorf("where it was declared stands %+v", p)
	}
}

func TestFiftyDeclareAtOnceAndThreeReplicasFurnish(t *testing.T) {
	w := newWorld(t, 3)
	var wg sync.WaitGroup
	ids := make([]int64, 50)
	for n := range ids {
		wg.Go(func() {
			i, err := w.tryDeclare(n%3, "orders")
			if err != nil {
				t.Error(err)
			}
			ids[n] = i.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("incidents %v", ids)
		}
	}
	w.together(func(k *keeper.Keeper) {
		for range 4 {
			for _, pass := range passes(k) {
				if err := pass(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	w.settle()
	i := w.incident(ids[0])
	w.furnished(i, "inc-20261122-orders")
	w.once(i)
	if w.slack.created != 1 {
		t.Errorf("%d channels were created", w.slack.created)
	}
}

// together has all replicas do something at once.
func (w *world) together(do func(k *keeper.Keeper)) {
	var wg sync.WaitGroup
	for _, k := range w.keepers {
		wg.Go(func() { do(k) })
	}
	wg.Wait()
}

func TestAnAdoptedChannelStaysAsItIs(t *testing.T) {
	w := newWorld(t, 1)
	w.slack.post("C7", "", "hello")
	i := w.declare(0, "orders", func(d *incidents.Declaration) { d.Bind, d.BindName = "C7", "war-room" })
	w.settle()
	i = w.incident(i.ID)
	r := w.slack.rooms["C7"]
	if w.slack.created+w.slack.invites+w.slack.topics > 0 || r.topic != "" {
		t.Errorf("created %d, invited %d, topics %d", w.slack.created, w.slack.invites, w.slack.topics)
	}
	if !i.Room.Settled || i.Room.Channel != "C7" || len(r.bookmarks) != 2 || len(r.pins) != 1 {
		t.Errorf("room %+v, bookmarks %v, pins %v", i.Room, r.bookmarks, r.pins)
	}
}

func TestTheTopicFollowsTheSeverityAndIsHarmless(t *testing.T) {
	w := newWorld(t, 1)
	i := w.declare(0, "orders", func(d *incidents.Declaration) {
		d.Title = "<!channel> see https://evil.example/?q=*x* " + strings.Repeat("very ", 100)
	})
	w.settle()
	i = w.incident(i.ID)
	topic := w.slack.rooms[i.Room.Channel].topic
	if strings.ContainsAny(topic, "<>!/*@:.") || !strings.HasPrefix(topic, "P0 · channel see https evil example") || len([]rune(topic)) > 250 {
		t.Errorf("topic %q", topic)
	}
	w.move(i.ID, func(i incidents.Incident) incidents.Incident {
		i = i.Clone()
		i.Severity, i.Title = incidents.P2, "Orders"
		return i
	})
	w.settle()
	if topic := w.slack.rooms[i.Room.Channel].topic; topic != "P2 · Orders · "+i.Ref() {
		t.Errorf("topic %q", topic)
	}
	if w.slack.topics != 2 {
		t.Errorf("the topic was set %d times", w.slack.topics)
	}
}

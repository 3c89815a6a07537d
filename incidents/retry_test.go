package incidents_test

import (
	"testing"

	"github.com/integritybot/integritybot/incidents"
)

func TestWhatSlackDidNotAllowCanBeTriedAgain(t *testing.T) {
	room := func(change func(*incidents.Incident)) incidents.Incident {
		i := declared()
		i.Room.Settled = true
		change(&i)
		return i
	}
	trouble := func(what ...string) map[string]string {
		m := map[string]string{}
		for _, w := range what {
			m[w] = "Slack did not allow it."
		}
		return m
	}
	for _, tt := range []struct {
		name string
		i    incidents.Incident
		want string // what is tried again; empty: nothing can be
	}{
		{"nothing is missing", room(func(*incidents.Incident) {}), ""},
		{"people and the pin", room(func(i *incidents.Incident) { i.Room.Trouble = trouble("invite", "pin") }), "inviting people and pinning the summary"},
		{"without a channel it goes on where it is", room(func(i *incidents.Incident) {
			i.Room.Channel, i.Room.Trouble = "", trouble("channel")
		}), ""},
		{"a private one goes on nowhere, so its channel is tried again", room(func(i *incidents.Incident) {
			i.Private, i.Room.Channel, i.Room.Trouble = true, "", trouble("channel")
		}), "creating the channel"},
		{"so is one that was declared in a channel of others", room(func(i *incidents.Incident) {
			i.Asked, i.Room.Channel, i.Room.Trouble = incidents.Place{}, "", trouble("channel", "lead/U1ALICE")
		}), "creating the channel and inviting who leads it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := again(t, tt.i)
			out, what, err := tt.i.TryAgain(after(0))
			same(t, "what it was made from", before, again(t, tt.i))
			if tt.want == "" {
				refused(t, err)
				return
			}
			same(t, "what", tt.want, incidents.Tries(what))
			same(t, "is open again", []any{false, 0}, []any{out.Room.Settled, len(out.Room.Trouble)})
		})
	}
}

// TestAPrivateIncidentIsDealtWithInItsOwnChannelOrNowhere: the channel where it was
// declared is other people's.
func TestAPrivateIncidentIsDealtWithInItsOwnChannelOrNowhere(t *testing.T) {
	i := declared()
	i.Room = incidents.Room{}
	same(t, "where it was declared", "C1ORDERS", i.Where())
	i.Private = true
	same(t, "nowhere", "", i.Where())
	i.Room.Channel = "C0INC12"
	same(t, "its own", "C0INC12", i.Where())
	i.Room = incidents.Room{}
	out, e, err := incidents.Escalate(i, movesWords(), after(0), "L1", "", whoIsIn)
	out = moved(t)(out, err)
	same(t, "nothing is posted, and two people are called all the same", []int{0, 2}, []int{len(e.Posts), len(out.Callings())})
}

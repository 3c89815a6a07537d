package keeper_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/keeper"
)

// noChannels is a workspace in which the bot may create none.
func noChannels(t *testing.T, change ...func(*keeper.Options)) *world {
	t.Helper()
	w := newWorld(t, 1, change...)
	w.slack.post("C0OPS", "", "hello")
	w.slack.breaks(only("create", fault{before: sayNo(incidents.NotAllowed)}))
	return w
}

// readers has Slack tell of some channels that other organisations read them.
func readers(shared ...string) func(*keeper.Options) {
	return func(o *keeper.Options) {
		o.Shared = func(_ context.Context, channel string) (bool, error) {
			return strings.Contains(strings.Join(shared, " "), channel), nil
		}
	}
}

// TestTwoIncidentsInOneChannelHaveTheirOwnRuns: neither can have a channel of its own,
// and both were declared in the same one.
func TestTwoIncidentsInOneChannelHaveTheirOwnRuns(t *testing.T) {
	w := noChannels(t)
	one := w.declare(0, "orders")
	w.settle()
	two := w.declare(0, "inventory")
	w.settle()
	for id, words := range map[int64]string{one.ID: "check orders", two.ID: "check inventory"} {
		if n := w.count(`SELECT count(*) FROM runs WHERE incident = $1 AND asked ->> 'Words' = $2`, id, words); n != 1 {
			t.Errorf("%d runs of %q belong to %s", n, words, incidents.Ref(id))
		}
		if n := w.count(`SELECT count(*) FROM runs WHERE incident = $1`, id); n != 1 {
			t.Errorf("%d runs belong to %s", n, incidents.Ref(id))
		}
		if i := w.incident(id); i.Where() != "C0OPS" {
			t.Errorf("%s goes on in %q", i.Ref(), i.Where())
		}
		if w.desired(incidents.SummaryKey(id)) == nil {
			t.Errorf("%s has no summary", incidents.Ref(id))
		}
	}
}

// TestAStepThatIsBegunBeforeThereIsAChannelIsNotDone while its run waits for its turn.
func TestAStepThatIsBegunBeforeThereIsAChannelIsNotDone(t *testing.T) {
	w := newWorld(t, 1)
	w.slack.post("C0OPS", "", "hello")
	w.slack.breaks(only("create", fault{before: sayNo(incidents.NotNow)}))
	id := w.declare(0, "orders").ID
	w.keep(0)
	_, err := w.stores[0].Record(t.Context(), "step", true, func(run int64) commands.Intent {
		i := w.incident(id)
		to, err := i.BeginStep(incidents.Move{By: "U1", At: w.clock.Now()}, "measure", run)
		if err != nil {
			t.Fatal(err)
		}
		return commands.Intent{Incidents: []incidents.Change{{Incident: to}}, Run: &check.Order{
			ID: run, Title: "Orders", Words: "check orders", Checks: []string{"order-totals"}, Channel: "C0OPS", AskedBy: "U1", AskedAt: w.clock.Now(), Incident: id,
		}}
	})
	if err != nil {
		t.Fatal(err)
	}
	w.keep(0)
	for _, s := range w.incident(id).Steps {
		if s.Name == "measure" && s.State != incidents.Running {
			t.Errorf("the step is %+v", s)
		}
	}
}

// TestAChannelThatDoesNotComeAboutIsGivenUp after five minutes, whatever Slack answers:
// the checks and the summary are needed more.
func TestAChannelThatDoesNotComeAboutIsGivenUp(t *testing.T) {
	for name, f := range map[string]fault{
		"it does not answer":  {before: sayNo(incidents.NotNow)},
		"nobody knows":        {before: sayNo(incidents.NotKnown)},
		"it hangs every time": {hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2, func(o *keeper.Options) { o.Lease = 200 * time.Millisecond })
			w.slack.post("C0OPS", "", "hello")
			w.slack.breaks(only("create", f))
			id := w.declare(0, "orders").ID
			for n := range 9 {
				w.keep(n % 2)
				if i := w.incident(id); n < 8 && len(i.Room.Trouble) > 0 {
					t.Fatalf("given up after %s: %v", w.clock.Now().Sub(i.Opened), i.Room.Trouble)
				}
				w.clock.pass(35 * time.Second)
			}
			w.clock.pass(time.Minute)
			w.settle()
			i := w.incident(id)
			if !strings.Contains(i.Room.Trouble[incidents.FurnishChannel], "goes on here. I have tried for 5 minutes.") || i.Room.Channel != "C0OPS" {
				t.Errorf("room %+v", i.Room)
			}
			if w.count(`SELECT count(*) FROM runs`) != 1 || w.desired(incidents.SummaryKey(id)) == nil || w.events(id, "incident.create-channel", audit.Failed) != 1 {
				t.Error("there are no checks, no summary, or nothing on record")
			}
		})
	}
}

// TestAPrivateIncidentWithoutAChannelStaysPrivate: who opened it is told in direct
// messages, and nobody anywhere else reads anything of it.
func TestAPrivateIncidentWithoutAChannelStaysPrivate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*incidents.Declaration)
		told   string // where it is said
	}{
		{"declared by a person", func(*incidents.Declaration) {}, "DU9"},
		{"opened by an alert", func(d *incidents.Declaration) { d.By = "" }, "C0OPS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := noChannels(t)
			i := w.declare(0, "orders", func(d *incidents.Declaration) {
				d.Private, d.Title = true, "SECRET TITLE"
				c.change(d)
			})
			w.settle()
			w.settle()
			i = w.incident(i.ID)
			if i.Room.Channel != "" || i.Room.Bound || i.Where() != "" {
				t.Errorf("it goes on in %q, room %+v", i.Where(), i.Room)
			}
			if n := w.count(`SELECT count(*) FROM posts WHERE desired::text LIKE '%SECRET%' OR key LIKE '%/summary'`); n != 0 {
				t.Errorf("%d posts tell of it", n)
			}
			p := w.desired("incident/" + i.Ref() + "/trouble/channel")
			if p == nil || p.Channel != c.told || !strings.Contains(p.Message.PlainText(), "private and has no channel") {
				t.Errorf("told is %+v", p)
			}
			if n := w.count(`SELECT count(*) FROM runs`); n != 0 {
				t.Errorf("%d runs answer somewhere", n)
			}
		})
	}
}

// TestNoIncidentGoesOnWhereOtherOrganisationsRead: it goes on in the channel of the
// alerts or, if they read that as well, nowhere.
func TestNoIncidentGoesOnWhereOtherOrganisationsRead(t *testing.T) {
	for _, c := range []struct {
		name   string
		shared func(*keeper.Options)
		where  string
		told   string
		key    string
	}{
		{"it was declared there", readers("C0PARTNER"), "C0OPS", "C0OPS", "declared"},
		{"they read both", readers("C0PARTNER", "C0OPS"), "", "DU9", "trouble/channel"},
		{"Slack does not say who reads it", func(o *keeper.Options) {
			o.Shared = func(context.Context, string) (bool, error) { return false, errors.New("no answer") }
		}, "", "DU9", "trouble/channel"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := noChannels(t, c.shared)
			w.slack.post("C0PARTNER", "", "hello")
			i := w.declare(0, "orders", func(d *incidents.Declaration) { d.Asked.Channel = "C0PARTNER" })
			w.settle()
			w.clock.pass(10 * time.Minute)
			w.settle()
			i = w.incident(i.ID)
			if i.Where() != c.where || !i.Room.Settled {
				t.Errorf("it goes on in %q, room %+v", i.Where(), i.Room)
			}
			if n := w.count(`SELECT count(*) FROM posts WHERE channel = 'C0PARTNER'`); n != 0 {
				t.Errorf("%d posts in the shared channel", n)
			}
			if p := w.desired("incident/" + i.Ref() + "/" + c.key); p == nil || p.Channel != c.told {
				t.Errorf("told is %+v", p)
			}
		})
	}
}

// TestChecksShowNoRowsInAChannelThatIsSharedByNow, although the bot created it.
func TestChecksShowNoRowsInAChannelThatIsSharedByNow(t *testing.T) {
	for name, shared := range map[string]bool{"shared": true, "not shared": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, func(o *keeper.Options) {
				o.Shared = func(context.Context, string) (bool, error) { return shared, nil }
			})
			w.declare(0, "orders")
			w.settle()
			if n := w.count(`SELECT count(*) FROM runs WHERE (asked ->> 'NoRows')::boolean = $1`, shared); n != 1 {
				t.Errorf("%d runs with NoRows %v", n, shared)
			}
		})
	}
}

// TestAPrivateIncidentHasItsChannelOnceItMay: somebody gave the bot the right, and has it
// tried again.
func TestAPrivateIncidentHasItsChannelOnceItMay(t *testing.T) {
	w := noChannels(t)
	i := w.declare(0, "orders", func(d *incidents.Declaration) { d.Private = true })
	w.settle()
	w.slack.breaks(nil)
	w.move(i.ID, func(i incidents.Incident) incidents.Incident {
		out, _, err := i.TryAgain(incidents.Move{By: "U9", At: w.clock.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return out
	})
	w.settle()
	w.furnished(i, "inc-20261122-orders")
	if n := w.count(`SELECT count(*) FROM runs WHERE incident = $1`, i.ID); n != 1 || w.desired(incidents.SummaryKey(i.ID)) == nil {
		t.Errorf("%d runs", n)
	}
}

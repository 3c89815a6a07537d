package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/store"
)

// noticeTo is a notice to two audiences; the second is not told.
func noticeTo(id int64, i incidents.Incident, to ...incidents.Destination) incidents.Notice {
	return incidents.Notice{
		ID: id, Incident: i.ID, Template: "update", Number: int(id), By: "U1", At: noon,
		Letters: []incidents.Letter{
			{Audience: "executives", Title: "Executives", Subject: "P0", Body: "Wrong.\x00", To: to},
			{Audience: "support", Title: "Support", Subject: "P0", Body: "x", Not: []string{"No destination is configured."}},
		},
	}
}

func email(name string) incidents.Destination {
	return incidents.Destination{Kind: incidents.ToEmail, To: name + "@example.com"}
}

func person(user string) incidents.Destination {
	return incidents.Destination{Kind: incidents.ToPerson, To: user, Via: "S0EXEC"}
}

// tell records that a notice is sent.
func tell(t testing.TB, s *store.Store, n incidents.Notice) error {
	t.Helper()
	return record(t, s, commands.Intent{Notices: []incidents.Notice{n}, Events: []audit.Event{event("send")}})
}

func TestANoticeIsSentOnce(t *testing.T) {
	stores := replicas(t, database(t))
	i := declared(t, stores[0], "orders", "C1")
	other := noticeTo(899, i, email("a"))
	must(t, tell(t, stores[0], other))
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for n := range 12 {
		wg.Go(func() {
			notice := noticeTo(900, i, email("a"), person("U2"))
			notice.ID = 900 + int64(n) // each click has a number of its own; what is under the seal is the same
			switch err := tell(t, stores[n%3], notice); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, incidents.ErrMoved):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 11 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
	v, err := stores[1].IncidentView(t.Context(), i.ID)
	must(t, err)
	if len(v.Notices) != 2 {
		t.Fatalf("%d notices", len(v.Notices))
	}
	sent := v.Notices[1]
	want := noticeTo(900, i, email("a"), person("U2"))
	want.ID = sent.ID
	if diff := cmp.Diff(want, sent.Notice); diff != "" {
		t.Errorf("notice (-want +got):\n%s", diff)
	}
	for n := range sent.Deliveries {
		sent.Deliveries[n].At = noon
	}
	if diff := cmp.Diff(want.Outgoing(), sent.Deliveries); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	if n := count(t, stores[0], `SELECT count(*) FROM audit_events WHERE action = 'send'`); n != 2 {
		t.Errorf("%d events", n)
	}
}

func TestADraftIsKeptForADay(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	i := declared(t, s, "orders", "C1")
	draft := func(id int64) incidents.Sealed {
		n := noticeTo(id, i, email("a"))
		return incidents.Sealed{Seal: n.Seal(), Notice: n}
	}
	one, two, three := draft(1), draft(2), draft(3)
	must(t, s.KeepDraft(t.Context(), one))
	must(t, record(t, s, commands.Intent{Draft: &two}))
	clock = clock.Add(13 * time.Hour)
	must(t, s.KeepDraft(t.Context(), one)) // previewed again
	must(t, s.KeepDraft(t.Context(), three))
	must(t, record(t, s, commands.Intent{Discard: three.Seal}))
	if err := record(t, s, commands.Intent{Discard: three.Seal}); !errors.Is(err, incidents.ErrMoved) {
		t.Errorf("thrown away twice: %v", err)
	}
	clock = clock.Add(13 * time.Hour)
	if n, err := s.Purge(t.Context(), store.Retention{}); n != 1 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
	got, err := s.Draft(t.Context(), one.Seal)
	if diff := cmp.Diff(one, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for name, seal := range map[string]string{"too old": two.Seal, "thrown away": three.Seal} {
		if _, err := s.Draft(t.Context(), seal); !errors.Is(err, incidents.ErrNotFound) {
			t.Errorf("one that was %s: %v", name, err)
		}
	}
}

// A send of a kept draft throws it away, and so whoever sends it and whoever discards it
// want the same row.
func TestADraftIsSentOrDiscarded(t *testing.T) {
	stores := replicas(t, database(t))
	i := declared(t, stores[0], "orders", "C1")
	for round := range int64(10) {
		n := noticeTo(round, i, email("a"))
		must(t, stores[0].KeepDraft(t.Context(), incidents.Sealed{Seal: n.Seal(), Notice: n}))
		sent := n
		sent.ID, sent.SentAt = 900+round, noon.Add(time.Minute)
		var wg sync.WaitGroup
		var won atomic.Int64
		for k, in := range []commands.Intent{{Notices: []incidents.Notice{sent}, Discard: n.Seal()}, {Discard: n.Seal()}, {Discard: n.Seal()}} {
			wg.Go(func() {
				switch err := record(t, stores[k], in); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, incidents.ErrMoved):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of them did it", won.Load())
		}
		told := count(t, stores[0], `SELECT count(*) FROM notices WHERE id = $1`, sent.ID)
		got, err := stores[1].Draft(t.Context(), n.Seal())
		switch {
		case told == 1: // whoever asks for it now reads that it was sent
			if diff := cmp.Diff(incidents.Sealed{Seal: n.Seal(), Notice: sent}, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if id, err := stores[2].IncidentOfNotice(t.Context(), sent.ID); id != i.ID || err != nil {
				t.Errorf("N-%d is of INC-%d, %v", sent.ID, id, err)
			}
		case !errors.Is(err, incidents.ErrNotFound):
			t.Errorf("it was discarded, and there is %+v, %v", got, err)
		}
	}
	if _, err := stores[0].IncidentOfNotice(t.Context(), 7); !errors.Is(err, incidents.ErrNotFound) {
		t.Errorf("of what is no notice: %v", err)
	}
}

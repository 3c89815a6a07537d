package store_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/store"
)

func incident(id int64, key, channel string) incidents.Incident {
	return incidents.Incident{
		ID: id, Key: key, Domain: key, Title: "Orders data is wrong\x00 <!channel>", Severity: incidents.P0, Status: incidents.Investigating,
		Source: audit.FromSlash, OpenedBy: "U1", Opened: noon, Request: "req", Asked: incidents.Place{Channel: "C0"},
		Room: incidents.Room{Channel: channel},
	}
}

// replicas are three handles on one database.
func replicas(t testing.TB, dsn string, change ...func(*store.Options)) []*store.Store {
	t.Helper()
	var stores []*store.Store
	for range 3 {
		stores = append(stores, open(t, dsn, append(change, func(o *store.Options) { o.WriteTimeout = patience })...))
	}
	return stores
}

var recorded atomic.Int64

// record records an intent under a key of its own.
func record(t testing.TB, s *store.Store, in commands.Intent) error {
	t.Helper()
	_, err := s.Record(t.Context(), fmt.Sprintf("test-%d", recorded.Add(1)), false, func(int64) commands.Intent { return in })
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// declared opens an incident.
func declared(t testing.TB, s *store.Store, key, channel string) incidents.Incident {
	t.Helper()
	var id int64
	_, err := s.Record(t.Context(), fmt.Sprintf("test-%d", recorded.Add(1)), true, func(n int64) commands.Intent {
		id = n
		return commands.Intent{
			Incidents: []incidents.Change{{Incident: incident(n, key, channel)}},
			Events:    []audit.Event{incident(n, key, channel).Log("incident.declare", nil)},
		}
	})
	must(t, err)
	return stored(t, s, id)
}

func stored(t testing.TB, s *store.Store, id int64) incidents.Incident {
	t.Helper()
	i, err := s.Incident(t.Context(), id)
	must(t, err)
	return i
}

// change writes an incident over the version it was made from.
func change(i incidents.Incident, events ...audit.Event) commands.Intent {
	return commands.Intent{Incidents: []incidents.Change{{Incident: i}}, Events: events}
}

// over ends an incident; its soak too.
func over(t testing.TB, s *store.Store, i incidents.Incident) incidents.Incident {
	t.Helper()
	i.Status, i.End = incidents.Resolved, &incidents.End{At: noon}
	must(t, record(t, s, change(i)))
	return stored(t, s, i.ID)
}

func TestAnIncidentIsKeptAsItIs(t *testing.T) {
	s := open(t, database(t))
	i := declared(t, s, "orders", "C1")
	want := incident(i.ID, "orders", "C1")
	want.Version = 1
	if diff := cmp.Diff(want, i); diff != "" {
		t.Errorf("incident (-want +got):\n%s", diff)
	}
	i.Title, i.Status, i.Clocks = "Other", incidents.Fixing, map[string]incidents.Clock{"executives": {Every: time.Hour, Due: noon}}
	must(t, record(t, s, change(i)))
	i.Version++
	for name, read := range map[string]func() (incidents.Incident, error){
		"by its id":      func() (incidents.Incident, error) { return s.Incident(t.Context(), i.ID) },
		"by its channel": func() (incidents.Incident, error) { return s.IncidentIn(t.Context(), "C1") },
		"by its key":     func() (incidents.Incident, error) { return s.IncidentOf(t.Context(), "orders") },
		"among the held": func() (incidents.Incident, error) {
			held, err := s.HeldIncidents(t.Context())
			return held[0], err
		},
		"in its view": func() (incidents.Incident, error) {
			v, err := s.IncidentView(t.Context(), i.ID)
			return v.Incident, err
		},
	} {
		got, err := read()
		if diff := cmp.Diff(i, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	s := open(t, database(t))
	over(t, s, declared(t, s, "orders", "C1"))
	for name, read := range map[string]func() error{
		"an id":                 func() error { _, err := s.Incident(t.Context(), 7); return err },
		"a view":                func() error { _, err := s.IncidentView(t.Context(), 7); return err },
		"a channel of one over": func() error { _, err := s.IncidentIn(t.Context(), "C1"); return err },
		"no channel":            func() error { _, err := s.IncidentIn(t.Context(), ""); return err },
		"a key of one over":     func() error { _, err := s.IncidentOf(t.Context(), "orders"); return err },
		"a draft":               func() error { _, err := s.Draft(t.Context(), "no"); return err },
	} {
		if err := read(); !errors.Is(err, incidents.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhoMayNotBeWritten(t *testing.T) {
	s := open(t, database(t))
	held := declared(t, s, "orders", "C1")
	free := declared(t, s, "payments", "C2")
	soaking := declared(t, s, "inventory", "C3")
	soaking.Status, soaking.End = incidents.Resolved, &incidents.End{At: noon, Soak: noon.Add(time.Hour)}
	must(t, record(t, s, change(soaking)))
	for name, c := range map[string]struct {
		in    incidents.Incident
		moved bool
	}{
		"a new one of a key that is held":        {incident(901, "orders", ""), true},
		"a new one of a key in its soak":         {incident(902, "inventory", ""), true},
		"a new one in a channel that is held":    {incident(903, "customers", "C1"), true},
		"a new one with a number that is taken":  {incident(held.ID, "customers", ""), true},
		"one that binds a channel that is held":  {bound(free, "C1"), true},
		"one that takes a key that is held":      {keyed(free, "orders"), true},
		"one of a version that never was":        {versioned(free, 7), true},
		"one that never was":                     {versioned(incident(904, "x", ""), 3), true},
		"one without a number":                   {incident(0, "customers", ""), false},
		"one without a key":                      {incident(905, "", ""), false},
		"one whose channel no database can hold": {incident(906, "customers", "C\x00"), false},
	} {
		t.Run(name, func(t *testing.T) {
			err := record(t, s, change(c.in, event("x")))
			if err == nil || errors.Is(err, incidents.ErrMoved) != c.moved {
				t.Errorf("it was written, or the error is another one: %v", err)
			}
		})
	}
	if n := count(t, s, `SELECT count(*) FROM audit_events WHERE action = 'x'`); n != 0 {
		t.Errorf("%d events of what was not done", n)
	}
	over(t, s, held)
	must(t, record(t, s, change(incident(907, "orders", "C1"))))
}

func bound(i incidents.Incident, channel string) incidents.Incident {
	i.Room.Channel = channel
	return i
}

func keyed(i incidents.Incident, key string) incidents.Incident {
	i.Key = key
	return i
}

func versioned(i incidents.Incident, version int64) incidents.Incident {
	i.Version = version
	return i
}

package store_test

import (
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/store"
)

// Tables of the version before, in which runs and plans are, and the way back.
func TestMigrateFromTheVersionWithoutIncidentsAndBack(t *testing.T) {
	owner, role := pgtest.Database(t), pgtest.Role(t, "runtime")
	must(t, store.Migrate(t.Context(), owner, role))
	s := open(t, pgtest.As(owner, role))
	run, plan := ask(t, s, "before", "a"), waiting(t, s, soon())
	must(t, store.MigrateDown(t.Context(), owner, 4))
	if s, err := store.Open(t.Context(), store.Options{DSN: pgtest.As(owner, role)}); err == nil {
		s.Close()
		t.Error("it was opened without its tables")
	}
	must(t, store.Migrate(t.Context(), owner, role))
	s = open(t, pgtest.As(owner, role))
	i := declared(t, s, "orders", "C1")
	if got, err := s.Run(t.Context(), run); err != nil || got.Title != "Orders" {
		t.Errorf("the run of before: %+v, %v", got, err)
	}
	if got, _, err := s.Plan(t.Context(), plan.ID); err != nil || got.Hash != plan.Hash {
		t.Errorf("the plan of before: %+v, %v", got, err)
	}
	v, err := s.IncidentView(t.Context(), i.ID)
	if err != nil || len(v.Checks)+len(v.Repairs)+len(v.Runs) != 0 || len(v.Events) != 1 {
		t.Errorf("the view has more than belongs to it: %+v, %v", v, err)
	}
	must(t, store.MigrateDown(t.Context(), owner, 4))
	if n := count(t, s, `SELECT count(*) FROM audit_events WHERE incident = $1`, i.Ref()); n != 1 {
		t.Errorf("the audit log has %d events of it", n)
	}
}

// The runtime role can do with incidents what a replica does.
func TestRuntimeRoleCanKeepIncidents(t *testing.T) {
	owner, role := pgtest.Database(t), pgtest.Role(t, "runtime")
	must(t, store.Migrate(t.Context(), owner, role))
	s := open(t, pgtest.As(owner, role))
	i := declared(t, s, "orders", "C1")
	in := change(i, event("x"))
	in.Entries = []incidents.Entry{{Incident: i.ID, Key: "note/1", Revision: 1, At: noon}}
	in.Notices = []incidents.Notice{noticeTo(900, i, email("a"), person("U1"))}
	in.Draft = &incidents.Sealed{Seal: "s", Notice: noticeTo(901, i)}
	must(t, record(t, s, in))
	must(t, record(t, s, commands.Intent{Discard: "s"}))
	if got, err := s.TakeName(t.Context(), "inc-1", i.ID); !got || err != nil {
		t.Errorf("TakeName = %v, %v", got, err)
	}
	if got, err := s.LeaseIncident(t.Context(), i.ID, "one", time.Minute); !got || err != nil {
		t.Errorf("LeaseIncident = %v, %v", got, err)
	}
	must(t, s.Sight(t.Context(), sighting("e", "C1", "1.1")))
	must(t, s.Unsight(t.Context(), nextSightings(t, s, "1.1")[0]))
	l := nextLetter(t, s)
	must(t, s.BeginDelivery(t.Context(), l.Delivery))
	must(t, end(t, s, l.Delivery, incidents.Refused, 0))
	must(t, record(t, s, commands.Intent{Again: &incidents.Again{Notice: 900, N: 1, State: incidents.Refused}}))
	if _, err := s.SettleHanded(t.Context(), func(incidents.Delivery) audit.Event { return event("x") }); err != nil {
		t.Error(err)
	}
	if _, err := s.ShowSpaced(t.Context(), post("summary", "C1", "x"), time.Second); err != nil {
		t.Error(err)
	}
	if _, err := s.IncidentView(t.Context(), i.ID); err != nil {
		t.Error(err)
	}
	if _, err := s.Purge(t.Context(), store.Retention{}); err != nil {
		t.Error(err)
	}
}

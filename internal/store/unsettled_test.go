package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/store"
)

// A plan whose end is not known keeps its places until somebody finds out.
func TestAnUnknownEndIsSettledOnce(t *testing.T) {
	dsn := database(t)
	s := open(t, dsn)
	one := confirmed(t, s)
	if err := one.begin(t, s, of(0, 0, 0, 10), of(1, 0, 10, 20)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Unsettled(t.Context()); len(got) != 0 || err != nil {
		t.Errorf("a plan under way is unsettled: %v, %v", got, err)
	}
	one.conclude(t, s, fix.PartlyApplied, fix.Outcome{Total: 10, Unknown: true})
	wantHeld(t, s, fix.Held{Plan: one.ID, Hold: fix.Taken, Part: 0, Spans: []fix.Span{{From: 0, To: 20}}})
	unsettled, err := s.Unsettled(t.Context())
	if err != nil || len(unsettled) != 1 || unsettled[0].ID != one.ID || unsettled[0].Check != "a" {
		t.Fatalf("%+v, %v", unsettled, err)
	}
	clock := time.Now().Add(fix.Remembered + time.Hour)
	if late, err := open(t, dsn, at(&clock)).Unsettled(t.Context()); err != nil || len(late) != 0 {
		t.Errorf("what its target may have forgotten is to be settled: %d plans, %v", len(late), err)
	}
	p := unsettled[0]
	p.State, p.Outcome, p.Reason = fix.Applied, fix.Outcome{Total: 15}, ""
	var wg sync.WaitGroup
	var mu sync.Mutex
	first := 0
	for range 4 { // replicas
		other := open(t, dsn)
		wg.Go(func() {
			did, err := other.SettlePlan(t.Context(), p, []fix.Claim{of(0, 0, 0, 10), of(1, 0, 10, 15)}, []message.Post{post("plan/head", "C1", "settled")}, []audit.Event{event("fix.settled")})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if did {
				first++
			}
		})
	}
	wg.Wait()
	if n := count(t, s, `SELECT count(*) FROM audit_events WHERE action = 'fix.settled'`); first != 1 || n != 1 {
		t.Errorf("settled %d times, %d events", first, n)
	}
	wantHeld(t, s, fix.Held{Plan: one.ID, Hold: fix.Sent, Part: 0, Spans: []fix.Span{{From: 0, To: 15}}})
	got, _, err := s.Plan(t.Context(), one.ID)
	if err != nil || got.State != fix.Applied || got.Outcome.Total != 15 || got.Outcome.Unknown {
		t.Errorf("%s, %+v, %v", got.State, got.Outcome, err)
	}
}

// The tables of the version before, with a plan in them.
func TestMigrateFromTheVersionWithoutALedger(t *testing.T) {
	owner, role := pgtest.Database(t), pgtest.Role(t, "runtime")
	if err := store.Migrate(t.Context(), owner, role); err != nil {
		t.Fatal(err)
	}
	before := waiting(t, open(t, pgtest.As(owner, role)), soon())
	if err := store.MigrateDown(t.Context(), owner, 3); err != nil {
		t.Fatal(err)
	}
	if s, err := store.Open(t.Context(), store.Options{DSN: pgtest.As(owner, role)}); err == nil {
		s.Close()
		t.Error("it was opened without its table")
	}
	if err := store.Migrate(t.Context(), owner, role); err != nil {
		t.Fatal(err)
	}
	s := open(t, pgtest.As(owner, role))
	if p, _, err := s.Plan(t.Context(), before.ID); err != nil || p.Hash != before.Hash {
		t.Errorf("the plan of before: %+v, %v", p, err)
	}
	// The runtime role can do with it what a replica does.
	p := confirmed(t, s)
	if err := p.begin(t, s, of(0, 0, 0, 10)); err != nil {
		t.Fatal(err)
	}
	if err := s.NoteSent(t.Context(), p.Run, p.claim.Epoch, p.ID, []fix.Claim{of(0, 0, 0, 5)}); err != nil {
		t.Fatal(err)
	}
	p.conclude(t, s, fix.PartlyApplied, fix.Outcome{Total: 5, Unknown: true})
	unsettled, err := s.Unsettled(t.Context())
	if err != nil || len(unsettled) != 1 {
		t.Fatal(unsettled, err)
	}
	if did, err := s.SettlePlan(t.Context(), unsettled[0], []fix.Claim{of(0, 0, 0, 5)}, nil, []audit.Event{event("fix.settled")}); !did || err != nil {
		t.Error(did, err)
	}
	wantHeld(t, s, fix.Held{Plan: p.ID, Hold: fix.Sent, Part: 0, Spans: []fix.Span{{From: 0, To: 5}}})
	refuses(t, "truncate the ledger", pgtest.As(owner, role), fmt.Sprintf(`TRUNCATE sent_records -- %d`, p.ID))
}

package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/store"
)

// begun is a plan that a replica is about to apply.
type begun struct {
	fix.Plan
	claim store.Claim
}

func confirmed(t testing.TB, s *store.Store) begun {
	t.Helper()
	p := waiting(t, s, soon())
	if err := decide(s, t, p.Ref(), p, fix.Approved); err != nil {
		t.Fatal(err)
	}
	p, _, err := s.Plan(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	return begun{p, claim(t, s, p.Run, "one")}
}

func (b begun) begin(t testing.TB, s *store.Store, claims ...fix.Claim) error {
	return s.BeginApply(t.Context(), b.Run, b.claim.Epoch, b.ID, claims, []audit.Event{event("fix.apply")})
}

// conclude ends the plan.
func (b begun) conclude(t testing.TB, s *store.Store, state fix.State, o fix.Outcome) {
	t.Helper()
	b.State, b.Outcome = state, o
	end := b.claim.Run
	end.State = check.Done
	if err := s.ConcludePlan(t.Context(), b.claim.Epoch, end, store.PlanStep{From: fix.Applying, Plan: b.Plan}, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// of is a claim of places of one partition of the dead-letter topic.
func of(batch int, part int32, spans ...int64) fix.Claim {
	c := fix.Claim{Batch: batch, Source: "dlq", Of: "id-1", Part: part}
	for i := 0; i < len(spans); i += 2 {
		c.Spans = append(c.Spans, fix.Span{From: spans[i], To: spans[i+1]})
	}
	return c
}

func held(t testing.TB, s *store.Store, source, id string) []fix.Held {
	t.Helper()
	got, err := s.Held(t.Context(), source, id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantHeld(t testing.TB, s *store.Store, want ...fix.Held) {
	t.Helper()
	if diff := cmp.Diff(want, held(t, s, "dlq", "id-1")); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
}

func TestAPlanTakesItsPlacesWhenItBegins(t *testing.T) {
	s := open(t, database(t))
	p := confirmed(t, s)
	other := fix.Claim{Batch: 1, Source: "dlq", Of: "id-2", Part: 0, Spans: []fix.Span{{From: 0, To: 9}}}
	if err := p.begin(t, s, of(0, 0, 10, 20, 30, 31), of(0, 3, 5, 6), of(1, 0, 20, 30, 40, 1<<62), other); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, s,
		fix.Held{Plan: p.ID, Hold: fix.Taken, Part: 0, Spans: []fix.Span{{From: 10, To: 31}, {From: 40, To: 1 << 62}}},
		fix.Held{Plan: p.ID, Hold: fix.Taken, Part: 3, Spans: []fix.Span{{From: 5, To: 6}}},
	)
	if got := held(t, s, "dlq", "id-2"); len(got) != 1 || got[0].Spans[0] != other.Spans[0] {
		t.Errorf("of the later topic %v is held", got)
	}
	if got := held(t, s, "other", "id-1"); len(got) != 0 {
		t.Errorf("of another topic %v is held", got)
	}
}

func TestAPlaceIsInOnePlanOnly(t *testing.T) {
	for name, c := range map[string]struct {
		first, second []fix.Claim
		places        int64 // that clash; 0: none
	}{
		"the same":              {[]fix.Claim{of(0, 0, 5, 9)}, []fix.Claim{of(0, 0, 5, 9)}, 4},
		"one at the edge":       {[]fix.Claim{of(0, 0, 5, 9)}, []fix.Claim{of(0, 0, 8, 20)}, 1},
		"inside":                {[]fix.Claim{of(0, 0, 5, 900)}, []fix.Claim{of(0, 0, 7, 8), of(1, 0, 10, 12)}, 3},
		"around":                {[]fix.Claim{of(0, 0, 5, 6, 8, 9)}, []fix.Claim{of(0, 0, 0, 100)}, 2},
		"in two partitions":     {[]fix.Claim{of(0, 0, 5, 9), of(0, 1, 5, 9)}, []fix.Claim{of(0, 0, 8, 9), of(7, 1, 0, 6)}, 2},
		"side by side":          {[]fix.Claim{of(0, 0, 5, 9)}, []fix.Claim{of(0, 0, 0, 5, 9, 20)}, 0},
		"in the gaps":           {[]fix.Claim{of(0, 0, 1, 2, 3, 4, 5, 6)}, []fix.Claim{of(0, 0, 2, 3, 4, 5, 6, 7)}, 0},
		"in another partition":  {[]fix.Claim{of(0, 0, 5, 9)}, []fix.Claim{of(0, 1, 5, 9)}, 0},
		"in another topic":      {[]fix.Claim{of(0, 0, 5, 9)}, []fix.Claim{{Source: "dlq2", Of: "id-1", Spans: []fix.Span{{From: 5, To: 9}}}}, 0},
		"in a topic made again": {[]fix.Claim{of(0, 0, 5, 9)}, []fix.Claim{{Source: "dlq", Of: "id-2", Spans: []fix.Span{{From: 5, To: 9}}}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			one, two := confirmed(t, s), confirmed(t, s)
			if err := one.begin(t, s, c.first...); err != nil {
				t.Fatal(err)
			}
			before := count(t, s, `SELECT count(*) FROM audit_events`)
			err := two.begin(t, s, c.second...)
			if c.places == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var clash *fix.Clash
			if !errors.As(err, &clash) || clash.Places != c.places || !slices.Equal(clash.Plans, []int64{one.ID}) {
				t.Fatalf("%v, want %d places of %s", err, c.places, one.Ref())
			}
			p, _, err := s.Plan(t.Context(), two.ID)
			if err != nil || p.State != fix.Approved {
				t.Errorf("the refused plan is %s, %v", p.State, err)
			}
			if n := count(t, s, `SELECT count(*) FROM sent_records WHERE plan = $1`, two.ID); n != 0 {
				t.Errorf("it has %d rows in the ledger", n)
			}
			if n := count(t, s, `SELECT count(*) FROM audit_events`); n != before {
				t.Errorf("%d events", n-before)
			}
		})
	}
}

// What a plan has sent is nobody else's for ever; what it left is free as soon as it
// is over, and not before.
func TestWhatBecomesOfTakenPlaces(t *testing.T) {
	s := open(t, database(t))
	one, two := confirmed(t, s), confirmed(t, s)
	if err := one.begin(t, s, of(0, 0, 0, 10), of(1, 0, 10, 20), of(1, 1, 7, 8)); err != nil {
		t.Fatal(err)
	}
	note := func(made ...fix.Claim) {
		t.Helper()
		if err := s.NoteSent(t.Context(), one.Run, one.claim.Epoch, one.ID, made); err != nil {
			t.Fatal(err)
		}
	}
	note(of(0, 0, 0, 4, 5, 10))
	wantHeld(t, s,
		fix.Held{Plan: one.ID, Hold: fix.Sent, Part: 0, Spans: []fix.Span{{From: 0, To: 4}, {From: 5, To: 10}}},
		fix.Held{Plan: one.ID, Hold: fix.Taken, Part: 0, Spans: []fix.Span{{From: 4, To: 5}, {From: 10, To: 20}}},
		fix.Held{Plan: one.ID, Hold: fix.Taken, Part: 1, Spans: []fix.Span{{From: 7, To: 8}}},
	)
	var clash *fix.Clash
	if err := two.begin(t, s, of(0, 0, 4, 5)); !errors.As(err, &clash) {
		t.Errorf("a place that a successor could still send was given away: %v", err)
	}
	// Its process ended before it could say so; the next one sends more.
	note(of(0, 0, 0, 4, 5, 10), of(1, 0, 10, 12), of(1, 1, 7, 8))
	one.conclude(t, s, fix.PartlyApplied, fix.Outcome{Total: 12})
	wantHeld(t, s,
		fix.Held{Plan: one.ID, Hold: fix.Sent, Part: 0, Spans: []fix.Span{{From: 0, To: 4}, {From: 5, To: 12}}},
		fix.Held{Plan: one.ID, Hold: fix.Sent, Part: 1, Spans: []fix.Span{{From: 7, To: 8}}},
	)
	if err := two.begin(t, s, of(0, 0, 11, 13)); !errors.As(err, &clash) || clash.Places != 1 {
		t.Errorf("what was sent was given away: %v", err)
	}
	if err := two.begin(t, s, of(0, 0, 4, 5, 12, 20)); err != nil {
		t.Errorf("what was left is not free: %v", err)
	}
	if got, err := s.Unsettled(t.Context()); len(got) != 0 || err != nil {
		t.Errorf("%d unsettled, %v", len(got), err)
	}
}

func TestNotingWhatWasSentIsFenced(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	p := waiting(t, s, noon.Add(10*time.Hour))
	if err := decide(s, t, "U2", p, fix.Approved); err != nil {
		t.Fatal(err)
	}
	p, _, err := s.Plan(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	old := begun{p, claim(t, s, p.Run, "old")}
	if err := old.begin(t, s, of(0, 0, 0, 10)); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(2 * ttl)
	claim(t, s, p.Run, "new")
	if err := s.NoteSent(t.Context(), p.Run, old.claim.Epoch, p.ID, []fix.Claim{of(0, 0, 0, 10)}); !errors.Is(err, check.ErrFenced) {
		t.Errorf("by the one before: %v", err)
	}
	wantHeld(t, s, fix.Held{Plan: p.ID, Hold: fix.Taken, Part: 0, Spans: []fix.Span{{From: 0, To: 10}}})
}

// Plans are kept for ever, and so is what they sent: a topic may keep its records
// longer than anybody thinks.
func TestWhatWasSentIsNeverForgotten(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	p := waiting(t, s, noon.Add(10*time.Hour))
	if err := decide(s, t, "U2", p, fix.Approved); err != nil {
		t.Fatal(err)
	}
	p, _, err := s.Plan(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	b := begun{p, claim(t, s, p.Run, "one")}
	if err := b.begin(t, s, of(0, 0, 0, 10)); err != nil {
		t.Fatal(err)
	}
	if err := s.NoteSent(t.Context(), b.Run, b.claim.Epoch, b.ID, []fix.Claim{of(0, 0, 0, 10)}); err != nil {
		t.Fatal(err)
	}
	b.conclude(t, s, fix.Applied, fix.Outcome{Total: 10})
	clock = noon.Add(5 * 365 * 24 * time.Hour)
	if _, err := s.Purge(t.Context(), store.Retention{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.PlanContent(t.Context(), p.ID); !errors.Is(err, commands.ErrNotFound) {
		t.Errorf("content of an old plan: %v", err)
	}
	wantHeld(t, s, fix.Held{Plan: p.ID, Hold: fix.Sent, Part: 0, Spans: []fix.Span{{From: 0, To: 10}}})
}

package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/fix"
)

func TestWhatWasSentAndIsNotAmongWhatATargetRemembers(t *testing.T) {
	s := open(t, database(t))
	p, other := confirmed(t, s), confirmed(t, s)
	later := fix.Claim{Source: "dlq", Of: "id-2", Part: 0, Spans: []fix.Span{{From: 0, To: 3}}}
	for _, one := range []struct {
		begun
		made, left []fix.Claim
	}{
		{p, []fix.Claim{of(0, 0, 0, 4, 5, 10), of(0, 1, 7, 1<<40), later}, []fix.Claim{of(1, 9, 0, 10)}},
		{other, []fix.Claim{of(0, 5, 0, 99)}, nil},
	} {
		if err := one.begin(t, s, slices.Concat(one.made, one.left)...); err != nil {
			t.Fatal(err)
		}
		if err := s.NoteSent(t.Context(), one.Run, one.claim.Epoch, one.ID, one.made); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		remembers []fix.Claim
		beyond    int64
	}{
		"all of it":          {[]fix.Claim{of(0, 0, 0, 4, 5, 10), of(1, 1, 7, 1<<40), later}, 0},
		"more than that":     {[]fix.Claim{of(0, 0, 0, 20), of(1, 1, 0, 1<<41), later, of(2, 2, 0, 10)}, 0},
		"in pieces":          {[]fix.Claim{of(0, 0, 0, 2), of(1, 0, 2, 4), of(2, 0, 5, 10), of(1, 1, 7, 1<<40), later}, 0},
		"nothing":            {nil, 9 + 1<<40 - 7 + 3},
		"one less":           {[]fix.Claim{of(0, 0, 0, 4, 6, 10), of(1, 1, 7, 1<<40), later}, 1},
		"not one partition":  {[]fix.Claim{of(1, 1, 7, 1<<40), later}, 9},
		"not the later one":  {[]fix.Claim{of(0, 0, 0, 4, 5, 10), of(1, 1, 7, 1<<40)}, 3},
		"of another only":    {[]fix.Claim{of(0, 5, 0, 99)}, 9 + 1<<40 - 7 + 3},
		"what is only taken": {[]fix.Claim{of(1, 9, 0, 10), of(0, 0, 0, 10), of(0, 1, 7, 1<<40), later}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if n, err := s.SentBeyond(t.Context(), p.ID, c.remembers); n != c.beyond || err != nil {
				t.Errorf("%d, %v, want %d", n, err, c.beyond)
			}
		})
	}
}

// Changes that have no places of their own leave nothing in the ledger: their outcome
// says that it is not known. Of plans that can be taken back nobody need know.
func TestAnUnknownEndWithoutPlacesIsSettled(t *testing.T) {
	for name, c := range map[string]struct {
		forms     string
		unknown   bool
		unsettled bool
	}{
		"events":            {`[{"op": "update"}, {"op": "send"}]`, true, true},
		"letters":           {`[{"op": "send", "once": true}]`, true, true},
		"events, known":     {`[{"op": "send"}]`, false, false},
		"rows":              {`[{"op": "update"}]`, true, false},
		"nothing":           {`null`, true, false},
		"content is purged": {``, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			p := confirmed(t, s)
			exec(t, s, fmt.Sprintf(`UPDATE plans SET forms = nullif('%s', '')::json`, c.forms))
			if err := p.begin(t, s); err != nil {
				t.Fatal(err)
			}
			p.conclude(t, s, fix.PartlyApplied, fix.Outcome{Total: 5, Unknown: c.unknown})
			plans, err := s.Unsettled(t.Context())
			if err != nil || (len(plans) == 1) != c.unsettled {
				t.Fatalf("%d unsettled, %v", len(plans), err)
			}
			p.State, p.Outcome = fix.Applied, fix.Outcome{Total: 7}
			for i := range 2 { // once, whoever else tries
				did, err := s.SettlePlan(t.Context(), p.Plan, nil, nil, []audit.Event{event("fix.settled")})
				if did != (c.unsettled && i == 0) || err != nil {
					t.Errorf("settled for the %d. time: %t, %v", i+1, did, err)
				}
			}
			if plans, err := s.Unsettled(t.Context()); err != nil || len(plans) != 0 {
				t.Errorf("%d unsettled after that, %v", len(plans), err)
			}
		})
	}
}

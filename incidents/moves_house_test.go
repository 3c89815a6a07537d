package incidents_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
)

// The house of the moves: an incident about orders, two audiences with clocks, four
// levels to call of which one is empty.
var opened = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func movesWords() incidents.Wording {
	destination := []incidents.Destination{{Kind: incidents.ToChannel, To: "C0SOMEWHERE"}}
	return incidents.Wording{
		Word: "/integrity",
		Checks: map[string]check.Check{
			"orphaned-orders": {Name: "orphaned-orders", Title: "Orphaned orders", Domain: "orders", Kind: "orphans", Noun: "orders"},
			"order-totals":    {Name: "order-totals", Title: "Order totals", Domain: "orders", Kind: "totals", Noun: "orders"},
			"writers":         {Name: "writers", Title: "Writers", Domain: "writes", Kind: "writers", Noun: "deployments"},
		},
		Rules: incidents.Rules{
			Severities: []incidents.SeverityRule{
				{Severity: incidents.P0, Domains: []string{"payments", "orders"}},
				{Severity: incidents.P1, Rows: 1000},
				{Severity: incidents.P2},
			},
			Updates: map[incidents.Severity]time.Duration{incidents.P0: 30 * time.Minute, incidents.P1: time.Hour},
			Grace:   10 * time.Minute, Snooze: 15 * time.Minute, Soak: 2 * time.Hour,
			Audiences: []incidents.Audience{
				{Name: "executives", Title: "Executives", To: destination},
				{Name: "support", Title: "Support", To: destination, Updates: map[incidents.Severity]time.Duration{incidents.P0: time.Hour, incidents.P2: 4 * time.Hour}},
				{Name: "nobody", Title: "Those who cannot be told"},
				{Name: "responders", Title: "Responders", To: destination, Updates: map[incidents.Severity]time.Duration{incidents.P0: 0, incidents.P1: 0}},
			},
			Levels: []incidents.Level{
				{Name: "L1", Title: "DevOps", Groups: []string{"S0DEVOPS"}, After: 10 * time.Minute},
				{Name: "L2", Title: "Backend", Groups: []string{"S0BACKEND"}, Users: []string{"U9CAROL"}, After: 15 * time.Minute},
				{Name: "L3", Title: "Database", Groups: []string{"S0EMPTY"}, After: 15 * time.Minute},
				{Name: "data", Title: "Data team", Groups: []string{"S0DATA", "S0BROKEN"}, After: 30 * time.Minute},
			},
			Alerts: map[string]incidents.AlertRule{
				"DataInconsistencyDetected": {Domain: "orders"},
				"HighEventProcessingLag":    {Domain: "events", Severity: incidents.P2, Title: "Events are late"},
			},
			AlertLinks: []string{"prometheus.example.com"},
		},
	}
}

func whoIsIn(group string) ([]string, error) {
	switch group {
	case "S0DEVOPS":
		return []string{"U1ALICE", "U2BOB"}, nil
	case "S0BACKEND":
		return []string{"U9CAROL", "U3DAVE"}, nil
	case "S0DATA":
		return []string{"U4ERIN"}, nil
	case "S0EMPTY":
		return nil, nil
	}
	return nil, errors.New("slack: ratelimited")
}

// declared is INC-12 as it was declared by Alice at 12:00.
func declared() incidents.Incident {
	i := incidents.Declare(incidents.Declaration{
		ID: 12, Domain: "orders", Source: audit.FromSlash, By: "U1ALICE", Request: "req-1", Asked: incidents.Place{Channel: "C1ORDERS"}, At: opened,
	}, movesWords())
	i.Room = incidents.Room{Channel: "C0INC12", Name: "inc-20261121-orders", Done: map[string]time.Time{incidents.FurnishChannel: opened}, Trouble: map[string]string{}}
	return i
}

func after(d time.Duration) incidents.Move {
	return incidents.Move{By: "U2BOB", At: opened.Add(d)}
}

// moved fails the test where a move was refused.
func moved(t *testing.T) func(incidents.Incident, error) incidents.Incident {
	return func(i incidents.Incident, err error) incidents.Incident {
		t.Helper()
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return i
	}
}

// refused gives the refusal, as people read it.
func refused(t *testing.T, err error) string {
	t.Helper()
	var r *incidents.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("want a refusal, got %v", err)
	}
	if r.Sentence == "" || r.Try == "" || !strings.HasSuffix(r.Sentence, ".") {
		t.Errorf("a refusal is a sentence with an example that works, got %+v", *r)
	}
	text := r.Sentence
	if r.Who != "" {
		text += " (" + r.Who + ")"
	}
	return text + "\n    try: " + r.Try
}

// again is the incident as another replica reads it.
func again(t interface{ Fatal(...any) }, i incidents.Incident) incidents.Incident {
	text, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	var out incidents.Incident
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	out.Version = i.Version
	return out
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: -want +got\n%s", what, diff)
	}
}

// found is a check with runs that gave these, the latest last; at is when each began.
type ran struct {
	after   time.Duration
	verdict check.Verdict
	rows    int64
}

func checked(name string, runs ...ran) incidents.Checked {
	c := incidents.Checked{Name: name}
	for n, r := range runs {
		m := incidents.Measure{
			Run: int64(1000 + n), Verdict: r.verdict, Rows: r.rows, Of: 3_000_000,
			Began: opened.Add(r.after), Started: opened.Add(r.after), At: opened.Add(r.after + time.Second),
		}
		if r.verdict == check.Fail {
			m.First = opened.Add(-2 * time.Hour)
			c.Failed = m
		}
		if r.verdict == check.Pass {
			c.Passed = m
		}
		if !c.First.Known() && r.verdict != check.Unknown {
			c.First = m
		}
		c.Last = m
	}
	return c
}

// skewed is a check whose last run was on a machine whose clock is ahead.
func skewed(c incidents.Checked, by time.Duration) incidents.Checked {
	c.Last.Started, c.Last.At = c.Last.Started.Add(by), c.Last.At.Add(by)
	c.Passed = c.Last
	return c
}

func repair(id int64, state string, asked, ended time.Duration) incidents.Repair {
	return incidents.Repair{
		ID: id, Ref: "P-" + string(rune('0'+id)), Check: "orphaned-orders", Mode: "delete", State: state, Rows: 30,
		Asked: opened.Add(asked), Decided: opened.Add(asked + time.Minute), Finished: opened.Add(ended), AskedBy: "U1ALICE", DecidedBy: "U2BOB",
	}
}

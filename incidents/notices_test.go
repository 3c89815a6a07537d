package incidents_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
)

// The house of the notices: three checks of the runbook's shop and five audiences.
var (
	noticeNow = time.Date(2026, 11, 21, 12, 30, 20, 0, time.UTC)
	noticeBad = time.Date(2026, 11, 21, 10, 2, 0, 0, time.UTC)
)

func noticeWords() incidents.Wording {
	all := []string{incidents.ShowNumbers, incidents.ShowMoney, incidents.ShowChecks, incidents.ShowPlaces, incidents.ShowPeople, incidents.ShowCause, incidents.ShowLinks}
	every := incidents.Templates()
	return incidents.Wording{
		Word: "/integrity",
		Checks: map[string]check.Check{
			"orphaned-orders": {Name: "orphaned-orders", Title: "Orphaned orders", Domain: "orders", Kind: "orphans", Place: "production/shop", Noun: "orders", Means: "belong to a customer that does not exist"},
			"order-totals":    {Name: "order-totals", Title: "Order totals", Domain: "orders", Kind: "totals", Place: "production/shop", Noun: "orders", Means: "have a total that is not the sum of their items"},
			"order-payments":  {Name: "order-payments", Title: "Payments", Domain: "payments", Kind: "match", Place: "production/shop", Noun: "orders", Means: "were not paid as they should have been"},
			"writers":         {Name: "writers", Title: "Writers", Domain: "writers", Kind: "writers", Noun: "deployments", Means: "do not write as they are meant to", OnRequest: true},
		},
		Rules: incidents.Rules{
			Runbook: "https://wiki.example.com/data-inconsistency", Subject: "Data Inconsistency",
			Updates: map[incidents.Severity]time.Duration{incidents.P0: 30 * time.Minute, incidents.P1: time.Hour},
			Audiences: []incidents.Audience{
				{Name: "responders", Title: "Responders", Shows: all, To: []incidents.Destination{{Kind: incidents.ToChannel, To: "incident"}}, Templates: every},
				{Name: "executives", Title: "Executives", Shows: []string{incidents.ShowNumbers, incidents.ShowMoney, incidents.ShowPeople}, Updates: map[incidents.Severity]time.Duration{incidents.P0: time.Hour}, To: []incidents.Destination{
					{Kind: incidents.ToEmail, To: "ceo@example.com"}, {Kind: incidents.ToEmail, To: "coo@example.com"}, {Kind: incidents.ToGroup, To: "S0EXEC"},
				}, Templates: every},
				{Name: "support", Title: "Support", Shows: []string{incidents.ShowChecks}, To: []incidents.Destination{{Kind: incidents.ToChannel, To: "C0SUPPORT"}, {Kind: incidents.ToGroup, To: "S0NOBODY"}, {Kind: incidents.ToWebhook, To: "statuspage"}}, Templates: every},
				{Name: "consumers", Title: "Data consumers", Templates: []string{"opened"}},
				{Name: "customers-draft", Title: "Customers (draft)", To: []incidents.Destination{{Kind: incidents.ToChannel, To: "C0SUPPORT"}, {Kind: incidents.ToEmail, To: "all@example.com"}}},
			},
		},
	}
}

// everybody are the audiences of noticeWords.
func everybody() []string {
	return []string{"responders", "executives", "support", "consumers", "customers-draft"}
}

func inGroup(group string) ([]string, error) {
	switch group {
	case "S0EXEC":
		return []string{"U1", "U2", "U1"}, nil
	case "S0NOBODY":
		return nil, nil
	}
	return nil, errors.New("slack does not answer")
}

func failed(run, rows, of int64, money string, at time.Time) incidents.Measure {
	m := incidents.Measure{Run: run, Verdict: check.Fail, Rows: rows, Of: of, First: noticeBad, Last: noticeBad.Add(2 * time.Hour), Started: at, At: at}
	if money != "" {
		m.Money = map[string]decimal.Decimal{"USD": decimal.RequireFromString(money)}
	}
	return m
}

func passed(run, of int64, at time.Time) incidents.Measure {
	return incidents.Measure{Run: run, Verdict: check.Pass, Of: of, Started: at, At: at}
}

// orders is a P0 in the middle of its life: three checks fail, writes are stopped, one
// repair was applied, another one waits.
func orders() incidents.View {
	first, last := noticeNow.Add(-time.Hour), noticeNow.Add(-10*time.Minute)
	return incidents.View{
		Now: noticeNow,
		Incident: incidents.Incident{
			ID: 12, Key: "orders", Domain: "orders", Title: "Orders data is wrong", Severity: incidents.P0, Status: incidents.Fixing, Lead: "U1ALICE",
			Cause: "deploy 41 dropped events", Opened: noticeNow.Add(-time.Hour), Room: incidents.Room{Channel: "C0INC12", Name: "inc-20261121-orders"},
			Milestones: incidents.Milestones{Began: noticeBad, Detected: first, Contained: noticeNow.Add(-20 * time.Minute)},
			Told:       map[string]int{"opened": 1, "update": 1},
		},
		Checks: []incidents.Checked{
			{Name: "orphaned-orders", First: failed(1, 60, 3_000_000, "2409", first), Last: failed(3, 30, 3_000_000, "1204.5", last), Failed: failed(3, 30, 3_000_000, "1204.5", last)},
			{Name: "order-totals", First: failed(1, 60, 3_000_000, "1204.1", first), Last: failed(3, 60, 3_000_000, "1204.1", last), Failed: failed(3, 60, 3_000_000, "1204.1", last)},
			{Name: "order-payments", First: failed(1, 43, 2_700_000, "17000", first), Last: failed(3, 43, 2_700_000, "17000", last), Failed: failed(3, 43, 2_700_000, "17000", last), Grew: noticeNow.Add(-30 * time.Minute)},
			{Name: "writers", First: failed(1, 1, 2, "", first), Last: passed(3, 2, last)},
		},
		Repairs: []incidents.Repair{
			{ID: 70, Ref: "P-70", Check: "writers", Mode: "read-only", State: "applied", Rows: 1, Finished: noticeNow.Add(-25 * time.Minute)},
			{ID: 77, Ref: "P-77", Check: "orphaned-orders", Mode: "quarantine", State: "applied", Rows: 30, Finished: noticeNow.Add(-15 * time.Minute), Verdict: check.Fail, Before: 60, After: 30},
			{ID: 78, Ref: "P-78", Check: "order-totals", Mode: "rewrite", State: "waiting", Rows: 60},
		},
		Notices: []incidents.Sent{{Notice: incidents.Notice{
			ID: 40, Template: "update", Number: 1, At: noticeNow.Add(-50 * time.Minute), Rows: map[string]int64{"orphaned-orders": 60, "order-totals": 60, "order-payments": 43, "writers": 1},
			Letters: []incidents.Letter{{Audience: "responders"}, {Audience: "executives"}},
		}}},
	}
}

// justDeclared is one of which nothing is known yet.
func justDeclared() incidents.View {
	return incidents.View{Now: noticeNow, Incident: incidents.Incident{ID: 12, Key: "orders", Domain: "orders", Severity: incidents.P1, Status: incidents.Investigating, Opened: noticeNow}}
}

// repaired is orders with everything repaired.
func repaired() incidents.View {
	v := orders()
	for i := range v.Checks {
		v.Checks[i].Last = passed(4, 3_000_000, noticeNow)
	}
	v.Repairs[2].State, v.Repairs[2].Finished, v.Repairs[2].Verdict, v.Repairs[2].Before = "applied", noticeNow.Add(-5*time.Minute), check.Pass, 60
	return v
}

func compose(t *testing.T, v incidents.View, d incidents.Draft) incidents.Notice {
	t.Helper()
	d.At, d.By = noticeNow, "U1ALICE"
	d.Name = func(user string) string { return map[string]string{"U1ALICE": "Alice"}[user] }
	n, err := incidents.Compose(v, noticeWords(), d, inGroup)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatAudiencesRead(t *testing.T) {
	drill := orders()
	drill.Incident.Drill = true
	unknown := orders()
	unknown.Checks[2].Last = incidents.Measure{Run: 3, Verdict: check.Unknown, Reason: "Postgres did not answer", At: noticeNow}
	ended := orders()
	ended.Incident.Status, ended.Incident.End = incidents.Resolved, &incidents.End{At: noticeNow, Override: "the rest are test orders"}
	says := map[string]string{"says": "Totals are being corrected.\nRefunds go on as usual.", "repair": "in about 30 minutes", "confidence": "medium"}
	for name, tt := range map[string]struct {
		view     incidents.View
		template string
		fields   map[string]string
	}{
		"opened":              {orders(), "opened", nil},
		"opened, unknown yet": {justDeclared(), "opened", nil},
		"update":              {orders(), "update", says},
		"update, drill":       {drill, "update", says},
		"update, no answer":   {unknown, "update", nil},
		"fix applied":         {orders(), "fix-applied", nil},
		"fix applied, all":    {repaired(), "fix-applied", nil},
		"all clear":           {repaired(), "all-clear", nil},
		"all clear, override": {ended, "all-clear", map[string]string{"says": "The rest are test orders."}},
		"postponed":           {orders(), "postponed", map[string]string{"says": "It needs a quiet hour.", "repair": "at 02:00 UTC"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := compose(t, tt.view, incidents.Draft{Template: tt.template, Audiences: everybody(), Fields: tt.fields})
			var b strings.Builder
			for _, l := range n.Letters {
				fmt.Fprintf(&b, "── %s to %v\n", l.Audience, l.To)
				for _, not := range l.Not {
					fmt.Fprintf(&b, "   not told: %s\n", not)
				}
				b.WriteString(l.Text() + "\n\n")
			}
			golden(t, "notices/"+strings.NewReplacer(", ", "-", " ", "-").Replace(name)+".txt", b.String())
		})
	}
}

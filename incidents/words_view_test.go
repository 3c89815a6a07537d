package incidents_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
)

// began is the time of the first bad row in these tests; all other times are minutes
// after it.
func began() time.Time { return time.Date(2026, 11, 21, 10, 2, 0, 0, time.UTC) }

func minute(n float64) time.Time { return began().Add(time.Duration(n * float64(time.Minute))) }

func dollars(s string) map[string]decimal.Decimal {
	return map[string]decimal.Decimal{"USD": decimal.RequireFromString(s)}
}

func wordsOf(w incidents.Rules) incidents.Wording {
	return incidents.Wording{
		Word: "/integrity", Rules: w,
		Checks: map[string]check.Check{
			"orphaned-orders": {Name: "orphaned-orders", Title: "Orphaned orders", Domain: "orders"},
			"order-totals":    {Name: "order-totals", Title: "Order totals", Domain: "orders", Currency: "USD"},
			"payments":        {Name: "payments", Title: "Payments", Domain: "payments", Currency: "USD"},
			"stock":           {Name: "stock", Title: "Stock", Domain: "inventory"},
			"customer-cache":  {Name: "customer-cache", Title: "Customer cache", Domain: "customers"},
		},
	}
}

func ourWords() incidents.Wording {
	return wordsOf(incidents.Rules{
		Runbook: "https://runbooks.example.com/data-inconsistency", Links: map[string]string{"Dashboard": "https://grafana.example.com/d/quality"},
		Audiences: []incidents.Audience{
			{Name: "executives", Title: "Executives"},
			{Name: "support", Title: "Support"},
			{Name: "consumers", Title: "Data consumers"},
			{Name: "responders", Title: "Responders"},
		},
	})
}

// recorded puts events into a chain, each a minute after began.
func recorded(t testing.TB, events ...audit.Event) []audit.Entry {
	t.Helper()
	var head audit.Head
	var out []audit.Entry
	for n, e := range events {
		if e.Incident == "" {
			e.Incident = "INC-12"
		}
		if e.Outcome == "" {
			e.Outcome = audit.Done
		}
		entry, next, err := head.Append(minute(120+float64(n)), e)
		if err != nil {
			t.Fatal(err)
		}
		out, head = append(out, entry), next
	}
	return out
}

func by(user, request, action, target string, args map[string]string) audit.Event {
	return audit.Event{Request: request, Actor: audit.Actor{Kind: audit.Person, User: user}, Source: audit.FromSlash, Action: action, Target: target, Args: args}
}

func itself(action, target string, args map[string]string) audit.Event {
	return audit.Event{Request: "r-0", Actor: audit.Actor{Kind: audit.System}, Source: audit.FromSystem, Action: action, Target: target, Args: args}
}

// intended, and the others, give an event another outcome.
func intended(e audit.Event) audit.Event { e.Outcome = audit.Intended; return e }

func allowed(e audit.Event) audit.Event { e.Decision = "allowed"; return e }

func ended(e audit.Event, outcome audit.Outcome, why string) audit.Event {
	e.Outcome, e.Error = outcome, why
	return e
}

func planned(e audit.Event, plan, before, after string) audit.Event {
	e.Plan, e.Before, e.After = plan, before, after
	return e
}

func changed(e audit.Event, before, after string) audit.Event { return planned(e, "", before, after) }

// freshView is an incident of which nothing is known but that it is there.
func freshView() incidents.View {
	return incidents.View{
		Incident: incidents.Incident{
			ID: 12, Key: "orders", Domain: "orders", Title: "Orders data is wrong", Severity: incidents.P1, Status: incidents.Investigating,
			OpenedBy: "UALICE", Opened: minute(120), Request: "r-0", Source: audit.FromSlash, Asked: incidents.Place{Channel: "CDATA"},
			Steps: incidents.Checklist(),
		},
		Now: minute(121),
	}
}

// fullView is a P0 with everything that can be told of one.
func fullView(t testing.TB) incidents.View {
	v := freshView()
	i := &v.Incident
	i.Severity, i.Rule, i.Status, i.Lead = incidents.P0, "orders or payments are affected", incidents.Fixing, "UALICE"
	i.Cause, i.Run = "Customers are deleted while their orders are in flight.", 1042
	i.Room = incidents.Room{Channel: "CINC", Name: "inc-20261121-orders", Settled: true, Trouble: map[string]string{
		incidents.FurnishInvite: "The user group S0DBA has nobody in it.",
	}}
	i.Milestones = incidents.Milestones{Began: began(), Detected: minute(119), Contained: minute(128), Identified: minute(140), Fixed: minute(150)}
	i.Alerts = map[string]incidents.Alert{"f1": {Name: "DataInconsistencyDetected", Firing: true, Since: minute(118), Times: 3}}
	i.Clocks = map[string]incidents.Clock{
		"executives": {Every: time.Hour, Due: minute(180), Last: minute(135)},
		"support":    {Every: time.Hour, Due: minute(160), SnoozedBy: "UBOB", Last: minute(135)},
	}
	i.Escalation = &incidents.Escalation{
		N: 1, At: 1, By: "UALICE", Reason: "payments are affected", Since: minute(131), Due: minute(190),
		Levels: []incidents.Called{
			{Level: "L1", Title: "DevOps", Empty: "the user group S0OPS has nobody in it"},
			{Level: "L2", Title: "Backend", People: []string{"UCAROL", "UDAVE"}, Called: minute(131)},
			{Level: "L3", Title: "Database", People: []string{"UERIN"}},
		},
	}
	for n := range i.Steps[:3] {
		i.Steps[n].State, i.Steps[n].By, i.Steps[n].At = incidents.Ticked, "UBOB", minute(130)
	}
	i.Steps[1].Run = 1043
	i.Steps[3].State, i.Steps[3].By, i.Steps[3].At, i.Steps[3].Note = incidents.Skipped, "UALICE", minute(141), "known from the last incident"
	i.Steps[4].State, i.Steps[4].By, i.Steps[4].At, i.Steps[4].Run, i.Steps[4].Owner = incidents.Running, "UCAROL", minute(142), 1050, "UCAROL"
	i.Told = map[string]int{"opened": 1, "update": 2}
	i.FollowUps = []string{"Add the foreign key orders.customer_id", "Alert on dead letters"}
	v.Checks = fullChecks()
	v.Repairs = fullRepairs()
	v.Notices = fullNotices()
	v.Entries = fullEntries()
	v.Events = fullEvents(t)
	v.Runs = []incidents.Underway{{Run: 1050, Title: "Orders", By: "UCAROL", Since: minute(151)}}
	v.Now = minute(155)
	return v
}

func fullChecks() []incidents.Checked {
	measure := func(run int64, verdict check.Verdict, rows, of int64, money map[string]decimal.Decimal, at float64) incidents.Measure {
		m := incidents.Measure{Run: run, Verdict: verdict, Rows: rows, Of: of, Money: money, Started: minute(at - 1), At: minute(at)}
		if verdict == check.Fail {
			m.First, m.Last = minute(float64(run-1042)), minute(118)
		}
		return m
	}
	orphans := measure(1042, check.Fail, 30, 3_000_000, nil, 119)
	totals, totalsNow := measure(1042, check.Fail, 55, 3_000_000, dollars("1100.10"), 119), measure(1048, check.Fail, 60, 3_000_000, dollars("1204.10"), 149)
	payments := measure(1042, check.Fail, 43, 2_700_000, dollars("17000"), 119)
	stock := measure(1042, check.Pass, 0, 50_000, nil, 119)
	return []incidents.Checked{
		{Name: "orphaned-orders", First: orphans, Failed: orphans, Passed: measure(1048, check.Pass, 0, 3_000_000, nil, 149), Last: measure(1048, check.Pass, 0, 3_000_000, nil, 149)},
		{Name: "order-totals", First: totals, Failed: totalsNow, Last: totalsNow, Grew: minute(125)},
		{Name: "payments", First: payments, Failed: payments, Last: payments},
		{Name: "stock", First: stock, Passed: stock, Last: stock},
		{Name: "customer-cache", Last: incidents.Measure{Run: 1042, Verdict: check.Unknown, Reason: "Redis did not answer in 5 s.", At: minute(119)}},
	}
}

func fullRepairs() []incidents.Repair {
	return []incidents.Repair{
		{
			ID: 77, Ref: "P-77", Check: "orphaned-orders", Mode: "delete", Target: "production/shop", State: "applied", Does: "delete 30 orders", Rows: 30,
			AskedBy: "UALICE", DecidedBy: "UBOB", Asked: minute(143), Decided: minute(145), Finished: minute(147), Verdict: check.Pass, Before: 30,
		},
		{
			ID: 78, Ref: "P-78", Check: "order-totals", Mode: "recompute", Target: "production/shop", State: "waiting", Does: "recompute 60 totals", Rows: 60,
			AskedBy: "UALICE", Asked: minute(150),
		},
	}
}

func fullNotices() []incidents.Sent {
	letter := func(audience, title, subject, body string, to []incidents.Destination, not ...string) incidents.Letter {
		return incidents.Letter{Audience: audience, Title: title, Subject: subject, Body: body, To: to, Not: not}
	}
	mail := []incidents.Destination{{Kind: incidents.ToEmail, To: "board@example.com"}}
	desk := []incidents.Destination{{Kind: incidents.ToChannel, To: "CSUPPORT"}, {Kind: incidents.ToWebhook, To: "helpdesk"}}
	opened := incidents.Sent{
		Notice: incidents.Notice{ID: 1044, Incident: 12, Template: "opened", Number: 1, By: "UALICE", At: minute(123), Letters: []incidents.Letter{
			letter("executives", "Executives", "P0 - Data Inconsistency Detected", "Some orders are wrong.", mail),
		}},
		Deliveries: []incidents.Delivery{{Notice: 1044, N: 1, Audience: "executives", To: mail[0], State: incidents.Delivered, Attempts: 1, At: minute(123.5)}},
	}
	update := incidents.Sent{Notice: incidents.Notice{ID: 1046, Incident: 12, Template: "update", Number: 2, By: "UALICE", At: minute(135), Letters: []incidents.Letter{
		letter("executives", "Executives", "P0 - Data Inconsistency - Orders - update 2", "103 rows are wrong.\n\nNext update at 13:02 UTC.", mail),
		letter("support", "Support", "P0 - Data Inconsistency - Orders - update 2", "Do not promise refunds.\n```\n# not a heading\n```", desk),
		letter("consumers", "Data consumers", "P0 - Data Inconsistency - Orders - update 2", "Do not read orders.", nil, "No destination is configured."),
	}}, Deliveries: []incidents.Delivery{
		{Notice: 1046, N: 1, Audience: "executives", To: mail[0], State: incidents.Refused, Attempts: 4, Reason: "The mail server refused it: mailbox full.", At: minute(137)},
		{Notice: 1046, N: 2, Audience: "support", To: desk[0], State: incidents.Delivered, Attempts: 1, At: minute(135.5)},
		{Notice: 1046, N: 3, Audience: "support", To: desk[1], State: incidents.Unclear, Attempts: 1, Reason: "It went silent after the text was sent.", At: minute(136)},
	}}
	return []incidents.Sent{opened, update}
}

func fullEntries() []incidents.Entry {
	said := func(key string, revision int, at, noted float64, text string) incidents.Entry {
		return incidents.Entry{Incident: 12, Key: key, Revision: revision, Kind: incidents.Said, At: minute(at), Noted: minute(noted), Author: "UCAROL", Text: text, Why: "pinned"}
	}
	gone, withdrawn := said("slack/CINC/4", 2, 127.5, 134, "Who has the backup?"), said("slack/CINC/3", 2, 127, 133, "Lunch?")
	gone.Gone, withdrawn.Withdrawn = true, true
	answer := said("slack/CINC/5", 1, 127.7, 128, "I do.")
	answer.Thread, answer.Files = "slack/CINC/4", []string{"backup.png https://files.example.com/F1"}
	return []incidents.Entry{
		{Incident: 12, Key: "note/r-7", Revision: 1, Kind: incidents.Note, At: minute(129), Noted: minute(129), Author: "UBOB", Text: "Writes are in read-only mode."},
		{Incident: 12, Key: "note/r-8", Revision: 1, Kind: incidents.Decision, At: minute(139), Noted: minute(139), Author: "UALICE", Text: "We repair forward, no restore."},
		said("slack/CINC/2", 1, 126, 126, "It began with rollout 40."), said("slack/CINC/2", 2, 126, 132, "It began with rollout 41."),
		said("slack/CINC/3", 1, 127, 127, "Lunch?"), withdrawn,
		said("slack/CINC/4", 1, 127.5, 128, "Who has the backup?"), gone, answer,
	}
}

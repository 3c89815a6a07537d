package incidents

import (
	"fmt"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
)

// document puts together what is exported. Lists are never null.
func document(v View, w Wording) Document {
	i := v.Incident
	d := Document{
		Version: exportVersion, Incident: docIncident(i), Impact: docImpact(v, w), Points: i.Milestones,
		Times: []DocTime{}, Checks: []DocCheck{}, Fixes: []DocFix{}, Notices: []DocNotice{}, Decisions: []DocLine{},
		FollowUps: append([]string{}, i.FollowUps...), Checklist: append([]Step{}, i.Steps...), Alerts: noNull(i.Alerts),
		Timeline: []DocLine{}, Audit: headOf(v),
	}
	for _, t := range i.Milestones.times() {
		d.Times = append(d.Times, docTime(t))
	}
	highest := extent(v)
	for n, c := range v.Checks {
		d.Checks = append(d.Checks, docCheck(c, highest[n], w))
	}
	for _, r := range v.Repairs {
		d.Fixes = append(d.Fixes, docFix(r))
	}
	for _, n := range v.Notices {
		d.Notices = append(d.Notices, docNotice(n))
	}
	decided := decisions(v)
	for _, h := range Timeline(v, w) {
		line := docLine(h)
		d.Timeline = append(d.Timeline, line)
		if decided[h.Key] {
			d.Decisions = append(d.Decisions, line)
		}
	}
	return d
}

// decisions are the keys of the lines that tell of one: notes that say so, how bad it is,
// what was let through or not, how it ended.
func decisions(v View) map[string]bool {
	keys := map[string]bool{}
	for _, e := range v.Events {
		switch e.Action {
		case "incident.severity", "incident.resolve", "incident.reopen", "incident.decline", "incident.merge", "confirm", "cancel":
			keys[eventKey(e)] = e.Outcome != audit.Refused
		}
	}
	for _, e := range v.Entries {
		keys[e.Key] = e.Kind == Decision && !e.Withdrawn
	}
	return keys
}

func docIncident(i Incident) DocIncident {
	d := DocIncident{
		Ref: i.Ref(), Title: i.Title, Key: i.Key, Domain: i.Domain, Severity: i.Severity, Rule: i.Rule, Status: i.Status,
		Drill: i.Drill, Lead: i.Lead, Cause: i.Cause, Source: i.Source, OpenedBy: i.OpenedBy, Opened: i.Opened.UTC(),
		Channel: i.Where(), Name: i.Room.Name, Trouble: noNull(i.Room.Trouble),
	}
	if i.Into > 0 {
		d.Into = Ref(i.Into)
	}
	if e := i.End; e != nil {
		d.EndedBy, d.Ended, d.Says, d.Override, d.Reopened = e.By, utc(e.At), e.Says, e.Override, e.Reopened
	}
	return d
}

// noNull gives an empty map for none.
func noNull[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// utc keeps a time that is not known zero.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func docImpact(v View, w Wording) DocImpact {
	worst, now := w.measure(extent(v)), w.measure(v.Checks)
	first, last := badTimes(v)
	d := DocImpact{
		Data: append([]string{}, w.data(worst.fails)...), Rows: worst.answer(), Money: worst.money, FirstBad: utc(first), LastBad: utc(last),
		Now: now.answer(), Verdict: word(now.verdict()), Unknown: len(now.unknown), What: now.what(w), Safe: now.safe(w, v.Incident).String(), Growth: now.growth(v.Incident).String(),
	}
	if len(worst.fails) > 0 {
		d.Worst = worst.clause(w, "", "failed")
	}
	return d
}

func docTime(t took) DocTime {
	d := DocTime{Name: t.name, Means: t.words}
	if t.known() {
		seconds := int64(t.to.Sub(t.from) / time.Second)
		d.Seconds = &seconds
	}
	return d
}

func docCheck(c, highest Checked, w Wording) DocCheck {
	d := DocCheck{
		Name: c.Name, Title: w.checkTitle(c.Name), First: docMeasure(c.First), Failed: docMeasure(c.Failed),
		Passed: docMeasure(c.Passed), Last: docMeasure(c.Last), Grew: utc(c.Grew),
	}
	d.Worst = highest.Last.answer()
	return d
}

func docMeasure(m Measure) *DocMeasure {
	if !m.Known() {
		return nil
	}
	return &DocMeasure{
		Run: fmt.Sprintf("R-%d", m.Run), Verdict: word(m.Verdict), Reason: m.Reason, Rows: m.Rows, Of: m.Of, Money: m.Money,
		FirstBad: utc(m.First), LastBad: utc(m.Last), At: utc(m.At),
	}
}

func docFix(r Repair) DocFix {
	d := DocFix{
		Ref: r.Ref, Check: r.Check, Mode: r.Mode, Target: r.Target, State: r.State, Does: r.Does, Rows: r.Rows,
		AskedBy: r.AskedBy, Asked: utc(r.Asked), DecidedBy: r.DecidedBy, Decided: utc(r.Decided), Finished: utc(r.Finished),
		Verdict: string(r.Verdict), Before: r.Before, After: r.After,
	}
	if r.Undoes > 0 {
		d.Undoes = fmt.Sprintf("P-%d", r.Undoes)
	}
	if r.UndoneBy > 0 {
		d.UndoneBy = fmt.Sprintf("P-%d", r.UndoneBy)
	}
	return d
}

func docNotice(n Sent) DocNotice {
	d := DocNotice{
		Ref: fmt.Sprintf("N-%d", n.ID), Template: n.Template, Number: n.Number, By: n.By, At: utc(n.At), Sent: utc(n.sent()),
		Letters: []DocLetter{}, Deliveries: []DocDelivery{},
	}
	for _, l := range n.Letters {
		d.Letters = append(d.Letters, DocLetter{Audience: l.Audience, Subject: l.Subject, Body: l.Body, Not: append([]string{}, l.Not...)})
	}
	for _, one := range n.Deliveries {
		d.Deliveries = append(d.Deliveries, DocDelivery{
			Audience: one.Audience, To: destination(one.To).String(), State: one.State, Attempts: one.Attempts, Reason: masks(one.Reason), At: utc(one.At),
		})
	}
	return d
}

func docLine(h Happened) DocLine {
	d := DocLine{At: utc(h.At), Kind: h.Kind, Key: h.Key, Text: h.What.String(), Link: h.Link, Withdrawn: h.Withdrawn, Minor: h.Minor, happened: h}
	for _, r := range h.Revisions {
		d.Revisions = append(d.Revisions, DocRevision{Noted: utc(r.Noted), Text: r.Text})
	}
	return d
}

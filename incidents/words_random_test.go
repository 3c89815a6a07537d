package incidents_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// What a message may hold: far below what Slack takes, whatever is stored.
const (
	mostLines = 45
	mostChars = 9000
)

func inMinutes(t *rapid.T, label string) time.Time {
	return minute(float64(rapid.IntRange(0, 2000).Draw(t, label)))
}

// maybe is a moment, or none.
func maybe(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+" known") {
		return inMinutes(t, label)
	}
	return time.Time{}
}

func anyMeasure(t *rapid.T) incidents.Measure {
	m := incidents.Measure{
		Run: rapid.Int64Range(1, 50).Draw(t, "run"), Verdict: rapid.SampledFrom([]check.Verdict{check.Pass, check.Fail, check.Unknown, ""}).Draw(t, "verdict"),
		Rows: rapid.Int64Range(1, 1<<50).Draw(t, "rows"), Of: rapid.Int64Range(1, 1<<52).Draw(t, "of"), At: inMinutes(t, "at"), First: maybe(t, "first bad"),
	}
	if m.Verdict != check.Fail {
		m.Rows, m.First = 0, time.Time{}
	}
	if m.Verdict == check.Unknown {
		m.Reason = "It did not answer."
	}
	if rapid.Bool().Draw(t, "money") && m.Verdict == check.Fail {
		m.Money = map[string]decimal.Decimal{"USD": decimal.New(rapid.Int64Range(1, 1<<40).Draw(t, "cents"), -2)}
	}
	return m
}

// anyView is a view of as much as the summary shows in full.
func anyView(t *rapid.T) incidents.View {
	v := freshView()
	i := &v.Incident
	i.Severity = rapid.SampledFrom([]incidents.Severity{incidents.P0, incidents.P1, incidents.P2, incidents.P3}).Draw(t, "severity")
	i.Status = rapid.SampledFrom([]incidents.Status{incidents.Investigating, incidents.Identified, incidents.Fixing, incidents.Monitoring}).Draw(t, "status")
	i.Lead = rapid.SampledFrom([]string{"", "UALICE", "UBOB"}).Draw(t, "lead")
	i.Drill, i.Cause = rapid.Bool().Draw(t, "drill"), rapid.SampledFrom([]string{"", "A rollout."}).Draw(t, "cause")
	i.Milestones.Contained, i.Milestones.Began = maybe(t, "contained"), maybe(t, "began")
	i.Clocks = map[string]incidents.Clock{}
	for _, a := range ourWords().Rules.Audiences {
		if rapid.Bool().Draw(t, "clock of "+a.Name) {
			i.Clocks[a.Name] = incidents.Clock{Every: time.Hour, Due: inMinutes(t, "due")}
		}
	}
	for n := range rapid.IntRange(0, 20).Draw(t, "checks") {
		c := incidents.Checked{Name: fmt.Sprintf("check-%d", n), Last: anyMeasure(t)}
		if rapid.Bool().Draw(t, "run before") {
			c.First = anyMeasure(t)
		}
		v.Checks = append(v.Checks, c)
	}
	states := []string{"planning", "waiting", "approved", "applying", "applied", "partly applied", "failed", "expired", "cancelled", "refused", "undone"}
	for n := range rapid.IntRange(0, 16).Draw(t, "repairs") {
		v.Repairs = append(v.Repairs, incidents.Repair{ID: int64(n), Ref: fmt.Sprintf("P-%d", 500+n), State: rapid.SampledFrom(states).Draw(t, "state"), AskedBy: "UALICE", DecidedBy: "UBOB"})
	}
	for n := range rapid.IntRange(0, 4).Draw(t, "notices") {
		v.Notices = append(v.Notices, anyNotice(t, n+1))
	}
	v.Now = inMinutes(t, "now")
	return v
}

func anyNotice(t *rapid.T, number int) incidents.Sent {
	s := incidents.Sent{Notice: incidents.Notice{ID: int64(number), Template: "update", Number: number, At: inMinutes(t, "sent")}}
	states := []incidents.DeliveryState{incidents.Waiting, incidents.Handed, incidents.Delivered, incidents.Refused, incidents.Unclear, incidents.NotSent}
	for _, a := range ourWords().Rules.Audiences {
		if !rapid.Bool().Draw(t, "to "+a.Name) {
			continue
		}
		s.Letters = append(s.Letters, incidents.Letter{Audience: a.Name})
		s.Deliveries = append(s.Deliveries, incidents.Delivery{Audience: a.Name, To: incidents.Destination{Kind: incidents.ToWebhook, To: "desk"}, State: rapid.SampledFrom(states).Draw(t, "delivery")})
	}
	return s
}

// TestTheSummaryTellsWhatIsStored: of 500 random incidents, each fact.
func TestTheSummaryTellsWhatIsStored(t *testing.T) {
	for n := range 5 {
		t.Run(fmt.Sprint(n), func(t *testing.T) { rapid.Check(t, summaryTells) })
	}
}

func summaryTells(t *rapid.T) {
	v := anyView(t)
	m := incidents.Summary(v, ourWords())
	text, head := m.PlainText(), m.Headline.String()
	i := v.Incident
	must := func(in, what string, args ...any) {
		if want := fmt.Sprintf(what, args...); !strings.Contains(in, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	must(head, "%s INC-12", i.Severity)
	must(head, "%s", strings.ToUpper(string(i.Status)))
	if i.Lead != "" {
		must(head, "lead @%s", i.Lead)
	} else {
		must(head, "nobody leads")
	}
	if i.Drill {
		must(head, "DRILL")
	}
	must(text, "%s", i.Cause)
	failing, allPass := 0, len(v.Checks) > 0
	for _, c := range v.Checks {
		allPass = allPass && c.Last.Verdict == check.Pass
		word := "UNKNOWN"
		if c.Last.Verdict == check.Fail || c.Last.Verdict == check.Pass {
			word = string(c.Last.Verdict)
		}
		must(text, "%s %s", word, c.Name)
		if c.Last.Verdict == check.Fail {
			failing++
			must(text, "%s", phrase.Count(c.Last.Rows))
		}
	}
	if says := strings.Contains(text, "Safe to read? Yes"); says != allPass {
		t.Errorf("safe to read: %v, all pass: %v\n%s", says, allPass, text)
	}
	if green := strings.HasPrefix(head, "🟢"); green != allPass {
		t.Errorf("green: %v, all pass: %v\n%s", green, allPass, text)
	}
	if !i.Milestones.Contained.IsZero() {
		must(text, "ontained")
	}
	for _, r := range v.Repairs {
		must(text, "%s", r.Ref)
	}
	for name, c := range i.Clocks {
		must(text, "%s %s", titleOf(name), c.Due.Format("2006-01-02 15:04 UTC"))
	}
	for _, a := range ourWords().Rules.Audiences {
		must(text, "%s", a.Title)
	}
	if diff := cmp.Diff(m, incidents.Summary(v, ourWords())); diff != "" {
		t.Errorf("the same facts give another summary: %s", diff)
	}
	within(t, "summary", m)
}

func titleOf(audience string) string {
	for _, a := range ourWords().Rules.Audiences {
		if a.Name == audience {
			return a.Title
		}
	}
	return audience
}

type failing interface {
	Helper()
	Errorf(format string, args ...any)
}

// within tells whether a message keeps its bounds.
func within(t failing, name string, m message.Message) {
	t.Helper()
	lines := 1 + len(m.Context)
	for _, p := range m.Parts {
		lines += len(p.Lines)
	}
	text := m.PlainText()
	if chars := utf8.RuneCountInString(text); lines > mostLines || chars > mostChars || len(m.Parts) > mostLines {
		t.Errorf("%s has %d lines and %d characters:\n%s", name, lines, chars, text)
	}
}

// hugeView is more of everything than anybody could read, each name and text as long as
// somebody who means ill makes it.
func hugeView(t testing.TB) (incidents.View, incidents.Wording) {
	long := strings.Repeat("<!channel> *x* ", 400)
	v, w := fullView(t), ourWords()
	i := &v.Incident
	i.Title, i.Cause, i.Rule, i.Clocks, i.Alerts, i.Links = long, long, long, map[string]incidents.Clock{}, map[string]incidents.Alert{}, map[string]string{}
	i.Room.Trouble = map[string]string{}
	w.Checks, w.Rules.Audiences = nil, nil
	for n := range 200 {
		name := fmt.Sprintf("%d %s", n, long)
		failed := v.Checks[1].Last
		failed.Rows, failed.Of = 1<<50, 1<<60
		if n%2 == 0 {
			failed = incidents.Measure{Run: 9, Verdict: check.Unknown, Reason: long}
		}
		v.Checks = append(v.Checks, incidents.Checked{Name: name, First: v.Checks[1].First, Failed: v.Checks[1].Last, Last: failed})
		v.Repairs = append(v.Repairs, v.Repairs[n%2])
		v.Repairs[len(v.Repairs)-1].Does = long
		v.Runs = append(v.Runs, incidents.Underway{Run: 1 << 62, Title: long, By: "UALICE", Since: minute(1)})
		w.Rules.Audiences = append(w.Rules.Audiences, incidents.Audience{Name: name, Title: name})
		i.Clocks[name], i.Alerts[name] = incidents.Clock{Due: minute(1), SnoozedBy: "UALICE"}, incidents.Alert{Name: name, Since: minute(1), Times: 1 << 40}
		i.Room.Trouble[name], i.Links[name], i.FollowUps = long, "https://example.com", append(i.FollowUps, long)
		i.Escalation.Levels = append(i.Escalation.Levels, incidents.Called{Level: name, Empty: long})
		i.Escalation.Levels[1].People = append(i.Escalation.Levels[1].People, "UALICE")
		v.Entries = append(v.Entries, incidents.Entry{Key: name, Revision: 1, At: minute(500), Text: long, Author: "UALICE"})
		s := v.Notices[1]
		s.Letters = append(s.Letters, incidents.Letter{Audience: name, Not: []string{long, long, long}})
		s.Deliveries = append(s.Deliveries, incidents.Delivery{Audience: name, To: incidents.Destination{Kind: incidents.ToWebhook, To: long}, State: incidents.Refused, Reason: long})
		v.Notices = append(v.Notices, s)
	}
	i.End = &incidents.End{By: "UALICE", At: minute(1), Says: long, Override: long, Soak: minute(2), Reopened: 7}
	return v, w
}

func TestNoTextIsTooLongForSlack(t *testing.T) {
	open, w := hugeView(t)
	over := open
	over.Incident.Status = incidents.Resolved
	for state, v := range map[string]incidents.View{"open": open, "over": over} {
		within(t, "summary "+state, incidents.Summary(v, w))
		within(t, "recap "+state, incidents.Recap(v, w))
		within(t, "final "+state, incidents.Final(v, w))
		within(t, "timeline "+state, incidents.TimelineMessage(v, w))
		within(t, "checklist "+state, incidents.ChecklistOf(v, w))
		within(t, "declared "+state, incidents.Declared(v.Incident, w))
		within(t, "list "+state, incidents.List(make([]incidents.Opened, 100), w))
		for name, m := range map[string]message.Message{"summary": incidents.Summary(v, w), "final": incidents.Final(v, w)} {
			if text := m.PlainText(); !strings.Contains(text, " more") {
				t.Errorf("%s cuts without a word:\n%s", name, text)
			}
		}
	}
}

package incidents

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Declaration is what somebody, or an alert, wants to be an incident.
type Declaration struct {
	ID       int64
	Key      string // empty: the domain
	Domain   string
	Title    string   // empty: from the domain
	Severity Severity // empty: by rule
	Drill    bool
	Private  bool
	Source   audit.Source
	By       string // Slack user id; empty for alerts
	Request  string
	Asked    Place
	At       time.Time
	Run      int64     // declared under its result
	Failing  []Measure // of that run
	Domains  []string  // affected, beside Domain
	Began    time.Time // first bad time known
	Alert    *Fired
	// Bind adopts this channel instead of creating one.
	Bind, BindName string
}

// anyData is the key of an incident that is about no domain.
const anyData = "data"

// Declare gives the new incident: its severity by rule, its clocks, its checklist.
func Declare(d Declaration, w Wording) Incident {
	i := Incident{
		ID: d.ID, Key: cmp.Or(d.Key, d.Domain, anyData), Domain: d.Domain, Title: d.title(w.Rules), Drill: d.Drill,
		Private: d.Private || w.Rules.Private, Status: Investigating,
		Source: d.Source, OpenedBy: d.By, Opened: d.At, Request: d.Request, Asked: d.Asked, Run: d.Run,
		Milestones: Milestones{Began: d.began(), Detected: d.detected()}, Steps: Checklist(),
	}
	i.Severity, i.Rule = d.severity(w.Rules)
	i.Clocks = w.Rules.clocks(i.Severity, d.At)
	if d.Bind != "" {
		i.Room, i.Private = Room{Channel: d.Bind, Name: d.BindName, Bound: true}, false
	}
	if d.Alert != nil {
		i, _ = i.Alerted(*d.Alert, w)
	}
	return i
}

func (d Declaration) title(r Rules) string {
	title := d.Title
	if d.Alert != nil {
		title = cmp.Or(title, r.Alerts[d.Alert.Name].Title)
	}
	return cmp.Or(title, spoken(strings.TrimSpace(d.Domain+" data"))+" is wrong")
}

// spoken is a name of the config as it begins a sentence: "order-items" is "Order
// items".
func spoken(name string) string {
	name = strings.NewReplacer("-", " ", "_", " ").Replace(name)
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}

// severity is what was asked for, what is said about the alert, or what the rules say.
func (d Declaration) severity(r Rules) (severity Severity, rule string) {
	if d.Alert != nil {
		if s := cmp.Or(d.Severity, r.Alerts[d.Alert.Name].Severity); s != "" {
			return s, "set for the alert " + d.Alert.Name
		}
	}
	if d.Severity != "" {
		return d.Severity, byPerson
	}
	var rows int64
	for _, m := range d.Failing {
		rows += m.Rows
	}
	return r.Propose(append([]string{d.Domain}, d.Domains...), rows)
}

// byPerson is the rule of a severity that somebody set.
const byPerson = "set by a person"

// began is the first bad time that is known.
func (d Declaration) began() time.Time {
	began := d.Began
	for _, m := range d.Failing {
		began = earliest(began, m.First)
	}
	return began
}

// detected is when it was first known that something is wrong.
func (d Declaration) detected() time.Time {
	at := d.At
	for _, m := range d.Failing {
		at = earliest(at, m.At)
	}
	if d.Alert != nil {
		at = earliest(at, d.Alert.Since)
	}
	return at
}

// earliest is the earlier one of those that are known.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Propose gives the severity for what is affected, and the rule that says so.
func (r Rules) Propose(domains []string, rows int64) (severity Severity, rule string) {
	for _, s := range r.Severities {
		hit := len(s.Domains) == 0 || slices.ContainsFunc(domains, func(d string) bool { return slices.Contains(s.Domains, d) })
		if hit && rows >= s.Rows {
			return s.Severity, s.words()
		}
	}
	return P1, noRule
}

// noRule is the rule of a severity where none fits.
const noRule = "no other rule fits"

// words says the rule, to follow its severity: "orders or payments are affected".
func (s SeverityRule) words() string {
	var when []string
	if n := len(s.Domains); n > 0 {
		names := strings.Join(s.Domains[:n-1], ", ")
		if names != "" {
			names += " or "
		}
		when = append(when, names+s.Domains[n-1]+" are affected")
	}
	if s.Rows > 0 {
		when = append(when, "at least "+phrase.Plural(s.Rows, "row")+" are wrong")
	}
	return cmp.Or(strings.Join(when, " and "), noRule)
}

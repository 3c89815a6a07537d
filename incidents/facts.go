package incidents

import (
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// CustomersDraft is the audience whose text is for customers. It is never sent to one: it
// is posted to a channel, for a person to copy.
const CustomersDraft = "customers-draft"

// Facts are all that a template can say, as one audience may know it: what its Shows
// leaves out is empty here, so that no template can tell it. They are words, numbers and
// times; nothing that came out of a database, an event, a log or an alert is among them,
// and of what people wrote only the poster's own words and, with ShowCause, the cause.
type Facts struct {
	Incident string // INC-12
	Severity string // P0
	Subject  string // Data Inconsistency
	Drill    bool
	Area     string // Orders: the domain; empty if it has none
	Areas    string // orders and payments data: what is wrong, for sentences; "data" if no domain is known
	Avoid    string // the same of all that is wrong or was not looked at: what nobody should rely on
	Number   int    // the how manieth of its template
	Audience string // Executives
	// Customers: it is a draft of a text for customers.
	Customers bool

	Says       string // the poster's words, on one or more lines
	Repair     string // when it is expected, in the poster's words
	Confidence string // low, medium, high, or empty

	// Known: at least one check has answered. Wrong: at least one found something when last
	// run. Clear: all that were run answered and found nothing. Unanswered: some did not
	// answer, so there may be more.
	Known, Wrong, Clear, Unanswered bool

	Rows  string   // "133 wrong rows"
	Money string   // "$18,204.10"
	Data  []Datum  // what is wrong, the worst first; with ShowChecks
	More  string   // "7 more", if not all of it is in Data
	Asks  []string // titles of the checks that did not answer; with ShowChecks
	// First and Last bad time known of what is wrong. From is the first one where no data
	// before it can be wrong.
	First, Last, From string
	// Places are the systems where it was found.
	Places string

	// One of these says whether it grows: since when it is contained, since when it is known
	// not to have grown, when it was last seen to grow. None: nobody knows.
	Contained, Steady, Grew string

	WritesStopped string // since when
	// Preparing: a repair waits for approval. Repairing: one is under way.
	Preparing, Repairing bool
	Repaired             string  // when the last repair ended
	Repairs              []Fixed // what they did; with ShowChecks and ShowNumbers

	// Was and Is are the wrong rows at the last notice to this audience and now, if that
	// differs; WasAt is when that notice was.
	Was, Is, WasAt string

	Cause   string // in the words of whoever found it
	Owner   string // who leads, by name
	Next    string // when the next update is; empty: that is not stated
	Final   bool   // no further update is planned
	Channel string // of the incident: #inc-20261121-orders
	Runbook string // its address
}

// Datum is what one check says.
type Datum struct {
	Title string // Orphaned orders
	Rows  string // 30
	Of    string // 3,000,000
	Noun  string // orders
	Means string // belong to a customer that does not exist
	Money string // $1,204.10
}

// Fixed is what a repair did.
type Fixed struct {
	Title       string // Orphaned orders
	Rows        string // that it changed: 30
	Was, Is     string // wrong rows before and after, if it was verified
	At          string
	TakenBack   bool // undone since
	PartlyFixed bool // it ended before all was done
}

// Lists are no longer than this in a letter.
const (
	maxData    = 10
	maxRepairs = 5
)

// factsFor are the facts for one audience.
func factsFor(v View, w Wording, a Audience, d Draft) Facts {
	i, m := v.Incident, w.measure(v.Checks)
	f := Facts{
		Incident: i.Ref(), Severity: string(i.Severity), Subject: w.Rules.Subject, Drill: i.Drill,
		Area: capital(w.area(i.Domain)), Areas: w.areas(i, m.fails), Avoid: w.areas(i, append(slices.Clone(m.fails), m.unknown...)), Audience: a.Title, Customers: a.Name == CustomersDraft,
		Says: d.Fields[fieldSays], Repair: d.Fields[fieldRepair], Confidence: d.Fields[fieldConfidence],
		Known: len(m.fails)+len(m.passes) > 0, Wrong: len(m.fails) > 0, Clear: m.verdict() == check.Pass, Unanswered: len(m.unknown) > 0,
	}
	if f.Subject == "" {
		f.Subject = "Data Inconsistency"
	}
	f.when(i, m)
	f.repairs(v, w, a)
	f.shown(v, w, m, a)
	if slices.Contains(a.Shows, ShowPeople) && i.Lead != "" && d.Name != nil {
		f.Owner = oneLine(d.Name(i.Lead), 80)
	}
	f.since(v, w, m, a)
	return f
}

// shown fills in what only some audiences may know.
func (f *Facts) shown(v View, w Wording, m measured, a Audience) {
	shows := func(what string) bool { return slices.Contains(a.Shows, what) }
	if shows(ShowNumbers) {
		f.Rows = wrongText(m.rows, len(m.unknown) > 0)
	}
	if shows(ShowMoney) {
		f.Money = phrase.Amounts(m.money)
	}
	if shows(ShowChecks) {
		for _, c := range m.worstFirst()[:min(len(m.fails), maxData)] {
			f.Data = append(f.Data, w.datum(c, shows(ShowNumbers), shows(ShowMoney)))
		}
		if more := len(m.fails) - len(f.Data); more > 0 {
			f.More = phrase.Count(int64(more)) + " more"
		}
		for _, c := range m.unknown[:min(len(m.unknown), maxData)] {
			f.Asks = append(f.Asks, w.checkTitle(c.Name))
		}
	}
	if shows(ShowPlaces) {
		f.Places = strings.Join(w.places(m.fails), ", ")
	}
	if shows(ShowCause) {
		f.Cause = oneLine(v.Incident.Cause, 500)
	}
	if shows(ShowLinks) {
		f.Runbook = w.Rules.Runbook
		if name := v.Incident.Room.Name; name != "" {
			f.Channel = "#" + name
		}
	}
}

// when says since when something is wrong and whether it grows, as far as that is known.
func (f *Facts) when(i Incident, m measured) {
	if len(m.fails) > 0 {
		first, open := badSince(m.fails, i)
		f.First, f.Last = letterTime(first), letterTime(m.lastWrong())
		if !open && len(m.unknown) == 0 {
			f.From = f.First
		}
		if open && f.First != "" {
			f.First += " or earlier"
		}
	}
	contained, grew := i.Milestones.Contained, m.grew()
	switch {
	case !contained.IsZero() && !grew.After(contained):
		f.Contained = letterTime(contained)
	case !grew.IsZero():
		f.Grew = letterTime(grew)
	case len(m.fails) > 0:
		f.Steady = letterTime(m.steady())
	}
}

// since says what changed since the last notice to the audience, where that is known.
func (f *Facts) since(v View, w Wording, m measured, a Audience) {
	if !slices.Contains(a.Shows, ShowNumbers) || len(m.unknown) > 0 {
		return
	}
	n := lastTo(v, a.Name)
	if n == nil {
		return
	}
	if was := w.countRows(n.Rows); was != m.rows && w.comparableRows(n.Rows, wrongRows(v)) {
		f.Was, f.Is, f.WasAt = phrase.Count(was), phrase.Count(m.rows), letterTime(n.sent())
	}
}

// letterTime is a time as people write it in a letter: "10:02 UTC on 21 November 2026".
// Letters are read in every zone and long after, so it is never relative.
func letterTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("15:04 UTC on 2 January 2006")
}

// capital begins a word with a capital letter.
func capital(s string) string {
	if s == "" {
		return ""
	}
	runes := []rune(s)
	return strings.ToUpper(string(runes[0])) + string(runes[1:])
}

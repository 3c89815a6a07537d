package diagnose

import (
	"cmp"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// mostMoments is how many entries the time line has at most: those nearest to when it
// got bad.
const mostMoments = 20

// moment is one entry of the time line.
type moment struct {
	at   time.Time
	what string
	bad  bool // data went bad
}

// timeLine is what happened around the time when it got bad.
func (r reporter) timeLine() (message.Message, bool) {
	all := r.moments()
	if len(all) == 0 {
		return message.Message{}, false
	}
	first, turn := r.evidence.firstBad(), r.evidence.turn()
	middle := turn.at
	if middle.IsZero() {
		middle = r.now
	}
	slices.SortStableFunc(all, func(a, b moment) int {
		return cmp.Compare(abs(a.at.Sub(middle)), abs(b.at.Sub(middle)))
	})
	left := max(0, len(all)-mostMoments)
	all = all[:len(all)-left]
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	var lines []message.Line
	for _, m := range all {
		line := message.Join(message.At(m.at), "  ")
		if m.bad {
			lines = append(lines, append(line, message.Strong("▶ "+m.what)))
			continue
		}
		lines = append(lines, append(line, message.Span{Text: clip(m.what) + apart(m.at, turn)}))
	}
	if left > 0 {
		lines = append(lines, message.Text("… and %d more, further away.", left))
	}
	head := message.Text("Time line: since when data is wrong is not known")
	if !first.at.IsZero() {
		head = message.Join("Time line: data is wrong since ", r.voice().moment(first.at))
	}
	return message.Message{Headline: head, Parts: []message.Part{{Lines: lines}}}, true
}

// moments are all entries that have a time.
func (r reporter) moments() []moment {
	var out []moment
	for _, o := range r.evidence.onsets {
		if o.wave || o.scope != DeadLetters && o.scope != NewErrors {
			out = append(out, moment{o.at, o.what, o.data})
		}
	}
	add := func(at time.Time, what string) {
		if !at.IsZero() {
			out = append(out, moment{at: at, what: what})
		}
	}
	for _, c := range r.evidence.sights[AnyChange].items {
		add(c.first, r.voice().change(c).String())
	}
	for _, l := range r.evidence.sights[DeadLetters].items {
		add(l.first, "the first of "+phrase.Plural(l.count, "dead letter"))
		if l.last.After(l.first) {
			add(l.last, "the last of "+phrase.Plural(l.count, "dead letter"))
		}
	}
	for _, n := range r.evidence.sights[NewErrors].items {
		what := "a new error in the logs"
		if !r.noRows {
			what += ": " + n.name
		}
		add(n.first, what)
	}
	return out
}

// apart is how far something is from when it got bad.
func apart(at time.Time, turn onset) string {
	what := "the first bad row"
	if turn.wave {
		what = "the wave"
	}
	switch d := turn.at.Sub(at); {
	case turn.at.IsZero():
		return ""
	case abs(d) < time.Minute:
		return " (at the time of " + what + ")"
	case d > 0:
		return " (" + phrase.Age(d) + " before " + what + ")"
	default:
		return " (" + phrase.Age(-d) + " after it)"
	}
}

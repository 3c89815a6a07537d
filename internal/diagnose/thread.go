package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// mostFacts is how many facts of one kind a step lists.
const mostFacts = 8

// thread is the detail: the time line, each step, and how the causes were weighed.
func (r reporter) thread() []look.Detail {
	var out []look.Detail
	if m, ok := r.timeLine(); ok {
		out = append(out, look.Detail{Name: "time-line", Message: m})
	}
	for i, s := range r.seen {
		out = append(out, look.Detail{Name: "step-" + string(s.step), Message: r.step(i+1, s)})
	}
	if m, ok := r.weighing(); ok {
		out = append(out, look.Detail{Name: "weighing", Message: m})
	}
	return out
}

// step is what one step saw.
func (r reporter) step(number int, s stepSeen) message.Message {
	m := message.Message{
		Headline: message.Text("%s %s Step %d, %s: %s", icon(s.outcome()), s.outcome(), number, strings.ToLower(s.title()), s.sum()),
		Context:  []message.Line{message.Text("took %s", phrase.Duration(s.took))},
	}
	var lines []message.Line
	for _, f := range s.findings {
		lines = append(lines, r.finding(f))
	}
	lines = append(lines, r.facts(s)...)
	for _, missing := range s.missing {
		lines = append(lines, message.Text("⚪ UNKNOWN %s", clipped(missing, longestSentence)))
	}
	for _, l := range s.lacking {
		lines = append(lines, message.Text("Not set up: %s", l))
	}
	if len(lines) > 0 {
		m.Parts = []message.Part{{Lines: lines}}
	}
	return m
}

func (s stepSeen) title() string { return s.step.title() }

func icon(o outcome) string {
	switch o {
	case wrong:
		return "🔴"
	case right:
		return "🟢"
	case looked:
		return "🔎"
	case unknown, notSet:
	}
	return "⚪"
}

// sum is a step in a clause.
func (s stepSeen) sum() string {
	var failed, open int
	for _, f := range s.findings {
		switch f.Verdict {
		case check.Fail:
			failed++
		case check.Unknown:
			open++
		case check.Pass:
		}
	}
	var parts []string
	if all := len(s.findings); all > 0 {
		text := fmt.Sprintf("%d of %s fail", failed, phrase.Plural(int64(all), "check"))
		if open > 0 {
			text += fmt.Sprintf(", %d UNKNOWN", open)
		}
		parts = append(parts, text)
	}
	var there []string
	for _, f := range s.facts {
		if present(f) && !slices.Contains(there, string(f.Kind)) {
			there = append(there, string(f.Kind))
		}
	}
	if len(there) > 0 {
		parts = append(parts, "seen: "+strings.Join(there, ", "))
	} else if len(s.done) > 0 {
		parts = append(parts, "nothing seen in "+strings.Join(s.done, ", "))
	}
	if n := len(s.missing); n > 0 {
		parts = append(parts, phrase.Plural(int64(n), "source")+" without a full answer")
	}
	if len(parts) == 0 {
		return "the config has nothing to look at"
	}
	return strings.Join(parts, "; ")
}

// present tells a fact from the word that there is none.
func present(f look.Fact) bool { return f.Count > 0 || !f.At.IsZero() && dated(f.Kind) }

// dated kinds of fact are things that happened, and need no count.
func dated(k look.Kind) bool {
	return k == look.Rollout || k == look.ConfigEdit || k == look.Scaling || k == look.Migration
}

// finding is one check in a line.
func (r reporter) finding(f judged) message.Line {
	line := message.Join(icon(outcome(f.Verdict)), " ", message.Strong(string(f.Verdict)+" "+titleOf(f.of)), "  ")
	if f.Verdict == check.Unknown {
		line = append(line, message.Span{Text: f.Reason})
		if f.Tally.Rows > 0 {
			line = append(line, message.Span{Text: fmt.Sprintf(" At least %s wrong before that.", phrase.Count(f.Tally.Rows))})
		}
		return line
	}
	says := f.Result.Says
	if says == "" || r.noRows { // it names errors, sessions and tables
		says = phrase.Count(f.Tally.Rows) + " of " + phrase.Count(f.Result.Scanned)
	}
	line = append(line, message.Span{Text: clip(says) + f.reused(r.now)})
	if !f.Tally.First.IsZero() && f.Verdict == check.Fail {
		line = append(line, message.Join(" · first bad ", r.voice().moment(f.Tally.First))...)
	}
	return line
}

// facts are what the looks of a step saw, by kind; in a channel shared with others
// only how many.
func (r reporter) facts(s stepSeen) []message.Line {
	var out []message.Line
	var kinds []look.Kind
	for _, f := range s.facts {
		if !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
		}
	}
	for _, k := range kinds {
		of := slices.DeleteFunc(s.ofKind(k), func(f look.Fact) bool { return !present(f) })
		switch {
		case len(of) == 0 && !dated(k) && len(s.missing) == 0:
			out = append(out, message.Text("no %s", k))
			continue
		case len(of) == 0: // what did not answer may have some
			out = append(out, message.Text("of %s none was seen", k))
			continue
		case r.noRows:
			out = append(out, message.Text("%s: %s", k, phrase.Count(int64(len(of)))))
			continue
		}
		for _, f := range of[:min(mostFacts, len(of))] {
			line := message.Text("%s", clip(says(f)))
			if at := r.voice().moment(f.At); len(at) > 0 {
				line = append(line, message.Join(" · ", at)...)
			}
			out = append(out, line)
		}
		if more := len(of) - mostFacts; more > 0 {
			out = append(out, message.Text("… and %d more %s", more, k))
		}
	}
	return out
}

// says is a fact as a line.
func says(f look.Fact) string {
	switch {
	case f.Says != "":
		return f.Says
	case f.Count > 0:
		return phrase.Count(f.Count) + " " + string(f.Kind) + " " + f.Subject
	}
	return string(f.Kind) + " " + f.Subject
}

// weighing shows all that was counted for and against each cause.
func (r reporter) weighing() (message.Message, bool) {
	t := &message.Table{Columns: []message.Column{{Name: "cause"}, {Name: "what was seen"}, {Name: "weight", Numeric: true}}}
	for _, w := range r.diagnosis.causes {
		for _, g := range slices.Concat(w.pro, w.con) {
			t.Rows = append(t.Rows, []string{string(w.cause), string(g.rule.signal) + negated(g.rule), fmt.Sprintf("%+d", g.rule.weight)})
		}
		if len(w.pro)+len(w.con) > 0 {
			verdict := "not named"
			if w.strength != none {
				verdict = string(w.strength)
			}
			t.Rows = append(t.Rows, []string{string(w.cause), "together: " + verdict, fmt.Sprintf("%d", w.score)})
		}
	}
	t.Total = int64(len(t.Rows))
	m := message.Message{
		Headline: message.Text("How it was weighed: strong from %d on, some from %d on, weak from %d on", strongFrom, someFrom, weakFrom),
		Parts:    []message.Part{{Table: t}},
	}
	if r.diagnosis.unsure {
		m.Parts = append(m.Parts, message.Part{Lines: []message.Line{message.Text("So much is UNKNOWN that strong counts as some, and some as weak.")}})
	}
	return m, len(t.Rows) > 0
}

func negated(r rule) string {
	if r.none {
		return ": none"
	}
	return ""
}

package incidents

import (
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/message"
)

// Final is posted when it is resolved: impact, times, what was done, follow-ups.
func Final(v View, w Wording) message.Message {
	i, now := v.Incident, w.measure(v.Checks)
	impact := w.measure(extent(v))
	m := message.Message{
		Headline: finalHeadline(i, now, impact, w),
		Context:  smallPrint(i)[:1],
		Actions:  []message.Action{exportAction(i), {Verb: "incident", Ref: "timeline " + i.Ref(), Label: "Timeline"}},
	}
	lines := append([]message.Line{impactLine(v, impact, w)}, ended(i, w)...)
	if i.Cause != "" {
		lines = append(lines, message.Join(message.Strong("Cause: "), shorten(flat(i.Cause), mostSaid)))
	}
	for _, group := range [][]message.Line{lines, timeLines(i), checkLines(v, w), repairLines(v), told(v, w), followUps(i)} {
		if len(group) > 0 {
			m.Parts = append(m.Parts, message.Part{Lines: group})
		}
	}
	m.Parts = append(m.Parts, message.Part{Lines: []message.Line{message.Join("Everything, as Markdown and JSON: ", message.Mono(w.Word+" incident export "+i.Ref()))}})
	return m
}

func finalHeadline(i Incident, now, impact measured, w Wording) message.Line {
	line := message.Join(stateIcon(i, now), " "+called(i)+" — ", message.Strong(strings.ToUpper(string(i.Status))))
	if i.End != nil && i.End.By != "" {
		line = append(line, message.Join(" by ", message.Mention(i.End.By))...)
	}
	if i.End != nil && i.End.Override != "" {
		line = append(line, message.Span{Text: " although not all checks were green"})
	}
	switch {
	case len(impact.fails) == 0:
		return append(line, message.Span{Text: ": " + now.what(w)})
	case impact.wrong(w) == now.wrong(w):
		return append(line, message.Span{Text: ": still " + now.what(w)})
	}
	return append(line, message.Text(": %s; now %s", impact.worst(w), now.what(w))...)
}

func impactLine(v View, impact measured, w Wording) message.Line {
	line := message.Join(message.Strong("Impact: "))
	if len(impact.fails) == 0 {
		return append(line, message.Span{Text: "no check has failed."})
	}
	line = append(line, message.Span{Text: impact.worst(w) + " (each check by its worst run)"})
	first, last := badTimes(v)
	if !first.IsZero() {
		line = append(line, message.Join("; first bad ", message.At(first))...)
	}
	if !last.IsZero() {
		line = append(line, message.Join(", last bad ", message.At(last))...)
	}
	return append(line, message.Span{Text: "."})
}

// took is one of the lengths of time by which incidents are compared.
type took struct {
	name     string // detect
	words    string // "from the first bad data until it was noticed"
	from, to time.Time
}

// times are they, in the order of the milestones. All but the first count from when it
// was noticed.
func (m Milestones) times() []took {
	return []took{
		{"detect", "from the first bad data until it was noticed", m.Began, m.Detected},
		{"contain", "until it grew no more", m.Detected, m.Contained},
		{"identify", "until the cause was known", m.Detected, m.Identified},
		{"fix", "until the last fix was applied", m.Detected, m.Fixed},
		{"verify", "until the checks passed", m.Detected, m.Verified},
		{"resolve", "until it was resolved", m.Detected, m.Resolved},
	}
}

// known tells whether both ends were recorded.
func (t took) known() bool { return !t.from.IsZero() && !t.to.IsZero() }

func (t took) text() string {
	switch {
	case !t.known():
		return "not recorded"
	case t.to.Before(t.from):
		return spanText(t.from.Sub(t.to)) + " before that"
	}
	return spanText(t.to.Sub(t.from))
}

func timeLines(i Incident) []message.Line {
	var lines []message.Line
	for _, t := range i.Milestones.times() {
		lines = append(lines, message.Text("to %s: %s", t.name, t.text()))
	}
	return []message.Line{
		append(message.Join(message.Strong("Times: ")), joined(" · ", 0, lines)...),
		message.Text("(to detect: from the first bad data until it was noticed; the others: from then on)"),
	}
}

func followUps(i Incident) []message.Line {
	if len(i.FollowUps) == 0 {
		return nil
	}
	var lines []message.Line
	for _, f := range i.FollowUps {
		lines = append(lines, message.Text("• %s", shorten(flat(f), mostLine)))
	}
	return append([]message.Line{{message.Strong("To be done afterwards")}}, most(mostNamed, lines)...)
}

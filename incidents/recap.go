package incidents

import (
	"slices"

	"github.com/integritybot/integritybot/internal/message"
)

// mostRecent is how many of the last entries of the timeline a recap shows.
const mostRecent = 10

// Recap is for people who join late: five lines, the last ten entries of the timeline.
func Recap(v View, w Wording) message.Message {
	i, f := v.Incident, w.measure(v.Checks)
	lines := []message.Line{f.whatLine(w), recapGrowth(f, i, w), recapLead(i), recapFixes(v), recapTold(v, w)}
	m := message.Message{
		Headline: headline(v, f),
		Parts:    []message.Part{{Lines: lines}},
		Context:  smallPrint(i),
		Actions: []message.Action{
			{Verb: "incident", Ref: "timeline " + i.Ref(), Label: "Timeline"},
			{Verb: "incident", Ref: "checklist " + i.Ref(), Label: "Checklist"},
		},
	}
	if all := shown(Timeline(v, w)); len(all) > 0 {
		recent := all[max(0, len(all)-mostRecent):]
		m.Parts = append(m.Parts, message.Part{Lines: append([]message.Line{{message.Strong("Last entries")}}, happenedLines(recent)...)})
	}
	return m
}

func recapGrowth(f measured, i Incident, w Wording) message.Line {
	line := message.Join(message.Strong("Safe to read? "), f.safe(w, i))
	if growth := f.growth(i); growth != nil {
		line = append(append(line, message.Span{Text: " "}), growth...)
	}
	return line
}

func recapLead(i Incident) message.Line {
	line := message.Join(message.Strong("Lead: "))
	if i.Lead == "" {
		line = append(line, message.Span{Text: "nobody"})
	} else {
		line = append(line, message.Mention(i.Lead))
	}
	if i.Cause == "" {
		return append(line, message.Span{Text: ". The cause is not known yet."})
	}
	return append(line, message.Span{Text: ". Cause: " + shorten(flat(i.Cause), mostSaid)})
}

func recapFixes(v View) message.Line {
	if len(v.Repairs) == 0 {
		return message.Join(message.Strong("Fixes: "), "none yet")
	}
	var lines []message.Line
	for _, r := range slices.Backward(v.Repairs) {
		lines = append(lines, message.Text("%s %s", r.Ref, stateText(r)))
	}
	return append(message.Join(message.Strong("Fixes: ")), joined(" · ", mostNamed, lines)...)
}

func recapTold(v View, w Wording) message.Line {
	lines := told(v, w)
	lines = append(lines, nextUpdates(v, w)...)
	if len(lines) == 0 {
		return message.Join(message.Strong("Told: "), "nobody yet")
	}
	return joined(". ", 0, lines)
}

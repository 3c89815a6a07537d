package look

import (
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// How much of a time line is shown. The rest is counted.
const (
	shownChanges   = 50
	shownDetails   = 20 // changes whose differences are listed
	shownLines     = 12 // differences of one change
	shownMissing   = 5  // in the head; all are in the thread
	clauseLength   = 160
	evidenceLength = 200
)

func (l *chronology) report() Report {
	head := message.Message{Headline: l.headline()}
	if len(l.changes) > 0 {
		head.Parts = append(head.Parts, message.Part{Table: l.table()})
	}
	if part, ok := l.missingPart(shownMissing); ok {
		head.Parts = append(head.Parts, part)
	}
	return Report{Head: head, Thread: l.thread(), Facts: l.facts(), Missing: l.missing}
}

// headline is the change that is most likely to matter: the last before the first
// bad row, or the newest one.
func (l *chronology) headline() message.Line {
	const title = "🔎 Changes: "
	all := phrase.Plural(int64(len(l.changes)), "change")
	var line message.Line
	before, marked := l.closest()
	switch {
	case len(l.changes) == 0:
		line = message.Join(title+"none since ", message.At(l.since))
		if len(l.missing) > 0 {
			line = message.Join(title+"none seen since ", message.At(l.since))
		}
	case marked:
		line = message.Join(title+naming(before)+" ", message.At(before.At),
			fmt.Sprintf(", %s before the first bad row; %s since ", phrase.Age(l.firstBad.Sub(before.At)), all), message.At(l.since))
	case !l.firstBad.IsZero():
		line = message.Join(title+"none before the first bad row ", message.At(l.firstBad), fmt.Sprintf("; %s after it, the newest ", phrase.Count(int64(len(l.changes)))),
			naming(l.changes[0])+" ", message.At(l.changes[0].At))
	default:
		line = message.Join(title+phrase.Count(int64(len(l.changes)))+" since ", message.At(l.since), ", the newest "+naming(l.changes[0])+" ", message.At(l.changes[0].At))
	}
	if len(l.missing) > 0 {
		line = message.Join(line, "; not all could be seen")
	}
	return line
}

// naming names a change in a line: what happened, of what, and its first detail.
func naming(c Change) string {
	return short(evidence(c), clauseLength)
}

// evidence is a change as a line of evidence: "rollout 41 of ecommerce-backend
// (image 1.8.2 → 1.8.3)", "configmap/shop edited by client kubectl-edit (key a)".
func evidence(c Change) string {
	event, detail, ok := strings.Cut(c.Says, ": ")
	_, name, named := strings.Cut(c.What, "/")
	if !named {
		name = c.What
	}
	text := name + " " + event
	switch {
	case c.Kind == Migration:
		text = event
	case c.Kind == ConfigEdit:
		text = c.What + " " + event
	case c.Kind == Rollout && strings.HasPrefix(event, "rollout"):
		text = event + " of " + name
	}
	if c.Who != "" && c.Kind != Rollout {
		text += " by " + c.Who
	}
	text += failed(c) // before the details: no length cuts it off
	if ok {
		text += " (" + detail + ")"
	}
	return text
}

func failed(c Change) string {
	if c.Failed {
		return ", failed"
	}
	return ""
}

// table is the time line, with the first bad row in its place.
func (l *chronology) table() *message.Table {
	table := &message.Table{
		Columns: []message.Column{{Name: "time"}, {Name: "what"}, {Name: "change"}, {Name: "who"}, {Name: "where"}},
		Total:   int64(len(l.changes)),
	}
	mark := l.mark()
	for _, c := range l.changes[:min(len(l.changes), shownChanges)] {
		if mark != nil && !c.At.After(l.firstBad) {
			table.Rows = append(table.Rows, mark)
			mark = nil
			table.Total++
		}
		says := c.Says
		if c.Failed {
			says = "failed: " + says
		}
		table.Rows = append(table.Rows, []string{stamp(c.At), c.What, short(says, clauseLength), c.Who, c.Place})
	}
	if mark != nil && len(l.changes) <= shownChanges {
		table.Rows = append(table.Rows, mark)
		table.Total++
	}
	return table
}

// mark is the row that stands for the first bad row; nil: it is not known.
func (l *chronology) mark() []string {
	if l.firstBad.IsZero() {
		return nil
	}
	text := "— first bad row —"
	if c, ok := l.closest(); ok {
		event, _, _ := strings.Cut(c.Says, ": ")
		text = fmt.Sprintf("— first bad row, %s after %s%s —", phrase.Age(l.firstBad.Sub(c.At)), event, failed(c))
	}
	return []string{stamp(l.firstBad), text, "", "", ""}
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// missingPart says what was not seen.
func (l *chronology) missingPart(most int) (message.Part, bool) {
	var p message.Part
	for _, m := range l.missing[:min(len(l.missing), most)] {
		p.Lines = append(p.Lines, message.Text("%s", "Not known: "+m))
	}
	if more := len(l.missing) - len(p.Lines); more > 0 {
		p.Lines = append(p.Lines, message.Text("And %d more that could not be seen.", more))
	}
	return p, len(p.Lines) > 0
}

// thread lists the differences that each change made, and all that was not seen.
func (l *chronology) thread() []Detail {
	var out []Detail
	m := message.Message{Headline: message.Text("What each change changed")}
	left := 0
	for _, c := range l.changes {
		if len(c.Differences) == 0 {
			continue
		}
		if len(m.Parts) == shownDetails {
			left++
			continue
		}
		m.Parts = append(m.Parts, message.Part{Lines: differences(c)})
	}
	if left > 0 {
		m.Parts = append(m.Parts, message.Part{Lines: []message.Line{message.Text("%d older changes with differences are not listed; ask with a shorter --since.", left)}})
	}
	if len(m.Parts) > 0 {
		out = append(out, Detail{Name: "differences", Message: m})
	}
	if len(l.missing) > shownMissing {
		part, _ := l.missingPart(len(l.missing))
		out = append(out, Detail{Name: "not-seen", Message: message.Message{Headline: message.Text("What could not be seen"), Parts: []message.Part{part}}})
	}
	return out
}

func differences(c Change) []message.Line {
	event, _, _ := strings.Cut(c.Says, ": ")
	lines := []message.Line{message.Join(message.Strong(c.What+", "+event+failed(c)), " ", message.At(c.At))}
	if c.Who != "" {
		lines[0] = message.Join(lines[0], " by "+c.Who)
	}
	for _, d := range c.Differences[:min(len(c.Differences), shownLines)] {
		lines = append(lines, message.Text("• %s", short(d, evidenceLength)))
	}
	if more := len(c.Differences) - shownLines; more > 0 {
		lines = append(lines, message.Text("• and %d more", more))
	}
	return lines
}

// facts are the changes for a diagnosis.
func (l *chronology) facts() []Fact {
	var out []Fact
	for _, c := range l.changes {
		out = append(out, Fact{Kind: c.Kind, Subject: c.What, Count: 1, At: c.At, Failed: c.Failed, Says: short(evidence(c), evidenceLength)})
	}
	return out
}

// short is text of at most so many characters.
func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

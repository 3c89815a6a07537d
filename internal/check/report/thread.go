package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// thread explains one failing or unanswered check.
func thread(run check.Run, f check.Finding, checks Checks) message.Message {
	ref := f.Check
	if run.ID > 0 {
		ref = run.Ref() + "/" + f.Check
	}
	m := message.Message{
		Headline: threadHeadline(run, f, checks),
		Context:  []message.Line{message.Text("%s · %s · %s", ref, Plan(f), phrase.Duration(f.Duration))},
		Actions: []message.Action{
			{Verb: "again", Ref: ref, Label: "Run again"},
			{Verb: "details", Ref: ref, Label: "Details"},
		},
	}
	if f.Tally.Rows == 0 {
		return m
	}
	if run.NoRows {
		m.Parts = append(m.Parts, lines("This channel is shared with another organisation, so rows are not shown here. Ask again in a private channel."))
		return m
	}
	if f.Verdict == check.Fail {
		m.Actions = append(remedies(checks[f.Check], ref), m.Actions...)
	}
	m.Parts = append(m.Parts, message.Part{Table: examples(f, checks[f.Check].Kind)})
	if f.Tally.Rows > int64(len(f.Tally.Examples)) {
		m.Parts = append(m.Parts, lines(fmt.Sprintf("%d of %s shown; the file %s lists them all.", len(f.Tally.Examples), phrase.Count(f.Tally.Rows), fileName(run, f))))
	}
	if likely := checks[f.Check].Likely; likely != "" {
		m.Parts = append(m.Parts, lines(likely))
	}
	m.Files = []message.File{{
		Name:   fileName(run, f),
		Title:  fmt.Sprintf("%s: all %s", checks.title(f.Check), phrase.Plural(f.Tally.Rows, "row")),
		Source: fmt.Sprintf("run/%d/%s", run.ID, f.Check),
	}}
	return m
}

// remedies are what can be done about a failing check: what is wrong now, and
// that it comes again.
func remedies(c check.Check, ref string) []message.Action {
	var out []message.Action
	if c.Fixable {
		label := "Preview fix"
		if c.Kind == "dead-letters" {
			label = "Preview replay"
		}
		out = append(out, message.Action{Verb: "fix", Ref: ref, Label: label, Style: message.Primary})
	}
	if c.Name != "" && !slices.Contains(streams(), c.Kind) { // no constraint keeps a consumer from failing
		out = append(out, message.Action{Verb: "prevent", Ref: ref, Label: "How to prevent"})
	}
	return out
}

func threadHeadline(run check.Run, f check.Finding, checks Checks) message.Line {
	c := checks[f.Check]
	if f.Verdict == check.Unknown {
		return message.Text("⚪ UNKNOWN %s: %s", checks.title(f.Check), f.Reason)
	}
	if says := saying(run, f, checks); says != "" {
		return message.Text("🔴 FAIL %s: %s.", checks.title(f.Check), says)
	}
	text := fmt.Sprintf("🔴 FAIL %s: %s.", checks.title(f.Check), meaning(c, f))
	if m := phrase.Amounts(f.Tally.Money); m != "" {
		text += " " + m + " at stake."
	}
	return message.Text("%s", text)
}

// meaning says in a clause what a check's rows are, in the words of its declaration.
func meaning(c check.Check, f check.Finding) string {
	noun, means := cmp.Or(c.Noun, "rows"), cmp.Or(c.Means, "break this check")
	if f.Tally.Rows == 1 {
		return fmt.Sprintf("1 found. Such %s %s", noun, means)
	}
	return fmt.Sprintf("%s %s %s", phrase.Count(f.Tally.Rows), noun, means)
}

func examples(f check.Finding, kind string) *message.Table {
	t := &message.Table{Total: int64(len(f.Tally.Examples))}
	classes := len(f.Tally.Classes) > 0
	if classes {
		t.Columns = append(t.Columns, message.Column{Name: "finding"})
	}
	for _, c := range f.Tally.Columns {
		t.Columns = append(t.Columns, message.Column{Name: c.Name, Numeric: c.Class == check.Number})
	}
	for _, e := range f.Tally.Examples {
		var row []string
		if classes {
			row = append(row, className(e.Class, kind))
		}
		for i, v := range e.Values {
			if i < len(f.Tally.Columns) && f.Tally.Columns[i].Class == check.Time {
				v = phrase.Moment(v)
			}
			row = append(row, v)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func fileName(run check.Run, f check.Finding) string {
	return fmt.Sprintf("%s-%s.csv", f.Check, run.Ref())
}

func lines(text string) message.Part {
	return message.Part{Lines: []message.Line{message.Text("%s", text)}}
}

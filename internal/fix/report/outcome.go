package report

import (
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// applied is the message of a plan that changed something: what is done, what is
// not, and what the check says now.
func (w Wording) applied(p fix.Plan) message.Post {
	o := p.Outcome
	state := string(p.State)
	if o.Unknown {
		state += ", how far is not known"
	}
	line := message.Text("%s %s %s: %s in %s", icon(p), p.Ref(), state, changed(p), phrase.Duration(o.Took))
	line = append(line, confirmedBy(p, ", ")...)
	if o.Taken > 0 {
		line = append(line, message.Span{Text: " (finished by another instance after a restart)"})
	}
	line = append(line, message.Span{Text: "." + undone(o) + " " + w.verified(p)})
	m := message.Message{
		Headline: line,
		Parts:    body(message.Part{Table: w.sideBySide(p)}, lines(rest(p)...), lines(skipped(o.Skipped)...), lines(left(p.Draft)...)),
		Context:  []message.Line{w.context(p.Order, p.Draft.Place)},
	}
	if p.Draft.Irreversible == "" {
		m.Actions = append(m.Actions, message.Action{Verb: "undo", Ref: p.Ref(), Label: "Undo"})
	}
	if o.Verdict != check.Pass && (p.State == fix.PartlyApplied || o.Verdict == check.Fail && p.Undoes == 0) {
		m.Actions = append(m.Actions, NewPreview(p.Order))
	}
	if o.Verdict != check.Pass {
		m.Actions = append(m.Actions, runCheck(p.Order))
	}
	return place(p.Order, m, true)
}

// icon is green only where everything was done and the check passes.
func icon(p fix.Plan) string {
	switch {
	case p.State == fix.PartlyApplied:
		return "🟡"
	case p.Outcome.Verdict == check.Pass:
		return "🟢"
	case p.Outcome.Verdict == check.Fail:
		return "🟡"
	}
	return "⚪"
}

// changed is what was done: "28 of 30 orders quarantined (140 changes in all)".
func changed(p fix.Plan) string {
	o, d := p.Outcome, p.Draft
	text := some(o.Changed, d)
	if o.Changed != d.Rows {
		text = phrase.Count(o.Changed) + " of " + some(d.Rows, d)
	}
	if o.Unknown {
		text = "at least " + text
	}
	text += " " + done(d)
	if o.Total != o.Changed {
		text += " (" + phrase.Plural(o.Total, "change") + " in all)"
	}
	return text
}

// undone counts what was not done; the reasons are below the headline.
func undone(o fix.Outcome) string {
	n := int64(len(o.Skipped)) + o.Left
	if n == 0 {
		return ""
	}
	if o.Unknown {
		return " At most " + phrase.Plural(n, "change") + " not made."
	}
	return " " + phrase.Plural(n, "change") + " not made."
}

// verified is what the check that led here says now. A check that could not
// answer is said as such.
func (w Wording) verified(p fix.Plan) string {
	o, title := p.Outcome, w.title(p.Order)
	if p.Draft.Uncounted && (o.Verdict == check.Pass || o.Verdict == check.Fail) {
		return fmt.Sprintf("%s: %s.", title, o.Verdict)
	}
	before, after := phrase.Count(o.Before), phrase.Count(o.After)
	switch o.Verdict {
	case check.Pass:
		return fmt.Sprintf("%s: %s → %s, PASS.", title, before, after)
	case check.Fail:
		if o.Before > 0 {
			return fmt.Sprintf("%s: %s → %s, still FAIL.", title, before, after)
		}
		return fmt.Sprintf("%s: %s → %s, FAIL.", title, before, after)
	case check.Unknown:
		return fmt.Sprintf("%s is UNKNOWN: the check could not finish afterwards.", title)
	}
	return fmt.Sprintf("%s is UNKNOWN: the check did not run afterwards.", title)
}

// sideBySide is the check before and after.
func (w Wording) sideBySide(p fix.Plan) *message.Table {
	o := p.Outcome
	if p.Draft.Uncounted {
		return nil // its verdict stands in the first line
	}
	after := "UNKNOWN"
	if o.Verdict == check.Pass || o.Verdict == check.Fail {
		after = phrase.Count(o.After) + " wrong, " + string(o.Verdict)
	}
	return &message.Table{
		Columns: []message.Column{{Name: "check"}, {Name: "before"}, {Name: "after"}},
		Rows:    [][]string{{w.title(p.Order), phrase.Count(o.Before) + " wrong", after}},
		Total:   1,
	}
}

// rest tells why an apply ended early, and that what is done is whole.
func rest(p fix.Plan) []string {
	o := p.Outcome
	var out []string
	if p.Reason != "" {
		out = append(out, sentence(p.Reason))
	}
	if o.Left > 0 && !o.Unknown {
		out = append(out, fmt.Sprintf("%s never tried. What is done is done in whole batches: %s of %s.",
			phrase.Plural(o.Left, "change"), phrase.Count(int64(o.Batches)), phrase.Count(int64(p.Batches))))
	}
	return out
}

// failed is the message of a plan that could not be made, or that changed
// nothing when it was applied.
func (w Wording) failed(p fix.Plan) message.Post {
	if p.DecidedBy == "" {
		return w.notMade(p)
	}
	o := p.Outcome
	line := message.Text("🔴 %s failed: nothing was changed.", p.Ref())
	if o.Total > 0 { // a plan that failed changes nothing; if it says that it did, so do we
		line = message.Text("🔴 %s failed: %s.", p.Ref(), changed(p))
	}
	if why := because(p); why != "" {
		line = append(line, message.Span{Text: " " + why})
	}
	line = append(line, message.Span{Text: undone(o)})
	line = append(line, confirmedBy(p, " It was ")...)
	m := message.Message{
		Headline: append(line, message.Span{Text: "."}),
		Parts:    body(lines(sentence("It was to "+p.Draft.Does)), lines(skipped(o.Skipped)...)),
		Context:  []message.Line{w.context(p.Order, p.Draft.Place)},
		Actions:  []message.Action{NewPreview(p.Order), runCheck(p.Order)},
	}
	if o.Verdict != "" {
		m.Parts = append(m.Parts, body(message.Part{Table: w.sideBySide(p)})...)
	}
	return place(p.Order, m, true)
}

// notMade is the message of a plan that nobody could decide upon.
func (w Wording) notMade(p fix.Plan) message.Post {
	m := message.Message{
		Headline: message.Text("⚪ %s could not be made, nothing was changed: %s", p.Ref(), because(p)),
		Parts:    body(lines(left(p.Draft)...)),
		Context:  []message.Line{w.context(p.Order, p.Draft.Place)},
		Actions:  []message.Action{NewPreview(p.Order), runCheck(p.Order)},
	}
	if nothing := fix.Nothing(w.title(p.Order), p.Draft); p.Reason == "" || p.Reason == nothing {
		m.Headline = message.Text("⚪ %s not made. %s", p.Ref(), nothing)
		m.Actions = []message.Action{runCheck(p.Order)}
	}
	return place(p.Order, m, true)
}

package report

import (
	"time"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// over is the message of a plan that was never carried out.
func (w Wording) over(p fix.Plan, headline message.Line) message.Post {
	m := message.Message{
		Headline: headline,
		Context:  []message.Line{w.context(p.Order, p.Draft.Place)},
		Actions:  []message.Action{NewPreview(p.Order)},
	}
	if p.Draft.Does != "" {
		m.Parts = body(lines(sentence("It was to " + p.Draft.Does)))
	}
	return place(p.Order, m, true)
}

func (w Wording) expired(p fix.Plan) message.Post {
	return w.over(p, message.Join("⚪ "+p.Ref()+" expired ", message.At(p.Expires), ": nobody decided, and nothing was done"))
}

// cancelled also words a plan that was confirmed and then stopped before its
// first change: whoever decided is then not who stopped it.
func (w Wording) cancelled(p fix.Plan) message.Post {
	line := message.Text("⚪ %s cancelled", p.Ref())
	stopped := p.Hash != "" && p.Reason != ""
	if !stopped && p.DecidedBy != "" {
		line = append(line, message.Join(" by ", message.Mention(p.DecidedBy), when(p.DecidedAt))...)
	}
	line = append(line, message.Text(": nothing was done")...)
	if stopped {
		line = append(line, message.Text(". %s", because(p))...)
		line = append(line, confirmedBy(p, " It was ")...)
		line = append(line, message.Span{Text: "."})
	}
	return w.over(p, line)
}

func (w Wording) refused(p fix.Plan) message.Post {
	return w.over(p, message.Text("⚪ %s refused, nothing was done: %s", p.Ref(), because(p)))
}

// Undone is the message of a plan that another one took back. by may be known by
// its number alone.
func (w Wording) Undone(p, by fix.Plan) message.Post {
	how := "undone"
	if by.State == fix.PartlyApplied {
		how = "undone in part"
	}
	line := message.Text("⚪ %s %s by %s", p.Ref(), how, by.Ref())
	if by.DecidedBy != "" {
		line = append(line, message.Join(", ", message.Mention(by.DecidedBy), when(by.DecidedAt))...)
	}
	line = append(line, message.Text(". It had done this: %s.", changed(p))...)
	m := message.Message{
		Headline: line,
		Parts:    body(lines("It was to " + p.Draft.Does + ".")),
		Context:  []message.Line{w.context(p.Order, p.Draft.Place, confirmedBy(p, " · "))},
		Actions:  []message.Action{NewPreview(p.Order), runCheck(p.Order)},
	}
	return place(p.Order, m, true)
}

// when is a moment behind a name, where it is known.
func when(t time.Time) message.Line {
	if t.IsZero() {
		return nil
	}
	return message.Join(" ", message.At(t))
}

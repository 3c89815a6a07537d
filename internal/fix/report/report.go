// Package report words a plan: one message that is edited through the plan's
// whole life, from the first word to what came of it and who took it back.
//
// Its first line is enough to act on. It shows of rows only what the plan's
// draft holds (masked) and keys; buttons that a decision no longer needs are
// gone after it; and what was not verified is never shown as green.
package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// Wording is what the messages need to know beside the plans.
type Wording struct {
	Checks map[string]check.Check // by name, as declared now
	Policy authz.Policy
	Keep   time.Duration // how long what was applied can be undone; 0: not known
}

// HeadKey is the key of a plan's message.
func HeadKey(plan int64) string { return fmt.Sprintf("plan/%d", plan) }

// Head gives the plan's message as it should stand now, whatever its state.
// Applying does the same for one that is under way and knows how far it is, and
// Undone for one that was taken back and knows by whom.
func (w Wording) Head(p fix.Plan, now time.Time) message.Post {
	switch p.State {
	case fix.Planning:
		return w.Planning(p.Order)
	case fix.Waiting:
		if !now.Before(p.Expires) { // nobody can confirm it any more
			return w.expired(p)
		}
		return w.preview(p, now)
	case fix.Approved, fix.Applying:
		return w.Applying(p, check.Progress{})
	case fix.Applied, fix.PartlyApplied:
		return w.applied(p)
	case fix.Failed:
		return w.failed(p)
	case fix.Expired:
		return w.expired(p)
	case fix.Cancelled:
		return w.cancelled(p)
	case fix.Refused:
		return w.refused(p)
	case fix.Undone:
		return w.Undone(p, fix.Plan{Order: fix.Order{ID: p.UndoneBy}})
	}
	return place(p.Order, message.Message{Headline: message.Text("%s is in a state that I do not know: %s", p.Ref(), p.State)}, false)
}

// NewPreview is the button that has the plan made anew, as it was asked for.
func NewPreview(o fix.Order) message.Action {
	if o.Undoes > 0 {
		return message.Action{Verb: "undo", Ref: fix.Ref(o.Undoes), Label: "New preview"}
	}
	return message.Action{Verb: "fix", Ref: o.Ref(), Label: "New preview"}
}

func runCheck(o fix.Order) message.Action {
	return message.Action{Verb: "check", Ref: o.Check, Label: "Run the check"}
}

// place wraps the message with where it belongs.
func place(o fix.Order, m message.Message, final bool) message.Post {
	post := message.Post{
		Key:         HeadKey(o.ID),
		Channel:     o.Channel,
		Parent:      o.Under,
		ResponseURL: o.ResponseURL,
		Final:       final,
		Message:     m,
	}
	if o.Under == "" {
		post.Thread = o.Thread
	}
	return post
}

// context is the small print: which plan, where, who asked.
func (w Wording) context(o fix.Order, target string, more ...any) message.Line {
	line := message.Text("%s", o.Ref())
	if p := w.Checks[o.Check].Place; target == "" {
		target = p
	}
	if target != "" {
		line = append(line, message.Span{Text: " · " + target})
	}
	if o.AskedBy != "" {
		line = append(line, message.Join(" · asked by ", message.Mention(o.AskedBy))...)
	}
	return append(line, message.Join(more...)...)
}

func (w Wording) title(o fix.Order) string {
	if t := w.Checks[o.Check].Title; t != "" {
		return t
	}
	return o.Check
}

// because is why a plan came to nothing, as a sentence. That nothing was done is
// said by the message already.
func because(p fix.Plan) string {
	reason := sentence(p.Reason)
	for _, said := range []string{"Nothing was done.", "Nothing was changed."} {
		reason = strings.TrimSpace(strings.TrimSuffix(reason, said))
	}
	return reason
}

// sentence is a text that ends like one.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "!") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

func lines(text ...string) message.Part {
	var p message.Part
	for _, t := range text {
		if t != "" {
			p.Lines = append(p.Lines, message.Text("%s", t))
		}
	}
	return p
}

// body is the parts that say something.
func body(parts ...message.Part) []message.Part {
	var out []message.Part
	for _, p := range parts {
		if len(p.Lines) > 0 || p.Table != nil {
			out = append(out, p)
		}
	}
	return out
}

package report

import (
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// Applying is the message of a plan that was confirmed and is not over: how far
// it is in changes, why it waits if it does, and a button to stop it. For a plan
// that is still being worked out it tells how far that is.
func (w Wording) Applying(p fix.Plan, at check.Progress) message.Post {
	if p.State == fix.Planning {
		return w.planning(p.Order, at)
	}
	total := at.Total
	if total <= 0 {
		total = p.Draft.Total
	}
	text := fmt.Sprintf("⏳ %s confirmed, about to begin: %s", p.Ref(), p.Draft.Does)
	switch {
	case at.Done > 0 && at.Done >= total && p.Draft.Plain:
		text = fmt.Sprintf("⏳ %s applying: all %s gone through; %s runs again next", p.Ref(), phrase.Plural(total, "change"), w.title(p.Order))
	case at.Done > 0 && at.Done >= total:
		text = fmt.Sprintf("⏳ %s applying: all %s gone through; what was locked is tried again, then %s runs again", p.Ref(), phrase.Plural(total, "change"), w.title(p.Order))
	case at.Done > 0:
		text = fmt.Sprintf("⏳ %s applying: %s of %s gone through, %s", p.Ref(), phrase.Count(at.Done), phrase.Plural(total, "change"), phrase.Share(at.Done, total))
	case p.State == fix.Applying:
		text = fmt.Sprintf("⏳ %s applying: %s", p.Ref(), p.Draft.Does)
	}
	return place(p.Order, message.Message{
		Headline: message.Text("%s", text),
		Parts:    body(paused(at)),
		Context:  []message.Line{w.context(p.Order, p.Draft.Place, confirmedBy(p, " · "))},
		Actions: []message.Action{{Verb: "stop", Ref: p.Ref(), Label: "Stop", Confirm: &message.Confirm{
			Title: "Stop " + p.Ref() + "?",
			Text:  "It stops after the batch it is making" + batchSize(p.Draft) + ". What is done until then stays done.",
			Yes:   "Stop it", No: "Let it run",
		}}},
	}, false)
}

// batchSize is how much that is, where it is the same for all plans.
func batchSize(d fix.Draft) string {
	if d.Plain {
		return ""
	}
	return ", of about " + phrase.Plural(fix.MaxBatch, "change")
}

// confirmedBy says who let the plan pass, and when.
func confirmedBy(p fix.Plan, before string) message.Line {
	if p.DecidedBy == "" {
		return nil
	}
	did := "confirmed by "
	if p.Second {
		did = "approved by "
	}
	return message.Join(before+did, message.Mention(p.DecidedBy), when(p.DecidedAt))
}

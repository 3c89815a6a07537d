package incidents

import (
	"github.com/integritybot/integritybot/internal/message"
)

// Calling is what one person who is called reads in direct messages: who is not in the
// incident's channel does not see that they are mentioned there.
type Calling struct {
	Person string // Slack user id
	// Key is that of the post, which is edited as things move on.
	Key     string
	Message message.Message
}

// Callings are those of the present escalation, of the levels that were called so far,
// and those of the ones before, which ask nobody any more.
func (i Incident) Callings() []Calling {
	var out []Calling
	for n := range i.Paged {
		out = append(out, i.callings(&i.Paged[n])...)
	}
	return append(out, i.callings(i.Escalation)...)
}

func (i Incident) callings(e *Escalation) []Calling {
	if e == nil {
		return nil
	}
	var out []Calling
	for _, l := range e.Levels {
		if l.Called.IsZero() {
			continue
		}
		m := i.calling(e, l)
		for _, p := range l.People {
			out = append(out, Calling{Person: p, Key: "incident/" + i.Ref() + "/page/" + number(e.N) + "/" + l.Level + "/" + p, Message: m})
		}
	}
	return out
}

// calling is what the people of a level read: that they are called, and afterwards that
// it is settled.
func (i Incident) calling(e *Escalation, l Called) message.Message {
	m := message.Message{Context: []message.Line{message.Text("%s", i.Ref())}}
	if e.Acked != "" || e.Needless || i.Status.Over() {
		m.Headline = message.Text("%s %s: you do not have to come any more", settledIcon(e.Acked != "" || i.Status.Over()), i.short())
		if says := i.calledOff(e); says != nil {
			m.Parts = []message.Part{{Lines: []message.Line{says}}}
		}
		return m
	}
	m.Headline = message.Text("🔴 %s calls you (%s): %s", i.short(), levelName(l), shorten(flat(i.Title), 100))
	var lines []message.Line
	if i.Where() != "" {
		lines = append(lines, message.Join("It goes on in ", message.Span{Kind: message.Channel, ID: i.Where()}, "."))
	}
	if e.Reason != "" {
		lines = append(lines, message.Join(message.Strong("Why: "), flat(e.Reason)))
	}
	if e.By != "" {
		lines = append(lines, message.Join("Asked for by ", message.Mention(e.By), "."))
	}
	m.Parts = []message.Part{{Lines: lines}}
	m.Actions = []message.Action{{Verb: "incident", Ref: "ack " + i.Ref(), Label: "Acknowledge: I am here", Style: message.Primary}}
	return m
}

// calledOff says why somebody who was called need not come; nil: there is no more to say.
func (i Incident) calledOff(e *Escalation) message.Line {
	switch now := i.Escalation; {
	case e.Acked != "":
		return message.Join(message.Mention(e.Acked), " came ", message.At(e.When), ".")
	case now != nil && now.N > e.N:
		return message.Join("Instead, "+levelName(now.Levels[0])+" was called ", message.At(now.Levels[0].Called), ".")
	case i.Status.Over():
		return message.Text("The incident is %s.", i.Status)
	}
	return nil
}

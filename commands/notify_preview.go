package commands

import (
	"cmp"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/message"
)

// mostPreviews is of how many previews an incident knows that they can be sent; those
// before them say so when somebody tries.
const mostPreviews = 20

// previewed seals a notice and shows it, with the buttons that send and discard it.
// changed tells that a form showed something else. Where the incident has no place of its
// own, the asker alone sees it.
func (t teller) previewed(c Call, v incidents.View, n incidents.Notice, changed bool) Prepared {
	i := v.Incident
	if i.Where() != "" {
		n.Shown = c.ID
	}
	s := incidents.Sealed{Seal: n.Seal(), Notice: n}
	m := t.preview(s, changed)
	p := Prepared{
		Target: i.Ref(), Incident: i.Ref(),
		Args: map[string]string{"template": n.Template, "audiences": strings.Join(audiencesOf(n), ","), "seal": s.Seal},
	}
	if i.Where() == "" {
		p.Reply, p.Build = &m, func(int64) Intent { return Intent{Draft: &s} }
		return p
	}
	p.Build = func(int64) Intent {
		to, posts := t.hung(c, i, s)
		return Intent{
			Draft: &s, Incidents: []incidents.Change{{Incident: to}},
			Posts: append([]message.Post{{Key: previewKey(s), Channel: i.Where(), Message: m}}, posts...),
		}
	}
	if i.Where() != c.Request.Channel {
		p.Reply = &message.Message{Headline: message.Join("The preview stands in ", message.Span{Kind: message.Channel, ID: i.Where()}, ".")}
	}
	return p
}

func (t teller) preview(s incidents.Sealed, changed bool) message.Message {
	m := incidents.PreviewOf(s, t.env.Incidents)
	for n, a := range m.Actions {
		if a.Form { // it is changed from what it holds
			m.Actions[n].Ref += " --" + flagSealed + " " + s.Seal
		}
	}
	if changed {
		m.Parts = append([]message.Part{{Lines: []message.Line{message.Text("You changed something after you saw it, so nothing was sent: this is how it is now.")}}}, m.Parts...)
	}
	return m
}

// hung is the incident that knows of one more preview. One of the same words before it
// gives way to it.
func (t teller) hung(c Call, i incidents.Incident, s incidents.Sealed) (incidents.Incident, []message.Post) {
	to, posts := i.Clone(), []message.Post(nil)
	to.Previews = slices.DeleteFunc(to.Previews, func(p incidents.Preview) bool {
		if p.Seal == s.Seal {
			posts = append(posts, settled(i, p, message.Join("the same was asked for again by ", byWhom(c), " ", message.At(t.env.Now()), ", and stands further down.")))
		}
		return p.Seal == s.Seal
	})
	to.Previews = append(to.Previews, incidents.Preview{Key: previewKey(s), Channel: i.Where(), Template: s.Notice.Template, Seal: s.Seal})
	to.Previews = to.Previews[max(0, len(to.Previews)-mostPreviews):]
	return to, posts
}

// previewKey is the key of the message that shows a draft. It is another one each time:
// what was thrown away can be previewed again.
func previewKey(s incidents.Sealed) string {
	return "notice/preview/" + cmp.Or(s.Notice.Shown, s.Seal)
}

// previewOf is where a draft stands to be sent.
func previewOf(i incidents.Incident, s incidents.Sealed) incidents.Preview {
	return incidents.Preview{Key: previewKey(s), Channel: i.Where(), Template: s.Notice.Template, Seal: s.Seal}
}

// settled stands in the place of a preview when it can no longer be sent: one line that
// says what became of it, by whom and when.
func settled(i incidents.Incident, p incidents.Preview, says message.Line) message.Post {
	m := message.Message{
		Headline: append(message.Text("⚪ Preview of \"%s\": ", p.Template), says...),
		Context:  []message.Line{message.Text("%s", i.Ref())},
	}
	return message.Post{Key: p.Key, Channel: p.Channel, Final: true, Message: m}
}

// without is the incident that no longer knows the previews that fit.
func without(i incidents.Incident, fits func(incidents.Preview) bool) incidents.Incident {
	i = i.Clone()
	i.Previews = slices.DeleteFunc(i.Previews, fits)
	return i
}

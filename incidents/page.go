package incidents

import (
	"strconv"
	"strings"

	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// mostCalled is how many people one post mentions; the others are counted.
const mostCalled = 20

func number(n int) string { return strconv.Itoa(n) }

// post adds a post, if there is a channel for it.
func (e *Effects) post(p message.Post) {
	if p.Channel != "" {
		e.Posts = append(e.Posts, p)
	}
}

// say is a post in the channel in which the incident is dealt with, under a key of its
// own.
func (i Incident) say(m message.Message, key ...string) message.Post {
	m.Context = append(m.Context, message.Text("%s", i.Ref()))
	return message.Post{Key: "incident/" + i.Ref() + "/" + strings.Join(key, "/"), Channel: i.Where(), Message: m}
}

// short is the incident in a headline: "P0 INC-12", "DRILL P0 INC-12".
func (i Incident) short() string {
	if i.Drill {
		return "DRILL " + string(i.Severity) + " " + i.Ref()
	}
	return string(i.Severity) + " " + i.Ref()
}

// page is the post that calls a level, as it stands now: with its button while nobody
// came, and with what became of it afterwards. instead takes the place of that.
func (i Incident) page(n int, instead message.Line) message.Post {
	e := i.Escalation
	l := e.Levels[n]
	var m message.Message
	settled := instead
	switch {
	case instead != nil:
	case e.after(n) != nil:
		settled = message.Join("Nobody came, so "+levelName(*e.after(n))+" was called ", message.At(e.after(n).Called), ".")
	case e.Acked != "":
		settled = message.Join(message.Mention(e.Acked), " came ", message.At(e.When), ".")
	case e.Needless && i.Status.Over():
		settled = message.Text("Nobody has to come any more: the incident is %s.", i.Status)
	case e.Needless:
		settled = message.Text("Nobody has to come any more.")
	case e.Ended:
		settled = message.Text("Nobody came.")
	}
	if settled != nil {
		m.Headline = message.Text("%s %s: %s was called", settledIcon(e.Acked != "" && e.after(n) == nil), i.short(), levelName(l))
		m.Parts = []message.Part{{Lines: []message.Line{settled}}}
		return i.say(m, "page", number(e.N), l.Level)
	}
	m.Headline = message.Text("🔴 %s calls %s: %s", i.short(), levelName(l), shorten(flat(i.Title), 100))
	m.Parts = []message.Part{{Lines: i.pageLines(n)}}
	m.Actions = []message.Action{{Verb: "incident", Ref: "ack " + i.Ref(), Label: "Acknowledge: I am here", Style: message.Primary}}
	return i.say(m, "page", number(e.N), l.Level)
}

// after is the level that was called when nobody of this one came; nil: none was.
func (e *Escalation) after(n int) *Called {
	for k := n + 1; k < len(e.Levels); k++ {
		if l := &e.Levels[k]; !l.Called.IsZero() && len(l.People) > 0 {
			return l
		}
	}
	return nil
}

func settledIcon(good bool) string {
	if good {
		return "🟢"
	}
	return "⚪"
}

// pageLines say who is called, why, who is not, and what comes next.
func (i Incident) pageLines(n int) []message.Line {
	e := i.Escalation
	l := e.Levels[n]
	who := message.Line{}
	for k, p := range l.People[:min(len(l.People), mostCalled)] {
		if k > 0 {
			who = append(who, message.Span{Text: " "})
		}
		who = append(who, message.Mention(p))
	}
	if more := len(l.People) - mostCalled; more > 0 {
		who = append(who, message.Span{Text: " and " + phrase.Count(int64(more)) + " more, who are not mentioned here"})
	}
	lines := []message.Line{who}
	if e.Reason != "" {
		lines = append(lines, message.Join(message.Strong("Why: "), flat(e.Reason)))
	}
	if e.By != "" {
		lines = append(lines, message.Join("Asked for by ", message.Mention(e.By), "."))
	}
	for _, skipped := range e.Levels[:n] {
		if skipped.Empty != "" {
			lines = append(lines, message.Text("⚠️ %s could not be called: %s.", levelName(skipped), skipped.Empty))
		}
	}
	if l.Lacks != "" {
		lines = append(lines, message.Text("⚠️ Not all of it could be called: %s.", l.Lacks))
	}
	switch {
	case e.Due.IsZero():
	case n+1 < len(e.Levels):
		lines = append(lines, message.Join("If nobody comes, "+levelName(e.Levels[n+1])+" is called ", message.At(e.Due), "."))
	default:
		lines = append(lines, message.Join("This is the last level: there is nobody to call after ", message.At(e.Due), "."))
	}
	return lines
}

// pageOver says that every level was called and nobody came.
func (i Incident) pageOver(w Wording) message.Post {
	e := i.Escalation
	m := message.Message{Headline: message.Text("🔴 %s: every level was called, and nobody came — %s", i.short(), shorten(flat(i.Title), 100))}
	var lines []message.Line
	for _, l := range e.Levels {
		if l.Empty != "" {
			lines = append(lines, message.Text("⚠️ %s could not be called: %s.", levelName(l), l.Empty))
			continue
		}
		lines = append(lines, message.Join(levelName(l)+" was called ", message.At(l.Called), "."))
	}
	lines = append(lines, message.Text("Call people by other means, and acknowledge here once somebody came."))
	m.Parts = []message.Part{{Lines: lines}}
	m.Actions = []message.Action{{Verb: "incident", Ref: "ack " + i.Ref(), Label: "Acknowledge: I am here", Style: message.Primary}}
	if len(w.Rules.Levels) > 0 {
		m.Actions = append(m.Actions, message.Action{Verb: "escalate", Ref: w.Rules.Levels[0].Name + " " + i.Ref(), Label: "Call " + w.Rules.Levels[0].Name + " again"})
	}
	return i.say(m, "page", number(e.N), "over")
}

// lastPage is the post of the level that was called last, as it stands now.
func (i Incident) lastPage(instead message.Line) []message.Post {
	var e Effects
	for n := len(i.Escalation.Levels) - 1; n >= 0; n-- {
		if l := i.Escalation.Levels[n]; !l.Called.IsZero() && len(l.People) > 0 {
			e.post(i.page(n, instead))
			break
		}
	}
	return e.Posts
}

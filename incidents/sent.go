package incidents

import (
	"fmt"
	"slices"

	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// One message has so many buttons "Send again", and names so many deliveries that failed;
// the others are counted, and stand in the export.
const (
	maxAgain    = 10
	maxTroubles = 20
)

// SentMessage says in the incident's channel what became of a notice; it is edited as
// deliveries end.
func SentMessage(s Sent, _ Wording) message.Message {
	c := countDeliveries(s.Deliveries)
	m := message.Message{Headline: s.headline(c)}
	var lines []message.Line
	for _, l := range s.Letters {
		lines = append(lines, s.told(l))
		for _, not := range l.Not {
			lines = append(lines, message.Text("Not told (%s): %s", l.Title, not))
		}
	}
	var troubles []message.Line
	for _, d := range s.Deliveries {
		if why := d.trouble(); why != nil {
			troubles = append(troubles, why)
		}
		if (d.State == Refused || d.State == Unclear) && len(m.Actions) < maxAgain {
			m.Actions = append(m.Actions, d.again())
		}
	}
	m.Parts = []message.Part{{Lines: append(lines, most(maxTroubles, troubles)...)}}
	m.Context = []message.Line{message.Text("%s", s.Ref()), message.Text("%s", Ref(s.Incident)), message.Join("sent ", message.At(s.sent()))}
	if s.By != "" {
		m.Context = append(m.Context, message.Join("by ", message.Mention(s.By)))
	}
	return m
}

// deliveryCounts are how many deliveries stand where.
type deliveryCounts struct{ all, under, done, refused, unclear, not int }

func countDeliveries(ds []Delivery) deliveryCounts {
	c := deliveryCounts{all: len(ds)}
	for _, d := range ds {
		switch d.State {
		case Delivered:
			c.done++
		case Refused:
			c.refused++
		case Unclear:
			c.unclear++
		case NotSent:
			c.not++
		case Waiting, Handed:
			c.under++
		}
	}
	return c
}

// headline is the outcome, the worst of it first.
func (s Sent) headline(c deliveryCounts) message.Line {
	what := capital(s.what())
	switch {
	case c.all == 0:
		return message.Text("⚪ %s was sent to nobody: no destination could be told", what)
	case c.refused+c.not > 0:
		return message.Text("🔴 %s: %s not delivered, %d of %d told", what, are(c.refused+c.not, "message"), c.done, c.all)
	case c.unclear > 0:
		return message.Text("⚪ %s: nobody knows whether %s delivered; %d of %d told", what, unsure(c.unclear), c.done, c.all)
	case c.under > 0:
		return message.Text("⏳ %s is being sent: %d of %d told so far", what, c.done, c.all)
	}
	if left := s.nobody(); len(left) > 0 {
		return message.Text("🟡 %s sent: %s told, nobody of %s", what, allOf(c.all), listed(left))
	}
	return message.Text("🟢 %s sent: %s told", what, allOf(c.all))
}

// nobody are the audiences of which nobody could be told.
func (s Sent) nobody() []string {
	var out []string
	for _, l := range s.Letters {
		if len(l.To) == 0 {
			out = append(out, l.Title)
		}
	}
	return out
}

func unsure(n int) string {
	if n == 1 {
		return "1 message was"
	}
	return countOf(n, "message") + " were"
}

func allOf(n int) string {
	if n == 1 {
		return "1 destination"
	}
	return "all " + countOf(n, "destination")
}

// told says of one audience, by the ways it is told: "Executives: email 2 of 2, #exec".
func (s Sent) told(l Letter) message.Line {
	line := message.Join(message.Strong(l.Title), ": ")
	begun := len(line)
	done, all := map[string]int{}, map[string]int{}
	var kinds []string
	for _, d := range s.Deliveries {
		if d.Audience != l.Audience {
			continue
		}
		if d.To.Kind == ToChannel && d.State == Delivered {
			line = append(comma(line, begun), message.Span{Kind: message.Channel, ID: d.To.To})
			continue
		}
		kind := d.To.kindText()
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
		all[kind]++
		if d.State == Delivered {
			done[kind]++
		}
	}
	for _, kind := range kinds {
		line = append(comma(line, begun), message.Text("%s %s of %s", kind, phrase.Count(int64(done[kind])), phrase.Count(int64(all[kind])))...)
	}
	if len(line) == begun {
		return append(line, message.Text("nobody")...)
	}
	return line
}

func comma(line message.Line, begun int) message.Line {
	if len(line) > begun {
		return append(line, message.Text(", ")...)
	}
	return line
}

// trouble says why somebody was not told, or may not have been; nil: nothing is wrong.
func (d Delivery) trouble() message.Line {
	reason := masks(d.Reason)
	if reason == "" {
		reason = "No reason is known."
	}
	begin := append(message.Text("%d. ", d.N), destination(d.To)...)
	switch {
	case d.State == Refused:
		return append(begin, message.Text(": not delivered. %s", reason)...)
	case d.State == NotSent:
		return append(begin, message.Text(": not sent. %s", reason)...)
	case d.State == Unclear:
		return append(begin, message.Text(": it may have arrived, so I do not send it again by myself. %s", reason)...)
	case d.State == Waiting && d.Attempts > 0:
		return append(begin, message.Text(": not taken yet, I try again. %s", reason)...)
	}
	return nil
}

// again is the button that sends one delivery once more.
func (d Delivery) again() message.Action {
	text := "It was not delivered."
	if d.State == Unclear {
		text = "It may have arrived: whoever got it gets it twice."
	}
	return message.Action{
		Verb: "resend", Ref: DeliveryRef(d.Notice, d.N), Label: fmt.Sprintf("Send %d again", d.N),
		Confirm: &message.Confirm{Title: "Send it again?", Text: text, Yes: "Send it again", No: "Not now"},
	}
}

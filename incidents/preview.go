package incidents

import (
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// maxShown is how many characters of letters stand in a preview; what is longer is in a
// file beside it, so that nobody sends what they could not read.
const maxShown = 7000

// PreviewOf shows a sealed notice, with the buttons that send, change and discard it.
func PreviewOf(s Sealed, _ Wording) message.Message {
	n := s.Notice
	who := countOf(len(n.Letters), "audience")
	m := message.Message{
		Headline: message.Text("Preview: %s of %s to %s — nothing is sent yet", n.what(), Ref(n.Incident), who),
		Parts:    PreviewParts(n),
		Context:  []message.Line{message.Text("%s", Ref(n.Incident)), message.Join("composed ", message.At(n.At))},
	}
	if n.By != "" {
		m.Context = append(m.Context, message.Join("by ", message.Mention(n.By)))
	}
	if !n.ShownWhole() {
		m.Files = []message.File{{Name: "preview-" + Ref(n.Incident) + ".txt", Title: "Every letter as it will be sent", Inline: []byte(n.letters())}}
	}
	if to := len(n.Outgoing()); to > 0 {
		m.Actions = append(m.Actions, message.Action{
			Verb: "send", Ref: s.Seal, Label: "Send", Style: message.Primary,
			Confirm: &message.Confirm{
				Title: "Send to " + who + "?", Text: fmt.Sprintf("%s of %s goes to %s, exactly as it is shown.", capital(n.what()), Ref(n.Incident), countOf(to, "destination")),
				Yes: "Send it", No: "Not now",
			},
		})
	}
	m.Actions = append(m.Actions,
		message.Action{Verb: "notify", Ref: n.Template + " " + Ref(n.Incident), Label: "Change", Form: true},
		message.Action{Verb: "discard", Ref: s.Seal, Label: "Discard"})
	return m
}

// PreviewParts are the letters as they will be sent, for a form: letters of the same
// words stand once, with all who get them.
func PreviewParts(n Notice) []message.Part {
	var parts []message.Part
	left, hidden := maxShown, 0
	for i, l := range n.Letters {
		if slices.ContainsFunc(n.Letters[:i], l.sameText) {
			continue
		}
		part := message.Part{}
		for _, other := range n.Letters[i:] {
			if other.sameText(l) {
				part.Lines = append(part.Lines, other.whoLines()...)
			}
		}
		parts = append(parts, part)
		if size := len([]rune(l.Text())); size <= left {
			left -= size
			parts = append(parts, message.Part{Code: l.Text()})
			continue
		}
		hidden++
	}
	if hidden > 0 {
		parts = append(parts, message.Part{Lines: []message.Line{message.Text("%s too long to be shown here: read the file of the preview before you send.", are(hidden, "text"))}})
	}
	return parts
}

// ShownWhole tells whether PreviewParts shows every letter as a whole. A form that does not
// may not send: what it would send can only be read in the file of the preview.
func (n Notice) ShownWhole() bool {
	size := 0
	for i, l := range n.Letters {
		if !slices.ContainsFunc(n.Letters[:i], l.sameText) {
			size += len([]rune(l.Text()))
		}
	}
	return size <= maxShown
}

// are is a number with its noun and the verb that goes with it.
func are(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return countOf(n, noun) + " are"
}

// Text is a letter as it is read in a preview and in a document.
func (l Letter) Text() string { return "Subject: " + l.Subject + "\n\n" + l.Body }

func (l Letter) sameText(o Letter) bool { return l.Subject == o.Subject && l.Body == o.Body }

// letters are all texts with who gets them, as a document.
func (n Notice) letters() string {
	var b strings.Builder
	for _, l := range n.Letters {
		for _, line := range l.whoLines() {
			b.WriteString(line.String() + "\n")
		}
		b.WriteString("\n" + l.Text() + "\n\n----\n\n")
	}
	return b.String()
}

// whoLines say who gets a letter, and who does not, and why.
func (l Letter) whoLines() []message.Line {
	lines := []message.Line{append(message.Join(message.Strong(l.Title), ": "), l.who()...)}
	for _, not := range l.Not {
		lines = append(lines, message.Text("Not told: %s", not))
	}
	return lines
}

// who is to whom a letter goes: "2 by email, #support, 12 people of S0EXEC".
func (l Letter) who() message.Line {
	var line message.Line
	add := func(pieces ...any) {
		if len(line) > 0 {
			line = append(line, message.Text(", ")...)
		}
		line = append(line, message.Join(pieces...)...)
	}
	groups, counts := []string{}, map[string]int{}
	for _, d := range l.To {
		switch {
		case d.Kind == ToChannel:
			add(message.Span{Kind: message.Channel, ID: d.To})
		case d.Kind == ToPerson && d.Via == "":
			add(message.Mention(d.To))
		case d.Kind == ToWebhook:
			add("the webhook " + d.To)
		default:
			name := "email"
			if d.Kind == ToPerson {
				name = d.Via
			}
			if counts[name]++; counts[name] == 1 {
				groups = append(groups, name)
			}
		}
	}
	for _, name := range groups {
		if name == "email" {
			add(phrase.Count(int64(counts[name])) + " by email")
		} else {
			add(peopleText(counts[name])+" of ", message.Span{Kind: message.Group, Text: name})
		}
	}
	if len(line) == 0 {
		return message.Text("nobody")
	}
	return line
}

func peopleText(n int) string {
	if n == 1 {
		return "1 person"
	}
	return phrase.Count(int64(n)) + " people"
}

// what is what a notice is called in a sentence: "update 2", "the all-clear".
func (n Notice) what() string {
	switch n.Template {
	case "update":
		return fmt.Sprintf("update %d", n.Number)
	case "opened":
		return "the first notice"
	case "fix-applied":
		return "the notice of a fix"
	case "all-clear":
		return "the all-clear"
	case "postponed":
		return "the notice of a delay"
	}
	return "a notice"
}

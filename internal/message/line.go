package message

import (
	"fmt"
	"strings"
	"time"
)

// Line is one line of text, made of spans.
type Line []Span

// Kind tells what a Span is.
type Kind string

// The kinds of span. Only the ones after Code can become more than text.
const (
	Plain   Kind = ""
	Bold    Kind = "bold"
	Code    Kind = "code"
	Date    Kind = "date"    // shown in the reader's own zone
	User    Kind = "user"    // a mention of one person; ID is a Slack user id
	Group   Kind = "group"   // a user group by name; never notifies
	Channel Kind = "channel" // ID is a Slack channel id
	Link    Kind = "link"    // only addresses from our own config
)

// Span is a run of text of one kind. Text is always treated as foreign.
type Span struct {
	Kind Kind      `json:"kind,omitempty"`
	Text string    `json:"text,omitempty"`
	ID   string    `json:"id,omitempty"`
	Time time.Time `json:"time,omitzero"`
	URL  string    `json:"url,omitempty"`
}

// Text makes a line of plain text.
func Text(format string, args ...any) Line {
	if len(args) == 0 {
		return Line{{Text: format}}
	}
	return Line{{Text: fmt.Sprintf(format, args...)}}
}

// Join makes one line of several pieces. A piece is a string, a Span or a Line.
func Join(pieces ...any) Line {
	var line Line
	for _, p := range pieces {
		switch p := p.(type) {
		case string:
			line = append(line, Span{Text: p})
		case Span:
			line = append(line, p)
		case Line:
			line = append(line, p...)
		default:
			line = append(line, Span{Text: fmt.Sprint(p)})
		}
	}
	return line
}

// Strong is bold text.
func Strong(s string) Span { return Span{Kind: Bold, Text: s} }

// Mono is text in a fixed-width face, such as a command to type.
func Mono(s string) Span { return Span{Kind: Code, Text: s} }

// At is a moment that every reader sees in their own zone.
func At(t time.Time) Span { return Span{Kind: Date, Time: t.UTC()} }

// Mention names a person by id. It is shown by name where the surface can.
func Mention(userID string) Span { return Span{Kind: User, ID: userID} }

// LinkTo links to an address that comes from our own config.
func LinkTo(label, url string) Span { return Span{Kind: Link, Text: label, URL: url} }

// String is the line as plain text: for notifications, logs and terminals.
// Dates are in UTC with their zone; people and channels are shown by id.
func (l Line) String() string {
	var b strings.Builder
	for _, s := range l {
		switch s.Kind {
		case Date:
			b.WriteString(s.Time.UTC().Format("2006-01-02 15:04 UTC"))
		case User:
			b.WriteString("@" + s.ID)
		case Channel:
			b.WriteString("#" + s.ID)
		default:
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

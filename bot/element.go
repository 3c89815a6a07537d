package bot

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/message"
)

var (
	userID    = regexp.MustCompile(`^[UW][A-Z0-9]{1,30}$`)
	channelID = regexp.MustCompile(`^[CDG][A-Z0-9]{1,30}$`)
)

const (
	dateFormat = "{date_short_pretty} at {time}"
	utcFormat  = "2006-01-02 15:04 UTC"
	dateCost   = 30
	idCost     = 30 // a name, once Slack has put it in
)

// elements makes rich text of one line, of at most room characters. Rich text
// has no markup: what is a text element stays text. It returns what it cost,
// and whether the line fitted.
func elements(line message.Line, bold bool, room int) (out []slack.RichTextSectionElement, cost int, fits bool) {
	for _, s := range line {
		e, c := element(s, bold)
		if e == nil {
			continue
		}
		if cost+c <= room {
			out, cost = append(out, e), cost+c
			continue
		}
		if rest := room - cost - elementCost; rest > 1 {
			short := cut(plainSpan(s), rest)
			out, cost = append(out, textElement(short, style(s.Kind, bold))), cost+size(short)+elementCost
		}
		return out, cost, false
	}
	return out, cost, true
}

// element is one span. Only spans whose id, address or time is well formed
// become more than text.
func element(s message.Span, bold bool) (slack.RichTextSectionElement, int) {
	look := style(s.Kind, bold)
	switch {
	case s.Kind == message.Date && drawable(s.Time):
		fallback := s.Time.UTC().Format(utcFormat)
		d := slack.NewRichTextSectionDateElement(s.Time.Unix(), dateFormat, nil, &fallback)
		return d, dateCost
	case s.Kind == message.User && userID.MatchString(s.ID):
		return slack.NewRichTextSectionUserElement(s.ID, look), idCost
	case s.Kind == message.Channel && channelID.MatchString(s.ID):
		return slack.NewRichTextSectionChannelElement(s.ID, look), idCost
	case s.Kind == message.Link && webAddress(s.URL):
		label := foreign(s.Text)
		setZero(&label, s.URL)
		label = cut(label, maxText/2)
		return slack.NewRichTextSectionLinkElement(s.URL, label, look), size(label) + elementCost
	}
	text := plainSpan(s)
	if text == "" {
		return nil, 0
	}
	return textElement(text, look), size(text) + elementCost
}

func textElement(text string, look *slack.RichTextSectionTextStyle) slack.RichTextSectionElement {
	return slack.NewRichTextSectionTextElement(text, look)
}

func style(k message.Kind, bold bool) *slack.RichTextSectionTextStyle {
	bold = bold || k == message.Bold
	if !bold && k != message.Code {
		return nil
	}
	return &slack.RichTextSectionTextStyle{Bold: bold, Code: k == message.Code}
}

// plainSpan is a span as text without markup.
func plainSpan(s message.Span) string {
	switch s.Kind {
	case message.Code:
		return inline(s.Text) // to be copied as it stands
	case message.Date:
		return s.Time.UTC().Format(utcFormat)
	case message.User:
		return "@" + foreign(s.ID)
	case message.Channel:
		return "#" + foreign(s.ID)
	default:
		return foreign(s.Text)
	}
}

// plainLine is a line as text without markup.
func plainLine(l message.Line) string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(plainSpan(s))
	}
	return b.String()
}

// markup is a line as mrkdwn, for the places that know nothing else. It is cut
// between spans, so that nothing is left half written.
func markup(l message.Line, room int) string {
	var b strings.Builder
	for _, s := range l {
		text := markupSpan(s)
		if size(text) > room {
			// Escaping makes a text at most five times as long.
			b.WriteString(escapeInline(cut(plainSpan(s), room/5)))
			break
		}
		room -= size(text)
		b.WriteString(text)
	}
	return b.String()
}

func markupSpan(s message.Span) string {
	switch {
	case s.Kind == message.Date && drawable(s.Time):
		return "<!date^" + strconv.FormatInt(s.Time.Unix(), 10) + "^" + dateFormat + "|" + s.Time.UTC().Format(utcFormat) + ">"
	case s.Kind == message.User && userID.MatchString(s.ID):
		return "<@" + s.ID + ">"
	case s.Kind == message.Channel && channelID.MatchString(s.ID):
		return "<#" + s.ID + ">"
	case s.Kind == message.Link && webAddress(s.URL):
		label := Escape(s.Text)
		setZero(&label, "link")
		return "<" + entities.Replace(s.URL) + "|" + strings.ReplaceAll(label, "|", "¦") + ">"
	}
	text := escapeInline(plainSpan(s))
	switch {
	case strings.TrimSpace(text) == "":
	case s.Kind == message.Code:
		return "`" + text + "`"
	case s.Kind == message.Bold:
		return "*" + text + "*"
	}
	return text
}

// drawable says whether Slack can draw the time.
func drawable(t time.Time) bool { return t.Unix() > 0 && t.Year() < 2100 }

func webAddress(address string) bool {
	if size(address) > maxURL || strings.ContainsAny(address, "|<> \n\t\"") {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

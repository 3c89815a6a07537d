package incidents

import (
	"cmp"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// icon stands before a verdict's word, never instead of it.
func icon(v check.Verdict) string {
	switch v {
	case check.Pass:
		return "🟢"
	case check.Fail:
		return "🔴"
	default:
		return "⚪"
	}
}

// word is a verdict; what is none was not known.
func word(v check.Verdict) string {
	if v != check.Pass && v != check.Fail {
		return string(check.Unknown)
	}
	return string(v)
}

// dataOf is which data a check is about: its domain.
func (w Wording) dataOf(name string) string {
	if c, ok := w.Checks[name]; ok && c.Domain != "" {
		return c.Domain
	}
	return name
}

// stepTitle is a step of the checklist as people read it.
func (i Incident) stepTitle(name string) string {
	for _, s := range i.Steps {
		if s.Name == name {
			return s.Title
		}
	}
	return name
}

// audienceTitle is an audience as people read it.
func (w Wording) audienceTitle(name string) string {
	for _, a := range w.Rules.Audiences {
		if a.Name == name && a.Title != "" {
			return a.Title
		}
	}
	return name
}

// shorten keeps at most so many characters.
func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// flat puts foreign text of several lines into one.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// listed is "a, b and c".
func listed(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// few names the first of them, and counts the others.
func few(names []string) []string {
	if more := len(names) - mostNamed; more > 0 {
		return append(slices.Clone(names[:mostNamed]), fmt.Sprintf("%d more", more))
	}
	return names
}

// joined puts lines into one, with something between them; what is over most is counted
// and not shown. most 0: all.
func joined(sep string, most int, lines []message.Line) message.Line {
	var out message.Line
	for n, l := range lines {
		if most > 0 && n == most {
			return append(out, message.Span{Text: fmt.Sprintf("%sand %d more", sep, len(lines)-n)})
		}
		if n > 0 {
			out = append(out, message.Span{Text: sep})
		}
		out = append(out, l...)
	}
	return out
}

// most is a list of lines cut to so many, with a last one that counts the others.
func most(n int, lines []message.Line) []message.Line {
	if len(lines) <= n {
		return lines
	}
	return append(lines[:n:n], message.Text("and %d more", len(lines)-n))
}

// mostMentioned is how many people one line names.
const mostMentioned = 10

// people mentions them.
func people(ids []string) message.Line {
	var lines []message.Line
	for _, id := range ids {
		lines = append(lines, message.Line{message.Mention(id)})
	}
	return joined(", ", mostMentioned, lines)
}

// actorOf is who did something.
func actorOf(a audit.Actor) message.Line {
	switch {
	case a.Kind == audit.Person && a.User != "":
		return message.Line{message.Mention(a.User)}
	case a.Kind == audit.Alert:
		return message.Text("an alert")
	case a.Kind == audit.Schedule:
		return message.Text("the schedule")
	case a.Kind == audit.CLI:
		return message.Text("somebody at a shell (%s)", a.User)
	}
	return message.Text("the bot")
}

// spanText is a length of time in full: "2 h 5 min".
func spanText(d time.Duration) string {
	d = d.Truncate(time.Second)
	days, hours, minutes, seconds := d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60, d/time.Second%60
	switch {
	case days > 0:
		return fmt.Sprintf("%d d %d h %d min", days, hours, minutes)
	case hours > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%d min %d s", minutes, seconds)
	}
	return fmt.Sprintf("%d s", seconds)
}

// masked is an email address as it may be shown: a…@example.com.
func masked(address string) string {
	if parsed, err := mail.ParseAddress(address); err == nil {
		address = parsed.Address
	}
	name, host, found := strings.Cut(address, "@")
	if !found || name == "" {
		return "an address"
	}
	first, _ := utf8.DecodeRuneInString(name)
	return string(first) + "…@" + host
}

// masks masks every email address in a text: servers repeat them in what they answer.
func masks(s string) string {
	var b strings.Builder
	for s != "" {
		end := strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("<>()[]\"',;:|", r) })
		word := s
		if end >= 0 {
			word = s[:end]
		}
		if at := strings.IndexByte(word, '@'); at > 0 && at < len(word)-1 {
			b.WriteString(masked(word))
		} else {
			b.WriteString(word)
		}
		if s = s[len(word):]; s != "" {
			_, size := utf8.DecodeRuneInString(s)
			b.WriteString(s[:size])
			s = s[size:]
		}
	}
	return b.String()
}

// destination is where a letter goes.
func destination(d Destination) message.Line {
	switch d.Kind {
	case ToChannel:
		if d.To == "incident" {
			return message.Text("the incident's channel")
		}
		return message.Line{{Kind: message.Channel, ID: d.To}}
	case ToPerson:
		return message.Line{message.Mention(d.To)}
	case ToGroup:
		return message.Text("the user group %s", d.To)
	case ToEmail:
		return message.Text("email %s", masked(d.To))
	case ToWebhook:
		return message.Text("webhook %s", d.To)
	}
	return message.Text("%s", d.To)
}

// noticeName is a notice as people speak of it: "update 2".
func noticeName(template string, number int) string {
	name := strings.ReplaceAll(template, "-", " ")
	if template == "update" || number > 1 {
		return fmt.Sprintf("%s %d", name, number)
	}
	return name
}

// wrong is a measure as a number with its whole: "60 of 3,000,000 · $1,204.10".
func (m Measure) wrong() string {
	text := phrase.Count(m.Rows) + " of " + phrase.Count(m.Of)
	if money := phrase.Amounts(m.Money); money != "" {
		text += " · " + money
	}
	return text
}

// sortedKeys puts what goes by name into an order that does not change.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare)
	return keys
}

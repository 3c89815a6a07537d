package bot

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// joiner is U+2060 WORD JOINER: it shows nothing and breaks what would become
// a link, a mention or an emoji.
const joiner = "\u2060"

// maxMarks is how many combining marks may follow one letter; more is a way to
// draw over the lines above and below.
const maxMarks = 4

// clean makes foreign text printable: no control characters, nothing that turns
// the direction of writing, nothing invisible. What is taken out leaves "�"
// behind, because two keys that differ only there must not look the same.
// Newlines and tabs stay; the text is valid UTF-8 afterwards.
func clean(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	marks := 0
	for i, r := range s {
		if unicode.In(r, unicode.Mn, unicode.Me) && r != '\uFE0F' {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		switch {
		case r == '\n', r == '\t':
			b.WriteRune(r)
		case r == '\r':
			if !strings.HasPrefix(s[i+1:], "\n") {
				b.WriteByte('\n')
			}
		case r == utf8.RuneError, hidden(r):
			b.WriteRune(utf8.RuneError)
		case r != ' ' && unicode.IsSpace(r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hidden says whether r shows nothing or changes how others are shown.
func hidden(r rune) bool {
	switch {
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
		return true
	case r == '\u115F', r == '\u1160', r == '\u3164', r == '\uFFA0', r == '\u2800', r == '\u034F', r == '\u17B4', r == '\u17B5':
		return true // letters that are drawn as nothing
	case r >= 0xFE00 && r <= 0xFE0E, r >= 0xE0100 && r <= 0xE01EF, r >= 0x180B && r <= 0x180F:
		return true // variation selectors, but for the emoji one
	}
	return r > unicode.MaxRune || r&0xFFFE == 0xFFFE
}

// inline is clean text for one line.
func inline(s string) string {
	return strings.NewReplacer("\n", "⏎", "\t", " ").Replace(clean(s))
}

// emoji is what Slack draws as a picture in mrkdwn, such as a green circle
// beside a forged PASS.
var emoji = regexp.MustCompile(`:([A-Za-z0-9_+'-]+:)`)

var (
	callsAll = []string{"channel", "here", "everyone", "group"}
	dials    = []string{"mailto", "tel", "slack"}
)

// defuse breaks what a client might turn into a link or a call to everybody,
// for places where Slack reads no markup. The text looks the same, and nothing happens
// to it when it is defused again.
func defuse(s string) string {
	if !strings.ContainsAny(s, ":@") && !strings.ContainsAny(s, "wW") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := range len(s) {
		before, after := s[:i], s[i+1:]
		switch c := s[i]; {
		case c == ':' && strings.HasPrefix(after, "//"):
			b.WriteString(":" + joiner)
		case c == ':' && endsIn(before, dials), c == '.' && endsIn(before, []string{"www"}):
			b.WriteString(joiner + string(c))
		case c == '@' && beginsWith(after, callsAll):
			b.WriteString("@" + joiner)
		case c == '@' && (strings.HasSuffix(before, joiner) || strings.HasPrefix(after, joiner)): // is defused
			b.WriteByte(c)
		case c == '@' && before != "" && before[i-1] != ' ': // a mailbox
			b.WriteString(joiner + "@")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func beginsWith(s string, words []string) bool {
	for _, w := range words {
		if len(s) >= len(w) && strings.EqualFold(s[:len(w)], w) {
			return true
		}
	}
	return false
}

func endsIn(s string, words []string) bool {
	for _, w := range words {
		if len(s) >= len(w) && strings.EqualFold(s[len(s)-len(w):], w) {
			return true
		}
	}
	return false
}

// foreign is foreign text for one line of a place without markup.
func foreign(s string) string { return defuse(inline(s)) }

// Escape makes foreign text safe for a place where Slack reads mrkdwn: it
// cannot mention, link, format, quote or draw an emoji, and is one line.
func Escape(s string) string { return escapeInline(inline(s)) }

// escapeInline is Escape for what is inline or foreign already. It is not cleaned again:
// what defuses it would be taken for something hidden, and be shown as "�".
func escapeInline(s string) string {
	s = defuse(s)
	for prev := ""; prev != s; { // ":a:b:" holds two candidates that share a colon
		prev, s = s, emoji.ReplaceAllString(s, ":"+joiner+"${1}")
	}
	return entities.Replace(unformat(s))
}

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// unformat replaces the characters that begin or end formatting by ones that
// look like them. Inside a word they format nothing and stay, so that names
// such as order_items can be copied.
func unformat(s string) string {
	runes := []rune(s)
	var b strings.Builder
	for i, r := range runes {
		inWord := i > 0 && i < len(runes)-1 && wordRune(runes[i-1]) && wordRune(runes[i+1])
		switch {
		case r == '`':
			r = 'ˋ'
		case r == '>' && i == 0:
			r = '›' // "&gt;" at the beginning of a line makes a quote
		case inWord:
		case r == '*':
			r = '∗'
		case r == '_':
			r = 'ˍ'
		case r == '~':
			r = '∼'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

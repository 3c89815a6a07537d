package incidents

import (
	"strings"
	"unicode"

	"github.com/integritybot/integritybot/internal/message"
)

// marks are the characters that mean something within a line of Markdown.
const marks = "\\`*_{}[]<>()#!|~&$"

// inline makes any text one that means nothing in Markdown: no emphasis, link, picture,
// HTML, mention, reference or formula comes of it. What programs make links of even where
// it is escaped (addresses, @names, #numbers, :emoji:) becomes code.
func inline(s string) string {
	words := strings.Fields(visible(s))
	for n, word := range words {
		if linking(word) {
			bare := strings.TrimRight(word, ".,:;!?)]}>'\"")
			words[n] = code(bare) + escape(word[len(bare):])
			continue
		}
		words[n] = escape(word)
		if n == 0 {
			words[n] = unlisted(words[n])
		}
	}
	return strings.Join(words, " ")
}

// linking tells whether a program might make something of a word although it is escaped.
// A colon within a word may begin an address or an emoji; only in a
// time of day it does not.
func linking(word string) bool {
	timeOfDay := strings.Trim(word, "0123456789:.,;)") == "" && !strings.HasPrefix(word, ":")
	return strings.ContainsAny(word, "@#") || strings.Contains(strings.ToLower(word), "www.") ||
		strings.Contains(strings.TrimRight(word, ":"), ":") && !timeOfDay
}

func escape(word string) string {
	var b strings.Builder
	for _, r := range word {
		if strings.ContainsRune(marks, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unlisted keeps a line from beginning a list or a rule.
func unlisted(word string) string {
	if strings.HasPrefix(word, "-") || strings.HasPrefix(word, "+") || strings.HasPrefix(word, "=") {
		return "\\" + word
	}
	digits := strings.TrimLeft(word, "0123456789")
	if len(digits) < len(word) && strings.HasPrefix(digits, ".") {
		return word[:len(word)-len(digits)] + "\\" + digits
	}
	return word
}

// code is text as code, whatever backticks it holds.
func code(s string) string {
	s = strings.Join(strings.Fields(visible(s)), " ")
	if s == "" {
		return ""
	}
	fence := fenceFor(s, 1)
	if strings.Contains(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}

// fenced is a block of text as it stands.
func fenced(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(s, "\n")
	for n := range lines {
		lines[n] = visible(lines[n])
	}
	s = strings.Join(lines, "\n")
	fence := fenceFor(s, 3)
	return fence + "text\n" + s + "\n" + fence + "\n"
}

// fenceFor is a row of backticks longer than any in the text, and of at least so many.
func fenceFor(s string, least int) string {
	longest, row := 0, 0
	for _, r := range s {
		if row++; r != '`' {
			row = 0
		}
		longest = max(longest, row)
	}
	return strings.Repeat("`", max(least, longest+1))
}

// visible replaces what could hide text or turn its direction; white space stays.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) && !unicode.IsSpace(r) {
			return '·'
		}
		return r
	}, s)
}

// markdownLine is a line of ours, with what is foreign in it made inert.
func markdownLine(l message.Line) string {
	var b strings.Builder
	for _, s := range l {
		text := message.Line{s}.String()
		out := padded(text)
		switch s.Kind {
		case message.Code, message.User, message.Channel:
			out = code(text)
		case message.Date:
			out = text
		default:
		}
		if strings.HasSuffix(b.String(), "`") && strings.HasPrefix(out, "`") {
			b.WriteByte(' ')
		}
		b.WriteString(out)
	}
	return strings.TrimSpace(b.String())
}

// padded is inline that keeps the spaces at its ends.
func padded(s string) string {
	out := inline(s)
	if strings.TrimLeftFunc(s, unicode.IsSpace) != s {
		out = " " + out
	}
	if strings.TrimRightFunc(s, unicode.IsSpace) != s && strings.TrimSpace(s) != "" {
		out += " "
	}
	return out
}

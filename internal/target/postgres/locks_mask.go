package postgres

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maskStatement is the shape of a statement: every value in it becomes a question
// mark, comments go (they carry values, too: of traces, of users), and white space
// is one blank. It needs no whole statement, because the server cuts what it shows
// at track_activity_query_size; and where it cannot tell where a value ends, it
// ends itself.
func maskStatement(sql string) string {
	m := &masking{rest: strings.ToValidUTF8(sql, "?")}
	for m.rest != "" && !m.lost {
		m.step()
	}
	if m.lost {
		m.word("…")
	}
	return m.out.String()
}

// masking reads a statement token by token.
// Source: PostgreSQL manual, 4.1 "Lexical Structure".
type masking struct {
	rest string
	out  strings.Builder
	gap  bool // there is white space or a comment before what comes next
	lost bool // nobody knows whether what comes next is a value
}

func (m *masking) step() {
	r, size := utf8.DecodeRuneInString(m.rest)
	switch {
	case unicode.IsSpace(r) || unicode.IsControl(r):
		m.gap, m.rest = true, m.rest[size:]
	case strings.HasPrefix(m.rest, "--"):
		_, m.rest, _ = strings.Cut(m.rest, "\n")
		m.gap = true
	case strings.HasPrefix(m.rest, "/*"):
		m.comment()
	case r == '\'':
		m.text(false)
	case r == '"':
		m.quotedName()
	case r == '$':
		m.dollar()
	case r >= '0' && r <= '9', r == '.' && len(m.rest) > 1 && m.rest[1] >= '0' && m.rest[1] <= '9':
		m.number()
	case isNameStart(r):
		m.name()
	default:
		m.word(m.rest[:size])
		m.rest = m.rest[size:]
	}
}

// word writes a token.
func (m *masking) word(token string) {
	if m.gap && m.out.Len() > 0 {
		m.out.WriteByte(' ')
	}
	m.gap = false
	m.out.WriteString(token)
}

// comment skips a comment; they nest.
func (m *masking) comment() {
	depth := 0
	for m.rest != "" {
		switch {
		case strings.HasPrefix(m.rest, "/*"):
			depth++
			m.rest = m.rest[2:]
		case strings.HasPrefix(m.rest, "*/"):
			depth--
			m.rest = m.rest[2:]
		default:
			m.rest = m.rest[1:]
		}
		if depth == 0 {
			break
		}
	}
	m.gap = true
}

// text masks a quoted value. In one with escapes a backslash guards the quote
// behind it; in others it does so or not as the session is set
// (standard_conforming_strings), which nobody here knows.
func (m *masking) text(escapes bool) {
	m.word("?")
	body := m.rest[1:]
	for i := 0; i < len(body); i++ {
		switch {
		case body[i] == '\\' && escapes:
			i++
		case body[i] == '\\' && i+1 < len(body) && (body[i+1] == '\'' || body[i+1] == '\\'):
			m.lost = true
			return
		case body[i] == '\'' && i+1 < len(body) && body[i+1] == '\'':
			i++
		case body[i] == '\'':
			m.rest = body[i+1:]
			return
		}
	}
	m.rest = "" // it was cut off
}

// quotedName keeps what looks like a name. What does not may be a value that
// somebody put into the wrong quotes.
func (m *masking) quotedName() {
	end := strings.IndexByte(m.rest[1:], '"')
	if end < 0 {
		m.word("?")
		m.rest = ""
		return
	}
	token := m.rest[:end+2]
	for _, r := range token[1 : end+1] {
		if !isNamePart(r) || r > unicode.MaxASCII {
			token = `"?"`
		}
	}
	m.word(token)
	m.rest = m.rest[end+2:]
}

// dollar masks a value between dollar signs, and keeps a parameter.
func (m *masking) dollar() {
	digits := 1
	for digits < len(m.rest) && m.rest[digits] >= '0' && m.rest[digits] <= '9' {
		digits++
	}
	if digits > 1 {
		m.word(m.rest[:digits])
		m.rest = m.rest[digits:]
		return
	}
	end := strings.IndexByte(m.rest[1:], '$')
	tag := ""
	if end >= 0 {
		tag = m.rest[:end+2]
	}
	for _, r := range strings.Trim(tag, "$") {
		if !isNamePart(r) || r == '$' {
			tag = ""
		}
	}
	m.word("?")
	if tag == "" { // a tag that was cut off, or a dollar sign in a place where SQL has none
		m.rest = ""
		return
	}
	_, m.rest, _ = strings.Cut(m.rest[len(tag):], tag)
}

// number masks a number, and whatever sticks to it.
func (m *masking) number() {
	m.word("?")
	i := strings.IndexFunc(m.rest, func(r rune) bool { return !isNamePart(r) && r != '.' })
	// The sign of an exponent: 1e-5.
	for i > 0 && i < len(m.rest) && (m.rest[i] == '-' || m.rest[i] == '+') && (m.rest[i-1] == 'e' || m.rest[i-1] == 'E') {
		next := strings.IndexFunc(m.rest[i+1:], func(r rune) bool { return !isNamePart(r) })
		if next < 0 {
			i = -1
			break
		}
		i += 1 + next
	}
	if i < 0 {
		m.rest = ""
		return
	}
	m.rest = m.rest[i:]
}

// name keeps a word; one that opens a value says how to read it: E'…', B'…', U&'…'.
func (m *masking) name() {
	end := strings.IndexFunc(m.rest, func(r rune) bool { return !isNamePart(r) })
	if end < 0 {
		m.word(m.rest)
		m.rest = ""
		return
	}
	word := strings.ToLower(m.rest[:end])
	if word == "u" && strings.HasPrefix(m.rest[end:], `&`) && len(m.rest) > end+1 {
		switch m.rest[end+1] {
		case '\'':
			m.rest = m.rest[end+1:]
			m.text(false)
			return
		case '"': // a name of code points
			m.word("?")
			m.rest = ""
			return
		}
	}
	if m.rest[end] == '\'' {
		switch word {
		case "e", "b", "x", "n":
			m.rest = m.rest[end:]
			m.text(word == "e")
			return
		}
	}
	m.word(m.rest[:end])
	m.rest = m.rest[end:]
}

func isNameStart(r rune) bool { return r == '_' || unicode.IsLetter(r) || r > unicode.MaxASCII }

func isNamePart(r rune) bool { return isNameStart(r) || r == '$' || r >= '0' && r <= '9' }

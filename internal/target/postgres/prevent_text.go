package postgres

import (
	"fmt"
	"strings"
	"unicode"
)

// hidden are control characters, and those that turn or join what is around
// them. Of spaces only the common one shows what it is.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r != ' ' && unicode.IsSpace(r)
}

// plain is text that stays on its line and reads as it stands.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || !hidden(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}

// literal is text as a string constant, whatever standard_conforming_strings is.
func literal(text string) string {
	quoted := strings.ReplaceAll(strings.ReplaceAll(text, "\x00", ""), "'", "''")
	if strings.Contains(quoted, `\`) {
		return "E'" + strings.ReplaceAll(quoted, `\`, `\\`) + "'"
	}
	return "'" + quoted + "'"
}

// dollars quotes a function's body, whatever stands in it.
func dollars(body string) string {
	tag := "integrity"
	for strings.Contains(body, "$"+tag) {
		tag += "_"
	}
	return "$" + tag + "$" + body + "$" + tag + "$"
}

// roughly is how many rows a table has, for people who plan how long a step
// takes.
func roughly(t *Table) string {
	n := t.Estimate()
	if n < 10 {
		return "only a few rows"
	}
	unit := int64(1)
	for n/unit >= 10 {
		unit *= 10
	}
	return "about " + thousands((n+unit/2)/unit*unit) + " rows"
}

// locked names a table as far as a lock on it reaches.
func locked(t *Table) string {
	if t.Kind == "p" {
		return t.String() + " and its partitions"
	}
	return t.String()
}

func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

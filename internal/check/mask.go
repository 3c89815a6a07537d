package check

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Null is how SQL NULL is written in examples and files.
const Null = "NULL"

// Mask shows of a value only what its class allows. Keys, numbers, times and
// codes are shown as they are.
func Mask(class Class, value string) string {
	switch class {
	case Key, Number, Time, Code:
		return value
	case Email:
		return maskEmail(value)
	case Name:
		return firstRune(value) + "•••"
	case Phone:
		return "•••" + lastRunes(value, 2)
	default:
		return fmt.Sprintf("••• (%d characters)", utf8.RuneCountInString(value))
	}
}

// maskEmail keeps the first letter and the domain: who sends mail there is
// often the clue, and the domain names nobody.
func maskEmail(value string) string {
	local, domain, ok := strings.Cut(value, "@")
	if !ok {
		return firstRune(value) + "•••"
	}
	return firstRune(local) + "•••@" + domain
}

func firstRune(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 || r == utf8.RuneError {
		return ""
	}
	return string(r)
}

func lastRunes(s string, n int) string {
	runes := []rune(s)
	if len(runes) < 2*n {
		return ""
	}
	return string(runes[len(runes)-n:])
}

// shown gives the values of a row as they may leave the database.
func shown(cols []Column, values []*string, unmasked bool) []string {
	out := make([]string, len(values))
	for i, v := range values {
		class := Free
		if i < len(cols) {
			class = cols[i].Class
		}
		switch {
		case v == nil:
			out[i] = Null
		case unmasked:
			out[i] = *v
		default:
			out[i] = Mask(class, *v)
		}
	}
	return out
}

// FileHeader is the first line of the file that lists all failing rows.
func FileHeader(cols []Column) []string {
	head := make([]string, 0, len(cols)+4)
	for _, c := range cols {
		head = append(head, c.Name)
	}
	return append(head, "finding", "money_at_stake", "currency", "bad_since")
}

// fileLine is one row of that file.
func fileLine(cols []Column, values []string, row Row, currency string) []string {
	line := make([]string, 0, len(values)+4)
	for i, v := range values {
		numeric := i < len(cols) && (cols[i].Class == Number || cols[i].Class == Time)
		line = append(line, inert(v, numeric))
	}
	money, since := "", ""
	if row.Money.Valid {
		money = row.Money.Decimal.String()
	} else {
		currency = ""
	}
	if !row.At.IsZero() {
		since = row.At.UTC().Format(time.RFC3339)
	}
	return append(line, row.Class, money, currency, since)
}

// Inert keeps a spreadsheet from taking foreign text for a formula, for a cell
// of any kind of data.
func Inert(v string) string { return inert(v, false) }

// inert keeps a spreadsheet from taking foreign text for a formula, as OWASP's
// page on CSV injection advises.
func inert(v string, numeric bool) string {
	if !numeric && v != "" && strings.ContainsRune("=+-@\t\r", rune(v[0])) {
		return "'" + v
	}
	return v
}

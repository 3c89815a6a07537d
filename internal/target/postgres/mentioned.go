package postgres

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

var word = regexp.MustCompile(`"([^"]|"")+"|[A-Za-z_][A-Za-z0-9_$]*`)

// mentioned are the columns of a table whose names occur in an expression, for
// showing beside the key. A guess is enough: it decides what is seen, not what
// is judged.
func (t *Target) mentioned(ctx context.Context, w *Subject, expression string) []string {
	table, err := t.Table(ctx, w.Table)
	if err != nil {
		return nil // the caller looks the table up itself and tells
	}
	var words []string
	for _, m := range word.FindAllString(withoutStrings(expression), -1) {
		if strings.HasPrefix(m, `"`) {
			words = append(words, unquote(m))
		} else {
			words = append(words, strings.ToLower(m))
		}
	}
	var names []string
	for _, c := range table.Columns {
		if slices.Contains(words, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

var quotedString = regexp.MustCompile(`'([^']|'')*'`)

func withoutStrings(sql string) string { return quotedString.ReplaceAllString(sql, "''") }

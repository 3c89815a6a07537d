package postgres

import (
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// sampleRunes is how much of one value a sample shows. The listing shows all.
const sampleRunes = 80

// shownAs is a value as it may leave the database.
func shownAs(class check.Class, value *string) string {
	if value == nil {
		return check.Null
	}
	return check.Mask(class, *value)
}

// columnsOf are columns with their classes.
func (t *fixTable) columnsOf(names []string) []check.Column {
	cols := make([]check.Column, len(names))
	for i, n := range names {
		cols[i] = check.Column{Name: n, Class: t.classes[t.at(n)]}
	}
	return cols
}

// pairs writes values behind their columns: "status PENDING, total 10.00". Where
// they are shortened for reading, times are, too.
func pairs(cols []check.Column, values []*string, most int) string {
	parts := make([]string, len(cols))
	for i, c := range cols {
		value := shownAs(c.Class, values[i])
		if most > 0 && c.Class == check.Time {
			value = phrase.Moment(value)
		}
		parts[i] = c.Name + " " + clipped(value, most)
	}
	return strings.Join(parts, ", ")
}

// clipped shortens a text to so many characters; 0: not at all.
func clipped(s string, most int) string {
	if most == 0 || utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// sample shows one of the changes in the preview, if there is room for it.
func (d *drafting) sample(key []string, before, after string) {
	if len(d.draft.Samples) < fix.MaxSamples {
		d.draft.Samples = append(d.draft.Samples, fix.Sample{Key: keyText(key), Before: before, After: after})
	}
}

// keyText is a key as a preview shows it.
func keyText(key []string) string { return clipped(strings.Join(key, ", "), sampleRunes) }

// sampled shows the finding of a row beside what becomes of the row.
func (d *drafting) sampled(row check.Row, after string) {
	d.sample(row.Key, pairs(d.found.columns, row.Values, sampleRunes), after)
}

// line is one line of the listing.
func line(t *fixTable, op fix.Op, key []string, column, before, after string) []string {
	cells := []string{t.String(), string(op), strings.Join(key, ", "), column, before, after}
	for i, c := range cells {
		if _, err := decimal.NewFromString(c); err != nil { // -3 is no formula
			cells[i] = check.Inert(c)
		}
	}
	return cells
}

// removalLine lists a row that is removed, whole.
func (r *record) removalLine(op fix.Op) []string {
	return line(r.table, op, r.key, "", pairs(r.table.columnsOf(columnNames(r.table.Columns)), r.values, 0), "")
}

// writeLines lists the columns of a row that are written.
func (r *record) writeLines(cols []Column, values []*string) [][]string {
	var lines [][]string
	old := r.texts(cols)
	for i, c := range r.table.columnsOf(columnNames(cols)) {
		lines = append(lines, line(r.table, fix.Update, r.key, c.Name, shownAs(c.Class, old[i]), shownAs(c.Class, values[i])))
	}
	return lines
}

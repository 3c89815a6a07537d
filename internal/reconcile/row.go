package reconcile

import (
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
	"github.com/integritybot/integritybot/internal/target/redis"
)

const (
	// shownFields is how many fields of one value are shown, and shownRunes how much of
	// each.
	shownFields = 3
	shownRunes  = 200
)

// reported are the columns of failing rows. Fields of all classes stand in one column,
// so they are masked before they get there.
func (j *judge) reported() []check.Column {
	return []check.Column{
		{Name: "key", Class: j.words.keyClass()},
		{Name: "differs", Class: check.Code},
		{Name: "cached", Class: check.Code},
		{Name: "row", Class: check.Code},
		{Name: "ttl", Class: check.Code},
	}
}

// reportedClass is what is wrong with a key: its value before its expiry.
func (v verdict) reportedClass() string {
	if v.class != "" {
		return v.class
	}
	return v.expiry
}

// row is one failing row.
func (j *judge) row(v verdict) check.Row {
	key := legible(v.value.Key)
	row := check.Row{Key: []string{key}, Class: v.reportedClass()}
	cached, side := j.sides(v)
	for _, s := range []string{key, j.what(v), cached, side, stays(v.value)} {
		row.Values = append(row.Values, &s)
	}
	if v.class == classStale {
		row.At = v.changed
	}
	return row
}

// what names what is wrong: the fields, and the expiry.
func (j *judge) what(v verdict) string {
	var out []string
	switch v.class {
	case classUnreadable:
		out = append(out, v.why)
	case classGone:
		out = append(out, "row")
	}
	for _, d := range v.differs {
		out = append(out, j.words.Fields[d.field].Field)
	}
	if v.expiry != "" {
		out = append(out, "ttl")
	}
	return clip(strings.Join(out, ", "))
}

// sides are the value and the row beside each other, masked.
func (j *judge) sides(v verdict) (cached, row string) {
	switch v.class {
	case classUnreadable:
		return v.value.Kind + ", " + size(v.value.Size), ""
	case classGone:
		return "", "none"
	}
	var left, right []string
	for _, d := range v.differs[:min(len(v.differs), shownFields)] {
		field := j.words.Fields[d.field]
		cached, row := d.sides(j)
		left = append(left, field.Field+" "+cached)
		right = append(right, field.Column+" "+row)
	}
	if more := len(v.differs) - shownFields; more > 0 {
		left = append(left, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(left, "; "), strings.Join(right, "; ")
}

// masked is a cached field as it may be shown.
func (j *judge) masked(field int, c cell) string {
	if c.form == absent || c.form == null {
		return c.shown()
	}
	class := j.masks[field]
	if !j.families[field].holds(c) { // whatever it is, it is not what the column holds
		class = check.Free
	}
	return clip(legible(check.Mask(class, c.text)))
}

// maskedColumn is a column as it may be shown.
func (j *judge) maskedColumn(field int, column *string) string {
	if column == nil {
		return check.Null
	}
	return clip(legible(check.Mask(j.masks[field], *column)))
}

// row is a second in which too many keys expire.
func (p peak) row() check.Row {
	at := p.at().Format(time.RFC3339)
	row := check.Row{Key: []string{at}, Class: classTogether, At: p.at()}
	for _, s := range []string{at, "ttl", phrase.Plural(p.keys, "key"), "", "expire in this second"} {
		row.Values = append(row.Values, &s)
	}
	return row
}

// stays says how long a value stays.
func stays(v redis.Value) string {
	switch {
	case v.Kind == redis.None:
		return ""
	case v.TTL == redis.Forever:
		return "none"
	}
	return phrase.Age(v.TTL)
}

// clip shortens a text.
func clip(s string) string {
	runes := []rune(s)
	if len(runes) <= shownRunes {
		return s
	}
	return string(runes[:shownRunes-1]) + "…"
}

// size is a number of bytes as people say it.
func size(n int64) string {
	const kilo, mega = 1 << 10, 1 << 20
	switch {
	case n >= mega:
		return fmt.Sprintf("%.1f MB", float64(n)/mega)
	case n >= kilo:
		return fmt.Sprintf("%.1f kB", float64(n)/kilo)
	}
	return phrase.Plural(n, "byte")
}

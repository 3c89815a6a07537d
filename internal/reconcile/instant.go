package reconcile

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// instantForms are those in which times are written, with and without a zone. The
// fraction of a second may be missing in all of them (package time, "Parse").
func instantForms() []string {
	return []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07",
		"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05Z07",
		"2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -0700 MST",
		"2006-01-02T15:04:05", "2006-01-02 15:04:05",
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
		time.RFC1123Z, time.RFC1123,
	}
}

// Postgres's own forms, as the sessions are set.
const (
	rowInstant = "2006-01-02 15:04:05Z07"
	rowMoment  = "2006-01-02 15:04:05"
	rowDate    = "2006-01-02"
)

// rowTime reads a time as Postgres writes it. Of infinity and years that package time
// does not know, ok is false.
func rowTime(s string) (at time.Time, ok bool) {
	for _, f := range []string{rowInstant, rowMoment, "2006-01-02 15:04:05Z07:00", rowDate} {
		if at, err := time.Parse(f, s); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// told is a time as a cached value tells it, and how exactly.
type told struct {
	at   time.Time
	unit time.Duration // the last digit that is there
}

// timeOf reads a time: a text, or seconds, thousandths or millionths since 1970, which
// are told from each other by their size.
func timeOf(c cell) (told, bool) {
	if c.form == number || c.form == text && digits(c.text) {
		return epoch(c.text)
	}
	if c.form != text {
		return told{}, false
	}
	for _, f := range instantForms() {
		if at, err := time.Parse(f, c.text); err == nil {
			if strings.Contains(f, "15:04") && !strings.Contains(f, "15:04:05") {
				return told{at.UTC(), time.Minute}, true
			}
			return told{at.UTC(), fraction(c.text)}, true
		}
	}
	return told{}, false
}

func digits(s string) bool {
	const enough = 9 // fewer are no time since 1970 that anybody keeps
	return len(s) >= enough && strings.Trim(s, "0123456789.") == ""
}

// fraction is the unit of the last digit of 10:00:00.123.
func fraction(s string) time.Duration {
	_, rest, ok := strings.Cut(s, ".")
	unit := time.Second
	if !ok {
		return unit
	}
	for i := 0; i < len(rest) && rest[i] >= '0' && rest[i] <= '9' && unit > 1; i++ {
		const tenth = 10
		unit /= tenth
	}
	return unit
}

// epoch reads a number since 1970.
func epoch(s string) (told, bool) {
	d, ok := numberOf(s)
	if !ok {
		return told{}, false
	}
	// 1e11 seconds are in the year 5138, and 1e11 thousandths in 1973.
	unit, size := time.Second, d.Abs()
	for _, next := range []struct {
		from int64
		unit time.Duration
	}{{1e11, time.Millisecond}, {1e14, time.Microsecond}, {1e17, time.Nanosecond}} {
		if size.GreaterThanOrEqual(decimal.NewFromInt(next.from)) {
			unit = next.unit
		}
	}
	nanos := d.Mul(decimal.NewFromInt(int64(unit))).BigInt()
	if !nanos.IsInt64() {
		return told{}, false
	}
	if unit == time.Second {
		unit = fraction(s)
	}
	return told{time.Unix(0, nanos.Int64()).UTC(), unit}, true
}

// sameInstant compares a time to the digit that the cached value has: JavaScript keeps
// thousandths where Postgres has millionths.
func sameInstant(c cell, row string) bool {
	if c.form != nested && c.text == row {
		return true
	}
	cached, ok := timeOf(c)
	at, ok2 := rowTime(row)
	if !ok || !ok2 {
		return false
	}
	// Cut off or rounded, it is less than the last digit away.
	return at.Sub(cached.at).Abs() < max(cached.unit, 1)
}

// sameDate compares days: a time at midnight is one, too.
func sameDate(c cell, row string) bool {
	if c.form == text && c.text == row {
		return true
	}
	cached, ok := timeOf(c)
	at, ok2 := rowTime(row)
	return ok && ok2 && cached.at.Equal(at)
}

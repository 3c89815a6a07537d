// Package phrase writes numbers, money and lengths of time as people read them
// in every message. It never rounds a count or an amount of money: what is shown
// is the exact number.
package phrase

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/shopspring/decimal"
)

// Count is a number with thousands separators.
func Count(n int64) string { return humanize.Comma(n) }

// Plural is a number with its noun: "1 row", "2,000 rows".
func Plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Share says how much of the whole a part is: "0.001 %". It has two significant
// digits, and is 0 % or 100 % only where that is exact.
func Share(part, whole int64) string {
	switch {
	case part <= 0 || whole <= 0:
		return "0 %"
	case part >= whole:
		return "100 %"
	}
	percent := 100 * float64(part) / float64(whole)
	digits := max(0, 1-int(math.Floor(math.Log10(percent))))
	text := strconv.FormatFloat(percent, 'f', digits, 64)
	if strings.HasPrefix(text, "100") {
		return "over 99 %"
	}
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + " %"
}

// Money writes an amount exactly, with thousands separators and its currency.
func Money(currency string, amount decimal.Decimal) string {
	places := max(-amount.Exponent(), 2)
	whole, cents, _ := strings.Cut(amount.Abs().StringFixed(places), ".")
	number := thousands(whole) + "." + cents
	sign := ""
	if amount.IsNegative() {
		sign = "-"
	}
	if symbol, ok := map[string]string{"USD": "$", "EUR": "€", "GBP": "£"}[currency]; ok {
		return sign + symbol + number
	}
	return strings.TrimSpace(sign + number + " " + currency)
}

// thousands puts separators into digits of any length.
func thousands(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Amounts writes what there is of each currency: "$1.00 + €2.00". It is empty
// when there is nothing.
func Amounts(money map[string]decimal.Decimal) string {
	var currencies []string
	for c, amount := range money {
		if !amount.IsZero() {
			currencies = append(currencies, c)
		}
	}
	sort.Strings(currencies)
	var parts []string
	for _, c := range currencies {
		parts = append(parts, Money(c, money[c]))
	}
	return strings.Join(parts, " + ")
}

// Duration is how long something took: "0.9 s", "3 s", "12 s", "5 min".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Second, d < 10*time.Second && d.Round(100*time.Millisecond)%time.Second != 0:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	default:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
}

// Age is a span as people say it: "5 min", "2 h", "3 d".
func Age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "under 1 min"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d d", int(d.Hours()/24))
	}
}

// Moment makes a timestamp as Postgres or RFC 3339 writes it readable; what is
// none stays as it is.
func Moment(value string) string {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999Z07:00", time.RFC3339Nano} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC().Format("2006-01-02 15:04:05 UTC")
		}
	}
	if t, err := time.Parse("2006-01-02 15:04:05.999999999", value); err == nil {
		return t.Format("2006-01-02 15:04:05")
	}
	return value
}

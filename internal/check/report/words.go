package report

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
)

// icon stands before a verdict's word, never instead of it.
func icon(v check.Verdict) string {
	switch v {
	case check.Pass:
		return "🟢"
	case check.Fail:
		return "🔴"
	default:
		return "⚪"
	}
}

func count(n int64) string { return humanize.Comma(n) }

func checksText(n int) string { return plural(int64(n), "check") }

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// ofWhole is a number with its whole: "30 of 3,000,000".
func ofWhole(f check.Finding) string {
	return count(f.Tally.Rows) + " of " + count(f.Result.Scanned)
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

func moneyText(money map[string]decimal.Decimal) string {
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

// classText lists the kinds of finding, the commonest first.
func classText(classes map[string]int64) string {
	names := make([]string, 0, len(classes))
	for name := range classes {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		if classes[names[i]] != classes[names[j]] {
			return classes[names[i]] > classes[names[j]]
		}
		return names[i] < names[j]
	})
	var parts []string
	for _, name := range names {
		parts = append(parts, count(classes[name])+" "+className(name))
	}
	return strings.Join(parts, ", ")
}

// className is a kind of finding as people read it after a number.
func className(class string) string {
	switch class {
	case "differs":
		return "off"
	case "null":
		return "NULL"
	case "no rows":
		return "without rows"
	}
	return strings.ReplaceAll(class, "_", " ")
}

// moment makes a timestamp as Postgres writes it readable; what is none stays
// as it is.
func moment(value string) string {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC().Format("2006-01-02 15:04:05 UTC")
		}
	}
	if t, err := time.Parse("2006-01-02 15:04:05.999999999", value); err == nil {
		return t.Format("2006-01-02 15:04:05")
	}
	return value
}

func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	default:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
}

// age is a span as people say it: "5 min", "2 h", "3 d".
func age(d time.Duration) string {
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

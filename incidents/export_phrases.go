package incidents

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// clock is a moment with its zone; empty if it is not known.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func person(id string) string {
	if id == "" {
		return ""
	}
	return "@" + id
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// at is who did something, and when, as far as it is known.
func at(words, who string, when time.Time) string {
	switch {
	case who == "" && when.IsZero():
		return ""
	case when.IsZero():
		return words + person(who)
	}
	if who == "" {
		words = strings.TrimSuffix(words, " by ")
	}
	return words + person(who) + " " + clock(when)
}

func amount(rows *int64, money map[string]decimal.Decimal) string {
	if rows == nil {
		return "not known"
	}
	text := phrase.Plural(*rows, "row")
	if m := phrase.Amounts(money); m != "" {
		text += ", " + m
	}
	return text
}

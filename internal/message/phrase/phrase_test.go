package phrase_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

func TestMoney(t *testing.T) {
	for _, tt := range []struct{ currency, amount, want string }{
		{"USD", "18204.1", "$18,204.10"},
		{"EUR", "0.005", "€0.005"},
		{"CHF", "1234567.89", "1,234,567.89 CHF"},
		{"USD", "-5", "-$5.00"},
		{"", "1000", "1,000.00"},
		{"USD", "12345678901234567890.12", "$12,345,678,901,234,567,890.12"},
	} {
		if got := phrase.Money(tt.currency, decimal.RequireFromString(tt.amount)); got != tt.want {
			t.Errorf("Money(%s, %s) = %s, want %s", tt.currency, tt.amount, got, tt.want)
		}
	}
}

func TestShare(t *testing.T) {
	for _, tt := range []struct {
		part, whole int64
		want        string
	}{
		{30, 3_000_000, "0.001 %"},
		{7, 3_000_000, "0.00023 %"},
		{0, 100, "0 %"},
		{1, 3, "33 %"},
		{5, 100, "5 %"},
		{51, 1_000, "5.1 %"},
		{100, 100, "100 %"},
		{999_999, 1_000_000, "over 99 %"},
		{1, 0, "0 %"},
	} {
		if got := phrase.Share(tt.part, tt.whole); got != tt.want {
			t.Errorf("Share(%d, %d) = %s, want %s", tt.part, tt.whole, got, tt.want)
		}
	}
}

// TestAShareNeverSaysAllOrNothing where it is neither.
func TestAShareNeverSaysAllOrNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.Int64Range(2, 1<<60).Draw(t, "whole")
		part := rapid.Int64Range(1, whole-1).Draw(t, "part")
		if got := phrase.Share(part, whole); got == "0 %" || got == "100 %" {
			t.Errorf("Share(%d, %d) = %s", part, whole, got)
		}
	})
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0.0 s", 940 * time.Millisecond: "0.9 s", time.Second: "1 s", 3 * time.Second: "3 s", 3100 * time.Millisecond: "3.1 s",
		12 * time.Second: "12 s", 5 * time.Minute: "5 min",
	} {
		if got := phrase.Duration(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

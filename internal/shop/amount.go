package shop

import (
	"fmt"
	"strconv"
	"strings"
)

// Amount is an exact sum of money in ten-thousandths of the currency's main unit, so that prices below a cent
// and totals beyond the exact range of a float64 are both held without rounding. Its text form is decimal: two
// places, or four when there are fractions of a cent.
type Amount int64

const (
	cent        Amount = 100
	unitsPerOne Amount = 10000
)

// TotalTolerance is how far an order's total may be from the sum of its items: one minor unit, for shops that
// round by line.
const TotalTolerance = cent

// String gives the exact decimal form, for example "1204.10".
func (a Amount) String() string { return string(a.append(nil)) }

func (a Amount) append(b []byte) []byte {
	u := uint64(a)
	if a < 0 {
		b = append(b, '-')
		u = -u
	}
	b = strconv.AppendUint(b, u/uint64(unitsPerOne), 10)
	fraction, places := u%uint64(unitsPerOne), 4
	if fraction%uint64(cent) == 0 {
		fraction, places = fraction/uint64(cent), 2
	}
	b = append(b, '.')
	for digit := pow10(places - 1); digit > 0; digit /= 10 {
		b = append(b, byte('0'+fraction/digit%10))
	}
	return b
}

func pow10(n int) uint64 {
	p := uint64(1)
	for ; n > 0; n-- {
		p *= 10
	}
	return p
}

// MarshalText gives the decimal form; JSON therefore holds amounts as strings and no reader rounds them.
func (a Amount) MarshalText() ([]byte, error) { return a.append(nil), nil }

// UnmarshalText reads a decimal of at most four places.
func (a *Amount) UnmarshalText(text []byte) error {
	parsed, err := ParseAmount(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// ParseAmount reads a decimal such as "-12", "12.5" or "12.3456". More than four significant places are an error.
func ParseAmount(s string) (Amount, error) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	fraction = strings.TrimRight(fraction, "0")
	if whole == "" || len(fraction) > 4 || strings.ContainsAny(whole+fraction, "+-_") {
		return 0, fmt.Errorf("parse amount %q: want a decimal with at most four places", s)
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", 4-len(fraction)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parse amount %q: %w", s, err)
	}
	if negative {
		n = -n
	}
	return Amount(n), nil
}

func (a Amount) abs() Amount {
	if a < 0 {
		return -a
	}
	return a
}

package shop_test

import (
	"math"
	"testing"

	"github.com/integritybot/integritybot/internal/shop"
)

func TestAmount(t *testing.T) {
	tests := []struct {
		name, in, want string
		units          shop.Amount
	}{
		{"zero", "0", "0.00", 0},
		{"cents", "12.34", "12.34", 123400},
		{"below one", "-0.05", "-0.05", -500},
		{"whole", "7", "7.00", 70000},
		{"below a cent", "3.3333", "3.3333", 33333},
		{"trailing zeros", "45.100000", "45.10", 451000},
		{"beyond float64", "90071992547409.93", "90071992547409.93", 900719925474099300},
		{"largest", "922337203685477.5807", "922337203685477.5807", math.MaxInt64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := shop.ParseAmount(tt.in)
			if err != nil || got != tt.units || got.String() != tt.want {
				t.Errorf("ParseAmount(%q) = %d (%s), %v; want %d (%s)", tt.in, got, got, err, tt.units, tt.want)
			}
		})
	}
	for _, bad := range []string{"", "-", ".5", "1.23456", "1e3", "NaN", "+1", "--1", "1_000", "1,5", "922337203685477.5808"} {
		if got, err := shop.ParseAmount(bad); err == nil {
			t.Errorf("ParseAmount(%q) = %s, want an error", bad, got)
		}
	}
}

//go:build bench

package bench

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// percentile is the smallest value that at least p of all are not above (nearest rank); 0 of nothing.
func percentile[T cmp.Ordered](values []T, p float64) T {
	var none T
	if len(values) == 0 {
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(p * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// median of an even number of values is the mean of the middle two.
func median(values []time.Duration) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// seconds and millis show a duration with three significant digits or so.
func seconds(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 0.1:
		return fmt.Sprintf("%.3f s", s)
	case s < 10:
		return fmt.Sprintf("%.2f s", s)
	default:
		return fmt.Sprintf("%.1f s", s)
	}
}

func millis(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.2f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// notMeasured is the verdict where there is no number.
const notMeasured = "**not measured**"

// verdict of one goal.
func verdict(met bool) string {
	if met {
		return "met"
	}
	return "**not met**"
}

func TestFigures(t *testing.T) {
	values := []int{5, 1, 4, 2, 3, 10, 9, 8, 7, 6}
	for p, want := range map[float64]int{0: 1, 0.5: 5, 0.95: 10, 0.9: 9, 1: 10} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile %g is %d, want %d", p, got, want)
		}
	}
	if got := percentile([]int(nil), 0.5); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
	if got := median([]time.Duration{4, 2}); got != 3 {
		t.Errorf("median of 2 and 4 is %d", got)
	}
	if got := median([]time.Duration{9, 1, 2}); got != 2 {
		t.Errorf("median of 1, 2 and 9 is %d", got)
	}
}

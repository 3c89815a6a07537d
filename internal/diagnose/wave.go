package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// What makes a wave: so many rows at least, of which at most so large a part came
// before it, and so many times closer to each other than those were. Rows that come
// evenly come ten times closer by chance about once in 20,000.
const (
	enoughRows  = 5
	stragglers  = 0.2
	timesCloser = 10
	wavesApart  = time.Hour
)

// wave finds when most of some rows began to come, where a few are much older: what is
// left of an earlier trouble would otherwise hide when this one began. It
// gives the first time of the wave and how many rows came since.
func wave(times []time.Time) (start time.Time, n int, ok bool) {
	all := slices.SortedFunc(slices.Values(times), time.Time.Compare)
	if len(all) < enoughRows {
		return time.Time{}, 0, false
	}
	best := float64(timesCloser)
	for i := 1; i <= int(stragglers*float64(len(all))); i++ {
		before, after := all[i].Sub(all[0]), max(all[len(all)-1].Sub(all[i]), time.Minute)
		closer := before.Seconds() / float64(i) * float64(len(all)-i) / after.Seconds()
		if before >= wavesApart && closer >= best {
			best, start, n, ok = closer, all[i], len(all)-i, true
		}
	}
	return start, n, ok
}

// wave records since when most of a check's rows went bad, where that is not since
// the first of them. Only if all rows are known, and say when.
func (w weighable) wave(e *evidence, f judged, o onset) {
	if f.keys == nil || len(f.keys.times) != f.keys.rows {
		return
	}
	if start, n, ok := wave(f.keys.times); ok {
		o.at, o.wave = start, true
		o.what = fmt.Sprintf("the wave of %s (%s of %s)", o.what, phrase.Count(int64(n)), phrase.Count(int64(f.keys.rows)))
		w.began(e, o)
	}
}

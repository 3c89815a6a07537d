package reconcile

import (
	"cmp"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/target/redis"
)

const (
	// grain is how finely expiries are counted: they are known to some thousandths.
	grain = 250 * time.Millisecond
	// grains make up the second in which many expire.
	grains = int64(time.Second / grain)
	// mostGrains bounds what is counted: expiries that are spread over more than that are
	// not together.
	mostGrains = 4 << 20
)

// expiries counts keys by when they expire.
type expiries struct {
	counts map[int64]int64
	full   bool // there are more grains than are counted
}

func (e *expiries) add(v redis.Value) {
	at := v.Expires()
	if at.IsZero() {
		return
	}
	if e.counts == nil {
		e.counts = map[int64]int64{}
	}
	n := at.UnixNano() / int64(grain)
	if _, known := e.counts[n]; !known && len(e.counts) >= mostGrains {
		e.full = true
		return
	}
	e.counts[n]++
}

// peak is a second in which many keys expire.
type peak struct {
	from  int64 // the first grain of it
	keys  int64
	fully int64 // the grain in which most of them do
}

func (p peak) at() time.Time { return time.Unix(0, p.fully*int64(grain)).UTC() }

// peaks are the seconds in which at least so many keys expire, the fullest of those
// that overlap, in their order.
func (e *expiries) peaks(least int64) []peak {
	if least <= 0 {
		return nil
	}
	seen := map[int64]bool{}
	var all []peak
	for n, keys := range e.counts {
		if keys*grains < least { // a second with so many has a grain with its share
			continue
		}
		for from := n - grains + 1; from <= n; from++ {
			if seen[from] {
				continue
			}
			seen[from] = true
			if p := e.peak(from); p.keys >= least {
				all = append(all, p)
			}
		}
	}
	// The fullest first, and of those the one that begins where keys do.
	slices.SortFunc(all, func(a, b peak) int { return cmp.Or(cmp.Compare(b.keys, a.keys), cmp.Compare(b.from, a.from)) })
	taken := map[int64]bool{}
	var out []peak
	for _, p := range all {
		if taken[p.from] || taken[p.from+grains-1] {
			continue
		}
		for n := p.from; n < p.from+grains; n++ {
			taken[n] = true
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b peak) int { return cmp.Compare(a.from, b.from) })
	return out
}

func (e *expiries) peak(from int64) peak {
	p := peak{from: from, fully: from}
	for n := from; n < from+grains; n++ {
		p.keys += e.counts[n]
		if e.counts[n] > e.counts[p.fully] {
			p.fully = n
		}
	}
	return p
}

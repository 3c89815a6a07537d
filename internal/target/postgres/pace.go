package postgres

import (
	"sync"
	"time"
)

const (
	fullAim = 2 * time.Second // how long a statement at full speed should take
	// How much of the next guess comes from the last chunk. The value is the one
	// of GitLab's batched migrations.
	paceWeight = 0.4
	// A chunk is at most this much bigger than the one before, and grows slowly
	// once a chunk was too big.
	paceGrowth, paceGrowthBurnt = 3.0, 1.2

	firstRowsPolite = 5_000
	firstRowsFull   = 100_000
	fullRows        = 1_000_000
	maxRowsDefault  = 4_000_000
)

// pace finds the size of a chunk that takes as long as a statement should, by a
// moving average of the time per row.
type pace struct {
	mu      sync.Mutex
	aim     time.Duration
	most    int64
	size    int64
	perRow  float64 // nanoseconds; 0: not known yet
	elapsed time.Duration
	perPage float64 // rows
	growth  float64
}

func newPace(r *Reader, span *Span) *pace {
	p := &pace{aim: r.aim(), most: span.MaxRows, size: span.From.Rows, perPage: span.Table.RowsPerPage(), growth: paceGrowth}
	if p.most <= 0 {
		p.most = maxRowsDefault
	}
	if p.size <= 0 {
		p.size = span.Rows
	}
	if r.opts.Full {
		// Two chunks per worker at least, so that none waits long for the last.
		share := span.Table.Estimate() / int64(2*r.workers())
		p.most = min(p.most, max(share, firstRowsFull))
		if p.size <= 0 {
			p.size = min(p.most, fullRows)
		}
	}
	if p.size <= 0 {
		p.size = firstRowsPolite
	}
	if most := r.t.opts.chunkRows; most > 0 {
		p.most = most
	}
	p.size = min(p.size, p.most)
	return p
}

// rows is how many rows the next chunk should hold.
func (p *pace) rows() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size
}

// last is how long the last chunk took.
func (p *pace) last() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.elapsed
}

// took learns from a chunk. The last chunk of a walk, whose size is not known,
// teaches nothing but its time.
func (p *pace) took(d time.Duration, r Range) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.elapsed = d
	size := p.size
	if len(r.span.Key) == 0 {
		size = int64(float64(r.to-r.from) * p.perPage)
	}
	if r.hi == nil && r.to < 0 || size <= 0 {
		return
	}
	now := float64(max(d, time.Microsecond)) / float64(size)
	if p.perRow == 0 {
		p.perRow = now
	}
	p.perRow = paceWeight*now + (1-paceWeight)*p.perRow
	want := int64(0.9 * float64(p.aim) / p.perRow)
	p.size = min(max(want, 1), int64(float64(p.size)*p.growth)+1, p.most)
}

// shrink halves the size after a chunk that was too big.
func (p *pace) shrink() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size = max(1, p.size/2)
	p.growth = paceGrowthBurnt
	p.perRow *= 2
}

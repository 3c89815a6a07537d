package kafka

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// wideGap is how many records between two letters are rather read than jumped
	// over.
	wideGap = 20_000
	// aheadBytes is how much is asked for at once, of all partitions that are read
	// together, and leastAhead of one at least. Up to four answers of a partition are
	// in memory, and what is compressed grows: some 32 MiB in all.
	aheadBytes = 1 << 20
	leastAhead = 64 << 10
	// freshFor is how long what was read ahead may be used: somebody may have
	// deleted it since.
	freshFor = 10 * time.Second
	// denseShare: where at least one record in so many is a letter of the plan,
	// letters are made ready ahead, and may keep the answer that they came in.
	denseShare = 4
)

// reader reads the letters of a plan again, and keeps its place from batch to
// batch. While one batch is sent, what stands behind its letters is fetched and
// made ready: most likely that is the next one.
type reader struct {
	t     *Target
	held  bounds
	make  maker
	dense atomic.Bool // letters of the plan stand close together
	parts map[int32]*stream
	used  time.Time
}

func (t *Target) reader(held bounds, m maker) *reader {
	return &reader{t: t, held: held, make: m, parts: map[int32]*stream{}}
}

// spot is a letter that is wanted, and the change of the batch that is about it.
type spot struct {
	offset int64
	change int
}

// found takes a letter that is there. alone tells that the rest of the answer that
// it came in is mostly not wanted, and must not be kept for its sake.
type found func(change int, l *readied, alone bool) error

// read gives what is there of what is wanted in each partition, in the order of
// offsets. What was read ahead of other partitions is forgotten.
func (r *reader) read(ctx context.Context, top topic, want map[int32][]spot, take found) error {
	stale := r.t.opts.Now().Sub(r.used) > freshFor
	for p, s := range r.parts {
		s.ahead = true
		if stale || want[p] == nil {
			r.end(p)
		}
	}
	r.dense.Store(dense(want))
	bytes := max(aheadBytes/int32(len(want)), leastAhead) //nolint:gosec // a few partitions
	for p, spots := range want {                          // all are begun before one is waited for
		r.seek(top, p, spots[0].offset, bytes)
	}
	for p, spots := range want {
		for len(spots) > 0 {
			r.seek(top, p, spots[0].offset, bytes)
			rest, err := r.next(ctx, p, spots, take)
			if err != nil {
				return err
			}
			spots = rest
		}
	}
	r.used = r.t.opts.Now()
	return nil
}

// dense tells whether what stands between the letters is mostly wanted.
func dense(want map[int32][]spot) bool {
	letters, reach := int64(0), int64(0)
	for _, spots := range want {
		letters += int64(len(spots))
		reach += spots[len(spots)-1].offset - spots[0].offset + 1
	}
	return reach <= denseShare*letters
}

// seek has a partition read at an offset, unless that comes soon anyway.
func (r *reader) seek(top topic, p int32, offset int64, bytes int32) {
	if s := r.parts[p]; s != nil {
		if s.at <= offset && offset <= s.at+wideGap {
			return
		}
		r.end(p)
	}
	from := span{max(offset, r.held.parts[p].from), r.held.parts[p].to}
	b := bounds{topic: r.held.topic, id: r.held.id, parts: map[int32]span{p: from}}
	r.parts[p] = r.begin(&scanner{t: r.t, b: b, top: top, bytes: bytes}, p)
}

// next gives the letters of one answer, and tells which are still wanted behind
// it.
func (r *reader) next(ctx context.Context, p int32, spots []spot, take found) ([]spot, error) {
	s := r.parts[p]
	a, err := s.answer(ctx)
	switch {
	case err != nil && s.ahead && ctx.Err() == nil:
		r.end(p) // it failed while nobody waited for it, and may work by now
		return spots, nil
	case err != nil:
		return nil, err
	case a == nil:
		return nil, nil // nothing stands from here on
	}
	rest, err := a.give(r.make, spots, take)
	s.at = a.next()
	return rest, err
}

// end forgets what was read ahead of a partition.
func (r *reader) end(p int32) {
	r.parts[p].end()
	delete(r.parts, p)
}

// close ends all reading ahead. A reader that was never opened has none.
func (r *reader) close() {
	for p := range r.parts {
		r.end(p)
	}
}

package reconcile

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/target/redis"
)

const (
	// rowsAtOnce is how many keys go to the database in one statement, about; fewer if
	// their values are more than pieceBytes.
	rowsAtOnce = 2_000
	pieceBytes = 4 << 20
	// readAhead is how many such pieces are read from the cache ahead of it.
	readAhead = 2
	// fullSessions is how many statements there are at once at full speed.
	fullSessions = 2
)

// walk goes once through the keys of a check.
type walk struct {
	j     *judge
	match string // for MATCH; the shape of the keys is asked beside it
	since time.Duration
	full  bool
	whole bool // all keys of the check, so that all rows may be read
	told  telling
	known *knownRows
	// saved takes what is known to be wrong when it is much; nil: it is all kept.
	saved func(ctx context.Context, wrong []verdict) error

	mu       sync.Mutex // of what follows, while several pieces are compared
	counted  counted
	classes  map[string]int64 // what is wrong, by its class
	expiries expiries
	suspects []verdict
	wrong    []verdict
	size     int64 // keys in all, for the progress
	replica  bool
}

// narrow has it go through those keys alone that match a pattern that somebody wrote.
func (w *walk) narrow(pattern string) error {
	if err := redis.Gentle(pattern); err != nil {
		return err
	}
	w.match = pattern
	return nil
}

// some makes sure that there were keys that match.
func (w *walk) some() error {
	if w.counted.keys > 0 {
		return nil
	}
	return problemf("No key of %s matches %s.", w.j.words.Pattern, legible(clip(w.match)))
}

// run goes through all keys: the cache is read ahead of the database.
func (w *walk) run(ctx context.Context) error {
	var err error
	if w.size, err = w.j.cache.Size(ctx); err != nil {
		return err
	}
	if w.replica, err = w.j.cache.Replica(ctx); err != nil {
		return err
	}
	if w.full && w.since == 0 && w.whole {
		if w.known, err = w.j.know(ctx, w.size); err != nil {
			return err
		}
	}
	pieces := make(chan []redis.Value, readAhead)
	g, both := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(pieces)
		return w.read(both, pieces)
	})
	for range w.sessions() {
		g.Go(func() error {
			for values := range pieces {
				if err := w.take(both, values); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return w.settle(ctx)
}

// sessions is how many pieces are compared side by side, so that the database works
// while we do. A polite walk has one.
func (w *walk) sessions() int {
	if w.full {
		return fullSessions
	}
	return 1
}

// read reads cached values, each key once.
func (w *walk) read(ctx context.Context, to chan<- []redis.Value) error {
	seen := newSeenKeys(w.size)
	var piece []redis.Value
	var bytes int64
	send := func() error {
		select {
		case to <- piece:
			piece, bytes = nil, 0
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	choose := func(keys []string) []string { return seen.fresh(w.ours(keys)) }
	err := w.j.scan(ctx, w.match, choose, func(values []redis.Value) error {
		if piece == nil {
			piece = make([]redis.Value, 0, rowsAtOnce+len(values))
		}
		piece = append(piece, values...)
		for i := range values {
			bytes += values[i].Size
		}
		if len(piece) >= rowsAtOnce || bytes >= pieceBytes {
			return send()
		}
		return nil
	})
	if err != nil || len(piece) == 0 {
		return err
	}
	return send()
}

// ours are the keys of the shape. It reuses the memory of keys.
func (w *walk) ours(keys []string) []string {
	out := keys[:0]
	for _, key := range keys {
		if _, ok := w.j.shape.id(key); ok {
			out = append(out, key)
		}
	}
	return out
}

// take judges a piece.
func (w *walk) take(ctx context.Context, values []redis.Value) error {
	var some tally
	if err := w.j.values(ctx, values, w.known, w.since, func(_ int, v *verdict) { some.add(w.j, v) }); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count(some)
	if w.j.words.TTL.Together > 0 {
		for i := range values {
			w.expiries.add(values[i])
		}
	}
	w.told.is(check.Progress{Done: w.counted.keys, Total: max(w.size, w.counted.keys), Reading: w.j.words.Pattern})
	if len(w.suspects) >= suspectsAtOnce {
		return w.settle(ctx)
	}
	return nil
}

// settle looks at what looked wrong again.
func (w *walk) settle(ctx context.Context) error {
	if len(w.suspects) == 0 {
		return nil
	}
	out, err := w.j.settle(ctx, w.suspects, w.since)
	if err != nil {
		return err
	}
	c := &w.counted
	c.right += out.right
	c.gone += out.gone
	c.young += out.young
	c.large += out.large
	c.since += out.since
	c.unsettled += out.unsettled
	c.wrong += int64(len(out.wrong))
	if w.classes == nil {
		w.classes = map[string]int64{}
	}
	for _, v := range out.wrong {
		w.classes[v.reportedClass()]++
	}
	w.wrong, w.suspects = append(w.wrong, out.wrong...), nil
	if w.saved == nil || len(w.wrong) < savedAtOnce {
		return nil
	}
	err, w.wrong = w.saved(ctx, w.wrong), nil
	return err
}

// crowds are the seconds in which too many keys expire. They are counted again, in a
// second walk, before they count.
func (w *walk) crowds(ctx context.Context) ([]peak, error) {
	least := w.j.words.TTL.Together
	first := w.expiries.peaks(least)
	if len(first) == 0 || w.expiries.full {
		return nil, nil
	}
	seen, again := newSeenKeys(w.size), expiries{}
	err := w.j.cache.Scan(ctx, w.match, func(keys []string) error {
		values, err := w.j.cache.TTLs(ctx, seen.fresh(w.ours(keys)))
		for _, v := range values {
			again.add(v)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count expiries again: %w", err)
	}
	var out []peak
	for _, p := range again.peaks(least) {
		if w.expiries.peak(p.from).keys >= least || w.expiries.peak(p.fully-1).keys >= least {
			out = append(out, p)
		}
	}
	return out, nil
}

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
	// rowsAtOnce is how many keys go to the database in one statement, about.
	rowsAtOnce = 2_000
	// readAhead is how many such pieces are read from the cache ahead of it.
	readAhead = 2
	// niceRatio is how long a polite walk rests, as a share of what a statement took.
	niceRatio = 0.5
	// fullSessions is how many statements there are at once at full speed.
	fullSessions = 2
)

// walk goes once through the keys of a check.
type walk struct {
	j     *judge
	match string // for MATCH; the shape of the keys is asked beside it
	since time.Duration
	full  bool
	tell  func(check.Progress)

	mu       sync.Mutex // of what follows, while several pieces are compared
	counted  counted
	expiries expiries
	suspects []verdict
	wrong    []verdict
	size     int64 // keys in all, for the progress
}

// counted is what became of the keys. A key is counted once.
type counted struct {
	keys                                 int64 // of the shape
	right                                int64
	wrong                                int64
	young, large, since, gone, unsettled int64
	under                                histogram
	strange                              int64 // that match, and are not of the shape
}

// judged is how many keys were judged.
func (c counted) judged() int64 { return c.right + c.wrong }

// run goes through all keys: the cache is read ahead of the database.
func (w *walk) run(ctx context.Context) error {
	var err error
	if w.size, err = w.j.cache.Size(ctx); err != nil {
		return err
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
	seen := newSeenKeys()
	var piece []redis.Value
	send := func() error {
		select {
		case to <- piece:
			piece = nil
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	err := w.j.cache.Scan(ctx, w.match, func(keys []string) error {
		values, err := w.j.read(ctx, seen.fresh(w.ours(keys)))
		if err != nil {
			return err
		}
		if piece = append(piece, values...); len(piece) >= rowsAtOnce {
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
	began := w.j.cache.Now()
	verdicts, err := w.j.judgeValues(ctx, values, w.since)
	if err != nil {
		return err
	}
	rest := time.Duration(niceRatio * float64(w.j.cache.Now().Sub(began)))
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range verdicts {
		w.count(v)
	}
	if w.tell != nil {
		w.tell(check.Progress{Done: w.counted.keys, Total: max(w.size, w.counted.keys), Reading: w.j.words.Pattern})
	}
	if len(w.suspects) >= suspectsAtOnce {
		if err := w.settle(ctx); err != nil {
			return err
		}
	}
	if w.full {
		return nil
	}
	return w.j.cache.Sleep(ctx, rest)
}

func (w *walk) count(v verdict) {
	c := &w.counted
	c.keys++
	if v.gone() {
		c.gone++
		return
	}
	c.under.add(v.value)
	w.expiries.add(v.value)
	switch {
	case v.wrong():
		w.suspects = append(w.suspects, v)
	case v.unjudged == unjudgedYoung:
		c.young++
	case v.unjudged == unjudgedLarge:
		c.large++
	case v.unjudged == unjudgedSince:
		c.since++
	default:
		c.right++
	}
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
	c.unsettled += out.unsettled
	c.wrong += int64(len(out.wrong))
	w.wrong, w.suspects = append(w.wrong, out.wrong...), nil
	return nil
}

// crowds are the seconds in which too many keys expire. They are counted again, in a
// second walk, before they count.
func (w *walk) crowds(ctx context.Context) ([]peak, error) {
	least := w.j.words.TTL.Together
	first := w.expiries.peaks(least)
	if len(first) == 0 || w.expiries.full {
		return nil, nil
	}
	seen, again := newSeenKeys(), expiries{}
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

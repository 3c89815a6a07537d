package bot

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// memo remembers answers of Slack for a short while. Those who ask for the
// same at the same time share one call. Errors are not remembered.
type memo[T any] struct {
	life  time.Duration // how old an answer may be
	limit time.Duration // for one call
	now   func() time.Time

	flights singleflight.Group
	mu      sync.Mutex
	kept    map[string]remembered[T]
}

type remembered[T any] struct {
	value T
	at    time.Time
}

const maxRemembered = 10_000

func newMemo[T any](life, limit time.Duration, now func() time.Time) *memo[T] {
	return &memo[T]{life: life, limit: limit, now: now, kept: map[string]remembered[T]{}}
}

// get gives what is remembered and not too old, else asks. fresh asks Slack
// again unless somebody did within the last moment.
func (m *memo[T]) get(ctx context.Context, key string, fresh bool, ask func(context.Context) (T, error)) (T, error) {
	life := m.life
	if fresh {
		life = freshness
	}
	if v, ok := m.lookup(key, life); ok {
		return v, nil
	}
	answer := m.flights.DoChan(key, func() (any, error) {
		ctx, cancel := detached(ctx, m.limit) // others wait for it too
		defer cancel()
		began := m.now()
		v, err := ask(ctx)
		if err == nil {
			m.keep(key, remembered[T]{value: v, at: began})
		}
		return v, err
	})
	select {
	case r := <-answer:
		v, _ := r.Val.(T)
		return v, r.Err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// freshness lets the clicks of one moment share an answer: usergroups.list may
// be called only 20 times a minute.
const freshness = time.Second

func (m *memo[T]) lookup(key string, life time.Duration) (T, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.kept[key]
	if !ok || m.now().Sub(r.at) > life {
		var none T
		return none, false
	}
	return r.value, true
}

func (m *memo[T]) keep(key string, r remembered[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.kept) >= maxRemembered {
		clear(m.kept)
	}
	m.kept[key] = r
}

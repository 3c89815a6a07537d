package bot

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// memo remembers answers of Slack for a short while. Those who ask for the
// same at the same time share one call. Errors are not remembered, but for one:
// when Slack says to wait, nobody asks until then.
type memo[T any] struct {
	life  time.Duration // how old an answer may be
	limit time.Duration // for one call
	now   func() time.Time

	flights singleflight.Group
	mu      sync.Mutex
	kept    map[string]remembered[T]
	shut    time.Time // Slack said to wait until then
	because error     // with this
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
// again unless somebody did within the last moment, or Slack says to wait: then
// what is remembered has to do, for as long as it would otherwise.
func (m *memo[T]) get(ctx context.Context, key string, fresh bool, ask func(context.Context) (T, error)) (T, error) {
	life := m.life
	if fresh {
		life = freshness
	}
	limited := m.limited()
	if limited != nil {
		life = m.life
	}
	if v, ok := m.lookup(key, life); ok {
		return v, nil
	}
	if limited != nil {
		var none T
		return none, limited
	}
	answer := m.flights.DoChan(key, func() (any, error) {
		ctx, cancel := detached(ctx, m.limit) // others wait for it too
		defer cancel()
		began := m.now()
		v, err := ask(ctx)
		if err == nil {
			m.keep(key, remembered[T]{value: v, at: began})
		}
		if wait, ok := rateLimited(err); ok {
			m.close(wait, err)
		}
		return v, err
	})
	select {
	case r := <-answer:
		if _, wait := rateLimited(r.Err); wait {
			if v, ok := m.lookup(key, m.life); ok {
				return v, nil
			}
		}
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

// limited is why nobody may ask now; nil if they may.
func (m *memo[T]) limited() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now().Before(m.shut) {
		return m.because
	}
	return nil
}

// close keeps everybody from asking for as long as Slack says (Retry-After).
func (m *memo[T]) close(wait time.Duration, because error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shut, m.because = m.now().Add(wait), because
}

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

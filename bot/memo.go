package bot

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"
)

// memo remembers answers of one method of Slack's for a short while, and shares
// them with the other replicas. Those who ask for the same at the same time
// share one call. Errors are not remembered, but for one: when Slack says to
// wait, nobody asks until then.
type memo[T any] struct {
	method string
	life   time.Duration // how old an answer may be
	now    func() time.Time
	shared *sharing // nil: with nobody

	flights singleflight.Group
	mu      sync.Mutex
	kept    map[string]remembered[T]
	shut    time.Time // Slack said to wait until then
	because error     // with this
}

// remembered is an answer and when Slack was asked for it, or earlier.
type remembered[T any] struct {
	value T
	at    time.Time
}

const maxRemembered = 10_000

func newMemo[T any](method string, life time.Duration, now func() time.Time, shared *sharing) *memo[T] {
	return &memo[T]{method: method, life: life, now: now, shared: shared, kept: map[string]remembered[T]{}}
}

// freshness is how old an answer may be that has to be fresh, whichever replica
// asked. usergroups.list may be called 20 times a minute by all replicas
// together: if one is always asked for, that is once every 3 s, and no less
// often than Slack allows it.
const freshness = 3 * time.Second

// get gives what is remembered and not too old, else asks. fresh asks Slack
// again unless some replica did within the last moment, or Slack says to wait:
// then what is remembered has to do, for as long as it would otherwise.
func (m *memo[T]) get(ctx context.Context, key string, fresh bool, ask func(context.Context) (T, error)) (T, error) {
	life, flight := m.life, key
	limited := m.limited()
	if fresh && limited == nil {
		life, flight = min(freshness, m.life), "fresh "+key // not with those to whom an older one will do
	}
	if v, ok := m.lookup(key, life); ok {
		return v, nil
	}
	answer := m.flights.DoChan(flight, func() (any, error) {
		ctx, cancel := detached(ctx, askLimit) // others wait for it too
		defer cancel()
		return m.learn(ctx, key, life, ask)
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

// learn takes an answer from the shelf, or asks and puts it there.
func (m *memo[T]) learn(ctx context.Context, key string, life time.Duration, ask func(context.Context) (T, error)) (T, error) {
	if err := m.limited(); err != nil {
		return m.older(ctx, key, err)
	}
	began := m.now()
	found := m.shared.find(ctx, m.method, key, life)
	if v, ok := m.take(key, found, began); ok {
		return v, nil
	}
	if found.Wait > 0 {
		err := &slack.RateLimitedError{RetryAfter: found.Wait}
		m.close(found.Wait, err)
		return m.older(ctx, key, err)
	}
	began = m.now()
	v, err := ask(ctx)
	if wait, limited := rateLimited(err); limited {
		m.close(wait, err)
		m.shared.giveUp(ctx, m.method, key, found.Claim, wait)
		return m.older(ctx, key, err)
	}
	if err != nil {
		m.shared.giveUp(ctx, m.method, key, found.Claim, 0)
		return v, err
	}
	m.keep(key, remembered[T]{value: v, at: began})
	m.give(ctx, key, found.Claim, v)
	return v, nil
}

// take keeps what lay on the shelf. began is when it was looked for.
func (m *memo[T]) take(key string, found Shelved, began time.Time) (v T, ok bool) {
	if found.Answer == nil {
		return v, false
	}
	if err := json.Unmarshal(found.Answer, &v); err != nil {
		m.shared.rest(err)
		var none T
		return none, false
	}
	m.keep(key, remembered[T]{value: v, at: began.Add(-found.Age)})
	return v, true
}

// give puts an answer on the shelf.
func (m *memo[T]) give(ctx context.Context, key string, claim time.Time, v T) {
	if claim.IsZero() {
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		m.shared.rest(err)
		return
	}
	m.shared.put(ctx, m.method, key, claim, text)
}

// older gives what has to do while Slack says to wait.
func (m *memo[T]) older(ctx context.Context, key string, limited error) (T, error) {
	if v, ok := m.lookup(key, m.life); ok {
		return v, nil
	}
	began := m.now()
	if v, ok := m.take(key, m.shared.glance(ctx, m.method, key, m.life), began); ok {
		return v, nil
	}
	var none T
	return none, limited
}

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

// keep remembers r unless something newer is remembered.
func (m *memo[T]) keep(key string, r remembered[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.kept[key]; ok && old.at.After(r.at) {
		return
	}
	if len(m.kept) >= maxRemembered {
		clear(m.kept)
	}
	m.kept[key] = r
}

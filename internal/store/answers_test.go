package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/store"
)

const (
	method = "usergroups.list"
	team   = "1/T1"
	lease  = 750 * time.Millisecond
)

// shelf is two replicas on one store, with a clock that a test moves.
type shelf struct {
	t    *testing.T
	now  time.Time
	a, b *store.Store
}

func newShelf(t *testing.T) *shelf {
	h := &shelf{t: t, now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	dsn := database(t)
	h.a, h.b = open(t, dsn, at(&h.now)), open(t, dsn, at(&h.now))
	return h
}

func (h *shelf) pass(d time.Duration) { h.now = h.now.Add(d) }

func (h *shelf) look(s *store.Store, life time.Duration) bot.Shelved {
	h.t.Helper()
	found, err := s.Look(within(h.t, patience), method, team, life, lease)
	if err != nil {
		h.t.Fatal(err)
	}
	return found
}

// sees looks and compares what there is.
func (h *shelf) sees(when string, s *store.Store, life time.Duration, answer string, age time.Duration, claim bool, wait time.Duration) bot.Shelved {
	h.t.Helper()
	f := h.look(s, life)
	if string(f.Answer) != answer || f.Answer != nil && f.Age != age || f.Claim.IsZero() == claim || f.Wait != wait {
		h.t.Errorf("%s: %s, %s old, claim %t, wait %s; want %q, %s, %t, %s", when, f.Answer, f.Age, !f.Claim.IsZero(), f.Wait, answer, age, claim, wait)
	}
	return f
}

func (h *shelf) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestOneReplicaAsksAndAllHaveTheAnswer(t *testing.T) {
	h := newShelf(t)
	f := h.sees("the first", h.a, time.Minute, "", 0, true, 0)
	h.sees("the second, meanwhile", h.b, time.Minute, "", 0, false, 0)
	h.pass(200 * time.Millisecond)
	h.ok(h.a.Put(t.Context(), method, team, f.Claim, []byte(`["S1"]`)))
	h.sees("the second, afterwards", h.b, time.Minute, `["S1"]`, 200*time.Millisecond, false, 0)
	h.pass(4 * time.Second)
	h.sees("an ordinary look", h.b, time.Minute, `["S1"]`, 4200*time.Millisecond, false, 0)
	f = h.sees("a fresh look", h.b, 3*time.Second, "", 0, true, 0)
	h.sees("an ordinary look while that is asked", h.a, time.Minute, `["S1"]`, 4200*time.Millisecond, false, 0)
	h.ok(h.b.Put(t.Context(), method, team, f.Claim, []byte(`null`))) // a workspace without groups
	h.sees("a fresh look at the other replica", h.a, 3*time.Second, `null`, 0, false, 0)
	h.pass(time.Minute + time.Millisecond)
	h.sees("after a minute", h.a, time.Minute, "", 0, true, 0)
}

func TestTheOneWhoAsksIsKilled(t *testing.T) {
	h := newShelf(t)
	dead := h.sees("the first", h.a, time.Minute, "", 0, true, 0)
	h.pass(lease - time.Millisecond)
	h.sees("while the claim lasts", h.b, time.Minute, "", 0, false, 0)
	h.pass(time.Millisecond)
	f := h.sees("after it", h.b, time.Minute, "", 0, true, 0)
	h.pass(100 * time.Millisecond)
	h.ok(h.a.Put(t.Context(), method, team, dead.Claim, []byte(`["old"]`))) // it was only slow
	h.sees("what the slow one heard", h.a, time.Minute, `["old"]`, lease+100*time.Millisecond, false, 0)
	h.sees("it does not end the other's claim", h.a, 500*time.Millisecond, "", 0, false, 0)
	h.ok(h.b.Put(t.Context(), method, team, f.Claim, []byte(`["new"]`)))
	h.ok(h.a.Put(t.Context(), method, team, dead.Claim, []byte(`["old"]`)))
	h.sees("the newer question counts", h.a, time.Minute, `["new"]`, 100*time.Millisecond, false, 0)
}

func TestWhenSlackSaysToWaitAllReplicasDo(t *testing.T) {
	h := newShelf(t)
	f := h.look(h.a, time.Minute)
	h.ok(h.a.Put(t.Context(), method, team, f.Claim, []byte(`["S1"]`)))
	h.pass(5 * time.Second)
	f = h.look(h.a, 3*time.Second)
	h.ok(h.a.GiveUp(t.Context(), method, team, f.Claim, 20*time.Second))
	h.sees("a fresh look", h.b, 3*time.Second, "", 0, false, 20*time.Second)
	h.sees("what has to do", h.b, time.Minute, `["S1"]`, 5*time.Second, false, 20*time.Second)
	other, err := h.b.Look(t.Context(), "users.info", team, time.Minute, lease)
	if err != nil || other.Claim.IsZero() {
		t.Errorf("another method: %+v, %v; want a claim", other, err)
	}
	h.ok(h.b.GiveUp(t.Context(), method, "1/T2", time.Time{}, time.Second)) // a shorter wait does not end a longer one
	h.pass(19 * time.Second)
	h.sees("still", h.b, 3*time.Second, "", 0, false, time.Second)
	h.pass(time.Second)
	h.sees("afterwards", h.b, 3*time.Second, "", 0, true, 0)
}

func TestAskingThatFailedIsGivenUp(t *testing.T) {
	h := newShelf(t)
	f := h.look(h.a, time.Minute)
	h.ok(h.a.GiveUp(t.Context(), method, team, f.Claim, 0))
	f = h.sees("another one at once", h.b, time.Minute, "", 0, true, 0)
	h.ok(h.a.GiveUp(t.Context(), method, team, f.Claim.Add(-time.Second), 0))
	h.sees("a claim that is over does not end another", h.a, time.Minute, "", 0, false, 0)
	found, err := h.b.Look(t.Context(), method, "1/T2", time.Minute, 0)
	if err != nil || !found.Claim.IsZero() {
		t.Errorf("only looking gave %+v, %v", found, err)
	}
}

func TestOldAnswersAreRemoved(t *testing.T) {
	h := newShelf(t)
	f := h.look(h.a, time.Minute)
	h.ok(h.a.Put(t.Context(), method, team, f.Claim, []byte(`["S1"]`)))
	for _, want := range []int64{0, 1} {
		if n, err := h.a.Purge(t.Context(), store.Retention{}); err != nil || n != want {
			t.Errorf("%d rows removed, %v; want %d", n, err, want)
		}
		h.pass(time.Hour + time.Second)
	}
}

// TestManyReplicasOnTheDatabasesClock: of all who look at once one may ask, as
// the role that the bot runs as.
func TestManyReplicasOnTheDatabasesClock(t *testing.T) {
	owner, role := pgtest.Database(t), pgtest.Role(t, "runtime")
	if err := store.Migrate(t.Context(), owner, role); err != nil {
		t.Fatal(err)
	}
	var replicas []*store.Store
	for range 3 {
		replicas = append(replicas, open(t, pgtest.As(owner, role)))
	}
	for round := range 20 {
		var claims atomic.Int64
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				s := replicas[i%len(replicas)]
				found, err := s.Look(within(t, patience), method, team, time.Microsecond, time.Minute)
				if err != nil {
					t.Error(err)
				}
				if !found.Claim.IsZero() {
					claims.Add(1)
				}
			})
		}
		wg.Wait()
		if claims.Load() != 1 {
			t.Fatalf("round %d: %d may ask, want 1", round, claims.Load())
		}
		exec(t, replicas[0], `UPDATE slack_answers SET asking_until = '-infinity'`)
	}
}

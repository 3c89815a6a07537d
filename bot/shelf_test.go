package bot

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
)

// board is a Shelf in memory, with troubles.
type board struct {
	mu      sync.Mutex
	rows    map[string]boardRow
	waits   map[string]time.Time
	down    error // every call fails with it
	silent  bool  // no call answers
	touched int
}

type boardRow struct {
	answer             []byte
	asked, claimed, to time.Time
}

func newBoard() *board { return &board{rows: map[string]boardRow{}, waits: map[string]time.Time{}} }

// reach counts a call, and fails as the board is told.
func (b *board) reach(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.touched++
	if b.silent {
		b.mu.Unlock()
		<-ctx.Done()
		b.mu.Lock()
		return ctx.Err()
	}
	return b.down
}

func (b *board) Look(ctx context.Context, method, key string, life, lease time.Duration) (Shelved, error) {
	if err := b.reach(ctx); err != nil {
		return Shelved{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now, row := time.Now(), b.rows[method+key]
	found := Shelved{Wait: max(0, b.waits[method].Sub(now))}
	if row.answer != nil && now.Sub(row.asked) <= life {
		found.Answer, found.Age = row.answer, now.Sub(row.asked)
	}
	if found.Answer == nil && found.Wait == 0 && lease > 0 && !now.Before(row.to) {
		row.claimed, row.to = now, now.Add(lease)
		found.Claim, b.rows[method+key] = now, row
	}
	return found, nil
}

func (b *board) Put(ctx context.Context, method, key string, claim time.Time, answer []byte) error {
	if err := b.reach(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows[method+key] = boardRow{answer: answer, asked: claim}
	return nil
}

func (b *board) GiveUp(ctx context.Context, method, key string, claim time.Time, wait time.Duration) error {
	if err := b.reach(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if row := b.rows[method+key]; row.claimed.Equal(claim) {
		row.to = time.Time{}
		b.rows[method+key] = row
	}
	if wait > 0 {
		b.waits[method] = time.Now().Add(wait)
	}
	return nil
}

// office is some replicas with one shelf, and a Slack that counts.
type office struct {
	t     *testing.T
	board *board
	asked int
	slack func() (string, error)
}

// inOffice runs a scenario in a time of its own.
func inOffice(t *testing.T, scenario func(o *office)) {
	synctest.Test(t, func(t *testing.T) {
		scenario(&office{t: t, board: newBoard(), slack: func() (string, error) { return "A", nil }})
	})
}

func (o *office) replica() *memo[string] {
	return newMemo[string]("usergroups.list", memory, time.Now, &sharing{shelf: o.board, now: time.Now, log: slog.New(slog.DiscardHandler)})
}

// get asks a replica and compares what it says, how often Slack was asked in
// all, and how long it took.
func (o *office) get(when string, m *memo[string], fresh bool, want string, asked int, atMost time.Duration) {
	o.t.Helper()
	began := time.Now()
	got, err := m.get(o.t.Context(), "T1", fresh, func(context.Context) (string, error) {
		o.asked++
		return o.slack()
	})
	if err != nil {
		got = "none"
	}
	if took := time.Since(began); got != want || o.asked != asked || took > atMost {
		o.t.Errorf("%s: %q (%v), asked %d times, after %s; want %q, %d, at most %s", when, got, err, o.asked, took, want, asked, atMost)
	}
}

func TestReplicasShareWhatSlackAnswered(t *testing.T) {
	inOffice(t, func(o *office) {
		a, b := o.replica(), o.replica()
		o.get("the first", a, false, "A", 1, 0)
		o.slack = func() (string, error) { return "B", nil }
		o.get("another replica", b, true, "A", 1, 0)
		time.Sleep(2 * time.Second)
		o.get("fresh, within the moment", o.replica(), true, "A", 1, 0)
		time.Sleep(freshness)
		o.get("ordinary, after it", b, false, "A", 1, 0)
		o.get("one that just started", o.replica(), false, "A", 1, 0)
		o.get("fresh, after it", b, true, "B", 2, 0)
		o.get("fresh at the first", a, true, "B", 2, 0)
		time.Sleep(memory - time.Second)
		o.slack = func() (string, error) { return "C", nil }
		o.get("within memory", o.replica(), false, "B", 2, 0)
		time.Sleep(2 * time.Second)
		o.get("after it", a, false, "C", 3, 0)
	})
}

// TestAnOlderAnswerIsNotTakenForAFreshOne: one that comes by the shelf keeps
// its age, and does not replace a newer one.
func TestAnOlderAnswerIsNotTakenForAFreshOne(t *testing.T) {
	inOffice(t, func(o *office) {
		a, b := o.replica(), o.replica()
		o.get("the first", a, false, "A", 1, 0)
		time.Sleep(memory - time.Second)
		o.get("the second takes it", b, false, "A", 1, 0)
		time.Sleep(2 * time.Second)
		o.slack = func() (string, error) { return "B", nil }
		o.get("its minute began with the question", b, false, "B", 2, 0)
	})
}

func TestShelfInTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		trouble func(b *board)
		atMost  time.Duration
	}{
		"down":   {func(b *board) { b.down = errors.New("refused") }, 0},
		"silent": {func(b *board) { b.silent = true }, shelfCall},
	} {
		t.Run(name, func(t *testing.T) {
			inOffice(t, func(o *office) {
				m := o.replica()
				c.trouble(o.board)
				o.get("it asks itself", m, true, "A", 1, c.atMost)
				o.get("and leaves the shelf alone", m, true, "A", 1, 0)
				m.kept = map[string]remembered[string]{}
				o.get("for a while", m, true, "A", 2, 0)
				if o.board.touched != 1 {
					t.Errorf("the shelf was tried %d times, want once", o.board.touched)
				}
				o.board.down, o.board.silent = nil, false
				time.Sleep(shelfRest + time.Millisecond)
				o.get("until it is tried again", m, true, "A", 3, 0)
				o.get("and others have the answer", o.replica(), true, "A", 3, 0)
			})
		})
	}
}

// TestTheReplicaThatAsksIsKilled, or slow: the others wait for its claim and no
// longer.
func TestTheReplicaThatAsksIsKilled(t *testing.T) {
	inOffice(t, func(o *office) {
		if f, err := o.board.Look(t.Context(), "usergroups.list", shelfForm+"T1", memory, claimLease); err != nil || f.Claim.IsZero() {
			t.Fatalf("%+v, %v", f, err)
		}
		o.get("another one", o.replica(), false, "A", 1, claimLease+shelfPause)
		o.get("and the next", o.replica(), true, "A", 1, 0)
	})
	inOffice(t, func(o *office) {
		o.board.rows["usergroups.list"+shelfForm+"T1"] = boardRow{to: time.Now().Add(time.Hour)}
		o.get("a claim that does not end", o.replica(), false, "A", 1, shelfLimit)
	})
}

// TestOneAsksWhileTheOthersWaitForIt: they share the call, also over replicas.
func TestOneAsksWhileTheOthersWaitForIt(t *testing.T) {
	inOffice(t, func(o *office) {
		o.slack = func() (string, error) { time.Sleep(300 * time.Millisecond); return "A", nil }
		var all sync.WaitGroup
		for range 3 {
			m := o.replica()
			for range 5 {
				all.Go(func() { o.get("all at once", m, true, "A", 1, 300*time.Millisecond+shelfPause) })
			}
		}
		all.Wait()
	})
}

func TestWhenSlackSaysToWaitNoReplicaAsks(t *testing.T) {
	inOffice(t, func(o *office) {
		a, b := o.replica(), o.replica()
		o.get("the first", a, false, "A", 1, 0)
		time.Sleep(10 * time.Second)
		o.slack = func() (string, error) { return "", &slack.RateLimitedError{RetryAfter: 20 * time.Second} }
		o.get("Slack says to wait", a, true, "A", 2, 0)
		o.get("another replica", b, true, "A", 2, 0)
		o.get("one that just started", o.replica(), true, "A", 2, 0)
		o.slack = func() (string, error) { return "B", nil }
		time.Sleep(19 * time.Second)
		o.get("still", b, true, "A", 2, 0)
		time.Sleep(2 * time.Second)
		o.get("afterwards", b, true, "B", 3, 0)
		o.get("for all", a, true, "B", 3, 0)
	})
	inOffice(t, func(o *office) {
		o.slack = func() (string, error) { return "", &slack.RateLimitedError{RetryAfter: 20 * time.Second} }
		o.get("with nothing that could do", o.replica(), true, "none", 1, 0)
		o.get("nothing is guessed", o.replica(), false, "none", 1, 0)
	})
	inOffice(t, func(o *office) {
		o.get("an answer", o.replica(), true, "A", 1, 0)
		m := o.replica()
		m.shared.rest(errors.New("refused"))
		o.slack = func() (string, error) { return "", &slack.RateLimitedError{RetryAfter: 20 * time.Second} }
		o.get("a shelf that failed a moment ago is tried", m, true, "A", 2, 0)
	})
}

func TestAnErrorIsNobodysAnswer(t *testing.T) {
	inOffice(t, func(o *office) {
		o.slack = func() (string, error) { return "", errors.New("internal_error") }
		o.get("it fails", o.replica(), true, "none", 1, 0)
		o.slack = func() (string, error) { return "A", nil }
		o.get("the next one asks at once", o.replica(), true, "A", 2, 0)
	})
}

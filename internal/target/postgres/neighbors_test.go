package postgres

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
)

func TestRestRatio(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ slowdown, tolerated, want float64 }{
		"nobody is slowed":         {1, 0.25, -1},
		"as much as is tolerated":  {1.25, 0.25, 0},
		"twice as slow":            {2, 0.25, 3},
		"five times as slow":       {5, 0.25, 15},
		"less is tolerated":        {2, 0.1, 9},
		"a standstill has a bound": {1000, 0.25, maxRestRatio},
		"switched off":             {5, -1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := restRatio(c.slowdown, c.tolerated); math.Abs(got-c.want) > 1e-9 {
				t.Errorf("got %g, want %g", got, c.want)
			}
		})
	}
}

func TestSlowdownIsBelievedOnlyWhenMeasured(t *testing.T) {
	t.Parallel()
	var n neighbors
	for range enoughSamples - 1 {
		n.took(9*time.Millisecond, true)
		n.took(time.Millisecond, false)
	}
	if got := n.slowdown(); got != 1 {
		t.Errorf("with too few samples: %g", got)
	}
	n.took(9*time.Millisecond, true)
	n.took(time.Millisecond, false)
	if got := n.slowdown(); math.Abs(got-9) > 1e-9 {
		t.Errorf("got %g, want 9", got)
	}
	for range 1000 { // the server calms down
		n.took(time.Millisecond, true)
	}
	if got := n.slowdown(); got > 1.01 {
		t.Errorf("a calm server is remembered as busy: %g", got)
	}
}

// TestAPoliteCheckRestsAsLongAsOthersNeed: a slowdown that was measured makes
// every polite run rest, with its reason named; full speed does not care.
func TestAPoliteCheckRestsAsLongAsOthersNeed(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 50)")
	var longest time.Duration
	now := time.Unix(0, 0)
	o := brisk(dsn)
	// Each look at the clock takes a second, so that every piece does.
	o.Now = func() time.Time { now = now.Add(time.Second); return now }
	o.Sleep = func(ctx context.Context, d time.Duration) error {
		longest = max(longest, d)
		return ctx.Err()
	}
	target := open(t, o)
	slow := func() {
		for range enoughSamples {
			target.neighbors.took(9*time.Millisecond, true)
			target.neighbors.took(time.Millisecond, false)
		}
	}
	slow()
	rec, _ := detect(t, declare(t, "rows", `{table: t, wrong: "false"}`).Detector(target), check.Options{})
	if longest != maxRest {
		t.Errorf("the longest rest was %s, want %s", longest, maxRest)
	}
	if len(rec.pauses) == 0 || !strings.Contains(rec.pauses[0], "because others wait 9.0 times as long while one is read") {
		t.Errorf("it says %q", rec.pauses)
	}
	longest = 0
	rec, _ = detect(t, declare(t, "rows", `{table: t, wrong: "false"}`).Detector(target), check.Options{Full: true})
	if longest > time.Second || len(rec.pauses) > 0 {
		t.Errorf("at full speed it rested %s and said %q", longest, rec.pauses)
	}
}

// TestNeighborsMeasures on a real server, and leaves nothing behind.
func TestNeighborsMeasures(t *testing.T) {
	t.Parallel()
	target := open(t, brisk(pgtest.Database(t)))
	target.neighbors.watch()
	target.neighbors.watch()
	target.neighbors.enter()
	eventually(t, "samples beside a statement", func() bool { n := &target.neighbors; n.mu.Lock(); defer n.mu.Unlock(); return n.beside.n > 3 })
	target.neighbors.leave()
	eventually(t, "samples beside nothing", func() bool { n := &target.neighbors; n.mu.Lock(); defer n.mu.Unlock(); return n.alone.n > 3 })
	target.neighbors.leaveOff()
	target.neighbors.leaveOff()
	if n := target.neighbors.beside; n.value <= 0 || n.value > 10 {
		t.Errorf("%g s", n.value)
	}
}

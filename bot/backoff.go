package bot

import (
	"context"
	"math/rand/v2"
	"time"
)

const maxBackoff = 60 * time.Second

// backoff counts failures and says how long to wait after each: doubling from
// base up to a ceiling, spread by half either way so that replicas that failed
// together do not come back together.
type backoff struct {
	base  time.Duration
	fails int
}

func (b *backoff) reset() { b.fails = 0 }

func (b *backoff) next() time.Duration {
	b.fails++
	return jitter(grow(b.base, b.fails-1))
}

// grow is base doubled n times, at most maxBackoff.
func grow(base time.Duration, n int) time.Duration {
	if n > 16 || base<<n > maxBackoff {
		return max(base, maxBackoff)
	}
	return base << n
}

func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d+1) //nolint:gosec // it only has to differ
}

// sleep waits and reports whether the wait was served in full.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

package bot

import (
	"sync"
	"time"
)

// gates remembers, per method of the Web API, until when Slack asked us to
// wait.
type gates struct {
	now   func() time.Time
	mu    sync.Mutex
	until map[string]time.Time
}

func newGates(now func() time.Time) *gates {
	return &gates{now: now, until: map[string]time.Time{}}
}

func (g *gates) shut(method string, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.now().Add(wait); t.After(g.until[method]) {
		g.until[method] = t
	}
}

// wait is how long the method must still be left alone.
func (g *gates) wait(method string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.until[method].Sub(g.now()))
}

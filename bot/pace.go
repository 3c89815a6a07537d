package bot

import (
	"sync"
	"time"
)

// pace spaces the edits of one message. It is a courtesy of this process; the
// limit that counts is Slack's, over all of them.
type pace struct {
	gap time.Duration
	now func() time.Time
	mu  sync.Mutex
	at  map[string]time.Time // message → last post or edit
}

func newPace(gap time.Duration, now func() time.Time) *pace {
	return &pace{gap: gap, now: now, at: map[string]time.Time{}}
}

// wait is how long the message should still be left as it is.
func (p *pace) wait(message string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.at[message]
	if !ok {
		return 0
	}
	return max(0, last.Add(p.gap).Sub(p.now()))
}

func (p *pace) touched(message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if len(p.at) >= 1000 {
		for m, t := range p.at {
			if now.Sub(t) > p.gap {
				delete(p.at, m)
			}
		}
	}
	p.at[message] = now
}

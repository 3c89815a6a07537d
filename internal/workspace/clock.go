package workspace

import (
	"sort"
	"sync"
	"time"
)

// Clock is the simulator's only source of time. All of Slack's clocks (3 s to
// acknowledge, 30 min of a response URL, rate tiers …) run on it.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once, d after now, and returns a function that
	// cancels the call and reports whether it was in time to do so.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// RealClock is the clock on the wall.
type RealClock struct{}

// Now is the present time.
func (RealClock) Now() time.Time { return time.Now() }

// AfterFunc calls f in its own goroutine once d has passed.
func (RealClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

// ScaledClock runs Factor times as fast as the wall: with Factor 60 a minute
// takes a second. Start is where both clocks agree.
type ScaledClock struct {
	Start  time.Time
	Factor float64
}

// Now is Start plus the time since Start, scaled.
func (c ScaledClock) Now() time.Time {
	return c.Start.Add(time.Duration(float64(time.Since(c.Start)) * c.Factor))
}

// AfterFunc calls f once d of scaled time has passed.
func (c ScaledClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(time.Duration(float64(d)/c.Factor), f).Stop
}

// ManualClock stands still until Advance is called. It is for tests.
type ManualClock struct {
	mu     sync.Mutex
	now    time.Time
	seq    int
	timers map[int]manualTimer
}

type manualTimer struct {
	at  time.Time
	seq int
	f   func()
}

// NewManualClock is a clock that stands at start.
func NewManualClock(start time.Time) *ManualClock {
	return &ManualClock{now: start, timers: map[int]manualTimer{}}
}

// Now is the time the clock was last advanced to.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc arranges for f to be called by the Advance that passes d from now.
func (c *ManualClock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	id := c.seq
	c.timers[id] = manualTimer{at: c.now.Add(d), seq: id, f: f}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waiting := c.timers[id]
		delete(c.timers, id)
		return waiting
	}
}

// Advance moves the clock by d and calls, in order of their times and in the
// caller's goroutine, everything that became due, including what those calls
// themselves arrange within d.
func (c *ManualClock) Advance(d time.Duration) {
	c.mu.Lock()
	target := c.now.Add(d)
	for {
		due := c.dueBefore(target)
		if due == nil {
			break
		}
		c.now = due.at
		c.mu.Unlock()
		due.f()
		c.mu.Lock()
	}
	c.now = target
	c.mu.Unlock()
}

// dueBefore takes the earliest timer that is due at or before target.
func (c *ManualClock) dueBefore(target time.Time) *manualTimer {
	var due []manualTimer
	for _, t := range c.timers {
		if !t.at.After(target) {
			due = append(due, t)
		}
	}
	if len(due) == 0 {
		return nil
	}
	sort.Slice(due, func(i, j int) bool {
		if due[i].at.Equal(due[j].at) {
			return due[i].seq < due[j].seq
		}
		return due[i].at.Before(due[j].at)
	})
	delete(c.timers, due[0].seq)
	return &due[0]
}

package cluster

import "time"

// Clock is the only source of time of a cluster: what it stamps on objects, log lines and events, and what its
// controllers wait for. The clocks of other simulators fit.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f once, d after now, and returns a function that cancels the call and reports whether it was in
	// time to do so.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// wall is the clock on the wall.
type wall struct{}

func (wall) Now() time.Time { return time.Now() }

func (wall) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

// now is the time of what is being done: the clock's, or the time as of which an [Author] acts.
func (c *Cluster) now() time.Time {
	if !c.asOf.IsZero() {
		return c.asOf
	}
	return c.options.Clock.Now().UTC()
}

// later calls f under the mutex after d, unless the cluster was closed by then. As of a past time everything that
// would have been waited for has happened.
func (c *Cluster) later(d time.Duration, f func()) {
	if d <= 0 || !c.asOf.IsZero() {
		f()
		return
	}
	c.options.Clock.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.closed {
			f()
		}
	})
}

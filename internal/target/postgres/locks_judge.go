package postgres

import (
	"cmp"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

// The classes of failing sessions. One that is of several counts as the first.
const (
	classBlocker = "blocker" // others wait for it too long, and it waits for nobody
	classWaits   = "waits"
	classIdle    = "idle in transaction"
	classLong    = "long transaction"
)

// failingSession is a session that breaks the check.
type failingSession struct {
	*backend
	class string
	since *time.Time
}

// judge gives the failing sessions, the worst first: by class, then by how long it
// has lasted.
func (w *Blocking) judge(c *lockChain) []failingSession {
	var out []failingSession
	for _, s := range c.sessions {
		if class, since := w.classOf(c, s); class != "" {
			out = append(out, failingSession{s, class, since})
		}
	}
	order := []string{classBlocker, classWaits, classIdle, classLong}
	slices.SortStableFunc(out, func(a, b failingSession) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.class), slices.Index(order, b.class)),
			cmp.Compare(c.age(b.since), c.age(a.since)),
			compareKeys([]string{a.id}, []string{b.id}),
		)
	})
	return out
}

func (w *Blocking) classOf(c *lockChain, s *backend) (class string, since *time.Time) {
	if slices.Contains(c.roots, s) {
		for _, b := range c.behind(s) { // the longest first
			if w.tooLong(c, b) {
				return classBlocker, b.since
			}
		}
	}
	switch {
	case w.tooLong(c, s):
		return classWaits, s.since
	case !s.here || s.ours() || w.ignores(s) || !s.isClient() && s.gid == "":
	case s.sits() && w.maxIdle() > 0 && c.age(s.stateChange) > w.maxIdle():
		return classIdle, s.stateChange
	case w.maxTransaction() > 0 && c.age(s.xactStart) > w.maxTransaction():
		return classLong, s.xactStart
	}
	return "", nil
}

// tooLong tells whether a session of this database has waited for longer than it
// may.
func (w *Blocking) tooLong(c *lockChain, s *backend) bool {
	return c.waiting[s.id] != nil && s.here && !s.ours() && !w.ignores(s) && c.waitOf(s) > w.maxWait()
}

// sits tells whether a session keeps a transaction open without working.
func (s *backend) sits() bool {
	return s.state == "idle in transaction" || s.state == "idle in transaction (aborted)"
}

func (w *Blocking) ignores(s *backend) bool {
	return s.gid == "" && slices.Contains(w.Ignore, s.application)
}

// row is a failing session as the check reports it.
func (c *lockChain) row(w failingSession) check.Row {
	row := check.Row{Key: []string{w.id}, Class: w.class}
	for _, cell := range c.cells(w.backend) {
		row.Values = append(row.Values, &cell)
	}
	if w.since != nil {
		row.At = w.since.UTC()
	}
	return row
}

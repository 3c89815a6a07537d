package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

// lockChain is who waits for whom, as seen twice.
type lockChain struct {
	*lockLook
	waiting map[string]*backend
	blocked map[string][]*backend // who waits for a session directly, the longest first
	roots   []*backend            // who blocks others and waits for nobody, the one that blocks most first
}

// chain looks twice if anybody waits, so that who only had to wait for a moment
// is left out. Errors are Problems.
func (t *Target) chain(ctx context.Context, tell func(check.Progress)) (*lockChain, error) {
	first, err := t.lookAtLocks(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(first.sessions, func(s *backend) bool { return s.waits }) {
		return newChain(first, first), nil
	}
	if tell != nil {
		tell(check.Progress{Reading: "pg_locks"})
	}
	if err := t.opts.Sleep(ctx, locksAgain); err != nil {
		return nil, context.Cause(ctx)
	}
	second, err := t.lookAtLocks(ctx)
	if err != nil {
		return nil, err
	}
	return newChain(first, second), nil
}

// newChain ties those of this database together who waited in both looks, and
// whoever they wait for: that may be a session of another database, and may have
// begun to wait only now.
func newChain(first, second *lockLook) *lockChain {
	c := &lockChain{lockLook: second, waiting: map[string]*backend{}, blocked: map[string][]*backend{}}
	var queue []*backend
	for _, s := range second.sessions {
		if s.here && s.same(first.by[s.id]) {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if c.waiting[s.id] != nil {
			continue
		}
		c.waiting[s.id] = s
		for _, id := range s.blockers {
			b := second.by[id]
			if b == nil { // it has ended between two questions of one look
				continue
			}
			c.blocked[id] = append(c.blocked[id], s)
			if b.waits {
				queue = append(queue, b)
			}
		}
	}
	for _, waiters := range c.blocked {
		slices.SortFunc(waiters, c.longestFirst)
	}
	c.findRoots()
	return c
}

// findRoots finds where each chain begins. A circle has no beginning: its first
// session by pid stands for one, until the server has broken it up.
func (c *lockChain) findRoots() {
	reached := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(c.blocked)) {
		if c.waiting[id] == nil {
			c.roots = append(c.roots, c.by[id])
			c.reach(id, reached)
		}
	}
	for _, s := range c.sessions {
		if c.waiting[s.id] != nil && len(c.blocked[s.id]) > 0 && !reached[s.id] && c.reaches(s.id) {
			c.roots = append(c.roots, s)
			c.reach(s.id, reached)
		}
	}
	behind := map[string]int{}
	for _, r := range c.roots {
		behind[r.id] = len(c.behind(r))
	}
	slices.SortStableFunc(c.roots, func(a, b *backend) int {
		return cmp.Or(cmp.Compare(behind[b.id], behind[a.id]), compareKeys([]string{a.id}, []string{b.id}))
	})
}

// reaches tells whether a session waits for itself in the end.
func (c *lockChain) reaches(id string) bool {
	seen := map[string]bool{}
	for _, s := range c.blocked[id] {
		c.reach(s.id, seen)
	}
	return seen[id]
}

// reach notes a session and all who wait for it, directly or not.
func (c *lockChain) reach(id string, into map[string]bool) {
	if into[id] {
		return
	}
	into[id] = true
	for _, s := range c.blocked[id] {
		c.reach(s.id, into)
	}
}

// behind are all who wait for a session, directly or not, the longest first.
func (c *lockChain) behind(s *backend) []*backend {
	reached := map[string]bool{}
	c.reach(s.id, reached)
	delete(reached, s.id)
	var out []*backend
	for id := range reached {
		out = append(out, c.by[id])
	}
	slices.SortFunc(out, c.longestFirst)
	return out
}

func (c *lockChain) longestFirst(a, b *backend) int {
	return cmp.Or(cmp.Compare(c.waitOf(b), c.waitOf(a)), compareKeys([]string{a.id}, []string{b.id}))
}

// waitOf is how long a session has been waiting.
func (l *lockLook) waitOf(s *backend) time.Duration {
	if !s.waits || s.since == nil {
		return 0
	}
	return l.age(s.since)
}

// age is since when, as a length of time by the server's clock; 0: nobody knows.
func (l *lockLook) age(since *time.Time) time.Duration {
	if since == nil {
		return 0
	}
	return max(0, l.at.Sub(*since))
}

// tree walks the chains: each session once, behind the first that it waits for.
func (c *lockChain) tree(each func(depth int, s *backend)) {
	seen := map[string]bool{}
	var walk func(int, *backend)
	walk = func(depth int, s *backend) {
		if seen[s.id] {
			return
		}
		seen[s.id] = true
		each(depth, s)
		for _, w := range c.blocked[s.id] {
			walk(depth+1, w)
		}
	}
	for _, r := range c.roots {
		walk(0, r)
	}
	for _, s := range c.sessions { // whose blocker has just ended
		if c.waiting[s.id] != nil {
			walk(0, s)
		}
	}
}

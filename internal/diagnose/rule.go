package diagnose

import (
	"math"
	"time"
)

// Cause is what may be behind wrong data, as the runbook tells causes apart.
type Cause string

// The causes, in the order in which equal ones are named.
const (
	FailedEvents Cause = "failed events"
	Race         Cause = "a race between writers"
	StaleCache   Cause = "a stale cache"
	Corruption   Cause = "corruption or a bad migration"
	RecentChange Cause = "a recent change"
)

// Causes are all of them, in that order.
func Causes() []Cause { return []Cause{FailedEvents, Race, StaleCache, Corruption, RecentChange} }

// rule says what one signal means for one cause. All of its conditions must hold.
// Of the rules of one cause and one signal that speak in the same direction, only
// the first that holds counts.
type rule struct {
	cause  Cause
	signal Signal
	// weight is for the cause if positive, and against it if negative. Nothing speaks
	// against a cause that is not known.
	weight int

	// none: it was looked for and there is none. Otherwise there is at least one.
	none bool
	// share of all that was looked at which it has to be.
	share float64
	// follows: something began to be wrong so long after it.
	follows *span
	// always: what follows holds for all that began to be wrong, and not only for one.
	always bool
	// rows: only when rows of tables began to be wrong counts for follows and undated.
	rows bool
	// undated: when anything began to be wrong is not known.
	undated bool
	// within is how long ago it was at most.
	within time.Duration
	// with and without are other signals that are there, and are known not to be.
	with, without Signal

	says string // see sentence
}

// span is a length of time from From to To, both included. It is negative for what
// was before.
type span struct{ From, To time.Duration }

const forever = time.Duration(math.MaxInt64)

func (s span) holds(d time.Duration) bool { return d >= s.From && d <= s.To }

// ground is a rule that holds, and what makes it hold.
type ground struct {
	rule  rule
	seen  sight
	item  item  // the one of seen that is nearest; zero: none in particular
	onset onset // what it is near to; zero: nothing
}

// holds tells whether the rule's conditions are met.
func (r rule) holds(e evidence) (ground, bool) {
	seen := e.sights[r.signal]
	g := ground{rule: r, seen: seen}
	switch {
	case r.weight < 0 && !seen.known,
		r.none && (!seen.known || seen.count > 0),
		!r.none && seen.count < 1,
		r.share > 0 && float64(seen.count) < r.share*float64(seen.of),
		r.with != "" && e.sights[r.with].count == 0,
		r.without != "" && (!e.sights[r.without].known || e.sights[r.without].count > 0),
		r.undated && len(e.troubles(r)) > 0:
		return g, false
	}
	if len(seen.items) > 0 {
		g.item = largest(seen.items)
	}
	if r.within > 0 && !r.young(e, &g) {
		return g, false
	}
	return g, r.follows == nil || r.near(e, &g)
}

// young looks for the youngest item, which must not be too old.
func (r rule) young(e evidence, g *ground) bool {
	found := false
	for _, i := range g.seen.items {
		if !i.first.IsZero() && e.now.Sub(i.first) <= r.within && (!found || i.first.After(g.item.first)) {
			g.item, found = i, true
		}
	}
	return found
}

// near looks for the item and the trouble that are the shortest time apart of those
// that meet the rule. Where it has to hold always, none may miss it, and none
// be undated.
func (r rule) near(e evidence, g *ground) bool {
	found, best := false, forever
	for _, i := range g.seen.items {
		for _, o := range e.troubles(r) {
			lag, ok := i.lag(o.at)
			if !ok || !r.follows.holds(lag) {
				if r.always {
					return false
				}
				continue
			}
			if !found || abs(lag) < best {
				found, best, g.item, g.onset = true, abs(lag), i, o
			}
		}
	}
	return found
}

// troubles are what began to be wrong, as far as it concerns the rule. Nothing is
// compared with itself.
func (e evidence) troubles(r rule) []onset {
	var out []onset
	for _, o := range e.onsets {
		if (o.data || !r.rows) && o.scope != r.signal {
			out = append(out, o)
		}
	}
	return out
}

func abs[N time.Duration | int](d N) N {
	if d < 0 {
		return -d
	}
	return d
}

// largest is the item of most, the first of equals.
func largest(items []item) item {
	best := items[0]
	for _, i := range items[1:] {
		if i.count > best.count {
			best = i
		}
	}
	return best
}

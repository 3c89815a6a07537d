package diagnose

import (
	"cmp"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
)

// skew is how far the clocks of two systems may be apart.
const skew = 2 * time.Minute

// Signal is one thing that can be seen and that rules speak of.
type Signal string

// The signals.
const (
	DeadLetters Signal = "dead letters"
	Named       Signal = "wrong rows that dead letters name"
	Lag         Signal = "consumers behind"
	EventErrors Signal = "errors about events in the logs"
	Unmatched   Signal = "rows without their counterpart"
	Doubled     Signal = "doubles and wrong totals"
	WrongRows   Signal = "wrong rows"
	WholeTable  Signal = "a large part of a table wrong"
	BrokenKeys  Signal = "foreign keys violated"
	NotValid    Signal = "foreign keys never validated"
	Checksums   Signal = "checksum failures"
	FailedMoves Signal = "failed migrations"
	Migrations  Signal = "migrations"
	Ended       Signal = "migrations after which no row went wrong"
	Rollouts    Signal = "rollouts"
	ConfigEdits Signal = "config edits"
	Scalings    Signal = "scaling"
	AnyChange   Signal = "changes of any kind"
	NewErrors   Signal = "errors in the logs that began after a change"
	Blocked     Signal = "blocked sessions"
	Writers     Signal = "concurrent writers"
	Deadlocks   Signal = "deadlocks"
	Conflicting Signal = "errors about conflicting writes in the logs"
	Stale       Signal = "stale cached values"
	Expiry      Signal = "cached values with a wrong expiry"
	Trouble     Signal = "anything wrong"
)

// sight is what was seen of one signal.
type sight struct {
	// known: it was looked for everywhere, and the count is complete. If not, what
	// was seen is there all the same, but nothing may be said about what was not.
	known     bool
	count, of int64
	items     []item
}

// item is one of the things seen: a change, the letters of one topic.
type item struct {
	count, of   int64
	first, last time.Time // zero: not known
	// name is what it is called and part how many of count that is: the commonest
	// error of letters, the pattern of log lines. Foreign text, as is says.
	name string
	part int64
	// says is it as a line of evidence; short is the same without details; plain names
	// nothing: a rollout.
	says, short, plain string
	check              string // the title of the check that saw it
}

// lag is how long after the item something was: negative if it was before, 0 while
// the item lasted. ok is false if a time is not known.
func (i item) lag(at time.Time) (lag time.Duration, ok bool) {
	last := i.last
	if last.IsZero() {
		last = i.first
	}
	switch {
	case i.first.IsZero() || at.IsZero():
		return 0, false
	case at.Before(i.first):
		return at.Sub(i.first), true
	case at.After(last):
		return at.Sub(last), true
	}
	return 0, true
}

// onset is when something began to be wrong, as far as what is wrong tells.
type onset struct {
	at    time.Time
	what  string // the first bad row of Orphaned orders
	data  bool   // rows of a table
	wave  bool   // not the first of it, but when most of it began
	scope Signal // what it belongs to
}

// evidence is all that was seen, ready to be weighed.
type evidence struct {
	now    time.Time
	sights map[Signal]sight
	onsets []onset // the earliest first
	// vague says what the times do not tell, and why.
	vague []string
	// dark are the steps that saw nothing though there is something to look at.
	dark []Step
}

// firstBad is since when data is wrong; zero: not known.
func (e evidence) firstBad() onset {
	for _, o := range e.onsets {
		if o.data {
			return o
		}
	}
	return onset{}
}

// turn is when it got bad: the first wave, or the first bad row where there is none.
func (e evidence) turn() onset {
	for _, o := range e.onsets {
		if o.data && o.wave {
			return o
		}
	}
	return e.firstBad()
}

// weighable is what was gathered, before it is sorted into signals.
type weighable struct {
	seen                  []stepSeen
	now                   time.Time
	logsFrom, changesFrom time.Time // how far back was looked
	// kinds of change that could be seen.
	kinds []look.Kind
	// told is since when data is wrong as earlier runs have told, and toldBy the check
	// that told it; zero: not known.
	told   time.Time
	toldBy string
}

// evidence sorts what was seen into signals.
func (w weighable) evidence() evidence {
	e := evidence{now: w.now, sights: map[Signal]sight{}}
	for _, s := range w.seen {
		if s.dark() {
			e.dark = append(e.dark, s.step)
		}
	}
	w.data(&e)
	w.events(&e)
	w.cache(&e)
	w.changes(&e)
	w.ended(&e)
	w.logs(&e)
	w.races(&e)
	e.trouble()
	if e.firstBad().at.IsZero() && w.holds(e) {
		w.began(&e, onset{at: w.told, what: "the first bad row of an earlier run", data: true, scope: WrongRows})
	}
	slices.SortStableFunc(e.onsets, func(a, b onset) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.what, b.what))
	})
	w.inView(&e)
	return e
}

// holds tells that what earlier runs have told of wrong rows may still be so: rows are
// wrong or not known, and the check that told it does not pass now. What was
// repaired since then has no cause.
func (w weighable) holds(e evidence) bool {
	if rows := e.sights[WrongRows]; rows.known && rows.count == 0 {
		return false
	}
	return !slices.ContainsFunc(w.step(Data).findings, func(f judged) bool {
		return f.Check == w.toldBy && f.Verdict == check.Pass
	})
}

func (w weighable) step(s Step) stepSeen {
	for _, one := range w.seen {
		if one.step == s {
			return one
		}
	}
	return stepSeen{step: s}
}

// began records since when something is wrong. A time in the future is a wrong
// clock or a planned date, and is not compared with anything.
func (w weighable) began(e *evidence, o onset) {
	switch {
	case o.at.IsZero():
	case o.at.After(w.now.Add(skew)):
		e.vague = append(e.vague, "The time of "+o.what+" lies in the future, so it is compared with nothing.")
	default:
		e.onsets = append(e.onsets, o)
	}
}

// past is a time that can be compared: zero if it lies in the future.
func (w weighable) past(t time.Time) time.Time {
	if t.After(w.now.Add(skew)) {
		return time.Time{}
	}
	return t
}

// trouble sums up whether there is anything to explain.
func (e *evidence) trouble() {
	all := sight{known: true}
	for _, s := range []Signal{WrongRows, BrokenKeys, DeadLetters, Lag, Stale, Checksums, Blocked} {
		all.count += e.sights[s].count
		all.known = all.known && e.sights[s].known
	}
	e.sights[Trouble] = all
}

// inView takes back that all changes are known, where data went bad before the time
// that was looked at.
func (w weighable) inView(e *evidence) {
	first := e.firstBad()
	if first.at.IsZero() || !first.at.Before(w.changesFrom) {
		return
	}
	for _, s := range []Signal{Migrations, Rollouts, ConfigEdits, Scalings, AnyChange, FailedMoves} {
		seen := e.sights[s]
		seen.known = false
		e.sights[s] = seen
	}
	e.vague = append(e.vague, "Data was bad before the time in which changes were looked for.")
}

// sum adds an item to a sight.
func (s *sight) add(i item) {
	s.count += i.count
	s.of += i.of
	s.items = append(s.items, i)
}

// facts of a kind in a step.
func (s stepSeen) ofKind(k look.Kind) []look.Fact {
	var out []look.Fact
	for _, f := range s.facts {
		if f.Kind == k {
			out = append(out, f)
		}
	}
	return out
}

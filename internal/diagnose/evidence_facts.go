package diagnose

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
)

// follows is how soon after a change its effects show.
const follows = 30 * time.Minute

// changes is what was changed, by kind.
func (w weighable) changes(e *evidence) {
	step := w.step(Changes)
	whole := slices.Contains(step.whole, "changes")
	all, failed := sight{known: whole}, sight{known: whole && slices.Contains(w.kinds, look.Migration)}
	for _, of := range []struct {
		kind   look.Kind
		signal Signal
	}{{look.Migration, Migrations}, {look.Rollout, Rollouts}, {look.ConfigEdit, ConfigEdits}, {look.Scaling, Scalings}} {
		one := sight{known: whole && slices.Contains(w.kinds, of.kind)}
		for _, f := range step.ofKind(of.kind) {
			if f.Count == 0 && f.At.IsZero() && f.Subject == "" { // looked for, and there is none
				one.known = true
				continue
			}
			i := w.change(f)
			if f.Kind == look.Migration && f.Failed {
				i.plain = "a failed migration"
				failed.add(i)
			} else {
				one.add(i)
			}
			all.add(i)
		}
		all.known = all.known && one.known
		e.sights[of.signal] = one
	}
	slices.SortStableFunc(all.items, func(a, b item) int { return a.first.Compare(b.first) })
	e.sights[AnyChange], e.sights[FailedMoves] = all, failed
}

func (w weighable) change(f look.Fact) item {
	says := f.Says
	if says == "" {
		says = string(f.Kind) + " of " + f.Subject
	}
	short, _, _ := strings.Cut(says, " (")
	short, _, _ = strings.Cut(short, ": ")
	return item{count: 1, first: w.past(f.At), name: f.Subject, says: says, short: short, plain: "a " + string(f.Kind)}
}

// ended are migrations at which wrong rows come to an end, though there were some all
// the time before. That is what one stroke over a table leaves: what was
// there is wrong, what came after is right, and the times of the rows tell when they
// were made. Rows that lie so far apart may end where they do by chance, so that
// the last has to be as near as three of them are to each other.
func (w weighable) ended(e *evidence) {
	of := e.sights[Migrations]
	moves := slices.Concat(of.items, e.sights[FailedMoves].items)
	ended := sight{known: of.known}
	for _, f := range w.step(Data).findings {
		first, last := w.past(f.Tally.First), w.past(f.Tally.Last)
		if f.Tally.Rows < enoughRows || first.IsZero() || last.IsZero() {
			continue
		}
		apart := last.Sub(first) / time.Duration(f.Tally.Rows-1)
		for _, m := range moves {
			if left := m.first.Sub(last); !m.first.IsZero() && m.first.Sub(first) > day && left >= -skew && left <= max(3*apart, skew) {
				m.check = titleOf(f.of)
				ended.add(m)
			}
		}
	}
	e.sights[Ended] = ended
}

// logs is what the lines of pods and the counters of databases say.
func (w weighable) logs(e *evidence) {
	step, events := w.step(Scope), w.step(Events)
	lines := sight{known: slices.Contains(step.whole, "logs")}
	fresh, conflicting := lines, lines
	for _, f := range step.ofKind(look.LogErrors) {
		i := w.lines(f)
		if i.count == 0 {
			continue
		}
		if conflictText().MatchString(f.Subject) {
			conflicting.add(i)
		}
		if w.afterChange(e, i) {
			fresh.add(i)
			w.began(e, onset{at: f.At, what: "a new error in the logs", scope: NewErrors})
		}
	}
	fresh.known = fresh.known && e.sights[AnyChange].known
	about := sight{known: slices.Contains(events.whole, "events logs")}
	for _, f := range events.ofKind(look.EventErrors) {
		if f.Count > 0 {
			about.add(w.lines(f))
		}
	}
	e.sights[NewErrors], e.sights[Conflicting], e.sights[EventErrors] = fresh, conflicting, about
	sums := w.counted(step, "db conflicts", look.Checksums)
	// A database that keeps no checksums counts none: every one counts deadlocks.
	sums.known = sums.known && len(step.ofKind(look.Checksums)) >= len(step.ofKind(look.Deadlocks))
	e.sights[Checksums] = sums
	e.sights[Deadlocks] = w.counted(step, "db conflicts", look.Deadlocks)
}

func (w weighable) lines(f look.Fact) item {
	return item{count: f.Count, of: f.Of, first: w.past(f.At), name: f.Subject, says: f.Says}
}

// conflictText are errors of writes that met each other: of PostgreSQL (40P01,
// 40001, 55P03, 23505) and of optimistic locking in JPA and Hibernate.
func conflictText() *regexp.Regexp {
	return regexp.MustCompile(`(?i)deadlock|could not serialize|concurrent update|lock (wait )?timeout|optimistic.?lock|stale.?object|duplicate key`)
}

// afterChange tells that lines of an error began with or soon after a change. An
// error that was there when the log begins may be older.
func (w weighable) afterChange(e *evidence, i item) bool {
	if !i.first.After(w.logsFrom.Add(skew)) {
		return false
	}
	for _, c := range e.sights[AnyChange].items {
		if lag, ok := c.lag(i.first); ok && lag >= -skew && lag <= follows {
			return true
		}
	}
	return false
}

// counted is what a look counts and also says when it is none: only such a fact
// tells that there is none, and only if the look saw everything.
func (w weighable) counted(step stepSeen, by string, kind look.Kind) sight {
	var s sight
	for _, f := range step.ofKind(kind) {
		s.known = slices.Contains(step.whole, by)
		s.add(item{count: f.Count, of: f.Of, first: w.past(f.At), name: f.Subject, says: f.Says})
	}
	return s
}

// The classes of the kind locks that are about waiting.
const (
	classBlocker = "blocker"
	classWaits   = "waits"
)

// races is what locks say, seen by a look or by the check of locks: the same
// sessions, so that the larger number counts. That nobody waits is known from the
// look, which sees everybody; a check that passes has seen nobody who waits too long,
// and counts only where there is no such look, and if every one answered.
func (w weighable) races(e *evidence) {
	step := w.step(Races)
	blocked := w.counted(step, "locks", look.Blocked)
	answered := len(step.findings) > 0
	for _, f := range step.findings {
		waiting := f.Tally.Classes[classWaits] + f.Tally.Classes[classBlocker]
		answered = answered && f.Verdict != check.Unknown
		if waiting > blocked.count {
			blocked.count = waiting
			blocked.items = []item{{count: waiting, check: titleOf(f.of), says: f.Result.Says}}
		}
	}
	if slices.Contains(step.without, "locks") {
		blocked.known = answered
	}
	e.sights[Blocked] = blocked
	writers := w.counted(step, "locks", look.Writers)
	together := sight{known: writers.known}
	for _, i := range writers.items {
		if i.count > 1 { // one session meets nobody
			together.add(i)
		}
	}
	e.sights[Writers] = together
}

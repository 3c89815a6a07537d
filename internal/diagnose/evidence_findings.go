package diagnose

import (
	"cmp"
	"maps"
	"slices"

	"github.com/integritybot/integritybot/internal/check"
)

// Where so much of a table is wrong, something went over all of it. The times of
// its rows then tell when they were made and not when they went bad.
const (
	wholeShare = 0.2
	wholeRows  = 50
)

// The classes of the kind foreign-keys.
const (
	classViolated = "violated"
	classNotValid = "not valid"
)

// data is what the checks of rows say.
func (w weighable) data(e *evidence) {
	step := w.step(Data)
	rows, whole := sight{known: true}, sight{known: true}
	unmatched, doubled := sight{known: true}, sight{known: true}
	var matching, doubling, plain bool
	for _, f := range step.findings {
		if f.of.Kind == kindForeignKeys {
			w.foreignKeys(e, f)
			continue
		}
		plain = true
		answered := f.Verdict != check.Unknown
		i := item{count: f.Tally.Rows, of: f.Result.Scanned, check: titleOf(f.of), first: w.past(f.Tally.First), last: w.past(f.Tally.Last)}
		rows.take(i, answered)
		switch f.of.Kind {
		case kindOrphans, kindMatch:
			matching = true
			unmatched.take(i, answered)
		case kindDuplicates, kindTotals:
			doubling = true
			doubled.take(i, answered)
		}
		if i.count >= wholeRows && float64(i.count) >= wholeShare*float64(i.of) && i.of > 0 {
			whole.add(item{count: 1, part: i.count, of: i.of, check: i.check})
			e.vague = append(e.vague, "So much of what "+i.check+" looks at is wrong that the times of its rows do not tell when they went bad.")
			continue
		}
		whole.known = whole.known && answered
		if i.count > 0 {
			w.began(e, onset{at: f.Tally.First, what: "the first bad row of " + i.check, data: true, scope: WrongRows})
			w.wave(e, f, onset{what: "bad rows of " + i.check, data: true, scope: WrongRows})
		}
	}
	rows.known, whole.known = rows.known && plain, whole.known && plain
	unmatched.known, doubled.known = unmatched.known && matching, doubled.known && doubling
	e.sights[WrongRows], e.sights[WholeTable] = rows, whole
	e.sights[Unmatched], e.sights[Doubled] = unmatched, doubled
	e.sights[Named] = w.named(step.findings)
}

// take adds what a check found. A check that did not answer may have found
// something before that; how much there is in all is then not known.
func (s *sight) take(i item, answered bool) {
	s.known = s.known && answered
	if i.count > 0 {
		s.add(i)
		return
	}
	s.of += i.of
}

func (w weighable) foreignKeys(e *evidence, f judged) {
	known := f.Verdict != check.Unknown
	violated, notValid := f.Tally.Classes[classViolated], f.Tally.Classes[classNotValid]
	broken, open := e.sights[BrokenKeys], e.sights[NotValid]
	if len(broken.items) == 0 && broken.of == 0 {
		broken.known, open.known = true, true
	}
	broken.take(item{count: violated, of: f.Result.Scanned, check: titleOf(f.of)}, known)
	open.take(item{count: notValid, check: titleOf(f.of)}, known)
	e.sights[BrokenKeys], e.sights[NotValid] = broken, open
	if violated > 0 {
		w.began(e, onset{at: f.Tally.First, what: "the first bad row of " + titleOf(f.of), data: true, scope: BrokenKeys})
	}
}

// named are the wrong rows that dead letters name, of the check of which they name
// most. It is known only if all rows and all letters were compared.
func (w weighable) named(rows []judged) sight {
	var best sight
	for _, l := range w.step(Events).findings {
		if l.of.Kind != kindLetters || l.Tally.Rows == 0 {
			continue
		}
		for _, r := range rows {
			n, of, compared := overlap(r, l)
			if r.Tally.Rows == 0 || !compared || best.known && n <= best.count {
				continue
			}
			best = sight{known: true, count: n, of: of, items: []item{{count: n, of: of, check: titleOf(r.of)}}}
		}
	}
	return best
}

// events is what the checks of streams say.
func (w weighable) events(e *evidence) {
	letters, lag := sight{known: true}, sight{known: true}
	var died, lags bool
	for _, f := range w.step(Events).findings {
		answered := f.Verdict != check.Unknown
		i := item{count: f.Tally.Rows, of: f.Result.Scanned, first: w.past(f.Tally.First), last: w.past(f.Tally.Last), check: titleOf(f.of), says: f.Result.Says}
		if f.of.Kind == kindLag {
			lags = true
			lag.take(i, answered)
			continue
		}
		died = true
		i.name, i.part = commonest(f.Tally.Classes)
		letters.take(i, answered)
		if i.count > 0 {
			w.began(e, onset{at: f.Tally.First, what: "the first dead letter", scope: DeadLetters})
			w.wave(e, f, onset{what: "dead letters", scope: DeadLetters})
		}
	}
	letters.known, lag.known = letters.known && died, lag.known && lags
	e.sights[DeadLetters], e.sights[Lag] = letters, lag
}

// The classes of the kind cache that are about what values say. The others are
// about when they expire.
const (
	classStale      = "stale"
	classGone       = "missing row"
	classUnreadable = "unreadable" // neither right nor stale
)

// cache is what the checks of caches say.
func (w weighable) cache(e *evidence) {
	stale, expiry := sight{known: true}, sight{known: true}
	findings := w.step(Cache).findings
	for _, f := range findings {
		answered := f.Verdict != check.Unknown
		differ, unreadable := f.Tally.Classes[classStale]+f.Tally.Classes[classGone], f.Tally.Classes[classUnreadable]
		title := titleOf(f.of)
		stale.take(item{count: differ, of: f.Result.Scanned, check: title}, answered && unreadable == 0)
		expiry.take(item{count: f.Tally.Rows - differ - unreadable, of: f.Result.Scanned, check: title}, answered)
		if differ > 0 {
			w.began(e, onset{at: f.Tally.First, what: "the first stale value of " + title, scope: Stale})
		}
	}
	stale.known, expiry.known = stale.known && len(findings) > 0, expiry.known && len(findings) > 0
	e.sights[Stale], e.sights[Expiry] = stale, expiry
}

// commonest class and how many there are of it; of equals the first by name.
func commonest(classes map[string]int64) (string, int64) {
	if len(classes) == 0 {
		return "", 0
	}
	name := slices.MinFunc(slices.Collect(maps.Keys(classes)), func(a, b string) int {
		return cmp.Or(cmp.Compare(classes[b], classes[a]), cmp.Compare(a, b))
	})
	return name, classes[name]
}

func titleOf(c check.Check) string { return cmp.Or(c.Title, c.Name) }

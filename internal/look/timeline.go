package look

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

// How far back a time line goes unless it is asked otherwise, how much before the
// first bad row it then begins, and how long one source may take.
const (
	timelineSince  = 24 * time.Hour
	timelineLead   = time.Hour
	sourcePatience = 30 * time.Second
)

// Source is one target that knows what was changed in it.
type Source struct {
	Place      string // where it is, for people: production
	Chronicler Chronicler
}

// TimeLine looks at what was changed in all sources: one time line, with the time
// of the first bad row in its place.
func TimeLine(sources []Source) Looker { return timeLine{sources} }

type timeLine struct{ sources []Source }

// answer is what one source said.
type answer struct {
	changes []Change
	missing []string
	err     error
}

// Look asks all sources at once. One that does not answer is said, and the others
// are shown.
func (l timeLine) Look(ctx context.Context, q Question, tell func(check.Progress)) (Report, error) {
	if len(l.sources) == 0 {
		return Report{}, &check.Problem{Sentence: "Nothing is in the config that knows what was changed: no Kubernetes, and no database with migrations."}
	}
	since := timelineBegin(q)
	answers := l.ask(ctx, since, tell)
	if err := ctx.Err(); err != nil && slices.IndexFunc(answers, func(a answer) bool { return a.err == nil }) < 0 {
		return Report{}, fmt.Errorf("looking for changes: %w", context.Cause(ctx))
	}
	line := chronology{since: since, firstBad: q.FirstBad.UTC()}
	answered := 0
	for i, a := range answers {
		if a.err == nil {
			answered++
		}
		line.add(l.sources[i].Place, a, len(l.sources) > 1)
	}
	if answered == 0 {
		return Report{}, unanswered(line.missing, answers[0].err)
	}
	line.sort()
	if q.NoRows {
		line.discreet()
	}
	return line.report(), nil
}

// timelineBegin is how far back is looked: as asked, or a day, and then at least
// to before the first bad row.
func timelineBegin(q Question) time.Time {
	if q.Since > 0 {
		return q.At.Add(-q.Since)
	}
	since := q.At.Add(-timelineSince)
	if before := q.FirstBad.Add(-timelineLead); !q.FirstBad.IsZero() && before.Before(since) {
		return before
	}
	return since
}

// ask asks all sources side by side, each for a bounded time.
func (l timeLine) ask(ctx context.Context, since time.Time, tell func(check.Progress)) []answer {
	answers := make([]answer, len(l.sources))
	var wait sync.WaitGroup
	var mu sync.Mutex
	done := int64(0)
	for i, s := range l.sources {
		wait.Go(func() {
			answers[i] = s.ask(ctx, since)
			mu.Lock()
			defer mu.Unlock()
			done++
			tell(check.Progress{Done: done, Total: int64(len(l.sources)), Reading: "changes"})
		})
	}
	wait.Wait()
	return answers
}

// ask asks one source. It leaves some of the whole time for the answer, so that one
// source that hangs does not cost the others.
func (s Source) ask(ctx context.Context, since time.Time) answer {
	patience := sourcePatience
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)*9/10)
	}
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	changes, missing, err := s.Chronicler.Changes(asking, since)
	if err != nil && asking.Err() != nil && ctx.Err() == nil {
		err = &check.Problem{Sentence: fmt.Sprintf("%s did not say in %s what was changed.", s.Place, patience.Round(time.Second)), Err: err}
	}
	return answer{changes, missing, err}
}

// unanswered is that not one source answered.
func unanswered(missing []string, err error) error {
	return &check.Problem{Sentence: strings.Join(missing, " "), Err: err}
}

// chronology is what was changed, in order.
type chronology struct {
	since, firstBad time.Time
	changes         []Change // the newest first
	missing         []string
}

// add takes what one source said.
func (l *chronology) add(place string, a answer, several bool) {
	missing := a.missing
	if a.err != nil {
		missing = []string{saying(a.err)}
	}
	for _, m := range missing {
		if several && a.err == nil && !strings.Contains(m, place) {
			m = place + ": " + m
		}
		l.missing = append(l.missing, m)
	}
	for _, c := range a.changes {
		if c.Place == "" {
			c.Place = place
		}
		c.At = c.At.UTC()
		l.changes = append(l.changes, c)
	}
}

// saying is what an error tells people.
func saying(err error) string {
	if p := (*check.Problem)(nil); errors.As(err, &p) {
		return p.Sentence
	}
	return "It was stopped before an answer came."
}

// sort puts the newest first; what happened at the same time has an order, too.
func (l *chronology) sort() {
	slices.SortFunc(l.changes, func(a, b Change) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(a.What+a.Says+a.Place, b.What+b.Says+b.Place)
	})
}

// closest is the change that came last before the first bad row.
func (l *chronology) closest() (Change, bool) {
	if l.firstBad.IsZero() {
		return Change{}, false
	}
	for _, c := range l.changes {
		if !c.At.After(l.firstBad) {
			return c, true
		}
	}
	return Change{}, false
}

// discreet leaves what happened and drops from what to what: settings are nobody's
// business in a channel that is shared with another organisation.
func (l *chronology) discreet() {
	for i := range l.changes {
		c := &l.changes[i]
		c.Says, _, _ = strings.Cut(c.Says, ": ")
		c.Differences = nil
	}
}

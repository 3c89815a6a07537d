package diagnose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// lookUp is how long the store may take to say what was found recently.
const lookUp = 3 * time.Second

// run runs the checks of a step, and takes what recent runs of data checks found.
// Checks that were not finished in time are UNKNOWN; the finished ones count.
func (d *doctor) run(ctx context.Context, within time.Duration, step Step, checks []check.Check) stepSeen {
	if len(checks) == 0 {
		return stepSeen{lacking: []string{lack(step)}}
	}
	var out stepSeen
	order := map[string]int{}
	for i, c := range checks {
		order[c.Name] = i
	}
	if step == Data {
		out.findings = d.recent(ctx, checks)
		checks = slices.DeleteFunc(slices.Clone(checks), func(c check.Check) bool {
			return slices.ContainsFunc(out.findings, func(f judged) bool { return f.Check == c.Name })
		})
	}
	out.findings = append(out.findings, d.execute(ctx, within, checks)...)
	slices.SortFunc(out.findings, func(a, b judged) int { return cmp.Compare(order[a.Check], order[b.Check]) })
	return out
}

// lack is what the config does not declare.
func lack(s Step) string {
	switch s {
	case Events:
		return "a check of consumer lag or dead letters"
	case Cache:
		return "a check of a cache"
	case Races:
		return "a check of locks"
	case Scope, Data, Changes:
	}
	return "a data check of this domain"
}

// recent are findings of data checks that are young enough.
func (d *doctor) recent(ctx context.Context, checks []check.Check) (out []judged) {
	if d.Last == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookUp)
	defer cancel()
	defer func() { // then all is read again
		if v := recover(); v != nil {
			d.panicked("recent runs", v)
			out = nil
		}
	}()
	var names []string
	byName := check.Catalog(checks).ByName()
	for _, c := range checks {
		names = append(names, c.Name)
	}
	found, err := d.Last(ctx, names, reusable)
	if err != nil {
		return nil // reading again gives the same, only later
	}
	now := d.Now()
	for _, f := range found {
		c, known := byName[f.Check]
		age := now.Sub(f.Started.Add(f.Duration))
		if !known || f.Verdict == check.Unknown || age > reusable || age < -skew {
			continue
		}
		delete(byName, f.Check)
		out = append(out, judged{Finding: f.Finding, of: c, run: f.Run, keys: shownKeys(f.Finding)})
	}
	return out
}

// execute runs checks to their findings, one for each of them.
func (d *doctor) execute(ctx context.Context, within time.Duration, checks []check.Check) []judged {
	if len(checks) == 0 {
		return nil
	}
	kept, live := newMemory(), &latest{}
	done := make(chan error, 1)
	go func() {
		found, err := check.Execute(ctx, check.Execution{
			// Dead letters by their error, whatever the check's own sorting is.
			Order: check.Order{Options: check.Options{GroupBy: "error"}}, Checks: checks, Journal: kept, Now: d.Now,
			OnProgress: func(_ map[string]check.Progress, found []check.Finding) { live.set(found) },
			OnPanic:    d.OnPanic,
		})
		live.set(found)
		done <- err // the context's end; what was found until then is there
	}()
	_, _ = await(ctx, d.Grace, done) // whatever it says: what was found counts, and the rest is UNKNOWN
	return conclude(checks, live.get(), kept, late(ctx, within))
}

// conclude gives every check its finding; one that has none is UNKNOWN.
func conclude(checks []check.Check, found []check.Finding, kept *memory, late string) []judged {
	var out []judged
	for _, c := range checks {
		at := slices.IndexFunc(found, func(f check.Finding) bool { return f.Check == c.Name })
		if at < 0 {
			out = append(out, judged{of: c, Finding: check.Finding{
				Check: c.Name, Verdict: check.Unknown, Reason: late + " Run it by itself: check " + c.Name + ".",
			}})
			continue
		}
		out = append(out, judged{Finding: found[at], of: c, keys: kept.of(found[at])})
	}
	return out
}

// latest is what a run has found so far, for when it does not come to its end.
type latest struct {
	mu    sync.Mutex
	found []check.Finding
}

func (l *latest) set(found []check.Finding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(found) >= len(l.found) {
		l.found = found
	}
}

func (l *latest) get() []check.Finding {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found
}

// await waits for an answer until the context's end, and then for a grace: who is
// asked may still say how far it came. One that hangs is left alone.
func await[T any](ctx context.Context, grace time.Duration, answers <-chan T) (answer T, ok bool) {
	select {
	case answer = <-answers:
		return answer, true
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	select {
	case answer = <-answers:
		return answer, true
	case <-ctx.Done():
		return answer, false
	}
}

// late says that something was not finished within its time.
func late(ctx context.Context, within time.Duration) string {
	if errors.Is(ctx.Err(), context.Canceled) {
		return "It was not finished when the diagnosis was stopped."
	}
	return "It did not finish within the " + phrase.Duration(within) + " that a diagnosis gives it."
}

func (d *doctor) panicked(source string, value any) {
	if d.OnPanic != nil {
		d.OnPanic(source, value, debug.Stack())
	}
}

// sentence is what people read of an error.
func sentence(err error) string {
	var p *check.Problem
	if errors.As(err, &p) {
		return p.Sentence
	}
	return "It could not be read; the log says why."
}

// reused says which run a finding is from and how old it is.
func (j judged) reused(now time.Time) string {
	if j.run == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s, %s ago)", check.Ref(j.run), phrase.Age(now.Sub(j.Started.Add(j.Duration))))
}

// sort puts what came in any order into a stable one.
func (s *stepSeen) sort() {
	slices.Sort(s.missing)
	slices.Sort(s.lacking)
	slices.Sort(s.done)
	slices.SortStableFunc(s.facts, func(a, b look.Fact) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), a.At.Compare(b.At), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Says, b.Says))
	})
}

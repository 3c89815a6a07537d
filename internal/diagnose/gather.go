package diagnose

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
)

// source is one thing to look at within a step. It gives what it saw, also where
// that is nothing because it did not answer.
type source struct {
	step Step
	look func(ctx context.Context, within time.Duration) stepSeen
}

// gather looks at all steps at once, each source with its step's time, and gives
// one entry for each step, in order.
func (d *doctor) gather(ctx context.Context, q look.Question, chosen map[Step][]check.Check, tell func(check.Progress)) []stepSeen {
	sources := d.sources(q, chosen)
	board := newSteps(sources, tell)
	board.publish()
	limit := d.Parallel
	if limit <= 0 {
		limit = max(1, len(sources))
	}
	free := make(chan struct{}, limit)
	var all sync.WaitGroup
	for _, s := range sources {
		all.Go(func() {
			free <- struct{}{} // a source gives its place back within its deadline and the grace
			defer func() { <-free }()
			began := d.Now()
			timed, cancel := context.WithTimeout(ctx, d.deadline(s.step))
			defer cancel()
			seen := s.look(timed, d.deadline(s.step))
			seen.took = d.Now().Sub(began)
			board.add(s.step, seen)
		})
	}
	all.Wait()
	return board.seen()
}

// sources are what is looked at, and in which step.
func (d *doctor) sources(q look.Question, chosen map[Step][]check.Check) []source {
	var out []source
	asks := func(step Step, name string, since time.Duration) {
		asked := look.Question{Domain: q.Domain, Since: since, NoRows: q.NoRows, At: q.At, FirstBad: q.FirstBad}
		out = append(out, source{step, func(ctx context.Context, within time.Duration) stepSeen {
			return d.ask(ctx, within, name, asked)
		}})
	}
	asks(Scope, "logs", d.logsSince(q))
	asks(Scope, "db conflicts", 0)
	asks(Events, "events logs", d.logsSince(q))
	asks(Changes, "changes", d.changesSince(q))
	asks(Races, "locks", 0)
	for _, step := range []Step{Data, Events, Cache, Races} {
		out = append(out, source{step, func(ctx context.Context, within time.Duration) stepSeen {
			return d.run(ctx, within, step, chosen[step])
		}})
	}
	return out
}

// ask puts one look's question. A look that hangs is left alone, and a panic in it
// is its own trouble.
func (d *doctor) ask(ctx context.Context, within time.Duration, name string, q look.Question) stepSeen {
	l, ok := d.Looks[name]
	if !ok || l.Looker == nil {
		why := name
		if l.Off != "" {
			why += " (" + strings.TrimSuffix(l.Off, ".") + ")"
		}
		return stepSeen{lacking: []string{why}, without: []string{name}}
	}
	if l.Timeout > 0 && l.Timeout < within {
		within = l.Timeout
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, within)
		defer cancel()
	}
	answers := make(chan stepSeen, 1)
	go func() { answers <- d.answer(ctx, within, l, q) }()
	seen, ok := await(ctx, d.Grace, answers)
	if !ok {
		return stepSeen{missing: []string{titled(l) + ": " + late(ctx, within)}}
	}
	return seen
}

// answer is what a look says, in the words of a step.
func (d *doctor) answer(ctx context.Context, within time.Duration, l look.Look, q look.Question) (seen stepSeen) {
	defer func() {
		if v := recover(); v != nil {
			d.panicked(l.Name, v)
			seen = stepSeen{missing: []string{titled(l) + ": this look failed inside the bot; the log says why."}}
		}
	}()
	report, err := l.Looker.Look(ctx, q, func(check.Progress) {})
	switch {
	case err != nil && ctx.Err() != nil:
		return stepSeen{missing: []string{titled(l) + ": " + late(ctx, within)}}
	case err != nil:
		return stepSeen{missing: []string{titled(l) + ": " + sentence(err)}}
	}
	seen = stepSeen{facts: report.Facts, done: []string{l.Name}}
	for _, m := range report.Missing {
		seen.missing = append(seen.missing, titled(l)+": "+m)
	}
	if len(report.Missing) == 0 {
		seen.whole = []string{l.Name}
	}
	return seen
}

func titled(l look.Look) string {
	if l.Title != "" {
		return l.Title
	}
	return l.Name
}

// board collects what steps have seen so far.
type board struct {
	mu    sync.Mutex
	tell  func(check.Progress)
	steps map[Step]*stepSeen
	left  map[Step]int // sources
}

func newSteps(sources []source, tell func(check.Progress)) *board {
	b := &board{tell: tell, steps: map[Step]*stepSeen{}, left: map[Step]int{}}
	for _, s := range Steps() {
		b.steps[s] = &stepSeen{step: s}
	}
	for _, s := range sources {
		b.left[s.step]++
	}
	return b
}

// add takes what one source saw. A step took as long as its slowest source.
func (b *board) add(step Step, seen stepSeen) {
	b.mu.Lock()
	s := b.steps[step]
	s.findings = append(s.findings, seen.findings...)
	s.facts = append(s.facts, seen.facts...)
	s.done = append(s.done, seen.done...)
	s.whole = append(s.whole, seen.whole...)
	s.missing = append(s.missing, seen.missing...)
	s.lacking = append(s.lacking, seen.lacking...)
	s.without = append(s.without, seen.without...)
	s.took = max(s.took, seen.took)
	b.left[step]--
	b.mu.Unlock()
	b.publish()
}

// publish tells how many steps are done and what is still looked at.
func (b *board) publish() {
	if b.tell == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var open []string
	for _, s := range Steps() {
		if b.left[s] > 0 {
			open = append(open, strings.ToLower(s.title()))
		}
	}
	all := len(Steps())
	text := "steps done"
	if len(open) > 0 {
		text += ": still looking at " + strings.Join(open, ", ")
	}
	b.tell(check.Progress{Done: int64(all - len(open)), Total: int64(all), Reading: text})
}

// seen is every step, in order; what it lists is in a stable order too.
func (b *board) seen() []stepSeen {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []stepSeen
	for _, s := range Steps() {
		b.steps[s].sort()
		out = append(out, *b.steps[s])
	}
	return out
}

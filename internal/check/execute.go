package check

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Execution is one run being carried out by this process.
type Execution struct {
	Order   Order
	Checks  []Check // in the order they are shown
	Journal Journal
	Now     func() time.Time
	// OnProgress is told how far each check is and what is already found. It is
	// called from several goroutines, one at a time, and must not block.
	OnProgress func(map[string]Progress, []Finding)
	// OnPanic is told of a panic inside a detector, with its stack, for the log.
	OnPanic func(check string, value any, stack []byte)
	// Unmasked shows row data as it is: for a person at a shell with their own
	// rights to the database. Never for Slack.
	Unmasked bool
}

// fullSpeedChecks is how many checks of one target go on side by side at full
// speed. The target bounds the statements; this only keeps it from standing idle
// while a check waits, as for its second look.
const fullSpeedChecks = 4

// Execute runs the checks: side by side over targets, and within a target one
// after another, so that a database is read by one check at a time. At full
// speed some of a target go on side by side and share the statements that it
// allows at once. It goes on from what the journal holds.
//
// The error is ErrFenced, a journal that cannot be written, or the context's
// end; what was found until then is returned with it. A check that cannot
// answer is no error but a finding with the verdict UNKNOWN.
func Execute(ctx context.Context, e Execution) ([]Finding, error) {
	board := &board{progress: map[string]Progress{}, notify: e.OnProgress}
	for _, c := range e.Checks {
		board.order = append(board.order, c.Name)
	}
	byTarget := map[string][]Check{}
	for _, c := range e.Checks {
		byTarget[c.Target] = append(byTarget[c.Target], c)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, checks := range byTarget {
		g.Go(func() error { return e.target(ctx, checks, board) })
	}
	err := g.Wait()
	return board.findings(), err
}

// target runs the checks of one target, begun in their order.
func (e Execution) target(ctx context.Context, checks []Check, board *board) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(1)
	if e.Order.Options.Full {
		g.SetLimit(fullSpeedChecks)
	}
	for _, c := range checks {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			f, err := e.one(ctx, c, board)
			if err != nil {
				return fmt.Errorf("check %s: %w", c.Name, err)
			}
			board.done(f)
			return nil
		})
	}
	return g.Wait()
}

// one runs one check to its finding.
func (e Execution) one(ctx context.Context, c Check, board *board) (Finding, error) {
	state, err := e.Journal.Resume(ctx, c.Name)
	if err != nil {
		return Finding{}, err
	}
	if state.Finding != nil {
		return *state.Finding, nil
	}
	rec := &recorder{check: c, state: state, exec: e, board: board}
	if state.Started.IsZero() {
		rec.state.Started = e.Now()
	}
	result, err := e.detect(ctx, c, rec)
	if rec.failed != nil { // the journal, not the data: no verdict at all
		return Finding{}, rec.failed
	}
	if ctx.Err() != nil {
		return Finding{}, context.Cause(ctx)
	}
	finding := rec.conclude(result, err, e.Now())
	rec.state.Finding = &finding
	if err := rec.save(ctx, nil); err != nil {
		return Finding{}, err
	}
	return finding, nil
}

// detect calls the detector with its deadline and a guard against panics.
func (e Execution) detect(ctx context.Context, c Check, rec *recorder) (result Result, err error) {
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		left := c.Timeout - e.Now().Sub(rec.state.Started)
		ctx, cancel = context.WithTimeout(ctx, max(left, time.Second))
		defer cancel()
	}
	defer func() {
		if v := recover(); v != nil {
			if e.OnPanic != nil {
				e.OnPanic(c.Name, v, debug.Stack())
			}
			err = &Problem{Sentence: "This check failed inside the bot; the log says why.", Err: fmt.Errorf("panic: %v", v)}
		}
	}()
	if c.Detector == nil {
		return Result{}, &Problem{Sentence: "Its target is off: the config gives no address for " + c.Target + "."}
	}
	result, err = c.Detector.Detect(ctx, e.Order.Options, rec.state.Cursor, rec)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = &Problem{Sentence: fmt.Sprintf("It did not finish in %s. Try --full, or give the check a longer timeout in the config.", c.Timeout), Err: err}
	}
	return result, err
}

// board keeps what is shown while a run goes on.
type board struct {
	mu       sync.Mutex
	order    []string
	progress map[string]Progress
	found    []Finding
	notify   func(map[string]Progress, []Finding)
}

func (b *board) tell(check string, p Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.progress[check] = p
	b.publish()
}

func (b *board) done(f Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.progress, f.Check)
	b.found = append(b.found, f)
	b.publish()
}

// publish hands out copies. Called with the lock held.
func (b *board) publish() {
	if b.notify == nil {
		return
	}
	progress := make(map[string]Progress, len(b.progress))
	for name, p := range b.progress {
		progress[name] = p
	}
	b.notify(progress, b.sorted())
}

func (b *board) findings() []Finding {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sorted()
}

func (b *board) sorted() []Finding {
	found := slices.Clone(b.found)
	slices.SortFunc(found, func(x, y Finding) int {
		return slices.Index(b.order, x.Check) - slices.Index(b.order, y.Check)
	})
	return found
}

package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
)

const (
	// targetPause lies between two questions to a target that does not answer.
	targetPause = 2 * time.Second
	// applyTries is how often a batch is tried that its living target refused.
	applyTries = 3
)

// Busy is an applier that can tell why its target should be left alone for a
// moment; empty: it need not.
type Busy interface {
	Busy(ctx context.Context) (why string, err error)
}

// turn is one batch in one pass.
type turn struct{ batch, pass int }

// applying is one plan being carried out by this process.
type applying struct {
	r       *run
	plan    fix.Plan
	from    fix.State // what the store says of it
	content fix.Content
	batches []fix.Batch
	applier fix.Applier

	mu      sync.Mutex
	done    map[turn]fix.Result
	waiting string // why nothing is done at the moment
	// unknown: the target did not tell what became of the last batch.
	unknown bool
}

// remember reads what the target recorded. It goes on asking while the target
// does not answer: nobody guesses.
func (a *applying) remember(ctx context.Context) *verdictError {
	giveUp := time.Now().Add(a.r.w.opts.TargetWithin)
	for {
		var results []fix.Result
		err := a.call(ctx, func(ctx context.Context) (err error) {
			results, err = a.applier.Applied(ctx, a.plan.ID)
			return err
		})
		if err == nil {
			for _, one := range results {
				a.note(one)
			}
			a.wait("")
			a.unknown = false
			return nil
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // whoever called looks at the context
		}
		a.r.log.Warn("target does not say what it recorded", "plan", a.plan.Ref(), "error", err)
		if time.Now().After(giveUp) || a.r.stoppedBy() != "" {
			a.unknown = true
			return &verdictError{sentence: sentenceOf(err) + " So it is not known whether the last batch took effect; what is counted here is what the target had confirmed before."}
		}
		a.wait(sentenceOf(err))
		pause(ctx, targetPause)
	}
}

// passes makes every batch once, and then tries again what was locked or still
// referred to. Between two batches it may be stopped.
func (a *applying) passes(ctx context.Context) *verdictError {
	ctx, cancel := context.WithTimeoutCause(ctx, a.r.left(), errDeadline)
	defer cancel()
	showing := a.show(ctx)
	defer func() { cancel(); <-showing }()
	for pass := 1; pass <= 2; pass++ {
		for _, b := range a.batches {
			only, due := a.due(b, pass)
			if !due {
				continue
			}
			if why := a.between(ctx); why != nil {
				return why
			}
			if why := a.batch(ctx, b, pass, only); why != nil {
				return why
			}
		}
	}
	return nil
}

// due tells whether a batch has something to do in a pass, and in the second
// one which of its changes.
func (a *applying) due(b fix.Batch, pass int) (only []int, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.done[turn{b.N, pass}]; ok {
		return nil, false
	}
	if pass == 1 {
		return nil, true
	}
	only = a.done[turn{b.N, 1}].Again()
	return only, len(only) > 0
}

// between is what may happen between two batches: the plan is stopped, its time
// is over, or the target has more important things to do.
func (a *applying) between(ctx context.Context) *verdictError {
	for {
		switch {
		case a.r.stoppedBy() != "":
			return &verdictError{sentence: "It was stopped; the changes that are counted here stay, and the others were not made."}
		case errors.Is(context.Cause(ctx), errDeadline):
			return &verdictError{sentence: fmt.Sprintf("It was not finished after %s; the changes that are counted here stay, and the others were not made.", a.r.w.opts.RunTimeout)}
		case ctx.Err() != nil:
			return &verdictError{sentence: "It was interrupted."} // by the end of this process: another one goes on
		}
		busy, ok := a.applier.(Busy)
		if !ok {
			return nil
		}
		var why string
		err := a.call(ctx, func(ctx context.Context) (err error) {
			why, err = busy.Busy(ctx)
			return err
		})
		if why == "" || err != nil { // a target that does not answer shows itself at the batch
			a.wait("")
			return nil //nolint:nilerr // see above
		}
		a.wait(why)
		pause(ctx, time.Second)
	}
}

// batch makes one batch. If the target refuses it, although it answers, it is
// tried again a few times; if it does not answer, until it does.
func (a *applying) batch(ctx context.Context, b fix.Batch, pass int, only []int) *verdictError {
	for try := 1; ; try++ {
		result, err := a.applier.Apply(ctx, a.plan, a.content.Forms, b, pass, only)
		if err == nil {
			a.note(result)
			return nil
		}
		if ctx.Err() != nil {
			return a.between(ctx)
		}
		a.r.log.Warn("batch not applied", "plan", a.plan.Ref(), "batch", b.N, "pass", pass, "try", try, "error", err)
		if why := a.remember(ctx); why != nil {
			return why
		}
		if _, todo := a.due(b, pass); !todo {
			return nil // it did take effect
		}
		if ctx.Err() == nil && try >= applyTries {
			return &verdictError{sentence: sentenceOf(err) + " The changes that are counted here stay, and the others were not made."}
		}
		pause(ctx, time.Duration(try)*a.r.w.opts.Beat)
	}
}

// call bounds one question to the target, so that one that hangs is one that
// does not answer. How long a batch may take only the applier knows.
func (a *applying) call(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, a.r.w.opts.CallWithin)
	defer cancel()
	return do(ctx)
}

func (a *applying) note(result fix.Result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done[turn{result.Batch, result.Pass}] = result
}

func (a *applying) wait(why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = why
}

package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
)

const (
	// targetPause lies between two questions to a target that does not answer.
	targetPause = 2 * time.Second
	// applyTries is how often a batch is tried that its living target refused.
	applyTries = 3

	restNotMade = "The changes that are counted here stay, and the others were not made."
	storeSilent = "The bot's own store does not answer."
)

// turn is one batch in one pass.
type turn struct{ batch, pass int }

// applying is one plan being carried out by this process.
type applying struct {
	r       *run
	plan    fix.Plan
	from    fix.State // what the store says of it
	content fix.Content
	batches []fix.Batch
	claims  []fix.Claim
	applier fix.Applier
	told    []fix.Result // what the target said last that it recorded
	unnoted []fix.Batch  // made, and perhaps not in the ledger yet

	mu      sync.Mutex
	done    map[turn]fix.Result
	waiting string // why nothing is done at the moment
	// unknown: the target did not tell what became of the last batch.
	unknown bool
}

// passes makes every batch once, and then tries again what was locked or still
// referred to. Between two batches it may be stopped, and after the last one the
// target may want to see how they are taken.
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
			if why := a.batch(ctx, b, pass, only); why != nil {
				return why
			}
		}
	}
	return a.between(ctx, nil)
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

// between is what may happen before the next batch, or after the last one (nil):
// the plan is stopped, its time is over, or the target has more important things to
// do or has seen enough.
func (a *applying) between(ctx context.Context, next *fix.Batch) *verdictError {
	patient, ok := a.applier.(fix.Patient)
	giveUp := time.Now().Add(a.r.w.opts.TargetWithin)
	for {
		if why := a.over(ctx, next); why != nil || !ok {
			return why
		}
		var why string
		sofar := a.plan
		sofar.Outcome = fix.Sum(a.plan.Draft, a.content.Forms, a.batches, a.results())
		err := a.call(ctx, func(ctx context.Context) (err error) {
			why, err = patient.Busy(ctx, sofar, a.content.Forms, next)
			return err
		})
		if halted := haltOf(err); halted != nil {
			return halted
		}
		switch {
		case err == nil && why != "":
			giveUp = time.Now().Add(a.r.w.opts.TargetWithin) // it answers
		case err == nil || next != nil && !a.sends(): // a target that does not answer shows itself at the batch
			a.wait("")
			return nil
		case time.Now().After(giveUp) && next == nil:
			return &verdictError{sentence: sentenceOf(err) + " All that is counted here was done, but nobody saw how it was taken."}
		case time.Now().After(giveUp): // nobody knows how what was sent is taken
			return &verdictError{sentence: sentenceOf(err) + " " + restNotMade}
		default:
			why = sentenceOf(err)
		}
		a.wait(why)
		pause(ctx, time.Second)
	}
}

// over says why nothing more is done, if so.
func (a *applying) over(ctx context.Context, next *fix.Batch) *verdictError {
	rest := "the changes that are counted here stay, and the others were not made."
	if next == nil {
		rest = "all that is counted here was done, but how it was taken was not watched to the end."
		if slices.ContainsFunc(a.content.Forms, func(f fix.Form) bool { return f.Op == fix.Create }) {
			rest = "what it started goes on, and was not watched to its end."
		}
	}
	switch {
	case a.r.stoppedBy() != "":
		return &verdictError{sentence: "It was stopped; " + rest}
	case errors.Is(context.Cause(ctx), errDeadline):
		return &verdictError{sentence: fmt.Sprintf("It was not finished after %s; %s", a.r.w.opts.RunTimeout, rest)}
	case ctx.Err() != nil:
		return &verdictError{sentence: "It was interrupted."} // by the end of this process: another one goes on
	}
	return nil
}

// haltOf is the end of a plan that its target does not want to go on with.
func haltOf(err error) *verdictError {
	var halt *fix.Halt
	if errors.As(err, &halt) {
		return &verdictError{sentence: halt.Sentence}
	}
	return nil
}

// batch makes one batch. If the target refuses it, although it answers, it is
// tried again a few times; if it does not answer, until it does; and if it wants
// the plan to end, never. Before each try the target may want to wait.
func (a *applying) batch(ctx context.Context, b fix.Batch, pass int, only []int) *verdictError {
	for try := 1; ; try++ {
		if why := a.between(ctx, &b); why != nil {
			return why
		}
		if why := a.still(ctx, b); why != nil {
			return why
		}
		result, err := a.applier.Apply(ctx, a.plan, a.content.Forms, b, pass, only)
		if err == nil {
			a.made(ctx, b, result)
			return nil
		}
		if ctx.Err() != nil {
			return a.over(ctx, &b)
		}
		a.r.log.Warn("batch not applied", "plan", a.plan.Ref(), "batch", b.N, "pass", pass, "try", try, "error", err)
		if halted := haltOf(err); halted != nil {
			return halted
		}
		if why := a.remember(ctx); why != nil {
			return why
		}
		if _, todo := a.due(b, pass); !todo {
			return nil // it did take effect
		}
		if errors.Is(err, fix.ErrAgain) {
			try-- // it was not refused
		}
		if try >= applyTries && ctx.Err() == nil {
			return &verdictError{sentence: sentenceOf(err) + " " + restNotMade}
		}
		pause(ctx, time.Duration(max(try, 1))*a.r.w.opts.Beat)
	}
}

// made notes what became of a batch. A ledger that does not take it now has to
// before the next batch is sent.
func (a *applying) made(ctx context.Context, b fix.Batch, result fix.Result) {
	a.note(result)
	a.unnoted = append(slices.Clip(a.unnoted), b)
	if err := a.noteSent(ctx); err != nil && ctx.Err() == nil {
		a.r.log.Warn("what was sent is not noted yet", "plan", a.plan.Ref(), "batch", b.N, "error", err)
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

package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/store"
)

// Why a run's context ended.
var (
	errStopped  = errors.New("a person stopped the run")
	errDeadline = errors.New("the run's time is over")
	errSilent   = errors.New("the store did not prolong the lease in time")
)

// releaseWithin bounds giving a run back while the process ends.
const releaseWithin = 3 * time.Second

// run is one run that this process carries.
type run struct {
	w     *Worker
	claim store.Claim
	log   *slog.Logger
	board board

	exported *check.Exported // what an export gave
	looked   *look.Report    // what a look saw
	lost     func(error)     // ends a run that works for a plan, because of that

	mu     sync.Mutex
	stopBy string // set before errStopped
}

// carry takes a run and carries it to its end, or as far as it gets. An error
// means that the job has to be tried again.
func (w *Worker) carry(ctx context.Context, id int64) error {
	claim, err := w.store.Claim(ctx, id, w.opts.Holder, w.opts.Lease)
	if errors.Is(err, check.ErrFenced) {
		return nil // over, or with somebody else, who is watched by the sweep
	}
	if err != nil {
		return err
	}
	r := &run{w: w, claim: claim, log: w.log.With("run", claim.Run.Ref(), "epoch", claim.Epoch)}
	r.log.Info("run taken", "crashes", claim.Crashes)
	switch claim.Run.Step {
	case check.StepPlan:
		return r.carryPlan(ctx, r.workOut)
	case check.StepApply:
		return r.carryPlan(ctx, r.apply)
	case check.StepExport:
		return r.carry(ctx, r.export)
	case check.StepLook:
		return r.carry(ctx, r.look)
	case check.StepVerify:
	}
	return r.carry(ctx, r.execute)
}

// carry does what a run is for under the lease and records how it ended.
func (r *run) carry(outer context.Context, do func(context.Context) ([]check.Finding, error)) error {
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	beating := r.beat(ctx, cancel)
	findings, err := r.guarded(ctx, do)
	reason := context.Cause(ctx)
	if err != nil && reason == nil {
		reason = err
	}
	defer func() { cancel(nil); <-beating }()
	switch {
	case err == nil:
		return r.end(outer, check.Done, "", findings)
	case errors.Is(reason, check.ErrFenced), errors.Is(reason, errSilent):
		r.log.Warn("run lost to another process", "reason", reason)
		return nil
	case errors.Is(reason, errStopped):
		return r.end(outer, check.Stopped, "", findings)
	case outer.Err() != nil:
		return r.giveBack(outer)
	}
	var final *verdictError
	if errors.As(reason, &final) {
		return r.refuse(outer, final, findings)
	}
	// The journal could not be written. The lease runs out, the sweep offers the
	// run again, and it goes on from what is saved.
	r.log.Error("run interrupted", "error", reason)
	return fmt.Errorf("carry run %s: %w", r.claim.Run.Ref(), reason)
}

// guarded turns a panic into the end of this run only.
func (r *run) guarded(ctx context.Context, do func(context.Context) ([]check.Finding, error)) (findings []check.Finding, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = r.panicked(v)
		}
	}()
	if by := r.claim.Run.StoppedBy; by != "" {
		r.stop(by)
		return r.claim.Run.Findings, errStopped
	}
	if r.claim.Crashes > r.w.opts.Crashes {
		return r.claim.Run.Findings, &verdictError{sentence: fmt.Sprintf("%d processes of the bot ended while they were at it, so it is not tried again.", r.claim.Crashes)}
	}
	if err := r.mayStill(ctx); err != nil {
		return nil, err
	}
	return do(ctx)
}

// execute runs the checks, with the head message following.
func (r *run) execute(ctx context.Context) ([]check.Finding, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.left(), errDeadline)
	defer cancel()
	r.settleFirst(ctx, r.targets()) // what plans have sent is not failing any more
	showing := r.show(ctx)
	findings, err := check.Execute(ctx, check.Execution{
		Order: r.claim.Run.Order, Checks: r.w.declared(r.claim.Run.Checks),
		Journal: r.w.store.Journal(r.claim.Run.ID, r.claim.Epoch),
		Now:     r.w.opts.Now, OnProgress: r.board.set,
		OnPanic: func(name string, value any, stack []byte) {
			r.log.Error("panic in a check", "check", name, "panic", value, "stack", string(stack))
		},
	})
	late := errors.Is(context.Cause(ctx), errDeadline)
	cancel()
	<-showing
	if err != nil && late {
		err = &verdictError{sentence: fmt.Sprintf("It was not finished after %s.", r.w.opts.RunTimeout)}
	}
	return findings, err
}

// left is what is left of the run's time, over all processes that had it.
func (r *run) left() time.Duration {
	return max(r.w.opts.RunTimeout-r.w.opts.Now().Sub(r.claim.Run.Started), time.Second)
}

// panicked makes a verdict of a panic, for a deferred call.
func (r *run) panicked(v any) *verdictError {
	r.log.Error("panic in a run", "panic", v, "stack", string(debug.Stack()))
	return &verdictError{sentence: "It failed inside the bot; the log says why, under " + r.claim.Run.Ref() + "."}
}

// giveBack lets another process go on at once.
func (r *run) giveBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	if err := r.w.store.Release(ctx, r.claim.Run.ID, r.claim.Epoch); err != nil {
		return err
	}
	r.log.Info("run given back")
	return nil
}

// declared finds the declarations of a run's checks as they are today.
func (w *Worker) declared(names []string) []check.Check {
	checks := make([]check.Check, len(names))
	for i, name := range names {
		c, ok := w.checks[name]
		if !ok {
			c = check.Check{Name: name, Title: name, Detector: gone{}}
		}
		checks[i] = c
	}
	return checks
}

// gone stands for a check that was taken out of the config after it was asked for.
type gone struct{}

// Detect implements check.Detector.
func (gone) Detect(context.Context, check.Options, check.Cursor, check.Recorder) (check.Result, error) {
	return check.Result{}, &check.Problem{Sentence: "This check is no longer in the config."}
}

package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/store"
)

// planEnd is how a run that works for a plan ends: all of it is written in one
// transaction.
type planEnd struct {
	step   store.PlanStep
	state  check.RunState
	posts  []message.Post
	events []audit.Event
	// findings of the check that ran after an apply.
	findings []check.Finding
}

// carryPlan does what a plan needs under the lease and records how it ended. An
// error of do means that it could not be finished here and now: another process
// goes on with it.
func (r *run) carryPlan(outer context.Context, do func(context.Context) (planEnd, error)) error {
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	r.lost = cancel
	beating := r.beat(ctx, cancel)
	end, err := do(ctx)
	reason := context.Cause(ctx)
	if err != nil && reason == nil {
		reason = err
	}
	defer func() { cancel(nil); <-beating }()
	switch {
	case err == nil:
		return r.recordPlan(outer, end)
	case errors.Is(reason, check.ErrFenced), errors.Is(reason, errSilent):
		r.log.Warn("plan lost to another process", "reason", reason)
		return nil
	case outer.Err() != nil:
		return r.giveBack(outer)
	}
	r.log.Error("plan interrupted", "error", reason)
	return fmt.Errorf("carry plan of run %s: %w", r.claim.Run.Ref(), reason)
}

func (r *run) recordPlan(ctx context.Context, end planEnd) error {
	run := r.ended(end.state, end.step.Plan.Reason, end.findings)
	if end.state == check.Done {
		run.Reason = ""
	}
	return r.persist(ctx, func(ctx context.Context) error {
		return r.w.store.ConcludePlan(ctx, r.claim.Epoch, run, end.step, end.posts, end.events)
	}, func() {
		r.log.Info("plan moved on", "plan", end.step.Plan.Ref(), "from", end.step.From, "to", end.step.Plan.State, "took", run.Finished.Sub(run.Started))
	})
}

// plan reads the plan that this run works for.
func (r *run) plan(ctx context.Context) (fix.Plan, error) {
	p, _, err := r.w.store.Plan(ctx, r.claim.Run.Plan)
	return p, err
}

// heads are the messages of plans as they should stand now.
func (r *run) heads(plans ...fix.Plan) []message.Post {
	var posts []message.Post
	for _, p := range plans {
		posts = append(posts, r.w.opts.Plans.Head(p, r.w.opts.Now()))
	}
	return posts
}

// planEvent is an event about the plan by whom the run belongs to.
func (r *run) planEvent(action string, p fix.Plan) audit.Event {
	e := r.event(action, p.Ref())
	e.Plan, e.PlanHash = p.Ref(), p.Hash
	return e
}

// sentenceOf is what people read of an error.
func sentenceOf(err error) string {
	var problem *check.Problem
	var verdict *verdictError
	switch {
	case errors.As(err, &problem):
		return problem.Sentence
	case errors.As(err, &verdict):
		return verdict.sentence
	}
	return "It failed inside the bot; the log says why."
}

// pause waits unless the context ends first.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

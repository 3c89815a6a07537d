package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// settleEvery is how often plans that ended without it being known how are looked
// up. Whoever needs to know asks in between.
const settleEvery = time.Minute

// targets are those that the checks of the run look at.
func (r *run) targets() map[string]bool {
	targets := map[string]bool{}
	for _, name := range r.claim.Run.Checks {
		if d, ok := r.w.opts.Fixes[name]; ok {
			targets[d.Check.Target] = true
		}
	}
	return targets
}

// settleAll is the chore: it does for every target what settle does.
func (w *Worker) settleAll(ctx context.Context) error {
	targets := map[string]bool{}
	for _, d := range w.opts.Fixes {
		targets[d.Check.Target] = true
	}
	w.settle(ctx, targets)
	return nil
}

// settleFirst does the same for the targets of this run, before it looks at them. A
// target that does not answer shows itself in the check: it must not hold up the run
// for long, however many of its plans there are.
func (r *run) settleFirst(ctx context.Context, targets map[string]bool) {
	ctx, cancel := context.WithTimeout(ctx, r.w.opts.CallWithin)
	defer cancel()
	r.w.settle(ctx, targets)
}

// settle finds out what became of plans of these targets that ended without it
// being known. What it cannot find out stays as it is: nobody may have their
// places. They are asked for in any order, and a target that did not answer is not
// asked again this time: so no plan stands before the others for ever.
func (w *Worker) settle(ctx context.Context, targets map[string]bool) {
	if len(targets) == 0 {
		return
	}
	plans, err := w.store.Unsettled(ctx)
	if err != nil {
		if ctx.Err() == nil {
			w.log.Warn("unsettled plans not read", "error", err)
		}
		return
	}
	silent := map[string]bool{}
	for _, i := range rand.Perm(len(plans)) { //nolint:gosec // nobody gains from guessing it
		p := plans[i]
		d, ok := w.opts.Fixes[p.Check]
		if !ok || d.Applier == nil || !targets[d.Check.Target] || silent[d.Check.Target] || ctx.Err() != nil {
			continue
		}
		answered, err := w.settleOne(ctx, p, d.Applier)
		if silent[d.Check.Target] = !answered; err != nil {
			w.log.Warn("plan not settled", "plan", p.Ref(), "error", err)
		}
	}
}

// settleOne asks the target what it recorded. By asking, whoever carried the plan
// out before can add nothing to it. It tells whether there was an answer.
func (w *Worker) settleOne(ctx context.Context, p fix.Plan, applier fix.Applier) (answered bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	content, batches, err := w.content(ctx, p)
	if err != nil {
		return true, err // it was not asked
	}
	asking, cancel := context.WithTimeout(ctx, w.opts.CallWithin)
	defer cancel()
	results, err := applier.Applied(asking, p.ID, content.Forms)
	if err != nil {
		return false, err
	}
	made, err := fix.AllMade(content.Forms, batches, results)
	if err != nil {
		return true, err
	}
	o := fix.Sum(p.Draft, content.Forms, batches, results)
	if err := w.whole(ctx, p, o, made); err != nil {
		return true, err
	}
	p = settled(p, o)
	did, err := w.store.SettlePlan(ctx, p, made, []message.Post{w.opts.Plans.Head(p, w.opts.Now())}, []audit.Event{w.settledEvent(p)})
	if did {
		w.log.Info("plan settled", "plan", p.Ref(), "state", p.State, "changes", p.Outcome.Total)
	}
	return true, err
}

// whole makes sure that what a target remembers of a plan is not less than what it
// had confirmed before: then it forgot, and what else it did nobody will know.
func (w *Worker) whole(ctx context.Context, p fix.Plan, now fix.Outcome, made []fix.Claim) error {
	places, err := w.store.SentBeyond(ctx, p.ID, made)
	if err != nil {
		return err
	}
	if places > 0 || now.Batches < p.Outcome.Batches || now.Total < p.Outcome.Total {
		return fmt.Errorf("its target has forgotten what it sent: it knows of %d batches and %d changes; %d and %d were confirmed, and %d places that were sent are not among them",
			now.Batches, now.Total, p.Outcome.Batches, p.Outcome.Total, places)
	}
	return nil
}

// settled is the plan as it stands when it is known what was done. What the check
// said after it stays.
func settled(p fix.Plan, o fix.Outcome) fix.Plan {
	was := p.Outcome
	o.Took, o.Taken, o.Verdict, o.Before, o.After = was.Took, was.Taken, was.Verdict, was.Before, was.After
	p.Outcome, p.Reason = o, ""
	if p.State = fix.Ending(o, ""); p.State != fix.Applied {
		p.Reason = "Its target did not say in time what became of the last batch; what is counted here was found out afterwards, and the others were not made."
		p.State = fix.Ending(o, p.Reason)
	}
	return p
}

func (w *Worker) settledEvent(p fix.Plan) audit.Event {
	e := audit.Event{
		Request: p.Request, Actor: audit.Actor{Kind: audit.System}, Source: audit.FromSystem, Channel: p.Channel, Thread: p.Thread,
		Action: "fix.settled", Target: p.Ref(), Plan: p.Ref(), PlanHash: p.Hash, Outcome: audit.Done, Version: w.opts.Version,
		Args: numbers(map[string]string{"state": string(p.State)}, p.Outcome),
	}
	if p.State == fix.Failed {
		e.Outcome, e.Error = audit.Failed, p.Reason
	}
	return e
}

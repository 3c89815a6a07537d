package worker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// settleEvery is how often plans that ended without it being known how are looked
// up. Whoever needs to know asks in between.
const settleEvery = time.Minute

// noteSent writes down what the plan has sent, as far as its changes may be made
// only once, before the check runs again. If the last batch is in doubt nothing is
// written: all its places stay taken until it is known.
func (a *applying) noteSent(ctx context.Context) error {
	if len(a.claims) == 0 || a.unknown {
		return nil
	}
	made, err := fix.AllMade(a.content.Forms, a.batches, a.results())
	if err != nil {
		return fmt.Errorf("plan %s: %w", a.plan.Ref(), err)
	}
	return a.r.w.store.NoteSent(ctx, a.r.claim.Run.ID, a.r.claim.Epoch, a.plan.ID, made)
}

// sends tells whether the plan makes what cannot be taken back.
func (a *applying) sends() bool {
	return slices.ContainsFunc(a.content.Forms, func(f fix.Form) bool { return f.Once || f.Op == fix.Send })
}

// forgotten: a plan that sends lay around for so long that its target may know
// nothing of it any more. Nobody guesses.
func (a *applying) forgotten(ctx context.Context) (*verdictError, error) {
	if !a.sends() {
		return nil, nil
	}
	now, err := a.r.w.store.Clock(ctx)
	if err != nil || now.Sub(a.plan.DecidedAt) <= fix.Remembered {
		return nil, err
	}
	a.unknown = true
	return &verdictError{sentence: fmt.Sprintf("It was confirmed more than %d days ago and interrupted, and its target may have forgotten what was done, so it is not known and nothing more was done. Its records stay reserved.", int(fix.Remembered.Hours()/24))}, nil
}

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

// settle finds out what became of plans of these targets that ended without it
// being known. What it cannot find out stays as it is: nobody may have their
// places.
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
	for _, p := range plans {
		d, ok := w.opts.Fixes[p.Check]
		if !ok || d.Applier == nil || !targets[d.Check.Target] {
			continue
		}
		if err := w.settleOne(ctx, p, d.Applier); err != nil && ctx.Err() == nil {
			w.log.Warn("plan not settled", "plan", p.Ref(), "error", err)
		}
	}
}

// settleOne asks the target what it recorded. By asking, whoever carried the plan
// out before can add nothing to it.
func (w *Worker) settleOne(ctx context.Context, p fix.Plan, applier fix.Applier) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	content, batches, err := w.content(ctx, p)
	if err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, w.opts.CallWithin)
	defer cancel()
	results, err := applier.Applied(asking, p.ID)
	if err != nil {
		return err
	}
	made, err := fix.AllMade(content.Forms, batches, results)
	if err != nil {
		return err
	}
	p = settled(p, fix.Sum(p.Draft, content.Forms, batches, results))
	did, err := w.store.SettlePlan(ctx, p, made, []message.Post{w.opts.Plans.Head(p, w.opts.Now())}, []audit.Event{w.settledEvent(p)})
	if did {
		w.log.Info("plan settled", "plan", p.Ref(), "state", p.State, "changes", p.Outcome.Total)
	}
	return err
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

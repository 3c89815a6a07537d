package worker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/store"
)

// finished ends a plan that was begun: what the target recorded is counted, the
// check that led to the plan runs again, and both stand in one message.
func (a *applying) finished(ctx context.Context, why *verdictError) (planEnd, error) {
	switch {
	case why != nil && len(a.batches) == 0:
		a.unknown = true // it was begun, and what was begun cannot be read any more
	case why != nil && !a.unknown:
		if silent := a.remember(ctx); silent != nil {
			why = silent
		}
	}
	if err := a.noteSent(ctx); err != nil { // by that the check judges
		return planEnd{}, err
	}
	finding, err := a.verify(ctx)
	if err != nil {
		return planEnd{}, err
	}
	undone, err := a.takenBack(ctx)
	if err != nil {
		return planEnd{}, err
	}
	p := a.plan
	p.Outcome = a.outcome(finding)
	if p.Undoes > 0 { // what the check said last, and not how many rows are put back
		p.Outcome.Before = undone.Outcome.After
	}
	if why != nil {
		p.Reason = why.sentence
	}
	p.State = fix.Ending(p.Outcome, p.Reason)
	end := planEnd{
		step: store.PlanStep{From: fix.Applying, Plan: p}, state: check.Done, posts: a.r.heads(p), findings: []check.Finding{finding},
		events: []audit.Event{a.appliedEvent(p), a.verifiedEvent(p, finding)},
	}
	switch {
	case why != nil && a.r.stoppedBy() != "":
		end.state = check.Stopped
	case p.State == fix.Failed:
		end.state = check.Failed
	}
	if p.TakesBack() {
		undone.State, undone.UndoneBy = fix.Undone, p.ID
		end.posts = append(end.posts, a.r.w.opts.Plans.Undone(undone, p))
	}
	return end, nil
}

// takenBack is the plan that this one takes back; the zero Plan if there is none.
func (a *applying) takenBack(ctx context.Context) (fix.Plan, error) {
	if a.plan.Undoes == 0 {
		return fix.Plan{}, nil
	}
	p, _, err := a.r.w.store.Plan(ctx, a.plan.Undoes)
	return p, err
}

// verify runs the originating check. One that does not answer is UNKNOWN, and
// never green.
func (a *applying) verify(ctx context.Context) (check.Finding, error) {
	r := a.r
	showing, shown := context.WithCancel(ctx)
	done := a.show(showing)
	defer func() { shown(); <-done }()
	order := r.claim.Run.Order
	order.Checks = []string{a.plan.Check}
	findings, err := check.Execute(ctx, check.Execution{
		Order: order, Checks: r.w.declared(order.Checks), Journal: r.w.store.Journal(order.ID, r.claim.Epoch), Now: r.w.opts.Now,
		OnPanic: func(name string, value any, stack []byte) {
			r.log.Error("panic in a check", "check", name, "panic", value, "stack", string(stack))
		},
	})
	if err != nil {
		return check.Finding{}, err
	}
	if len(findings) != 1 {
		return check.Finding{}, errors.New("the check after an apply gave no finding")
	}
	return findings[0], nil
}

func (a *applying) outcome(finding check.Finding) fix.Outcome {
	o := fix.Sum(a.plan.Draft, a.content.Forms, a.batches, a.results())
	o.Took, o.Taken = finding.Started.Sub(a.r.claim.Run.Started), a.r.claim.Crashes
	o.Verdict, o.After, o.Unknown = finding.Verdict, finding.Tally.Rows, a.unknown
	return o
}

// results are what the target confirmed until now.
func (a *applying) results() []fix.Result {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Values(a.done))
}

func (a *applying) appliedEvent(p fix.Plan) audit.Event {
	e := a.r.planEvent("fix.applied", p)
	e.Args = numbers(map[string]string{"state": string(p.State), "epoch": strconv.FormatInt(a.r.claim.Epoch, 10)}, p.Outcome)
	if by := a.r.stoppedBy(); by != "" {
		e.Args["stopped_by"] = by
	}
	e.Duration, e.Error = p.Outcome.Took, p.Reason
	if p.State == fix.Failed || a.unknown {
		e.Outcome = audit.Failed
	}
	return e
}

func (a *applying) verifiedEvent(p fix.Plan, f check.Finding) audit.Event {
	e := a.r.planEvent("fix.verified", p)
	e.Args = map[string]string{"check": p.Check, "verdict": string(f.Verdict), "position": f.Result.Position}
	e.Before, e.Duration = strconv.FormatInt(p.Outcome.Before, 10), f.Duration
	if f.Verdict == check.Unknown {
		e.Outcome, e.Error = audit.Failed, f.Reason
		return e
	}
	e.After = strconv.FormatInt(f.Tally.Rows, 10)
	return e
}

// show edits the plan's message at intervals while it is applied.
func (a *applying) show(ctx context.Context) <-chan struct{} {
	return a.r.edit(ctx, func() (message.Post, bool) {
		p := a.plan
		p.State = fix.Applying
		return a.r.w.opts.Plans.Applying(p, a.progress()), true
	})
}

func (a *applying) progress() check.Progress {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := check.Progress{Paused: a.waiting}
	for _, b := range a.batches {
		n := b.Count(a.content.Forms)
		p.Total += n
		if _, ok := a.done[turn{b.N, 1}]; ok {
			p.Done += n
		}
	}
	return p
}

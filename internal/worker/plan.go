package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/store"
)

// expiry is how long a plan waits if its rules do not say.
const expiry = 10 * time.Minute

// workOut carries a run that works a plan out: what is wrong now and how it would
// be repaired is frozen, and the plan waits for a decision. It changes nothing
// in the target.
func (r *run) workOut(ctx context.Context) (planEnd, error) {
	p, err := r.plan(ctx)
	if err != nil {
		return planEnd{}, err
	}
	if p.State != fix.Planning { // this run's end is written together with the plan's
		return planEnd{}, fmt.Errorf("plan %s is %s and not being worked out", p.Ref(), p.State)
	}
	draft, err := r.draft(ctx, p)
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errStopped) {
		return planEnd{}, context.Cause(ctx)
	}
	switch by := r.stoppedBy(); {
	case by != "":
		return r.unplanned(p, &verdictError{sentence: "It was stopped while it was worked out; nothing was changed."}, by), nil
	case err != nil:
		return r.unplanned(p, err, ""), nil
	}
	if why := r.w.nothing(p, draft); why != "" {
		p.Draft = draft // it says what is left alone, and why
		return r.unplanned(p, &verdictError{sentence: why}, ""), nil
	}
	return r.planned(ctx, p, draft)
}

// draft asks again whether the asker may, and then the planner or, for the way
// back, the applier.
func (r *run) draft(ctx context.Context, p fix.Plan) (d fix.Draft, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = r.panicked(v)
		}
	}()
	if by := r.claim.Run.StoppedBy; by != "" {
		r.stop(by)
		return d, errStopped
	}
	if r.claim.Crashes > r.w.opts.Crashes {
		return d, &verdictError{sentence: fmt.Sprintf("%d processes of the bot ended while they worked it out, so it is not tried again. Nothing was changed.", r.claim.Crashes)}
	}
	if err := r.mayFix(ctx, p); err != nil {
		return d, err
	}
	declared, err := r.w.declaredFix(p.Check)
	if err != nil {
		return d, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.left(), errDeadline)
	defer cancel()
	showing, shown := context.WithCancel(ctx)
	told := r.showPlanning(showing, p.Order)
	defer func() { shown(); <-told }() // before the preview is written
	if p.Undoes > 0 {
		d, err = r.inverse(ctx, p, declared)
	} else {
		r.settleFirst(ctx, map[string]bool{declared.Check.Target: true}) // so that it knows what it may take
		d, err = declared.Planner.Draft(ctx, p.Order, declared.Rules.Caps, r.tellPlanning)
	}
	if granted, ok := declared.Applier.(granting); ok && err == nil {
		err = granted.MayApply(ctx, d.Content.Forms)
	}
	if err != nil && errors.Is(context.Cause(ctx), errDeadline) {
		err = &verdictError{sentence: fmt.Sprintf("It was not worked out after %s. Nothing was changed.", r.w.opts.RunTimeout)}
	}
	return d, err
}

// granting is an applier that can tell, before anybody decides, whether it has
// every grant that a plan needs: a check.Problem names the one that is missing.
type granting interface {
	MayApply(ctx context.Context, forms []fix.Form) error
}

// inverse drafts the way back of an applied plan.
func (r *run) inverse(ctx context.Context, p fix.Plan, declared fix.Declared) (fix.Draft, error) {
	undone, _, err := r.w.store.Plan(ctx, p.Undoes)
	if err != nil {
		return fix.Draft{}, err
	}
	forms, err := r.w.store.PlanForms(ctx, p.Undoes)
	if err != nil {
		return fix.Draft{}, err
	}
	return declared.Applier.Inverse(ctx, p.Order, undone, forms)
}

// declaredFix finds the fix of a check as it is declared today.
func (w *Worker) declaredFix(name string) (fix.Declared, error) {
	d, ok := w.opts.Fixes[name]
	switch {
	case !ok:
		return d, &verdictError{sentence: "The config no longer declares a fix for this check, so nothing was changed."}
	case d.Applier == nil:
		return d, &verdictError{sentence: "Fixes are off for " + d.Check.Place + ": the config gives no write access for it. Nothing was changed."}
	}
	return d, nil
}

// mayFix asks again whether the asker may have this plan worked out.
func (r *run) mayFix(ctx context.Context, p fix.Plan) error {
	subject, err := r.subject(ctx, p.AskedBy)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		r.log.Error("rights not read", "user", p.AskedBy, "error", err)
		return &verdictError{refused: true, rule: "rights unknown", sentence: "Slack did not say what rights the asker has now, so nothing was read."}
	}
	needs := []authz.Permission{authz.Permission("fix:" + p.Domain)}
	if right := r.w.opts.Fixes[p.Check].Way(p.Order).Right; right != "" {
		needs = append(needs, right)
	}
	for _, need := range needs {
		if d := r.w.opts.Policy.Decide(subject, need); !d.Allowed {
			return refusedBy(d)
		}
	}
	return nil
}

// nothing says why there is no plan although nothing went wrong; empty if there
// is one.
func (w *Worker) nothing(p fix.Plan, d fix.Draft) string {
	why := fix.Nothing(w.checks[p.Check].Title, d)
	switch {
	case why == "" || p.Undoes == 0:
		return why
	case len(d.Left) == 0:
		return fix.Ref(p.Undoes) + " left nothing behind that could be taken back."
	}
	return "Nothing of " + fix.Ref(p.Undoes) + " can be taken back. What it changed is left alone, with the reasons below."
}

// planned freezes the draft: from here on the plan waits.
func (r *run) planned(ctx context.Context, p fix.Plan, draft fix.Draft) (planEnd, error) {
	declared := r.w.opts.Fixes[p.Check]
	hash, err := draft.Content.Hash(p.Order, draft.Target)
	if err != nil {
		return planEnd{}, err
	}
	batches := draft.Content.Batches()
	if _, err := fix.Claims(draft.Content.Forms, batches); err != nil {
		return r.unplanned(p, err, ""), nil
	}
	now, err := r.w.store.Clock(ctx) // by which it expires, not by this process's
	if err != nil {
		return planEnd{}, err
	}
	p.State, p.Draft, p.Hash, p.Digest = fix.Waiting, draft, hash, declared.Digest
	p.Batches, p.Expires = len(batches), now.Add(cmp.Or(declared.Rules.Expiry, expiry))
	p.Second, p.Why = fix.Second(draft, declared.Rules, declared.Way(p.Order))
	e := r.planEvent("plan", p)
	e.Args = map[string]string{
		"check": p.Check, "rows": strconv.FormatInt(draft.Rows, 10), "found": strconv.FormatInt(draft.Found, 10),
		"changes": strconv.FormatInt(draft.Total, 10), "batches": strconv.Itoa(p.Batches),
	}
	if p.Undoes > 0 {
		e.Args["undoes"] = fix.Ref(p.Undoes)
	}
	return planEnd{
		step: store.PlanStep{From: fix.Planning, Plan: p, Worked: true}, state: check.Done,
		posts: r.heads(p), events: []audit.Event{e},
	}, nil
}

// unplanned ends a plan that was not worked out.
func (r *run) unplanned(p fix.Plan, why error, stoppedBy string) planEnd {
	r.log.Warn("plan not worked out", "plan", p.Ref(), "error", why)
	p.State, p.Reason = fix.Failed, sentenceOf(why)
	e := r.planEvent("plan", p)
	e.Outcome, e.Error = audit.Failed, p.Reason
	end := planEnd{state: check.Failed}
	var verdict *verdictError
	switch {
	case stoppedBy != "":
		p.State, end.state = fix.Cancelled, check.Stopped
		p.DecidedBy, p.DecidedAt = stoppedBy, r.w.opts.Now().UTC()
		e.Args = map[string]string{"stopped_by": stoppedBy}
	case errors.As(why, &verdict) && verdict.refused:
		e.Decision, e.Rule, e.Outcome = "refused", verdict.rule, audit.Refused
	}
	end.step = store.PlanStep{From: fix.Planning, Plan: p}
	end.posts, end.events = r.heads(p), []audit.Event{e}
	return end
}

// number makes event arguments of what an apply did.
func numbers(into map[string]string, o fix.Outcome) map[string]string {
	out := map[string]string{
		"rows": strconv.FormatInt(o.Changed, 10), "changes": strconv.FormatInt(o.Total, 10),
		"skipped": strconv.Itoa(len(o.Skipped)), "left": strconv.FormatInt(o.Left, 10), "batches": strconv.Itoa(o.Batches),
	}
	maps.Copy(out, into)
	return out
}

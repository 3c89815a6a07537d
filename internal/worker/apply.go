package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/store"
)

// apply carries a run that carries a plan out: rights and declaration are looked
// at again, what the target remembers is read, what is missing is done, and the
// check that led to the plan runs again. Whatever process ends in between, the
// next one goes on from what the target remembers.
func (r *run) apply(ctx context.Context) (planEnd, error) {
	p, err := r.plan(ctx)
	if err != nil {
		return planEnd{}, err
	}
	if p.State != fix.Approved && p.State != fix.Applying {
		return planEnd{}, fmt.Errorf("plan %s is %s and not to be applied", p.Ref(), p.State)
	}
	if by := r.claim.Run.StoppedBy; by != "" { // also if another process was to
		r.stop(by)
	}
	a := &applying{r: r, plan: p, from: p.State, done: map[turn]fix.Result{}}
	why, err := a.carry(ctx)
	if ctx.Err() != nil {
		return planEnd{}, context.Cause(ctx)
	}
	if err != nil {
		return planEnd{}, err
	}
	if a.from == fix.Approved { // nothing was begun
		return a.refused(why), nil
	}
	return a.finished(ctx, why)
}

// carry makes the plan's changes. why is a sentence for people if not all of them
// could be tried; nil if they were. An error is the bot's own store, or its end.
func (a *applying) carry(ctx context.Context) (why *verdictError, err error) {
	defer func() {
		if v := recover(); v != nil {
			why, err = a.r.panicked(v), nil
		}
	}()
	if why, err = a.load(ctx); why != nil || err != nil {
		return why, err
	}
	crashes := a.r.claim.Crashes
	if a.from == fix.Applying || crashes > a.r.w.opts.Crashes {
		// Somebody was here before: what the target remembers is true.
		if why, err := a.forgotten(ctx); why != nil || err != nil {
			return why, err
		}
		if why := a.remember(ctx); why != nil {
			return why, nil
		}
	}
	if crashes > a.r.w.opts.Crashes {
		return &verdictError{sentence: fmt.Sprintf("%d processes of the bot ended while they carried it out, so it is not tried again.", crashes)}, nil
	}
	if a.from == fix.Approved {
		if why, err = a.begin(ctx); why != nil || err != nil {
			return why, err
		}
	}
	return a.passes(ctx), nil
}

// load reads what is to be done, and makes sure that it is what was decided upon.
func (a *applying) load(ctx context.Context) (*verdictError, error) {
	declared, err := a.r.w.declaredFix(a.plan.Check)
	var why *verdictError
	if errors.As(err, &why) {
		return why, nil
	}
	a.applier = declared.Applier
	content, batches, err := a.r.w.content(ctx, a.plan)
	if errors.As(err, &why) {
		return why, nil
	}
	if err != nil {
		return nil, err
	}
	if a.claims, err = fix.Claims(content.Forms, batches); err != nil {
		return nil, fmt.Errorf("plan %s: %w", a.plan.Ref(), err)
	}
	a.content, a.batches = content, batches
	return nil, nil
}

// content is what a plan changes. A verdictError: it is not what was decided upon.
func (w *Worker) content(ctx context.Context, p fix.Plan) (fix.Content, []fix.Batch, error) {
	content, batches, err := w.store.PlanContent(ctx, p.ID)
	if err != nil && !errors.Is(err, commands.ErrNotFound) {
		return content, nil, err
	}
	hash, unhashed := content.Hash(p.Order, p.Draft.Target)
	if unhashed != nil {
		return content, nil, unhashed
	}
	if err != nil || hash != p.Hash {
		return content, nil, &verdictError{refused: true, rule: "content differs", sentence: "What is stored of this plan is not what was decided upon, so nothing more was done. Somebody changed the bot's own database."}
	}
	return content, batches, nil
}

// begin is what comes before the first change: may those who asked and decided
// still do so, can the target be written to, and the event that says so.
func (a *applying) begin(ctx context.Context) (*verdictError, error) {
	r := a.r
	if by := r.stoppedBy(); by != "" {
		return &verdictError{sentence: "It was stopped before the first change; nothing was done."}, nil
	}
	rule, why, err := a.stillMay(ctx)
	if why != nil || err != nil {
		return why, err
	}
	if err := a.ready(ctx); err != nil {
		r.log.Warn("target not ready for a plan", "plan", a.plan.Ref(), "error", err)
		return &verdictError{sentence: sentenceOf(err) + " Nothing was done."}, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if len(a.done) > 0 {
		return &verdictError{refused: true, rule: "applied before", sentence: "Its target says that a plan of this name was carried out there before, so nothing was done. Was the bot's own database put back to an earlier state? Make a new preview."}, nil
	}
	e := r.planEvent("fix.apply", a.plan)
	e.Outcome, e.Decision, e.Rule = audit.Intended, "allowed", rule
	e.Args = map[string]string{"check": a.plan.Check, "batches": fmt.Sprint(len(a.batches)), "asked_by": a.plan.AskedBy, "decided_by": a.plan.DecidedBy}
	err = r.w.store.BeginApply(ctx, r.claim.Run.ID, r.claim.Epoch, a.plan.ID, a.claims, []audit.Event{e})
	var clash *fix.Clash
	if errors.As(err, &clash) {
		return &verdictError{refused: true, rule: "records taken", sentence: clash.Sentence()}, nil
	}
	if err != nil {
		return nil, err
	}
	a.from = fix.Applying
	return nil, nil
}

// stillMay asks Slack and the policy again. Rights that cannot be read are none.
func (a *applying) stillMay(ctx context.Context) (rule string, why *verdictError, err error) {
	p := a.plan
	decider, err := a.r.subject(ctx, p.DecidedBy)
	asker := decider
	if err == nil && p.AskedBy != p.DecidedBy {
		asker, err = a.r.subject(ctx, p.AskedBy)
	}
	if ctx.Err() != nil {
		return "", nil, context.Cause(ctx)
	}
	if err != nil {
		a.r.log.Error("rights not read", "plan", p.Ref(), "error", err)
		return "", &verdictError{refused: true, rule: "rights unknown", sentence: "Slack did not say what rights the people of this plan have now. Nothing was done."}, nil
	}
	return a.judge(asker, decider)
}

func (a *applying) judge(asker, decider authz.Subject) (string, *verdictError, error) {
	declared := a.r.w.opts.Fixes[a.plan.Check]
	rule, sentence, ok := fix.StillMay(a.plan, asker, decider, a.r.w.opts.Policy, declared.Digest, declared.Way(a.plan.Order))
	if !ok {
		return rule, &verdictError{refused: true, rule: rule, sentence: sentence}, nil
	}
	return rule, nil, nil
}

// ready asks the target, which also keeps others from carrying the plan out where
// nothing can be taken back, and again while it does not answer, as long as people
// wait for a click to take effect.
func (a *applying) ready(ctx context.Context) error {
	giveUp := time.Now().Add(a.r.w.opts.ReadyWithin)
	for {
		err := a.call(ctx, a.applier.Ready)
		if err == nil && a.sends() {
			err = a.ask(ctx)
		}
		if err == nil || ctx.Err() != nil || time.Now().After(giveUp) || a.r.stoppedBy() != "" {
			return err
		}
		pause(ctx, targetPause)
	}
}

// refused ends a plan before its first change.
func (a *applying) refused(why *verdictError) planEnd {
	p := a.plan
	p.Reason = why.sentence
	e := a.r.planEvent("fix.apply", p)
	end := planEnd{state: check.Failed}
	switch by := a.r.stoppedBy(); {
	case why.refused:
		p.State = fix.Refused
		e.Decision, e.Rule, e.Outcome, e.Error = "refused", why.rule, audit.Refused, why.sentence
	case by != "":
		p.State, end.state = fix.Cancelled, check.Stopped
		e.Outcome, e.Args = audit.Done, map[string]string{"stopped_by": by}
	default:
		p.State = fix.Failed
		e.Outcome, e.Error = audit.Failed, why.sentence
	}
	a.r.log.Warn("plan not applied", "plan", p.Ref(), "state", p.State, "reason", p.Reason)
	end.step = store.PlanStep{From: fix.Approved, Plan: p}
	end.posts, end.events = a.r.heads(p), []audit.Event{e}
	return end
}

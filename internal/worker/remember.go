package worker

import (
	"context"
	"errors"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// ask reads what the target recorded, once. Of a plan that sends, whoever carried it
// out before can send nothing any more.
func (a *applying) ask(ctx context.Context) error {
	var results []fix.Result
	err := a.call(ctx, func(ctx context.Context) (err error) {
		results, err = a.applier.Applied(ctx, a.plan.ID, a.content.Forms)
		return err
	})
	if err != nil {
		return err
	}
	a.told = results
	for _, one := range results {
		a.note(one)
	}
	return nil
}

// mine makes sure that the plan is still this process's to carry out. It has to be
// asked after the target kept all others from it: whoever takes the plan later
// keeps this one from it in the same way, and whoever took it before is found here.
func (a *applying) mine(ctx context.Context) error {
	_, err := a.r.w.store.Extend(ctx, a.r.claim.Run.ID, a.r.claim.Epoch, a.r.w.opts.Lease)
	if errors.Is(err, check.ErrFenced) {
		a.r.lost(check.ErrFenced)
	}
	if err != nil {
		return &check.Problem{Sentence: storeSilent, Err: err}
	}
	return nil
}

// still makes sure before a batch that sends that nobody else has taken the plan
// meanwhile, and that the ledger has what was sent until now. While the store does
// not answer nothing is sent.
func (a *applying) still(ctx context.Context, next fix.Batch) *verdictError {
	if !a.sends() || a.noteSent(ctx) == nil && a.mine(ctx) == nil {
		return nil
	}
	if why := a.remember(ctx); why != nil {
		return why
	}
	if ctx.Err() != nil {
		return a.over(ctx, &next)
	}
	return nil
}

// remember reads what the target recorded. It goes on asking while the target
// does not answer: nobody guesses.
func (a *applying) remember(ctx context.Context) *verdictError {
	giveUp := time.Now().Add(a.r.w.opts.TargetWithin)
	for {
		lost, err := a.recall(ctx)
		if lost != nil {
			a.unknown = true
			return lost
		}
		if err == nil {
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

// recall asks the target once what it recorded, and of a plan that sends then the
// store: whether the plan is still this process's, and whether the target forgot
// anything. What it recorded is sent from now on in the ledger, too.
func (a *applying) recall(ctx context.Context) (lost *verdictError, err error) {
	if err := a.ask(ctx); err != nil {
		return nil, err
	}
	if err := a.mine(ctx); err != nil || !a.sends() {
		return nil, err
	}
	if lost, err = a.lost(ctx); lost != nil || err != nil {
		return lost, err
	}
	a.unnoted = a.batches
	return nil, a.noteSent(ctx)
}

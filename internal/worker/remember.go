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
		results, err = a.applier.Applied(ctx, a.plan.ID)
		return err
	})
	for _, one := range results {
		a.note(one)
	}
	return err
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
		return &check.Problem{Sentence: "The bot's own store does not answer.", Err: err}
	}
	return nil
}

// still makes sure before a batch that sends that nobody else has taken the plan
// meanwhile. While the store does not answer nothing is sent.
func (a *applying) still(ctx context.Context, next fix.Batch) *verdictError {
	if !a.sends() || a.mine(ctx) == nil {
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
		err := a.ask(ctx)
		if err == nil {
			err = a.mine(ctx)
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

package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// sends tells whether the plan makes what cannot be taken back.
func (a *applying) sends() bool {
	return slices.ContainsFunc(a.content.Forms, func(f fix.Form) bool { return f.Once || f.Op == fix.Send })
}

// noteSent writes into the ledger what was sent and is not there yet, as far as its
// changes may be made only once: after each batch, so that a target that forgets it
// is found out, and before the check runs again, which judges by it. Places of which
// it is not known stay taken.
func (a *applying) noteSent(ctx context.Context) error {
	if len(a.claims) == 0 || len(a.unnoted) == 0 {
		return nil
	}
	made, err := fix.AllMade(a.content.Forms, a.unnoted, a.results())
	if err != nil {
		return fmt.Errorf("plan %s: %w", a.plan.Ref(), err)
	}
	if len(made) > 0 {
		err = a.r.w.store.NoteSent(ctx, a.r.claim.Run.ID, a.r.claim.Epoch, a.plan.ID, made)
	}
	if errors.Is(err, check.ErrFenced) {
		a.r.lost(check.ErrFenced)
	}
	if err != nil {
		return &check.Problem{Sentence: storeSilent, Err: err}
	}
	a.unnoted = nil
	return nil
}

// lost tells whether the target, which has just said what it recorded, forgot
// anything that was sent: its memory was removed, or put back to an earlier state, or
// is looked for in another place than before. Its silence is then not taken for
// "nothing", and nothing is sent again.
func (a *applying) lost(ctx context.Context) (*verdictError, error) {
	batches := len(a.results()) - len(a.told) // what it had told stays in the results
	made, err := fix.AllMade(a.content.Forms, a.batches, a.told)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", a.plan.Ref(), err)
	}
	places, err := a.r.w.store.SentBeyond(ctx, a.plan.ID, made)
	if err != nil {
		return nil, &check.Problem{Sentence: storeSilent, Err: err}
	}
	var what string
	switch {
	case places > 0:
		what = phrase.Plural(places, "record")
	case batches > 0:
		what = phrase.Count(int64(batches)) + " of its batches"
	default:
		return nil, nil
	}
	return &verdictError{sentence: "Its target has forgotten " + what + " that had been sent. So it is not known what else was; nothing more was sent, and its other records stay reserved, so that nothing is sent twice. " +
		"Was what the bot remembers there deleted (a consumer group), or is it named differently in the config since (prefix)? Under its old name it is found out by itself."}, nil
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

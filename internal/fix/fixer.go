package fix

import (
	"context"
	"errors"
	"time"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
)

// Planner works out how to repair what one check finds. One per check whose
// config declares a fix.
type Planner interface {
	// Modes are the ways of this fix, the declared one first.
	Modes() []string
	// Draft finds what is wrong now and freezes how it would be repaired. It
	// changes nothing. A check.Problem is a sentence for people: there is no
	// primary key, the caps are exceeded, the parent to attach to does not exist.
	// A draft with no rows means that nothing is wrong (any more).
	Draft(ctx context.Context, o Order, caps Caps, tell func(check.Progress)) (Draft, error)
}

// Applier carries plans out in one target and remembers there what it did.
type Applier interface {
	// Ready is nil if plans can be applied, else a check.Problem that says what
	// is missing and what to do: no write access configured, no integritybot
	// schema, a missing grant.
	Ready(ctx context.Context) error
	// Inverse drafts the way back of a plan from what the target remembers of it:
	// rows that are as the plan left them get their former values. The others
	// are in Draft.Left.
	Inverse(ctx context.Context, o Order, undoes Plan, forms []Form) (Draft, error)
	// Apply makes the changes of one batch in one transaction, together with the
	// target's own record of it, at most once: a batch that the target has
	// recorded for this pass is not made again, and its recorded result is
	// given. pass 1 leaves out what is locked; pass 2 tries only what is in only
	// (indices into the batch), waiting at most a second for each lock. An error
	// is a check.Problem; then nothing of this batch took effect, or it is not
	// known: Applied tells. If the plan sends (Send, Once), Applied is asked before
	// the first batch and after each error, and the caller then makes sure that the
	// plan is still its own: an Apply that would have to keep others out first, as
	// Applied does, is an error.
	Apply(ctx context.Context, p Plan, forms []Form, b Batch, pass int, only []int) (Result, error)
	// Applied is what the target recorded of a plan, in order; forms are the plan's. If the plan sends,
	// then nobody who carried it out before can add anything to that any more; and a
	// target that may have forgotten (see Remembered) is an error, and never an empty
	// list.
	Applied(ctx context.Context, plan int64, forms []Form) ([]Result, error)
	// Purge removes what is remembered of plans older than that, for undo; the
	// record that they were applied stays. It tells how many rows.
	Purge(ctx context.Context, before time.Time) (int64, error)
}

// Patient is an applier that wants to be asked before each batch, and after the
// last one, whether to go on.
type Patient interface {
	// Busy says why nothing should be done for a moment, in a clause for people;
	// empty: go on. next is nil after the last batch. p.Outcome is what was done until
	// now, and left alone, as far as the target has said it. A *Halt ends the plan here.
	// After other errors it is asked again, except before a batch of a plan that does
	// not send: there a target that does not answer shows itself at the batch.
	Busy(ctx context.Context, p Plan, forms []Form, next *Batch) (why string, err error)
}

// ErrAgain is an Apply that made nothing because the target has to keep others out
// first, as Applied does: ask Applied, make sure that the plan is still one's own,
// and apply the batch again. It does not count as a try.
var ErrAgain = errors.New("ask what is applied first")

// Halt ends a plan early: what was done stays, and nothing is tried again.
type Halt struct{ Sentence string }

func (h *Halt) Error() string { return h.Sentence }

// Result is what became of one batch in one pass.
type Result struct {
	Batch   int       `json:"batch"`
	Pass    int       `json:"pass"`
	Changed int64     `json:"changed"` // changes made
	Skipped []Skipped `json:"skipped,omitempty"`
	At      time.Time `json:"at"`
}

// Skipped is one change of a batch that was not made.
type Skipped struct {
	Index int `json:"i"`
	Why   Why `json:"why"`
}

// Again tells which changes a second pass should try.
func (r Result) Again() []int {
	var out []int
	for _, s := range r.Skipped {
		if s.Why == WhyLocked || s.Why == WhyDependant || s.Why == WhyGroup {
			out = append(out, s.Index)
		}
	}
	return out
}

// Caps bound what one plan may change.
type Caps struct {
	Rows  int64   // failing rows at most
	Share float64 // of their table's rows, 0 to 1
}

// Rules are what the config says about one check's fix.
type Rules struct {
	Caps Caps
	// SecondOver is how many changes in all need a second person; 0: any.
	SecondOver int64
	Expiry     time.Duration // of a plan that waits; default 10 min
	// Ways are what some of the modes ask for beside that, and Back is what taking a
	// plan back does.
	Ways map[string]Way
	Back Way
}

// Way is what one mode of a fix asks for beside what every plan does. The zero
// value asks for nothing.
type Way struct {
	// Right is needed beside fix:<domain> to ask for such a plan; empty: none.
	Right authz.Permission
	// Second says why a second and different person always has to approve, in a
	// clause that stands before "someone other than …"; empty: by the number of changes.
	Second string
}

// Way is what a plan's mode asks for.
func (d Declared) Way(o Order) Way {
	if o.Undoes > 0 {
		return d.Rules.Back
	}
	mode := o.Mode
	if mode == "" && d.Planner != nil {
		mode = d.Planner.Modes()[0]
	}
	return d.Rules.Ways[mode]
}

// Declared is one check's fix, ready to use.
type Declared struct {
	Check   check.Check
	Rules   Rules
	Digest  string // of the check's whole declaration: a plan made under another one is stale
	Planner Planner
	Applier Applier // nil: the target has no write access configured
	// Off says in a clause why there is no Applier: "the config gives no write
	// access for it (targets.shop.postgres.fix_dsn)".
	Off string
}

// Catalog finds the fix of a check by its name.
type Catalog map[string]Declared

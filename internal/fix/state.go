package fix

import (
	"errors"
	"fmt"
)

// ErrMoved says that a plan was not as expected when its state was to change:
// somebody else was first, or it expired. Nothing was changed; look again.
var ErrMoved = errors.New("the plan is in another state by now")

// steps are all that may happen to a plan. What is not here is refused.
var steps = []struct {
	from, to State
	cause    string
}{
	{Planning, Waiting, "it was worked out"},
	{Planning, Failed, "it could not be worked out, or there is nothing to repair"},
	{Planning, Cancelled, "its run was stopped"},

	{Waiting, Approved, "somebody who may confirmed it"},
	{Waiting, Cancelled, "a person cancelled it"},
	{Waiting, Expired, "nobody decided in time"},
	{Waiting, Refused, "its check was declared differently since"},

	{Approved, Applying, "a worker begins, and may still"},
	{Approved, Cancelled, "it was stopped before the first change"},
	{Approved, Refused, "a right was taken away, its check was declared differently, or another plan took its places, before the first change"},
	{Approved, Failed, "its target did not answer, or nothing can be written there"},

	{Applying, Applied, "every change was made"},
	{Applying, PartlyApplied, "some changes were made and some not"},
	{Applying, Failed, "no change was made"},

	{PartlyApplied, Applied, "it was found out later that every change was made"},
	{PartlyApplied, Failed, "it was found out later that no change was made"},

	{Applied, Undone, "another plan took it back"},
	{PartlyApplied, Undone, "another plan took it back"},
}

// May is nil if a plan may go from one state to the other.
func May(from, to State) error {
	for _, s := range steps {
		if s.from == from && s.to == to {
			return nil
		}
	}
	return fmt.Errorf("a plan that is %q cannot become %q", from, to)
}

// Open says that somebody is still to decide or to do something.
func (s State) Open() bool {
	return s == Planning || s == Waiting || s == Approved || s == Applying
}

// Final says that nobody works on it any more. What was applied may still be undone,
// by another plan; and of what ended without it being known how, that may be found
// out.
func (s State) Final() bool {
	switch s {
	case Applied, PartlyApplied, Failed, Expired, Cancelled, Refused, Undone:
		return true
	case Planning, Waiting, Approved, Applying:
	}
	return false
}

// Ending is the state in which an apply ends, by what it did. reason is a
// sentence if it was stopped or could not go on, else empty. A plan that failed
// has changed nothing, so that there is nothing to undo; one that may have
// changed something was applied in part.
func Ending(o Outcome, reason string) State {
	incomplete := reason != "" || o.Left > 0 || len(o.Skipped) > 0 || o.Unknown
	switch {
	case !incomplete:
		return Applied
	case o.Total == 0 && !o.Unknown:
		return Failed
	}
	return PartlyApplied
}

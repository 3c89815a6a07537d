package commands

import (
	"context"
	"errors"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/fix/report"
	"github.com/integritybot/integritybot/internal/message"
)

// Dialogs knows what has to be typed before a button's request is made. It decides
// nothing: that is for the command that the request asks for.
type Dialogs struct {
	Archive Archive
	Plans   report.Wording
}

// Ask gives the question of a plan's button, in the words of the plan as it stands
// now. nil: nothing has to be typed, or no longer.
func (d Dialogs) Ask(ctx context.Context, verb, ref string) (*message.Ask, error) {
	id, err := fix.ParseRef(ref)
	if err != nil || !fix.IsRef(ref) {
		return nil, nil //nolint:nilerr // no plan, so there is nothing to type
	}
	p, now, err := d.Archive.Plan(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	for _, a := range d.Plans.Head(p, now).Message.Actions {
		if a.Verb == verb {
			return a.Ask, nil
		}
	}
	return nil, nil
}

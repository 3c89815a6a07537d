package check

import (
	"context"
	"time"
)

// State is where one check of a run stands.
type State struct {
	Cursor  Cursor    `json:"cursor,omitempty"`
	Tally   Tally     `json:"tally"`
	Started time.Time `json:"started,omitzero"`
	Finding *Finding  `json:"finding,omitempty"` // set when the check is done
}

// Journal keeps the state of a run, so that another process can go on with it.
// Every write fails with ErrFenced when this process is no longer the one that
// runs it.
type Journal interface {
	// Resume gives the state of one check of this run; the zero State when it
	// has not begun.
	Resume(ctx context.Context, check string) (State, error)
	// Save stores the state and appends the rows (already masked, as lines of
	// CSV without the header), both or neither.
	Save(ctx context.Context, check string, s State, rows [][]string) error
	// Progress tells how far the check is; it may be dropped.
	Progress(check string, p Progress)
}

package commands

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// Ledger is the store as the runner needs it.
type Ledger interface {
	// Record commits, in one transaction, everything that build returns: inbox
	// entry, audit events, run and its job, stop request, plan, decision, posts.
	// If the key was recorded before, nothing is done and duplicate is true. build
	// is called with a new run number when numbered is set, at most once. If the
	// plan to be decided upon is no longer as it was, nothing is done either and the
	// error is fix.ErrMoved.
	Record(ctx context.Context, key string, numbered bool, build func(run int64) Intent) (duplicate bool, err error)
}

// Intent is everything one request changes.
type Intent struct {
	Events []audit.Event
	Run    *check.Order // enqueue this run
	Stop   *Stop
	Plan   *fix.Order      // keep this plan, which Run works out
	Decide *fix.Transition // move a plan on, if it still is as it was
	Posts  []message.Post
}

// Stop asks a run to stop after the chunk it is reading.
type Stop struct {
	Run int64
	By  string // Slack user id
}

// Archive is what has been recorded, for reading.
type Archive interface {
	// Run gives a run with its findings so far. ErrNotFound if there is none.
	Run(ctx context.Context, id int64) (check.Run, error)
	// Plan gives a plan without its content, and the time by which it expires:
	// that of the database that keeps it. ErrNotFound if there is none.
	Plan(ctx context.Context, id int64) (p fix.Plan, now time.Time, err error)
	// Events gives the newest entries that fit, newest first.
	Events(ctx context.Context, f EventFilter) ([]audit.Entry, error)
}

// EventFilter selects audit entries. Zero fields select everything.
type EventFilter struct {
	Actor    string // Slack user id
	Since    time.Time
	Incident string
	Action   string
	Limit    int
}

package commands

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

// Ledger is the store as the runner needs it.
type Ledger interface {
	// Record commits, in one transaction, everything that build returns: inbox
	// entry, audit events, run and its job, stop request, posts. If the key was
	// recorded before, nothing is done and duplicate is true. build is called
	// with a new run number when numbered is set, at most once.
	Record(ctx context.Context, key string, numbered bool, build func(run int64) Intent) (duplicate bool, err error)
}

// Intent is everything one request changes.
type Intent struct {
	Events []audit.Event
	Run    *check.Order // enqueue this run
	Stop   *Stop
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

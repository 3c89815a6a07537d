package commands

import (
	"context"
	"time"

	"github.com/integritybot/integritybot/incidents"
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
	// error is fix.ErrMoved; if an incident is not, or its key is taken, the error is
	// incidents.ErrMoved.
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

	// Incidents move on, if they still are as they were. A new one takes the number that
	// the intent was built with, and so does a notice.
	Incidents []incidents.Change
	Entries   []incidents.Entry
	Notices   []incidents.Notice // are sent
	Draft     *incidents.Sealed  // is kept until it is sent
	// Again is sent again, if it is as it was; Discard is the seal of a draft that is
	// thrown away. Where that is not so any more, the error is incidents.ErrMoved.
	Again   *incidents.Again
	Discard string
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
	IncidentArchive
}

// IncidentArchive is what is recorded about incidents. What is not there is
// incidents.ErrNotFound.
type IncidentArchive interface {
	// Incident gives one, with its version.
	Incident(ctx context.Context, id int64) (incidents.Incident, error)
	// IncidentIn gives the one that holds a channel.
	IncidentIn(ctx context.Context, channel string) (incidents.Incident, error)
	// IncidentOf gives the one that holds a key.
	IncidentOf(ctx context.Context, key string) (incidents.Incident, error)
	// IncidentView gives everything about one, as of one moment.
	IncidentView(ctx context.Context, id int64) (incidents.View, error)
	// Incidents gives those that are not over, or all, the newest first.
	Incidents(ctx context.Context, all bool, limit int) ([]incidents.Opened, error)
	// IncidentOfNotice gives the incident that a notice is about, over or not.
	IncidentOfNotice(ctx context.Context, notice int64) (int64, error)
	// Draft gives a sealed notice, with its number if it was sent; KeepDraft keeps one.
	Draft(ctx context.Context, seal string) (incidents.Sealed, error)
	KeepDraft(ctx context.Context, s incidents.Sealed) error
	// WaitingPlans are those that wait for a decision, the oldest first.
	WaitingPlans(ctx context.Context, limit int) ([]fix.Plan, error)
	// LatestRuns are the last ones that were asked for, the newest first.
	LatestRuns(ctx context.Context, limit int) ([]check.Run, error)
}

// EventFilter selects audit entries. Zero fields select everything.
type EventFilter struct {
	Actor    string // Slack user id
	Since    time.Time
	Incident string
	Action   string
	Limit    int
}

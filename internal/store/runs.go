package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
)

// Run implements commands.Archive.
func (s *Store) Run(ctx context.Context, id int64) (check.Run, error) {
	run, err := readRun(ctx, s.pool, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return check.Run{}, fmt.Errorf("run %d: %w", id, commands.ErrNotFound)
	}
	if err != nil {
		return check.Run{}, fmt.Errorf("read run %d: %w", id, err)
	}
	return run, nil
}

// querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// readRun reads a run and its findings as one statement sees them. What is
// JSON is taken apart here and not by Postgres, which refuses \u0000.
func readRun(ctx context.Context, q querier, id int64) (check.Run, error) {
	var run check.Run
	var asked []byte
	var states []string
	var started, finished *time.Time
	err := q.QueryRow(ctx, `
		SELECT asked, state, reason, stop_by, started, finished,
			ARRAY(SELECT c.state::text FROM run_checks c WHERE c.run = r.id AND c.done)
		FROM runs r WHERE r.id = $1`, id).Scan(&asked, &run.State, &run.Reason, &run.StoppedBy, &started, &finished, &states)
	if err != nil {
		return check.Run{}, err
	}
	if err := json.Unmarshal(asked, &run.Order); err != nil {
		return check.Run{}, fmt.Errorf("decode order: %w", err)
	}
	findings := make([]check.Finding, 0, len(states))
	for _, raw := range states {
		var state check.State
		if err := json.Unmarshal([]byte(raw), &state); err != nil {
			return check.Run{}, fmt.Errorf("decode finding: %w", err)
		}
		findings = append(findings, *state.Finding)
	}
	run.Started, run.Finished = utc(started), utc(finished)
	run.Findings = inOrder(run.Checks, findings)
	return run, nil
}

// inOrder puts findings in the order in which the checks are shown.
func inOrder(names []string, findings []check.Finding) []check.Finding {
	var sorted []check.Finding
	for _, name := range names {
		for _, f := range findings {
			if f.Check == name {
				sorted = append(sorted, f)
			}
		}
	}
	return sorted
}

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// moment is a time for a column that may be NULL.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

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

// runColumns are what scanRun reads of runs r. What is JSON is taken apart there and not
// by Postgres, which refuses \u0000.
const runColumns = `r.asked, r.state, r.reason, r.stop_by, r.started, r.finished, r.incident,
	ARRAY(SELECT c.state::text FROM run_checks c WHERE c.run = r.id AND c.done)`

// readRun reads a run and its findings as one statement sees them.
func readRun(ctx context.Context, q querier, id int64) (check.Run, error) {
	return scanRun(q.QueryRow(ctx, `SELECT `+runColumns+` FROM runs r WHERE r.id = $1`, id))
}

// readRuns reads those that a clause selects.
func readRuns(ctx context.Context, q querier, clause string, args ...any) ([]check.Run, error) {
	rows, err := q.Query(ctx, `SELECT `+runColumns+` FROM runs r `+clause, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (check.Run, error) { return scanRun(row) })
}

func scanRun(row pgx.Row) (check.Run, error) {
	var run check.Run
	var asked []byte
	var states []string
	var started, finished *time.Time
	var incident int64
	if err := row.Scan(&asked, &run.State, &run.Reason, &run.StoppedBy, &started, &finished, &incident, &states); err != nil {
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
	run.Incident, run.Started, run.Finished = incident, utc(started), utc(finished)
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

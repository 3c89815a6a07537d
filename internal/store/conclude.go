package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

// Show sets the head post of a run while it is running. check.ErrFenced: the
// claim was lost.
func (s *Store) Show(ctx context.Context, run, epoch int64, post message.Post) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := fence(ctx, tx, run, epoch); err != nil {
			return err
		}
		var batch pgx.Batch
		if err := queuePosts(&batch, []message.Post{post}, s.now()); err != nil {
			return err
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return fmt.Errorf("show run %d: %w", run, err)
	}
	s.signal()
	return nil
}

func fence(ctx context.Context, tx pgx.Tx, run, epoch int64) error {
	tag, err := tx.Exec(ctx, `SELECT FROM runs WHERE id = $1 AND epoch = $2 AND state = 'running' FOR SHARE`, run, epoch)
	if err == nil && tag.RowsAffected() == 0 {
		err = check.ErrFenced
	}
	return err
}

// Conclude ends a run: its state, reason, findings, posts and audit events in
// one transaction. check.ErrFenced: the claim was lost and nothing is written.
func (s *Store) Conclude(ctx context.Context, epoch int64, run check.Run, posts []message.Post, events []audit.Event) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if err := s.conclude(ctx, epoch, run, posts, events); err != nil {
		return fmt.Errorf("conclude run %d: %w", run.ID, err)
	}
	s.signal()
	return nil
}

func (s *Store) conclude(ctx context.Context, epoch int64, run check.Run, posts []message.Post, events []audit.Event) error {
	conn, tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // a connection with an open transaction is closed by it
	incident, err := s.endRun(ctx, tx, epoch, run)
	if err != nil {
		return err
	}
	var batch pgx.Batch
	if err := queueFindings(&batch, run); err != nil {
		return err
	}
	if err := queuePosts(&batch, posts, s.now()); err != nil {
		return err
	}
	if batch.Len() > 0 {
		if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
	}
	return s.finish(ctx, tx, eventsOf(incident, events))
}

// endRun writes a run's last state, if the claim still holds, and gives the incident
// that it belongs to.
func (s *Store) endRun(ctx context.Context, tx pgx.Tx, epoch int64, run check.Run) (incident int64, err error) {
	err = tx.QueryRow(ctx, `UPDATE runs SET state = $3, reason = $4, stop_by = $5, finished = coalesce($6, $7, clock_timestamp()),
			holder = '', lease = '-infinity'
		WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING incident`,
		run.ID, epoch, run.State, run.Reason, run.StoppedBy, moment(run.Finished), s.now()).Scan(&incident)
	return incident, unlessNone(err, check.ErrFenced)
}

// queueFindings keeps the findings that no journal has: those of checks that
// were never begun or were given up.
func queueFindings(batch *pgx.Batch, run check.Run) error {
	for _, f := range run.Findings {
		state, err := json.Marshal(check.State{Started: f.Started, Tally: f.Tally, Finding: &f})
		if err != nil {
			return fmt.Errorf("encode finding %s: %w", f.Check, err)
		}
		batch.Queue(`INSERT INTO run_checks AS c (run, name, state, done, saves) VALUES ($1, $2, $3, true, 1)
			ON CONFLICT (run, name) DO UPDATE SET state = excluded.state, done = true, saves = c.saves + 1
			WHERE NOT c.done`, run.ID, f.Check, state)
	}
	return nil
}

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// Claim is the right to carry a run on until it expires. Epoch fences: a later
// claim has a higher one, and what an older one writes is refused.
type Claim struct {
	Run   check.Run
	Epoch int64
	// Crashes is how often the run was taken over from a holder that went
	// silent. A run that ends every process it is given to must not go on for ever.
	Crashes int
}

// Claim takes a run that is open and that nobody holds. It fails with
// check.ErrFenced if there is no such run, it is over, or somebody holds it.
func (s *Store) Claim(ctx context.Context, run int64, holder string, ttl time.Duration) (Claim, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var c Claim
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			UPDATE runs SET epoch = epoch + 1, holder = $2, lease = coalesce($4, clock_timestamp()) + $3,
				crashes = crashes + (state = 'running' AND lease > '-infinity')::int,
				state = 'running', started = coalesce(started, $4, clock_timestamp())
			WHERE id = $1 AND state IN ('queued', 'running') AND lease <= coalesce($4, clock_timestamp())
			RETURNING epoch, crashes`, run, holder, ttl, s.now()).Scan(&c.Epoch, &c.Crashes)
		if errors.Is(err, pgx.ErrNoRows) {
			return check.ErrFenced
		}
		if err != nil {
			return err
		}
		c.Run, err = readRun(ctx, tx, run)
		return err
	})
	if err != nil {
		return Claim{}, fmt.Errorf("claim run %d: %w", run, err)
	}
	return c, nil
}

// Extend prolongs a claim and tells who asked the run to stop, if anybody did.
// check.ErrFenced: the claim was lost.
func (s *Store) Extend(ctx context.Context, run, epoch int64, ttl time.Duration) (stopBy string, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	err = s.pool.QueryRow(ctx, `UPDATE runs SET lease = coalesce($4, clock_timestamp()) + $3
		WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING stop_by`, run, epoch, ttl, s.now()).Scan(&stopBy)
	if errors.Is(err, pgx.ErrNoRows) {
		err = check.ErrFenced
	}
	if err != nil {
		return "", fmt.Errorf("extend claim on run %d: %w", run, err)
	}
	return stopBy, nil
}

// Release gives a run back and enqueues it, so that another replica goes on
// with it at once. A claim that was lost is released already.
func (s *Store) Release(ctx context.Context, run, epoch int64) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		d := job{run: run}
		err := tx.QueryRow(ctx, `UPDATE runs SET lease = '-infinity', holder = '', enqueued = coalesce($3, clock_timestamp())
			WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING step`, run, epoch, s.now()).Scan(&d.step)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.enqueue(ctx, tx, []job{d})
	})
	if err != nil {
		return fmt.Errorf("release run %d: %w", run, err)
	}
	return nil
}

// strayAfter is how long an open run that nobody holds may be without a job.
// It gives a job that was just taken from the queue the time to claim its run.
const strayAfter = 5 * time.Second

// Sweep enqueues the runs that somebody has to take over: their holder went
// silent, or their job was lost with the process that had just taken it. Any
// replica may call it at any time. It tells how many there were.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var runs []job
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE runs SET enqueued = coalesce($1, clock_timestamp()) WHERE id IN (
				SELECT id FROM runs r
				WHERE state IN ('queued', 'running') AND lease <= coalesce($1, clock_timestamp())
				  AND enqueued <= coalesce($1, clock_timestamp()) - $2::interval
				  AND NOT EXISTS (SELECT 1 FROM river_job j WHERE j.kind = 'run_check'
					AND j.state IN ('available', 'pending', 'retryable', 'scheduled')
					AND j.scheduled_at <= clock_timestamp() + $2::interval
					AND (j.args ->> 'run')::bigint = r.id)
				FOR UPDATE SKIP LOCKED)
			RETURNING id, step`, s.now(), strayAfter)
		if err != nil {
			return err
		}
		if runs, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (d job, err error) {
			return d, row.Scan(&d.run, &d.step)
		}); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, runs)
	})
	if err != nil {
		return 0, fmt.Errorf("sweep runs: %w", err)
	}
	return len(runs), nil
}

// bounded is for single statements and short transactions: a store that hangs
// is an error after WriteTimeout.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.opts.WriteTimeout, errNoAnswer)
}

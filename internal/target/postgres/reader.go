package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/semaphore"

	"github.com/integritybot/integritybot/internal/check"
)

// Reader reads a target for one run of one check, at that run's pace: at full
// speed with two statements side by side, or politely with one, looking at how
// the database fares after each chunk.
type Reader struct {
	t    *Target
	opts check.Options
	rec  check.Recorder
	gov  *governor

	rows     atomic.Int64 // read so far, in all tables
	progress check.Progress
}

// Reader begins a run.
func (t *Target) Reader(opts check.Options, rec check.Recorder) *Reader {
	r := &Reader{t: t, opts: opts, rec: rec}
	r.gov = &governor{t: t, say: r.paused}
	return r
}

// Full tells whether the run reads at full speed.
func (r *Reader) Full() bool { return r.opts.Full }

// Read is how many rows were read so far in all tables.
func (r *Reader) Read() int64 { return r.rows.Load() }

// AddRead counts rows read. It may be called by several goroutines.
func (r *Reader) AddRead(n int64) { r.rows.Add(n) }

// Expect says how many rows will be read in all, estimated, and how many were
// read by the process that the run goes on from.
func (r *Reader) Expect(total, before int64) {
	r.progress.Total = total
	r.rows.Store(before)
}

// Reading tells which table is being read.
func (r *Reader) Reading(table *Table) {
	r.progress.Reading = table.String()
	r.tell()
}

func (r *Reader) tell() {
	r.progress.Done = r.rows.Load()
	r.progress.Total = max(r.progress.Total, r.progress.Done)
	r.rec.Progress(r.progress)
}

func (r *Reader) paused(why string) {
	r.progress.Paused = why
	r.tell()
}

// Each runs one statement in its turn. For statements outside a walk: it may
// take the target's whole statement time-out when long is set, the time of a
// chunk otherwise.
func (r *Reader) Each(ctx context.Context, long bool, sql string, args []any, each func(pgx.Rows) error) error {
	timeout := r.timeout()
	if long {
		timeout = r.t.opts.StatementTimeout
	}
	s, err := r.t.session(ctx, r.slots(), timeout)
	if err != nil {
		return err
	}
	defer s.Release()
	return s.Each(ctx, sql, args, each)
}

// Now is the database's clock.
func (r *Reader) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := r.Each(ctx, true, "SELECT clock_timestamp()", nil, func(rows pgx.Rows) error { return rows.Scan(&now) })
	return now.UTC().Truncate(time.Microsecond), err
}

// Position is where in its log the database is now, for Result.Position.
func (r *Reader) Position(ctx context.Context) (string, error) {
	var lsn *string
	err := r.Each(ctx, true, `SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text`,
		nil, func(rows pgx.Rows) error { return rows.Scan(&lsn) })
	if err != nil || lsn == nil {
		return "", err
	}
	return "LSN " + *lsn, nil
}

// slots is whose turn the run's statements wait for.
func (r *Reader) slots() *semaphore.Weighted {
	if r.opts.Full {
		return r.t.full
	}
	return r.t.calm
}

// timeout is how long one statement of the run may take before it is tried
// again in halves.
func (r *Reader) timeout() time.Duration {
	if r.opts.Full {
		return r.t.opts.StatementTimeout
	}
	return min(r.t.opts.Polite.StatementTimeout, r.t.opts.StatementTimeout)
}

// aim is how long one statement should take.
func (r *Reader) aim() time.Duration {
	if r.opts.Full {
		return fullAim
	}
	return r.t.opts.Polite.StatementTarget
}

// workers is how many chunks are read side by side.
func (r *Reader) workers() int {
	if r.opts.Full {
		return r.t.opts.Sessions
	}
	return 1
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/fix"
)

const (
	// fixTries is how often a batch is begun that a deadlock or a lost connection
	// ended. Each try reads the record first, so none can double another.
	fixTries = 5
	// fixPause is before the second try; it doubles.
	fixPause = 150 * time.Millisecond
	// claimWait is how long to wait for another process that is inside a batch of
	// the same plan: longer than it can be silent and keep its locks.
	claimWait = idleInTransaction + 5*time.Second
)

// errUnsettled marks an error after which nobody here knows whether the batch
// took effect: it came while the transaction was being committed.
var errUnsettled = errors.New("while committing")

// Apply makes the changes of one batch. See [fix.Applier].
func (x *Fixing) Apply(ctx context.Context, p fix.Plan, forms []fix.Form, b fix.Batch, pass int, only []int) (fix.Result, error) {
	unsettled := false
	for try := 1; ; try++ {
		result, read, err := x.applyOnce(ctx, p, forms, b, pass, only)
		if err == nil {
			return result, nil
		}
		unsettled = errors.Is(err, errUnsettled) || (unsettled && !read)
		if ctx.Err() != nil || try == fixTries || !tryAgain(err) {
			return fix.Result{}, x.notApplied(ctx, p, b, err, unsettled)
		}
		pause := fixPause << (try - 1)
		pause += rand.N(pause) //nolint:gosec // so that two deadlocked batches do not meet again
		if err := x.t.opts.Sleep(ctx, pause); err != nil {
			return fix.Result{}, x.notApplied(ctx, p, b, err, unsettled)
		}
	}
}

// applyOnce is one transaction: the changes and the record of them, or nothing.
// read says that the record was read and did not have the batch.
func (x *Fixing) applyOnce(ctx context.Context, p fix.Plan, forms []fix.Form, b fix.Batch, pass int, only []int) (result fix.Result, read bool, err error) {
	s, err := x.t.session(ctx, nil, x.t.opts.StatementTimeout)
	if err != nil {
		return fix.Result{}, false, err
	}
	defer s.Release()
	w := &work{x: x, conn: s.conn.Conn(), plan: p, forms: forms, batch: b, pass: pass, timeout: x.t.opts.StatementTimeout}
	if err := w.exec(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED"); err != nil {
		return fix.Result{}, false, err
	}
	result, recorded, err := w.make(ctx, only)
	if err != nil || recorded {
		w.rollback(ctx)
		return result, w.read, err
	}
	return result, true, w.commit(ctx)
}

// make does everything of a batch but the commit. recorded says that there is
// nothing to commit: the batch was made before, and result is what became of it.
func (w *work) make(ctx context.Context, only []int) (result fix.Result, recorded bool, err error) {
	if err := w.claim(ctx); err != nil {
		return fix.Result{}, false, err
	}
	result, recorded, err = w.recorded(ctx)
	if err != nil || recorded {
		return result, recorded, err
	}
	w.read = true
	if signals(w.forms) {
		if err := w.signal(ctx, only); err != nil {
			return fix.Result{}, false, err
		}
		result, err = w.record(ctx)
		return result, false, err
	}
	if err := w.prepare(ctx, only); err != nil {
		return fix.Result{}, false, err
	}
	if err := w.run(ctx); err != nil {
		return fix.Result{}, false, err
	}
	// What is checked at the end of a transaction is checked now, while there is
	// somebody to tell.
	if err := w.exec(ctx, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return fix.Result{}, false, err
	}
	if err := w.lookAfter(ctx); err != nil {
		return fix.Result{}, false, err
	}
	result, err = w.record(ctx)
	return result, false, err
}

// work is one transaction under way.
type work struct {
	x     *Fixing
	conn  *pgx.Conn
	plan  fix.Plan
	forms []fix.Form
	batch fix.Batch
	pass  int

	timeout time.Duration // of one statement
	shapes  map[string]*shape
	fates   []fate  // one for each change of the batch
	atoms   []*atom // what is made wholly or not at all
	waited  time.Duration
	alone   bool // one atom is being made
	read    bool // the record does not have the batch
}

// fate is what becomes of one change.
type fate struct {
	atom   *atom
	first  bool // no earlier change of the batch is about the same row
	same   bool // as when the plan was made
	tried  bool
	why    fix.Why // left alone, because; empty: made or still to be made
	made   bool
	before *string // the row as it was right before
	after  *string // and is at the end of the batch
}

// each runs one statement of the transaction. Errors are the driver's own.
func (w *work) each(ctx context.Context, sql string, args []any, each func(pgx.Rows) error) error {
	bounded, cancel := context.WithTimeout(ctx, w.timeout+answerGrace)
	defer cancel()
	rows, err := w.conn.Query(bounded, sql, args...)
	if err != nil {
		return lost(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return lost(rows.Err())
}

// affect runs one statement and tells how many rows it was about.
func (w *work) affect(ctx context.Context, sql string, args []any) (int64, error) {
	bounded, cancel := context.WithTimeout(ctx, w.timeout+answerGrace)
	defer cancel()
	tag, err := w.conn.Exec(bounded, sql, args...)
	return tag.RowsAffected(), lost(err)
}

// exec runs one statement without a result.
func (w *work) exec(ctx context.Context, sql string, args ...any) error {
	if len(args) == 0 {
		args = []any{pgx.QueryExecModeSimpleProtocol}
	}
	return w.each(ctx, sql, args, func(pgx.Rows) error { return nil })
}

// rollback gives everything back. A session that cannot say so is closed, which
// has the server do the same.
func (w *work) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.x.t.opts.ConnectTimeout)
	defer cancel()
	if w.exec(ctx, "ROLLBACK") != nil {
		_ = w.conn.Close(ctx)
	}
}

// commit is not stopped by the caller: a batch is made or not, and known to be.
func (w *work) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.timeout+answerGrace)
	defer cancel()
	tag, err := w.conn.Exec(ctx, "COMMIT")
	var refused *pgconn.PgError
	switch {
	case err == nil && tag.String() == "COMMIT":
		return nil
	case err == nil:
		return fmt.Errorf("commit: the server answered %s", tag)
	case errors.As(err, &refused) && !ended(refused):
		w.rollback(ctx)
		return err
	}
	_ = w.conn.Close(ctx)
	return fmt.Errorf("%w: %w", errUnsettled, err)
}

// withLockTimeout runs something in which waiting for a lock may take so long.
func (w *work) withLockTimeout(ctx context.Context, d time.Duration, do func() error) error {
	const set = "SELECT set_config('lock_timeout', $1, true)"
	if err := w.exec(ctx, set, millis(d)); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return w.exec(ctx, set, millis(w.x.t.opts.LockTimeout))
}

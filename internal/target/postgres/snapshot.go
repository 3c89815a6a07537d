package postgres

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

// together gives several sessions that see one and the same moment, each in a
// read-only transaction. Their turns are taken at once, so that two checks never
// wait for each other's second session.
func (t *Target) together(ctx context.Context, slots *semaphore.Weighted, n int, timeout time.Duration) ([]*Session, error) {
	if err := slots.Acquire(ctx, int64(n)); err != nil {
		return nil, err
	}
	var shared []*Session
	fail := func(err error) ([]*Session, error) {
		t.apart(shared)
		slots.Release(int64(n - len(shared)))
		return nil, err
	}
	snapshot := ""
	for range n {
		s, err := t.session(ctx, nil, timeout)
		if err != nil {
			return fail(err)
		}
		s.slots = slots
		shared = append(shared, s)
		if err := s.exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); err != nil {
			return fail(err)
		}
		if snapshot != "" {
			err = s.exec(ctx, "SET TRANSACTION SNAPSHOT '"+snapshot+"'")
		} else if n > 1 {
			err = s.Row(ctx, "SELECT pg_export_snapshot()", nil, &snapshot)
		}
		if err != nil {
			return fail(err)
		}
	}
	return shared, nil
}

// apart ends the transactions and gives the sessions back. It works after the
// run's context has ended: a transaction must not outlive its run.
func (t *Target) apart(shared []*Session) {
	ctx, cancel := context.WithTimeout(context.Background(), t.opts.ConnectTimeout)
	defer cancel()
	for _, s := range shared {
		if err := s.exec(ctx, "ROLLBACK"); err != nil {
			// A session that cannot be ended in order is not used again.
			_ = s.conn.Conn().Close(ctx)
		}
		s.Release()
	}
}

package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

var _ commands.Ledger = (*Store)(nil)

// errBuild is an intent that cannot be written down: a panic in the function that
// makes it, or something in it that no row can hold. Nobody else's fails with it.
var errBuild = errors.New("the intent could not be built")

// Record implements commands.Ledger. An error means that nothing was done;
// fix.ErrMoved, that the plan to be decided upon is in another state by now, and
// incidents.ErrMoved the same of an incident or a notice. If
// the connection is lost during the commit itself, Record asks on another one
// whether it took effect. Only if the store does not answer that either is it
// not known: the error then is commands.ErrInDoubt, and the same key recorded again
// finds out.
func (s *Store) Record(ctx context.Context, key string, numbered bool, build func(run int64) commands.Intent) (bool, error) {
	if key == "" {
		return false, errors.New("record: no key")
	}
	r := &request{key: key, numbered: numbered, build: build}
	if err := s.commit.do(ctx, r); err != nil {
		return false, fmt.Errorf("record: %w", err)
	}
	return r.duplicate, nil
}

// Append records events that are not part of anything else: start, stop,
// configuration loads.
func (s *Store) Append(ctx context.Context, events ...audit.Event) error {
	r := &request{build: func(int64) commands.Intent { return commands.Intent{Events: events} }}
	if err := s.commit.do(ctx, r); err != nil {
		return fmt.Errorf("append audit events: %w", err)
	}
	return nil
}

// Say sets posts that are not part of anything else.
func (s *Store) Say(ctx context.Context, posts ...message.Post) error {
	r := &request{build: func(int64) commands.Intent { return commands.Intent{Posts: posts} }}
	if err := s.commit.do(ctx, r); err != nil {
		return fmt.Errorf("set posts: %w", err)
	}
	return nil
}

// recordGroup commits a group of requests in one transaction: the keys first,
// then incidents, runs, stops, plans, posts and jobs, and the audit events last, so
// that the head is locked for one round trip.
func (s *Store) recordGroup(ctx context.Context, group []*request) error {
	conn, tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // a connection with an open transaction is closed by it
	numbers, err := s.claimKeys(ctx, tx, group)
	if err != nil {
		return err
	}
	all, err := buildAll(group, numbers)
	if err != nil {
		return err
	}
	if err := s.writeIntent(ctx, tx, all); err != nil {
		if moved(err) { // an answer like any other: the connection stays
			return errors.Join(err, tx.Rollback(ctx))
		}
		return err
	}
	all.bookEvents()
	if err := s.finish(ctx, tx, all.events); err != nil {
		return err
	}
	if len(all.posts) > 0 {
		s.signal()
	}
	return nil
}

// begin tries a second connection if the first turns out to be dead, as all of
// them are after a restart of the server: nothing has been sent until then.
func (s *Store) begin(ctx context.Context) (*pgxpool.Conn, pgx.Tx, error) {
	var first error
	for range 2 {
		conn, err := s.pool.Acquire(ctx)
		if err != nil {
			return nil, nil, errors.Join(first, err)
		}
		tx, err := conn.Begin(ctx)
		if err == nil {
			return conn, tx, nil
		}
		conn.Release()
		first = err
	}
	return nil, nil, first
}

// claimKeys enters the keys of the group, in order so that two groups cannot
// wait for each other, marks duplicates, and draws run numbers.
func (s *Store) claimKeys(ctx context.Context, tx pgx.Tx, group []*request) ([]int64, error) {
	var keys []string
	numbered := 0
	for _, r := range group {
		if r.key != "" {
			keys = append(keys, r.key)
		}
		if r.numbered {
			numbered++
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	slices.Sort(keys)
	var batch pgx.Batch
	batch.Queue(`INSERT INTO inbox (key, at) SELECT k, coalesce($2, clock_timestamp()) FROM unnest($1::text[]) WITH ORDINALITY AS t(k, n)
		ORDER BY n ON CONFLICT DO NOTHING RETURNING key`, slices.Compact(keys), s.now())
	batch.Queue(`SELECT nextval('run_numbers') FROM generate_series(1, $1)`, numbered)
	results := tx.SendBatch(ctx, &batch)
	fresh, err := collect[string](results)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("inbox: %w", err), results.Close())
	}
	numbers, err := collect[int64](results)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("run number: %w", err), results.Close())
	}
	markDuplicates(group, fresh)
	return numbers, results.Close()
}

func markDuplicates(group []*request, fresh []string) {
	left := make(map[string]bool, len(fresh))
	for _, k := range fresh {
		left[k] = true
	}
	for _, r := range group {
		r.duplicate = r.key != "" && !left[r.key]
		left[r.key] = false // a second one of the same group is a duplicate as well
	}
}

func collect[T any](results pgx.BatchResults) ([]T, error) {
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

// buildAll builds each request that is not a duplicate, once, even if the
// group is tried again one by one.
func buildAll(group []*request, numbers []int64) (changes, error) {
	all := changes{booked: map[int64]int64{}}
	for _, r := range group {
		number := int64(0)
		if r.numbered {
			number, numbers = numbers[0], numbers[1:]
		}
		if r.duplicate {
			continue
		}
		if err := r.make(number); err != nil {
			return all, err
		}
		all.add(r.intent)
	}
	all.sort()
	return all, nil
}

func (r *request) make(number int64) (err error) {
	if r.built {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: panic: %v", errBuild, v)
		}
	}()
	r.intent = r.build(number)
	r.built = true
	return nil
}

// writeIntent writes everything but the audit events, in one round trip.
func (s *Store) writeIntent(ctx context.Context, tx pgx.Tx, all changes) error {
	var batch pgx.Batch
	if err := queueIntent(&batch, all, s.now()); err != nil {
		return fmt.Errorf("%w: %w", errBuild, err)
	}
	if batch.Len() > 0 {
		if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
			return fmt.Errorf("write intent: %w", asMoved(err))
		}
	}
	runs := make([]job, len(all.runs))
	for i, order := range all.runs {
		runs[i] = job{order.ID, order.Step}
	}
	return s.enqueue(ctx, tx, runs)
}

// finish appends the events and commits. The head is locked by the first
// statement and given up by the commit, with one round trip between them.
func (s *Store) finish(ctx context.Context, tx pgx.Tx, events []audit.Event) error {
	var batch pgx.Batch
	if err := s.queueEvents(ctx, tx, &batch, events); err != nil {
		return err
	}
	batch.Queue("COMMIT")
	switch err := sendCommit(ctx, tx, &batch); {
	case err == nil:
		return nil
	case refused(err):
		return fmt.Errorf("append audit events and commit: %w", err)
	default: // everything was sent: whichever answer is missing, the last may have been given
		return fmt.Errorf("%w: %w", errInDoubt, err)
	}
}

// sendCommit sends a batch that ends in COMMIT.
func sendCommit(ctx context.Context, tx pgx.Tx, batch *pgx.Batch) error {
	results := tx.SendBatch(ctx, batch)
	var tag pgconn.CommandTag
	for range batch.Len() {
		var err error
		if tag, err = results.Exec(); err != nil {
			return errors.Join(err, results.Close())
		}
	}
	if !strings.HasPrefix(tag.String(), "COMMIT") { // an aborted transaction answers ROLLBACK
		return errors.Join(pgx.ErrTxCommitRollback, results.Close())
	}
	return results.Close()
}

package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/integritybot/integritybot/internal/check"
)

const (
	fetchRows     = 1_000 // rows fetched at once
	saveQueryRows = 5_000 // rows between saves
)

// queryRun runs a query twice, some time apart, and hands over the rows whose
// keys came both times. Of the first run only a hash per key is kept: 8 bytes a
// row, however many there are.
type queryRun struct {
	r     *Reader
	words *Query
	shape *queryShape
	state *queryState
	now   time.Time
	rec   check.Recorder

	seed   maphash.Seed
	before []uint64
}

func (q *queryRun) twice(ctx context.Context) error {
	q.seed = maphash.MakeSeed()
	if err := q.stream(ctx, func(row check.Row) error {
		q.before = append(q.before, q.hash(row.Key))
		if q.state.Rows+int64(len(q.before)) > q.words.MaxRows {
			return problemf("The query returned more than %d rows: it is the query that is wrong, or max_rows is too small.", q.words.MaxRows)
		}
		return nil
	}); err != nil {
		return err
	}
	if len(q.before) == 0 {
		return q.save(ctx)
	}
	slices.Sort(q.before)
	if err := q.r.t.opts.Sleep(ctx, q.r.t.opts.SecondLook); err != nil {
		return err
	}
	if err := q.confirm(ctx); err != nil {
		return err
	}
	return q.save(ctx)
}

// confirm is the second run. It saves only between rows of different keys, so
// that a run that goes on behind a key repeats none and leaves none out.
func (q *queryRun) confirm(ctx context.Context) error {
	unsaved := 0
	var last []string
	return q.stream(ctx, func(row check.Row) error {
		q.state.Rows++
		if _, both := slices.BinarySearch(q.before, q.hash(row.Key)); !both {
			return nil
		}
		if unsaved >= saveQueryRows && !slices.Equal(last, row.Key) {
			rows := q.state.Rows
			q.state.Last, q.state.Rows = last, rows-1
			if err := q.save(ctx); err != nil {
				return err
			}
			q.state.Rows, unsaved = rows, 0
		}
		q.rec.Found(row)
		last, unsaved = row.Key, unsaved+1
		return nil
	})
}

func (q *queryRun) save(ctx context.Context) error {
	q.state.Read = q.r.Read()
	next, err := json.Marshal(q.state)
	if err != nil {
		return fmt.Errorf("write the cursor: %w", err)
	}
	return q.rec.Save(ctx, next)
}

func (q *queryRun) hash(key []string) uint64 { return maphash.String(q.seed, joined(key)) }

// stream runs the query in a read-only transaction and fetches its rows through
// a cursor.
func (q *queryRun) stream(ctx context.Context, each func(check.Row) error) error {
	since := "TRUE"
	if q.r.opts.Since > 0 {
		since = Column{Name: q.words.Time}.In("ib_query") + " >= " + moment(q.now.Add(-q.r.opts.Since))
	}
	sql, args := q.words.sql(q.shape, q.state.Last, since)
	shared, err := q.r.t.together(ctx, q.r.slots(), 1, q.r.t.opts.StatementTimeout)
	if err != nil {
		return err
	}
	defer q.r.t.apart(shared)
	s := shared[0]
	if err := s.Each(ctx, "DECLARE ib_rows NO SCROLL CURSOR FOR "+sql, args, func(pgx.Rows) error { return nil }); err != nil {
		return err
	}
	for {
		batch, err := q.fetch(ctx, s)
		if err != nil {
			return err
		}
		q.r.AddRead(int64(len(batch)))
		q.r.tell()
		for _, row := range batch {
			if err := each(row); err != nil {
				return err
			}
		}
		if len(batch) < fetchRows {
			return nil
		}
	}
}

func (q *queryRun) fetch(ctx context.Context, s *Session) ([]check.Row, error) {
	var batch []check.Row
	err := s.Each(ctx, fmt.Sprintf("FETCH %d FROM ib_rows", fetchRows), nil, func(rows pgx.Rows) error {
		row := check.Row{Key: make([]string, len(q.shape.key)), Values: make([]*string, len(q.shape.cols))}
		var money, currency *string
		var at pgtype.Timestamptz
		dest := pointers(row.Key)
		for i := range row.Values {
			dest = append(dest, &row.Values[i])
		}
		if err := rows.Scan(append(dest, &money, &currency, &at)...); err != nil {
			return fmt.Errorf("read a row of the query: %w", err)
		}
		decorate(&row, money, currency, at)
		batch = append(batch, row)
		return nil
	})
	return batch, err
}

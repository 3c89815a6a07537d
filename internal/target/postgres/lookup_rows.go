package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// lookupAtOnce is how many keys one statement looks for.
const lookupAtOnce = 5000

// Rows reads the rows of keys, in their order: of each the columns as text, nil is NULL,
// and nil for a key that has none, such as one that the column could not hold. now is
// the database's clock before it looked. Of two rows with one key the result is a
// Problem.
func (l *Lookup) Rows(ctx context.Context, keys []string) (rows [][]*string, now time.Time, err error) {
	rows = make([][]*string, len(keys))
	some, places := make([]string, 0, min(len(keys), lookupAtOnce)), make([]int, 0, min(len(keys), lookupAtOnce))
	flush := func() error {
		at, err := l.some(ctx, some, places, rows)
		if now.IsZero() {
			now = at
		}
		some, places = some[:0], places[:0]
		return err
	}
	for i, key := range keys {
		if !l.as.possible(key) {
			continue
		}
		if some, places = append(some, key), append(places, i); len(some) == lookupAtOnce {
			if err := flush(); err != nil {
				return nil, now, err
			}
		}
	}
	if len(some) > 0 || now.IsZero() {
		err = flush()
	}
	return rows, now, err
}

// some looks for as many keys as one statement may, in a session of its own, so that
// others have their turn.
func (l *Lookup) some(ctx context.Context, keys []string, places []int, into [][]*string) (now time.Time, err error) {
	if l.full {
		return l.read(ctx, keys, places, into)
	}
	l.polite.Lock()
	defer l.polite.Unlock()
	began := l.t.opts.Now()
	if now, err = l.read(ctx, keys, places, into); err != nil {
		return now, err
	}
	return now, l.gov.after(ctx, l.t.opts.Now().Sub(began), l.t.opts.Polite.StatementTarget)
}

func (l *Lookup) read(ctx context.Context, keys []string, places []int, into [][]*string) (now time.Time, err error) {
	slots := l.t.full
	if !l.full {
		slots = l.t.calm
	}
	s, err := l.t.session(ctx, slots, l.t.opts.StatementTimeout)
	if err != nil {
		return now, err
	}
	defer s.Release()
	if err := s.Row(ctx, "SELECT clock_timestamp()", nil, &now); err != nil || len(keys) == 0 {
		return now.UTC(), err
	}
	t := newRowTexts(len(l.types), len(keys))
	err = s.Each(ctx, l.sql, []any{keys}, func(rows pgx.Rows) error {
		raw := rows.RawValues()
		place, err := strconv.Atoi(string(raw[0]))
		if err != nil || place < 1 || place > len(places) {
			return fmt.Errorf("look rows up: place %q of %d: %w", raw[0], len(places), err)
		}
		if into[places[place-1]] != nil {
			return &check.Problem{Sentence: fmt.Sprintf("Column %s of table %s does not tell its rows apart: two have the same one. Name another column in key.", l.key.Name, l.table)}
		}
		into[places[place-1]] = t.row(raw[1:])
		return nil
	})
	return now.UTC(), err
}

// rowTexts makes rows of what the server sent with few allocations: a check reads millions.
type rowTexts struct {
	columns int
	cells   []string
	rows    []*string
	buffer  []byte
}

func newRowTexts(columns, rows int) *rowTexts {
	return &rowTexts{columns: columns, cells: make([]string, columns*rows), rows: make([]*string, columns*rows)}
}

// row keeps the texts of one row, which all columns are selected as.
func (t *rowTexts) row(raw [][]byte) []*string {
	t.buffer = t.buffer[:0]
	for _, one := range raw {
		t.buffer = append(t.buffer, one...)
	}
	all, from := string(t.buffer), 0
	row := t.rows[:t.columns:t.columns]
	for i, one := range raw {
		if one == nil {
			continue
		}
		t.cells[i] = all[from : from+len(one)]
		row[i] = &t.cells[i]
		from += len(one)
	}
	t.cells, t.rows = t.cells[t.columns:], t.rows[t.columns:]
	return row
}

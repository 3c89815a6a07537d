package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	// allAtOnce is how many rows one statement reads, about: none is long.
	allAtOnce = 20_000
	// rangesSince is the first version that reads a range of blocks without the others
	// (Postgres 14 release notes, "TID range scans").
	rangesSince = 140_000
)

// A table with others below it, or in parts, has no blocks of its own that are all.
const blocksSQL = `
SELECT reltuples::bigint, pg_relation_size(oid) / current_setting('block_size')::bigint
FROM pg_class WHERE oid = $1 AND relkind = 'r' AND NOT relhassubclass`

// All hands over the rows of the table with their keys, piece by piece, if it has about
// so many at most: to read a whole table costs a tenth of looking its rows up. What each
// gets is its own until it returns; a NULL is nil. Rows that move meanwhile may come
// twice, or not at all: who needs one that did not come looks it up. read is false if
// there are more rows, or it is not known how many.
func (l *Lookup) All(ctx context.Context, most int64, each func(key []byte, row [][]byte) error) (read bool, err error) {
	var rows, blocks int64
	err = l.t.query(ctx, blocksSQL, []any{l.table.OID}, func(r pgx.Rows) error { return r.Scan(&rows, &blocks) })
	l.t.mu.Lock()
	version := l.t.version
	l.t.mu.Unlock()
	if err != nil || rows <= 0 || rows > most || version < rangesSince {
		return false, err
	}
	step := max(1, blocks*allAtOnce/rows)
	for from := int64(0); from < blocks; from += step {
		if err := l.blocks(ctx, from, from+step, each); err != nil {
			return false, err
		}
	}
	return true, nil
}

// blocks is one statement in one session, so that others have their turn.
func (l *Lookup) blocks(ctx context.Context, from, to int64, each func(key []byte, row [][]byte) error) error {
	s, err := l.t.session(ctx, l.t.full, l.t.opts.StatementTimeout)
	if err != nil {
		return err
	}
	defer s.Release()
	return s.Each(ctx, l.all, []any{fmt.Sprintf("(%d,0)", from), fmt.Sprintf("(%d,0)", to)}, func(rows pgx.Rows) error {
		raw := rows.RawValues()
		return each(raw[0], raw[1:])
	})
}

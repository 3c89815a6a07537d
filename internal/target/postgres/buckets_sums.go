package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// begin starts bucket sums.
func (c *comparison) begin(ctx context.Context) error {
	buckets := c.limits.buckets
	if buckets == 0 {
		buckets = fewBuckets
		if c.left.table.Estimate() >= manyRows {
			buckets = manyBuckets
		}
	}
	c.sketch = newSketch(buckets)
	c.state.Seed = c.state.Now.UnixNano()
	files, oldest, err := c.place(ctx, "pg_snapshot_xmin")
	c.state.Files, c.state.Oldest = files, oldest
	return err
}

// place is where the tables lie on disk, and a bound of the present snapshot.
func (c *comparison) place(ctx context.Context, bound string) (files []uint32, xid string, err error) {
	files = make([]uint32, 2)
	err = c.r.Each(ctx, false, "SELECT pg_relation_filenode($1::oid), pg_relation_filenode($2::oid), "+bound+"(pg_current_snapshot())::text",
		[]any{c.left.table.OID, c.right.table.OID},
		func(rows pgx.Rows) error { return rows.Scan(&files[0], &files[1], &xid) })
	return files, xid, err
}

func (c *comparison) sumLeft(ctx context.Context) error  { return c.sum(ctx, &c.left, false) }
func (c *comparison) sumRight(ctx context.Context) error { return c.sum(ctx, &c.right, true) }

// sum reads one side, page by page, in any order.
func (c *comparison) sum(ctx context.Context, side *ledger, minus bool) error {
	buckets := len(c.sketch.sums)
	return Walk(ctx, c.r, Span{Table: side.table, From: c.state.At},
		func(ctx context.Context, s *Session, rng Range) (chunkSums, error) {
			where, args := rng.Where(side.alias, 1)
			return side.readSums(ctx, s, side.sums(c.state.Seed, buckets, where), args)
		},
		func(ctx context.Context, sums chunkSums, at Position) error {
			if err := c.sketch.add(sums.sums, minus); err != nil {
				return err
			}
			c.r.AddRead(sums.read)
			c.state.Scanned += sums.judged
			c.state.At = at
			return c.lookout.Step(ctx, c.cursor)
		})
}

// light lights the buckets of all keys that changed while the sums were read.
//
// Reading by pages, each chunk in its own snapshot, may miss a row that an
// update moves from a page not yet read to one already read, or see it twice;
// and the two sides are read at different moments. Either may turn a wrong key's
// sum into zero. But every row that came to stand where it stands since the
// beginning was written by a transaction that had not ended then, so that its
// xmin tells; and its key is then looked at exactly. So no key is missed that
// was wrong all the time. (A deletion leaves no row, but it cannot hide a key
// that is wrong before and after every single change.)
//
// The look at xmin needs one snapshot per table, which is held for one pass of
// it and for no arithmetic. It is left out when no transaction ended meanwhile.
// A writing transaction that was open long before the beginning makes everything
// written since it began count as changed: more to look at, nothing missed.
func (c *comparison) light(ctx context.Context) error {
	files, next, err := c.place(ctx, "pg_snapshot_xmax")
	switch {
	case err != nil:
		return err
	case !slices.Equal(files, c.state.Files):
		// Written anew meanwhile (VACUUM FULL, CLUSTER, pg_repack), which moves
		// rows without a trace.
		c.resort(c.means.exact())
		return nil
	case next == c.state.Oldest:
		return nil
	}
	if err := c.lightChanged(ctx, &c.left); err != nil {
		return err
	}
	return c.lightChanged(ctx, &c.right)
}

func (c *comparison) lightChanged(ctx context.Context, side *ledger) error {
	oldest, err := strconv.ParseUint(c.state.Oldest, 10, 64)
	if err != nil {
		return fmt.Errorf("read the cursor: %w", err)
	}
	// A row's xmin has the lower 32 bits; 0 to 2 are no transactions.
	xid := strconv.FormatUint(max(oldest&math.MaxUint32, 3), 10)
	read := func(ctx context.Context, s *Session, rng Range) ([]int32, error) {
		where, args := rng.Where(side.alias, 2)
		var buckets []int32
		err := s.Each(ctx, fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE %s AND age(%s.xmin) <= age($1::text::xid) AND %s",
			side.bucket(c.state.Seed, len(c.sketch.sums)), side.from(), where, side.alias, side.present()),
			append([]any{xid}, args...), func(rows pgx.Rows) error {
				var b int32
				err := rows.Scan(&b)
				buckets = append(buckets, b)
				return err
			})
		return buckets, err
	}
	accept := func(_ context.Context, buckets []int32, _ Position) error {
		for _, b := range buckets {
			c.sketch.lit[b] = true
		}
		return nil
	}
	err = Walk(ctx, c.r, Span{Table: side.table, Snapshot: true}, read, accept)
	if !errors.Is(err, ErrSnapshot) {
		return err
	}
	// A chunk took too long. One statement is one snapshot as well.
	s, err := c.r.t.session(ctx, c.r.slots(), c.r.t.opts.StatementTimeout)
	if err != nil {
		return err
	}
	defer s.Release()
	buckets, err := read(ctx, s, Range{span: &Span{Table: side.table}, to: -1})
	if err != nil {
		return err
	}
	return accept(ctx, buckets, Position{})
}

// unlight takes right rows without a left row out of the sums when many buckets
// are lit: they are somebody else's finding (an orphans check's) and would light
// buckets for ever. What still is lit has to be few.
func (c *comparison) unlight(ctx context.Context) error {
	buckets := float64(len(c.sketch.sums))
	if c.means.ranged && float64(len(c.sketch.buckets())) > manyLit*buckets {
		if err := c.subtractStrays(ctx); err != nil {
			return err
		}
	}
	most := tooManyLit
	if c.limits.crowded > 0 {
		most = c.limits.crowded
	}
	if float64(len(c.sketch.buckets())) > most*buckets {
		c.resort(c.means.exact())
		c.state.Crowded = true
	}
	return nil
}

// subtractStrays walks the right rows by key, so that each chunk is an
// anti-join of two index-only scans, but for the rows that do lack a left row.
func (c *comparison) subtractStrays(ctx context.Context) error {
	buckets := len(c.sketch.sums)
	return Walk(ctx, c.r, Span{Table: c.right.table, Key: c.means.rightWalk, From: c.state.At},
		func(ctx context.Context, s *Session, rng Range) (chunkSums, error) {
			where, args := c.withoutLeft(rng)
			return c.right.readSums(ctx, s, c.right.sums(c.state.Seed, buckets, where), args)
		},
		func(ctx context.Context, sums chunkSums, at Position) error {
			if err := c.sketch.add(sums.sums, false); err != nil {
				return err
			}
			c.state.At = at
			return c.lookout.Step(ctx, c.cursor)
		})
}

// withoutLeft is the condition of right rows of a range that have no left row.
func (c *comparison) withoutLeft(rng Range) (string, []any) {
	where, args := rng.Where(c.right.alias, 1)
	within, more := "TRUE", []any(nil)
	if sameOrder(c.means.rightWalk, c.means.leftWalk) {
		within, more = rng.On("ib_p", c.means.leftWalk, len(args)+1)
	}
	return where + " AND " + c.noLeft(within), append(args, more...)
}

// noLeft is the condition that no left row, out of those within, has a right
// row's key. The left table is called ib_p.
func (c *comparison) noLeft(within string) string {
	parts := make([]string, len(c.left.key))
	for i, l := range c.left.key {
		parts[i] = l.In("ib_p") + " = " + c.right.key[i].In(c.right.alias)
	}
	return fmt.Sprintf("NOT EXISTS (SELECT 1 FROM %s AS ib_p WHERE %s AND %s)",
		c.left.table.SQL(), strings.Join(parts, " AND "), within)
}

package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// How a comparison of two tables is carried out.
const (
	// planDirect is one statement over both tables: for small ones, and the last
	// resort where nothing else is possible.
	planDirect = "one statement"
	// planRanges walks both tables by the same ranges of the key: for tables
	// that lie on disk in about that order, and where most keys have to be
	// looked at anyway.
	planRanges = "key ranges"
	// planSums is bucket sums over physical pages, see sketch: for big tables in
	// any other order.
	planSums = "bucket sums"
)

const (
	// Tables of so many rows together are compared by one statement.
	directRowsPolite = 100_000
	directRowsFull   = 300_000
	// A key at least so correlated with the physical order is walked by ranges.
	clustered = 0.9
	// With more of the buckets lit than this, right rows that belong to no left
	// row are taken out of the sums; with more than that, looking at the keys of
	// lit buckets costs more than reading everything by ranges.
	manyLit    = 0.02
	tooManyLit = 0.25
)

// means is what the catalog allows for a comparison.
type means struct {
	leftIndex []Column // the left key in the order of an index
	rightKey  []Column // the right key, column by column the same
	indexed   bool     // right rows can be found by key
	ranged    bool     // ranges of the left key are ranges of an index on the right
	summed    bool     // bucket sums are possible
	rightWalk []Column // the right key in the order of an index; leftWalk the same
	leftWalk  []Column
}

// survey looks at what the catalog allows.
func (c *comparison) survey() means {
	var m means
	_, m.leftIndex, _ = c.left.table.IndexOn(c.left.key)
	if m.leftIndex == nil {
		return m
	}
	m.rightKey = counterpart(m.leftIndex, c.left.key, c.right.key)
	_, m.rightWalk, m.indexed = c.right.table.IndexOn(c.right.key)
	if m.indexed {
		m.leftWalk = counterpart(m.rightWalk, c.right.key, c.left.key)
		m.ranged = sameOrder(m.leftIndex, m.rightKey) &&
			slices.Equal(columnNames(m.rightKey), columnNames(m.rightWalk))
	}
	m.summed = c.hashable() && pagesWork(c.r.t, c.left.table) && pagesWork(c.r.t, c.right.table)
	return m
}

func pagesWork(t *Target, table *Table) bool { return (Span{Table: table}).check(t) == nil }

// hashable tells whether equal keys have equal hashes on both sides.
func (c *comparison) hashable() bool {
	for i, l := range c.left.key {
		r := c.right.key[i]
		if hashFamily(l.Type) == "" || hashFamily(l.Type) != hashFamily(r.Type) || l.Collation != r.Collation {
			return false
		}
	}
	return true
}

// counterpart gives the columns of to that stand for cols, which are from in
// another order.
func counterpart(cols, from, to []Column) []Column {
	out := make([]Column, len(cols))
	for i, c := range cols {
		out[i] = to[slices.IndexFunc(from, func(f Column) bool { return f.Name == c.Name })]
	}
	return out
}

// choose finds the plan for this run.
func (c *comparison) choose(ctx context.Context) (string, error) {
	m := c.means
	few := int64(directRowsPolite)
	if c.r.Full() {
		few = directRowsFull
	}
	if c.limits.direct > 0 {
		few = c.limits.direct
	}
	switch {
	case c.left.table.Estimate()+c.right.table.Estimate() <= few:
		return planDirect, nil
	case c.r.opts.Since > 0:
		// Few left rows: they are walked and their right rows looked up.
		if m.leftIndex != nil && m.indexed && sameOrder(m.leftIndex, m.rightKey) {
			return planRanges, nil
		}
		return planDirect, nil
	}
	if m.ranged && m.summed {
		correlation, err := c.correlation(ctx)
		if err != nil || correlation < clustered {
			return planSums, err
		}
		return planRanges, nil
	}
	return m.otherwise(), nil
}

// otherwise is the plan that does without luck.
func (m means) otherwise() string {
	switch {
	case m.ranged:
		return planRanges
	case m.summed:
		return planSums
	}
	return planDirect
}

// exact is the plan for when too many keys differ for bucket sums.
func (m means) exact() string {
	if m.ranged {
		return planRanges
	}
	return planDirect
}

// correlation is how well the right rows lie in the order of their key, from 0
// to 1; 0 when the table was never analysed.
func (c *comparison) correlation(ctx context.Context) (float64, error) {
	var found *float32
	err := c.r.Each(ctx, false, `SELECT max(correlation) FROM pg_stats WHERE schemaname = $1 AND tablename = $2 AND attname = $3`,
		[]any{c.right.table.Schema, c.right.table.Name, c.means.rightKey[0].Name},
		func(rows pgx.Rows) error { return rows.Scan(&found) })
	if err != nil || found == nil {
		return 0, err
	}
	return math.Abs(float64(*found)), nil
}

// notes say what would make the comparison cheaper.
func (c *comparison) notes() []string {
	var notes []string
	if !c.means.indexed && c.state.Plan != planDirect || c.state.Large {
		notes = append(notes, fmt.Sprintf("An index on %s (%s) would let this check read less, in smaller pieces.",
			c.right.table, strings.Join(columnNames(c.right.key), ", ")))
	}
	if c.state.Crowded {
		notes = append(notes, fmt.Sprintf("Too many keys of %s and %s differ, even if within the tolerance, for bucket sums: read exactly instead.",
			c.left.table, c.right.table))
	}
	return notes
}

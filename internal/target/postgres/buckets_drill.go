package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// drill looks exactly at the keys of the lit buckets.
func (c *comparison) drill(ctx context.Context) error {
	c.lit = c.sketch.buckets()
	if len(c.lit) == 0 {
		return nil
	}
	filter := c.inLit(true)
	if c.r.Full() && c.means.indexed && c.state.At.isBeginning() {
		err := c.drillPages(ctx, filter)
		if !errors.Is(err, ErrSnapshot) {
			return err
		}
	}
	if c.means.indexed && sameOrder(c.means.leftIndex, c.means.rightKey) {
		return c.walkKeys(ctx, filter, func(glance, int64) {})
	}
	return c.drillByLists(ctx, filter)
}

// drillPages is drill at full speed: the left table is read page by page in one
// snapshot, which is three times as fast as by key and misses no row that moves
// either, and the right rows of each lit key are looked up. Too many of them,
// or a chunk that takes too long, is ErrSnapshot; nothing was handed over then.
func (c *comparison) drillPages(ctx context.Context, filter string) error {
	var suspects []Suspect
	err := Walk(ctx, c.r, Span{Table: c.left.table, Snapshot: true},
		func(ctx context.Context, s *Session, rng Range) (glance, error) {
			where, args := rng.Where(c.left.alias, 1)
			keys, err := s.keys(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s AND %s",
				texts(c.left.alias, c.left.key), c.left.from(), where, filter), args, len(c.left.key))
			if err == nil && len(keys) > drillLists {
				err = ErrSplit
			}
			if err != nil {
				return glance{}, err
			}
			return c.glanceAtKeys(ctx, s, keys)
		},
		func(_ context.Context, g glance, _ Position) error {
			if suspects = append(suspects, g.suspects...); len(suspects) > lookWaiting {
				return ErrSnapshot
			}
			return nil
		})
	if err != nil {
		return err
	}
	c.lookout.Add(suspects...)
	return nil
}

// glanceAtKeys looks exactly at the rows of some keys.
func (c *comparison) glanceAtKeys(ctx context.Context, s *Session, keys [][]string) (glance, error) {
	var g glance
	for batch := range slices.Chunk(keys, lookBatchFull) {
		sql, args := c.brief(c.judge, chosen(c.left.key, c.right.key, batch))
		if err := s.Each(ctx, sql, args, func(rows pgx.Rows) error { return c.glanceAt(rows, &g) }); err != nil {
			return g, err
		}
	}
	return g, nil
}

// inLit is the condition that a left row's key is in a lit bucket, or not.
func (c *comparison) inLit(in bool) string {
	if c.lit == nil {
		c.lit = c.sketch.buckets()
	}
	numbers := make([]string, len(c.lit))
	for i, b := range c.lit {
		numbers[i] = strconv.Itoa(int(b))
	}
	not := ""
	if !in {
		not = "NOT "
	}
	return fmt.Sprintf("%s%s = ANY ('{%s}'::integer[])", not, c.left.bucket(c.state.Seed, len(c.sketch.sums)), strings.Join(numbers, ","))
}

// drillLists is how many keys are looked at in one statement where each
// statement has to read the right table as a whole.
const drillLists = 50_000

// drillByLists is drill without an index on the right: the keys are collected
// and looked at many at a time.
func (c *comparison) drillByLists(ctx context.Context, filter string) error {
	var keys [][]string
	judgeKeys := func() error {
		sql, args := c.brief(c.judge, chosen(c.left.key, c.right.key, keys))
		g, err := c.glance(ctx, true, sql, args)
		keys = nil
		c.lookout.Add(g.suspects...)
		return err
	}
	err := Walk(ctx, c.r, Span{Table: c.left.table, Key: c.means.leftIndex, From: c.state.At},
		func(ctx context.Context, s *Session, rng Range) ([][]string, error) {
			where, args := rng.Where(c.left.alias, 1)
			return s.keys(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s AND %s",
				texts(c.left.alias, c.left.key), c.left.from(), where, filter), args, len(c.left.key))
		},
		func(ctx context.Context, found [][]string, at Position) error {
			keys = append(keys, found...)
			if len(keys) < drillLists {
				return nil // not saved: a run that goes on reads these again
			}
			if err := judgeKeys(); err != nil {
				return err
			}
			c.state.At = at
			return c.lookout.Step(ctx, c.cursor)
		})
	if err != nil || len(keys) == 0 {
		return err
	}
	return judgeKeys()
}

// keys runs a statement whose rows are keys of n columns, as text.
func (s *Session) keys(ctx context.Context, sql string, args []any, n int) ([][]string, error) {
	var keys [][]string
	err := s.Each(ctx, sql, args, func(rows pgx.Rows) error {
		key := make([]string, n)
		dest := make([]any, n)
		for i := range key {
			dest[i] = &key[i]
		}
		keys = append(keys, key)
		return rows.Scan(dest...)
	})
	return keys, err
}

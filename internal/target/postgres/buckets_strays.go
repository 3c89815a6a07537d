package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// strays are right rows whose key no left row has, for kinds that report them.
type strays struct {
	way string
	// keys is the statement that gives the keys, as text, of right rows under a
	// condition; full gives the rows as they are shown.
	keys func(where string) string
	full func(where string) string
	scan func(rows pgx.Rows) (Failing, error)
}

// walkStrays finds them by walking the right rows by key.
func (c *comparison) walkStrays(ctx context.Context) error {
	if c.strays == nil {
		return nil
	}
	if !c.means.indexed {
		return c.directStrays(ctx)
	}
	return Walk(ctx, c.r, Span{Table: c.right.table, Key: c.means.rightWalk, From: c.state.At},
		func(ctx context.Context, s *Session, rng Range) ([][]string, error) {
			where, args := c.withoutLeft(rng)
			keys, err := s.keys(ctx, c.strays.keys(where), args, len(c.right.key))
			if err == nil && len(keys) > suspectsPerChunk && !rng.Whole {
				return nil, ErrSplit
			}
			return keys, err
		},
		func(ctx context.Context, keys [][]string, at Position) error {
			c.state.At = at
			c.addStrays(keys)
			return c.lookout.Step(ctx, c.cursor)
		})
}

// directStrays finds them in one statement.
func (c *comparison) directStrays(ctx context.Context) error {
	if c.strays == nil {
		return nil
	}
	s, err := c.r.t.session(ctx, c.r.slots(), c.r.t.opts.StatementTimeout)
	if err != nil {
		return err
	}
	keys, err := s.keys(ctx, c.strays.keys(c.right.present()+" AND "+c.noLeft("TRUE")), nil, len(c.right.key))
	s.Release()
	c.addStrays(keys)
	return err
}

func (c *comparison) addStrays(keys [][]string) {
	for _, k := range keys {
		c.lookout.Add(Suspect{Key: k, Way: c.strays.way})
	}
}

// lookStrays is the second look at them.
func (c *comparison) lookStrays(ctx context.Context, s *Session, keys [][]string) ([]Failing, error) {
	if c.strays == nil {
		return nil, nil
	}
	where, args := chosen(c.left.key, c.right.key, keys).right(c.right.alias, 1)
	where += " AND " + c.noLeft("TRUE")
	var failing []Failing
	err := s.Each(ctx, c.strays.full(where), args, func(rows pgx.Rows) error {
		f, err := c.strays.scan(rows)
		f.Way = c.strays.way
		failing = append(failing, f)
		return err
	})
	return failing, err
}

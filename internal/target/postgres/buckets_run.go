package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// comparison carries out one run of a check that compares the rows of a left
// table with the sum of the right rows of the same key.
type comparison struct {
	r           *Reader
	left, right ledger
	judge       *judgement
	strays      *strays // right rows without a left row; nil: not looked for

	means   means
	limits  limits
	lookout *Lookout
	state   *comparisonState
	lit     []int32 // of the sketch, once both sides were read
	sketch  *sketch
}

// limits override how a plan is chosen, for tests; the zero value overrides
// nothing.
type limits struct {
	plan    string
	direct  int64
	buckets int
	crowded float64 // share of lit buckets that is too many
}

// comparisonState is the cursor.
type comparisonState struct {
	Now     time.Time `json:"now"` // the database's clock when the run began
	Plan    string    `json:"plan,omitempty"`
	Step    int       `json:"step,omitempty"` // of the plan
	At      Position  `json:"at"`             // in the step's walk
	Scanned int64     `json:"scanned"`
	Read    int64     `json:"read"`

	Seed   int64  `json:"seed,omitempty"`
	Sketch []byte `json:"sketch,omitempty"`
	// Oldest is the oldest transaction that was under way when the pages began
	// to be read: every change since has this number or a later one.
	Oldest string   `json:"oldest,omitempty"`
	Files  []uint32 `json:"files,omitempty"` // where the tables lay then

	Crowded bool `json:"crowded,omitempty"` // bucket sums were given up
	Large   bool `json:"large,omitempty"`   // read in one large statement
}

// step is one step of a plan. It goes on from state.At.
type step func(ctx context.Context) error

func (c *comparison) steps() []step {
	switch c.state.Plan {
	case planDirect:
		return []step{c.direct, c.directStrays}
	case planRanges:
		return []step{c.ranges, c.walkStrays}
	case planSums:
		return []step{
			c.begin, c.sumLeft, c.sumRight, c.light, c.unlight,
			c.drill, c.walkStrays,
		}
	}
	return nil
}

// run carries the comparison out from wherever the state stands.
func (c *comparison) run(ctx context.Context) error {
	if c.state.Plan == "" {
		if err := c.choosePlan(ctx); err != nil {
			return err
		}
	}
	if c.state.Sketch != nil {
		c.sketch = &sketch{}
		if err := c.sketch.UnmarshalBinary(c.state.Sketch); err != nil {
			return err
		}
	}
	for {
		steps := c.steps()
		if steps == nil {
			return fmt.Errorf("cursor of %s names an unknown plan %q", c.left.table, c.state.Plan)
		}
		if c.state.Step >= len(steps) {
			break
		}
		plan := c.state.Plan
		if err := steps[c.state.Step](ctx); err != nil {
			return err
		}
		if c.state.Plan == plan { // it was not given up for another
			c.state.Step++
		}
		c.state.At = Position{}
	}
	return c.lookout.Flush(ctx, c.cursor)
}

func (c *comparison) choosePlan(ctx context.Context) (err error) {
	if c.state.Plan = c.limits.plan; c.state.Plan == "" {
		c.state.Plan, err = c.choose(ctx)
	}
	return err
}

// cursor is the state as it is saved.
func (c *comparison) cursor() any {
	if c.sketch != nil {
		// It cannot fail: see MarshalBinary.
		c.state.Sketch, _ = c.sketch.MarshalBinary()
	}
	c.state.Read = c.r.Read()
	return c.state
}

// resort goes over to another plan. Nothing was handed over yet.
func (c *comparison) resort(plan string) {
	c.sketch, c.lit = nil, nil
	c.state.Plan, c.state.Step, c.state.Scanned, c.state.Sketch = plan, 0, 0, nil
}

// direct looks at everything in one statement.
func (c *comparison) direct(ctx context.Context) error {
	sql, args := c.brief(c.judge, c.window(everything()))
	small := c.left.table.Estimate()+c.right.table.Estimate() <= directRowsFull
	g, err := c.glance(ctx, !small, sql, args)
	if timedOut(err) {
		if plan := c.means.otherwise(); plan != planDirect && c.limits.plan == "" {
			c.resort(plan)
			return nil
		}
		small = false
		g, err = c.glance(ctx, true, sql, args)
	}
	if err != nil {
		return err
	}
	c.state.Large = !small && !c.means.indexed
	c.state.Scanned = g.judged
	c.r.AddRead(c.left.table.Estimate() + c.right.table.Estimate())
	c.lookout.Add(g.suspects...)
	return nil
}

func (c *comparison) glance(ctx context.Context, long bool, sql string, args []any) (glance, error) {
	var g glance
	err := c.r.Each(ctx, long, sql, args, func(rows pgx.Rows) error { return c.glanceAt(rows, &g) })
	return g, err
}

// window makes a scope look right rows up when few left rows are judged.
func (c *comparison) window(sc scope) scope {
	sc.lookUp = sc.lookUp || c.r.opts.Since > 0
	return sc
}

// ranges looks at everything by ranges of the key.
func (c *comparison) ranges(ctx context.Context) error {
	return c.walkKeys(ctx, "", func(g glance, rng int64) {
		c.state.Scanned += g.judged
		c.r.AddRead(rng)
	})
}

// walkKeys looks exactly at the left rows that pass a filter, and their right
// rows, by ranges of the key. A walk by key cannot miss a row that moves.
func (c *comparison) walkKeys(ctx context.Context, filter string, count func(g glance, rows int64)) error {
	span := Span{Table: c.left.table, Key: c.means.leftIndex, From: c.state.At}
	share := 1 + float64(c.right.table.Estimate())/float64(max(c.left.table.Estimate(), 1))
	return Walk(ctx, c.r, span,
		func(ctx context.Context, s *Session, rng Range) (glance, error) {
			sql, args := c.brief(c.judge, c.window(scope{
				left: rng.Where, filter: filter, lookUp: filter != "",
				right: func(alias string, first int) (string, []any) { return rng.On(alias, c.means.rightKey, first) },
			}))
			var g glance
			err := s.Each(ctx, sql, args, func(rows pgx.Rows) error { return c.glanceAt(rows, &g) })
			if err == nil && len(g.suspects) > suspectsPerChunk && !rng.Whole {
				return g, ErrSplit
			}
			return g, err
		},
		func(ctx context.Context, g glance, at Position) error {
			count(g, int64(float64(g.judged)*share))
			c.state.At = at
			c.lookout.Add(g.suspects...)
			return c.lookout.Step(ctx, c.cursor)
		})
}

// result sums the run up.
func (c *comparison) result(ctx context.Context) (check.Result, error) {
	position, err := c.r.Position(ctx)
	plan := c.state.Plan
	if c.state.Crowded {
		plan = planSums + ", then " + plan
	}
	return check.Result{Scanned: c.state.Scanned, Read: c.r.Read(), Plan: plan, Position: position, Notes: c.notes()}, err
}

// detect carries one run out: what both kinds do alike. atNow completes the
// comparison when the moment of the run is known.
func (c *comparison) detect(ctx context.Context, from check.Cursor, l limits, atNow func()) (check.Result, error) {
	if c.r.opts.Since > 0 && c.judge.subject.time == nil {
		return check.Result{}, errNoTime()
	}
	c.state, c.limits = &comparisonState{}, l
	if err := resume(from, c.state); err != nil {
		return check.Result{}, err
	}
	c.r.Expect(c.left.table.Estimate()+c.right.table.Estimate(), c.state.Read)
	c.lookout = c.r.Lookout(func(ctx context.Context, s *Session, keys [][]string) ([]Failing, error) { return c.look(ctx, s, keys) })
	c.means = c.survey()
	if c.state.Now.IsZero() {
		now, err := c.r.Now(ctx)
		if err != nil {
			return check.Result{}, err
		}
		c.state.Now = now
	}
	atNow()
	if err := c.run(ctx); err != nil {
		return check.Result{}, err
	}
	return c.result(ctx)
}

// explain tries the statements of a comparison without reading a row.
func (c *comparison) explain(ctx context.Context) error {
	c.means = c.survey()
	sql, args := c.full(c.judge, everything())
	if err := c.r.t.explain(ctx, sql, args); err != nil {
		return err
	}
	if c.strays != nil {
		if err := c.r.t.explain(ctx, c.strays.full(c.noLeft("TRUE")), nil); err != nil {
			return err
		}
	}
	if !c.means.summed {
		return nil
	}
	for _, l := range []*ledger{&c.left, &c.right} {
		if err := c.r.t.explain(ctx, l.sums(0, fewBuckets, "TRUE"), nil); err != nil {
			return err
		}
	}
	return nil
}

package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// Query declares that a SELECT returns no rows. It is the kind for everything
// else, and the only one that runs SQL written by somebody: see GuardQuery for
// what stands between that text and the database.
type Query struct {
	SQL            string            `yaml:"sql"`
	Key            declare.Names     `yaml:"key"`  // columns of the result; default: the first
	Of             string            `yaml:"of"`   // the table whose rows are judged, for "30 of 3,000,000"
	Time           string            `yaml:"time"` // columns of the result
	Money          string            `yaml:"money"`
	CurrencyColumn string            `yaml:"currency_column"`
	Show           declare.Names     `yaml:"show"` // default: all
	Mask           map[string]string `yaml:"mask"`
	// MaxRows is how many rows it may return. More is no finding but a mistake
	// in the query. Default 5,000,000.
	MaxRows int64 `yaml:"max_rows"`

	clean string // the statement alone
}

// Faults implements declare.Words.
func (q *Query) Faults(bad declare.Bad) {
	if q.MaxRows == 0 {
		q.MaxRows = 5_000_000
	}
	if q.MaxRows < 0 {
		bad("max_rows", "max_rows must not be negative")
	}
	(&Subject{Table: "-", Mask: q.Mask}).Faults(bad)
	if strings.TrimSpace(q.SQL) == "" {
		bad("sql", "sql is missing: a SELECT that returns no rows when all is well")
		return
	}
	clean, err := GuardQuery(q.SQL)
	if err != nil {
		bad("sql", "sql %v", err)
	}
	q.clean = clean
}

// Validate implements Declaration.
func (q *Query) Validate(ctx context.Context, t *Target) error {
	if err := t.readsOnly(ctx); err != nil {
		return err
	}
	_, err := q.resolve(ctx, t)
	return err
}

// Detector implements Declaration.
func (q *Query) Detector(t *Target) check.Detector { return &queryDetector{q, t} }

type queryDetector struct {
	words  *Query
	target *Target
}

// queryState is the cursor: rows are handed over in the order of their keys.
type queryState struct {
	Now  time.Time `json:"now"`
	Read int64     `json:"read"`
	Last []string  `json:"last,omitempty"` // the last key saved
	Rows int64     `json:"rows,omitempty"` // up to it
}

// Detect implements check.Detector.
func (d *queryDetector) Detect(ctx context.Context, opts check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	if err := d.target.readsOnly(ctx); err != nil {
		return check.Result{}, err
	}
	shape, err := d.words.resolve(ctx, d.target)
	if err != nil {
		return check.Result{}, err
	}
	if opts.Since > 0 && d.words.Time == "" {
		return check.Result{}, errNoTime()
	}
	state := &queryState{}
	if err := resume(from, state); err != nil {
		return check.Result{}, err
	}
	r := d.target.Reader(opts, rec)
	rec.Columns(shape.shown)
	r.Expect(0, state.Read)
	if state.Now.IsZero() {
		if state.Now, err = r.Now(ctx); err != nil {
			return check.Result{}, err
		}
	}
	run := &queryRun{r: r, words: d.words, shape: shape, state: state, now: state.Now, rec: rec}
	if err := run.twice(ctx); err != nil {
		return check.Result{}, err
	}
	result := check.Result{Scanned: state.Rows, Plan: "query"}
	if result.Notes, err = d.target.writes(ctx); err != nil {
		return check.Result{}, err
	}
	if d.words.Of != "" {
		if result.Scanned, err = r.count(ctx, d.words.Of); err != nil {
			return check.Result{}, err
		}
	}
	result.Read = r.Read()
	result.Position, err = r.Position(ctx)
	return result, err
}

// count counts the rows of a table, exactly when nobody writes meanwhile.
func (r *Reader) count(ctx context.Context, name string) (int64, error) {
	table, err := r.t.Table(ctx, name)
	if err != nil {
		return 0, err
	}
	span := Span{Table: table, Snapshot: r.Full() && table.Estimate() <= snapshotRows}
	if (Span{Table: table}).check(r.t) != nil {
		_, span.Key, _ = table.IndexOn(table.Key)
	}
	var total int64
	err = Walk(ctx, r, span, func(ctx context.Context, s *Session, rng Range) (n int64, err error) {
		where, args := rng.Where("t", 1)
		err = s.Row(ctx, fmt.Sprintf("SELECT count(*) FROM %s AS t WHERE %s", table.SQL(), where), args, &n)
		return n, err
	}, func(_ context.Context, n int64, _ Position) error {
		total += n
		r.AddRead(n)
		return nil
	})
	return total, err
}

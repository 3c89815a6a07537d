package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// Totals declares that a stored column equals the sum over the rows of another
// table that refer to it: an order's total its items, a stock its movements.
//
// A difference within the tolerance is right. A stored NULL is wrong, and so is
// a total where there are no rows, unless it is zero. Rows that refer to nothing
// that exists are no business of this check. Rows whose sum is NULL add nothing.
// Both tables are read once, see [planSums].
type Totals struct {
	Subject `yaml:",inline"`
	Column  string    `yaml:"column"` // the stored total
	Of      TotalRows `yaml:"rows"`
	// Tolerance is how far apart both may be, in minor units: with the default
	// Scale of 2, a Tolerance of 1 is 0.01.
	Tolerance int64  `yaml:"tolerance"`
	Scale     *int   `yaml:"scale"`
	Empty     string `yaml:"empty"` // without rows: zero (the default) or ignore
	Null      string `yaml:"null"`  // stored NULL: wrong (the default), zero or ignore
}

// TotalRows are the rows that are added up.
type TotalRows struct {
	Table string        `yaml:"table"`
	Key   declare.Names `yaml:"key"` // the columns that refer to Totals.Key
	Sum   string        `yaml:"sum"` // an expression over one row's columns
	Where string        `yaml:"where"`
}

// The classes of a wrong total.
const (
	classDiffers = "differs"
	classNull    = "null"
	classNoRows  = "no rows"
)

const maxScale = 12

// Faults implements declare.Words.
func (w *Totals) Faults(bad declare.Bad) {
	w.Subject.Faults(bad)
	if w.Column == "" {
		bad("column", "column is missing: the column that holds the total")
	}
	if w.Of.Table == "" {
		bad("rows", "rows.table is missing: the table whose rows are added up")
	}
	if len(w.Of.Key) == 0 {
		bad("rows", "rows.key is missing: the column that refers to %s", orThe(w.Table, "the table"))
	}
	if n := len(w.Key); n > 0 && len(w.Of.Key) > 0 && n != len(w.Of.Key) {
		bad("rows", "rows.key names %d columns, key names %d", len(w.Of.Key), n)
	}
	if w.Of.Sum == "" {
		bad("rows", "rows.sum is missing: what one row adds, such as quantity * unit_price")
	}
	for name, sql := range map[string]string{"rows.sum": w.Of.Sum, "rows.where": w.Of.Where} {
		if err := GuardExpression(sql); err != nil {
			bad("rows", "%s: %v", name, err)
		}
	}
	toleranceFaults(w.Tolerance, w.Scale, bad)
	oneOf("empty", w.Empty, bad, "zero", "ignore")
	oneOf("null", w.Null, bad, "wrong", "zero", "ignore")
}

func toleranceFaults(tolerance int64, scale *int, bad func(key, format string, args ...any)) {
	if tolerance < 0 {
		bad("tolerance", "tolerance must not be negative")
	}
	if scale != nil && (*scale < 0 || *scale > maxScale) {
		bad("scale", "scale is %d: it must be between 0 and %d", *scale, maxScale)
	}
}

func oneOf(key, value string, bad func(key, format string, args ...any), words ...string) {
	if value == "" {
		return
	}
	for _, w := range words {
		if w == value {
			return
		}
	}
	bad(key, "%s is %q: it must be %s", key, value, strings.Join(words, " or "))
}

func orThe(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

// major is a tolerance in minor units as a number.
func major(tolerance int64, scale *int) decimal.Decimal {
	digits := int32(2)
	if scale != nil {
		digits = int32(*scale) //nolint:gosec // at most maxScale
	}
	return decimal.New(tolerance, -digits)
}

// Validate implements Declaration.
func (w *Totals) Validate(ctx context.Context, t *Target) error {
	d := &totalsDetector{words: w, target: t}
	c, err := d.resolve(ctx, t.Reader(check.Options{}, nil))
	if err != nil {
		return err
	}
	return c.explain(ctx)
}

// Detector implements Declaration.
func (w *Totals) Detector(t *Target) check.Detector { return &totalsDetector{words: w, target: t} }

type totalsDetector struct {
	words  *Totals
	target *Target
	limits limits
}

// Detect implements check.Detector.
func (d *totalsDetector) Detect(ctx context.Context, opts check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	c, err := d.resolve(ctx, d.target.Reader(opts, rec))
	if err != nil {
		return check.Result{}, err
	}
	number := func(name string) check.Column { return check.Column{Name: name, Class: check.Number} }
	rec.Columns(append(c.judge.subject.classes, number("expected"), number("difference")))
	return c.detect(ctx, from, d.limits, func() {
		c.left.judged = d.judged(c)
		c.judge.judged = c.left.judged
	})
}

// judged is the condition of left rows that are judged in this run.
func (d *totalsDetector) judged(c *comparison) string {
	s := c.judge.subject
	return all(s.where, s.old(c.state.Now), s.recent(c.state.Now, c.r.opts.Since))
}

// resolve looks everything up.
func (d *totalsDetector) resolve(ctx context.Context, r *Reader) (*comparison, error) {
	w := d.words
	s, err := w.Subject.resolve(ctx, d.target, []string{w.Column}, nil)
	if err != nil {
		return nil, err
	}
	stored, err := s.table.Named(w.Column)
	if err != nil {
		return nil, err
	}
	rows, err := d.target.Table(ctx, w.Of.Table)
	if err != nil {
		return nil, err
	}
	refers, err := rows.Named(w.Of.Key...)
	if err != nil {
		return nil, err
	}
	if err := pairable(s.table, s.key, rows, refers); err != nil {
		return nil, err
	}
	alias := pgx.Identifier{rows.Name}.Sanitize()
	total := stored[0].In(s.alias)
	c := &comparison{
		r: r,
		left: ledger{
			// All rows take part in the sums, also those that are not judged: most
			// of them are right too, and so keep their buckets dark.
			table: s.table, alias: s.alias, key: s.key, where: "TRUE", amount: w.Column, applies: "TRUE",
			negative: "FALSE", unknown: !stored[0].NotNull && (w.Null == "" || w.Null == "wrong"), judged: s.where,
		},
		right: ledger{
			table: rows, alias: alias, key: refers, where: orTrue(w.Of.Where), amount: w.Of.Sum, applies: "TRUE",
			negative: "FALSE", judged: "FALSE",
		},
	}
	c.judge = w.judgement(s, c, total)
	return c, nil
}

// orTrue is a condition of the config in brackets.
func orTrue(sql string) string {
	if strings.TrimSpace(sql) == "" {
		return "TRUE"
	}
	return "(" + sql + ")"
}

// judgement is how one total is judged, exactly.
func (w *Totals) judgement(s *subject, c *comparison, total string) *judgement {
	n := len(s.key)
	tolerance := major(w.Tolerance, w.Scale)
	stored := "ib_l.stored"
	null := "'" + classNull + "'"
	switch w.Null {
	case "zero":
		stored, null = "coalesce(ib_l.stored, 0)", "NULL"
	case "ignore":
		null = "NULL"
	}
	cases := []string{}
	if w.Null != "zero" {
		cases = append(cases, "WHEN ib_l.stored IS NULL THEN "+null)
	}
	if w.Empty == "ignore" {
		cases = append(cases, "WHEN ib_r.k1 IS NULL THEN NULL")
	}
	difference := "coalesce(ib_l.stored, 0) - coalesce(ib_r.total, 0)"
	cases = append(cases,
		fmt.Sprintf("WHEN abs(%s - coalesce(ib_r.total, 0)) > %s THEN CASE WHEN ib_r.k1 IS NULL THEN '%s' ELSE '%s' END",
			stored, tolerance, classNoRows, classDiffers))
	money := w.isMoney()
	return &judgement{
		subject: s,
		left:    fmt.Sprintf("(%s)::numeric AS stored", total),
		judged:  s.where,
		right: func(where string) string {
			return fmt.Sprintf("ib_r AS (SELECT %s, sum((%s)::numeric) AS total FROM %s WHERE %s AND %s GROUP BY %s)",
				keyAs(c.right.alias, c.right.key), w.Of.Sum, c.right.from(), where, c.right.where, ordinals(n))
		},
		way:   "CASE " + strings.Join(cases, " ") + " END",
		shown: []string{"coalesce(ib_r.total, 0)::text AS expected", "(" + difference + ")::text AS difference"},
		row: func(row *check.Row, way string, shown []*string) {
			row.Class = way
			row.Values = append(row.Values, shown...)
			if money && !row.Money.Valid {
				row.Money = amount(shown[1])
			}
		},
	}
}

// isMoney tells whether differences are money: they have minor units, or a
// currency. A stock has neither. money in the config overrides what is at stake.
func (w *Totals) isMoney() bool {
	return w.CurrencyColumn != "" || w.Scale == nil || *w.Scale > 0
}

// ordinals is 1, 2, … n.
func ordinals(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(i + 1)
	}
	return strings.Join(out, ", ")
}

// pairable refuses keys that cannot pair rows one to one.
func pairable(left *Table, key []Column, right *Table, refers []Column) error {
	if len(key) != len(refers) {
		return problemf("The key of %s has %d columns, but %d columns of %s refer to it: name as many of them.",
			left, len(key), len(refers), right)
	}
	for _, i := range left.Indexes {
		if i.Unique && len(i.Columns) == len(key) && i.Leads(columnNames(key)) {
			return nil
		}
	}
	return problemf("Table %s has no unique index on %s, so its rows cannot be paired with those of %s one by one.",
		left, strings.Join(columnNames(key), ", "), right)
}

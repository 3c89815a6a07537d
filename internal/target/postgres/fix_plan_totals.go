package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// totalsFix repairs stored totals, only where they are wrong: it writes what the
// rows come to (set), or adds a row that makes up the difference where the stored
// total is what is right (adjust).
type totalsFix struct {
	declare.Fix `yaml:",inline"`
	Adjust      *adjustment `yaml:"adjust"`

	check *Totals
}

// The ways of repairing totals.
const (
	waySet    = "set"
	wayAdjust = "adjust"
)

func (w *totalsFix) Ways() []string { return []string{waySet, wayAdjust} }

func (w *totalsFix) Faults(bad declare.Bad) {
	adjusts := w.Mode == wayAdjust || slices.Contains(w.Modes, wayAdjust)
	switch {
	case adjusts && w.Adjust == nil:
		bad("mode", "adjust needs adjust: what the added row holds")
	case !adjusts && w.Adjust != nil:
		bad("adjust", "adjust says what an added row holds, but adjust is neither the mode nor among modes")
	case w.Adjust != nil:
		w.Adjust.faults(w.check, bad)
	}
}

func (w *totalsFix) draft(ctx context.Context, d *drafting) error {
	c, err := (&totalsDetector{words: w.check, target: d.target}).resolve(ctx, d.reader)
	if err != nil {
		return err
	}
	t, err := d.table(ctx, w.check.Table)
	if err != nil {
		return err
	}
	stored, err := t.Named(w.check.Column)
	if err != nil {
		return err
	}
	t.mask(c.judge.subject.classes...)
	t.masked(w.check.Mask)
	rows, err := d.choose(d.found.rows, d.found.count)
	if err != nil {
		return err
	}
	if err := d.searchable(ctx, c.right.table, c.right.key); err != nil {
		return err
	}
	plan := &totalling{d: d, words: w, c: c, table: t, stored: stored[0]}
	if d.mode == wayAdjust {
		return plan.adjust(ctx, rows)
	}
	return plan.set(ctx, rows)
}

// totalling is one plan that repairs totals.
type totalling struct {
	d      *drafting
	words  *totalsFix
	c      *comparison
	table  *fixTable
	stored Column
	done   []check.Row
}

// wrong is one wrong total with what it should be.
type wrong struct {
	row        check.Row
	record     *record
	expected   string
	difference string
}

// still looks at wrong totals again in the moment in which their rows are read,
// so that old and new value belong together.
func (p *totalling) still(ctx context.Context, s *Session, rows []check.Row, records []*record) ([]wrong, error) {
	keys := make([][]string, len(rows))
	at := map[string]int{}
	for i, r := range rows {
		keys[i], at[joined(r.Key)] = r.Key, i
	}
	failing, err := p.c.look(ctx, s, keys)
	if err != nil {
		return nil, err
	}
	found := make([]*wrong, len(rows))
	for _, f := range failing {
		i := at[joined(f.Row.Key)]
		n := len(f.Row.Values)
		found[i] = &wrong{row: f.Row, record: records[i], expected: *f.Row.Values[n-2], difference: *f.Row.Values[n-1]}
	}
	var out []wrong
	for i, w := range found {
		if w != nil {
			out = append(out, *w)
		} else if !p.d.gone[joined(rows[i].Key)] {
			p.d.gone[joined(rows[i].Key)] = true
			p.d.draft.Found--
		}
	}
	return out, nil
}

// set writes what the rows come to, in the digits that the column holds.
func (p *totalling) set(ctx context.Context, rows []check.Row) error {
	d, cols := p.d, []Column{p.stored}
	if err := d.writable(p.table, cols); err != nil {
		return err
	}
	exact := p.table.exact[p.table.at(p.stored.Name)].Type
	// The value that was worked out must still be what the rows come to: ib_n1 is
	// the text to be written, in the statement of the apply.
	planned := fmt.Sprintf("coalesce((%s)::%s::text = ib.ib_n1, FALSE)", p.comes(), exact)
	form := fix.Form{
		Unless: anyOf("NOT "+p.stillWrong(), "NOT "+planned),
		Why:    "it agrees with its rows by now, or they changed since the preview",
	}
	tolerance := major(p.words.check.Tolerance, p.words.check.Scale)
	err := d.victims(ctx, p.table, p.c.left.key, rows, func(s *Session, rows []check.Row, records []*record) error {
		still, err := p.still(ctx, s, rows, records)
		if err != nil {
			return err
		}
		held, err := p.inColumn(ctx, s, still, exact)
		if err != nil {
			return err
		}
		for i, w := range still {
			if !near(held[i], w.expected, tolerance) {
				d.leave(fmt.Sprintf("%s of %s cannot hold what their rows come to", p.stored.Name, p.table), 1, keyText(w.row.Key))
				continue
			}
			if err := d.writeRow(w.row, w.record, "", cols, []*string{&held[i]}, form); err != nil {
				return err
			}
			p.done = append(p.done, w.row)
		}
		return nil
	})
	d.repaired(p.done)
	d.repairs("correct", "corrected", fmt.Sprintf(": %s becomes what their rows of %s come to", p.stored.Name, p.c.right.table))
	return err
}

// inColumn gives amounts as the column will hold them.
func (p *totalling) inColumn(ctx context.Context, s *Session, wrongs []wrong, exact string) ([]string, error) {
	expected := make([]string, len(wrongs))
	for i, w := range wrongs {
		expected[i] = w.expected
	}
	var held []string
	sql := fmt.Sprintf("SELECT u.v::numeric::%s::text FROM unnest($1::text[]) WITH ORDINALITY AS u(v, n) ORDER BY u.n", exact)
	err := s.Each(ctx, sql, []any{expected}, func(rows pgx.Rows) error {
		var v string
		err := rows.Scan(&v)
		held = append(held, v)
		return err
	})
	if unreadable(err) {
		return nil, problemf("%s of %s is a %s, which is too small for what some rows come to: this has to be repaired by hand.", p.stored.Name, p.table, exact)
	}
	return held, err
}

// near tells whether two amounts are within the tolerance.
func near(a, b string, tolerance decimal.Decimal) bool {
	x, errX := decimal.NewFromString(a)
	y, errY := decimal.NewFromString(b)
	return errX == nil && errY == nil && x.Sub(y).Abs().Cmp(tolerance) <= 0
}

// stillWrong is the condition that the total of row t is wrong.
func (p *totalling) stillWrong() string { return p.c.wrongNow("TRUE") }

// comes is what the rows of row t come to.
func (p *totalling) comes() string {
	on := make([]string, len(p.c.left.key))
	for i, c := range p.c.left.key {
		on[i] = p.c.right.key[i].In(p.c.right.alias) + " = " + c.In("ib_t")
	}
	return fmt.Sprintf("SELECT coalesce((SELECT sum((%s)::numeric) FROM %s WHERE %s AND %s), 0) FROM (SELECT t.*) AS ib_t",
		p.words.check.Of.Sum, p.c.right.from(), strings.Join(on, " AND "), p.c.right.where)
}

// wrongNow is the condition that row t is judged wrong, in a way that satisfies
// a condition on way.
func (c *comparison) wrongNow(way string) string {
	same := func(key []Column) func(string, int) (string, []any) {
		return func(alias string, _ int) (string, []any) {
			on := make([]string, len(key))
			for i, k := range key {
				on[i] = k.In(alias) + " = " + c.left.key[i].In("ib_t")
			}
			return "(" + strings.Join(on, " AND ") + ")", nil
		}
	}
	// Two levels, so that the row's name cannot be that of a table below.
	sql, _ := c.full(c.judge, scope{left: same(c.left.key), right: same(c.right.key)})
	return fmt.Sprintf("EXISTS (SELECT 1 FROM (SELECT t.*) AS ib_t WHERE EXISTS (SELECT 1 FROM (%s) AS ib_w WHERE %s))", sql, way)
}

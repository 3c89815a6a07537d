package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// adjustment says what a row holds that makes up the difference between a stored
// total, which is right, and the rows that should explain it: a movement that
// brings the ledger to the stock. It is added to the table whose rows are added
// up.
//
// A value is "key" (the total's key; key.2 for its second column), "difference"
// (what is missing, as the summed column counts it), or a text in which {plan} is
// the plan's name and {key} the total's key. Columns that are not named take
// their default; one that defaults to now() takes the moment when the plan was
// asked for.
type adjustment struct {
	Table   string            `yaml:"table"` // may be said again
	Columns map[string]string `yaml:"columns"`
}

func (w *adjustment) faults(c *Totals, bad declare.Bad) {
	if w.Table != "" && w.Table != c.Of.Table {
		bad("adjust", "adjust.table is %s, but what is added up are rows of %s", w.Table, orThe(c.Of.Table, "another table"))
	}
	for _, name := range c.Of.Key {
		if _, ok := w.Columns[name]; !ok {
			bad("adjust", "adjust.columns must name %s, which refers to %s: give it key", name, orThe(c.Table, "the total"))
		}
	}
	if len(w.Columns) == 0 {
		bad("adjust", "adjust.columns is missing: what the added row holds, such as {product_id: key, quantity: difference}")
		return
	}
	for _, v := range w.Columns {
		if v == "difference" {
			return
		}
	}
	bad("adjust", "adjust.columns gives no column the difference: without it the added row changes nothing")
}

// value is what one column of the added row holds.
func (w *adjustment) value(column string, wr wrong, missing string, ref string) (string, bool) {
	text, ok := w.Columns[column]
	if !ok {
		return "", false
	}
	switch text {
	case "difference":
		return missing, true
	case "key":
		return wr.row.Key[0], true
	}
	for i, part := range wr.row.Key {
		if text == fmt.Sprintf("key.%d", i+1) {
			return part, true
		}
	}
	return strings.NewReplacer("{plan}", ref, "{key}", strings.Join(wr.row.Key, "-")).Replace(text), true
}

// adjust adds one row for each wrong total, and leaves the total as it is.
func (p *totalling) adjust(ctx context.Context, rows []check.Row) error {
	d := p.d
	ledger, err := d.table(ctx, p.words.check.Of.Table)
	if err != nil {
		return err
	}
	if err := p.addable(ledger); err != nil {
		return err
	}
	err = d.victims(ctx, p.table, p.c.left.key, rows, func(s *Session, rows []check.Row, records []*record) error {
		still, err := p.still(ctx, s, rows, records)
		if err != nil {
			return err
		}
		still = slices.DeleteFunc(still, func(w wrong) bool {
			unknown := w.record.texts([]Column{p.stored})[0] == nil
			if unknown {
				d.leave(fmt.Sprintf("%s is NULL, so there is nothing to adjust to", p.stored.Name), 1, keyText(w.row.Key))
			}
			return unknown
		})
		for _, w := range still {
			if err := p.added(ctx, s, ledger, w); err != nil {
				return err
			}
			p.done = append(p.done, w.row)
		}
		return nil
	})
	d.repaired(p.done)
	d.repairs("adjust", "adjusted", fmt.Sprintf(": a row is added to %s that makes up the difference, %s stays as it is", ledger, p.stored.Name))
	return err
}

// addable refuses columns that nothing gives a value.
func (p *totalling) addable(ledger *fixTable) error {
	for column := range p.words.Adjust.Columns {
		if cols, err := ledger.Named(column); err != nil {
			return err
		} else if ledger.exact[ledger.at(cols[0].Name)].Generated {
			return problemf("%s of %s is computed by the database: leave it out of adjust.columns.", column, ledger)
		}
	}
	for i, c := range ledger.Columns {
		_, given := p.words.Adjust.Columns[c.Name]
		x := ledger.exact[i]
		switch {
		case given || x.Generated && !ledger.inKey(c.Name):
		case x.Sequence || ledger.inKey(c.Name):
			return problemf("A new row of %s needs a %s that is known before it is written: name it in adjust.columns, such as adjust-{plan}-{key}.", ledger, c.Name)
		case c.NotNull && x.Default == "":
			return problemf("%s of %s is NOT NULL and has no default: name it in adjust.columns.", c.Name, ledger)
		}
	}
	return nil
}

// added plans the new row of one wrong total.
func (p *totalling) added(ctx context.Context, s *Session, ledger *fixTable, w wrong) error {
	// The stored total less what its rows come to is what the rows lack.
	missing := w.difference
	r, adds, err := p.image(ctx, s, ledger, w, missing)
	if err != nil {
		return err
	}
	if !near(adds, missing, major(0, nil)) {
		return problemf("A new row of %s with these values would add %s and not %s: adjust.columns does not fit what is added up.", ledger, adds, missing)
	}
	lines := [][]string{line(ledger, fix.Insert, r.key, "", "", pairs(ledger.columnsOf(columnNames(ledger.Columns)), r.values, 0))}
	form := fix.Form{
		Op: fix.Insert, Table: ledger.SQL(), Key: columnNames(ledger.key),
		Unless: "NOT " + p.lacks(), Why: "the difference is another one by now",
	}
	insert, err := p.d.content.step(form, rankWrite, fix.Change{Key: r.key, After: r.whole, Repairs: true}, lines...)
	if err != nil {
		return err
	}
	p.d.content.add(unit{insert})
	shown := ledger.columnsOf(columnNames(ledger.Columns))
	p.d.sample(w.row.Key, pairs(p.d.found.columns, w.row.Values, sampleRunes), "new row of "+ledger.String()+": "+pairs(shown, r.values, sampleRunes))
	return nil
}

// lacks is the condition that a total lacks exactly what row t, which is to be
// inserted, would add. Somebody else may have repaired it since the preview, and
// then another row would make it wrong again.
func (p *totalling) lacks() string {
	right := p.c.right
	var on, rows []string
	for i, c := range p.c.left.key {
		on = append(on, c.In("ib_l")+" = "+right.key[i].In("t"))
		rows = append(rows, right.key[i].In(right.alias)+" = "+c.In("ib_l"))
	}
	sum := p.words.check.Of.Sum
	return fmt.Sprintf(`EXISTS (SELECT 1 FROM %s AS ib_l WHERE %s
  AND %s - coalesce((SELECT sum((%s)::numeric) FROM %s WHERE %s AND %s), 0) = (SELECT (%[4]s)::numeric FROM (SELECT t.*) AS %[8]s))`,
		p.table.SQL(), strings.Join(on, " AND "), p.stored.In("ib_l"), sum, right.from(), strings.Join(rows, " AND "), right.where, right.alias)
}

// image has the database make the new row, with what it adds to the sum.
func (p *totalling) image(ctx context.Context, s *Session, ledger *fixTable, w wrong, missing string) (*record, string, error) {
	var args []any
	parts := make([]string, len(ledger.Columns))
	for i, c := range ledger.Columns {
		x := ledger.exact[i]
		value, given := p.words.Adjust.value(c.Name, w, missing, p.d.order.Ref())
		switch {
		case given:
			args = append(args, value)
			parts[i] = fmt.Sprintf("$%d::text::%s", len(args), x.Type)
		case isNow(x.Default) && !p.d.order.AskedAt.IsZero():
			args = append(args, p.d.order.AskedAt.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano))
			parts[i] = fmt.Sprintf("$%d::text::timestamptz::%s", len(args), x.Type)
		case x.Default != "" && !x.Generated:
			parts[i] = fmt.Sprintf("(%s)::%s", x.Default, x.Type)
		default:
			parts[i] = "NULL"
		}
	}
	r := &record{table: ledger, values: make([]*string, len(ledger.Columns))}
	adds := "0"
	dest := []any{&r.whole, &adds}
	for i := range r.values {
		dest = append(dest, &r.values[i])
	}
	alias := p.c.right.alias
	sql := fmt.Sprintf("SELECT (%[1]s.*)::text, coalesce((CASE WHEN %[2]s THEN (%[3]s)::numeric ELSE 0 END)::text, '0'), %[4]s FROM (SELECT (ROW(%[5]s)::%[6]s).*) AS %[1]s",
		alias, p.c.right.where, p.words.check.Of.Sum, texts(alias, ledger.Columns), strings.Join(parts, ", "), ledger.SQL())
	if err := s.Row(ctx, sql, args, dest...); err != nil {
		if unreadable(err) {
			return nil, "", problemf("A new row of %s cannot hold what adjust.columns gives it for %s.", ledger, keyText(w.row.Key))
		}
		return nil, "", err
	}
	key, ok := r.filled(ledger.key)
	if !ok {
		return nil, "", problemf("A new row of %s would have no key: name %s in adjust.columns.", ledger, strings.Join(columnNames(ledger.key), ", "))
	}
	r.key = key
	return r, adds, nil
}

// isNow tells whether a default is the moment of the insert.
func isNow(expression string) bool {
	switch strings.ToLower(expression) {
	case "now()", "current_timestamp", "transaction_timestamp()", "statement_timestamp()", "clock_timestamp()":
		return true
	}
	return false
}

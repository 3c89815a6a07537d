package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// removal is how failing rows are removed.
type removal struct {
	op fix.Op
	// unless is the condition over t under which a failing row stays, and why.
	unless, why string
	// written says what becomes of rows that refer to them and stay.
	written string
	// kept gives a row that must still be there when others are made to refer to
	// it instead of a removed one; nil: none.
	kept func(n *node) *record
}

// verb is what the removal does to a row.
func (r removal) verb() string {
	if r.op == fix.Quarantine {
		return "quarantine"
	}
	return "delete"
}

// fate is what becomes of rows that refer to removed ones and go with them.
func (r removal) fate() string {
	if r.op == fix.Quarantine {
		return "moved to quarantine with them"
	}
	return "deleted with them"
}

// after is what a sample shows.
func (r removal) after() string {
	if r.op == fix.Quarantine {
		return "moved to quarantine"
	}
	return "deleted"
}

// declare takes in the references that a fix declares. They refer to the rows
// that are repaired unless they say otherwise.
func (d *drafting) declare(w declaredReferences, table string) {
	for _, r := range w.References {
		if r.To == "" {
			r.To = table
		}
		d.declared = append(d.declared, r)
	}
}

// removeRows plans the removal of rows with all that refer to them.
func (d *drafting) removeRows(ctx context.Context, t *fixTable, key []Column, rows []check.Row, how removal) error {
	g := newGraph(d)
	g.written = nulled
	err := d.victims(ctx, t, key, rows, func(_ *Session, rows []check.Row, records []*record) error {
		for i, r := range records {
			g.plant(r, rows[i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	roots := slices.Clone(g.order)
	if err := g.grow(ctx); err != nil {
		return err
	}
	if err := g.remove(ctx, g.settle(roots, 0), how); err != nil {
		return err
	}
	d.repairs(how.verb(), how.verb()+"d", "")
	return d.unseen(ctx, t)
}

// nulled is what a row becomes when its foreign key says that it outlives the
// row that it refers to.
func nulled(r *reference, _ *node) ([]Column, []*string) {
	if cols := r.optional(); r.onDelete == actionSetNull && len(cols) > 0 {
		return cols, make([]*string, len(cols))
	}
	return nil, nil
}

// unseen warns of references that cannot be seen.
func (d *drafting) unseen(ctx context.Context, t *fixTable) error {
	references, err := d.referencesTo(ctx, t)
	if err != nil {
		return err
	}
	if len(references) == 0 {
		d.risk("No table is known to refer to %s. One that does so without a foreign key must be named under references.", t)
	}
	return nil
}

// remove makes the changes of clusters.
func (g *graph) remove(ctx context.Context, whole [][]*node, how removal) error {
	var rows []check.Row
	for _, cluster := range whole {
		var u unit
		for _, n := range cluster {
			steps, err := g.removal(ctx, n, how)
			if err != nil {
				return err
			}
			u = append(u, steps...)
			if n.root {
				rows = append(rows, n.row)
				g.d.sampled(n.row, how.outcome(n))
			} else {
				g.d.content.depend(n.table.String(), how.fate())
			}
		}
		g.d.content.add(u)
	}
	slices.SortStableFunc(rows, func(a, b check.Row) int { return compareKeys(a.Key, b.Key) })
	g.d.repaired(rows)
	return nil
}

// outcome is what a sample shows beside a row.
func (r removal) outcome(n *node) string {
	if r.kept == nil {
		return r.after()
	}
	text := r.after() + "; " + keyText(r.kept(n).key) + " is kept"
	if len(n.writes) > 0 {
		text += ", " + phrase.Plural(int64(len(n.writes)), "row") + " " + r.written
	}
	return text
}

// removal makes the changes of one removed row.
func (g *graph) removal(ctx context.Context, n *node, how removal) ([]planned, error) {
	form := fix.Form{Op: how.op, Table: n.table.SQL(), Key: columnNames(n.table.key)}
	if n.root {
		form.Unless, form.Why = how.unless, how.why
	}
	var err error
	if form.Held, err = g.d.held(ctx, n.table); err != nil {
		return nil, err
	}
	removed, err := g.d.content.step(form, rankRemove+n.level, fix.Change{Key: n.key, Before: n.whole, Repairs: n.root}, n.removalLine(how.op))
	if err != nil {
		return nil, err
	}
	steps := []planned{removed}
	for _, w := range n.writes {
		s, err := g.d.content.write(w.record, w.cols, w.values, fix.Form{})
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
		g.d.content.depend(w.table.String(), how.written)
	}
	if how.kept == nil {
		return steps, nil
	}
	// The row to be kept must stay, and stay as it is: a group whose rows differ by
	// now is to be decided by hand.
	kept := how.kept(n)
	keep, err := g.d.content.step(fix.Form{Op: fix.Keep, Table: kept.table.SQL(), Key: columnNames(kept.table.key)}, rankKeep, fix.Change{Key: kept.key, Before: kept.whole})
	return append(steps, keep), err
}

// write makes the update of one row; form says under what condition.
func (c *content) write(r *record, cols []Column, values []*string, form fix.Form) (planned, error) {
	form.Op, form.Table, form.Key, form.Columns = fix.Update, r.table.SQL(), columnNames(r.table.key), columnNames(cols)
	return c.step(form, rankWrite, fix.Change{Key: r.key, Old: r.texts(cols), New: values}, r.writeLines(cols, values)...)
}

// anyOf is a condition that holds when one of some conditions does.
func anyOf(conditions ...string) string {
	parts := slices.DeleteFunc(conditions, func(c string) bool { return c == "" })
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return "(" + strings.Join(parts, ") OR (") + ")"
}

// seenAs is a condition of the config over row t: it knows the row by the
// table's own name.
func (s *subject) seenAs(condition string) string {
	return fmt.Sprintf("EXISTS (SELECT 1 FROM (SELECT t.*) AS %s WHERE %s)", s.alias, condition)
}

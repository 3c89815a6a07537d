package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// duplicatesFix keeps the row of each group that the check keeps, makes all that
// refers to the others refer to it, and deletes the others. Groups with other
// facts in any of their rows are left alone.
type duplicatesFix struct {
	declare.Fix        `yaml:",inline"`
	declaredReferences `yaml:",inline"`

	check *Duplicates
}

const wayKeepOldest = "keep-oldest"

func (w *duplicatesFix) Ways() []string { return []string{wayKeepOldest} }

func (w *duplicatesFix) Faults(bad declare.Bad) { w.referenceFaults(bad) }

// merging is one plan that merges duplicates.
type merging struct {
	d       *drafting
	scan    *duplicateScan
	table   *fixTable
	apart   map[string]string  // groups that are left alone, by their kept row: why
	kept    map[*node]*record  // the row that stays, by the one that goes
	records map[string]*record // kept rows, by their key
}

func (w *duplicatesFix) draft(ctx context.Context, d *drafting) error {
	scan, err := w.check.resolve(ctx, d.target)
	if err != nil {
		return err
	}
	t, err := d.table(ctx, w.check.Table)
	if err != nil {
		return err
	}
	t.mask(scan.subject.classes...)
	t.masked(w.check.Mask)
	d.declare(w.declaredReferences, w.check.Table)
	m := &merging{d: d, scan: scan, table: t, apart: map[string]string{}}
	for _, r := range d.found.rows {
		if r.Class == classConflict {
			m.apart[m.group(r)] = fmt.Sprintf("they or others of their group differ in %s: decide by hand",
				strings.Join(columnNames(scan.compare), ", "))
		}
	}
	for {
		g, rows, err := m.graph(ctx)
		if err != nil {
			return err
		}
		known := len(m.apart)
		if err := m.collisions(ctx, g); err != nil {
			return err
		}
		if len(m.apart) == known {
			return m.finish(ctx, g, rows)
		}
	}
}

// group names the group of a finding by its kept row, whose key stands behind
// the shown columns.
func (m *merging) group(r check.Row) string { return joined(m.keptKey(r)) }

func (m *merging) keptKey(r check.Row) []string {
	n := len(m.scan.subject.key)
	key := make([]string, n)
	for i, v := range r.Values[len(r.Values)-n:] {
		if v != nil {
			key[i] = *v
		}
	}
	return key
}

// graph plans for all groups that are not left alone.
func (m *merging) graph(ctx context.Context) (*graph, []*node, error) {
	var rows []check.Row
	unseen := m.d.found.count - int64(len(m.d.found.rows))
	for _, r := range m.d.found.rows {
		if m.apart[m.group(r)] == "" {
			rows = append(rows, r)
		}
	}
	rows, err := m.d.choose(rows, int64(len(rows))+unseen)
	if err != nil {
		return nil, nil, err
	}
	m.kept, m.records = map[*node]*record{}, map[string]*record{}
	g := newGraph(m.d)
	g.written = func(r *reference, removed *node) ([]Column, []*string) {
		return r.columns, m.kept[removed].texts(r.refers)
	}
	key := m.scan.subject.key
	err = m.d.victims(ctx, m.table, key, rows, func(s *Session, rows []check.Row, records []*record) error {
		if err := m.readKept(ctx, s, rows); err != nil {
			return err
		}
		for i, r := range records {
			if kept := m.records[m.group(rows[i])]; kept != nil { // else it is the oldest by now
				m.kept[g.plant(r, rows[i])] = kept
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	roots := slices.Clone(g.order)
	err = g.grow(ctx)
	return g, roots, err
}

// readKept reads the rows that stay.
func (m *merging) readKept(ctx context.Context, s *Session, rows []check.Row) error {
	var keys [][]string
	wanted := map[string]bool{}
	for _, r := range rows {
		if id := m.group(r); m.records[id] == nil && !wanted[id] {
			wanted[id] = true
			keys = append(keys, m.keptKey(r))
		}
	}
	found, err := s.recordsBy(ctx, m.table, m.scan.subject.key, keys, len(keys))
	for _, r := range found {
		m.records[joined(r.by)] = r
	}
	return err
}

// older is the condition that an older row of its group is there, or one as old
// with a smaller key: that row t is surplus.
func (m *merging) older() string {
	const other = "ib_o"
	s := m.scan.subject
	same := []string{"TRUE"}
	for _, c := range m.scan.columns {
		a, b := c.In(other), c.In("t")
		if m.scan.ignoreCase && isText(c.Type) {
			a, b = "lower("+a+")", "lower("+b+")"
		}
		same = append(same, a+" = "+b)
	}
	if s.where != "TRUE" {
		same = append(same, fmt.Sprintf("EXISTS (SELECT 1 FROM (SELECT %s.*) AS %s WHERE %s)", other, s.alias, s.where))
	}
	// As ORDER BY … NULLS LAST, column by column.
	order := "FALSE"
	for _, c := range slices.Backward(m.scan.keep) {
		a, b := c.In(other), c.In("t")
		order = fmt.Sprintf("(%s < %s OR %[1]s IS NOT NULL AND %[2]s IS NULL OR %[1]s IS NOT DISTINCT FROM %[2]s AND %[3]s)", a, b, order)
	}
	return fmt.Sprintf("EXISTS (SELECT 1 FROM %s AS %s WHERE %s AND %s)", m.table.SQL(), other, strings.Join(same, " AND "), order)
}

func (m *merging) finish(ctx context.Context, g *graph, roots []*node) error {
	d := m.d
	for _, r := range d.found.rows {
		if why := m.apart[m.group(r)]; why != "" {
			d.leave(why, 1, keyText(r.Key))
		}
	}
	err := g.remove(ctx, g.settle(roots, 1), removal{
		op: fix.Delete, unless: "NOT " + m.older(), why: "it is the oldest of its group by now",
		written: "re-pointed to the kept row", kept: func(n *node) *record { return m.kept[n] },
	})
	if err != nil {
		return err
	}
	d.repairs("delete", "deleted", "; what refers to them will refer to the kept ones")
	if err := d.searchable(ctx, m.table.Table, m.scan.columns); err != nil {
		return err
	}
	return d.unseen(ctx, m.table)
}

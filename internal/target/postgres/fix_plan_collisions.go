package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// uniqueIndex is a unique index on plain columns, which an update may violate.
type uniqueIndex struct {
	name    string
	columns []Column
}

// A partial index is taken for a complete one: rather leave a group alone than
// have the database refuse it.
const uniqueSQL = `
SELECT c.relname, ARRAY(SELECT a.attname FROM unnest(i.indkey::smallint[]) WITH ORDINALITY k(num, pos)
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
       WHERE k.pos <= i.indnkeyatts ORDER BY k.pos)::text[]
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = $1 AND i.indisunique AND NOT (0 = ANY(i.indkey::smallint[]))
ORDER BY c.relname`

func (d *drafting) uniques(ctx context.Context, t *fixTable) ([]uniqueIndex, error) {
	var found []uniqueIndex
	err := d.target.query(ctx, uniqueSQL, []any{t.OID}, func(rows pgx.Rows) error {
		var u uniqueIndex
		var names []string
		if err := rows.Scan(&u.name, &names); err != nil {
			return err
		}
		cols, err := t.Named(names...)
		u.columns = cols
		found = append(found, u)
		return err
	})
	return found, err
}

// collisions leaves alone the groups whose re-pointed rows would meet others
// where something must be unique.
func (m *merging) collisions(ctx context.Context, g *graph) error {
	uniques := map[*fixTable][]uniqueIndex{}
	claims := map[string]*claim{}
	var order []*claim
	for _, n := range g.order {
		for _, w := range n.writes {
			if slices.ContainsFunc(w.cols, func(c Column) bool { return w.table.inKey(c.Name) }) {
				m.collide(n, w, "is part of the key of "+w.table.String())
				continue
			}
			if _, ok := uniques[w.table]; !ok {
				found, err := m.d.uniques(ctx, w.table)
				if err != nil {
					return err
				}
				uniques[w.table] = found
			}
			for _, u := range uniques[w.table] {
				c, ok := newClaim(n, w, u)
				if !ok {
					continue
				}
				if claims[c.id] != nil {
					m.collide(n, w, "must be unique there ("+u.name+")")
					continue
				}
				claims[c.id] = c
				order = append(order, c)
			}
		}
	}
	return m.taken(ctx, order)
}

// collide leaves the group of a row alone.
func (m *merging) collide(n *node, w write, why string) {
	m.apart[m.group(n.row)] = fmt.Sprintf("rows of %s refer to them, and %s %s: decide by hand", w.table, strings.Join(columnNames(w.cols), ", "), why)
}

// claim is what a re-pointed row will hold in the columns of a unique index.
type claim struct {
	id     string
	node   *node
	write  write
	index  uniqueIndex
	values []string
}

// newClaim tells what a write will hold; not ok: nothing that must be unique.
func newClaim(n *node, w write, u uniqueIndex) (*claim, bool) {
	touched := false
	values := w.texts(u.columns)
	for i, c := range u.columns {
		if at := slices.IndexFunc(w.cols, func(x Column) bool { return x.Name == c.Name }); at >= 0 {
			touched, values[i] = true, w.values[at]
		}
	}
	c := &claim{node: n, write: w, index: u, values: make([]string, len(values))}
	for i, v := range values {
		if v == nil || !touched {
			return nil, false
		}
		c.values[i] = *v
	}
	c.id = fmt.Sprint(w.table.OID, "\x00", u.name, "\x00", joined(c.values))
	return c, true
}

// taken asks which claims other rows hold already.
func (m *merging) taken(ctx context.Context, claims []*claim) error {
	byIndex := map[string][]*claim{}
	var names []string
	for _, c := range claims {
		id := fmt.Sprint(c.write.table.OID, " ", c.index.name)
		if byIndex[id] == nil {
			names = append(names, id)
		}
		byIndex[id] = append(byIndex[id], c)
	}
	for _, name := range names {
		for some := range slices.Chunk(byIndex[name], referredAtOnce) {
			by := map[string]*claim{}
			values := make([][]string, len(some))
			for i, c := range some {
				by[joined(c.values)], values[i] = c, c.values
			}
			err := m.d.snapshot(ctx, func(s *Session) error {
				found, err := s.recordsBy(ctx, some[0].write.table, some[0].index.columns, values, planChanges)
				for _, r := range found {
					c := by[joined(r.by)]
					m.collide(c.node, c.write, "must be unique there ("+c.index.name+")")
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

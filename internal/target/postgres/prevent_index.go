package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// wanted is an index that a migration needs.
type wanted struct {
	table   *Table
	what    string   // behind "Index": "on orders (customer_id), so that …"
	keys    []string // SQL
	include []Column
	where   string // SQL; empty: all rows
	unique  bool
	parts   []string // of its name, behind the table's
	// fits tells whether an index, valid or not, is what is wanted.
	fits  func(definedIndex) bool
	about []string
}

// sql makes the index on a table.
func (w wanted) sql(on *Table, name, how string) string {
	kind := "INDEX"
	if w.unique {
		kind = "UNIQUE INDEX"
	}
	sql := fmt.Sprintf("CREATE %s%s %s ON %s (%s)", kind, how, pgx.Identifier{name}.Sanitize(), on.SQL(), strings.Join(w.keys, ", "))
	if len(w.include) > 0 {
		sql += " INCLUDE (" + idents(w.include) + ")"
	}
	if w.where != "" {
		sql += " WHERE " + w.where
	}
	return sql
}

// index adds the steps to a wanted index, unless there is one. It gives the
// index's name, and whether it was there. An empty name means that it cannot be
// made, which a note says.
func (m *migration) index(ctx context.Context, t *Target, w wanted) (definedIndex, bool, error) {
	leaves, err := t.leaves(ctx, w.table)
	if err != nil {
		return definedIndex{}, false, err
	}
	all, err := t.definedIndexes(ctx, oids(w.table, leaves))
	if err != nil {
		return definedIndex{}, false, err
	}
	for _, x := range all[w.table.OID] {
		if x.valid && w.fits(x) {
			return x, true, nil
		}
	}
	if w.table.Kind == "p" {
		made, err := m.partitionedIndex(ctx, t, w, leaves, all)
		return made, false, err
	}
	made, err := m.concurrently(ctx, t, w, w.table, all[w.table.OID])
	return made, false, err
}

// concurrently makes the index on one table that holds rows.
func (m *migration) concurrently(ctx context.Context, t *Target, w wanted, on *Table, have []definedIndex) (definedIndex, error) {
	for _, x := range have {
		if !x.valid && x.constraint == "" && w.fits(x) {
			m.add(migrationStep{
				what: fmt.Sprintf("Remove the INVALID index %s on %s, left behind by a CREATE INDEX CONCURRENTLY that failed", x.name, on),
				lock: fmt.Sprintf("SHARE UPDATE EXCLUSIVE on %s, for an instant after the transactions that are open: reading and writing go on.", on),
				about: []string{
					"First make sure that nobody is building it just now:",
					"  SELECT pid, phase, blocks_done, blocks_total FROM pg_stat_progress_create_index WHERE relid = " + literal(on.SQL()) + "::regclass;",
				},
				sql: "DROP INDEX CONCURRENTLY " + x.sql(), concurrent: true,
			})
		}
	}
	suffix := "idx"
	if w.unique {
		suffix = "key"
	}
	name, err := m.free(ctx, t, on.Schema, append([]string{on.Name}, w.parts...), suffix)
	made := definedIndex{schema: on.Schema, name: name, unique: w.unique}
	undo := "DROP INDEX CONCURRENTLY " + made.sql()
	if on != w.table { // dropping an adopting index drops the adopted
		undo = "DROP INDEX CONCURRENTLY IF EXISTS " + made.sql()
	}
	m.add(migrationStep{
		what: fmt.Sprintf("Index on %s %s", on, w.what),
		lock: fmt.Sprintf("SHARE UPDATE EXCLUSIVE on %s, while all of it is read twice (%s): reading and writing go on. "+
			"It also waits for every transaction that is open by then.", on, roughly(on)),
		about: append(slices.Clone(w.about),
			"If it fails, it leaves an INVALID index behind, which costs every write and helps nobody. Remove it, then repeat the step:",
			"  DROP INDEX CONCURRENTLY IF EXISTS "+made.sql()+";"),
		sql: w.sql(on, name, " CONCURRENTLY"), undo: undo, concurrent: true,
	})
	return made, err
}

// partitionedIndex makes the index on each partition, and then on their parent,
// which adopts them.
func (m *migration) partitionedIndex(ctx context.Context, t *Target, w wanted, leaves []*Table, all map[uint32][]definedIndex) (definedIndex, error) {
	for _, x := range all[w.table.OID] {
		if !x.valid && w.fits(x) {
			m.note("%s has the index %s already, but not on all of its partitions. Finish it first: CREATE INDEX CONCURRENTLY on those, then ALTER INDEX … ATTACH PARTITION.", w.table, x.name)
			return definedIndex{}, nil
		}
	}
	for _, l := range leaves {
		if l.Kind == "f" {
			m.note("%s has a foreign table as a partition (%s): no index on it can be made from here.", w.table, l)
			return definedIndex{}, nil
		}
	}
	for _, l := range leaves {
		if slices.ContainsFunc(all[l.OID], func(x definedIndex) bool { return x.valid && w.fits(x) }) {
			continue
		}
		if _, err := m.concurrently(ctx, t, w, l, all[l.OID]); err != nil {
			return definedIndex{}, err
		}
	}
	suffix := "idx"
	if w.unique {
		suffix = "key"
	}
	name, err := m.free(ctx, t, w.table.Schema, append([]string{w.table.Name}, w.parts...), suffix)
	made := definedIndex{schema: w.table.Schema, name: name, unique: w.unique}
	m.add(migrationStep{
		what:  fmt.Sprintf("Index on %s %s", w.table, w.what),
		lock:  fmt.Sprintf("SHARE on %s and its partitions, for an instant: those indexes are adopted, no row is read. Writers wait meanwhile.", w.table),
		about: []string{"New partitions get it by themselves."},
		sql:   w.sql(w.table, name, ""), undo: "DROP INDEX " + made.sql(),
	})
	return made, err
}

// leading fits an index that begins with the columns, in any order, over all
// rows, or over those that have the only column at all.
func leading(cols []Column) func(definedIndex) bool {
	names := columnNames(cols)
	return func(x definedIndex) bool {
		if len(x.keys) < len(names) || slices.Contains(x.plain[:len(names)], false) || !sameNames(x.keys[:len(names)], names) {
			return false
		}
		if x.predicate == "" {
			return true
		}
		return len(cols) == 1 && slices.Contains(notNulls(cols[0]), x.predicate)
	}
}

// written are the ways in which the server may write a column's name.
func written(c Column) []string {
	if bareWord.FindString(c.Name) == c.Name {
		return []string{c.Name, c.SQL()}
	}
	return []string{c.SQL()}
}

func notNulls(c Column) []string {
	var out []string
	for _, name := range written(c) {
		out = append(out, "("+name+" IS NOT NULL)")
	}
	return out
}

// uniquely fits a unique index on exactly these columns that a foreign key can
// refer to.
func uniquely(cols []Column) func(definedIndex) bool {
	return func(x definedIndex) bool {
		names, plain := x.columns()
		return x.unique && plain && x.immediate && x.predicate == "" && sameNames(names, columnNames(cols))
	}
}

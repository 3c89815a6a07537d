package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/declare"
)

// declaredReference is a reference that the config knows and no foreign key
// says: the column of a table refers to the rows of another, by default the one
// whose rows are repaired.
type declaredReference struct {
	Table  string        `yaml:"table"`
	Column declare.Names `yaml:"column"`
	To     string        `yaml:"to"`     // the table referred to
	Refers declare.Names `yaml:"refers"` // its columns; default its primary key
}

// declaredReferences are a fix's word references.
type declaredReferences struct {
	References []declaredReference `yaml:"references"`
}

func (w *declaredReferences) referenceFaults(bad func(key, format string, args ...any)) {
	for i, r := range w.References {
		if r.Table == "" {
			bad("references", "references: table is missing in number %d: the table that refers to the rows", i+1)
		}
		if len(r.Column) == 0 {
			bad("references", "references: column is missing in number %d: the column that refers to the rows", i+1)
		}
		if n := len(r.Refers); n > 0 && n != len(r.Column) {
			bad("references", "references: refers names %d columns in number %d, column names %d", n, i+1, len(r.Column))
		}
	}
}

// What a foreign key does by itself when the row that it refers to goes.
// Source: PostgreSQL manual, "pg_constraint", confdeltype.
const (
	actionCascade    = "c"
	actionSetNull    = "n"
	actionSetDefault = "d"
)

// reference is one way in which the rows of a table refer to those of another.
type reference struct {
	name     string // of the foreign key; empty: the config declares it
	child    *fixTable
	columns  []Column
	parent   *fixTable
	refers   []Column
	onDelete string
	onUpdate string
}

// What refers to a partitioned table refers to its partitions.
const referencesSQL = `
SELECT c.conname, quote_ident(n.nspname) || '.' || quote_ident(t.relname),
       ARRAY(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY k(num, pos)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num ORDER BY k.pos)::text[],
       ARRAY(SELECT a.attname FROM unnest(c.confkey) WITH ORDINALITY k(num, pos)
             JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num ORDER BY k.pos)::text[],
       c.confdeltype::text, c.confupdtype::text
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE c.contype = 'f' AND c.conparentid = 0
  AND (c.confrelid = to_regclass($1) OR c.confrelid IN (SELECT relid FROM pg_partition_ancestors(to_regclass($1))))
ORDER BY n.nspname, t.relname, c.conname`

// referencesTo finds everything that refers to a table: the foreign keys of the
// catalog, and what the config declares. Errors are Problems.
func (d *drafting) referencesTo(ctx context.Context, parent *fixTable) ([]*reference, error) {
	if known, ok := d.references[parent.OID]; ok {
		return known, nil
	}
	type key struct {
		reference
		table           string
		columns, refers []string
	}
	var keys []key
	err := d.target.query(ctx, referencesSQL, []any{parent.SQL()}, func(rows pgx.Rows) error {
		var k key
		err := rows.Scan(&k.name, &k.table, &k.columns, &k.refers, &k.onDelete, &k.onUpdate)
		keys = append(keys, k)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, w := range d.declared {
		if to, err := d.target.Table(ctx, w.To); err != nil {
			return nil, err
		} else if to.OID == parent.OID {
			keys = append(keys, key{table: w.Table, columns: w.Column, refers: w.Refers})
		}
	}
	var found []*reference
	for _, k := range keys {
		r := k.reference
		r.parent = parent
		if r.child, err = d.anyTable(ctx, k.table); err != nil {
			return nil, fmt.Errorf("what refers to %s: %w", parent, err)
		}
		if err := r.resolve(k.columns, k.refers); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(found, r.same) {
			found = append(found, &r)
		}
	}
	d.references[parent.OID] = found
	return found, nil
}

func (r *reference) resolve(columns, refers []string) (err error) {
	if r.columns, err = r.child.Named(columns...); err != nil {
		return err
	}
	r.refers = r.parent.key
	if len(refers) > 0 {
		if r.refers, err = r.parent.Named(refers...); err != nil {
			return err
		}
	}
	if len(r.refers) != len(r.columns) {
		return problemf("%s refers to %s by %d columns, but its key has %d: name them under refers.", r.child, r.parent, len(r.columns), len(r.refers))
	}
	r.child.keyed(r.columns)
	return nil
}

// same tells whether another reference says the same, whatever its name.
func (r *reference) same(other *reference) bool {
	return r.child.OID == other.child.OID && slices.Equal(columnNames(r.columns), columnNames(other.columns)) &&
		slices.Equal(columnNames(r.refers), columnNames(other.refers))
}

func (r *reference) String() string {
	return r.child.String() + "." + strings.Join(columnNames(r.columns), ", ")
}

// optional are its columns that can be NULL: with one of them NULL it refers to
// nothing.
func (r *reference) optional() []Column {
	return slices.DeleteFunc(slices.Clone(r.columns), func(c Column) bool { return c.NotNull })
}

// typed are the child's columns with the types of what they refer to, so that
// the parent's values can be looked up in them.
func (r *reference) typed() []Column {
	cols := slices.Clone(r.columns)
	for i := range cols {
		cols[i].Type = r.refers[i].Type
	}
	return cols
}

// held is the condition that a row of the reference refers to row t. A row that
// refers to itself does not count.
func (r *reference) held() string {
	var on []string
	for i, c := range r.columns {
		on = append(on, c.In("ib_c")+" = "+r.refers[i].In("t"))
	}
	if r.child.OID == r.parent.OID {
		on = append(on, fmt.Sprintf("%s <> %s", row(columnsIn("ib_c", r.child.key)), row(columnsIn("t", r.child.key))))
	}
	return fmt.Sprintf("EXISTS (SELECT 1 FROM %s AS ib_c WHERE %s)", r.child.SQL(), strings.Join(on, " AND "))
}

// held is the condition that something refers to row t of a table; empty:
// nothing ever does.
func (d *drafting) held(ctx context.Context, t *fixTable) (string, error) {
	references, err := d.referencesTo(ctx, t)
	parts := make([]string, len(references))
	for i, r := range references {
		parts[i] = r.held()
	}
	return strings.Join(parts, " OR "), err
}

// Without an index each row's search reads a whole table. From so many rows on
// it is worth a warning, and from so many it would not end within a statement's
// time.
const (
	slowRows     = 100_000
	hopelessRows = 2_000_000
)

// Any index that begins with one of the columns helps, a partial one too, if it
// only leaves out NULLs: nothing is searched for there.
const searchableSQL = `
SELECT EXISTS (SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = $1 AND i.indisvalid AND a.attname = ANY($2::text[])
  AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) ~ '^\([^()]* IS NOT NULL\)$'))`

// searchable warns if rows cannot be looked up by columns quickly, and refuses,
// with a Problem, if that would take for ever.
func (d *drafting) searchable(ctx context.Context, t *Table, cols []Column) error {
	if t.Estimate() < slowRows {
		return nil
	}
	var indexed bool
	err := d.target.query(ctx, searchableSQL, []any{t.OID, columnNames(cols)}, func(rows pgx.Rows) error { return rows.Scan(&indexed) })
	names := strings.Join(columnNames(cols), ", ")
	switch {
	case err != nil || indexed:
		return err
	case t.Estimate() < hopelessRows:
		d.risk("%s has no index on %s, so every row takes long.", t, names)
		return nil
	}
	return problemf("%s has no index on %s, and is too large to be searched for every row that is repaired: have one made first (CREATE INDEX CONCURRENTLY ON %s (%[2]s)).", t, names, t.SQL())
}

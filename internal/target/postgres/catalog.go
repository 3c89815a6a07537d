package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// Column is one column of a table.
type Column struct {
	Name    string
	Type    string // as in a cast: bigint, character varying, "Money"
	NotNull bool
	// Collation decides the order of text; 0 where there is none.
	Collation uint32
}

// SQL is the column's quoted name.
func (c Column) SQL() string { return pgx.Identifier{c.Name}.Sanitize() }

// In is the column's quoted name behind a table's alias.
func (c Column) In(alias string) string { return alias + "." + c.SQL() }

// Index is one index that can be used for ranges: a valid, complete b-tree.
type Index struct {
	Name    string
	Columns []string // in order; without included ones
	Include []string
	Unique  bool
}

// Leads tells whether the index begins with the columns, in any order.
func (i Index) Leads(columns []string) bool {
	if len(columns) == 0 || len(i.Columns) < len(columns) {
		return false
	}
	for _, c := range i.Columns[:len(columns)] {
		if !slices.Contains(columns, c) {
			return false
		}
	}
	return true
}

// ForeignKey is one foreign key that the catalog declares.
type ForeignKey struct {
	Name            string
	Table, Parent   string // schema.table, as [Target.Table] takes them
	Columns, Refers []string
	Valid           bool
	Full            bool // MATCH FULL
}

// Table is what the catalog knows about a table.
type Table struct {
	Schema, Name string
	OID          uint32
	Kind         string // relkind: r table, p partitioned, m materialized view
	Inherited    bool   // has children: physical pages do not tell all of it
	Columns      []Column
	Key          []Column // the primary key; empty when there is none
	Indexes      []Index
	Tuples       int64 // rows, estimated; 0 when unknown
	Pages        int64 // now, by its size
	AllVisible   int64 // pages in the visibility map at the last vacuum
}

// SQL is the table's quoted and qualified name.
func (t *Table) SQL() string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

// String is the table's name for people: without the schema when it is public.
func (t *Table) String() string {
	if t.Schema == "public" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// Column finds a column by its name.
func (t *Table) Column(name string) (Column, bool) {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return t.Columns[i], true
}

// Named finds columns by name. The error is a Problem that suggests the nearest
// existing name.
func (t *Table) Named(names ...string) ([]Column, error) {
	var cols []Column
	for _, name := range names {
		c, ok := t.Column(name)
		if !ok {
			have := make([]string, len(t.Columns))
			for i, c := range t.Columns {
				have[i] = c.Name
			}
			return nil, &check.Problem{Sentence: fmt.Sprintf("Table %s has no column %s%s", t, name, declare.DidYouMean(name, have))}
		}
		cols = append(cols, c)
	}
	return cols, nil
}

// KeyOr gives the named columns, or the primary key when none are named. The
// error is a Problem when there is neither.
func (t *Table) KeyOr(names []string) ([]Column, error) {
	if len(names) > 0 {
		return t.Named(names...)
	}
	if len(t.Key) == 0 {
		return nil, &check.Problem{Sentence: fmt.Sprintf("Table %s has no primary key: name the columns that tell its rows apart in key.", t)}
	}
	return t.Key, nil
}

// IndexOn finds an index that leads with the columns in any order, and gives the
// columns in the index's order.
func (t *Table) IndexOn(cols []Column) (Index, []Column, bool) {
	names := columnNames(cols)
	for _, i := range t.Indexes {
		if i.Leads(names) {
			ordered, err := t.Named(i.Columns[:len(cols)]...)
			if err == nil {
				return i, ordered, true
			}
		}
	}
	return Index{}, nil, false
}

// Estimate is how many rows the table has, roughly, also when it was never
// analysed.
func (t *Table) Estimate() int64 {
	if t.Tuples > 0 {
		return t.Tuples
	}
	return int64(float64(t.Pages) * t.RowsPerPage())
}

// unvacuumed is a note when reading an index alone must look into the table for
// most rows, because the visibility map is not up to date.
func (t *Table) unvacuumed() []string {
	if t.Kind == "p" || t.Pages < 1000 || 2*t.AllVisible > t.Pages {
		return nil
	}
	return []string{fmt.Sprintf("VACUUM %s would make this check faster: %d of its %d pages are known to be visible to all.", t, t.AllVisible, t.Pages)}
}

// RowsPerPage estimates how many rows one page holds.
func (t *Table) RowsPerPage() float64 {
	if t.Pages == 0 || t.Tuples == 0 {
		return 50
	}
	return float64(t.Tuples) / float64(t.Pages)
}

func columnNames(cols []Column) []string {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	return names
}

const tableSQL = `
SELECT n.nspname, c.relname, c.oid, c.relkind::text, c.relhassubclass AND c.relkind <> 'p',
       greatest(c.reltuples, 0)::bigint,
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) / current_setting('block_size')::bigint ELSE 0 END,
       c.relallvisible::bigint,
       has_schema_privilege(n.oid, 'USAGE') AND
       (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')),
       has_schema_privilege(n.oid, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f')
  AND ((c.relname = $1 AND pg_table_is_visible(c.oid))
       OR (n.nspname = $2 AND c.relname = $3))
ORDER BY (c.relname = $1 AND pg_table_is_visible(c.oid)) DESC
LIMIT 1`

// Table looks a table up: "orders" along the search path, or "sales.orders".
// The name is taken literally, also with capitals and blanks; double quotes
// around a part are allowed. Errors are Problems: a missing table suggests the
// nearest name, a missing grant names the GRANT.
func (t *Target) Table(ctx context.Context, name string) (*Table, error) {
	schema, relation := splitName(name)
	tab := &Table{}
	var readable, usable bool
	found := false
	err := t.query(ctx, tableSQL, []any{unquote(name), schema, relation}, func(rows pgx.Rows) error {
		found = true
		return rows.Scan(&tab.Schema, &tab.Name, &tab.OID, &tab.Kind, &tab.Inherited, &tab.Tuples, &tab.Pages, &tab.AllVisible, &readable, &usable)
	})
	if err != nil {
		return nil, err
	}
	role := t.pool.Config().ConnConfig.User
	switch {
	case !found:
		return nil, t.noTable(ctx, name)
	case !usable:
		return nil, &check.Problem{Sentence: deniedSentence(t.opts.Place, role, "schema", pgx.Identifier{tab.Schema}.Sanitize())}
	case !readable:
		return nil, &check.Problem{Sentence: deniedSentence(t.opts.Place, role, "table", tab.SQL())}
	case tab.Kind == "v" || tab.Kind == "f":
		return nil, &check.Problem{Sentence: fmt.Sprintf("%s on Postgres %s is a view or a foreign table: use a check of kind query for it.", name, t.opts.Place)}
	}
	if err := t.columns(ctx, tab); err != nil {
		return nil, err
	}
	return tab, t.indexes(ctx, tab)
}

const columnsSQL = `
SELECT attname, format_type(atttypid, -1), attnotnull, attcollation FROM pg_attribute
WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`

func (t *Target) columns(ctx context.Context, tab *Table) error {
	return t.query(ctx, columnsSQL, []any{tab.OID}, func(rows pgx.Rows) error {
		var c Column
		if err := rows.Scan(&c.Name, &c.Type, &c.NotNull, &c.Collation); err != nil {
			return err
		}
		tab.Columns = append(tab.Columns, c)
		return nil
	})
}

// Expression columns make an index's list shorter than its key, so such an
// index never leads with anything: its array holds a NULL.
const indexesSQL = `
SELECT ic.relname, i.indisprimary, i.indisunique, i.indnkeyatts,
       ARRAY(SELECT coalesce(a.attname, '') FROM unnest(i.indkey::smallint[]) WITH ORDINALITY k(num, pos)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num AND k.num > 0
             ORDER BY k.pos)::text[]
FROM pg_index i
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_am am ON am.oid = ic.relam
WHERE i.indrelid = $1 AND am.amname = 'btree' AND i.indisvalid AND i.indpred IS NULL
ORDER BY i.indisprimary DESC, i.indnatts, ic.relname`

func (t *Target) indexes(ctx context.Context, tab *Table) error {
	return t.query(ctx, indexesSQL, []any{tab.OID}, func(rows pgx.Rows) error {
		var x Index
		var primary bool
		var keys int16
		var columns []string
		if err := rows.Scan(&x.Name, &primary, &x.Unique, &keys, &columns); err != nil {
			return err
		}
		x.Columns, x.Include = columns[:keys], columns[keys:]
		tab.Indexes = append(tab.Indexes, x)
		if !primary {
			return nil
		}
		key, err := tab.Named(x.Columns...)
		tab.Key = key
		return err
	})
}

const foreignKeysSQL = `
SELECT c.conname,
       quote_ident(cn.nspname) || '.' || quote_ident(ct.relname),
       quote_ident(pn.nspname) || '.' || quote_ident(pt.relname),
       ARRAY(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY k(num, pos)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num ORDER BY k.pos)::text[],
       ARRAY(SELECT a.attname FROM unnest(c.confkey) WITH ORDINALITY k(num, pos)
             JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num ORDER BY k.pos)::text[],
       c.convalidated, c.confmatchtype = 'f'
FROM pg_constraint c
JOIN pg_class ct ON ct.oid = c.conrelid JOIN pg_namespace cn ON cn.oid = ct.relnamespace
JOIN pg_class pt ON pt.oid = c.confrelid JOIN pg_namespace pn ON pn.oid = pt.relnamespace
WHERE c.contype = 'f' AND c.conparentid = 0
  AND cn.nspname NOT IN ('pg_catalog', 'information_schema') AND cn.nspname !~ '^pg_toast'
ORDER BY cn.nspname, ct.relname, c.conname`

// ForeignKeys lists every foreign key of the database, in a stable order.
func (t *Target) ForeignKeys(ctx context.Context) ([]ForeignKey, error) {
	var keys []ForeignKey
	err := t.query(ctx, foreignKeysSQL, nil, func(rows pgx.Rows) error {
		var k ForeignKey
		if err := rows.Scan(&k.Name, &k.Table, &k.Parent, &k.Columns, &k.Refers, &k.Valid, &k.Full); err != nil {
			return err
		}
		keys = append(keys, k)
		return nil
	})
	return keys, err
}

// noTable is the Problem of a table that is not there.
func (t *Target) noTable(ctx context.Context, name string) error {
	var names []string
	err := t.query(ctx, `
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
LIMIT 5000`, nil, func(rows pgx.Rows) error {
		var n string
		err := rows.Scan(&n)
		names = append(names, n)
		return err
	})
	if err != nil {
		return err
	}
	return &check.Problem{Sentence: fmt.Sprintf("There is no table %s in Postgres %s%s", name, t.opts.Place, declare.DidYouMean(name, names))}
}

// splitName takes schema.table apart at its first dot outside quotes.
func splitName(name string) (schema, relation string) {
	quoted := false
	for i, r := range name {
		switch {
		case r == '"':
			quoted = !quoted
		case r == '.' && !quoted:
			return unquote(name[:i]), unquote(name[i+1:])
		}
	}
	return "", unquote(name)
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return strings.ReplaceAll(s[1:len(s)-1], `""`, `"`)
	}
	return s
}

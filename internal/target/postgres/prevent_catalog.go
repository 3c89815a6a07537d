package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// leaves are the partitions of a table that hold its rows; none when it is not
// partitioned. They have neither columns nor indexes: the role that reads their
// parent need not be able to read them.
func (t *Target) leaves(ctx context.Context, table *Table) ([]*Table, error) {
	if table.Kind != "p" {
		return nil, nil
	}
	var leaves []*Table
	err := t.query(ctx, `
SELECT n.nspname, c.relname, c.oid, c.relkind::text, greatest(c.reltuples, 0)::bigint
FROM pg_partition_tree($1::oid::regclass) AS p JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.isleaf ORDER BY n.nspname, c.relname`, []any{table.OID}, func(rows pgx.Rows) error {
		leaf := &Table{}
		err := rows.Scan(&leaf.Schema, &leaf.Name, &leaf.OID, &leaf.Kind, &leaf.Tuples)
		leaves = append(leaves, leaf)
		return err
	})
	return leaves, err
}

func oids(table *Table, leaves []*Table) []uint32 {
	out := []uint32{table.OID}
	for _, l := range leaves {
		out = append(out, l.OID)
	}
	return out
}

// definedIndex is any b-tree index, also one that cannot be used.
type definedIndex struct {
	schema, name string
	keys         []string // in order: a column's name, or an expression as the server writes it
	plain        []bool   // which of them are columns
	include      []string
	unique       bool
	valid        bool
	immediate    bool   // not of a deferrable constraint
	predicate    string // as the server writes it; empty: all rows
	constraint   string // the constraint that it belongs to
}

func (i definedIndex) sql() string { return pgx.Identifier{i.schema, i.name}.Sanitize() }

// columns are the names of the key, when it is of columns only.
func (i definedIndex) columns() ([]string, bool) { return i.keys, !slices.Contains(i.plain, false) }

const definedIndexesSQL = `
SELECT i.indrelid, n.nspname, c.relname, i.indisunique, i.indisvalid AND i.indisready, i.indimmediate,
       coalesce(pg_get_expr(i.indpred, i.indrelid), ''), coalesce(k.conname, ''), i.indnkeyatts,
       ARRAY(SELECT coalesce(a.attname, pg_get_indexdef(i.indexrelid, u.pos::int, false))
             FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS u(num, pos)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.num AND u.num <> 0 ORDER BY u.pos)::text[],
       ARRAY(SELECT u.num <> 0 FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS u(num, pos) ORDER BY u.pos)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
WHERE i.indrelid = ANY($1::oid[]) AND am.amname = 'btree' ORDER BY i.indrelid, c.relname`

// definedIndexes lists the indexes of tables by the tables' oids.
func (t *Target) definedIndexes(ctx context.Context, tables []uint32) (map[uint32][]definedIndex, error) {
	found := map[uint32][]definedIndex{}
	err := t.query(ctx, definedIndexesSQL, []any{tables}, func(rows pgx.Rows) error {
		var of uint32
		var x definedIndex
		var keys int16
		if err := rows.Scan(&of, &x.schema, &x.name, &x.unique, &x.valid, &x.immediate, &x.predicate, &x.constraint, &keys, &x.keys, &x.plain); err != nil {
			return err
		}
		x.keys, x.include, x.plain = x.keys[:keys], x.keys[keys:], x.plain[:keys]
		found[of] = append(found[of], x)
		return nil
	})
	return found, err
}

// definedCheck is a CHECK constraint.
type definedCheck struct {
	name  string
	valid bool
	expr  string // as the server writes it
}

func (t *Target) definedChecks(ctx context.Context, table *Table) ([]definedCheck, error) {
	var found []definedCheck
	err := t.query(ctx, `
SELECT conname, convalidated, pg_get_expr(conbin, conrelid) FROM pg_constraint
WHERE conrelid = $1 AND contype = 'c' ORDER BY conname`, []any{table.OID}, func(rows pgx.Rows) error {
		var c definedCheck
		err := rows.Scan(&c.name, &c.valid, &c.expr)
		found = append(found, c)
		return err
	})
	return found, err
}

// alike finds the first of some conditions on a table's rows that means the same
// as mine, as far as the planner's own normal form tells: NOT (a < 0) and a >= 0
// do. It gives -1 when there is none.
func (t *Target) alike(ctx context.Context, table *Table, mine string, others []string) (int, error) {
	if len(others) == 0 {
		return -1, nil
	}
	picked := make([]string, 0, len(others)+1)
	for _, e := range append([]string{mine}, others...) {
		picked = append(picked, "("+e+"\n)")
	}
	var text string
	err := t.query(ctx, fmt.Sprintf("EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT %s FROM ONLY %s AS %s",
		strings.Join(picked, ", "), table.SQL(), pgx.Identifier{table.Name}.Sanitize()),
		nil, func(rows pgx.Rows) error { return rows.Scan(&text) })
	if err != nil {
		return -1, err
	}
	var plans []struct {
		Plan struct{ Output []string }
	}
	if err := json.Unmarshal([]byte(text), &plans); err != nil {
		return -1, fmt.Errorf("read a plan: %w", err)
	}
	if len(plans) != 1 || len(plans[0].Plan.Output) != len(picked) {
		return -1, nil
	}
	output := plans[0].Plan.Output
	return slices.Index(output[1:], output[0]), nil
}

// passing are words whose value passes with time: a condition with one of them
// is true today and false tomorrow without the row changing. Those with a
// bracket are functions; a column may have such a name. Those in quotes are read
// once, when the constraint is made, and stand still from then on.
func passing() []string {
	return strings.Fields(`now( transaction_timestamp( statement_timestamp( clock_timestamp( age(
		current_date current_time current_time( current_timestamp current_timestamp( localtime localtime( localtimestamp localtimestamp(
		'now' 'today' 'yesterday' 'tomorrow'`)
}

var (
	bareWord    = regexp.MustCompile(`[a-z_][a-z0-9_$]*`)
	quotedName  = regexp.MustCompile(`"([^"]|"")*"`)
	wordAndCall = regexp.MustCompile(`[a-z_][a-z0-9_$]*(\s*\()?`)
)

// unsuited tells why a condition cannot be a constraint; empty when it can.
func unsuited(condition string) string {
	condition = strings.ToLower(condition)
	words := quotedString.FindAllString(condition, -1)
	bare := quotedName.ReplaceAllString(withoutStrings(condition), `""`)
	for _, w := range wordAndCall.FindAllString(bare, -1) {
		words = append(words, strings.Join(strings.Fields(w), ""))
	}
	for _, w := range words {
		switch {
		case strings.TrimSuffix(w, "(") == "select":
			return "looks at other rows, which no constraint can"
		case slices.Contains(passing(), w):
			return fmt.Sprintf("depends on the time at which it is asked (%s), and a constraint is judged only when a row is written", strings.TrimSuffix(w, "("))
		}
	}
	return ""
}

const comparableSQL = `
WITH RECURSIVE base(what, typ) AS (
  SELECT 'parent', atttypid FROM pg_attribute WHERE attrelid = $1 AND attname = $2
  UNION ALL SELECT 'child', atttypid FROM pg_attribute WHERE attrelid = $3 AND attname = $4
  UNION ALL SELECT b.what, y.typbasetype FROM base b JOIN pg_type y ON y.oid = b.typ WHERE y.typtype = 'd'
), types AS (
  SELECT max(b.typ::oid::bigint) FILTER (WHERE what = 'parent')::oid AS parent, max(b.typ::oid::bigint) FILTER (WHERE what = 'child')::oid AS child
  FROM base b JOIN pg_type y ON y.oid = b.typ WHERE y.typtype <> 'd'
)
SELECT parent = child
       OR EXISTS (SELECT FROM pg_amop o JOIN pg_am a ON a.oid = o.amopmethod
                  WHERE a.amname = 'btree' AND o.amopstrategy = 3 AND o.amoplefttype = parent AND o.amoprighttype = child)
       OR EXISTS (SELECT FROM pg_cast WHERE castsource = child AND casttarget = parent AND castcontext = 'i')
FROM types`

// comparable tells whether a foreign key may join two columns of other types.
func (t *Target) comparable(ctx context.Context, parent *Table, key Column, child *Table, ref Column) (bool, error) {
	if key.Type == ref.Type {
		return true, nil
	}
	var ok bool
	err := t.query(ctx, comparableSQL, []any{parent.OID, key.Name, child.OID, ref.Name}, func(rows pgx.Rows) error { return rows.Scan(&ok) })
	return ok, err
}

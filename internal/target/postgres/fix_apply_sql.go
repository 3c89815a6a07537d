package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/fix"
)

// shape is what the statements of a form need to know about its table, read in
// the transaction itself. In all of them the row is called t, as in a form's
// conditions, and what travels with the statement has names that begin with
// ib_, which keeps it apart from columns.
type shape struct {
	table   string // quoted
	columns []shapeColumn
}

type shapeColumn struct {
	name string
	typ  string // for a cast that keeps the value as it is: an assignment then decides about its length
	// exact is for the cast of a former value, so that 5 and 5.00 are one in a
	// numeric(10,2). Lengths of text are left out: they would cut it off.
	exact     string
	generated bool
}

const shapeSQL = `
SELECT a.attname, format_type(a.atttypid, -1),
       format_type(a.atttypid, CASE WHEN a.atttypid IN ('bpchar'::regtype, 'varchar'::regtype, 'bit'::regtype, 'varbit'::regtype)
                                    THEN -1 ELSE a.atttypmod END),
       a.attgenerated <> ''
FROM pg_attribute a
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

// pathSQL is where names without a schema are looked up, as it takes effect.
const pathSQL = `SELECT array_to_string(current_schemas(false), ', ')`

// look reads the shapes of the batch's tables and holds the changes against
// them, so that a form that does not fit is said before anything is done.
func (w *work) look(ctx context.Context) error {
	w.shapes = map[string]*shape{}
	var path string
	if err := w.each(ctx, pathSQL, nil, func(rows pgx.Rows) error { return rows.Scan(&path) }); err != nil {
		return err
	}
	for _, c := range w.batch.Changes {
		if c.Form < 0 || c.Form >= len(w.forms) {
			return fmt.Errorf("form %d of %d", c.Form, len(w.forms))
		}
		f := w.forms[c.Form]
		if f.Op == fix.Validate {
			continue
		}
		if f.Path != "" && f.Path != path {
			return problemf("On Postgres %s the roles of dsn and fix_dsn look tables up in different schemas (%s and %s), so a condition could mean another table. Give both the same search_path.",
				w.x.t.opts.Place, f.Path, path)
		}
		s, ok := w.shapes[f.Table]
		if !ok {
			s = &shape{table: f.Table}
			if err := w.each(ctx, shapeSQL, []any{f.Table}, s.scan); err != nil {
				return err
			}
			w.shapes[f.Table] = s
		}
		if err := s.fits(f, c, w.x.t.opts.Place); err != nil {
			return err
		}
	}
	return nil
}

func (s *shape) scan(rows pgx.Rows) error {
	var c shapeColumn
	err := rows.Scan(&c.name, &c.typ, &c.exact, &c.generated)
	s.columns = append(s.columns, c)
	return err
}

// fits tells whether a change can be made to the table as it is now.
func (s *shape) fits(f fix.Form, c fix.Change, place string) error {
	if len(s.columns) == 0 {
		return problemf("There is no table %s in Postgres %s any more.", f.Table, place)
	}
	for _, name := range slices.Concat(f.Key, f.Columns) {
		if s.column(name).name == "" {
			return problemf("Table %s in Postgres %s has no column %s any more.", f.Table, place, name)
		}
	}
	switch {
	case f.Shape != "" && f.Shape != s.text():
		return problemf("The columns of table %s on Postgres %s are others than when this was worked out; make a new preview.", tableName(f.Table), place)
	case len(f.Key) == 0 || len(c.Key) != len(f.Key):
		return fmt.Errorf("a change of %s has %d key values for %d columns", f.Table, len(c.Key), len(f.Key))
	case f.Op == fix.Update && (len(f.Columns) == 0 || len(c.Old) != len(f.Columns) || len(c.New) != len(f.Columns)):
		return fmt.Errorf("an update of %s has %d and %d values for %d columns", f.Table, len(c.Old), len(c.New), len(f.Columns))
	case (f.Op == fix.Delete || f.Op == fix.Quarantine) && c.Before == "", f.Op == fix.Insert && c.After == "":
		return fmt.Errorf("a change of %s has no row", f.Table)
	}
	return nil
}

// text tells one list of columns from another.
func (s *shape) text() string {
	parts := make([]string, len(s.columns))
	for i, c := range s.columns {
		parts[i] = quoted(c.name) + " " + c.exact
	}
	return strings.Join(parts, ", ")
}

func (s *shape) column(name string) shapeColumn {
	if i := slices.IndexFunc(s.columns, func(c shapeColumn) bool { return c.name == name }); i >= 0 {
		return s.columns[i]
	}
	return shapeColumn{}
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// keyIs is the condition that the row of an alias is the one meant. The values
// have the names ib_k1, ib_k2, … behind another alias.
func (s *shape) keyIs(alias, values string, key []string) string {
	parts := make([]string, len(key))
	for i, name := range key {
		parts[i] = fmt.Sprintf("%s.%s = %s.ib_k%d::%s", alias, quoted(name), values, i+1, s.column(name).typ)
	}
	return strings.Join(parts, " AND ")
}

// same is the condition that the row is as it was when the plan was made. The
// texts are compared, which every type has, and which is the stricter.
func (s *shape) same(f fix.Form) string {
	parts := []string{"(ib.ib_b IS NULL OR (t.*)::text = ib.ib_b)"}
	if f.Op == fix.Update {
		for i, name := range f.Columns {
			parts = append(parts, fmt.Sprintf("t.%s::text COLLATE \"C\" IS NOT DISTINCT FROM ib.ib_o%d::%s::text COLLATE \"C\"", quoted(name), i+1, s.column(name).exact))
		}
	}
	return strings.Join(parts, " AND ")
}

// sets is what an update assigns.
func (s *shape) sets(f fix.Form) string {
	parts := make([]string, len(f.Columns))
	for i, name := range f.Columns {
		parts[i] = fmt.Sprintf("%s = ib_seen.ib_n%d::%s", quoted(name), i+1, s.column(name).typ)
	}
	return strings.Join(parts, ", ")
}

// written are the columns that can be written, each behind the alias of a row.
func (s *shape) written(of string) (names, values string) {
	var n, v []string
	for _, c := range s.columns {
		if !c.generated {
			n, v = append(n, quoted(c.name)), append(v, of+"."+quoted(c.name))
		}
	}
	return strings.Join(n, ", "), strings.Join(v, ", ")
}

// condition is a form's condition, or what stands for none. A condition that is
// neither true nor false keeps a row from being changed.
func condition(of string) string {
	if of == "" {
		return "false"
	}
	return "(" + of + "\n) IS NOT FALSE" // the line's end closes a comment
}

// bundle is the values of many changes of one form, one array for each column,
// as a table called ib.
type bundle struct {
	names []string
	types []string
	args  []any
}

// bundle makes it of changes, which must be of one form.
func (w *work) bundle(changes []int) (fix.Form, *shape, *bundle) {
	f := w.forms[w.batch.Changes[changes[0]].Form]
	b := &bundle{names: []string{"ib_i"}, types: []string{"int4"}, args: []any{places(changes)}}
	b.add(w, "ib_k", len(f.Key), changes, func(c fix.Change, n int) *string { return &c.Key[n] })
	b.add(w, "ib_b", 0, changes, func(c fix.Change, _ int) *string { return orNil(c.Before) })
	sure := make([]bool, len(changes))
	for j, i := range changes {
		sure[j] = w.fates[i].same
	}
	b.names, b.types, b.args = append(b.names, "ib_same"), append(b.types, "bool"), append(b.args, sure)
	switch f.Op {
	case fix.Update:
		b.add(w, "ib_o", len(f.Columns), changes, func(c fix.Change, n int) *string { return c.Old[n] })
		b.add(w, "ib_n", len(f.Columns), changes, func(c fix.Change, n int) *string { return c.New[n] })
	case fix.Insert:
		b.add(w, "ib_a", 0, changes, func(c fix.Change, _ int) *string { return orNil(c.After) })
	default:
	}
	return f, w.shapes[f.Table], b
}

func places(changes []int) []int32 {
	out := make([]int32, len(changes))
	for j, i := range changes {
		out[j] = int32(i) //nolint:gosec // a place in a batch
	}
	return out
}

// add adds n numbered columns, or with 0 one without a number.
func (b *bundle) add(w *work, name string, n int, changes []int, value func(fix.Change, int) *string) {
	for column := range max(n, 1) {
		values := make([]*string, len(changes))
		for j, i := range changes {
			values[j] = value(w.batch.Changes[i], column)
		}
		numbered := name
		if n > 0 {
			numbered = fmt.Sprintf("%s%d", name, column+1)
		}
		b.names, b.types, b.args = append(b.names, numbered), append(b.types, "text"), append(b.args, values)
	}
}

func (b *bundle) sql() string {
	params := make([]string, len(b.types))
	for i, typ := range b.types {
		params[i] = fmt.Sprintf("$%d::%s[]", i+1, typ)
	}
	return fmt.Sprintf("unnest(%s) AS ib(%s)", strings.Join(params, ", "), strings.Join(b.names, ", "))
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// recordsAtOnce is how many rows one transaction of a plan reads.
const recordsAtOnce = 1_000

// fixTable is a table whose rows can be repaired one by one.
type fixTable struct {
	*Table
	key     []Column // tells its rows apart: unique, never NULL
	classes []check.Class
	exact   []exactColumn // by column
}

// exactColumn is what an assignment to a column must know.
type exactColumn struct {
	Type      string // with its modifier, as in a cast: numeric(19,2)
	Default   string // an expression; empty: none
	Generated bool   // the database computes it
	Sequence  bool   // its default takes a number from a sequence
}

const exactSQL = `
SELECT format_type(a.atttypid, a.atttypmod), a.attgenerated <> '' OR a.attidentity = 'a',
       coalesce(CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END, ''),
       a.attidentity <> '' OR EXISTS (SELECT 1 FROM pg_depend p JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S'
           WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

// table looks up a table whose rows are to be repaired. The error is a Problem:
// they cannot be told apart.
func (d *drafting) table(ctx context.Context, name string) (*fixTable, error) {
	t, err := d.anyTable(ctx, name)
	if err == nil && len(t.key) == 0 {
		err = problemf("Table %s has neither a primary key nor a unique index on columns that are NOT NULL, so its rows cannot be told apart: they have to be repaired by hand.", t)
	}
	return t, err
}

// anyTable looks up a table, with a key or without.
func (d *drafting) anyTable(ctx context.Context, name string) (*fixTable, error) {
	found, err := d.target.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	if t, ok := d.tables[found.OID]; ok {
		return t, nil
	}
	t := &fixTable{Table: found, key: found.Key}
	for _, i := range found.Indexes {
		if cols, err := found.Named(i.Columns...); len(t.key) == 0 && i.Unique && err == nil && !slices.ContainsFunc(cols, nullable) {
			t.key = cols
		}
	}
	switch {
	case found.Kind == "m":
		return nil, problemf("%s is a materialized view: repair the tables that it is made of.", found)
	case found.Inherited:
		return nil, problemf("Table %s has child tables (inheritance), whose rows cannot be repaired through it.", found)
	}
	err = d.target.query(ctx, exactSQL, []any{found.OID}, func(rows pgx.Rows) error {
		var c exactColumn
		err := rows.Scan(&c.Type, &c.Generated, &c.Default, &c.Sequence)
		t.exact = append(t.exact, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, c := range found.Columns {
		class := classify(c)
		if t.inKey(c.Name) {
			class = check.Key
		}
		t.classes = append(t.classes, class)
	}
	d.tables[found.OID] = t
	return t, nil
}

func nullable(c Column) bool { return !c.NotNull }

func (t *fixTable) inKey(name string) bool { return slices.Contains(columnNames(t.key), name) }

// at is the place of a column that exists.
func (t *fixTable) at(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
}

// mask sets how columns are shown.
func (t *fixTable) mask(classes ...check.Column) {
	for _, c := range classes {
		if i := t.at(c.Name); i >= 0 {
			t.classes[i] = c.Class
		}
	}
}

// masked sets the classes that a check's config names.
func (t *fixTable) masked(words map[string]string) {
	for column, class := range words {
		t.mask(check.Column{Name: column, Class: check.Class(class)})
	}
}

// keyed marks columns that hold keys.
func (t *fixTable) keyed(cols []Column) {
	for _, c := range cols {
		t.mask(check.Column{Name: c.Name, Class: check.Key})
	}
}

// record is one row as it was when the plan was made.
type record struct {
	table  *fixTable
	key    []string
	whole  string
	values []*string // by column
	by     []string  // what it was looked up by
}

func (r *record) id() string { return fmt.Sprint(r.table.OID, "\x00", joined(r.key)) }

// texts are the values of some columns; nil is NULL.
func (r *record) texts(cols []Column) []*string {
	out := make([]*string, len(cols))
	for i, c := range cols {
		out[i] = r.values[r.table.at(c.Name)]
	}
	return out
}

// filled are the values of some columns, unless one of them is NULL.
func (r *record) filled(cols []Column) ([]string, bool) {
	out := make([]string, len(cols))
	for i, v := range r.texts(cols) {
		if v == nil {
			return nil, false
		}
		out[i] = *v
	}
	return out, true
}

// snapshot has do read in one read-only transaction that sees one moment.
func (d *drafting) snapshot(ctx context.Context, do func(*Session) error) error {
	shared, err := d.target.together(ctx, d.reader.slots(), 1, d.target.opts.StatementTimeout)
	if err != nil {
		return err
	}
	defer d.target.apart(shared)
	return do(shared[0])
}

// recordsBy reads the whole rows whose columns have given values, at most so
// many. The columns' types are those of the values.
func (s *Session) recordsBy(ctx context.Context, t *fixTable, by []Column, values [][]string, most int) ([]*record, error) {
	list, args := keyArrays(by, values, 1)
	looked := make([]string, len(by))
	for i := range by {
		looked[i] = fmt.Sprintf(`ib_key."%d"::text`, i+1)
	}
	sql := fmt.Sprintf("SELECT (t.*)::text, %s, %s FROM %s AS t JOIN %s ON %s ORDER BY %s LIMIT %d",
		strings.Join(looked, ", "), texts("t", t.Columns), t.SQL(), list, keyJoin("t", by), recordOrder(t), most)
	var found []*record
	err := s.Each(ctx, sql, args, func(rows pgx.Rows) error {
		r := &record{table: t, values: make([]*string, len(t.Columns)), by: make([]string, len(by))}
		dest := append([]any{&r.whole}, pointers(r.by)...)
		for i := range r.values {
			dest = append(dest, &r.values[i])
		}
		if err := rows.Scan(dest...); err != nil {
			return fmt.Errorf("read a row of %s: %w", t, err)
		}
		r.key, _ = r.filled(t.key)
		found = append(found, r)
		return nil
	})
	return found, err
}

func recordOrder(t *fixTable) string {
	if len(t.key) == 0 {
		return "1"
	}
	return list("t", t.key)
}

// victims reads the rows of findings by their keys and hands them over batch by
// batch, each within one moment: the session sees the rows as they are given. A
// row that is gone by now is left out.
func (d *drafting) victims(ctx context.Context, t *fixTable, key []Column, rows []check.Row,
	each func(s *Session, rows []check.Row, records []*record) error,
) error {
	for batch := range slices.Chunk(rows, recordsAtOnce) {
		err := d.snapshot(ctx, func(s *Session) error {
			keys := make([][]string, len(batch))
			for i, r := range batch {
				keys[i] = r.Key
			}
			found, err := s.recordsBy(ctx, t, key, keys, 2*len(keys))
			if err != nil {
				return err
			}
			by := make(map[string]*record, len(found))
			for _, r := range found {
				if by[joined(r.by)] != nil {
					return problemf("The key of this check (%s) does not tell the rows of %s apart, so they cannot be repaired one by one.",
						strings.Join(columnNames(key), ", "), t)
				}
				by[joined(r.by)] = r
			}
			var still []check.Row
			var records []*record
			for _, r := range batch {
				if record := by[joined(r.Key)]; record != nil {
					still, records = append(still, r), append(records, record)
				} else if !d.gone[joined(r.Key)] {
					d.gone[joined(r.Key)] = true
					d.draft.Found--
				}
			}
			return each(s, still, records)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

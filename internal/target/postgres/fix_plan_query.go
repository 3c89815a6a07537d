package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// queryFix repairs the rows of a table that a query names by its key: it sets
// columns, deletes them, or does what a statement of a verified shape says.
type queryFix struct {
	declare.Fix        `yaml:",inline"`
	declaredReferences `yaml:",inline"`
	statementWords     `yaml:",inline"`
	Table              string        `yaml:"table"`
	Key                declare.Names `yaml:"key"` // default: the table's primary key
	// Statement is one UPDATE or DELETE of one table; its WHERE is absent, or
	// says: key = ANY($keys).
	Statement string `yaml:"statement"`

	check *Query
}

func (w *queryFix) Ways() []string { return []string{wayStatement} }

func (w *queryFix) Faults(bad declare.Bad) {
	w.referenceFaults(bad)
	given := 0
	for _, is := range []bool{w.Update != nil, w.Delete, w.Statement != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		bad("statement", "a fix of kind query needs exactly one of update, delete: true and statement")
	}
	if w.Statement != "" {
		w.readStatement(bad)
	}
	w.statementWords.Faults(bad)
	if w.Table == "" && w.Statement == "" {
		bad("table", "table is missing: the table whose rows the query names by its key")
	}
	if n := len(w.check.Key); len(w.Key) > 0 && len(w.Key) != max(n, 1) {
		bad("key", "key names %d columns, the query's key %d", len(w.Key), max(n, 1))
	}
}

// readStatement turns the statement into the words that it says.
func (w *queryFix) readStatement(bad func(key, format string, args ...any)) {
	s, err := readStatement(w.Statement)
	if err != nil {
		bad("statement", "statement %v", err)
		return
	}
	if w.Table != "" && w.Table != s.table {
		bad("table", "table is %s, but the statement changes %s", w.Table, s.table)
	}
	if s.key != "" && len(w.Key) > 0 && (len(w.Key) > 1 || w.Key[0] != s.key) {
		bad("key", "key is %s, but the statement asks for %s", strings.Join(w.Key, ", "), s.key)
	}
	w.Table, w.Delete = s.table, s.delete
	if s.key != "" {
		w.Key = declare.Names{s.key}
	}
	if !s.delete {
		w.Update = &updateWords{Set: s.set}
	}
}

// readable is a statement taken apart.
type readable struct {
	table  string
	key    string // the column that WHERE compares with the keys; empty: no WHERE
	set    assignments
	delete bool
}

func (w *queryFix) draft(ctx context.Context, d *drafting) error {
	shape, err := w.check.resolve(ctx, d.target)
	if err != nil {
		return err
	}
	t, err := d.table(ctx, w.Table)
	if err != nil {
		return err
	}
	key, err := t.KeyOr(w.Key)
	if err != nil {
		return err
	}
	if len(key) != len(shape.key) {
		return problemf("The query's key has %d columns, that of %s has %d: name them as key of the fix.", len(shape.key), t, len(key))
	}
	t.masked(w.check.Mask)
	d.declare(w.declaredReferences, w.Table)
	if w.check.Of == "" { // the query tells how many rows it found, not of how many
		if d.draft.Of, err = d.reader.count(ctx, w.Table); err != nil {
			return err
		}
	}
	all, repeated := onceEach(d.found.rows)
	rows, err := d.choose(all, d.found.count-repeated)
	if err != nil {
		return err
	}
	form := fix.Form{Unless: w.notNamed(shape.key, key), Why: "the query does not name it any more"}
	if w.Delete {
		return d.removeRows(ctx, t, key, rows, removal{op: fix.Delete, unless: form.Unless, why: form.Why, written: "set to NULL"})
	}
	return d.update(ctx, t, pgx.Identifier{t.Name}.Sanitize(), key, rows, w.Update.Set, form)
}

// onceEach leaves out further findings about the same row.
func onceEach(rows []check.Row) (once []check.Row, repeated int64) {
	for _, r := range rows { // in the order of their keys
		if n := len(once); n > 0 && joined(once[n-1].Key) == joined(r.Key) {
			repeated++
			continue
		}
		once = append(once, r)
	}
	return once, repeated
}

// notNamed is the condition that the query does not name row t. The query runs
// once for many rows.
func (w *queryFix) notNamed(named, key []Column) string {
	var mine, its, filled []string
	for i, c := range key {
		mine = append(mine, c.In("t")+"::text")
		its = append(its, named[i].In("ib_q")+"::text")
		filled = append(filled, named[i].In("ib_q")+" IS NOT NULL")
	}
	return fmt.Sprintf("%s NOT IN (SELECT %s FROM (%s\n) AS ib_q WHERE %s)",
		row(mine), strings.Join(its, ", "), w.check.clean, strings.Join(filled, " AND "))
}

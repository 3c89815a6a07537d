package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Prevention is a migration that would stop a class of defect from coming
// again, for people to review. The bot never runs any of it.
type Prevention struct {
	Title string // what it would make: "Foreign key from orders (customer_id) to customers (id)"
	// Name is a file name for it, V__orders_customer_id_fkey.sql: who takes it
	// over puts the version between V and __. Empty without SQL.
	Name string
	SQL  string // the whole file; empty when there is nothing to propose, and Notes say why
	// Notes are sentences about this database: what is there already, what the
	// file does not cover, what has to be decided.
	Notes []string
}

// Preventer is a declaration that knows what would stop the defects it finds.
type Preventer interface {
	// Prevent reads the catalog and no row. What exists already is said in a
	// note and not proposed again. Errors are Problems.
	Prevent(ctx context.Context, t *Target) (Prevention, error)
}

// Every kind is one. A kind that can derive nothing says so.
var (
	_ Preventer = (*Orphans)(nil)
	_ Preventer = (*Duplicates)(nil)
	_ Preventer = (*Totals)(nil)
	_ Preventer = (*Match)(nil)
	_ Preventer = (*Rows)(nil)
	_ Preventer = (*Query)(nil)
	_ Preventer = (*ForeignKeys)(nil)
)

// migration is a Prevention in the making.
type migration struct {
	title    string
	name     string   // without V__ and .sql
	about    []string // paragraphs: what it is for, what has to be so before
	steps    []migrationStep
	optional []migrationStep // shown as comments: somebody has to decide
	notes    []string
	taken    []string // names that steps give, so that none is given twice
}

// migrationStep is one statement, which runs in a transaction of its own.
type migrationStep struct {
	what string // a line: what it does
	lock string // a sentence: which lock it takes and how long
	// about are further paragraphs. One that begins with two blanks is shown
	// line by line as it is, such as a statement to look with.
	about []string
	sql   string // without its semicolon
	undo  string // takes it back; empty: there is nothing to take back
	// concurrent steps must not run within a transaction, and wait for others
	// without making anybody wait.
	concurrent bool
}

func (m *migration) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf(format, args...))
}

func (m *migration) add(s migrationStep) { m.steps = append(m.steps, s) }

// prevention makes the file, if there is a step to make.
func (m *migration) prevention(t *Target) Prevention {
	p := Prevention{Title: m.title, Notes: m.notes}
	if len(m.steps) == 0 {
		return p
	}
	p.Name = "V__" + cleanName(m.name) + ".sql"
	p.SQL = m.file(t.opts.Place, p.Name)
	return p
}

// unfit tells with a note when a table can hold no constraint at all.
func (m *migration) unfit(tables ...*Table) bool {
	for _, t := range tables {
		if t.Kind == "m" {
			m.note("%s is a materialized view, which can have no constraints: the defect has to be stopped in the tables that it is made from.", t)
			return true
		}
	}
	return false
}

// heirs tells with a note when a constraint would not reach a table's children.
func (m *migration) heirs(what string, t *Table) {
	if t.Inherited {
		m.note("Other tables inherit from %s. %s does not reach them: each needs its own.", t, what)
	}
}

// early tells with a note when the check is more patient than a constraint.
func (m *migration) early(s *subject, what string) {
	if s.minAge > 0 {
		m.note("The check gives a row of %s %s before it judges it. %s judges at once: first make sure that nothing relies on that time.",
			s.table, humane(s.minAge), what)
	}
}

// columnList is names for people: a, b.
func columnList(cols []Column) string { return strings.Join(columnNames(cols), ", ") }

// idents is names for SQL: "a", "b".
func idents(cols []Column) string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.SQL()
	}
	return strings.Join(out, ", ")
}

// sameNames tells whether two lists hold the same names in any order.
func sameNames(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Prevent implements Preventer: a CHECK constraint of exactly the opposite,
// proven without stopping writers.
func (w *Rows) Prevent(ctx context.Context, t *Target) (Prevention, error) {
	involved := t.mentioned(ctx, &w.Subject, w.Wrong)
	s, err := w.resolve(ctx, t, involved, nil)
	if err != nil {
		return Prevention{}, err
	}
	parts := append([]string{s.table.Name}, involved...)
	m := &migration{title: fmt.Sprintf("Check constraint on %s", s.table), name: strings.Join(append(parts, "check"), "_")}
	if len(involved) > 0 {
		m.title += " (" + commas(involved) + ")"
	}
	if m.unfit(s.table) {
		return m.prevention(t), nil
	}
	wrong := "(" + w.Wrong + "\n)"
	if !strings.Contains(w.Wrong, "--") {
		wrong = "(" + strings.TrimSpace(w.Wrong) + ")"
	}
	if s.where != "TRUE" {
		wrong = "(" + s.where + " AND " + wrong + ")"
	}
	if why := unsuited(wrong); why != "" {
		m.note("No constraint can be derived: the condition of the check %s. Stop it where the rows are written, and leave the check on.", why)
		return m.prevention(t), nil
	}
	m.about = append(m.about, fmt.Sprintf("It refuses every row of %s that the check would report. A row for which the condition is NULL stays allowed, as in the check.", s.table),
		"Before: the check must pass, or the step that validates fails. This finds what is in its way:",
		fmt.Sprintf("  SELECT * FROM %s WHERE %s;", s.from(), wrong))
	m.early(s, "A constraint")
	err = m.check(ctx, t, s.table, parts, "NOT "+wrong)
	return m.prevention(t), err
}

// check adds the steps to a CHECK constraint, unless there is one that means
// the same.
func (m *migration) check(ctx context.Context, t *Target, table *Table, parts []string, expr string) error {
	have, err := t.definedChecks(ctx, table)
	if err != nil {
		return err
	}
	exprs := make([]string, len(have))
	for i, c := range have {
		exprs[i] = c.expr
	}
	found, err := t.alike(ctx, table, expr, exprs)
	if err != nil {
		return err
	}
	if found >= 0 && have[found].valid {
		m.note("%s already has this constraint, %s: no row can break it.", table, have[found].name)
		return nil
	}
	if found >= 0 {
		m.note("%s already has this constraint, %s; it is NOT VALID: it holds for every row written since, and the older ones were never looked at.", table, have[found].name)
		m.validate(table, nil, have[found].name)
		return nil
	}
	name, err := m.free(ctx, t, table.Schema, parts, "check")
	m.add(migrationStep{
		what: fmt.Sprintf("Constraint %s on %s, for every row written from now on", name, table),
		lock: fmt.Sprintf("ACCESS EXCLUSIVE on %s, for an instant: no row is read. Readers and writers wait meanwhile.", locked(table)),
		sql:  fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s\n    CHECK (%s) NOT VALID", table.SQL(), pgx.Identifier{name}.Sanitize(), expr),
		undo: fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", table.SQL(), pgx.Identifier{name}.Sanitize()),
	})
	m.validate(table, nil, name)
	return err
}

package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/fix"
)

// sideEffects names what the database does by itself when the plan is carried
// out: triggers, and foreign keys that act.
func (d *drafting) sideEffects(ctx context.Context) error {
	for _, f := range d.draft.Content.Forms {
		if f.Op == fix.Keep || f.Op == fix.Validate {
			continue
		}
		t, err := d.table(ctx, f.Table)
		if err != nil {
			return err
		}
		if err := d.triggers(ctx, t, f); err != nil {
			return err
		}
		if err := d.cascades(ctx, t, f); err != nil {
			return err
		}
	}
	d.draft.Triggers, d.draft.Cascades = unique(d.draft.Triggers), unique(d.draft.Cascades)
	return nil
}

// cascades names foreign keys that act when rows of a form go or change.
func (d *drafting) cascades(ctx context.Context, t *fixTable, f fix.Form) error {
	if f.Op == fix.Insert {
		return nil
	}
	references, err := d.referencesTo(ctx, t)
	if err != nil {
		return err
	}
	for _, r := range references {
		touched := slices.ContainsFunc(r.refers, func(c Column) bool { return slices.Contains(f.Columns, c.Name) })
		switch {
		case r.name == "" || f.Op == fix.Update && !touched:
		case f.Op == fix.Update && r.onUpdate == actionCascade:
			d.draft.Cascades = append(d.draft.Cascades, fmt.Sprintf("%s follows every change of %s (%s, ON UPDATE CASCADE)", r, t, r.name))
		case f.Op == fix.Update && (r.onUpdate == actionSetNull || r.onUpdate == actionSetDefault):
			d.draft.Cascades = append(d.draft.Cascades, fmt.Sprintf("%s is reset when %s changes (%s)", r, t, r.name))
		case f.Op == fix.Update:
		case r.onDelete == actionCascade:
			d.draft.Cascades = append(d.draft.Cascades, fmt.Sprintf("rows of %s go with those of %s (%s, ON DELETE CASCADE); those there are now are in this plan", r.child, t, r.name))
		case r.onDelete == actionSetNull:
			d.draft.Cascades = append(d.draft.Cascades, fmt.Sprintf("%s is set to NULL when its row of %s goes (%s, ON DELETE SET NULL); those there are now are in this plan", r, t, r.name))
		}
	}
	return nil
}

// Types of trigger: what fires them, when, and for what.
// Source: PostgreSQL source, catalog/pg_trigger.h, TRIGGER_TYPE_….
const triggersSQL = `
SELECT tgname, CASE WHEN tgtype & 2 > 0 THEN 'before' WHEN tgtype & 64 > 0 THEN 'instead of' ELSE 'after' END,
       CASE WHEN tgtype & 1 > 0 THEN 'each ' || $2 ELSE 'each statement that does ' || $2 END
FROM pg_trigger
WHERE tgrelid = $1 AND NOT tgisinternal AND tgenabled IN ('O', 'A')
  AND tgtype & CASE $2 WHEN 'insert' THEN 4 WHEN 'delete' THEN 8 ELSE 16 END > 0
  AND ($2 <> 'update' OR tgattr::text = '' OR EXISTS (
      SELECT 1 FROM unnest(tgattr::smallint[]) u(num) JOIN pg_attribute a ON a.attrelid = tgrelid AND a.attnum = u.num
      WHERE a.attname = ANY($3::text[])))
ORDER BY tgname`

// triggers names those that a form will fire.
func (d *drafting) triggers(ctx context.Context, t *fixTable, f fix.Form) error {
	event := string(f.Op)
	if f.Op == fix.Quarantine {
		event = string(fix.Delete)
	}
	columns := f.Columns
	if columns == nil {
		columns = []string{}
	}
	return d.target.query(ctx, triggersSQL, []any{t.OID, event, columns}, func(rows pgx.Rows) error {
		var name, when, each string
		err := rows.Scan(&name, &when, &each)
		d.draft.Triggers = append(d.draft.Triggers, fmt.Sprintf("%s on %s %s %s", name, t, when, each))
		return err
	})
}

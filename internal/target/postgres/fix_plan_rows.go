package postgres

import (
	"context"
	"fmt"

	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// rowsFix sets columns of the failing rows, or deletes them with all that refers
// to them, as its config says.
type rowsFix struct {
	declare.Fix        `yaml:",inline"`
	declaredReferences `yaml:",inline"`
	statementWords     `yaml:",inline"`

	check *Rows
}

func (w *rowsFix) Ways() []string { return []string{wayStatement} }

func (w *rowsFix) Faults(bad declare.Bad) {
	w.referenceFaults(bad)
	w.statementWords.Faults(bad)
	if (w.Update != nil) == w.Delete {
		bad("update", "a fix of kind rows needs either update or delete: true")
	}
}

func (w *rowsFix) draft(ctx context.Context, d *drafting) error {
	c := w.check
	s, err := c.resolve(ctx, d.target, d.target.mentioned(ctx, &c.Subject, c.Wrong), nil)
	if err != nil {
		return err
	}
	t, err := d.table(ctx, c.Table)
	if err != nil {
		return err
	}
	t.mask(s.classes...)
	t.masked(c.Mask)
	d.declare(w.declaredReferences, c.Table)
	rows, err := d.choose(d.found.rows, d.found.count)
	if err != nil {
		return err
	}
	right := "NOT " + s.seenAs(fmt.Sprintf("((%s) AND %s) IS TRUE", c.Wrong, s.where))
	const why = "it is right by now"
	if w.Delete {
		return d.removeRows(ctx, t, s.key, rows, removal{op: fix.Delete, unless: right, why: why, written: "set to NULL"})
	}
	return d.update(ctx, t, s.alias, s.key, rows, w.Update.Set, fix.Form{Unless: right, Why: why})
}

package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// orphansFix repairs rows whose parent is gone: it removes them together with
// all that refers to them (delete, quarantine), or makes them refer to another
// parent (attach) or to none (set-null).
type orphansFix struct {
	declare.Fix        `yaml:",inline"`
	declaredReferences `yaml:",inline"`
	// Parent is whom attach attaches to; it may be given with --parent instead.
	Parent string `yaml:"parent"`

	check *Orphans
}

// The ways of repairing orphans.
const (
	wayDelete     = "delete"
	wayQuarantine = "quarantine"
	wayAttach     = "attach"
	waySetNull    = "set-null"
)

func (w *orphansFix) Ways() []string {
	return []string{"", wayDelete, wayQuarantine, wayAttach, waySetNull}
}

func (w *orphansFix) Faults(bad declare.Bad) {
	w.referenceFaults(bad)
	if w.Parent != "" && w.Mode != wayAttach && !slices.Contains(w.Modes, wayAttach) {
		bad("parent", "parent is whom to attach to, but attach is neither the mode nor among modes")
	}
}

func (w *orphansFix) draft(ctx context.Context, d *drafting) error {
	scan, err := w.check.resolve(ctx, d.target)
	if err != nil {
		return err
	}
	t, err := d.table(ctx, w.check.Table)
	if err != nil {
		return err
	}
	t.keyed(scan.columns)
	t.mask(scan.subject.classes...)
	t.masked(w.check.Mask)
	d.declare(w.declaredReferences, w.check.Table)
	if err := d.searchable(ctx, scan.parent, scan.refers); err != nil {
		return err
	}
	rows, err := d.choose(d.found.rows, d.found.count)
	if err != nil {
		return err
	}
	switch d.mode {
	case wayAttach:
		return w.attach(ctx, d, t, scan, rows)
	case waySetNull:
		return w.detach(ctx, d, t, scan, rows)
	}
	op := fix.Delete
	if d.mode == wayQuarantine {
		op = fix.Quarantine
	}
	return d.removeRows(ctx, t, scan.subject.key, rows, removal{
		op: op, unless: scan.hasParent(), why: scan.parentNow(), written: "set to NULL",
	})
}

// hasParent is the condition that the parent of row t exists.
func (o *orphanScan) hasParent() string {
	on := make([]string, len(o.refers))
	for i, c := range o.refers {
		on[i] = c.In("ib_p") + " = " + o.columns[i].In("t")
	}
	return fmt.Sprintf("EXISTS (SELECT 1 FROM %s AS ib_p WHERE %s)", o.parent.SQL(), strings.Join(on, " AND "))
}

func (o *orphanScan) parentNow() string {
	return fmt.Sprintf("its row of %s exists by now", o.parent)
}

// rightNow is the condition that row t is no orphan any more, without being
// changed in what is written.
func (o *orphanScan) rightNow() string {
	if o.subject.where == "TRUE" {
		return o.hasParent()
	}
	return anyOf(o.hasParent(), "NOT "+o.subject.seenAs("("+o.subject.where+") IS TRUE"))
}

// attach makes the rows refer to a parent that exists.
func (w *orphansFix) attach(ctx context.Context, d *drafting, t *fixTable, scan *orphanScan, rows []check.Row) error {
	name := d.order.Argument
	if name == "" {
		name = w.Parent
	}
	if name == "" && len(rows) == 0 {
		return nil
	}
	if name == "" {
		return problemf("To whom? Name a row of %s with --parent, or as parent in the config of this fix.", scan.parent)
	}
	parent, err := d.existing(ctx, scan, name)
	if err != nil {
		return err
	}
	values := make([]*string, len(parent))
	gone := make([]string, len(parent))
	for i := range parent {
		values[i] = &parent[i]
		gone[i] = scan.refers[i].In("ib_n") + " = " + constant(parent[i], scan.refers[i].Type)
	}
	form := fix.Form{
		Unless: anyOf(scan.rightNow(), fmt.Sprintf("NOT EXISTS (SELECT 1 FROM %s AS ib_n WHERE %s)", scan.parent.SQL(), strings.Join(gone, " AND "))),
		Why:    scan.parentNow() + ", or the new one is gone",
	}
	text := keyText(parent)
	if err := d.writeRows(ctx, t, scan.subject.key, rows, scan.columns, values, form); err != nil {
		return err
	}
	d.repairs("attach", "attached", fmt.Sprintf(": %s becomes %s", strings.Join(columnNames(scan.columns), ", "), text))
	return nil
}

// detach makes the rows refer to nothing.
func (w *orphansFix) detach(ctx context.Context, d *drafting, t *fixTable, scan *orphanScan, rows []check.Row) error {
	var cols []Column
	for _, c := range scan.columns {
		if !c.NotNull {
			cols = append(cols, c)
		}
	}
	if len(cols) == 0 {
		return problemf("%s of %s is NOT NULL, so it cannot be set to NULL: use another mode.", strings.Join(columnNames(scan.columns), ", "), t)
	}
	form := fix.Form{Unless: scan.rightNow(), Why: scan.parentNow()}
	if err := d.writeRows(ctx, t, scan.subject.key, rows, cols, make([]*string, len(cols)), form); err != nil {
		return err
	}
	d.repairs("detach", "detached", fmt.Sprintf(": %s becomes NULL", strings.Join(columnNames(cols), ", ")))
	return nil
}

// existing finds a row of the parent table by what was typed, and gives its key
// as the database writes it.
func (d *drafting) existing(ctx context.Context, scan *orphanScan, name string) ([]string, error) {
	parts := []string{name}
	if len(scan.refers) > 1 {
		parts = strings.Split(name, ",")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
	}
	if len(parts) != len(scan.refers) {
		return nil, problemf("%d values name a row of %s, with commas between: %s.", len(scan.refers), scan.parent, strings.Join(columnNames(scan.refers), ","))
	}
	list, args := keyArrays(scan.refers, [][]string{parts}, 1)
	var found []string
	err := d.target.query(ctx, fmt.Sprintf("SELECT %s FROM %s AS ib_p JOIN %s ON %s LIMIT 1",
		texts("ib_p", scan.refers), scan.parent.SQL(), list, keyJoin("ib_p", scan.refers)), args, func(rows pgx.Rows) error {
		found = make([]string, len(parts))
		return rows.Scan(pointers(found)...)
	})
	if err != nil && !unreadable(err) {
		return nil, err
	}
	if found == nil {
		return nil, problemf("There is no row %s in %s to attach to.", keyText(parts), scan.parent)
	}
	return found, nil
}

// unreadable tells whether the database could not take a text for a value of a
// type. Source: PostgreSQL manual, appendix A, class 22 "Data Exception".
func unreadable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.HasPrefix(pg.Code, "22")
}

// constant writes a text as a constant of a type. The text itself does not stand
// in the statement, so that it cannot break out of it.
func constant(text, typ string) string {
	return fmt.Sprintf("convert_from(decode('%s', 'hex'), 'UTF8')::%s", hex.EncodeToString([]byte(text)), typ)
}

package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// describe makes the draft of what was worked out. Its rows are those of the
// table that the plan's last step was about: the repaired ones, after those that
// refer to them.
func (u *undoing) describe(ctx context.Context, w *work) error {
	d := &u.draft
	d.Target, d.Place, d.Noun = u.x.t.opts.Name, u.x.t.opts.Place, u.plan.Draft.Noun
	if d.Noun == "" {
		d.Noun = "rows"
	}
	if len(u.images) == 0 {
		u.leftAlone()
		return u.assemble()
	}
	main := u.images[0].table
	repaired := u.repaired(main)
	for _, m := range u.back {
		if m.undo.Repairs = repaired(m); m.undo.Repairs {
			d.Rows++
		}
	}
	for _, m := range u.images {
		if repaired(m) {
			d.Found++
		}
	}
	d.Total = int64(len(u.back))
	if err := u.assemble(); err != nil {
		return err
	}
	u.leftAlone()
	u.words(main)
	if err := u.count(ctx, w, main); err != nil {
		return err
	}
	return u.triggers(ctx, w)
}

// repaired tells the images of the repaired rows. Where rows of their table were
// removed, the others of it only referred to those.
func (u *undoing) repaired(main string) func(*image) bool {
	removed := slices.ContainsFunc(u.images, func(m *image) bool { return m.table == main && undoOf(m.op) == fix.Insert })
	return func(m *image) bool {
		return m.table == main && (!removed || undoOf(m.op) == fix.Insert)
	}
}

// count tells of how many rows. A table that is too large to be counted in a
// statement's time must not make a way back impossible.
func (u *undoing) count(ctx context.Context, w *work, main string) error {
	err := w.guarded(ctx, "ib_count", func() error {
		return w.each(ctx, "SELECT count(*) FROM "+main, nil, func(rows pgx.Rows) error { return rows.Scan(&u.draft.Of) })
	})
	if timedOut(err) {
		u.draft.Of = u.plan.Draft.Of
		return nil
	}
	return err
}

// assemble makes the content: groups stay together, as they were made.
func (u *undoing) assemble() error {
	groups := map[[3]int]int{}
	d := &u.draft
	d.Listing = [][]string{{"table", "operation", "key", "column", "before", "after"}}
	for _, m := range u.back {
		f := fix.Form{Op: undoOf(m.op), Table: m.table, Key: u.keys[m.table], Columns: m.columns, Shape: u.shapes[m.table].text()}
		switch f.Op {
		case fix.Delete: // somebody may refer by now to what was put there
			f.Held, f.Why = anyOf(u.held[m.table], u.refers[m.table]), "rows refer to it by now"
		case fix.Insert:
			f.Refers = u.refers[m.table]
		default:
		}
		text, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("form of the way back of %s: %w", u.plan.Ref(), err)
		}
		n, ok := u.forms[string(text)]
		if !ok {
			n = len(d.Content.Forms)
			u.forms[string(text)] = n
			d.Content.Forms = append(d.Content.Forms, f)
		}
		m.undo.Form = n
		if m.group != 0 {
			if groups[m.tied()] == 0 {
				groups[m.tied()] = len(groups) + 1
			}
			m.undo.Group = groups[m.tied()]
		}
		d.Content.Changes = append(d.Content.Changes, m.undo)
		u.show(m, f.Op)
	}
	return nil
}

// undoOf is the operation that takes another one back.
func undoOf(op fix.Op) fix.Op {
	switch op {
	case fix.Delete, fix.Quarantine:
		return fix.Insert
	case fix.Insert:
		return fix.Delete
	default:
		return fix.Update
	}
}

// class is how a column is masked: as the check masks it where that is known.
func (u *undoing) class(table string, c shapeColumn) check.Class {
	if slices.Contains(u.keys[table], c.name) {
		return check.Key
	}
	i := slices.IndexFunc(u.plan.Draft.Columns, func(shown check.Column) bool { return shown.Name == c.name })
	if i >= 0 && table == u.images[0].table {
		return u.plan.Draft.Columns[i].Class
	}
	return classify(Column{Name: c.name, Type: c.typ})
}

// show adds a change to the listing and, while there is room, to the samples.
func (u *undoing) show(m *image, op fix.Op) {
	table := tableName(m.table)
	s := u.shapes[m.table]
	key := strings.Join(m.undo.Key, ", ")
	var before, after []string
	for i, name := range s.writable() {
		c := s.column(name)
		shown := func(v *string) string {
			if v == nil {
				return check.Null
			}
			return check.Mask(u.class(m.table, c), *v)
		}
		switch {
		case op == fix.Insert:
			after = append(after, name+" "+shown(m.oldValues[i]))
		case op == fix.Delete:
			before = append(before, name+" "+shown(m.newValues[i]))
		case slices.Contains(m.columns, name):
			before, after = append(before, name+" "+shown(m.newValues[i])), append(after, name+" "+shown(m.oldValues[i]))
			u.list(table, string(op), key, name, shown(m.newValues[i]), shown(m.oldValues[i]))
		}
	}
	was, is := strings.Join(before, ", "), strings.Join(after, ", ")
	if op != fix.Update {
		u.list(table, string(op), key, "", was, is)
	}
	if len(u.draft.Samples) < fix.MaxSamples && m.table == u.images[0].table {
		none := func(s string) string {
			if s == "" {
				return "no such row"
			}
			return clipped(s, sampleRunes)
		}
		u.draft.Samples = append(u.draft.Samples, fix.Sample{Key: keyText(m.undo.Key), Before: none(was), After: none(is)})
	}
}

// list adds a line to the listing.
func (u *undoing) list(cells ...string) {
	for i, c := range cells {
		cells[i] = check.Inert(c)
	}
	u.draft.Listing = append(u.draft.Listing, cells)
}

// tableName is a form's table as people name it.
func tableName(form string) string {
	schema, name := splitName(form)
	return (&Table{Schema: schema, Name: name}).String()
}

// words says what the way back does.
func (u *undoing) words(main string) {
	type kind struct {
		table string
		op    fix.Op
	}
	var order []kind
	counts := map[kind]int64{}
	for _, m := range u.back {
		k := kind{m.table, undoOf(m.op)}
		if counts[k] == 0 {
			order = append(order, k)
		}
		counts[k]++
	}
	fates := map[fix.Op]string{fix.Insert: "put back", fix.Delete: "removed again", fix.Update: "set back"}
	d := &u.draft
	var parts []string
	for _, k := range order {
		fate := fates[k.op]
		parts = append(parts, fmt.Sprintf("%s %s in %s", phrase.Plural(counts[k], "row"), fate, tableName(k.table)))
		if k.table != main {
			d.Dependants = append(d.Dependants, fix.Dependant{Table: tableName(k.table), Rows: counts[k], Fate: fate})
		} else if d.Done == "" {
			d.Done = fate
		}
	}
	d.Does = fmt.Sprintf("take %s back: %s", u.plan.Ref(), strings.Join(parts, ", "))
	d.Button = "take back " + phrase.Plural(d.Total, "row")
}

// leftAlone lists what is not taken back, by reason.
func (u *undoing) leftAlone() {
	d := &u.draft
	for _, l := range u.left {
		i := slices.IndexFunc(d.Left, func(have fix.Left) bool { return have.Why == l.why })
		if i < 0 {
			i = len(d.Left)
			d.Left = append(d.Left, fix.Left{Why: l.why})
		}
		key := l.keyBefore
		if l.op == fix.Insert {
			key = l.keyAfter
		}
		d.Left[i].Rows++
		d.Partial = d.Partial || l.why != leftBack
		if example := tableName(l.table) + " " + keyText(filled(key)); len(d.Left[i].Examples) < fix.MaxSamples && !slices.Contains(d.Left[i].Examples, example) {
			d.Left[i].Examples = append(d.Left[i].Examples, example)
		}
	}
}

// triggers names those that the way back will fire.
func (u *undoing) triggers(ctx context.Context, w *work) error {
	for _, f := range u.draft.Content.Forms {
		columns := f.Columns
		if columns == nil {
			columns = []string{}
		}
		var oid uint32
		if err := w.each(ctx, "SELECT to_regclass($1)::oid", []any{f.Table}, func(rows pgx.Rows) error { return rows.Scan(&oid) }); err != nil {
			return err
		}
		err := w.each(ctx, triggersSQL, []any{oid, string(f.Op), columns}, func(rows pgx.Rows) error {
			var name, when, each string
			err := rows.Scan(&name, &when, &each)
			u.draft.Triggers = append(u.draft.Triggers, fmt.Sprintf("%s on %s %s %s", name, tableName(f.Table), when, each))
			return err
		})
		if err != nil {
			return err
		}
	}
	u.draft.Triggers = unique(u.draft.Triggers)
	return nil
}

package postgres

import (
	"context"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// writeRows plans to write the same values into columns of rows.
func (d *drafting) writeRows(ctx context.Context, t *fixTable, key []Column, rows []check.Row, cols []Column, values []*string, form fix.Form) error {
	if err := d.writable(t, cols); err != nil {
		return err
	}
	var done []check.Row
	err := d.victims(ctx, t, key, rows, func(_ *Session, rows []check.Row, records []*record) error {
		for i, r := range records {
			if err := d.writeRow(rows[i], r, "", cols, values, form); err != nil {
				return err
			}
			done = append(done, rows[i])
		}
		return nil
	})
	d.repaired(done)
	return err
}

// writeRow plans to write values into one failing row. With before, the whole row
// has to be so still, and not only the columns that are written.
func (d *drafting) writeRow(row check.Row, r *record, before string, cols []Column, values []*string, form fix.Form) error {
	s, err := d.content.write(r, cols, values, form)
	if err != nil {
		return err
	}
	s.change.Repairs, s.change.Before = true, before
	d.content.add(unit{s})
	shown := r.table.columnsOf(columnNames(cols))
	d.sample(row.Key, pairs(shown, r.texts(cols), sampleRunes), pairs(shown, values, sampleRunes))
	return nil
}

// writable refuses columns that a fix must not write.
func (d *drafting) writable(t *fixTable, cols []Column) error {
	for _, c := range cols {
		switch {
		case t.exact[t.at(c.Name)].Generated:
			return problemf("%s of %s is computed by the database: it cannot be written.", c.Name, t)
		case t.inKey(c.Name):
			return problemf("%s is part of the key of %s: a fix does not write it, because what was changed could not be found again.", c.Name, t)
		}
	}
	return nil
}

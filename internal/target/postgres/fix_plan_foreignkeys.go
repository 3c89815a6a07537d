package postgres

import (
	"context"
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// foreignKeysFix validates foreign keys that were added as NOT VALID and that
// every row satisfies. Violated ones are left: their rows have to be repaired
// first.
type foreignKeysFix struct {
	declare.Fix `yaml:",inline"`

	check *ForeignKeys
}

const wayValidate = "validate"

func (w *foreignKeysFix) Ways() []string { return []string{wayValidate} }

func (w *foreignKeysFix) Faults(declare.Bad) {}

func (w *foreignKeysFix) draft(ctx context.Context, d *drafting) error {
	keys, err := w.check.chosen(ctx, d.target)
	if err != nil {
		return err
	}
	violations := map[string]int64{}
	examples := map[string][]string{}
	kept := int64(0)
	for _, r := range d.found.rows {
		if r.Class == classViolated {
			id := *r.Values[1] + "." + *r.Values[0]
			violations[id]++
			examples[id] = append(examples[id], keyText(r.Key))
			kept++
		}
	}
	if unseen := d.found.classes[classViolated] - kept; unseen > 0 {
		return problemf("%s rows break foreign keys: repair those first, with checks of kind orphans.", phrase.Count(d.found.classes[classViolated]))
	}
	d.draft.Noun, d.draft.Of = "foreign keys", int64(len(keys))
	d.draft.Columns = []check.Column{{Name: "foreign key", Class: check.Key}}
	var clean []ForeignKey
	for _, k := range keys {
		_, table := splitName(k.Table)
		id := table + "." + k.Name
		if n := violations[id]; n > 0 {
			d.leave(fmt.Sprintf("they break %s: repair these rows first, with a check of kind orphans", k.Name), n, examples[id]...)
			violations[id] = 0
			if !k.Valid {
				d.leave("rows break it, so it cannot be validated yet", 1, k.Name)
			}
		} else if !k.Valid {
			clean = append(clean, k)
		}
	}
	if limit := d.order.Limit; limit > 0 && limit < len(clean) {
		clean = clean[:limit]
	}
	if err := d.caps.Check(int64(len(clean)), d.draft.Of); err != nil {
		return err
	}
	return d.validate(ctx, clean)
}

// validate plans to validate constraints.
func (d *drafting) validate(ctx context.Context, keys []ForeignKey) error {
	for _, k := range keys {
		table, err := d.target.Table(ctx, k.Table)
		if err != nil {
			return err
		}
		s, err := d.content.step(fix.Form{Op: fix.Validate, Table: table.SQL(), Name: k.Name}, rankWrite, fix.Change{Repairs: true},
			[]string{table.String(), string(fix.Validate), k.Name, "", "NOT VALID", "valid"})
		if err != nil {
			return err
		}
		d.content.add(unit{s})
		d.sample([]string{k.Name}, "NOT VALID", "valid")
	}
	d.draft.Rows = int64(len(keys))
	noun := "foreign keys"
	if len(keys) == 1 {
		noun = "foreign key"
	}
	d.draft.Button = fmt.Sprintf("validate %d %s", len(keys), noun)
	d.draft.Done = "validated"
	d.draft.Does = d.draft.Button + " that every row satisfies"
	d.draft.Irreversible = "a validated foreign key cannot be made NOT VALID again; it only states what holds"
	d.risk("Each is proved by reading its whole table; nobody is kept from reading or writing meanwhile.")
	return nil
}

package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// Prevent implements Preventer: a trigger that works a total out again when the
// transaction that touched it commits, NOT NULL where the check says so, and the
// index that both the trigger and the check are fast with.
func (w *Totals) Prevent(ctx context.Context, t *Target) (Prevention, error) {
	d := &totalsDetector{words: w, target: t}
	c, err := d.resolve(ctx, t.Reader(check.Options{}, nil))
	if err != nil {
		return Prevention{}, err
	}
	p := &totalsPrevention{pair: c, t: t, words: w, parent: c.left.table, child: c.right.table}
	p.migration = &migration{
		title: fmt.Sprintf("Total %s.%s kept equal to the sum of %s", p.parent, w.Column, p.child),
		name:  fmt.Sprintf("%s_%s_of_%s", p.parent.Name, w.Column, p.child.Name),
	}
	err = p.work(ctx)
	return p.prevention(t), err
}

type totalsPrevention struct {
	*migration
	pair          *comparison
	t             *Target
	words         *Totals
	parent, child *Table
}

func (p *totalsPrevention) work(ctx context.Context) error {
	if p.unfit(p.parent, p.child) {
		return nil
	}
	conditions := p.pair.judge.subject.where + " " + p.pair.right.where + " " + p.pair.right.amount
	if why := unsuited(conditions); why != "" {
		p.note("No trigger can be derived: what the check compares %s. Leave the check on.", why)
		return nil
	}
	if err := p.covering(ctx); err != nil {
		return err
	}
	if err := p.notNull(ctx); err != nil {
		return err
	}
	made, err := p.triggers(ctx)
	if err != nil {
		return err
	}
	if made {
		p.describe()
	}
	if len(p.steps) > 0 {
		p.negative()
	}
	return nil
}

func (p *totalsPrevention) describe() {
	p.about = append([]string{
		fmt.Sprintf("It refuses to commit a transaction that leaves a row of %s whose %s the check would report. It judges by the check's own terms, tolerance and NULLs, "+
			"and only the keys that the transaction touched. Within a transaction the total and its rows may be written in any order.", p.parent, p.words.Column),
		"Before: the check must pass. The trigger looks at no row that is there already, but refuses the next change of one that is wrong.",
		fmt.Sprintf("What it costs: for every row of %s or %s that a transaction writes, the rows of that key are added up once more when it commits. "+
			"A key with 100 new rows is added up 100 times: fine for people's work, too much for mass loads, which should switch it off (ALTER TABLE … DISABLE TRIGGER) "+
			"and run the check afterwards. If that is too much, leave the triggers out and the check on; the other steps stand by themselves.", p.parent, p.child),
		"What it does not see: TRUNCATE, loads with session_replication_role = replica, and two transactions at once of which neither changes the total itself " +
			"(each within the tolerance, or one writing rows for a total that the other is only just inserting; a foreign key stops the latter).",
		"It runs with the rights of whoever writes: they need SELECT on both tables, and row-level security must let them see all rows of a key.",
	}, p.about...)
	p.early(p.pair.judge.subject, "The trigger")
	p.heirs("The trigger", p.parent)
	p.heirs("The trigger", p.child)
}

// covering is the index by which the rows of one key are found and added up
// without looking into the table.
func (p *totalsPrevention) covering(ctx context.Context) error {
	key := columnNames(p.pair.right.key)
	words := &Subject{Table: pgx.Identifier{p.child.Schema, p.child.Name}.Sanitize()}
	var include []Column
	for _, name := range p.t.mentioned(ctx, words, p.pair.right.amount+" "+p.pair.right.where) {
		if c, ok := p.child.Column(name); ok && !slices.Contains(key, name) {
			include = append(include, c)
		}
	}
	leads := leading(p.pair.right.key)
	_, was, err := p.index(ctx, p.t, wanted{
		table: p.child, what: fmt.Sprintf("(%s), with what is added up: the rows of one key are found without reading the table", columnList(p.pair.right.key)),
		keys: sqlOf(p.pair.right.key), include: include, parts: append(key, "total"),
		fits: func(x definedIndex) bool {
			have := append(slices.Clone(x.keys), x.include...)
			return leads(x) && !slices.ContainsFunc(include, func(c Column) bool { return !slices.Contains(have, c.Name) })
		},
	})
	if err == nil && was {
		p.note("%s already has an index on (%s) with what is added up.", p.child, columnList(p.pair.right.key))
	}
	if i, _, ok := p.child.IndexOn(p.pair.right.key); err == nil && !was && ok && len(i.Columns) == len(key) && !i.Unique && len(p.steps) > 0 {
		p.optional = append(p.optional, migrationStep{
			what: fmt.Sprintf("Drop %s, which the new index makes superfluous if it has no other options", i.Name),
			lock: fmt.Sprintf("SHARE UPDATE EXCLUSIVE on %s: reading and writing go on.", p.child),
			sql:  "DROP INDEX CONCURRENTLY " + pgx.Identifier{p.child.Schema, i.Name}.Sanitize(),
		})
	}
	return err
}

// notNull forbids NULL by way of a constraint that is proven first, so that SET
// NOT NULL need not read the table under its strong lock.
func (p *totalsPrevention) notNull(ctx context.Context) error {
	column, _ := p.parent.Column(p.words.Column)
	s := p.pair.judge.subject
	if column.NotNull || p.words.Null == "zero" || p.words.Null == "ignore" {
		return nil
	}
	if s.where != "TRUE" || s.minAge > 0 {
		p.note("A NULL in %s.%s is wrong, but the check does not judge every row at once: NOT NULL would. The trigger judges it where it judges.", p.parent, column.Name)
		return nil
	}
	expr := column.SQL() + " IS NOT NULL"
	before := len(p.steps)
	if err := p.check(ctx, p.t, p.parent, []string{p.parent.Name, column.Name, "not_null"}, expr); err != nil {
		return err
	}
	p.add(migrationStep{
		what: fmt.Sprintf("NOT NULL on %s.%s", p.parent, column.Name),
		lock: fmt.Sprintf("ACCESS EXCLUSIVE on %s, for an instant: the proven constraint spares it the reading (from version 12 on).", locked(p.parent)),
		about: []string{
			"The constraint of the former steps says the same from then on, and may be dropped.",
		},
		sql:  fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", p.parent.SQL(), column.SQL()),
		undo: fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", p.parent.SQL(), column.SQL()),
	})
	if before < len(p.steps)-1 {
		p.about = append(p.about, fmt.Sprintf("A NULL in %s.%s is wrong too, which NOT NULL stops by itself.", p.parent, column.Name))
	}
	return nil
}

// negative is for somebody to decide: that a sum is never below zero does not
// follow from its being a sum.
func (p *totalsPrevention) negative() {
	column, _ := p.parent.Column(p.words.Column)
	name := numberedName([]string{p.parent.Name, column.Name}, "not_negative", 1)
	p.optional = append(p.optional, migrationStep{
		what: fmt.Sprintf("If %s.%s is never below zero. This does not follow from the check: credit notes and returns may be negative", p.parent, column.Name),
		lock: fmt.Sprintf("ACCESS EXCLUSIVE on %s, for an instant; then VALIDATE CONSTRAINT, under SHARE UPDATE EXCLUSIVE, in a transaction of its own.", p.parent),
		sql: fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s >= 0) NOT VALID", p.parent.SQL(),
			pgx.Identifier{name}.Sanitize(), column.SQL()),
	})
}

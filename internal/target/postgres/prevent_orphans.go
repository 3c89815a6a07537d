package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Prevent implements Preventer: a foreign key, proven without stopping writers.
func (o *Orphans) Prevent(ctx context.Context, t *Target) (Prevention, error) {
	scan, err := o.resolve(ctx, t)
	if err != nil {
		return Prevention{}, err
	}
	p := &orphansPrevention{
		orphanScan: scan, t: t, child: scan.subject.table,
		migration: &migration{title: fmt.Sprintf("Foreign key from %s (%s) to %s (%s)", scan.subject.table, columnList(scan.columns), scan.parent, columnList(scan.refers))},
	}
	p.name = p.child.Name + "_" + columnList(p.columns) + "_fkey"
	err = p.work(ctx, o.Where != "")
	return p.prevention(t), err
}

type orphansPrevention struct {
	*orphanScan
	*migration
	t      *Target
	child  *Table
	leaves []*Table
	keys   map[uint32][]declaredKey
}

func (p *orphansPrevention) work(ctx context.Context, partly bool) error {
	if p.unfit(p.child, p.parent) {
		return nil
	}
	var err error
	if p.leaves, err = p.t.leaves(ctx, p.child); err != nil {
		return err
	}
	if p.keys, err = p.t.declaredKeys(ctx, oids(p.child, p.leaves)); err != nil {
		return err
	}
	if k, ok := p.existing(p.child); ok {
		p.declared(k, p.child)
		p.about = append(p.about, p.before()...)
		return nil
	}
	if ok, err := p.possible(ctx); !ok {
		return err
	}
	p.about = append(p.about, fmt.Sprintf("It stops every write that would leave a row of %s without the row of %s that it refers to, and every delete that would take that row away. "+
		"A row whose %s is NULL refers to nothing and stays allowed, as in the check.", p.child, p.parent, columnList(p.columns)))
	p.about = append(p.about, p.before()...)
	p.heirs("The foreign key", p.child)
	p.early(p.subject, "A foreign key")
	if partly {
		p.note("The check judges only some rows of %s (where). A foreign key judges all of them.", p.child)
	}
	if ok, err := p.indexes(ctx); !ok || err != nil {
		return err
	}
	return p.constraint(ctx)
}

// existing finds the same foreign key on a table.
func (p *orphansPrevention) existing(on *Table) (declaredKey, bool) {
	for _, k := range p.keys[on.OID] {
		if k.to.OID == p.parent.OID && samePairs(k.columns, k.refers, columnNames(p.columns), columnNames(p.refers)) {
			return k, true
		}
	}
	return declaredKey{}, false
}

// samePairs tells whether two references join the same columns, in any order.
func samePairs(a, toA, b, toB []string) bool {
	pairs := func(from, to []string) []string {
		out := make([]string, len(from))
		for i := range from {
			out[i] = pgx.Identifier{from[i], to[i]}.Sanitize()
		}
		return out
	}
	return len(a) == len(toA) && len(b) == len(toB) && sameNames(pairs(a, toA), pairs(b, toB))
}

// possible tells with a note when Postgres cannot have this foreign key.
func (p *orphansPrevention) possible(ctx context.Context) (bool, error) {
	for _, l := range p.leaves {
		if l.Kind == "f" {
			p.note("%s has a foreign table as a partition (%s), so that it can have no foreign key.", p.child, l)
			return false, nil
		}
	}
	for i, c := range p.columns {
		ok, err := p.t.comparable(ctx, p.parent, p.refers[i], p.child, c)
		if err != nil {
			return false, err
		}
		if !ok {
			p.note("%s.%s is of type %s, and %s.%s of type %s: Postgres refuses a foreign key between them. Give both one type first.",
				p.child, c.Name, c.Type, p.parent, p.refers[i].Name, p.refers[i].Type)
			return false, nil
		}
	}
	return true, nil
}

// indexes are what a foreign key needs: one that it refers to, and one without
// which deletes are slow. It tells whether they are possible.
func (p *orphansPrevention) indexes(ctx context.Context) (bool, error) {
	key, _, err := p.index(ctx, p.t, wanted{
		table: p.parent, what: fmt.Sprintf("(%s), unique: a foreign key can refer to nothing else", columnList(p.refers)),
		keys: sqlOf(p.refers), unique: true, parts: columnNames(p.refers), fits: uniquely(p.refers),
	})
	if err != nil || key.name == "" {
		return false, err
	}
	reference, _, err := p.index(ctx, p.t, wanted{
		table: p.child, what: fmt.Sprintf("(%s): without it every delete from %s reads all of %s", columnList(p.columns), p.parent, p.child),
		keys: sqlOf(p.columns), parts: columnNames(p.columns), fits: leading(p.columns),
	})
	return reference.name != "", err
}

// constraint is added unproven, which takes an instant, and proven afterwards.
// On a partitioned table that is possible for its partitions only; their parent
// adopts what is proven.
func (p *orphansPrevention) constraint(ctx context.Context) error {
	name, err := p.free(ctx, p.t, p.child.Schema, append([]string{p.child.Name}, columnNames(p.columns)...), "fkey")
	if err != nil {
		return err
	}
	if len(p.leaves) == 0 && p.child.Kind != "p" {
		p.addKey(p.child, name, " NOT VALID", p.onDelete())
		p.validate(p.child, p.parent, name)
		return nil
	}
	for i, l := range p.leaves {
		k, ok := p.existing(l)
		switch {
		case ok && k.valid:
			continue
		case ok:
			p.validate(l, k.to, k.name)
			continue
		}
		var about []string
		if i == 0 {
			about = p.onDelete()
		}
		p.addKey(l, name, " NOT VALID", about)
		p.validate(l, p.parent, name)
	}
	p.addKey(p.child, name, "", []string{"The partitions' own foreign keys are proven and are adopted. New partitions get one by themselves. ON DELETE must be the same everywhere."})
	return nil
}

func (p *orphansPrevention) addKey(on *Table, name, how string, about []string) {
	constraint := pgx.Identifier{name}.Sanitize()
	what := fmt.Sprintf("Foreign key %s on %s", name, on)
	if how != "" {
		what += ", for every row written from now on"
	}
	undo := fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", on.SQL(), constraint)
	if on != p.child { // dropping an adopting constraint drops the adopted
		undo = fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", on.SQL(), constraint)
	}
	p.add(migrationStep{
		what:  what,
		lock:  fmt.Sprintf("SHARE ROW EXCLUSIVE on %s and on %s, for an instant: no row is read. Writers of both wait meanwhile.", locked(on), locked(p.parent)),
		about: about,
		sql: fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s\n    FOREIGN KEY (%s) REFERENCES %s (%s) ON DELETE NO ACTION%s",
			on.SQL(), constraint, idents(p.columns), p.parent.SQL(), idents(p.refers), how),
		undo: undo,
	})
}

// onDelete explains the one choice in a foreign key.
func (p *orphansPrevention) onDelete() []string {
	null := "SET NULL keeps them, attached to nothing."
	if slices.ContainsFunc(p.columns, func(c Column) bool { return c.NotNull }) {
		null = fmt.Sprintf("SET NULL is impossible here, because %s is NOT NULL.", columnList(p.columns))
	}
	return []string{fmt.Sprintf("ON DELETE is for you to choose. NO ACTION, as below, refuses to delete a row of %s that rows of %s refer to: nothing disappears unseen. "+
		"CASCADE deletes those rows too: only where they mean nothing by themselves. %s "+
		"Add DEFERRABLE INITIALLY DEFERRED if one transaction writes children before their parents.", p.parent, p.child, null)}
}

// before is what must be so before a foreign key can be proven.
func (p *orphansPrevention) before() []string {
	return []string{
		"Before: the check must pass, or the steps that validate fail. This finds what is in their way:",
		"  " + breakingRows(p.child.SQL(), columnNames(p.columns), p.parent.SQL(), columnNames(p.refers)),
	}
}

func sqlOf(cols []Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.SQL()
	}
	return out
}

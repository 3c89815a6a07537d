package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// declaredKey is a foreign key with what decides whether it stops anything.
type declaredKey struct {
	name            string
	on, to          *Table // without columns and indexes
	columns, refers []string
	valid, enforced bool
	disabled        []disabledTrigger
}

// disabledTrigger is a trigger that a constraint needs and that does not fire.
type disabledTrigger struct{ table, name string }

// From version 18 a constraint may be NOT ENFORCED; before there is no such
// column, which is why it is asked for by way of jsonb.
const declaredKeysSQL = `
SELECT c.conname, n.nspname, r.relname, r.oid, r.relkind::text, greatest(r.reltuples, 0)::bigint, pn.nspname, pr.relname, pr.oid,
       ARRAY(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY k(num, pos)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num ORDER BY k.pos)::text[],
       ARRAY(SELECT a.attname FROM unnest(c.confkey) WITH ORDINALITY k(num, pos)
             JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num ORDER BY k.pos)::text[],
       c.convalidated, coalesce((to_jsonb(c)->>'conenforced')::boolean, true),
       ARRAY(SELECT format('%I.%I', tn.nspname, tc.relname) FROM pg_trigger g JOIN pg_class tc ON tc.oid = g.tgrelid JOIN pg_namespace tn ON tn.oid = tc.relnamespace
             WHERE g.tgconstraint = c.oid AND g.tgenabled IN ('D', 'R') ORDER BY g.oid)::text[],
       ARRAY(SELECT g.tgname FROM pg_trigger g WHERE g.tgconstraint = c.oid AND g.tgenabled IN ('D', 'R') ORDER BY g.oid)::text[]
FROM pg_constraint c
JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
JOIN pg_class pr ON pr.oid = c.confrelid JOIN pg_namespace pn ON pn.oid = pr.relnamespace
WHERE c.contype = 'f' AND ($1::oid[] IS NULL AND c.conparentid = 0 OR c.conrelid = ANY($1::oid[]))
ORDER BY n.nspname, r.relname, c.conname`

// declaredKeys lists the foreign keys of tables by the tables' oids; of all
// tables for nil.
func (t *Target) declaredKeys(ctx context.Context, tables []uint32) (map[uint32][]declaredKey, error) {
	found := map[uint32][]declaredKey{}
	err := t.query(ctx, declaredKeysSQL, []any{tables}, func(rows pgx.Rows) error {
		k := declaredKey{on: &Table{}, to: &Table{}}
		var tables, names []string
		if err := rows.Scan(&k.name, &k.on.Schema, &k.on.Name, &k.on.OID, &k.on.Kind, &k.on.Tuples, &k.to.Schema, &k.to.Name, &k.to.OID,
			&k.columns, &k.refers, &k.valid, &k.enforced, &tables, &names); err != nil {
			return err
		}
		for i := range names {
			k.disabled = append(k.disabled, disabledTrigger{tables[i], names[i]})
		}
		found[k.on.OID] = append(found[k.on.OID], k)
		return nil
	})
	return found, err
}

// declared is what is left to do for a foreign key that exists.
func (m *migration) declared(k declaredKey, on *Table) {
	name := fmt.Sprintf("%s (%s) already has a foreign key, %s", on, commas(k.columns), k.name)
	switch {
	case !k.enforced:
		m.note("%s; it is NOT ENFORCED, so that it stops nothing: ALTER TABLE %s ALTER CONSTRAINT %s ENFORCED checks all rows and switches it on.",
			name, on.SQL(), pgx.Identifier{k.name}.Sanitize())
	case len(k.disabled) > 0:
		m.note("%s; its triggers are switched off, so that it stops nothing. Find out why before you switch them on.", name)
		for _, d := range k.disabled {
			m.enable(d, k)
		}
		if k.valid {
			m.note("Postgres believes that %s holds already and does not look at the rows again: only the check does.", k.name)
		}
	case k.valid:
		m.note("%s. What the check finds came in past it: while triggers were off (session_replication_role = replica, or a load that switches them off), "+
			"or because a trigger of the table takes back what a cascade does.", name)
	default:
		m.note("%s; it is NOT VALID: it holds for every row written since, and the older ones were never looked at.", name)
	}
	if !k.valid && k.enforced {
		m.validate(on, k.to, k.name)
	}
}

func (m *migration) enable(d disabledTrigger, k declaredKey) {
	m.add(migrationStep{
		what:  fmt.Sprintf("Switch on the trigger %s of %s on %s", d.name, k.name, d.table),
		lock:  fmt.Sprintf("SHARE ROW EXCLUSIVE on %s, for an instant: no row is read. Writers wait meanwhile.", d.table),
		about: []string{"A trigger of a constraint can be switched on and off by a superuser only."},
		sql:   fmt.Sprintf("ALTER TABLE %s ENABLE TRIGGER %s", d.table, pgx.Identifier{d.name}.Sanitize()),
		undo:  fmt.Sprintf("ALTER TABLE %s DISABLE TRIGGER %s", d.table, pgx.Identifier{d.name}.Sanitize()),
	})
}

// validate is the step that proves a constraint that is NOT VALID. parent is
// nil for one that is no foreign key.
func (m *migration) validate(on, parent *Table, name string) {
	also := ""
	if parent != nil && parent.SQL() != on.SQL() {
		also = fmt.Sprintf(", and ROW SHARE on %s", locked(parent))
	}
	m.add(migrationStep{
		what: fmt.Sprintf("Prove %s for the rows of %s that are there already", name, on),
		lock: fmt.Sprintf("SHARE UPDATE EXCLUSIVE on %s%s, while all of %s is read once (%s): reading and writing go on.", locked(on), also, on, roughly(on)),
		sql:  fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", on.SQL(), pgx.Identifier{name}.Sanitize()),
	})
}

// breakingRows finds rows without a parent.
func breakingRows(child string, columns []string, parent string, refers []string) string {
	where, on := "", ""
	for i, c := range columns {
		name := pgx.Identifier{c}.Sanitize()
		where += "c." + name + " IS NOT NULL AND "
		if i > 0 {
			on += " AND "
		}
		on += "p." + pgx.Identifier{refers[i]}.Sanitize() + " = c." + name
	}
	return fmt.Sprintf("SELECT c.* FROM %s AS c WHERE %sNOT EXISTS (SELECT FROM %s AS p WHERE %s);", child, where, parent, on)
}

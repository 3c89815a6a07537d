package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// describe says what a unique index does, and what it needs.
func (p *duplicatesPrevention) describe() {
	what := fmt.Sprintf("It refuses a second row of %s with the same %s", p.table, columnList(p.columns))
	if p.folded() {
		what += ", also if it differs in case only"
	}
	if p.where != "" {
		what += ", among the rows that the check judges (where)"
	}
	nulls := fmt.Sprintf("Rows whose %s is NULL equal no other and stay allowed, as in the check (NULLS DISTINCT, the default).", columnList(p.columns))
	having := ""
	for _, c := range p.columns {
		having += c.SQL() + " IS NOT NULL AND "
	}
	filter := strings.TrimSuffix(having, " AND ")
	if p.where != "" {
		filter += " AND " + p.where
	}
	p.about = append(p.about, what+". "+nulls,
		"Before: the check must pass, or the step that makes the index fails. This finds what is in its way:",
		fmt.Sprintf("  SELECT %s, count(*) FROM %s WHERE %s GROUP BY %[1]s HAVING count(*) > 1;", strings.Join(p.exprs(), ", "), p.subject.from(), filter),
		"Whoever writes such rows has to expect the refusal (unique_violation, 23505), for example with INSERT … ON CONFLICT.")
}

// warnings are what a unique index can fail by.
func (p *duplicatesPrevention) warnings() []string {
	out := []string{"While it is being made it already refuses duplicates that others write, from its second pass on, even if it fails in the end."}
	if slices.ContainsFunc(p.columns, func(c Column) bool { return isText(c.Type) }) {
		out = append(out, "It fails if a text is too long for an index (over about 2,700 bytes). Then make it on md5(…) of the text.")
	}
	return out
}

func (p *duplicatesPrevention) exists(x definedIndex) {
	kind := "index"
	if x.constraint != "" {
		kind = "constraint"
	}
	p.note("%s (%s) is unique already, by the %s %s: no second row can come in.", p.table, strings.Join(p.said(), ", "), kind, x.name)
}

// constraint puts a constraint on top of the index: the same refusal under a
// name, and foreign keys can refer to it. Only an index on columns of all rows
// of one table can carry one.
func (p *duplicatesPrevention) constraint(x definedIndex) {
	if p.folded() || p.where != "" || p.table.Kind == "p" {
		p.note("The index alone does it: Postgres has no constraint for an expression, a part of the rows, or an index that partitions share.")
		return
	}
	name := pgx.Identifier{x.name}.Sanitize()
	p.add(migrationStep{
		what: fmt.Sprintf("Make it the constraint %s", x.name),
		lock: fmt.Sprintf("ACCESS EXCLUSIVE on %s, for an instant: no row is read. Readers and writers wait meanwhile.", p.table),
		about: []string{
			"The index stops duplicates without it; as a constraint it is seen in the schema, and ON CONFLICT ON CONSTRAINT and foreign keys can name it.",
		},
		sql:  fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s UNIQUE USING INDEX %s", p.table.SQL(), name, name),
		undo: fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", p.table.SQL(), name),
	})
	// Dropping the constraint drops the index with it.
	for i := range p.steps {
		if p.steps[i].undo == "DROP INDEX CONCURRENTLY "+x.sql() {
			p.steps[i].undo = "DROP INDEX CONCURRENTLY IF EXISTS " + x.sql()
		}
	}
}

// redundant names an index that the new one makes superfluous.
func (p *duplicatesPrevention) redundant(have []definedIndex) {
	if p.folded() || p.where != "" {
		return
	}
	for _, x := range have {
		names, plain := x.columns()
		if x.unique || !x.valid || !plain || x.predicate != "" || len(x.include) > 0 || !slices.Equal(names, columnNames(p.columns)) {
			continue
		}
		p.optional = append(p.optional, migrationStep{
			what: fmt.Sprintf("Drop %s, which the new index makes superfluous if it has no other options", x.name),
			lock: fmt.Sprintf("SHARE UPDATE EXCLUSIVE on %s: reading and writing go on.", p.table),
			sql:  "DROP INDEX CONCURRENTLY " + x.sql(),
		})
	}
}

package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// queriesShown is how many statements that find rows a file lists.
const queriesShown = 50

// Prevent implements Preventer: constraints that were never proven are, and
// those that are switched off are switched on.
func (f *ForeignKeys) Prevent(ctx context.Context, t *Target) (Prevention, error) {
	chosen, err := f.chosen(ctx, t)
	if err != nil {
		return Prevention{}, err
	}
	all, err := t.declaredKeys(ctx, nil)
	if err != nil {
		return Prevention{}, err
	}
	byName := map[string]declaredKey{}
	for _, keys := range all {
		for _, k := range keys {
			byName[pgx.Identifier{k.on.Schema, k.on.Name, k.name}.Sanitize()] = k
		}
	}
	m := &migration{title: "Foreign keys that hold for every row", name: "validate_foreign_keys"}
	var queries []string
	for _, c := range chosen {
		schema, table := splitName(c.Table)
		k, ok := byName[pgx.Identifier{schema, table, c.Name}.Sanitize()]
		if !ok {
			continue // dropped meanwhile
		}
		if !k.valid || !k.enforced || len(k.disabled) > 0 {
			m.declared(k, k.on)
		}
		queries = append(queries, "  -- "+plain(k.name), "  "+breakingRows(k.on.SQL(), k.columns, k.to.SQL(), k.refers))
	}
	m.outlook(len(chosen), queries)
	return m.prevention(t), nil
}

// outlook says what holds, and how rows are found that break what Postgres
// believes in.
func (m *migration) outlook(keys int, queries []string) {
	if keys == 0 {
		m.note("No foreign key is declared here. A check of kind orphans for each reference tells which rows are in its way, and what prevents new ones.")
		return
	}
	if len(m.steps) == 0 && len(m.notes) == 0 {
		m.note("All of the foreign keys declared here (%d) are validated and switched on.", keys)
	}
	m.note("Rows that break a validated foreign key came in while triggers were off (session_replication_role = replica). The check lists them with their keys. " +
		"Once they are repaired, only dropping the constraint, adding it NOT VALID and validating it has Postgres look at all rows again.")
	m.about = append(m.about,
		"Postgres believes in a foreign key that was validated once, or that has been there from the start. One that is NOT VALID was never looked at for the rows that were there before it, "+
			"so that they may have no parent.",
		"Before: the check must report no violated rows, or the steps below fail and change nothing. These statements find the rows in the way, also of the foreign keys that Postgres believes in:")
	if left := len(queries)/2 - queriesShown; left > 0 {
		queries = append(queries[:2*queriesShown], fmt.Sprintf("  -- and %d more in the same form", left))
	}
	m.about = append(m.about, strings.Join(queries, "\n"))
}

func commas(names []string) string { return strings.Join(names, ", ") }

package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// tableNames names tables by their OIDs, as people read them; those of the system
// are left out.
func (t *Target) tableNames(ctx context.Context, oids []uint32) (map[uint32]string, error) {
	names := map[uint32]string{}
	if len(oids) == 0 {
		return names, nil
	}
	err := t.query(ctx, `
SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::oid[]) AND c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'`,
		[]any{oids}, func(rows pgx.Rows) error {
			var oid uint32
			var table Table
			err := rows.Scan(&oid, &table.Schema, &table.Name)
			names[oid] = table.String()
			return err
		})
	return names, err
}

// unlocked finds a table by its name as [Target.Table] does, but without a lock
// on it: to look at its size would wait behind whoever wants it for himself.
func (t *Target) unlocked(ctx context.Context, name string) (*Table, error) {
	schema, relation := splitName(name)
	table := &Table{}
	err := t.query(ctx, `
SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND ((c.relname = $1 AND pg_table_is_visible(c.oid)) OR (n.nspname = $2 AND c.relname = $3))
ORDER BY (c.relname = $1 AND pg_table_is_visible(c.oid)) DESC LIMIT 1`, []any{unquote(name), schema, relation}, func(rows pgx.Rows) error {
		return rows.Scan(&table.OID, &table.Schema, &table.Name)
	})
	if err == nil && table.OID == 0 {
		err = t.noTable(ctx, name)
	}
	return table, err
}

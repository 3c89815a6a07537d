package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Roles that reach out of the database; membership cannot be undone by a
// read-only transaction.
const roleSQL = `
SELECT r.rolsuper,
       (SELECT string_agg(m.rolname, ', ' ORDER BY m.rolname) FROM pg_roles m
        WHERE m.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_signal_backend')
          AND NOT r.rolsuper AND pg_has_role(r.rolname, m.oid, 'MEMBER'))
FROM pg_roles r WHERE r.rolname = current_user`

// readsOnly is the third layer around a query: it must run as a role that can do
// no harm. The error is a Problem.
func (t *Target) readsOnly(ctx context.Context) error {
	var super bool
	var reaching *string
	if err := t.query(ctx, roleSQL, nil, func(rows pgx.Rows) error { return rows.Scan(&super, &reaching) }); err != nil {
		return err
	}
	role := t.pool.Config().ConnConfig.User
	switch {
	case super && !t.opts.AllowSuperuser:
		return problemf("Role %s on Postgres %s is a superuser: a check of kind query runs only as a role that may do nothing but SELECT (or set allow_superuser on the target).", role, t.opts.Place)
	case reaching != nil:
		return problemf("Role %s on Postgres %s is a member of %s: a check of kind query runs only as a role that may do nothing but SELECT.", role, t.opts.Place, *reaching)
	}
	return nil
}

// writes names tables that the role may write to, for a note: a check needs
// SELECT only.
func (t *Target) writes(ctx context.Context) ([]string, error) {
	var notes []string
	err := t.query(ctx, `
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')`, nil, func(rows pgx.Rows) error {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			notes = append(notes, fmt.Sprintf("Role %s may write to %d tables; a query check needs SELECT only.", t.pool.Config().ConnConfig.User, n))
		}
		return nil
	})
	return notes, err
}

package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/fix"
)

// What the record needs, in the order in which it is missed.
const readySQL = `
SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean,
       n.oid IS NOT NULL,
       coalesce(has_schema_privilege(n.oid, 'USAGE'), false),
       ARRAY(SELECT w.name FROM unnest(ARRAY['applied', 'before_image', 'quarantine']) w(name)
             WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = w.name AND c.relkind = 'r')
             UNION ALL
             SELECT 'validate_constraint' WHERE NOT EXISTS (
                 SELECT FROM pg_proc p WHERE p.pronamespace = n.oid AND p.proname = 'validate_constraint')),
       ARRAY(SELECT g.privilege || ' ON integritybot.' || c.relname
             FROM (VALUES ('applied', 'SELECT'), ('applied', 'INSERT'), ('before_image', 'SELECT'), ('before_image', 'INSERT'),
                          ('before_image', 'DELETE'), ('quarantine', 'SELECT'), ('quarantine', 'INSERT')) g(name, privilege)
             JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = g.name
             WHERE NOT has_table_privilege(c.oid, g.privilege))
FROM (SELECT 1) one LEFT JOIN pg_namespace n ON n.nspname = 'integritybot'`

// Ready is nil if this database lets itself be repaired, and else a Problem that
// says what is missing and what to do. See [fix.Applier].
func (x *Fixing) Ready(ctx context.Context) error {
	var readOnly, there, usable bool
	var missing, grants []string
	err := x.t.query(ctx, readySQL, nil, func(rows pgx.Rows) error {
		return rows.Scan(&readOnly, &there, &usable, &missing, &grants)
	})
	if err != nil {
		return err
	}
	slices.Sort(grants) // the catalog's order is none
	place, role := x.t.opts.Place, x.role()
	to := pgx.Identifier{role}.Sanitize()
	switch {
	case readOnly:
		return problemf("Postgres %s can only be read (it is a replica, or set to read-only): fixes are off there until fix_dsn names the database itself.", place)
	case !there:
		return problemf("Fixes are off on Postgres %s: it has no schema integritybot. Have its owner run deploy/sql/target.sql.", place)
	case !usable:
		return problemf("Fixes are off on Postgres %s: role %s may not use the schema integritybot. Have its owner run GRANT USAGE ON SCHEMA integritybot TO %s.", place, role, to)
	case len(missing) > 0:
		return problemf("Fixes are off on Postgres %s: the schema integritybot has no %s. Have its owner run deploy/sql/target.sql again.", place, strings.Join(missing, ", "))
	case len(grants) > 0:
		return problemf("Fixes are off on Postgres %s: role %s lacks rights on the bot's own record. Have its owner run GRANT %s TO %s.",
			place, role, strings.Join(grants, " TO "+to+"; GRANT "), to)
	}
	return nil
}

func (x *Fixing) role() string { return x.t.pool.Config().ConnConfig.User }

// Privileges that an operation needs, those to take it back included. A row is
// locked before it is changed or deleted, which needs UPDATE of some column.
const mayChangeSQL = `
SELECT n.nspname, c.relname, c.relkind::text,
       has_schema_privilege(n.oid, 'USAGE'),
       row_security_active(c.oid),
       ARRAY(SELECT p FROM unnest($2::text[]) p
             WHERE CASE WHEN p = 'UPDATE' THEN NOT has_any_column_privilege(c.oid, p) ELSE NOT has_table_privilege(c.oid, p) END),
       coalesce((SELECT bool_and(has_schema_privilege(s.oid, 'USAGE') AND has_function_privilege(f.oid, 'EXECUTE'))
                 FROM pg_proc f JOIN pg_namespace s ON s.oid = f.pronamespace
                 WHERE s.nspname = 'integritybot' AND f.proname = 'validate_constraint'), false)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f')
  AND ((c.relname = $1 AND pg_table_is_visible(c.oid)) OR (n.nspname = $3 AND c.relname = $4))
ORDER BY (c.relname = $1 AND pg_table_is_visible(c.oid)) DESC
LIMIT 1`

// MayChange is nil if the role may do these operations on a table and take them
// back, and else a Problem that names the GRANT. The table is named as in
// [Target.Table] or as in a form.
func (x *Fixing) MayChange(ctx context.Context, table string, ops []fix.Op) error {
	needs := privileges(ops)
	schema, relation := splitName(table)
	var kind string
	var found, usable, hidden, validates bool
	var lacks []string
	err := x.t.query(ctx, mayChangeSQL, []any{unquote(table), needs, schema, relation}, func(rows pgx.Rows) error {
		found = true
		return rows.Scan(&schema, &relation, &kind, &usable, &hidden, &lacks, &validates)
	})
	if err != nil {
		return err
	}
	if !found {
		return x.t.noTable(ctx, table)
	}
	place, role, tab := x.t.opts.Place, x.role(), Table{Schema: schema, Name: relation}
	to := pgx.Identifier{role}.Sanitize()
	switch {
	case !usable:
		return problemf("Role %s may not use schema %s on Postgres %s: have its owner run GRANT USAGE ON SCHEMA %s TO %s.",
			role, schema, place, pgx.Identifier{schema}.Sanitize(), to)
	case kind != "r" && kind != "p":
		return problemf("%s on Postgres %s is not a table: it cannot be repaired.", &tab, place)
	case len(lacks) > 0:
		return problemf("Role %s may not repair table %s on Postgres %s: have its owner run GRANT %s ON %s TO %s.",
			role, &tab, place, strings.Join(lacks, ", "), tab.SQL(), to)
	case hidden:
		return problemf("Table %s on Postgres %s hides rows from role %s (row security), which would pass for gone: have a superuser run ALTER ROLE %s BYPASSRLS.",
			&tab, place, role, to)
	case slices.Contains(ops, fix.Validate) && !validates:
		return problemf("Role %s may not run integritybot.validate_constraint on Postgres %s: have the owner of %s run deploy/sql/target.sql again.", role, place, &tab)
	}
	return nil
}

// MayApply is nil if the role may make all changes of such forms, and else a
// Problem that names the GRANT. Ask before a plan is shown.
func (x *Fixing) MayApply(ctx context.Context, forms []fix.Form) error {
	if signals(forms) {
		return x.maySignal(ctx, forms)
	}
	ops := map[string][]fix.Op{}
	var tables []string
	for _, f := range forms {
		if ops[f.Table] == nil {
			tables = append(tables, f.Table)
		}
		ops[f.Table] = append(ops[f.Table], f.Op)
	}
	for _, table := range tables {
		if err := x.MayChange(ctx, table, ops[table]); err != nil {
			return err
		}
	}
	return nil
}

// privileges lists what the operations need, without doubles.
func privileges(ops []fix.Op) []string {
	needs := []string{"SELECT"}
	for _, op := range ops {
		switch op {
		case fix.Update, fix.Keep:
			needs = append(needs, "UPDATE")
		case fix.Delete, fix.Quarantine, fix.Insert:
			needs = append(needs, "INSERT", "UPDATE", "DELETE")
		default: // a validate needs none, and the others are for another kind of target
		}
	}
	slices.Sort(needs)
	return slices.Compact(needs)
}

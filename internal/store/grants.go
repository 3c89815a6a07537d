package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// rights of the runtime role, table by table. Everything else is revoked, so
// that a right given by hand does not outlive the next migration.
var rights = []struct{ rights, tables string }{
	{"SELECT, INSERT", "audit_events, audit_checkpoints, incident_names, incident_entries, notices"},
	{"SELECT, UPDATE", "audit_head"},
	{"SELECT, INSERT, DELETE", "inbox, run_rows, plan_batches, plan_rows"},
	{"SELECT, INSERT, UPDATE", "runs, run_checks, channels, plans, incidents, notice_deliveries"},
	{"SELECT, INSERT, UPDATE, DELETE", "posts, slack_answers, sent_records, incident_sightings, incident_drafts"},
	{"SELECT, INSERT, UPDATE", "slack_waits"},
	{"SELECT", "goose_db_version, store_identity"},
}

// queueTables are whatever tables the job queue made for itself.
const queueTables = `SELECT string_agg(format('%I', c.relname), ', ') FROM pg_class c
	WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE 'river\_%'`

// grant gives the runtime role what it needs. The role owns nothing: it can
// neither drop the trigger on the audit log nor alter a table.
func grant(ctx context.Context, conn *sql.Conn, role string) error {
	if role == "" {
		return nil
	}
	var owner, schema string
	if err := conn.QueryRowContext(ctx, `SELECT current_user, current_schema()`).Scan(&owner, &schema); err != nil {
		return err
	}
	if role == owner {
		return nil
	}
	var exists bool
	if err := conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)`, role).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("there is no role %q in this Postgres: create it (CREATE ROLE … LOGIN) or correct STORE_DSN", role)
	}
	var queue string
	if err := conn.QueryRowContext(ctx, queueTables).Scan(&queue); err != nil {
		return err
	}
	return grantAll(ctx, conn, pgx.Identifier{role}.Sanitize(), pgx.Identifier{schema}.Sanitize(), queue)
}

func grantAll(ctx context.Context, conn *sql.Conn, role, schema, queue string) error {
	statements := []string{"GRANT USAGE ON SCHEMA " + schema + " TO " + role}
	allow := func(rights, tables string) {
		statements = append(statements, "REVOKE ALL ON "+tables+" FROM "+role, "GRANT "+rights+" ON "+tables+" TO "+role)
	}
	for _, r := range rights {
		allow(r.rights, r.tables)
	}
	allow("SELECT, INSERT, UPDATE, DELETE", queue)
	statements = append(statements, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA "+schema+" TO "+role)
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, strings.Join(statements, ";")); err != nil {
		_ = tx.Rollback() // the statement's error is the one to tell
		return fmt.Errorf("grant to %s: %w", role, err)
	}
	return tx.Commit()
}

package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/store"
)

func TestMigrateByManyReplicasAtOnceAndAgain(t *testing.T) {
	dsn, role := pgtest.Database(t), pgtest.Role(t, "runtime")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if err := store.Migrate(within(t, patience), dsn, role); err != nil {
				t.Errorf("Migrate: %v", err)
			}
		})
	}
	wg.Wait()
	if err := store.Migrate(t.Context(), dsn, role); err != nil {
		t.Errorf("Migrate again: %v", err)
	}
	open(t, pgtest.As(dsn, role))
}

func TestOpenSaysWhatToDo(t *testing.T) {
	empty := pgtest.Database(t)
	strange := pgtest.As(database(t), pgtest.Role(t, "strange"))
	for name, c := range map[string]struct{ dsn, want string }{
		"no tables": {empty, "run integritybot migrate"},
		"no right":  {strange, "run integritybot migrate with STORE_OWNER_DSN"},
		"no DSN":    {"", "no DSN"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), store.Options{DSN: c.dsn})
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open = %v, want %q", err, c.want)
			}
		})
	}
}

func TestMigrateNamesAMissingRole(t *testing.T) {
	err := store.Migrate(t.Context(), pgtest.Database(t), "nobody_here")
	if err == nil || !strings.Contains(err.Error(), `there is no role "nobody_here"`) {
		t.Errorf("Migrate = %v", err)
	}
}

// forbidden is what nobody may do to the audit log.
var forbidden = map[string]string{
	"update":            `UPDATE audit_events SET body = body`,
	"update one column": `UPDATE audit_events SET at = now() WHERE seq = 1`,
	"delete":            `DELETE FROM audit_events`,
	"delete nothing":    `DELETE FROM audit_events WHERE false`,
	"truncate":          `TRUNCATE audit_events`,
	"truncate cascade":  `TRUNCATE audit_events CASCADE`,
	"merge":             `MERGE INTO audit_events e USING (SELECT 1::bigint AS s) x ON e.seq = x.s WHEN MATCHED THEN DELETE`,
	"upsert":            `INSERT INTO audit_events (seq, at, body, prev, hash) SELECT seq, at, body, prev, hash FROM audit_events ON CONFLICT (seq) DO UPDATE SET body = 'x'`,
	"checkpoints":       `DELETE FROM audit_checkpoints`,
	"checkpoint edit":   `UPDATE audit_checkpoints SET note = ''`,
}

// forbiddenToRuntime is what the runtime role may not do beside that.
var forbiddenToRuntime = map[string]string{
	"drop trigger":     `DROP TRIGGER audit_events_append_only ON audit_events`,
	"disable trigger":  `ALTER TABLE audit_events DISABLE TRIGGER ALL`,
	"replica role":     `SET session_replication_role = replica`,
	"replace function": `CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
	"drop table":       `DROP TABLE audit_events`,
	"rename":           `ALTER TABLE audit_events RENAME TO other`,
	"own":              `ALTER TABLE audit_events OWNER TO CURRENT_USER`,
	"new rule":         `CREATE RULE quiet AS ON INSERT TO audit_events DO INSTEAD NOTHING`,
	"delete head":      `DELETE FROM audit_head`,
	"delete runs":      `DELETE FROM runs`,
	"edit an entry":    `UPDATE incident_entries SET body = body`,
	"remove an entry":  `DELETE FROM incident_entries`,
	"edit a notice":    `UPDATE notices SET body = body`,
	"remove a notice":  `DELETE FROM notices`,
	"free a name":      `DELETE FROM incident_names`,
	"give a name away": `UPDATE incident_names SET incident = 1`,
	"delete incidents": `DELETE FROM incidents`,
	"forget a letter":  `DELETE FROM notice_deliveries`,
}

func TestRuntimeRoleCannotChangeTheAuditLog(t *testing.T) {
	owner, role := pgtest.Database(t), pgtest.Role(t, "runtime")
	// A right given by hand does not outlive the next migration.
	if err := store.Migrate(t.Context(), owner, role); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, owner, `GRANT ALL ON audit_events, audit_head, runs TO `+pgx.Identifier{role}.Sanitize())
	if err := store.Migrate(t.Context(), owner, role); err != nil {
		t.Fatal(err)
	}
	runtime := pgtest.As(owner, role)
	s := open(t, runtime)
	if err := s.Append(t.Context(), event("start")); err != nil {
		t.Fatal(err)
	}
	for name, sql := range forbidden {
		refuses(t, name, runtime, sql)
	}
	for name, sql := range forbiddenToRuntime {
		refuses(t, name, runtime, sql)
	}
}

func TestTriggerRefusesWhereOneRoleIsUsedForEverything(t *testing.T) {
	dsn := database(t)
	s := open(t, dsn)
	if err := s.Append(t.Context(), event("start")); err != nil {
		t.Fatal(err)
	}
	for name, sql := range forbidden {
		refuses(t, name, dsn, sql)
	}
}

// refuses runs the statement and wants it refused for lack of a right, by
// Postgres or by the trigger.
func refuses(t *testing.T, name, dsn, sql string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		ctx := within(t, patience)
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		_, err = conn.Exec(ctx, sql)
		if err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: %v", sql, err)
		}
	})
}

// The runtime role must be able to do everything that a replica does.
func TestRuntimeRoleCanDoItsWork(t *testing.T) {
	owner, role := pgtest.Database(t), pgtest.Role(t, "runtime")
	if err := store.Migrate(t.Context(), owner, role); err != nil {
		t.Fatal(err)
	}
	s := open(t, pgtest.As(owner, role))
	var run int64
	_, err := s.Record(t.Context(), "k", true, func(n int64) commands.Intent {
		run = n
		return commands.Intent{Run: order(n, "a"), Events: []audit.Event{event("check")}, Posts: []message.Post{post("p", "C1", "x")}}
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := runToItsEnd(t, s, run)
	if err := s.Work(stopAfter(t, ended), 2, func(context.Context, int64) error { return nil }); err != nil {
		t.Errorf("Work: %v", err)
	}
	d := next(t, s)
	if err := s.Begin(t.Context(), d); err != nil {
		t.Error(err)
	}
	if err := s.Failed(t.Context(), d, "no such channel"); err != nil {
		t.Error(err)
	}
	if _, err := s.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}

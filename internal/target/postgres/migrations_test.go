package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// Tables as the tools make them.
// Sources: Flyway 10 (PostgreSQLDatabase.getRawCreateScript), Liquibase 4
// (CreateDatabaseChangeLogTableGenerator), goose 3 (dialectquery/postgres.go),
// golang-migrate 4 (database/postgres), Rails 7 (ActiveRecord::SchemaMigration).
const (
	flywayTable = `CREATE TABLE %s (installed_rank int PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL,
script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT now(), execution_time int NOT NULL, success boolean NOT NULL);`
	liquibaseTable = `CREATE TABLE databasechangelog (id varchar(255) NOT NULL, author varchar(255) NOT NULL, filename varchar(255) NOT NULL, dateexecuted timestamp NOT NULL,
orderexecuted int NOT NULL, exectype varchar(10) NOT NULL, md5sum varchar(35), description varchar(255), comments varchar(255), tag varchar(255), liquibase varchar(20),
contexts varchar(255), labels varchar(255), deployment_id varchar(10));`
	gooseTable   = `CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NULL DEFAULT now());`
	migrateTable = `CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);`
	railsTable   = `CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);`
)

// TestMigrations reads what each tool has noted, in the server's time zone where
// the tool noted none, and says what it has not.
func TestMigrations(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 7, day, hour, minute, 0, 0, time.UTC) }
	const berlin = "noted without a time zone, and taken as Europe/Berlin, the zone of new sessions on this server"
	migration := func(c look.Change) look.Change {
		c.Kind, c.Place = look.Migration, "test/shop"
		if c.What == "" {
			c.What = "schema public"
		}
		return c
	}
	for name, c := range map[string]struct {
		schema  string
		want    []look.Change
		missing []string // parts of the sentences
	}{
		"none": {schema: "CREATE TABLE flyway (id int)", missing: []string{"has no table of Flyway, Liquibase, goose, golang-migrate or Rails"}},
		"flyway": {
			// Berlin is two hours before UTC in July.
			schema: fmt.Sprintf(flywayTable, "flyway_schema_history") + `
INSERT INTO flyway_schema_history VALUES (1, '1', 'init', 'SQL', 'V1__init.sql', 0, 'flyway', '2026-06-30 23:59:59', 3, true),
  (2, '57', 'add total', 'SQL', 'V57__add_total.sql', 0, 'flyway', '2026-07-02 12:00:00', 1200, true),
  (3, NULL, 'views', 'SQL', 'R__views.sql', 0, 'deploy <!channel>', '2026-07-02 12:01:00', 40, true),
  (4, '58', 'drop total', 'JDBC', 'V58__DropTotal', 0, 'flyway', '2026-07-02 13:00:00', 0, false),
  (0, NULL, '<< Flyway Schema Creation >>', 'SCHEMA', '"public"', 0, 'flyway', '2026-07-02 13:00:00', 0, true),
  (5, '59', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>', 0, 'flyway', '2026-07-02 13:00:00', 0, true),
  (6, '60', 'gone', 'DELETE', 'V60__gone.sql', 0, 'flyway', '2026-07-02 13:00:00', 0, true);
ALTER DATABASE %s SET TimeZone = 'Europe/Berlin'`,
			want: []look.Change{
				{At: at(2, 10, 0), Says: "migration V57: add total", Who: "user flyway", Differences: []string{"sql V57__add_total.sql, in 1.2 s", berlin}},
				{At: at(2, 10, 1), Says: "repeatable migration: views", Who: "user deploy <!channel>", Differences: []string{"sql R__views.sql, in 0.0 s", berlin}},
				{At: at(2, 11, 0), Says: "migration V58: drop total", Who: "user flyway", Differences: []string{"jdbc V58__DropTotal, in 0.0 s", berlin}, Failed: true},
			},
		},
		"flyway in another schema, with a zone": {
			schema: `CREATE SCHEMA "Odd One";` + fmt.Sprintf(flywayTable, `"Odd One".flyway_schema_history`) + `
ALTER TABLE "Odd One".flyway_schema_history ALTER installed_on TYPE timestamptz;
INSERT INTO "Odd One".flyway_schema_history VALUES (1, '2', 'x', 'SQL', 'V2__x.sql', 0, 'me', '2026-07-02 12:00:00+09', 1, true);
ALTER DATABASE %s SET TimeZone = 'Europe/Berlin'; GRANT USAGE ON SCHEMA "Odd One" TO PUBLIC; GRANT SELECT ON "Odd One".flyway_schema_history TO PUBLIC`,
			want: []look.Change{{At: at(2, 3, 0), What: "schema Odd One", Says: "migration V2: x", Who: "user me", Differences: []string{"sql V2__x.sql, in 0.0 s"}}},
		},
		"liquibase": {
			schema: liquibaseTable + `
INSERT INTO databasechangelog (id, author, filename, dateexecuted, orderexecuted, exectype) VALUES ('1', 'bob', 'db/a.xml', '2026-07-03 08:00', 1, 'EXECUTED'),
  ('2', 'eve', 'db/b.xml', '2026-07-03 09:00', 2, 'FAILED'), ('3', 'eve', 'db/c.xml', '2026-07-03 10:00', 3, 'MARK_RAN'), ('4', 'x', 'y', '-infinity', 4, 'EXECUTED'), ('5', 'x', 'y', 'infinity', 5, 'EXECUTED')`,
			want: []look.Change{
				{At: at(3, 8, 0), Says: "change set 1", Who: "author bob", Differences: []string{"db/a.xml"}},
				{At: at(3, 9, 0), Says: "change set 2", Who: "author eve", Differences: []string{"db/b.xml"}, Failed: true},
			},
		},
		"goose": {
			schema: gooseTable + `INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES (0, true, '2026-07-03 08:00'), (20260702, true, '2026-07-03 08:00'), (20260702, false, '2026-07-03 09:00'), (3, true, NULL)`,
			want: []look.Change{
				{At: at(3, 8, 0), Says: "migration 20260702"},
				{At: at(3, 9, 0), Says: "migration 20260702 was rolled back"},
			},
		},
		"golang-migrate": {
			schema:  migrateTable + `INSERT INTO schema_migrations VALUES (57, true)`,
			missing: []string{"golang-migrate keeps no times: schema_migrations on Postgres test/shop is at version 57, dirty: its last migration failed halfway."},
		},
		"golang-migrate, clean": {
			schema:  migrateTable + `INSERT INTO schema_migrations VALUES (57, false)`,
			missing: []string{"is at version 57."},
		},
		"rails": {
			schema:  railsTable + `INSERT INTO schema_migrations VALUES ('20260701120000'), ('20260601120000')`,
			missing: []string{"Table schema_migrations on Postgres test/shop (Rails and others) keeps no times: it has 2 versions, the highest is 20260701120000."},
		},
		"somebody else's table": {schema: "CREATE TABLE flyway_schema_history (id int); CREATE TABLE schema_version (x int)", missing: []string{"Table flyway_schema_history on Postgres test/shop is not as Flyway makes it"}},
		"two tools, one may not be read": {
			schema: gooseTable + `INSERT INTO goose_db_version (version_id, is_applied, tstamp) VALUES (7, true, '2026-07-03 08:00');` +
				liquibaseTable + "REVOKE SELECT ON databasechangelog FROM PUBLIC; CREATE SCHEMA hidden;" + fmt.Sprintf(flywayTable, "hidden.flyway_schema_history"),
			want:    []look.Change{{At: at(3, 8, 0), Says: "migration 7"}},
			missing: []string{`have its owner run GRANT USAGE ON SCHEMA "hidden" TO`, "have its owner run GRANT SELECT ON public.databasechangelog TO"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.Database(t)
			role := pgtest.Role(t, "reader")
			pgtest.Exec(t, dsn, "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC")
			schema := c.schema
			if strings.Contains(schema, "%s") {
				schema = fmt.Sprintf(schema, pgx.Identifier{scanOne[string](t, dsn, "SELECT current_database()::text")}.Sanitize())
			}
			pgtest.Exec(t, dsn, schema)
			changes, missing, err := open(t, brisk(pgtest.As(dsn, role))).Chronicler().Changes(t.Context(), since)
			if err != nil {
				t.Fatal(err)
			}
			for i := range c.want {
				c.want[i] = migration(c.want[i])
			}
			if diff := cmp.Diff(c.want, changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if len(missing) != len(c.missing) {
				t.Fatalf("missing %q, want %q", missing, c.missing)
			}
			for _, want := range c.missing {
				if !strings.Contains(strings.Join(missing, "\n"), want) {
					t.Errorf("missing %q, want %q", missing, want)
				}
			}
		})
	}
}

// TestAMigrationThatFailed is one for a diagnosis, too: it is told in so many words of
// the time line, and none that only speaks of failing is.
func TestAMigrationThatFailed(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, fmt.Sprintf(flywayTable, "flyway_schema_history")+`
INSERT INTO flyway_schema_history VALUES (1, '57', 'add index', 'SQL', 'V57__add_index.sql', 0, 'flyway', now() - interval '1 hour', 3, false),
  (2, '58', 'drop payments, failed', 'SQL', 'V58__x.sql', 0, 'flyway', now() - interval '30 minutes', 3, true)`)
	report, err := look.TimeLine([]look.Source{{Place: "test/shop", Chronicler: open(t, brisk(dsn)).Chronicler()}}).
		Look(t.Context(), look.Question{At: time.Now()}, func(check.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, f := range report.Facts {
		got[f.Says] = f.Failed
	}
	want := map[string]bool{"migration V57 by user flyway, failed (add index)": true, "migration V58 by user flyway (drop payments, failed)": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMigrationsUnreachable: a database that does not answer is an error, and no
// empty history.
func TestMigrationsUnreachable(t *testing.T) {
	t.Parallel()
	_, _, err := open(t, brisk("postgres://nobody@127.0.0.1:1/none")).Chronicler().Changes(t.Context(), time.Time{})
	if got := sentence(t, err); !strings.Contains(got, "refused the connection") {
		t.Errorf("it says %q", got)
	}
}

package deploy

import (
	"context"
	"errors"
	"net/url"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// SQLSTATEs, from the PostgreSQL manual's appendix A.
const (
	allowed               = ""
	insufficientPrivilege = "42501"
	readOnlyTransaction   = "25006"
)

func TestStoreRoles(t *testing.T) {
	// The roles have fixed names and belong to the whole server, so the runs are one after another.
	for _, row := range []struct {
		name       string
		attributes string
	}{
		{"by a superuser", "SUPERUSER"},
		{"by the database's owner", "CREATEROLE"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dsn := pgtest.Database(t)
			admin := adminOf(t, dsn, row.attributes)
			dropAfterwards(t, dsn, "integritybot_runtime", "integritybot_owner")
			run(t, admin, "sql/store-roles.sql")
			run(t, admin, "sql/store-roles.sql") // again is harmless

			owner, runtime := pgtest.As(dsn, "integritybot_owner"), pgtest.As(dsn, "integritybot_runtime")
			if err := store.Migrate(t.Context(), owner, "integritybot_runtime"); err != nil {
				t.Fatal(err)
			}
			for sql, want := range map[string]string{
				"SELECT FROM runs":                                 allowed,
				"SELECT FROM audit_events":                         allowed,
				"UPDATE audit_events SET body = '{}'":              insufficientPrivilege,
				"DELETE FROM audit_events":                         insufficientPrivilege,
				"TRUNCATE audit_events":                            insufficientPrivilege,
				"DROP TABLE audit_events":                          insufficientPrivilege,
				"ALTER TABLE audit_events ADD COLUMN x int":        insufficientPrivilege,
				"ALTER TABLE audit_events DISABLE TRIGGER ALL":     insufficientPrivilege,
				"CREATE TABLE mine ()":                             insufficientPrivilege,
				"CREATE TEMPORARY TABLE mine ()":                   insufficientPrivilege,
				"CREATE SCHEMA mine":                               insufficientPrivilege,
				"SET ROLE integritybot_owner":                      insufficientPrivilege,
				"COPY audit_events TO PROGRAM 'cat >/dev/null'":    insufficientPrivilege,
				"SET session_replication_role = 'replica'":         insufficientPrivilege,
				"ALTER ROLE integritybot_runtime SUPERUSER":        insufficientPrivilege,
				"GRANT integritybot_owner TO integritybot_runtime": insufficientPrivilege,
			} {
				wantState(t, runtime, sql, want)
			}
			stranger := pgtest.Role(t, "stranger")
			wantState(t, pgtest.As(dsn, stranger), "SELECT 1", insufficientPrivilege)
		})
	}
}

func TestCheckReader(t *testing.T) {
	for _, row := range []struct {
		name       string
		attributes string
		stats      string // may it see other roles' sessions?
	}{
		{"by a superuser", "SUPERUSER", "true"},
		{"by the database's owner", "CREATEROLE", "true"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dsn := pgtest.Database(t)
			admin := adminOf(t, dsn, row.attributes)
			dropAfterwards(t, dsn, "integritybot_reader")
			pgtest.Exec(t, admin, "CREATE TABLE before (id int)")
			run(t, admin, "sql/check-reader.sql")
			run(t, admin, "sql/check-reader.sql")
			pgtest.Exec(t, admin, "CREATE TABLE after (id int); CREATE SCHEMA closed; CREATE TABLE closed.secret (id int)")

			reader := pgtest.As(dsn, "integritybot_reader")
			for sql, want := range map[string]string{
				"SELECT FROM before":          allowed,
				"SELECT FROM after":           allowed,
				"SELECT FROM closed.secret":   insufficientPrivilege,
				"DELETE FROM before":          readOnlyTransaction,
				"CREATE TEMPORARY TABLE t ()": readOnlyTransaction,
				// Whoever switches the default off still has no right.
				"SET TRANSACTION READ WRITE; DELETE FROM before":                   insufficientPrivilege,
				"SET TRANSACTION READ WRITE; SELECT FROM before FOR UPDATE":        insufficientPrivilege,
				"SET TRANSACTION READ WRITE; LOCK before IN ACCESS EXCLUSIVE MODE": insufficientPrivilege,
				"SET TRANSACTION READ WRITE; SELECT pg_read_file('PG_VERSION')":    insufficientPrivilege,
			} {
				wantState(t, reader, sql, want)
			}
			for query, want := range map[string]string{
				"SHOW statement_timeout":                   "1min",
				"SHOW lock_timeout":                        "1s",
				"SHOW idle_in_transaction_session_timeout": "2min",
				"SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')::text": row.stats,
			} {
				if got := ask(t, reader, query); got != want {
					t.Errorf("%s: got %q, want %q", query, got, want)
				}
			}
		})
	}
}

func TestTarget(t *testing.T) {
	for _, row := range []struct {
		name       string
		attributes string
	}{
		{"by a superuser", "SUPERUSER"},
		{"by the database's owner", "CREATEROLE"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dsn := pgtest.Database(t)
			admin := adminOf(t, dsn, row.attributes)
			dropAfterwards(t, dsn, "integritybot_fixer")
			pgtest.Exec(t, admin, `CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE items (id int PRIMARY KEY, order_id int, amount int);
ALTER TABLE items ADD CONSTRAINT items_order FOREIGN KEY (order_id) REFERENCES orders NOT VALID; ALTER TABLE items ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID`)
			run(t, admin, "sql/target.sql")
			pgtest.Exec(t, dsn, "INSERT INTO integritybot.applied (store, plan, batch, pass, hash, changed, result) VALUES ('s', 1, 0, 1, 'h', 1, '{}')")
			run(t, admin, "sql/target.sql")
			pgtest.Exec(t, admin, "GRANT SELECT, UPDATE ON orders TO integritybot_fixer")

			fixer := pgtest.As(dsn, "integritybot_fixer")
			for sql, want := range map[string]string{
				"SELECT FROM orders FOR UPDATE": allowed,
				"DELETE FROM orders":            insufficientPrivilege,
				"SELECT FROM items":             insufficientPrivilege,
				"INSERT INTO integritybot.applied (store, plan, batch, pass, hash, changed, result) VALUES ('s', 2, 0, 1, 'h', 1, '{}')": allowed,
				"UPDATE integritybot.applied SET changed = 2":                                         insufficientPrivilege,
				"DELETE FROM integritybot.applied":                                                    insufficientPrivilege,
				"TRUNCATE integritybot.before_image":                                                  insufficientPrivilege,
				"UPDATE integritybot.before_image SET before = ''":                                    insufficientPrivilege,
				"DELETE FROM integritybot.before_image":                                               allowed,
				"DELETE FROM integritybot.quarantine":                                                 insufficientPrivilege,
				"CREATE TABLE integritybot.mine ()":                                                   insufficientPrivilege,
				"DROP TABLE integritybot.quarantine":                                                  insufficientPrivilege,
				"ALTER TABLE items VALIDATE CONSTRAINT items_order":                                   insufficientPrivilege,
				"ALTER TABLE items DROP CONSTRAINT items_order":                                       insufficientPrivilege,
				"ALTER FUNCTION integritybot.validate_constraint(regclass, text) SECURITY INVOKER":    insufficientPrivilege,
				"SELECT integritybot.validate_constraint('items', 'x; DROP TABLE orders; --')":        allowed, // there is no such constraint
				"SET search_path = pg_temp; SELECT integritybot.validate_constraint('items', 'mine')": "42P01",
			} {
				wantState(t, fixer, sql, want)
			}
			valid := "SELECT string_agg(conname || ' ' || convalidated, ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'items'::regclass AND contype <> 'p'"
			for query, want := range map[string]string{
				"SELECT coalesce(integritybot.validate_constraint('items', 'positive')::text, 'none')": "none", // no foreign key
				"SELECT count(*)::text FROM integritybot.applied":                                      "2",
				"SHOW lock_timeout": "1s",
				"SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')::text": "true",
			} {
				if got := ask(t, fixer, query); got != want {
					t.Errorf("%s: got %q, want %q", query, got, want)
				}
			}
			const validate = "SELECT integritybot.validate_constraint('public.items', 'items_order')::text"
			if first, second := ask(t, fixer, validate), ask(t, fixer, validate); first != "true" || second != "false" {
				t.Errorf("validated: %s, then %s", first, second)
			}
			if got := ask(t, admin, valid); got != "items_order true, positive false" {
				t.Errorf("constraints: %s", got)
			}
			stranger := pgtest.As(dsn, pgtest.Role(t, "stranger"))
			wantState(t, stranger, "SELECT FROM integritybot.applied", insufficientPrivilege)
			wantState(t, stranger, validate, insufficientPrivilege)
		})
	}
}

// adminOf makes a role that owns the database, as the one has who runs the scripts in production.
func adminOf(t *testing.T, dsn, attributes string) string {
	t.Helper()
	admin := pgtest.Role(t, "admin")
	name := pgx.Identifier{admin}.Sanitize()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, dsn, "ALTER ROLE "+name+" "+attributes)
	pgtest.Exec(t, dsn, "ALTER DATABASE "+pgx.Identifier{u.Path[1:]}.Sanitize()+" OWNER TO "+name)
	pgtest.Exec(t, dsn, "ALTER SCHEMA public OWNER TO "+name)
	return pgtest.As(dsn, admin)
}

// dropAfterwards drops roles whose names the scripts fix, before the database is.
func dropAfterwards(t *testing.T, dsn string, roles ...string) {
	t.Helper()
	t.Cleanup(func() {
		for _, role := range roles {
			pgtest.Exec(t, dsn, "DROP OWNED BY "+role+" CASCADE")
			pgtest.Exec(t, dsn, "DROP ROLE "+role)
		}
	})
}

func run(t *testing.T, dsn, file string) {
	t.Helper()
	sql, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, dsn, string(sql))
}

// wantState runs SQL in a session of its own and compares the SQLSTATE of its failure.
func wantState(t *testing.T, dsn, sql, want string) {
	t.Helper()
	got := allowed
	conn, err := pgx.Connect(t.Context(), dsn)
	if err == nil {
		defer func() { _ = conn.Close(context.Background()) }()
		_, err = conn.Exec(t.Context(), sql)
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		got = refused.Code
	} else if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if got != want {
		t.Errorf("%s: SQLSTATE %q (%v), want %q", sql, got, err, want)
	}
}

func ask(t *testing.T, dsn, query string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var answer string
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

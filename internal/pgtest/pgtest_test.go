package pgtest

import (
	"context"
	"flag"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/process"
)

func TestMain(m *testing.M) { Main(m) }

// ask returns the one text that a query answers.
func ask(t testing.TB, dsn, query string, args ...any) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var answer string
	if err := conn.QueryRow(ctx, query, args...).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

const (
	countDatabases = "SELECT count(*)::text FROM pg_database WHERE datname = $1"
	countRoles     = "SELECT count(*)::text FROM pg_roles WHERE rolname = $1"
)

func TestDatabaseIsEmptyAndDropped(t *testing.T) {
	var name string
	t.Run("in a test", func(t *testing.T) {
		dsn := Database(t)
		if got := ask(t, dsn, "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"); got != "0" {
			t.Errorf("%s tables in a fresh database", got)
		}
		name = ask(t, dsn, "SELECT current_database()")
		if !strings.HasPrefix(name, "testdatabaseisemptyanddropped_in_a_test_") {
			t.Errorf("the name %q does not say which test it is of", name)
		}
		// A connection that the test forgets does not keep the database.
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	})
	if got := ask(t, DSN(t), countDatabases, name); got != "0" {
		t.Errorf("%s is still there", name)
	}
}

var builds atomic.Int64

func TestTemplateIsBuiltOnceAndCloned(t *testing.T) {
	for _, name := range []string{"one", "two", "three", "four"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := Template(t, "numbers", func(dsn string) {
				builds.Add(1)
				Exec(t, dsn, "CREATE TABLE numbers (n int); INSERT INTO numbers VALUES (1), (2)")
			})
			Exec(t, dsn, "INSERT INTO numbers VALUES ($1)", 3)
			if got := ask(t, dsn, "SELECT count(*)::text FROM numbers"); got != "3" {
				t.Errorf("%s rows: another test's are visible", got)
			}
			if n := builds.Load(); n != 1 {
				t.Errorf("built %d times", n)
			}
		})
	}
}

// uniqueKey is one that no former run of this test, as by -count=2, has used.
func uniqueKey() string { return "key " + strconv.FormatInt(keys.Add(1), 10) }

var keys atomic.Int64

// failing is a test that has failed in the eyes of this package, not in those of go test.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Fatalf(string, ...any) {
	f.failed = true
	panic(f)
}

func TestTemplateIsTriedAgainAfterAFailure(t *testing.T) {
	key := uniqueKey()
	f := &failing{TB: t}
	func() {
		defer func() {
			if r := recover(); r != any(f) {
				panic(r)
			}
		}()
		Template(f, key, func(dsn string) { Exec(f, dsn, "this is not SQL") })
	}()
	if !f.failed {
		t.Fatal("a build that failed went unnoticed")
	}
	dsn := Template(t, key, func(dsn string) { Exec(t, dsn, "CREATE TABLE fine ()") })
	if got := ask(t, dsn, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"); got != "fine" {
		t.Errorf("got table %q", got)
	}
}

func TestTemplateEndsForgottenConnections(t *testing.T) {
	var conn *pgx.Conn
	key := uniqueKey()
	Template(t, key, func(dsn string) {
		var err error
		if conn, err = pgx.Connect(t.Context(), dsn); err != nil {
			t.Fatal(err)
		}
	})
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the connection to the template still works")
	}
}

func TestRoleHasNoRightsAndIsDropped(t *testing.T) {
	var role string
	t.Run("in a test", func(t *testing.T) {
		dsn := Database(t)
		role = Role(t, "reader")
		Exec(t, dsn, "CREATE TABLE secret (n int)")
		if got := ask(t, As(dsn, role), "SELECT current_user || ' ' || has_table_privilege('secret', 'SELECT')"); got != role+" false" {
			t.Errorf("got %q", got)
		}
		Exec(t, dsn, "GRANT SELECT ON secret TO "+quote(role)) // now the role cannot be dropped before the database
	})
	if got := ask(t, DSN(t), countRoles, role); got != "0" {
		t.Errorf("%s is still there", role)
	}
}

func BenchmarkTemplate(b *testing.B) {
	for b.Loop() {
		Template(b, "benchmark", func(dsn string) { Exec(b, dsn, "CREATE TABLE t AS SELECT generate_series(1, 1000) n") })
	}
}

func TestServerLivesInMemoryWhereThereIsRoom(t *testing.T) {
	if got, want := ask(t, DSN(t), "SHOW data_directory"), process.MemoryDir()+"/"; !strings.HasPrefix(got, want) {
		t.Errorf("the server lives in %s, want it under %s", got, want)
	}
}

// TestTheCommandLineDecidesHowManyRunAtOnce: what TestMain asks for is overridden by -parallel, which go test reads later.
func TestTheCommandLineDecidesHowManyRunAtOnce(t *testing.T) {
	given := flag.Lookup("test.parallel")
	before := given.Value.String()
	defer func() {
		if err := given.Value.Set(before); err != nil {
			t.Error(err)
		}
	}()
	AtOnce(7)
	if got := given.Value.String(); got != "7" {
		t.Errorf("%s tests run at once, want 7", got)
	}
	if err := flag.CommandLine.Parse([]string{"-test.parallel", "3"}); err != nil {
		t.Fatal(err)
	}
	if got := given.Value.String(); got != "3" {
		t.Errorf("%s tests run at once, want the command line's 3", got)
	}
}

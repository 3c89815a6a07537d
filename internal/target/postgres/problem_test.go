package postgres

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// problemOf runs a check that cannot be carried out and gives its sentence.
func problemOf(t *testing.T, target *Target, kind, words string, secrets ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := declareCheck(t, kind, words).Detector(target).Detect(ctx, check.Options{}, nil, &recorder{t: t})
	if err == nil {
		t.Fatal("the check came to an end")
	}
	if ctx.Err() != nil {
		t.Fatal("the check took all of its time")
	}
	return sentence(t, err, secrets...)
}

func TestProblemsOfDeclarations(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, `
CREATE TABLE customers (id text PRIMARY KEY); CREATE TABLE orders (id text PRIMARY KEY, customer_id text, total numeric, born text);
CREATE TABLE keyless (v int); CREATE VIEW seen AS SELECT * FROM orders; CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b));
INSERT INTO orders VALUES ('o1', 'a-secret-value', 0)`)
	target := open(t, brisk(dsn))
	for _, c := range []struct{ name, kind, words, want string }{
		{"missing table", "rows", `{table: order, wrong: "true"}`, "There is no table order in Postgres test/shop: did you mean orders?"},
		{"nothing near", "rows", `{table: zzzzzzzz, wrong: "true"}`, "There is no table zzzzzzzz in Postgres test/shop."},
		{"missing parent", "orphans", `{table: orders, column: customer_id, parent: custumers}`, "did you mean customers?"},
		{"missing column", "orphans", `{table: orders, column: customerid, parent: customers}`, "Table orders has no column customerid: did you mean customer_id?"},
		{"missing shown column", "rows", `{table: orders, wrong: "true", show: [id, totl]}`, "Table orders has no column totl: did you mean total?"},
		{"missing column in a predicate", "rows", `{table: orders, wrong: "totals < 0"}`, `column "totals" does not exist`},
		{"missing function", "rows", `{table: orders, wrong: "lower(total) = 'x'"}`, "function lower(numeric) does not exist"},
		{"no key", "rows", `{table: keyless, wrong: "v < 0"}`, "keyless has no primary key: name the columns"},
		{"a view", "rows", `{table: seen, key: id, wrong: "true"}`, "is a view or a foreign table: use a check of kind query"},
		{"number of columns", "orphans", `{table: orders, column: customer_id, parent: pairs}`, "by 1 columns, but the parent's key has 2"},
		{"type of time", "rows", `{table: orders, wrong: "true", time: born}`, "Column born of table orders is of type text: time must be a date or a timestamp"},
		{"values that do not convert", "rows", `{table: orders, wrong: "customer_id::int > 0"}`, "answered with error 22P02"},
		{"a query's column", "query", `{sql: "SELECT id FROM orders", key: ids}`, "has no column ids: did you mean id?"},
		{"a query's table", "query", `{sql: "SELECT id FROM oders"}`, `relation "oders" does not exist`},
		{"a query's columns of one name", "query", `{sql: "SELECT id, total AS id FROM orders"}`, "two columns named id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := problemOf(t, target, c.kind, c.words); !strings.Contains(got, c.want) {
				t.Errorf("it says %q, want %q", got, c.want)
			} else if strings.Contains(got, "a-secret-value") || strings.HasSuffix(got, "..") || strings.HasSuffix(got, "?.") {
				t.Errorf("it says %q", got)
			}
		})
	}
}

func TestProblemsOfGrants(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, `CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text); CREATE TABLE customers (id int PRIMARY KEY); CREATE SCHEMA inner_ones; CREATE TABLE inner_ones.t (id int PRIMARY KEY)`)
	role := pgtest.Role(t, "reader")
	execute(t, dsn, `GRANT SELECT ON orders TO %q`, role)
	target := open(t, brisk(pgtest.As(dsn, role)))
	for _, c := range []struct{ name, kind, words, want string }{
		{"table", "orphans", `{table: orders, column: customer_id, parent: customers}`, `may not read table "public"."customers" on Postgres test/shop: have its owner run GRANT SELECT ON "public"."customers" TO "` + role + `".`},
		{"schema", "rows", `{table: inner_ones.t, wrong: "true"}`, `GRANT USAGE ON SCHEMA "inner_ones" TO "` + role + `"`},
		{"in a query", "query", `{sql: "SELECT id FROM customers"}`, `GRANT SELECT ON customers TO "` + role + `"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := problemOf(t, target, c.kind, c.words); !strings.Contains(got, c.want) {
				t.Errorf("it says %q, want %q", got, c.want)
			}
		})
	}
	execute(t, dsn, `REVOKE SELECT ON orders FROM %q; GRANT SELECT (id) ON orders TO %[1]q`, role)
	if got := problemOf(t, target, "rows", `{table: orders, wrong: "note IS NULL"}`); !strings.Contains(got, "GRANT SELECT ON orders") {
		t.Errorf("a grant on a column only: it says %q", got)
	}
}

func TestQueriesRunAsReadersOnly(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, `CREATE TABLE t (id int PRIMARY KEY)`)
	o := brisk(dsn)
	o.AllowSuperuser = false
	if got := problemOf(t, open(t, o), "query", `{sql: "SELECT id FROM t"}`); !strings.Contains(got, "is a superuser") {
		t.Errorf("as superuser: %q", got)
	}
	role := pgtest.Role(t, "signaller")
	execute(t, dsn, `GRANT SELECT ON t TO %q; GRANT pg_signal_backend TO %[1]q`, role)
	o.DSN = Secret(pgtest.As(dsn, role))
	if got := problemOf(t, open(t, o), "query", `{sql: "SELECT id FROM t"}`); !strings.Contains(got, "is a member of pg_signal_backend") {
		t.Errorf("as a member of pg_signal_backend: %q", got)
	}
	writer := pgtest.Role(t, "writer")
	execute(t, dsn, `GRANT SELECT, INSERT ON t TO %q`, writer)
	o.DSN = Secret(pgtest.As(dsn, writer))
	_, result := detect(t, declareCheck(t, "query", `{sql: "SELECT id FROM t"}`).Detector(open(t, o)), check.Options{})
	if len(result.Notes) != 1 || !strings.Contains(result.Notes[0], "may write to 1 tables") {
		t.Errorf("as a writer: %q", result.Notes)
	}
}

func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	role := pgtest.Role(t, "nobody")
	execute(t, dsn, `CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT ON t TO %q; ALTER ROLE %[1]q CONNECTION LIMIT 0`, role)
	base, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	other := func(change func(*url.URL)) Secret {
		u := *base
		change(&u)
		return Secret(u.String())
	}
	for _, c := range []struct {
		name string
		dsn  Secret
		want string
	}{
		{"nobody listens", "postgres://me:s3cret@127.0.0.1:1/x?sslmode=disable", "refused the connection"},
		{"no such database", other(func(u *url.URL) { u.Path = "/nowhere" }), "the database of the DSN does not exist"},
		{"no such role", other(func(u *url.URL) { u.User = url.UserPassword("stranger", "s3cret") }), "refused the login of role stranger"},
		{"no connection left", Secret(pgtest.As(dsn, role)), "has no connection left"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := brisk("")
			o.DSN = c.dsn
			if got := problemOf(t, open(t, o), "rows", `{table: t, wrong: "true"}`, "s3cret"); !strings.Contains(got, c.want) {
				t.Errorf("it says %q, want %q", got, c.want)
			}
		})
	}
}

// TestDatabaseHangs before it answers at all: a listener that accepts and is
// silent.
func TestDatabaseHangs(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	o := brisk("")
	o.DSN = Secret("postgres://me:s3cret@" + listener.Addr().String() + "/x?sslmode=disable")
	o.ConnectTimeout = 300 * time.Millisecond
	began := time.Now()
	got := problemOf(t, open(t, o), "rows", `{table: t, wrong: "true"}`, "s3cret")
	if !strings.Contains(got, "did not answer in time") || time.Since(began) > 10*time.Second {
		t.Errorf("after %s it says %q", time.Since(began), got)
	}
}

// TestDatabaseFallsSilent in the middle of a statement: the network swallows
// everything, and neither an answer nor an end of the connection ever comes.
func TestDatabaseFallsSilent(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	proxy := newProxy(t, config)
	o := brisk("")
	o.DSN = Secret("postgres://" + config.User + "@" + proxy.address + "/" + config.Database + "?sslmode=disable")
	o.ConnectTimeout, o.StatementTimeout = time.Second, 500*time.Millisecond
	s := full(t, open(t, o))
	proxy.silent.Store(true)
	began := time.Now()
	err = s.Each(t.Context(), "SELECT 1", nil, nothing)
	if err == nil || !strings.Contains(sentence(t, err), "did not answer in time") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
}

// proxy stands between a session and its server, until it falls silent.
type proxy struct {
	address string
	silent  atomic.Bool
}

func newProxy(t *testing.T, to *pgconn.Config) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: listener.Addr().String()}
	var conns []net.Conn
	var mu sync.Mutex
	var wait sync.WaitGroup
	pump := func(from, to net.Conn) {
		defer wait.Done()
		buffer := make([]byte, 1<<16)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			if p.silent.Load() {
				continue
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
	wait.Add(1)
	go func() {
		defer wait.Done()
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			network, address := pgconn.NetworkAddress(to.Host, to.Port)
			far, err := net.Dial(network, address)
			if err != nil {
				_ = near.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, near, far)
			mu.Unlock()
			wait.Add(2)
			go pump(near, far)
			go pump(far, near)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wait.Wait()
	})
	return p
}

// TestDatabaseGoesAway while a check reads: UNKNOWN, and the next run works.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 100) i")
	target := open(t, brisk(dsn))
	d := declareCheck(t, "rows", `{table: t, wrong: "v = 50"}`)
	const end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'integritybot' AND datname = current_database()"
	rec := &recorder{t: t, onSave: func() { pgtest.Exec(t, dsn, end) }}
	_, err := d.Detector(target).Detect(t.Context(), check.Options{}, nil, rec)
	if err == nil {
		t.Fatal("a run whose sessions were ended came to an end")
	}
	if got := sentence(t, err); !strings.Contains(got, "shutting down or starting up") && !strings.Contains(got, "broke off") {
		t.Errorf("it says %q", got)
	}
	again, result := detect(t, d.Detector(target), check.Options{})
	if len(again.saved) != 1 || result.Scanned != 100 {
		t.Errorf("the next run found %d rows of %d", len(again.saved), result.Scanned)
	}
}

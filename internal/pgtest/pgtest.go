// Package pgtest promises every test a fresh PostgreSQL database on a real server that is private to the test binary,
// and that nothing of it (process, directory, database, role) is left afterwards. It must never use a server that it
// did not start, nor be imported by anything but tests.
//
// A package that uses it has one line in a test file:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/process"
)

// operationTimeout bounds every statement sent by this package, so that a test hangs in no other place than its own.
const operationTimeout = time.Minute

// settings suit many small databases used by parallel tests with pools of their own, on a file system that may be
// memory: hence the little WAL.
var settings = map[string]string{
	"max_connections": "300", "shared_buffers": "64MB", "max_prepared_transactions": "10", "max_wal_size": "256MB",
}

// binary is the one thing per test binary that tests share. It has to be a global: the testing package offers no
// other place that lives as long as all tests of a binary.
var binary cluster //nolint:gochecknoglobals // see above

type cluster struct {
	mu        sync.Mutex
	server    *pgproc.Server
	err       error
	templates map[string]*template
	orphans   []string // roles that other databases still depend on
	names     atomic.Int64
}

// Main runs the tests, ends the server, fails if goroutines are left (with the given exceptions), and exits.
func Main(m interface{ Run() int }, except ...goleak.Option) {
	code := m.Run()
	binary.stop()
	if code == 0 {
		if err := goleak.Find(except...); err != nil {
			fmt.Fprintf(os.Stderr, "goroutines left after the tests: %v\n", err)
			code = 1
		}
	}
	os.Exit(code)
}

// Database makes an empty database and returns its DSN for the superuser. It is dropped when the test ends, together
// with the connections that the test left open.
func Database(t testing.TB) string {
	t.Helper()
	return binary.create(t, "template1")
}

// DSN is the address of the server's maintenance database as superuser, for what concerns the whole server.
func DSN(t testing.TB) string {
	t.Helper()
	return binary.start(t).DSN(pgproc.Superuser, pgproc.Superuser)
}

// Exec runs SQL (several statements if there are no arguments) on a database and fails the test on an error.
func Exec(t testing.TB, dsn, sql string, args ...any) {
	t.Helper()
	if err := exec(dsn, sql, args...); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
}

func (c *cluster) start(t testing.TB) *pgproc.Server {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil && c.err == nil {
		c.server, c.err = pgproc.Start(context.Background(), pgproc.Options{Settings: settings, Temp: process.MemoryDir()})
	}
	if c.err != nil {
		t.Fatalf("pgtest: %v", c.err)
	}
	return c.server
}

func (c *cluster) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		c.server.Stop()
	}
	c.server, c.templates, c.orphans = nil, nil, nil
}

// create clones a database and arranges for its end.
func (c *cluster) create(t testing.TB, from string) string {
	t.Helper()
	server := c.start(t)
	name := c.name(t.Name())
	if err := c.admin("CREATE DATABASE " + quote(name) + " TEMPLATE " + quote(from)); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := c.drop(name); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return server.DSN(name, pgproc.Superuser)
}

func (c *cluster) drop(database string) error {
	if err := c.admin("DROP DATABASE IF EXISTS " + quote(database) + " WITH (FORCE)"); err != nil {
		return err
	}
	c.retryOrphans()
	return nil
}

// admin runs one statement on the maintenance database.
func (c *cluster) admin(sql string) error {
	return exec(c.server.DSN(pgproc.Superuser, pgproc.Superuser), sql)
}

func exec(dsn, sql string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // what mattered has been answered
	if _, err := conn.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

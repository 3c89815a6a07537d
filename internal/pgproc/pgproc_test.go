package pgproc

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/process"
)

const testTimeout = time.Minute

// openDir is a directory that the server's user can enter, which t.TempDir is not when the tests run as root.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgproc-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustStart(t *testing.T, o Options) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	s, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// sql asks the server one thing through psql, which comes with it.
func sql(t *testing.T, dsn, query string) string {
	t.Helper()
	dir, _, err := Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "psql"), "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", query, dsn).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", query, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestStartAndStop(t *testing.T) {
	var log bytes.Buffer
	s := mustStart(t, Options{Settings: map[string]string{"work_mem": "5MB"}, Log: &log})
	dsn := s.DSN("postgres", Superuser)
	for query, want := range map[string]string{
		"SHOW work_mem": "5MB", "SHOW fsync": "off", "SHOW listen_addresses": "", "SHOW server_encoding": "UTF8", "SELECT lower('Ü')": "ü",
	} {
		if got := sql(t, dsn, query); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	if s.Addr() != "" {
		t.Errorf("Addr() = %q although no port was asked for", s.Addr())
	}
	dir, children := s.home.Path(), childrenOf(t, s.PID())
	began := time.Now()
	s.Stop()
	s.Stop() // again does nothing
	if took := time.Since(began); took > stopPatience {
		t.Errorf("Stop took %s", took)
	}
	awaitGone(t, append(children, s.PID()))
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", dir, err)
	}
	if !strings.Contains(log.String(), "ready to accept connections") {
		t.Errorf("the log was not copied to the writer: %q", log.String())
	}
}

func TestKeptDirectory(t *testing.T) {
	dir := filepath.Join(openDir(t), strings.Repeat("long/", 25)) // a socket in here would exceed 107 bytes
	first := mustStart(t, Options{Dir: dir, Durable: true})
	dsn := first.DSN("postgres", Superuser)
	sql(t, dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
	if got := sql(t, dsn, "SHOW fsync"); got != "on" {
		t.Errorf("a durable server has fsync = %q", got)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second start in the same directory: %v", err)
	}
	if _, err := process.OpenHome(filepath.Dir(first.home.socketDir)); err == nil {
		t.Error("the socket's directory is not locked: another process would sweep it")
	}
	first.Stop()

	second := mustStart(t, Options{Dir: dir})
	if got := sql(t, second.DSN("postgres", Superuser), "SELECT answer FROM kept"); got != "42" {
		t.Errorf("after a restart the table has %q, want 42", got)
	}
	socket := second.home.socketDir
	second.Stop()
	if _, err := os.Stat(filepath.Dir(socket)); !os.IsNotExist(err) {
		t.Errorf("the socket's temporary directory is left: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "was made by PostgreSQL 9") {
		t.Errorf("a directory of another version: %v", err)
	}
}

func TestTemporaryDirectoryIsMadeWhereAsked(t *testing.T) {
	parent := openDir(t)
	s := mustStart(t, Options{Temp: parent})
	if got := sql(t, s.DSN("postgres", Superuser), "SHOW data_directory"); !strings.HasPrefix(got, parent+"/") {
		t.Errorf("the server lives in %s, want it under %s", got, parent)
	}
	s.Stop()
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("%d entries are left in %s: %v", len(left), parent, err)
	}
}

func TestPortListensOnLoopbackAndWantsAPassword(t *testing.T) {
	port := freePort(t)
	s := mustStart(t, Options{Port: port})
	sql(t, s.DSN("postgres", Superuser), "CREATE ROLE visitor LOGIN PASSWORD 'secret'")
	if want := "127.0.0.1:" + strconv.Itoa(port); s.Addr() != want {
		t.Fatalf("Addr() = %q, want %q", s.Addr(), want)
	}
	if got := sql(t, "postgres://visitor:secret@"+s.Addr()+"/postgres", "SELECT current_user"); got != "visitor" {
		t.Errorf("over TCP I am %q", got)
	}
	dir, _, err := Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "psql"), "-w", "postgres://postgres@"+s.Addr()+"/postgres", "-c", "SELECT 1").CombinedOutput()
	if err == nil {
		t.Errorf("the superuser came in over TCP without a password: %s", out)
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	for _, row := range []struct {
		name string
		o    Options
		want string
	}{
		{"unknown setting", Options{Settings: map[string]string{"no_such_setting": "1"}}, "no_such_setting"},
		{"not a setting", Options{Settings: map[string]string{"a=b -c": "1"}}, `"a=b -c" is not the name of a PostgreSQL setting`},
		{"port", Options{Port: 70000}, "port 70000 is not between"},
		{"no binaries", Options{BinDir: "/nonexistent"}, "/nonexistent has no initdb and postgres of version 14 or newer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := Start(t.Context(), row.o)
			if err == nil {
				s.Stop()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %q, want it to contain %q", err, row.want)
			}
		})
	}
}

func TestStartHonoursItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // initdb alone takes longer
	defer cancel()
	parent := openDir(t)
	if s, err := Start(ctx, Options{Temp: parent}); err == nil {
		s.Stop()
		t.Fatal("it started within 100 ms")
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("%d entries are left in %s: %v", len(left), parent, err)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	var port process.Port
	if err := process.FreePorts(t.Context(), &port); err != nil {
		t.Fatal(err)
	}
	return int(port)
}

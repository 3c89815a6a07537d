//go:build bench

package bench

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/pgproc"
)

// server is a Postgres of the benchmark's own.
type server struct{ *pgproc.Server }

func startServer(t *trial, o pgproc.Options) server {
	t.Helper()
	s, err := pgproc.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return server{s}
}

// admin runs statements, each by itself, as superuser.
func (s server) admin(t *trial, db string, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN(db, pgproc.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) // the server ends with the benchmark
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// ask gives the one value of a query.
func ask[T any](t *trial, dsn, query string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) // nothing to lose
	var v T
	if err := conn.QueryRow(ctx, query).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// program finds one of Postgres' own programs.
func program(t *trial, name string) string {
	t.Helper()
	dir, _, err := pgproc.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func postgresVersion(t *trial) string {
	t.Helper()
	return strings.TrimSpace(strings.Replace(run(t.Context(), t, "", nil, program(t, "postgres"), "--version"), "postgres (PostgreSQL)", "PostgreSQL", 1))
}

// config is the example config, which takes everything from the environment.
func (b *bed) config() string {
	path, err := filepath.Abs(filepath.Join(root(), "config.example.yaml"))
	if err != nil {
		return filepath.Join(root(), "config.example.yaml")
	}
	return path
}

// store makes a migrated store on a server, with its roles separated as in production, and gives the bot's
// environment for it.
func (b *bed) store(t *trial, s server) map[string]string {
	t.Helper()
	s.admin(t, pgproc.Superuser, "CREATE ROLE integritybot_owner LOGIN", "CREATE ROLE integritybot LOGIN",
		"CREATE DATABASE integritybot OWNER integritybot_owner")
	env := map[string]string{
		"STORE_DSN": s.DSN("integritybot", "integritybot"), "STORE_OWNER_DSN": s.DSN("integritybot", "integritybot_owner"),
	}
	run(t.Context(), t, "", environ(env), b.binary, "migrate", "--config", b.config())
	return env
}

// ready asks /readyz.
func ready(ctx context.Context, addr string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusOK
}

// explain writes something that explains a number where BENCH_PROFILES asks for it.
func (b *bed) explain(t *trial, name, text string) {
	t.Helper()
	if b.profiles == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(b.profiles, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/pgtest"
)

// full is a session as a full-speed run has it.
func full(t *testing.T, target *Target) *Session {
	t.Helper()
	s, err := target.session(t.Context(), target.full, target.opts.StatementTimeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Release)
	return s
}

func nothing(pgx.Rows) error { return nil }

func TestSessionsAreReadOnly(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "CREATE TABLE t (id int PRIMARY KEY); CREATE SEQUENCE s")
	s := full(t, open(t, brisk(dsn)))
	for _, sql := range []string{
		"INSERT INTO t VALUES (1)", "DELETE FROM t", "CREATE TABLE u ()", "SELECT nextval('s')", "SELECT * FROM t FOR UPDATE", "TRUNCATE t",
	} {
		err := s.Each(t.Context(), sql, nil, nothing)
		if err == nil || !strings.Contains(sentence(t, err), "our sessions are read-only") {
			t.Errorf("%s: %v, want a refusal", sql, err)
		}
	}
	if n := scanOne[int64](t, dsn, "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

func TestSessionsHaveLimits(t *testing.T) {
	t.Parallel()
	o := brisk(pgtest.Database(t))
	o.StatementTimeout, o.LockTimeout, o.WorkMem = 7*time.Second, 300*time.Millisecond, "5MB"
	s := full(t, open(t, o))
	got := map[string]string{}
	err := s.Each(t.Context(), `SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY ($1)`, []any{[]string{
		"application_name", "default_transaction_read_only", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
		"jit", "plan_cache_mode", "work_mem", "max_parallel_workers_per_gather", "TimeZone",
	}}, func(rows pgx.Rows) error {
		var name, value string
		err := rows.Scan(&name, &value)
		got[name] = value
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"application_name": "integritybot", "default_transaction_read_only": "on", "statement_timeout": "7s", "lock_timeout": "300ms",
		"idle_in_transaction_session_timeout": "37s", "jit": "off", "plan_cache_mode": "force_custom_plan", "work_mem": "5MB",
		"max_parallel_workers_per_gather": "0", "TimeZone": "UTC",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestStatementsTimeOut(t *testing.T) {
	t.Parallel()
	o := brisk(pgtest.Database(t))
	o.StatementTimeout = 200 * time.Millisecond
	s := full(t, open(t, o))
	began := time.Now()
	err := s.Each(t.Context(), "SELECT pg_sleep(20)", nil, nothing)
	if !timedOut(err) || !strings.Contains(sentence(t, err), "took longer than its time-out") {
		t.Errorf("got %v, want a time-out", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestCancelEndsTheStatement also in the server: a Stop button that leaves the
// query running would be a lie.
func TestCancelEndsTheStatement(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	target := open(t, brisk(dsn))
	s := full(t, target)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Each(ctx, "SELECT pg_sleep(60)", nil, nothing) }()
	const running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'integritybot' AND datname = current_database() AND state = 'active'"
	eventually(t, "the statement begins", func() bool { return scanOne[int64](t, dsn, running) == 1 })
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the caller's own cancellation", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("cancelling did not end the statement")
	}
	eventually(t, "the server ends it", func() bool { return scanOne[int64](t, dsn, running) == 0 })
}

// TestCancelDuringARun ends a check of many chunks with the caller's own error.
func TestCancelDuringARun(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 500) i")
	target := open(t, brisk(dsn))
	for mode, opts := range modes() {
		ctx, cancel := context.WithCancel(t.Context())
		rec := &recorder{t: t, onSave: cancel}
		_, err := declareCheck(t, "rows", `{table: t, wrong: "v % 2 = 0"}`).Detector(target).Detect(ctx, opts, nil, rec)
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want the caller's own cancellation", mode, err)
		}
	}
	if n := scanOne[int64](t, dsn, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'integritybot' AND datname = current_database() AND state <> 'idle'"); n != 0 {
		t.Errorf("%d sessions are still at work or in a transaction", n)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	o := brisk(pgtest.Database(t))
	o.Sessions = 2
	target := open(t, o)
	full(t, target)
	full(t, target)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if s, err := target.session(ctx, target.full, time.Second); err == nil {
		s.Release()
		t.Error("a third session was given")
	}
	s, err := target.session(t.Context(), target.calm, time.Second)
	if err != nil {
		t.Fatalf("a polite check must get its turn beside full-speed ones: %v", err)
	}
	s.Release()
}

func TestOpenRefusesBadOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		opts Options
		want string
	}{
		{"no name", Options{DSN: "postgres://x"}, "needs a name"},
		{"no DSN", Options{Name: "shop"}, "has no DSN"},
		{"a DSN that is none", Options{Name: "shop", DSN: "postgres://me:s3cret@:nope/x"}, "its DSN cannot be read"},
		{"sessions", Options{Name: "shop", DSN: "postgres://x", Sessions: 99}, "sessions is 99"},
		{"nice ratio", Options{Name: "shop", DSN: "postgres://x", Polite: Polite{NiceRatio: -1}}, "nice_ratio"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(t.Context(), c.opts)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v, want %q and no secret", err, c.want)
			}
		})
	}
}

func TestSecretsPrintMasked(t *testing.T) {
	t.Parallel()
	o := Options{DSN: "postgres://me:s3cret@db/x", ReadDSN: "postgres://me:s3cret@replica/x"}
	text, err := o.DSN.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{sprint("%v", o), sprint("%+v", o), sprint("%#v", o.DSN), sprint("%s", o.ReadDSN), sprint("%q", o.DSN), string(text)} {
		if strings.Contains(printed, "s3cret") {
			t.Errorf("printed: %s", printed)
		}
	}
}

// eventually waits for another process to get somewhere.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
)

const lockShop = `
CREATE TABLE orders (id int PRIMARY KEY, status text);
CREATE TABLE stock (id int PRIMARY KEY, n int);
INSERT INTO orders SELECT i, 'NEW' FROM generate_series(1, 100) i;
INSERT INTO stock SELECT i, i FROM generate_series(1, 100) i;
GRANT SELECT, INSERT, UPDATE, DELETE ON orders, stock TO PUBLIC;`

// contended is a database in which sessions get into each other's way.
type contended struct {
	t    *testing.T
	dsn  string // as superuser
	role string // of the application
}

func newContended(t *testing.T) *contended {
	t.Helper()
	dsn := pgtest.Template(t, "lock shop", func(dsn string) {
		pgtest.Exec(t, dsn, lockShop)
		makeReady(t, dsn)
	})
	return &contended{t: t, dsn: dsn, role: pgtest.Role(t, "shop_app")}
}

// reader is a target as a role that may see what others do, or not.
func (c *contended) reader(sees bool) *Target {
	c.t.Helper()
	role := pgtest.Role(c.t, "reader")
	if sees {
		pgtest.Exec(c.t, c.dsn, "GRANT pg_read_all_stats TO "+pgx.Identifier{role}.Sanitize())
	}
	return c.targetAs(role)
}

func (c *contended) targetAs(role string) *Target {
	o := brisk(pgtest.As(c.dsn, role))
	o.AllowSuperuser = false
	o.Sleep = func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/50) }
	return open(c.t, o)
}

// session is one connection of somebody.
type session struct {
	c    *contended
	conn *pgx.Conn
	pid  string
	done chan error
}

func (c *contended) session(application string) *session { return c.sessionAs(c.role, application) }

func (c *contended) sessionAs(role, application string) *session {
	c.t.Helper()
	config, err := pgx.ParseConfig(pgtest.As(c.dsn, role))
	if err != nil {
		c.t.Fatal(err)
	}
	config.RuntimeParams["application_name"] = application
	conn, err := pgx.ConnectConfig(c.t.Context(), config)
	if err != nil {
		c.t.Fatal(err)
	}
	s := &session{c: c, conn: conn, pid: fmt.Sprint(conn.PgConn().PID())}
	c.t.Cleanup(func() {
		if s.done != nil {
			<-s.done
		}
		_ = conn.Close(context.Background())
	})
	return s
}

// does runs SQL to its end.
func (s *session) does(sql ...string) *session {
	s.c.t.Helper()
	for _, one := range sql {
		if _, err := s.conn.Exec(s.c.t.Context(), one); err != nil {
			s.c.t.Fatalf("%s: %v", one, err)
		}
	}
	return s
}

// waits begins SQL, which does not get to its end, and returns when the server
// shows that.
func (s *session) waits(sql string) *session {
	s.c.t.Helper()
	s.begins(sql)
	eventually(s.c.t, "pid "+s.pid+" waits", func() bool {
		return scanOne[bool](s.c.t, s.c.dsn, "SELECT coalesce((SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = "+s.pid+"), false)")
	})
	return s
}

func (s *session) begins(sql string) {
	done := make(chan error, 1)
	s.done = done
	go func() {
		_, err := s.conn.Exec(s.c.t.Context(), sql)
		done <- err
		close(done)
	}()
}

// ended is how what was begun ended.
func (s *session) ended() error {
	s.c.t.Helper()
	select {
	case err := <-s.done:
		return err
	case <-time.After(20 * time.Second):
		s.c.t.Fatalf("pid %s goes on", s.pid)
		return nil
	}
}

// gone tells whether the server has ended it.
func (s *session) gone() bool {
	return scanOne[int](s.c.t, s.c.dsn, "SELECT count(*)::int FROM pg_stat_activity WHERE pid = "+s.pid) == 0
}

// looksAt runs a check of locks and gives it with its rows.
func looksAt(t *testing.T, target *Target, words string, opts check.Options) ([]check.Row, check.Result) {
	t.Helper()
	d := declareCheck(t, "locks", words)
	found := newFindings(nil)
	result, err := d.Detector(target).Detect(t.Context(), opts, nil, found)
	if err != nil {
		t.Fatalf("detect: %v", err)
	}
	return found.rows, result
}

// failing are rows as "class pid", in their order.
func failing(rows []check.Row) []string {
	var out []string
	for _, r := range rows {
		out = append(out, r.Class+" "+strings.Join(r.Key, " "))
	}
	return out
}

// columnsOf are some cells of each row of an overview.
func cellsOf(o *check.Overview, names ...string) []string {
	var out []string
	for _, row := range o.Rows {
		var parts []string
		for _, name := range names {
			for i, c := range o.Columns {
				if c.Name == name {
					parts = append(parts, row[i])
				}
			}
		}
		out = append(out, strings.Join(parts, " | "))
	}
	return out
}

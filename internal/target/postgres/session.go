package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"
)

// ApplicationName is how our sessions appear in pg_stat_activity.
const ApplicationName = "integritybot"

// answerGrace is how long past its statement time-out a server may take to say
// that it timed out. After that the connection is taken for dead.
const answerGrace = 3 * time.Second

// timeoutKey is where a connection remembers the statement time-out it has.
const timeoutKey = "integritybot.statement_timeout"

// Session is one read-only session for the length of one chunk or one
// statement.
type Session struct {
	t       *Target
	conn    *pgxpool.Conn
	slots   *semaphore.Weighted
	timeout time.Duration
}

// poolConfig is the pool's configuration. Its errors hold nothing of the DSN.
func (t *Target) poolConfig() (*pgxpool.Config, error) {
	dsn := t.opts.ReadDSN
	if dsn == "" {
		dsn = t.opts.DSN
	}
	config, err := pgxpool.ParseConfig(string(dsn))
	if err != nil {
		return nil, fmt.Errorf("postgres target %s: its DSN cannot be read (expected postgres://user:password@host:port/database)", t.opts.Name)
	}
	// One per statement under way, one for the polite, one for the governor.
	config.MaxConns = int32(min(t.opts.Sessions, 1000)) + 2 //nolint:gosec // bounded
	config.MinConns = 0
	config.MaxConnIdleTime = time.Minute
	config.ConnConfig.ConnectTimeout = t.opts.ConnectTimeout
	// A session that rested is asked whether it is still there. Without a limit
	// that waits as long as the check may, if the network swallows the question.
	config.PingTimeout = t.opts.ConnectTimeout
	config.ConnConfig.RuntimeParams["application_name"] = ApplicationName
	// Without this a cancelled statement would go on in the server, unseen.
	config.ConnConfig.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: time.Second}
	}
	config.AfterConnect = t.prepareSession
	return config, nil
}

// prepareSession gives a new connection its limits. They are set by a statement
// and not at start-up, because poolers refuse start-up parameters. The values'
// text forms are pinned, so that a key survives the way to us and back.
func (t *Target) prepareSession(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, t.opts.ConnectTimeout)
	defer cancel()
	settings := [][2]string{
		{"application_name", ApplicationName},
		{"default_transaction_read_only", "on"},
		{"statement_timeout", millis(t.opts.StatementTimeout)},
		{"lock_timeout", millis(t.opts.LockTimeout)},
		{"idle_in_transaction_session_timeout", millis(t.opts.StatementTimeout + 30*time.Second)},
		{"jit", "off"},
		// The range of a chunk decides the plan; a generic plan measured twice
		// as slow and worse.
		{"plan_cache_mode", "force_custom_plan"},
		// Sessions side by side are the only parallelism: load stays bounded.
		{"max_parallel_workers_per_gather", "0"},
		{"work_mem", t.opts.WorkMem},
		{"TimeZone", "UTC"},
		{"DateStyle", "ISO, YMD"},
		{"IntervalStyle", "postgres"},
		{"bytea_output", "hex"},
		{"extra_float_digits", "1"},
	}
	batch := &pgx.Batch{}
	for _, s := range settings {
		batch.Queue("SELECT set_config($1, $2, false)", s[0], s[1])
	}
	var version string
	batch.Queue("SELECT current_setting('server_version_num')").QueryRow(func(row pgx.Row) error {
		return row.Scan(&version)
	})
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("prepare session: %w", err)
	}
	number, err := strconv.Atoi(version)
	if err != nil {
		return fmt.Errorf("prepare session: server_version_num: %w", err)
	}
	conn.PgConn().CustomData()[timeoutKey] = t.opts.StatementTimeout
	t.mu.Lock()
	t.version = number
	t.mu.Unlock()
	return nil
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// session waits for its turn among all checks of the target and gives a session
// whose statements may take as long as timeout. Errors are Problems.
func (t *Target) session(ctx context.Context, slots *semaphore.Weighted, timeout time.Duration) (*Session, error) {
	if slots != nil {
		if err := slots.Acquire(ctx, 1); err != nil {
			return nil, err
		}
	}
	s := &Session{t: t, slots: slots, timeout: timeout}
	if slots == t.calm {
		// Another polite run may have read meanwhile: its rest is everybody's.
		if left := t.restLeft(); left > 0 {
			if err := t.opts.Sleep(ctx, left); err != nil {
				s.Release()
				return nil, err
			}
		}
	}
	conn, err := t.pool.Acquire(ctx)
	if err != nil {
		s.Release()
		return nil, t.problem(ctx, "connect", err)
	}
	s.conn = conn
	if err := s.limit(ctx, timeout); err != nil {
		s.Release()
		return nil, err
	}
	return s, nil
}

// limit sets how long a statement of this session may take.
func (s *Session) limit(ctx context.Context, timeout time.Duration) error {
	data := s.conn.Conn().PgConn().CustomData()
	s.timeout = timeout
	if data[timeoutKey] == timeout {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.t.opts.ConnectTimeout)
	defer cancel()
	if _, err := s.conn.Exec(ctx, "SELECT set_config('statement_timeout', $1, false)", millis(timeout)); err != nil {
		return s.t.problem(ctx, "set the statement time-out", err)
	}
	data[timeoutKey] = timeout
	return nil
}

// Release gives the session and its turn back.
func (s *Session) Release() {
	if s.conn != nil {
		s.conn.Release()
		s.conn = nil
	}
	if s.slots != nil {
		s.slots.Release(1)
		s.slots = nil
	}
}

// Each runs one statement and hands its rows over one by one. Arguments that
// are keys travel as text and are cast in the statement. Errors are Problems,
// except those of each and of the context.
func (s *Session) Each(ctx context.Context, sql string, args []any, each func(pgx.Rows) error) error {
	bounded, cancel := context.WithTimeout(ctx, s.timeout+answerGrace)
	defer cancel()
	rows, err := s.conn.Query(bounded, sql, args...)
	if err != nil {
		return s.t.problem(ctx, "read", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return s.t.problem(ctx, "read", err)
	}
	return nil
}

// Row runs one statement and scans its only row. See Each.
func (s *Session) Row(ctx context.Context, sql string, args []any, dest ...any) error {
	found := false
	err := s.Each(ctx, sql, args, func(rows pgx.Rows) error {
		found = true
		return rows.Scan(dest...)
	})
	if err == nil && !found {
		return fmt.Errorf("read: %w", pgx.ErrNoRows)
	}
	return err
}

// exec runs one statement without a result.
func (s *Session) exec(ctx context.Context, sql string) error {
	// By the simple protocol, because such statements are never used twice.
	return s.Each(ctx, sql, []any{pgx.QueryExecModeSimpleProtocol}, func(pgx.Rows) error { return nil })
}

// query runs one statement outside of any run: for the catalog and the
// governor, which are short and wait for nobody's turn.
func (t *Target) query(ctx context.Context, sql string, args []any, each func(pgx.Rows) error) error {
	s, err := t.session(ctx, nil, t.opts.StatementTimeout)
	if err != nil {
		return err
	}
	defer s.Release()
	return s.Each(ctx, sql, args, each)
}

// explain has the server plan a statement without running it.
func (t *Target) explain(ctx context.Context, sql string, args []any) error {
	return t.query(ctx, "EXPLAIN "+sql, args, func(pgx.Rows) error { return nil })
}

package store

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

const (
	connectTimeout = 3 * time.Second
	// statementTimeout and idleTimeout free the audit head and other locks when
	// a replica hangs in the middle of a transaction: the others must go on.
	statementTimeout = 30 * time.Second
	idleTimeout      = 3 * time.Second
	lockTimeout      = 5 * time.Second
)

// Store is the bot's own Postgres. It implements commands.Ledger,
// commands.Archive, bot.Outbox, bot.Shelf and keeper.Store, and what the worker
// needs. Its methods may be called from several goroutines.
type Store struct {
	opts   Options
	pool   *pgxpool.Pool
	jobs   *river.Client[pgx.Tx] // inserts only
	log    *slog.Logger
	commit *committer
	wake   chan struct{}
}

// Open connects and checks that the tables are there. The error tells to run
// "integritybot migrate" if they are not.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	o = o.withDefaults()
	pool, err := openPool(ctx, o.DSN, o.MaxConns, "integritybot")
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{opts: o, pool: pool, log: o.Logger, wake: make(chan struct{}, 1)}
	if err := s.checkVersion(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open store: %w", err)
	}
	if s.jobs, err = river.NewClient(riverpgxv5.New(nil), &river.Config{Logger: o.Logger}); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open store: job queue: %w", err)
	}
	s.commit = newCommitter(s)
	return s, nil
}

func openPool(ctx context.Context, dsn string, conns int, name string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = int32(min(conns, 1000))  //nolint:gosec // bounded
	cfg.MinConns = min(lanes, cfg.MaxConns) // the first request need not wait for a connection
	cfg.ConnConfig.ConnectTimeout = connectTimeout
	params := cfg.ConnConfig.RuntimeParams
	for key, value := range map[string]string{
		"application_name":                    name,
		"timezone":                            "UTC",
		"statement_timeout":                   millis(statementTimeout),
		"lock_timeout":                        millis(lockTimeout),
		"idle_in_transaction_session_timeout": millis(idleTimeout),
	} {
		if _, set := params[key]; !set {
			params[key] = value
		}
	}
	return pgxpool.NewWithConfig(ctx, cfg)
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Close ends what is being committed and closes the connections.
func (s *Store) Close() {
	s.commit.close()
	s.pool.Close()
}

// Ping tells whether the store answers; for readiness.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("ping store: %w", err)
	}
	return nil
}

// ID names this store in the records that the bot leaves in other databases. It
// never changes.
func (s *Store) ID(ctx context.Context) (string, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var id string
	if err := s.pool.QueryRow(ctx, `SELECT id FROM store_identity`).Scan(&id); err != nil {
		return "", fmt.Errorf("identity of the store: %w", err)
	}
	return id, nil
}

// now is the first argument of statements that need a time: they read it as
// coalesce($1, clock_timestamp()).
func (s *Store) now() *time.Time {
	if s.opts.Now == nil {
		return nil
	}
	t := s.opts.Now().UTC()
	return &t
}

// signal wakes the sender of this process.
func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

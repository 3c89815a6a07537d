package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// schemaVersion is the newest file in migrations, riverVersion the schema of
	// the job queue that this program was built with.
	schemaVersion = 5
	riverVersion  = 8

	lockPeriod, lockTries = 1, 120 // seconds between tries for the lock, and tries
)

// Migrate brings the tables up to this program's version and grants the
// runtime role what it needs, and nothing else. It may be called by several
// replicas at once and any number of times: one works, the others wait for it.
// An empty runtimeRole, or the owner's own name, means that one role is used
// for everything.
func Migrate(ctx context.Context, ownerDSN, runtimeRole string) error {
	if err := migrate(ctx, ownerDSN, runtimeRole); err != nil {
		return fmt.Errorf("migrate store: %w", err)
	}
	return nil
}

func migrate(ctx context.Context, ownerDSN, runtimeRole string) (err error) {
	cfg, err := pgx.ParseConfig(ownerDSN)
	if err != nil {
		return err
	}
	cfg.ConnectTimeout = connectTimeout
	db := stdlib.OpenDB(*cfg)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the database's Close says what went wrong
	// goose's own locker, taken here rather than by goose, because the job
	// queue's migrations and the grants need it as well and take none.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPeriod, lockTries))
	if err != nil {
		return err
	}
	if err := locker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("another migration is running: %w", err)
	}
	defer func() { err = errors.Join(err, locker.SessionUnlock(context.WithoutCancel(ctx), conn)) }()
	if err := checkEncoding(ctx, conn); err != nil {
		return err
	}
	if err := migrateTables(ctx, db); err != nil {
		return err
	}
	if err := migrateQueue(ctx, ownerDSN); err != nil {
		return fmt.Errorf("job queue: %w", err)
	}
	return grant(ctx, conn, runtimeRole)
}

// checkEncoding: the audit log hashes UTF-8, which must come back byte for byte.
func checkEncoding(ctx context.Context, conn *sql.Conn) error {
	var encoding string
	if err := conn.QueryRowContext(ctx, `SHOW server_encoding`).Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s, but it must be UTF8: create another one (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0)", encoding)
	}
	return nil
}

func migrateTables(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

func migrateQueue(ctx context.Context, dsn string) error {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: riverVersion})
	return err
}

// checkVersion refuses tables that are older than this program. Newer ones are
// accepted, so that replicas of the version before live on while it is replaced.
func (s *Store) checkVersion(ctx context.Context) error {
	tables, err := s.version(ctx, `SELECT coalesce(max(version_id) FILTER (WHERE is_applied), 0) FROM goose_db_version`)
	if err != nil {
		return err
	}
	queue := int64(0)
	if tables >= schemaVersion {
		if queue, err = s.version(ctx, `SELECT coalesce(max(version), 0) FROM river_migration WHERE line = 'main'`); err != nil {
			return err
		}
	}
	if tables < schemaVersion || queue < riverVersion {
		return fmt.Errorf("its tables are of version %d.%d, this program needs %d.%d: run integritybot migrate", tables, queue, schemaVersion, riverVersion)
	}
	return nil
}

func (s *Store) version(ctx context.Context, query string) (version int64, err error) {
	err = s.pool.QueryRow(ctx, query).Scan(&version)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == undefinedTable {
		return 0, nil
	}
	if errors.As(err, &pg) && pg.Code == insufficientPrivilege {
		return 0, fmt.Errorf("this role may not read its tables: run integritybot migrate with STORE_OWNER_DSN set, so that it grants them: %w", err)
	}
	return version, err
}

// SQLSTATE codes, PostgreSQL manual, appendix A.
const (
	undefinedTable        = "42P01"
	insufficientPrivilege = "42501"
)

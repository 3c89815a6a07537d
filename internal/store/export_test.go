package store

import (
	"context"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// DSN tells tests which database a store is on.
func DSN(s *Store) string { return s.opts.DSN }

// VerifyIn lets a test look at a log that it has tampered with and not committed.
var VerifyIn = verifyIn

// MigrateDown takes the tables back to a version.
func MigrateDown(ctx context.Context, dsn string, version int64) error {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*cfg)
	defer func() { _ = db.Close() }()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return err
	}
	_, err = provider.DownTo(ctx, version)
	return err
}

package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/store"
)

// OpenStore connects to the bot's own Postgres with the runtime role.
func OpenStore(ctx context.Context, c *config.Config, log *slog.Logger, version string) (*store.Store, error) {
	if c.Store.DSN == "" {
		return nil, errors.New("the bot has no store: set STORE_DSN, or store.dsn in the config")
	}
	if _, err := address("store.dsn", c.Store.DSN); err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, store.Options{
		DSN: c.Store.DSN.Reveal(), MaxConns: c.Store.MaxConns, Version: version, Logger: log,
	})
	if err != nil {
		return nil, storeError{"the bot's own Postgres (store.dsn) cannot be used", err}
	}
	return s, nil
}

// Migrate brings the store to this version's schema with the owner's role, and
// grants the runtime role what it needs.
func Migrate(ctx context.Context, c *config.Config) error {
	if c.Store.OwnerDSN == "" {
		return errors.New("the bot has no store: set STORE_DSN (and STORE_OWNER_DSN where the roles are separate)")
	}
	if _, err := address("store.owner_dsn", c.Store.OwnerDSN); err != nil {
		return err
	}
	runtime := ""
	if c.Store.DSN != "" {
		parsed, err := address("store.dsn", c.Store.DSN)
		if err != nil {
			return err
		}
		runtime = parsed.User
	}
	if err := store.Migrate(ctx, c.Store.OwnerDSN.Reveal(), runtime); err != nil {
		return storeError{"the bot's own Postgres (store.owner_dsn) was not migrated", err}
	}
	return nil
}

// address reads a DSN. The library's own error repeats the DSN with what it
// takes for the password masked, and so shows one that is written wrongly.
func address(key string, dsn config.Secret) (*pgx.ConnConfig, error) {
	parsed, err := pgx.ParseConfig(dsn.Reveal())
	if err == nil {
		return parsed, nil
	}
	var file *fs.PathError
	if errors.As(err, &file) { // a certificate
		return nil, fmt.Errorf("%s: %w", key, file)
	}
	return nil, fmt.Errorf("%s cannot be read: write postgres://user:password@host:port/database, with special characters of the password as %%XX", key)
}

// storeError says on one line which database is meant; the library tells each
// address that it tried on a line of its own.
type storeError struct {
	what string
	err  error
}

func (e storeError) Error() string {
	return e.what + ": " + strings.Join(strings.Fields(e.err.Error()), " ")
}

func (e storeError) Unwrap() error { return e.err }

package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/store"
)

// OpenStore connects to the bot's own Postgres with the runtime role.
func OpenStore(ctx context.Context, c *config.Config, log *slog.Logger, version string) (*store.Store, error) {
	if c.Store.DSN == "" {
		return nil, errors.New("the bot has no store: set STORE_DSN, or store.dsn in the config")
	}
	return store.Open(ctx, store.Options{
		DSN: c.Store.DSN.Reveal(), MaxConns: c.Store.MaxConns, Version: version, Logger: log,
	})
}

// Migrate brings the store to this version's schema with the owner's role, and
// grants the runtime role what it needs.
func Migrate(ctx context.Context, c *config.Config) error {
	if c.Store.OwnerDSN == "" {
		return errors.New("the bot has no store: set STORE_DSN (and STORE_OWNER_DSN where the roles are separate)")
	}
	runtime, err := pgx.ParseConfig(c.Store.DSN.Reveal())
	if err != nil {
		return fmt.Errorf("store.dsn: %w", err)
	}
	return store.Migrate(ctx, c.Store.OwnerDSN.Reveal(), runtime.User)
}

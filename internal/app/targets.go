package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/target/postgres"
)

// Targets are the systems outside the bot that the config switches on.
type Targets struct {
	postgres map[string]*postgres.Target
}

// OpenTargets makes a handle for each target that has an address. It connects
// to none: a database that is down must not keep the bot from starting.
func OpenTargets(ctx context.Context, c *config.Config) (*Targets, error) {
	t := &Targets{postgres: map[string]*postgres.Target{}}
	for name, one := range c.Targets {
		if one.Postgres == nil || one.Postgres.DSN == "" {
			continue
		}
		target, err := postgres.Open(ctx, postgresOptions(name, one))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("target %s: %w", name, err), t.Close())
		}
		t.postgres[name] = target
	}
	return t, nil
}

// Close ends all sessions.
func (t *Targets) Close() error {
	for _, one := range t.postgres {
		one.Close()
	}
	return nil
}

// Catalog gives the declared checks with their detectors. A check whose target
// is off has none, and says so when it runs.
func (t *Targets) Catalog(c *config.Config) check.Catalog {
	var catalog check.Catalog
	for _, d := range c.Declared() {
		one := d.Check
		one.Place = c.Targets[one.Target].Place
		if one.Place == "" {
			one.Place = one.Target
		}
		if target, ok := t.postgres[one.Target]; ok {
			one.Detector = d.Declaration.Detector(target)
		}
		catalog = append(catalog, one)
	}
	return catalog
}

func postgresOptions(name string, t config.Target) postgres.Options {
	p := t.Postgres
	return postgres.Options{
		Name:             name,
		Place:            t.Place,
		DSN:              postgres.Secret(p.DSN.Reveal()),
		ReadDSN:          postgres.Secret(p.ReadDSN.Reveal()),
		Sessions:         p.Sessions,
		StatementTimeout: p.StatementTimeout.Std(),
		LockTimeout:      p.LockTimeout.Std(),
		ConnectTimeout:   p.ConnectTimeout.Std(),
		Polite: postgres.Polite{
			StatementTarget:    p.Polite.StatementTarget.Std(),
			StatementTimeout:   p.Polite.StatementTimeout.Std(),
			NiceRatio:          p.Polite.NiceRatio,
			BusyRatio:          p.Polite.BusyRatio,
			MaxReplicaLag:      p.Polite.MaxReplicaLag.Std(),
			MaxActive:          p.Polite.MaxActive,
			MaxLockWaits:       p.Polite.MaxLockWaits,
			LongestTransaction: p.Polite.LongestTransaction.Std(),
			MaxPause:           p.Polite.MaxPause.Std(),
		},
	}
}

package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/reconcile"
	"github.com/integritybot/integritybot/internal/target/kafka"
	"github.com/integritybot/integritybot/internal/target/kube"
	"github.com/integritybot/integritybot/internal/target/postgres"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// Targets are the systems outside the bot that the config switches on.
type Targets struct {
	postgres map[string]*postgres.Target
	kafka    map[string]*kafka.Target
	redis    map[string]*redis.Target
	kube     map[string]*kube.Target
	// sources are what Kafka's checks and plans ask beside their cluster, and rows
	// what caches are compared with.
	sources kafka.Sources
	rows    reconcile.Rows
	also    []*postgres.Target // to be closed, too
}

// memory is what the bot's own store knows of the plans that were carried out. The
// zero value is a bot without a store, which has carried out none.
type memory struct {
	id     string // of the store
	ledger kafka.Ledger
}

// OpenTargets makes a handle for each target that has an address. It connects
// to none: a database that is down must not keep the bot from starting.
func OpenTargets(ctx context.Context, c *config.Config) (*Targets, error) {
	return openTargets(ctx, c, memory{})
}

func openTargets(ctx context.Context, c *config.Config, m memory) (*Targets, error) {
	redis.Quiet() // what goes wrong is in its errors, and in our log
	t := &Targets{
		postgres: map[string]*postgres.Target{}, kafka: map[string]*kafka.Target{},
		redis: map[string]*redis.Target{}, kube: map[string]*kube.Target{},
	}
	for name := range c.Targets {
		if err := t.open(ctx, c, name, m.id); err != nil {
			return nil, errors.Join(fmt.Errorf("target %s: %w", name, err), t.Close())
		}
	}
	databases, err := t.databases(ctx, c)
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	t.sources, t.rows = kafka.Sources{Ledger: m.ledger, Tables: databases}, databases
	if m.ledger == nil {
		t.sources.Ledger = nothingSent{}
	}
	return t, nil
}

func (t *Targets) open(ctx context.Context, c *config.Config, name, store string) error {
	one := c.Targets[name]
	switch {
	case !one.On():
	case one.Postgres != nil:
		target, err := postgres.Open(ctx, postgresOptions(name, one))
		if err != nil {
			return err
		}
		t.postgres[name] = target
	case one.Kafka != nil:
		options, err := kafkaOptions(name, one, store)
		if err != nil {
			return err
		}
		target, err := kafka.Open(options)
		if err != nil {
			return err
		}
		t.kafka[name] = target
	case one.Redis != nil:
		options, err := redisOptions(name, one, c, store)
		if err != nil {
			return err
		}
		target, err := redis.Open(options)
		if err != nil {
			return err
		}
		t.redis[name] = target
	case one.Kubernetes != nil:
		target, err := kube.Open(kubeOptions(name, one, store))
		if err != nil {
			return err
		}
		t.kube[name] = target
	}
	return nil
}

// Close ends all sessions.
func (t *Targets) Close() error {
	var errs []error
	for _, one := range t.redis {
		errs = append(errs, one.Close())
	}
	for _, one := range t.kube {
		one.Close()
	}
	for _, one := range t.kafka {
		one.Close()
	}
	for _, one := range t.postgres {
		one.Close()
	}
	for _, one := range t.also {
		one.Close()
	}
	return errors.Join(errs...)
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
		switch kind := d.Declaration.(type) {
		case postgres.Declaration:
			if target, ok := t.postgres[one.Target]; ok {
				one.Detector = kind.Detector(target)
			}
		case kafka.Declaration:
			if target, ok := t.kafka[one.Target]; ok {
				one.Detector = kind.Detector(target, t.sources)
			}
		case reconcile.Declaration:
			if target, ok := t.redis[one.Target]; ok {
				one.Detector = kind.Detector(target, t.rows)
			}
		case kube.Declaration:
			if target, ok := t.kube[one.Target]; ok {
				one.Detector = kind.Detector(target)
			}
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

package app

import (
	"context"
	"errors"

	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/mailtest"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/shop"
)

// Told is a story that has happened, for tests from outside of this package.
type Told struct {
	Env     map[string]string // what the config needs
	Truth   *shop.Truth
	Cluster *cluster.Cluster
	Shop    string // the shop's address, for its owner
	Mail    *mailtest.Server
	Close   func() error
}

// Tell lets a story happen, as the demo does.
func Tell(ctx context.Context, name string, orders int) (*Told, error) {
	story, err := shop.StoryNamed(name)
	if err != nil {
		return nil, err
	}
	d := &demoWorld{story: story, orders: orders, say: func(string, ...any) {}}
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return &Told{Env: d.env, Truth: d.truth, Cluster: d.cluster.cluster, Shop: d.server.DSN("shop", pgproc.Superuser), Mail: d.mail, Close: d.close}, nil
}

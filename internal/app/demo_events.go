package app

import (
	"context"
	"errors"
	"strings"

	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/shop"
)

// demoEvents are the demo's broker and the shop's consumer. Its handler was
// broken and is repaired: what failed meanwhile is left over, and most of it can
// be replayed.
type demoEvents struct {
	broker *shop.Broker
	shop   *shop.Events
}

func openDemoEvents(ctx context.Context, server *pgproc.Server, truth *shop.Truth, story shop.Story) (*demoEvents, error) {
	broker, err := shop.StartBroker()
	if err != nil {
		return nil, err
	}
	events, err := shop.OpenEvents(ctx, shop.EventsOptions{
		Brokers: broker.Addresses(), DSN: server.DSN("shop", pgproc.Superuser), Truth: truth, Plain: true, Well: !story.Letters,
	})
	if err != nil {
		broker.Close()
		return nil, err
	}
	events.Heal()
	return &demoEvents{broker: broker, shop: events}, nil
}

// environment adds what the config needs. Somebody who watches a demo need not
// wait for canaries as long as somebody who looks after money.
func (e *demoEvents) environment(env map[string]string) {
	env["KAFKA_BROKERS"] = strings.Join(e.broker.Addresses(), ",")
	env["KAFKA_REPLAY"], env["KAFKA_REPLAY_WINDOW"] = "on", "3s"
}

func (e *demoEvents) close() error {
	err := e.shop.Close()
	e.broker.Close()
	if err != nil {
		return errors.Join(errors.New("the shop's consumer"), err)
	}
	return nil
}

package shop

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
)

// EventsOptions say where the shop's events are and what they lead to.
type EventsOptions struct {
	// Brokers are a Kafka cluster's, such as those of StartBroker.
	Brokers []string
	// DSN is the shop's database, with the right to change its rows.
	DSN string
	// Truth tells which products are planted: no event is about those, so the truth holds.
	Truth *Truth
	// Well is a shop whose handler was never broken: there are no dead letters.
	Well bool
	// Plain leaves out the hostile texts, for events that are shown to people.
	Plain bool
}

// orphans are the planted orders without a customer that have ordinary ids.
func (o EventsOptions) orphans() []string {
	var ids []string
	for id := range o.Truth.Defects(OrphanedOrders) {
		if ordinaryOrder.MatchString(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

var ordinaryOrder = regexp.MustCompile(`^o[0-9]+$`)

// Validate names what is missing.
func (o EventsOptions) Validate() error {
	var problems []error
	if len(o.Brokers) == 0 {
		problems = append(problems, errors.New("shop: events need a broker"))
	}
	if o.DSN == "" {
		problems = append(problems, errors.New("shop: events need a database"))
	}
	if o.Truth == nil {
		problems = append(problems, errors.New("shop: events need the truth, or they would change it"))
	}
	return errors.Join(problems...)
}

// Events are the shop's events, and the consumer that processes them.
type Events struct {
	// Letters is the truth about DeadLetterTopic after OpenEvents.
	Letters Letters

	producer *kgo.Client
	db       *pgxpool.Pool
	handler  *handler
	consumer *consumer
	products []string
	fresh    int
}

// OpenEvents plays the incident: a rollout two hours ago broke the handler, it was repaired an hour later, and what
// failed meanwhile stands in DeadLetterTopic as Spring puts it there. When it returns, all of that is in the past
// except the repair, see Heal; the consumer is running. The topics must be empty. The same shop gives the same
// letters, though not in the same places. With o.Well nothing was broken, and nothing failed.
func OpenEvents(ctx context.Context, o EventsOptions) (e *Events, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	e = &Events{}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
			e = nil
		}
	}()
	if e.producer, err = kgo.NewClient(kgo.SeedBrokers(o.Brokers...), kgo.ClientID("ecommerce-backend")); err != nil {
		return e, fmt.Errorf("shop: open events: %w", err)
	}
	if err := createTopics(ctx, e.producer); err != nil {
		return e, err
	}
	if e.db, err = pgxpool.New(ctx, o.DSN); err != nil {
		return e, fmt.Errorf("shop: open events: %w", err)
	}
	if err := e.takeProducts(ctx, o.Truth); err != nil {
		return e, err
	}
	err = e.play(ctx, o)
	return e, err
}

// takeProducts finds ordinary products with enough in stock.
func (e *Events) takeProducts(ctx context.Context, truth *Truth) error {
	rows, err := e.db.Query(ctx, `SELECT id FROM products WHERE id ~ '^p[0-9]+$' AND stock_quantity >= 30 AND id <> ALL ($1) ORDER BY id LIMIT 100`, truth.Reserved["products"])
	if err != nil {
		return fmt.Errorf("shop: look for products: %w", err)
	}
	if e.products, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return fmt.Errorf("shop: look for products: %w", err)
	}
	if len(e.products) < 50 {
		return fmt.Errorf("shop: %d products are too few for events", len(e.products))
	}
	return nil
}

// play produces the incident's events and lets the broken consumer meet them.
func (e *Events) play(ctx context.Context, o EventsOptions) error {
	script := newScript(time.Now().Add(-2*time.Hour), e.products, o)
	type place struct {
		partition int32
		offset    int64
	}
	kinds := map[place]LetterKind{}
	for _, one := range script {
		got, err := e.producer.ProduceSync(ctx, one.record).First()
		if err != nil {
			return fmt.Errorf("shop: produce an event: %w", err)
		}
		kinds[place{got.Partition, got.Offset}] = one.kind
	}
	died := func(original, letter *kgo.Record, f *failure) {
		e.Letters = append(e.Letters, Letter{
			Kind: kinds[place{original.Partition, original.Offset}], Partition: letter.Partition, Offset: letter.Offset,
			EventID: header(original, eventIDHeader), Key: string(original.Key), Class: f.simpleClass(),
		})
	}
	e.handler = &handler{db: e.db}
	var err error
	if e.consumer, err = startConsumer(context.WithoutCancel(ctx), o.Brokers, e.handler, died); err != nil {
		return err
	}
	if err := e.consumer.caughtUp(ctx); err != nil {
		return err
	}
	e.consumer.present()
	for _, l := range e.Letters {
		if l.Kind == "" {
			return fmt.Errorf("shop: event %s died, and should not have", l.EventID)
		}
	}
	return e.Letters.validate()
}

// Heal repairs the handler: from now on transient letters succeed.
func (e *Events) Heal() { e.handler.healed.Store(true) }

// Pause lets the consumer rest, as if it were down, and Resume ends that.
func (e *Events) Pause() { e.consumer.client.PauseFetchTopics(EventsTopic) }

// Resume ends what Pause began.
func (e *Events) Resume() { e.consumer.client.ResumeFetchTopics(EventsTopic) }

// CaughtUp waits until the group has committed everything that stands in EventsTopic now.
func (e *Events) CaughtUp(ctx context.Context) error { return e.consumer.caughtUp(ctx) }

// Place produces events of orders that are right in everything.
func (e *Events) Place(ctx context.Context, n int) error {
	for range n {
		e.fresh++
		r := (&script{products: e.products}).good(freshEvents+e.fresh, time.Now())
		if err := e.producer.ProduceSync(ctx, r).FirstErr(); err != nil {
			return fmt.Errorf("shop: produce an event: %w", err)
		}
	}
	return nil
}

// Close stops the consumer and gives what made it stop earlier.
func (e *Events) Close() error {
	var err error
	if e.consumer != nil {
		err = e.consumer.stop()
	}
	if e.producer != nil {
		e.producer.Close()
	}
	if e.db != nil {
		e.db.Close()
	}
	return err
}

package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
)

// orderEvent is the value of a record in EventsTopic.
type orderEvent struct {
	EventID       string    `json:"eventId"`
	Type          string    `json:"type"`
	OrderID       string    `json:"orderId"`
	CustomerEmail *string   `json:"customerEmail"` // null: ordered as a guest
	Product       string    `json:"productId"`
	Quantity      int       `json:"quantity"`
	Warehouse     string    `json:"warehouse"`
	Notify        string    `json:"notify,omitempty"`
	OccurredAt    time.Time `json:"occurredAt"`
}

const (
	eventIDHeader = "event_id"
	// darkWarehouse did not answer while the handler was broken.
	darkWarehouse = "north"
	// notifyBySMS fails in the broken handler, after everything was done.
	notifyBySMS = "sms"
)

// failure is an exception of the handler: what Spring would have caught.
type failure struct {
	class   string // with its package
	cause   string
	message string
}

// handler does with an event what the runbook's OrderEventHandler does: unless the event is known already, it
// reserves the items and marks the event as processed, in one transaction. Until it is healed it has a bug.
type handler struct {
	db     *pgxpool.Pool
	healed atomic.Bool
}

// handle processes one record. A failure is the event's; an error is not, and the event must be tried again.
func (h *handler) handle(ctx context.Context, r *kgo.Record) (*failure, error) {
	if r.Value == nil {
		return h.handleRemoved(ctx, r)
	}
	e, readable := readEvent(r.Value)
	if !readable {
		return &failure{
			class: "org.springframework.kafka.support.serializer.DeserializationException", cause: "com.fasterxml.jackson.core.JsonParseException",
			message: "failed to deserialize: " + string(r.Value),
		}, nil
	}
	broken := !h.healed.Load()
	switch {
	case broken && e.Warehouse == darkWarehouse:
		return thrown("java.net.SocketTimeoutException", "Connect to warehouse-north:8080 timed out after 2000 ms"), nil
	case broken && e.CustomerEmail == nil:
		return missingEmail(), nil
	}
	err := h.reserve(ctx, e)
	switch {
	case errors.Is(err, errNoProduct):
		return thrown("com.example.shop.ProductNotFoundException", "No product "+e.Product), nil
	case err != nil:
		return nil, err
	case broken && e.Notify == notifyBySMS:
		return missingEmail(), nil
	}
	return nil, nil
}

func readEvent(value []byte) (e orderEvent, readable bool) {
	err := json.Unmarshal(value, &e)
	return e, err == nil
}

// handleRemoved is the event that an order was removed: a record without a value.
func (h *handler) handleRemoved(ctx context.Context, r *kgo.Record) (*failure, error) {
	if !h.healed.Load() {
		return missingEmail(), nil
	}
	_, err := h.db.Exec(ctx, "INSERT INTO processed_events (event_id) VALUES ($1) ON CONFLICT DO NOTHING", header(r, eventIDHeader))
	if err != nil {
		return nil, fmt.Errorf("shop: mark an event: %w", err)
	}
	return nil, nil
}

var errNoProduct = errors.New("no such product")

// reserve takes the items from the stock, once for each event.
func (h *handler) reserve(ctx context.Context, e orderEvent) error {
	err := pgx.BeginFunc(ctx, h.db, func(tx pgx.Tx) error {
		first, err := tx.Exec(ctx, "INSERT INTO processed_events (event_id) VALUES ($1) ON CONFLICT DO NOTHING", e.EventID)
		if err != nil || first.RowsAffected() == 0 {
			return err
		}
		product, err := tx.Exec(ctx, "UPDATE products SET stock_quantity = stock_quantity - $2, version = version + 1, updated_at = now() WHERE id = $1", e.Product, e.Quantity)
		if err != nil {
			return err
		}
		if product.RowsAffected() == 0 {
			return errNoProduct
		}
		_, err = tx.Exec(ctx, "INSERT INTO inventory (id, product_id, quantity, reason) VALUES ($1 || gen_random_uuid()::text, $2, -$3::integer, 'SALE')",
			reservationOf(e.EventID), e.Product, e.Quantity)
		return err
	})
	if err != nil {
		return fmt.Errorf("shop: process event %s: %w", e.EventID, err)
	}
	return nil
}

// reservationOf begins the ids of the stock movements that an event led to: one if it was processed once.
func reservationOf(event string) string { return "reserved-" + event + "-" }

func thrown(cause, message string) *failure {
	return &failure{
		class: "org.springframework.kafka.listener.ListenerExecutionFailedException", cause: cause,
		message: "Listener method 'public void com.example.shop.OrderEventHandler.handleOrderCreated(com.example.shop.OrderCreatedEvent)' threw exception; " + message,
	}
}

func missingEmail() *failure {
	return thrown("java.lang.NullPointerException", `Cannot invoke "String.toLowerCase()" because the return value of "com.example.shop.OrderCreatedEvent.getCustomerEmail()" is null`)
}

// header gives the text of a record's first header of that name.
func header(r *kgo.Record, name string) string {
	i := slices.IndexFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == name })
	if i < 0 {
		return ""
	}
	return string(r.Headers[i].Value)
}

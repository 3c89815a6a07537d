package shop

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// How the writers place orders. Times are the database's.

// basket is a new order before it is written.
type basket struct {
	id       string
	customer string
	products []string
	prices   []Amount
	counts   []int
}

func (b *basket) total() Amount {
	var sum Amount
	for i, price := range b.prices {
		sum += Amount(b.counts[i]) * price
	}
	return sum
}

// fill takes some products that exist into a basket. Numbers of new orders begin anywhere, so they come to lie
// between the old ones and a scan meets them on both sides of where it is.
func (w *writer) fill(ctx context.Context) (*basket, error) {
	b := &basket{id: "o" + strconv.Itoa(freshFloor+int(w.rng.Int64N(9*freshFloor))), customer: w.unreserved("c", w.truth.Customers)}
	rows, err := w.conn.Query(ctx, "SELECT id, price::text FROM products WHERE id = ANY ($1)",
		[]string{w.unreserved("p", w.truth.Products), w.unreserved("p", w.truth.Products), w.unreserved("p", w.truth.Products)})
	if err != nil {
		return nil, fmt.Errorf("look for products: %w", err)
	}
	var id, price string
	_, err = pgx.ForEachRow(rows, []any{&id, &price}, func() error {
		amount, err := ParseAmount(price)
		b.products, b.prices, b.counts = append(b.products, id), append(b.prices, amount), append(b.counts, 1+w.rng.IntN(4))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for products: %w", err)
	}
	if len(b.products) == 0 {
		return nil, errNothingThere
	}
	// A deleted customer is not reserved; an order of hers would be an orphan.
	var there bool
	if err := w.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM customers WHERE id = $1)", b.customer).Scan(&there); err != nil {
		return nil, fmt.Errorf("look for a customer: %w", err)
	}
	if !there {
		return nil, errNothingThere
	}
	return b, nil
}

type execer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// do runs one statement.
func do(ctx context.Context, db execer, sql string, args ...any) error {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}

func (b *basket) insertOrder(ctx context.Context, db execer, status string, total Amount) error {
	return do(ctx, db, "INSERT INTO orders (id, customer_id, status, currency, total_amount) VALUES ($1, $2, $3, $4, $5::text::numeric)",
		b.id, b.customer, status, Currency, total.String())
}

func (b *basket) insertItems(ctx context.Context, db execer) error {
	for i := range b.products {
		err := do(ctx, db, "INSERT INTO order_items (id, order_id, product_id, quantity, unit_price) VALUES ($1, $2, $3, $4, $5::text::numeric)",
			fmt.Sprintf("i%s%d", b.id[1:], i), b.id, b.products[i], b.counts[i], b.prices[i].String())
		if err != nil {
			return err
		}
	}
	return nil
}

// insertPayment adds a payment for an order; a refund refers to none in particular.
func insertPayment(ctx context.Context, db execer, order, currency, status string, amount Amount) error {
	n := freshNumber()
	return do(ctx, db, "INSERT INTO payments (id, order_id, amount, currency, status, provider_ref) VALUES ($1, $2, $3::text::numeric, $4, $5, $6)",
		"pay"+strconv.Itoa(n), order, amount.String(), currency, status, fmt.Sprintf("ch_%x", n))
}

// place writes a whole order in one transaction.
func (w *writer) place(ctx context.Context) error {
	b, err := w.fill(ctx)
	if err != nil {
		return err
	}
	err = w.inTx(ctx, func(tx pgx.Tx) error {
		if err := b.insertOrder(ctx, tx, completed, b.total()); err != nil {
			return err
		}
		if err := b.insertItems(ctx, tx); err != nil {
			return err
		}
		return insertPayment(ctx, tx, b.id, Currency, completed, b.total())
	})
	if err == nil {
		w.finished(b.id)
	}
	return err
}

// placeInSteps writes an order as a shop of several services does: an empty basket, its items together with its
// total, then payment and status in either order, each step committed on its own. It is right in total at every
// step, and unpaid or paid too early for less than a second.
func (w *writer) placeInSteps(ctx context.Context) error {
	b, err := w.fill(ctx)
	if err != nil {
		return err
	}
	if err := b.insertOrder(ctx, w.conn, pending, 0); err != nil {
		return err
	}
	w.pause()
	err = w.inTx(ctx, func(tx pgx.Tx) error {
		if err := b.insertItems(ctx, tx); err != nil {
			return err
		}
		return do(ctx, tx, "UPDATE orders SET total_amount = $2::text::numeric, updated_at = now() WHERE id = $1", b.id, b.total().String())
	})
	if err != nil {
		return err
	}
	steps := []func() error{
		func() error {
			return do(ctx, w.conn, "UPDATE orders SET status = 'COMPLETED', updated_at = now() WHERE id = $1", b.id)
		},
		func() error { return insertPayment(ctx, w.conn, b.id, Currency, completed, b.total()) },
	}
	if w.rng.IntN(2) == 0 {
		steps[0], steps[1] = steps[1], steps[0]
	}
	for _, step := range steps {
		w.pause()
		if err := step(); err != nil {
			return err
		}
	}
	w.finished(b.id)
	return nil
}

// placeBeforeCustomer writes an order whose customer arrives a moment later.
func (w *writer) placeBeforeCustomer(ctx context.Context) error {
	b, err := w.fill(ctx)
	if err != nil {
		return err
	}
	b.customer = "c" + b.id[1:]
	err = w.inTx(ctx, func(tx pgx.Tx) error {
		if err := b.insertOrder(ctx, tx, pending, b.total()); err != nil {
			return err
		}
		return b.insertItems(ctx, tx)
	})
	if err != nil {
		return err
	}
	w.pause()
	err = do(ctx, w.conn, "INSERT INTO customers (id, email, name) VALUES ($1, $2, 'Late Comer')", b.customer, b.customer+"@example.com")
	if err != nil {
		return err
	}
	w.finished(b.id)
	return nil
}

package shop

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// How the writers change what is there: always both sides of what must agree, in one transaction, with the order
// or the product locked first.

// lockOrder locks an order against the other writers and gives what the rest of the change needs.
func lockOrder(ctx context.Context, tx pgx.Tx, id string) (status, currency string, total Amount, err error) {
	var text string
	err = tx.QueryRow(ctx, "SELECT status, currency, total_amount::text FROM orders WHERE id = $1 FOR UPDATE", id).Scan(&status, &currency, &text)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", 0, errNothingThere
	}
	if err != nil {
		return "", "", 0, fmt.Errorf("lock order: %w", err)
	}
	total, err = ParseAmount(text)
	return status, currency, total, err
}

// changeItems changes how many of an item are in an order, and with it the total and what was paid.
func (w *writer) changeItems(ctx context.Context) error {
	id := w.someOrder()
	return w.inTx(ctx, func(tx pgx.Tx) error {
		status, currency, total, err := lockOrder(ctx, tx, id)
		if err != nil {
			return err
		}
		var item, price string
		var quantity int
		err = tx.QueryRow(ctx, "SELECT id, quantity, unit_price::text FROM order_items WHERE order_id = $1 ORDER BY id LIMIT 1", id).
			Scan(&item, &quantity, &price)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNothingThere
		}
		if err != nil {
			return fmt.Errorf("read item: %w", err)
		}
		each, err := ParseAmount(price)
		if err != nil {
			return err
		}
		changed := 1 + (quantity+w.rng.IntN(3))%4
		difference := Amount(changed-quantity) * each
		if err := do(ctx, tx, "UPDATE order_items SET quantity = $2 WHERE id = $1", item, changed); err != nil {
			return err
		}
		if err := do(ctx, tx, "UPDATE orders SET total_amount = $2::text::numeric, updated_at = now() WHERE id = $1", id, (total + difference).String()); err != nil {
			return err
		}
		switch {
		case status != completed || difference == 0:
			return nil
		case difference > 0:
			return insertPayment(ctx, tx, id, currency, completed, difference)
		default:
			return insertPayment(ctx, tx, id, currency, refunded, -difference)
		}
	})
}

// complete completes a pending order together with its payment.
func (w *writer) complete(ctx context.Context) error {
	id := w.someOrder()
	return w.inTx(ctx, func(tx pgx.Tx) error {
		status, currency, total, err := lockOrder(ctx, tx, id)
		if err != nil {
			return err
		}
		if status != pending || total <= 0 {
			return errNothingThere
		}
		if err := insertPayment(ctx, tx, id, currency, completed, total); err != nil {
			return err
		}
		return do(ctx, tx, "UPDATE orders SET status = 'COMPLETED', updated_at = now() WHERE id = $1", id)
	})
}

// cancel cancels a pending order, or pays a completed one back.
func (w *writer) cancel(ctx context.Context) error {
	id := w.someOrder()
	return w.inTx(ctx, func(tx pgx.Tx) error {
		status, currency, total, err := lockOrder(ctx, tx, id)
		if err != nil {
			return err
		}
		switch {
		case status == pending:
			return do(ctx, tx, "UPDATE orders SET status = 'CANCELLED', updated_at = now() WHERE id = $1", id)
		case status == completed && total > 0:
			if err := insertPayment(ctx, tx, id, currency, refunded, total); err != nil {
				return err
			}
			after := [...]string{cancelled, refunded}[w.rng.IntN(2)]
			return do(ctx, tx, "UPDATE orders SET status = $2, updated_at = now() WHERE id = $1", id, after)
		default:
			return errNothingThere
		}
	})
}

// moveStock sells some of a product or takes some in.
func (w *writer) moveStock(ctx context.Context) error {
	id := w.unreserved("p", w.truth.Products)
	return w.inTx(ctx, func(tx pgx.Tx) error {
		stock, err := lockProduct(ctx, tx, id)
		if err != nil {
			return err
		}
		quantity, reason := -1-w.rng.IntN(3), "SALE"
		if stock < 10 {
			quantity, reason = 40, "RECEIPT"
		}
		if err := insertMovement(ctx, tx, id, reason, quantity); err != nil {
			return err
		}
		return do(ctx, tx, "UPDATE products SET stock_quantity = $2, version = version + 1, updated_at = now() WHERE id = $1", id, stock+quantity)
	})
}

// takeStock replaces all movements of a product by one, which leaves its stock as it is.
func (w *writer) takeStock(ctx context.Context) error {
	id := w.unreserved("p", w.truth.Products)
	return w.inTx(ctx, func(tx pgx.Tx) error {
		stock, err := lockProduct(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := do(ctx, tx, "DELETE FROM inventory WHERE product_id = $1", id); err != nil {
			return err
		}
		return insertMovement(ctx, tx, id, "ADJUSTMENT", stock)
	})
}

func insertMovement(ctx context.Context, tx pgx.Tx, product, reason string, quantity int) error {
	return do(ctx, tx, "INSERT INTO inventory (id, product_id, quantity, reason) VALUES ($1, $2, $3, $4)",
		"m"+strconv.Itoa(freshNumber()), product, quantity, reason)
}

func lockProduct(ctx context.Context, tx pgx.Tx, id string) (stock int, err error) {
	err = tx.QueryRow(ctx, "SELECT stock_quantity FROM products WHERE id = $1 FOR UPDATE", id).Scan(&stock)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, errNothingThere
	}
	if err != nil {
		return 0, fmt.Errorf("lock product: %w", err)
	}
	return stock, nil
}

// delete deletes a whole order with its children: now and then one that the shop was made with, mostly the oldest
// of ours.
func (w *writer) delete(ctx context.Context) error {
	if w.rng.IntN(4) == 0 {
		err := w.deleteOrder(ctx, w.unreserved("o", w.truth.Orders))
		if !errors.Is(err, errNothingThere) {
			return err
		}
	}
	id, enough := w.oldest()
	if !enough {
		return errNothingThere
	}
	return w.deleteOrder(ctx, id)
}

func (w *writer) deleteOrder(ctx context.Context, id string) error {
	return w.inTx(ctx, func(tx pgx.Tx) error {
		if _, _, _, err := lockOrder(ctx, tx, id); err != nil {
			return err
		}
		for _, sql := range []string{
			"DELETE FROM payments WHERE order_id = $1", "DELETE FROM order_items WHERE order_id = $1", "DELETE FROM orders WHERE id = $1",
		} {
			if err := do(ctx, tx, sql, id); err != nil {
				return err
			}
		}
		return nil
	})
}

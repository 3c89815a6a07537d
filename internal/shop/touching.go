package shop

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// How the writers rewrite rows without changing anything that matters: the row gets a new place in the table, so
// that a scan by place may meet it twice or not at all.

// touch is one row to be rewritten.
type touch struct{ table, key string }

// touchSQL says for each table what may change: never a column that a check looks at, nor a time that tells since
// when a row is wrong.
func touchSQL(table string) (sql string, ok bool) {
	sql, ok = map[string]string{
		"customers":     "UPDATE customers SET updated_at = now() WHERE id = ANY ($1)",
		"products":      "UPDATE products SET version = version + 1 WHERE id = ANY ($1)",
		"inventory":     "UPDATE inventory SET reason = reason WHERE id = ANY ($1)",
		"orders":        "UPDATE orders SET updated_at = now() WHERE id = ANY ($1)",
		"order_items":   "UPDATE order_items SET created_at = created_at WHERE id = ANY ($1)",
		"payments":      "UPDATE payments SET updated_at = now() WHERE id = ANY ($1)",
		"domain_events": "UPDATE domain_events SET event_type = event_type WHERE event_id = ANY ($1)",
	}[table]
	return sql, ok
}

// touchPlanted rewrites some planted rows, defects as well as look-alikes.
func (w *writer) touchPlanted(ctx context.Context) error {
	if len(w.touches) == 0 {
		return errNothingThere
	}
	keys := map[string][]string{}
	for range 10 {
		t := w.touches[w.rng.IntN(len(w.touches))]
		keys[t.table] = append(keys[t.table], t.key)
	}
	for table, list := range keys {
		sql, known := touchSQL(table)
		if !known {
			return fmt.Errorf("do not know how to touch %s", table)
		}
		if err := do(ctx, w.conn, sql, list); err != nil {
			return fmt.Errorf("touch %s: %w", table, err)
		}
	}
	return nil
}

// touchOthers rewrites an ordinary order with all its children, a customer and a product.
func (w *writer) touchOthers(ctx context.Context) error {
	order, buyer, product := w.someOrder(), w.unreserved("c", w.truth.Customers), w.unreserved("p", w.truth.Products)
	return w.inTx(ctx, func(tx pgx.Tx) error {
		if _, _, _, err := lockOrder(ctx, tx, order); err != nil {
			return err
		}
		for sql, id := range map[string]string{
			"UPDATE orders SET updated_at = now(), note = coalesce(note, 'left at the door') WHERE id = $1": order,
			"UPDATE order_items SET created_at = created_at WHERE order_id = $1":                            order,
			"UPDATE payments SET updated_at = now() WHERE order_id = $1":                                    order,
			"UPDATE customers SET updated_at = now() WHERE id = $1":                                         buyer,
			"UPDATE products SET version = version + 1 WHERE id = $1":                                       product,
		} {
			if err := do(ctx, tx, sql, id); err != nil {
				return fmt.Errorf("touch: %w", err)
			}
		}
		return nil
	})
}

package shop_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/shop"
)

// oracle says once more, in the plainest SQL there is and without any of the generator's knowledge, which keys a
// check must report: key, class, money at stake, time. Slow and obviously right.
var oracle = map[string]string{
	shop.OrphanedOrders: `
		SELECT o.id, '', o.total_amount::text, o.created_at FROM orders o
		WHERE o.customer_id IS NOT NULL AND (SELECT count(*) FROM customers c WHERE c.id = o.customer_id) = 0
		  AND o.created_at <= $1::timestamptz - interval '10 minutes'`,

	shop.DuplicateEmails: `
		SELECT younger.id,
		       CASE WHEN (kept.name, kept.phone) IS NOT DISTINCT FROM (younger.name, younger.phone) THEN 'duplicate' ELSE 'conflict' END,
		       '0', younger.created_at
		FROM customers younger
		JOIN customers kept ON kept.id = (SELECT c.id FROM customers c WHERE c.email = younger.email ORDER BY c.created_at, c.id LIMIT 1)
		WHERE kept.id <> younger.id`,

	shop.OrderTotals: `
		SELECT id, '', abs(coalesce(total_amount, 0) - expected)::text, created_at
		FROM (SELECT o.*, coalesce((SELECT sum(i.quantity * i.unit_price) FROM order_items i WHERE i.order_id = o.id), 0) AS expected
		      FROM orders o) judged
		WHERE total_amount IS NULL OR total_amount < expected - 0.01 OR total_amount > expected + 0.01`,

	shop.ProductStock: `
		SELECT id, '', '0', updated_at
		FROM (SELECT p.*, (SELECT coalesce(sum(m.quantity), 0) FROM inventory m WHERE m.product_id = p.id) AS expected
		      FROM products p) judged
		WHERE stock_quantity IS NULL OR stock_quantity <> expected`,

	shop.OrderPayments: `
		SELECT id,
		       CASE WHEN status = 'PENDING' THEN 'paid_but_pending'
		            WHEN status = 'CANCELLED' THEN 'paid_but_cancelled'
		            WHEN net = 0 AND foreign_money > 0 THEN 'wrong_currency'
		            WHEN net = 0 THEN 'unpaid'
		            WHEN net < due THEN 'underpaid'
		            WHEN net = 2 * due AND captures = 2 THEN 'paid_twice'
		            ELSE 'overpaid' END,
		       abs(net - due)::text, created_at
		FROM (SELECT o.*,
		             CASE WHEN o.status = 'COMPLETED' THEN o.total_amount ELSE 0 END AS due,
		             (SELECT coalesce(sum(p.amount), 0) FROM payments p WHERE p.order_id = o.id AND p.currency = o.currency AND p.status = 'COMPLETED')
		           - (SELECT coalesce(sum(p.amount), 0) FROM payments p WHERE p.order_id = o.id AND p.currency = o.currency AND p.status = 'REFUNDED') AS net,
		             (SELECT count(*) FROM payments p WHERE p.order_id = o.id AND p.status = 'COMPLETED') AS captures,
		             (SELECT count(*) FROM payments p WHERE p.order_id = o.id AND p.currency <> o.currency AND p.status = 'COMPLETED') AS foreign_money
		      FROM orders o WHERE o.created_at <= $1::timestamptz - interval '10 minutes' AND o.total_amount IS NOT NULL) judged
		WHERE net <> due OR foreign_money > 0`,

	shop.PaidNotCompleted: `
		SELECT id, '', held::text, created_at
		FROM (SELECT o.*, (SELECT coalesce(sum(CASE p.status WHEN 'COMPLETED' THEN p.amount WHEN 'REFUNDED' THEN -p.amount ELSE 0 END), 0)
		                   FROM payments p WHERE p.order_id = o.id) AS held FROM orders o) judged
		WHERE status IN ('PENDING', 'CANCELLED') AND held > 0 AND created_at <= $1::timestamptz - interval '10 minutes'`,

	shop.PaymentsWithoutOrder: `
		SELECT id, '', amount::text, created_at FROM payments p
		WHERE order_id IS NOT NULL AND (SELECT count(*) FROM orders o WHERE o.id = p.order_id) = 0`,

	shop.ItemsWithoutOrder: `
		SELECT id, '', '0', created_at FROM order_items i
		WHERE order_id IS NOT NULL AND (SELECT count(*) FROM orders o WHERE o.id = i.order_id) = 0`,

	shop.ItemsWithoutProduct: `
		SELECT id, '', '0', created_at FROM order_items i
		WHERE product_id IS NOT NULL AND (SELECT count(*) FROM products p WHERE p.id = i.product_id) = 0`,

	shop.NegativeStock:  `SELECT id, '', '0', updated_at FROM products WHERE stock_quantity < 0`,
	shop.NegativeTotals: `SELECT id, '', '0', created_at FROM orders WHERE total_amount < 0`,

	shop.ForeignKeys: `
		SELECT id, '', '0', created_at FROM inventory m WHERE (SELECT count(*) FROM products p WHERE p.id = m.product_id) = 0
		UNION ALL SELECT id, '', '0', created_at FROM customers c
			WHERE referred_by IS NOT NULL AND (SELECT count(*) FROM customers r WHERE r.id = c.referred_by) = 0
		UNION ALL SELECT id, '', '0', created_at FROM payments b
			WHERE refund_of IS NOT NULL AND (SELECT count(*) FROM payments p WHERE p.id = b.refund_of) = 0
		UNION ALL SELECT event_id, '', '0', occurred_at FROM domain_events e
			WHERE cause_version IS NOT NULL AND (SELECT count(*) FROM domain_events c
				WHERE c.aggregate_id = e.aggregate_id AND c.version = e.cause_version) = 0
		UNION ALL SELECT conname, '', '0', NULL FROM pg_constraint WHERE contype = 'f' AND NOT convalidated`,
}

type verdict struct {
	Class string
	Money shop.Amount
}

// judge asks the oracle about one check.
func judge(ctx context.Context, t *testing.T, conn *pgx.Conn, check string, now time.Time) (found map[string]verdict, first, last time.Time) {
	t.Helper()
	sql, known := oracle[check]
	if !known {
		t.Fatalf("the oracle does not know %s", check)
	}
	var args []any
	if check == shop.OrphanedOrders || check == shop.OrderPayments || check == shop.PaidNotCompleted {
		args = append(args, now)
	}
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found = map[string]verdict{}
	for rows.Next() {
		var key, class, money string
		var at *time.Time
		if err := rows.Scan(&key, &class, &money, &at); err != nil {
			t.Fatal(err)
		}
		amount, err := shop.ParseAmount(money)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := found[key]; twice {
			t.Errorf("%s: the oracle found %q twice", check, key)
		}
		found[key] = verdict{Class: class, Money: amount}
		if at != nil && (first.IsZero() || at.Before(first)) {
			first = *at
		}
		if at != nil && at.After(last) {
			last = *at
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found, first, last
}

// agree fails the test unless truth and data say the same about every check, in both directions.
func agree(t *testing.T, conn *pgx.Conn, truth *shop.Truth, now time.Time) {
	t.Helper()
	truth = truth.At(now)
	for check := range oracle {
		ctx := bounded(t, time.Minute)
		found, first, last := judge(ctx, t, conn, check, now)
		gotClass, wantClass := map[string]string{}, map[string]string{}
		var money shop.Amount
		for key, v := range found {
			gotClass[key] = v.Class
			money += v.Money
		}
		for key, p := range truth.Defects(check) {
			wantClass[key] = p.Class
		}
		if diff := cmp.Diff(wantClass, gotClass); diff != "" {
			t.Errorf("%s: planted (-) and found (+):\n%s", check, diff)
			continue
		}
		for key, p := range truth.Innocents(check) {
			if _, reported := found[key]; reported {
				t.Errorf("%s: the innocent %q (%s) is reported", check, key, p.Kind)
			}
		}
		if want := truth.Money(check); money != want {
			t.Errorf("%s: %s at stake, the truth says %s", check, money, want)
		}
		if wantFirst, wantLast := truth.Times(check); !first.Equal(wantFirst) || !last.Equal(wantLast) {
			t.Errorf("%s: bad from %s to %s, the truth says %s to %s", check, first, last, wantFirst, wantLast)
		}
	}
}

func TestTruthAndDataAgree(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opt  shop.Options
	}{
		{"the default", shop.Options{}},
		{"the smallest", shop.Options{Orders: 1000, Seed: 1}},
		{"an odd size", shop.Options{Orders: 1733, Seed: -2}},
		{"items all over the table", shop.Options{Orders: 3001, Seed: 3, Unclustered: true}},
		{"another seed", shop.Options{Seed: 1 << 62}},
		{"without what is innocent for a while", shop.Options{Seed: 5, Plant: shop.PlantLasting}},
		{"without hostile texts", shop.Options{Seed: 8, Plain: true}},
		{"nothing planted", shop.Options{Seed: 6, Plant: shop.PlantNone}},
		{"another time", shop.Options{Seed: 7, Now: time.Date(2025, 10, 25, 10, 0, 0, 0, time.UTC)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dsn, truth := generate(t, tt.opt)
			conn := connect(t, dsn)
			agree(t, conn, truth, truth.Now)
			agree(t, conn, truth, truth.Now.Add(24*time.Hour))
			if tt.opt.Plant != shop.PlantNone {
				if diff := cmp.Diff(slices.Sorted(maps.Keys(oracle)), truth.Checks()); diff != "" {
					t.Errorf("checks of the oracle (-) and of the truth (+):\n%s", diff)
				}
			}
		})
	}
}

// The oracle would be worth nothing if it only repeated the truth: it must notice what nobody planted.
func TestOracleNoticesWhatWasNotPlanted(t *testing.T) {
	damage := map[string]string{
		shop.OrphanedOrders:       "DELETE FROM customers WHERE id = (SELECT min(customer_id) FROM orders o WHERE EXISTS (SELECT FROM customers c WHERE c.id = o.customer_id) AND NOT EXISTS (SELECT FROM customers r WHERE r.referred_by = o.customer_id))",
		shop.DuplicateEmails:      "UPDATE customers SET email = (SELECT max(email) FROM customers) WHERE id = (SELECT min(id) FROM customers)",
		shop.OrderTotals:          "UPDATE orders SET total_amount = total_amount + 1 WHERE id = (SELECT min(id) FROM orders)",
		shop.ProductStock:         "UPDATE products SET stock_quantity = stock_quantity + 1 WHERE id = (SELECT min(id) FROM products)",
		shop.OrderPayments:        "UPDATE payments SET amount = amount + 1 WHERE id = (SELECT min(id) FROM payments WHERE status = 'COMPLETED')",
		shop.PaidNotCompleted:     "UPDATE orders SET status = 'PENDING' WHERE id = (SELECT min(id) FROM orders WHERE status = 'COMPLETED')",
		shop.PaymentsWithoutOrder: "UPDATE payments SET order_id = 'gone' WHERE id = (SELECT min(id) FROM payments)",
		shop.ItemsWithoutOrder:    "UPDATE order_items SET order_id = 'gone' WHERE id = (SELECT min(id) FROM order_items)",
		shop.ItemsWithoutProduct:  "UPDATE order_items SET product_id = 'gone' WHERE id = (SELECT min(id) FROM order_items)",
		shop.NegativeStock:        "UPDATE products SET stock_quantity = -1 WHERE id = (SELECT min(id) FROM products)",
		shop.NegativeTotals:       "UPDATE orders SET total_amount = -1 WHERE id = (SELECT min(id) FROM orders)",
		shop.ForeignKeys:          "SET session_replication_role = replica; UPDATE customers SET referred_by = 'gone' WHERE id = (SELECT min(id) FROM customers)",
	}
	dsn, _ := generate(t, shop.Options{Orders: 1000, Seed: 9, Plant: shop.PlantNone})
	conn := connect(t, dsn)
	for check := range oracle {
		t.Run(check, func(t *testing.T) {
			ctx := bounded(t, time.Minute)
			tx, err := conn.Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback(ctx) }()
			if _, err := conn.PgConn().Exec(ctx, damage[check]).ReadAll(); err != nil {
				t.Fatal(err)
			}
			if found, _, _ := judge(ctx, t, conn, check, clock(t, conn)); len(found) == 0 {
				t.Error("the oracle finds nothing wrong after the damage")
			}
		})
	}
}

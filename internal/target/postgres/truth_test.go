package postgres

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/shop"
)

// rowChecks are the shop's checks of the kinds that judge rows one by one.
func rowChecks() map[string]struct{ kind, words string } {
	return map[string]struct{ kind, words string }{
		shop.OrphanedOrders:       {"orphans", `{table: orders, column: customer_id, parent: customers, time: created_at, min_age: 10m, money: total_amount, currency_column: currency}`},
		shop.DuplicateEmails:      {"duplicates", `{table: customers, columns: [email], time: created_at}`},
		shop.PaymentsWithoutOrder: {"orphans", `{table: payments, column: order_id, parent: orders, time: created_at, money: amount, currency_column: currency}`},
		shop.ItemsWithoutOrder:    {"orphans", `{table: order_items, column: order_id, parent: orders}`},
		shop.ItemsWithoutProduct:  {"orphans", `{table: order_items, column: product_id, parent: products}`},
		shop.NegativeStock:        {"rows", `{table: products, wrong: "stock_quantity < 0", time: updated_at}`},
		shop.NegativeTotals:       {"rows", `{table: orders, wrong: "total_amount < 0", time: created_at}`},
		shop.ForeignKeys:          {"foreign-keys", `{time: created_at}`},
		shop.PaidNotCompleted: {"query", `
sql: |
  SELECT o.id, o.status, o.currency, o.created_at,
         sum(p.amount) FILTER (WHERE p.status = 'COMPLETED') - coalesce(sum(p.amount) FILTER (WHERE p.status = 'REFUNDED'), 0) AS held
  FROM orders o JOIN payments p ON p.order_id = o.id
  WHERE o.status IN ('PENDING', 'CANCELLED') AND o.created_at <= now() - interval '10 min'
  GROUP BY o.id
  HAVING sum(p.amount) FILTER (WHERE p.status = 'COMPLETED') > coalesce(sum(p.amount) FILTER (WHERE p.status = 'REFUNDED'), 0)
money: held
currency_column: currency
time: created_at
of: orders`},
	}
}

// planted makes a shop with everything wrong in it that can be, or only what
// stays as it is.
func planted(t *testing.T, plant shop.Planting) (string, *shop.Truth) {
	t.Helper()
	dsn := pgtest.Database(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	truth, err := shop.Generate(ctx, dsn, shop.Options{Seed: 7, Plant: plant})
	if err != nil {
		t.Fatal(err)
	}
	return dsn, truth
}

// TestTruth runs the checks on the shop: they find all that was planted, and
// nothing else.
func TestTruth(t *testing.T) {
	t.Parallel()
	dsn, truth := planted(t, shop.PlantAll)
	o := brisk(dsn)
	o.chunkRows = 400
	target := open(t, o)
	for name, c := range rowChecks() {
		for mode, opts := range modes() {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				rec, result := detect(t, declareCheck(t, c.kind, c.words).Detector(target), opts)
				if result.Scanned == 0 {
					t.Error("nothing was scanned")
				}
				judgeTruth(t, truth, name, rec.saved)
			})
		}
	}
}

func judgeTruth(t *testing.T, truth *shop.Truth, name string, found []check.Row) {
	t.Helper()
	var got []string
	money := decimal.Zero
	var first, last time.Time
	for _, row := range found {
		got = append(got, row.Key[0])
		if row.Money.Valid {
			money = money.Add(row.Money.Decimal)
		}
		if !row.At.IsZero() && (first.IsZero() || row.At.Before(first)) {
			first = row.At
		}
		if row.At.After(last) {
			last = row.At
		}
	}
	want := slices.Sorted(maps.Keys(truth.Defects(name)))
	if diff := cmp.Diff(want, sorted(got)); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	if want := truth.Money(name).String(); want != money.StringFixed(2) && money.IsPositive() {
		t.Errorf("money at stake %s, want %s", money.StringFixed(2), want)
	}
	wantFirst, wantLast := truth.Times(name)
	if !first.IsZero() && (!first.Equal(wantFirst) || !last.Equal(wantLast)) {
		t.Errorf("from %s to %s, want %s to %s", first, last, wantFirst, wantLast)
	}
}

// TestTruthUnderWriters has others insert, move, break and repair rows all the
// while. What was wrong before and still is must be found, and nothing that was
// ever right for longer than a moment.
func TestTruthUnderWriters(t *testing.T) {
	t.Parallel()
	dsn, truth := planted(t, shop.PlantLasting)
	o := brisk(dsn)
	o.chunkRows, o.SecondLook = 150, 250*time.Millisecond // as in production
	target := open(t, o)
	stop := writers(t, dsn)
	defer stop()
	for name, c := range rowChecks() {
		for mode, opts := range modes() {
			rec, _ := detect(t, declareCheck(t, c.kind, c.words).Detector(target), opts)
			var got []string
			for _, row := range rec.saved {
				got = append(got, row.Key[0])
			}
			want := slices.Sorted(maps.Keys(truth.Defects(name)))
			if diff := cmp.Diff(want, sorted(got)); diff != "" {
				t.Errorf("%s, %s: found (-want +got):\n%s", name, mode, diff)
			}
		}
	}
}

// writers change a shop until stop is called. Each statement leaves every check
// with the rows it had: defective rows are rewritten, so that they move, and
// new rows are in flight for a few milliseconds. Each time around they are other
// rows (#): one that is wrong at every look is wrong.
func writers(t *testing.T, dsn string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for _, script := range [][]string{
		{ // every row moves, the wrong ones too, by an update that changes no fact
			"UPDATE orders SET updated_at = clock_timestamp() WHERE id IN (SELECT id FROM orders ORDER BY random() LIMIT 150)",
			"UPDATE customers SET updated_at = clock_timestamp() WHERE id IN (SELECT id FROM customers ORDER BY random() LIMIT 60)",
			"UPDATE payments SET updated_at = clock_timestamp() WHERE id IN (SELECT id FROM payments ORDER BY random() LIMIT 100)",
			"UPDATE order_items SET quantity = quantity WHERE id IN (SELECT id FROM order_items ORDER BY random() LIMIT 200)",
			"UPDATE products SET updated_at = clock_timestamp() WHERE id IN (SELECT id FROM products ORDER BY random() LIMIT 30)",
		},
		{ // a child that arrives before its parent
			"INSERT INTO order_items (id, order_id, product_id, quantity, unit_price) VALUES ('w-item#', 'w-order#', NULL, 1, 5)",
			"INSERT INTO orders (id, customer_id, status, currency, total_amount, created_at) VALUES ('w-order#', NULL, 'PENDING', 'USD', 5, now() - interval '1 day')",
			"DELETE FROM order_items WHERE id = 'w-item#'", "DELETE FROM orders WHERE id = 'w-order#'",
		},
		{ // an email that is changed after the fact, a stock that dips below zero
			"INSERT INTO customers (id, email, name) SELECT 'w-customer#', email, 'W' FROM customers WHERE email LIKE '%@%' LIMIT 1",
			"UPDATE customers SET email = 'w-customer#@example.com' WHERE id = 'w-customer#'", "DELETE FROM customers WHERE id = 'w-customer#'",
			"INSERT INTO products (id, name, price, stock_quantity) VALUES ('w-product#', 'W', 1, -1)", "DELETE FROM products WHERE id = 'w-product#'",
		},
	} {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			defer func() { _ = conn.Close(context.Background()) }()
			for i := 0; ctx.Err() == nil; i++ {
				sql := strings.ReplaceAll(script[i%len(script)], "#", strconv.Itoa(i/len(script)))
				if _, err := conn.Exec(ctx, sql); err != nil && ctx.Err() == nil {
					t.Errorf("writer: %v", err)
					return
				}
				time.Sleep(5 * time.Millisecond) // a shop writes all the time, not as fast as it can
			}
		}()
	}
	return func() { cancel(); wait.Wait() }
}

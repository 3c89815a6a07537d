package postgres

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/shop"
)

// shopLedgers are the shop's checks of the kinds totals and match.
func shopLedgers() map[string]struct{ kind, words string } {
	return map[string]struct{ kind, words string }{
		shop.OrderTotals: {"totals", `
table: orders
column: total_amount
rows: {table: order_items, key: order_id, sum: quantity * unit_price}
tolerance: 1
time: created_at
currency_column: currency`},
		shop.ProductStock: {"totals", `
table: products
column: stock_quantity
rows: {table: inventory, key: product_id, sum: quantity}
tolerance: 0
scale: 0
time: updated_at`},
		shop.OrderPayments: {"match", `
left:
  table: orders
  key: id
  amount: total_amount
  currency: currency
  expect: status = 'COMPLETED'
  forbid:
    paid_but_pending: status = 'PENDING'
    paid_but_cancelled: status = 'CANCELLED'
    paid_but_refunded: status = 'REFUNDED'
  time: created_at
right:
  table: payments
  key: order_id
  amount: amount
  currency: currency
  add: status = 'COMPLETED'
  subtract: status = 'REFUNDED'
  time: created_at
tolerance: 0
min_age: 10m`},
	}
}

// TestShopLedgers finds all that was planted, in its class and with its money,
// and nothing else, by every plan.
func TestShopLedgers(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	truth, err := shop.Generate(ctx, l.dsn, shop.Options{Seed: 11, Unclustered: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range shopLedgers() {
		d := declareLedger(t, c.kind, c.words)
		want := []string{}
		for key, plant := range truth.Defects(name) {
			want = append(want, key+" "+plant.Class)
		}
		slices.Sort(want)
		planted, err := decimal.NewFromString(truth.Money(name).String())
		if err != nil {
			t.Fatal(err)
		}
		for way, limits := range ways() {
			for _, full := range []bool{false, true} {
				n, result := l.run(withLimits(t, d, l.target, limits), check.Options{Full: full})
				got, money := []string{}, decimal.Zero
				for _, r := range n.saved {
					if name != shop.OrderPayments {
						r.Class = ""
					}
					got = append(got, r.Key[0]+" "+r.Class)
					money = money.Add(r.Money.Decimal)
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s, full %t: (-want +got)\n%s", name, way, full, diff)
				}
				if !money.Equal(planted) {
					t.Errorf("%s, %s, full %t: money %s, want %s", name, way, full, money, planted)
				}
				if result.Scanned == 0 {
					t.Errorf("%s, %s: nothing was scanned", name, way)
				}
			}
		}
	}
}

package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/check"
)

func TestSketchSurvivesACursor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := newSketch(1 << rapid.IntRange(0, 6).Draw(t, "size"))
		for i := range k.sums {
			digits := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "digits"))
			if rapid.Bool().Draw(t, "negative") {
				digits.Neg(digits)
			}
			k.sums[i] = decimal.NewFromBigInt(digits, rapid.Int32Range(-20, 3).Draw(t, "exponent"))
			k.lit[i] = rapid.Bool().Draw(t, "lit")
		}
		data, err := k.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var back sketch
		if err := back.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		for i := range k.sums {
			if !back.sums[i].Equal(k.sums[i]) || back.lit[i] != k.lit[i] {
				t.Fatalf("bucket %d: %s %t became %s %t", i, k.sums[i], k.lit[i], back.sums[i], back.lit[i])
			}
		}
		for cut := range data {
			if err := new(sketch).UnmarshalBinary(data[:cut]); err == nil {
				t.Fatalf("a cursor cut at %d of %d bytes was taken for whole", cut, len(data))
			}
		}
	})
}

func TestWeighted(t *testing.T) {
	t.Parallel()
	table := &Table{Columns: []Column{
		{Name: "quantity", Type: "integer"},
		{Name: "price", Type: "numeric"},
		{Name: "rate", Type: "numeric"},
		{Name: "big", Type: "bigint"},
		{Name: "ratio", Type: "double precision"},
	}}
	for _, tc := range []struct{ name, amount, want string }{
		{"a product of an integer and a numeric", "quantity * price", "w * quantity * price"},
		{"three factors", "Quantity*price * rate", "w * Quantity*price * rate"},
		{"one numeric", "price", "w * price"},
		{"one integer", "quantity", "w * quantity"},
		{"two integers could overflow", "quantity * quantity", "w::numeric * (quantity * quantity)::numeric"},
		{"a bigint could overflow", "big", "w::numeric * (big)::numeric"},
		{"floating point", "quantity * ratio", "w::numeric * (quantity * ratio)::numeric"},
		{"a sum", "price + rate", "w::numeric * (price + rate)::numeric"},
		{"a function", "round(price)", "w::numeric * (round(price))::numeric"},
		{"an unknown column", "quantity * prize", "w::numeric * (quantity * prize)::numeric"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := &ledger{table: table, amount: tc.amount}
			if got := l.weighted("w"); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// A model of order-payments and order-totals in Go, against random shops.
type modelOrder struct {
	state           int // 0 expected, 1 forbidden, 2 neither
	total           int64
	null            bool
	euro            bool
	items           []int64
	paid, back, eur int64 // in cents
	pays            int
}

func drawOrder(t *rapid.T) modelOrder {
	small := rapid.Int64Range(-3, 6)
	o := modelOrder{
		state: rapid.IntRange(0, 2).Draw(t, "state"), total: rapid.Int64Range(0, 8).Draw(t, "total"),
		null: rapid.IntRange(0, 9).Draw(t, "null") == 0, euro: rapid.IntRange(0, 5).Draw(t, "euro") == 0,
		items: rapid.SliceOfN(small, 0, 4).Draw(t, "items"),
	}
	if rapid.Bool().Draw(t, "sound") {
		o.null, o.total = false, 0
		for _, i := range o.items {
			o.total += i
		}
	}
	return o
}

func TestTotalsAgainstAModel(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, totalsSchema)
	d := declareLedger(t, "totals", orderTotals)
	rapid.Check(t, func(rt *rapid.T) {
		orders := rapid.SliceOfN(rapid.Custom(drawOrder), 0, 12).Draw(rt, "orders")
		sql := "TRUNCATE orders, items;"
		want := []string{}
		for i, o := range orders {
			id := fmt.Sprintf("o%d", i)
			total, sum := fmt.Sprintf("%d / 100.0", o.total), int64(0)
			if o.null {
				total = "NULL"
			}
			items := []string{}
			for _, cents := range o.items {
				items = append(items, fmt.Sprintf("1*%d / 100.0", cents))
				sum += cents
			}
			sql += goods(id, total, items...)
			switch off := o.total - sum; {
			case o.null:
				want = append(want, "null "+id)
			case off < -1 || off > 1:
				class := "differs"
				if len(items) == 0 {
					class = "no rows"
				}
				want = append(want, class+" "+id)
			}
		}
		for range rapid.IntRange(0, 3).Draw(rt, "strays") {
			sql += "INSERT INTO items (order_id, quantity, unit_price) VALUES ('gone', 1, 0.04), (NULL, 1, 1);"
		}
		l.exec(sql)
		slices.Sort(want)
		compareWays(rt, l, d, want, int64(len(orders)))
	})
}

func TestMatchAgainstAModel(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, matchSchema)
	d := declareLedger(t, "match", orderPayments)
	rapid.Check(t, func(rt *rapid.T) {
		orders := rapid.SliceOfN(rapid.Custom(drawOrder), 0, 10).Draw(rt, "orders")
		sql, want, judged := "TRUNCATE orders, payments;", []string{}, int64(0)
		for i, o := range orders {
			id := fmt.Sprintf("o%d", i)
			o.total = max(o.total, 0)
			currency, other := "USD", "EUR"
			if o.euro {
				currency, other = other, currency
			}
			total := fmt.Sprint(o.total)
			if o.null {
				total = "NULL"
			}
			sql += order(id, []string{"COMPLETED", "CANCELLED", "REFUNDED"}[o.state]+" "+total+" "+currency)
			for range rapid.IntRange(0, 3).Draw(rt, "payments") {
				cents := rapid.SampledFrom([]int64{o.total, o.total, 1, 2}).Draw(rt, "amount")
				kind := rapid.SampledFrom([]string{"COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "REFUNDED"}).Draw(rt, "kind")
				in := rapid.SampledFrom([]string{currency, currency, currency, other}).Draw(rt, "in")
				sql += payment("'"+id+"'", fmt.Sprintf("%s %d %s", kind, cents, in))
				switch {
				case kind == "FAILED":
				case kind == "REFUNDED" && in == currency:
					o.back += cents
				case kind == "REFUNDED":
					o.eur -= cents
				case in == currency:
					o.paid += cents
					o.pays++
				default:
					o.eur += cents
				}
			}
			if o.state != 2 {
				judged++
			}
			if class := o.matchClass(); class != "" {
				want = append(want, class+" "+id)
			}
		}
		l.exec(sql)
		slices.Sort(want)
		compareWays(rt, l, d, want, judged)
	})
}

// matchClass is the meaning of match, written a second time; amounts are whole
// and so far beyond the tolerance of a cent.
func (o modelOrder) matchClass() string {
	net := o.paid - o.back
	switch {
	case o.state == 2:
	case o.state == 1 && (net != 0 || o.eur != 0):
		return "paid_but_cancelled"
	case o.state == 1:
	case o.null:
		return "no_amount"
	case o.eur != 0:
		return "wrong_currency"
	case net == o.total:
	case net > o.total && o.pays > 1 && o.total > 0 && net%o.total == 0:
		return "paid_twice"
	case net > o.total:
		return "overpaid"
	case net <= 0 && o.total > 0:
		return "unpaid"
	default:
		return "underpaid"
	}
	return ""
}

// compareWays runs a check by every plan and wants the same of all.
func compareWays(rt *rapid.T, l *ledgerTest, d Declaration, want []string, scanned int64) {
	for name, limits := range ways() {
		n := &notebook{}
		result, err := withLimits(l.t, d, l.target, limits).Detect(context.Background(), check.Options{Full: true}, nil, n)
		if err != nil {
			rt.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, n.verdicts()); diff != "" {
			rt.Fatalf("%s: (-want +got)\n%s", name, diff)
		}
		if result.Scanned != scanned {
			rt.Fatalf("%s: scanned %d, want %d", name, result.Scanned, scanned)
		}
	}
}

// wideShop is a shop of a few thousand orders, items out of order, with one
// order in fifty wrong, one in twenty wrong within the tolerance, and strays.
const wideShop = totalsSchema + `
INSERT INTO orders (id, total) SELECT 'o' || i, 30 + CASE WHEN i % 50 = 0 THEN 5 WHEN i % 20 = 1 THEN 0.01 ELSE 0 END FROM generate_series(1, 3000) i;
INSERT INTO items (order_id, quantity, unit_price)
SELECT 'o' || 1 + (i * 7919) % 3000, 1, 10 FROM generate_series(0, 8999) i;
INSERT INTO items (order_id, quantity, unit_price) SELECT 'gone' || i, 1, 10 FROM generate_series(1, 500) i;
ANALYZE;`

// wrongOrders are those of wideShop.
func wrongOrders() []string {
	want := []string{}
	for i := 50; i <= 3000; i += 50 {
		want = append(want, fmt.Sprintf("differs o%d", i))
	}
	slices.Sort(want)
	return want
}

func TestARunGoesOnFromEveryStep(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, wideShop)
	d := declareLedger(t, "totals", orderTotals)
	// Saves after every chunk, and chunks of a few hundred rows.
	target := l.open(Options{SaveEvery: time.Nanosecond, Polite: Polite{StatementTarget: 20 * time.Millisecond, NiceRatio: 0.001}})
	for _, tc := range []struct {
		name, plan string
		step       int // in which the run is killed
		saves      int // of that step before
	}{
		{"key ranges, first chunk", planRanges, 0, 1},
		{"sums of the left side", planSums, 1, 1},
		{"sums of the right side", planSums, 2, 1},
		{"sums of the right side, later", planSums, 2, 2},
		{"taking strays out", planSums, 4, 1},
		{"the exact look", planSums, 5, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			detector := withLimits(t, d, target, limits{plan: tc.plan, buckets: 256, crowded: 2})
			saves := 0
			n := &notebook{refuse: func(last comparisonState) bool {
				if last.Step == tc.step && last.Plan == tc.plan {
					saves++
				}
				return saves >= tc.saves
			}}
			if _, err := detector.Detect(t.Context(), check.Options{}, nil, n); !errors.Is(err, errNotSaved) {
				t.Fatalf("the run was not killed: %v", err)
			}
			if got := n.state(t).Step; got != tc.step {
				t.Fatalf("killed in step %d, want %d", got, tc.step)
			}
			n.refuse, n.unsaved = nil, nil
			result, err := detector.Detect(t.Context(), check.Options{}, n.cursor, n)
			if err != nil {
				t.Fatalf("going on: %v", err)
			}
			if diff := cmp.Diff(wrongOrders(), n.verdicts()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if result.Scanned != 3000 {
				t.Errorf("scanned %d", result.Scanned)
			}
		})
	}
}

func TestManyToleratedDifferencesAreReadExactly(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, wideShop+"UPDATE orders SET total = total + 0.01 WHERE total < 35 AND total = 30; DELETE FROM items WHERE order_id LIKE 'gone%';")
	d := declareLedger(t, "totals", orderTotals)
	n, result := l.run(withLimits(t, d, l.target, limits{plan: planSums, buckets: 256}), check.Options{Full: true})
	if diff := cmp.Diff(wrongOrders(), n.verdicts()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if result.Plan != "bucket sums, then key ranges" || result.Scanned != 3000 || len(result.Notes) != 1 {
		t.Errorf("plan %q, scanned %d, notes %q", result.Plan, result.Scanned, result.Notes)
	}
}

// Not parallel: a transaction that is open anywhere on the server when the run
// begins makes all that was written since count as changed.
func TestStraysDoNotLightBucketsForEver(t *testing.T) { //nolint:paralleltest // see above
	l := newLedgerTest(t, wideShop+"UPDATE orders SET total = 30 WHERE total < 35;")
	d := declareLedger(t, "totals", orderTotals)
	// 500 strays in 1,024 buckets light about two fifths of them.
	n, result := l.run(withLimits(t, d, l.target, limits{plan: planSums, buckets: 1024}), check.Options{Full: true})
	if diff := cmp.Diff(wrongOrders(), n.verdicts()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if result.Plan != planSums {
		t.Errorf("plan %q: the strays were not taken out of the sums", result.Plan)
	}
}

// Not parallel, for the reason of TestStraysDoNotLightBucketsForEver.
func TestWithoutAnIndexOnTheRows(t *testing.T) { //nolint:paralleltest // see above
	l := newLedgerTest(t, strings.Replace(wideShop, "CREATE INDEX ON items (order_id);", "", 1))
	d := declareLedger(t, "totals", orderTotals)
	n, result := l.run(withLimits(t, d, l.target, limits{direct: 1}), check.Options{Full: true})
	if diff := cmp.Diff(wrongOrders(), n.verdicts()); diff != "" || !strings.Contains(strings.Join(result.Notes, ""), "An index on items (order_id)") {
		t.Errorf("notes %q (-want +got)\n%s", result.Notes, diff)
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, wideShop)
	d := declareLedger(t, "totals", orderTotals)
	plan := func(limits limits, opts check.Options) string {
		_, result := l.run(withLimits(t, d, l.target, limits), opts)
		return result.Plan
	}
	if got := plan(limits{}, check.Options{}); got != planDirect {
		t.Errorf("small tables: %s", got)
	}
	if got := plan(limits{direct: 1}, check.Options{}); !strings.HasPrefix(got, planSums) {
		t.Errorf("items in any order: %s", got)
	}
	if got := plan(limits{direct: 1}, check.Options{Since: time.Hour}); got != planRanges {
		t.Errorf("a restricted run: %s", got)
	}
	l.exec("CREATE TABLE sorted AS SELECT * FROM items ORDER BY order_id; DROP TABLE items; ALTER TABLE sorted RENAME TO items; CREATE INDEX ON items (order_id); ANALYZE items;")
	if got := plan(limits{direct: 1}, check.Options{}); got != planRanges {
		t.Errorf("items in the order of their orders: %s", got)
	}
}

func TestARewrittenTableIsReadExactly(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, wideShop)
	d := declareLedger(t, "totals", orderTotals)
	target := l.open(Options{SaveEvery: time.Nanosecond, Polite: Polite{StatementTarget: 20 * time.Millisecond, NiceRatio: 0.001}})
	detector := withLimits(t, d, target, limits{plan: planSums, buckets: 256, crowded: 2})
	n := &notebook{refuse: func(last comparisonState) bool { return last.Step == 2 }}
	if _, err := detector.Detect(t.Context(), check.Options{}, nil, n); !errors.Is(err, errNotSaved) {
		t.Fatal(err)
	}
	l.exec("VACUUM FULL items")
	n.refuse, n.unsaved = nil, nil
	result, err := detector.Detect(t.Context(), check.Options{}, n.cursor, n)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wrongOrders(), n.verdicts()); diff != "" || result.Plan != planRanges {
		t.Errorf("plan %q (-want +got)\n%s", result.Plan, diff)
	}
}

func TestACancelledRunEnds(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, wideShop)
	d := declareLedger(t, "totals", orderTotals)
	for name, limits := range ways() {
		ctx, cancel := context.WithCancel(t.Context())
		n := &notebook{onSave: func(int) { cancel() }}
		target := l.open(Options{SaveEvery: time.Nanosecond, SecondLook: time.Minute})
		began := time.Now()
		time.AfterFunc(300*time.Millisecond, cancel)
		_, err := withLimits(t, d, target, limits).Detect(ctx, check.Options{Full: true}, nil, n)
		if !errors.Is(err, context.Canceled) || time.Since(began) > 10*time.Second {
			t.Errorf("%s: ended with %v after %s", name, err, time.Since(began))
		}
	}
}

// Writers rewrite wrong and right orders all the time, so that rows move behind
// and before the reader, and change orders with their items in transactions.
func TestWritersHideNothingAndAccuseNobody(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, wideShop+"ALTER TABLE orders SET (fillfactor = 40); DELETE FROM items WHERE order_id LIKE 'gone%';")
	l.exec("VACUUM FULL orders")
	d := declareLedger(t, "totals", orderTotals)
	target := l.open(Options{SecondLook: 20 * time.Millisecond, Polite: Polite{StatementTarget: 2 * time.Millisecond, NiceRatio: 0.1, MaxLockWaits: -1}})
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 3 {
		conn := l.connect(ctx)
		writers.Go(func() {
			defer func() { _ = conn.Close(context.Background()) }()
			dice := rand.New(rand.NewPCG(uint64(w), 1))
			for ctx.Err() == nil {
				id := fmt.Sprintf("o%d", 1+dice.IntN(3000))
				if dice.IntN(2) == 0 {
					id = fmt.Sprintf("o%d", 50*(1+dice.IntN(60))) // a wrong one
				}
				// Touched only; or a change that keeps right orders right and wrong ones wrong.
				sql := fmt.Sprintf("UPDATE items SET kind = 'k' || random() WHERE order_id = '%s'; UPDATE orders SET status = 's' || random() WHERE id = '%[1]s'", id)
				switch dice.IntN(3) {
				case 0:
					sql = fmt.Sprintf("UPDATE orders SET total = total + 3 WHERE id = '%s'; INSERT INTO items (order_id, quantity, unit_price) VALUES ('%[1]s', 1, 3)", id)
				case 1:
					sql = fmt.Sprintf("UPDATE orders SET total = total - coalesce((SELECT sum(quantity * unit_price) FROM items WHERE order_id = '%s' AND unit_price = 3), 0) WHERE id = '%[1]s'; DELETE FROM items WHERE order_id = '%[1]s' AND unit_price = 3", id)
				}
				if _, err := conn.Exec(ctx, "BEGIN; SELECT FROM orders WHERE id = '"+id+"' FOR UPDATE; "+sql+"; COMMIT"); err != nil && ctx.Err() == nil {
					t.Errorf("writer: %v", err)
					return
				}
				time.Sleep(2 * time.Millisecond) // a shop writes all the time, not as fast as it can
			}
		})
	}
	for name, limits := range ways() {
		for _, full := range []bool{false, true} {
			n := &notebook{}
			if _, err := withLimits(t, d, target, limits).Detect(ctx, check.Options{Full: full}, nil, n); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(wrongOrders(), n.verdicts()); diff != "" {
				t.Errorf("%s, full %t: (-want +got)\n%s", name, full, diff)
			}
		}
	}
	stop()
	writers.Wait()
}

func TestADamagedCursorIsRefused(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, wideShop)
	d := declareLedger(t, "totals", orderTotals)
	for _, state := range []comparisonState{
		{Now: time.Now(), Plan: "tea leaves"},
		{Now: time.Now(), Plan: planSums, Step: 1, Sketch: []byte{1}},
	} {
		cursor, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Detector(l.target).Detect(t.Context(), check.Options{}, cursor, &notebook{}); err == nil {
			t.Errorf("went on from %s", cursor)
		}
	}
}

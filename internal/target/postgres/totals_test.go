package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
)

const totalsSchema = `
CREATE TABLE orders (id text PRIMARY KEY, status text NOT NULL DEFAULT 'NEW', currency text NOT NULL DEFAULT 'USD',
                     total numeric(19,2), created_at timestamptz NOT NULL DEFAULT '2020-01-01');
CREATE TABLE items (id serial PRIMARY KEY, order_id text, quantity int, unit_price numeric, kind text NOT NULL DEFAULT 'goods');
CREATE INDEX ON items (order_id);
`

const orderTotals = `
table: orders
column: total
rows: {table: items, key: order_id, sum: quantity * unit_price}
tolerance: 1
time: created_at
`

// goods inserts an order with its items, each "quantity*price".
func goods(id, total string, items ...string) string {
	sql := fmt.Sprintf("INSERT INTO orders (id, total) VALUES ('%s', %s);", id, total)
	for _, i := range items {
		quantity, price, _ := strings.Cut(i, "*")
		sql += fmt.Sprintf("INSERT INTO items (order_id, quantity, unit_price) VALUES ('%s', %s, %s);", id, quantity, price)
	}
	return sql
}

func TestTotalsMeaning(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, rows, more string // more: words of the declaration
		want             []string
		scanned          int64
	}{
		{"right totals", goods("a", "30", "3*10") + goods("b", "7.50", "1*5", "1*2.5"), "", []string{}, 2},
		{
			"too high and too low", goods("a", "31", "3*10") + goods("b", "7", "1*5", "1*2.5"), "",
			[]string{"differs a [a 31.00 30 1.00] 1", "differs b [b 7.00 7.5 -0.50] 0.5"},
			2,
		},
		{
			"opposite errors cancel nowhere", goods("a", "31", "3*10") + goods("b", "29", "3*10"), "",
			[]string{"differs a [a 31.00 30 1.00] 1", "differs b [b 29.00 30 -1.00] 1"},
			2,
		},
		{
			"an item moved to another order", goods("a", "30", "1*10") + goods("b", "10", "1*10", "2*10"), "",
			[]string{"differs a [a 30.00 10 20.00] 20", "differs b [b 10.00 30 -20.00] 20"},
			2,
		},
		{"a cent is within the tolerance", goods("a", "30.01", "3*10") + goods("b", "29.99", "3*10") + goods("c", "10", "3*3.3333"), "", []string{}, 3},
		{"two cents are not", goods("a", "30.02", "3*10"), "", []string{"differs a [a 30.02 30 0.02] 0.02"}, 1},
		{"exactly, when the tolerance is 0", goods("a", "30.01", "3*10"), "tolerance: 0", []string{"differs a [a 30.01 30 0.01] 0.01"}, 1},
		{
			"a stored NULL is wrong", goods("a", "NULL", "3*10") + goods("b", "NULL"), "",
			[]string{"null a [a NULL 30 -30] 30", "null b [b NULL 0 0] 0"},
			2,
		},
		{
			"a stored NULL is zero", goods("a", "NULL", "3*10") + goods("b", "NULL"), "null: zero",
			[]string{"differs a [a NULL 30 -30] 30"},
			2,
		},
		{"a stored NULL is ignored", goods("a", "NULL", "3*10") + goods("b", "NULL"), "null: ignore", []string{}, 2},
		{"money without items", goods("a", "12") + goods("b", "0") + goods("c", "0.01"), "", []string{"no rows a [a 12.00 0 12.00] 12"}, 3},
		{"orders without items ignored", goods("a", "12") + goods("b", "1", "2*1"), "empty: ignore", []string{"differs b [b 1.00 2 -1.00] 1"}, 2},
		{"zero with items", goods("a", "0", "1*5"), "", []string{"differs a [a 0.00 5 -5.00] 5"}, 1},
		{
			"negative lines and totals", goods("a", "-5", "1*-5") + goods("b", "4", "1*5", "1*-1") + goods("c", "5", "1*-5"), "",
			[]string{"differs c [c 5.00 -5 10.00] 10"},
			3,
		},
		{
			"items of no order are no totals' business",
			goods("a", "5", "1*5") + "INSERT INTO items (order_id, quantity, unit_price) VALUES ('gone', 1, 9), (NULL, 1, 8);", "",
			[]string{},
			1,
		},
		{"a row whose amount is NULL adds nothing", goods("a", "5", "1*5", "NULL*3"), "", []string{}, 1},
		{
			"only some rows count", goods("a", "5", "1*5") + "INSERT INTO items (order_id, quantity, unit_price, kind) VALUES ('a', 1, 7, 'gift');",
			"rows: {table: items, key: order_id, sum: quantity * unit_price, where: kind = 'goods'}",
			[]string{},
			1,
		},
		{
			"only some orders are judged", goods("a", "6", "1*5") + goods("b", "6", "1*5") + "UPDATE orders SET status = 'DRAFT' WHERE id = 'b';",
			"where: status <> 'DRAFT'",
			[]string{"differs a [a 6.00 5 1.00] 1"},
			1,
		},
		{
			"young orders are not judged", goods("a", "6", "1*5") + goods("b", "6", "1*5") + "UPDATE orders SET created_at = now() WHERE id = 'b';",
			"min_age: 10m",
			[]string{"differs a [a 6.00 5 1.00] 1"},
			1,
		},
		{
			"money in the row's currency", goods("a", "6", "1*5") + "UPDATE orders SET currency = 'EUR';",
			"currency_column: currency",
			[]string{"differs a [a 6.00 5 1.00] 1EUR"},
			1,
		},
		{
			"more digits than a float has", goods("a", "9007199254740.93", "1*9007199254740.92", "1*0.01") + goods("b", "9007199254740.93", "1*9007199254740.90"), "",
			[]string{"differs b [b 9007199254740.93 9007199254740.90 0.03] 0.03"},
			2,
		},
		{
			"not a number", goods("a", "'NaN'", "1*5") + goods("b", "5", "1*'NaN'"), "",
			[]string{"differs a [a NaN 5 NaN] -", "differs b [b 5.00 NaN NaN] -"},
			2,
		},
		{
			"an expression that is no product", goods("a", "6", "1*5") + goods("b", "6", "2*2"),
			"rows: {table: items, key: order_id, sum: \"items.quantity + coalesce(unit_price, 0)\"}",
			[]string{"differs b [b 6.00 4 2.00] 2"},
			2,
		},
		{"chosen columns", goods("a", "6", "1*5"), "show: [status]", []string{"differs a [NEW 5 1.00] 1"}, 1},
		{"no order at all", "", "", []string{}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := newLedgerTest(t, totalsSchema+tc.rows)
			d := declareLedger(t, "totals", merge(t, orderTotals, tc.more))
			if err := d.Validate(t.Context(), l.target); err != nil {
				t.Errorf("validate: %v", err)
			}
			for name, limits := range ways() {
				for _, full := range []bool{false, true} {
					n, result := l.run(withLimits(t, d, l.target, limits), check.Options{Full: full})
					if diff := cmp.Diff(tc.want, n.lines()); diff != "" {
						t.Errorf("%s, full %t: (-want +got)\n%s", name, full, diff)
					}
					if result.Scanned != tc.scanned {
						t.Errorf("%s, full %t: scanned %d, want %d", name, full, result.Scanned, tc.scanned)
					}
				}
			}
		})
	}
}

// merge puts words over those of a declaration.
func merge(t *testing.T, base, more string) string {
	t.Helper()
	var into, over yaml.Node
	if err := errors.Join(yaml.Unmarshal([]byte(base), &into), yaml.Unmarshal([]byte(more), &over)); err != nil {
		t.Fatal(err)
	}
	if over.Content == nil {
		return base
	}
	words, news := into.Content[0], over.Content[0].Content
	for i := 0; i < len(news); i += 2 {
		at := slices.IndexFunc(words.Content, func(n *yaml.Node) bool { return n.Value == news[i].Value })
		if at < 0 {
			words.Content = append(words.Content, news[i], news[i+1])
			continue
		}
		words.Content[at+1] = news[i+1]
	}
	out, err := yaml.Marshal(&into)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestTotalsSince(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, totalsSchema+goods("old", "6", "1*5")+goods("new", "6", "1*5")+goods("fine", "5", "1*5")+
		"UPDATE orders SET created_at = now() - interval '1 minute' WHERE id <> 'old';")
	d := declareLedger(t, "totals", orderTotals)
	for _, plan := range []string{planDirect, planRanges} {
		n, result := l.run(withLimits(t, d, l.target, limits{plan: plan}), check.Options{Since: time.Hour})
		if diff := cmp.Diff([]string{"differs new"}, n.verdicts()); diff != "" || result.Scanned != 2 {
			t.Errorf("%s: scanned %d, want 2; (-want +got)\n%s", plan, result.Scanned, diff)
		}
	}
}

func TestTotalsOfIntegers(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, `
CREATE TABLE branches (bid int PRIMARY KEY, bbalance int NOT NULL);
CREATE TABLE history (tid bigint, bid bigint, delta int);
CREATE INDEX ON history (bid);
INSERT INTO branches SELECT i, 0 FROM generate_series(1, 40) i;
INSERT INTO history SELECT i, 1 + i % 40, (i % 2001 - 1000) * 1000 FROM generate_series(1, 20000) i;
UPDATE branches b SET bbalance = (SELECT sum(delta) FROM history h WHERE h.bid = b.bid);
UPDATE branches SET bbalance = bbalance + 1 WHERE bid = 7; ANALYZE;`)
	d := declareLedger(t, "totals", `
table: branches
column: bbalance
rows: {table: history, key: bid, sum: delta}
tolerance: 0
scale: 0`)
	for name, limits := range ways() {
		if limits.plan == planRanges {
			continue // int and bigint do not share ranges: it is never chosen
		}
		n, result := l.run(withLimits(t, d, l.target, limits), check.Options{Full: true})
		if diff := cmp.Diff([]string{"differs 7"}, n.verdicts()); diff != "" || result.Scanned != 40 {
			t.Errorf("%s: scanned %d (-want +got)\n%s", name, result.Scanned, diff)
		}
		if len(n.saved) > 0 && n.saved[0].Money.Valid {
			t.Errorf("%s: a balance without minor units and currency became money: %v", name, n.saved[0].Money)
		}
	}
}

func TestTotalsOfCompositeKeys(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, `
CREATE TABLE lines (tenant int, no text, sum numeric, PRIMARY KEY (tenant, no));
CREATE TABLE bookings (no text, tenant int, amount numeric, note text);
CREATE INDEX ON bookings (tenant, no);
INSERT INTO lines SELECT t, 'n' || n, n FROM generate_series(1, 5) t, generate_series(1, 50) n;
INSERT INTO bookings SELECT no, tenant, sum FROM lines;
INSERT INTO bookings VALUES ('n3', 2, 0.5), ('n3', NULL, 9), (NULL, 2, 9), ('n3', 77, 9); ANALYZE;`)
	d := declareLedger(t, "totals", `
table: lines
column: sum
rows: {table: bookings, key: [tenant, no], sum: amount}`)
	for name, limits := range ways() {
		n, result := l.run(withLimits(t, d, l.target, limits), check.Options{})
		if diff := cmp.Diff([]string{"differs 2/n3"}, n.verdicts()); diff != "" || result.Scanned != 250 {
			t.Errorf("%s: scanned %d (-want +got)\n%s", name, result.Scanned, diff)
		}
	}
}

func TestTotalsDeclaration(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "{}", "line 1: totals: table is missing"},
		{"unknown word", "table: a\ncolum: b", "line 2:"},
		{"unknown word below", orderTotals + "\nrows2: 1", "rows2"},
		{"no sum", "table: a\ncolumn: b\nrows: {table: c, key: d}", "line 3: totals: rows.sum is missing"},
		{"negative tolerance", "table: a\ncolumn: b\ntolerance: -1\nrows: {table: c, key: d, sum: e}", "line 3: totals: tolerance must not be negative"},
		{"scale", "table: a\ncolumn: b\nscale: 99\nrows: {table: c, key: d, sum: e}", "line 3: totals: scale is 99: it must be between 0 and 12"},
		{"null", "table: a\ncolumn: b\n'null': maybe\nrows: {table: c, key: d, sum: e}", `totals: null is "maybe": it must be wrong or zero or ignore`},
		{"keys", "table: a\nkey: [x, y]\ncolumn: b\nrows: {table: c, key: d, sum: e}", "rows.key names 1 columns, key names 2"},
		{"two statements", "table: a\ncolumn: b\nrows: {table: c, key: d, sum: \"1; DROP TABLE x\"}", "line 3: totals: rows.sum:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var node yaml.Node
			if err := yaml.Unmarshal([]byte(tc.text), &node); err != nil {
				t.Fatal(err)
			}
			_, err := Declare("totals", node.Content[0])
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestTotalsOnADatabaseThatDiffers(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, totalsSchema+"CREATE TABLE loose (id text, total numeric);")
	for _, tc := range []struct{ name, text, want string }{
		{"no such column", merge(t, orderTotals, "column: totl"), "has no column totl"},
		{"no such table", merge(t, orderTotals, "rows: {table: itms, key: order_id, sum: '1'}"), "no table itms"},
		{"no unique key", merge(t, orderTotals, "table: loose\nkey: id\ntime: ''"), "has no unique index on id"},
		{"no such column in the sum", merge(t, orderTotals, "rows: {table: items, key: order_id, sum: quantty * unit_price}"), "quantty"},
		{"no time column", merge(t, orderTotals, "time: id"), "must be a date or a timestamp"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := declareLedger(t, "totals", tc.text).Validate(t.Context(), l.target)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

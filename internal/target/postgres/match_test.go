package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
)

const matchSchema = `
CREATE TABLE orders (id text PRIMARY KEY, status text, currency text, total numeric(19,2),
                     created_at timestamptz NOT NULL DEFAULT '2020-01-01');
CREATE TABLE payments (id serial PRIMARY KEY, order_id text, amount numeric(19,2), currency text, status text,
                       created_at timestamptz NOT NULL DEFAULT '2020-01-01');
CREATE INDEX ON payments (order_id);
`

const orderPayments = `
left:
  table: orders
  amount: total
  currency: currency
  expect: status = 'COMPLETED'
  forbid:
    paid_but_pending: status = 'PENDING'
    paid_but_cancelled: status = 'CANCELLED'
  time: created_at
right:
  table: payments
  key: order_id
  amount: amount
  currency: currency
  add: status = 'COMPLETED'
  subtract: status = 'REFUNDED'
  time: created_at
tolerance: 1
min_age: 10m
`

// order inserts an order: "COMPLETED 30 USD", and its payments the same way.
func order(id, what string, payments ...string) string {
	f := strings.Fields(what)
	sql := fmt.Sprintf("INSERT INTO orders (id, status, total, currency) VALUES ('%s', '%s', %s, '%s');", id, f[0], f[1], f[2])
	for _, p := range payments {
		sql += payment("'"+id+"'", p)
	}
	return sql
}

func payment(order, what string) string {
	f := strings.Fields(what)
	return fmt.Sprintf("INSERT INTO payments (order_id, status, amount, currency) VALUES (%s, '%s', %s, '%s');", order, f[0], f[1], f[2])
}

func TestMatchMeaning(t *testing.T) {
	t.Parallel()
	const unmatched = "unmatched: report"
	for _, tc := range []struct {
		name, rows, more string
		want             []string
		scanned          int64
	}{
		{"paid", order("a", "COMPLETED 30 USD", "COMPLETED 30 USD"), "", []string{}, 1},
		{"unpaid", order("a", "COMPLETED 30 USD"), "", []string{"unpaid a [a COMPLETED USD 30.00 0 -30.00 NULL] 30USD"}, 1},
		{
			"unpaid, attempts failed or pending", order("a", "COMPLETED 30 USD", "FAILED 30 USD", "PENDING 30 USD"), "",
			[]string{"unpaid a [a COMPLETED USD 30.00 0 -30.00 NULL] 30USD"},
			1,
		},
		{
			"unpaid, paid back", order("a", "COMPLETED 30 USD", "COMPLETED 30 USD", "REFUNDED 30 USD"), "",
			[]string{"unpaid a [a COMPLETED USD 30.00 0.00 -30.00 NULL] 30USD"},
			1,
		},
		{
			"underpaid", order("a", "COMPLETED 30 USD", "COMPLETED 10 USD", "COMPLETED 15 USD"), "",
			[]string{"underpaid a [a COMPLETED USD 30.00 25.00 -5.00 NULL] 5USD"},
			1,
		},
		{
			"overpaid", order("a", "COMPLETED 30 USD", "COMPLETED 32.5 USD"), "",
			[]string{"overpaid a [a COMPLETED USD 30.00 32.50 2.50 NULL] 2.5USD"},
			1,
		},
		{
			"paid twice", order("a", "COMPLETED 30 USD", "COMPLETED 30 USD", "COMPLETED 30 USD"), "",
			[]string{"paid_twice a [a COMPLETED USD 30.00 60.00 30.00 NULL] 30USD"},
			1,
		},
		{
			"paid three times", order("a", "COMPLETED 30 USD", "COMPLETED 30 USD", "COMPLETED 30 USD", "COMPLETED 30 USD"), "",
			[]string{"paid_twice a [a COMPLETED USD 30.00 90.00 60.00 NULL] 60USD"},
			1,
		},
		{
			"twice as much at once is overpaid", order("a", "COMPLETED 30 USD", "COMPLETED 60 USD"), "",
			[]string{"overpaid a [a COMPLETED USD 30.00 60.00 30.00 NULL] 30USD"},
			1,
		},
		{
			"too much in parts is overpaid", order("a", "COMPLETED 30 USD", "COMPLETED 30 USD", "COMPLETED 1 USD"), "",
			[]string{"overpaid a [a COMPLETED USD 30.00 31.00 1.00 NULL] 1USD"},
			1,
		},
		{
			"wrong currency", order("a", "COMPLETED 30 USD", "COMPLETED 30 EUR"), "",
			[]string{"wrong_currency a [a COMPLETED USD 30.00 0 -30.00 30.00 EUR] 30USD"},
			1,
		},
		{
			"paid, and more in another currency", order("a", "COMPLETED 30 USD", "COMPLETED 30 USD", "COMPLETED 5 EUR"), "",
			[]string{"wrong_currency a [a COMPLETED USD 30.00 30.00 0.00 5.00 EUR] 30USD"},
			1,
		},
		{
			"currencies crossed over", order("a", "COMPLETED 30 USD", "COMPLETED 30 EUR") + order("b", "COMPLETED 30 EUR", "COMPLETED 30 USD"), "",
			[]string{"wrong_currency a [a COMPLETED USD 30.00 0 -30.00 30.00 EUR] 30USD", "wrong_currency b [b COMPLETED EUR 30.00 0 -30.00 30.00 USD] 30EUR"},
			2,
		},
		{
			"payments crossed over", order("a", "COMPLETED 30 USD", "COMPLETED 40 USD") + order("b", "COMPLETED 40 USD", "COMPLETED 30 USD"), "",
			[]string{"overpaid a [a COMPLETED USD 30.00 40.00 10.00 NULL] 10USD", "underpaid b [b COMPLETED USD 40.00 30.00 -10.00 NULL] 10USD"},
			2,
		},
		{
			"paid but pending", order("a", "PENDING 30 USD", "COMPLETED 30 USD"), "",
			[]string{"paid_but_pending a [a PENDING USD 0 30.00 30.00 NULL] 30USD"},
			1,
		},
		{
			"paid but cancelled, some of it back", order("a", "CANCELLED 30 USD", "COMPLETED 30 USD", "REFUNDED 20 USD"), "",
			[]string{"paid_but_cancelled a [a CANCELLED USD 0 10.00 10.00 NULL] 10USD"},
			1,
		},
		{
			"paid in another currency but cancelled", order("a", "CANCELLED 30 USD", "COMPLETED 7 EUR"), "",
			[]string{"paid_but_cancelled a [a CANCELLED USD 0 0 0 7.00 EUR] 7EUR"},
			1,
		},
		{
			"no amount", order("a", "COMPLETED NULL USD", "COMPLETED 30 USD"), "",
			[]string{"no_amount a [a COMPLETED USD NULL 30.00 NULL NULL] 30USD"},
			1,
		},
		{"instalments that add up", order("a", "COMPLETED 30 USD", "COMPLETED 10 USD", "COMPLETED 20 USD"), "", []string{}, 1},
		{"a good attempt after failed ones", order("a", "COMPLETED 30 USD", "FAILED 30 USD", "FAILED 30 USD", "COMPLETED 30 USD"), "", []string{}, 1},
		{"twice, one back", order("a", "COMPLETED 30 USD", "COMPLETED 30 USD", "COMPLETED 30 USD", "REFUNDED 30 USD"), "", []string{}, 1},
		{"cancelled and paid back", order("a", "CANCELLED 30 USD", "COMPLETED 30 USD", "REFUNDED 30 USD"), "", []string{}, 1},
		{"pending and failed", order("a", "PENDING 30 USD", "FAILED 30 USD"), "", []string{}, 1},
		{"nothing to pay", order("a", "COMPLETED 0 USD"), "", []string{}, 1},
		{"within the tolerance", order("a", "COMPLETED 30 USD", "COMPLETED 30.01 USD") + order("b", "COMPLETED 30 USD", "COMPLETED 29.99 USD"), "", []string{}, 2},
		{"a state that says nothing", order("a", "REFUNDED 30 USD", "COMPLETED 30 USD"), "", []string{}, 0},
		{"a state that is NULL", "INSERT INTO orders (id, total) VALUES ('a', 5);", "", []string{}, 0},
		{"payments of nothing are another check's", payment("'gone'", "COMPLETED 30 USD") + payment("NULL", "COMPLETED 30 USD"), "", []string{}, 0},
		{
			"unless they are to be reported", payment("'gone'", "COMPLETED 30 USD") + payment("'lost'", "FAILED 30 USD") + payment("NULL", "COMPLETED 30 USD") +
				payment("'back'", "COMPLETED 3 USD") + payment("'back'", "REFUNDED 3 USD") + order("a", "REFUNDED 5 USD", "COMPLETED 5 USD"), unmatched,
			[]string{"no_order gone [gone NULL NULL NULL 30.00 30.00 30.00 USD] 30USD"},
			0,
		},
		{"young orders", order("a", "COMPLETED 30 USD") + "UPDATE orders SET created_at = now() - interval '9 minutes';", "", []string{}, 0},
		{"young payments", order("a", "PENDING 30 USD", "COMPLETED 30 USD") + "UPDATE payments SET created_at = now() - interval '9 minutes';" +
			payment("'gone'", "COMPLETED 30 USD") + "UPDATE payments SET created_at = now() WHERE order_id = 'gone';", unmatched, []string{}, 1},
		{
			"a young attempt that failed spares nothing", order("a", "COMPLETED 30 USD", "FAILED 30 USD") + "UPDATE payments SET created_at = now();", "",
			[]string{"unpaid a [a COMPLETED USD 30.00 0 -30.00 NULL] 30USD"},
			1,
		},
		{"other names", order("a", "COMPLETED 30 USD"), "classes: {missing: not_booked}", []string{"not_booked a [a COMPLETED USD 30.00 0 -30.00 NULL] 30USD"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := newLedgerTest(t, matchSchema+tc.rows)
			d := declareLedger(t, "match", merge(t, orderPayments, tc.more))
			if err := d.Validate(t.Context(), l.target); err != nil {
				t.Errorf("validate: %v", err)
			}
			for name, limits := range ways() {
				n, result := l.run(withLimits(t, d, l.target, limits), check.Options{Full: name != "buckets"})
				if diff := cmp.Diff(tc.want, n.lines()); diff != "" {
					t.Errorf("%s: (-want +got)\n%s", name, diff)
				}
				if result.Scanned != tc.scanned {
					t.Errorf("%s: scanned %d, want %d", name, result.Scanned, tc.scanned)
				}
			}
		})
	}
}

func TestMatchWithoutCurrencies(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, matchSchema+order("a", "COMPLETED 30 USD", "COMPLETED 30 EUR")+order("b", "DRAFT 30 USD", "FAILED 31 EUR"))
	d := declareLedger(t, "match", `
left: {table: orders, key: id, amount: total}
right: {table: payments, key: order_id, amount: amount}`)
	for name, limits := range ways() {
		n, _ := l.run(withLimits(t, d, l.target, limits), check.Options{})
		if diff := cmp.Diff([]string{"overpaid b [b 30.00 31.00 1.00] 1"}, n.lines()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestMatchTimes(t *testing.T) {
	t.Parallel()
	l := newLedgerTest(t, matchSchema+order("a", "COMPLETED 30 USD")+order("b", "COMPLETED 30 USD")+
		payment("'gone'", "COMPLETED 5 USD")+
		"UPDATE orders SET created_at = now() - interval '30 minutes' WHERE id = 'b';")
	d := declareLedger(t, "match", merge(t, orderPayments, "unmatched: report"))
	n, _ := l.run(withLimits(t, d, l.target, limits{plan: planSums}), check.Options{})
	for _, r := range n.saved {
		old := r.At.Equal(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
		if want := r.Key[0] != "b"; old != want || r.At.IsZero() {
			t.Errorf("%s went wrong at %s", r.Key, r.At)
		}
	}
	n, result := l.run(withLimits(t, d, l.target, limits{plan: planRanges}), check.Options{Since: time.Hour})
	if diff := cmp.Diff([]string{"unpaid b"}, n.verdicts()); diff != "" || result.Scanned != 1 {
		t.Errorf("since: scanned %d (-want +got)\n%s", result.Scanned, diff)
	}
}

func TestMatchDeclaration(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "{}", "left.table is missing"},
		{"no right key", "left: {table: a, amount: b}\nright: {table: c, amount: d}", "line 2: match: right.key is missing"},
		{"unknown word", orderPayments + "tollerance: 2", "tollerance"},
		{"one currency", "left: {table: a, amount: b, currency: c}\nright: {table: c, key: k, amount: d}", "line 1: match: a currency is named on one side only"},
		{"min_age without time", "left: {table: a, amount: b}\nright: {table: c, key: k, amount: d}\nmin_age: 5m", "line 3: match: min_age needs left.time"},
		{"class", "left: {table: a, amount: b}\nright: {table: c, key: k, amount: d}\nclasses: {late: x}", `no way of not matching called "late"`},
		{"class name", "left: {table: a, amount: b, forbid: {\"it's\": 'true'}}\nright: {table: c, key: k, amount: d}", "small letters"},
		{"forbid as a list", "left: {table: a, amount: b, forbid: [x]}\nright: {table: c, key: k, amount: d}", "forbid is a mapping"},
		{"unmatched", merge(t, orderPayments, "unmatched: maybe"), `unmatched is "maybe": it must be ignore or report`},
		{"expression", "left: {table: a, amount: b, expect: 'x; y'}\nright: {table: c, key: k, amount: d}", "line 1: match: left.expect:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var node yaml.Node
			if err := yaml.Unmarshal([]byte(tc.text), &node); err != nil {
				t.Fatal(err)
			}
			_, err := Declare("match", node.Content[0])
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

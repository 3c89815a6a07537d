//go:build cgo

package postgres

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/pgtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shopPrevented are the shop's checks, as the example config declares them, with
// a defect of each.
func shopPrevented() []prevented {
	return []prevented{
		{
			name: "orphaned-orders", kind: "orphans",
			words:    `{table: orders, column: customer_id, parent: customers, time: created_at, min_age: 10m, money: total_amount, currency_column: currency}`,
			defect:   `INSERT INTO orders (id, customer_id, status, currency, total_amount, created_at) VALUES ('zz1', 'gone', 'PENDING', 'USD', 0, '2020-01-01')`,
			innocent: `INSERT INTO orders (id, customer_id, status, currency, total_amount) VALUES ('zz2', NULL, 'PENDING', 'USD', 0)`,
			code:     "23503", steps: 2, note: "orders (customer_id) already has a foreign key, orders_customer_id_fkey.",
		},
		{
			name: "items-without-product", kind: "orphans", words: `{table: order_items, column: product_id, parent: products}`,
			defect:   `INSERT INTO order_items (id, order_id, product_id, quantity, unit_price) VALUES ('zz1', NULL, 'gone', 1, 1)`,
			innocent: `INSERT INTO order_items (id, order_id, product_id, quantity, unit_price) VALUES ('zz2', NULL, NULL, 1, 1)`,
			code:     "23503", steps: 3, note: "already has a foreign key",
		},
		{
			name: "duplicate-emails", kind: "duplicates", words: `{table: customers, columns: [email], keep: created_at, time: created_at, compare: [name, phone]}`,
			defect:   `INSERT INTO customers (id, email, name) SELECT 'zz1', email, 'P' FROM customers WHERE email IS NOT NULL LIMIT 1`,
			innocent: `INSERT INTO customers (id, email, name) VALUES ('zz2', NULL, 'P'), ('zz3', NULL, 'P')`,
			code:     "23505", steps: 2, note: "customers (email) is unique already, by the constraint customers_email_key",
		},
		{
			name: "order-totals", kind: "totals",
			words:  `{table: orders, column: total_amount, rows: {table: order_items, key: order_id, sum: quantity * unit_price}, tolerance: 1, time: created_at, currency_column: currency}`,
			defect: `UPDATE orders SET total_amount = total_amount + 1 WHERE id = (SELECT min(id) FROM orders)`,
			innocent: `INSERT INTO order_items (id, order_id, quantity, unit_price) SELECT 'zz1', min(id), 2, 5 FROM orders;
				UPDATE orders SET total_amount = total_amount + 10.01 WHERE id = (SELECT min(id) FROM orders);
				UPDATE orders SET total_amount = total_amount - 0.01 WHERE id = (SELECT min(id) FROM orders)`,
			code: "23514", steps: 10, note: "orders.total_amount is already judged at every commit",
		},
		{
			name: "product-stock", kind: "totals", words: `{table: products, column: stock_quantity, rows: {table: inventory, key: product_id, sum: quantity}, tolerance: 0, scale: 0, time: updated_at}`,
			defect: `INSERT INTO inventory (id, product_id, quantity, reason) SELECT 'zz1', min(id), 3, 'RECEIPT' FROM products`,
			innocent: `INSERT INTO inventory (id, product_id, quantity, reason) SELECT 'zz2', min(id), 3, 'RECEIPT' FROM products;
				UPDATE products SET stock_quantity = stock_quantity + 3 WHERE id = (SELECT min(id) FROM products)`,
			code: "23514", steps: 10, note: "products.stock_quantity is already judged at every commit",
		},
		{
			name: "order-payments", kind: "match",
			words: `{left: {table: orders, key: id, amount: total_amount, currency: currency, expect: "status = 'COMPLETED'", time: created_at},
				right: {table: payments, key: order_id, amount: amount, currency: currency, add: "status = 'COMPLETED'", subtract: "status = 'REFUNDED'", time: created_at}, min_age: 10m}`,
			defect: `INSERT INTO payments (id, order_id, amount, currency, status, provider_ref)
				SELECT 'zz1', order_id, amount, currency, 'FAILED', provider_ref FROM payments WHERE provider_ref IS NOT NULL LIMIT 1`,
			innocent: `INSERT INTO payments (id, order_id, amount, currency, status, provider_ref) VALUES ('zz2', NULL, 5, 'USD', 'FAILED', 'another'), ('zz3', NULL, 5, 'USD', 'FAILED', NULL), ('zz4', NULL, 5, 'USD', 'FAILED', NULL)`,
			code:     "23505", steps: 1, note: "payments (provider_ref) is unique already, by payments_provider_ref_key",
		},
		{
			name: "negative-stock", kind: "rows", words: `{table: products, wrong: stock_quantity < 0, time: updated_at, show: [id, stock_quantity, updated_at]}`,
			defect:   `INSERT INTO products (id, name, price, stock_quantity) VALUES ('zz1', 'P', 1, -1)`,
			innocent: `INSERT INTO products (id, name, price, stock_quantity) VALUES ('zz2', 'P', 1, 0), ('zz3', 'P', 1, NULL)`,
			code:     "23514", steps: 2, note: "products already has this constraint, products_stock_quantity_check: no row can break it.",
		},
	}
}

// TestPreventStopsTheShopsDefects runs each file on a shop in order: what the
// check finds cannot come in any more, what it does not find still can.
func TestPreventStopsTheShopsDefects(t *testing.T) {
	t.Parallel()
	for _, c := range shopPrevented() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.prove(t)
		})
	}
}

// TestPreventFiles shows what people review.
func TestPreventFiles(t *testing.T) {
	t.Parallel()
	cases := append(shopPrevented(),
		prevented{name: "foreign-keys", kind: "foreign-keys", words: `{schemas: [public]}`},
		prevented{name: "foreign-keys-not-valid", kind: "foreign-keys", words: `{tables: [orders, inventory]}`},
		prevented{name: "orphaned-orders-not-valid", kind: "orphans", words: `{table: orders, column: customer_id, parent: customers}`},
		prevented{name: "paid-not-completed", kind: "query", words: `{sql: "SELECT id FROM orders WHERE status = 'PENDING'"}`})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dsn := cleanShop(t)
			if strings.HasSuffix(c.name, "-not-valid") {
				pgtest.Exec(t, dsn, `ALTER TABLE orders ADD CONSTRAINT of_customer FOREIGN KEY (customer_id) REFERENCES customers NOT VALID`)
			}
			p := prevent(t, dsn, c.kind, c.words)
			golden(t, c.name, fmt.Sprintf("Title: %s\nName: %s\n%s\n%s", p.Title, p.Name, noted(p.Notes), p.SQL))
		})
	}
}

func noted(notes []string) string {
	var b strings.Builder
	for _, n := range notes {
		b.WriteString("Note: " + n + "\n")
	}
	return b.String()
}

// oddNames are names that SQL, comments, function bodies and file names have to
// survive.
var oddNames = []string{
	"Parent Rows", "select", `we"ird`, "it's", "a\n; DROP TABLE victim; --", "b\rDROP TABLE victim; --", "*/ $integrity$ /*", "$1 %s %!d(x)",
	"naïve \u202eeman", strings.Repeat("long", 15) + "abc", "1", `c\`, "ÄÖÜ" + strings.Repeat("ß", 28),
}

// TestPreventSurvivesOddNames gives tables and columns all these names, for each
// kind.
func TestPreventSurvivesOddNames(t *testing.T) {
	t.Parallel()
	for _, name := range oddNames {
		parent, child := quoteName(name), quoteName("c"+trimTo(name, 62))
		schema := fmt.Sprintf(`CREATE TABLE victim (id int); INSERT INTO victim VALUES (1);
CREATE TABLE %[1]s (%[1]s int PRIMARY KEY, %[2]s numeric); CREATE TABLE %[2]s (%[2]s int PRIMARY KEY, %[1]s int, ref_ref text);
INSERT INTO %[1]s VALUES (1, 2), (2, 0); INSERT INTO %[2]s VALUES (1, 1, 'a'), (2, 1, 'b');`, parent, child)
		p, k := yamlText(name), yamlText("c"+trimTo(name, 62))
		table, of := yamlText(parent), yamlText(child)
		for _, c := range []prevented{
			{
				kind: "orphans", words: fmt.Sprintf(`{table: %s, column: %s, parent: %s}`, of, p, table), steps: 3, code: "23503",
				defect: fmt.Sprintf("INSERT INTO %s VALUES (3, 9)", child), innocent: fmt.Sprintf("INSERT INTO %s VALUES (4, NULL)", child), note: "already has",
			},
			{
				kind: "duplicates", words: fmt.Sprintf(`{table: %s, columns: %s}`, table, k), steps: 2, code: "23505",
				defect: fmt.Sprintf("INSERT INTO %s VALUES (3, 2)", parent), innocent: fmt.Sprintf("INSERT INTO %s VALUES (4, NULL), (5, NULL)", parent), note: "is unique already",
			},
			{
				kind: "totals", words: fmt.Sprintf(`{table: %s, column: %s, rows: {table: %s, key: %s, sum: "1"}, scale: 0}`, table, k, of, p), steps: 10, code: "23514",
				defect: fmt.Sprintf("INSERT INTO %s VALUES (3, 1)", child), innocent: fmt.Sprintf("INSERT INTO %s VALUES (4, 2); UPDATE %s SET %s = 1 WHERE %s = 2", child, parent, child, parent),
				note: "is already judged",
			},
			{
				kind: "rows", words: fmt.Sprintf(`{table: %s, wrong: %s}`, table, yamlText(child+" < 0")), steps: 2, code: "23514",
				defect: fmt.Sprintf("INSERT INTO %s VALUES (3, -1)", parent), innocent: fmt.Sprintf("INSERT INTO %s VALUES (4, 5)", parent), note: "already has",
			},
			{
				kind: "match", words: fmt.Sprintf(`{left: {table: %s, amount: %s}, right: {table: %s, key: %s, amount: "1"}}`, table, yamlText(child), of, p), steps: 3, code: "23505",
				defect: fmt.Sprintf("INSERT INTO %s VALUES (3, 9, 'a')", child), innocent: fmt.Sprintf("INSERT INTO %s VALUES (4, 2, 'c'); UPDATE %s SET %s = 1 WHERE %s = 2", child, parent, child, parent), note: "is unique already",
			},
		} {
			c.schema = schema
			t.Run(c.kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				c.prove(t)
			})
		}
	}
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func yamlText(text string) string { return fmt.Sprintf("%q", text) }

// trimTo cuts a text to a number of bytes without cutting a character.
func trimTo(text string, most int) string {
	for len(text) > most {
		r := []rune(text)
		text = string(r[:len(r)-1])
	}
	return text
}

// TestPreventOnPartitions: what cannot be made on a partitioned table is made on
// its partitions, and adopted.
func TestPreventOnPartitions(t *testing.T) {
	t.Parallel()
	const schema = `
CREATE SCHEMA parts;
CREATE TABLE customers (id int, region int, name text, total int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE customers_1 PARTITION OF customers FOR VALUES IN (1); CREATE TABLE parts.customers_2 PARTITION OF customers FOR VALUES IN (2);
CREATE TABLE orders (id int PRIMARY KEY, customer int, region int, amount int) PARTITION BY RANGE (id);
CREATE TABLE parts.orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (100);
CREATE TABLE orders_2 (amount int, region int, id int NOT NULL, dropped text, customer int);
ALTER TABLE orders_2 DROP COLUMN dropped;
ALTER TABLE orders ATTACH PARTITION orders_2 FOR VALUES FROM (100) TO (200);
CREATE TABLE orders_3 PARTITION OF orders FOR VALUES FROM (200) TO (400) PARTITION BY LIST (id);
CREATE TABLE orders_3a PARTITION OF orders_3 FOR VALUES IN (200, 201); CREATE TABLE orders_3b PARTITION OF orders_3 DEFAULT;
INSERT INTO customers VALUES (1, 1, 'a', 12), (2, 2, 'a', 7), (3, 2, NULL, 0);
INSERT INTO orders VALUES (1, 1, 1, 5), (101, 1, 1, 7), (200, 2, 2, 3), (300, 2, 2, 4), (301, NULL, 2, 9);`
	for _, c := range []prevented{
		{
			name: "child and parent", kind: "orphans", words: `{table: orders, column: [customer, region], parent: customers}`, steps: 14, code: "23503",
			defect: "INSERT INTO orders VALUES (2, 9, 1, 0), (102, 1, 2, 0)", innocent: "INSERT INTO orders VALUES (3, NULL, 1, 0), (302, 3, 2, 0)",
			note: "orders (customer, region) already has a foreign key, orders_customer_region_fkey.",
		},
		{
			name: "unique over all", kind: "duplicates", words: `{table: customers, columns: [name, region]}`, steps: 3, code: "23505",
			defect: "INSERT INTO customers VALUES (9, 2, 'a', 0)", innocent: "INSERT INTO customers VALUES (6, 2, 'b', 0), (8, 2, NULL, 0), (7, 2, NULL, 0)",
			note: "customers (name, region) is unique already",
		},
		{
			name: "totals", kind: "totals", words: `{table: customers, column: total, rows: {table: orders, key: [customer, region], sum: amount}, scale: 0}`, steps: 14, code: "23514",
			defect: "UPDATE orders SET amount = 8 WHERE id = 101", note: "is already judged at every commit",
			innocent: "UPDATE orders SET id = 103, customer = 2, region = 2 WHERE id = 1; UPDATE customers SET total = 7 WHERE id = 1; UPDATE customers SET total = 12 WHERE id = 2",
		},
		{
			name: "rows", kind: "rows", words: `{table: orders, wrong: amount < 0}`, steps: 2, code: "23514", note: "already has this constraint",
			defect: "INSERT INTO orders VALUES (210, NULL, NULL, -1)", innocent: "INSERT INTO orders VALUES (211, NULL, NULL, 1), (110, NULL, NULL, NULL)",
		},
	} {
		c.schema = schema
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.prove(t)
		})
	}
}

// TestPreventFitsTheDatabase: each kind looks at what is there before it says
// what to make.
func TestPreventFitsTheDatabase(t *testing.T) {
	t.Parallel()
	const orders = `CREATE TABLE customers (id int PRIMARY KEY, email text, code varchar(9), gone bool DEFAULT false); CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, at timestamptz);
INSERT INTO customers VALUES (1, 'a@x', 'A'), (2, 'b@x', 'B'); INSERT INTO orders VALUES (1, 1); `
	insertOrder := func(customer string) string { return "INSERT INTO orders VALUES (9, " + customer + ")" }
	for _, c := range []prevented{
		{
			name: "a key that is NOT VALID", kind: "orphans", words: `{table: orders, column: customer, parent: customers}`,
			schema: orders + "ALTER TABLE orders ADD CONSTRAINT odd FOREIGN KEY (customer) REFERENCES customers NOT VALID",
			note:   "orders (customer) already has a foreign key, odd; it is NOT VALID", steps: 1,
		},
		{
			name: "a key whose triggers are off", kind: "orphans", words: `{table: orders, column: customer, parent: customers}`,
			schema: orders + "ALTER TABLE orders ADD CONSTRAINT odd FOREIGN KEY (customer) REFERENCES customers; ALTER TABLE orders DISABLE TRIGGER ALL",
			note:   "its triggers are switched off", steps: 2, defect: insertOrder("7"), code: "23503",
		},
		{
			name: "an index that is only for rows with a reference", kind: "orphans", words: `{table: customers, column: code, parent: p}`,
			schema: orders + "CREATE TABLE p (id text PRIMARY KEY); CREATE INDEX ON customers (code) WHERE code IS NOT NULL; UPDATE customers SET code = NULL",
			steps:  2, defect: "UPDATE customers SET code = 'X'", code: "23503",
		},
		{
			name: "a parent without a unique index", kind: "orphans", words: `{table: orders, column: customer, parent: p, parent_column: code}`,
			schema: orders + "CREATE TABLE p (code int); INSERT INTO p VALUES (1); ALTER TABLE p ADD UNIQUE (code) DEFERRABLE; CREATE INDEX ON orders (customer, id)",
			steps:  3, defect: insertOrder("2"), code: "23503",
		},
		{
			name: "types that no key can join", kind: "orphans", words: `{table: orders, column: customer, parent: p}`, schema: orders + "CREATE TABLE p (id bigint PRIMARY KEY); CREATE DOMAIN price AS numeric; ALTER TABLE orders ALTER customer TYPE price",
			note: "orders.customer is of type price, and p.id of type bigint: Postgres refuses",
		},
		{
			name: "types that one can", kind: "orphans", words: `{table: orders, column: customer, parent: p}`,
			schema: orders + "CREATE DOMAIN number AS int; CREATE TABLE p (id bigint PRIMARY KEY); INSERT INTO p VALUES (1); ALTER TABLE orders ALTER customer TYPE number",
			steps:  3, defect: insertOrder("2"), code: "23503", note: "",
		},
		{
			name: "a check that waits and looks at some rows", kind: "orphans", words: `{table: orders, column: customer, parent: customers, time: at, min_age: 10m, where: id > 0}`, schema: orders,
			steps: 3, defect: insertOrder("7"), code: "23503", note: "The check gives a row of orders 10 min before it judges it.",
		},
		{
			name: "an index left behind", kind: "duplicates", words: `{table: customers, columns: email}`,
			schema: orders + "CREATE UNIQUE INDEX broken ON customers (email); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass",
			steps:  3, defect: "INSERT INTO customers VALUES (9, 'a@x')", code: "23505",
		},
		{
			name: "whatever the case", kind: "duplicates", words: `{table: customers, columns: [email, code], ignore_case: true}`, schema: orders,
			steps: 1, defect: "INSERT INTO customers VALUES (9, 'A@x', 'a')", code: "23505", note: "The index alone does it",
		},
		{
			name: "whatever the case, already", kind: "duplicates", words: `{table: customers, columns: [email, code], ignore_case: true}`,
			schema: orders + `CREATE UNIQUE INDEX narrower ON customers (lower(code))`, note: "customers (lower(email), lower(code)) is unique already, by the index narrower",
		},
		{
			name: "an index that minds the case is not enough", kind: "duplicates", words: `{table: customers, columns: [email], ignore_case: true}`,
			schema: orders + `ALTER TABLE customers ADD UNIQUE (email)`, steps: 1, defect: "INSERT INTO customers VALUES (9, 'A@x')", code: "23505",
		},
		{
			name: "some rows", kind: "duplicates", words: `{table: customers, columns: email, where: NOT gone}`, schema: orders,
			steps: 1, defect: "INSERT INTO customers VALUES (9, 'a@x')", code: "23505",
		},
		{
			name: "some rows, already", kind: "duplicates", words: `{table: customers, columns: email, where: NOT gone}`,
			schema: orders + "CREATE UNIQUE INDEX living ON customers (email) WHERE (gone = false)", note: "by the index living",
		},
		{
			name: "rows of the past", kind: "duplicates", words: `{table: orders, columns: customer, where: at < now()}`, schema: orders,
			note: "No index can be derived: the condition of the check (where) depends on the time",
		},
		{
			name: "unique within partitions only", kind: "duplicates", words: `{table: p, columns: a}`, schema: "CREATE TABLE p (id int PRIMARY KEY, a int) PARTITION BY HASH (id)",
			note: "p is partitioned by other values than a",
		},
		{
			name: "said in other words", kind: "rows", words: `{table: customers, wrong: length(email) > 100, where: NOT gone}`,
			schema: orders + "ALTER TABLE customers ADD CONSTRAINT brief CHECK (gone OR length(email) <= 100)", note: "customers already has this constraint, brief",
		},
		{
			name: "a constraint that is NOT VALID", kind: "rows", words: `{table: customers, wrong: length(email) > 100}`,
			schema: orders + "ALTER TABLE customers ADD CONSTRAINT brief CHECK (length(email) <= 100) NOT VALID", steps: 1, note: "brief; it is NOT VALID",
		},
		{
			name: "a condition of time", kind: "rows", words: `{table: orders, wrong: at < CURRENT_DATE}`, schema: orders,
			note: "No constraint can be derived: the condition of the check depends on the time at which it is asked (current_date)",
		},
		{
			name: "a condition on other rows", kind: "rows", words: `{table: orders, wrong: customer NOT IN (SELECT id FROM customers)}`, schema: orders,
			note: "No constraint can be derived: the condition of the check looks at other rows",
		},
		{
			name: "a condition with a comment", kind: "rows", words: `{table: orders, wrong: "id < 0 -- never"}`, schema: orders,
			steps: 2, defect: "INSERT INTO orders VALUES (-1, 1)", code: "23514",
		},
		{
			name: "a materialized view", kind: "rows", words: `{table: m, key: id, wrong: id < 0}`, schema: orders + "CREATE MATERIALIZED VIEW m AS SELECT * FROM orders",
			note: "m is a materialized view, which can have no constraints",
		},
		{
			name: "no reference", kind: "match", words: `{left: {table: customers, amount: id}, right: {table: orders, key: customer, amount: id}}`,
			schema: orders + "CREATE TABLE processed_messages (id uuid)", steps: 1, note: "processed_messages looks like a table of handled events, but nothing in it is unique",
		},
		{
			name: "nothing declared", kind: "foreign-keys", words: `{}`, schema: orders, note: "No foreign key is declared here.",
		},
		{
			name: "all in order", kind: "foreign-keys", words: `{}`, schema: orders + "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers",
			note: "All of the foreign keys declared here (1) are validated",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dsn := cleanOrOwn(t, c.schema)
			p := prevent(t, dsn, c.kind, c.words)
			if n := steps(p.SQL); n != c.steps {
				t.Errorf("%d steps, want %d:\n%s", n, c.steps, p.SQL)
			}
			if all := strings.Join(p.Notes, "\n"); !strings.Contains(all, c.note) {
				t.Errorf("no note says %q:\n%s", c.note, all)
			}
			carryOut(t, dsn, p.SQL)
			if code := attempt(t, dsn, c.defect, true); code != c.code {
				t.Errorf("the defect met %q, want %q", code, c.code)
			}
			if again := prevent(t, dsn, c.kind, c.words); again.SQL != "" {
				t.Errorf("the second time it proposes:\n%s", again.SQL)
			}
		})
	}
}

// TestPreventFollowsTheDeclaration: a function made for a former declaration is
// replaced, one that is not ours is let alone, and a trigger that was switched
// off is seen.
func TestPreventFollowsTheDeclaration(t *testing.T) {
	t.Parallel()
	dsn := cleanOrOwn(t, `CREATE TABLE o (id int PRIMARY KEY, t int); CREATE TABLE i (id int PRIMARY KEY, o int, n int); INSERT INTO o VALUES (1, 5); INSERT INTO i VALUES (1, 1, 5);
CREATE FUNCTION o_t_of_i_judge(int) RETURNS void LANGUAGE sql AS 'SELECT'`)
	const words = `{table: o, column: t, rows: {table: i, key: o, sum: n}, scale: 0}`
	carryOut(t, dsn, prevent(t, dsn, "totals", words).SQL)
	if code := attempt(t, dsn, "UPDATE i SET n = 6", true); code != "23514" {
		t.Errorf("a wrong sum met %q", code)
	}
	more := strings.Replace(words, "scale: 0", "scale: 0, tolerance: 1", 1)
	p := prevent(t, dsn, "totals", more)
	if steps(p.SQL) != 1 || !strings.Contains(p.SQL, "CREATE OR REPLACE FUNCTION") {
		t.Errorf("for another tolerance:\n%s", p.SQL)
	}
	carryOut(t, dsn, p.SQL)
	if code := attempt(t, dsn, "UPDATE i SET n = 6", true); code != "" {
		t.Errorf("a sum within the tolerance met %q", code)
	}
	pgtest.Exec(t, dsn, "ALTER TABLE i DISABLE TRIGGER o_t_of_i_rows_changed")
	p = prevent(t, dsn, "totals", more)
	if steps(p.SQL) != 1 || !strings.Contains(strings.Join(p.Notes, " "), "switched off") {
		t.Errorf("with a trigger switched off: %q\n%s", p.Notes, p.SQL)
	}
	carryOut(t, dsn, p.SQL)
	if code := attempt(t, dsn, "UPDATE i SET n = 7", true); code != "23514" {
		t.Errorf("a wrong sum met %q", code)
	}
}

// TestPreventNeedsNoMoreThanTheChecks: the role that may read two tables is
// enough, and nothing is written.
func TestPreventNeedsNoMoreThanTheChecks(t *testing.T) {
	t.Parallel()
	dsn := cleanShop(t)
	role := pgtest.Role(t, "reader")
	pgtest.Exec(t, dsn, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+role)
	for _, c := range shopPrevented() {
		full, limited := prevent(t, dsn, c.kind, c.words), prevent(t, pgtest.As(dsn, role), c.kind, c.words)
		if full.SQL != limited.SQL {
			t.Errorf("%s: another file for the reader:\n%s", c.name, limited.SQL)
		}
	}
}

// TestPreventKnowsWhatNoConstraintCanBe: words of time and of other rows, and
// columns that only have such names.
func TestPreventKnowsWhatNoConstraintCanBe(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]string{
		"age < 0":                             "",
		`"select" < 0 AND "now ()" = 'now()'`: "",
		"t.now IS NULL":                       "",
		"at < now ()":                         "(now)",
		"at < 'today'":                        "('today')",
		"at < Current_Timestamp(0)":           "(current_timestamp)",
		"age(at) > interval '1 day'":          "(age)",
		"id IN(SELECT 1)":                     "other rows",
		"note = 'select'":                     "",
	} {
		if why := unsuited(condition); (why == "") != (want == "") || !strings.Contains(why, want) {
			t.Errorf("%s: %q, want %q", condition, why, want)
		}
	}
}

// TestPreventNames: at most 63 bytes, never twice, plain letters.
func TestPreventNames(t *testing.T) {
	t.Parallel()
	dsn := cleanOrOwn(t, "CREATE TABLE a_b_idx (id int); CREATE TYPE a_b_idx_2 AS (id int)")
	target, m := open(t, brisk(dsn)), &migration{}
	seen := map[string]bool{}
	for _, parts := range [][]string{
		{"a", "b"}, {"a", "b"}, {"A", "B"}, {strings.Repeat("x", 63), "y"}, {strings.Repeat("x", 63), "z"}, {strings.Repeat("ß", 31)}, {strings.Repeat("ä", 31)}, {""}, {"'; DROP"},
	} {
		name, err := m.free(t.Context(), target, "public", parts, "idx")
		if err != nil {
			t.Fatal(err)
		}
		if len(name) > 63 || seen[name] || !bareWord.MatchString(name) || bareWord.FindString(name) != name {
			t.Errorf("%q became %q", parts, name)
		}
		seen[name] = true
	}
	for _, want := range []string{"a_b_idx_3", "a_b_idx_4", "a_b_idx_5"} {
		if !seen[want] {
			t.Errorf("no name is %s: %v", want, seen)
		}
	}
}

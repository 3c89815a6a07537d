package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// conformance is one check on one small database, with all that must be found.
// A key not in want must not be reported.
type conformance struct {
	name    string
	kind    string
	schema  string
	words   string
	want    []string // "key class", sorted
	scanned int64
	notes   []string // parts of notes that must be there
	columns []string // names, when they matter
}

// TestConformance runs every case politely and at full speed, at a stretch and
// killed at every few saves: always with the same answer.
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, cases := range [][]conformance{orphanCases(), duplicateCases(), rowCases(), queryCases(), foreignKeyCases()} {
		for _, c := range cases {
			t.Run(c.kind+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				dsn := pgtest.Database(t)
				pgtest.Exec(t, dsn, c.schema)
				target := open(t, brisk(dsn))
				declaration := declareCheck(t, c.kind, c.words)
				if err := declaration.Validate(t.Context(), target); err != nil {
					t.Fatalf("validate: %v", err)
				}
				for mode, opts := range modes() {
					t.Run(mode, func(t *testing.T) {
						rec, result := detect(t, declaration.Detector(target), opts)
						c.judge(t, rec, result)
						rec, result = interrupted(t, declaration.Detector(target), opts)
						c.judge(t, rec, result)
					})
				}
			})
		}
	}
}

func (c conformance) judge(t *testing.T, rec *recorder, result check.Result) {
	t.Helper()
	if diff := cmp.Diff(c.want, rec.keys()); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	if result.Scanned != c.scanned {
		t.Errorf("scanned %d rows, want %d (plan %s)", result.Scanned, c.scanned, result.Plan)
	}
	for _, n := range c.notes {
		if !slices.ContainsFunc(result.Notes, func(have string) bool { return strings.Contains(have, n) }) {
			t.Errorf("no note says %q: %q", n, result.Notes)
		}
	}
	if c.columns != nil {
		var names []string
		for _, col := range rec.columns {
			names = append(names, col.Name)
		}
		if diff := cmp.Diff(c.columns, names); diff != "" {
			t.Errorf("columns (-want +got):\n%s", diff)
		}
	}
	if result.Plan == "" || !strings.HasPrefix(result.Position, "LSN ") {
		t.Errorf("plan %q, position %q: want both", result.Plan, result.Position)
	}
}

func orphanCases() []conformance {
	const shop = `
CREATE TABLE customers (id text PRIMARY KEY);
CREATE TABLE orders (id text PRIMARY KEY, customer_id text, total numeric, created_at timestamptz);
INSERT INTO customers SELECT 'c' || i FROM generate_series(1, 40) i;
INSERT INTO orders SELECT 'o' || i, 'c' || 1 + i % 40, i, now() - interval '1 day' FROM generate_series(1, 100) i;
INSERT INTO orders VALUES ('gone1', 'c0', 5, now() - interval '1 day'), ('gone2', 'C1', 6, NULL), ('gone3', 'c1 ', 7, now() - interval '2 day'),
  ('gone4', '', -8, now() - interval '1 hour'), ('young', 'c0', 1, now()), ('guest', NULL, 1, now() - interval '1 day'),
  ('limit', 'c0', 2, now() - interval '11 min');
`
	words := `{table: orders, column: customer_id, parent: customers, min_age: 10m, time: created_at, money: total}`
	want := []string{"gone1", "gone2", "gone3", "gone4", "limit"}
	notes := []string{"1 rows of orders have no customer_id (NULL): not judged", "1 rows of orders have no parent yet and are younger than 10 min"}
	return []conformance{
		{name: "without an index", kind: "orphans", schema: shop, words: words, want: want, scanned: 105, notes: append(notes, "An index on orders (customer_id)")},
		{
			name: "with an index", kind: "orphans", schema: shop + "CREATE INDEX ON orders (customer_id)", words: words, want: want, scanned: 105,
			notes: notes, columns: []string{"id", "customer_id", "created_at"},
		},
		{
			name: "with a predicate", kind: "orphans", schema: shop + "CREATE INDEX ON orders (customer_id)",
			words: `{table: orders, column: customer_id, parent: customers, where: "total > 5 AND id NOT LIKE '%3'"}`,
			want:  []string{"gone2"}, scanned: 87,
		},
		{
			name: "many rows of one missing parent", kind: "orphans",
			schema: shop + `CREATE INDEX ON orders (customer_id); DELETE FROM orders; INSERT INTO orders SELECT lpad(i::text, 3, '0'), 'c0' FROM generate_series(1, 60) i`,
			words:  words, want: numbered("%03d", 1, 60), scanned: 60,
		},
		{
			name: "uuid keys", kind: "orphans", schema: `
CREATE TABLE parents (id uuid PRIMARY KEY); CREATE TABLE children (id uuid PRIMARY KEY, parent uuid);
INSERT INTO parents SELECT md5(i::text)::uuid FROM generate_series(1, 30) i;
INSERT INTO children SELECT md5('x' || i)::uuid, md5(i::text)::uuid FROM generate_series(1, 30) i;
INSERT INTO children VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000ff'), ('ffffffff-0000-0000-0000-000000000001', 'ffffffff-0000-0000-0000-0000000000ff');
CREATE INDEX ON children (parent);`, words: `{table: children, column: parent, parent: parents}`,
			want: []string{"00000000-0000-0000-0000-000000000001", "ffffffff-0000-0000-0000-000000000001"}, scanned: 32,
		},
		{
			name: "composite references and keys", kind: "orphans", schema: `
CREATE TABLE "Parent Rows" ("Tenant" int, "No." bigint, PRIMARY KEY ("Tenant", "No."));
CREATE TABLE "Order Items" ("Tenant" int, line int, ref bigint, PRIMARY KEY ("Tenant", line));
INSERT INTO "Parent Rows" SELECT t, n FROM generate_series(1, 3) t, generate_series(1, 20) n;
INSERT INTO "Order Items" SELECT t, n, n FROM generate_series(1, 3) t, generate_series(1, 20) n;
INSERT INTO "Order Items" VALUES (1, 100, 21), (2, 100, NULL), (4, 1, 1), (3, 100, 99), (1, 101, 21);
CREATE INDEX ON "Order Items" (ref, "Tenant");`,
			words: `{table: Order Items, column: [Tenant, ref], parent: '"Parent Rows"', parent_column: [Tenant, "No."]}`,
			want:  []string{"1,100", "1,101", "3,100", "4,1"}, scanned: 64, notes: []string{"1 rows of Order Items have no Tenant, ref"},
		},
		{
			name: "composite without an index", kind: "orphans", schema: `
CREATE TABLE p (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE k (id int PRIMARY KEY, a int, b int);
INSERT INTO p VALUES (1, 1); INSERT INTO k VALUES (1, 1, 1), (2, 1, 2), (3, NULL, 1), (4, 2, NULL), (5, 2, 1);`,
			words: `{table: k, column: [a, b], parent: p}`, want: []string{"2", "5"}, scanned: 3,
		},
		{name: "a table that refers to itself", kind: "orphans", schema: `
CREATE TABLE nodes (id int PRIMARY KEY, up int); INSERT INTO nodes SELECT i, nullif(i - 1, 0) FROM generate_series(1, 30) i; DELETE FROM nodes WHERE id = 11;
CREATE INDEX ON nodes (up);`, words: `{table: nodes, column: up, parent: nodes}`, want: []string{"12"}, scanned: 28},
		{
			name: "types that differ", kind: "orphans", schema: `
CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE k (id int PRIMARY KEY, ref int); CREATE INDEX ON k (ref);
INSERT INTO p SELECT generate_series(1, 20); INSERT INTO k SELECT i, i FROM generate_series(1, 25) i;`,
			words: `{table: k, column: ref, parent: p}`, want: []string{"21", "22", "23", "24", "25"}, scanned: 25,
		},
		{
			name: "a parent that exists twice", kind: "orphans", schema: `
CREATE TABLE p (code text); CREATE TABLE k (id int PRIMARY KEY, code text); CREATE INDEX ON k (code);
INSERT INTO p VALUES ('a'), ('a'), ('b'), (NULL); INSERT INTO k VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, NULL);`,
			words: `{table: k, column: code, parent: p, parent_column: code}`, want: []string{"3"}, scanned: 3, notes: []string{"p has no index on code"},
		},
		{
			name: "empty tables", kind: "orphans", schema: `CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE k (id int PRIMARY KEY, ref int);`,
			words: `{table: public.k, column: ref, parent: public.p}`,
		},
		{
			name: "an empty parent", kind: "orphans", schema: `
CREATE SCHEMA "s.1"; CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE "s.1".k (id int PRIMARY KEY, ref int); INSERT INTO "s.1".k VALUES (1, 1), (2, NULL)`,
			words: `{table: '"s.1".k', column: ref, parent: p}`, want: []string{"1"}, scanned: 1,
		},
		{
			name: "a partitioned child", kind: "orphans", schema: `
CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE k (id int, ref int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE k1 PARTITION OF k FOR VALUES FROM (0) TO (50); CREATE TABLE k2 PARTITION OF k FOR VALUES FROM (50) TO (100);
INSERT INTO p SELECT generate_series(1, 90); INSERT INTO k SELECT i, i + 1 FROM generate_series(1, 95) i;`,
			words: `{table: k, column: ref, parent: p}`, want: []string{"90", "91", "92", "93", "94", "95"}, scanned: 95,
		},
		{
			name: "a key without an index", kind: "orphans", schema: `
CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE k (id int, ref int); INSERT INTO p VALUES (1); INSERT INTO k SELECT i, 1 + i / 28 FROM generate_series(1, 30) i`,
			words: `{table: k, key: id, column: ref, parent: p}`, want: []string{"28", "29", "30"}, scanned: 30,
		},
	}
}

func duplicateCases() []conformance {
	const people = `
CREATE TABLE people (id int PRIMARY KEY, email text, name text, doc json, created_at timestamptz, updated_at timestamptz DEFAULT clock_timestamp());
INSERT INTO people SELECT i, 'user' || i || '@example.com', 'n', '{}', now() - i * interval '1 h' FROM generate_series(1, 60) i;
INSERT INTO people VALUES
  (101, 'twice@x', 'n', '{}', now() - interval '2 d'), (102, 'twice@x', 'n', '{}', now() - interval '3 d'),
  (111, 'tie@x', 'n', '{}', '2026-01-01'), (112, 'tie@x', 'n', '{}', '2026-01-01'), (113, 'tie@x', 'n', '{}', '2026-01-01'),
  (121, 'clash@x', 'Ann', '{}', '2026-01-01'), (122, 'clash@x', 'Bob', '{}', '2026-01-02'), (123, 'clash@x', 'Ann', '{"a":1}', '2026-01-03'),
  (131, 'Case@x', 'n', '{}', '2026-01-01'), (132, 'case@x', 'n', '{}', '2026-01-02'),
  (141, NULL, 'n', '{}', '2026-01-01'), (142, NULL, 'n', '{}', '2026-01-02'),
  (151, 'undated@x', 'n', '{}', NULL), (152, 'undated@x', 'n', '{}', '2026-01-02'), (153, 'undated@x', 'n', '{}', NULL);
INSERT INTO people SELECT 1000 + i, 'crowd@x', 'n', '{}', '2026-01-01'::timestamptz + (i / 3) * interval '1 min' FROM generate_series(0, 39) i;
`
	want := []string{"101 duplicate", "112 duplicate", "113 duplicate", "122 conflict", "123 conflict", "151 duplicate", "153 duplicate"}
	for i := 1001; i < 1040; i++ {
		want = append(want, strings.Replace("N duplicate", "N", itoa(i), 1))
	}
	slices.Sort(want)
	words := `{table: people, columns: email, time: created_at, compare: [name, doc]}`
	notes := []string{"5 values of email occur more than once in people"}
	return []conformance{
		{
			name: "with an index", kind: "duplicates", schema: people + "CREATE INDEX ON people (email)", words: words, want: want, scanned: 113,
			notes: notes, columns: []string{"id", "email", "created_at", "kept id"},
		},
		{
			name: "without an index", kind: "duplicates", schema: people, words: words, want: want, scanned: 113,
			notes: append(notes, "An index on people (email)"),
		},
		{
			name: "compared by default", kind: "duplicates", schema: people, words: `{table: people, columns: [email], keep: created_at, time: created_at, where: "id < 1000"}`,
			want: slices.DeleteFunc(slices.Clone(want), func(k string) bool { return len(k) > len("101 duplicate") }), scanned: 73,
		},
		{
			name: "whatever the case", kind: "duplicates", schema: people + "DELETE FROM people WHERE id NOT IN (131, 132, 1)",
			words: `{table: people, columns: email, time: created_at, ignore_case: true}`, want: []string{"132 duplicate"}, scanned: 3,
		},
		{
			name: "young rows are spared", kind: "duplicates", schema: `
CREATE TABLE t (id int PRIMARY KEY, v int, at timestamp); INSERT INTO t VALUES (1, 1, now() - interval '1 d'), (2, 1, now()), (3, 2, now() - interval '1 d'), (4, 2, now() - interval '1 h');`,
			words: `{table: t, columns: v, time: at, min_age: 10m}`, want: []string{"4 duplicate"}, scanned: 3,
		},
		{
			name: "columns together", kind: "duplicates", schema: `
CREATE TABLE "T T" (a uuid, b int, "Pair 1" text, "Pair 2" numeric, PRIMARY KEY (a, b));
INSERT INTO "T T" SELECT md5(i::text)::uuid, i, 'x', i FROM generate_series(1, 30) i;
INSERT INTO "T T" VALUES ('00000000-0000-0000-0000-000000000000', 1, 'x', 1.00), ('ffffffff-0000-0000-0000-000000000000', 7, 'y', 1), ('ffffffff-0000-0000-0000-000000000000', 8, 'x', NULL), ('ffffffff-0000-0000-0000-000000000000', 9, 'x', NULL);`,
			words: `{table: T T, columns: [Pair 1, Pair 2]}`, want: []string{"c4ca4238-a0b9-2382-0dcc-509a6f75849b,1 duplicate"}, scanned: 32,
		},
		{name: "empty", kind: "duplicates", schema: `CREATE TABLE t (id int PRIMARY KEY, v int)`, words: `{table: t, columns: v}`},
		{
			name: "all the same", kind: "duplicates", schema: `CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, 1 FROM generate_series(1, 50) i; CREATE INDEX ON t (v)`,
			words: `{table: t, columns: v}`, want: suffixed(numbered("%d", 2, 50), " duplicate"), scanned: 50,
		},
	}
}

func rowCases() []conformance {
	const stock = `
CREATE TABLE products (id int PRIMARY KEY, "Stock" int, price numeric, made timestamptz DEFAULT '2026-01-01');
INSERT INTO products SELECT i, i, i FROM generate_series(1, 50) i;
INSERT INTO products VALUES (101, -1, 2), (102, NULL, 3), (103, 0, 4), (104, -5, 'NaN');
INSERT INTO products VALUES (105, -7, 8, now());
`
	return []conformance{
		{
			name: "negative stock", kind: "rows", schema: stock, words: `{table: products, wrong: '"Stock" < 0', money: price * abs("Stock")}`,
			want: []string{"101", "104", "105"}, scanned: 55, columns: []string{"id", "Stock"},
		},
		{
			name: "old enough", kind: "rows", schema: stock, words: `{table: products, wrong: 'products."Stock" < 0', time: made, min_age: 1h, where: price <> 2 OR price IS NULL}`,
			want: []string{"104"}, scanned: 52, notes: []string{"1 rows of products are younger than 60 min"},
		},
		{name: "nothing wrong", kind: "rows", schema: stock, words: `{table: products, wrong: "price < 0"}`, scanned: 55},
		{name: "everything wrong", kind: "rows", schema: stock + "DELETE FROM products WHERE id > 60", words: `{table: products, wrong: "TRUE"}`, want: sorted(numbered("%d", 1, 50)), scanned: 50},
		{name: "empty", kind: "rows", schema: stock + "TRUNCATE products", words: `{table: products, wrong: "true"}`},
		{
			name: "a key of odd types", kind: "rows", schema: `
CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (a mood, b char(5), c timestamptz, d bytea, v int, PRIMARY KEY (a, b, c, d));
INSERT INTO t SELECT m::mood, 'k' || i % 3, '2026-01-01'::timestamptz + i * interval '1.000001 s', decode(lpad(to_hex(i), 4, '0'), 'hex'), i FROM generate_series(1, 20) i, unnest(ARRAY['sad', 'ok']) m;`,
			words: `{table: t, wrong: "v = 17"}`, want: []string{`ok,k2,2026-01-01 00:00:17.000017+00,\x0011`, `sad,k2,2026-01-01 00:00:17.000017+00,\x0011`}, scanned: 40,
		},
		{
			name: "a materialized view", kind: "rows", schema: stock + `CREATE MATERIALIZED VIEW m AS SELECT * FROM products`,
			words: `{table: m, key: id, wrong: '"Stock" < 0'}`, want: []string{"101", "104", "105"}, scanned: 55,
		},
	}
}

func queryCases() []conformance {
	const schema = `
CREATE TABLE orders (id text PRIMARY KEY, status text, total numeric, currency text, created_at timestamptz);
INSERT INTO orders SELECT 'o' || i, CASE WHEN i % 10 = 0 THEN 'PENDING' ELSE 'COMPLETED' END, i, 'USD', now() - i * interval '1 h' FROM generate_series(1, 50) i;
`
	return []conformance{
		{
			name: "rows are findings", kind: "query", schema: schema,
			words: "sql: |\n  SELECT id, status, total, currency, created_at FROM orders -- a remark\n  WHERE status = 'PENDING';\nof: orders\nmoney: total\ncurrency_column: currency\ntime: created_at",
			want:  []string{"o10", "o20", "o30", "o40", "o50"}, scanned: 50, columns: []string{"id", "status", "total", "currency", "created_at"},
		},
		{name: "no rows", kind: "query", schema: schema, words: `{sql: "SELECT id FROM orders WHERE total < 0", of: orders}`, scanned: 50},
		{
			name: "a key that is NULL or repeated", kind: "query", schema: schema,
			words: `{sql: "SELECT CASE WHEN total > 40 THEN status END AS s, total FROM orders WHERE total > 30", key: s}`,
			want:  append(append(slices.Repeat([]string{""}, 10), slices.Repeat([]string{"COMPLETED"}, 9)...), "PENDING"), scanned: 20,
		},
	}
}

func foreignKeyCases() []conformance {
	return []conformance{
		{
			name: "violated, not valid, and right", kind: "foreign-keys", schema: `
CREATE TABLE products (id int PRIMARY KEY); CREATE TABLE moves (id int PRIMARY KEY, product int REFERENCES products);
CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE "Uses" (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES pairs);
CREATE TABLE people (id int PRIMARY KEY, boss int); ALTER TABLE people ADD CONSTRAINT "people boss" FOREIGN KEY (boss) REFERENCES people NOT VALID;
CREATE SCHEMA other; CREATE TABLE other.people (id int PRIMARY KEY, ref int REFERENCES public.people);
INSERT INTO products SELECT generate_series(1, 20); INSERT INTO moves SELECT i, 1 + i % 20 FROM generate_series(1, 40) i;
INSERT INTO pairs VALUES (1, 1); INSERT INTO people VALUES (1, NULL), (2, 1), (3, 3); INSERT INTO other.people VALUES (1, 1);
SET session_replication_role = replica;
INSERT INTO moves VALUES (101, 77), (102, NULL); INSERT INTO "Uses" VALUES (1, 1, 1), (2, 1, NULL), (3, 9, 9); INSERT INTO other.people VALUES (7, 70);`,
			words: `{}`, want: []string{"101 violated", "3 violated", "7 violated", "people boss not valid"}, scanned: 41 + 2 + 2 + 2,
			notes: []string{"4 foreign keys are declared"}, columns: []string{"constraint", "table", "key", "refers to", "parent"},
		},
		{
			name: "of one schema", kind: "foreign-keys", schema: `
CREATE SCHEMA a; CREATE TABLE a.p (id int PRIMARY KEY); CREATE TABLE a.k (id int PRIMARY KEY, p int REFERENCES a.p);
CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE k (id int, p int REFERENCES p);
SET session_replication_role = replica; INSERT INTO a.k VALUES (1, 1); INSERT INTO k VALUES (2, 2), (3, 2), (3, NULL)`,
			words: `{schemas: public}`, want: []string{"2 violated", "2 violated"}, scanned: 2,
		},
		{name: "none", kind: "foreign-keys", schema: `CREATE TABLE t (id int)`, words: `{tables: t}`, notes: []string{"0 foreign keys are declared"}},
	}
}

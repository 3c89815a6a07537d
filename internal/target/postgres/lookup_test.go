package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/pgtest"
)

func TestLookupGivesRowsByTheTextThatWasAskedFor(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, `
CREATE TABLE customers (id bigint PRIMARY KEY, "Full Name" text, total numeric, active boolean, born date, seen timestamptz, gone timestamptz);
INSERT INTO customers VALUES (7, 'Ann', 1.50, true, '1990-01-02', '2026-01-02 05:04:05.5+02', NULL), (8, NULL, NULL, NULL, NULL, NULL, now());
CREATE TABLE by_text (code text, n int);
INSERT INTO by_text VALUES ('it''s', 1), ('ü', 2), ('7', 3);
CREATE DOMAIN price AS numeric(12,2); CREATE DOMAIN fair_price AS price; CREATE DOMAIN code AS character(4);
CREATE TABLE of_domains (code code PRIMARY KEY, price fair_price, letters character(5), more character varying(7));
INSERT INTO of_domains VALUES ('A1', 12.5, 'ab', 'x');
CREATE TABLE twice (code text); INSERT INTO twice VALUES ('a'), ('a'), ('b');`)
	target := open(t, brisk(dsn))
	text := func(values ...string) []*string {
		var out []*string
		for _, v := range values {
			if v == "NULL" {
				out = append(out, nil)
				continue
			}
			out = append(out, &v)
		}
		return out
	}
	for _, tt := range []struct {
		name, table, key string
		columns, keys    []string
		want             [][]*string
	}{
		{
			"values as text", "customers", "id",
			[]string{"Full Name", "total", "active", "born", "seen"},
			[]string{"7", "8", "9", "007", "abc", "", "7; DROP TABLE customers", "9223372036854775808"},
			[][]*string{
				text("Ann", "1.50", "true", "1990-01-02", "2026-01-02 03:04:05.5+00"), text("NULL", "NULL", "NULL", "NULL", "NULL"), nil,
				text("Ann", "1.50", "true", "1990-01-02", "2026-01-02 03:04:05.5+00"), nil, nil, nil, nil,
			},
		},
		{"an expression over the row", "customers", "id", []string{"(gone IS NULL AND total > 1 AND id = 7)"}, []string{"7", "8"}, [][]*string{text("true"), text("false")}},
		{"text", "by_text", "code", []string{"n"}, []string{"it's", "ü", "7", "7 ", "a\x00b", "\xff", "7", "7"}, [][]*string{text("1"), text("2"), text("3"), nil, nil, nil, text("3"), text("3")}},
		{"nothing", "customers", "id", []string{"total"}, nil, [][]*string{}},
		{"a domain over text of a fixed length", "of_domains", "code", []string{"price", "letters"}, []string{"A1", "A1  ", "a1"}, [][]*string{text("12.50", "ab"), text("12.50", "ab"), nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := time.Now()
			got, now, err := lookupOf(t, target, tt.table, tt.key, tt.columns).Rows(t.Context(), tt.keys)
			if err != nil {
				t.Fatal(err)
			}
			if off := now.Sub(before).Abs(); off > 30*time.Second { // the same machine's clock
				t.Errorf("the database's clock says %s, ours %s", now, before)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	for _, tt := range []struct{ table, key, column, says string }{
		{"customer", "id", "total", "There is no table customer in Postgres test/shop: did you mean customers?"},
		{"customers", "ident", "total", "Table customers has no column ident"},
		{"customers", "id", "totl", "Table customers has no column totl: did you mean total?"},
		{"customers", "active", "total", "is of type boolean: an id must be text, a uuid or a whole number."},
		{"customers", "id", "(total) > 1) OR (true)", "The expression (total) > 1) OR (true) over table customers must be one expression"},
		{"twice", "code", "code", "Column code of table twice does not tell its rows apart: two have the same one."},
	} {
		l, err := target.Lookup(t.Context(), tt.table, tt.key, []string{tt.column}, Pace{Full: true})
		if err == nil {
			_, _, err = l.Rows(t.Context(), []string{"a", "b"})
		}
		if err == nil || !strings.Contains(sentence(t, err), tt.says) {
			t.Errorf("%s.%s: %v, want %s", tt.table, tt.column, err, tt.says)
		}
	}
}

// TestLookupUsesTheIndex of the key, whatever its type.
func TestLookupUsesTheIndex(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, `
CREATE TABLE numbers (id bigint PRIMARY KEY, name text); INSERT INTO numbers SELECT i, 'n' || i FROM generate_series(1, 100000) i;
CREATE TABLE texts (id text PRIMARY KEY, name text); INSERT INTO texts SELECT 'c' || i, 'n' || i FROM generate_series(1, 100000) i;
CREATE TABLE uuids (id uuid PRIMARY KEY, name text); INSERT INTO uuids SELECT gen_random_uuid(), 'n' || i FROM generate_series(1, 100000) i;
ANALYZE numbers; ANALYZE texts; ANALYZE uuids;`)
	target := open(t, brisk(dsn))
	for table, key := range map[string]string{"numbers": "7", "texts": "c7", "uuids": "00000000-0000-4000-8000-000000000001"} {
		l, err := target.lookup(t.Context(), table, "id", []string{"name"})
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		err = target.query(t.Context(), "EXPLAIN "+l.sql, []any{[]string{key}}, func(rows pgx.Rows) error {
			var line string
			err := rows.Scan(&line)
			plan = append(plan, line)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); !strings.Contains(text, "Index") || strings.Contains(text, "Seq Scan") {
			t.Errorf("%s:\n%s", table, text)
		}
	}
	var keys []string
	for i := range 2*lookupAtOnce + 7 {
		keys = append(keys, fmt.Sprintf("c%d", 5*i))
	}
	found, _, err := lookupOf(t, target, "texts", "id", []string{"name"}).Rows(t.Context(), keys)
	if err != nil || len(found) != 2*lookupAtOnce+7 || found[0] != nil { // there is no c0
		t.Fatalf("found %d, %v", len(found), err)
	}
	for i, row := range found[1:] {
		if want := fmt.Sprintf("n%d", 5*(i+1)); len(row) == 0 || *row[0] != want {
			t.Fatalf("the row of %s is %v", keys[i+1], row)
		}
	}
}

func lookupOf(t *testing.T, target *Target, table, key string, columns []string) *Lookup {
	t.Helper()
	l, err := target.Lookup(t.Context(), table, key, columns, Pace{Full: true})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLookupNamesTypes(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, `
CREATE DOMAIN price AS numeric(12,2); CREATE DOMAIN fair_price AS price; CREATE DOMAIN moment AS timestamptz(3);
CREATE TABLE t (id bigint PRIMARY KEY, name text, fair fair_price, at moment, letters character(5), short character varying(7), r real);`)
	l := lookupOf(t, open(t, brisk(dsn)), "t", "id", []string{"name", "fair", "at", "letters", "short", "r", "(r IS NULL)"})
	want := []string{"text", "numeric", "timestamp with time zone", "character", "character varying", "real", "boolean"}
	if diff := cmp.Diff(want, l.Types()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAllRowsOfATable, each with what a lookup gives.
func TestAllRowsOfATable(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	const rows = 2*allAtOnce + 77
	pgtest.Exec(t, dsn, fmt.Sprintf(`
CREATE TABLE t (id bigint PRIMARY KEY, name text, n numeric); INSERT INTO t SELECT i, CASE WHEN i %% 3 = 0 THEN NULL ELSE 'n' || i END, i FROM generate_series(1, %d) i;
CREATE TABLE parent (id bigint PRIMARY KEY, name text, n numeric); CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent); INSERT INTO child SELECT * FROM t;
CREATE TABLE unknown (id bigint PRIMARY KEY, name text, n numeric); INSERT INTO unknown VALUES (1, 'a', 1);
ANALYZE t; ANALYZE parent; DELETE FROM t WHERE id %% 10 = 0;`, rows))
	target := open(t, brisk(dsn))
	l := lookupOf(t, target, "t", "id", []string{"name", "(n > 5)"})
	got := map[string][2]string{}
	read, err := l.All(t.Context(), rows+rows/10, func(key []byte, row [][]byte) error {
		name := string(row[0])
		if row[0] == nil {
			name = "NULL"
		}
		got[string(key)] = [2]string{name, string(row[1])}
		return nil
	})
	if err != nil || !read {
		t.Fatalf("read %v, %v", read, err)
	}
	want := map[string][2]string{}
	for i := 1; i <= rows; i++ {
		name := fmt.Sprint("n", i)
		if i%3 == 0 {
			name = "NULL"
		}
		if i%10 != 0 {
			want[fmt.Sprint(i)] = [2]string{name, fmt.Sprint(i > 5)}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%.1000s", diff)
	}
	var plan []string
	err = target.query(t.Context(), "EXPLAIN "+l.all, []any{"(0,0)", "(10,0)"}, func(rows pgx.Rows) error {
		var line string
		err := rows.Scan(&line)
		plan = append(plan, line)
		return err
	})
	if text := strings.Join(plan, "\n"); err != nil || !strings.Contains(text, "Tid Range Scan") {
		t.Errorf("%s, %v", text, err)
	}
	for table, most := range map[string]int64{"t": rows / 2, "parent": 10 * rows, "unknown": rows} {
		read, err := lookupOf(t, target, table, "id", []string{"name"}).All(t.Context(), most, func([]byte, [][]byte) error { t.Errorf("%s was read", table); return nil })
		if read || err != nil {
			t.Errorf("%s: %v, %v", table, read, err)
		}
	}
}

// TestAPoliteLookupWaitsForABusyDatabase, and says why.
func TestAPoliteLookupWaitsForABusyDatabase(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, "CREATE TABLE t (id bigint PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'a');")
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if _, err := conn.Exec(t.Context(), "BEGIN; SELECT 1"); err != nil { // somebody's transaction, longer than is allowed
		t.Fatal(err)
	}
	o := brisk(dsn)
	o.Polite.LongestTransaction, o.Polite.LookEvery, o.Polite.MaxPause = time.Nanosecond, time.Nanosecond, time.Second
	o.Sleep = func(context.Context, time.Duration) error { return nil }
	target := open(t, o)
	for _, full := range []bool{true, false} {
		var said []string
		l, err := target.Lookup(t.Context(), "t", "id", []string{"name"}, Pace{Full: full, Paused: func(why string) { said = append(said, why) }})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = l.Rows(t.Context(), []string{"1"})
		if full && (err != nil || len(said) > 0) {
			t.Errorf("at full speed it said %q, %v", said, err)
		}
		if !full && (len(said) == 0 || !strings.Contains(said[0], "transaction") || err == nil || !strings.Contains(sentence(t, err), "was too busy to be read")) {
			t.Errorf("politely it said %q, %v", said, err)
		}
	}
}

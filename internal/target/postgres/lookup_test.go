package postgres

import (
	"fmt"
	"strings"
	"testing"

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
		want             map[string][]*string
	}{
		{
			"values as text", "customers", "id", []string{"Full Name", "total", "active", "born", "seen"},
			[]string{"7", "8", "9", "007", "abc", "", "7; DROP TABLE customers", "9223372036854775808"},
			map[string][]*string{
				"7": text("Ann", "1.50", "true", "1990-01-02", "2026-01-02 03:04:05.5+00"), "007": text("Ann", "1.50", "true", "1990-01-02", "2026-01-02 03:04:05.5+00"),
				"8": text("NULL", "NULL", "NULL", "NULL", "NULL"),
			},
		},
		{"an expression over the row", "customers", "id", []string{"(gone IS NULL AND total > 1 AND id = 7)"}, []string{"7", "8"}, map[string][]*string{"7": text("true"), "8": text("false")}},
		{"text", "by_text", "code", []string{"n"}, []string{"it's", "ü", "7", "7 ", "a\x00b", "\xff", "7", "7"}, map[string][]*string{"it's": text("1"), "ü": text("2"), "7": text("3")}},
		{"types", "customers", "id", []string{"Full Name", "total", "seen", "(gone IS NULL)"}, nil, map[string][]*string{"": text("text", "numeric", "timestamp with time zone", "boolean")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := target.Lookup(t.Context(), tt.table, tt.key, tt.columns, tt.keys)
			if err != nil {
				t.Fatal(err)
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
		_, err := target.Lookup(t.Context(), tt.table, tt.key, []string{tt.column}, []string{"a", "b"})
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
	found, err := target.Lookup(t.Context(), "texts", "id", []string{"name"}, keys)
	if err != nil || len(found) != 2*lookupAtOnce+6 { // but c0
		t.Errorf("found %d, %v", len(found), err)
	}
}

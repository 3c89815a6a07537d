package shop_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/shop"
)

var allTables = []string{
	"customers", "products", "inventory", "orders", "order_items", "payments", "domain_events", "processed_events",
	"flyway_schema_history",
}

// digest is a hash over every row of every table, in the order of their text.
func digest(t *testing.T, conn *pgx.Conn) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for _, table := range allTables {
		var sum string
		sql := "SELECT count(*) || ' rows, ' || md5(coalesce(string_agg(row, E'\\n' ORDER BY row COLLATE \"C\"), '')) FROM (SELECT t::text AS row FROM " + table + " t) rows"
		if err := conn.QueryRow(bounded(t, time.Minute), sql).Scan(&sum); err != nil {
			t.Fatal(err)
		}
		sums[table] = sum
	}
	return sums
}

func TestSameSeedSameShop(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	shopOf := func(opt shop.Options) (map[string]string, *shop.Truth) {
		dsn, truth := generate(t, opt)
		return digest(t, connect(t, dsn)), truth
	}
	rows, truth := shopOf(shop.Options{Seed: 41, Now: now})
	again, truthAgain := shopOf(shop.Options{Seed: 41, Now: now})
	if diff := cmp.Diff(rows, again); diff != "" {
		t.Errorf("two shops of one seed differ:\n%s", diff)
	}
	if diff := cmp.Diff(truth, truthAgain); diff != "" {
		t.Errorf("the truths of two shops of one seed differ:\n%s", diff)
	}
	spread, _ := shopOf(shop.Options{Seed: 41, Now: now, Unclustered: true})
	if diff := cmp.Diff(rows, spread); diff != "" {
		t.Errorf("spreading items over the table changed more than their order:\n%s", diff)
	}
	other, _ := shopOf(shop.Options{Seed: 42, Now: now})
	for _, table := range []string{"customers", "products", "inventory", "orders", "order_items", "payments"} {
		if rows[table] == other[table] {
			t.Errorf("%s is the same for another seed", table)
		}
	}
}

func TestSizes(t *testing.T) {
	dsn, truth := generate(t, shop.Options{Orders: 10_000, Seed: 43, Plant: shop.PlantNone})
	want := map[string]int64{
		"customers": 1000, "products": 200, "inventory": 600, "orders": 10_000, "order_items": 30_000, "payments": 9_000,
		"flyway_schema_history": 57, "domain_events": truth.Rows["domain_events"], "processed_events": truth.Rows["domain_events"],
	}
	if diff := cmp.Diff(want, truth.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	conn := connect(t, dsn)
	for _, table := range allTables {
		var n int64
		if err := conn.QueryRow(bounded(t, time.Minute), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 0 || n != truth.Rows[table] {
			t.Errorf("%s has %d rows, the truth says %d", table, n, truth.Rows[table])
		}
	}
}

func TestItemsLieWhereTheyShould(t *testing.T) {
	// How far apart, in pages, the items of one order lie on average.
	const spread = `
		SELECT avg(apart)::float8, (SELECT relpages FROM pg_class WHERE relname = 'order_items')::float8
		FROM (SELECT max((ctid::text::point)[0]) - min((ctid::text::point)[0]) AS apart FROM order_items
		      WHERE order_id IS NOT NULL GROUP BY order_id HAVING count(*) > 1) orders`
	for _, tt := range []struct {
		name        string
		unclustered bool
		least, most float64 // share of the table
	}{
		{"clustered", false, 0, 0.05},
		{"unclustered", true, 0.3, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dsn, _ := generate(t, shop.Options{Seed: 44, Unclustered: tt.unclustered})
			var apart, pages float64
			if err := connect(t, dsn).QueryRow(bounded(t, time.Minute), spread).Scan(&apart, &pages); err != nil {
				t.Fatal(err)
			}
			if share := apart / pages; share < tt.least || share > tt.most {
				t.Errorf("items of one order are %.3f of the table apart, want %g to %g", share, tt.least, tt.most)
			}
		})
	}
}

func TestEnoughKindsAreFullyPlanted(t *testing.T) {
	_, truth := generate(t, shop.Options{Seed: 45})
	kinds := map[bool]map[string]bool{false: {}, true: {}}
	classes := map[string]bool{}
	for _, p := range truth.Plants {
		if len(p.Keys) == 0 || p.About == "" || p.Table == "" {
			t.Errorf("%s for %s lacks keys, table or description", p.Kind, p.Check)
		}
		kinds[p.Innocent][p.Kind] = true
		if p.Check == shop.OrderPayments && !p.Innocent {
			classes[p.Class] = true
		}
	}
	for innocent, found := range kinds {
		if len(found) < 16 {
			t.Errorf("only %d kinds with innocent = %t, goal R6 wants 16", len(found), innocent)
		}
	}
	want := []string{"overpaid", "paid_but_cancelled", "paid_but_pending", "paid_twice", "underpaid", "unpaid", "wrong_currency"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(classes))); diff != "" {
		t.Errorf("classes of order-payments (-want +got):\n%s", diff)
	}
}

func TestYoungPlantsMature(t *testing.T) {
	_, truth := generate(t, shop.Options{Seed: 46})
	young := truth.At(truth.Now.Add(shop.MinimumAge - time.Minute - time.Second))
	old := truth.At(truth.Now.Add(shop.MinimumAge))
	matured := 0
	for _, check := range truth.Checks() {
		if diff := cmp.Diff(truth.Defects(check), young.Defects(check)); diff != "" {
			t.Errorf("%s: something matured before its time:\n%s", check, diff)
		}
		matured += len(old.Defects(check)) - len(truth.Defects(check))
	}
	if want := 4 + 4 + 2*3; matured != want {
		t.Errorf("%d keys became defects by age, want %d", matured, want)
	}
	_, lasting := generate(t, shop.Options{Seed: 46, Plant: shop.PlantLasting})
	if diff := cmp.Diff(lasting, lasting.At(lasting.Now.Add(1000*time.Hour))); diff != "" {
		t.Errorf("a lasting truth changed with time:\n%s", diff)
	}
}

func TestHostileTextsAreInEveryTextColumn(t *testing.T) {
	dsn, _ := generate(t, shop.Options{Seed: 47})
	conn := connect(t, dsn)
	for _, column := range []string{
		"customers.id", "customers.email", "customers.name", "customers.phone", "products.id", "products.name", "orders.id",
		"orders.customer_id", "orders.note", "order_items.id", "order_items.order_id", "order_items.product_id", "payments.id",
		"payments.order_id", "payments.provider_ref",
	} {
		table, name, _ := strings.Cut(column, ".")
		for _, text := range shop.HostileTexts() {
			runes := []rune(text)
			var n int
			sql := "SELECT count(*) FROM " + table + " WHERE starts_with(" + name + ", $1)"
			if err := conn.QueryRow(bounded(t, time.Minute), sql, string(runes[:min(60, len(runes))])).Scan(&n); err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				t.Errorf("no %s begins with %.40q", column, text)
			}
		}
	}
	var note, id int
	if err := conn.QueryRow(bounded(t, time.Minute), "SELECT max(length(note)), max(length(id)) FROM orders").Scan(&note, &id); err != nil {
		t.Fatal(err)
	}
	if note < 5000 || id > 100 {
		t.Errorf("the longest note has %d characters and the longest id %d; want at least 5,000 and at most 100", note, id)
	}
}

func TestTruthSurvivesJSON(t *testing.T) {
	_, truth := generate(t, shop.Options{Seed: 48})
	data, err := json.Marshal(truth)
	if err != nil {
		t.Fatal(err)
	}
	read, err := shop.ReadTruth(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(truth, read); diff != "" {
		t.Errorf("written (-) and read (+):\n%s", diff)
	}
	for _, bad := range []string{``, `{"plants": 1}`, `{"plants":[{"check":"c","table":"t","keys":["a"]},{"check":"c","table":"t","keys":["a"],"innocent":true}]}`} {
		if _, err := shop.ReadTruth([]byte(bad)); err == nil {
			t.Errorf("read %q without an error", bad)
		}
	}
}

func TestGenerateRefuses(t *testing.T) {
	used, _ := generate(t, shop.Options{Orders: 1000, Plant: shop.PlantNone})
	plain := pgtest.Database(t)
	pgtest.Exec(t, plain, "CREATE ROLE shop_owner_test LOGIN; GRANT ALL ON SCHEMA public TO shop_owner_test")
	t.Cleanup(func() { pgtest.Exec(t, plain, "DROP OWNED BY shop_owner_test; DROP ROLE shop_owner_test") })
	tests := []struct {
		name string
		dsn  string
		opt  shop.Options
		want string
	}{
		{"too few orders", "", shop.Options{Orders: 10}, "orders must be between 1000"},
		{"an unknown planting", "", shop.Options{Plant: 9}, "there is no planting 9"},
		{"no server", "host=/nowhere user=nobody", shop.Options{}, "make shop: "},
		{"a database in use", used, shop.Options{}, "already has a table customers; use an empty database"},
		{"a role that may not turn triggers off", pgtest.As(plain, "shop_owner_test"), shop.Options{Orders: 1000}, "this needs a superuser"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			truth, err := shop.Generate(bounded(t, time.Minute), tt.dsn, tt.opt)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if truth != nil {
				t.Error("a truth in spite of the error")
			}
		})
	}
}

func TestProgress(t *testing.T) {
	seen := map[string]int64{}
	generate(t, shop.Options{Orders: 50_000, Seed: 49, Progress: func(p shop.Progress) { seen[p.Step] = max(seen[p.Step], p.Done) }})
	for _, step := range []string{"schema", "orders", "order_items", "payments", "keys", "references", "vacuum"} {
		if _, told := seen[step]; !told {
			t.Errorf("nothing told about %s", step)
		}
	}
	if done := seen["order_items"]; done < 100_000 || done > 160_000 {
		t.Errorf("told that %d items were written while it went on, want more than half of 150,000", done)
	}
}

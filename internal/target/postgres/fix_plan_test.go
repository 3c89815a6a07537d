package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/shop"
)

// repairs are what the plans of the shop's fixes do, and to which of the truth's
// defects.
func repairs() map[string]struct {
	check, mode, table string
	op                 fix.Op
	leaves             func(shop.Plant) bool
} {
	type repair = struct {
		check, mode, table string
		op                 fix.Op
		leaves             func(shop.Plant) bool
	}
	none := func(shop.Plant) bool { return false }
	return map[string]repair{
		"orphans, quarantine":  {shop.OrphanedOrders, "", "orders", fix.Quarantine, none},
		"orphans, delete":      {shop.OrphanedOrders, "delete", "orders", fix.Delete, none},
		"orphans, attach":      {shop.OrphanedOrders, "attach", "orders", fix.Update, none},
		"payments, quarantine": {shop.PaymentsWithoutOrder, "", "payments", fix.Quarantine, none},
		"payments, set-null":   {shop.PaymentsWithoutOrder, "set-null", "payments", fix.Update, none},
		"items, quarantine":    {shop.ItemsWithoutOrder, "", "order_items", fix.Quarantine, none},
		"items, set-null":      {shop.ItemsWithoutProduct, "", "order_items", fix.Update, none},
		"duplicates":           {shop.DuplicateEmails, "", "customers", fix.Delete, func(p shop.Plant) bool { return p.Class == shop.Conflict }},
		"totals, set":          {shop.OrderTotals, "", "orders", fix.Update, none},
		"stock, set":           {shop.ProductStock, "", "products", fix.Update, none},
		"match":                {shop.OrderPayments, "", "orders", fix.Update, func(p shop.Plant) bool { return p.Class != shop.PaidButPending }},
		"rows":                 {shop.NegativeStock, "", "products", fix.Update, none},
	}
}

// TestPlanIsWhatTheCheckFinds drafts each of the shop's fixes: it changes
// nothing, repairs exactly what was planted, and comes out the same twice.
func TestPlanIsWhatTheCheckFinds(t *testing.T) {
	t.Parallel()
	dsn, truth := plannedShop(t)
	o := brisk(dsn)
	o.chunkRows = 400
	target := open(t, o)
	before := checksums(t, dsn)
	for name, c := range repairs() {
		t.Run(name, func(t *testing.T) {
			r := shopRemedy(t, target, c.check)
			this := asked(mode(c.mode), argument("c5"))
			if c.mode != "attach" {
				this.Argument = ""
			}
			d := r.draft(t, this)
			var want []string
			var leaves int64
			defects := truth.Defects(c.check)
			for _, key := range slices.Sorted(maps.Keys(defects)) {
				if c.leaves(defects[key]) {
					leaves++
				} else {
					want = append(want, key)
				}
			}
			got := changesOf(d, c.op, c.table)
			if c.check == shop.PaymentsWithoutOrder || c.check == shop.DuplicateEmails { // they refer to themselves, too
				got = slices.DeleteFunc(got, func(k string) bool { return !slices.Contains(want, k) })
			}
			diffKeys(t, "victims", want, got)
			if d.Found != int64(len(defects)) || d.Rows != int64(len(want)) || left(d) != leaves {
				t.Errorf("found %d, repairs %d, leaves %d; want %d, %d, %d", d.Found, d.Rows, left(d), len(defects), len(want), leaves)
			}
			judgeDraft(t, d)
			again := r.draft(t, this)
			if hashOf(t, d, this) != hashOf(t, again, this) {
				t.Errorf("another draft of the same data has another hash:\n%s", cmp.Diff(d.Content, again.Content))
			}
			sameRows(t, dsn, before)
		})
	}
}

// judgeDraft judges what every draft must be.
func judgeDraft(t *testing.T, d fix.Draft) {
	t.Helper()
	if d.Does == "" || d.Button == "" || d.Noun == "" || d.Place == "" || d.Target != "shop" || d.Of < d.Found {
		t.Errorf("draft is not complete: does %q, button %q, noun %q, place %q, target %q, of %d", d.Does, d.Button, d.Noun, d.Place, d.Target, d.Of)
	}
	if d.Done == "" {
		t.Error("it does not say what is done")
	}
	made, dependants, repairs := int64(0), int64(0), int64(0)
	for _, c := range d.Content.Changes {
		f := d.Content.Forms[c.Form]
		if f.Op != fix.Keep {
			made++
		}
		if c.Repairs {
			repairs++
		}
		if f.Op == fix.Update && (len(c.Old) != len(f.Columns) || len(c.New) != len(f.Columns)) ||
			(f.Op == fix.Delete || f.Op == fix.Quarantine) && c.Before == "" || f.Op == fix.Insert && c.After == "" {
			t.Errorf("%s of %v is not complete", f.Op, c.Key)
		}
	}
	for _, one := range d.Dependants {
		dependants += one.Rows
	}
	if d.Total != made || d.Total != d.Rows+dependants || repairs != d.Rows {
		t.Errorf("total %d; %d changes, %d rows, %d dependants", d.Total, made, d.Rows, dependants)
	}
	if want := min(int(d.Rows), fix.MaxSamples); len(d.Samples) != want {
		t.Errorf("%d samples, want %d", len(d.Samples), want)
	}
	if len(d.Listing) < int(d.Total)+1 {
		t.Errorf("%d lines list %d changes", len(d.Listing), d.Total)
	}
	for _, b := range d.Content.Batches() {
		if len(b.Changes) > fix.MaxBatch {
			t.Errorf("batch %d has %d changes", b.N, len(b.Changes))
		}
	}
	secret := []string{"@example.com", "+1-555", "evil.example", "DROP TABLE", "jndi"}
	for _, line := range d.Listing[1:] {
		if !strings.HasSuffix(line[3], "id") && !strings.HasSuffix(line[3], "email") && len(line[2]) < 30 {
			for _, cell := range line[4:] {
				for _, s := range secret {
					if strings.Contains(maskedParts(cell), s) {
						t.Errorf("the listing shows %q", line)
					}
				}
			}
		}
		for _, cell := range line {
			if cell != "" && strings.ContainsRune("=@\t\r", rune(cell[0])) {
				t.Errorf("a spreadsheet would take %q for a formula", cell)
			}
		}
	}
}

// maskedParts are the parts of a cell that must be masked: names, phones, notes.
func maskedParts(cell string) string {
	var out []string
	for _, part := range strings.Split(cell, ", ") {
		column, value, _ := strings.Cut(part, " ")
		switch column {
		case "name", "phone", "note":
			out = append(out, value)
		}
	}
	return strings.Join(out, " ")
}

// TestPlanRepairsTheShop carries each of the shop's fixes out, runs the check
// again, and takes it back.
func TestPlanRepairsTheShop(t *testing.T) {
	t.Parallel()
	for name, c := range repairs() {
		t.Run(name, func(t *testing.T) {
			dsn, _ := plannedShop(t)
			o := brisk(dsn)
			o.chunkRows = 400
			r := shopRemedy(t, open(t, o), c.check)
			this := asked(mode(c.mode))
			if c.mode == "attach" {
				this.Argument = "c5"
			}
			r.repaired(t, dsn, this, r.draft(t, this))
		})
	}
}

func TestPlanAdjustsTheLedgerInsteadOfTheStock(t *testing.T) {
	t.Parallel()
	dsn, truth := plannedShop(t)
	r := shopRemedy(t, open(t, brisk(dsn)), shop.ProductStock)
	this := asked(mode("adjust"))
	d := r.draft(t, this)
	judgeDraft(t, d)
	unknown := 0
	for _, p := range truth.Defects(shop.ProductStock) {
		if p.Kind == "stock-null" {
			unknown++
		}
	}
	if len(d.Left) != 1 || d.Left[0].Rows != int64(unknown) || !strings.Contains(d.Left[0].Why, "NULL") {
		t.Errorf("left %+v, want the %d without a stock", d.Left, unknown)
	}
	for _, key := range changesOf(d, fix.Insert, "inventory") {
		if !strings.HasPrefix(key, "adjust-P-1043-") {
			t.Errorf("a movement is called %q", key)
		}
	}
	if len(changesOf(d, fix.Update, "products")) > 0 {
		t.Error("the stock is changed, too")
	}
	if h := hashOf(t, d, this); h != hashOf(t, r.draft(t, this), this) {
		t.Error("another draft of the same data has another hash")
	}
	r.repaired(t, dsn, this, d)
}

func TestPlanValidatesForeignKeysThatHold(t *testing.T) {
	t.Parallel()
	dsn, truth := plannedShop(t)
	r := shopRemedy(t, open(t, brisk(dsn)), shop.ForeignKeys)
	d := r.draft(t, asked())
	violated := int64(len(truth.Defects(shop.ForeignKeys)) - 1)
	if d.Rows != 1 || left(d) != violated || d.Content.Forms[0].Name != "customers_referred_by_fkey" || d.Irreversible == "" {
		t.Errorf("draft %+v, want one foreign key and %d rows left", d, violated)
	}
	r.repaired(t, dsn, asked(), d)
}

func TestPlanTellsWhatElseChanges(t *testing.T) {
	t.Parallel()
	dsn, _ := plannedShop(t)
	target := open(t, brisk(dsn))
	execute(t, dsn, `CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
CREATE TRIGGER orders_audit AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER orders_off BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE orders DISABLE TRIGGER orders_off;
CREATE TRIGGER orders_other AFTER UPDATE OF note ON orders FOR EACH ROW EXECUTE FUNCTION note();
CREATE TABLE parcels (id int PRIMARY KEY, order_id text COLLATE "C" REFERENCES orders ON DELETE CASCADE);
GRANT SELECT, INSERT, UPDATE, DELETE ON parcels TO integritybot_fixer;
INSERT INTO parcels SELECT row_number() OVER (), o.id FROM orders o WHERE o.customer_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM customers c WHERE c.id = o.customer_id);
INSERT INTO payments (id, order_id, amount, currency, status, refund_of)
  SELECT 'second level', NULL, 1, 'USD', 'REFUNDED', p.id FROM payments p JOIN orders o ON o.id = p.order_id JOIN parcels x ON x.order_id = o.id LIMIT 1`)
	r := shopRemedy(t, target, shop.OrphanedOrders)
	d := r.draft(t, asked())
	judgeDraft(t, d)
	orphan := `(SELECT o.id FROM orders o WHERE o.created_at < now() - interval '10 min' AND o.customer_id IS NOT NULL AND NOT EXISTS (SELECT FROM customers c WHERE c.id = o.customer_id))`
	for _, table := range []string{"order_items", "parcels"} {
		want := scanOne[int64](t, dsn, "SELECT count(*) FROM "+table+" WHERE order_id IN "+orphan)
		if got := int64(len(changesOf(d, fix.Quarantine, table))); got != want || want == 0 {
			t.Errorf("%d rows of %s go, want %d", got, table, want)
		}
	}
	payments := scanOne[int64](t, dsn, "WITH RECURSIVE p AS (SELECT id FROM payments WHERE order_id IN "+orphan+
		" UNION SELECT x.id FROM payments x JOIN p ON x.refund_of = p.id) SELECT count(*) FROM p")
	if got := changesOf(d, fix.Quarantine, "payments"); int64(len(got)) != payments || !slices.Contains(got, "second level") {
		t.Errorf("%d payments go, want %d: %v", len(got), payments, got)
	}
	diffKeys(t, "triggers", []string{"orders_audit on orders after each delete"}, d.Triggers)
	if len(d.Cascades) != 1 || !strings.Contains(d.Cascades[0], "parcels") {
		t.Errorf("cascades %v", d.Cascades)
	}
	r.repaired(t, dsn, asked(), d)
}

func TestPlanRepointsReferences(t *testing.T) {
	t.Parallel()
	dsn, truth := plannedShop(t)
	r := shopRemedy(t, open(t, brisk(dsn)), shop.DuplicateEmails)
	var surplus []string
	for key, p := range truth.Defects(shop.DuplicateEmails) {
		if p.Class == shop.Duplicate {
			surplus = append(surplus, "'"+strings.ReplaceAll(key, "'", "''")+"'")
		}
	}
	one := slices.Sorted(slices.Values(surplus))[0]
	execute(t, dsn, `UPDATE orders SET customer_id = %s WHERE id IN (SELECT id FROM orders WHERE customer_id IS NULL LIMIT 3)`, one)
	execute(t, dsn, `UPDATE customers SET referred_by = %s WHERE id IN ('c11', 'c12')`, one)
	d := r.draft(t, asked())
	judgeDraft(t, d)
	want := scanOne[int64](t, dsn, "SELECT (SELECT count(*) FROM orders WHERE customer_id IN ("+strings.Join(surplus, ",")+
		")) + (SELECT count(*) FROM customers WHERE referred_by IN ("+strings.Join(surplus, ",")+") AND id NOT IN ("+strings.Join(surplus, ",")+"))")
	var got int64
	for _, one := range d.Dependants {
		got += one.Rows
	}
	if got != want || want < 5 {
		t.Errorf("%d rows are re-pointed, want %d: %+v", got, want, d.Dependants)
	}
	r.repaired(t, dsn, asked(), d)
}

func TestPlanKeepsToLimitAndCaps(t *testing.T) {
	t.Parallel()
	dsn, truth := plannedShop(t)
	r := shopRemedy(t, open(t, brisk(dsn)), shop.OrderTotals)
	all := len(truth.Defects(shop.OrderTotals))
	d := r.draft(t, asked(limit(3)))
	if d.Rows != 3 || d.Found != int64(all) {
		t.Errorf("rows %d of %d found, want 3 of %d", d.Rows, d.Found, all)
	}
	first := changesOf(r.draft(t, asked()), fix.Update, "orders")
	slices.SortFunc(first, func(a, b string) int { return compareKeys([]string{a}, []string{b}) })
	got := changesOf(d, fix.Update, "orders")
	slices.SortFunc(got, func(a, b string) int { return compareKeys([]string{a}, []string{b}) })
	diffKeys(t, "the first by key", first[:3], got)
	for name, c := range map[string]struct {
		limit int
		caps  fix.Caps
		ok    bool
	}{
		"absolute":             {0, fix.Caps{Rows: 10, Share: 1}, false},
		"share":                {0, fix.Caps{Rows: 10_000, Share: 0.0001}, all <= fix.AlwaysRows},
		"within by limit":      {10, fix.Caps{Rows: 10, Share: 1}, true},
		"limit above the caps": {11, fix.Caps{Rows: 10, Share: 1}, false},
		"negative limit":       {-1, fix.Caps{Rows: 10, Share: 1}, false},
		"no caps":              {0, fix.Caps{}, false},
	} {
		_, err := r.try(t, asked(limit(c.limit)), c.caps)
		if c.ok != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			sentence(t, err)
		}
	}
}

func TestPlanRefusesOtherModes(t *testing.T) {
	t.Parallel()
	dsn, _ := plannedShop(t)
	r := shopRemedy(t, open(t, brisk(dsn)), shop.OrphanedOrders)
	diffKeys(t, "modes", []string{"quarantine", "delete", "attach"}, r.Planner(r.target, r.check).Modes())
	for expect, order := range map[string]fix.Order{
		"its config allows quarantine, delete, attach": asked(mode("set-null")),
		"To whom?": asked(mode("attach")),
		"There is no row c'; DROP TABLE orders; --": asked(mode("attach"), argument("c'; DROP TABLE orders; --")),
	} {
		if got := r.refused(t, order); !strings.Contains(got, expect) {
			t.Errorf("%q, want %q", got, expect)
		}
	}
}

func TestPlanOfAPassingCheckIsEmpty(t *testing.T) {
	t.Parallel()
	dsn, _ := planted(t, shop.PlantNone)
	o := brisk(dsn)
	o.chunkRows = 400
	target := open(t, o)
	for name := range shopFixes() {
		d := shopRemedy(t, target, name).draft(t, asked())
		if d.Rows != 0 || d.Found != 0 || d.Total != 0 || len(d.Content.Changes) > 0 || len(d.Left) > 0 {
			t.Errorf("%s: %s", name, fmt.Sprintf("%+v", d))
		}
	}
}

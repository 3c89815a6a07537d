package postgres

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// orphaned drafts that two orders go with their items, each with its own.
func orphaned(t *testing.T, dsn string) *drafted {
	d := newDraft(t, dsn)
	quarantine := ordersForm
	quarantine.Op = fix.Quarantine
	quarantine.Held = `EXISTS (SELECT FROM items i WHERE i.order_id = t.id)`
	for g, id := range []string{"o7", "o8"} {
		d.remove(itemsForm, "order_id = '"+id+"'", g+1).remove(quarantine, "id = '"+id+"'", g+1)
	}
	return d
}

func TestFixChangesExactlyThePlannedRows(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn)
	d := orphaned(t, dsn).update(statusForm, "'COMPLETED'", "id IN ('o1', 'o2', 'o5')")
	orders, items := versions(t, dsn, "orders", "id"), versions(t, dsn, "items", "order_id || '/' || line")
	result, err := x.Apply(t.Context(), plan(1), d.Forms, d.Batches()[0], 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Changed != 11 || len(result.Skipped) > 0 {
		t.Errorf("result %+v", result)
	}
	if diff := cmp.Diff([]string{"o1", "o2", "o5", "o7", "o8"}, touched(orders, versions(t, dsn, "orders", "id"))); diff != "" {
		t.Errorf("orders touched (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"o7/1", "o7/2", "o7/3", "o8/1", "o8/2", "o8/3"}, touched(items, versions(t, dsn, "items", "order_id || '/' || line"))); diff != "" {
		t.Errorf("items touched (-want +got):\n%s", diff)
	}
	kept := scanOne[string](t, dsn, "SELECT string_agg(concat_ws(' ', tbl, key, row->>'status'), '; ' ORDER BY n) FROM integritybot.quarantine")
	if want := `"public"."orders" {o7} PENDING; "public"."orders" {o8} PENDING`; kept != want {
		t.Errorf("quarantine holds %q, want %q", kept, want)
	}

	// Applied again it is what it was.
	after := checksums(t, dsn)
	again, err := x.Apply(t.Context(), plan(1), d.Forms, d.Batches()[0], 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(result, again); diff != "" {
		t.Errorf("the second answer is another one (-want +got):\n%s", diff)
	}
	sameRows(t, dsn, after)
	applied, err := x.Applied(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]fix.Result{result}, applied); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	// Another bot's plan of the same number is another plan.
	other := fixer(t, dsn, func(o *FixOptions) { o.Store = "store-2" })
	if r, err := other.Applied(t.Context(), 1, nil); err != nil || len(r) > 0 {
		t.Errorf("another store sees %v, %v", r, err)
	}
	// And one of another content is none.
	forged := plan(1)
	forged.Hash = "other"
	if _, err := x.Apply(t.Context(), forged, d.Forms, d.Batches()[0], 1, nil); err == nil || !strings.Contains(sentence(t, err), "another content") {
		t.Errorf("another hash: %v", err)
	}
}

// TestFixLeavesAlone what is not as it was.
func TestFixLeavesAlone(t *testing.T) {
	t.Parallel()
	held := ordersForm
	held.Held = "EXISTS (SELECT FROM items i WHERE i.order_id = t.id)"
	whole := statusForm
	for _, c := range []struct {
		name  string
		draft func(*drafted)
		then  string
		want  map[int]fix.Why
		made  int64
	}{
		{"nothing happened", func(d *drafted) { d.update(statusForm, "'X'", "id IN ('o1', 'o2')") }, "", map[int]fix.Why{}, 2},
		{
			"changed", func(d *drafted) { d.update(statusForm, "'X'", "id IN ('o1', 'o2')") },
			"UPDATE orders SET status = 'Y' WHERE id = 'o1'",
			map[int]fix.Why{0: fix.WhyChanged},
			1,
		},
		{
			"changed where the plan does not write", func(d *drafted) { d.update(statusForm, "'X'", "id = 'o1'") },
			"UPDATE orders SET note = 'Y' WHERE id = 'o1'",
			map[int]fix.Why{},
			1,
		},
		{
			"changed where the whole row counts", func(d *drafted) {
				d.update(whole, "'X'", "id = 'o1'")
				d.Changes[0].Before = *d.rows(whole, nil, "id = 'o1'")[0][1]
			},
			"UPDATE orders SET note = 'Y' WHERE id = 'o1'",
			map[int]fix.Why{0: fix.WhyChanged},
			0,
		},
		{
			"a deleted row changed", func(d *drafted) { d.remove(itemsForm, "order_id = 'o1'") },
			"UPDATE items SET price = price + 0.00 WHERE line = 2; UPDATE items SET price = 9 WHERE order_id = 'o1' AND line = 3",
			map[int]fix.Why{2: fix.WhyChanged},
			2,
		},
		{
			"gone", func(d *drafted) { d.update(statusForm, "'X'", "id IN ('o1', 'o2')") },
			"DELETE FROM orders WHERE id = 'o2'",
			map[int]fix.Why{1: fix.WhyGone},
			1,
		},
		{
			"right again", func(d *drafted) {
				d.update(fix.Form{Op: fix.Update, Table: `"public"."orders"`, Key: []string{"id"}, Columns: []string{"total"}, Unless: "status = 'PAID' -- it was paid"}, "0", "id IN ('o1', 'o2')")
			},
			"UPDATE orders SET status = 'PAID' WHERE id = 'o1'",
			map[int]fix.Why{0: fix.WhyUnless},
			1,
		},
		{
			"a group", func(d *drafted) {
				d.remove(itemsForm, "order_id = 'o1'", 4).remove(ordersForm, "id = 'o1'", 4).remove(ordersForm, "id = 'o2'")
			},
			"UPDATE items SET price = 9 WHERE order_id = 'o1' AND line = 2",
			map[int]fix.Why{0: fix.WhyGroup, 1: fix.WhyChanged, 2: fix.WhyGroup, 3: fix.WhyGroup},
			1,
		},
		{
			"a new dependant", func(d *drafted) {
				d.remove(itemsForm, "order_id = 'o1'", 4).remove(held, "id = 'o1'", 4).remove(itemsForm, "order_id = 'o2'", 5).remove(held, "id = 'o2'", 5)
			},
			"INSERT INTO items VALUES ('o1', 4, 1)",
			map[int]fix.Why{0: fix.WhyGroup, 1: fix.WhyGroup, 2: fix.WhyGroup, 3: fix.WhyDependant},
			4,
		},
		{
			"a kept row is gone", func(d *drafted) {
				keep := fix.Form{Op: fix.Keep, Table: `"public"."customers"`, Key: []string{"id"}}
				d.Changes = append(d.Changes, fix.Change{Form: d.form(keep), Key: []string{"20"}, Group: 1})
				d.update(fix.Form{Op: fix.Update, Table: `"public"."orders"`, Key: []string{"id"}, Columns: []string{"customer_id"}}, "20", "id = 'o1'")
				d.Changes[1].Group = 1
				d.Changes = append(d.Changes, fix.Change{Form: 0, Key: []string{"19"}, Group: 2})
				d.update(statusForm, "'X'", "id = 'o2'")
				d.Changes[3].Group = 2
			},
			"DELETE FROM customers WHERE id = 20",
			map[int]fix.Why{0: fix.WhyGone, 1: fix.WhyGroup},
			1,
		},
		{
			"two changes of a row", func(d *drafted) {
				d.update(statusForm, "'X'", "id = 'o1'").update(fix.Form{Op: fix.Update, Table: `"public"."orders"`, Key: []string{"id"}, Columns: []string{"note"}}, "'n'", "id IN ('o1', 'o2')")
			},
			"UPDATE orders SET note = 'changed' WHERE id = 'o1'",
			map[int]fix.Why{0: fix.WhyGroup, 1: fix.WhyChanged},
			1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dsn := repairDatabase(t)
			x := fixer(t, dsn)
			d := newDraft(t, dsn)
			c.draft(d)
			if c.then != "" {
				pgtest.Exec(t, dsn, c.then)
			}
			changed, skipped := carry(t, x, plan(1), d.Content)
			if diff := cmp.Diff(c.want, whys(skipped)); diff != "" || changed != c.made {
				t.Errorf("%d changed, want %d; left alone (-want +got):\n%s", changed, c.made, diff)
			}
		})
	}
}

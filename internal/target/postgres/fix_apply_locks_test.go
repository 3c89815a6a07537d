package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// holding has another session change rows without an end, until it is released.
func holding(t *testing.T, dsn, sql string) (release func()) {
	t.Helper()
	conn := dial(t, dsn)
	if _, err := conn.Exec(t.Context(), "BEGIN; "+sql); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
	}
}

func apply(t *testing.T, x *Fixing, p fix.Plan, d fix.Content, pass int, only []int) fix.Result {
	t.Helper()
	r, err := x.Apply(t.Context(), p, d.Forms, d.Batches()[0], pass, only)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFixPassesLockedRowsBy(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn)
	x.t.opts.LockTimeout = 20 * time.Second
	d := newDraft(t, dsn).update(statusForm, "'X'", "id IN ('o1', 'o2', 'o3', 'o4', 'o5')")
	holding(t, dsn, "UPDATE orders SET note = '' WHERE id IN ('o2', 'o3', 'o4')")

	began := time.Now()
	first := apply(t, x, plan(1), d.Content, 1, nil)
	if diff := cmp.Diff(map[int]fix.Why{1: fix.WhyLocked, 2: fix.WhyLocked, 3: fix.WhyLocked}, whys(first.Skipped)); diff != "" || first.Changed != 2 {
		t.Errorf("%d changed, left alone (-want +got):\n%s", first.Changed, diff)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the first pass waited: %s", took)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, first.Again()); diff != "" {
		t.Error(diff)
	}
}

func TestFixSecondPassWaits(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn)
	x.t.opts.LockTimeout = 20 * time.Second
	d := newDraft(t, dsn).update(statusForm, "'X'", "id IN ('o1', 'o2', 'o3')")
	release := holding(t, dsn, "SELECT FROM orders WHERE id = 'o2' FOR UPDATE")
	first := apply(t, x, plan(1), d.Content, 1, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		eventually(t, "the second pass waits", func() bool {
			return scanOne[int64](t, dsn, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1
		})
		release()
	}()
	second := apply(t, x, plan(1), d.Content, 2, first.Again())
	<-done
	if second.Changed != 1 || len(second.Skipped) > 0 {
		t.Errorf("second pass %+v", second)
	}
	if n := scanOne[int64](t, dsn, "SELECT count(*) FROM orders WHERE status = 'X'"); n != 3 {
		t.Errorf("%d rows have changed", n)
	}
	applied, err := x.Applied(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]fix.Result{first, second}, applied); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

// TestFixSecondPassGivesUp on rows that stay locked, after a bounded time, and
// makes the others.
func TestFixSecondPassGivesUp(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn, func(o *FixOptions) { o.LockTimeout = time.Minute })
	if x.t.opts.LockTimeout != time.Second {
		t.Errorf("a change may wait %s for a lock", x.t.opts.LockTimeout)
	}
	d := newDraft(t, dsn).update(statusForm, "'X'", "true")
	release := holding(t, dsn, "SELECT FROM orders WHERE id <> 'o1' FOR UPDATE")
	first := apply(t, x, plan(1), d.Content, 1, nil)
	if len(first.Skipped) != 199 {
		t.Errorf("%d were passed by", len(first.Skipped))
	}
	release()
	holding(t, dsn, "SELECT FROM orders WHERE id >= 'o9' FOR UPDATE")
	locked := scanOne[int64](t, dsn, "SELECT count(*) FROM orders WHERE id >= 'o9'")
	began := time.Now()
	second := apply(t, x, plan(1), d.Content, 2, first.Again())
	if took := time.Since(began); took > 5*waits*time.Second {
		t.Errorf("it took %s", took)
	}
	if locked < 10 || int64(len(second.Skipped)) != locked || second.Changed != 199-locked || second.Skipped[0].Why != fix.WhyLocked {
		t.Errorf("%d of %d locked ones were left alone, %d changed", len(second.Skipped), locked, second.Changed)
	}
}

// TestFixLocksOfOtherRows: a change may need a lock on a row that no plan names.
func TestFixLocksOfOtherRows(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	pgtest.Exec(t, dsn, "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers")
	x := fixer(t, dsn)
	d := newDraft(t, dsn).update(writing(ordersForm, "customer_id"), "CASE id WHEN 'o1' THEN 13 ELSE 14 END", "id IN ('o1', 'o2', 'o3')").update(statusForm, "'X'", "id = 'o7'")
	release := holding(t, dsn, "SELECT FROM customers WHERE id = 13 FOR UPDATE")
	first := apply(t, x, plan(1), d.Content, 1, nil)
	if first.Changed != 1 || len(first.Again()) != 3 {
		t.Errorf("first pass %+v", first)
	}
	second := apply(t, x, plan(1), d.Content, 2, first.Again())
	if diff := cmp.Diff(map[int]fix.Why{0: fix.WhyLocked}, whys(second.Skipped)); diff != "" || second.Changed != 2 {
		t.Errorf("second pass changed %d, left alone (-want +got):\n%s", second.Changed, diff)
	}
	release()
}

// TestFixLocksOfOtherRowsAreBounded, too, however many changes need them.
func TestFixLocksOfOtherRowsAreBounded(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	pgtest.Exec(t, dsn, "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers")
	x := fixer(t, dsn, func(o *FixOptions) { o.LockTimeout = time.Second })
	d := newDraft(t, dsn).update(writing(ordersForm, "customer_id"), "CASE id WHEN 'o99' THEN 14 ELSE 13 END", "customer_id <> 13 AND id < 'o3' OR id = 'o99'")
	holding(t, dsn, "SELECT FROM customers WHERE id = 13 FOR UPDATE")
	first := apply(t, x, plan(1), d.Content, 1, nil)
	began := time.Now()
	second := apply(t, x, plan(1), d.Content, 2, first.Again())
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	if len(d.Changes) < 80 || second.Changed != 1 || len(second.Skipped) != len(d.Changes)-1 {
		t.Errorf("%d of %d changed, %d were left alone", second.Changed, len(d.Changes), len(second.Skipped))
	}
}

// TestFixDependantsFollow: a row that was kept by a locked dependant goes when
// that went.
func TestFixDependantsFollow(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn)
	held := ordersForm
	held.Held = "EXISTS (SELECT FROM items i WHERE i.order_id = t.id)"
	d := newDraft(t, dsn).remove(itemsForm, "order_id IN ('o1', 'o2')").remove(held, "id IN ('o1', 'o2')")
	release := holding(t, dsn, "SELECT FROM items WHERE order_id = 'o2' AND line = 2 FOR UPDATE")
	first := apply(t, x, plan(1), d.Content, 1, nil)
	if diff := cmp.Diff(map[int]fix.Why{4: fix.WhyLocked, 7: fix.WhyDependant}, whys(first.Skipped)); diff != "" {
		t.Errorf("first pass left alone (-want +got):\n%s", diff)
	}
	release()
	second := apply(t, x, plan(1), d.Content, 2, first.Again())
	if second.Changed != 2 || len(second.Skipped) > 0 {
		t.Errorf("second pass %+v", second)
	}

	// Rows of one table that refer to each other go leaf by leaf.
	pgtest.Exec(t, dsn, "ALTER TABLE customers DROP CONSTRAINT customers_referred_by_fkey; UPDATE customers SET referred_by = id - 1 WHERE id BETWEEN 6 AND 12")
	people := peopleForm
	people.Held = "EXISTS (SELECT FROM customers c WHERE c.referred_by = t.id)"
	tree := newDraft(t, dsn).remove(people, "id BETWEEN 5 AND 12")
	if changed, skipped := carry(t, x, plan(2), tree.Content); changed != 8 || len(skipped) > 0 {
		t.Errorf("%d of 8 were removed, left alone: %v", changed, skipped)
	}
}

// TestFixGroupsWaitTogether: the mates of a locked row are tried again with it.
func TestFixGroupsWaitTogether(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn)
	d := orphaned(t, dsn)
	release := holding(t, dsn, "SELECT FROM items WHERE order_id = 'o7' AND line = 2 FOR UPDATE; UPDATE orders SET note = 'x' WHERE id = 'o8'")
	first := apply(t, x, plan(1), d.Content, 1, nil)
	if first.Changed != 0 || len(first.Again()) != 8 {
		t.Errorf("first pass %+v", first)
	}
	release()
	pgtest.Exec(t, dsn, "UPDATE orders SET note = 'x' WHERE id = 'o8'")
	second := apply(t, x, plan(1), d.Content, 2, first.Again())
	want := map[int]fix.Why{4: fix.WhyGroup, 5: fix.WhyGroup, 6: fix.WhyGroup, 7: fix.WhyChanged}
	if diff := cmp.Diff(want, whys(second.Skipped)); diff != "" || second.Changed != 4 {
		t.Errorf("second pass changed %d, left alone (-want +got):\n%s", second.Changed, diff)
	}
}

// TestFixTakenKeys: a row whose place is taken costs no other row.
func TestFixTakenKeys(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	pgtest.Exec(t, dsn, "ALTER TABLE customers ADD UNIQUE (email)")
	x := fixer(t, dsn)
	d := newDraft(t, dsn).remove(peopleForm, "id IN (1, 2, 3)")
	carry(t, x, plan(1), d.Content)
	back, err := x.Inverse(t.Context(), fix.Order{ID: 2, Undoes: 1}, plan(1), d.Forms)
	if err != nil {
		t.Fatal(err)
	}
	// Between preview and click one key and one address are taken.
	pgtest.Exec(t, dsn, "INSERT INTO customers (id, email) OVERRIDING SYSTEM VALUE VALUES (1, 'new@example.org'); INSERT INTO customers (email) VALUES ('c2@example.org')")
	changed, skipped := carry(t, x, plan(2), back.Content)
	if diff := cmp.Diff(map[int]fix.Why{2: fix.WhyTaken, 1: fix.WhyTaken}, whys(skipped)); diff != "" || changed != 1 {
		t.Errorf("%d put back, left alone (-want +got):\n%s", changed, diff)
	}
}

func TestFixStepsAreFew(t *testing.T) {
	t.Parallel()
	d := &drafted{t: t}
	items, orders := d.form(itemsForm), d.form(ordersForm)
	for g := range 100 {
		name := strings.Repeat("x", g+1)
		d.Changes = append(d.Changes,
			fix.Change{Form: items, Key: []string{name, "1"}, Group: g + 1}, fix.Change{Form: items, Key: []string{name, "2"}, Group: g + 1},
			fix.Change{Form: orders, Key: []string{name}, Group: g + 1})
	}
	w := &work{forms: d.Forms, batch: d.Batches()[0], fates: make([]fate, len(d.Changes))}
	for i := range w.fates {
		w.fates[i].tried = true
	}
	w.tie()
	steps := w.steps(w.open(w.atoms))
	if len(steps) != 2 || len(steps[0]) != 200 || len(steps[1]) != 100 || len(w.atoms) != 100 {
		t.Errorf("%d steps of %d atoms", len(steps), len(w.atoms))
	}
}

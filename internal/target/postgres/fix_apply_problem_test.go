package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// TestFixProblems: whatever stops a batch, the database is as it was, and a
// sentence says so without showing a row.
func TestFixProblems(t *testing.T) {
	t.Parallel()
	raising := func(state string) string {
		return `CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
IF OLD.id = 'o2' THEN RAISE EXCEPTION 'secret-row-data %', OLD.note USING ERRCODE = '` + state + `'; END IF; RETURN NEW; END $$;
CREATE TRIGGER guard BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION guard()`
	}
	status := func(d *drafted) { d.update(statusForm, "'X'", "id IN ('o1', 'o2', 'o3')") }
	for _, c := range []struct {
		name  string
		first string
		draft func(*drafted)
		then  string
		want  string
	}{
		{"a trigger that raises", raising("P0001"), status, "", "A trigger on Postgres test/shop refused a change: function guard ended with error P0001."},
		{"a full disk", raising("53100"), status, "", "Postgres test/shop has no space left on its disk."},
		{"deadlocks without end", raising("40P01"), status, "", "got into the way of other transactions on Postgres test/shop, 5 times in a row"},
		{"a time-out", raising("57014"), status, "", "took longer than its time-out"},
		{"a trigger that swallows", `CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER swallow BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION swallow()`, status, "", "kept a row from being changed without saying so (triggers: swallow)"},
		{
			"a foreign key", "ALTER TABLE items ADD CONSTRAINT items_order FOREIGN KEY (order_id) REFERENCES orders",
			func(d *drafted) { d.remove(ordersForm, "id IN ('o1', 'o2')") }, "", "Foreign key items_order of table items on Postgres test/shop refused a change",
		},
		{
			"a deferred foreign key", "ALTER TABLE items ADD CONSTRAINT items_order FOREIGN KEY (order_id) REFERENCES orders DEFERRABLE INITIALLY DEFERRED",
			func(d *drafted) { d.remove(ordersForm, "id IN ('o1', 'o2')") }, "", "Foreign key items_order of table items on Postgres test/shop refused a change",
		},
		{"a check constraint", "ALTER TABLE orders ADD CONSTRAINT known CHECK (status <> 'X') NOT VALID", status, "", "A rule of table orders on Postgres test/shop refused a change (constraint known)."},
		{"a value that became too long", "", status, "ALTER TABLE orders ALTER status TYPE varchar(7); UPDATE orders SET status = 'PENDING'; ALTER TABLE orders ALTER status TYPE varchar(1) USING 'P'", ""},
		{"NULL where there must be none", "", func(d *drafted) { d.update(statusForm, "NULL", "id = 'o1'") }, "", "A rule of table orders on Postgres test/shop refused a change (column status must not be NULL)."},
		{
			"a key that fits several rows", "CREATE TABLE copies AS SELECT * FROM orders UNION ALL SELECT * FROM orders; GRANT SELECT, UPDATE ON copies TO integritybot_fixer",
			func(d *drafted) {
				f := writing(ordersForm, "status")
				d.update(f, "'X'", "id = 'o1'")
				d.Forms[0].Table = `"public"."copies"`
			}, "", "The key of a change fits 2 rows",
		},
		{"a missing grant", "REVOKE UPDATE ON orders FROM integritybot_fixer", status, "", "Role integritybot_fixer lacks a right on table orders"},
		{"a trigger's missing grant", `CREATE TABLE log (v text); CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); RETURN NEW; END';
CREATE TRIGGER logs BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION logs()`, status, "", "lacks a right on table log on Postgres test/shop, which function logs needs"},
		{"a dropped column", "", status, "ALTER TABLE orders DROP status", "has no column status any more"},
		{"a dropped table", "", status, "DROP TABLE orders", `There is no table "public"."orders"`},
		{"no record", "", status, "DROP TABLE integritybot.applied", "was not applied"},
		{"a read-only database", "", status, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$", "can only be read at the moment"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dsn := repairDatabase(t)
			if c.first != "" {
				pgtest.Exec(t, dsn, c.first)
			}
			x := fixer(t, dsn, func(o *FixOptions) { o.Sleep = func(context.Context, time.Duration) error { return nil } })
			d := newDraft(t, dsn)
			c.draft(d)
			if c.then != "" {
				pgtest.Exec(t, dsn, c.then)
			}
			before := checksums(t, dsn)
			r, err := x.Apply(t.Context(), plan(7), d.Forms, d.Batches()[0], 1, nil)
			if c.want == "" {
				if err != nil || r.Changed != 0 {
					t.Errorf("%+v, %v", r, err)
				}
				return
			}
			if err == nil {
				t.Fatalf("it was applied: %+v", r)
			}
			got := sentence(t, err)
			if !strings.Contains(got, c.want) || !strings.HasSuffix(got, " Batch 1 of P-7 was not applied.") || strings.Contains(got, "secret-row-data") {
				t.Errorf("it says %q, want %q", got, c.want)
			}
			sameRows(t, dsn, before)
			if c.name == "no record" {
				return
			}
			if n := scanOne[int64](t, dsn, "SELECT (SELECT count(*) FROM integritybot.applied) + (SELECT count(*) FROM integritybot.before_image)"); n != 0 {
				t.Errorf("%d rows are recorded", n)
			}
		})
	}
}

// TestFixRowsThatCannotBePutBack exactly are not put back at all.
func TestFixRowsThatCannotBePutBack(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn)
	d := newDraft(t, dsn).remove(ordersForm, "id IN ('o1', 'o2')")
	carry(t, x, plan(1), d.Content)
	back, err := x.Inverse(t.Context(), fix.Order{ID: 2, Undoes: 1}, plan(1), d.Forms)
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, dsn, `CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'stamped'; RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp()`)
	before := checksums(t, dsn)
	_, err = x.Apply(t.Context(), plan(2), back.Content.Forms, back.Content.Batches()[0], 1, nil)
	if got := sentence(t, err); !strings.Contains(got, "something there alters it (triggers: stamp)") {
		t.Errorf("it says %q", got)
	}
	sameRows(t, dsn, before)
	pgtest.Exec(t, dsn, "DROP TRIGGER stamp ON orders; ALTER TABLE orders ADD COLUMN more int")
	_, err = x.Apply(t.Context(), plan(2), back.Content.Forms, back.Content.Batches()[0], 1, nil)
	if got := sentence(t, err); !strings.Contains(got, "The columns of table orders on Postgres test/shop are others than when this was worked out") {
		t.Errorf("it says %q", got)
	}
	_, err = x.Inverse(t.Context(), fix.Order{ID: 2, Undoes: 1}, plan(1), d.Forms)
	if got := sentence(t, err); !strings.Contains(got, "another one") {
		t.Errorf("it says %q", got)
	}
}

func TestFixValidates(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	pgtest.Exec(t, dsn, `INSERT INTO items VALUES ('nowhere', 1, 1); ALTER TABLE items ADD CONSTRAINT "the Order" FOREIGN KEY (order_id) REFERENCES orders NOT VALID`)
	x := fixer(t, dsn)
	c := fix.Content{
		Forms:   []fix.Form{{Op: fix.Validate, Table: itemsForm.Table, Name: "the Order"}, {Op: fix.Validate, Table: itemsForm.Table, Name: "another"}},
		Changes: []fix.Change{{Form: 0}, {Form: 1}},
	}
	_, err := x.Apply(t.Context(), plan(1), c.Forms, c.Batches()[0], 1, nil)
	if got := sentence(t, err); !strings.Contains(got, "Foreign key the Order of table items on Postgres test/shop does not hold: repair its rows first.") {
		t.Errorf("it says %q", got)
	}
	pgtest.Exec(t, dsn, "DELETE FROM items WHERE order_id = 'nowhere'")
	release := holding(t, dsn, "LOCK items IN SHARE MODE")
	changed, skipped := carry(t, x, plan(1), c)
	if diff := cmp.Diff(map[int]fix.Why{0: fix.WhyLocked, 1: fix.WhyGone}, whys(skipped)); diff != "" || changed != 0 {
		t.Errorf("%d changed, left alone (-want +got):\n%s", changed, diff)
	}
	release()
	changed, skipped = carry(t, x, plan(2), c)
	if diff := cmp.Diff(map[int]fix.Why{1: fix.WhyGone}, whys(skipped)); diff != "" || changed != 1 {
		t.Errorf("%d changed, left alone (-want +got):\n%s", changed, diff)
	}
	if !scanOne[bool](t, dsn, "SELECT convalidated FROM pg_constraint WHERE conname = 'the Order'") {
		t.Error("it is still not valid")
	}
	_, skipped = carry(t, x, plan(3), c)
	if diff := cmp.Diff(map[int]fix.Why{0: fix.WhyUnless, 1: fix.WhyGone}, whys(skipped)); diff != "" {
		t.Errorf("left alone (-want +got):\n%s", diff)
	}
	back, err := x.Inverse(t.Context(), fix.Order{ID: 9, Undoes: 2}, plan(2), c.Forms)
	if err != nil || back.Total != 0 {
		t.Errorf("the way back of a proof: %+v, %v", back, err)
	}
}

// TestFixStops when its caller does, and not in the middle.
func TestFixStops(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	pgtest.Exec(t, dsn, `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NEW; END';
CREATE TRIGGER slow BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION slow()`)
	x := fixer(t, dsn)
	d := newDraft(t, dsn).update(statusForm, "'X'", "id = 'o1'")
	before := checksums(t, dsn)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := x.Apply(ctx, plan(1), d.Forms, d.Batches()[0], 1, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the caller's own end", err)
	}
	sameRows(t, dsn, before)
	quick := fixer(t, dsn, func(o *FixOptions) { o.StatementTimeout = 200 * time.Millisecond })
	_, err = quick.Apply(t.Context(), plan(1), d.Forms, d.Batches()[0], 1, nil)
	if got := sentence(t, err); !strings.Contains(got, "time-out") {
		t.Errorf("it says %q", got)
	}
	sameRows(t, dsn, before)
}

package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgtest"
)

var (
	kindsForm  = fix.Form{Op: fix.Delete, Table: `"public"."kinds"`, Key: []string{"id"}}
	oddForm    = fix.Form{Op: fix.Delete, Table: `"Odd One"."My ""table"""`, Key: []string{"Select", "t"}}
	partedForm = fix.Form{Op: fix.Delete, Table: `"public"."parted"`, Key: []string{"id", "region"}}
	peopleForm = fix.Form{Op: fix.Delete, Table: `"public"."customers"`, Key: []string{"id"}}
)

func writing(f fix.Form, columns ...string) fix.Form {
	f.Op, f.Columns = fix.Update, columns
	return f
}

func as(f fix.Form, op fix.Op) fix.Form {
	f.Op = op
	return f
}

// TestFixUndoIsExact: whatever a plan did, its way back leaves every table byte
// by byte as it was, and the way back of that one as the plan left it.
func TestFixUndoIsExact(t *testing.T) {
	t.Parallel()
	const audit = `CREATE TABLE audit_log (n bigserial PRIMARY KEY, what text); GRANT INSERT ON audit_log TO integritybot_fixer; GRANT USAGE ON SEQUENCE audit_log_n_seq TO integritybot_fixer;
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit_log (what) VALUES (TG_OP); RETURN NULL; END';
CREATE TRIGGER orders_audit AFTER INSERT OR UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION audit()`
	const counting = `ALTER TABLE orders ADD n int; UPDATE orders o SET n = (SELECT count(*) FROM items i WHERE i.order_id = o.id);
CREATE FUNCTION counting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE orders SET n = n + CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END WHERE id = coalesce(NEW.order_id, OLD.order_id); RETURN NULL; END $$;
CREATE TRIGGER items_count AFTER INSERT OR DELETE ON items FOR EACH ROW EXECUTE FUNCTION counting()`
	for _, c := range []struct {
		name  string
		first string
		draft func(*drafted)
	}{
		{"groups", "", func(d *drafted) { d.Content = orphaned(t, d.dsn).Content }},
		{"all types removed", "", func(d *drafted) { d.remove(kindsForm, "true") }},
		{"all types quarantined", "", func(d *drafted) { d.remove(as(kindsForm, fix.Quarantine), "true") }},
		{"one column of each type", "", func(d *drafted) {
			for _, column := range strings.Fields("n m f r ts tsl d i b j js a na bo e p c v net rng bits x o") {
				d.update(writing(kindsForm, column), `(SELECT u.`+column+` FROM kinds u WHERE u.id <> t.id ORDER BY md5(u.id::text || t.id) LIMIT 1)`, "id > '00000000-0000-0000-0000-000000000003'")
			}
			d.update(writing(kindsForm, "n"), "NULL", "id <= '00000000-0000-0000-0000-000000000003'")
		}},
		{"odd names removed", "", func(d *drafted) { d.remove(oddForm, `"Select" % 2 = 0`) }},
		{"odd names", "", func(d *drafted) {
			d.update(writing(oddForm, "ib_i"), "-7", `"Select" < 5`).update(writing(oddForm, "a.b"), "NULL", `"Select" > 5`).update(writing(oddForm, "t"), `t.t || ' "moved"'`, `"Select" = 10`)
		}},
		{"the key itself", "", func(d *drafted) { d.update(writing(ordersForm, "id"), "id || '-new'", "id IN ('o1', 'o2', 'o3')") }},
		{"partitions", "", func(d *drafted) {
			d.remove(partedForm, "id < 4").update(writing(partedForm, "v"), "'x'", "id BETWEEN 4 AND 6").update(writing(partedForm, "region"), "'us'", "id = 8")
		}},
		{"identity", "", func(d *drafted) { d.remove(peopleForm, "id IN (3, 5)") }},
		{"referring to each other", "UPDATE customers SET referred_by = id - 1 WHERE id BETWEEN 6 AND 12", func(d *drafted) {
			d.remove(peopleForm, "id BETWEEN 5 AND 12")
		}},
		{"an update and a removal of one row", "", func(d *drafted) {
			d.update(statusForm, "'X'", "id IN ('o1', 'o2')").remove(ordersForm, "id IN ('o2', 'o3')")
		}},
		{"two updates of one row", "", func(d *drafted) {
			d.update(statusForm, "'X'", "id IN ('o1', 'o2')").update(writing(ordersForm, "note"), "'n'", "id IN ('o2', 'o3')")
		}},
		{"a trigger elsewhere", counting, func(d *drafted) { d.Content = orphaned(t, d.dsn).Content }},
		{"an update that changes nothing", "", func(d *drafted) { d.update(statusForm, "status", "id IN ('o1', 'o2')") }},
		{"an audit trigger", audit, func(d *drafted) { d.update(statusForm, "'X'", "id IN ('o1', 'o2')").remove(ordersForm, "id = 'o4'") }},
		{"several batches", "INSERT INTO items SELECT 'x', l, l FROM generate_series(1, 2500) l", func(d *drafted) { d.remove(itemsForm, "order_id = 'x'") }},
		{"inserts", "", func(d *drafted) {
			n := d.form(as(itemsForm, fix.Insert))
			for _, row := range []string{"(o1,77,1.00)", `("o,2",78,1)`} {
				d.Changes = append(d.Changes, fix.Change{Form: n, Key: []string{strings.Trim(strings.Split(row, ",7")[0], `("`), "7" + string(strings.Split(row, ",7")[1][0])}, After: row})
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dsn := repairDatabase(t)
			if c.first != "" {
				pgtest.Exec(t, dsn, c.first)
			}
			x := fixer(t, dsn)
			d := newDraft(t, dsn)
			c.draft(d)
			before := checksums(t, dsn)
			delete(before, "audit_log")
			if _, skipped := carry(t, x, plan(1), d.Content); len(skipped) > 0 {
				t.Fatalf("left alone: %v", skipped)
			}
			after := checksums(t, dsn)
			delete(after, "audit_log")

			back := takeBack(t, x, plan(1), 2, d.Forms)
			undone := checksums(t, dsn)
			delete(undone, "audit_log")
			if diff := cmp.Diff(before, undone); diff != "" {
				t.Errorf("not as before (-want +got):\n%s", diff)
			}
			if back.Total == 0 {
				return
			}
			takeBack(t, x, plan(2), 3, back.Content.Forms)
			redone := checksums(t, dsn)
			delete(redone, "audit_log")
			if diff := cmp.Diff(after, redone); diff != "" {
				t.Errorf("the way back of the way back (-want +got):\n%s", diff)
			}
		})
	}
}

// takeBack undoes a plan by another one, wholly.
func takeBack(t *testing.T, x *Fixing, p fix.Plan, id int64, forms []fix.Form) fix.Draft {
	t.Helper()
	back, err := x.Inverse(t.Context(), fix.Order{ID: id, Undoes: p.ID}, p, forms)
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Left) > 0 {
		t.Errorf("left alone: %+v", back.Left)
	}
	if changed, skipped := carry(t, x, plan(id), back.Content); len(skipped) > 0 || changed != back.Total {
		t.Errorf("took back %d of %d, left alone: %v", changed, back.Total, skipped)
	}
	return back
}

func TestFixUndoSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn)
	pgtest.Exec(t, dsn, `CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER look BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION nothing()`)
	d := orphaned(t, dsn).update(statusForm, "'COMPLETED'", "id IN ('o1', 'o2', 'o3')")
	carry(t, x, plan(1), d.Content)
	pgtest.Exec(t, dsn, "UPDATE orders SET note = 'later' WHERE id = 'o1'; DELETE FROM orders WHERE id = 'o2'; INSERT INTO orders VALUES ('o8')")
	p := plan(1)
	p.Draft.Noun = "orders"
	p.Draft.Columns = []check.Column{{Name: "total", Class: check.Free}} // masked by the check, though a number
	before := checksums(t, dsn)
	back, err := x.Inverse(t.Context(), fix.Order{ID: 2, Undoes: 1}, p, d.Forms)
	if err != nil {
		t.Fatal(err)
	}
	sameRows(t, dsn, before)
	if want := "take P-1 back: 1 row set back in orders, 1 row put back in orders, 3 rows put back in items"; back.Does != want {
		t.Errorf("it does %q, want %q", back.Does, want)
	}
	if back.Button != "take back 5 rows" || back.Rows != 1 || back.Found != 2 || back.Of != 199-1 || back.Total != 5 || back.Noun != "orders" {
		t.Errorf("draft %+v", back)
	}
	wantLeft := []fix.Left{
		{Rows: 1, Why: leftChanged, Examples: []string{"orders o1"}},
		{Rows: 1, Why: leftGone, Examples: []string{"orders o2"}},
		{Rows: 1, Why: leftTaken, Examples: []string{"orders o8"}},
		{Rows: 3, Why: "they belong to a row whose key is taken by now", Examples: []string{"items o8, 3", "items o8, 2", "items o8, 1"}},
	}
	if diff := cmp.Diff(wantLeft, back.Left, cmp.Transformer("sorted", func(l []fix.Left) map[string]fix.Left {
		out := map[string]fix.Left{}
		for _, x := range l {
			out[x.Why] = x
		}
		return out
	})); diff != "" {
		t.Errorf("left alone (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"look on items before each insert"}, back.Triggers); diff != "" {
		t.Errorf("triggers (-want +got):\n%s", diff)
	}
	if len(back.Samples) != 2 || back.Samples[0] != (fix.Sample{Key: "o3", Before: "status COMPLETED", After: "status PENDING"}) || !strings.Contains(back.Samples[1].After, "note •••") {
		t.Errorf("samples %+v", back.Samples)
	}
	if !strings.Contains(back.Samples[1].After, "total •••") {
		t.Errorf("what the check masks is shown: %+v", back.Samples[1])
	}
	if len(back.Listing) != 1+5 {
		t.Errorf("%d lines are listed: %q", len(back.Listing), back.Listing)
	}
}

// TestFixUndoFindsOtherColumns that a trigger changed with those of the plan.
func TestFixUndoFindsOtherColumns(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn)
	pgtest.Exec(t, dsn, `CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE orders SET note = 'status ' || NEW.status WHERE id = NEW.id; RETURN NULL; END $$;
CREATE TRIGGER noted AFTER UPDATE OF status ON orders FOR EACH ROW EXECUTE FUNCTION noted()`)
	d := newDraft(t, dsn).update(statusForm, "'X'", "id = 'o1'")
	carry(t, x, plan(1), d.Content)
	if got := scanOne[string](t, dsn, "SELECT note FROM orders WHERE id = 'o1'"); got != "status X" {
		t.Fatalf("the trigger did not fire: %q", got)
	}
	back, err := x.Inverse(t.Context(), fix.Order{ID: 2, Undoes: 1}, plan(1), d.Forms)
	if err != nil || len(back.Left) > 0 || len(back.Content.Forms) != 1 {
		t.Fatalf("%+v, %v", back, err)
	}
	if diff := cmp.Diff([]string{"status", "note"}, back.Content.Forms[0].Columns); diff != "" {
		t.Errorf("set back (-want +got):\n%s", diff)
	}
}

func TestFixPurge(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn)
	for id := range int64(3) {
		d := newDraft(t, dsn).update(statusForm, "status || 'X'", "true")
		carry(t, x, plan(id+1), d.Content)
	}
	other := fixer(t, dsn, func(o *FixOptions) { o.Store = "store-2" })
	carry(t, other, plan(1), newDraft(t, dsn).update(statusForm, "status || 'X'", "id = 'o1'").Content)
	pgtest.Exec(t, dsn, "UPDATE integritybot.applied SET at = at - interval '30 days' WHERE plan < 3")
	n, err := x.Purge(t.Context(), time.Now().Add(-14*24*time.Hour))
	if err != nil || n != 400 {
		t.Errorf("purged %d, %v", n, err)
	}
	if got := scanOne[string](t, dsn, "SELECT string_agg(DISTINCT store || ' ' || plan, ', ' ORDER BY store || ' ' || plan) FROM integritybot.before_image"); got != "store-1 3, store-2 1" {
		t.Errorf("kept: %s", got)
	}
	if r, err := x.Applied(t.Context(), 1, nil); err != nil || len(r) != 1 {
		t.Errorf("the record is gone: %v, %v", r, err)
	}
	_, err = x.Inverse(t.Context(), fix.Order{}, plan(1), []fix.Form{statusForm})
	if got := sentence(t, err); !strings.Contains(got, "P-1 cannot be taken back any more") {
		t.Errorf("it says %q", got)
	}
	_, err = x.Inverse(t.Context(), fix.Order{}, plan(77), []fix.Form{statusForm})
	if got := sentence(t, err); !strings.Contains(got, "has no record that P-77 was applied") {
		t.Errorf("it says %q", got)
	}
}

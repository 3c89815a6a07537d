package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// TestFixUndoOfAnInsertMindsNewReferences: what was put back is removed again
// only if nobody refers to it by now, be it by a foreign key that would cascade
// or by one that the config declared.
func TestFixUndoOfAnInsertMindsNewReferences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, meanwhile, held string }{
		"a foreign key that cascades": {
			"ALTER TABLE items ADD FOREIGN KEY (order_id) REFERENCES orders ON DELETE CASCADE", "INSERT INTO items VALUES ('o1', 9, 1)", "",
		},
		"one that sets NULL": {
			"CREATE TABLE notes (id int PRIMARY KEY, order_id text REFERENCES orders ON DELETE SET NULL); GRANT ALL ON notes TO integritybot_fixer",
			"INSERT INTO notes VALUES (1, 'o1')", "",
		},
		"one that the config declares": {
			"", "INSERT INTO items VALUES ('o1', 9, 1)", "EXISTS (SELECT 1 FROM items AS ib_c WHERE ib_c.order_id = t.id)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := repairDatabase(t)
			pgtest.Exec(t, dsn, "DELETE FROM items WHERE order_id = 'o1'; "+c.before)
			x := fixer(t, dsn)
			form := ordersForm
			form.Held = c.held
			d := newDraft(t, dsn).remove(form, "id = 'o1'")
			carry(t, x, plan(1), d.Content)
			back := takeBack(t, x, plan(1), 2, d.Forms)
			pgtest.Exec(t, dsn, c.meanwhile)
			again, err := x.Inverse(t.Context(), fix.Order{ID: 3, Undoes: 2}, plan(2), back.Content.Forms)
			if err != nil {
				t.Fatal(err)
			}
			before := checksums(t, dsn)
			_, skipped := carry(t, x, plan(3), again.Content)
			if got := whys(skipped); len(got) != 1 || got[0] != fix.WhyDependant {
				t.Errorf("left alone: %v", got)
			}
			sameRows(t, dsn, before)
		})
	}
}

// TestPlanKnowsTheColumns: a plan, and a way back, whose rows had other columns
// is refused, also when there are as many.
func TestPlanKnowsTheColumns(t *testing.T) {
	t.Parallel()
	const other = "ALTER TABLE man DROP COLUMN note; ALTER TABLE man ADD COLUMN region text"
	dsn, target := smallTables(t, `CREATE TABLE man (id int PRIMARY KEY, age int, note text); INSERT INTO man VALUES (1, -1, 'n1'), (2, 3, 'n2')`)
	r := newRemedy(t, target, "rows", `{table: man, wrong: age < 0}`, `{delete: true}`)
	x := fixer(t, dsn)
	d := r.draft(t, asked())
	p, _ := r.applied(t, x, asked(), d)
	execute(t, dsn, "%s", other)
	_, err := x.Inverse(t.Context(), fix.Order{ID: 3000, Undoes: p.ID}, p, d.Content.Forms)
	if got := fmt.Sprint(err); !strings.Contains(got, "are others than they were then") {
		t.Errorf("the way back: %q", got)
	}
	execute(t, dsn, "%s", "UPDATE man SET age = -1")
	late := r.draft(t, asked(func(o *fix.Order) { o.ID = 4000 }))
	execute(t, dsn, "%s", "ALTER TABLE man DROP COLUMN region; ALTER TABLE man ADD COLUMN place text")
	_, err = x.Apply(t.Context(), plan(4000), late.Content.Forms, late.Content.Batches()[0], 1, nil)
	if got := fmt.Sprint(err); !strings.Contains(got, "are others than when this was worked out") {
		t.Errorf("the apply: %q", got)
	}
}

// TestPlanIsJudgedWhereItWasMade: a role that looks tables up elsewhere could
// take another table for the one that a condition names.
func TestPlanIsJudgedWhereItWasMade(t *testing.T) {
	t.Parallel()
	dsn, target := smallTables(t, `CREATE SCHEMA elsewhere; GRANT USAGE ON SCHEMA elsewhere TO PUBLIC;
CREATE TABLE man (id int PRIMARY KEY, age int); INSERT INTO man VALUES (1, -1), (2, 3);
CREATE TABLE dog (id int PRIMARY KEY, man int REFERENCES man);`)
	d := newRemedy(t, target, "rows", `{table: man, wrong: age < 0}`, `{delete: true}`).draft(t, asked())
	x := fixer(t, dsn, func(o *FixOptions) { o.DSN += "&search_path=elsewhere,public" })
	before := checksums(t, dsn)
	_, err := x.Apply(t.Context(), plan(1043), d.Content.Forms, d.Content.Batches()[0], 1, nil)
	if got := fmt.Sprint(err); !strings.Contains(got, "look tables up in different schemas (public and elsewhere, public)") {
		t.Errorf("it says %q", got)
	}
	sameRows(t, dsn, before)
}

// TestFixUndoInPartEndsNothing: rows that a way back had to leave alone can be
// taken back by another one.
func TestFixUndoInPartEndsNothing(t *testing.T) {
	t.Parallel()
	dsn := repairDatabase(t)
	x := fixer(t, dsn)
	d := newDraft(t, dsn).update(statusForm, "'COMPLETED'", "id IN ('o1', 'o2')")
	carry(t, x, plan(1), d.Content)
	pgtest.Exec(t, dsn, "UPDATE orders SET note = 'later' WHERE id = 'o1'")
	back, err := x.Inverse(t.Context(), fix.Order{ID: 2, Undoes: 1}, plan(1), d.Forms)
	if err != nil {
		t.Fatal(err)
	}
	p := fix.Plan{Order: fix.Order{ID: 2, Undoes: 1}, State: fix.Applied, Draft: back}
	if !back.Partial || p.TakesBack() {
		t.Errorf("partial %v, takes back %v, left %+v", back.Partial, p.TakesBack(), back.Left)
	}
	p.Draft.Partial = false
	if !p.TakesBack() {
		t.Error("a whole way back takes nothing back")
	}
}

// TestPlanSeesReferencesToAPartitionedTable also when a check is about one of
// its partitions.
func TestPlanSeesReferencesToAPartitionedTable(t *testing.T) {
	t.Parallel()
	dsn, target := smallTables(t, `
CREATE TABLE sale (id int, region text, total int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE sale_eu PARTITION OF sale FOR VALUES IN ('eu');
CREATE TABLE line (id int PRIMARY KEY, sale int, region text, FOREIGN KEY (sale, region) REFERENCES sale ON DELETE CASCADE);
INSERT INTO sale VALUES (1, 'eu', -1), (2, 'eu', 5);
INSERT INTO line VALUES (1, 1, 'eu'), (2, 1, 'eu'), (3, 2, 'eu');`)
	r := newRemedy(t, target, "rows", `{table: sale_eu, wrong: total < 0}`, `{delete: true}`)
	d := r.draft(t, asked())
	if got := changesOf(d, fix.Delete, "line"); strings.Join(got, " ") != "1 2" {
		t.Errorf("of the rows that refer to it the plan removes %v (%+v)", got, d.Dependants)
	}
	r.repaired(t, dsn, asked(), d)
}

// TestPlanComparesWhatItWasWorkedOutFrom: the kept row of a merge, and the whole
// row of a computed value.
func TestPlanComparesWhatItWasWorkedOutFrom(t *testing.T) {
	t.Parallel()
	t.Run("the kept row has other facts by now", func(t *testing.T) {
		t.Parallel()
		dsn, target := smallTables(t, `
CREATE TABLE man (id int PRIMARY KEY, email text, name text);
INSERT INTO man VALUES (1, 'a', 'Ann'), (2, 'a', 'Ann'), (3, 'b', 'Bea'), (4, 'b', 'Bea');`)
		r := newRemedy(t, target, "duplicates", `{table: man, columns: email}`, `{}`)
		d := r.draft(t, asked())
		execute(t, dsn, "%s", "UPDATE man SET name = 'Anton' WHERE id = 1")
		_, skipped := r.applied(t, fixer(t, dsn), asked(), d)
		if left := strings.Join(outcomes(d, skipped), ", "); !strings.Contains(left, "man 2: ") || strings.Contains(left, "man 4: ") {
			t.Errorf("left alone: %s", left)
		}
	})
	t.Run("what a value is computed from changed", func(t *testing.T) {
		t.Parallel()
		dsn, target := smallTables(t, `
CREATE TABLE sold (id int PRIMARY KEY, price int, qty int, total int);
INSERT INTO sold VALUES (1, 10, 2, 10), (2, 5, 2, 1);`)
		r := newRemedy(t, target, "rows", `{table: sold, wrong: total <> price * qty}`, `{update: {set: {total: price * qty}}}`)
		d := r.draft(t, asked())
		execute(t, dsn, "%s", "UPDATE sold SET qty = 3 WHERE id = 1")
		_, skipped := r.applied(t, fixer(t, dsn), asked(), d)
		diffKeys(t, "left alone", []string{"sold 1: changed since the preview"}, outcomes(d, skipped))
	})
}

package shop_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/shop"
)

// The runbook's queries run on the shop, so names of tables and columns are the runbook's; and they miss what
// data with every kind of defect is there to show.
func TestRunbookQueriesRun(t *testing.T) {
	dsn, truth := generate(t, shop.Options{Seed: 11})
	conn := connect(t, dsn)
	ctx := bounded(t, time.Minute)
	runbook := shop.RunbookQueries()

	if got := len(runbook.Checks); got != 5 {
		t.Errorf("%d checks, the runbook has 5", got)
	}
	if got := len(runbook.Verification); got != 4 {
		t.Errorf("%d verification queries, the runbook has 4", got)
	}
	if got := len(runbook.Fixes); got != 4 {
		t.Errorf("%d fixes, the runbook has 4", got)
	}
	for _, q := range slices.Concat(runbook.Checks, runbook.Verification) {
		rows, err := conn.Query(ctx, q.SQL)
		if err != nil {
			t.Fatalf("%s: %v", q.Check, err)
		}
		for rows.Next() {
		}
		if err := rows.Err(); err != nil {
			t.Errorf("%s: %v", q.Check, err)
		}
	}

	// Its orders-totals query finds neither orders without items nor NULL totals.
	rows, err := conn.Query(ctx, runbook.Checks[2].SQL)
	if err != nil {
		t.Fatal(err)
	}
	missed := truth.Defects(shop.OrderTotals)
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		delete(missed, values[0].(string))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, p := range missed {
		kinds[p.Kind] = true
	}
	want := map[string]bool{"total-null": true, "total-null-without-items": true, "total-without-items": true}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("kinds of wrong totals that the runbook's query misses (-want +got):\n%s", diff)
	}
}

func TestRunbookFixesRun(t *testing.T) {
	dsn, _ := generate(t, shop.Options{Seed: 12})
	conn := connect(t, dsn)
	for _, q := range shop.RunbookQueries().Fixes {
		// The second fix deletes customers that others were referred by, which a foreign key forbids; as in life.
		if q.Check == shop.DuplicateEmails {
			if _, err := conn.Exec(bounded(t, time.Minute), "ALTER TABLE customers DROP CONSTRAINT customers_referred_by_fkey"); err != nil {
				t.Fatal(err)
			}
		}
		tag, err := conn.Exec(bounded(t, time.Minute), q.SQL)
		if err != nil {
			t.Fatalf("%s: %v", q.Check, err)
		}
		if tag.RowsAffected() == 0 {
			t.Errorf("the runbook's fix of %s changed nothing", q.Check)
		}
	}
}

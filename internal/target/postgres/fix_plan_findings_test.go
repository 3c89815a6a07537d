package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
)

func TestPlanOrdersKeysAsPeopleExpect(t *testing.T) {
	t.Parallel()
	want := []string{"-10", "-9", "0", "01", "1", "2", "10", "123456789012345678901234567890", "", "-", "a10", "a2", "é"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b string) int { return compareKeys([]string{a}, []string{b}) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if compareKeys([]string{"1", "b"}, []string{"1", "a"}) <= 0 || compareKeys([]string{"1"}, []string{"1", "a"}) >= 0 {
		t.Error("keys of several columns are not ordered column by column")
	}
}

func TestPlanKeepsTheFirstOfVeryManyFindings(t *testing.T) {
	t.Parallel()
	f := newFindings(nil)
	const n = 2*findingsKept + 10
	for i := n; i > 0; i-- {
		f.Found(check.Row{Key: []string{fmt.Sprint(i)}, Class: "x"})
	}
	f.sort()
	if f.count != n || f.classes["x"] != n || f.rows[0].Key[0] != "1" || f.rows[findingsKept-1].Key[0] != fmt.Sprint(findingsKept) {
		t.Errorf("counted %d, first %v, kept %d", f.count, f.rows[0].Key, len(f.rows))
	}
}

func TestPlanWarnsWhereNoIndexHelps(t *testing.T) {
	t.Parallel()
	dsn, target := smallTables(t, familyTables+`
ALTER TABLE toy DROP CONSTRAINT toy_a_b_fkey; CREATE TABLE big (id int PRIMARY KEY, a int, b text, c int);
INSERT INTO big VALUES (1, 2, 'y', 1);`)
	r := newRemedy(t, target, "orphans", familyCheck, `{mode: delete, references: [{table: big, column: [a, b]}]}`)
	tuples := func(n int) {
		execute(t, dsn, `UPDATE pg_class SET reltuples = %d WHERE relname = 'big'`, n)
	}
	if d := r.draft(t, asked()); d.Risk != "" {
		t.Errorf("risk %q", d.Risk)
	}
	tuples(slowRows)
	if d := r.draft(t, asked()); !strings.Contains(d.Risk, "big has no index on a, b") {
		t.Errorf("risk %q", d.Risk)
	}
	tuples(hopelessRows)
	if got := r.refused(t, asked()); !strings.Contains(got, "CREATE INDEX CONCURRENTLY ON \"public\".\"big\" (a, b)") {
		t.Errorf("%q", got)
	}
	execute(t, dsn, `CREATE INDEX partly ON big (a) WHERE c > 3`)
	tuples(hopelessRows)
	r.refused(t, asked())
	execute(t, dsn, `CREATE INDEX half ON big (b) WHERE b IS NOT NULL`)
	tuples(hopelessRows)
	if d := r.draft(t, asked()); d.Risk != "" {
		t.Errorf("risk %q", d.Risk)
	}
}

package fix_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/fix"
)

// TestSum: two orders go with their three items, which go first. o2 and its only
// item are left alone.
func TestSum(t *testing.T) {
	forms := []fix.Form{{Op: fix.Delete, Table: "items"}, {Op: fix.Delete, Table: "orders"}, {Op: fix.Keep, Table: "orders"}}
	change := func(form, group int, key string) fix.Change {
		return fix.Change{Form: form, Group: group, Key: []string{key}, Repairs: form == 1}
	}
	batches := []fix.Batch{
		{N: 0, Changes: []fix.Change{change(0, 1, "i1"), change(0, 1, "i2"), change(1, 1, "o1")}},
		{N: 1, Changes: []fix.Change{change(0, 2, "i3"), change(1, 2, "o2")}},
		{N: 2, Changes: []fix.Change{change(1, 3, "o3")}},
	}
	left := []fix.Skipped{{Index: 0, Why: fix.WhyGroup}, {Index: 1, Why: fix.WhyLocked}}
	skip := func(why ...fix.Why) []fix.Skip {
		return []fix.Skip{{Table: "items", Key: []string{"i3"}, Why: why[0]}, {Table: "orders", Key: []string{"o2"}, Why: why[1]}}
	}
	all := []fix.Result{{Batch: 0, Pass: 1, Changed: 3}, {Batch: 1, Pass: 1, Changed: 2}, {Batch: 2, Pass: 1, Changed: 1}}
	for _, tt := range []struct {
		name    string
		results []fix.Result
		want    fix.Outcome
	}{
		{"all", all, fix.Outcome{Changed: 3, Total: 6, Batches: 3}},
		{"in any order", []fix.Result{all[2], all[0], all[1]}, fix.Outcome{Changed: 3, Total: 6, Batches: 3}},
		{"nothing", nil, fix.Outcome{Left: 6}},
		{"stopped", all[:1], fix.Outcome{Changed: 1, Total: 3, Batches: 1, Left: 3}},
		{
			"locked once",
			[]fix.Result{all[0], {Batch: 1, Pass: 1, Skipped: left}, all[2], {Batch: 1, Pass: 2, Changed: 2}},
			fix.Outcome{Changed: 3, Total: 6, Batches: 3},
		},
		{
			"locked twice",
			[]fix.Result{all[0], {Batch: 1, Pass: 1, Skipped: left}, all[2], {Batch: 1, Pass: 2, Skipped: left}},
			fix.Outcome{Changed: 2, Total: 4, Batches: 3, Skipped: skip(fix.WhyGroup, fix.WhyLocked)},
		},
		{
			"locked, and never tried again",
			[]fix.Result{all[0], {Batch: 1, Pass: 1, Skipped: left}, all[2]},
			fix.Outcome{Changed: 2, Total: 4, Batches: 3, Skipped: skip(fix.WhyGroup, fix.WhyLocked)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Before = 5
			got := fix.Sum(fix.Draft{Rows: 3, Found: 5, Total: 6}, forms, batches, tt.results)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

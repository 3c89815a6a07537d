package fix

import "slices"

// Sum is what an apply did, from what the target recorded of it. The results may
// be in any order.
func Sum(d Draft, forms []Form, batches []Batch, results []Result) Outcome {
	first, second := map[int]Result{}, map[int]Result{}
	for _, r := range results {
		if r.Pass == 1 {
			first[r.Batch] = r
		} else {
			second[r.Batch] = r
		}
	}
	o := Outcome{Before: d.Found}
	main := repairing(d, forms, batches)
	marked := slices.ContainsFunc(batches, func(b Batch) bool {
		return slices.ContainsFunc(b.Changes, func(c Change) bool { return c.Repairs })
	})
	exact := marked || slices.Contains(main, true)
	for _, b := range batches {
		one, begun := first[b.N]
		if !begun {
			o.Left += b.Count(forms)
			continue
		}
		two, again := second[b.N]
		o.Batches++
		o.Total += one.Changed + two.Changed
		skipped := stillSkipped(one, two, again)
		for i, change := range b.Changes {
			why, left := skipped[i]
			switch {
			case left:
				o.Skipped = append(o.Skipped, Skip{Table: forms[change.Form].Table, Key: change.Key, Why: why})
			case change.Repairs, !marked && main[change.Form]:
				o.Changed++
			}
		}
	}
	if !exact {
		o.Changed = max(0, d.Rows-int64(len(o.Skipped))-o.Left)
	}
	return o
}

// Count is how many changes of the batch change something.
func (b Batch) Count(forms []Form) int64 {
	n := int64(0)
	for _, c := range b.Changes {
		if forms[c.Form].Op != Keep {
			n++
		}
	}
	return n
}

// stillSkipped is what neither pass made.
func stillSkipped(one, two Result, again bool) map[int]Why {
	left := map[int]Why{}
	for _, s := range one.Skipped {
		left[s.Index] = s.Why
	}
	if again {
		for _, i := range one.Again() {
			delete(left, i)
		}
		for _, s := range two.Skipped {
			left[s.Index] = s.Why
		}
	}
	return left
}

// repairing finds the forms whose changes are the failing rows themselves and
// not what changes with them: there are as many of them as the draft repairs. All
// forms if every change is one, or those of one operation on one table.
func repairing(d Draft, forms []Form, batches []Batch) []bool {
	type kind struct {
		op    Op
		table string
	}
	var order []kind
	counts, all := map[kind]int64{}, int64(0)
	for _, f := range forms {
		if _, known := counts[kind{f.Op, f.Table}]; !known && f.Op != Keep {
			order = append(order, kind{f.Op, f.Table})
			counts[kind{f.Op, f.Table}] = 0
		}
	}
	for _, b := range batches {
		for _, change := range b.Changes {
			if f := forms[change.Form]; f.Op != Keep {
				counts[kind{f.Op, f.Table}]++
				all++
			}
		}
	}
	var found kind
	for _, k := range order {
		// A row that goes is what failed; one that changes with it comes after.
		if counts[k] == d.Rows && (found.op == "" || found.op != Delete && found.op != Quarantine) {
			found = k
		}
	}
	main := make([]bool, len(forms))
	for i, f := range forms {
		main[i] = f.Op != Keep && (all == d.Rows || found.op != "" && found == kind{f.Op, f.Table})
	}
	return main
}

package fix

// Sum is what an apply did, from what the target recorded of it. The results may
// be in any order.
func Sum(d Draft, forms []Form, batches []Batch, results []Result) Outcome {
	first, second := byPass(results)
	o := Outcome{Before: d.Found}
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
			case left && forms[change.Form].Op == Keep: // it would have changed nothing
			case left:
				o.Skipped = append(o.Skipped, Skip{Table: forms[change.Form].Table, Key: change.Key, Why: why})
			case change.Repairs:
				o.Changed++
			}
		}
	}
	return o
}

// byPass sorts the results of the two passes, by batch.
func byPass(results []Result) (first, second map[int]Result) {
	first, second = map[int]Result{}, map[int]Result{}
	for _, r := range results {
		if r.Pass == 1 {
			first[r.Batch] = r
		} else {
			second[r.Batch] = r
		}
	}
	return first, second
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

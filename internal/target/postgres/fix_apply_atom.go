package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/integritybot/integritybot/internal/fix"
)

// atom is changes that are made all or none: those of one group, and those that
// are about the same row.
type atom struct {
	changes []int // places in the batch, in order
	grouped bool  // by the plan
}

// prepare reads the shapes of the tables and ties the changes to atoms. only
// restricts the batch to some of its changes; nil: all.
func (w *work) prepare(ctx context.Context, only []int) error {
	w.fates = make([]fate, len(w.batch.Changes))
	for i := range w.fates {
		w.fates[i].tried = only == nil
	}
	for _, i := range only {
		if i < 0 || i >= len(w.fates) {
			return fmt.Errorf("change %d of a batch of %d", i, len(w.fates))
		}
		w.fates[i].tried = true
	}
	if err := w.look(ctx); err != nil {
		return err
	}
	w.tie()
	return nil
}

// tie finds the atoms. One that is not tried as a whole is not tried at all.
func (w *work) tie() {
	parent := make([]int, len(w.fates))
	var root func(int) int
	root = func(i int) int {
		if parent[i] != i {
			parent[i] = root(parent[i])
		}
		return parent[i]
	}
	groups, rows := map[int]int{}, map[string]int{}
	for i, c := range w.batch.Changes {
		parent[i] = i
		if first, ok := groups[c.Group]; ok && c.Group != 0 {
			parent[root(i)] = root(first)
		} else {
			groups[c.Group] = i
		}
		f := w.forms[c.Form]
		w.fates[i].first = true
		if f.Op == fix.Keep || f.Op == fix.Validate {
			continue // many may keep one row
		}
		if first, ok := rows[w.rowName(i)]; ok {
			parent[root(i)] = root(first)
			w.fates[i].first = false
		}
		rows[w.rowName(i)] = i
		rows[rowName(f.Table, keyAfter(f, c))] = i
	}
	atoms := map[int]*atom{}
	for i := range w.fates {
		r := root(i)
		if atoms[r] == nil {
			atoms[r] = &atom{}
			w.atoms = append(w.atoms, atoms[r])
		}
		atoms[r].changes = append(atoms[r].changes, i)
		atoms[r].grouped = atoms[r].grouped || w.batch.Changes[i].Group != 0
		w.fates[i].atom = atoms[r]
	}
	for _, a := range w.atoms {
		if slices.ContainsFunc(a.changes, func(i int) bool { return !w.fates[i].tried }) {
			w.leave(a, fix.WhyGroup)
		}
	}
}

// rowName tells the rows that changes are about apart.
func (w *work) rowName(i int) string {
	c := w.batch.Changes[i]
	return rowName(w.forms[c.Form].Table, c.Key)
}

func rowName(table string, key []string) string {
	var b strings.Builder
	for _, part := range append([]string{table}, key...) {
		b.WriteString(strconv.Quote(part))
	}
	return b.String()
}

// leave leaves an atom alone. Changes that have a reason of their own keep it.
func (w *work) leave(a *atom, why fix.Why) {
	for _, i := range a.changes {
		f := &w.fates[i]
		f.made, f.before, f.after = false, nil, nil
		if f.why == "" {
			f.why = why
		}
	}
}

// open are the changes of an atom that may still be made.
func (w *work) open(atoms []*atom) []int {
	var out []int
	for _, a := range atoms {
		for _, i := range a.changes {
			if f := w.fates[i]; f.tried && f.why == "" && !f.made {
				out = append(out, i)
			}
		}
	}
	slices.Sort(out)
	return out
}

// again gives an atom another chance.
func (w *work) again(a *atom) {
	for _, i := range a.changes {
		f := &w.fates[i]
		f.why, f.made, f.before, f.after = "", false, nil, nil
	}
}

// steps puts changes into few statements: each step is of one form. The order
// inside an atom is kept, and so is that of all changes without a group; between
// groups there is none.
func (w *work) steps(changes []int) [][]int {
	var order []*atom
	queues := map[*atom][]int{}
	for _, i := range changes {
		a := w.fates[i].atom
		if !a.grouped {
			a = nil
		}
		if _, ok := queues[a]; !ok {
			order = append(order, a)
		}
		queues[a] = append(queues[a], i)
	}
	var out [][]int
	for len(order) > 0 {
		head := func(a *atom) int { return queues[a][0] }
		first := slices.MinFunc(order, func(a, b *atom) int { return cmp.Compare(head(a), head(b)) })
		form := w.batch.Changes[head(first)].Form
		var step []int
		rows := map[string]bool{} // a row is changed once in a statement
		for _, a := range order {
			q := queues[a]
			for len(q) > 0 && w.batch.Changes[q[0]].Form == form && !rows[w.rowName(q[0])] {
				rows[w.rowName(q[0])] = true
				step, q = append(step, q[0]), q[1:]
			}
			queues[a] = q
		}
		order = slices.DeleteFunc(order, func(a *atom) bool { return len(queues[a]) == 0 })
		slices.Sort(step)
		out = append(out, step)
	}
	return out
}

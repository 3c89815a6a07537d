package postgres

import (
	"fmt"
	"slices"

	"github.com/integritybot/integritybot/internal/fix"
)

// reach gives the rows that are removed when only some of the failing ones are.
func reach(roots []*node) []*node {
	seen := map[*node]bool{}
	var out []*node
	next := slices.Clone(roots)
	for len(next) > 0 {
		n := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		out = append(out, n)
		next = append(next, n.from...)
	}
	return out
}

// levels sets how late each row can be removed. It gives the rows that never can
// be, because rows refer to each other in a circle.
func levels(nodes []*node) map[*node]bool {
	waiting := map[*node]int{}
	refersTo := map[*node][]*node{}
	var ready []*node
	for _, n := range nodes {
		n.level, waiting[n] = 0, len(n.from)
		for _, f := range n.from {
			refersTo[f] = append(refersTo[f], n)
		}
		if len(n.from) == 0 {
			ready = append(ready, n)
		}
	}
	for len(ready) > 0 {
		n := ready[0]
		ready = ready[1:]
		delete(waiting, n)
		for _, to := range refersTo[n] {
			to.level = max(to.level, n.level+1)
			if waiting[to]--; waiting[to] == 0 {
				ready = append(ready, to)
			}
		}
	}
	stuck := map[*node]bool{}
	for n := range waiting {
		stuck[n] = true
	}
	return stuck
}

// clusters puts rows together that must be removed together, in the order of the
// first failing row of each.
func clusters(roots, nodes []*node) [][]*node {
	leader := map[*node]*node{}
	var find func(*node) *node
	find = func(n *node) *node {
		if l := leader[n]; l != nil && l != n {
			leader[n] = find(l)
			return leader[n]
		}
		return n
	}
	for _, n := range nodes {
		for _, f := range n.from {
			if a, b := find(n), find(f); a != b {
				leader[b] = a
			}
		}
	}
	at := map[*node]int{}
	var out [][]*node
	put := func(n *node) {
		l := find(n)
		i, ok := at[l]
		if !ok {
			i = len(out)
			at[l] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], n)
	}
	for _, n := range roots {
		put(n)
	}
	for _, n := range nodes {
		if !n.root {
			put(n)
		}
	}
	return out
}

// changes is how many changes a cluster makes, with so many more for each
// failing row.
func changes(cluster []*node, beside int) int {
	sum := 0
	for _, n := range cluster {
		sum += 1 + len(n.writes)
		if n.root {
			sum += beside
		}
	}
	return sum
}

// settle leaves out the failing rows that cannot be removed, and gives the
// others in clusters. beside is how many more changes each failing row makes.
func (g *graph) settle(roots []*node, beside int) [][]*node {
	for {
		nodes := reach(roots)
		bad := levels(nodes)
		why := "they are part of a circle of rows that refer to each other"
		whole := clusters(roots, nodes)
		if len(bad) == 0 {
			why = fmt.Sprintf("more than %d rows would have to change with each of them in one transaction", fix.MaxBatch)
			for _, c := range whole {
				for _, n := range c {
					if changes(c, beside) > fix.MaxBatch {
						bad[n] = true
					}
				}
			}
		}
		if len(bad) == 0 {
			return whole
		}
		roots = slices.DeleteFunc(roots, func(n *node) bool {
			if bad[n] {
				g.d.leave(why, 1, keyText(n.row.Key))
			}
			return bad[n]
		})
	}
}

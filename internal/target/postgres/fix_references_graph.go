package postgres

import (
	"context"
	"slices"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

const (
	// planChanges is how many rows one plan may change, dependants too.
	planChanges = 50_000
	// referredAtOnce is how many values one statement looks up in a table that
	// refers to them.
	referredAtOnce = 5_000
)

// graph is the rows that a plan removes, and the rows that refer to them: those
// are removed too, or written so that they refer to something else.
type graph struct {
	d      *drafting
	nodes  map[string]*node
	order  []*node
	linked map[[2]*node]bool
	writes int // of rows that stay
	// written gives what a row that refers to a removed one becomes, column by
	// column; nil: it is removed, too.
	written func(r *reference, removed *node) (cols []Column, values []*string)
}

// node is one row that is removed.
type node struct {
	*record
	root   bool
	row    check.Row // of a root: its finding
	from   []*node   // that refer to it and are removed, too
	writes []write   // of rows that refer to it and stay
	level  int       // how many removals must come before it, one after the other
}

// write is a row that stays and is made to refer to something else.
type write struct {
	*record
	ref    *reference
	cols   []Column
	values []*string
}

func newGraph(d *drafting) *graph {
	return &graph{d: d, nodes: map[string]*node{}, linked: map[[2]*node]bool{}}
}

func (g *graph) node(r *record) *node {
	if n, ok := g.nodes[r.id()]; ok {
		return n
	}
	n := &node{record: r}
	g.nodes[r.id()] = n
	g.order = append(g.order, n)
	return n
}

// plant adds a failing row.
func (g *graph) plant(r *record, row check.Row) *node {
	n := g.node(r)
	n.root, n.row = true, row
	return n
}

// size is how many rows change.
func (g *graph) size() int { return len(g.order) + g.writes }

func (g *graph) link(to, from *node) {
	if to == from || g.linked[[2]*node{to, from}] {
		return
	}
	g.linked[[2]*node{to, from}] = true
	to.from = append(to.from, from)
}

// grow finds all that refers to the rows, and to those rows, and so on. The
// error is a Problem: they are too many, or cannot be told apart.
func (g *graph) grow(ctx context.Context) error {
	for next := slices.Clone(g.order); len(next) > 0; {
		at := len(g.order)
		byTable := map[*fixTable][]*node{}
		var tables []*fixTable
		for _, n := range next {
			if byTable[n.table] == nil {
				tables = append(tables, n.table)
			}
			byTable[n.table] = append(byTable[n.table], n)
		}
		for _, t := range tables {
			references, err := g.d.referencesTo(ctx, t)
			if err != nil {
				return err
			}
			for _, r := range references {
				if err := g.follow(ctx, r, byTable[t]); err != nil {
					return err
				}
			}
		}
		next = g.order[at:]
	}
	g.untangle()
	return nil
}

// follow finds the rows of one reference that refer to some rows.
func (g *graph) follow(ctx context.Context, r *reference, nodes []*node) error {
	if err := g.d.searchable(ctx, r.child.Table, r.columns); err != nil {
		return err
	}
	by := map[string][]*node{}
	var values [][]string
	for _, n := range nodes {
		if v, ok := n.filled(r.refers); ok {
			if by[joined(v)] == nil {
				values = append(values, v)
			}
			by[joined(v)] = append(by[joined(v)], n)
		}
	}
	for chunk := range slices.Chunk(values, referredAtOnce) {
		var found []*record
		most := planChanges - g.size() + 1
		err := g.d.snapshot(ctx, func(s *Session) (err error) {
			found, err = s.recordsBy(ctx, r.child, r.typed(), chunk, most)
			return err
		})
		if err != nil {
			return err
		}
		if len(found) > 0 && (len(r.child.key) == 0 || r.onDelete == actionSetDefault) {
			return g.d.unworkable(r)
		}
		if len(found) == most { // and perhaps more
			return problemf("More than %s rows would change, with those that refer to the failing ones: repair fewer at a time with --limit.", phrase.Count(planChanges))
		}
		for _, f := range found {
			g.meet(r, f, by[joined(f.by)])
		}
	}
	return nil
}

// unworkable says why rows that refer to failing ones cannot be part of a plan.
func (d *drafting) unworkable(r *reference) error {
	if len(r.child.key) == 0 {
		return problemf("Rows of %s refer to failing %s, and %[1]s has neither a primary key nor a unique index on columns that are NOT NULL, so they cannot be told apart: this has to be repaired by hand.", r.child, d.noun())
	}
	return problemf("Rows of %s refer to failing %s, and their foreign key %s would give them a default (ON DELETE SET DEFAULT): this has to be repaired by hand.", r.child, d.noun(), r.name)
}

// meet takes in one row that refers to rows that are removed.
func (g *graph) meet(r *reference, found *record, removed []*node) {
	for _, to := range removed {
		if cols, values := g.written(r, to); cols != nil {
			g.writes++
			to.writes = append(to.writes, write{record: found, ref: r, cols: cols, values: values})
			continue
		}
		n := g.node(found)
		g.link(to, n)
	}
}

// untangle turns writes of rows that are removed anyway into an order.
func (g *graph) untangle() {
	for _, n := range g.order {
		n.writes = slices.DeleteFunc(n.writes, func(w write) bool {
			other := g.nodes[w.id()]
			if other != nil {
				g.link(n, other)
			}
			return other != nil
		})
	}
}

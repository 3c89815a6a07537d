package postgres

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/integritybot/integritybot/internal/fix"
)

// content collects what a plan changes, in units that are made all or none.
type content struct {
	forms      []fix.Form
	known      map[string]int // forms by what they say
	units      []unit
	dependants []fix.Dependant
}

// unit is one failing row and what changes with it, or several of those that
// share something. Its steps stand in no order yet.
type unit []planned

// planned is one change. Those of a lower rank are made first.
type planned struct {
	rank   int
	change fix.Change
	lines  [][]string // of the listing
}

// The ranks of steps: rows are kept before others refer to them, and rows that
// refer to a row are changed before it is removed. Removed rows follow by their
// level, from rankRemove on.
const (
	rankKeep = iota
	rankWrite
	rankRemove
)

func newContent() *content { return &content{known: map[string]int{}} }

// form gives the number of a form. Forms that say the same at different ranks
// are kept apart: they are made one after the other.
func (c *content) form(f fix.Form, rank int) (int, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return 0, fmt.Errorf("form of a plan: %w", err)
	}
	key := fmt.Sprint(rank, " ", string(text))
	if n, ok := c.known[key]; ok {
		return n, nil
	}
	c.known[key] = len(c.forms)
	c.forms = append(c.forms, f)
	return len(c.forms) - 1, nil
}

// step makes one change of a form.
func (c *content) step(f fix.Form, rank int, change fix.Change, lines ...[]string) (planned, error) {
	n, err := c.form(f, rank)
	change.Form = n
	return planned{rank: rank, change: change, lines: lines}, err
}

func (c *content) add(u unit) { c.units = append(c.units, u) }

// depend counts rows that change with the failing ones.
func (c *content) depend(table, fate string) {
	for i := range c.dependants {
		if d := &c.dependants[i]; d.Table == table && d.Fate == fate {
			d.Rows++
			return
		}
	}
	c.dependants = append(c.dependants, fix.Dependant{Table: table, Fate: fate, Rows: 1})
}

// assemble puts the changes in the order in which they are made: as many units
// as one transaction holds, and their steps by rank and form, so that few
// statements do.
func (c *content) assemble() fix.Content {
	out := fix.Content{Forms: c.forms}
	var block []planned
	flush := func() {
		slices.SortStableFunc(block, func(a, b planned) int {
			return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.change.Form, b.change.Form))
		})
		for _, s := range block {
			out.Changes = append(out.Changes, s.change)
		}
		block = nil
	}
	for i, u := range c.units {
		if len(block)+len(u) > fix.MaxBatch {
			flush()
		}
		for _, s := range u {
			if len(u) > 1 {
				s.change.Group = i + 1
			}
			block = append(block, s)
		}
	}
	flush()
	return out
}

// listing is the whole plan as lines of CSV.
func (c *content) listing() [][]string {
	lines := [][]string{{"table", "operation", "key", "column", "before", "after"}}
	for _, u := range c.units {
		for _, s := range u {
			lines = append(lines, s.lines...)
		}
	}
	return lines
}

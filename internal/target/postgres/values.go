package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	// Wrong values of one chunk; more of them and the chunk is split. They are
	// part of the cursor while their rows are being listed.
	valuesPerChunk = 1_000
	// Rows listed in one statement.
	membersPerPage = 10_000
)

// valueWalk walks a table by the values of indexed columns and judges each
// distinct value once, from the index alone. It is the cheapest way to look at
// references and at unique columns: measured on 3 M orders of 300,000 customers,
// half the table takes 0.5 s this way and 1.1 s by joining pages.
type valueWalk struct {
	r       *Reader
	subject *subject
	cols    []Column // in the order of an index that leads with them
	// judge gives a join behind the grouped values, called v, with its
	// arguments, and the condition on v of values that are wrong.
	judge   func(rng Range, first int) (join string, args []any, wrong string)
	old     string // the condition of rows old enough to be judged
	lookout *Lookout
	cursor  func() any
	state   *valueState
}

// valueState is a valueWalk's part of a cursor.
type valueState struct {
	At      Position `json:"at"`
	Scanned int64    `json:"scanned"`
	Values  int64    `json:"values,omitempty"` // wrong ones
	Spared  int64    `json:"spared,omitempty"` // rows too young to be judged
	// Left are wrong values before At whose rows were not all listed yet, and
	// Listed the last key listed among them.
	Left   [][]string `json:"left,omitempty"`
	Listed []string   `json:"listed,omitempty"`
}

// wrongValues is what one chunk shows.
type wrongValues struct {
	scanned int64
	values  [][]string
}

// run walks on from the state.
func (w *valueWalk) run(ctx context.Context) error {
	if err := w.list(ctx); err != nil { // what a killed run had left
		return err
	}
	span := Span{Table: w.subject.table, Key: w.cols, From: w.state.At}
	if err := Walk(ctx, w.r, span, w.read, w.accept); err != nil {
		return err
	}
	w.state.At.Done = true
	return nil
}

func (w *valueWalk) read(ctx context.Context, s *Session, rng Range) (wrongValues, error) {
	where, args := rng.Where("t", 1)
	join, more, wrong := w.judge(rng, len(args)+1)
	var grouped, named, picked []string
	for i, c := range w.cols {
		grouped = append(grouped, c.In("t"))
		named = append(named, fmt.Sprintf(`%s AS "%d"`, c.In("t"), i+1))
		picked = append(picked, fmt.Sprintf(`(array_agg(v."%d"::text) FILTER (WHERE %s))[1:%d]`, i+1, wrong, valuesPerChunk+1))
	}
	sql := fmt.Sprintf(`SELECT coalesce(sum(v.n), 0)::bigint, %s
FROM (SELECT %s, count(*) AS n FROM %s AS t WHERE %s GROUP BY %s) AS v %s`,
		strings.Join(picked, ", "), strings.Join(named, ", "), w.subject.table.SQL(), where, strings.Join(grouped, ", "), join)
	var found wrongValues
	lists := make([][]string, len(w.cols))
	dest := []any{&found.scanned}
	for i := range lists {
		dest = append(dest, &lists[i])
	}
	if err := s.Row(ctx, sql, append(args, more...), dest...); err != nil {
		return found, err
	}
	w.r.AddRead(found.scanned)
	if len(lists[0]) > valuesPerChunk && !rng.Whole {
		return found, ErrSplit
	}
	found.values = transpose(lists)
	return found, nil
}

func (w *valueWalk) accept(ctx context.Context, found wrongValues, at Position) error {
	w.state.Scanned += found.scanned
	w.state.Values += int64(len(found.values))
	w.state.Left, w.state.Listed, w.state.At = found.values, nil, at
	if len(found.values) > 0 {
		return w.list(ctx)
	}
	return w.lookout.Step(ctx, w.cursor)
}

// list makes suspects of all rows with the values that are left. It goes page
// by page in the order of the rows' keys, so that one value with a million rows
// takes no memory, and can go on at any page.
func (w *valueWalk) list(ctx context.Context) error {
	for len(w.state.Left) > 0 {
		keys, err := w.members(ctx)
		if err != nil {
			return err
		}
		var suspects []Suspect
		for _, k := range keys {
			if k.old {
				suspects = append(suspects, Suspect{Key: k.key})
			}
		}
		w.state.Spared += int64(len(keys) - len(suspects))
		if len(keys) < membersPerPage {
			w.state.Left, w.state.Listed = nil, nil
		} else {
			w.state.Listed = keys[len(keys)-1].key
		}
		w.lookout.Add(suspects...)
		if err := w.lookout.Step(ctx, w.cursor); err != nil {
			return err
		}
	}
	return nil
}

// member is a row that holds a wrong value.
type member struct {
	key []string
	old bool // enough to be judged
}

// members is one page of the rows that hold the values left.
func (w *valueWalk) members(ctx context.Context) ([]member, error) {
	s := w.subject
	values, args := keyArrays(w.cols, w.state.Left, 1)
	behind := "TRUE"
	if w.state.Listed != nil {
		var more []any
		behind, more = Range{span: &Span{Key: s.key}, lo: w.state.Listed}.Where(s.alias, len(args)+1)
		args = append(args, more...)
	}
	sql := fmt.Sprintf("SELECT %s, %s FROM %s JOIN %s ON %s WHERE %s ORDER BY %s LIMIT %d",
		texts(s.alias, s.key), w.old, s.from(), values, keyJoin(s.alias, w.cols), behind, list(s.alias, s.key), membersPerPage)
	var found []member
	err := w.r.Each(ctx, true, sql, args, func(rows pgx.Rows) error {
		m := member{key: make([]string, len(s.key))}
		if err := rows.Scan(append(pointers(m.key), &m.old)...); err != nil {
			return fmt.Errorf("list rows of %s: %w", s.table, err)
		}
		found = append(found, m)
		return nil
	})
	return found, err
}

// pointers are where to scan a key to.
func pointers(key []string) []any {
	dest := make([]any, len(key))
	for i := range key {
		dest[i] = &key[i]
	}
	return dest
}

// transpose turns one list per column into one key per row.
func transpose(lists [][]string) [][]string {
	if len(lists) == 0 || len(lists[0]) == 0 {
		return nil
	}
	keys := make([][]string, len(lists[0]))
	for i := range keys {
		keys[i] = make([]string, len(lists))
		for j := range lists {
			keys[i][j] = lists[j][i]
		}
	}
	return keys
}

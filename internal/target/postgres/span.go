package postgres

import (
	"fmt"
	"strings"
)

// Span says how a table is walked in chunks.
//
// A walk by keys cannot miss a row that was there before it and stays: a row
// that is updated meanwhile keeps its place in the key's order. A walk by pages
// can: an update may move a row from a page not yet read to one already read,
// or the other way, so that it is missed or seen twice. Therefore pages are for
//
//   - sums that are added up and whose suspects are then looked at exactly
//     (a moved row only makes a false suspect), or
//   - Snapshot walks, where every chunk sees the same moment.
type Span struct {
	Table *Table
	// Key are the columns to walk by, in the order of an index that leads with
	// them; they need not be unique (equal values are never split). Rows with a
	// NULL in one of them are never in a range. Empty: by physical pages.
	Key []Column
	// Snapshot makes all chunks of a walk at full speed see one moment. It is
	// held for the whole walk, so use it where that is a few seconds; a chunk
	// that times out or asks for ErrSplit then ends the walk with ErrSnapshot,
	// and the caller walks by keys instead. Pages only.
	Snapshot bool
	// Rows is how many rows the first chunk aims at; 0 is a careful default.
	Rows int64
	// MaxRows bounds a chunk; 0 is the default, 4,000,000 rows.
	MaxRows int64
	// From is where to go on; the zero Position is the beginning.
	From Position
}

// Position is a place in a walk, behind everything that was accepted. It is
// part of a cursor.
type Position struct {
	After []string `json:"after,omitempty"` // the last key
	Page  int64    `json:"page,omitempty"`  // the next page
	Rows  int64    `json:"rows,omitempty"`  // size of a chunk that suited
	Done  bool     `json:"done,omitempty"`
}

// isBeginning tells whether nothing was accepted yet.
func (p Position) isBeginning() bool { return p.After == nil && p.Page == 0 && !p.Done }

// Range is one chunk of a walk.
type Range struct {
	span   *Span
	lo, hi []string // lo < key <= hi; nil: open
	from   int64    // from <= page < to
	to     int64    // -1: open
	// Whole is set when the range cannot be split any further: ErrSplit is no
	// answer then.
	Whole bool
}

// Where is the predicate of the chunk on an alias of the walked table. Its
// parameters are numbered from first on.
func (r Range) Where(alias string, first int) (string, []any) {
	if len(r.span.Key) == 0 {
		return r.pages(alias, first)
	}
	return r.On(alias, r.span.Key, first)
}

// On is the same range of key values on other columns, such as the parent's:
// cols stand for the columns of Span.Key, one by one. Key walks only.
func (r Range) On(alias string, cols []Column, first int) (string, []any) {
	var parts []string
	var args []any
	left := ins(alias, cols)
	bound := func(op string, values []string) {
		right := make([]string, len(cols))
		for i, c := range cols {
			args = append(args, values[i])
			right[i] = fmt.Sprintf("$%d::text::%s", first+len(args)-1, c.Type)
		}
		parts = append(parts, row(left)+" "+op+" "+row(right))
	}
	if r.lo != nil {
		bound(">", r.lo)
	}
	if r.hi != nil {
		bound("<=", r.hi)
	}
	// A row comparison is decided by the first columns that differ, so it lets
	// NULLs in later ones through.
	for i, c := range cols {
		if !c.NotNull {
			parts = append(parts, left[i]+" IS NOT NULL")
		}
	}
	if len(parts) == 0 {
		return "TRUE", nil
	}
	return strings.Join(parts, " AND "), args
}

func (r Range) pages(alias string, first int) (string, []any) {
	sql := fmt.Sprintf("%s.ctid >= $%d::text::tid", alias, first)
	args := []any{fmt.Sprintf("(%d,0)", r.from)}
	if r.to >= 0 {
		sql += fmt.Sprintf(" AND %s.ctid < $%d::text::tid", alias, first+1)
		args = append(args, fmt.Sprintf("(%d,0)", r.to))
	}
	return sql, args
}

// row is a row constructor; a single value goes without.
func row(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return "(" + strings.Join(values, ", ") + ")"
}

// texts lists columns as text: how a key travels.
func texts(alias string, cols []Column) string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.In(alias) + "::text"
	}
	return strings.Join(out, ", ")
}

// list names columns behind an alias.
func list(alias string, cols []Column) string {
	return strings.Join(ins(alias, cols), ", ")
}

// end is the position behind the range.
func (r Range) end(rows int64) Position {
	if len(r.span.Key) == 0 {
		return Position{Page: max(r.to, r.from), Rows: rows, Done: r.to < 0}
	}
	return Position{After: r.hi, Rows: rows, Done: r.hi == nil}
}

// ins names columns behind an alias, one by one.
func ins(alias string, cols []Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.In(alias)
	}
	return out
}

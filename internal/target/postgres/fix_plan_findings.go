package postgres

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
)

// findingsKept is how many failing rows a plan chooses from at most. Caps are
// far below it; more failing rows are counted and the last by key forgotten.
const findingsKept = 100_000

// findings is a check.Recorder that keeps the failing rows in the order of their
// keys, so that a plan repairs what its check finds.
type findings struct {
	columns []check.Column
	rows    []check.Row
	count   int64            // all of them, also those not kept
	classes map[string]int64 // the same by class
	tell    func(check.Progress)
}

func newFindings(tell func(check.Progress)) *findings {
	return &findings{classes: map[string]int64{}, tell: tell}
}

// Columns implements check.Recorder.
func (f *findings) Columns(cols []check.Column) { f.columns = cols }

// Found implements check.Recorder.
func (f *findings) Found(rows ...check.Row) {
	f.count += int64(len(rows))
	for _, r := range rows {
		f.classes[r.Class]++
	}
	f.rows = append(f.rows, rows...)
	if len(f.rows) > 2*findingsKept {
		f.sort()
		f.rows = slices.Clone(f.rows[:findingsKept])
	}
}

// Save implements check.Recorder. A plan that is interrupted begins again.
func (f *findings) Save(ctx context.Context, _ check.Cursor) error { return ctx.Err() }

// Progress implements check.Recorder.
func (f *findings) Progress(p check.Progress) {
	if f.tell != nil {
		f.tell(p)
	}
}

func (f *findings) sort() {
	slices.SortStableFunc(f.rows, func(a, b check.Row) int { return compareKeys(a.Key, b.Key) })
}

// compareKeys orders keys as people expect it: whole numbers by their value,
// before texts byte by byte.
func compareKeys(a, b []string) int {
	return slices.CompareFunc(a, b, func(x, y string) int {
		nx, ny := isWhole(x), isWhole(y)
		switch {
		case nx && ny:
			return compareWhole(x, y)
		case nx != ny:
			return cmp.Compare(bit(ny), bit(nx))
		}
		return cmp.Compare(x, y)
	})
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func isWhole(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func compareWhole(x, y string) int {
	below := strings.HasPrefix(x, "-")
	if below != strings.HasPrefix(y, "-") {
		return cmp.Compare(bit(!below), bit(below))
	}
	a, b := strings.TrimLeft(x, "-0"), strings.TrimLeft(y, "-0")
	c := cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	if below {
		c = -c
	}
	return cmp.Or(c, cmp.Compare(x, y)) // 01 is not 1
}

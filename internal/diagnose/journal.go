package diagnose

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

// mostKeys is how many rows of one check are compared with others at most. With
// more, nothing is said about them: a share of a part would not be exact.
const mostKeys = 50_000

// memory is a check.Journal that keeps no rows. A diagnosis that crashed is asked
// for again. Of rows it only remembers the keys, to see whether two checks speak of
// the same ones.
type memory struct {
	mu   sync.Mutex
	kept map[string]*keys
}

// keys are the values of the columns of a check's rows that hold keys or codes.
// They are compared and never shown.
type keys struct {
	columns map[string][]string
	order   []string // of the columns that hold keys
	rows    int
	times   []time.Time // when they went bad, of those that say it
}

func newMemory() *memory { return &memory{kept: map[string]*keys{}} }

// Resume implements check.Journal: nothing was begun before.
func (*memory) Resume(context.Context, string) (check.State, error) { return check.State{}, nil }

// Save implements check.Journal.
func (m *memory) Save(_ context.Context, name string, s check.State, rows [][]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.kept[name]
	if k == nil {
		k = &keys{columns: map[string][]string{}}
		m.kept[name] = k
	}
	for _, row := range rows {
		k.add(s.Tally.Columns, row)
		// The last of a line of the file is when the row went bad; see check.FileHeader.
		if at, err := time.Parse(time.RFC3339, row[len(row)-1]); err == nil && k.rows <= mostKeys {
			k.times = append(k.times, at)
		}
	}
	return nil
}

// Progress implements check.Journal.
func (*memory) Progress(string, check.Progress) {}

// of gives the keys of all rows of a finding; nil if some are not known.
func (m *memory) of(f check.Finding) *keys {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.kept[f.Check]
	if k == nil || int64(k.rows) != f.Tally.Rows || k.rows > mostKeys {
		return nil
	}
	return k
}

// shownKeys are the keys of a finding whose rows are all among its examples.
func shownKeys(f check.Finding) *keys {
	if f.Tally.Rows != int64(len(f.Tally.Examples)) {
		return nil
	}
	k := &keys{columns: map[string][]string{}}
	for _, e := range f.Tally.Examples {
		k.add(f.Tally.Columns, e.Values)
	}
	return k
}

func (k *keys) add(columns []check.Column, row []string) {
	k.rows++
	if k.rows > mostKeys {
		return
	}
	for i, c := range columns {
		if i >= len(row) || c.Class != check.Key && c.Class != check.Code {
			continue
		}
		if c.Class == check.Key && !slices.Contains(k.order, c.Name) {
			k.order = append(k.order, c.Name)
		}
		k.columns[c.Name] = append(k.columns[c.Name], row[i])
	}
}

// overlap counts the rows of a data check that letters name. Only columns that
// speak of the same thing are compared: order, order_id or orderId of a letter with
// the key of what the check calls orders. compared is false if there is none.
func overlap(rows judged, letters judged) (n, of int64, compared bool) {
	if rows.keys == nil || letters.keys == nil || len(rows.keys.order) == 0 {
		return 0, 0, false
	}
	named := map[string]bool{}
	for column, values := range letters.keys.columns {
		if plural(column) != strings.ToLower(rows.of.Noun) {
			continue
		}
		compared = true
		for _, v := range values {
			named[v] = true
		}
	}
	delete(named, check.Null)
	for _, v := range rows.keys.columns[rows.keys.order[0]] {
		if named[v] {
			n++
		}
	}
	return n, int64(rows.keys.rows), compared
}

// plural is what a column with a reference refers to: order_id → orders.
func plural(column string) string {
	base := strings.TrimSuffix(strings.TrimSuffix(column, "_id"), "Id")
	return strings.ToLower(strings.ReplaceAll(base, "_", " ")) + "s"
}

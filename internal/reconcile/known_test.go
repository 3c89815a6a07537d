package reconcile

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/redisproc"
)

func TestKnownRows(t *testing.T) {
	t.Parallel()
	const rows = 5_000
	k := newKnownRows(2, 10, 1<<20) // far fewer than come, and with room for most of them
	for i := range rows {
		key := []byte(fmt.Sprint("c", i))
		_ = k.add(key, [][]byte{[]byte(strings.Repeat("x", i%300)), nil})
		if i%100 == 0 {
			_ = k.add(key, [][]byte{[]byte("another"), []byte("one")})
		}
	}
	cells, row, found := make([]string, 2), make(Row, 2), 0
	for i := range rows {
		if !k.row(fmt.Sprint("c", i), cells, row) {
			continue
		}
		found++
		if i%100 == 0 || len(*row[0]) != i%300 || row[1] != nil {
			t.Fatalf("row %d is %q, %v", i, *row[0], row[1])
		}
	}
	if k.memory > k.most || found < rows/2 || found > rows-rows/100 {
		t.Errorf("%d of %d are known, in %d bytes", found, rows, k.memory)
	}
	if k.row("c5000", cells, row) || k.row("", cells, row) {
		t.Error("a row is known that never came")
	}
}

// TestWhatIsKnownPassesNothingThatIsWrong: rows that were read as a whole tell only that
// a value agrees. Nothing is looked up then; everything else is.
func TestWhatIsKnownPassesNothingThatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, smallSQL+"UPDATE customers SET updated_at = clock_timestamp() WHERE id = 'c7'; ANALYZE customers;")
	for i := 1; i <= 20; i++ {
		w.put(fmt.Sprintf("customer:c%d", i), fmt.Sprintf(`{"name":"Name %d"}`, i), time.Hour)
	}
	counts := &counting{Rows: w.rows}
	words := wordsOf(t, smallCheck)
	run := func(opts check.Options) (*recorder, check.Result) {
		rec := &recorder{}
		counts.looked = 0
		result, err := words.Detector(w.cache, counts).Detect(t.Context(), opts, nil, rec)
		if err != nil {
			t.Fatal(err)
		}
		return rec, result
	}
	if rec, result := run(check.Options{Full: true}); counts.looked != 0 || len(rec.rows) != 0 || result.Scanned != 20 {
		t.Errorf("%d rows were looked up, found %v of %d", counts.looked, rec.byClass(), result.Scanned)
	}
	if run(check.Options{}); counts.looked != 20 {
		t.Errorf("politely %d rows were looked up", counts.looked)
	}
	w.put("customer:c1", `{"name":"Name 2"}`, time.Hour)
	w.put("customer:c2", `{"name":"Name 2"}`, 0)
	w.put("customer:c3", "{", time.Hour)
	w.put("customer:c999", `{"name":"Name 1"}`, time.Hour)
	w.put("customer:c7", `{"name":"young"}`, time.Hour)
	rec, result := run(check.Options{Full: true})
	want := map[string]map[string]bool{classStale: {"customer:c1": true}, classForever: {"customer:c2": true}, classUnreadable: {"customer:c3": true}, classGone: {"customer:c999": true}}
	if diff := cmp.Diff(want, rec.byClass()); diff != "" || result.Scanned != 20 {
		t.Errorf("of %d, %q: -want +found:\n%s", result.Scanned, result.Notes, diff)
	}
}

// counting counts the rows that are looked up one by one.
type counting struct {
	Rows
	looked int
}

func (c *counting) Reader(ctx context.Context, from From, pace Pace) (RowReader, error) {
	r, err := c.Rows.Reader(ctx, from, pace)
	return &countingReader{r, c}, err
}

type countingReader struct {
	RowReader
	c *counting
}

func (r *countingReader) Rows(ctx context.Context, keys []string) ([]Row, time.Time, error) {
	r.c.looked += len(keys)
	return r.RowReader.Rows(ctx, keys)
}

package postgres

import (
	"runtime"
	"testing"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// TestManyFailingRowsStream: however many rows fail, few are held at once. Half
// of them share one value, which no chunk can split.
func TestManyFailingRowsStream(t *testing.T) {
	t.Parallel()
	const rows = 70_000
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, `
CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE k (id int PRIMARY KEY, ref int, code int);
INSERT INTO k SELECT i, CASE WHEN i % 2 = 0 THEN 0 ELSE i END, i / 2 FROM generate_series(1, 70000) i;`)
	pgtest.Exec(t, dsn, "CREATE INDEX ON k (ref)")
	pgtest.Exec(t, dsn, "ANALYZE k")
	o := brisk(dsn)
	o.chunkRows, o.SaveEvery = 0, 0
	target := open(t, o)
	for _, c := range []struct {
		name, kind, words string
		want              int64
	}{
		{"orphans", "orphans", `{table: k, column: ref, parent: p}`, rows},
		{"orphans by rows", "orphans", `{table: k, column: ref, parent: p, where: "true"}`, rows},
		{"duplicates", "duplicates", `{table: k, columns: ref}`, rows/2 - 1},
		{"duplicates by hash", "duplicates", `{table: k, columns: code}`, rows/2 - 1},
		{"rows", "rows", `{table: k, wrong: "true"}`, rows},
		{"query", "query", `{sql: "SELECT id, ref FROM k"}`, rows},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := &recorder{t: t, drop: true}
			peak := uint64(0)
			rec.onSave = func() {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
			if _, err := declareCheck(t, c.kind, c.words).Detector(target).Detect(t.Context(), check.Options{Full: true}, nil, rec); err != nil {
				t.Fatal(err)
			}
			if rec.count != c.want {
				t.Errorf("found %d rows, want %d", rec.count, c.want)
			}
			if rec.most > 30_000 {
				t.Errorf("%d rows waited for a save at once", rec.most)
			}
			if peak > 150<<20 {
				t.Errorf("the heap was %d MB", peak>>20)
			}
		})
	}
}

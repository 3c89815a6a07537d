//go:build bench

package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// benchmark measures one goal. It fails t only where it could not measure.
type benchmark struct {
	id, about string
	measure   func(*trial, *bed)
}

// benchmarks in the order of the table. S2 to S5 use the same shop.
func benchmarks() []benchmark {
	return []benchmark{
		{"S1", "slash commands", measureAcknowledgements},
		{"S2", "checks at full speed", measureFullSpeed},
		{"S3", "checks beside other traffic", measurePolite},
		{"S4", "orphans repaired", measureOrphans},
		{"S5", "totals repaired", measureTotals},
		{"S7", "dead letters sent on", measureReplay},
		{"S8", "cached values compared", measureCache},
		{"S9", "logs searched", measureLogs},
		{"S10", "audit", measureAudit},
		{"S11", "start", measureStart},
	}
}

// missing is the line of a benchmark, or of the rest of one, that has no number.
func (one benchmark) missing(why string) row {
	return row{ID: one.id, Work: one.about, Ours: "not measured: " + why, Theirs: "–", Goal: "–", Met: notMeasured}
}

// TestBenchmarks measures everything that BENCH asks for, prints one table, and after a full run at full size writes
// docs/benchmarks.md. One benchmark that fails costs its own rows only: the page names it, and the test fails at its
// end. The page is written after each benchmark, so that a run that is killed leaves what it had.
func TestBenchmarks(t *testing.T) {
	s, err := settingsFrom(os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	b := newBed(t, s)
	r := report{
		Command: s.command(), Began: began, Machine: machine(), Postgres: postgresVersion(&trial{T: t, ctx: t.Context()}), LoadBefore: load(),
	}
	if s.kept != "" {
		r.Remarks = append(r.Remarks, "The shop was kept from an earlier run (`BENCH_SHOP`); without that, the run generates it first.")
	}
	for i, one := range benchmarks() {
		if !s.wants(one.id) {
			continue
		}
		r.Rows = append(r.Rows, attempt(t, one, b)...)
		r.Took, r.LoadAfter, r.Notes = time.Since(began), load(), b.notes
		if path := s.page(); path != "" {
			write(t, path, r.until(benchmarks()[i+1:]))
		}
	}
	fmt.Println(r.text())
	if s.page() == "" {
		t.Log("docs/benchmarks.md is not written: this was a part or a trial")
	}
}

// until is the report as it is while some benchmarks are still to come.
func (r report) until(rest []benchmark) report {
	rows := append([]row(nil), r.Rows...)
	for _, one := range rest {
		rows = append(rows, one.missing("the run ended before its turn"))
	}
	r.Rows = rows
	return r
}

func write(t *testing.T, path string, r report) {
	t.Helper()
	if err := os.WriteFile(path, []byte(r.markdown()), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Log("wrote", path)
}

// bed is what the benchmarks share.
type bed struct {
	settings
	binary string // the product, built from this tree
	dir    string // for files; gone at the end
	shop   *shopServer
	notes  []remark
}

func newBed(t *testing.T, s settings) *bed {
	t.Helper()
	b := &bed{settings: s, dir: t.TempDir()}
	b.binary = filepath.Join(b.dir, "integritybot")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	run(ctx, &trial{T: t, ctx: ctx}, root(), nil, "go", "build", "-o", b.binary, "./cmd/integritybot")
	t.Cleanup(func() {
		if b.shop != nil {
			b.shop.Stop()
		}
	})
	return b
}

// note puts something under the table.
func (b *bed) note(id, format string, args ...any) {
	b.notes = append(b.notes, remark{id, fmt.Sprintf(format, args...)})
}

// root is the top of the module, seen from this package.
func root() string { return filepath.Join("..", "..") }

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
	id      string
	measure func(*testing.T, *bed) []row
}

// benchmarks in the order of the table. S3 comes after S2 because it uses the same shop.
func benchmarks() []benchmark {
	return []benchmark{
		{"S1", measureAcknowledgements},
		{"S2", measureFullSpeed},
		{"S3", measurePolite},
		{"S10", measureAudit},
		{"S11", measureStart},
	}
}

// TestBenchmarks measures everything that BENCH asks for, prints one table, and after a full run at full size writes
// docs/benchmarks.md.
func TestBenchmarks(t *testing.T) {
	s, err := settingsFrom(os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	b := newBed(t, s)
	r := report{Command: s.command(), Began: began, Machine: machine(t), LoadBefore: load()}
	for _, one := range benchmarks() {
		if s.wants(one.id) {
			t.Run(one.id, func(t *testing.T) { r.Rows = append(r.Rows, one.measure(t, b)...) })
		}
	}
	r.Took, r.LoadAfter, r.Postgres = time.Since(began), load(), b.postgresVersion(t)
	r.Notes = b.notes
	fmt.Println(r.text())
	path := s.out
	if path == "" && s.complete() && !t.Failed() {
		path = filepath.Join(root(), "docs", "benchmarks.md")
	}
	if path == "" {
		t.Log("docs/benchmarks.md is not written: this was a part, a trial, or incomplete")
		return
	}
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
	run(ctx, t, root(), nil, "go", "build", "-o", b.binary, "./cmd/integritybot")
	return b
}

// note puts something under the table.
func (b *bed) note(id, format string, args ...any) {
	b.notes = append(b.notes, remark{id, fmt.Sprintf(format, args...)})
}

// root is the top of the module, seen from this package.
func root() string { return filepath.Join("..", "..") }

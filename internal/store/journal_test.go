package store_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
)

func columns(names ...string) check.Tally {
	var t check.Tally
	for _, n := range names {
		t.Columns = append(t.Columns, check.Column{Name: n, Class: check.Key})
	}
	return t
}

func readFile(t *testing.T, r io.ReadCloser, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestJournalGoesOnWhereItWas(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	run := ask(t, s, "k", "orphaned-orders")
	const name = "orphaned-orders"
	c := claim(t, s, run, "one")
	j := s.Journal(run, c.Epoch)
	first, err := j.Resume(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(check.State{}, first); diff != "" {
		t.Errorf("before the beginning: %s", diff)
	}
	state := check.State{Cursor: check.Cursor(`{"after":"o\u0000 2"}`), Tally: columns("order", "customer"), Started: noon}
	state.Tally.Rows = 2
	if err := j.Save(t.Context(), name, state, [][]string{{"o1", `a "b", c`}, {"o2", "line\nbreak"}}); err != nil {
		t.Fatal(err)
	}
	clock = noon.Add(2 * ttl)
	j = s.Journal(run, claim(t, s, run, "two").Epoch)
	got, err := j.Resume(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(state, got); diff != "" {
		t.Errorf("resumed (-want +got):\n%s", diff)
	}
	state.Tally.Rows, state.Finding = 3, &check.Finding{Check: name, Verdict: check.Fail}
	if err := j.Save(t.Context(), name, state, [][]string{{"o3", ""}}); err != nil {
		t.Fatal(err)
	}
	r, size, err := s.Open(t.Context(), fmt.Sprintf("run/%d/%s", run, name))
	text := readFile(t, r, err)
	want := "order,customer,finding,money_at_stake,currency,bad_since\no1,\"a \"\"b\"\", c\"\no2,\"line\nbreak\"\no3,\n"
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	if size != int64(len(text)) {
		t.Errorf("size %d, but %d bytes", size, len(text))
	}
}

// Two journals under one claim are a bug, but must not double rows.
func TestJournalNoticesAnotherWriter(t *testing.T) {
	s := open(t, database(t))
	run := ask(t, s, "k", "a")
	c := claim(t, s, run, "one")
	j, twin := s.Journal(run, c.Epoch), s.Journal(run, c.Epoch)
	if err := j.Save(t.Context(), "a", check.State{}, [][]string{{"1"}}); err != nil {
		t.Fatal(err)
	}
	if err := twin.Save(t.Context(), "a", check.State{}, [][]string{{"1"}}); !errors.Is(err, check.ErrFenced) {
		t.Errorf("twin: %v", err)
	}
}

func TestOpenOfWhatIsNotThere(t *testing.T) {
	s := open(t, database(t))
	for _, source := range []string{"run/1/a", "run/x/a", "run/1", "", "../etc/passwd"} {
		if _, _, err := s.Open(t.Context(), source); !errors.Is(err, commands.ErrNotFound) {
			t.Errorf("Open(%q) = %v", source, err)
		}
	}
}

func TestMillionRowsInBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Logf("100,000 rows only")
	}
	rows := 1_000_000
	if testing.Short() {
		rows /= 10
	}
	s := open(t, database(t))
	run := ask(t, s, "k", "a")
	j := s.Journal(run, claim(t, s, run, "one").Epoch)
	const batch = 5000
	for from := 0; from < rows; from += batch {
		lines := make([][]string, batch)
		for i := range lines {
			lines[i] = []string{fmt.Sprintf("o%07d", from+i), "gone", "45.10", "2026-11-21T10:02:00Z"}
		}
		if err := j.Save(t.Context(), "a", check.State{Tally: columns("order", "customer", "total", "created")}, lines); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, size, err := s.Open(t.Context(), fmt.Sprintf("run/%d/a", run))
	if err != nil {
		t.Fatal(err)
	}
	var counted lineCounter
	n, err := io.Copy(&counted, r)
	if err != nil || n != size || counted.lines != rows+1 {
		t.Errorf("read %d of %d bytes, %d lines, %v", n, size, counted.lines, err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 8<<20 {
		t.Errorf("%d bytes of heap in use more than before", grown)
	}
}

type lineCounter struct{ lines int }

func (c *lineCounter) Write(p []byte) (int, error) {
	c.lines += strings.Count(string(p), "\n")
	return len(p), nil
}

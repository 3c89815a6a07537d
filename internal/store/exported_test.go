package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/store"
)

// exporting is a run that exports what the check "a" looks at.
func exporting(t testing.TB, s *store.Store) int64 {
	t.Helper()
	var number int64
	_, err := s.Record(t.Context(), fmt.Sprintf("export-%d", time.Now().UnixNano()), true, func(n int64) commands.Intent {
		number = n
		o := order(n, "a")
		o.Step = check.StepExport
		return commands.Intent{Run: o, Events: []audit.Event{event("events.export")}}
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func read(t testing.TB, s *store.Store, source string) string {
	t.Helper()
	r, size, err := s.Open(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil || int64(len(b)) != size {
		t.Errorf("%d bytes of %d, %v", len(b), size, err)
	}
	return string(b)
}

// An export is the bytes that were handed over, whatever they are; whoever takes
// over begins anew.
func TestAnExportIsKeptAsItIs(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	run := exporting(t, s)
	source := fmt.Sprintf("export/%d", run)
	if _, _, err := s.Open(t.Context(), source); !errors.Is(err, commands.ErrNotFound) {
		t.Errorf("before it began: %v", err)
	}
	old := claim(t, s, run, "old")
	add := func(epoch int64, n int, body string) error {
		return s.AddExport(t.Context(), run, epoch, "a", n, []byte(body), int64(bytes.Count([]byte(body), []byte("\n"))))
	}
	if err := errors.Join(s.BeginExport(t.Context(), run, old.Epoch, "a"), add(old.Epoch, 1, "of the dead\n"), add(old.Epoch, 2, "too\n")); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(2 * ttl)
	c := claim(t, s, run, "new")
	if err := s.BeginExport(t.Context(), run, old.Epoch, "a"); !errors.Is(err, check.ErrFenced) {
		t.Errorf("begun by the one before: %v", err)
	}
	first, second := "=1+1,\"\x00\xff<&>\"\r\n{}\n", "{\"value\":\"\u2028\"}\n"
	if err := errors.Join(s.BeginExport(t.Context(), run, c.Epoch, "a"), add(c.Epoch, 1, first)); err != nil {
		t.Fatal(err)
	}
	if err := add(old.Epoch, 2, "of the dead\n"); !errors.Is(err, check.ErrFenced) {
		t.Errorf("added by the one before: %v", err)
	}
	if err := add(c.Epoch, 3, "x\n"); err == nil {
		t.Error("a piece was left out")
	}
	for range 2 { // the first answer was lost
		if err := add(c.Epoch, 2, second); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, s, source); got != first+second {
		t.Errorf("the file is %q", got)
	}
	if n := count(t, s, `SELECT rows FROM run_checks WHERE run = $1`, run); n != 3 {
		t.Errorf("%d lines are counted", n)
	}
	end := c.Run
	end.State = check.Done
	if err := s.Conclude(t.Context(), c.Epoch, end, nil, []audit.Event{event("check.run")}); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Run(t.Context(), run); err != nil || len(r.Findings) != 0 || r.State != check.Done {
		t.Errorf("the run is %+v, %v", r, err)
	}
	clock = clock.Add(31 * 24 * time.Hour)
	if _, err := s.Purge(t.Context(), store.Retention{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Open(t.Context(), source); !errors.Is(err, commands.ErrNotFound) {
		t.Errorf("after its time: %v", err)
	}
}

// What a check of another kind of run found is not served as an export.
func TestOnlyExportsAreServedRaw(t *testing.T) {
	s := open(t, database(t))
	run := runToItsEnd(t, s, ask(t, s, "k", "a"))
	for _, source := range []string{fmt.Sprintf("export/%d", run), "export/", "export/x", "export/99999"} {
		if _, _, err := s.Open(t.Context(), source); !errors.Is(err, commands.ErrNotFound) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

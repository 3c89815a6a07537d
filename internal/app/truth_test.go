package app_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/shop"
	"github.com/integritybot/integritybot/internal/workspace"
)

// wanted are the keys that a check must find, sorted.
func wanted(truth *shop.Truth, name string) []string {
	var keys []string
	for key := range truth.Defects(name) {
		// A reader of CSV makes line feeds of carriage returns and line feeds (RFC 4180; encoding/csv).
		keys = append(keys, strings.ReplaceAll(key, "\r\n", "\n"))
	}
	slices.Sort(keys)
	return keys
}

// keysOf reads the keys from a check's file: its first column, or for foreign
// keys the referring row, or the constraint where it was never validated.
func keysOf(t *testing.T, name, file string) []string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(rows) == 0 {
		return nil
	}
	column, constraint := 0, slices.Index(rows[0], "constraint")
	if i := slices.Index(rows[0], "key"); i >= 0 {
		column = i
	}
	var keys []string
	for _, row := range rows[1:] {
		key := row[column]
		if key == check.Null && constraint >= 0 {
			key = row[constraint]
		}
		keys = append(keys, strings.TrimPrefix(key, "'"))
	}
	slices.Sort(keys)
	return keys
}

func compare(t *testing.T, truth *shop.Truth, name, file string) {
	t.Helper()
	if diff := cmp.Diff(wanted(truth, name), keysOf(t, name, file)); diff != "" {
		t.Errorf("%s: missed (-), false alarms (+):\n%s", name, diff)
	}
}

func TestThroughSlackEveryDefectAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.replica()
	w.say("/integrity check all")
	head := w.finished("All checks", 2*time.Minute)
	if !strings.Contains(head.Text, "FAIL All checks: 11 of 12 checks fail") {
		t.Errorf("the first line is %q", head.Text)
	}
	files := w.files(head, 11)
	for _, name := range w.truth.Checks() {
		if name != shop.PaidNotCompleted { // runs on request: the next test has it
			compare(t, w.truth, name, files[name+"-R-"+runOf(head.Text, files)+".csv"])
		}
	}
}

// runOf finds the run's number in the files' names.
func runOf(_ string, files map[string]string) string {
	for name := range files {
		if _, rest, ok := strings.Cut(name, "-R-"); ok {
			return strings.TrimSuffix(rest, ".csv")
		}
	}
	return ""
}

func (w *world) shell(t *testing.T, word string, full bool) (string, check.Verdict) {
	t.Helper()
	var out bytes.Buffer
	c := w.config()
	verdict, err := app.Check(t.Context(), c, app.CheckOptions{
		Word: word, Full: full, Output: "csv", Unmasked: true, Out: &out, Log: slog.New(slog.DiscardHandler), Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), verdict
}

func TestThroughTheShellEveryDefectAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	for _, name := range w.truth.Checks() {
		for _, full := range []bool{false, true} {
			file, verdict := w.shell(t, name, full)
			if verdict != check.Fail {
				t.Errorf("%s: %s, want FAIL", name, verdict)
			}
			compare(t, w.truth, name, file)
		}
	}
}

// TestWithWritersRunning is R6: everything that is wrong is found and nothing
// else, while others write.
func TestWithWritersRunning(t *testing.T) {
	w := newWorld(t, workspace.Options{})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := shop.Writers{DSN: w.dsn, Truth: w.truth, Rate: 150, Connections: 3, Seed: 3}.Run(ctx)
		done <- err
	}()
	length := 8 * time.Second
	if testing.Verbose() {
		length = 60 * time.Second // the full length: go test -v -run TestWithWritersRunning
	}
	for end, full := time.Now().Add(length), false; time.Now().Before(end); full = !full {
		for _, name := range w.truth.Checks() {
			file, _ := w.shell(t, name, full)
			compare(t, w.truth, name, file)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

//go:build bench

package bench

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/shop"
)

const (
	patience  = 15 * time.Minute // for one run of one side
	exitFail  = 1                // of integritybot check: it answered, and something is wrong
	mostBytes = 150 << 20        // goal S2
)

// measureFullSpeed is S2: all checks at full speed against the runbook's queries.
func measureFullSpeed(t *testing.T, b *bed) []row {
	s := b.openShop(t)
	b.fill(t, s)
	checks := b.checksOfAll(t)
	var ours, theirs []time.Duration
	var queries [][]time.Duration
	var peak int64
	var cpu time.Duration
	for round := range b.rounds + 1 { // the first warms up
		f := b.checkAll(t, s, "csv", "--unmasked")
		compareToTruth(t, s.truth, checks, f.out)
		took, each := b.runbook(t, s)
		peak = max(peak, f.peak)
		t.Logf("round %d: ours %s (%s cpu, %s), theirs %s %v", round, f.took, f.cpu, megabytes(f.peak), took, each)
		if round > 0 {
			ours, theirs, queries, cpu = append(ours, f.took), append(theirs, took), append(queries, each), f.cpu
		}
	}
	mine, other := median(ours), median(theirs)
	b.noteFullSpeed(t, s, ours, theirs, queries, cpu)
	ratio := float64(mine) / float64(other)
	return []row{{
		ID:     "S2",
		Work:   fmt.Sprintf("`check all --full`, %d checks, %s, items not clustered by order", len(checks), s.size()),
		Ours:   fmt.Sprintf("%s, peak %s, complete and exact (%s failing rows)", seconds(mine), megabytes(peak), humanize.Comma(defects(s.truth, checks))),
		Theirs: fmt.Sprintf("%s (the runbook's five queries in psql); ours is %.2f of it", seconds(other), ratio),
		Goal:   "≤ 0.25 of their time; ≤ 150 MB; complete and exact",
		Met:    verdict(ratio <= 0.25 && peak <= mostBytes),
	}}
}

type checked struct {
	finished
	out string // the file with its output
}

// checkAll runs the built binary at full speed.
func (b *bed) checkAll(t *testing.T, s *shopServer, format string, more ...string) checked {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out := filepath.Join(b.dir, "all."+format)
	args := append([]string{"check", "all", "--full", "--output", format, "--config", b.config()}, more...)
	f := watch(ctx, t, map[string]string{"SHOP_DSN": s.DSN("shop", reader)}, out, b.binary, args...)
	if f.code != exitFail {
		t.Fatalf("integritybot check ended with %d, want %d: every check answers, and some find what was planted\n%s", f.code, exitFail, tail(f.err))
	}
	return checked{f, out}
}

// runbook runs the five queries one after another in psql and gives the whole time and that of each.
func (b *bed) runbook(t *testing.T, s *shopServer) (time.Duration, []time.Duration) {
	t.Helper()
	script := filepath.Join(b.dir, "runbook.sql")
	text := "\\set ON_ERROR_STOP on\n\\o /dev/null\n\\timing on\n"
	for _, q := range shop.RunbookQueries().Checks {
		text += q.SQL + "\n"
	}
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	out := run(ctx, t, "", environ(nil), program(t, "psql"), "-X", "-q", "-f", script, s.DSN("shop", reader))
	took := time.Since(began)
	var each []time.Duration
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "Time: "); ok {
			ms, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				t.Fatalf("psql says %q: %v", line, err)
			}
			each = append(each, time.Duration(ms*float64(time.Millisecond)))
		}
	}
	if n := len(shop.RunbookQueries().Checks); len(each) != n {
		t.Fatalf("psql timed %d queries of %d:\n%s", len(each), n, tail(out))
	}
	return took, each
}

func defects(truth *shop.Truth, checks []string) int64 {
	n := 0
	for _, name := range checks {
		n += len(truth.Defects(name))
	}
	return int64(n)
}

// compareToTruth fails unless the file holds exactly what was planted, check by check.
func compareToTruth(t *testing.T, truth *shop.Truth, checks []string, file string) {
	t.Helper()
	found := foundIn(t, file)
	for _, name := range checks {
		var want []string
		for key := range truth.Defects(name) {
			want = append(want, lines(key))
		}
		slices.Sort(want)
		slices.Sort(found[name])
		if diff := cmp.Diff(want, found[name]); diff != "" {
			t.Errorf("%s: missed (-), false alarms (+):\n%s", name, tail(diff))
		}
		delete(found, name)
	}
	for name, keys := range found {
		t.Errorf("%s was not asked for and reports %d rows", name, len(keys))
	}
	if t.Failed() {
		t.FailNow() // the speed of a wrong answer is no number
	}
}

// lines ends lines as a reader of CSV does.
func lines(key string) string { return strings.ReplaceAll(key, "\r\n", "\n") }

// foundIn reads the keys per check from the output of check all -o csv: a check's name, its row as JSON, and more.
func foundIn(t *testing.T, file string) map[string][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	found, r := map[string][]string{}, csv.NewReader(f)
	if _, err := r.Read(); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for {
		line, err := r.Read()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var values map[string]string
		if err := json.Unmarshal([]byte(line[1]), &values); err != nil {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
		found[line[0]] = append(found[line[0]], keyOf(t, line[0], values))
	}
}

// keyOf is a row's key: for foreign keys the referring row, or the constraint where it was never validated.
func keyOf(t *testing.T, name string, values map[string]string) string {
	t.Helper()
	for _, column := range []string{"key", "id", "constraint"} {
		key, ok := values[column]
		if !ok || key == check.Null && column == "key" {
			continue
		}
		return lines(strings.TrimPrefix(key, "'"))
	}
	t.Fatalf("%s: no key in %v", name, values)
	return ""
}

// noteFullSpeed says where the time went.
func (b *bed) noteFullSpeed(t *testing.T, s *shopServer, ours, theirs []time.Duration, queries [][]time.Duration, cpu time.Duration) {
	t.Helper()
	f := b.checkAll(t, s, "json")
	text, err := os.ReadFile(f.out)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Findings []check.Finding }
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	b.explain(t, "s2.json", string(text))
	b.note("S2", "PostgreSQL as Debian ships it, but `shared_buffers = 2GB`; durable; everything warm (one round of each side before). "+
		"Both sides ran %d times, alternating; the medians count. Ours: %v, %s of its own processor time. Theirs: %v. "+
		"Every run of ours found exactly the planted rows. Memory is the peak of `integritybot check`, without Postgres.",
		b.rounds, rounded(ours), seconds(cpu), rounded(theirs))
	table := "| check of ours | time | read as | rows read | found | the runbook's query |\n|---|---|---|---|---|---|\n"
	book := shop.RunbookQueries().Checks
	for _, one := range answer.Findings {
		other := "–"
		if i := slices.IndexFunc(book, func(q shop.RunbookQuery) bool { return q.Check == one.Check }); i >= 0 {
			var times []time.Duration
			for _, q := range queries {
				times = append(times, q[i])
			}
			other = seconds(median(times))
		}
		table += fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", one.Check, seconds(one.Duration), one.Result.Plan,
			humanize.Comma(one.Result.Read), humanize.Comma(one.Tally.Rows), other)
	}
	b.note("S2", "One run of ours (%s), check by check:\n\n%s", seconds(f.took), table)
}

func rounded(values []time.Duration) string {
	var words []string
	for _, d := range values {
		words = append(words, seconds(d))
	}
	return strings.Join(words, ", ")
}

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
	"time"

	"github.com/dustin/go-humanize"
	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/shop"
)

const (
	patience  = 6 * time.Minute // for one run of one side
	exitFail  = 1               // of integritybot check: it answered, and something is wrong
	mostBytes = 150 << 20       // goal S2
)

// measureFullSpeed is S2: the runbook's five checks at full speed against the runbook's five queries, which is what the
// goal judges, and all checks of the example for information.
func measureFullSpeed(t *trial, b *bed) {
	s := b.openShop(t)
	b.fill(t, s)
	five := b.compare(t, s)
	all := b.everything(t)
	f := b.checkAll(t, s, all, "csv", "--unmasked")
	compareToTruth(t, s.truth, all.checks, f.out)
	t.measured(row{
		ID: "S2", Work: fmt.Sprintf("for information: all %d checks of the example", len(all.checks)),
		Ours:   fmt.Sprintf("%s, peak %s, exact (%s failing rows)", seconds(f.took), megabytes(f.peak), humanize.Comma(defects(s.truth, all.checks))),
		Theirs: "– (the runbook has no query for the rest)", Goal: "–", Met: "–",
	})
	b.noteChecks(t, s, all, five)
}

// compare alternates the two sides, and gives the time of each of the runbook's queries in each counted round.
func (b *bed) compare(t *trial, s *shopServer) [][]time.Duration {
	t.Helper()
	work := b.equalWork(t)
	var ours, theirs, cpu []time.Duration
	var queries [][]time.Duration
	var peak int64
	for round := range b.rounds + 1 { // the first warms up
		f := b.checkAll(t, s, work, "csv", "--unmasked")
		compareToTruth(t, s.truth, work.checks, f.out)
		took, each := b.runbook(t, s)
		peak = max(peak, f.peak)
		t.Logf("round %d: ours %s (%s cpu, %s), theirs %s %v", round, f.took, f.cpu, megabytes(f.peak), took, each)
		if round > 0 {
			ours, theirs, queries, cpu = append(ours, f.took), append(theirs, took), append(queries, each), append(cpu, f.cpu)
		}
	}
	mine, other := median(ours), median(theirs)
	ratio := float64(mine) / float64(other)
	t.measured(row{
		ID:     "S2",
		Work:   "equal work: the runbook's five checks, `check all --full`; " + s.size() + ", items not clustered by order",
		Ours:   fmt.Sprintf("%s, peak %s, complete and exact (%s failing rows)", seconds(mine), megabytes(peak), humanize.Comma(defects(s.truth, work.checks))),
		Theirs: fmt.Sprintf("%s (the runbook's five queries in psql); ours is %.2f of it", seconds(other), ratio),
		Goal:   "≤ 0.25 of their time; ≤ 150 MB; complete and exact",
		Met:    verdict(ratio <= 0.25 && peak <= mostBytes),
	})
	b.note("S2", "PostgreSQL as Debian ships it, but `shared_buffers = 2GB`; durable; warm (one round of each side before). Equal work: the "+
		"example config with every check `on_request` but %s. Both sides ran %d times, alternating; the medians count. Ours: %s, of which %s is "+
		"the processor time of `integritybot` itself, the rest is Postgres. Theirs: %s. Every run of ours found exactly the planted rows, no more and "+
		"no less. Memory is the peak of `integritybot check`, without Postgres.",
		strings.Join(work.checks, ", "), b.rounds, rounded(ours), seconds(median(cpu)), rounded(theirs))
	return queries
}

type checked struct {
	finished
	out string // the file with its output
}

// checkAll runs the built binary at full speed.
func (b *bed) checkAll(t *trial, s *shopServer, work scope, format string, more ...string) checked {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out := filepath.Join(b.dir, "all."+format)
	args := append([]string{"check", "all", "--full", "--output", format, "--config", work.path}, more...)
	f := watch(ctx, t, map[string]string{"SHOP_DSN": s.DSN("shop", reader)}, out, b.binary, args...)
	if f.code != exitFail {
		t.Fatalf("integritybot check ended with %q and not with exit status %d, which says that something is wrong in the shop\n%s", f.how, exitFail, tail(f.err))
	}
	return checked{f, out}
}

// runbook runs the five queries one after another in psql and gives the whole time and that of each.
func (b *bed) runbook(t *trial, s *shopServer) (time.Duration, []time.Duration) {
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
func compareToTruth(t *trial, truth *shop.Truth, checks []string, file string) {
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
func foundIn(t *trial, file string) map[string][]string {
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
func keyOf(t *trial, name string, values map[string]string) string {
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

// answer is what this benchmark reads of the document that check --output json prints.
type answer struct {
	Findings []struct {
		Check   string
		Rows    int64
		Read    int64
		Plan    string
		Seconds float64
	}
}

// noteChecks says where the time went: one more run of ours, because only its JSON tells the time of each check.
func (b *bed) noteChecks(t *trial, s *shopServer, all scope, queries [][]time.Duration) {
	t.Helper()
	f := b.checkAll(t, s, all, "json")
	text, err := os.ReadFile(f.out)
	if err != nil {
		t.Fatal(err)
	}
	var said answer
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	if len(said.Findings) != len(all.checks) {
		t.Fatalf("the JSON document holds %d findings, want %d", len(said.Findings), len(all.checks))
	}
	b.explain(t, "s2.json", string(text))
	table := "| check of ours | time | read as | rows read | found | the runbook's query |\n|---|---|---|---|---|---|\n"
	book := shop.RunbookQueries().Checks
	for _, one := range said.Findings {
		other := "–"
		if i := slices.IndexFunc(book, func(q shop.RunbookQuery) bool { return q.Check == one.Check }); i >= 0 {
			var times []time.Duration
			for _, q := range queries {
				times = append(times, q[i])
			}
			other = seconds(median(times))
		}
		took := time.Duration(one.Seconds * float64(time.Second))
		table += fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", one.Check, seconds(took), one.Plan, humanize.Comma(one.Read), humanize.Comma(one.Rows), other)
	}
	b.note("S2", "Where the time goes, from one more run of all checks (%s), side by side, so that their times overlap:\n\n%s", seconds(f.took), table)
}

func rounded(values []time.Duration) string {
	var words []string
	for _, d := range values {
		words = append(words, seconds(d))
	}
	return strings.Join(words, ", ")
}

package app_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/workspace"
)

// mostMemory is what a replica may use, in MB (goals S2).
const mostMemory = 150

// TestAMillionWrongRows: an exact number, the complete file, and a process that
// stays small.
func TestAMillionWrongRows(t *testing.T) {
	t.Parallel()
	wrong := 1_000_000
	if raceDetector {
		wrong = 250_000 // a quarter of the minute; the whole: go test -run TestAMillionWrongRows ./internal/app
	}
	w := newWorld(t, workspace.Options{})
	pgtest.Exec(t, w.dsn, `CREATE TABLE readings (id bigint PRIMARY KEY, celsius numeric NOT NULL, taken_at timestamptz NOT NULL)`)
	pgtest.Exec(t, w.dsn, `INSERT INTO readings SELECT i, -300 - i % 7, '2026-01-01T00:00:00Z'::timestamptz + i * interval '1 second' FROM generate_series(1, $1::int) i`, wrong)
	pgtest.Exec(t, w.dsn, `ANALYZE readings`)
	w.yaml = []byte(strings.Replace(string(w.yaml), "\nchecks:\n", `
checks:
  impossible-readings:
    kind: rows
    title: Impossible readings
    domain: readings
    target: shop
    noun: readings
    means: are below absolute zero
    table: readings
    wrong: celsius < -273.15
    time: taken_at
    show: [id, celsius, taken_at]
`, 1))
	f := newFleet(w, 1)
	began := time.Now()
	w.say("/integrity check impossible-readings --full")
	head := w.finished("Impossible readings", 2*time.Minute)
	t.Logf("found after %s", time.Since(began).Round(time.Millisecond))
	if !strings.Contains(head.Text, humanize.Comma(int64(wrong))+" rows wrong") {
		t.Errorf("it reads %q", head.Text)
	}
	w.settled(2 * time.Minute)
	peak := peakMemory(t, f.running[0].Process.Pid)
	t.Logf("said after %s, with %d MB at most", time.Since(began).Round(time.Millisecond), peak)
	most := mostMemory
	if raceDetector {
		most *= 4 // 314 MB measured
	}
	if peak > most {
		t.Errorf("the process used %d MB, more than %d", peak, most)
	}
	name := "impossible-readings-R-" + strconv.FormatInt(ask[int64](t, w.store(), `SELECT id FROM runs`)[0], 10) + ".csv"
	files := w.board(alice, incident).files[name]
	if len(files) != 1 {
		t.Fatalf("%d files %s", len(files), name)
	}
	lines, sum := w.countRows(files[0].URL)
	if lines != wrong || sum != wrong*(wrong+1)/2 {
		t.Errorf("the file has %d rows whose keys add up to %d, want 1 to %d", lines, sum, wrong)
	}
	w.auditIsSound()
	w.noViolations()
}

// peakMemory is the most that a process ever had in memory, in MB.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "VmHWM:" {
			continue
		}
		kb, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		return kb / 1024
	}
	t.Fatal("no VmHWM in /proc: this test needs Linux")
	return 0
}

// countRows counts the lines of a file behind its header and adds up their keys.
func (w *world) countRows(path string) (lines, sum int) {
	w.t.Helper()
	res, err := http.Get(w.slack.URL() + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	scan := bufio.NewScanner(res.Body)
	scan.Scan() // the header
	for scan.Scan() {
		key, _, _ := strings.Cut(scan.Text(), ",")
		n, err := strconv.Atoi(key)
		if err != nil {
			w.t.Fatalf("line %d: %v", lines+2, err)
		}
		lines, sum = lines+1, sum+n
	}
	if err := scan.Err(); err != nil {
		w.t.Fatal(err)
	}
	return lines, sum
}

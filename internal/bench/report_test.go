//go:build bench

package bench

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// row is one line of the table.
type row struct {
	ID, Work, Ours, Theirs, Goal, Met string
}

// remark stands under the table: what was measured exactly, and where the time went. It is Markdown.
type remark struct{ id, text string }

// report is a run with everything that somebody needs to repeat or doubt it.
type report struct {
	Command               string
	Began                 time.Time
	Took                  time.Duration
	Machine, Postgres     string
	LoadBefore, LoadAfter string
	Rows                  []row
	Notes                 []remark
	Remarks               []string // facts about this run alone
}

func (r report) facts() []string {
	return append([]string{
		r.summary(),
		"Command: `" + r.Command + "`",
		"Began: " + r.Began.UTC().Format("2006-01-02 15:04 MST") + ", took " + r.Took.Round(time.Second).String(),
		"Machine: " + r.Machine + "; " + r.Postgres,
		"Load average (1, 5, 15 minutes) before: " + r.LoadBefore + "; after: " + r.LoadAfter +
			". Above 0.5 or so before the start something else was running, and the numbers are worse than they need be.",
	}, r.Remarks...)
}

// summary counts the verdicts.
func (r report) summary() string {
	met, judged, missing := 0, 0, 0
	for _, one := range r.Rows {
		switch one.Met {
		case verdict(true):
			met, judged = met+1, judged+1
		case verdict(false):
			judged++
		case notMeasured:
			missing++
		}
	}
	text := fmt.Sprintf("Goals met: %d of %d", met, judged)
	if missing > 0 {
		text += fmt.Sprintf("; **not measured: %d**", missing)
	}
	return text
}

// markdown is docs/benchmarks.md.
func (r report) markdown() string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by the command below, never by hand: both sides in the same run, on the same machine.\n" +
		"A number that misses its goal stays here and says so. What S1 and the others measured exactly stands under the table.\n\n")
	for _, f := range r.facts() {
		b.WriteString("- " + f + "\n")
	}
	b.WriteString("\n| # | work | ours | other side | goal | verdict |\n|---|---|---|---|---|---|\n")
	for _, one := range r.Rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", one.ID, one.Work, one.Ours, one.Theirs, one.Goal, one.Met)
	}
	last := ""
	for _, n := range r.Notes {
		if n.id != last {
			b.WriteString("\n## " + n.id + "\n")
			last = n.id
		}
		b.WriteString("\n" + strings.TrimSpace(n.text) + "\n")
	}
	b.WriteString("\n## Repeat it\n\n`make bench` measures all of it and rewrites this page. `BENCH=S2,S3` measures some, `BENCH_TRIAL=1` makes\n" +
		"everything small, `BENCH_ORDERS=100000` the shop alone: these do not rewrite the page, unless `BENCH_OUT` names a\n" +
		"file. `BENCH_SHOP=/var/tmp/shop` keeps the generated shop for the next run.\n")
	return b.String()
}

// text is the same for a terminal.
func (r report) text() string {
	var b strings.Builder
	b.WriteString("\n")
	for _, f := range r.facts() {
		b.WriteString(f + "\n")
	}
	for _, one := range r.Rows {
		fmt.Fprintf(&b, "\n%-4s %s\n     ours:       %s\n     other side: %s\n     goal:       %s: %s\n",
			one.ID, one.Work, one.Ours, one.Theirs, one.Goal, one.Met)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "\n%s: %s\n", n.id, strings.TrimSpace(n.text))
	}
	return strings.ReplaceAll(b.String(), "**", "")
}

// machine says what matters of it, and not its name.
func machine() string {
	memory := "memory unknown"
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kb int64
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kb); err == nil {
			memory = fmt.Sprintf("%.0f GiB memory", float64(kb)/(1<<20))
		}
	}
	return fmt.Sprintf("%d cores (%s/%s), %s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, memory, runtime.Version())
}

// load is the load average, where the system tells it.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], ", ")
}

func TestReport(t *testing.T) {
	r := report{
		Command: "make bench", Machine: "2 cores",
		Rows:  []row{{"S1", "work", "1 s", "4 s", "≤ 1/4", verdict(true)}, {"S2", "more", "2 s", "–", "≤ 1 s", verdict(false)}, benchmark{id: "S3", about: "last"}.missing("it broke")},
		Notes: []remark{{"S1", "first"}, {"S1", "second"}, {"S2", "third"}},
	}
	page := r.markdown()
	for _, want := range []string{"- Command: `make bench`\n", "| S1 | work | 1 s | 4 s | ≤ 1/4 | met |\n", "| **not met** |\n", "- Goals met: 1 of 2; **not measured: 1**\n", "| S3 | last | not measured: it broke | – | – | **not measured** |\n", "\n## S1\n\nfirst\n\nsecond\n\n## S2\n\nthird\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(r.text(), "**") {
		t.Errorf("Markdown on the terminal:\n%s", r.text())
	}
}

//go:build bench

package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgproc"
)

const (
	bank         = "bank" // pgbench's database
	bankScale    = 20
	bankClients  = 8
	longestPgben = time.Hour
)

// measurePolite is S3: the same checks, polite, beside somebody else's traffic.
func measurePolite(t *trial, b *bed) {
	s := b.openShop(t)
	b.fill(t, s)
	work := b.equalWork(t)
	most := b.openBank(t, s)
	rate := max(1, int(most/2))
	s.admin(t, pgproc.Superuser, "ALTER ROLE "+reader+" SET log_min_duration_statement = 0")
	traffic := b.traffic(t, s, rate)
	time.Sleep(b.quiet / 3) // until it is steady
	before := quietly(b.quiet)
	earlier := len(s.log.of("integritybot"))
	run := b.checkPolitely(t, s, work)
	time.Sleep(time.Second)
	after := quietly(b.quiet)
	latencies := traffic.end()
	s.admin(t, pgproc.Superuser, "ALTER ROLE "+reader+" RESET log_min_duration_statement")

	during := latencies.in(run.window)
	calm := slices.Concat(latencies.in(before), latencies.in(after))
	if len(calm) == 0 || len(during) == 0 {
		t.Fatalf("pgbench logged %d transactions without and %d with the check", len(calm), len(during))
	}
	// A checkpoint or a neighbour of this machine makes some seconds ten times as slow, with and without the check: the
	// median of short slices is what a transaction usually meets. The whole windows stand in the notes.
	without := percentile(append(latencies.slices(before), latencies.slices(after)...), 0.5)
	with := percentile(latencies.slices(run.window), 0.5)
	rise := 100 * (with/without - 1)
	longest := longestOf(s.log.of("integritybot")[earlier:])
	if longest.ms == 0 {
		t.Fatal("the server's log holds no statement of ours")
	}
	b.notePolite(latencies, before, after, run, most, rate, longest)
	t.measured(row{
		ID:     "S3",
		Work:   fmt.Sprintf("the runbook's five checks, polite, on the same shop, beside pgbench at %s transactions/s", humanize.Comma(int64(rate))),
		Ours:   fmt.Sprintf("pgbench p95 %s; %s; longest statement %s; %s", millis(with), run.outcome(), millis(longest.ms), run.pausesInWords()),
		Theirs: fmt.Sprintf("pgbench p95 %s without the check: a rise of %.0f %%", millis(without), rise),
		Goal:   "p95 rises ≤ 25 %; no statement over 1 s; pauses named",
		Met:    verdict(rise <= 25 && longest.ms <= 1000 && !run.cut),
	})
}

// openBank makes pgbench's tables and gives how many transactions a second the machine can do.
func (b *bed) openBank(t *trial, s *shopServer) float64 {
	t.Helper()
	if ask[int](t, s.DSN(pgproc.Superuser, pgproc.Superuser), "SELECT count(*) FROM pg_database WHERE datname = '"+bank+"'") == 0 {
		s.admin(t, pgproc.Superuser, "CREATE DATABASE "+bank)
		run(t.Context(), t, "", environ(nil), program(t, "pgbench"), "-i", "-q", "-s", strconv.Itoa(bankScale), s.DSN(bank, pgproc.Superuser))
	}
	length := max(2, int(b.flood.Seconds()))
	args := append(bankArgs(), "-T", strconv.Itoa(length), s.DSN(bank, pgproc.Superuser))
	out := run(t.Context(), t, "", environ(nil), program(t, "pgbench"), args...)
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "tps = "); ok {
			tps, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err == nil && tps > 0 {
				return tps
			}
		}
	}
	t.Fatalf("pgbench named no rate:\n%s", tail(out))
	return 0
}

// bankArgs is the mix: 8 of 10 transactions read a row, 2 change rows of three tables.
func bankArgs() []string {
	return []string{"-n", "-c", strconv.Itoa(bankClients), "-j", "2", "-M", "prepared", "-b", "select-only@8", "-b", "simple-update@2"}
}

// traffic is pgbench at a fixed rate, each transaction's latency logged. With -R latency counts from when a
// transaction was due, so that waiting for a slow one is not forgotten.
type traffic struct {
	t      *trial
	child  *child
	prefix string
}

func (b *bed) traffic(t *trial, s *shopServer, rate int) *traffic {
	t.Helper()
	f := &traffic{t: t, prefix: filepath.Join(b.dir, "pgbench")}
	args := append(bankArgs(), "-T", strconv.Itoa(int(longestPgben.Seconds())), "-R", strconv.Itoa(rate), "-l", "--log-prefix="+f.prefix, s.DSN(bank, pgproc.Superuser))
	f.child = begin(t, nil, nil, program(t, "pgbench"), args...)
	return f
}

// end stops pgbench and reads its log. What it had not yet written is after the last window.
func (f *traffic) end() latencies {
	f.t.Helper()
	f.child.stop()
	files, err := filepath.Glob(f.prefix + ".*")
	if err != nil || len(files) == 0 {
		f.t.Fatalf("pgbench left no log (%v)\n%s", err, tail(f.child.errors.String()))
	}
	var all latencies
	for _, name := range files {
		all = append(all, readLatencies(f.t, name)...)
	}
	return all
}

type latency struct {
	at time.Time // when it ended
	ms float64
}

type latencies []latency

// readLatencies reads lines of: client, transaction, microseconds, script, epoch, microseconds of it, lag.
func readLatencies(t *trial, name string) latencies {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out latencies
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 7 {
			continue // the last line, cut
		}
		took, err1 := strconv.ParseInt(fields[2], 10, 64)
		epoch, err2 := strconv.ParseInt(fields[4], 10, 64)
		micros, err3 := strconv.ParseInt(fields[5], 10, 64)
		if err1 == nil && err2 == nil && err3 == nil {
			out = append(out, latency{time.Unix(epoch, micros*1000), float64(took) / 1000})
		}
	}
	return out
}

// window is a span of time.
type window struct{ from, to time.Time }

// quietly waits and gives the span.
func quietly(d time.Duration) window {
	began := time.Now()
	time.Sleep(d)
	return window{began, time.Now()}
}

// slice is how long the pieces are whose 95th percentiles are compared.
const slice = 5 * time.Second

// slices gives the 95th percentile of each whole slice of a window.
func (l latencies) slices(w window) []float64 {
	pieces := map[int][]float64{}
	for _, one := range l {
		if one.at.After(w.from) && one.at.Before(w.to) {
			n := int(one.at.Sub(w.from) / slice)
			pieces[n] = append(pieces[n], one.ms)
		}
	}
	var out []float64
	for n, ms := range pieces {
		if w.from.Add(time.Duration(n+1)*slice).After(w.to) && len(pieces) > 1 {
			continue // cut short
		}
		out = append(out, percentile(ms, 0.95))
	}
	return out
}

func (l latencies) in(w window) []float64 {
	var out []float64
	for _, one := range l {
		if one.at.After(w.from) && one.at.Before(w.to) {
			out = append(out, one.ms)
		}
	}
	return out
}

// politeRun is one polite run and when it paused for what.
type politeRun struct {
	window
	findings []check.Finding
	checks   int  // how many were asked for
	cut      bool // it was stopped because it took too long
	mu       sync.Mutex
	last     map[string]check.Progress // how far each check that is not done is
	pauses   map[string]int            // how often, by reason without its numbers
}

func (p *politeRun) took() time.Duration { return p.to.Sub(p.from) }

// tell notes a pause that begins.
func (p *politeRun) tell(progress map[string]check.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, one := range progress {
		if one.Paused != "" && p.last[name].Paused == "" {
			p.pauses[withoutNumbers(one.Paused)]++
		}
	}
	p.last = progress
}

// withoutNumbers makes reasons that differ only in what was measured the same: "41 sessions are active (limit 40)".
func withoutNumbers(reason string) string {
	head, limit, ok := strings.Cut(reason, " (")
	head = strings.TrimSpace(regexp.MustCompile(`[0-9][0-9.,]*`).ReplaceAllString(head, "…"))
	if !ok {
		return head
	}
	return head + " (" + limit
}

// outcome says that it ended, or how far it came.
func (p *politeRun) outcome() string {
	if !p.cut {
		return "done in " + seconds(p.took())
	}
	text := fmt.Sprintf("**stopped after %s** with %d of %d checks done", seconds(p.took()), len(p.findings), p.checks)
	for name, one := range p.last {
		if one.Total > 0 {
			text += fmt.Sprintf(" and %s at %d %%", name, 100*one.Done/one.Total)
		}
	}
	return text
}

func (p *politeRun) pausesInWords() string {
	n := 0
	for _, times := range p.pauses {
		n += times
	}
	if n == 1 {
		return "1 pause"
	}
	return fmt.Sprintf("%d pauses", n)
}

// discarded is a journal that keeps nothing: speed is measured here, S2 proves what is found.
type discarded struct{ check.Journal }

func (discarded) Resume(context.Context, string) (check.State, error)         { return check.State{}, nil }
func (discarded) Save(context.Context, string, check.State, [][]string) error { return nil }
func (discarded) Progress(string, check.Progress)                             {}

var errLongEnough = errors.New("it ran as long as it may")

// checkPolitely runs the checks as the worker does, for as long as it may, in this process, because only here every pause is seen.
func (b *bed) checkPolitely(t *trial, s *shopServer, work scope) *politeRun {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), b.polite, errLongEnough)
	defer cancel()
	c := work.parse(t, map[string]string{"SHOP_DSN": s.DSN("shop", reader)})
	targets, err := app.OpenTargets(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	defer targets.Close() // sessions only read
	checks, title, err := targets.Catalog(c).Select("all")
	if err != nil {
		t.Fatal(err)
	}
	p := &politeRun{checks: len(checks), pauses: map[string]int{}}
	p.from = time.Now()
	p.findings, err = check.Execute(ctx, check.Execution{
		Order: check.Order{Title: title, AskedAt: p.from}, Checks: checks, Journal: discarded{}, Now: time.Now,
		OnProgress: func(progress map[string]check.Progress, _ []check.Finding) { p.tell(progress) },
		OnPanic:    func(name string, v any, stack []byte) { t.Errorf("%s panicked: %v\n%s", name, v, stack) },
	})
	p.to = time.Now()
	if p.cut = errors.Is(err, errLongEnough); err != nil && !p.cut {
		t.Fatal(err)
	}
	for _, f := range p.findings {
		want := int64(len(s.truth.Defects(f.Check)))
		if f.Verdict == check.Unknown || f.Tally.Rows != want {
			t.Errorf("%s: %s with %d rows, want %d. %s %s", f.Check, f.Verdict, f.Tally.Rows, want, f.Reason, f.Cause)
		}
	}
	return p
}

func longestOf(all []statement) statement {
	var longest statement
	for _, one := range all {
		if one.ms > longest.ms {
			longest = one
		}
	}
	return longest
}

func (b *bed) notePolite(all latencies, before, after window, p *politeRun, most float64, rate int, longest statement) {
	show := func(name string, w window) string {
		ms := all.in(w)
		return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", name, seconds(w.to.Sub(w.from)), humanize.Comma(int64(len(ms))),
			millis(percentile(ms, 0.5)), millis(percentile(ms, 0.95)), millis(percentile(ms, 0.99)))
	}
	b.note("S3", "pgbench in its own database of the same server (scale %d, %d clients, 80 %% `select-only`, 20 %% `simple-update`), which alone reaches "+
		"%s transactions/s, held at %s/s. One run of pgbench, three windows; a latency counts from when the transaction was due. "+
		"The 95th percentiles that the table above compares are medians over slices of 5 s; here they are over whole windows. "+
		"Polite is the default: one session, statements that aim at 250 ms, and, while others are at work, a rest of nineteen times as long after each.\n\n"+
		"| window | length | transactions | p50 | p95 | p99 |\n|---|---|---|---|---|---|\n%s%s%s",
		bankScale, bankClients, humanize.Comma(int64(most)), humanize.Comma(int64(rate)),
		show("before the check", before), show("during the check", p.window), show("after the check", after))
	pauses := "It never paused: nothing on the server was past a limit."
	if len(p.pauses) > 0 {
		pauses = "It paused for:\n"
		for _, why := range slices.Sorted(maps.Keys(p.pauses)) {
			pauses += fmt.Sprintf("\n- %s (%d)", why, p.pauses[why])
		}
	}
	b.note("S3", "%s", pauses)
	table := "| check | time | read as |\n|---|---|---|\n"
	for _, f := range p.findings {
		table += fmt.Sprintf("| %s | %s | %s |\n", f.Check, seconds(f.Duration), f.Result.Plan)
	}
	for name, one := range p.last {
		table += fmt.Sprintf("| %s | not done: %s of about %s rows read | – |\n", name, humanize.Comma(one.Done), humanize.Comma(one.Total))
	}
	b.note("S3", "The check may take %s at most here. The longest statement, from the server's log of every statement of ours that ended: %s, `%s`. "+
		"Check by check:\n\n%s",
		b.polite, millis(longest.ms), longest.start(), table)
}

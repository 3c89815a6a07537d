package worker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// exporters may export orders.
var exporters = authz.Policy{Roles: []authz.Role{{Name: "responders", Groups: []string{"S1"}, Permissions: []string{"export:orders"}}}}

// exportable is a Detector whose records are lines.
type exportable struct {
	counting
	lines int
	line  func(n int) []byte
	// between is called before each line.
	between func(ctx context.Context, n int) error
	told    *check.Order
}

func (d exportable) Export(ctx context.Context, o check.Order, to func([]byte) error) (check.Exported, error) {
	if d.told != nil {
		*d.told = o
	}
	for n := range d.lines {
		if d.between != nil {
			if err := d.between(ctx, n); err != nil {
				return check.Exported{}, err
			}
		}
		line := []byte(fmt.Sprintf(`{"n":%d}`, n))
		if d.line != nil {
			line = d.line(n)
		}
		if err := to(line); err != nil {
			return check.Exported{}, err
		}
	}
	return check.Exported{Left: 7, Notes: []string{"note"}}, nil
}

func wantExport(t testing.TB, s *store.Store, change ...func(*check.Order)) int64 {
	t.Helper()
	var number int64
	_, err := s.Record(t.Context(), fmt.Sprintf("export-%d", time.Now().UnixNano()), true, func(run int64) commands.Intent {
		number = run
		o := &check.Order{
			ID: run, Title: "Failed events", Checks: []string{"a"}, Channel: "C1", AskedBy: "U1", AskedAt: time.Now().UTC(), Request: "req",
			Step: check.StepExport, Select: []string{"key=o-17"}, Limit: 100_000,
		}
		for _, c := range change {
			c(o)
		}
		return commands.Intent{Run: o}
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func exportedFile(t testing.TB, s *store.Store, run int64) string {
	t.Helper()
	r, size, err := s.Open(t.Context(), fmt.Sprintf("export/%d", run))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil || int64(len(b)) != size {
		t.Errorf("%d bytes of %d, %v", len(b), size, err)
	}
	return string(b)
}

func mayExport(o *worker.Options) { o.Policy = exporters }

func TestAnExportGivesAFile(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	var told check.Order
	start(t, s, catalog(map[string]check.Detector{"a": exportable{lines: 3, told: &told}}), mayExport)
	id := wantExport(t, s)
	run := await(t, s, id)
	if run.State != check.Done || len(run.Findings) != 0 {
		t.Errorf("%s: %q, %+v", run.State, run.Reason, run.Findings)
	}
	if got := exportedFile(t, s, id); got != "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n" {
		t.Errorf("the file is %q", got)
	}
	if !slices.Equal(told.Select, []string{"key=o-17"}) || told.Limit != 100_000 {
		t.Errorf("it was told %+v", told)
	}
	if got := said(t, s)[fmt.Sprintf("run/%d", id)]; !strings.Contains(got, "exported 3, left 7") {
		t.Errorf("said %q", got)
	}
	if got := actions(t, s); !cmp.Equal(got, []string{fmt.Sprintf("events.export R-%d done", id)}) {
		t.Errorf("events %v", got)
	}
	entries, err := s.Events(t.Context(), commands.EventFilter{Action: "events.export"})
	if err != nil || len(entries) != 1 || entries[0].After != "3" {
		t.Errorf("%+v, %v", entries, err)
	}
}

// A file has a beginning of what there is; the rest is counted exactly.
func TestAnExportIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines, kept int
		line        func(int) []byte
	}{
		"in lines": {50_003, 50_000, nil},
		"in bytes": {70, 63, func(int) []byte { return []byte(strings.Repeat("x", 1<<20)) }},
		// What is short enough again does not follow a gap.
		"a line that is too long": {4, 1, func(n int) []byte { return []byte(strings.Repeat("x", []int{5, 65 << 20, 5, 5}[n])) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			start(t, s, catalog(map[string]check.Detector{"a": exportable{lines: c.lines, line: c.line}}), mayExport)
			id := wantExport(t, s)
			await(t, s, id)
			want := fmt.Sprintf("exported %d, left %d", c.kept, 7+c.lines-c.kept)
			if got := said(t, s)[fmt.Sprintf("run/%d", id)]; !strings.Contains(got, want) {
				t.Errorf("said %q, want %q", got, want)
			}
			if got := strings.Count(exportedFile(t, s, id), "\n"); got != c.kept {
				t.Errorf("%d lines in the file", got)
			}
		})
	}
}

func TestWhatIsNotExported(t *testing.T) {
	t.Parallel()
	whole := exportable{lines: 3}
	for name, c := range map[string]struct {
		detector check.Detector
		order    func(*check.Order)
		with     func(*worker.Options)
		reason   string
		outcome  string
	}{
		"to a shared channel":       {whole, func(o *check.Order) { o.NoRows = true }, mayExport, "shared with another organisation", "refused"},
		"by whom may only check":    {whole, nil, func(*worker.Options) {}, "The right to do this was taken away", "refused"},
		"what cannot be":            {counting{}, nil, mayExport, "cannot be exported", "failed"},
		"with the target off":       {nil, nil, mayExport, "Its target is off", "failed"},
		"several checks":            {whole, func(o *check.Order) { o.Checks = []string{"a", "a"} }, mayExport, "An export is of one check", "failed"},
		"what does not answer":      {exportable{lines: 1, between: func(context.Context, int) error { return &check.Problem{Sentence: "Kafka does not answer."} }}, nil, mayExport, "Kafka does not answer.", "failed"},
		"what fails without words":  {exportable{lines: 1, between: func(context.Context, int) error { return errors.New("secret") }}, nil, mayExport, "It could not be read", "failed"},
		"what panics":               {exportable{lines: 1, between: func(context.Context, int) error { panic("secret") }}, nil, mayExport, "It failed inside the bot", "failed"},
		"what is not a line":        {exportable{lines: 1, line: func(int) []byte { return []byte("a\nb") }}, nil, mayExport, "It could not be read", "failed"},
		"what takes longer than it": {exportable{lines: 1, between: func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }}, nil, func(o *worker.Options) { mayExport(o); o.RunTimeout = time.Second }, "It was not finished after", "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			start(t, s, catalog(map[string]check.Detector{"a": c.detector}), c.with)
			id := wantExport(t, s, func(o *check.Order) {
				if c.order != nil {
					c.order(o)
				}
			})
			run := await(t, s, id)
			if run.State != check.Failed || !strings.Contains(run.Reason, c.reason) || strings.Contains(run.Reason, "secret") {
				t.Errorf("%s: %q", run.State, run.Reason)
			}
			if got := actions(t, s); !cmp.Equal(got, []string{fmt.Sprintf("events.export R-%d %s", id, c.outcome)}) {
				t.Errorf("events %v", got)
			}
		})
	}
}

func TestAnExportIsStopped(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	reached := make(chan struct{})
	start(t, s, catalog(map[string]check.Detector{"a": exportable{lines: 1, between: func(ctx context.Context, _ int) error {
		close(reached)
		<-ctx.Done()
		return ctx.Err()
	}}}), mayExport)
	id := wantExport(t, s)
	<-reached
	stopRun(t, s, id)
	if run := await(t, s, id); run.State != check.Stopped || run.StoppedBy != "U7" {
		t.Errorf("%s by %q: %s", run.State, run.StoppedBy, run.Reason)
	}
}

// A process that ends in the middle of an export: the next one begins anew, and no
// line is there twice.
func TestAnExportIsTakenOver(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	ctx, cancel := context.WithCancel(t.Context())
	var first atomic.Bool
	first.Store(true)
	checks := catalog(map[string]check.Detector{"a": exportable{
		lines: 40_000, line: func(n int) []byte { return []byte(fmt.Sprintf(`{"number":%020d}`, n)) },
		between: func(ctx context.Context, n int) error {
			if n == 30_000 && first.Swap(false) {
				cancel()
				<-ctx.Done()
			}
			return ctx.Err()
		},
	}})
	id := wantExport(t, s)
	o := options(s, checks)
	mayExport(&o)
	w, err := worker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Carry(ctx, w, id); err != nil {
		t.Fatal(err)
	}
	start(t, s, checks, mayExport, func(o *worker.Options) { o.Holder = "two" })
	if run := await(t, s, id); run.State != check.Done {
		t.Fatalf("%s: %s", run.State, run.Reason)
	}
	lines := strings.Split(strings.TrimSuffix(exportedFile(t, s, id), "\n"), "\n")
	if len(lines) != 40_000 || lines[39_999] != fmt.Sprintf(`{"number":%020d}`, 39_999) {
		t.Errorf("%d lines, the last is %s", len(lines), lines[len(lines)-1])
	}
}

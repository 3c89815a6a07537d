package app

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/check/report"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/message"
)

// CheckOptions are what `integritybot check` was asked for.
type CheckOptions struct {
	Word     string // all, a domain or a check
	Full     bool
	Since    time.Duration
	Output   string // text, json or csv
	Unmasked bool
	Out      io.Writer
	// Progress receives a line now and then; nil for none.
	Progress io.Writer
	Log      *slog.Logger
	Version  string
}

// Check runs checks from a shell and gives the worst verdict: FAIL before
// UNKNOWN before PASS. If a store is configured, the run is recorded in it
// before it begins; if that fails, nothing is read.
func Check(ctx context.Context, c *config.Config, o CheckOptions) (check.Verdict, error) {
	names, title, err := chosen(c, o.Word)
	if err != nil {
		return check.Unknown, err
	}
	held := &laterLedger{nothingSent{}}
	targets, err := openTargets(ctx, c, memory{ledger: held})
	if err != nil {
		return check.Unknown, err
	}
	defer targets.Close()
	record, err := openRecord(ctx, c, shell{o.Log, o.Version})
	if err != nil {
		return check.Unknown, err
	}
	defer record.close()
	held.of(record)
	catalog := targets.Catalog(c)
	checks := named(catalog, names)
	record.warn(checks, o.Log)
	started := time.Now()
	order := check.Order{Title: title, AskedAt: started, Request: record.request, Options: check.Options{Full: o.Full, Since: o.Since}, Checks: names, Off: catalog.Off(o.Word)}
	if err := record.intend(ctx, "check", order.Checks...); err != nil {
		return check.Unknown, err
	}
	sink := newSink(o, len(checks) == 1)
	findings, err := sink.execute(ctx, order, checks)
	run := check.Run{Order: order, State: check.Done, Findings: findings, Started: started, Finished: time.Now()}
	if err != nil {
		if ctx.Err() != nil { // rows of a CSV may be out already
			err = fmt.Errorf("interrupted before it finished, so there is no verdict: %w", context.Cause(ctx))
		}
		return check.Unknown, errors.Join(err, record.conclude(run, err))
	}
	return worst(findings), errors.Join(sink.finish(run, catalog.ByName()), record.conclude(run, nil))
}

func worst(findings []check.Finding) check.Verdict {
	verdict := check.Pass
	for _, f := range findings {
		if f.Verdict == check.Fail {
			return check.Fail
		}
		if f.Verdict == check.Unknown {
			verdict = check.Unknown
		}
	}
	return verdict
}

// sink is the journal of a run from a shell: nothing to resume, rows go
// straight to the output.
type sink struct {
	opts   CheckOptions
	single bool
	told   time.Time

	mu     sync.Mutex
	csv    *csv.Writer
	headed bool
}

func newSink(o CheckOptions, single bool) *sink {
	return &sink{opts: o, single: single, csv: csv.NewWriter(o.Out), told: time.Now()}
}

// execute runs the checks, and logs what people are not shown.
func (s *sink) execute(ctx context.Context, order check.Order, checks []check.Check) ([]check.Finding, error) {
	findings, err := check.Execute(ctx, check.Execution{
		Order: order, Checks: checks, Journal: s, Now: time.Now, Unmasked: s.opts.Unmasked, OnProgress: s.progress,
		OnPanic: func(name string, v any, stack []byte) {
			s.opts.Log.Error("check panicked", "check", name, "panic", v, "stack", string(stack))
		},
	})
	for _, f := range findings {
		if f.Cause != "" {
			s.opts.Log.Warn("check did not answer", "check", f.Check, "reason", f.Reason, "error", f.Cause)
		}
	}
	return findings, err
}

func (s *sink) Resume(context.Context, string) (check.State, error) { return check.State{}, nil }

func (s *sink) Progress(string, check.Progress) {}

// Save writes rows as they are found, so that a million of them need no memory.
// The header also stands above no rows.
func (s *sink) Save(_ context.Context, name string, st check.State, rows [][]string) error {
	if s.opts.Output != "csv" {
		return nil
	}
	s.mu.Lock() // checks save side by side
	defer s.mu.Unlock()
	if !s.headed && (!s.single || len(st.Tally.Columns) > 0) {
		s.headed = true
		if err := s.csv.Write(s.header(st)); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if err := s.csv.Write(s.line(name, st, row)); err != nil {
			return err
		}
	}
	s.csv.Flush()
	return s.csv.Error()
}

// header: one check has its own columns; several share the ones that all have,
// and the rest as JSON.
func (s *sink) header(st check.State) []string {
	if s.single {
		return check.FileHeader(st.Tally.Columns)
	}
	return []string{"check", "row", "finding", "money_at_stake", "currency", "bad_since"}
}

func (s *sink) line(name string, st check.State, row []string) []string {
	if s.single {
		return row
	}
	values := map[string]string{}
	for i, c := range st.Tally.Columns {
		if i < len(row) {
			values[c.Name] = row[i]
		}
	}
	text, err := json.Marshal(values)
	if err != nil {
		text = []byte("{}")
	}
	return append([]string{name, string(text)}, row[len(st.Tally.Columns):]...)
}

// progress tells a person at a terminal how far it is, at most every 2 s.
func (s *sink) progress(p map[string]check.Progress, done []check.Finding) {
	if s.opts.Progress == nil || time.Since(s.told) < 2*time.Second {
		return
	}
	s.told = time.Now()
	for name, one := range p {
		line := fmt.Sprintf("%d done; %s: %s", len(done), name, one.Reading)
		if one.Total > 0 {
			line += fmt.Sprintf(" %d %%", min(100, 100*one.Done/one.Total))
		}
		if one.Paused != "" {
			line += ", paused: " + one.Paused
		}
		fmt.Fprintln(s.opts.Progress, line)
	}
}

func (s *sink) finish(run check.Run, checks report.Checks) error {
	switch s.opts.Output {
	case "json":
		enc := json.NewEncoder(s.opts.Out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false) // this is no web page
		return enc.Encode(documentOf(run, checks))
	case "text":
		for i, post := range report.Finished(run, checks) {
			m := inShell(post.Message)
			if i > 0 {
				fmt.Fprintln(s.opts.Out)
			}
			if _, err := io.WriteString(s.opts.Out, m.PlainText()); err != nil {
				return err
			}
		}
	}
	return nil
}

// inShell leaves out what only Slack has: buttons, and files beside a message.
// Where the text names such a file, it says how to get the rows instead.
func inShell(m message.Message) message.Message {
	var pairs []string
	for _, f := range m.Files {
		pairs = append(pairs, "the file "+f.Name+" lists", "--output csv lists")
	}
	shell := strings.NewReplacer(pairs...)
	for i, part := range m.Parts {
		for j, line := range part.Lines {
			for k, span := range line {
				m.Parts[i].Lines[j][k].Text = shell.Replace(span.Text)
			}
		}
	}
	m.Actions, m.Files = nil, nil
	return m
}

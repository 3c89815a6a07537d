//go:build bench

package bench

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"
)

// longestBenchmark bounds one benchmark, so that one that hangs cannot cost the others their rows.
const longestBenchmark = 12 * time.Minute

// trial is the test that one benchmark runs in. It keeps the rows as they are measured and the first thing that went
// wrong, because the page must say both and a test does not tell why it failed.
type trial struct {
	*testing.T
	ctx  context.Context
	rows []row
	mu   sync.Mutex
	why  string // the first failure, in one line
}

// attempt runs one benchmark and gives what it measured until it ended, however it ended.
func attempt(t *testing.T, one benchmark, b *bed) []row {
	tr := &trial{}
	t.Run(one.id, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), longestBenchmark, fmt.Errorf("it took longer than %s", longestBenchmark))
		defer cancel()
		tr.T, tr.ctx = t, ctx
		defer func() {
			if v := recover(); v != nil {
				tr.Errorf("panic: %v\n%s", v, debug.Stack())
			}
		}()
		one.measure(tr, b)
	})
	if tr.why != "" {
		tr.rows = append(tr.rows, one.missing(tr.why))
	}
	return tr.rows
}

// measured adds a line to the table. What fails afterwards does not take it back.
func (t *trial) measured(r row) { t.rows = append(t.rows, r) }

// Context ends when the benchmark has taken too long.
func (t *trial) Context() context.Context { return t.ctx }

// keep may be called from several goroutines.
func (t *trial) keep(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == "" {
		if t.ctx.Err() != nil {
			text = context.Cause(t.ctx).Error() + ": " + text
		}
		t.why = oneLine(text)
	}
}

func (t *trial) Error(args ...any) {
	t.Helper()
	t.keep(fmt.Sprint(args...))
	t.T.Error(args...)
}

func (t *trial) Errorf(format string, args ...any) {
	t.Helper()
	t.keep(fmt.Sprintf(format, args...))
	t.T.Errorf(format, args...)
}

func (t *trial) Fatal(args ...any) {
	t.Helper()
	t.keep(fmt.Sprint(args...))
	t.T.Fatal(args...)
}

func (t *trial) Fatalf(format string, args ...any) {
	t.Helper()
	t.keep(fmt.Sprintf(format, args...))
	t.T.Fatalf(format, args...)
}

// oneLine is a text as a cell of a table can show it.
func oneLine(text string) string {
	const most = 240
	text = strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "/")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}

func TestOneLine(t *testing.T) {
	if got := oneLine("a | b\n\tc"); got != "a / b c" {
		t.Errorf("got %q", got)
	}
	if got := oneLine(strings.Repeat("é", 300)); len([]rune(got)) != 241 {
		t.Errorf("got %d runes", len([]rune(got)))
	}
}

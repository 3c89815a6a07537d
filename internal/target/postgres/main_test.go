package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
)

func TestMain(m *testing.M) {
	pgtest.AtOnce(4) // several wait for a database that fell silent
	pgtest.Main(m)
}

var errKilled = errors.New("killed by the test")

// recorder is a check.Recorder that keeps what was saved, and can end a run in
// the middle of a save as a killed process would.
type recorder struct {
	t        *testing.T
	killAt   int // the save that fails; 0: none
	saves    int
	columns  []check.Column
	unsaved  []check.Row
	saved    []check.Row
	cursor   check.Cursor
	most     int // rows waiting for a save, at most
	pauses   []string
	lastDone int64
	onSave   func()
	drop     bool // count rows instead of keeping them
	count    int64
}

func (r *recorder) Columns(cols []check.Column) { r.columns = cols }

func (r *recorder) Found(rows ...check.Row) {
	if r.columns == nil {
		r.t.Error("Found was called before Columns")
	}
	for _, row := range rows {
		if len(row.Values) != len(r.columns) {
			r.t.Errorf("row %v has %d values for %d columns", row.Key, len(row.Values), len(r.columns))
		}
	}
	r.unsaved = append(r.unsaved, rows...)
	r.most = max(r.most, len(r.unsaved))
}

func (r *recorder) Save(_ context.Context, next check.Cursor) error {
	r.saves++
	if r.saves == r.killAt {
		return errKilled
	}
	r.count += int64(len(r.unsaved))
	if !r.drop {
		r.saved = append(r.saved, r.unsaved...)
	}
	r.unsaved = r.unsaved[:0:0]
	r.cursor = slices.Clone(next)
	if r.onSave != nil {
		r.onSave()
	}
	return nil
}

func (r *recorder) Progress(p check.Progress) {
	r.lastDone = p.Done
	if p.Done > p.Total {
		r.t.Errorf("progress says %d of %d", p.Done, p.Total)
	}
	if p.Paused != "" {
		r.pauses = append(r.pauses, p.Paused)
	}
}

// keys are the saved rows' keys with their classes, sorted.
func (r *recorder) keys() []string {
	var out []string
	for _, row := range r.saved {
		key := strings.Join(row.Key, ",")
		if row.Class != "" {
			key += " " + row.Class
		}
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

// brisk are options with which tests do not wait and see many small chunks.
func brisk(dsn string) Options {
	return Options{
		Name: "shop", Place: "test/shop", DSN: Secret(dsn), SecondLook: time.Millisecond, SaveEvery: time.Nanosecond,
		AllowSuperuser: true, chunkRows: 7, Polite: Polite{NiceRatio: 0.01, LookEvery: time.Hour},
	}
}

func open(t *testing.T, o Options) *Target {
	t.Helper()
	target, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(target.Close)
	return target
}

// declare reads a declaration written as YAML.
func declareCheck(t *testing.T, kind, text string) Declaration {
	t.Helper()
	d, err := tryDeclare(kind, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func tryDeclare(kind, text string) (Declaration, error) {
	var doc yaml.Node
	if err := yaml.Load([]byte(text), &doc); err != nil {
		return nil, err
	}
	node := &doc
	if node.Kind == yaml.DocumentNode {
		node = node.Content[0]
	}
	return Declare(kind, node)
}

// detect runs a check to its end within a deadline.
func detect(t *testing.T, d check.Detector, opts check.Options) (*recorder, check.Result) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rec := &recorder{t: t}
	result, err := d.Detect(ctx, opts, nil, rec)
	if err != nil {
		t.Fatalf("detect: %v", err)
	}
	if len(rec.unsaved) > 0 {
		t.Errorf("%d rows were found and never saved", len(rec.unsaved))
	}
	return rec, result
}

// interrupted runs a check that is killed at its nth save, again and again with
// a longer life, each time going on from what was saved last.
func interrupted(t *testing.T, d check.Detector, opts check.Options) (*recorder, check.Result) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	whole := &recorder{t: t}
	for n := 1; n < 10_000; n++ {
		rec := &recorder{t: t, killAt: 1 + n%3, cursor: whole.cursor}
		result, err := d.Detect(ctx, opts, whole.cursor, rec)
		whole.columns, whole.cursor = rec.columns, rec.cursor
		whole.saved = append(whole.saved, rec.saved...)
		whole.saves += rec.saves - 1
		if err == nil {
			return whole, result
		}
		if !errors.Is(err, errKilled) {
			t.Fatalf("detect: %v", err)
		}
		if n%3 == 0 && rec.saves == 1 && whole.saves == 0 && n > 30 {
			t.Fatal("the run never gets anywhere")
		}
	}
	t.Fatal("the run never ends")
	return nil, check.Result{}
}

// modes are the ways in which every kind must give the same answer.
func modes() map[string]check.Options {
	return map[string]check.Options{"polite": {}, "full": {Full: true}}
}

// sentence is what a person reads of an error; the test fails when there is no
// such sentence, or when it shows what it must not.
func sentence(t *testing.T, err error, secrets ...string) string {
	t.Helper()
	var p *check.Problem
	if !errors.As(err, &p) {
		t.Fatalf("error is no Problem: %v", err)
	}
	for _, s := range secrets {
		if strings.Contains(p.Error(), s) {
			t.Errorf("the error shows %q: %v", s, p)
		}
	}
	return p.Sentence
}

// execute runs SQL as superuser beside what is tested.
func execute(t *testing.T, dsn, format string, args ...any) {
	t.Helper()
	pgtest.Exec(t, dsn, fmt.Sprintf(format, args...))
}

func scanOne[T any](t *testing.T, dsn, sql string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var v T
	if err := conn.QueryRow(ctx, sql).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

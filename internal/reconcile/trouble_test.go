package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// failing are rows that cannot be read from the nth time on.
type failing struct {
	Rows
	RowReader
	left int
}

func (f *failing) again() error {
	if f.left--; f.left < 0 {
		return problemf("Postgres test/shop did not answer in 5 s.")
	}
	return nil
}

func (f *failing) Reader(ctx context.Context, from From, pace Pace) (r RowReader, err error) {
	if err := f.again(); err != nil {
		return nil, err
	}
	f.RowReader, err = f.Rows.Reader(ctx, from, pace)
	return &failingReader{f}, err
}

type failingReader struct{ of *failing }

func (f *failingReader) Types() []string { return f.of.Types() }

func (f *failingReader) All(ctx context.Context, most int64, each func([]byte, [][]byte) error) (bool, error) {
	return f.of.All(ctx, most, each)
}

func (f *failingReader) Rows(ctx context.Context, keys []string) ([]Row, time.Time, error) {
	if err := f.of.again(); err != nil {
		return nil, time.Time{}, err
	}
	return f.of.RowReader.Rows(ctx, keys)
}

func TestADatabaseThatDoesNotAnswerIsAProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, customersSQL)
	c := correct(1)
	c["name"] = "stale"
	w.put("customer:1", c.json(t), time.Hour)
	words := wordsOf(t, customersCheck)
	for n := range 4 { // the columns, the first look, two more
		rec := &recorder{}
		_, err := words.Detector(w.cache, &failing{Rows: w.rows, left: n}).Detect(t.Context(), check.Options{}, nil, rec)
		wants(t, err, "Postgres test/shop did not answer in 5 s.")
		if len(rec.rows) != 0 {
			t.Errorf("after %d answers it found %v", n, rec.byClass())
		}
	}
	rec := &recorder{}
	if _, err := words.Detector(w.cache, &failing{Rows: w.rows, left: 4}).Detect(t.Context(), check.Options{}, nil, rec); err != nil || len(rec.rows) != 1 {
		t.Errorf("found %v, %v", rec.byClass(), err)
	}
}

func TestACacheThatDoesNotAnswerIsAProblemInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, customersSQL)
	w.put("customer:1", "{", time.Hour)
	network := w.redis.Proxy()
	cache := openCache(t, redis.Options{Name: "cache", Place: "test/cache", Addrs: []string{network.Addr()}, Clears: true, DialTimeout: 300 * time.Millisecond, ReadTimeout: 300 * time.Millisecond, Sleep: hurried})
	words := wordsOf(t, customersCheck)
	f, err := DeclareFix("cache", words, node(t, "{mode: clear, modes: [flush]}"))
	if err != nil {
		t.Fatal(err)
	}
	planner := f.Planner(cache, w.rows, check.Check{Name: "customer-cache"})
	looks := Looks([]Cache{{Check: check.Check{Name: "customer-cache"}, Declaration: words, Target: cache, Rows: w.rows}})
	steps := map[string]func() error{
		"check": func() error {
			_, err := words.Detector(cache, w.rows).Detect(t.Context(), check.Options{}, nil, &recorder{})
			return err
		},
		"validate": func() error { return words.Validate(t.Context(), cache, w.rows) },
		"clear":    func() error { _, err := planner.Draft(t.Context(), fix.Order{}, allCaps(), nil); return err },
		"flush": func() error {
			_, err := planner.Draft(t.Context(), fix.Order{Mode: "flush"}, allCaps(), nil)
			return err
		},
		"get": func() error {
			_, err := looks["cache get"].Look(t.Context(), look.Question{Words: []string{"customer:1"}}, nil)
			return err
		},
		"ttl": func() error {
			_, err := looks["cache ttl"].Look(t.Context(), look.Question{Words: []string{"customer:1"}}, nil)
			return err
		},
		"scan":  func() error { _, err := looks["cache scan"].Look(t.Context(), look.Question{}, nil); return err },
		"ready": func() error { return cache.Applier().Ready(t.Context()) },
	}
	for name, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for what, trouble := range map[string]func(){"mute": network.Mute, "cut": network.Cut} {
		trouble()
		var trying sync.WaitGroup
		for name, step := range steps {
			trying.Go(func() {
				began := time.Now()
				err := step()
				var p *check.Problem
				if !errors.As(err, &p) {
					t.Errorf("%s, %s: %v", what, name, err)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("%s, %s took %s", what, name, took)
				}
			})
		}
		trying.Wait()
		network.Resume()
		for name, step := range steps {
			if err := step(); err != nil {
				t.Errorf("%s does not recover from %s: %v", name, what, err)
			}
		}
	}
}

// TestWhatKeepsChangingIsNotReported, but that it has no expiry is.
func TestWhatKeepsChangingIsNotReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, customersSQL)
	looks := 0
	cache := openCache(t, redis.Options{
		Name: "cache", Place: "test/cache", Addrs: w.redis.Addrs(),
		Sleep: func(ctx context.Context, d time.Duration) error { // between two looks somebody writes another wrong value
			if d == roundPause {
				looks++
				c := correct(1)
				c["name"] = fmt.Sprint("wrong ", looks)
				w.put("customer:1", c.json(t), time.Hour)
				w.put("customer:2", c.json(t), 0)
				if looks == 1 {
					w.put("customer:3", correct(3).json(t), time.Hour)
				}
			}
			return ctx.Err()
		},
	})
	for i := 1; i <= 4; i++ {
		c := correct(i)
		c["name"] = "wrong"
		w.put(fmt.Sprintf("customer:%d", i), c.json(t), map[bool]time.Duration{true: 0, false: time.Hour}[i == 2])
	}
	rec := &recorder{}
	result, err := wordsOf(t, customersCheck).Detector(cache, w.rows).Detect(t.Context(), check.Options{}, nil, rec)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]bool{classForever: {"customer:2": true}, classStale: {"customer:4": true}}
	if diff := cmp.Diff(want, rec.byClass()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"1 key kept changing while we looked: not judged."}, result.Notes); diff != "" || result.Scanned != 3 {
		t.Errorf("%d judged, -want +got:\n%s", result.Scanned, diff)
	}
}

func TestWhatTheConfigGetsWrongIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, customersSQL+"ALTER TABLE customers ADD tags text[];")
	for _, tt := range []struct{ name, from, to, says string }{
		{"no such table", "table: customers", "table: customer", "There is no table customer in Postgres test/shop: did you mean customers?"},
		{"no such column", "email: email", "email: emial", "Table customers has no column emial: did you mean email?"},
		{"no such key", "key: id", "key: ident", "Table customers has no column ident"},
		{"a column that cannot be compared", "email: email", "email: tags", "Column tags of table customers is of type text[], with which no cached field can be compared: leave it out of fields."},
		{"a condition that is none", "deleted_at IS NULL", "deleted_at IS NUL", "The expression (deleted_at IS NUL) over table customers"},
		{"a condition over no column", "deleted_at IS NULL", "removed_at IS NULL", "removed_at"},
		{"no such target", "target: shop", "target: shopp", "There is no target shopp."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wants(t, wordsOf(t, replaced(t, customersCheck, tt.from, tt.to)).Validate(t.Context(), w.cache, w.rows), tt.says)
		})
	}
	if err := wordsOf(t, customersCheck).Validate(t.Context(), w.cache, w.rows); err != nil {
		t.Error(err)
	}
	_, err := wordsOf(t, replaced(t, customersCheck, ", time: updated_at", "")).Detector(w.cache, w.rows).Detect(t.Context(), check.Options{Since: time.Hour}, nil, &recorder{})
	wants(t, err, "This check has no time column, so it cannot be restricted with --since")
	_, err = wordsOf(t, customersCheck).Detector(w.cache, w.rows).Detect(t.Context(), check.Options{}, check.Cursor(`{"rows":20000}`), &recorder{})
	wants(t, err, "Run it again.")
}

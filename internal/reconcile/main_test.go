package reconcile

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/redistest"
	"github.com/integritybot/integritybot/internal/target/postgres"
	"github.com/integritybot/integritybot/internal/target/redis"
)

func TestMain(m *testing.M) {
	redis.Quiet()
	pgtest.Main(m)
}

// world is a cache and the database that it was made from.
type world struct {
	t      testing.TB
	redis  *redistest.Server
	client goredis.UniversalClient
	cache  *redis.Target
	dsn    string
	rows   Rows
}

// databases gives rows as the wiring does.
type databases struct{ shop *postgres.Target }

func (d databases) Reader(ctx context.Context, from From, pace Pace) (RowReader, error) {
	if from.Target != "shop" {
		return nil, problemf("There is no target %s.", from.Target)
	}
	return d.shop.Lookup(ctx, from.Table, from.Key, from.Columns, postgres.Pace(pace))
}

// newWorld starts a cache beside a database with tables. The pauses between looks are
// short: nobody writes.
func newWorld(t *testing.T, shape redisproc.Shape, sql string) *world {
	t.Helper()
	return newWorldAt(t, shape, sql, hurried)
}

func hurried(ctx context.Context, d time.Duration) error {
	const hurry = 10
	return wait(ctx, d/hurry)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func newWorldAt(t testing.TB, shape redisproc.Shape, sql string, pause func(context.Context, time.Duration) error) *world {
	t.Helper()
	s := redistest.Start(t, redistest.Options{Shape: shape})
	w := &world{t: t, redis: s, client: s.Client(), dsn: pgtest.Database(t)}
	pgtest.Exec(t, w.dsn, sql)
	o := redis.Options{
		Name: "cache", Place: "test/cache", Addrs: s.Addrs(), Clears: true, Store: "store-1", Sleep: pause,
		DialTimeout: 2 * time.Second, ReadTimeout: 5 * time.Second,
	}
	switch shape {
	case redisproc.Cluster:
		o.Mode = redis.Cluster
	case redisproc.Watched:
		o.Mode, o.Master = redis.Sentinel, redisproc.Master
	case redisproc.Single:
	}
	w.cache = openCache(t, o)
	shop, err := postgres.Open(t.Context(), postgres.Options{Name: "shop", Place: "test/shop", DSN: postgres.Secret(w.dsn)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shop.Close)
	w.rows = databases{shop}
	return w
}

func openCache(t testing.TB, o redis.Options) *redis.Target {
	t.Helper()
	cache, err := redis.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cache.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return cache
}

// put caches a value.
func (w *world) put(key, value string, ttl time.Duration) {
	w.t.Helper()
	if err := w.client.Set(w.t.Context(), key, value, ttl).Err(); err != nil {
		w.t.Fatal(err)
	}
}

func node(t testing.TB, text string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Content[0]
}

func wordsOf(t testing.TB, text string) *cacheWords {
	t.Helper()
	d, err := Declare("cache", node(t, text))
	if err != nil {
		t.Fatal(err)
	}
	w, ok := d.(*cacheWords)
	if !ok {
		t.Fatalf("declared is a %T", d)
	}
	return w
}

// recorder keeps what a detector finds.
type recorder struct {
	mu      sync.Mutex
	columns []check.Column
	rows    []check.Row
	saves   int
}

func (r *recorder) Columns(cols []check.Column) { r.columns = cols }

func (r *recorder) Found(rows ...check.Row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, rows...)
}

func (r *recorder) Save(context.Context, check.Cursor) error { r.saves++; return nil }
func (r *recorder) Progress(check.Progress)                  {}

// byClass are the keys that were found, by their class.
func (r *recorder) byClass() map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, row := range r.rows {
		if out[row.Class] == nil {
			out[row.Class] = map[string]bool{}
		}
		if out[row.Class][row.Key[0]] {
			out["found twice"] = map[string]bool{row.Key[0]: true}
		}
		out[row.Class][row.Key[0]] = true
	}
	return out
}

// detected runs a check.
func (w *world) detected(words *cacheWords, opts check.Options) (*recorder, check.Result) {
	w.t.Helper()
	rec := &recorder{}
	result, err := words.Detector(w.cache, w.rows).Detect(w.t.Context(), opts, nil, rec)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range rec.rows {
		if len(row.Values) != len(rec.columns) {
			w.t.Errorf("row %v has %d values of %d columns", row.Key, len(row.Values), len(rec.columns))
		}
	}
	return rec, result
}

// sentence is what people read of an error.
func sentence(t *testing.T, err error) string {
	t.Helper()
	var p *check.Problem
	if !errors.As(err, &p) {
		t.Fatalf("no problem but %v", err)
	}
	return p.Sentence
}

func wants(t *testing.T, err error, says string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %s", says)
		return
	}
	if got := sentence(t, err); !strings.Contains(got, says) {
		t.Errorf("got  %s\nwant %s", got, says)
	}
}

// replaced is a declaration in which a text is another one.
func replaced(t testing.TB, text, from, to string) string {
	t.Helper()
	if !strings.Contains(text, from) {
		t.Fatalf("there is no %s", from)
	}
	return strings.Replace(text, from, to, 1)
}

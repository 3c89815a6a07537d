package redis

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }

// single are the options of a target that may remove, on one server.
func single(addr string) Options {
	return Options{
		Name: "cache", Place: "test/cache", Addrs: []string{addr}, Clears: true, Store: "store-1", ScanCount: 100,
		DialTimeout: 2 * time.Second, ReadTimeout: 2 * time.Second,
	}
}

// of are the same for servers of any shape.
func of(s *redistest.Server, shape redisproc.Shape) Options {
	o := single(s.Addr())
	o.Addrs = s.Addrs()
	switch shape {
	case redisproc.Cluster:
		o.Mode = Cluster
	case redisproc.Watched:
		o.Mode, o.Master = Sentinel, redisproc.Master
	case redisproc.Single:
	}
	return o
}

func open(t *testing.T, o Options) *Target {
	t.Helper()
	target, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := target.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return target
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

// shapes are the servers on which everything has to work alike.
func shapes() map[string]redisproc.Shape {
	return map[string]redisproc.Shape{"standalone": redisproc.Single, "sentinel": redisproc.Watched, "cluster": redisproc.Cluster}
}

// removalsOf freezes values as they are now.
func removalsOf(t *testing.T, target *Target, keys ...string) fix.Content {
	t.Helper()
	values, err := target.Strings(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	var all []Removal
	for _, v := range values {
		all = append(all, Removal{Value: v})
	}
	c, err := target.Removals("customer:*", check.Key, 0, all)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func applier(t *testing.T, target *Target) *Clearing {
	t.Helper()
	x, ok := target.Applier().(*Clearing)
	if !ok {
		t.Fatal("no applier")
	}
	return x
}

// applied carries a plan out as the worker does when all goes well.
func applied(t *testing.T, x *Clearing, plan int64, c fix.Content) fix.Outcome {
	t.Helper()
	p := fix.Plan{Order: fix.Order{ID: plan}}
	var results []fix.Result
	for _, b := range c.Batches() {
		if why, err := x.Busy(t.Context(), p, c.Forms, &b); why != "" || err != nil {
			t.Fatalf("busy: %q, %v", why, err)
		}
		r, err := x.Apply(t.Context(), p, c.Forms, b, 1, nil)
		if err != nil {
			t.Fatalf("batch %d: %v", b.N, err)
		}
		results = append(results, r)
	}
	return fix.Sum(fix.Draft{}, c.Forms, c.Batches(), results)
}

func keysFrom(n int) []string {
	var keys []string
	for i := range n {
		keys = append(keys, fmt.Sprintf("customer:%d", i))
	}
	return keys
}

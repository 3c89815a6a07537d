package redis

import (
	"fmt"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/redistest"
)

// TestKilledAfterEveryCommand carries a plan out over a network that breaks at the nth
// command, before Redis sees it or after it has done it, and then goes on as another
// process would: by what Redis recorded. Every value is removed once, and what is cached
// again meanwhile stays.
func TestKilledAfterEveryCommand(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client := s.Client()
	const keys, rate = 40, 50 // batches of 10
	var commands int
	for n := 1; ; n++ {
		for _, after := range []bool{false, true} {
			plan := int64(2*n) + map[bool]int64{true: 1}[after]
			for _, key := range keysFrom(keys) {
				client.Set(t.Context(), key, "old", time.Hour)
			}
			network := s.Proxy()
			target := open(t, single(network.Addr()))
			values, err := target.Strings(t.Context(), keysFrom(keys))
			if err != nil {
				t.Fatal(err)
			}
			var all []Removal
			for _, v := range values {
				all = append(all, Removal{Value: v})
			}
			c, err := target.Removals("customer:*", check.Key, rate, all)
			if err != nil {
				t.Fatal(err)
			}
			sprung := network.CutAt("", n, after)
			before := network.Total()
			done := interrupted(t, applier(t, target), plan, c)
			select {
			case <-sprung:
			default:
				if commands = network.Total() - before; n < 4 {
					t.Fatalf("a plan of 4 batches took %d commands", commands)
				}
				return // it went through before the nth command
			}
			// Somebody caches again what was surely removed.
			for _, r := range done {
				for _, change := range c.Batches()[r.Batch].Changes {
					client.Set(t.Context(), change.Key[0], "new", time.Hour)
				}
			}
			other := applier(t, open(t, single(s.Addr())))
			if o := continued(t, other, plan, c); o.Changed != keys {
				t.Errorf("cut at %d, after %v: %d of %d removed: %+v", n, after, o.Changed, keys, o.Skipped)
			}
			var left int64
			for _, key := range keysFrom(keys) {
				switch got, _ := client.Get(t.Context(), key).Result(); got {
				case "new":
					left++
				case "old":
					t.Errorf("cut at %d, after %v: %s was not removed", n, after, key)
				}
			}
			if want := int64(len(done) * 10); left != want {
				t.Errorf("cut at %d, after %v: %d of %d values that were cached again are left", n, after, left, want)
			}
		}
	}
}

// interrupted carries a plan out until something fails.
func interrupted(t *testing.T, x *Clearing, plan int64, c fix.Content) []fix.Result {
	t.Helper()
	x.t.opts.MaxKeys = 0
	var done []fix.Result
	for _, b := range c.Batches() {
		r, err := x.Apply(t.Context(), fix.Plan{Order: fix.Order{ID: plan}}, c.Forms, b, 1, nil)
		if err != nil {
			return done
		}
		done = append(done, r)
	}
	return done
}

// continued carries a plan out from what Redis recorded of it.
func continued(t *testing.T, x *Clearing, plan int64, c fix.Content) fix.Outcome {
	t.Helper()
	results, err := x.Applied(t.Context(), plan, c.Forms)
	if err != nil {
		t.Fatal(err)
	}
	known := map[int]bool{}
	for _, r := range results {
		known[r.Batch] = true
	}
	for _, b := range c.Batches() {
		if known[b.N] {
			continue
		}
		r, err := x.Apply(t.Context(), fix.Plan{Order: fix.Order{ID: plan}}, c.Forms, b, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	return fix.Sum(fix.Draft{}, c.Forms, c.Batches(), results)
}

// TestAFullRedisLosesNothing: where no copy can be kept nothing is removed.
func TestAFullRedisLosesNothing(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client, target := s.Client(), open(t, single(s.Addr()))
	for _, key := range keysFrom(20) {
		client.Set(t.Context(), key, "old", time.Hour)
	}
	x := applier(t, target)
	c := removalsOf(t, target, keysFrom(20)...)
	s.Do("CONFIG SET maxmemory 1mb")
	_, err := x.Apply(t.Context(), fix.Plan{Order: fix.Order{ID: 1}}, c.Forms, c.Batches()[0], 1, nil)
	if want := "Redis test/cache has no memory left (maxmemory), so the copies for the way back cannot be kept there. A flush keeps none."; err == nil || sentence(t, err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for _, key := range keysFrom(20) {
		if client.Exists(t.Context(), key).Val() != 1 {
			t.Errorf("%s is gone", key)
		}
	}
	s.Do("CONFIG SET maxmemory 0")
	if results, err := x.Applied(t.Context(), 1, c.Forms); len(results) != 0 || err != nil {
		t.Errorf("recorded: %v, %v", results, err)
	}
	if o := applied(t, x, 1, c); o.Changed != 20 {
		t.Errorf("removed %d: %+v", o.Changed, o.Skipped)
	}
}

// TestTheRateIsKept by the target's clock.
func TestTheRateIsKept(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, redistest.Options{})
	client := s.Client()
	o := single(s.Addr())
	clock := &fakeClock{at: time.Now()}
	o.Now, o.Sleep = clock.now, clock.sleep
	target := open(t, o)
	var all []Removal
	for i := range 1000 {
		key := fmt.Sprintf("customer:%d", i)
		client.Set(t.Context(), key, "v", 0)
		all = append(all, Removal{Value: Value{Key: key, Kind: String, Text: "v", Size: 1}})
	}
	c, err := target.Removals("customer:*", check.Key, 200, all)
	if err != nil {
		t.Fatal(err)
	}
	began := clock.at
	if o := applied(t, applier(t, target), 1, c); o.Changed != 1000 {
		t.Fatalf("removed %d", o.Changed)
	}
	if took := clock.at.Sub(began); took < 4*time.Second || took > 5*time.Second {
		t.Errorf("1,000 at 200 a second took %s", took)
	}
}

package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/redistest"
)

func TestAFlushSaysWhatItCosts(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]redisproc.Shape{"standalone": redisproc.Single, "cluster": redisproc.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, shape, customersSQL)
			for i := 1; i <= 50; i++ {
				w.put(fmt.Sprintf("customer:%d", i), map[bool]string{true: "{", false: correct(i).json(t)}[i == 1], time.Hour)
				w.put(fmt.Sprintf("product:%d", i), "x", time.Hour)
				w.put(fmt.Sprintf("session:%d:user", i), "x", time.Hour)
			}
			w.put("unprefixed", "x", 0)
			cleared := w.draft(w.planned(customersCheck, "{mode: clear}"), fix.Order{ID: 1})
			w.apply(1, cleared.Content) // so that a plan has left something
			products := wordsOf(t, strings.NewReplacer("customer:*", "product:*").Replace(customersCheck))
			p := w.planned(customersCheck, "{mode: clear, modes: [flush]}", products)
			d := w.draft(p, fix.Order{ID: 2, Mode: "flush"})
			for _, says := range []string{
				"reads a second are answered from this cache now", "asks the database until the cache is warm again",
				"what no check of a cache knows: 51 (such as session:*: 50, without a prefix: 1)", "sessions, locks or queues",
				"What 1 earlier plan kept for the way back (1 value) goes with it",
			} {
				if !strings.Contains(d.Risk, says) {
					t.Errorf("the risk does not say %q: %s", says, d.Risk)
				}
			}
			if d.Does != "flush test/cache: remove all 150 keys" || d.Typed != "test/cache" || d.Irreversible == "" || !d.Uncounted {
				t.Errorf("drafted %q, typed %q, irreversible %q", d.Does, d.Typed, d.Irreversible)
			}
			if o := w.apply(2, d.Content); o.Changed != d.Rows {
				t.Errorf("flushed %d of %d", o.Changed, d.Rows)
			}
			var left int
			for key := range w.everything() {
				if !w.cache.Own(key) {
					left++
				}
			}
			if left != 0 {
				t.Errorf("%d keys are left", left)
			}
			_, err := p.Draft(t.Context(), fix.Order{ID: 3, Mode: "flush", Select: []string{"key=customer:1"}}, allCaps(), nil)
			wants(t, err, "A flush removes everything: there is nothing to choose.")
		})
	}
}

// TestHarmfulCommandsAreNeverSent: a check, looks, a plan, its apply and undo, and a
// flush, seen by Redis itself.
func TestHarmfulCommandsAreNeverSent(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]redisproc.Shape{"standalone": redisproc.Single, "cluster": redisproc.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, shape, customersSQL)
			plant(t, w)
			w.put("customer:999", strings.Repeat("x", 2<<20), time.Hour)
			spy := w.redis.Spy()
			w.detected(wordsOf(t, customersCheck), check.Options{Full: true, Overview: true})
			w.looked("cache get", "customer:1", "customer:999", "customers:7")
			w.looked("cache ttl", "customer:1")
			w.looked("cache scan")
			p := w.planned(customersCheck, "{mode: clear, modes: [flush], classes: [stale, missing row, unreadable, no expiry]}")
			d := w.draft(p, fix.Order{ID: 1})
			w.apply(1, d.Content)
			back, err := w.cache.Applier().Inverse(t.Context(), fix.Order{ID: 2}, fix.Plan{Order: fix.Order{ID: 1}, Draft: d}, d.Content.Forms)
			if err != nil {
				t.Fatal(err)
			}
			w.apply(2, back.Content)
			if _, err := w.cache.Applier().Purge(t.Context(), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			w.apply(3, w.draft(p, fix.Order{ID: 3, Mode: "flush"}).Content)
			names := map[string]int{}
			for _, c := range spy.Commands() {
				harmless(t, c)
				names[strings.ToLower(c.Words[0])]++
			}
			for _, must := range []string{"scan", "getrange", "pttl", "evalsha", "unlink", "restore", "flushdb"} {
				if names[must] == 0 {
					t.Errorf("the journal has no %s: it does not see what is sent", must)
				}
			}
			t.Log(names)
		})
	}
}

// harmless fails the test for a command that others would have to wait for.
func harmless(t *testing.T, c redistest.Command) {
	t.Helper()
	name := strings.ToLower(c.Words[0])
	rest := strings.ToLower(strings.Join(c.Words[1:min(len(c.Words), 3)], " "))
	switch name {
	case "keys", "del", "flushall", "smembers", "lrange", "zrange", "sort", "monitor", "save", "debug", "config", "get", "mget":
		if name == "get" && c.Script { // of a value whose size is known
			return
		}
		t.Errorf("%s was sent: %.100q", name, c.Words)
	case "flushdb":
		if rest != "async" {
			t.Errorf("a synchronous flush was sent: %q", c.Words)
		}
	case "scan":
		if !slices.ContainsFunc(c.Words, func(w string) bool { return strings.EqualFold(w, "count") }) {
			t.Errorf("SCAN without a count: %q", c.Words)
		}
	}
}

package kube

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// began is when the logs of the tests begin.
func began() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }

// spoken makes the line i of pod p, and says which kind of error it is; empty:
// none. Lines are alike and yet all differ.
func spoken(p, i int) (text, kind string) {
	switch n := p*31 + i*7; {
	case n%101 == 0:
		return fmt.Sprintf("2026-11-21 10:00:00,%03d ERROR [nio-%d] c.e.shop.OrderEventHandler : java.lang.NullPointerException for order o%d", i%1000, p, n), "null"
	case n%211 == 0:
		return fmt.Sprintf(`{"level":"error","trace":"%032x","msg":"Duplicate key value %d","error":"constraint \"customers_email_key\""}`, n, n), "duplicate"
	case p == 7 && i == 1234:
		return "panic: runtime 42", "panic"
	}
	return fmt.Sprintf("2026-11-21 10:00:00,%03d INFO  [nio-%d] c.e.shop.CheckoutService : order o%d placed for customer %d in %d ms", i%1000, p, p*i, i, i%97), ""
}

// truth is what there is to be found.
type truth struct {
	Count       int64
	First, Last time.Time
	Pods        int
}

// speak gives pods their logs and computes what there is to be found.
func speak(c *cluster.Cluster, namespace, container string, pods []string, lines int) map[string]truth {
	want := map[string]truth{}
	for p, pod := range pods {
		here := map[string]bool{}
		at := func(i int) time.Time {
			return began().Add(time.Duration(i)*time.Millisecond + time.Duration(p)*time.Microsecond)
		}
		c.SetLog(namespace, pod, container, cluster.Generated{Count: lines, Make: func(i int) (time.Time, []byte) {
			text, _ := spoken(p, i)
			return at(i), []byte(text)
		}})
		for i := range lines {
			if _, kind := spoken(p, i); kind != "" {
				w := want[kind]
				w.Count++
				w.First, w.Last = earliest(w.First, at(i)), latest(w.Last, at(i))
				if !here[kind] {
					here[kind] = true
					w.Pods++
				}
				want[kind] = w
			}
		}
	}
	return want
}

// longRun asks for the sizes of goals.md instead of small ones.
func longRun() bool { return os.Getenv("INTEGRITYBOT_LONG") != "" }

// TestLogsOfAHundredPodsAreCountedExactly: counts, first seen and pods are those
// that were planted, over at most 20 streams, in little memory.
func TestLogsOfAHundredPodsAreCountedExactly(t *testing.T) {
	const pods = 100
	lines := 2_000
	if longRun() {
		lines = 10_000
	}
	c := kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{}})
	ns := c.Namespace(t)
	grant(t, c, ns)
	names := deploy(t, c, ns, "shop", pods)
	want := speak(c.Fake(), ns, "shop", names, lines)
	target := open(t, c, ns, func(o *Options) { o.Deployments = []string{"shop"} })

	most := watchMemory(t)
	start := time.Now()
	r, err := target.SearchLogs(t.Context(), LogQuery{Since: began().Add(-time.Hour)}, silent)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d lines in %s, %d MB more", r.Lines, time.Since(start), most()>>20)
	got := map[string]truth{}
	for _, g := range r.Groups {
		got[kindOf(g.Pattern)] = truth{g.Count, g.First, g.Last, g.Pods}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not what was planted: %s", diff)
	}
	if r.Lines != int64(pods*lines) || r.Pods != pods || len(r.Groups) != 3 || r.Other != nil {
		t.Errorf("%d lines of %d pods in %d groups", r.Lines, r.Pods, len(r.Groups))
	}
	if diff := cmp.Diff([]string(nil), r.Missing); diff != "" {
		t.Error(diff)
	}
	if now, atOnce := c.Fake().LogStreams(); now != 0 || atOnce > 20 {
		t.Errorf("%d streams were open at once, %d still are", atOnce, now)
	}
	if got := most(); got > 100<<20 {
		t.Errorf("the heap grew by %d MB", got>>20)
	}
}

// kindOf tells which kind of error a pattern is of.
func kindOf(pattern string) string {
	for word, kind := range map[string]string{"NullPointerException": "null", "customers_email_key": "duplicate", "panic": "panic"} {
		if strings.Contains(pattern, word) {
			return kind
		}
	}
	return pattern
}

// watchMemory tells by how much the heap in use has grown at most.
func watchMemory(t *testing.T) (most func() uint64) {
	t.Helper()
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	runtime.GC()
	before, high := inUse(), atomic.Uint64{}
	end := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if now := inUse(); now > before {
					high.Store(max(high.Load(), now-before))
				}
			case <-end:
				return
			}
		}
	})
	t.Cleanup(func() { close(end); wait.Wait() })
	return high.Load
}

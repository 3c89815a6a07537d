package kube

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// TestWritesAreWatchedToTheEnd: a stop is over when no pod is left, however long
// one takes to go.
func TestWritesAreWatchedToTheEnd(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{Delays: cluster.Delays{PodStop: 3 * time.Second}}}))
	now := time.Now()
	a.as("store-1", func(o *Options) { o.Now = func() time.Time { return now } })
	a.deploy("backend", 2)
	a.declare("writers", `{deployments: [{name: backend}], settle: 20s}`, `{mode: scale, modes: [resume], watch: 10s}`)
	a.ready("backend", 2)
	p := a.plan(wayScale)
	a.apply(p)
	for _, c := range []struct {
		after time.Duration
		says  string
	}{
		{0, "watching for 10 s whether somebody takes it back, 10 s left; backend: 2 pods still there ("},
		{7500 * time.Millisecond, "watching for 10 s whether somebody takes it back, 3 s left; backend: 2 pods still there ("},
		{11 * time.Second, "waiting until it has taken effect; backend: 2 pods still there ("},
	} {
		now = now.Add(c.after)
		if len(a.pods("backend")) != 2 {
			break // the machine is too slow to see it
		}
		why, err := a.busy(p)
		if err != nil || !strings.HasPrefix(why, c.says) {
			t.Errorf("after %s it says %q, %v, want %q", c.after, why, err, c.says)
		}
		now = now.Add(-c.after)
	}
	now = now.Add(11 * time.Second)
	if _, err := a.watch(p); err != nil {
		t.Fatal(err)
	}
	if n := len(a.pods("backend")); n != 0 {
		t.Errorf("it was over with %d pods", n)
	}
}

// TestWritesThatTakeNoEffect are not said to be done.
func TestWritesThatTakeNoEffect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		mode   string
		delays cluster.Delays
		says   string
	}{
		{"pods that stay", wayScale, cluster.Delays{PodStop: time.Hour}, "backend: 2 pods still there (backend-"},
		{"pods that do not get ready", wayReadOnly, cluster.Delays{PodStart: 300 * time.Millisecond, PodStop: time.Hour}, "without READ_ONLY_MODE=true (backend-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newArena(t, kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{Delays: c.delays}}))
			a.deploy("backend", 2)
			a.declare("writers", `{deployments: [{name: backend, read_only: {env: READ_ONLY_MODE, on: "true"}}], settle: 1s}`, `{mode: read-only, modes: [scale, resume], watch: 300ms}`)
			a.ready("backend", 2)
			p := a.plan(c.mode)
			a.apply(p)
			said := a.halted(p)
			contains(t, said, "under 1 min after the change it is not proven that it took effect: ", c.says, "The change itself stays.")
		})
	}
}

// TestWritesOfAnImageThatDoesNotStart: read-only mode reaches no new pod.
func TestWritesOfAnImageThatDoesNotStart(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.deploy("backend", 2)
	a.declare("writers", `{deployments: [{name: backend, read_only: {env: READ_ONLY_MODE, on: "true"}}], settle: 1s}`, `{mode: read-only, watch: 300ms}`)
	a.ready("backend", 2)
	a.c.Fake().BreakImage("example.org/backend:1.8.3", "ImagePullBackOff")
	p := a.plan(wayReadOnly)
	a.apply(p)
	contains(t, a.halted(p), "not proven that it took effect", "pods without READ_ONLY_MODE=true")
}

// TestWritesTakenBackByAnotherPlan while the first is watched.
func TestWritesTakenBackByAnotherPlan(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.deploy("backend", 2)
	a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 1m}`)
	a.ready("backend", 2)
	p := a.plan(wayScale)
	a.apply(p)
	a.apply(a.plan(wayResume))
	contains(t, a.halted(p), "Deployment backend was changed by P-78 while it was watched.")
}

// TestResumeTakenBack: somebody stops again what was resumed.
func TestResumeTakenBack(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, c *kubetest.Cluster) {
		a := newArena(t, c)
		a.deploy("backend", 2)
		a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 200ms}`)
		a.ready("backend", 2)
		a.done(a.plan(wayScale))
		back := a.plan(wayResume)
		a.apply(back)
		a.update("backend", "kubectl-edit", func(d *appsv1.Deployment) { none := int32(0); d.Spec.Replicas = &none })
		contains(t, a.halted(back), "P-78 was taken back by somebody else: deployment backend has no pods again, set by client kubectl-edit")
	})
}

// TestWritesWatchesNothing where nothing was changed.
func TestWritesWatchesNothing(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.deploy("backend", 2)
	a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, watch: 1h}`)
	a.ready("backend", 2)
	p := a.plan(wayScale)
	a.scale("backend", "kubectl", 5)
	if o := a.apply(p); len(o.Skipped) != 1 {
		t.Fatalf("%+v", o)
	}
	if why, err := a.busy(p); why != "" || err != nil {
		t.Errorf("it waits: %q, %v", why, err)
	}
	if why, err := a.patient().Busy(t.Context(), p.Plan, p.forms, &fix.Batch{}); why != "" || err != nil {
		t.Errorf("between batches it waits: %q, %v", why, err)
	}
}

// TestARestartReadsTheWatchFromTheCluster: another process knows how long is left.
func TestARestartReadsTheWatchFromTheCluster(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.deploy("backend", 1)
	a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, watch: 60s}`)
	a.ready("backend", 1)
	p := a.plan(wayScale)
	a.apply(p)
	a.until("no pod is there", func() bool { return len(a.pods("backend")) == 0 })
	for after, want := range map[time.Duration]string{
		30 * time.Second: "watching for 60 s whether somebody takes it back, 30 s left",
		61 * time.Second: "",
	} {
		a.as("store-1", func(o *Options) { o.Now = func() time.Time { return time.Now().Add(after) } })
		why, err := a.busy(p)
		if err != nil || strings.Replace(why, "29 s", "30 s", 1) != want {
			t.Errorf("after %s: %q, %v, want %q", after, why, err, want)
		}
	}
}

package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// stoppedKeeps: what a plan has found running and is at zero now knows its number.
func (a *arena) stoppedKeeps(name string, want int32) {
	a.t.Helper()
	d := a.get(name)
	if kept := d.Annotations[previousKey]; *d.Spec.Replicas == 0 && kept != fmt.Sprintf(`{"replicas":%d}`, want) {
		a.t.Errorf("%s is at zero, and %q is kept", name, kept)
	}
}

// TestWritesKeepTheNumber: at whichever write a process ends, whatever then goes wrong
// with those of the next one, and whoever else scales meanwhile: what is at zero is
// never without the number of pods that it had, unless somebody had it there before the
// plan began.
func TestWritesKeepTheNumber(t *testing.T) {
	t.Parallel()
	to := func(n int32) func(*arena) { return func(a *arena) { a.scale("backend", "kubectl", n) } }
	others := map[string]func(*arena){
		"nobody": func(*arena) {}, "to zero": to(0), "to five": to(5),
		"to zero by an edit": func(a *arena) {
			a.update("backend", "kubectl-edit", func(d *appsv1.Deployment) { none := int32(0); d.Spec.Replicas = &none })
		},
		"to zero and back": func(a *arena) { to(0)(a); to(3)(a) },
	}
	faults := map[string]cluster.Fault{
		"none": {}, "hang up": {Kind: cluster.HangUp}, "lost": {Kind: cluster.Lost},
		"refused":                  {Kind: cluster.Refused, Status: http.StatusServiceUnavailable},
		"unclear":                  {Kind: cluster.Unclear, Status: http.StatusServiceUnavailable},
		"unclear, and asked again": {Kind: cluster.Unclear, Status: http.StatusServiceUnavailable, RetryAfter: 1},
	}
	c := kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess})
	for writes := range 4 {
		for other, act := range others {
			for what, fault := range faults {
				if writes > 1 && fault.Kind != "" || writes == 0 && fault.RetryAfter > 0 {
					continue // it is scaled already; or it takes long, and is no other way
				}
				t.Run(fmt.Sprintf("%d writes, %s, %s", writes, other, what), func(t *testing.T) {
					t.Parallel()
					a := newArena(t, c)
					a.deploy("backend", 3)
					a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 100ms}`)
					p := a.plan(wayScale)
					a.steps(p, p.batches[0], writes)
					act(a)
					a.as("store-1")
					if fault.Kind != "" {
						fault.Verb, fault.Path, fault.Count = "update", "/apis/apps/v1/namespaces/"+a.ns+"/deployments/backend/scale", 1
						if err := c.Fake().Inject(fault); err != nil {
							t.Fatal(err)
						}
					}
					for range 3 { // as often as the worker tries
						if _, err := a.batches(p); err == nil {
							break
						}
					}
					if writes > 0 || other == "nobody" {
						a.stoppedKeeps("backend", 3)
					}
				})
			}
		}
	}
}

// TestWritesWhoseAnswerIsUnclear: the number was set, and a proxy answers 503. The client
// asks again by itself, and is told of a conflict with what it did.
func TestWritesWhoseAnswerIsUnclear(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.deploy("backend", 3)
	a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 100ms}`)
	a.ready("backend", 3)
	p := a.plan(wayScale)
	fault := cluster.Fault{Kind: cluster.Unclear, Status: http.StatusServiceUnavailable, RetryAfter: 1, Verb: "update", Count: 1, Path: "/apis/apps/v1/namespaces/" + a.ns + "/deployments/backend/scale"}
	if err := a.c.Fake().Inject(fault); err != nil {
		t.Fatal(err)
	}
	if o := a.done(p); o.Changed != 1 || len(o.Skipped) > 0 {
		t.Errorf("it did %+v", o)
	}
	a.stoppedKeeps("backend", 3)
	contains(t, a.checked().Result.Says, "1 of 1 writer stopped by P-77")
}

// TestWritesByTwoProcesses: one that slept wakes when its successor has just scaled.
func TestWritesByTwoProcesses(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.deploy("backend", 3)
	a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 100ms}`)
	a.ready("backend", 3)
	p := a.plan(wayScale)
	a.steps(p, p.batches[0], 1)
	w, err := a.target.writingOf(p.ID, p.forms, p.batches[0])
	if err != nil {
		t.Fatal(err)
	}
	asleep, _, err := a.target.again(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	scale := a.target.next(asleep, w, knows{})
	if scale.do != stepScale {
		t.Fatalf("%+v", scale)
	}
	a.steps(p, p.batches[0], 1) // the successor scales
	if err := a.target.take(t.Context(), asleep, w, scale, false); err == nil {
		t.Fatal("it was scaled twice")
	}
	awake, _, err := a.target.again(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.target.take(t.Context(), awake, w, a.target.next(awake, w, knows{}), false); err != nil {
		t.Fatal(err)
	}
	if o := a.done(p); o.Changed != 1 || len(o.Skipped) > 0 {
		t.Errorf("it did %+v", o)
	}
	a.stoppedKeeps("backend", 3)
}

// TestWritesOvertakeALateRequest: the connection broke, and the plan is given up. What was
// still on its way then comes too late.
func TestWritesOvertakeALateRequest(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.deploy("backend", 3)
	a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 100ms}`)
	a.ready("backend", 3)
	p := a.plan(wayScale)
	a.steps(p, p.batches[0], 1)
	a.ready("backend", 3) // nothing else writes to it from here on
	w, err := a.target.writingOf(p.ID, p.forms, p.batches[0])
	if err != nil {
		t.Fatal(err)
	}
	late, _, err := a.target.again(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	fault := cluster.Fault{Kind: cluster.HangUp, Verb: "update", Count: 1, Path: "/apis/apps/v1/namespaces/" + a.ns + "/deployments/backend/scale"}
	if err := a.c.Fake().Inject(fault); err != nil {
		t.Fatal(err)
	}
	if _, err := a.batches(p); err == nil {
		t.Fatal("nothing went wrong")
	}
	if err := a.target.take(t.Context(), late, w, a.target.next(late, w, knows{}), false); !apierrors.IsConflict(err) {
		t.Errorf("it took effect after all: %v", err)
	}
	if o := a.done(p); o.Changed != 1 || a.scalings() != 1 {
		t.Errorf("asked again it did %+v with %d scalings", o, a.scalings())
	}
	a.stoppedKeeps("backend", 3)
}

// TestWritesStopAgain: the number to go back to is that before the first stop.
func TestWritesStopAgain(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.deploy("backend", 3)
	a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 100ms}`)
	a.ready("backend", 3)
	a.done(a.plan(wayScale))
	a.scale("backend", "keda-operator", 1)
	a.done(a.plan(wayScale))
	contains(t, a.plan(wayResume).Draft.Does, "backend 0 → 3 pods")
}

// haltOf is why something that was decided is not begun.
func haltOf(t *testing.T, err error) string {
	t.Helper()
	var halt *fix.Halt
	if !errors.As(err, &halt) {
		t.Fatalf("it was not ended: %v", err)
	}
	return halt.Sentence
}

// TestRestoreTwice: its job was there, and somebody removed it. It is not made again.
func TestRestoreTwice(t *testing.T) {
	t.Parallel()
	a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	p := a.restore("2025-10-25 10:00")
	a.apply(p)
	if _, err := a.watch(p); err != nil {
		t.Fatal(err)
	}
	if err := a.c.Admin().BatchV1().Jobs(a.ns).Delete(t.Context(), p.forms[0].Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	a.as("store-1")
	p.DecidedAt = time.Now().Add(-time.Hour)
	_, err := a.batches(p)
	contains(t, haltOf(t, err), "P-77 was approved 60 min ago, and there is no job "+p.forms[0].Name+": whether it was started and removed is not known.")
	if n := len(a.jobs()); n != 0 {
		t.Errorf("there are %d jobs", n)
	}
}

// TestRestoresFollowedLate: one that has a job is followed however late.
func TestRestoresFollowedLate(t *testing.T) {
	t.Parallel()
	a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	p := a.restore("2025-10-25 10:00")
	a.apply(p)
	a.as("store-1")
	p.DecidedAt = time.Now().Add(-48 * time.Hour)
	if o := a.done(p); o.Changed != 1 || len(a.jobs()) != 1 {
		t.Errorf("%+v, %d jobs", o, len(a.jobs()))
	}
}

// TestWritesBegunLate: what was approved long ago is not begun any more; what was begun
// is brought to its end.
func TestWritesBegunLate(t *testing.T) {
	t.Parallel()
	for writes, says := range map[int]string{0: "P-77 was approved 3 h ago and not begun; ask again.", 1: "", 3: ""} {
		t.Run(fmt.Sprintf("after %d writes", writes), func(t *testing.T) {
			t.Parallel()
			a := writersArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
			p := a.plan(wayScale)
			a.steps(p, p.batches[0], writes)
			p.DecidedAt = time.Now().Add(-3 * time.Hour)
			if says == "" {
				if o := a.apply(p); o.Changed != 2 {
					t.Errorf("it did %+v", o)
				}
				return
			}
			_, err := a.batches(p)
			if said := haltOf(t, err); said != says {
				t.Error(said)
			}
			if n := a.scalings(); n != 0 {
				t.Errorf("%d scalings", n)
			}
		})
	}
}

// TestRestoresAtOnce: two that were worked out while none ran are approved in the same
// second, in two processes. One of them makes its job.
func TestRestoresAtOnce(t *testing.T) {
	t.Parallel()
	a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.c.Fake().Jobs(func(cluster.JobStart) cluster.JobRun { return cluster.JobRun{Duration: time.Hour} })
	plans := []planned{a.restore("2025-10-25 10:00"), a.restore("2025-10-25 11:00")}
	first := a.applier
	a.as("store-2") // even of two bots
	plans = append(plans, a.restore("2025-10-25 12:00"))
	appliers := []fix.Applier{first, first, a.applier}
	if err := a.c.Fake().Inject(cluster.Fault{Kind: cluster.Slow, Verb: "create", Delay: 200 * time.Millisecond, Path: "/apis/batch/v1/namespaces/" + a.ns + "/jobs"}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	errs := make([]error, len(plans))
	for i, p := range plans {
		all.Go(func() {
			_, errs[i] = appliers[i].Apply(context.WithoutCancel(t.Context()), p.Plan, p.forms, p.batches[0], 1, nil)
		})
	}
	all.Wait()
	made := 0
	for i, err := range errs {
		if err == nil {
			made++
			continue
		}
		contains(t, haltOf(t, err), "Another restore was started since the preview of "+plans[i].Ref(), "Nothing was started; make a new preview.")
	}
	if made != 1 || len(a.jobs()) != 1 {
		t.Errorf("%d of them were started, with %d jobs", made, len(a.jobs()))
	}
}

// TestRestoreWhoseAnswerIsUnclear: its job is there, and a proxy answers 503. The client
// asks again by itself, and is told that the job exists: it is its own.
func TestRestoreWhoseAnswerIsUnclear(t *testing.T) {
	t.Parallel()
	a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	p := a.restore("2025-10-25 10:00")
	fault := cluster.Fault{Kind: cluster.Unclear, Status: http.StatusServiceUnavailable, RetryAfter: 1, Verb: "create", Count: 1, Path: "/apis/batch/v1/namespaces/" + a.ns + "/jobs"}
	if err := a.c.Fake().Inject(fault); err != nil {
		t.Fatal(err)
	}
	if o := a.done(p); o.Changed != 1 || len(a.jobs()) != 1 {
		t.Errorf("it did %+v, %d jobs", o, len(a.jobs()))
	}
}

// TestRestoreAfterAnother: one that was worked out before another ran wants a new
// preview, also when that is over.
func TestRestoreAfterAnother(t *testing.T) {
	t.Parallel()
	a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	first, second := a.restore("2025-10-25 10:00"), a.restore("2025-10-25 11:00")
	a.done(first)
	_, err := a.batches(second)
	contains(t, haltOf(t, err), "Another restore was started since the preview of P-78")
	if o := a.done(a.restore("2025-10-25 11:00")); o.Changed != 1 || len(a.jobs()) != 2 {
		t.Errorf("%+v, %d jobs", o, len(a.jobs()))
	}
	a.last = 76 // the store was put back: its plan is P-77 again
	again := a.restore("2025-10-25 12:00")
	if known, err := a.applier.Applied(t.Context(), again.ID, again.forms); err != nil || len(known) != 0 {
		t.Errorf("the former P-77 is taken for it: %+v, %v", known, err)
	}
}

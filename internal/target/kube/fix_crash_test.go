package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// steps carries a batch as far as so many writes, as a process that ends then.
func (a *arena) steps(p planned, b fix.Batch, writes int) {
	a.t.Helper()
	w, err := a.target.writingOf(p.ID, p.forms, b)
	if err != nil {
		a.t.Fatal(err)
	}
	var me knows
	for done := 0; done < writes; {
		s, there, err := a.target.again(a.t.Context(), w)
		if err != nil || !there {
			a.t.Fatalf("the deployment is %v, %v", there, err)
		}
		next := a.target.next(s, w, me)
		if next.do != stepPatch && next.do != stepScale {
			a.t.Fatalf("there is no further write: %+v", next)
		}
		err = a.target.take(a.t.Context(), s, w, next, false)
		if apierrors.IsConflict(err) {
			continue // the status was written meanwhile
		}
		if err != nil {
			a.t.Fatal(err)
		}
		done++
		me.scaled = next.do == stepScale
	}
}

// scalings are how often the number of pods was written.
func (a *arena) scalings() int {
	n := 0
	for _, e := range a.c.Fake().Journal(0) {
		if e.Resource == "deployments/scale" && e.Verb == "update" && !e.DryRun && e.Status == 200 && e.Namespace == a.ns {
			n++
		}
	}
	return n
}

// TestWritesAfterACrash: whatever a process had written when it ended, the next
// one finds out what was done and does the rest, once.
func TestWritesAfterACrash(t *testing.T) {
	t.Parallel()
	for writes := range 4 {
		t.Run(fmt.Sprintf("after %d writes", writes), func(t *testing.T) {
			t.Parallel()
			kubePeers(t, func(t *testing.T, c *kubetest.Cluster) {
				a := newArena(t, c)
				a.deploy("backend", 3)
				a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 100ms}`)
				a.ready("backend", 3)
				before := spec(t, a.get("backend"))
				for _, mode := range []string{wayScale, wayResume} {
					p := a.plan(mode)
					a.steps(p, p.batches[0], writes)
					a.as("store-1") // another process
					known, err := a.applier.Applied(t.Context(), p.ID, p.forms)
					if err != nil {
						t.Fatal(err)
					}
					if done := len(known) == 1 && known[0].Changed == 1; done != (writes >= 2) {
						t.Errorf("%s: it is said that %+v was done: %s", mode, known, a.get("backend").ManagedFields)
					}
					generation := a.get("backend").Generation
					o := a.done(p)
					if o.Changed != 1 || len(o.Skipped) > 0 {
						t.Errorf("%s: applied again it did %+v", mode, o)
					}
					if got, want := a.get("backend").Generation, generation+int64(3-writes); got != want {
						t.Errorf("%s: the deployment is of generation %d, want %d", mode, got, want)
					}
					again, err := a.applier.Applied(t.Context(), p.ID, p.forms)
					if diff := cmp.Diff([]fix.Result{{Pass: 1, Changed: 1}}, again, cmpopts.IgnoreFields(fix.Result{}, "At")); diff != "" || err != nil {
						t.Errorf("%s: %v, applied (-want +got):\n%s", mode, err, diff)
					}
					if mode == wayScale {
						if got := a.get("backend").Annotations[previousKey]; got != `{"replicas":3}` {
							t.Errorf("kept is %s", got)
						}
					}
				}
				if got := spec(t, a.get("backend")); got != before {
					t.Errorf("in the end\n%s\nbefore\n%s", got, before)
				}
			})
		})
	}
}

// TestWritesOvertaken: somebody else changes the deployment while nobody carries
// the plan on.
func TestWritesOvertaken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		writes int
		other  func(a *arena)
		done   bool
		pods   int32
	}{
		{"after it was begun, by more pods", 1, func(a *arena) { a.scale("backend", "kubectl", 5) }, false, 5},
		{"after it was begun, by a new image", 1, func(a *arena) {
			a.update("backend", "kubectl-set", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "example.org/backend:1.8.4" })
		}, true, 0},
		{"after it was begun, to zero and back", 1, func(a *arena) { a.scale("backend", "kubectl", 0); a.scale("backend", "kubectl", 3) }, false, 3},
		{"after it was scaled, and back", 2, func(a *arena) { a.scale("backend", "kubectl", 3) }, false, 3},
		{"after it was begun, by an edit to zero", 1, func(a *arena) {
			a.update("backend", "kubectl-edit", func(d *appsv1.Deployment) { zero := int32(0); d.Spec.Replicas = &zero })
		}, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kubePeers(t, func(t *testing.T, k *kubetest.Cluster) {
				a := newArena(t, k)
				a.deploy("backend", 3)
				a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 100ms}`)
				a.ready("backend", 3)
				p := a.plan(wayScale)
				a.steps(p, p.batches[0], c.writes)
				c.other(a)
				a.as("store-1")
				o := a.apply(p)
				if done := o.Changed == 1; done != c.done || *a.get("backend").Spec.Replicas != c.pods {
					t.Errorf("it did %+v, and there are %d pods", o, *a.get("backend").Spec.Replicas)
				}
				if !c.done {
					if diff := cmp.Diff([]fix.Skip{{Table: "deployments", Key: []string{"backend"}, Why: fix.WhyChanged}}, o.Skipped); diff != "" {
						t.Errorf("left (-want +got):\n%s", diff)
					}
					// What is at zero needs the number for a resume, whoever scaled it.
					if kept := a.get("backend").Annotations[previousKey]; (kept == `{"replicas":3}`) != (c.pods == 0) {
						t.Errorf("with %d pods %q is kept", c.pods, kept)
					}
					again, err := a.applier.Applied(t.Context(), p.ID, p.forms)
					if err != nil || len(again) != 1 || len(again[0].Skipped) != 1 {
						t.Errorf("asked afterwards: %+v, %v", again, err)
					}
				}
			})
		})
	}
}

// TestWritesWithoutAnAnswer: the API does what is asked, or not, and does not say
// so. Asked again, it was done once.
func TestWritesWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for _, kind := range []cluster.FaultKind{cluster.Lost, cluster.HangUp, cluster.Hang} {
		for _, at := range []struct{ verb, end string }{{"patch", ""}, {"update", "/scale"}, {"get", ""}} {
			t.Run(fmt.Sprintf("%s at %s%s", kind, at.verb, at.end), func(t *testing.T) {
				t.Parallel()
				a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
				a.as("store-1", func(o *Options) { o.Timeout = 300 * time.Millisecond })
				a.deploy("backend", 3)
				a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 100ms}`)
				a.ready("backend", 3)
				p := a.plan(wayScale)
				fault := cluster.Fault{Kind: kind, Verb: at.verb, Path: "/apis/apps/v1/namespaces/" + a.ns + "/deployments/backend" + at.end, Count: 1}
				if err := a.c.Fake().Inject(fault); err != nil {
					t.Fatal(err)
				}
				_, err := a.batches(p)
				if err != nil {
					contains(t, sentence(t, err), "Kubernetes production")
				} else if at.verb != "get" {
					t.Error("nothing went wrong")
				}
				a.c.Fake().ClearFaults()
				if _, err := a.applier.Applied(t.Context(), p.ID, p.forms); err != nil {
					t.Fatal(err)
				}
				if o := a.done(p); o.Changed != 1 || a.scalings() != 1 {
					t.Errorf("it did %+v with %d scalings", o, a.scalings())
				}
				if got := a.get("backend").Annotations[previousKey]; got != `{"replicas":3}` {
					t.Errorf("kept is %s", got)
				}
			})
		}
	}
}

// TestWritesWhileTheAPIHangs: every question ends.
func TestWritesWhileTheAPIHangs(t *testing.T) {
	t.Parallel()
	a := writersArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	p := a.plan(wayScale)
	a.as("store-1", func(o *Options) { o.Timeout = 200 * time.Millisecond })
	if err := a.c.Fake().Inject(cluster.Fault{Kind: cluster.Hang}); err != nil {
		t.Fatal(err)
	}
	defer a.c.Fake().ClearFaults()
	ctx := within(t, 30*time.Second)
	_, drafted := a.planner.Draft(ctx, fix.Order{ID: 99, Mode: wayScale}, a.repair.Rules().Caps, nil)
	_, applied := a.applier.Applied(ctx, p.ID, p.forms)
	_, made := a.applier.Apply(ctx, p.Plan, p.forms, p.batches[0], 1, nil)
	_, watched := a.patient().Busy(ctx, p.Plan, p.forms, nil)
	for what, err := range map[string]error{"ready": a.applier.Ready(ctx), "draft": drafted, "applied": applied, "apply": made, "watch": watched} {
		contains(t, sentence(t, err), "Kubernetes production did not answer in 200ms")
		if ctx.Err() != nil {
			t.Fatalf("%s: it took too long", what)
		}
	}
	f := a.checked()
	if f.Verdict != check.Unknown {
		t.Errorf("%s", f.Verdict)
	}
	stopped, stop := context.WithCancelCause(t.Context())
	stop(errStop)
	if _, err := a.applier.Apply(stopped, p.Plan, p.forms, p.batches[0], 1, nil); !errors.Is(err, errStop) {
		t.Errorf("stopped: %v", err)
	}
}

var errStop = errors.New("stopped by the test")

// TestWritesInAStorm: another client writes the status all the time, as the
// controllers do while pods come and go.
func TestWritesInAStorm(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, c *kubetest.Cluster) {
		a := writersArena(t, c)
		ctx, stop := context.WithCancel(t.Context())
		var storm sync.WaitGroup
		client := c.Client(t, kubetest.OtherUser).AppsV1().Deployments(a.ns)
		storm.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				for _, name := range []string{"backend", "worker"} {
					d, err := client.Get(ctx, name, metav1.GetOptions{})
					if err != nil {
						continue
					}
					d.Status.Conditions = append(d.Status.Conditions[:0:0], appsv1.DeploymentCondition{
						Type: appsv1.DeploymentConditionType("Storm"), Status: "True", Reason: fmt.Sprint(i), LastUpdateTime: metav1.Now(),
					})
					_, _ = client.UpdateStatus(ctx, d, metav1.UpdateOptions{FieldManager: "storm"})
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
		soft := a.plan(wayReadOnly)
		if o := a.apply(soft); o.Changed != 1 {
			t.Errorf("read-only: %+v", o)
		}
		hard := a.plan(wayScale)
		if o := a.apply(hard); o.Changed != 2 {
			t.Errorf("scale: %+v", o)
		}
		back := a.plan(wayResume)
		if o := a.apply(back); o.Changed != 2 {
			t.Errorf("resume: %+v", o)
		}
		stop()
		storm.Wait()
		a.ready("backend", 3)
		a.ready("worker", 2)
	})
}

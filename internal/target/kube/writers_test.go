package kube

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// TestWritersAsTheyAreMeantToBe: each way of not being so, and its innocent
// look-alike.
func TestWritersAsTheyAreMeantToBe(t *testing.T) {
	t.Parallel()
	type situation struct {
		name  string
		make  func(a *arena) // with backend, of 2 pods
		class string         // empty: PASS
		says  string
		note  string
	}
	stopped := func(a *arena) { a.done(a.plan(wayScale)) }
	readOnly := func(a *arena) { a.done(a.plan(wayReadOnly)) }
	on := func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Env = append(d.Spec.Template.Spec.Containers[0].Env, corev1.EnvVar{Name: "READ_ONLY_MODE", Value: "true"})
	}
	for _, c := range []situation{
		{"it writes", func(*arena) {}, "", "1 of 1 writer writing", ""},
		{"stopped by a plan", stopped, "", "1 of 1 writer stopped by P-77 since ", ""},
		{"read-only by a plan", readOnly, "", "1 of 1 writer read-only by P-77 since ", ""},
		{
			"stopped, and started by hand", func(a *arena) { stopped(a); a.scale("backend", "kubectl", 2) }, classReverted,
			"1 of 1 writer not as meant: backend: meant to be stopped, and writes, by ", "backend writes although P-77 stopped it: stop it again, or accept it with writes resume.",
		},
		{"read-only, and the variable taken away", func(a *arena) {
			readOnly(a)
			a.update("backend", "kubectl-set", func(d *appsv1.Deployment) {
				env := &d.Spec.Template.Spec.Containers[0].Env
				*env = without(*env, "READ_ONLY_MODE")
			})
		}, classReverted, "backend: meant to be read-only, and writes, by a client that the API does not name", "accept it with writes resume"},
		{"read-only, and the variable set to something else", func(a *arena) {
			readOnly(a)
			a.update("backend", "kubectl-set", func(d *appsv1.Deployment) {
				for i, e := range d.Spec.Template.Spec.Containers[0].Env {
					if e.Name == "READ_ONLY_MODE" {
						d.Spec.Template.Spec.Containers[0].Env[i].Value = "no"
					}
				}
			})
		}, classReverted, "by client kubectl-set since ", ""},
		{
			"stopped by hand", func(a *arena) { a.scale("backend", "kubectl", 0) }, classStopped,
			"backend: stopped by hand, by a client that the API does not name", "kubectl scale deployment backend -n ",
		},
		{
			"read-only by hand", func(a *arena) { a.update("backend", "kubectl-set", on) }, classReadOnly,
			"backend: read-only by hand, by client kubectl-set since ", "kubectl set env deployment backend -n ",
		},
		{"paused", func(a *arena) {
			a.update("backend", "kubectl-rollout", func(d *appsv1.Deployment) { d.Spec.Paused = true })
		}, classPaused, "backend: rollout paused", ""},
		{"begun by a plan and not finished", func(a *arena) {
			p := a.plan(wayScale)
			a.steps(p, p.batches[0], 1)
		}, classBegun, "backend: P-77 has begun to change it and did not finish", ""},
		{"stopped by a plan that did not note that it was done", func(a *arena) {
			p := a.plan(wayScale)
			a.steps(p, p.batches[0], 2)
			a.until("no pod is there", func() bool { return len(a.pods("backend")) == 0 })
		}, "", "1 of 1 writer stopped by P-77 since ", ""},
		{"read-only and then stopped, and the variable taken away", func(a *arena) {
			readOnly(a)
			stopped(a)
			a.update("backend", "argocd-controller", bare)
		}, "", "1 of 1 writer stopped by P-78 since ", "backend has no pods, and its read-only variable was taken away: it writes as soon as it has pods again."},
		{"resumed", func(a *arena) { stopped(a); a.done(a.plan(wayResume)) }, "", "1 of 1 writer writing", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kubePeers(t, func(t *testing.T, k *kubetest.Cluster) {
				a := newArena(t, k)
				a.deploy("backend", 2)
				a.declare("writers", `{deployments: [{name: backend, read_only: {env: READ_ONLY_MODE, on: "true"}}]}`, writersFixYAML)
				a.ready("backend", 2)
				c.make(a)
				f := a.checked()
				want := map[string]int64{c.class: 1}
				if c.class == "" {
					want = nil
				}
				if diff := cmp.Diff(want, f.Tally.Classes); diff != "" || (f.Verdict == check.Pass) != (c.class == "") {
					t.Errorf("%s %s (-want +got):\n%s", f.Verdict, f.Reason, diff)
				}
				contains(t, f.Result.Says, c.says)
				if c.note != "" {
					if len(f.Result.Notes) != 1 {
						t.Fatalf("notes: %q", f.Result.Notes)
					}
					contains(t, f.Result.Notes[0], c.note)
				}
				if f.Result.Scanned != 1 || f.Result.Overview == nil || len(f.Result.Overview.Rows) != 1 {
					t.Errorf("%d seen, %+v", f.Result.Scanned, f.Result.Overview)
				}
			})
		})
	}
}

// TestWritersOverview is writes status at a glance.
func TestWritersOverview(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.deploy("backend", 3)
	a.deploy("worker", 2, func(d *appsv1.Deployment) {
		d.Labels["kustomize.toolkit.fluxcd.io/name"], d.Labels["kustomize.toolkit.fluxcd.io/namespace"] = "apps", "flux-system"
	})
	a.declare("writers", `{deployments: [{name: backend, read_only: {env: READ_ONLY_MODE, on: "true"}}, {name: worker}]}`, writersFixYAML)
	a.ready("backend", 3)
	a.ready("worker", 2)
	a.autoscale("worker", 2, 4)
	a.done(a.plan(wayReadOnly))
	a.done(a.plan(wayScale, "deployment=worker"))
	f := a.checked()
	var rows [][]string
	for _, row := range f.Result.Overview.Rows {
		if _, err := time.Parse(time.RFC3339, row[4]); err != nil {
			t.Errorf("since: %v", err)
		}
		row[4] = "since"
		rows = append(rows, row)
	}
	want := [][]string{
		{"backend", "read-only", "read-only", "3 of 3 ready", "since", "P-77", ""},
		{"worker", "stopped", "stopped", "0 of 0", "since", "P-78", "autoscaler worker (2 to 4 pods), Flux kustomization flux-system/apps"},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("overview (-want +got):\n%s", diff)
	}
	var heads []string
	for _, c := range f.Result.Overview.Columns {
		heads = append(heads, c.Name)
	}
	if diff := cmp.Diff([]string{"deployment", "writes", "meant", "pods", "since", "by", "owners"}, heads); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

// TestWritersThatDoNotGetReady are failing when they have had their time, and not
// before.
func TestWritersThatDoNotGetReady(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{Delays: cluster.Delays{PodStart: time.Hour}}}))
	a.deploy("backend", 2)
	a.declare("writers", `{deployments: [{name: backend}], settle: 5m}`, `{mode: scale}`)
	a.until("there are pods", func() bool { return len(a.pods("backend")) == 2 })
	f := a.checked()
	if f.Verdict != check.Pass || f.Result.Says != "1 of 1 writer writing, 0 of 2 pods ready" {
		t.Errorf("%s %s", f.Verdict, f.Result.Says)
	}
	a.as("store-1", func(o *Options) { o.Now = func() time.Time { return time.Now().Add(6 * time.Minute) } })
	f = a.checked()
	if f.Verdict != check.Fail || f.Tally.Classes[classNotReady] != 1 {
		t.Errorf("%s %v", f.Verdict, f.Tally.Classes)
	}
	contains(t, f.Result.Says, "backend: not ready (0 of 2 pods ready)")
}

// TestWritersWhosePodsLinger: a pod that ends writes until it is gone, and so long
// nothing is stopped.
func TestWritersWhosePodsLinger(t *testing.T) {
	t.Parallel()
	for mode, says := range map[string]string{
		wayReadOnly: "read-only yet (2 of 4 pods without READ_ONLY_MODE=true (backend-", wayScale: "stopped yet (2 pods still there (backend-",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			a := newArena(t, kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{Delays: cluster.Delays{PodStop: time.Hour}}}))
			a.deploy("backend", 2)
			a.declare("writers", `{deployments: [{name: backend, read_only: {env: READ_ONLY_MODE, on: "true"}}], settle: 5m}`, writersFixYAML)
			a.ready("backend", 2)
			p := a.plan(mode)
			a.apply(p)
			a.until("the controllers have done theirs", func() bool {
				d := a.get("backend")
				return d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == *d.Spec.Replicas && d.Status.Replicas == *d.Spec.Replicas
			})
			f := a.checked()
			if f.Verdict != check.Fail || f.Tally.Classes[classPending] != 1 {
				t.Errorf("%s %v", f.Verdict, f.Tally.Classes)
			}
			contains(t, f.Result.Says, "1 of 1 writer not as meant: backend: not "+says)
			why, err := a.busy(p)
			if err != nil {
				t.Fatal(err)
			}
			contains(t, why, says[strings.Index(says, "(")+1:])
			a.as("store-1", func(o *Options) { o.Now = func() time.Time { return time.Now().Add(6 * time.Minute) } })
			f = a.checked()
			if f.Verdict != check.Fail || f.Tally.Classes[classNotReady] != 1 {
				t.Errorf("%s %v", f.Verdict, f.Tally.Classes)
			}
			contains(t, f.Result.Says, "backend: not ready ("+says[strings.Index(says, "(")+1:])
		})
	}
}

// TestWritersNotSeenYet: without pods, and its controller may still make some.
func TestWritersNotSeenYet(t *testing.T) {
	t.Parallel()
	none := int32(0)
	s := seen{Deployment: &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 5}, Spec: appsv1.DeploymentSpec{Replicas: &none}, Status: appsv1.DeploymentStatus{ObservedGeneration: 4}}}
	if got := s.waits(nil); got != "its controller has not seen it yet" {
		t.Errorf("it waits for %q", got)
	}
	s.Status.ObservedGeneration = 5
	if got := s.waits(nil); got != "" {
		t.Errorf("it waits for %q", got)
	}
}

// TestWritersFoughtOver: two clients that do not agree.
func TestWritersFoughtOver(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, k *kubetest.Cluster) {
		a := newArena(t, k)
		a.deploy("backend", 2)
		a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale}`)
		a.ready("backend", 2)
		a.reverting("backend", "other-controller", func(d *appsv1.Deployment) bool {
			n := 5 - *d.Spec.Replicas // 2, 3, 2, …
			d.Spec.Replicas = &n
			return true
		})
		f := a.checked()
		if f.Verdict != check.Fail || f.Tally.Classes[classFighting] != 1 {
			t.Errorf("%s %v %s", f.Verdict, f.Tally.Classes, f.Result.Says)
		}
		contains(t, f.Result.Says, "backend: fighting, by client other-controller")
	})
}

// TestWritersUnknown: what cannot be read is UNKNOWN, and the others are shown all
// the same.
func TestWritersUnknown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, words string
		withheld    []string
		annotations map[string]string
		reason      string
		says        string
	}{
		{"one that is not there", `{deployments: [{name: backend}, {name: bakend}]}`, nil, nil, "There is no deployment bakend in namespace ", "1 of 2 writers writing"},
		{"not allowed to see", `{deployments: [{name: backend}]}`, []string{"get deployments"}, nil, "ask for `get deployments.apps` there", ""},
		{"not allowed to see pods", `{deployments: [{name: backend}]}`, []string{"list pods"}, nil, "ask for `list pods` there", ""},
		{
			"spoilt annotations", `{deployments: [{name: backend}]}`, nil,
			map[string]string{previousKey: "3"},
			"What plans have written on deployment backend cannot be read any more: somebody changed its annotations", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}), c.withheld...)
			a.deploy("backend", 1, func(d *appsv1.Deployment) { d.Annotations = c.annotations })
			a.declare("writers", c.words, `{mode: scale}`)
			a.ready("backend", 1)
			f := a.checked()
			if f.Verdict != check.Unknown || f.Result.Says != c.says {
				t.Errorf("%s %q", f.Verdict, f.Result.Says)
			}
			contains(t, f.Reason, c.reason)
		})
	}
	t.Run("not allowed to see autoscalers", func(t *testing.T) {
		t.Parallel()
		a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}), "list horizontalpodautoscalers")
		a.deploy("backend", 1)
		a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale}`)
		a.ready("backend", 1)
		f := a.checked()
		if f.Verdict != check.Pass || len(f.Result.Notes) != 1 {
			t.Fatalf("%s %q", f.Verdict, f.Result.Notes)
		}
		contains(t, f.Result.Notes[0], "Whether an autoscaler owns backend is not known")
		contains(t, a.plan(wayScale).Draft.Risk, "Whether an autoscaler owns backend is not known")
	})
}

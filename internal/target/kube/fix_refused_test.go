package kube

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// TestWritesWithoutPermission names the verb, and nothing is half done.
func TestWritesWithoutPermission(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		withheld []string
		mode     string
		says     []string
	}{
		{[]string{"patch deployments"}, wayReadOnly, []string{"does not let the bot patch deployments.apps in namespace", "kubectl auth can-i patch deployments.apps"}},
		{[]string{"update deployments/scale"}, wayScale, []string{"ask for `update deployments.apps/scale` there", "--subresource=scale"}},
		{[]string{"patch deployments", "update deployments/scale"}, wayScale, []string{"ask for `patch deployments.apps` there", "Also missing: `update deployments.apps/scale`."}},
		{[]string{"get deployments"}, wayScale, []string{"ask for `get deployments.apps` there"}},
	} {
		t.Run(strings.Join(c.withheld, " and "), func(t *testing.T) {
			t.Parallel()
			kubePeers(t, func(t *testing.T, k *kubetest.Cluster) {
				a := writersArena(t, k, c.withheld...)
				before := a.get("backend")
				_, err := a.draft(fix.Order{Mode: c.mode})
				contains(t, sentence(t, err), c.says...)
				if after := a.get("backend"); after.Generation != before.Generation {
					t.Errorf("something changed: %s", cmp.Diff(before, after))
				}
			})
		})
	}
}

// TestWritesRightTakenAway: between the preview and the click.
func TestWritesRightTakenAway(t *testing.T) {
	t.Parallel()
	a := writersArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	before := a.get("backend")
	p := a.plan(wayScale)
	if err := a.c.Fake().Revoke(kubetest.WriterUser); err != nil {
		t.Fatal(err)
	}
	a.c.Grant(t, kubetest.WriterUser, rulesOf(t, a.ns, "writer-role.yaml", "update deployments/scale")...)
	_, err := a.batches(p)
	contains(t, sentence(t, err), "ask for `update deployments.apps/scale` there")
	after := a.get("backend")
	if diff := cmp.Diff(before.Annotations, after.Annotations); diff != "" || spec(t, before) != spec(t, after) {
		t.Errorf("something stayed behind (-before +after):\n%s", diff)
	}
	if known, err := a.applier.Applied(t.Context(), p.ID, p.forms); err != nil || len(known) != 0 {
		t.Errorf("it is said that %+v was done (%v)", known, err)
	}
	a.c.Grant(t, kubetest.WriterUser, rulesOf(t, a.ns, "writer-role.yaml")...)
	if o := a.done(p); o.Changed != 2 {
		t.Errorf("with the right again: %+v", o)
	}
}

var errFrozen = errors.New("changes are frozen\nuntil monday")

// TestWritesThatAdmissionRefuses are refused before there is a button.
func TestWritesThatAdmissionRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode   string
		judge  func(cluster.Review) error
		refers string
	}{
		{wayScale, func(r cluster.Review) error {
			if r.Subresource == "scale" {
				return errors.New("at least one pod of backend has to run")
			}
			return nil
		}, "update deployment"},
		{wayReadOnly, func(cluster.Review) error { return errFrozen }, "patch deployment"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			a := writersArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
			before := a.get("backend")
			a.c.Fake().AddHook(cluster.Hook{Name: "policy.example.org", Judge: c.judge})
			_, err := a.draft(fix.Order{Mode: c.mode})
			contains(t, sentence(t, err), "Kubernetes production refused to "+c.refers, "policy.example.org", map[string]string{
				wayScale: "at least one pod of backend has to run", wayReadOnly: "changes are frozen until monday",
			}[c.mode])
			if after := a.get("backend"); after.ResourceVersion != before.ResourceVersion {
				t.Error("something changed")
			}
		})
	}
}

// TestWritesThatAreNotDone: what is left alone, or asked for in vain.
func TestWritesThatAreNotDone(t *testing.T) {
	t.Parallel()
	from := func(e corev1.EnvVarSource) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "READ_ONLY_MODE", ValueFrom: &e}}
		}
	}
	for _, c := range []struct {
		name   string
		deploy func(*appsv1.Deployment)
		order  fix.Order
		says   string
	}{
		{"unknown deployment", nil, fix.Order{Mode: wayScale, Select: []string{"deployment=bakend"}}, "writers has no deployment bakend: did you mean backend? It has backend, gone."},
		{"a word that is none", nil, fix.Order{Mode: wayScale, Select: []string{"backend"}}, `"backend" does not tell which writers are meant: name them with deployment=NAME, of backend, gone.`},
		{"a deployment that is not there", nil, fix.Order{Mode: wayScale}, "There is no deployment gone in namespace "},
		{"another mode", nil, fix.Order{Mode: "explode"}, "writers cannot be changed by explode: its config allows read-only, scale, resume."},
		{"a limit", nil, fix.Order{Limit: 1}, "A plan for writers has no limit: leave --limit out."},
		{"a rate", nil, fix.Order{Rate: 1}, "A plan for writers has no rate: leave --rate out."},
		{"an argument", nil, fix.Order{Argument: "x"}, "Stopping and resuming writers takes no argument (x): name a deployment with deployment=NAME."},
		{"a time", nil, fix.Order{From: time.Now()}, "Writers are stopped and resumed now: leave the times out."},
		{
			"paused", func(d *appsv1.Deployment) { d.Spec.Paused = true },
			fix.Order{Mode: wayReadOnly, Select: []string{"deployment=backend"}},
			"There is nothing to make read-only. Backend: its rollout is paused, so that the variable would reach no pod: kubectl rollout resume deployment backend -n ",
		},
		{"on already", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "READ_ONLY_MODE", Value: "true"}}
		}, fix.Order{Mode: wayReadOnly, Select: []string{"deployment=backend"}}, "There is nothing to make read-only. Backend: read-only already by client kubectl-create."},
		{
			"no pods already", func(d *appsv1.Deployment) { none := int32(0); d.Spec.Replicas = &none },
			fix.Order{Mode: wayScale, Select: []string{"deployment=backend"}},
			"There is nothing to stop. Backend: stopped already by client kubectl-create.",
		},
		{
			"another container", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Name = "web" },
			fix.Order{Mode: wayReadOnly, Select: []string{"deployment=backend"}},
			"There is nothing to make read-only. Backend: deployment backend has no container app; it has web.",
		},
		{"there twice", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "READ_ONLY_MODE", Value: "false"}, {Name: "READ_ONLY_MODE", Value: "false"}}
		}, fix.Order{Mode: wayReadOnly, Select: []string{"deployment=backend"}}, "READ_ONLY_MODE is there twice in container app of deployment backend: remove one."},
		{
			"from a config map", from(corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "shop"}, Key: "ro"}}),
			fix.Order{Mode: wayReadOnly, Select: []string{"deployment=backend"}},
			"READ_ONLY_MODE of deployment backend comes from config map shop (key ro): it has to be changed there.",
		},
		{
			"from a secret", from(corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "shop"}, Key: "ro"}}),
			fix.Order{Mode: wayReadOnly, Select: []string{"deployment=backend"}},
			"comes from secret shop (key ro)",
		},
		{"nothing to resume", nil, fix.Order{Mode: wayResume, Select: []string{"deployment=backend"}}, "There is nothing to resume. Backend: it is not stopped."},
		{
			"no pods, and no plan", func(d *appsv1.Deployment) { none := int32(0); d.Spec.Replicas = &none },
			fix.Order{Mode: wayResume, Select: []string{"deployment=backend"}},
			"Backend: stopped by hand (client kubectl-create), so that it is not known how many pods there were: kubectl scale deployment backend -n ",
		},
		{"read-only, and no plan", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "READ_ONLY_MODE", Value: "true"}}
		}, fix.Order{Mode: wayResume, Select: []string{"deployment=backend"}}, "read-only by hand (client kubectl-create): kubectl set env deployment backend -n "},
		{
			"what plans wrote is spoilt", func(d *appsv1.Deployment) { d.Annotations = map[string]string{recordKey: "[{"} },
			fix.Order{Mode: wayScale, Select: []string{"deployment=backend"}},
			"what plans have written on it cannot be read any more",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
			if c.deploy == nil {
				c.deploy = func(*appsv1.Deployment) {}
			}
			a.deploy("backend", 1, c.deploy)
			a.declare("writers", `{deployments: [{name: backend, container: app, read_only: {env: READ_ONLY_MODE, on: "true"}}, {name: gone}]}`, writersFixYAML)
			before := a.get("backend")
			p, err := a.draft(c.order)
			if err == nil {
				t.Fatalf("there is a plan: %+v", p.Draft)
			}
			contains(t, sentence(t, err), c.says)
			if after := a.get("backend"); after.Generation != before.Generation {
				t.Error("something changed")
			}
		})
	}
}

// TestWritesInAnotherNamespace that does not exist.
func TestWritesInAnotherNamespace(t *testing.T) {
	t.Parallel()
	a := writersArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.c.Grant(t, kubetest.ReaderUser, kubetest.Rule{Verbs: []string{"get", "list"}, Resources: []string{"namespaces"}},
		kubetest.Rule{Verbs: []string{"get", "list"}, Groups: []string{"apps"}, Resources: []string{"deployments"}})
	a.as("store-1", func(o *Options) { o.Namespace = "prodution" })
	_, err := a.draft(fix.Order{Mode: wayScale})
	contains(t, sentence(t, err), "There is no namespace prodution in Kubernetes production")
	contains(t, sentence(t, a.applier.Ready(t.Context())), "There is no namespace prodution in Kubernetes production")
}

// TestWritesChangedSinceThePreview are left alone.
func TestWritesChangedSinceThePreview(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		mode  string
		other func(a *arena)
		why   fix.Why
	}{
		{"more pods", wayScale, func(a *arena) { a.scale("backend", "kubectl", 4) }, fix.WhyChanged},
		{"the variable", wayReadOnly, func(a *arena) {
			a.update("backend", "kubectl-set", func(d *appsv1.Deployment) {
				d.Spec.Template.Spec.Containers[0].Env = append(d.Spec.Template.Spec.Containers[0].Env, corev1.EnvVar{Name: "READ_ONLY_MODE", Value: "maybe"})
			})
		}, fix.WhyChanged},
		{"a pause", wayReadOnly, func(a *arena) {
			a.update("backend", "kubectl-rollout", func(d *appsv1.Deployment) { d.Spec.Paused = true })
		}, fix.WhyChanged},
		{"another plan, and its undo", wayScale, func(a *arena) {
			p := a.plan(wayScale)
			a.done(p)
			back, err := a.inverse(p)
			if err != nil {
				a.t.Fatal(err)
			}
			a.done(back)
		}, fix.WhyChanged},
		{"made anew", wayScale, func(a *arena) {
			if err := a.c.Admin().AppsV1().Deployments(a.ns).Delete(a.t.Context(), "backend", metav1.DeleteOptions{}); err != nil {
				a.t.Fatal(err)
			}
			a.until("it is gone", func() bool {
				_, err := a.c.Admin().AppsV1().Deployments(a.ns).Get(a.t.Context(), "backend", metav1.GetOptions{})
				return err != nil && len(a.pods("backend")) == 0
			})
			a.deploy("backend", 2)
		}, fix.WhyGone},
		{"gone", wayScale, func(a *arena) {
			if err := a.c.Admin().AppsV1().Deployments(a.ns).Delete(a.t.Context(), "backend", metav1.DeleteOptions{}); err != nil {
				a.t.Fatal(err)
			}
		}, fix.WhyGone},
		{"an image, which does not matter", wayScale, func(a *arena) {
			a.update("backend", "kubectl-set", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "example.org/backend:1.8.4" })
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kubePeers(t, func(t *testing.T, k *kubetest.Cluster) {
				a := newArena(t, k)
				a.deploy("backend", 2)
				a.declare("writers", `{deployments: [{name: backend, read_only: {env: READ_ONLY_MODE, on: "true"}}]}`, writersFixYAML)
				a.ready("backend", 2)
				p := a.plan(c.mode)
				c.other(a)
				o := a.apply(p)
				if c.why == "" {
					if o.Changed != 1 {
						t.Errorf("it did %+v", o)
					}
					return
				}
				if diff := cmp.Diff([]fix.Skip{{Table: "deployments", Key: []string{"backend"}, Why: c.why}}, o.Skipped); diff != "" || o.Changed != 0 {
					t.Errorf("left (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestWritesOfTwoBots: two stores number their plans alike, and do not take each
// other's for their own.
func TestWritesOfTwoBots(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, c *kubetest.Cluster) {
		a := writersArena(t, c)
		first := a.plan(wayScale, "deployment=backend")
		a.last = 76
		a.as("store-2")
		second := a.plan(wayScale, "deployment=backend") // P-77, too
		a.as("store-1")
		a.done(first)
		a.as("store-2")
		if known, err := a.applier.Applied(t.Context(), second.ID, second.forms); err != nil || len(known) != 0 {
			t.Errorf("the other's plan is taken for its own: %+v, %v", known, err)
		}
		if o := a.apply(second); o.Changed != 0 || len(o.Skipped) != 1 || o.Skipped[0].Why != fix.WhyChanged {
			t.Errorf("the second one did %+v", o)
		}
		_, err := a.draft(fix.Order{Mode: wayResume, Select: []string{"deployment=backend"}})
		contains(t, sentence(t, err), "Backend: stopped by P-77 of another bot (store store-1): resume it there.")
		contains(t, a.checked().Result.Says, "stopped by P-77 of another bot (store store-1)")
	})
}

// TestWritesOff: without writes in the config there is nobody to carry plans out.
func TestWritesOff(t *testing.T) {
	t.Parallel()
	target := served(t, nil)
	if target.Applier() != nil {
		t.Error("there is an applier")
	}
}

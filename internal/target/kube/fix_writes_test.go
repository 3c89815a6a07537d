package kube

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// spec is what of a deployment a plan and its undo must leave as it was.
func spec(t testing.TB, d *appsv1.Deployment) string {
	t.Helper()
	body, err := json.Marshal(d.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestWritesStopByScale: no pods, and back to as many as before.
func TestWritesStopByScale(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, c *kubetest.Cluster) {
		a := writersArena(t, c)
		before := spec(t, a.get("backend"))
		p := a.plan(wayScale)
		want := fix.Draft{
			Does:   "stop writes of 2 deployments by scaling to zero (backend 3 → 0 pods, worker 2 → 0 pods)",
			Button: "stop 2 deployments", Done: "stopped", Noun: "deployments", Target: "cluster", Place: "production",
			Rows: 2, Found: 2, Of: 2, Total: 2, Plain: true, Uncounted: true, Heads: []string{"deployment", "now", "then"},
			Columns: []check.Column{{Name: "deployment", Class: check.Key}},
			Samples: []fix.Sample{{Key: "backend", Before: "3 pods", After: "0 pods"}, {Key: "worker", Before: "2 pods", After: "0 pods"}},
			Risk:    "What these pods serve is down until writes are resumed.",
			Content: p.Draft.Content,
			Listing: [][]string{{"deployment", "now", "then"}, {"backend", "3 pods", "0 pods"}, {"worker", "2 pods", "0 pods"}},
		}
		if diff := cmp.Diff(want, p.Draft); diff != "" {
			t.Errorf("the draft (-want +got):\n%s", diff)
		}
		if got := spec(t, a.get("backend")); got != before {
			t.Errorf("a plan changed something: %s", got)
		}
		if o := a.done(p); o.Changed != 2 || len(o.Skipped) > 0 {
			t.Errorf("it did %+v", o)
		}
		if n := len(a.pods("backend")) + len(a.pods("worker")); n != 0 {
			t.Errorf("it is said to be done, and there are %d pods", n)
		}
		d := a.get("backend")
		for key, want := range map[string]string{planKey: "store-1/P-77", meantKey: "stopped", previousKey: `{"replicas":3}`} {
			if got := d.Annotations[key]; got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
		f := a.checked()
		if f.Verdict != check.Pass {
			t.Errorf("%s %s", f.Verdict, f.Result.Says)
		}
		contains(t, f.Result.Says, "2 of 2 writers stopped by P-77 since ")

		back := a.plan(wayResume)
		contains(t, back.Draft.Does, "resume writes of 2 deployments (backend 0 → 3 pods, worker 0 → 2 pods)")
		if o := a.done(back); o.Changed != 2 {
			t.Errorf("it did %+v", o)
		}
		if got := spec(t, a.get("backend")); got != before {
			t.Errorf("after the resume\n%s\nbefore\n%s", got, before)
		}
		if f := a.checked(); f.Verdict != check.Pass || f.Result.Says != "2 of 2 writers writing" {
			t.Errorf("%s %s", f.Verdict, f.Result.Says)
		}
	})
}

// TestWritesStopByReadOnly: every pod is replaced by one that is told not to
// write, and the undo leaves the template as it was to the byte.
func TestWritesStopByReadOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		env  []corev1.EnvVar
		now  string
	}{
		{"without the variable", []corev1.EnvVar{{Name: "FIRST", Value: "1"}, {Name: "LAST", Value: "9"}}, "READ_ONLY_MODE not set"},
		{"with another value", []corev1.EnvVar{{Name: "FIRST", Value: "1"}, {Name: "READ_ONLY_MODE", Value: "false"}, {Name: "LAST", Value: "9"}}, "READ_ONLY_MODE=false"},
		{"with an empty value", []corev1.EnvVar{{Name: "READ_ONLY_MODE"}}, "READ_ONLY_MODE="},
		{"without any variable", nil, "READ_ONLY_MODE not set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kubePeers(t, func(t *testing.T, k *kubetest.Cluster) {
				a := newArena(t, k)
				a.deploy("backend", 2, func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Env = c.env })
				a.deploy("worker", 1)
				a.declare("writers", writersYAML, writersFixYAML)
				a.ready("backend", 2)
				before := spec(t, a.get("backend"))
				p := a.plan(wayReadOnly)
				if diff := cmp.Diff([]fix.Sample{{Key: "backend", Before: "2 pods, " + c.now, After: "READ_ONLY_MODE=true"}}, p.Draft.Samples); diff != "" {
					t.Errorf("samples (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]fix.Left{{Rows: 1, Why: "its config does not say how it is told not to write (read_only): scale it to zero instead", Examples: []string{"worker"}}}, p.Draft.Left); diff != "" {
					t.Errorf("left (-want +got):\n%s", diff)
				}
				a.done(p)
				for _, pod := range a.pods("backend") {
					on := "true"
					if !hasEnv(pod, envChange{Container: "app", Name: "READ_ONLY_MODE", Value: &on}) {
						t.Errorf("it is said to be done, and pod %s has %v", pod.Name, pod.Spec.Containers[0].Env)
					}
				}
				f := a.checked()
				if f.Verdict != check.Pass {
					t.Errorf("%s %s", f.Verdict, f.Result.Says)
				}
				contains(t, f.Result.Says, "1 of 2 writers read-only by P-77 since ", "1 of 2 writers writing")
				back, err := a.inverse(p)
				if err != nil {
					t.Fatal(err)
				}
				contains(t, back.Draft.Does, "take P-77 back: backend READ_ONLY_MODE=true → ")
				a.done(back)
				if got := spec(t, a.get("backend")); got != before {
					t.Errorf("after the undo\n%s\nbefore\n%s", got, before)
				}
			})
		})
	}
}

// TestWritesStopTwice: read-only first and then no pods at all; each is taken back
// by itself, or all of it by a resume.
func TestWritesStopTwice(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, c *kubetest.Cluster) {
		a := writersArena(t, c)
		before := spec(t, a.get("backend"))
		soft := a.plan(wayReadOnly)
		a.done(soft)
		hard := a.plan(wayScale, "deployment=backend")
		a.done(hard)
		if got, want := a.get("backend").Annotations[previousKey], `{"replicas":3,"env":{"container":"app","name":"READ_ONLY_MODE","value":null,"on":"true"}}`; got != want {
			t.Errorf("kept is %s, want %s", got, want)
		}
		early, err := a.inverse(soft)
		if err != nil || len(early.batches) != 0 || len(early.Draft.Left) != 1 {
			t.Fatalf("%+v, %v", early.Draft, err)
		}
		contains(t, early.Draft.Left[0].Why, "changed by P-78 since")
		if _, err := a.draft(fix.Order{Mode: wayScale, Select: []string{"deployment=backend"}}); err == nil {
			t.Error("what is stopped can be stopped")
		} else {
			contains(t, sentence(t, err), "There is nothing to stop.", "stopped already by P-78")
		}
		back, err := a.inverse(hard)
		if err != nil {
			t.Fatal(err)
		}
		a.done(back)
		if got := a.get("backend").Annotations[meantKey]; got != meantReadOnly {
			t.Errorf("it is meant to be %s", got)
		}
		a.done(a.plan(wayScale, "deployment=backend"))
		all := a.plan(wayResume)
		contains(t, all.Draft.Does, "backend 0 → 3 pods and READ_ONLY_MODE=true → not set")
		a.done(all)
		if got := spec(t, a.get("backend")); got != before {
			t.Errorf("after the resume\n%s\nbefore\n%s", got, before)
		}
	})
}

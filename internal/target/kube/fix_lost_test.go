package kube

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kubetest"
)

const revisionKey = "deployment.kubernetes.io/revision"

// rollBack puts a deployment back to a revision as kubectl rollout undo does: with the
// replica set's template and all of its annotations.
func (a *arena) rollBack(name, revision string) {
	a.t.Helper()
	list, err := a.c.Admin().AppsV1().ReplicaSets(a.ns).List(a.t.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
	if err != nil {
		a.t.Fatal(err)
	}
	i := slices.IndexFunc(list.Items, func(rs appsv1.ReplicaSet) bool { return rs.Annotations[revisionKey] == revision })
	if i < 0 {
		a.t.Fatalf("there is no revision %s", revision)
	}
	to := list.Items[i]
	a.update(name, "kubectl-rollout", func(d *appsv1.Deployment) {
		d.Spec.Template = *to.Spec.Template.DeepCopy()
		delete(d.Spec.Template.Labels, "pod-template-hash")
		all := maps.Clone(to.Annotations)
		all[revisionKey] = d.Annotations[revisionKey]
		d.Annotations = all
	})
}

// noted waits until the current replica set has what stands on the deployment.
func (a *arena) noted(name string) {
	a.t.Helper()
	a.until("a replica set of "+name+" has its annotations", func() bool {
		list, err := a.c.Admin().AppsV1().ReplicaSets(a.ns).List(a.t.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil {
			a.t.Fatal(err)
		}
		record := a.get(name).Annotations[recordKey]
		return slices.ContainsFunc(list.Items, func(rs appsv1.ReplicaSet) bool { return rs.Annotations[recordKey] == record })
	})
}

// wipe takes what plans wrote off a deployment, as kubectl replace does.
func (a *arena) wipe(name string, change func(*appsv1.Deployment)) {
	a.t.Helper()
	a.update(name, "kubectl-replace", func(d *appsv1.Deployment) {
		d.Annotations = map[string]string{revisionKey: d.Annotations[revisionKey]}
		change(d)
	})
}

func (a *arena) release(name, version string) {
	a.t.Helper()
	a.update(name, "kubectl-set", func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Image = "example.org/" + name + ":" + version
	})
}

func bare(d *appsv1.Deployment) {
	env := &d.Spec.Template.Spec.Containers[0].Env
	*env = without(*env, "READ_ONLY_MODE")
}

// TestWritesWhoseRecordIsTaken: with its annotations, or with the whole deployment. It
// is never said to be done, and a resume still knows how many pods there were.
func TestWritesWhoseRecordIsTaken(t *testing.T) {
	t.Parallel()
	three := int32(3)
	for _, c := range []struct {
		name, mode string
		other      func(a *arena)
		halts      string // empty: what was made is still so
		class      string // of the check
		resumes    string // what a resume would do
	}{
		{
			"read-only, rolled back", wayReadOnly, func(a *arena) { a.rollBack("backend", "1") },
			"P-77 was taken back by somebody else: deployment backend has READ_ONLY_MODE not set again", classReverted, "backend stays as it is",
		},
		{
			"read-only, replaced", wayReadOnly, func(a *arena) { a.wipe("backend", bare) },
			"P-77 was taken back by somebody else: deployment backend has READ_ONLY_MODE not set again", classReverted, "backend stays as it is",
		},
		{"stopped, rolled back", wayScale, func(a *arena) { a.rollBack("backend", "1") }, "", "", "backend 0 → 3 pods"},
		{"stopped, annotations gone", wayScale, func(a *arena) { a.wipe("backend", func(*appsv1.Deployment) {}) }, "", "", "backend 0 → 3 pods"},
		{
			"stopped, replaced", wayScale, func(a *arena) { a.wipe("backend", func(d *appsv1.Deployment) { d.Spec.Replicas = &three }) },
			"P-77 was taken back by somebody else: deployment backend has 3 pods again", classReverted, "backend stays as it is",
		},
		{"stopped, deleted and made anew", wayScale, func(a *arena) {
			a.delete("backend")
			a.deploy("backend", 2)
		}, "Deployment backend was replaced while it was watched: what P-77 wrote on it is gone, and it has 2 pods now.", "", ""},
		{"stopped, deleted", wayScale, (*arena).deleteBackend, "Deployment backend is not there any more: somebody deleted it while P-77 was watched.", "unknown", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kubePeers(t, func(t *testing.T, k *kubetest.Cluster) {
				a := newArena(t, k)
				a.deploy("backend", 3)
				a.declare("writers", `{deployments: [{name: backend, read_only: {env: READ_ONLY_MODE, on: "true"}}]}`, `{mode: read-only, modes: [scale, resume], watch: 300ms}`)
				a.ready("backend", 3)
				a.release("backend", "1.9") // which is a bad one
				a.ready("backend", 3)
				p := a.plan(c.mode)
				if o := a.apply(p); o.Changed != 1 {
					t.Fatalf("%+v", o)
				}
				a.noted("backend")
				c.other(a)
				if c.halts == "" {
					if _, err := a.watch(p); err != nil {
						t.Errorf("it was ended: %v", err)
					}
				} else {
					contains(t, a.halted(p), c.halts)
				}
				f := a.checked()
				if c.class == "unknown" {
					if f.Verdict != check.Unknown {
						t.Errorf("%s %s", f.Verdict, f.Result.Says)
					}
					return
				}
				if (f.Verdict == check.Pass) != (c.class == "") || c.class != "" && f.Tally.Classes[c.class] != 1 {
					t.Errorf("%s %v %s", f.Verdict, f.Tally.Classes, f.Result.Says)
				}
				if c.resumes == "" {
					return
				}
				contains(t, fmt.Sprint(f.Result.Notes), "What plans had written on backend was taken off it")
				back := a.plan(wayResume)
				contains(t, back.Draft.Does, c.resumes)
				a.done(back)
				a.ready("backend", 3)
				if f := a.checked(); f.Verdict != check.Pass || f.Result.Says != "1 of 1 writer writing" {
					t.Errorf("after the resume: %s %s", f.Verdict, f.Result.Says)
				}
			})
		})
	}
}

func (a *arena) deleteBackend() { a.delete("backend") }

// delete takes a deployment away, and waits until its pods are gone, too.
func (a *arena) delete(name string) {
	a.t.Helper()
	if err := a.c.Admin().AppsV1().Deployments(a.ns).Delete(a.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		a.t.Fatal(err)
	}
	a.until("it is gone", func() bool {
		_, err := a.c.Admin().AppsV1().Deployments(a.ns).Get(a.t.Context(), name, metav1.GetOptions{})
		return err != nil && len(a.pods(name)) == 0
	})
}

// TestWritesAfterAnOldRecordCameBack: a roll back to a revision of the time of a stop
// does not make a deployment stopped that was resumed since.
func TestWritesAfterAnOldRecordCameBack(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, k *kubetest.Cluster) {
		a := newArena(t, k)
		a.deploy("backend", 2)
		a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 100ms}`)
		a.ready("backend", 2)
		a.done(a.plan(wayScale))
		a.noted("backend")
		a.release("backend", "1.9")
		a.noted("backend")
		a.done(a.plan(wayResume))
		a.ready("backend", 2)
		a.noted("backend")
		a.rollBack("backend", "1")
		if got := a.get("backend").Annotations[meantKey]; got != meantStopped {
			t.Fatalf("it is meant to be %q: nothing came back", got)
		}
		a.ready("backend", 2)
		if f := a.checked(); f.Verdict != check.Pass || f.Result.Says != "1 of 1 writer writing" {
			t.Errorf("%s %s", f.Verdict, f.Result.Says)
		}
		_, err := a.draft(fix.Order{Mode: wayResume})
		contains(t, sentence(t, err), "There is nothing to resume. Backend: it is not stopped.")
	})
}

// TestWritesAfterACrashAndARollBack: the next process knows that it was done, and does
// not stop again what somebody has given back.
func TestWritesAfterACrashAndARollBack(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.deploy("backend", 2)
	a.declare("writers", `{deployments: [{name: backend, read_only: {env: READ_ONLY_MODE, on: "true"}}]}`, writersFixYAML)
	a.ready("backend", 2)
	p := a.plan(wayReadOnly)
	a.apply(p)
	a.noted("backend")
	a.rollBack("backend", "1")
	a.as("store-1")
	known, err := a.applier.Applied(t.Context(), p.ID, p.forms)
	if err != nil || len(known) != 1 || known[0].Changed != 1 {
		t.Fatalf("it is said that %+v was done (%v)", known, err)
	}
	before := a.get("backend").ResourceVersion
	a.apply(p)
	if after := a.get("backend"); after.ResourceVersion != before && hasVariable(after, "READ_ONLY_MODE") {
		t.Error("it was stopped again")
	}
}

func hasVariable(d *appsv1.Deployment, name string) bool {
	return envOf(d, "", name).value != nil
}

// TestWritesWithoutReplicaSets that may be listed: it is said, and no reason to stop.
func TestWritesWithoutReplicaSets(t *testing.T) {
	t.Parallel()
	a := newArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}), "list replicasets")
	a.deploy("backend", 1)
	a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, watch: 100ms}`)
	a.ready("backend", 1)
	const says = "Whether somebody took off backend what plans have written there is not known (no permission to read; ask for `list replicasets.apps` in namespace "
	p := a.plan(wayScale)
	contains(t, p.Draft.Risk, says)
	a.done(p)
	f := a.checked()
	if f.Verdict != check.Pass {
		t.Errorf("%s %s", f.Verdict, f.Result.Says)
	}
	contains(t, fmt.Sprint(f.Result.Notes), says)
}

// TestRecordsByTheirAge: which of two records was written later.
func TestRecordsByTheirAge(t *testing.T) {
	t.Parallel()
	at := func(minute int) entry {
		e := entry{Plan: fmt.Sprintf("store-1/P-%d", minute)}
		e.Begun = began().AddDate(0, 0, minute)
		e.At = e.Begun
		return e
	}
	begun := func(e entry) entry { e.At = entry{}.At; return e }
	skewed := at(9)
	skewed.Plan, skewed.Begun, skewed.At = "store-1/P-10", at(1).At, at(1).At
	for name, c := range map[string]struct {
		one, other []entry
		want       bool
	}{
		"none and none":                 {nil, nil, false},
		"one and none":                  {[]entry{at(1)}, nil, true},
		"none and one":                  {nil, []entry{at(1)}, false},
		"the same":                      {[]entry{at(1)}, []entry{at(1)}, false},
		"one more":                      {[]entry{at(2), at(1)}, []entry{at(1)}, true},
		"one less":                      {[]entry{at(1)}, []entry{at(2), at(1)}, false},
		"done and begun":                {[]entry{at(1)}, []entry{begun(at(1))}, true},
		"begun and done":                {[]entry{begun(at(1))}, []entry{at(1)}, false},
		"one more, by a slow clock":     {[]entry{skewed, at(9)}, []entry{at(9)}, true},
		"one less, by a slow clock":     {[]entry{at(9)}, []entry{skewed, at(9)}, false},
		"nothing in common, and later":  {[]entry{at(9)}, []entry{at(1)}, true},
		"nothing in common, but before": {[]entry{at(1)}, []entry{at(9)}, false},
	} {
		if got := (record{entries: c.one}).newer(record{entries: c.other}); got != c.want {
			t.Errorf("%s: %v", name, cmp.Diff(c.want, got))
		}
	}
}

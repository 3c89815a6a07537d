package kube

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// autoscale gives a deployment an autoscaler.
func (a *arena) autoscale(name string, least, most int32) {
	a.t.Helper()
	h := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
			MinReplicas:    &least, MaxReplicas: most,
		},
	}
	if _, err := a.c.Admin().AutoscalingV2().HorizontalPodAutoscalers(a.ns).Create(a.t.Context(), h, metav1.CreateOptions{}); err != nil {
		a.t.Fatal(err)
	}
}

// TestWritesWithAnAutoscaler: at zero it rests, and a resume gives the deployment
// back to it.
func TestWritesWithAnAutoscaler(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, c *kubetest.Cluster) {
		a := newArena(t, c)
		a.deploy("backend", 1)
		a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 2s}`)
		a.autoscale("backend", 3, 5)
		a.ready("backend", 3) // the autoscaler's doing
		p := a.plan(wayScale)
		contains(t, p.Draft.Risk, "The autoscaler backend (3 to 5 pods) rests while backend has no pods; how many there are when it is stopped is kept.")
		a.scale("backend", "kube-controller-manager", 4) // as if its load had grown since the preview
		if o := a.done(p); o.Changed != 1 {
			t.Fatalf("it did %+v", o)
		}
		if got := a.get("backend").Annotations[previousKey]; got != `{"replicas":4}` {
			t.Errorf("kept is %s", got)
		}
		if f := a.checked(); f.Verdict != check.Pass {
			t.Errorf("%s %s", f.Verdict, f.Result.Says)
		}
		back := a.plan(wayResume)
		contains(t, back.Draft.Risk, "From then on autoscaler backend (3 to 5 pods) decides how many pods backend has.")
		a.done(back)
		a.until("the autoscaler has it back", func() bool { n := a.get("backend").Status.AvailableReplicas; return n >= 3 && n <= 5 })
		if f := a.checked(); f.Verdict != check.Pass {
			t.Errorf("%s %s", f.Verdict, f.Result.Says)
		}
	})
}

// reverting puts a deployment back as soon as it sees a change, as a GitOps
// controller does, until the test ends.
func (a *arena) reverting(name, manager string, back func(*appsv1.Deployment) bool) {
	a.t.Helper()
	client := a.c.Client(a.t, kubetest.OtherUser).AppsV1().Deployments(a.ns)
	ctx, stop := context.WithCancel(context.WithoutCancel(a.t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			if d, err := client.Get(ctx, name, metav1.GetOptions{}); err == nil && back(d) {
				_, _ = client.Update(ctx, d, metav1.UpdateOptions{FieldManager: manager}) // it tries again
			}
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	a.t.Cleanup(func() { stop(); running.Wait() })
}

// TestWritesAgainstAControllerThatReverts: it is never said to be done, and it is
// said whose doing that is.
func TestWritesAgainstAControllerThatReverts(t *testing.T) {
	t.Parallel()
	three := int32(3)
	for _, c := range []struct {
		mode string
		back func(*appsv1.Deployment) bool
		says string
	}{
		{wayScale, func(d *appsv1.Deployment) bool {
			was := *d.Spec.Replicas
			d.Spec.Replicas = &three
			return was == 0
		}, "has 3 pods again, set by client argocd-controller"},
		{wayReadOnly, func(d *appsv1.Deployment) bool {
			env := &d.Spec.Template.Spec.Containers[0].Env
			was := len(*env)
			*env = without(*env, "READ_ONLY_MODE")
			return len(*env) != was
		}, "has READ_ONLY_MODE not set again, set by a client that the API does not name"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			kubePeers(t, func(t *testing.T, k *kubetest.Cluster) {
				a := newArena(t, k)
				a.deploy("backend", 3, func(d *appsv1.Deployment) {
					d.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:" + a.ns + "/backend"}
				})
				a.declare("writers", `{deployments: [{name: backend, read_only: {env: READ_ONLY_MODE, on: "true"}}]}`, `{mode: read-only, modes: [scale, resume], watch: 20s}`)
				a.ready("backend", 3)
				p := a.plan(c.mode)
				contains(t, p.Draft.Risk, "The Argo CD application shop may take it back; before that, argocd app set shop --sync-policy none, or a pull request.")
				a.reverting("backend", "argocd-controller", c.back)
				if o := a.apply(p); o.Changed != 1 {
					t.Fatalf("it did %+v", o)
				}
				said := a.halted(p)
				contains(t, said, "P-77 was taken back by somebody else: deployment backend "+c.says, "It writes.", "It is probably the Argo CD application shop")
				f := a.checked()
				if f.Verdict != check.Fail || f.Tally.Classes[classReverted] != 1 {
					t.Errorf("%s %v %s", f.Verdict, f.Tally.Classes, f.Result.Says)
				}
				back, err := a.inverse(p)
				if err != nil || len(back.batches) != 0 || len(back.Draft.Left) != 1 {
					t.Fatalf("its undo: %+v, %v", back.Draft, err)
				}
				contains(t, back.Draft.Left[0].Why, "not as the plan left it: changed by ")
				accept := a.plan(wayResume)
				contains(t, accept.Draft.Does, "resume writes of 1 deployment (backend stays as it is, changed by ")
				a.apply(accept)
				if f := a.checked(); f.Verdict != check.Pass {
					t.Errorf("after it was accepted: %s %s", f.Verdict, f.Result.Says)
				}
			})
		})
	}
}

// TestWritesTakenBackByAnAutoscaler whose scaling leaves no trace on the
// deployment, but an event.
func TestWritesTakenBackByAnAutoscaler(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, c *kubetest.Cluster) {
		a := newArena(t, c)
		a.deploy("backend", 2)
		a.declare("writers", `{deployments: [{name: backend}]}`, `{mode: scale, modes: [resume], watch: 1m}`)
		a.ready("backend", 2)
		least, queue := int32(1), resource.MustParse("10")
		h := &autoscalingv2.HorizontalPodAutoscaler{
			ObjectMeta: metav1.ObjectMeta{Name: "by-topic"},
			Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
				ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "backend"},
				MinReplicas:    &least, MaxReplicas: 4, Metrics: []autoscalingv2.MetricSpec{{
					Type: autoscalingv2.ExternalMetricSourceType, External: &autoscalingv2.ExternalMetricSource{
						Metric: autoscalingv2.MetricIdentifier{Name: "lag"}, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: &queue},
					},
				}},
			},
		}
		if _, err := c.Admin().AutoscalingV2().HorizontalPodAutoscalers(a.ns).Create(t.Context(), h, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		p := a.plan(wayScale)
		contains(t, p.Draft.Risk, "The autoscaler by-topic (1 to 4 pods) follows an object or external metric and may bring pods of backend back from zero")
		a.apply(p)
		a.scale("backend", "kube-controller-manager", 3)
		if said := a.halted(p); strings.Contains(said, "New size") {
			t.Errorf("without an event it says %s", said)
		}
		event := &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Name: "rescaled"}, Reason: "SuccessfulRescale", Message: "New size: 3; reason: external metric lag above target",
			InvolvedObject: corev1.ObjectReference{Kind: "HorizontalPodAutoscaler", Name: "by-topic", Namespace: a.ns}, LastTimestamp: metav1.Now(),
		}
		if _, err := c.Admin().CoreV1().Events(a.ns).Create(t.Context(), event, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		contains(t, a.halted(p), "P-77 was taken back by somebody else: deployment backend has 3 pods again, set by autoscaler by-topic (1 to 4 pods) (New size: 3; reason: external metric lag above target)", "It writes.", "It is probably the autoscaler by-topic")
	})
}

// TestWritersOwners finds who may change a deployment, by the marks that they
// leave. What is answered is as KEDA's documents have it.
func TestWritersOwners(t *testing.T) {
	t.Parallel()
	const scaled = `{"items":[
		{"metadata":{"name":"by-queue"},"spec":{"scaleTargetRef":{"name":"backend"},"minReplicaCount":0,"maxReplicaCount":9}},
		{"metadata":{"name":"paused","annotations":{"autoscaling.keda.sh/paused-replicas":"0"}},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"backend"}}},
		{"metadata":{"name":"held","annotations":{"autoscaling.keda.sh/paused-replicas":"3"}},"spec":{"scaleTargetRef":{"name":"backend"}}},
		{"metadata":{"name":"of-others"},"spec":{"scaleTargetRef":{"name":"worker"}}}]}`
	const scalers = `{"items":[
		{"metadata":{"name":"keda-hpa-by-queue","labels":{"scaledobject.keda.sh/name":"by-queue"}},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"backend"},"maxReplicas":9}},
		{"metadata":{"name":"by-cpu"},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"backend"},"minReplicas":2,"maxReplicas":4,"metrics":[{"type":"Resource"}]}},
		{"metadata":{"name":"by-topic"},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"backend"},"minReplicas":0,"maxReplicas":4,"metrics":[{"type":"External"}]}}]}`
	meta := func(labels, annotations map[string]string, managers ...string) *appsv1.Deployment {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "backend", Namespace: "production", Labels: labels, Annotations: annotations}}
		for _, m := range managers {
			d.ManagedFields = append(d.ManagedFields, metav1.ManagedFieldsEntry{Manager: m})
		}
		return d
	}
	const forbidden = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"no"}`
	for _, c := range []struct {
		name   string
		d      *appsv1.Deployment
		serves map[string]string
		want   string
		unseen []string
	}{
		{"nobody", meta(nil, nil), nil, "", nil},
		{
			"KEDA and autoscalers", meta(nil, nil),
			map[string]string{"keda.sh/v1alpha1": `{}`, "scaledobjects": scaled, "horizontalpodautoscalers": scalers},
			"KEDA ScaledObject by-queue (0 to 9 pods), KEDA ScaledObject paused (holds 0 pods), KEDA ScaledObject held (holds 3 pods), autoscaler by-cpu (2 to 4 pods), autoscaler by-topic (0 to 4 pods)", nil,
		},
		{"KEDA that may not be asked", meta(nil, nil), map[string]string{"keda.sh/v1alpha1": `{}`, "scaledobjects": forbidden, "horizontalpodautoscalers": forbidden}, "", []string{
			"Whether KEDA scales backend is not known (no permission to read; ask for `list scaledobjects.keda.sh` in namespace production).",
			"Whether an autoscaler owns backend is not known (no permission to read; ask for `list horizontalpodautoscalers.autoscaling` in namespace production).",
		}},
		{"Argo CD", meta(nil, map[string]string{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:production/backend"}), nil, "Argo CD application shop", nil},
		{"a copy of what Argo CD tracks", meta(nil, map[string]string{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:staging/backend"}), nil, "", nil},
		{"an instance of Helm", meta(map[string]string{"app.kubernetes.io/instance": "shop"}, nil, "helm"), nil, "", nil},
		{"an instance of Argo CD", meta(map[string]string{"app.kubernetes.io/instance": "shop"}, nil, "argocd-controller"), nil, "Argo CD application shop", nil},
		{"Flux", meta(map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}, nil), nil, "Flux kustomization flux-system/apps", nil},
		{"Flux that is told to keep off", meta(map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
			map[string]string{"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}), nil, "Flux kustomization flux-system/apps (paused)", nil},
		{"Flux with Helm", meta(map[string]string{"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "apps"}, nil), nil, "Flux Helm release apps/shop", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := served(t, c.serves)
			owners, unseen, err := target.owners(t.Context(), c.d)
			if err != nil {
				t.Fatal(err)
			}
			if got := saidOwners(owners); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if diff := cmp.Diff(c.unseen, unseen); diff != "" {
				t.Errorf("unseen (-want +got):\n%s", diff)
			}
		})
	}
}

// served is a target whose API has but a few answers, by the end of their path;
// lists are else empty, and the rest is not there.
func served(t *testing.T, answers map[string]string) *Target {
	t.Helper()
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for end, body := range answers {
			if strings.HasSuffix(r.URL.Path, end) {
				if strings.Contains(body, `"code":403`) {
					w.WriteHeader(http.StatusForbidden)
				}
				_, _ = w.Write([]byte(body))
				return
			}
		}
		if strings.HasSuffix(r.URL.Path, "/horizontalpodautoscalers") {
			_, _ = w.Write([]byte(`{"items":[]}`))
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`))
	}))
	t.Cleanup(api.Close)
	config := `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],
		clusters: [{name: c, cluster: {server: "` + api.URL + `", insecure-skip-tls-verify: true}}], users: [{name: u, user: {token: t}}]}`
	target, err := Open(Options{Name: "cluster", Place: "production", Namespace: "production", Kubeconfig: kubeconfig(t, []byte(config))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(target.Close)
	return target
}

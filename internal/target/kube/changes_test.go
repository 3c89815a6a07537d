package kube

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/kubetest"
	"github.com/integritybot/integritybot/internal/look"
)

// told is a change as the tests compare it: with its differences, without times
// that the cluster gives.
func told(c look.Change) string {
	line := string(c.Kind) + " | " + c.What + " | " + c.Says + " | " + c.Who
	if c.Failed {
		line += " | failed"
	}
	for _, d := range c.Differences {
		line += "\n  " + d
	}
	return line
}

func allTold(changes []look.Change) []string {
	slices.SortStableFunc(changes, func(a, b look.Change) int { return a.At.Compare(b.At) })
	var out []string
	for _, c := range changes {
		out = append(out, told(c))
	}
	return out
}

// runbook is a cluster in which the runbook's world stands, and its reader's
// target.
func runbook(t *testing.T, without ...string) (*cluster.Cluster, *Target) {
	t.Helper()
	c := kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{}})
	if err := c.Fake().Seed(cluster.World{}); err != nil {
		t.Fatal(err)
	}
	grant(t, c, cluster.Namespace, without...)
	return c.Fake(), open(t, c, cluster.Namespace, func(o *Options) {
		o.Deployments, o.ConfigMaps, o.Secrets = []string{cluster.Backend}, []string{cluster.Config}, []string{cluster.Credentials}
	})
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

const mostlyAudit = "which person used the client, only the cluster's audit log tells"

// TestChangesOfTheRunbook: rollouts with their differences, edits of config maps
// and secrets, and scaling, each with its client and its own time.
func TestChangesOfTheRunbook(t *testing.T) {
	t.Parallel()
	c, target := runbook(t)
	now := c.Now()
	must(t,
		c.As("kubectl-edit", now.Add(-50*time.Hour)).ConfigMap(cluster.Namespace, cluster.Config, func(m *corev1.ConfigMap) { m.Data["MAX_STOCK"] = "7" }),
		c.As("vault", now.Add(-49*time.Hour)).Secret(cluster.Namespace, cluster.Credentials, func(s *corev1.Secret) {
			s.Data["NEW_PASSWORD"], s.Data["NEW_USER"] = []byte("hunter2hunter2"), []byte("bob")
		}),
		c.As("kubectl-set", now.Add(-48*time.Hour)).Deployment(cluster.Namespace, cluster.Backend, func(d *appsv1.Deployment) {
			container := &d.Spec.Template.Spec.Containers[0]
			container.Image = "ecommerce-backend:1.8.4"
			container.Env = append(container.Env, corev1.EnvVar{Name: "DB_PASSWORD", Value: "hunter2"}, corev1.EnvVar{Name: "CACHE_TTL", Value: "30m"},
				corev1.EnvVar{Name: "API", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "api"}, Key: "id"}}})
		}),
		c.As("kubectl", now.Add(-10*time.Minute)).Scale(cluster.Namespace, cluster.Backend, 0),
	)
	changes, missing, err := target.Chronicler().Changes(t.Context(), now.Add(-80*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"rollout | deployment/ecommerce-backend | rollout 41: image 1.8.2 → 1.8.3 | \n  image 1.8.2 → 1.8.3",
		"config edit | configmap/ecommerce-config | edited: key MAX_STOCK | client kubectl-edit\n  " + mostlyAudit,
		"config edit | secret/ecommerce-credentials | edited: keys NEW_PASSWORD, NEW_USER | client vault\n  client vault has these keys from this edit or an earlier one\n  " + mostlyAudit,
		"rollout | deployment/ecommerce-backend | rollout 42: image 1.8.3 → 1.8.4, and 3 more | client kubectl-set\n  image 1.8.3 → 1.8.4\n  env API added: from secret api/id\n  env CACHE_TTL added: 30m\n  env DB_PASSWORD added: •••",
		"scaling | deployment/ecommerce-backend | scaled from 3 to 0 pods: nothing runs | \n  by which client is not kept: Kubernetes forgets who scales to 0",
	}
	if diff := cmp.Diff(want, allTold(changes)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string(nil), missing); diff != "" {
		t.Error(diff)
	}
	for i, at := range []time.Duration{72 * time.Hour, 50 * time.Hour, 49 * time.Hour, 48 * time.Hour, 10 * time.Minute} {
		if want := now.Add(-at); changes[i].At.Sub(want).Abs() > time.Minute {
			t.Errorf("%s was at %s, told is %s", changes[i].Says, want, changes[i].At)
		}
	}
}

// TestScalingIsToldByTheHour: while events live, with its numbers; later by what is
// written in the objects.
func TestScalingIsToldByTheHour(t *testing.T) {
	t.Parallel()
	c, target := runbook(t)
	now := c.Now()
	since := func() []string {
		changes, _, err := target.Chronicler().Changes(t.Context(), now.Add(-24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return allTold(changes)
	}
	for _, step := range []struct {
		who  string
		ago  time.Duration
		to   int32
		want string
	}{
		{"kubectl", 5 * time.Hour, 2, "scaled, to 2 pods | client kubectl\n  its events are gone, and with them what was scaled before"},
		{"keda-operator", 10 * time.Minute, 4, "scaled from 2 to 4 pods | client keda-operator"},
		{"kubectl", 5 * time.Minute, 0, "scaled from 4 to 0 pods: nothing runs | \n  by which client is not kept: Kubernetes forgets who scales to 0"},
	} {
		must(t, c.As(step.who, now.Add(-step.ago)).Scale(cluster.Namespace, cluster.Backend, step.to))
		got := since()
		if want := "scaling | deployment/ecommerce-backend | " + step.want; len(got) == 0 || got[len(got)-1] != want {
			t.Errorf("told is %q,\nwant %q", got, want)
		}
	}
}

// TestAScaleToNothingIsToldWithoutEvents: nobody has the number of pods then, but
// the replica set has the time.
func TestAScaleToNothingIsToldWithoutEvents(t *testing.T) {
	t.Parallel()
	c, target := runbook(t)
	now := c.Now()
	must(t, c.As("kubectl", now.Add(-5*time.Hour)).Scale(cluster.Namespace, cluster.Backend, 0))
	changes, _, err := target.Chronicler().Changes(t.Context(), now.Add(-24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"scaling | deployment/ecommerce-backend | scaled, to 0 pods | \n  its events are gone, and with them what was scaled before\n  by which client is not kept: Kubernetes forgets who scales to 0"}
	if diff := cmp.Diff(want, allTold(changes)); diff != "" {
		t.Error(diff)
	}
}

// TestSecretsAreNeverAskedFor: only their metadata is, whatever is changed.
func TestSecretsAreNeverAskedFor(t *testing.T) {
	t.Parallel()
	kube := kubetest.Start(t, kubetest.Options{Fake: &cluster.Options{}})
	ns := kube.Namespace(t)
	const password = "hunter2-never-to-be-seen"
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: cluster.Credentials}, StringData: map[string]string{"password": password}}
	if _, err := kube.Admin().CoreV1().Secrets(ns).Create(t.Context(), s, metav1.CreateOptions{FieldManager: "kubectl-create"}); err != nil {
		t.Fatal(err)
	}
	grant(t, kube, ns)
	wire := &wire{}
	target := open(t, kube, ns, func(o *Options) { o.Secrets = []string{cluster.Credentials} })
	reading, err := target.reading()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range reading.http {
		wire.next, h.Transport = h.Transport, wire
	}
	changes, missing, err := target.Chronicler().Changes(t.Context(), time.Now().Add(-time.Hour))
	if err != nil || len(missing) > 0 || len(changes) != 1 || changes[0].Says != "created: key password" {
		t.Fatalf("%v %v %v", changes, missing, err)
	}
	asked := 0
	for _, r := range wire.requests {
		if strings.Contains(r.path, "/secrets") {
			asked++
			if r.accept != onlyMetadata {
				t.Errorf("%s was asked for as %q", r.path, r.accept)
			}
		}
	}
	if asked != 1 {
		t.Errorf("secrets were asked for %d times", asked)
	}
	if strings.Contains(wire.answers.String(), password) || strings.Contains(wire.answers.String(), "aHVudGVyMi1uZXZlci10by1iZS1zZWVu") {
		t.Error("the value of a secret came over the wire")
	}
}

// TestAWayBackIsDatedByWhoWentBack: the replica set is old, the rollout is not.
func TestAWayBackIsDatedByWhoWentBack(t *testing.T) {
	t.Parallel()
	c, target := runbook(t)
	now := c.Now()
	must(t, c.As("kubectl-rollout", now.Add(-2*time.Hour)).SetImage(cluster.Namespace, cluster.Backend, cluster.Backend, cluster.FormerImage))
	changes, missing, err := target.Chronicler().Changes(t.Context(), now.Add(-24*time.Hour))
	if err != nil || len(missing) > 0 {
		t.Fatal(err, missing)
	}
	want := []string{"rollout | deployment/ecommerce-backend | rollout 42, back to revision 40: image 1.8.3 → 1.8.2 | client kubectl-rollout\n  image 1.8.3 → 1.8.2"}
	if diff := cmp.Diff(want, allTold(changes)); diff != "" {
		t.Error(diff)
	}
	if len(changes) == 1 && changes[0].At.Sub(now.Add(-2*time.Hour)).Abs() > 2*time.Second {
		t.Errorf("dated %s", changes[0].At)
	}
}

// TestAPausedDeploymentTellsWhatWaits: an edit of a paused deployment rolls
// nothing out, and is told all the same.
func TestAPausedDeploymentTellsWhatWaits(t *testing.T) {
	t.Parallel()
	c, target := runbook(t)
	now := c.Now()
	must(t,
		c.As("kubectl-pause", now.Add(-2*time.Hour)).Deployment(cluster.Namespace, cluster.Backend, func(d *appsv1.Deployment) { d.Spec.Paused = true }),
		c.As("kubectl-set", now.Add(-time.Hour)).SetEnv(cluster.Namespace, cluster.Backend, cluster.Backend, "LIMIT", "5"),
	)
	changes, _, err := target.Chronicler().Changes(t.Context(), now.Add(-24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"rollout | deployment/ecommerce-backend | paused: edits are not rolled out until it is resumed | client kubectl-pause",
		"rollout | deployment/ecommerce-backend | edited while paused, and not rolled out: env LIMIT added: 5 | client kubectl-set\n  env LIMIT added: 5",
	}
	if diff := cmp.Diff(want, allTold(changes)); diff != "" {
		t.Error(diff)
	}
}

// TestARolloutThatDoesNotFinishIsTold as failed, with what Kubernetes says.
func TestARolloutThatDoesNotFinishIsTold(t *testing.T) {
	t.Parallel()
	c, target := runbook(t)
	c.BreakImage("ecommerce-backend:1.8.4", "ImagePullBackOff")
	deadline := int32(1)
	must(t, c.As("kubectl-edit", time.Time{}).Deployment(cluster.Namespace, cluster.Backend, func(d *appsv1.Deployment) {
		d.Spec.ProgressDeadlineSeconds = &deadline
		d.Spec.Template.Spec.Containers[0].Image = "ecommerce-backend:1.8.4"
	}))
	var last []look.Change
	until(t, "the rollout to be given up", func() bool {
		changes, _, err := target.Chronicler().Changes(t.Context(), c.Now().Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		last = changes
		return len(last) == 1 && last[0].Failed
	})
	if got := told(last[0]); !strings.Contains(got, "rollout 42: image 1.8.3 → 1.8.4; it does not finish, 1 of 3 new pods are there | client kubectl-edit | failed") || !strings.Contains(got, "Kubernetes says: ReplicaSet") {
		t.Error(got)
	}
}

// TestAnAutoscalerIsNamed: what it did, who edited it, and that events are short
// lived.
func TestAnAutoscalerIsNamed(t *testing.T) {
	t.Parallel()
	c, target := runbook(t)
	least := int32(2)
	must(t, c.As("kubectl-autoscale", time.Time{}).Create(&autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: cluster.Namespace, Name: "backend"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: cluster.Backend},
			MinReplicas:    &least, MaxReplicas: 9,
		},
	}))
	c.Load(cluster.Namespace, "backend", 5)
	var got []string
	until(t, "the autoscaler to act", func() bool {
		changes, missing, err := target.Chronicler().Changes(t.Context(), c.Now().Add(-2*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if len(missing) != 1 || !strings.HasPrefix(missing[0], "What the autoscaler of ecommerce-backend did before ") {
			t.Fatal(missing)
		}
		got = allTold(changes)
		slices.Sort(got)
		return len(got) == 2
	})
	if got[0] != "scaling | autoscaler/backend | edited: 2 to 9 pods now | client kubectl-autoscale" || !strings.HasPrefix(got[1], "scaling | deployment/ecommerce-backend | scaled by its autoscaler: New size: 5") {
		t.Error(got)
	}
}

// TestWhatMayNotBeReadIsNamed, and the rest answers.
func TestWhatMayNotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	for withheld, want := range map[string]string{
		"get configmaps":                "Edits of config map ecommerce-config: no permission to read; ask for `get configmaps` in namespace production.",
		"get secrets":                   "Edits of secret ecommerce-credentials: no permission to read; ask for `get secrets` in namespace production.",
		"list events":                   "Scaling: no permission to read; ask for `list events` in namespace production.",
		"list replicasets":              "Rollouts of ecommerce-backend: no permission to read; ask for `list replicasets.apps` in namespace production.",
		"get deployments":               "Deployment ecommerce-backend: no permission to read; ask for `get deployments.apps` in namespace production.",
		"list horizontalpodautoscalers": "Edits of autoscalers: no permission to read; ask for `list horizontalpodautoscalers.autoscaling` in namespace production.",
		"get namespaces":                "",
	} {
		t.Run(withheld, func(t *testing.T) {
			t.Parallel()
			c, target := runbook(t, withheld)
			changes, missing, err := target.Chronicler().Changes(t.Context(), c.Now().Add(-80*time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(missing, "\n"); got != want {
				t.Errorf("missing is %q, want %q", got, want)
			}
			if withheld != "get deployments" && withheld != "list replicasets" && len(changes) == 0 {
				t.Error("nothing else was seen")
			}
		})
	}
}

//go:build peers

package kubetest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

func aDeploymentRuns(t *testing.T, c *realCluster, admin kubernetes.Interface) {
	ctx := t.Context()
	namespace := realNamespace(t, admin)
	deployments := admin.AppsV1().Deployments(namespace)
	if _, err := deployments.Create(ctx, realDeployment("orders", 3), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, c, "three pods run", func(ctx context.Context) error { return running(ctx, admin, namespace, "orders", 3) })

	sets, err := admin.AppsV1().ReplicaSets(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=orders"})
	if err != nil {
		t.Fatal(err)
	}
	if len(sets.Items) != 1 || sets.Items[0].Annotations["deployment.kubernetes.io/revision"] != "1" || sets.Items[0].OwnerReferences[0].Name != "orders" {
		t.Errorf("replica sets: %+v", sets.Items)
	}

	logsCanBeRead(t, c, admin, namespace)

	dry, err := deployments.UpdateScale(ctx, "orders", scaleTo(namespace, "orders", 0), metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil || dry.Spec.Replicas != 0 {
		t.Errorf("a dry run answered %+v, %v", dry, err)
	}
	scale, err := deployments.GetScale(ctx, "orders", metav1.GetOptions{})
	if err != nil || scale.Spec.Replicas != 3 {
		t.Fatalf("a dry run has changed the scale to %+v, %v", scale, err)
	}
	stale := scaleTo(namespace, "orders", 1)
	stale.ResourceVersion = "1"
	if _, err := deployments.UpdateScale(ctx, "orders", stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("with an old resource version: %v", err)
	}
	scale.Spec.Replicas = 2
	if _, err := deployments.UpdateScale(ctx, "orders", scale, metav1.UpdateOptions{FieldManager: "kubetest-scaler"}); err != nil {
		t.Fatal(err)
	}
	if by := scalers(t, admin, namespace, "orders"); !slices.Equal(by, []string{"kubetest-scaler"}) {
		t.Errorf("scaled by %q", by)
	}
	if _, err := deployments.UpdateScale(ctx, "orders", scaleTo(namespace, "orders", 0), metav1.UpdateOptions{FieldManager: "kubetest-scaler"}); err != nil {
		t.Fatal(err)
	}
	// A Scale leaves a zero out when it is encoded: nobody is written down for what is not there.
	if by := scalers(t, admin, namespace, "orders"); len(by) > 0 {
		t.Errorf("scaled to zero by %q", by)
	}
	eventually(t, c, "no pods are left", func(ctx context.Context) error { return running(ctx, admin, namespace, "orders", 0) })
	eventually(t, c, "an event tells of it", func(ctx context.Context) error { return told(ctx, admin, namespace, "orders", "ScalingReplicaSet") })
	aRolloutMakesARevision(t, c, admin, namespace)
}

func logsCanBeRead(t *testing.T, c *realCluster, admin kubernetes.Interface, namespace string) {
	t.Helper()
	pods, err := admin.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) == 0 {
		t.Fatalf("%v, %v", pods, err)
	}
	pod := pods.Items[0].Name
	read := func(options corev1.PodLogOptions) string {
		t.Helper()
		options.Container = "main"
		stream, err := admin.CoreV1().Pods(namespace).GetLogs(pod, &options).Stream(t.Context())
		if err != nil {
			t.Fatalf("%+v: %v", options, err)
		}
		defer stream.Close()
		all, err := io.ReadAll(stream)
		if err != nil {
			t.Fatal(err)
		}
		return string(all)
	}
	if got := read(corev1.PodLogOptions{}); got != "" {
		t.Errorf("a container of which nothing was said writes %q", got)
	}
	write := func(lines, previous []logLine) {
		t.Helper()
		if err := c.writeTimedLogs(t.Context(), podName{namespace, pod}, "main", lines, previous); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	write([]logLine{{at, "first"}, {at, ""}, {at, "third: 2026-01-01T00:00:00Z " + strings.Repeat("x", 1<<20)}}, nil)
	if got, want := read(corev1.PodLogOptions{}), "first\n\nthird: 2026-01-01T00:00:00Z "+strings.Repeat("x", 1<<20)+"\n"; got != want {
		t.Errorf("got %d bytes %.100q, want %d", len(got), got, len(want))
	}

	write([]logLine{{at, "an hour ago"}, {at.Add(30 * time.Minute), "half an hour ago"}}, []logLine{{at.Add(-time.Hour), "panic: before"}})
	after := metav1.NewTime(at.Add(time.Minute))
	for name, scenario := range map[string]struct {
		options corev1.PodLogOptions
		want    string
	}{
		"all":        {corev1.PodLogOptions{}, "an hour ago\nhalf an hour ago\n"},
		"with times": {corev1.PodLogOptions{Timestamps: true, TailLines: new(int64(1))}, at.Add(30*time.Minute).Format(logTime) + " half an hour ago\n"},
		"since":      {corev1.PodLogOptions{SinceTime: &after}, "half an hour ago\n"},
		"the tail":   {corev1.PodLogOptions{TailLines: new(int64(1))}, "half an hour ago\n"},
		"a few":      {corev1.PodLogOptions{LimitBytes: new(int64(7))}, "an hour"},
		"previous":   {corev1.PodLogOptions{Previous: true}, "panic: before\n"},
	} {
		if diff := cmp.Diff(scenario.want, read(scenario.options)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	crashed, err := admin.CoreV1().Pods(namespace).Get(t.Context(), pod, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s := crashed.Status.ContainerStatuses[0]; s.RestartCount != 1 || s.LastTerminationState.Terminated == nil || s.State.Running == nil {
		t.Errorf("the container with previous logs was not restarted: %+v", s)
	}
	other := pods.Items[1].Name
	if _, err := admin.CoreV1().Pods(namespace).GetLogs(other, &corev1.PodLogOptions{Previous: true}).DoRaw(t.Context()); !apierrors.IsBadRequest(err) {
		t.Errorf("a container that was not restarted has previous logs: %v", err)
	}
}

func aRolloutMakesARevision(t *testing.T, c *realCluster, admin kubernetes.Interface, namespace string) {
	t.Helper()
	patch := `{"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"main","image":"shop:2"}]}}}}`
	if _, err := admin.AppsV1().Deployments(namespace).Patch(t.Context(), "orders", "application/strategic-merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, c, "there is a second revision", func(ctx context.Context) error {
		d, err := admin.AppsV1().Deployments(namespace).Get(ctx, "orders", metav1.GetOptions{})
		if err == nil && (d.Annotations["deployment.kubernetes.io/revision"] != "2" || d.Status.AvailableReplicas != 1) {
			err = fmt.Errorf("annotations %v, status %+v", d.Annotations, d.Status)
		}
		return err
	})
}

// anAutoscalerKeepsItsBounds: there are no metrics, but it undoes what is out of bounds, except for zero.
func anAutoscalerKeepsItsBounds(t *testing.T, c *realCluster, admin kubernetes.Interface) {
	ctx := t.Context()
	namespace := realNamespace(t, admin)
	if _, err := admin.AppsV1().Deployments(namespace).Create(ctx, realDeployment("orders", 1), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	scaler := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "orders"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "orders"},
			MinReplicas:    new(int32(2)), MaxReplicas: 4,
		},
	}
	if _, err := admin.AutoscalingV2().HorizontalPodAutoscalers(namespace).Create(ctx, scaler, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, c, "it raises to its minimum", func(ctx context.Context) error { return running(ctx, admin, namespace, "orders", 2) })
	if _, err := admin.AppsV1().Deployments(namespace).UpdateScale(ctx, "orders", scaleTo(namespace, "orders", 0), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, c, "it says that it is disabled", func(ctx context.Context) error {
		s, err := admin.AutoscalingV2().HorizontalPodAutoscalers(namespace).Get(ctx, "orders", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range s.Status.Conditions {
			if condition.Type == autoscalingv2.ScalingActive && condition.Reason == "ScalingDisabled" {
				return nil
			}
		}
		return fmt.Errorf("conditions %+v", s.Status.Conditions)
	})
}

// running counts the pods, of which all have to run.
func running(ctx context.Context, admin kubernetes.Interface, namespace, app string, want int) error {
	pods, err := admin.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
	if err != nil {
		return err
	}
	var phases []string
	n := 0
	for _, pod := range pods.Items {
		if pod.Status.Phase == corev1.PodRunning {
			n++
		}
		phases = append(phases, string(pod.Status.Phase))
	}
	if n != want || len(pods.Items) != want {
		return fmt.Errorf("%d pods: %v", len(pods.Items), phases)
	}
	return nil
}

func told(ctx context.Context, admin kubernetes.Interface, namespace, name, reason string) error {
	events, err := admin.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + name + ",reason=" + reason})
	if err == nil && len(events.Items) == 0 {
		err = fmt.Errorf("no event %s", reason)
	}
	return err
}

// scalers are those of whom the API server has written down that they set the scale.
func scalers(t *testing.T, admin kubernetes.Interface, namespace, name string) (managers []string) {
	t.Helper()
	d, err := admin.AppsV1().Deployments(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range d.ManagedFields {
		if entry.Subresource == "scale" {
			managers = append(managers, entry.Manager)
		}
	}
	return managers
}

func realDeployment(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "shop:1"}}},
			},
		},
	}
}

func scaleTo(namespace, name string, replicas int32) *autoscalingv1.Scale {
	return &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
}

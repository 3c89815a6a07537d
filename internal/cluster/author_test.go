package cluster

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What the runbook speaks of is there, and looks as if it had been there for long.
func TestTheRunbooksWorld(t *testing.T) {
	t.Parallel()
	clock := &handClock{now: noon}
	c := seeded(t, Options{Clock: clock})
	k := client(t, c, Admin)
	ctx := patience(t)
	d := deployment(t, k, Backend)
	if *d.Spec.Replicas != 3 || d.Status.AvailableReplicas != 3 || d.Annotations[Revision] != "41" ||
		d.Spec.Template.Spec.Containers[0].Image != CurrentImage || d.Spec.Template.Spec.Containers[0].Env[0] != (corev1.EnvVar{Name: ReadOnly, Value: "false"}) {
		t.Errorf("the deployment: %+v", d)
	}
	sets, err := k.AppsV1().ReplicaSets(Namespace).List(ctx, metav1.ListOptions{})
	must(t, err)
	got := map[string]string{}
	for _, rs := range sets.Items {
		got[rs.Annotations[Revision]] = fmt.Sprint(rs.Spec.Template.Spec.Containers[0].Image, " ", *rs.Spec.Replicas, " ", rs.CreationTimestamp.UTC().Format(time.DateOnly))
	}
	equal(t, "revisions", map[string]string{
		"39": "ecommerce-backend:1.8.1 0 2025-12-31", "40": "ecommerce-backend:1.8.2 0 2026-02-20", "41": "ecommerce-backend:1.8.3 3 2026-02-26",
	}, got)
	if pods := c.Pods(Namespace, Backend); len(pods) != 3 {
		t.Errorf("pods %q", pods)
	}
	if cron, err := k.BatchV1().CronJobs(Namespace).Get(ctx, RestoreJob, metav1.GetOptions{}); err != nil || !*cron.Spec.Suspend {
		t.Errorf("the template of a restore: %+v, %v", cron, err)
	}
	for _, namespace := range []string{Namespace, "default"} {
		if _, err := k.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatAnAuthorDidEarlierLooksAsIfDoneThen(t *testing.T) {
	t.Parallel()
	clock := &handClock{now: noon}
	c := seeded(t, Options{Clock: clock, Delays: Delays{PodStart: time.Minute, PodStop: time.Minute}})
	then := noon.Add(-40 * time.Minute)
	must(t, c.As("kubectl-edit", then).ConfigMap(Namespace, Config, func(m *corev1.ConfigMap) { m.Data["CACHE_TTL_SECONDS"] = "0" }))
	must(t, c.As("kubectl-set", then).SetEnv(Namespace, Backend, Backend, ReadOnly, "true"))
	must(t, c.As("kubectl", then.Add(time.Minute)).Scale(Namespace, Backend, 5))
	k := client(t, c, Admin)
	ctx := patience(t)

	m, err := k.CoreV1().ConfigMaps(Namespace).Get(ctx, Config, metav1.GetOptions{})
	must(t, err)
	for _, f := range m.ManagedFields {
		if f.Manager == "kubectl-edit" && (!f.Time.Equal(&metav1.Time{Time: then}) || string(f.FieldsV1.GetRawBytes()) != `{"f:data":{"f:CACHE_TTL_SECONDS":{}}}`) {
			t.Errorf("the edit: %+v", f)
		}
	}
	d := deployment(t, k, Backend)
	if d.Annotations[Revision] != "42" || d.Status.AvailableReplicas != 5 || d.Status.UpdatedReplicas != 5 {
		t.Errorf("the deployment is not rolled out: %+v", d)
	}
	sets, err := k.AppsV1().ReplicaSets(Namespace).List(ctx, metav1.ListOptions{})
	must(t, err)
	for _, rs := range sets.Items {
		if rs.Annotations[Revision] == "42" && !rs.CreationTimestamp.Time.Equal(then) {
			t.Errorf("revision 42 is of %v", rs.CreationTimestamp)
		}
	}
	events, err := k.CoreV1().Events(Namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=Deployment"})
	must(t, err)
	scaled := false
	for _, e := range events.Items {
		if !e.LastTimestamp.Time.Equal(then) && !e.LastTimestamp.Time.Equal(then.Add(time.Minute)) {
			t.Errorf("an event of %v: %s", e.LastTimestamp, e.Message)
		}
		scaled = scaled || e.LastTimestamp.Time.Equal(then.Add(time.Minute))
	}
	if !scaled {
		t.Errorf("scaling is not told in %d events", len(events.Items))
	}
	must(t, c.As("", time.Time{}).Delete(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: Config}}))
	if err := c.As("x", then).ConfigMap(Namespace, Config, func(*corev1.ConfigMap) {}); err == nil {
		t.Error("what is gone was changed")
	}
}

// Events are kept for an hour.
func TestOldEventsAreForgotten(t *testing.T) {
	t.Parallel()
	clock := &handClock{now: noon}
	c := seeded(t, Options{Clock: clock})
	k := client(t, c, Admin)
	must(t, c.As("kubectl", noon.Add(-50*time.Minute)).Scale(Namespace, Backend, 2))
	count := func() int {
		t.Helper()
		l, err := k.CoreV1().Events(Namespace).List(patience(t), metav1.ListOptions{FieldSelector: "reason=ScalingReplicaSet"})
		must(t, err)
		return len(l.Items)
	}
	equal(t, "events at noon", 1, count())
	clock.advance(11 * time.Minute)
	must(t, c.As("kubectl", clock.Now()).Scale(Namespace, Backend, 4))
	equal(t, "events after another", 1, count())
}

package kubetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	revisionAnnotation = "deployment.kubernetes.io/revision"
	causeAnnotation    = "kubernetes.io/change-cause"
)

// revisions of a deployment: revision, image, desired count, change cause; the oldest first.
func (w *world) revisions(name string) []string {
	w.t.Helper()
	l, err := w.admin.AppsV1().ReplicaSets(w.namespace).List(w.ctx, metav1.ListOptions{LabelSelector: "app=" + name})
	w.must(err)
	var all []string
	for _, rs := range l.Items {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s: %s ×%d %s", rs.Annotations[revisionAnnotation],
			rs.Spec.Template.Spec.Containers[0].Image, *rs.Spec.Replicas, rs.Annotations[causeAnnotation])))
		if owner := metav1.GetControllerOf(&rs); owner == nil || owner.Name != name || owner.Kind != "Deployment" {
			w.t.Errorf("%s is owned by %+v", rs.Name, owner)
		}
		if hash := rs.Labels[appsv1.DefaultDeploymentUniqueLabelKey]; rs.Name != name+"-"+hash || rs.Spec.Selector.MatchLabels[appsv1.DefaultDeploymentUniqueLabelKey] != hash {
			w.t.Errorf("%s has the hash %s", rs.Name, hash)
		}
	}
	slices.Sort(all)
	return all
}

// told waits for an event.
func (w *world) told(kind, reason, message string) {
	w.t.Helper()
	w.await(fmt.Sprintf("an event %s: %s", reason, message), func() error {
		l, err := w.admin.CoreV1().Events(w.namespace).List(w.ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=" + kind})
		w.must(err)
		var seen []string
		for _, e := range l.Items {
			if e.Reason == reason && e.Message == message {
				return nil
			}
			seen = append(seen, e.Reason+": "+e.Message)
		}
		return fmt.Errorf("there is only %q", seen)
	})
}

func image(name string) string {
	return fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"orders","image":%q}]}}}}`, name)
}

func TestEachTemplateHasARevision(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 2)
		w.equal("at first", []string{"1: shop:1 ×2"}, w.revisions("orders"))
		w.equal("the deployment's", "1", w.deployment("orders").Annotations[revisionAnnotation])

		_, err := w.patch("orders", `{"metadata":{"annotations":{"kubernetes.io/change-cause":"new prices"}},"spec":{"template":{"spec":{"containers":[{"name":"orders","image":"shop:2"}]}}}}`, metav1.PatchOptions{})
		w.must(err)
		w.running("orders", 2)
		w.equal("after a change", []string{"1: shop:1 ×0", "2: shop:2 ×2 new prices"}, w.revisions("orders"))

		_, err = w.patch("orders", image("shop:3"), metav1.PatchOptions{})
		w.must(err)
		w.running("orders", 2)
		w.equal("the cause goes stale", []string{"1: shop:1 ×0", "2: shop:2 ×0 new prices", "3: shop:3 ×2 new prices"}, w.revisions("orders"))

		_, err = w.patch("orders", image("shop:2"), metav1.PatchOptions{})
		w.must(err)
		w.running("orders", 2)
		w.equal("after going back", []string{"1: shop:1 ×0", "3: shop:3 ×0 new prices", "4: shop:2 ×2 new prices"}, w.revisions("orders"))
		w.equal("the deployment's", "4", w.deployment("orders").Annotations[revisionAnnotation])
		for _, p := range w.pods("orders") {
			if p.Spec.Containers[0].Image != "shop:2" || p.Status.Phase != corev1.PodRunning {
				t.Errorf("the pod %s has %s and is %s", p.Name, p.Spec.Containers[0].Image, p.Status.Phase)
			}
		}
	})
}

func TestScalingMakesNoRevisionAndIsToldInEvents(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 1)
		l, err := w.admin.AppsV1().ReplicaSets(w.namespace).List(w.ctx, metav1.ListOptions{})
		w.must(err)
		rs := l.Items[0].Name
		w.told("Deployment", "ScalingReplicaSet", "Scaled up replica set "+rs+" from 0 to 1")
		for _, n := range []int32{3, 0} {
			_, err := w.patch("orders", fmt.Sprintf(`{"spec":{"replicas":%d}}`, n), metav1.PatchOptions{})
			w.must(err)
			w.running("orders", n)
		}
		w.told("Deployment", "ScalingReplicaSet", "Scaled up replica set "+rs+" from 1 to 3")
		w.told("Deployment", "ScalingReplicaSet", "Scaled down replica set "+rs+" from 3 to 0")
		w.equal("revisions", []string{"1: shop:1 ×0"}, w.revisions("orders"))
		events, err := w.admin.EventsV1().Events(w.namespace).List(w.ctx, metav1.ListOptions{})
		w.must(err)
		if len(events.Items) == 0 {
			t.Error("the newer form of events has none")
		}
	})
}

func TestAPausedDeploymentRollsNothingOut(t *testing.T) {
	onEveryPeer(t, func(_ *testing.T, w *world) {
		w.deploy("orders", 1)
		_, err := w.patch("orders", `{"spec":{"paused":true}}`, metav1.PatchOptions{})
		w.must(err)
		_, err = w.patch("orders", image("shop:2"), metav1.PatchOptions{})
		w.must(err)
		w.await("the controller has seen it", func() error {
			d := w.deployment("orders")
			condition := progressing(d)
			if d.Status.ObservedGeneration < d.Generation || condition.Reason != "DeploymentPaused" || condition.Status != corev1.ConditionUnknown {
				return fmt.Errorf("%+v", d.Status)
			}
			return nil
		})
		w.equal("while it is paused", []string{"1: shop:1 ×1"}, w.revisions("orders"))
		_, err = w.patch("orders", `{"spec":{"replicas":2}}`, metav1.PatchOptions{})
		w.must(err)
		w.await("it is scaled all the same", func() error {
			if got := w.revisions("orders"); got[0] != "1: shop:1 ×2" {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
		_, err = w.patch("orders", `{"spec":{"paused":false}}`, metav1.PatchOptions{})
		w.must(err)
		w.running("orders", 2)
		w.equal("afterwards", []string{"1: shop:1 ×0", "2: shop:2 ×2"}, w.revisions("orders"))
	})
}

func progressing(d *appsv1.Deployment) (found appsv1.DeploymentCondition) {
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentProgressing {
			return condition
		}
	}
	return found
}

func TestConditionsOfADeployment(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 1)
		w.await("it is complete", func() error {
			c := progressing(w.deployment("orders"))
			if c.Status != corev1.ConditionTrue || c.Reason != "NewReplicaSetAvailable" || !strings.HasSuffix(c.Message, `" has successfully progressed.`) {
				return fmt.Errorf("%+v", c)
			}
			return nil
		})
		available := false
		for _, c := range w.deployment("orders").Status.Conditions {
			available = available || c.Type == appsv1.DeploymentAvailable && c.Status == corev1.ConditionTrue && c.Reason == "MinimumReplicasAvailable"
		}
		if !available {
			t.Error("it is not available")
		}
		d := w.deployment("orders")
		w.equal("defaults", "RollingUpdate25% 25% 10 600 Always ClusterFirst 30 IfNotPresent", fmt.Sprint(
			d.Spec.Strategy.Type, d.Spec.Strategy.RollingUpdate.MaxSurge.String(), " ", d.Spec.Strategy.RollingUpdate.MaxUnavailable.String(), " ",
			*d.Spec.RevisionHistoryLimit, " ", *d.Spec.ProgressDeadlineSeconds, " ", d.Spec.Template.Spec.RestartPolicy, " ", d.Spec.Template.Spec.DNSPolicy, " ",
			*d.Spec.Template.Spec.TerminationGracePeriodSeconds, " ", d.Spec.Template.Spec.Containers[0].ImagePullPolicy))
		w.must(w.admin.AppsV1().Deployments(w.namespace).Delete(w.ctx, "orders", metav1.DeleteOptions{}))
		w.await("what it owned is gone", func() error {
			if sets, pods := w.revisions("orders"), w.pods("orders"); len(sets)+len(pods) > 0 {
				return fmt.Errorf("%v, %d pods", sets, len(pods))
			}
			return nil
		})
	})
}

package kubetest

import (
	"fmt"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestScale(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 2)
		deployments := w.admin.AppsV1().Deployments(w.namespace)
		before := w.deployment("orders")
		s, err := deployments.GetScale(w.ctx, "orders", metav1.GetOptions{})
		w.must(err)
		want := &autoscalingv1.Scale{
			ObjectMeta: metav1.ObjectMeta{
				Name: "orders", Namespace: w.namespace, UID: before.UID, ResourceVersion: before.ResourceVersion, CreationTimestamp: before.CreationTimestamp,
			},
			Spec:   autoscalingv1.ScaleSpec{Replicas: 2},
			Status: autoscalingv1.ScaleStatus{Replicas: 2, Selector: "app=orders"},
		}
		w.equal("scale", want, s)

		_, err = w.patch("orders", `{"metadata":{"labels":{"touched":"true"}}}`, metav1.PatchOptions{})
		w.must(err)
		s.Spec.Replicas = 0
		_, err = deployments.UpdateScale(w.ctx, "orders", s, metav1.UpdateOptions{})
		w.refused(err, 409, metav1.StatusReasonConflict, `Operation cannot be fulfilled on deployments.apps "orders": `+stale)
		patch := fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"spec":{"replicas":0}}`, s.ResourceVersion)
		_, err = deployments.Patch(w.ctx, "orders", types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "scale")
		w.refused(err, 409, metav1.StatusReasonConflict, `Operation cannot be fulfilled on deployments.apps "orders": `+stale)
		w.running("orders", 2)

		s, err = deployments.GetScale(w.ctx, "orders", metav1.GetOptions{})
		w.must(err)
		s.Spec.Replicas = 0
		after, err := deployments.UpdateScale(w.ctx, "orders", s, metav1.UpdateOptions{})
		w.must(err)
		if after.Spec.Replicas != 0 || after.ResourceVersion == s.ResourceVersion {
			t.Errorf("scaled to %+v", after)
		}
		w.running("orders", 0)
		w.await("the pods are gone", func() error {
			if left := w.pods("orders"); len(left) > 0 {
				return fmt.Errorf("%d pods", len(left))
			}
			return nil
		})
		_, err = deployments.Patch(w.ctx, "orders", types.MergePatchType, []byte(`{"spec":{"replicas":1}}`), metav1.PatchOptions{}, "scale")
		w.must(err)
		w.running("orders", 1)

		s.ResourceVersion, s.Spec.Replicas = "", -1
		_, err = deployments.UpdateScale(w.ctx, "orders", s, metav1.UpdateOptions{})
		w.refused(err, 422, metav1.StatusReasonInvalid, `Scale.autoscaling "orders" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0`)
		_, err = deployments.GetScale(w.ctx, "nothing", metav1.GetOptions{})
		w.refused(err, 404, metav1.StatusReasonNotFound, `deployments.apps "nothing" not found`)
	})
}

func TestGenerationsCountChangesOfTheSpec(t *testing.T) {
	onEveryPeer(t, func(_ *testing.T, w *world) {
		w.deploy("orders", 1)
		w.equal("at first", int64(1), w.deployment("orders").Generation)
		for _, step := range []struct {
			what, patch string
			want        int64
		}{
			{"a label", `{"metadata":{"labels":{"a":"b"}}}`, 1},
			{"an annotation", `{"metadata":{"annotations":{"a":"b"}}}`, 2},
			{"the count", `{"spec":{"replicas":2}}`, 3},
			{"nothing", `{"spec":{"replicas":2}}`, 3},
			{"the status", `{"status":{"replicas":17}}`, 3},
		} {
			d, err := w.patch("orders", step.patch, metav1.PatchOptions{})
			w.must(err)
			w.equal("after a change of "+step.what, step.want, d.Generation)
		}
		w.running("orders", 2)
	})
}

// An autoscaler undoes what is out of its bounds, except for zero: "implicit maintenance mode".
func TestAnAutoscalerKeepsItsBounds(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 1)
		two := int32(2)
		scalers := w.admin.AutoscalingV2().HorizontalPodAutoscalers(w.namespace)
		_, err := scalers.Create(w.ctx, &autoscalingv2.HorizontalPodAutoscaler{
			ObjectMeta: metav1.ObjectMeta{Name: "orders"},
			Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
				ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "orders"},
				MinReplicas:    &two, MaxReplicas: 4,
			},
		}, metav1.CreateOptions{})
		w.must(err)
		w.running("orders", 2)
		if f := fieldsOf(w.deployment("orders"), "kube-controller-manager", "scale"); f != `{"f:spec":{"f:replicas":{}}}` {
			t.Errorf("the autoscaler manages %q", f)
		}
		w.told("HorizontalPodAutoscaler", "SuccessfulRescale", "New size: 2; reason: Current number of replicas below Spec.MinReplicas")

		_, err = w.admin.AppsV1().Deployments(w.namespace).Patch(w.ctx, "orders", types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{}, "scale")
		w.must(err)
		w.await("it says that it is disabled", func() error {
			s, err := scalers.Get(w.ctx, "orders", metav1.GetOptions{})
			w.must(err)
			for _, condition := range s.Status.Conditions {
				if condition.Type == autoscalingv2.ScalingActive && condition.Status == corev1.ConditionFalse && condition.Reason == "ScalingDisabled" {
					return nil
				}
			}
			return fmt.Errorf("conditions %+v", s.Status.Conditions)
		})
		w.running("orders", 0)
		_, err = w.admin.AppsV1().Deployments(w.namespace).Patch(w.ctx, "orders", types.MergePatchType, []byte(`{"spec":{"replicas":9}}`), metav1.PatchOptions{}, "scale")
		w.must(err)
		w.running("orders", 4)
	})
}

package cluster

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
)

// Load is how many replicas an autoscaler's metrics ask for, from now on. Until it is called they ask for as many as
// there are.
func (c *Cluster) Load(namespace, autoscalerName string, replicas int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := place{namespace, autoscalerName}
	c.loads[at] = replicas
	c.enqueue(autoscaler, at)
}

// syncAutoscaler is the horizontal pod autoscaler, after kubernetes pkg/controller/podautoscaler: a target at 0 is left
// alone ("implicit maintenance mode"), unless the minimum is 0; every other one is brought between its bounds.
func (c *Cluster) syncAutoscaler(at place) error {
	h, ok := load[*autoscalingv2.HorizontalPodAutoscaler](c, c.kinds.autoscalers, at)
	if !ok {
		return nil
	}
	target := place{at.namespace, h.Spec.ScaleTargetRef.Name}
	d, ok := load[*appsv1.Deployment](c, c.kinds.deployments, target)
	if !ok || h.Spec.ScaleTargetRef.Kind != "Deployment" {
		return c.reportAutoscaler(at, 0, 0, autoscalingv2.HorizontalPodAutoscalerCondition{
			Type: autoscalingv2.AbleToScale, Status: corev1.ConditionFalse, Reason: "FailedGetScale",
			Message: fmt.Sprintf("the HPA controller was unable to get the target's current scale: %ss.apps %q not found", "deployment", target.name),
		})
	}
	now := replicas(d.Spec.Replicas)
	lowest := replicas(h.Spec.MinReplicas)
	if now == 0 && lowest != 0 {
		return c.reportAutoscaler(at, 0, 0,
			condition(autoscalingv2.AbleToScale, true, "SucceededGetScale", "the HPA controller was able to get the target's current scale"),
			condition(autoscalingv2.ScalingActive, false, "ScalingDisabled", "scaling is disabled since the replica count of the target is zero"))
	}
	next, reason := c.wantedReplicas(h, now)
	if next != now {
		if err := c.setScale(target, next, controllerManager); err != nil {
			return fmt.Errorf("autoscaler %s: %w", at.name, err)
		}
		c.record(h, c.kinds.autoscalers, corev1.EventTypeNormal, "SuccessfulRescale", "horizontal-pod-autoscaler",
			fmt.Sprintf("New size: %d; reason: %s", next, reason))
	}
	return c.reportAutoscaler(at, d.Status.Replicas, next,
		condition(autoscalingv2.AbleToScale, true, "ReadyForNewScale", "recommended size matches current size"),
		condition(autoscalingv2.ScalingActive, true, "ValidMetricFound", "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"))
}

// setScale scales a deployment as a controller does, through the scale subresource.
func (c *Cluster) setScale(at place, n int32, manager string) error {
	_, err := c.update(c.kinds.deployments, at, write{manager: manager, subresource: "scale", managed: true}, func(o object) (object, error) {
		return o, c.rescale(c.kinds.deployments, o, n, manager)
	})
	return err
}

func (c *Cluster) wantedReplicas(h *autoscalingv2.HorizontalPodAutoscaler, now int32) (next int32, reason string) {
	lowest := replicas(h.Spec.MinReplicas)
	switch {
	case now > h.Spec.MaxReplicas:
		return h.Spec.MaxReplicas, "Current number of replicas above Spec.MaxReplicas"
	case now < lowest:
		return lowest, "Current number of replicas below Spec.MinReplicas"
	}
	wanted, said := c.loads[placeOf(h)]
	if !said {
		return now, ""
	}
	wanted = min(max(wanted, lowest), h.Spec.MaxReplicas)
	if wanted < now {
		return wanted, "All metrics below target"
	}
	return wanted, "cpu resource utilization (percentage of request) above target"
}

func condition(which autoscalingv2.HorizontalPodAutoscalerConditionType, good bool, reason, message string) autoscalingv2.HorizontalPodAutoscalerCondition {
	status := corev1.ConditionFalse
	if good {
		status = corev1.ConditionTrue
	}
	return autoscalingv2.HorizontalPodAutoscalerCondition{Type: which, Status: status, Reason: reason, Message: message}
}

func (c *Cluster) reportAutoscaler(at place, current, desired int32, conditions ...autoscalingv2.HorizontalPodAutoscalerCondition) error {
	_, err := modify(c, c.kinds.autoscalers, at, write{manager: controllerManager, subresource: "status"}, func(h *autoscalingv2.HorizontalPodAutoscaler) {
		s := &h.Status
		if s.DesiredReplicas != desired && s.ObservedGeneration != nil {
			now := c.stamp()
			s.LastScaleTime = &now
		}
		generation := h.Generation
		s.ObservedGeneration, s.CurrentReplicas, s.DesiredReplicas = &generation, current, desired
		for i, next := range conditions {
			next.LastTransitionTime = c.stamp()
			for _, old := range s.Conditions {
				if old.Type == next.Type && old.Status == next.Status {
					next.LastTransitionTime = old.LastTransitionTime
				}
			}
			conditions[i] = next
		}
		s.Conditions = conditions
	})
	if err != nil {
		return fmt.Errorf("status of the autoscaler %s: %w", at.name, err)
	}
	return nil
}

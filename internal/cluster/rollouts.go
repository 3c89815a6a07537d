package cluster

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// bounds are how many pods may be too many and too few during a rollout.
func (r *rollout) bounds() (surge, unavailable int32) {
	u := r.d.Spec.Strategy.RollingUpdate
	if r.d.Spec.Strategy.Type != appsv1.RollingUpdateDeploymentStrategyType || u == nil {
		return 0, 0
	}
	n := int(r.desired())
	most, err := intstr.GetScaledValueFromIntOrPercent(u.MaxSurge, n, true)
	fewest, err2 := intstr.GetScaledValueFromIntOrPercent(u.MaxUnavailable, n, false)
	if err != nil || err2 != nil || most == 0 && fewest == 0 {
		return 0, 1
	}
	return int32(most), min(int32(fewest), r.desired()) //nolint:gosec // they come from an int32, or are a part of one
}

// newCount is what the current replica set may have now.
func (r *rollout) newCount(rs *appsv1.ReplicaSet) int32 {
	if r.d.Spec.Strategy.Type != appsv1.RollingUpdateDeploymentStrategyType {
		return r.desired()
	}
	surge, _ := r.bounds()
	now := replicas(rs.Spec.Replicas)
	total := now
	for _, other := range r.old {
		total += replicas(other.Spec.Replicas)
	}
	if total >= r.desired()+surge {
		return now
	}
	return now + min(r.desired()+surge-total, r.desired()-now)
}

// roll moves pods from the old replica sets to the current one, a step at a time.
func (r *rollout) roll() error {
	now := replicas(r.current.Spec.Replicas)
	if now > r.desired() {
		return r.scale(r.current, r.desired())
	}
	if now < r.desired() {
		if n := r.newCount(r.current); n != now {
			return r.scale(r.current, n)
		}
	}
	if done, err := r.shrinkOld(); done || err != nil {
		return err
	}
	if r.complete() {
		return r.forget()
	}
	return nil
}

func (r *rollout) shrinkOld() (shrunk bool, err error) {
	var pods, available int32
	for _, rs := range r.all() {
		pods += replicas(rs.Spec.Replicas)
		available += rs.Status.AvailableReplicas
	}
	_, mayLack := r.bounds()
	atLeast := r.desired() - mayLack
	most := pods - atLeast - (replicas(r.current.Spec.Replicas) - r.current.Status.AvailableReplicas)
	var unhealthy int32
	for i, rs := range r.old { // what is not available is not missed
		n := min(most-unhealthy, replicas(rs.Spec.Replicas)-rs.Status.AvailableReplicas)
		if n <= 0 {
			continue
		}
		if err := r.scale(rs, replicas(rs.Spec.Replicas)-n); err != nil {
			return false, err
		}
		unhealthy += n
		r.old[i], _ = load[*appsv1.ReplicaSet](r.c, r.c.kinds.replicaSets, placeOf(rs))
	}
	spare := available - atLeast
	for _, rs := range r.old {
		n := min(spare, replicas(rs.Spec.Replicas))
		if most <= 0 || n <= 0 {
			continue
		}
		if err := r.scale(rs, replicas(rs.Spec.Replicas)-n); err != nil {
			return false, err
		}
		spare -= n
		shrunk = true
	}
	return shrunk || unhealthy > 0, nil
}

func (r *rollout) complete() bool {
	s := r.d.Status
	return s.UpdatedReplicas == r.desired() && s.Replicas == r.desired() && s.AvailableReplicas == r.desired() && s.ObservedGeneration >= r.d.Generation
}

// forget removes the oldest replica sets past the limit of the history.
func (r *rollout) forget() error {
	var empty []*appsv1.ReplicaSet
	for _, rs := range r.old {
		if replicas(rs.Spec.Replicas) == 0 && rs.Status.Replicas == 0 {
			empty = append(empty, rs)
		}
	}
	slices.SortStableFunc(empty, func(a, b *appsv1.ReplicaSet) int { return int(revisionOf(a) - revisionOf(b)) })
	for len(empty) > int(replicas(r.d.Spec.RevisionHistoryLimit)) {
		r.c.remove(r.c.kinds.replicaSets, empty[0], false)
		empty = empty[1:]
	}
	return nil
}

// report writes the deployment's status.
func (r *rollout) report() error {
	_, err := modify(r.c, r.c.kinds.deployments, ofDeployment(r.d), write{manager: controllerManager, subresource: "status"}, func(d *appsv1.Deployment) {
		r.d = d
		s := &d.Status
		before := *s.DeepCopy()
		*s = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Conditions: s.Conditions, CollisionCount: s.CollisionCount}
		var wanted int32
		for _, rs := range r.all() {
			s.Replicas += rs.Status.Replicas
			s.ReadyReplicas += rs.Status.ReadyReplicas
			s.AvailableReplicas += rs.Status.AvailableReplicas
			wanted += replicas(rs.Spec.Replicas)
		}
		if r.current != nil {
			s.UpdatedReplicas = r.current.Status.Replicas
		}
		s.UnavailableReplicas = max(0, wanted-s.AvailableReplicas)
		r.judgeAvailable()
		r.judgeProgress(before)
	})
	return err
}

func (r *rollout) judgeAvailable() {
	_, mayLack := r.bounds()
	if r.d.Status.AvailableReplicas >= r.desired()-mayLack {
		r.condition(appsv1.DeploymentAvailable, corev1.ConditionTrue, "MinimumReplicasAvailable", "Deployment has minimum availability.")
		return
	}
	r.condition(appsv1.DeploymentAvailable, corev1.ConditionFalse, "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
}

func (r *rollout) judgeProgress(before appsv1.DeploymentStatus) {
	s := &r.d.Status
	progressing := r.find(appsv1.DeploymentProgressing)
	paused := progressing != nil && progressing.Reason == "DeploymentPaused"
	switch {
	case r.d.Spec.Paused && (progressing == nil || progressing.Reason != "ProgressDeadlineExceeded"):
		r.condition(appsv1.DeploymentProgressing, corev1.ConditionUnknown, "DeploymentPaused", "Deployment is paused")
	case r.d.Spec.Paused:
	case paused:
		r.condition(appsv1.DeploymentProgressing, corev1.ConditionUnknown, "DeploymentResumed", "Deployment is resumed")
		r.c.enqueue(deploymentController, ofDeployment(r.d))
	case r.current == nil:
	case r.complete():
		r.condition(appsv1.DeploymentProgressing, corev1.ConditionTrue, "NewReplicaSetAvailable",
			fmt.Sprintf("ReplicaSet %q has successfully progressed.", r.current.Name))
	case progressing == nil:
		r.condition(appsv1.DeploymentProgressing, corev1.ConditionTrue, "NewReplicaSetCreated", fmt.Sprintf("Created new replica set %q", r.current.Name))
	case s.UpdatedReplicas > before.UpdatedReplicas || s.ReadyReplicas > before.ReadyReplicas || s.AvailableReplicas > before.AvailableReplicas ||
		s.Replicas-s.UpdatedReplicas < before.Replicas-before.UpdatedReplicas:
		r.progressed()
	default:
		r.watchDeadline(progressing)
	}
}

func (r *rollout) progressed() {
	r.condition(appsv1.DeploymentProgressing, corev1.ConditionTrue, "ReplicaSetUpdated", fmt.Sprintf("ReplicaSet %q is progressing.", r.current.Name))
	if p := r.find(appsv1.DeploymentProgressing); p != nil {
		p.LastUpdateTime = r.c.stamp()
	}
}

// watchDeadline: a rollout that has not moved for too long has failed.
func (r *rollout) watchDeadline(progressing *appsv1.DeploymentCondition) {
	if progressing.Reason == "NewReplicaSetAvailable" {
		r.progressed() // a new rollout has begun
		return
	}
	if progressing.Reason == "ProgressDeadlineExceeded" || r.d.Spec.ProgressDeadlineSeconds == nil {
		return
	}
	at := ofDeployment(r.d)
	left := progressing.LastUpdateTime.Add(time.Duration(*r.d.Spec.ProgressDeadlineSeconds) * time.Second).Sub(r.c.now())
	if left > 0 {
		if r.c.asOf.IsZero() {
			r.c.later(left+time.Second, func() { r.c.enqueue(deploymentController, at) })
		}
		return
	}
	r.condition(appsv1.DeploymentProgressing, corev1.ConditionFalse, "ProgressDeadlineExceeded",
		fmt.Sprintf("ReplicaSet %q has timed out progressing.", r.current.Name))
}

func (r *rollout) find(which appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for i := range r.d.Status.Conditions {
		if r.d.Status.Conditions[i].Type == which {
			return &r.d.Status.Conditions[i]
		}
	}
	return nil
}

// condition sets one, unless it says the same already.
func (r *rollout) condition(which appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason, message string) {
	next := appsv1.DeploymentCondition{
		Type: which, Status: status, Reason: reason, Message: message, LastUpdateTime: r.c.stamp(), LastTransitionTime: r.c.stamp(),
	}
	now := r.find(which)
	if now == nil {
		r.d.Status.Conditions = append(r.d.Status.Conditions, next)
		return
	}
	if now.Status == status && now.Reason == reason && (now.Message == message || which == appsv1.DeploymentAvailable) {
		return
	}
	if now.Status == status {
		next.LastTransitionTime = now.LastTransitionTime
	}
	*now = next
}

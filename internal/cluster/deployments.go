package cluster

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
)

// The deployment controller, after kubernetes pkg/controller/deployment, version 1.36.

// Annotations of deployments and replica sets.
const (
	Revision        = "deployment.kubernetes.io/revision"
	revisionHistory = "deployment.kubernetes.io/revision-history"
	desiredReplicas = "deployment.kubernetes.io/desired-replicas"
	maxReplicas     = "deployment.kubernetes.io/max-replicas"
	// ChangeCause is what kubectl shows as the cause of a revision.
	ChangeCause = "kubernetes.io/change-cause"
)

const hashLabel = appsv1.DefaultDeploymentUniqueLabelKey // pod-template-hash

// rollout is one look at a deployment.
type rollout struct {
	c       *Cluster
	d       *appsv1.Deployment
	current *appsv1.ReplicaSet   // the one with the deployment's template; nil: there is none yet
	old     []*appsv1.ReplicaSet // the others, the oldest first
}

func (c *Cluster) syncDeployment(at place) error {
	d, ok := load[*appsv1.Deployment](c, c.kinds.deployments, at)
	if !ok || d.DeletionTimestamp != nil {
		return nil
	}
	r := &rollout{c: c, d: d}
	r.look()
	if err := r.act(); err != nil {
		return fmt.Errorf("deployment %s: %w", d.Name, err)
	}
	r.look()
	if err := r.report(); err != nil {
		return fmt.Errorf("status of the deployment %s: %w", d.Name, err)
	}
	return nil
}

// look reads the replica sets.
func (r *rollout) look() {
	r.current, r.old = nil, nil
	for _, rs := range owned[*appsv1.ReplicaSet](r.c, r.c.kinds.replicaSets, r.d) {
		if r.current == nil && sameTemplate(rs.Spec.Template, r.d.Spec.Template) {
			r.current = rs
			continue
		}
		r.old = append(r.old, rs)
	}
	slices.SortStableFunc(r.old, func(a, b *appsv1.ReplicaSet) int {
		if d := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); d != 0 {
			return d
		}
		return int(revisionOf(a) - revisionOf(b))
	})
}

func sameTemplate(a, b corev1.PodTemplateSpec) bool {
	a, b = *a.DeepCopy(), *b.DeepCopy()
	delete(a.Labels, hashLabel)
	delete(b.Labels, hashLabel)
	return apiequality.Semantic.DeepEqual(a, b)
}

// act takes the next step; what it changes wakes the controller again.
func (r *rollout) act() error {
	if r.d.Spec.Paused {
		return r.resize()
	}
	if r.scaling() {
		if err := r.syncCurrent(false); err != nil {
			return err
		}
		return r.resize()
	}
	if r.d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType && r.currentMissing() {
		stopped := true
		for _, rs := range r.old {
			stopped = stopped && rs.Status.Replicas == 0 && replicas(rs.Spec.Replicas) == 0
			if err := r.scale(rs, 0); err != nil {
				return err
			}
		}
		if !stopped {
			return nil
		}
	}
	if err := r.syncCurrent(true); err != nil {
		return err
	}
	return r.roll()
}

func (r *rollout) currentMissing() bool {
	return r.current == nil || replicas(r.current.Spec.Replicas) == 0
}

func (r *rollout) all() []*appsv1.ReplicaSet {
	if r.current == nil {
		return slices.Clone(r.old)
	}
	return append(slices.Clone(r.old), r.current)
}

func (r *rollout) active() (all []*appsv1.ReplicaSet) {
	for _, rs := range r.all() {
		if replicas(rs.Spec.Replicas) > 0 {
			all = append(all, rs)
		}
	}
	return all
}

// scaling tells that the deployment's count was changed since an active replica set was given its own.
func (r *rollout) scaling() bool {
	for _, rs := range r.active() {
		if desired, said := rs.Annotations[desiredReplicas]; said && desired != decimal(r.desired()) {
			return true
		}
	}
	return false
}

func (r *rollout) desired() int32 { return replicas(r.d.Spec.Replicas) }

// resize gives the count to the one replica set that is active, or to the latest; with several, to the current one in
// steps as in a rollout.
func (r *rollout) resize() error {
	active := r.active()
	switch {
	case len(active) == 1:
		return r.scale(active[0], r.desired())
	case len(active) == 0 && r.current != nil:
		return r.scale(r.current, r.desired())
	case len(active) == 0 && len(r.old) > 0:
		return r.scale(r.old[len(r.old)-1], r.desired())
	case len(active) == 0:
		return nil
	}
	return r.resizeAll(active)
}

// resizeAll shares a count out in proportion, the rest to the largest.
func (r *rollout) resizeAll(active []*appsv1.ReplicaSet) error {
	var total int32
	for _, rs := range active {
		total += replicas(rs.Spec.Replicas)
	}
	allowed := r.desired()
	if allowed > 0 && r.d.Spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		surge, _ := r.bounds()
		allowed += surge
	}
	slices.SortStableFunc(active, func(a, b *appsv1.ReplicaSet) int {
		return int(replicas(b.Spec.Replicas) - replicas(a.Spec.Replicas))
	})
	left := allowed
	shares := make([]int32, len(active))
	for i, rs := range active {
		shares[i] = min(left, replicas(rs.Spec.Replicas)*allowed/max(total, 1))
		left -= shares[i]
	}
	shares[0] += left
	for i, rs := range active {
		if err := r.scale(rs, shares[i]); err != nil {
			return err
		}
	}
	return nil
}

// scale gives a replica set its count, and tells it in an event.
func (r *rollout) scale(rs *appsv1.ReplicaSet, n int32) error {
	before := replicas(rs.Spec.Replicas)
	surge, _ := r.bounds()
	_, err := modify(r.c, r.c.kinds.replicaSets, placeOf(rs), write{manager: controllerManager}, func(rs *appsv1.ReplicaSet) {
		rs.Spec.Replicas = &n
		annotate(rs, desiredReplicas, decimal(r.desired()))
		annotate(rs, maxReplicas, decimal(r.desired()+surge))
	})
	if err != nil || before == n {
		return err
	}
	direction := "down"
	if before < n {
		direction = "up"
	}
	r.c.record(r.d, r.c.kinds.deployments, corev1.EventTypeNormal, "ScalingReplicaSet", "deployment-controller",
		fmt.Sprintf("Scaled %s replica set %s from %d to %d", direction, rs.Name, before, n))
	return nil
}

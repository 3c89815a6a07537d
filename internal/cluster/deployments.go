package cluster

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
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

// syncCurrent makes the replica set of the template, if that is wanted, and gives it and the deployment their revision.
func (r *rollout) syncCurrent(make bool) error {
	var highest int64
	for _, rs := range r.old {
		highest = max(highest, revisionOf(rs))
	}
	if r.current == nil {
		if !make {
			return nil
		}
		if err := r.begin(strconv.FormatInt(highest+1, 10)); err != nil {
			return err
		}
	} else {
		rs, err := modify(r.c, r.c.kinds.replicaSets, placeOf(r.current), write{manager: controllerManager}, func(rs *appsv1.ReplicaSet) {
			r.annotateCurrent(rs, highest+1)
			rs.Spec.MinReadySeconds = r.d.Spec.MinReadySeconds
		})
		if err != nil {
			return err
		}
		r.current = rs
	}
	var err error
	r.d, err = modify(r.c, r.c.kinds.deployments, ofDeployment(r.d), write{manager: controllerManager, subresource: "status"}, func(d *appsv1.Deployment) {
		annotate(d, Revision, r.current.Annotations[Revision])
	})
	return err
}

// begin makes the replica set of a template that has none.
func (r *rollout) begin(revision string) error {
	template := r.d.Spec.Template.DeepCopy()
	hash := templateHash(template)
	if template.Labels == nil {
		template.Labels = map[string]string{}
	}
	template.Labels[hashLabel] = hash
	selector := r.d.Spec.Selector.DeepCopy()
	if selector.MatchLabels == nil {
		selector.MatchLabels = map[string]string{}
	}
	selector.MatchLabels[hashLabel] = hash
	none := int32(0)
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Name: r.d.Name + "-" + hash, Namespace: r.d.Namespace, Labels: template.Labels,
			OwnerReferences: controls(r.d, r.c.kinds.deployments),
		},
		Spec: appsv1.ReplicaSetSpec{Replicas: &none, MinReadySeconds: r.d.Spec.MinReadySeconds, Selector: selector, Template: *template},
	}
	number, _ := strconv.ParseInt(revision, 10, 64) // made of a number
	r.annotateCurrent(rs, number)
	n := r.newCount(rs)
	rs.Spec.Replicas = &n
	surge, _ := r.bounds()
	annotate(rs, desiredReplicas, decimal(r.desired()))
	annotate(rs, maxReplicas, decimal(r.desired()+surge))
	made, err := r.c.create(r.c.kinds.replicaSets, rs, write{manager: controllerManager})
	if err != nil {
		return err
	}
	r.current, _ = made.(*appsv1.ReplicaSet)
	if n > 0 {
		r.c.record(r.d, r.c.kinds.deployments, corev1.EventTypeNormal, "ScalingReplicaSet", "deployment-controller",
			fmt.Sprintf("Scaled up replica set %s from 0 to %d", rs.Name, n))
	}
	return nil
}

// annotateCurrent copies what the deployment says of itself, the change cause included, which is why that goes stale,
// and gives a higher revision to a replica set that is rolled back to.
func (r *rollout) annotateCurrent(rs *appsv1.ReplicaSet, revision int64) {
	skip := []string{corev1.LastAppliedConfigAnnotation, Revision, revisionHistory, desiredReplicas, maxReplicas, appsv1.DeprecatedRollbackTo}
	for key, value := range r.d.Annotations {
		if !slices.Contains(skip, key) {
			annotate(rs, key, value)
		}
	}
	before := revisionOf(rs)
	if before >= revision {
		return
	}
	annotate(rs, Revision, strconv.FormatInt(revision, 10))
	if before > 0 {
		history := strings.Split(rs.Annotations[revisionHistory], ",")
		if history[0] == "" {
			history = nil
		}
		annotate(rs, revisionHistory, strings.Join(append(history, strconv.FormatInt(before, 10)), ","))
	}
}

func annotate(o object, key, value string) {
	all := o.GetAnnotations()
	if all == nil {
		all = map[string]string{}
	}
	all[key] = value
	o.SetAnnotations(all)
}

func revisionOf(rs *appsv1.ReplicaSet) int64 {
	n, err := strconv.ParseInt(rs.Annotations[Revision], 10, 64)
	if err != nil {
		return 0 // as the real one takes it
	}
	return n
}

// templateHash names a template. The real one hashes another rendering of it; nothing may depend on the value.
func templateHash(t *corev1.PodTemplateSpec) string {
	b, err := t.Marshal()
	if err != nil {
		panic(fmt.Sprintf("cluster: encoding a template: %v", err)) // impossible: it was decoded
	}
	h := fnv.New32a()
	_, _ = h.Write(b) // it never fails
	return rand.SafeEncodeString(strconv.FormatUint(uint64(h.Sum32()), 10))
}

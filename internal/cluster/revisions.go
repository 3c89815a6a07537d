package cluster

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
)

// syncCurrent makes the replica set of the template, if that is wanted, and gives it and the deployment their revision.
func (r *rollout) syncCurrent(wanted bool) error {
	var highest int64
	for _, rs := range r.old {
		highest = max(highest, revisionOf(rs))
	}
	if r.current == nil {
		if !wanted {
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

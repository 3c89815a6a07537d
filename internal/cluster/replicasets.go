package cluster

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
)

// syncReplicaSet makes or removes pods until there are as many as wanted.
func (c *Cluster) syncReplicaSet(at place) error {
	rs, ok := load[*appsv1.ReplicaSet](c, c.kinds.replicaSets, at)
	if !ok || rs.DeletionTimestamp != nil {
		return nil
	}
	pods := c.livePods(rs)
	for range int(replicas(rs.Spec.Replicas)) - len(pods) {
		p, err := c.makePod(rs, c.kinds.replicaSets, rs.Spec.Template, nil)
		if err != nil {
			return fmt.Errorf("a pod of the replica set %s: %w", rs.Name, err)
		}
		c.record(rs, c.kinds.replicaSets, corev1.EventTypeNormal, "SuccessfulCreate", "replicaset-controller", "Created pod: "+p.Name)
	}
	if extra := len(pods) - int(replicas(rs.Spec.Replicas)); extra > 0 {
		for _, p := range leastMissed(pods)[:extra] {
			c.record(rs, c.kinds.replicaSets, corev1.EventTypeNormal, "SuccessfulDelete", "replicaset-controller", "Deleted pod: "+p.Name)
			if _, err := c.stopPod(placeOf(p)); err != nil {
				return err
			}
		}
	}
	return c.reportReplicaSet(at, rs)
}

func (c *Cluster) reportReplicaSet(at place, rs *appsv1.ReplicaSet) error {
	pods := c.livePods(rs)
	_, err := modify(c, c.kinds.replicaSets, at, write{manager: controllerManager, subresource: "status"}, func(rs *appsv1.ReplicaSet) {
		s := &rs.Status
		s.ObservedGeneration = rs.Generation
		s.Replicas, s.ReadyReplicas = 0, 0
		for _, p := range pods {
			s.Replicas++
			if ready(p) {
				s.ReadyReplicas++
			}
		}
		s.FullyLabeledReplicas, s.AvailableReplicas = s.Replicas, s.ReadyReplicas
	})
	return err
}

// livePods are those that count: neither ended nor ending.
func (c *Cluster) livePods(owner object) []*corev1.Pod {
	return slices.DeleteFunc(owned[*corev1.Pod](c, c.kinds.pods, owner), func(p *corev1.Pod) bool {
		return p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	})
}

// leastMissed are pods in the order in which they are removed: those that are not ready first, then the youngest.
func leastMissed(pods []*corev1.Pod) []*corev1.Pod {
	slices.SortStableFunc(pods, func(a, b *corev1.Pod) int {
		if ready(a) != ready(b) {
			if ready(b) {
				return -1
			}
			return 1
		}
		return b.CreationTimestamp.Compare(a.CreationTimestamp.Time)
	})
	return pods
}

func ready(p *corev1.Pod) bool {
	for _, condition := range p.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// makePod makes a pod of a template.
func (c *Cluster) makePod(owner object, k *kind, t corev1.PodTemplateSpec, labels map[string]string) (*corev1.Pod, error) {
	t = *t.DeepCopy()
	prefix := owner.GetName() + "-"
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: prefix + rand.SafeEncodeString(c.word()), GenerateName: prefix, Namespace: owner.GetNamespace(),
			Labels: t.Labels, Annotations: t.Annotations, OwnerReferences: controls(owner, k),
		},
		Spec: t.Spec,
	}
	for key, value := range labels {
		p.Labels[key] = value
	}
	o, err := c.create(c.kinds.pods, p, write{manager: controllerManager})
	if err != nil {
		return nil, err
	}
	p, _ = o.(*corev1.Pod)
	return p, nil
}

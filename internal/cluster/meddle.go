package cluster

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
)

// meddler puts a deployment back to how it was when the meddler came, as Argo CD, Flux or an operator does.
type meddler struct {
	at      place
	manager string
	after   time.Duration
	count   int32
	pod     *corev1.PodTemplateSpec // nil: it scales, and looks at nothing else
	waiting bool
	stopped bool
}

// Revert makes somebody who watches a deployment put its replica count and its pod template back to what they are now,
// under its own name as a field manager ("argocd-controller", "kustomize-controller", "keda-operator"), some time after
// anybody changes them. It goes on until stop is called.
func (c *Cluster) Revert(namespace, deployment, manager string, after time.Duration) (stop func(), err error) {
	return c.addMeddler(&meddler{at: place{namespace, deployment}, manager: manager, after: after}, true)
}

// RevertScale is the same through the scale subresource, as autoscalers and their operators do it: it puts back the
// count only, and the managed fields may not tell its name.
func (c *Cluster) RevertScale(namespace, deployment, manager string, after time.Duration) (stop func(), err error) {
	return c.addMeddler(&meddler{at: place{namespace, deployment}, manager: manager, after: after}, false)
}

func (c *Cluster) addMeddler(m *meddler, whole bool) (stop func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := load[*appsv1.Deployment](c, c.kinds.deployments, m.at)
	if !ok {
		return nil, fmt.Errorf("cluster: there is no deployment %s in %s to watch", m.at.name, m.at.namespace)
	}
	m.count = replicas(d.Spec.Replicas)
	if whole {
		m.pod = d.Spec.Template.DeepCopy()
	}
	c.meddlers = append(c.meddlers, m)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		m.stopped = true
	}, nil
}

// meddle lets those who watch a deployment act.
func (c *Cluster) meddle(at place) {
	for _, m := range c.meddlers {
		if m.at != at || m.stopped || m.waiting || !m.changed(c) {
			continue
		}
		m.waiting = true
		c.later(m.after, func() {
			m.waiting = false
			if m.stopped || !m.changed(c) {
				return
			}
			if err := m.revert(c); err != nil {
				c.options.Log.Error("a deployment could not be put back", "manager", m.manager, "error", err)
			}
		})
	}
}

func (m *meddler) revert(c *Cluster) error {
	if m.pod == nil {
		return c.setScale(m.at, m.count, m.manager)
	}
	_, err := modify(c, c.kinds.deployments, m.at, write{manager: m.manager}, func(d *appsv1.Deployment) {
		count := m.count
		d.Spec.Replicas, d.Spec.Template = &count, *m.pod.DeepCopy()
	})
	return err
}

func (m *meddler) changed(c *Cluster) bool {
	d, ok := load[*appsv1.Deployment](c, c.kinds.deployments, m.at)
	return ok && (replicas(d.Spec.Replicas) != m.count || m.pod != nil && !apiequality.Semantic.DeepEqual(d.Spec.Template, *m.pod))
}

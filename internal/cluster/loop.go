package cluster

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// controllerManager is whom the controllers' fields belong to.
const controllerManager = "kube-controller-manager"

// task is a controller's look at one object. It is done again whenever something may have to be done.
type task struct {
	controller controller
	at         place
}

type controller int

const (
	deploymentController controller = iota
	replicaSetController
	kubelet
	jobController
	autoscaler
	meddling
)

// wake gives the controllers what a change may mean to them. A change by the object's owner reaches it, too.
func (c *Cluster) wake(k *kind, old, next object) {
	o := next
	if o == nil {
		o = old
	}
	at := placeOf(o)
	switch k {
	case c.kinds.deployments:
		c.enqueue(deploymentController, at)
		c.enqueue(meddling, at)
		c.wakeAutoscalers(at)
	case c.kinds.replicaSets:
		c.enqueue(replicaSetController, at)
	case c.kinds.pods:
		c.enqueue(kubelet, at)
	case c.kinds.jobs:
		c.enqueue(jobController, at)
	case c.kinds.autoscalers:
		c.enqueue(autoscaler, at)
	}
	if owner := metav1.GetControllerOf(o); owner != nil {
		above := place{at.namespace, owner.Name}
		switch owner.Kind {
		case "Deployment":
			c.enqueue(deploymentController, above)
		case "ReplicaSet":
			c.enqueue(replicaSetController, above)
		case "Job":
			c.enqueue(jobController, above)
		}
	}
}

func (c *Cluster) wakeAutoscalers(target place) {
	for _, o := range c.list(c.kinds.autoscalers, target.namespace) {
		h, ok := o.(*autoscalingv2.HorizontalPodAutoscaler)
		if !ok || h.Spec.ScaleTargetRef.Kind != "Deployment" || h.Spec.ScaleTargetRef.Name != target.name {
			continue
		}
		c.later(c.options.Delays.Autoscaler, func() { c.enqueue(autoscaler, placeOf(o)) })
	}
}

// enqueue has a controller look at an object soon: after whoever holds the mutex.
func (c *Cluster) enqueue(which controller, at place) {
	t := task{which, at}
	if c.closed || c.queued[t] {
		return
	}
	c.queued[t] = true
	c.queue = append(c.queue, t)
	if c.working || !c.asOf.IsZero() {
		return // an Author works itself
	}
	c.working = true
	c.idle = make(chan struct{})
	c.wg.Go(c.work)
}

// work does what there is to do and ends.
func (c *Cluster) work() {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 || c.closed {
			c.working = false
			close(c.idle)
			c.mu.Unlock()
			return
		}
		c.step()
		c.mu.Unlock()
	}
}

func (c *Cluster) step() {
	t := c.queue[0]
	c.queue = c.queue[1:]
	delete(c.queued, t)
	var err error
	switch t.controller {
	case deploymentController:
		err = c.syncDeployment(t.at)
	case replicaSetController:
		err = c.syncReplicaSet(t.at)
	case kubelet:
		err = c.syncPod(t.at)
	case jobController:
		err = c.syncJob(t.at)
	case autoscaler:
		err = c.syncAutoscaler(t.at)
	case meddling:
		c.meddle(t.at)
	}
	if err != nil {
		c.options.Log.Error("a controller of the cluster failed", "namespace", t.at.namespace, "name", t.at.name, "error", err)
	}
}

// Settle waits until the controllers have nothing to do that needs no time to pass.
func (c *Cluster) Settle(ctx context.Context) error {
	for {
		c.mu.Lock()
		idle := c.idle
		c.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
		c.mu.Lock()
		settled := !c.working
		c.mu.Unlock()
		if settled {
			return nil
		}
	}
}

// load is the object of a type at a place.
func load[P object](c *Cluster, k *kind, at place) (P, bool) {
	p, ok := c.objects[k][at].(P)
	return p, ok
}

// owned are the objects that another one controls.
func owned[P object](c *Cluster, k *kind, owner object) []P {
	var all []P
	for _, o := range c.list(k, owner.GetNamespace()) {
		ref := metav1.GetControllerOf(o)
		if p, ok := o.(P); ok && ref != nil && ref.UID == owner.GetUID() {
			all = append(all, p)
		}
	}
	return all
}

// modify changes an object as a controller does.
func modify[P object](c *Cluster, k *kind, at place, w write, f func(P)) (P, error) {
	o, err := c.update(k, at, w, func(now object) (object, error) {
		if p, ok := now.(P); ok {
			f(p)
		}
		return now, nil
	})
	p, _ := o.(P)
	return p, err
}

func (c *Cluster) stamp() metav1.Time { return metav1.NewTime(c.now().Truncate(time.Second)) }

func controls(owner object, k *kind) []metav1.OwnerReference {
	return []metav1.OwnerReference{*metav1.NewControllerRef(owner, k.GroupVersionKind)}
}

func ofDeployment(d *appsv1.Deployment) place { return place{d.Namespace, d.Name} }

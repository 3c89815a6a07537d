package cluster

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// delete removes an object, and what it owns unless that is to stay.
func (c *Cluster) delete(k *kind, at place, options metav1.DeleteOptions, a *ask) (object, error) {
	old, err := c.get(k, at)
	if err != nil {
		return nil, err
	}
	if p := options.Preconditions; p != nil {
		if p.UID != nil && *p.UID != old.GetUID() {
			return nil, apierrors.NewConflict(k.groupResource(), at.name, fmt.Errorf("the UID in the precondition (%s) does not "+
				"match the UID in record (%s). The object might have been deleted and then recreated", *p.UID, old.GetUID()))
		}
		if p.ResourceVersion != nil && *p.ResourceVersion != old.GetResourceVersion() {
			return nil, apierrors.NewConflict(k.groupResource(), at.name, fmt.Errorf("the ResourceVersion in the precondition (%s) does "+
				"not match the ResourceVersion in record (%s). The object might have been modified", *p.ResourceVersion, old.GetResourceVersion()))
		}
	}
	if err := c.admit(k, nil, old, write{ask: a}); err != nil {
		return nil, err
	}
	if len(options.DryRun) > 0 {
		return old, nil
	}
	orphan := k.orphans
	if p := options.PropagationPolicy; p != nil {
		orphan = *p == metav1.DeletePropagationOrphan
	}
	if k == c.kinds.pods && options.GracePeriodSeconds == nil {
		return c.stopPod(at)
	}
	c.remove(k, old, orphan)
	return old, nil
}

// remove takes an object away, and its dependents.
func (c *Cluster) remove(k *kind, old object, orphan bool) {
	c.commit(k, old, nil)
	if k == c.kinds.pods {
		c.logs.forget(placeOf(old))
		delete(c.runs, placeOf(old))
	}
	if k == c.kinds.namespaces {
		for _, other := range c.kinds.all() {
			for _, o := range c.list(other, old.GetName()) {
				if !other.global {
					c.remove(other, o, true)
				}
			}
		}
		return
	}
	for _, dependent := range []*kind{c.kinds.replicaSets, c.kinds.jobs, c.kinds.pods} {
		for _, o := range c.list(dependent, old.GetNamespace()) {
			if !ownedBy(o, old.GetUID()) {
				continue
			}
			if !orphan {
				c.remove(dependent, o, false)
				continue
			}
			_, _ = c.update(dependent, placeOf(o), write{manager: controllerManager}, func(next object) (object, error) {
				next.SetOwnerReferences(withoutOwner(next.GetOwnerReferences(), old.GetUID()))
				return next, nil
			}) // removing an owner breaks no rule
		}
	}
}

func ownedBy(o object, id types.UID) bool {
	for _, r := range o.GetOwnerReferences() {
		if r.UID == id {
			return true
		}
	}
	return false
}

func withoutOwner(all []metav1.OwnerReference, id types.UID) (rest []metav1.OwnerReference) {
	for _, r := range all {
		if r.UID != id {
			rest = append(rest, r)
		}
	}
	return rest
}

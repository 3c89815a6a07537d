package cluster

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Author writes into a cluster past its HTTP: for stories and tests that need things to have happened. What an author
// did at a past time looks exactly as if it had been done then: its time is on the object, on the managed fields, and
// on whatever the controllers made of it, which they have done when the method returns.
type Author struct {
	c       *Cluster
	manager string
	at      time.Time
}

// As is an author whose fields are managed under a name such as kubectl-edit, as of a time; the zero time is now, and
// then the controllers follow in their own time.
func (c *Cluster) As(manager string, at time.Time) *Author { return &Author{c, manager, at.UTC()} }

// do runs f under the mutex, at the author's time, and the controllers after it.
func (a *Author) do(f func() error) error {
	c := a.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.at.IsZero() {
		return f()
	}
	c.asOf = a.at
	defer func() { c.asOf = time.Time{} }()
	err := f()
	for len(c.queue) > 0 {
		c.step()
	}
	return err
}

// Create makes objects, in their order. Those without a namespace that need one are in default.
func (a *Author) Create(objects ...runtime.Object) error {
	return a.do(func() error {
		for _, o := range objects {
			k, err := a.c.kindOf(o)
			if err != nil {
				return err
			}
			one, ok := o.DeepCopyObject().(object)
			if !ok {
				return fmt.Errorf("cluster: a %T has no metadata", o)
			}
			if one.GetNamespace() == "" && !k.global {
				one.SetNamespace("default")
			}
			one.GetObjectKind().SetGroupVersionKind(emptyKind)
			if _, err := a.c.create(k, one, write{manager: a.manager}); err != nil {
				return fmt.Errorf("cluster: creating %s %s: %w", k.Kind, one.GetName(), err)
			}
		}
		return nil
	})
}

func (c *Cluster) kindOf(o runtime.Object) (*kind, error) {
	known, _, err := c.scheme.ObjectKinds(o)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	for _, k := range c.kinds.all() {
		if len(known) > 0 && k.GroupVersionKind == known[0] {
			return k, nil
		}
	}
	return nil, fmt.Errorf("cluster: it has no %T", o)
}

// Deployment changes one: its labels, annotations and spec.
func (a *Author) Deployment(namespace, name string, change func(*appsv1.Deployment)) error {
	return edit(a, a.c.kinds.deployments, place{namespace, name}, change)
}

// Scale sets the replica count of a deployment through the scale subresource.
func (a *Author) Scale(namespace, name string, n int32) error {
	return a.do(func() error {
		if err := a.c.setScale(place{namespace, name}, n, a.manager); err != nil {
			return fmt.Errorf("cluster: scaling the deployment %s: %w", name, err)
		}
		return nil
	})
}

// ConfigMap changes one.
func (a *Author) ConfigMap(namespace, name string, change func(*corev1.ConfigMap)) error {
	return edit(a, a.c.kinds.configMaps, place{namespace, name}, change)
}

// Secret changes one.
func (a *Author) Secret(namespace, name string, change func(*corev1.Secret)) error {
	return edit(a, a.c.kinds.secrets, place{namespace, name}, change)
}

// SetImage changes the image of the container with this name.
func (a *Author) SetImage(namespace, deployment, container, image string) error {
	return a.Deployment(namespace, deployment, func(d *appsv1.Deployment) {
		for i := range d.Spec.Template.Spec.Containers {
			if one := &d.Spec.Template.Spec.Containers[i]; one.Name == container {
				one.Image = image
			}
		}
	})
}

// SetEnv sets a variable of the container with this name.
func (a *Author) SetEnv(namespace, deployment, container, name, value string) error {
	return a.Deployment(namespace, deployment, func(d *appsv1.Deployment) {
		for i := range d.Spec.Template.Spec.Containers {
			if one := &d.Spec.Template.Spec.Containers[i]; one.Name == container {
				one.Env = setEnv(one.Env, name, value)
			}
		}
	})
}

func setEnv(all []corev1.EnvVar, name, value string) []corev1.EnvVar {
	for i := range all {
		if all[i].Name == name {
			all[i] = corev1.EnvVar{Name: name, Value: value}
			return all
		}
	}
	return append(all, corev1.EnvVar{Name: name, Value: value})
}

// Delete removes an object by an example of its type that has its namespace and name.
func (a *Author) Delete(example runtime.Object) error {
	return a.do(func() error {
		k, err := a.c.kindOf(example)
		if err != nil {
			return err
		}
		one, ok := example.(object)
		if !ok {
			return fmt.Errorf("cluster: a %T has no metadata", example)
		}
		old, err := a.c.get(k, placeOf(one))
		if err != nil {
			return fmt.Errorf("cluster: %w", err)
		}
		a.c.remove(k, old, false)
		return nil
	})
}

func edit[P object](a *Author, k *kind, at place, change func(P)) error {
	return a.do(func() error {
		if _, err := modify(a.c, k, at, write{manager: a.manager}, change); err != nil {
			return fmt.Errorf("cluster: changing %s %s: %w", k.Kind, at.name, err)
		}
		return nil
	})
}

// Pods are the names of the pods of a deployment that are not ending, sorted.
func (c *Cluster) Pods(namespace, deployment string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := load[*appsv1.Deployment](c, c.kinds.deployments, place{namespace, deployment})
	if !ok {
		return nil
	}
	var names []string
	for _, rs := range owned[*appsv1.ReplicaSet](c, c.kinds.replicaSets, d) {
		for _, p := range c.livePods(rs) {
			names = append(names, p.Name)
		}
	}
	return names
}

package cluster

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
)

// place is where an object is. Objects without a namespace have an empty one.
type place struct{ namespace, name string }

func (p place) compare(other place) int {
	if d := strings.Compare(p.namespace, other.namespace); d != 0 {
		return d
	}
	return strings.Compare(p.name, other.name)
}

func placeOf(o object) place { return place{o.GetNamespace(), o.GetName()} }

func labelSet(set map[string]string) labels.Set { return set }

// write says how something is written.
type write struct {
	manager     string // who manages the fields that change
	subresource string // "", "status" or "scale"
	dry         bool   // everything is done, and nothing is stored
	ask         *ask   // the request that hooks are asked about; nil: a controller writes, and they are not
	managed     bool   // the managed fields have been computed: server-side apply
}

// get is the object at a place.
func (c *Cluster) get(k *kind, at place) (object, error) {
	if o := c.objects[k][at]; o != nil {
		return o, nil
	}
	return nil, apierrors.NewNotFound(k.groupResource(), at.name)
}

// list is what a namespace has of a kind, in the order of the places; an empty namespace is all of them.
func (c *Cluster) list(k *kind, namespace string) []object {
	var all []object
	for at, o := range c.objects[k] {
		if namespace == "" || at.namespace == namespace {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b object) int { return placeOf(a).compare(placeOf(b)) })
	return all
}

// create stores an object that it may change.
func (c *Cluster) create(k *kind, o object, w write) (object, error) {
	if o.GetResourceVersion() != "" {
		return nil, apierrors.NewBadRequest("resourceVersion should not be set on objects to be created")
	}
	if o.GetName() == "" && o.GetGenerateName() != "" {
		o.SetName(o.GetGenerateName() + rand.SafeEncodeString(c.word()))
	}
	at := placeOf(o)
	o.SetUID(types.UID(c.uid()))
	o.SetCreationTimestamp(metav1.NewTime(c.now().Truncate(1e9)))
	o.SetDeletionTimestamp(nil)
	o.SetSelfLink("")
	o.SetGeneration(0)
	if k.spec != nil {
		o.SetGeneration(1)
		k.keepStatus(o, k.fresh())
	}
	if k.complete != nil {
		k.complete(o)
	}
	if !w.managed {
		var err error
		if o, err = c.manage(k, k.fresh(), o, w); err != nil {
			return nil, err
		}
	}
	c.keepTimes(o, k.fresh())
	if err := k.valid(o, nil); err != nil {
		return nil, err
	}
	if err := c.admit(k, o, nil, w); err != nil {
		return nil, err
	}
	if c.objects[k][at] != nil {
		return nil, apierrors.NewAlreadyExists(k.groupResource(), at.name)
	}
	if !w.dry {
		c.commit(k, nil, o)
	}
	return o, nil
}

// update replaces an object by what edit makes of a copy of it.
func (c *Cluster) update(k *kind, at place, w write, edit func(object) (object, error)) (object, error) {
	old, err := c.get(k, at)
	if err != nil {
		return nil, err
	}
	next, err := edit(copyOf(old))
	if err != nil {
		return nil, err
	}
	if err := checkPath(next, at); err != nil {
		return nil, err
	}
	if err := c.precondition(k, next, old); err != nil {
		return nil, err
	}
	c.prepareUpdate(k, next, old, w)
	if w.ask == nil && apiequality.Semantic.DeepEqual(next, old) {
		return old, nil // a controller found everything as it should be
	}
	if !w.managed {
		if next, err = c.manage(k, old, next, w); err != nil {
			return nil, err
		}
	}
	c.keepTimes(next, old)
	if err := k.valid(next, old); err != nil {
		return nil, err
	}
	if err := c.admit(k, next, old, w); err != nil {
		return nil, err
	}
	if same(next, old) {
		return old, nil // as in the real one: nothing is written, nobody is told
	}
	if !w.dry {
		c.commit(k, old, next)
	}
	return next, nil
}

// precondition: who names a version or a uid means that one.
func (c *Cluster) precondition(k *kind, next, old object) error {
	if uid := next.GetUID(); uid != "" && uid != old.GetUID() {
		return apierrors.NewConflict(k.groupResource(), old.GetName(),
			fmt.Errorf("Precondition failed: UID in precondition: %s, UID in object meta: %s", uid, old.GetUID())) //nolint:staticcheck // Kubernetes' words
	}
	if v := next.GetResourceVersion(); v != "" && v != old.GetResourceVersion() {
		return apierrors.NewConflict(k.groupResource(), old.GetName(),
			fmt.Errorf("the object has been modified; please apply your changes to the latest version and try again"))
	}
	return nil
}

// prepareUpdate sets what a client cannot.
func (c *Cluster) prepareUpdate(k *kind, next, old object, w write) {
	next.SetNamespace(old.GetNamespace())
	next.SetUID(old.GetUID())
	next.SetResourceVersion(old.GetResourceVersion())
	next.SetCreationTimestamp(old.GetCreationTimestamp())
	next.SetDeletionTimestamp(old.GetDeletionTimestamp())
	next.SetGeneration(old.GetGeneration())
	next.SetSelfLink("")
	if k.spec != nil {
		if w.subresource == "status" {
			k.keepSpec(next, old)
			next.SetLabels(old.GetLabels())
			return
		}
		k.keepStatus(next, old)
	}
	if k.complete != nil {
		k.complete(next)
	}
	if k.spec == nil {
		return
	}
	if !apiequality.Semantic.DeepEqual(k.spec(next), k.spec(old)) ||
		k.annotated && !apiequality.Semantic.DeepEqual(next.GetAnnotations(), old.GetAnnotations()) {
		next.SetGeneration(old.GetGeneration() + 1)
	}
}

// same tells that nothing but the times of managed fields differs.
func same(next, old object) bool {
	fields := next.GetManagedFields()
	defer next.SetManagedFields(fields)
	if slices.EqualFunc(fields, old.GetManagedFields(), func(a, b metav1.ManagedFieldsEntry) bool {
		return entryKey(a) == entryKey(b) && bytes.Equal(rawFields(a), rawFields(b))
	}) {
		next.SetManagedFields(old.GetManagedFields())
	}
	return apiequality.Semantic.DeepEqual(next, old)
}

// commit stores next in the place of old; either may be nil. It gives the version, tells watches, and wakes the
// controllers.
func (c *Cluster) commit(k *kind, old, next object) {
	c.version++
	version := strconv.FormatUint(c.version, 10)
	if next != nil {
		next.SetResourceVersion(version)
		if c.objects[k] == nil {
			c.objects[k] = map[place]object{}
		}
		c.objects[k][placeOf(next)] = next
	} else {
		delete(c.objects[k], placeOf(old))
	}
	c.remember(k, old, next)
	c.wake(k, old, next)
}

func copyOf(o object) object {
	same, ok := o.DeepCopyObject().(object)
	if !ok {
		panic(fmt.Sprintf("cluster: a copy of %T is no object", o)) // impossible: the copy has the type
	}
	return same
}

// AddNamespace makes a namespace, unless there is one of this name.
func (c *Cluster) AddNamespace(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.objects[c.kinds.namespaces][place{name: name}] != nil {
		return nil
	}
	_, err := c.create(c.kinds.namespaces, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, write{manager: "kube-apiserver"})
	if err != nil {
		return fmt.Errorf("cluster: making the namespace %s: %w", name, err)
	}
	return nil
}

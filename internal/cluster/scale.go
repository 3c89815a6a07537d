package cluster

import (
	"fmt"
	"net/http"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// scaleOf is the scale of a deployment or a replica set.
func scaleOf(o object) (*autoscalingv1.Scale, error) {
	var desired *int32
	var current int32
	var selector *metav1.LabelSelector
	switch o := o.(type) {
	case *appsv1.Deployment:
		desired, current, selector = o.Spec.Replicas, o.Status.Replicas, o.Spec.Selector
	case *appsv1.ReplicaSet:
		desired, current, selector = o.Spec.Replicas, o.Status.Replicas, o.Spec.Selector
	default:
		return nil, fmt.Errorf("a %T has no scale", o)
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{
			Name: o.GetName(), Namespace: o.GetNamespace(), UID: o.GetUID(), ResourceVersion: o.GetResourceVersion(),
			CreationTimestamp: o.GetCreationTimestamp(),
		},
		Spec:   autoscalingv1.ScaleSpec{Replicas: replicas(desired)},
		Status: autoscalingv1.ScaleStatus{Replicas: current, Selector: s.String()},
	}, nil
}

// replicas is a desired count, which is 1 where nothing is said.
func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

func scaleTo(o object, n int32) {
	switch o := o.(type) {
	case *appsv1.Deployment:
		o.Spec.Replicas = &n
	case *appsv1.ReplicaSet:
		o.Spec.Replicas = &n
	}
}

func (c *Cluster) serveScale(w http.ResponseWriter, a *ask, k *kind) error {
	c.mu.Lock()
	o, err := c.get(k, a.place())
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return writeScale(w, o)
}

func writeScale(w http.ResponseWriter, o object) error {
	s, err := scaleOf(o)
	if err != nil {
		return err
	}
	s.APIVersion, s.Kind = autoscalingv1.SchemeGroupVersion.String(), "Scale"
	return write1(w, http.StatusOK, s)
}

// serveUpdateScale sets the count to what say makes of the scale as it is.
func (c *Cluster) serveUpdateScale(w http.ResponseWriter, a *ask, k *kind, how write, say func(*autoscalingv1.Scale) ([]byte, error)) error {
	how.managed = true
	c.mu.Lock()
	o, err := c.update(k, a.place(), how, func(o object) (object, error) {
		now, err := scaleOf(o)
		if err != nil {
			return nil, err
		}
		b, err := say(now)
		if err != nil {
			return nil, err
		}
		next, err := c.decodeScale(b)
		if err != nil {
			return nil, err
		}
		if err := checkScale(o, next, a); err != nil {
			return nil, err
		}
		o.SetResourceVersion(next.ResourceVersion)
		return o, c.rescale(k, o, next.Spec.Replicas, how.manager)
	})
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return writeScale(w, o)
}

func (c *Cluster) decodeScale(b []byte) (*autoscalingv1.Scale, error) {
	expected := autoscalingv1.SchemeGroupVersion.WithKind("Scale")
	s := &autoscalingv1.Scale{}
	_, found, err := c.decoder.Decode(b, &expected, s)
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("Scale in version %q cannot be handled as a Scale: %v", expected.Version, err))
	}
	if *found != expected {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the API version in the data (%s) does not match the expected API version (%s)",
			found.GroupVersion(), expected.GroupVersion()))
	}
	return s, nil
}

// checkScale judges a scale, and the uid that it names. The resource version that it names is judged with the object.
func checkScale(o object, next *autoscalingv1.Scale, a *ask) error {
	if err := checkPath(next, a.place()); err != nil {
		return err
	}
	if errs := apivalidation.ValidateNonnegativeField(int64(next.Spec.Replicas), field.NewPath("spec", "replicas")); len(errs) > 0 {
		return apierrors.NewInvalid(schema.GroupKind{Group: "autoscaling", Kind: "Scale"}, o.GetName(), errs)
	}
	if next.UID != "" && next.UID != o.GetUID() {
		return apierrors.NewConflict(schema.GroupResource{Group: a.group, Resource: a.resource + "/scale"}, o.GetName(),
			fmt.Errorf("Precondition failed: UID in precondition: %v, UID in object meta: %v", next.UID, o.GetUID())) //nolint:staticcheck // Kubernetes' words
	}
	return nil
}

// rescale sets the count of an object and who manages it, as the real one does, with what is peculiar about it: a scale
// to zero is managed by nobody, because a Scale leaves a zero out when it is encoded, and whose field it was loses it;
// and the entry of a manager that is new has no time. Source: kubernetes pkg/registry/apps/deployment/storage.
func (c *Cluster) rescale(k *kind, o object, n int32, manager string) error {
	spec, count := "spec", "replicas"
	handler := managedfields.NewScaleHandler(o.GetManagedFields(), k.GroupVersion(), managedfields.ResourcePathMappings{
		k.apiVersion(): {{FieldName: &spec}, {FieldName: &count}},
	})
	before, err := scaleOf(o)
	if err != nil {
		return err
	}
	if before.ManagedFields, err = handler.ToSubresource(); err != nil {
		return fmt.Errorf("managed fields of a scale: %w", err)
	}
	after := before.DeepCopy()
	after.Spec.Replicas, after.ManagedFields = n, nil
	m, err := c.fieldManager(c.kinds.scales, "scale")
	if err != nil {
		return err
	}
	done, err := m.Update(before, after, manager)
	if err != nil {
		return fmt.Errorf("managed fields of a scale: %w", err)
	}
	scale, _ := done.(*autoscalingv1.Scale)
	fields, err := handler.ToParent(scale.GetManagedFields())
	if err != nil {
		return fmt.Errorf("managed fields of a scale: %w", err)
	}
	o.SetManagedFields(fields)
	scaleTo(o, n)
	return nil
}

package cluster

import (
	"fmt"
	"net/http"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// decode reads an object of a kind out of a body: JSON, YAML or protobuf, which is what client-go sends.
func (c *Cluster) decode(b []byte, k *kind) (object, error) {
	expected := k.GroupVersionKind
	decoded, found, err := c.decoder.Decode(b, &expected, k.fresh())
	if err != nil {
		if runtime.IsNotRegisteredError(err) && found != nil {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("no kind %q is registered for version %q", found.Kind, found.GroupVersion()))
		}
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", k.Kind, k.Version, k.Kind, err))
	}
	o, ok := decoded.(object)
	if !ok || *found != expected {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the API version in the data (%s) does not match the expected API version (%s)",
			found.GroupVersion(), expected.GroupVersion()))
	}
	o.GetObjectKind().SetGroupVersionKind(emptyKind)
	return o, nil
}

// writeOf is how a request writes.
func writeOf(a *ask) (write, error) {
	dry, err := validateDryRun(a.query["dryRun"])
	return write{
		manager: managerOf(a.query.Get("fieldManager"), a.agent), subresource: a.subresource, dry: dry, ask: a,
	}, err
}

func (c *Cluster) serveCreate(w http.ResponseWriter, r *http.Request, a *ask, k *kind) error {
	how, err := writeOf(a)
	if err != nil {
		return err
	}
	b, err := body(r)
	if err != nil {
		return err
	}
	o, err := c.decode(b, k)
	if err != nil {
		return err
	}
	if err := checkPath(o, place{namespace: a.namespace}); err != nil {
		return err
	}
	o.SetNamespace(a.namespace)
	c.mu.Lock()
	if err = c.namespaceExists(k, a.namespace); err == nil {
		o, err = c.create(k, o, how)
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return writeObject(w, http.StatusCreated, a, k, o)
}

// namespaceExists is what the admission plugin NamespaceLifecycle asks.
func (c *Cluster) namespaceExists(k *kind, name string) error {
	if k.global {
		return nil
	}
	_, err := c.get(c.kinds.namespaces, place{name: name})
	return err
}

func (c *Cluster) serveUpdate(w http.ResponseWriter, r *http.Request, a *ask, k *kind) error {
	how, err := writeOf(a)
	if err != nil {
		return err
	}
	b, err := body(r)
	if err != nil {
		return err
	}
	if a.subresource == "scale" {
		return c.serveUpdateScale(w, a, k, how, func(*autoscalingv1.Scale) ([]byte, error) { return b, nil })
	}
	next, err := c.decode(b, k)
	if err != nil {
		return err
	}
	c.mu.Lock()
	o, err := c.update(k, a.place(), how, func(object) (object, error) { return next, nil })
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return writeObject(w, http.StatusOK, a, k, o)
}

func (c *Cluster) serveDelete(w http.ResponseWriter, r *http.Request, a *ask, k *kind) error {
	options, err := c.deleteOptions(r, a)
	if err != nil {
		return err
	}
	c.mu.Lock()
	o, err := c.delete(k, a.place(), options, a)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if k == c.kinds.pods {
		return writeObject(w, http.StatusOK, a, k, o)
	}
	return write1(w, http.StatusOK, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess,
		Details: &metav1.StatusDetails{Name: a.name, Group: a.group, Kind: a.resource, UID: o.GetUID()},
	})
}

func (c *Cluster) serveDeleteAll(w http.ResponseWriter, r *http.Request, a *ask, k *kind) error {
	options, err := c.deleteOptions(r, a)
	if err != nil {
		return err
	}
	s, err := newSelection(a, k)
	if err != nil {
		return err
	}
	c.mu.Lock()
	items, version, _ := c.selected(s, "")
	for _, o := range items {
		if _, err = c.delete(k, placeOf(o), options, a); err != nil {
			break
		}
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return writeList(w, a, k, metav1.ListMeta{ResourceVersion: fmt.Sprint(version)}, items)
}

func (c *Cluster) deleteOptions(r *http.Request, a *ask) (metav1.DeleteOptions, error) {
	options := metav1.DeleteOptions{DryRun: a.query["dryRun"]}
	if p := metav1.DeletionPropagation(a.query.Get("propagationPolicy")); p != "" {
		options.PropagationPolicy = &p
	}
	b, err := body(r)
	if err != nil {
		return options, err
	}
	if len(b) > 0 {
		expected := metav1.SchemeGroupVersion.WithKind("DeleteOptions")
		if _, _, err := c.decoder.Decode(b, &expected, &options); err != nil {
			return options, apierrors.NewBadRequest(err.Error())
		}
	}
	_, err = validateDryRun(options.DryRun)
	return options, err
}

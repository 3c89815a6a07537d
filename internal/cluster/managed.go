package cluster

import (
	"fmt"
	"strings"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
)

type managerKey struct {
	kind        *kind
	subresource string
}

// manage computes who manages which fields, by the code of Kubernetes itself.
func (c *Cluster) manage(k *kind, live, next object, w write) (object, error) {
	m, err := c.fieldManager(k, w.subresource)
	if err != nil {
		return nil, err
	}
	done, err := m.Update(live, next, w.manager)
	if err != nil {
		return nil, fmt.Errorf("managed fields: %w", err)
	}
	o, ok := done.(object)
	if !ok {
		return nil, fmt.Errorf("managed fields: got a %T", done)
	}
	return o, nil
}

// apply is a server-side apply of what applied says onto live.
func (c *Cluster) apply(k *kind, live object, applied *unstructured.Unstructured, manager string, force bool) (object, error) {
	m, err := c.fieldManager(k, "")
	if err != nil {
		return nil, err
	}
	done, err := m.Apply(live, applied, manager, force)
	if err != nil {
		return nil, err // an API error: who else manages the field
	}
	o, ok := done.(object)
	if !ok {
		return nil, fmt.Errorf("applying: got a %T", done)
	}
	o.GetObjectKind().SetGroupVersionKind(emptyKind)
	return o, nil
}

func (c *Cluster) fieldManager(k *kind, subresource string) (*managedfields.FieldManager, error) {
	key := managerKey{k, subresource}
	if m := c.managers[key]; m != nil {
		return m, nil
	}
	types := c.types
	if k == c.kinds.scales {
		types = managedfields.NewDeducedTypeConverter() // schema.yaml has no Scale
	}
	m, err := managedfields.NewDefaultFieldManager(types, c.scheme, completer{}, c.scheme,
		k.GroupVersionKind, k.GroupVersion(), subresource, nil)
	if err != nil {
		return nil, fmt.Errorf("managed fields of %s: %w", k.resource, err)
	}
	c.managers[key] = m
	return m, nil
}

// completer: what is not set is set by the kind itself.
type completer struct{}

func (completer) Default(runtime.Object) {}

// keepTimes puts the cluster's time in place of the machine's, which the field managers take. An entry without a time
// stays without: see rescale.
func (c *Cluster) keepTimes(next, old object) {
	before := map[string]*metav1.Time{}
	for _, e := range old.GetManagedFields() {
		before[entryKey(e)] = e.Time
	}
	fields := next.GetManagedFields()
	now := metav1.NewTime(c.now().Truncate(1e9))
	for i, e := range fields {
		if was := before[entryKey(e)]; e.Time != nil && !was.Equal(e.Time) {
			fields[i].Time = &now
		}
	}
	next.SetManagedFields(fields)
}

func entryKey(e metav1.ManagedFieldsEntry) string {
	return strings.Join([]string{e.Manager, string(e.Operation), e.APIVersion, e.Subresource}, "\x00")
}

func rawFields(e metav1.ManagedFieldsEntry) []byte {
	if e.FieldsV1 == nil {
		return nil
	}
	return e.FieldsV1.GetRawBytes()
}

// managerOf is the name that a request's fields are managed under: the one it gives, or the beginning of its user
// agent. Source: k8s.io/apiserver, endpoints/handlers/create.go.
func managerOf(fieldManager, userAgent string) string {
	if fieldManager != "" {
		return fieldManager
	}
	name, _, _ := strings.Cut(userAgent, "/")
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
	const longest = 128
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "")
	}
	return name
}

package cluster

import (
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// selection is what a list or a watch is about.
type selection struct {
	kind      *kind
	namespace string
	labels    labels.Selector
	fields    fields.Selector
}

func newSelection(a *ask, k *kind) (selection, error) {
	s := selection{kind: k, namespace: a.namespace}
	var err error
	if s.labels, err = labels.Parse(a.query.Get("labelSelector")); err != nil {
		return s, apierrors.NewBadRequest(err.Error())
	}
	if s.fields, err = fields.ParseSelector(a.query.Get("fieldSelector")); err != nil {
		return s, apierrors.NewBadRequest(err.Error())
	}
	for _, r := range s.fields.Requirements() {
		if r.Field != "metadata.name" && r.Field != "metadata.namespace" && !slices.Contains(k.fields, r.Field) {
			return s, unknownField(k, r.Field)
		}
	}
	return s, nil
}

func unknownField(k *kind, name string) error {
	if len(k.fields) == 0 {
		return apierrors.NewBadRequest(fmt.Sprintf("%q is not a known field selector: only %q, %q", name, "metadata.name", "metadata.namespace"))
	}
	return apierrors.NewBadRequest("field label not supported: " + name)
}

// everything tells that nothing is selected: then a list says how many remain.
func (s selection) everything() bool { return s.labels.Empty() && s.fields.Empty() }

func (s selection) has(o object) bool {
	if o == nil || s.namespace != "" && o.GetNamespace() != s.namespace {
		return false
	}
	if !s.labels.Matches(labels.Set(o.GetLabels())) {
		return false
	}
	for _, r := range s.fields.Requirements() {
		if (s.value(o, r.Field) == r.Value) == (r.Operator == "!=") {
			return false
		}
	}
	return true
}

func (s selection) value(o object, field string) string {
	switch field {
	case "metadata.name":
		return o.GetName()
	case "metadata.namespace":
		return o.GetNamespace()
	default:
		return s.kind.field(o, field)
	}
}

package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

func patchTypes() []string {
	return []string{
		string(types.JSONPatchType), string(types.MergePatchType), string(types.StrategicMergePatchType), string(types.ApplyYAMLPatchType),
	}
}

func (c *Cluster) servePatch(w http.ResponseWriter, r *http.Request, a *ask, k *kind) error {
	if !slices.Contains(patchTypes(), a.mediaType) {
		return unsupported(patchTypes())
	}
	how, err := writeOf(a)
	if err != nil {
		return err
	}
	b, err := body(r)
	if err != nil {
		return err
	}
	switch {
	case a.mediaType == string(types.ApplyYAMLPatchType):
		return c.serveApply(w, a, k, how, b)
	case a.subresource == "scale":
		return c.serveUpdateScale(w, a, k, how, func(now *autoscalingv1.Scale) ([]byte, error) {
			return patched(a.mediaType, b, autoscalingv1.SchemeGroupVersion.WithKind("Scale"), now, autoscalingv1.Scale{})
		})
	}
	c.mu.Lock()
	o, err := c.update(k, a.place(), how, func(now object) (object, error) {
		after, err := patched(a.mediaType, b, k.GroupVersionKind, now, k.fresh())
		if err != nil {
			return nil, err
		}
		next, err := c.decode(after, k)
		if err != nil {
			return nil, apierrors.NewInvalid(schema.GroupKind{}, "", field.ErrorList{
				field.Invalid(field.NewPath("patch"), string(after), err.Error()),
			})
		}
		return next, nil
	})
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return writeObject(w, http.StatusOK, a, k, o)
}

// patched is an object as JSON after a patch of one of the three types that are not applied.
func patched(mediaType string, patch []byte, kind schema.GroupVersionKind, now, example any) ([]byte, error) {
	before, err := encodeAs(kind, now, true)
	if err != nil {
		return nil, err
	}
	switch types.PatchType(mediaType) {
	case types.JSONPatchType:
		steps, err := jsonpatch.DecodePatch(patch)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		after, err := steps.Apply(before)
		if err != nil {
			return nil, unprocessable(err)
		}
		return after, nil
	case types.MergePatchType:
		after, err := jsonpatch.MergePatch(before, patch)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return after, nil
	default:
		if !json.Valid(patch) {
			return nil, apierrors.NewBadRequest("error decoding patch: the body is no JSON")
		}
		after, err := strategicpatch.StrategicMergePatch(before, patch, example)
		if err != nil {
			return nil, unprocessable(err)
		}
		return after, nil
	}
}

func unprocessable(err error) error {
	return apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "", schema.GroupResource{}, "", err.Error(), 0, false)
}

func unsupported(accepted []string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusUnsupportedMediaType, Reason: metav1.StatusReasonUnsupportedMediaType,
		Message: "the body of the request was in an unknown format - accepted media types include: " + strings.Join(accepted, ", "),
	}}
}

// serveApply is a server-side apply. Only whole objects are applied here, no subresources.
func (c *Cluster) serveApply(w http.ResponseWriter, a *ask, k *kind, how write, b []byte) error {
	if a.subresource != "" {
		return unsupported(patchTypes()[:3])
	}
	how.manager = a.query.Get("fieldManager")
	if how.manager == "" {
		return apierrors.NewInvalid(metav1.SchemeGroupVersion.WithKind("PatchOptions").GroupKind(), "", field.ErrorList{
			field.Required(field.NewPath("fieldManager"), "is required for apply patch"),
		})
	}
	applied := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(b, &applied.Object); err != nil {
		return apierrors.NewBadRequest(fmt.Sprintf("error decoding YAML: %v", err))
	}
	if applied.GroupVersionKind() != k.GroupVersionKind {
		return apierrors.NewBadRequest(fmt.Sprintf("Incorrect version specified in apply patch. Specified patch version: %s, expected: %s",
			applied.GetAPIVersion(), k.GroupVersion()))
	}
	if err := checkPath(applied, a.place()); err != nil {
		return err
	}
	c.mu.Lock()
	o, code, err := c.applyTo(k, a, applied, how)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return writeObject(w, code, a, k, o)
}

func (c *Cluster) applyTo(k *kind, a *ask, applied *unstructured.Unstructured, how write) (object, int, error) {
	force := a.flag("force")
	if c.objects[k][a.place()] == nil {
		if err := c.namespaceExists(k, a.namespace); err != nil {
			return nil, 0, err
		}
		applied.SetNamespace(a.namespace)
		o, err := c.apply(k, k.fresh(), applied, how.manager, force)
		if err != nil {
			return nil, 0, err
		}
		how.managed = true
		o, err = c.create(k, o, how)
		return o, http.StatusCreated, err
	}
	how.managed = true
	o, err := c.update(k, a.place(), how, func(now object) (object, error) {
		return c.apply(k, now, applied, how.manager, force)
	})
	return o, http.StatusOK, err
}

package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// valid judges an object as the real server does; old is nil at its creation. It is a part of the real rules: those
// that a client of ours could break.
func (k *kind) valid(next, old object) error {
	errs := apivalidation.ValidateObjectMetaAccessor(next, !k.global, k.validName, field.NewPath("metadata"))
	if old != nil {
		errs = append(errs, apivalidation.ValidateObjectMetaAccessorUpdate(next, old, field.NewPath("metadata"))...)
	}
	if k.validate != nil {
		errs = append(errs, k.validate(next, old)...)
	}
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(k.GroupKind(), next.GetName(), errs)
}

func (k *kind) validName(name string, prefix bool) []string {
	if k.Kind == "Namespace" {
		return apivalidation.NameIsDNSLabel(name, prefix)
	}
	return apivalidation.NameIsDNSSubdomain(name, prefix)
}

func validateDeployment(next, old *appsv1.Deployment) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateReplicas(next.Spec.Replicas, spec)
	errs = append(errs, validateSelector(next.Spec.Selector, next.Spec.Template.Labels, spec)...)
	errs = append(errs, validateContainers(next.Spec.Template.Spec.Containers, spec.Child("template", "spec", "containers"))...)
	if old != nil {
		errs = append(errs, apivalidation.ValidateImmutableField(next.Spec.Selector, old.Spec.Selector, spec.Child("selector"))...)
	}
	return errs
}

func validateReplicaSet(next, old *appsv1.ReplicaSet) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateReplicas(next.Spec.Replicas, spec)
	errs = append(errs, validateSelector(next.Spec.Selector, next.Spec.Template.Labels, spec)...)
	if old != nil {
		errs = append(errs, apivalidation.ValidateImmutableField(next.Spec.Selector, old.Spec.Selector, spec.Child("selector"))...)
	}
	return errs
}

func validateReplicas(n *int32, spec *field.Path) field.ErrorList {
	if n == nil {
		return nil
	}
	return apivalidation.ValidateNonnegativeField(int64(*n), spec.Child("replicas"))
}

func validateSelector(s *metav1.LabelSelector, labels map[string]string, spec *field.Path) field.ErrorList {
	if s == nil {
		return field.ErrorList{field.Required(spec.Child("selector"), "")}
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return field.ErrorList{field.Invalid(spec.Child("selector"), s, err.Error())}
	}
	if selector.Empty() {
		return field.ErrorList{field.Invalid(spec.Child("selector"), s, "empty selector is invalid for deployment")}
	}
	if !selector.Matches(labelSet(labels)) {
		return field.ErrorList{field.Invalid(spec.Child("template", "metadata", "labels"), labels,
			"`selector` does not match template `labels`")}
	}
	return nil
}

func validateContainers(all []corev1.Container, path *field.Path) field.ErrorList {
	if len(all) == 0 {
		return field.ErrorList{field.Required(path, "")}
	}
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, c := range all {
		at := path.Index(i)
		switch {
		case c.Name == "":
			errs = append(errs, field.Required(at.Child("name"), ""))
		case seen[c.Name]:
			errs = append(errs, field.Duplicate(at.Child("name"), c.Name))
		default:
			for _, text := range validation.IsDNS1123Label(c.Name) {
				errs = append(errs, field.Invalid(at.Child("name"), c.Name, text))
			}
		}
		seen[c.Name] = true
		if c.Image == "" {
			errs = append(errs, field.Required(at.Child("image"), ""))
		}
		for j, e := range c.Env {
			if e.Name == "" {
				errs = append(errs, field.Required(at.Child("env").Index(j).Child("name"), ""))
			}
		}
	}
	return errs
}

// validatePod allows what may be changed of a pod that exists: images, and little that clients of ours never touch.
func validatePod(next, old *corev1.Pod) field.ErrorList {
	errs := validateContainers(next.Spec.Containers, field.NewPath("spec", "containers"))
	if old == nil || len(errs) > 0 {
		return errs
	}
	masked := next.Spec.DeepCopy()
	for i := range min(len(masked.Containers), len(old.Spec.Containers)) {
		masked.Containers[i].Image = old.Spec.Containers[i].Image
	}
	masked.ActiveDeadlineSeconds, masked.Tolerations = old.Spec.ActiveDeadlineSeconds, old.Spec.Tolerations
	masked.NodeName = old.Spec.NodeName // the scheduler's binding
	if !apiequality.Semantic.DeepEqual(*masked, old.Spec) {
		errs = append(errs, field.Forbidden(field.NewPath("spec"), "pod updates may not change fields other than "+
			"`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"+
			"`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "+
			"(allow it to be set to 1 if it was previously negative)"))
	}
	return errs
}

func validateJob(next, old *batchv1.Job) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateContainers(next.Spec.Template.Spec.Containers, spec.Child("template", "spec", "containers"))
	if policy := next.Spec.Template.Spec.RestartPolicy; policy != corev1.RestartPolicyNever && policy != corev1.RestartPolicyOnFailure {
		errs = append(errs, field.Required(spec.Child("template", "spec", "restartPolicy"),
			`valid values: "OnFailure", "Never"`))
	}
	if old == nil {
		return errs
	}
	errs = append(errs, apivalidation.ValidateImmutableField(next.Spec.Completions, old.Spec.Completions, spec.Child("completions"))...)
	errs = append(errs, apivalidation.ValidateImmutableField(next.Spec.Selector, old.Spec.Selector, spec.Child("selector"))...)
	return append(errs, apivalidation.ValidateImmutableField(next.Spec.Template, old.Spec.Template, spec.Child("template"))...)
}

func validateConfigMap(next, old *corev1.ConfigMap) field.ErrorList {
	errs := validateKeys(slices.Sorted(maps.Keys(next.Data)), field.NewPath("data"))
	errs = append(errs, validateKeys(slices.Sorted(maps.Keys(next.BinaryData)), field.NewPath("binaryData"))...)
	if old != nil && old.Immutable != nil && *old.Immutable &&
		(!maps.Equal(next.Data, old.Data) || next.Immutable == nil || !*next.Immutable) {
		errs = append(errs, field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set"))
	}
	return errs
}

func validateSecret(next, old *corev1.Secret) field.ErrorList {
	errs := validateKeys(slices.Sorted(maps.Keys(next.Data)), field.NewPath("data"))
	if old != nil {
		errs = append(errs, apivalidation.ValidateImmutableField(next.Type, old.Type, field.NewPath("type"))...)
	}
	return errs
}

func validateKeys(keys []string, path *field.Path) (errs field.ErrorList) {
	for _, key := range keys {
		for _, text := range validation.IsConfigMapKey(key) {
			errs = append(errs, field.Invalid(path.Key(key), key, text))
		}
	}
	return errs
}

// validateDryRun judges what a query says about dry runs.
func validateDryRun(values []string) (dry bool, err error) {
	if len(values) == 0 {
		return false, nil
	}
	for _, v := range values {
		if v != metav1.DryRunAll {
			return false, apierrors.NewInvalid(metav1.SchemeGroupVersion.WithKind("UpdateOptions").GroupKind(), "",
				field.ErrorList{field.NotSupported(field.NewPath("dryRun"), strings.Join(values, ","), []string{metav1.DryRunAll})})
		}
	}
	return true, nil
}

// errImmutableNamespace are the two ways in which an object can contradict its path.
func checkPath(o object, at place) error {
	if o.GetNamespace() != "" && o.GetNamespace() != at.namespace {
		return apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
	}
	if at.name != "" && o.GetName() != at.name {
		if o.GetName() == "" {
			return apierrors.NewBadRequest("name must be provided")
		}
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", o.GetName(), at.name))
	}
	return nil
}

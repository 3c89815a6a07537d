package cluster

import (
	_ "embed"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// newScheme knows the API groups that are served. Client-go's own knows all that there are, and would make the binary
// 11 MB larger.
func newScheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	known := runtime.NewSchemeBuilder(corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme,
		autoscalingv1.AddToScheme, autoscalingv2.AddToScheme, eventsv1.AddToScheme,
		authorizationv1.AddToScheme, authenticationv1.AddToScheme)
	if err := known.AddToScheme(s); err != nil {
		return nil, fmt.Errorf("kinds of Kubernetes: %w", err)
	}
	return s, nil
}

// schemaYAML says which lists of the served kinds are maps, and by which keys: what client-go's applyconfigurations
// know of all kinds. The tests compare it with them, and write it anew with -update.
//
//go:embed schema.yaml
var schemaYAML string

// schemaOnce reads it, once for all clusters: that takes 20 ms.
var schemaOnce = sync.OnceValues(func() (*typed.Parser, error) { //nolint:gochecknoglobals // a constant
	p, err := typed.NewParser(typed.YAMLObject(schemaYAML))
	if err != nil {
		return nil, fmt.Errorf("schema of the kinds: %w", err)
	}
	return p, nil
})

// newTypes knows how the fields of each kind are managed.
func newTypes(s *runtime.Scheme) (managedfields.TypeConverter, error) {
	p, err := schemaOnce()
	if err != nil {
		return nil, err
	}
	return managedfields.NewSchemeTypeConverter(s, p), nil
}

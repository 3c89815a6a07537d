package cluster

import (
	"slices"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// object is what is stored. Its kind and API version are left out, as in the items of a list.
type object interface {
	metav1.Object
	runtime.Object
}

// kind is one kind of object and what is particular about it.
type kind struct {
	schema.GroupVersionKind
	resource string // deployments
	short    []string
	fields   []string // what a field selector can name besides the name and the namespace
	global   bool     // it has no namespace

	fresh func() object
	// complete fills in what the real server defaults.
	complete func(object)
	// validate judges an object; old is nil at its creation.
	validate func(next, old object) field.ErrorList
	// field is the value of one of fields.
	field func(object, string) string

	// A kind with a status has all of these: what bumps the generation, and what a write to the object and to its
	// status leave alone.
	spec       func(object) any
	keepStatus func(next, old object)
	keepSpec   func(next, old object)
	// annotated: annotations bump the generation, too.
	annotated bool
	// orphans: its dependents stay when it is deleted, if nothing else is asked for.
	orphans bool
}

func (k *kind) groupResource() schema.GroupResource {
	return schema.GroupResource{Group: k.Group, Resource: k.resource}
}

func (k *kind) apiVersion() string { return k.GroupVersion().String() }

// subresources are what can be got and written beneath an object.
func (k *kind) subresources() []string {
	var all []string
	if k.spec != nil {
		all = append(all, "status")
	}
	switch k.Kind {
	case "Deployment", "ReplicaSet":
		all = append(all, "scale")
	case "Pod":
		all = append(all, "log")
	}
	return all
}

// kinds of a cluster.
type kinds struct {
	namespaces, pods, configMaps, secrets, events, podTemplates *kind
	serviceAccounts, nodes                                      *kind
	deployments, replicaSets                                    *kind
	jobs, cronJobs                                              *kind
	autoscalers                                                 *kind
	scales                                                      *kind // never stored: what a Scale is
}

func newKinds() kinds {
	return kinds{
		namespaces:      namespaceKind(),
		pods:            podKind(),
		configMaps:      configMapKind(),
		secrets:         secretKind(),
		events:          eventKind(),
		podTemplates:    plain("PodTemplate", "podtemplates", func() object { return &corev1.PodTemplate{} }),
		serviceAccounts: plain("ServiceAccount", "serviceaccounts", func() object { return &corev1.ServiceAccount{} }, "sa"),
		nodes:           nodeKind(),
		deployments:     deploymentKind(),
		replicaSets:     replicaSetKind(),
		jobs:            jobKind(),
		cronJobs:        cronJobKind(),
		autoscalers:     autoscalerKind(),
		scales:          &kind{GroupVersionKind: autoscalingv1.SchemeGroupVersion.WithKind("Scale"), fresh: func() object { return &autoscalingv1.Scale{} }},
	}
}

// all of them, in the order in which discovery lists them.
func (k kinds) all() []*kind {
	return []*kind{
		k.configMaps, k.events, k.namespaces, k.nodes, k.pods, k.podTemplates, k.secrets, k.serviceAccounts,
		k.deployments, k.replicaSets, k.autoscalers, k.cronJobs, k.jobs,
	}
}

// find is the kind of a path; nil if there is none.
func (k kinds) find(group, version, resource string) *kind {
	for _, one := range k.all() {
		if one.Group == group && one.Version == version && one.resource == resource {
			return one
		}
	}
	return nil
}

// groups are those that there are, the core first, which has no name.
func (k kinds) groups() []schema.GroupVersion {
	var all []schema.GroupVersion
	for _, one := range k.all() {
		if !slices.Contains(all, one.GroupVersion()) {
			all = append(all, one.GroupVersion())
		}
	}
	return append(all,
		schema.GroupVersion{Group: "events.k8s.io", Version: "v1"},
		schema.GroupVersion{Group: "authorization.k8s.io", Version: "v1"},
		schema.GroupVersion{Group: "authentication.k8s.io", Version: "v1"})
}

// plain is a kind of the core that has nothing particular.
func plain(name, resource string, fresh func() object, short ...string) *kind {
	return &kind{
		GroupVersionKind: corev1.SchemeGroupVersion.WithKind(name), resource: resource, short: short, fresh: fresh,
	}
}

// on makes a function about objects of one about a type. Kinds are only given objects of their own type.
func on[P object](f func(P)) func(object) {
	return func(o object) {
		if p, ok := o.(P); ok {
			f(p)
		}
	}
}

func between[P object](f func(next, old P)) func(next, old object) {
	return func(next, old object) {
		n, ok := next.(P)
		if o, also := old.(P); ok && also {
			f(n, o)
		}
	}
}

func judge[P object](f func(next, old P) field.ErrorList) func(next, old object) field.ErrorList {
	return func(next, old object) field.ErrorList {
		n, ok := next.(P)
		if !ok {
			return nil
		}
		o, _ := old.(P) // nil at creation
		return f(n, o)
	}
}

func read[P object, V any](f func(P) V) func(object) V {
	return func(o object) (v V) {
		if p, ok := o.(P); ok {
			return f(p)
		}
		return v
	}
}

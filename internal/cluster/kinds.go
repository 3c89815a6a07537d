package cluster

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
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

func namespaceKind() *kind {
	k := plain("Namespace", "namespaces", func() object { return &corev1.Namespace{} }, "ns")
	k.global = true
	k.fields = []string{"status.phase"}
	k.field = func(o object, _ string) string {
		return read(func(n *corev1.Namespace) string { return string(n.Status.Phase) })(o)
	}
	k.complete = on(func(n *corev1.Namespace) {
		n.Spec.Finalizers, n.Status.Phase = []corev1.FinalizerName{corev1.FinalizerKubernetes}, corev1.NamespaceActive
		if n.Labels == nil {
			n.Labels = map[string]string{}
		}
		n.Labels[corev1.LabelMetadataName] = n.Name
	})
	return k
}

func nodeKind() *kind {
	k := plain("Node", "nodes", func() object { return &corev1.Node{} }, "no")
	k.global = true
	return k
}

func configMapKind() *kind {
	k := plain("ConfigMap", "configmaps", func() object { return &corev1.ConfigMap{} }, "cm")
	k.validate = judge(validateConfigMap)
	return k
}

func secretKind() *kind {
	k := plain("Secret", "secrets", func() object { return &corev1.Secret{} })
	k.fields = []string{"type"}
	k.field = func(o object, _ string) string {
		return read(func(s *corev1.Secret) string { return string(s.Type) })(o)
	}
	k.complete = on(completeSecret)
	k.validate = judge(validateSecret)
	return k
}

func podKind() *kind {
	k := plain("Pod", "pods", func() object { return &corev1.Pod{} }, "po")
	k.fields = []string{
		"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
		"status.phase", "status.podIP", "status.nominatedNodeName",
	}
	k.field = podField
	k.complete = on(func(p *corev1.Pod) { completePodSpec(&p.Spec) })
	k.validate = judge(validatePod)
	k.spec = read(func(p *corev1.Pod) any { return p.Spec })
	k.keepStatus = between(func(next, old *corev1.Pod) { next.Status = old.Status })
	k.keepSpec = between(func(next, old *corev1.Pod) { next.Spec = old.Spec })
	return k
}

func deploymentKind() *kind {
	return &kind{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("Deployment"), resource: "deployments", short: []string{"deploy"},
		fresh:      func() object { return &appsv1.Deployment{} },
		complete:   on(completeDeployment),
		validate:   judge(validateDeployment),
		spec:       read(func(d *appsv1.Deployment) any { return d.Spec }),
		keepStatus: between(func(next, old *appsv1.Deployment) { next.Status = old.Status }),
		keepSpec:   between(func(next, old *appsv1.Deployment) { next.Spec = old.Spec }),
		annotated:  true,
	}
}

func replicaSetKind() *kind {
	return &kind{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("ReplicaSet"), resource: "replicasets", short: []string{"rs"},
		fields: []string{"status.replicas"},
		field: func(o object, _ string) string {
			return read(func(r *appsv1.ReplicaSet) string { return decimal(r.Status.Replicas) })(o)
		},
		fresh:      func() object { return &appsv1.ReplicaSet{} },
		complete:   on(completeReplicaSet),
		validate:   judge(validateReplicaSet),
		spec:       read(func(r *appsv1.ReplicaSet) any { return r.Spec }),
		keepStatus: between(func(next, old *appsv1.ReplicaSet) { next.Status = old.Status }),
		keepSpec:   between(func(next, old *appsv1.ReplicaSet) { next.Spec = old.Spec }),
	}
}

func jobKind() *kind {
	return &kind{
		GroupVersionKind: batchv1.SchemeGroupVersion.WithKind("Job"), resource: "jobs",
		fields: []string{"status.successful"},
		field: func(o object, _ string) string {
			return read(func(j *batchv1.Job) string { return decimal(j.Status.Succeeded) })(o)
		},
		fresh:      func() object { return &batchv1.Job{} },
		complete:   on(completeJob),
		validate:   judge(validateJob),
		spec:       read(func(j *batchv1.Job) any { return j.Spec }),
		keepStatus: between(func(next, old *batchv1.Job) { next.Status = old.Status }),
		keepSpec:   between(func(next, old *batchv1.Job) { next.Spec = old.Spec }),
		orphans:    true,
	}
}

func cronJobKind() *kind {
	return &kind{
		GroupVersionKind: batchv1.SchemeGroupVersion.WithKind("CronJob"), resource: "cronjobs", short: []string{"cj"},
		fresh:      func() object { return &batchv1.CronJob{} },
		complete:   on(completeCronJob),
		spec:       read(func(j *batchv1.CronJob) any { return j.Spec }),
		keepStatus: between(func(next, old *batchv1.CronJob) { next.Status = old.Status }),
		keepSpec:   between(func(next, old *batchv1.CronJob) { next.Spec = old.Spec }),
	}
}

func autoscalerKind() *kind {
	return &kind{
		GroupVersionKind: autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"),
		resource:         "horizontalpodautoscalers", short: []string{"hpa"},
		fresh:    func() object { return &autoscalingv2.HorizontalPodAutoscaler{} },
		complete: on(completeAutoscaler),
		spec:     read(func(h *autoscalingv2.HorizontalPodAutoscaler) any { return h.Spec }),
		keepStatus: between(func(next, old *autoscalingv2.HorizontalPodAutoscaler) {
			next.Status = old.Status
		}),
		keepSpec: between(func(next, old *autoscalingv2.HorizontalPodAutoscaler) { next.Spec = old.Spec }),
	}
}

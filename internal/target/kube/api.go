package kube

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
)

// The kinds that the bot reads and writes, all in the target's namespace. They are
// client-go's typed clients without its clientset, which knows every kind of every
// API group and would make the binary 11 MB larger.

// newScheme knows what is sent and what is answered: the kinds below, and Scale,
// which is of autoscaling/v1 for every kind that has one.
func newScheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	known := runtime.NewSchemeBuilder(corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme,
		autoscalingv1.AddToScheme, autoscalingv2.AddToScheme, authorizationv1.AddToScheme)
	if err := known.AddToScheme(s); err != nil {
		return nil, fmt.Errorf("kinds of Kubernetes: %w", err)
	}
	return s, nil
}

// newClients are for one namespace, by a config that says who asks and how.
func newClients(config *rest.Config, namespace string) (*clients, error) {
	known, err := newScheme()
	if err != nil {
		return nil, err
	}
	c := &clients{namespace: namespace, params: runtime.NewParameterCodec(known), host: config.Host}
	if err := c.dial(config, known, map[schema.GroupVersion]*rest.Interface{
		corev1.SchemeGroupVersion: &c.core, appsv1.SchemeGroupVersion: &c.apps, batchv1.SchemeGroupVersion: &c.batch,
		autoscalingv2.SchemeGroupVersion: &c.autoscaling, authorizationv1.SchemeGroupVersion: &c.authorization,
	}); err != nil {
		return nil, err
	}
	streams := rest.CopyConfig(config)
	streams.NextProtos = []string{"http/1.1"}
	streams.DisableCompression = true
	if err := c.dial(streams, known, map[schema.GroupVersion]*rest.Interface{corev1.SchemeGroupVersion: &c.logs}); err != nil {
		return nil, err
	}
	return c, nil
}

// dial makes a client for each API group that is given. They share connections and
// a rate. It connects to nothing yet.
func (c *clients) dial(config *rest.Config, known *runtime.Scheme, groups map[schema.GroupVersion]*rest.Interface) error {
	h, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	if config.ExecProvider != nil {
		h.Transport = impatient{h.Transport}
	}
	c.http = append(c.http, h)
	config = rest.CopyConfig(config)
	config.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(config.QPS, config.Burst)
	config.NegotiatedSerializer = serializer.NewCodecFactory(known).WithoutConversion()
	for group, client := range groups {
		config.GroupVersion, config.APIPath = &group, "/apis"
		if group.Group == corev1.GroupName {
			config.APIPath = "/api"
		}
		if *client, err = rest.RESTClientForConfigAndClient(config, h); err != nil {
			return err
		}
	}
	return nil
}

// item is a pointer to a T that is one object, and list one to a T that is a list.
type (
	item[T any] interface {
		*T
		runtime.Object
		metav1.Object
	}
	list[T any] interface {
		*T
		runtime.Object
	}
)

// typed is the client of one kind, in a namespace if one is given.
func typed[T, L any, P item[T], LP list[L]](c *clients, group rest.Interface, resource, namespace string) *gentype.ClientWithList[P, LP] {
	return gentype.NewClientWithList(resource, group, c.params, namespace, func() P { return new(T) }, func() LP { return new(L) })
}

func (c *clients) namespaces() *gentype.ClientWithList[*corev1.Namespace, *corev1.NamespaceList] {
	return typed[corev1.Namespace, corev1.NamespaceList](c, c.core, "namespaces", metav1.NamespaceNone)
}

func (c *clients) pods() *gentype.ClientWithList[*corev1.Pod, *corev1.PodList] {
	return typed[corev1.Pod, corev1.PodList](c, c.core, "pods", c.namespace)
}

func (c *clients) events() *gentype.ClientWithList[*corev1.Event, *corev1.EventList] {
	return typed[corev1.Event, corev1.EventList](c, c.core, "events", c.namespace)
}

func (c *clients) configMaps() *gentype.ClientWithList[*corev1.ConfigMap, *corev1.ConfigMapList] {
	return typed[corev1.ConfigMap, corev1.ConfigMapList](c, c.core, "configmaps", c.namespace)
}

func (c *clients) deployments() *gentype.ClientWithList[*appsv1.Deployment, *appsv1.DeploymentList] {
	return typed[appsv1.Deployment, appsv1.DeploymentList](c, c.apps, "deployments", c.namespace)
}

func (c *clients) replicaSets() *gentype.ClientWithList[*appsv1.ReplicaSet, *appsv1.ReplicaSetList] {
	return typed[appsv1.ReplicaSet, appsv1.ReplicaSetList](c, c.apps, "replicasets", c.namespace)
}

func (c *clients) jobs() *gentype.ClientWithList[*batchv1.Job, *batchv1.JobList] {
	return typed[batchv1.Job, batchv1.JobList](c, c.batch, "jobs", c.namespace)
}

func (c *clients) cronJobs() *gentype.ClientWithList[*batchv1.CronJob, *batchv1.CronJobList] {
	return typed[batchv1.CronJob, batchv1.CronJobList](c, c.batch, "cronjobs", c.namespace)
}

func (c *clients) autoscalers() *gentype.ClientWithList[*autoscalingv2.HorizontalPodAutoscaler, *autoscalingv2.HorizontalPodAutoscalerList] {
	return typed[autoscalingv2.HorizontalPodAutoscaler, autoscalingv2.HorizontalPodAutoscalerList](c, c.autoscaling, "horizontalpodautoscalers", c.namespace)
}

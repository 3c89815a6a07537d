package kube

import (
	"context"
	"io"

	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/rest"
)

// What is asked of the API besides the verbs that every kind has. The requests are
// those of client-go's clientset (kubernetes/typed).

// scale sets the count of a deployment through its subresource.
func (c *clients) scale(ctx context.Context, deployment string, to *autoscalingv1.Scale, how metav1.UpdateOptions) error {
	return c.apps.Put().Namespace(c.namespace).Resource("deployments").Name(deployment).SubResource("scale").
		VersionedParams(&how, c.params).Body(to).Do(ctx).Into(&autoscalingv1.Scale{})
}

// log streams what a pod logs.
func (c *clients) log(ctx context.Context, pod string, how *corev1.PodLogOptions) (io.ReadCloser, error) {
	return c.logs.Get().Namespace(c.namespace).Name(pod).Resource("pods").SubResource("log").
		VersionedParams(how, c.params).Stream(ctx)
}

// mayI asks whether something is granted to the user that c speaks as.
func (c *clients) mayI(ctx context.Context, asked *authorizationv1.SelfSubjectAccessReview) (*authorizationv1.SelfSubjectAccessReview, error) {
	return gentype.NewClient("selfsubjectaccessreviews", c.authorization, c.params, metav1.NamespaceNone,
		func() *authorizationv1.SelfSubjectAccessReview { return &authorizationv1.SelfSubjectAccessReview{} },
	).Create(ctx, asked, metav1.CreateOptions{})
}

// path gets what is at a path, of whichever group.
func (c *clients) path(path string) *rest.Request { return c.core.Get().AbsPath(path) }

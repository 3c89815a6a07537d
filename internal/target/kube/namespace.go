package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// inNamespace tells whether the namespace exists. Kubernetes answers with empty
// lists about one that does not, which must not become "nothing there". A problem
// says that there is none; unsure is a sentence where that could not be seen.
func (t *Target) inNamespace(ctx context.Context, c *clients) (unsure string, err error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	_, err = c.namespaces().Get(asking, t.opts.Namespace, metav1.GetOptions{})
	a := act{doing: "getting the namespace", verb: "get", resource: "namespaces", name: t.opts.Namespace}
	switch {
	case err == nil:
		return "", nil
	case apierrors.IsForbidden(err):
		return fmt.Sprintf("Whether namespace %s exists is not known (%s).", t.opts.Namespace, t.ungranted(a)), nil
	case !apierrors.IsNotFound(err), isForeign(err):
		return "", t.problem(ctx, a, err)
	}
	return "", &check.Problem{
		Sentence: fmt.Sprintf("There is no namespace %s in Kubernetes %s%s", t.opts.Namespace, t.opts.Place, t.nearNamespace(ctx, c)),
		Err:      fmt.Errorf("kubernetes %s: getting the namespace: %w", t.opts.Name, err),
	}
}

// nearNamespace ends a sentence with the namespace that may be meant, as far as
// they may be listed.
func (t *Target) nearNamespace(ctx context.Context, c *clients) string {
	asking, cancel := t.ask(ctx)
	defer cancel()
	list, err := c.namespaces().List(asking, metav1.ListOptions{})
	if err != nil {
		return ": correct it in the config."
	}
	var have []string
	for i := range list.Items {
		have = append(have, list.Items[i].Name)
	}
	return declare.DidYouMean(t.opts.Namespace, have)
}

// noDeployment says that there is none of this name, and which one may be meant.
// It first makes sure that the namespace is there at all.
func (t *Target) noDeployment(ctx context.Context, c *clients, name string) error {
	if _, err := t.inNamespace(ctx, c); err != nil {
		return err
	}
	asking, cancel := t.ask(ctx)
	defer cancel()
	near := "."
	if list, err := c.deployments().List(asking, metav1.ListOptions{}); err == nil {
		var have []string
		for i := range list.Items {
			have = append(have, list.Items[i].Name)
		}
		near = declare.DidYouMean(name, have)
	}
	return problemf("There is no deployment %s in namespace %s of Kubernetes %s%s", name, t.opts.Namespace, t.opts.Place, near)
}

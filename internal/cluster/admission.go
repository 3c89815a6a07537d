package cluster

import (
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Review is what a hook is asked about: a write that is permitted and valid. Objects must not be changed.
type Review struct {
	User        string
	Verb        string // create, update, patch, delete
	Group       string
	Resource    string // deployments
	Subresource string // "", scale, status
	Namespace   string
	Name        string
	Object, Old runtime.Object // nil at a deletion; nil at a creation
	DryRun      bool
}

// Hook is a validating admission webhook. An error rejects the write, with its text as the reason. It is asked about
// dry runs, too, and about requests only, not about what the cluster's own controllers do.
type Hook struct {
	Name string // replicas.policy.example.com
	// Judge runs while the cluster waits: it must not ask the cluster anything.
	Judge func(Review) error
}

// AddHook makes the cluster ask a hook before each write.
func (c *Cluster) AddHook(h Hook) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks = append(c.hooks, h)
}

func (c *Cluster) admit(k *kind, next, old object, w write) error {
	if w.ask == nil {
		return nil
	}
	r := Review{
		User: w.ask.user.Name, Verb: w.ask.verb, Group: k.Group, Resource: k.resource, Subresource: w.subresource, DryRun: w.dry,
	}
	if next != nil {
		r.Object, r.Namespace, r.Name = next, next.GetNamespace(), next.GetName()
	}
	if old != nil {
		r.Old, r.Namespace, r.Name = old, old.GetNamespace(), old.GetName()
	}
	for _, h := range c.hooks {
		if err := h.Judge(r); err != nil {
			return &apierrors.StatusError{ErrStatus: metav1.Status{
				Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
				Message: fmt.Sprintf("admission webhook %q denied the request: %v", h.Name, err),
			}}
		}
	}
	return nil
}

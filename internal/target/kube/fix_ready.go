package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/check"
)

// Ready implements fix.Applier: the API answers who changes, takes its login, and
// has the namespace. What a plan needs beside that was asked for before it was
// shown, see mayWrite; a right that was taken away since is named by the change
// itself, which is then not made.
func (x *Changing) Ready(ctx context.Context) error {
	c, err := x.t.writing()
	if err != nil {
		return err
	}
	if _, err := x.t.may(ctx, c, act{verb: "patch", resource: "deployments.apps", writes: true}); err != nil {
		return err
	}
	if c, err = x.t.reading(); err != nil {
		return err
	}
	_, err = x.t.inNamespace(ctx, c)
	return err
}

// may asks whether something is granted to who changes. Source: Kubernetes,
// "Authorization", SelfSubjectAccessReview: an empty namespace would mean all.
func (t *Target) may(ctx context.Context, c *clients, a act) (bool, error) {
	resource, subresource, _ := strings.Cut(a.resource, "/")
	resource, group, _ := strings.Cut(resource, ".")
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: t.opts.Namespace, Verb: a.verb, Group: group, Resource: resource, Subresource: subresource, Name: a.name,
		},
	}}
	asking, cancel := t.ask(ctx)
	defer cancel()
	told, err := c.mayI(asking, review)
	if err != nil {
		asked := act{
			doing: "asking for permissions", verb: "create", resource: "selfsubjectaccessreviews.authorization.k8s.io", writes: a.writes,
		}
		return false, t.problem(ctx, asked, err)
	}
	return told.Status.Allowed, nil
}

// mustAll is nil if everything is granted, and else a Problem that names all that
// is missing.
func (t *Target) mustAll(ctx context.Context, acts []act) error {
	c, err := t.writing()
	if err != nil {
		return err
	}
	var missing []act
	said := map[string]bool{}
	for _, a := range acts {
		granted, err := t.may(ctx, c, a)
		if err != nil {
			return err
		}
		if key := a.verb + " " + a.resource; !granted && !said[key] {
			said[key] = true
			missing = append(missing, a)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	sentence := t.forbidden(missing[0], metav1.Status{})
	if len(missing) > 1 {
		var also []string
		for _, a := range missing[1:] {
			also = append(also, fmt.Sprintf("`%s %s`", a.verb, a.resource))
		}
		sentence += " Also missing: " + strings.Join(also, ", ") + "."
	}
	return &check.Problem{Sentence: sentence}
}

// mayWrite is nil if who changes may make every change of a plan.
func (t *Target) mayWrite(ctx context.Context, chosen []*candidate) error {
	var acts []act
	for _, one := range chosen {
		acts = append(acts, actPatch(one.Name))
		if one.w.want.Replicas != nil {
			acts = append(acts, actScale(one.Name))
		}
	}
	return t.mustAll(ctx, acts)
}

func actPatch(name string) act {
	return act{doing: "changing deployment " + name, verb: "patch", resource: "deployments.apps", name: name, writes: true}
}

func actScale(name string) act {
	return act{doing: "scaling deployment " + name, verb: "update", resource: "deployments.apps/scale", name: name, writes: true}
}

// refusal makes a sentence of an error of a write. A policy of the cluster that
// refuses it answers 403, too, and is no missing permission: that names the user.
func (t *Target) refusal(ctx context.Context, a act, err error) error {
	var answered apierrors.APIStatus
	if apierrors.IsBadRequest(err) && errors.As(err, &answered) && strings.Contains(answered.Status().Message, "does not support dry run") {
		return &check.Problem{
			Sentence: fmt.Sprintf("A webhook of Kubernetes %s cannot judge a change without making it, so that there is no preview of one: %s. Its owner has to declare its sideEffects (None); until then, change %s %s by hand.",
				t.opts.Place, clipped(answered.Status().Message), a.noun(), a.name),
			Err: fmt.Errorf("kubernetes %s: %s: %w", t.opts.Name, a.doing, err),
		}
	}
	if !apierrors.IsForbidden(err) || !errors.As(err, &answered) || ctx.Err() != nil {
		return t.problem(ctx, a, err)
	}
	said := answered.Status().Message
	if said == "" || user.MatchString(said) {
		return t.problem(ctx, a, err)
	}
	return &check.Problem{
		Sentence: fmt.Sprintf("Kubernetes %s refused to %s %s %s: %s.", t.opts.Place, a.verb, a.noun(), a.name, clipped(said)),
		Err:      fmt.Errorf("kubernetes %s: %s: %w", t.opts.Name, a.doing, err),
	}
}

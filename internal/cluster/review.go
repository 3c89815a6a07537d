package cluster

import (
	"fmt"
	"net/http"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// review answers questions of users about themselves: who they are and what they may do.
func (c *Cluster) review(w http.ResponseWriter, r *http.Request, a *ask) (handled bool, err error) {
	if a.version != "v1" || a.group != "authorization.k8s.io" && a.group != "authentication.k8s.io" {
		return false, nil
	}
	group := schema.GroupVersion{Group: a.group, Version: a.version}
	var answer func() (any, error)
	switch a.resource {
	case "selfsubjectaccessreviews":
		question := &authorizationv1.SelfSubjectAccessReview{}
		answer = c.reviewing(r, group.WithKind("SelfSubjectAccessReview"), question, func() error { return a.user.judge(question) })
	case "selfsubjectrulesreviews":
		question := &authorizationv1.SelfSubjectRulesReview{}
		answer = c.reviewing(r, group.WithKind("SelfSubjectRulesReview"), question, func() error { return a.user.enumerate(question) })
	case "selfsubjectreviews":
		question := &authenticationv1.SelfSubjectReview{}
		answer = c.reviewing(r, group.WithKind("SelfSubjectReview"), question, func() error {
			question.Status.UserInfo = authenticationv1.UserInfo{Username: a.user.Name, Groups: append(slices.Clone(a.user.Groups), "system:authenticated")}
			return nil
		})
	default:
		return false, nil
	}
	if a.verb != "create" {
		return true, notAllowed(a)
	}
	v, err := answer()
	if err != nil {
		return true, err
	}
	return true, write1(w, http.StatusCreated, v)
}

// reviewing reads a question and fills in its status.
func (c *Cluster) reviewing(r *http.Request, kind schema.GroupVersionKind, question runtime.Object, judge func() error) func() (any, error) {
	return func() (any, error) {
		b, err := body(r)
		if err != nil {
			return nil, err
		}
		_, found, err := c.decoder.Decode(b, &kind, question)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		if *found != kind {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("a %s is no %s", found.Kind, kind.Kind))
		}
		question.GetObjectKind().SetGroupVersionKind(kind)
		return question, judge()
	}
}

func (u *User) judge(q *authorizationv1.SelfSubjectAccessReview) error {
	switch {
	case q.Spec.ResourceAttributes != nil:
		at := q.Spec.ResourceAttributes
		q.Status.Allowed, q.Status.Reason = u.may(attributes{at.Verb, at.Group, at.Resource, at.Subresource, at.Namespace, at.Name})
	case q.Spec.NonResourceAttributes != nil:
		a := &ask{user: u, path: q.Spec.NonResourceAttributes.Path, verb: q.Spec.NonResourceAttributes.Verb}
		q.Status.Allowed = a.authorizePath() == nil
	default:
		return apierrors.NewBadRequest("spec: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified")
	}
	return nil
}

// enumerate lists the rules that hold in a namespace.
func (u *User) enumerate(q *authorizationv1.SelfSubjectRulesReview) error {
	if q.Spec.Namespace == "" {
		return apierrors.NewBadRequest("no namespace on request")
	}
	rules := u.Rules
	if u.master() {
		rules = []Rule{{Verbs: []string{"*"}, Groups: []string{"*"}, Resources: []string{"*"}}}
	}
	q.Status.ResourceRules = []authorizationv1.ResourceRule{{
		Verbs: []string{"create"}, APIGroups: []string{"authorization.k8s.io"},
		Resources: []string{"selfsubjectaccessreviews", "selfsubjectrulesreviews"},
	}}
	q.Status.NonResourceRules = []authorizationv1.NonResourceRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/api", "/api/*", "/apis", "/apis/*", "/version"}}}
	for _, r := range rules {
		if len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, q.Spec.Namespace) {
			continue
		}
		groups := r.Groups
		if len(groups) == 0 {
			groups = []string{""}
		}
		q.Status.ResourceRules = append(q.Status.ResourceRules, authorizationv1.ResourceRule{
			Verbs: r.Verbs, APIGroups: groups, Resources: r.Resources, ResourceNames: r.Names,
		})
	}
	return nil
}

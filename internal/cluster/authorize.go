package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// attributes are what a rule is held against.
type attributes struct {
	verb, group, resource, subresource, namespace, name string
}

func (at attributes) whole() string {
	if at.subresource == "" {
		return at.resource
	}
	return at.resource + "/" + at.subresource
}

// authorize refuses what a user may not do, in the words of the real one.
func (c *Cluster) authorize(a *ask) error {
	if a.resource == "" {
		return a.authorizePath()
	}
	at := attributes{a.verb, a.group, a.resource, a.subresource, a.namespace, a.name}
	if allowed, _ := a.user.may(at); allowed {
		return nil
	}
	where := "at the cluster scope"
	if at.namespace != "" {
		where = fmt.Sprintf("in the namespace %q", at.namespace)
	}
	return apierrors.NewForbidden(a.groupResource(), a.name, fmt.Errorf("User %q cannot %s resource %q in API group %q %s",
		a.user.Name, at.verb, at.whole(), at.group, where))
}

// authorizePath: whoever is logged in may discover, and anybody may ask for the version and the health.
func (a *ask) authorizePath() error {
	open := []string{"/version", "/healthz", "/livez", "/readyz"}
	path := strings.TrimSuffix(a.path, "/")
	if a.user.master() || slices.Contains(open, path) {
		return nil
	}
	if a.user.known() && a.verb == "get" && (path == "/api" || path == "/apis" || strings.HasPrefix(path, "/api/") ||
		strings.HasPrefix(path, "/apis/") || strings.HasPrefix(path, "/openapi")) {
		return nil
	}
	return apierrors.NewForbidden(a.groupResource(), "", fmt.Errorf("User %q cannot %s path %q", a.user.Name, a.verb, a.path))
}

func (u *User) master() bool { return slices.Contains(u.Groups, masters) }

func (u *User) known() bool { return !slices.Contains(u.Groups, "system:unauthenticated") }

// may tells whether a user may do something, and why.
func (u *User) may(at attributes) (allowed bool, reason string) {
	if u.master() {
		return true, ""
	}
	if !u.known() {
		return false, ""
	}
	if at.verb == "create" && (at.group == "authorization.k8s.io" || at.group == "authentication.k8s.io") && strings.HasPrefix(at.resource, "self") {
		return true, `RBAC: allowed by ClusterRoleBinding "system:basic-user" of ClusterRole "system:basic-user" to Group "system:authenticated"`
	}
	for _, r := range u.Rules {
		if r.allows(at) {
			if len(r.Namespaces) == 0 {
				return true, fmt.Sprintf("RBAC: allowed by ClusterRoleBinding %q of ClusterRole %q to User %q", u.Name, u.Name, u.Name)
			}
			return true, fmt.Sprintf("RBAC: allowed by RoleBinding %q of Role %q to User %q", u.Name+"/"+at.namespace, u.Name, u.Name)
		}
	}
	return false, ""
}

func (r Rule) allows(at attributes) bool {
	return (len(r.Namespaces) == 0 || slices.Contains(r.Namespaces, at.namespace)) && has(r.Verbs, at.verb) && r.inGroup(at.group) &&
		r.covers(at) && (len(r.Names) == 0 || at.name != "" && slices.Contains(r.Names, at.name))
}

func (r Rule) inGroup(group string) bool {
	return len(r.Groups) == 0 && group == "" || has(r.Groups, group)
}

// covers: "*" is all, "*/scale" is a subresource of all, and "deployments" is not deployments/scale.
func (r Rule) covers(at attributes) bool {
	return has(r.Resources, at.whole()) || at.subresource != "" && slices.Contains(r.Resources, "*/"+at.subresource)
}

func has(all []string, one string) bool {
	return slices.Contains(all, "*") || slices.Contains(all, one)
}

// Validate names what makes a rule allow nothing.
func (r Rule) Validate() error {
	var errs []error
	if len(r.Verbs) == 0 {
		errs = append(errs, errors.New("a rule has no verbs"))
	}
	if len(r.Resources) == 0 {
		errs = append(errs, errors.New("a rule has no resources"))
	}
	return errors.Join(errs...)
}

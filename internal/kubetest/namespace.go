package kubetest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/cluster"
)

// Namespace makes a namespace of the test's own. In a real cluster it is removed after the test.
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test-%d-%d", os.Getpid(), shared.names.Add(1))
	ctx, cancel := context.WithTimeout(t.Context(), operationTimeout)
	defer cancel()
	_, err := c.admin.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("kubetest: making a namespace: %v", err)
	}
	if c.Real() {
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
			defer cancel()
			if err := c.admin.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
				t.Errorf("kubetest: removing the namespace %s: %v", name, err)
			}
		})
	}
	return name
}

// Rule allows verbs on resources. One without namespaces holds in all of them.
type Rule = cluster.Rule

// Grant lets a user do more, until the test ends. In a real cluster these are roles and bindings.
func (c *Cluster) Grant(t testing.TB, user string, rules ...Rule) {
	t.Helper()
	for _, r := range rules {
		if err := r.Validate(); err != nil {
			t.Fatalf("kubetest: granting %s: %v", user, err)
		}
		if c.fake != nil {
			if err := c.fake.Grant(user, r); err != nil {
				t.Fatalf("kubetest: %v", err)
			}
			continue
		}
		c.bind(t, user, r)
		c.awaitGrant(t, user, r)
	}
}

func (c *Cluster) bind(t testing.TB, user string, r Rule) {
	t.Helper()
	groups := r.Groups
	if len(groups) == 0 {
		groups = []string{""}
	}
	rules := []rbacv1.PolicyRule{{Verbs: r.Verbs, APIGroups: groups, Resources: r.Resources, ResourceNames: r.Names}}
	name := fmt.Sprintf("kubetest-%d-%d", os.Getpid(), shared.names.Add(1))
	subjects := []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}}
	ctx, cancel := context.WithTimeout(t.Context(), operationTimeout)
	defer cancel()
	if len(r.Namespaces) == 0 {
		c.bindEverywhere(ctx, t, name, rules, subjects)
		return
	}
	for _, namespace := range r.Namespaces {
		_, err := c.admin.RbacV1().Roles(namespace).Create(ctx, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}, metav1.CreateOptions{})
		if err == nil {
			_, err = c.admin.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: name}, Subjects: subjects,
				RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			}, metav1.CreateOptions{})
		}
		if err != nil {
			t.Fatalf("kubetest: granting %s: %v", user, err)
		}
		// They end with the namespace, if not before.
		t.Cleanup(func() { c.unbind(name, namespace) })
	}
}

// awaitGrant waits until the real one, which learns of roles by watching them, has learned of one.
func (c *Cluster) awaitGrant(t testing.TB, user string, r Rule) {
	t.Helper()
	at := authorizationv1.ResourceAttributes{Verb: r.Verbs[0]}
	at.Resource, at.Subresource, _ = strings.Cut(r.Resources[0], "/")
	if len(r.Groups) > 0 {
		at.Group = r.Groups[0]
	}
	if len(r.Names) > 0 {
		at.Name = r.Names[0]
	}
	if len(r.Namespaces) > 0 {
		at.Namespace = r.Namespaces[len(r.Namespaces)-1]
	}
	ctx, cancel := context.WithTimeout(t.Context(), operationTimeout)
	defer cancel()
	err := c.peer.await(ctx, "a grant does not hold", func(ctx context.Context) error {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &at}}
		answer, err := c.admin.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err == nil && !answer.Status.Allowed {
			err = fmt.Errorf("%s may not %s %s", user, at.Verb, r.Resources[0])
		}
		return err
	})
	if err != nil {
		t.Fatalf("kubetest: %v", err)
	}
}

func (c *Cluster) bindEverywhere(ctx context.Context, t testing.TB, name string, rules []rbacv1.PolicyRule, subjects []rbacv1.Subject) {
	t.Helper()
	_, err := c.admin.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}, metav1.CreateOptions{})
	if err == nil {
		_, err = c.admin.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		}, metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatalf("kubetest: granting: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
		defer cancel()
		_ = c.admin.RbacV1().ClusterRoleBindings().Delete(ctx, name, metav1.DeleteOptions{}) // the cluster ends soon anyway
		_ = c.admin.RbacV1().ClusterRoles().Delete(ctx, name, metav1.DeleteOptions{})
	})
}

func (c *Cluster) unbind(name, namespace string) {
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
	defer cancel()
	_ = c.admin.RbacV1().RoleBindings(namespace).Delete(ctx, name, metav1.DeleteOptions{}) // the namespace ends, too
	_ = c.admin.RbacV1().Roles(namespace).Delete(ctx, name, metav1.DeleteOptions{})
}

// Line is one line that a container has written.
type Line struct {
	At   time.Time
	Text string
}

// WriteLogs makes lines what a container has written, all of them now; what it wrote before is gone.
func (c *Cluster) WriteLogs(t testing.TB, namespace, pod, container string, lines []string) {
	t.Helper()
	now := time.Now()
	timed := make([]Line, len(lines))
	for i, text := range lines {
		timed[i] = Line{now, text}
	}
	c.WriteTimedLogs(t, namespace, pod, container, timed, nil)
}

// WriteTimedLogs says also when the lines were written, the oldest first, and what the container had written before it
// was last restarted; without such lines there is no previous one.
func (c *Cluster) WriteTimedLogs(t testing.TB, namespace, pod, container string, lines, previous []Line) {
	t.Helper()
	if c.fake != nil {
		if len(previous) > 0 {
			if err := c.fake.Crash(namespace, pod, container, "Error", 1); err != nil {
				t.Fatalf("kubetest: %v", err)
			}
			c.fake.SetPreviousLog(namespace, pod, container, stored(previous))
		}
		c.fake.SetLog(namespace, pod, container, stored(lines))
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), operationTimeout)
	defer cancel()
	if err := c.peer.writeTimedLogs(ctx, podName{namespace, pod}, container, forReal(lines), forReal(previous)); err != nil {
		t.Fatalf("kubetest: %v", err)
	}
}

func forReal(lines []Line) []logLine {
	out := make([]logLine, 0, len(lines))
	for _, l := range lines {
		out = append(out, logLine{l.At, l.Text})
	}
	return out
}

func stored(lines []Line) cluster.Lines {
	return cluster.Generated{Count: len(lines), Make: func(i int) (time.Time, []byte) { return lines[i].At, []byte(lines[i].Text) }}
}

package kubetest

import (
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// may asks the cluster what a user may do.
func (w *world) may(k kubernetes.Interface, at authorizationv1.ResourceAttributes) bool {
	w.t.Helper()
	r := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &at}}
	answer, err := k.AuthorizationV1().SelfSubjectAccessReviews().Create(w.ctx, r, metav1.CreateOptions{})
	w.must(err)
	return answer.Status.Allowed
}

func TestWhatIsNotGrantedIsForbiddenAndNamed(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 1)
		writer := w.Client(t, WriterUser)
		forbidden := func(err error, message string) {
			t.Helper()
			w.refused(err, 403, metav1.StatusReasonForbidden, message)
		}
		deployments := writer.AppsV1().Deployments(w.namespace)
		_, err := deployments.Patch(w.ctx, "orders", "application/merge-patch+json", []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{}, "scale")
		forbidden(err, `deployments.apps "orders" is forbidden: User "integrity-writer" cannot patch resource "deployments/scale" in API group "apps" in the namespace "`+w.namespace+`"`)
		_, err = deployments.List(w.ctx, metav1.ListOptions{})
		forbidden(err, `deployments.apps is forbidden: User "integrity-writer" cannot list resource "deployments" in API group "apps" in the namespace "`+w.namespace+`"`)
		_, err = writer.CoreV1().Pods("").List(w.ctx, metav1.ListOptions{})
		forbidden(err, `pods is forbidden: User "integrity-writer" cannot list resource "pods" in API group "" at the cluster scope`)
		_, err = writer.CoreV1().Namespaces().Get(w.ctx, w.namespace, metav1.GetOptions{})
		forbidden(err, `namespaces "`+w.namespace+`" is forbidden: User "integrity-writer" cannot get resource "namespaces" in API group "" in the namespace "`+w.namespace+`"`)
		_, err = writer.CoreV1().Pods(w.namespace).GetLogs("nothing", &corev1.PodLogOptions{}).DoRaw(w.ctx)
		forbidden(err, "")
		_, err = deployments.Patch(w.ctx, "nothing", "application/merge-patch+json", []byte(`{}`), metav1.PatchOptions{DryRun: dry()})
		forbidden(err, "") // not 404, and a dry run needs the permission, too
	})
}

func TestGrantsHoldForWhatTheyName(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 1)
		w.deploy("prices", 1)
		w.Grant(t, WriterUser,
			Rule{Verbs: []string{"get", "patch"}, Groups: []string{"apps"}, Resources: []string{"deployments/scale"}, Names: []string{"orders"}, Namespaces: []string{w.namespace}},
			Rule{Verbs: []string{"get", "list"}, Resources: []string{"pods"}, Namespaces: []string{w.namespace}})
		writer := w.Client(t, WriterUser)
		scale := func(name, verb string) authorizationv1.ResourceAttributes {
			return authorizationv1.ResourceAttributes{Namespace: w.namespace, Verb: verb, Group: "apps", Resource: "deployments", Subresource: "scale", Name: name}
		}
		for name, row := range map[string]struct {
			at   authorizationv1.ResourceAttributes
			want bool
		}{
			"what is granted":   {scale("orders", "patch"), true},
			"another verb":      {scale("orders", "update"), false},
			"another object":    {scale("prices", "patch"), false},
			"no object":         {scale("", "patch"), false},
			"the whole object":  {authorizationv1.ResourceAttributes{Namespace: w.namespace, Verb: "patch", Group: "apps", Resource: "deployments", Name: "orders"}, false},
			"pods":              {authorizationv1.ResourceAttributes{Namespace: w.namespace, Verb: "list", Resource: "pods"}, true},
			"their logs":        {authorizationv1.ResourceAttributes{Namespace: w.namespace, Verb: "get", Resource: "pods", Subresource: "log"}, false},
			"elsewhere":         {authorizationv1.ResourceAttributes{Namespace: "default", Verb: "list", Resource: "pods"}, false},
			"everywhere":        {authorizationv1.ResourceAttributes{Verb: "list", Resource: "pods"}, false},
			"in a wrong group":  {authorizationv1.ResourceAttributes{Namespace: w.namespace, Verb: "list", Group: "apps", Resource: "pods"}, false},
			"something unknown": {authorizationv1.ResourceAttributes{Namespace: w.namespace, Verb: "list", Group: "example.com", Resource: "things"}, false},
		} {
			if got := w.may(writer, row.at); got != row.want {
				t.Errorf("%s: %v", name, got)
			}
		}
		if !w.may(w.admin, authorizationv1.ResourceAttributes{Verb: "*", Group: "*", Resource: "*"}) {
			t.Error("an admin may not do everything")
		}
		_, err := writer.AppsV1().Deployments(w.namespace).Patch(w.ctx, "orders", "application/merge-patch+json", []byte(`{"spec":{"replicas":2}}`), metav1.PatchOptions{}, "scale")
		w.must(err)
		_, err = writer.AppsV1().Deployments(w.namespace).Get(w.ctx, "orders", metav1.GetOptions{})
		w.refused(err, 403, metav1.StatusReasonForbidden, "")
		_, err = writer.AppsV1().Deployments(w.namespace).Patch(w.ctx, "prices", "application/merge-patch+json", []byte(`{"spec":{"replicas":2}}`), metav1.PatchOptions{}, "scale")
		w.refused(err, 403, metav1.StatusReasonForbidden, "")
	})
}

func TestWhoAsks(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		who, err := w.Client(t, ReaderUser).AuthenticationV1().SelfSubjectReviews().Create(w.ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		w.must(err)
		w.equal("the reader is", ReaderUser, who.Status.UserInfo.Username)
		rules, err := w.Client(t, ReaderUser).AuthorizationV1().SelfSubjectRulesReviews().Create(w.ctx,
			&authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: w.namespace}}, metav1.CreateOptions{})
		if err != nil || len(rules.Status.ResourceRules) == 0 {
			t.Errorf("rules %+v, %v", rules, err)
		}
		_, err = w.Client(t, "a stranger").CoreV1().Pods(w.namespace).List(w.ctx, metav1.ListOptions{})
		w.refused(err, 401, metav1.StatusReasonUnauthorized, "Unauthorized")
		config, err := clientcmd.RESTConfigFromKubeConfig(w.Kubeconfig(ReaderUser))
		w.must(err)
		config.BearerToken = ""
		nobody, err := kubernetes.NewForConfig(config)
		w.must(err)
		_, err = nobody.CoreV1().Pods(w.namespace).List(w.ctx, metav1.ListOptions{})
		w.refused(err, 403, metav1.StatusReasonForbidden, `pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "`+w.namespace+`"`)
		version, err := nobody.Discovery().ServerVersion()
		if err != nil || version.Major != "1" || version.GitVersion == "" {
			t.Errorf("version %+v, %v", version, err)
		}
	})
}

func TestDiscovery(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		for group, want := range map[string][]string{
			"v1":       {"pods", "pods/log", "configmaps", "secrets", "events", "namespaces", "podtemplates"},
			"apps/v1":  {"deployments", "deployments/scale", "deployments/status", "replicasets"},
			"batch/v1": {"jobs", "cronjobs"}, "autoscaling/v2": {"horizontalpodautoscalers"}, "events.k8s.io/v1": {"events"},
			"authorization.k8s.io/v1": {"selfsubjectaccessreviews"},
		} {
			l, err := w.Client(t, ReaderUser).Discovery().ServerResourcesForGroupVersion(group)
			w.must(err)
			there := map[string]bool{}
			for _, r := range l.APIResources {
				there[r.Name] = true
			}
			for _, name := range want {
				if !there[name] {
					t.Errorf("%s has no %s", group, name)
				}
			}
		}
		_, err := w.admin.Discovery().ServerResourcesForGroupVersion("example.com/v1")
		w.refused(err, 404, metav1.StatusReasonNotFound, "")
		err = w.admin.Discovery().RESTClient().Get().AbsPath("/apis/keda.sh/v1alpha1/namespaces/" + w.namespace + "/scaledobjects").Do(w.ctx).Error()
		w.refused(err, 404, metav1.StatusReasonNotFound, "the server could not find the requested resource")
		err = w.admin.Discovery().RESTClient().Post().AbsPath("/api/v1/namespaces/" + w.namespace + "/pods/x/log").Do(w.ctx).Error()
		w.refused(err, 405, metav1.StatusReasonMethodNotAllowed, "")
	})
}

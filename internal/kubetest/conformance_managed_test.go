package kubetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applyappsv1 "k8s.io/client-go/applyconfigurations/apps/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/integritybot/integritybot/internal/cluster"
)

// managers are those of an object's fields, as manager/operation/subresource, sorted.
func managers(o metav1.Object) []string {
	var all []string
	for _, f := range o.GetManagedFields() {
		all = append(all, strings.Trim(f.Manager+"/"+string(f.Operation)+"/"+f.Subresource, "/"))
	}
	slices.Sort(all)
	return all
}

// fieldsOf is what a manager manages.
func fieldsOf(o metav1.Object, manager, subresource string) string {
	for _, f := range o.GetManagedFields() {
		if f.Manager == manager && f.Subresource == subresource {
			return string(f.FieldsV1.GetRawBytes())
		}
	}
	return ""
}

func TestManagedFieldsTellWhichClientChangedWhatAndWhen(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		maps := w.admin.CoreV1().ConfigMaps(w.namespace)
		_, err := maps.Create(w.ctx, configMap("settings", map[string]string{"a": "1", "b": "1"}), metav1.CreateOptions{FieldManager: "helm"})
		w.must(err)
		config := w.Config(t, OtherUser)
		config.UserAgent = "terraform/1.9 (linux) more"
		other, err := kubernetes.NewForConfig(config)
		w.must(err)
		m, err := other.CoreV1().ConfigMaps(w.namespace).Patch(w.ctx, "settings", "application/merge-patch+json", []byte(`{"data":{"b":"2","c":"2"}}`), metav1.PatchOptions{})
		w.must(err)
		w.equal("managers", []string{"helm/Update", "terraform/Update"}, managers(m))
		w.equal("of helm", `{"f:data":{".":{},"f:a":{}}}`, fieldsOf(m, "helm", ""))
		w.equal("of terraform", `{"f:data":{"f:b":{},"f:c":{}}}`, fieldsOf(m, "terraform", ""))
		for _, f := range m.ManagedFields {
			if f.Time == nil || time.Since(f.Time.Time).Abs() > time.Minute || f.APIVersion != "v1" || f.FieldsType != "FieldsV1" {
				t.Errorf("entry %+v", f)
			}
		}
		m, err = maps.Patch(w.ctx, "settings", "application/merge-patch+json", []byte(`{"data":{"c":"2"}}`), metav1.PatchOptions{FieldManager: "nobody"})
		w.must(err)
		w.equal("managers after nothing was changed", []string{"helm/Update", "terraform/Update"}, managers(m))
		m, err = maps.Patch(w.ctx, "settings", "application/merge-patch+json", []byte(`{"data":null}`), metav1.PatchOptions{FieldManager: "broom"})
		w.must(err)
		w.equal("managers after all was removed", []string(nil), managers(m))
	})
}

func TestManagedFieldsOfADeployment(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		d := cluster.NewDeployment(w.namespace, "orders", "shop:1", 1)
		d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "READ_ONLY_MODE", Value: "false"}}
		_, err := w.admin.AppsV1().Deployments(w.namespace).Create(w.ctx, d, metav1.CreateOptions{FieldManager: "kubectl-create"})
		w.must(err)
		w.running("orders", 1)
		_, err = w.patch("orders", `{"spec":{"template":{"spec":{"containers":[{"name":"orders","env":[{"name":"READ_ONLY_MODE","value":"true"}]}]}}}}`,
			metav1.PatchOptions{FieldManager: "kubectl-set"})
		w.must(err)
		w.running("orders", 1)
		now := w.deployment("orders")
		w.equal("managers", []string{"kube-controller-manager/Update/status", "kubectl-create/Update", "kubectl-set/Update"}, managers(now))
		w.equal("of kubectl-set",
			`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"orders\"}":{"f:env":{"k:{\"name\":\"READ_ONLY_MODE\"}":{"f:value":{}}}}}}}}}`,
			fieldsOf(now, "kubectl-set", ""))
		if f := fieldsOf(now, "kube-controller-manager", "status"); !strings.Contains(f, "f:availableReplicas") || !strings.Contains(f, "f:deployment.kubernetes.io/revision") {
			t.Errorf("of the controllers: %s", f)
		}
		if f := fieldsOf(now, "kubectl-create", ""); !strings.Contains(f, `"f:replicas"`) || !strings.Contains(f, `"f:strategy"`) || strings.Contains(f, `"f:value"`) {
			t.Errorf("of who created it: %s", f)
		}
	})
}

// The scale subresource has peculiarities: zero is managed by nobody, what nobody manages is not
// tracked, and a new entry has no time.
func TestManagedFieldsOfAScale(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 1)
		deployments := w.admin.AppsV1().Deployments(w.namespace)
		scaleTo := func(n int32, manager string) {
			t.Helper()
			s, err := deployments.GetScale(w.ctx, "orders", metav1.GetOptions{})
			w.must(err)
			s.ResourceVersion, s.Spec.Replicas = "", n
			_, err = deployments.UpdateScale(w.ctx, "orders", s, metav1.UpdateOptions{FieldManager: manager})
			w.must(err)
			w.running("orders", n)
		}
		scalers := func() []string {
			return slices.DeleteFunc(managers(w.deployment("orders")), func(m string) bool { return !strings.HasSuffix(m, "/scale") })
		}
		scaleTo(2, "first")
		w.equal("scaled to 2 by", []string{"first/Update/scale"}, scalers())
		w.equal("its fields", `{"f:spec":{"f:replicas":{}}}`, fieldsOf(w.deployment("orders"), "first", "scale"))
		for _, f := range w.deployment("orders").ManagedFields {
			if (f.Time == nil) != (f.Manager == "first") {
				t.Errorf("%s has the time %v", f.Manager, f.Time)
			}
		}
		scaleTo(3, "second")
		w.equal("scaled to 3 by", []string{"second/Update/scale"}, scalers())
		scaleTo(0, "third")
		w.equal("scaled to 0 by", []string{}, scalers())
		if f := fieldsOf(w.deployment("orders"), "kubetest", ""); strings.Contains(f, `"f:replicas"`) {
			t.Errorf("who created it still has the count: %s", f)
		}
		scaleTo(1, "fourth") // nobody had the count, and so it is not tracked
		w.equal("scaled to 1 by", []string{}, scalers())
		scaleTo(2, "fifth")
		w.equal("scaled to 2 by", []string{}, scalers())
		_, err := w.patch("orders", `{"spec":{"replicas":3}}`, metav1.PatchOptions{FieldManager: "sixth"})
		w.must(err)
		if f := fieldsOf(w.deployment("orders"), "sixth", ""); f != `{"f:spec":{"f:replicas":{}}}` {
			t.Errorf("who wrote the count into the deployment has %q", f)
		}
		scaleTo(4, "seventh")
		w.equal("scaled to 4 by", []string{"seventh/Update/scale"}, scalers())
	})
}

func TestServerSideApply(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 1)
		deployments := w.admin.AppsV1().Deployments(w.namespace)
		three := applyappsv1.Deployment("orders", w.namespace).WithSpec(applyappsv1.DeploymentSpec().WithReplicas(3))
		_, err := deployments.Apply(w.ctx, three, metav1.ApplyOptions{FieldManager: "flux"})
		w.refused(err, 409, metav1.StatusReasonConflict, `Apply failed with 1 conflict: conflict with "kubetest" using apps/v1: .spec.replicas`)
		_, err = deployments.Apply(w.ctx, three, metav1.ApplyOptions{FieldManager: "flux", Force: true, DryRun: dry()})
		w.must(err)
		if n := *w.deployment("orders").Spec.Replicas; n != 1 {
			t.Errorf("a dry apply has scaled to %d", n)
		}
		d, err := deployments.Apply(w.ctx, three, metav1.ApplyOptions{FieldManager: "flux", Force: true})
		w.must(err)
		if *d.Spec.Replicas != 3 || !slices.Contains(managers(d), "flux/Apply") {
			t.Errorf("%d replicas, managed by %v", *d.Spec.Replicas, managers(d))
		}
		_, err = deployments.Apply(w.ctx, three, metav1.ApplyOptions{})
		w.refused(err, 422, metav1.StatusReasonInvalid, "")
	})
}

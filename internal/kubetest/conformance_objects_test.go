package kubetest

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/integritybot/integritybot/internal/cluster"
)

const stale = "the object has been modified; please apply your changes to the latest version and try again"

func TestObjectsAreMadeReadChangedAndRemoved(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		maps := w.admin.CoreV1().ConfigMaps(w.namespace)
		made, err := maps.Create(w.ctx, configMap("settings", map[string]string{"a": "1"}), metav1.CreateOptions{})
		w.must(err)
		if made.UID == "" || made.ResourceVersion == "" || made.CreationTimestamp.IsZero() || made.Namespace != w.namespace {
			t.Errorf("made %+v", made.ObjectMeta)
		}
		_, err = maps.Create(w.ctx, configMap("settings", nil), metav1.CreateOptions{})
		w.refused(err, 409, metav1.StatusReasonAlreadyExists, `configmaps "settings" already exists`)
		_, err = maps.Get(w.ctx, "nothing", metav1.GetOptions{})
		w.refused(err, 404, metav1.StatusReasonNotFound, `configmaps "nothing" not found`)
		_, err = w.admin.AppsV1().Deployments(w.namespace).Get(w.ctx, "nothing", metav1.GetOptions{})
		w.refused(err, 404, metav1.StatusReasonNotFound, `deployments.apps "nothing" not found`)
		status := err.(apierrors.APIStatus).Status()
		w.equal("details", &metav1.StatusDetails{Group: "apps", Kind: "deployments", Name: "nothing"}, status.Details)
		_, err = maps.Create(w.ctx, configMap("Not_A_Name", nil), metav1.CreateOptions{})
		w.refused(err, 422, metav1.StatusReasonInvalid, "")
		_, err = w.admin.CoreV1().ConfigMaps("no-such-namespace").Create(w.ctx, configMap("x", nil), metav1.CreateOptions{})
		w.refused(err, 404, metav1.StatusReasonNotFound, `namespaces "no-such-namespace" not found`)
		all, err := w.admin.CoreV1().ConfigMaps("no-such-namespace").List(w.ctx, metav1.ListOptions{})
		if err != nil || len(all.Items) != 0 {
			t.Errorf("a list in a namespace that does not exist: %v, %v", all, err)
		}
		_, err = maps.Create(w.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "made-"}}, metav1.CreateOptions{})
		w.must(err)

		w.must(maps.Delete(w.ctx, "settings", metav1.DeleteOptions{}))
		w.refused(maps.Delete(w.ctx, "settings", metav1.DeleteOptions{}), 404, metav1.StatusReasonNotFound, `configmaps "settings" not found`)
	})
}

func TestAChangeToAnOldVersionIsRefused(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		maps := w.admin.CoreV1().ConfigMaps(w.namespace)
		first, err := maps.Create(w.ctx, configMap("settings", map[string]string{"a": "1"}), metav1.CreateOptions{})
		w.must(err)
		second := first.DeepCopy()
		second.Data["a"] = "2"
		second, err = maps.Update(w.ctx, second, metav1.UpdateOptions{})
		w.must(err)
		if second.ResourceVersion == first.ResourceVersion || second.UID != first.UID {
			t.Errorf("the version stays %s", first.ResourceVersion)
		}
		same, err := maps.Update(w.ctx, second.DeepCopy(), metav1.UpdateOptions{})
		w.must(err)
		w.equal("the version after nothing was changed", second.ResourceVersion, same.ResourceVersion)

		old := first.DeepCopy()
		old.Data["a"] = "3"
		_, err = maps.Update(w.ctx, old, metav1.UpdateOptions{})
		message := `Operation cannot be fulfilled on configmaps "settings": ` + stale
		w.refused(err, 409, metav1.StatusReasonConflict, message)
		_, err = maps.Update(w.ctx, old, metav1.UpdateOptions{DryRun: dry()})
		w.refused(err, 409, metav1.StatusReasonConflict, message)
		patch := fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"data":{"a":"3"}}`, first.ResourceVersion)
		_, err = maps.Patch(w.ctx, "settings", types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		w.refused(err, 409, metav1.StatusReasonConflict, message)

		old.ResourceVersion = "" // whatever it is now
		third, err := maps.Update(w.ctx, old, metav1.UpdateOptions{})
		w.must(err)
		w.equal("data", map[string]string{"a": "3"}, third.Data)
		old.UID = "00000000-0000-0000-0000-000000000000"
		_, err = maps.Update(w.ctx, old, metav1.UpdateOptions{})
		w.refused(err, 409, metav1.StatusReasonConflict, "")
		err = maps.Delete(w.ctx, "settings", metav1.DeleteOptions{Preconditions: metav1.NewRVDeletionPrecondition(first.ResourceVersion).Preconditions})
		w.refused(err, 409, metav1.StatusReasonConflict, "")
		err = maps.Delete(w.ctx, "settings", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions("another")})
		w.refused(err, 409, metav1.StatusReasonConflict, "")
	})
}

func TestPatches(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		d := cluster.NewDeployment(w.namespace, "orders", "shop:1", 0)
		d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}}
		deployments := w.admin.AppsV1().Deployments(w.namespace)
		_, err := deployments.Create(w.ctx, d, metav1.CreateOptions{})
		w.must(err)
		env := func(d *appsv1.Deployment) string { return fmt.Sprint(d.Spec.Template.Spec.Containers[0].Env) }

		changed, err := w.patch("orders", `{"spec":{"template":{"spec":{"containers":[{"name":"orders","env":[{"name":"B","value":"3"}]}]}}}}`, metav1.PatchOptions{})
		w.must(err)
		w.equal("strategic: one variable", "[{A 1 nil} {B 3 nil}]", env(changed))
		changed, err = w.patch("orders", `{"spec":{"template":{"spec":{"containers":[{"name":"orders","env":[{"name":"A","$patch":"delete"}]}]}}}}`, metav1.PatchOptions{})
		w.must(err)
		w.equal("strategic: one removed", "[{B 3 nil}]", env(changed))

		patch := `[{"op":"test","path":"/spec/template/spec/containers/0/env/0/value","value":"3"},{"op":"replace","path":"/spec/template/spec/containers/0/env/0/value","value":"4"}]`
		changed, err = deployments.Patch(w.ctx, "orders", types.JSONPatchType, []byte(patch), metav1.PatchOptions{})
		w.must(err)
		w.equal("JSON patch", "[{B 4 nil}]", env(changed))
		_, err = deployments.Patch(w.ctx, "orders", types.JSONPatchType, []byte(patch), metav1.PatchOptions{})
		w.refused(err, 422, metav1.StatusReasonInvalid, "")

		changed, err = deployments.Patch(w.ctx, "orders", types.MergePatchType, []byte(`{"metadata":{"annotations":{"plan":"7"}},"spec":{"paused":true}}`), metav1.PatchOptions{})
		w.must(err)
		if changed.Annotations["plan"] != "7" || !changed.Spec.Paused {
			t.Errorf("merge patch: %+v", changed)
		}
		changed, err = deployments.Patch(w.ctx, "orders", types.MergePatchType, []byte(`{"metadata":{"annotations":{"plan":null}}}`), metav1.PatchOptions{})
		w.must(err)
		if _, there := changed.Annotations["plan"]; there {
			t.Error("a merge patch with null removes nothing")
		}
		_, err = deployments.Patch(w.ctx, "nothing", types.MergePatchType, []byte(`{}`), metav1.PatchOptions{})
		w.refused(err, 404, metav1.StatusReasonNotFound, `deployments.apps "nothing" not found`)
		_, err = deployments.Patch(w.ctx, "orders", types.MergePatchType, []byte(`{"spec":{"replicas":"many"}}`), metav1.PatchOptions{})
		if err == nil {
			t.Error("a count that is a text was taken")
		}
		_, err = w.patch("orders", `{"spec":{"replicas":-1}}`, metav1.PatchOptions{})
		w.refused(err, 422, metav1.StatusReasonInvalid, `Deployment.apps "orders" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0`)
		_, err = w.patch("orders", `{"spec":{"selector":{"matchLabels":{"app":"orders","more":"x"}}}}`, metav1.PatchOptions{})
		w.refused(err, 422, metav1.StatusReasonInvalid, "")
	})
}

func TestADryRunStoresNothing(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		d := w.deploy("orders", 1)
		before := w.deployment("orders")
		maps := w.admin.CoreV1().ConfigMaps(w.namespace)
		made, err := maps.Create(w.ctx, configMap("settings", nil), metav1.CreateOptions{DryRun: dry()})
		if err != nil || made.UID == "" {
			t.Errorf("a dry creation answers %+v, %v", made, err)
		}
		_, err = maps.Get(w.ctx, "settings", metav1.GetOptions{})
		w.refused(err, 404, metav1.StatusReasonNotFound, "")

		patched, err := w.patch("orders", `{"spec":{"replicas":0,"template":{"spec":{"containers":[{"name":"orders","image":"shop:2"}]}}}}`, metav1.PatchOptions{DryRun: dry()})
		w.must(err)
		if *patched.Spec.Replicas != 0 || patched.Generation != before.Generation+1 || patched.Spec.Template.Spec.Containers[0].Image != "shop:2" {
			t.Errorf("a dry patch answers %+v", patched)
		}
		scale, err := w.admin.AppsV1().Deployments(w.namespace).GetScale(w.ctx, "orders", metav1.GetOptions{})
		w.must(err)
		scale.Spec.Replicas = 0
		answered, err := w.admin.AppsV1().Deployments(w.namespace).UpdateScale(w.ctx, "orders", scale, metav1.UpdateOptions{DryRun: dry()})
		if err != nil || answered.Spec.Replicas != 0 {
			t.Errorf("a dry scale answers %+v, %v", answered, err)
		}
		w.must(w.admin.AppsV1().Deployments(w.namespace).Delete(w.ctx, "orders", metav1.DeleteOptions{DryRun: dry()}))
		_, err = w.patch("orders", `{"spec":{"replicas":-1}}`, metav1.PatchOptions{DryRun: dry()})
		w.refused(err, 422, metav1.StatusReasonInvalid, "")
		_, err = w.patch("orders", `{}`, metav1.PatchOptions{DryRun: []string{"Some"}})
		w.refused(err, 422, metav1.StatusReasonInvalid, "")

		after := w.deployment("orders")
		w.equal("the deployment after all that", before, after)
		w.equal("its uid", d.UID, after.UID)
	})
}

func TestLists(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		maps := w.admin.CoreV1().ConfigMaps(w.namespace)
		for i := range 5 {
			m := configMap(fmt.Sprintf("m%d", i), nil)
			m.Labels = map[string]string{"shelf": "one", "odd": fmt.Sprint(i % 2)}
			_, err := maps.Create(w.ctx, m, metav1.CreateOptions{})
			w.must(err)
		}
		names := func(o metav1.ListOptions) (all []string) {
			t.Helper()
			l, err := maps.List(w.ctx, o)
			w.must(err)
			for _, m := range l.Items {
				all = append(all, m.Name)
				if m.Kind != "" {
					t.Error("an item of a list names its kind")
				}
			}
			return all
		}
		w.equal("by a label", []string{"m1", "m3"}, names(metav1.ListOptions{LabelSelector: "odd=1"}))
		w.equal("by several", []string{"m0", "m2", "m4"}, names(metav1.ListOptions{LabelSelector: "shelf in (one, two),odd!=1"}))
		w.equal("by a name", []string{"m3"}, names(metav1.ListOptions{FieldSelector: "metadata.name=m3"}))
		_, err := maps.List(w.ctx, metav1.ListOptions{FieldSelector: "data=x"})
		w.refused(err, 400, metav1.StatusReasonBadRequest, "")
		_, err = maps.List(w.ctx, metav1.ListOptions{LabelSelector: "a b"})
		w.refused(err, 400, metav1.StatusReasonBadRequest, "")

		var paged []string
		next := ""
		for pages := 0; ; pages++ {
			l, err := maps.List(w.ctx, metav1.ListOptions{LabelSelector: "shelf=one", Limit: 2, Continue: next})
			w.must(err)
			for _, m := range l.Items {
				paged = append(paged, m.Name)
			}
			if next = l.Continue; next == "" {
				w.equal("pages", 2, pages)
				break
			}
		}
		w.equal("in pages", []string{"m0", "m1", "m2", "m3", "m4"}, paged)
	})
}

// Who wants to see secrets without their values asks for their metadata.
func TestMetadataAlone(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "password", Labels: map[string]string{"a": "b"}}, StringData: map[string]string{"key": "hidden"}}
		_, err := w.admin.CoreV1().Secrets(w.namespace).Create(w.ctx, secret, metav1.CreateOptions{FieldManager: "vault"})
		w.must(err)
		client, err := metadata.NewForConfig(w.Config(t, AdminUser))
		w.must(err)
		secrets := client.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(w.namespace)
		one, err := secrets.Get(w.ctx, "password", metav1.GetOptions{})
		w.must(err)
		if one.Labels["a"] != "b" || len(one.ManagedFields) != 1 || one.ManagedFields[0].Manager != "vault" {
			t.Errorf("got %+v", one)
		}
		all, err := secrets.List(w.ctx, metav1.ListOptions{LabelSelector: "a=b"})
		if err != nil || len(all.Items) != 1 || all.Items[0].Name != "password" {
			t.Errorf("got %+v, %v", all, err)
		}
		full, err := w.admin.CoreV1().Secrets(w.namespace).Get(w.ctx, "password", metav1.GetOptions{})
		w.must(err)
		if string(full.Data["key"]) != "hidden" || full.Type != corev1.SecretTypeOpaque || full.StringData != nil {
			t.Errorf("got %+v", full)
		}
	})
}

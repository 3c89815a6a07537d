package kube

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// TestAClustersOwnHistoryIsTold on both peers: what clients do is done through the
// API, and what controllers make of it is theirs.
func TestAClustersOwnHistoryIsTold(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, c *kubetest.Cluster) {
		ns := c.Namespace(t)
		grant(t, c, ns)
		ctx, kube := t.Context(), c.Admin()
		start := time.Now().Truncate(time.Second)
		deploy(t, c, ns, "shop", 1)
		settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"LIMIT": "1"}}
		_, err := kube.CoreV1().ConfigMaps(ns).Create(ctx, settings, metav1.CreateOptions{FieldManager: "kubectl-create"})
		must(t, err)
		credentials := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: cluster.Credentials}, StringData: map[string]string{"password": "hunter2"}}
		_, err = kube.CoreV1().Secrets(ns).Create(ctx, credentials, metav1.CreateOptions{FieldManager: "vault"})
		must(t, err)
		patch := func(manager, body string) {
			_, err := kube.AppsV1().Deployments(ns).Patch(ctx, "shop", types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{FieldManager: manager})
			must(t, err)
			until(t, "the rollout", func() bool { return finished(t, c, ns) })
		}
		patch("kubectl-set", `{"spec":{"template":{"spec":{"containers":[{"name":"shop","image":"shop:1.8.4","env":[{"name":"READ_ONLY_MODE","value":"true"}]}]}}}}`)
		patch("kubectl-rollout", `{"spec":{"template":{"spec":{"containers":[{"$patch":"replace"},{"name":"shop","image":"shop:1.8.3"}]}}}}`)
		_, err = kube.CoreV1().ConfigMaps(ns).Patch(ctx, "settings", types.MergePatchType, []byte(`{"data":{"MAX_STOCK":"7"}}`), metav1.PatchOptions{FieldManager: "kubectl-edit"})
		must(t, err)
		_, err = kube.AppsV1().Deployments(ns).Patch(ctx, "shop", types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{FieldManager: "kubectl-scale"}, "scale")
		must(t, err)

		target := open(t, c, ns, func(o *Options) {
			o.Deployments, o.ConfigMaps, o.Secrets = []string{"shop"}, []string{"settings"}, []string{cluster.Credentials}
		})
		want := map[string]bool{
			"rollout | deployment/shop | rollout 1: the first, image shop:1.8.3":                         true,
			"rollout | deployment/shop | rollout 2: image 1.8.3 → 1.8.4, and 1 more":                     true,
			"rollout | deployment/shop | rollout 3, back to revision 1: image 1.8.4 → 1.8.3, and 1 more": true,
			"config edit | configmap/settings | created: key LIMIT | client kubectl-create":              true,
			"config edit | configmap/settings | key MAX_STOCK | client kubectl-edit":                     true,
			"config edit | secret/ecommerce-credentials | created: key password | client vault":          true,
			"scaling | deployment/shop | scaled from 1 to 0 pods: nothing runs":                          true,
		}
		until(t, "the scaling", func() bool {
			changes, missing, err := target.Chronicler().Changes(ctx, start)
			if err != nil || len(missing) > 0 {
				t.Fatal(err, missing)
			}
			got := map[string]bool{}
			for _, change := range changes {
				first, _, _ := strings.Cut(told(change), "\n")
				// All within two seconds: an edit may look like part of the creation, and who
				// rolled out is not to be told.
				first = strings.NewReplacer("edited: key MAX", "key MAX", "created: key MAX", "key MAX").Replace(first)
				if change.Kind == "rollout" || change.Kind == "scaling" {
					first, _, _ = strings.Cut(first, " | client")
					first = strings.TrimSuffix(first, " | ")
				}
				got[first] = true
			}
			if len(got) < len(want) {
				return false
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			return true
		})
	})
}

// finished tells that the latest rollout of the shop has come to its end.
func finished(t *testing.T, c *kubetest.Cluster, ns string) bool {
	t.Helper()
	d, err := c.Admin().AppsV1().Deployments(ns).Get(t.Context(), "shop", metav1.GetOptions{})
	must(t, err)
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentProgressing && condition.Reason == "NewReplicaSetAvailable" {
			return d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == 1 && d.Status.Replicas == 1
		}
	}
	return false
}

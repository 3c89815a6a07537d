package kubetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/integritybot/integritybot/internal/cluster"
)

// The files conformance_*_test.go are what makes the cluster in this process trustworthy: scenarios of client-go with
// assertions that hold on a real kube-apiserver, tried on both.

// world is what a scenario gets: a cluster, an admin's client, a namespace of its own.
type world struct {
	*Cluster
	t         *testing.T
	ctx       context.Context
	admin     kubernetes.Interface
	namespace string
}

// onEveryPeer runs a scenario on each of them.
func onEveryPeer(t *testing.T, scenario func(*testing.T, *world)) {
	t.Helper()
	t.Parallel()
	for _, peer := range Peers(t) {
		t.Run(string(peer), func(t *testing.T) {
			t.Parallel()
			c := Start(t, Options{Peer: peer})
			if c.Peer != peer || c.Real() != (peer == Real) || (c.Fake() == nil) != c.Real() {
				t.Fatalf("asked for %s, got %s", peer, c.Peer)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*operationTimeout)
			t.Cleanup(cancel)
			scenario(t, &world{Cluster: c, t: t, ctx: ctx, admin: c.Admin(), namespace: c.Namespace(t)})
		})
	}
}

var errNotYet = errors.New("not yet")

// await tries until it is so.
func (w *world) await(what string, try func() error) {
	w.t.Helper()
	var last error
	for {
		if last = try(); last == nil {
			return
		}
		select {
		case <-w.ctx.Done():
			w.t.Fatalf("%s: %v", what, last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// refused holds an error against what Kubernetes says.
func (w *world) refused(err error, code int32, reason metav1.StatusReason, message string) {
	w.t.Helper()
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		w.t.Errorf("got %v, want %d %s", err, code, reason)
		return
	}
	got := status.Status()
	if got.Code != code || got.Reason != reason || message != "" && got.Message != message {
		w.t.Errorf("got  %d %s %q\nwant %d %s %q", got.Code, got.Reason, got.Message, code, reason, message)
	}
}

func (w *world) equal(what string, want, got any) {
	w.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// deploy makes a deployment and waits for its pods.
func (w *world) deploy(name string, count int32) *appsv1.Deployment {
	w.t.Helper()
	d, err := w.admin.AppsV1().Deployments(w.namespace).Create(w.ctx, cluster.NewDeployment(w.namespace, name, "shop:1", count), metav1.CreateOptions{})
	w.must(err)
	w.running(name, count)
	return d
}

// running waits until a deployment has as many pods as it wants, of its newest template.
func (w *world) running(name string, count int32) {
	w.t.Helper()
	w.await(fmt.Sprintf("%d pods of %s run", count, name), func() error {
		d := w.deployment(name)
		s := d.Status
		if s.ObservedGeneration < d.Generation || s.Replicas != count || s.AvailableReplicas != count || s.UpdatedReplicas != count {
			return fmt.Errorf("generation %d, status %+v", d.Generation, s)
		}
		return nil
	})
}

func (w *world) deployment(name string) *appsv1.Deployment {
	w.t.Helper()
	d, err := w.admin.AppsV1().Deployments(w.namespace).Get(w.ctx, name, metav1.GetOptions{})
	w.must(err)
	return d
}

func (w *world) patch(name, patch string, options metav1.PatchOptions) (*appsv1.Deployment, error) {
	return w.admin.AppsV1().Deployments(w.namespace).Patch(w.ctx, name, types.StrategicMergePatchType, []byte(patch), options)
}

// pods of a deployment that are not ending.
func (w *world) pods(name string) []corev1.Pod {
	w.t.Helper()
	l, err := w.admin.CoreV1().Pods(w.namespace).List(w.ctx, metav1.ListOptions{LabelSelector: "app=" + name})
	w.must(err)
	var all []corev1.Pod
	for _, p := range l.Items {
		if p.DeletionTimestamp == nil {
			all = append(all, p)
		}
	}
	return all
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
}

func dry() []string { return []string{metav1.DryRunAll} }

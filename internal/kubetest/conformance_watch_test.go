package kubetest

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
)

func TestAWatchTellsEveryChangeSinceAList(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		maps := w.admin.CoreV1().ConfigMaps(w.namespace)
		inside := configMap("inside", map[string]string{"n": "0"})
		inside.Labels = map[string]string{"watched": "yes"}
		_, err := maps.Create(w.ctx, inside, metav1.CreateOptions{})
		w.must(err)
		l, err := maps.List(w.ctx, metav1.ListOptions{LabelSelector: "watched=yes"})
		w.must(err)
		change := func(patch string) {
			t.Helper()
			_, err := maps.Patch(w.ctx, "inside", "application/merge-patch+json", []byte(patch), metav1.PatchOptions{})
			w.must(err)
		}
		change(`{"data":{"n":"1"}}`) // before the watch begins, after the list
		one, err := maps.Watch(w.ctx, metav1.ListOptions{LabelSelector: "watched=yes", ResourceVersion: l.ResourceVersion})
		w.must(err)
		defer one.Stop()
		_, err = maps.Create(w.ctx, configMap("outside", nil), metav1.CreateOptions{})
		w.must(err)
		change(`{"data":{"n":"2"}}`)
		change(`{"metadata":{"labels":{"watched":"no"}}}`)
		change(`{"data":{"n":"3"}}`)
		change(`{"metadata":{"labels":{"watched":"yes"}}}`)
		w.must(maps.Delete(w.ctx, "inside", metav1.DeleteOptions{}))
		var got []string
		for range 5 {
			e := w.next(one)
			m := e.Object.(*corev1.ConfigMap)
			got = append(got, string(e.Type)+" "+m.Name+" "+m.Data["n"])
		}
		w.equal("told", []string{"MODIFIED inside 1", "MODIFIED inside 2", "DELETED inside 2", "ADDED inside 3", "DELETED inside 3"}, got)
	})
}

func (w *world) next(one watch.Interface) watch.Event {
	w.t.Helper()
	select {
	case e, more := <-one.ResultChan():
		if !more {
			w.t.Fatal("the watch has ended")
		}
		return e
	case <-w.ctx.Done():
		w.t.Fatal("nothing is told")
		return watch.Event{}
	}
}

// A watch without a version tells first what there is.
func TestAWatchOfADeployment(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 1)
		one, err := w.admin.AppsV1().Deployments(w.namespace).Watch(w.ctx, metav1.ListOptions{FieldSelector: "metadata.name=orders"})
		w.must(err)
		defer one.Stop()
		first := w.next(one)
		if d, ok := first.Object.(*appsv1.Deployment); first.Type != watch.Added || !ok || d.Name != "orders" {
			t.Errorf("first %+v", first)
		}
		_, err = w.patch("orders", `{"spec":{"replicas":3}}`, metav1.PatchOptions{FieldManager: "somebody"})
		w.must(err)
		var versions []string
		for {
			e := w.next(one)
			d := e.Object.(*appsv1.Deployment)
			if e.Type != watch.Modified || *d.Spec.Replicas != 3 {
				t.Fatalf("told %s with %d replicas", e.Type, *d.Spec.Replicas)
			}
			versions = append(versions, d.ResourceVersion)
			if d.Status.AvailableReplicas == 3 && d.Status.ObservedGeneration == d.Generation {
				break
			}
		}
		if len(versions) < 2 {
			t.Errorf("the controllers came into the answer: %q", versions)
		}
		_, err = w.admin.AppsV1().Deployments(w.namespace).Watch(w.ctx, metav1.ListOptions{ResourceVersion: "no number"})
		w.refused(err, 500, "", `resourceVersion: Invalid value: "no number": strconv.ParseUint: parsing "no number": invalid syntax`)
	})
}

// Informers are how controllers see the world.
func TestAnInformerFollows(t *testing.T) {
	onEveryPeer(t, func(t *testing.T, w *world) {
		w.deploy("orders", 1)
		factory := informers.NewSharedInformerFactoryWithOptions(w.admin, 0, informers.WithNamespace(w.namespace))
		lister := factory.Apps().V1().Deployments().Lister().Deployments(w.namespace)
		stop := make(chan struct{})
		factory.Start(stop)
		defer factory.Shutdown()
		defer close(stop)
		factory.WaitForCacheSync(w.ctx.Done())
		if d, err := lister.Get("orders"); err != nil || *d.Spec.Replicas != 1 {
			t.Errorf("at first: %+v, %v", d, err)
		}
		_, err := w.patch("orders", `{"spec":{"replicas":2}}`, metav1.PatchOptions{})
		w.must(err)
		w.await("it has seen the change", func() error {
			if d, err := lister.Get("orders"); err != nil || *d.Spec.Replicas != 2 {
				return errNotYet
			}
			return nil
		})
	})
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{})
	k := client(t, c, Admin)
	get := func(ctx context.Context) error {
		_, err := k.AppsV1().Deployments(Namespace).Get(ctx, Backend, metav1.GetOptions{})
		return err
	}
	const path = "/apis/apps/v1/namespaces/production/deployments/ecommerce-backend"
	inject := func(f Fault) {
		t.Helper()
		c.ClearFaults()
		f.Path = path
		must(t, c.Inject(f))
	}
	inject(Fault{Kind: Refused, Status: http.StatusInternalServerError, Count: 1})
	if err := get(patience(t)); !apierrors.IsInternalError(err) {
		t.Errorf("500: %v", err)
	}
	must(t, get(patience(t))) // it was for one request only
	inject(Fault{Kind: Refused, Status: http.StatusTooManyRequests})
	if err := get(patience(t)); !apierrors.IsTooManyRequests(err) {
		t.Errorf("429: %v", err)
	}
	inject(Fault{Kind: Refused, Status: http.StatusTooManyRequests, RetryAfter: 1, Count: 1})
	before := time.Now()
	must(t, get(patience(t))) // client-go waits and asks again
	if took := time.Since(before); took < time.Second {
		t.Errorf("it was asked again after %v", took)
	}
	inject(Fault{Kind: HangUp, Verb: "get"})
	if err := get(patience(t)); err == nil {
		t.Error("a connection that broke was an answer")
	}
	inject(Fault{Kind: HangUp, Verb: "patch"})
	must(t, get(patience(t)))
	inject(Fault{Kind: Hang})
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := get(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it hangs: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- get(patience(t)) }()
	for len(c.Journal(0)) == 0 || c.Journal(0)[len(c.Journal(0))-1].Status != 0 {
		time.Sleep(time.Millisecond)
	}
	c.ClearFaults()
	must(t, <-done)

	for want, f := range map[int32]Fault{1: {Kind: Lost}, 2: {Kind: Unclear, Status: http.StatusBadGateway}} {
		f.Verb, f.Count = "patch", 1
		inject(f)
		_, err := k.AppsV1().Deployments(Namespace).Patch(patience(t), Backend, "application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, want), metav1.PatchOptions{}, "scale")
		var answered apierrors.APIStatus
		if err == nil || (f.Kind == Unclear) != errors.As(err, &answered) {
			t.Errorf("%s: %v", f.Kind, err)
		}
		if n := *deployment(t, k, Backend).Spec.Replicas; n != want {
			t.Errorf("%s: it was not done: %d replicas", f.Kind, n)
		}
	}
	for _, f := range []Fault{{}, {Kind: Refused}, {Kind: Unclear}, {Kind: Hang, Status: 500}, {Kind: Slow, Delay: -1}} {
		if c.Inject(f) == nil {
			t.Errorf("%+v was taken", f)
		}
	}
}

func TestAnOutage(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{})
	k := client(t, c, Admin)
	list := func() error {
		_, err := k.CoreV1().Pods(Namespace).List(patience(t), metav1.ListOptions{})
		return err
	}
	must(t, list())
	pod := c.Pods(Namespace, Backend)[0]
	stream, err := k.CoreV1().Pods(Namespace).GetLogs(pod, &corev1.PodLogOptions{Follow: true}).Stream(patience(t))
	must(t, err)
	c.Down()
	if _, err := stream.Read(make([]byte, 1)); err == nil {
		t.Error("a stream went on")
	}
	_ = stream.Close() // it is broken
	if err := list(); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("while it is down: %v", err)
	}
	must(t, c.Up(t.Context()))
	must(t, list())
}

func TestStreamsAreCut(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{})
	k := client(t, c, Admin)
	watch, err := k.CoreV1().Pods("").Watch(patience(t), metav1.ListOptions{})
	must(t, err)
	for range 3 {
		<-watch.ResultChan()
	}
	c.CutStreams()
	for range watch.ResultChan() { // until it ends
		continue
	}
}

func TestAWatchThatIsTooFarBehind(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{History: 10})
	for i := range 20 {
		must(t, c.As("kubectl", time.Time{}).Scale(Namespace, Backend, int32(i+1)))
	}
	_, err := client(t, c, Admin).CoreV1().Pods("").Watch(patience(t), metav1.ListOptions{ResourceVersion: "1"})
	if !apierrors.IsResourceExpired(err) {
		t.Errorf("got %v", err)
	}
}

// A list goes on as of the time when it began, and not for ever.
func TestAListInPages(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{})
	k := client(t, c, Admin)
	first, err := k.AppsV1().ReplicaSets(Namespace).List(patience(t), metav1.ListOptions{Limit: 1})
	must(t, err)
	if *first.RemainingItemCount != 2 {
		t.Errorf("%d remain", *first.RemainingItemCount)
	}
	must(t, c.As("kubectl-set", noon).SetImage(Namespace, Backend, Backend, "ecommerce-backend:9"))
	second, err := k.AppsV1().ReplicaSets(Namespace).List(patience(t), metav1.ListOptions{Continue: first.Continue})
	must(t, err)
	if len(second.Items) != 2 || second.ResourceVersion != first.ResourceVersion {
		t.Errorf("%d items as of %s after %s", len(second.Items), second.ResourceVersion, first.ResourceVersion)
	}
	for range mostPages {
		_, err := k.AppsV1().ReplicaSets(Namespace).List(patience(t), metav1.ListOptions{Limit: 1})
		must(t, err)
	}
	_, err = k.AppsV1().ReplicaSets(Namespace).List(patience(t), metav1.ListOptions{Continue: first.Continue})
	if !apierrors.IsResourceExpired(err) {
		t.Errorf("got %v", err)
	}
}

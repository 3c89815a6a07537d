package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests with a clock of their own begin.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// handClock stands still until it is moved.
type handClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*handTimer
}

type handTimer struct {
	at time.Time
	f  func()
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	timer := &handTimer{c.now.Add(d), f}
	c.timers = append(c.timers, timer)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		before := len(c.timers)
		c.timers = slices.DeleteFunc(c.timers, func(t *handTimer) bool { return t == timer })
		return len(c.timers) < before
	}
}

// advance calls what becomes due, in order.
func (c *handClock) advance(d time.Duration) {
	end := c.Now().Add(d)
	for {
		c.mu.Lock()
		slices.SortStableFunc(c.timers, func(a, b *handTimer) int { return a.at.Compare(b.at) })
		if len(c.timers) == 0 || c.timers[0].at.After(end) {
			c.now = end
			c.mu.Unlock()
			return
		}
		due := c.timers[0]
		c.timers, c.now = c.timers[1:], due.at
		c.mu.Unlock()
		due.f()
	}
}

// start is a cluster that ends with the test.
func start(t testing.TB, o Options) *Cluster {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Listen(context.WithoutCancel(t.Context()), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return c
}

// seeded is one with the runbook's world in it.
func seeded(t testing.TB, o Options) *Cluster {
	t.Helper()
	c := start(t, o)
	if err := c.Seed(World{}); err != nil {
		t.Fatal(err)
	}
	return c
}

func client(t testing.TB, c *Cluster, user string) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig(c.Kubeconfig(c.Token(user)))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	k, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func patience(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func deployment(t testing.TB, k kubernetes.Interface, name string) *appsv1.Deployment {
	t.Helper()
	d, err := k.AppsV1().Deployments(Namespace).Get(patience(t), name, metav1.GetOptions{})
	must(t, err)
	return d
}

func patch(t testing.TB, k kubernetes.Interface, name, patch string) {
	t.Helper()
	_, err := k.AppsV1().Deployments(Namespace).Patch(patience(t), name, "application/strategic-merge-patch+json", []byte(patch), metav1.PatchOptions{})
	must(t, err)
}

func settle(t testing.TB, c *Cluster) {
	t.Helper()
	must(t, c.Settle(patience(t)))
}

func TestAClusterListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	c, err := New(Options{})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	for _, address := range []string{"0.0.0.0:0", "localhost:0", ":0", "192.0.2.1:0", "127.0.0.1"} {
		if err := c.Listen(t.Context(), address); err == nil {
			t.Errorf("it listens on %s", address)
		}
	}
	if c.URL() != "" {
		t.Errorf("it has the address %s", c.URL())
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	_, err := New(Options{
		LogBytes: -1, Journal: -2, History: -3, Delays: Delays{PodStart: -1},
		Users: []User{{Name: "a", Token: "t"}, {Name: "b", Token: "t"}, {Name: "c"}},
	})
	for _, text := range []string{"LogBytes is -1", "Journal is -2", "History is -3", "a delay is negative", "two users", `"c" needs`} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q is not in %v", text, err)
		}
	}
}

func TestAClusterEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c, err := New(Options{})
	must(t, err)
	must(t, c.Listen(ctx, "127.0.0.1:0"))
	k := client(t, c, Admin)
	watch, err := k.CoreV1().Pods("").Watch(patience(t), metav1.ListOptions{})
	must(t, err)
	cancel()
	for range watch.ResultChan() { // until it ends
		continue
	}
	must(t, c.Close())
	if err := c.Listen(t.Context(), "127.0.0.1:0"); err == nil {
		t.Error("it listens after its end")
	}
}

func TestTheJournalTellsWhoAskedWhat(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{Journal: 8})
	k := client(t, c, Writer)
	must(t, c.Grant(Writer, Rule{Verbs: []string{"patch"}, Groups: []string{"apps"}, Resources: []string{"deployments/scale"}, Namespaces: []string{Namespace}}))
	_, err := k.AppsV1().Deployments(Namespace).Patch(patience(t), Backend, "application/merge-patch+json", []byte(`{"spec":{"replicas":1}}`),
		metav1.PatchOptions{FieldManager: "integritybot", DryRun: []string{"All"}}, "scale")
	must(t, err)
	_, err = k.CoreV1().Secrets(Namespace).List(patience(t), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("got %v", err)
	}
	type row struct {
		User, Verb, Resource, Namespace, Name, Manager string
		Status                                         int
		DryRun, Writes                                 bool
	}
	var got []row
	for _, e := range c.Journal(0) {
		got = append(got, row{e.User, e.Verb, e.Resource, e.Namespace, e.Name, e.Manager, e.Status, e.DryRun, e.Writes()})
	}
	equal(t, "the journal", []row{
		{Writer, "patch", "deployments/scale", Namespace, Backend, "integritybot", 200, true, false},
		{Writer, "list", "secrets", Namespace, "", "", 403, false, false},
	}, got)
	for range 20 {
		_, _ = k.CoreV1().Secrets(Namespace).List(patience(t), metav1.ListOptions{}) // it is refused
	}
	if kept := c.Journal(0); len(kept) > 8 || kept[len(kept)-1].N != 22 {
		t.Errorf("%d entries, the last is number %d", len(kept), kept[len(kept)-1].N)
	}
	if after := c.Journal(21); len(after) != 1 {
		t.Errorf("%d entries after number 21", len(after))
	}
}

func TestRightsAreTakenAway(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{})
	k := client(t, c, Reader)
	list := func() error {
		_, err := k.CoreV1().Pods(Namespace).List(patience(t), metav1.ListOptions{})
		return err
	}
	must(t, c.Grant(Reader, Rule{Verbs: []string{"list"}, Resources: []string{"pods"}}))
	must(t, list())
	must(t, c.Revoke(Reader))
	if err := list(); !apierrors.IsForbidden(err) {
		t.Errorf("got %v", err)
	}
	if err := c.Grant("nobody"); err == nil {
		t.Error("nobody was granted something")
	}
}

func TestHooksAreAskedAboutDryRunsToo(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{})
	var asked []Review
	c.AddHook(Hook{Name: "replicas.example.com", Judge: func(r Review) error {
		asked = append(asked, r)
		if d, ok := r.Object.(*appsv1.Deployment); ok && *d.Spec.Replicas == 0 {
			return errors.New("nobody scales to zero here")
		}
		return nil
	}})
	k := client(t, c, Admin)
	zero := func(options metav1.PatchOptions) error {
		_, err := k.AppsV1().Deployments(Namespace).Patch(patience(t), Backend, "application/merge-patch+json", []byte(`{"spec":{"replicas":0}}`), options, "scale")
		return err
	}
	for _, options := range []metav1.PatchOptions{{DryRun: []string{"All"}}, {}} {
		err := zero(options)
		if !apierrors.IsForbidden(err) || err.Error() != `admission webhook "replicas.example.com" denied the request: nobody scales to zero here` {
			t.Errorf("got %v", err)
		}
	}
	if n := *deployment(t, k, Backend).Spec.Replicas; n != 3 {
		t.Errorf("%d replicas", n)
	}
	if len(asked) != 2 || asked[0].Subresource != "scale" || !asked[0].DryRun || asked[1].DryRun || asked[0].User != Admin || asked[0].Name != Backend {
		t.Errorf("asked about %+v", asked)
	}
}

func TestSomebodyNewLogsIn(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{})
	must(t, c.AddUser(User{Name: "auditor", Token: "secret", Rules: []Rule{{Verbs: []string{"get"}, Groups: []string{"*"}, Resources: []string{"*/scale"}}}}))
	path, err := c.KubeconfigFile(t.TempDir(), "secret")
	must(t, err)
	config, err := clientcmd.BuildConfigFromFlags("", path)
	must(t, err)
	k, err := kubernetes.NewForConfig(config)
	must(t, err)
	if s, err := k.AppsV1().Deployments(Namespace).GetScale(patience(t), Backend, metav1.GetOptions{}); err != nil || s.Spec.Replicas != 3 {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := k.AppsV1().Deployments(Namespace).Get(patience(t), Backend, metav1.GetOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("got %v", err)
	}
	if c.AddUser(User{Name: "nobody"}) == nil {
		t.Error("somebody without a token was taken")
	}
}

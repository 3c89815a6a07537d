// Package kubetest promises a test a Kubernetes cluster on this machine, and that nothing of it (process, directory,
// port, goroutine) is left afterwards. Behind one face are two peers: internal/cluster, in this process, fast and able
// to fail on command; and the real programs, etcd, kube-apiserver, kube-controller-manager and kwok, which are what
// people run. It must never use a cluster that it did not start, listen anywhere but on loopback, nor be imported by
// anything but tests and benchmarks.
//
// A package that uses it has one line in a test file, or, if it uses PostgreSQL as well, the other one:
//
//	func TestMain(m *testing.M) { kubetest.Main(m) }
//	func TestMain(m *testing.M) { pgtest.Main(kubetest.Tests(m)) }
package kubetest

import (
	"context"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/integritybot/integritybot/internal/cluster"
)

// operationTimeout bounds everything that this package asks of a cluster, so that a test hangs in no other place than
// its own.
const operationTimeout = time.Minute

// Options say what the cluster of a test is like. The zero value is good.
type Options struct {
	// Peer is which of the peers it is. Empty: the one in this process, or what INTEGRITYBOT_KUBE says.
	Peer Peer
	// Fake is for what only the one in this process can have, such as a clock or slow controllers. A cluster with it is
	// always that one.
	Fake *cluster.Options
}

// FailingPod is the label, with the value "true", of pods of jobs that fail. Others end well.
const FailingPod = failingPod

// Cluster is what a test gets. A real one is shared by the tests of a binary: what they make is in namespaces of their
// own, see [Cluster.Namespace].
type Cluster struct {
	// Peer is which of the peers this is.
	Peer Peer

	fake  *cluster.Cluster
	peer  *realCluster
	admin kubernetes.Interface
}

// Start hands a test its cluster, which ends with the test, or with the test binary if it is shared.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if !shared.running() {
		t.Fatal("kubetest: this package's TestMain has to call kubetest.Main or kubetest.Tests, which end the clusters")
	}
	c := &Cluster{Peer: o.choose(t)}
	if c.Peer == Real {
		c.peer = shared.cluster(t)
	} else {
		c.fake = startFake(t, o)
	}
	c.admin = c.Client(t, AdminUser)
	return c
}

func (o Options) choose(t testing.TB) Peer {
	t.Helper()
	switch {
	case o.Fake != nil && o.Peer == Real:
		t.Fatal("kubetest: Options.Fake is for the cluster in this process, and this asks for the real one")
	case o.Fake != nil:
		return InProcess
	case o.Peer == "":
		return usual(t)
	case o.Peer != InProcess && o.Peer != Real:
		t.Fatalf("kubetest: there is no peer %q; there are %q and %q", o.Peer, InProcess, Real)
	}
	return o.Peer
}

func startFake(t testing.TB, o Options) *cluster.Cluster {
	t.Helper()
	options := cluster.Options{}
	if o.Fake != nil {
		options = *o.Fake
	}
	if options.Users == nil {
		options.Users = fakeUsers()
	}
	c, err := cluster.New(options)
	if err == nil {
		err = c.Listen(context.WithoutCancel(t.Context()), "127.0.0.1:0")
	}
	if err != nil {
		t.Fatalf("kubetest: %v", err)
	}
	c.Jobs(func(s cluster.JobStart) cluster.JobRun {
		if s.Job.Spec.Template.Labels[FailingPod] == "true" {
			return cluster.JobRun{ExitCode: 1}
		}
		return cluster.JobRun{}
	})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("kubetest: closing the cluster: %v", err)
		}
	})
	return c
}

// fakeUsers are those that the real one has.
func fakeUsers() []cluster.User {
	masters := []string{"system:masters"}
	return []cluster.User{
		{Name: AdminUser, Token: AdminUser + "-token", Groups: masters},
		{Name: ReaderUser, Token: ReaderUser + "-token"},
		{Name: WriterUser, Token: WriterUser + "-token"},
		{Name: OtherUser, Token: OtherUser + "-token", Groups: masters},
	}
}

// Real tells that this is the real one.
func (c *Cluster) Real() bool { return c.peer != nil }

// Fake is the cluster in this process, for what only that can do; nil if this is the real one.
func (c *Cluster) Fake() *cluster.Cluster { return c.fake }

// Admin is a client that may do everything. Its fields are managed under "kubetest".
func (c *Cluster) Admin() kubernetes.Interface { return c.admin }

// Kubeconfig is what a client needs that logs in as one of the users: [AdminUser], [ReaderUser], [WriterUser],
// [OtherUser]. Nobody else is known, and gets a token that is nobody's.
func (c *Cluster) Kubeconfig(user string) []byte {
	if c.fake != nil {
		token := c.fake.Token(user)
		if token == "" {
			token = "nobody"
		}
		return c.fake.Kubeconfig(token)
	}
	tokens := c.peer.Tokens()
	token, known := map[string]string{
		AdminUser: tokens.Admin, ReaderUser: tokens.Reader, WriterUser: tokens.Writer, OtherUser: tokens.Other,
	}[user]
	if !known {
		token = "nobody"
	}
	return c.peer.kubeconfigOf(token)
}

// Client is a client of one of the users, without a limit to its pace.
func (c *Cluster) Client(t testing.TB, user string) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(c.Config(t, user))
	if err != nil {
		t.Fatalf("kubetest: %v", err)
	}
	return client
}

// Config is that of a client of one of the users, to be changed as a test likes.
func (c *Cluster) Config(t testing.TB, user string) *rest.Config {
	t.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig(c.Kubeconfig(user))
	if err != nil {
		t.Fatalf("kubetest: %v", err)
	}
	config.QPS, config.UserAgent = -1, "kubetest"
	return config
}

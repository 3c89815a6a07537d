// Package kafkatest promises a test a Kafka cluster on this machine, and that nothing of it (process, directory, port,
// goroutine) is left afterwards. Behind one face are two peers: kfake, in this process, fast and able to fail on
// command; and Apache Kafka, a process of its own, which is what people run. It must never use a broker that it did
// not start, listen anywhere but on loopback, nor be imported by anything but tests and benchmarks.
//
// A package that uses it has one line in a test file, or, if it uses PostgreSQL as well, the other one:
//
//	func TestMain(m *testing.M) { kafkatest.Main(m) }
//	func TestMain(m *testing.M) { pgtest.Main(kafkatest.Tests(m)) }
package kafkatest

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// operationTimeout bounds everything that this package asks of a broker, so that a test hangs in no other place than
// its own.
const operationTimeout = time.Minute

// Superuser may do everything in a cluster with ACLs. [Cluster.Client] is it.
const Superuser = "admin"

// Options say what the cluster of a test is like. The zero value is one broker with plain TCP and nobody to log in,
// which on Apache Kafka is shared with other tests that ask for the same: their topics and groups have names made by
// [Unique]. A cluster with ACLs or a proxy is the test's own.
type Options struct {
	// Peer is which of the peers it is. Empty: kfake, or what INTEGRITYBOT_KAFKA says.
	Peer Peer
	// Users may log in, by SASL, and nobody else may connect.
	Users []User
	// ACLs forbids the users whatever [Cluster.Allow] has not allowed.
	ACLs bool
	// TLS is with a certificate authority made for this test binary.
	TLS TLS
	// Proxy is in front of the brokers, for failures of the network: see [Proxy].
	Proxy bool
	// Fake is for what only kfake can do, such as several brokers or being old. A cluster with it is always kfake.
	Fake []kfake.Opt
}

// Cluster is what a test gets.
type Cluster struct {
	// Peer is which of the peers this is.
	Peer Peer
	// Brokers are the addresses that a client begins with.
	Brokers []string
	// Certificates are what a client needs for TLS; nil without it.
	Certificates *Certificates
	// Proxy makes the network fail; nil if none was asked for.
	Proxy *Proxy
	// Fake is for failures on command, and nil if this is not kfake.
	Fake *kfake.Cluster

	users  []User
	own    []kgo.Opt // the superuser, past the proxy
	shared bool
}

// Start hands a test its cluster, which ends with the test, or with the test binary if it is shared.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if !shared.running() {
		t.Fatal("kafkatest: this package's TestMain has to call kafkatest.Main or kafkatest.Tests, which end the brokers")
	}
	o = o.completed(t)
	c := &Cluster{Peer: o.Peer, users: o.Users}
	if o.TLS != NoTLS {
		c.Certificates = issue(t, o.TLS)
	}
	switch o.Peer {
	case Apache:
		c.startApache(t, o)
	default:
		c.startFake(t, o)
	}
	return c
}

// completed fills in what follows from the rest, and refuses what no cluster can be.
func (o Options) completed(t testing.TB) Options {
	t.Helper()
	switch {
	case o.Peer == Apache && len(o.Fake) > 0:
		t.Fatal("kafkatest: Options.Fake is for kfake, and this asks for Apache Kafka")
	case len(o.Fake) > 0:
		o.Peer = Fake
	case o.Peer == "":
		o.Peer = usual(t)
	}
	if o.Peer != Fake && o.Peer != Apache {
		t.Fatalf("kafkatest: there is no peer %q; there are %q and %q", o.Peer, Fake, Apache)
	}
	if o.ACLs && len(o.Users) == 0 {
		t.Fatal("kafkatest: ACLs are about users, and there are none")
	}
	for _, u := range o.Users {
		if u.Name == Superuser {
			t.Fatalf("kafkatest: the user %q is there without being asked for", Superuser)
		}
		if !u.Mechanism.known() {
			t.Fatalf("kafkatest: there is no SASL mechanism %q", u.Mechanism)
		}
	}
	return o
}

// exclusive tells that a cluster is of no use to another test.
func (o Options) exclusive() bool { return o.ACLs || o.Proxy }

// ClientOptions are those of a client under test that logs in as one of the users; an empty name where there are none.
// It sends no metrics about itself: for the last ones a client waits when it closes, half a minute on a bad network.
func (c *Cluster) ClientOptions(t testing.TB, user string) []kgo.Opt {
	t.Helper()
	options := []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.DisableClientMetrics()}
	if config := c.TLSConfig(); config != nil {
		options = append(options, kgo.DialTLSConfig(config))
	}
	if user == "" {
		return options
	}
	for _, u := range c.users {
		if u.Name == user {
			return append(options, kgo.SASL(u.mechanism()))
		}
	}
	t.Fatalf("kafkatest: nobody is called %q", user)
	return nil
}

// TLSConfig is that of a client under test; nil without TLS.
func (c *Cluster) TLSConfig() *tls.Config {
	if c.Certificates == nil {
		return nil
	}
	return c.Certificates.client.Clone()
}

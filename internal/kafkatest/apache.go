package kafkatest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// startApache finds or starts the broker that a test can use.
func (c *Cluster) startApache(t testing.TB, o Options) {
	t.Helper()
	if o.exclusive() {
		c.startExclusive(t, o)
		return
	}
	b := shared.broker(t, o, c.Certificates)
	t.Cleanup(func() { b.note(t) })
	c.shared = true
	c.Brokers, c.own = []string{b.advertised()}, b.options()
}

// startExclusive starts a broker that ends with the test.
func (c *Cluster) startExclusive(t testing.TB, o Options) {
	t.Helper()
	setup := setup{options: o, certificates: c.Certificates}
	if o.Proxy {
		c.Proxy = newProxy(t, o.TLS == NoTLS)
		front, err := c.Proxy.route()
		if err != nil {
			t.Fatalf("kafkatest: %v", err)
		}
		setup.front = front
	}
	b, err := startBroker(setup)
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	t.Cleanup(func() {
		b.note(t)
		b.end()
	})
	c.Brokers, c.own = []string{b.advertised()}, b.options()
}

// setup is what a broker is started with.
type setup struct {
	options      Options
	certificates *Certificates // nil without TLS
	front        *route        // what is advertised instead of the broker; nil without a proxy
}

// key is the same for tests that can share a broker.
func (o Options) key() string {
	users := slices.Clone(o.Users)
	slices.SortFunc(users, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
	return fmt.Sprintf("%q %v", users, o.TLS)
}

// options are those of a client that may do everything, past the proxy.
func (b *broker) options() []kgo.Opt { return []kgo.Opt{kgo.SeedBrokers(b.ports.internal.Address())} }

func (b *broker) advertised() string { return b.setup.advertised(b.ports) }

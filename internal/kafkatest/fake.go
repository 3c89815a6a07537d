package kafkatest

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fakeSuperuser exists only where there are users. Everything is in this process, so that its password protects
// nothing.
var fakeSuperuser = User{Name: Superuser, Password: Superuser, Mechanism: Plain} //nolint:gochecknoglobals // never written

// startFake is fast enough to be done for every test anew.
func (c *Cluster) startFake(t testing.TB, o Options) {
	t.Helper()
	if o.Proxy {
		c.Proxy = newProxy(t, o.TLS == NoTLS)
	}
	past := map[string]string{} // what is advertised, and the broker itself
	ending := new(atomic.Bool)
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := c.listen(network, address, past)
		if err != nil {
			return nil, err
		}
		l.ending = ending
		return l, nil
	})}
	options = append(options, o.security()...)
	fake, err := kfake.NewCluster(append(options, o.Fake...)...)
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	t.Cleanup(func() {
		ending.Store(true)
		fake.Close()
	})
	c.Fake, c.Brokers = fake, fake.ListenAddrs()
	c.own = []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.Dialer(c.dialer(past))}
	if len(o.Users) > 0 {
		c.own = append(c.own, kgo.SASL(fakeSuperuser.mechanism()))
	}
}

// listen opens the port of a broker, and the one in front of it that is advertised.
func (c *Cluster) listen(network, address string, past map[string]string) (*fakeListener, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	listener := &fakeListener{Listener: l, address: l.Addr()}
	if c.Certificates != nil {
		listener.tls = c.Certificates.server
	}
	if c.Proxy == nil {
		return listener, nil
	}
	front, err := c.Proxy.route()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	front.to(l.Addr().String())
	past[front.address()] = l.Addr().String()
	listener.address = front.listener.Addr()
	return listener, nil
}

func (o Options) security() []kfake.Opt {
	var options []kfake.Opt
	if len(o.Users) > 0 {
		options = append(options, kfake.EnableSASL(), kfake.Superuser(string(fakeSuperuser.Mechanism), fakeSuperuser.Name, fakeSuperuser.Password))
	}
	for _, u := range o.Users {
		options = append(options, kfake.User(string(u.Mechanism), u.Name, u.Password))
	}
	if o.ACLs {
		options = append(options, kfake.EnableACLs())
	}
	return options
}

// dialer connects to the broker itself where the proxy's address is asked for.
func (c *Cluster) dialer(past map[string]string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if broker, proxied := past[address]; proxied {
			address = broker
		}
		if config := c.TLSConfig(); config != nil {
			return dialTLS(ctx, config, network, address)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

package kafkatest

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Proxy is the network between the clients under test and the brokers. The brokers advertise it, so that no client gets
// past it, whichever program it is; only [Cluster.Client] and [Cluster.Admin] do. At first it passes everything on.
//
// There are two kinds of failure. [Proxy.Cut], [Proxy.Mute] and [Proxy.MuteAnswers] begin at once; [Proxy.CutBefore]
// and [Proxy.CutAfter] wait for a certain request. [Proxy.Resume] ends all of them.
type Proxy struct {
	plain bool // the bytes are Kafka's protocol, not TLS

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, by everything that a waiting connection has to know
	state   state
	traps   []*trap
	routes  []*route
	links   map[*link]struct{}
	running sync.WaitGroup
}

// state is what the network does. The zero value is a good network.
type state struct {
	cut, closed      bool
	requests, answer bool // withheld
}

// trap is a request that has been waited for.
type trap struct {
	key    int16
	answer bool // it may arrive, but its answer does not come back
	sprung chan struct{}
}

func newProxy(t testing.TB, plain bool) *Proxy {
	t.Helper()
	p := &Proxy{plain: plain, changed: make(chan struct{}), links: map[*link]struct{}{}}
	t.Cleanup(p.close)
	return p
}

// Cut ends all connections at once and every new one as soon as it is made, as if the brokers' process were dead.
func (p *Proxy) Cut() {
	p.change(func(s *state) { s.cut = true })
}

// Mute lets connections be made and be, but nothing comes through, as if every packet were lost.
func (p *Proxy) Mute() {
	p.change(func(s *state) { s.requests, s.answer = true, true })
}

// MuteAnswers lets everything reach the brokers and nothing come back: they do what they are asked to, and who asked
// does not learn of it.
func (p *Proxy) MuteAnswers() {
	p.change(func(s *state) { s.requests, s.answer = false, true })
}

// Resume makes it a good network again. What was withheld on connections that still exist comes through, late.
func (p *Proxy) Resume() {
	p.mu.Lock()
	p.traps = nil
	p.mu.Unlock()
	p.change(func(s *state) { *s = state{closed: s.closed} })
}

// CutBefore cuts (see [Proxy.Cut]) when the next request of a kind comes: it does not reach a broker. The channel is
// closed when that has happened. With TLS the proxy cannot tell one request from another.
func (p *Proxy) CutBefore(t testing.TB, key kmsg.Key) <-chan struct{} {
	t.Helper()
	return p.lay(t, trap{key: key.Int16()})
}

// CutAfter cuts when the answer to the next request of a kind comes: a broker has done what it was asked to, and the
// answer is lost.
func (p *Proxy) CutAfter(t testing.TB, key kmsg.Key) <-chan struct{} {
	t.Helper()
	return p.lay(t, trap{key: key.Int16(), answer: true})
}

func (p *Proxy) lay(t testing.TB, laid trap) <-chan struct{} {
	t.Helper()
	if !p.plain {
		t.Fatal("kafkatest: with TLS the proxy cannot tell one request from another")
	}
	laid.sprung = make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.traps = append(p.traps, &laid)
	return laid.sprung
}

// springs cuts the network if that has been waited for.
func (p *Proxy) springs(key int16, answer bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, laid := range p.traps {
		if laid.key == key && laid.answer == answer {
			p.traps = append(p.traps[:i:i], p.traps[i+1:]...)
			p.state.cut = true
			p.spread()
			close(laid.sprung)
			return true
		}
	}
	return false
}

func (p *Proxy) change(f func(*state)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.state)
	p.spread()
}

// spread tells every connection of a change. The caller holds the lock.
func (p *Proxy) spread() {
	close(p.changed)
	p.changed = make(chan struct{})
	if p.state.cut || p.state.closed {
		for l := range p.links {
			l.reset()
		}
	}
}

// weather is the state now, and what is closed when it changes.
func (p *Proxy) weather() (state, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, p.changed
}

// close ends everything and waits for it.
func (p *Proxy) close() {
	p.mu.Lock()
	for _, r := range p.routes {
		_ = r.listener.Close()
	}
	p.mu.Unlock()
	p.change(func(s *state) { s.closed = true })
	p.running.Wait()
}

// route is the way to one broker.
type route struct {
	proxy    *Proxy
	listener net.Listener
}

// route opens a port on loopback, for a broker whose own address need not be known yet.
func (p *Proxy) route() (*route, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &route{proxy: p, listener: l}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.routes = append(p.routes, r)
	return r, nil
}

func (r *route) address() string { return r.listener.Addr().String() }

// to begins to pass connections on to a broker.
func (r *route) to(broker string) {
	r.proxy.running.Go(func() {
		for {
			client, err := r.listener.Accept()
			if err != nil {
				return // closed
			}
			r.proxy.connect(client, broker)
		}
	})
}

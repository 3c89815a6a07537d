package redistest

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
)

// Proxy is the network between a client under test and one server. At first it passes
// everything on.
type Proxy struct {
	listener net.Listener
	server   string
	running  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	cut     bool
	mute    bool
	changed chan struct{}
	conns   map[net.Conn]struct{}
	// count is how many commands of the kind that is waited for came; at the one that is
	// meant the network is cut.
	name      string
	at, count int
	after     bool
	sprung    chan struct{}
	total     int
}

// Proxy puts a network before the first server, or another one.
func (s *Server) Proxy() *Proxy { return NewProxy(s.t, s.Addr()) }

// NewProxy puts a network before a server.
func NewProxy(t testing.TB, server string) *Proxy {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	p := &Proxy{listener: l, server: server, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is where the client under test connects.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut ends all connections at once and every new one as soon as it is made.
func (p *Proxy) Cut() { p.change(func() { p.cut = true }) }

// Mute lets connections be made and be, but nothing comes through.
func (p *Proxy) Mute() { p.change(func() { p.mute = true }) }

// Redirect ends all connections and leads new ones to another server, as when an
// address is given to another one.
func (p *Proxy) Redirect(server string) {
	p.change(func() {
		p.server = server
		for c := range p.conns {
			_ = c.Close()
		}
	})
}

// Resume makes it a good network again.
func (p *Proxy) Resume() { p.change(func() { p.cut, p.mute, p.sprung = false, false, nil }) }

// CutAt cuts at the nth command of a name from now on, counted from 1: before the server
// sees it, or after it has answered, so that the answer is lost. An empty name counts
// all. The channel is closed when that has happened.
func (p *Proxy) CutAt(name string, n int, after bool) <-chan struct{} {
	sprung := make(chan struct{})
	p.change(func() { p.name, p.at, p.count, p.after, p.sprung = strings.ToLower(name), n, 0, after, sprung })
	return sprung
}

func (p *Proxy) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
	if p.cut || p.closed {
		for c := range p.conns {
			_ = c.Close()
		}
	}
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.change(func() { p.closed = true })
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		address := p.server
		p.mu.Unlock()
		server, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		refused := p.cut || p.closed
		p.conns[client], p.conns[server] = struct{}{}, struct{}{}
		p.mu.Unlock()
		if refused {
			_ = client.Close()
			_ = server.Close()
			continue
		}
		lost := make(chan struct{})
		p.running.Go(func() { p.requests(client, server, lost) })
		p.running.Go(func() { p.answers(client, server, lost) })
	}
}

var errCut = errors.New("cut")

// await returns when something may pass.
func (p *Proxy) await() error {
	for {
		p.mu.Lock()
		cut, mute, changed := p.cut || p.closed, p.mute, p.changed
		p.mu.Unlock()
		switch {
		case cut:
			return errCut
		case !mute:
			return nil
		}
		<-changed
	}
}

// requests passes on what the client sends, a command at a time.
func (p *Proxy) requests(client, server net.Conn, lost chan struct{}) {
	defer func() { _ = server.Close() }()
	defer func() { _ = client.Close() }()
	reader := bufio.NewReader(client)
	for {
		name, raw, err := command(reader)
		if err != nil || p.await() != nil {
			return
		}
		springs, after := p.springs(name)
		if springs && after {
			close(lost) // from here on no answer comes back
		}
		if springs && !after {
			p.Cut()
			p.spring()
			return
		}
		if _, err := server.Write(raw); err != nil {
			return
		}
	}
}

// answers passes on what the server sends. The answer that is to be lost is read, so
// that the server has done what it was asked to, and then the network is cut.
func (p *Proxy) answers(client, server net.Conn, lost <-chan struct{}) {
	defer func() { _ = server.Close() }()
	defer func() { _ = client.Close() }()
	const chunk = 32 << 10
	buffer := make([]byte, chunk)
	for {
		n, err := server.Read(buffer)
		if n > 0 {
			select {
			case <-lost:
				p.Cut()
				p.spring()
				return
			default:
			}
			if p.await() != nil {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// springs tells whether this is the command that was waited for.
func (p *Proxy) springs(name string) (springs, after bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total++
	if p.sprung == nil || p.at == 0 || p.name != "" && p.name != name {
		return false, false
	}
	p.count++
	return p.count == p.at, p.after
}

func (p *Proxy) spring() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sprung != nil {
		close(p.sprung)
		p.sprung, p.at = nil, 0
	}
}

// Total is how many commands came so far.
func (p *Proxy) Total() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

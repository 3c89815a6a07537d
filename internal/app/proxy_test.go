package app_test

import (
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// proxy stands between the bot and one Postgres, so that a test can take the
// network away: cut it, keep it open and silent, or make it slow.
type proxy struct {
	t       *testing.T
	network string // of the server
	server  string
	address string // ours

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	silent   bool          // takes bytes and passes none on
	delay    time.Duration // of what the client sends
	changed  chan struct{} // closed at each change
	tasks    sync.WaitGroup
}

// newProxy stands before the server of dsn; the proxy's own address is that of
// dsn, too.
func newProxy(t *testing.T, dsn string) (p *proxy, through string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	p = &proxy{
		t: t, network: "unix", server: filepath.Join(q.Get("host"), ".s.PGSQL."+q.Get("port")),
		address: "127.0.0.1:0", conns: map[net.Conn]bool{}, changed: make(chan struct{}),
	}
	p.up()
	t.Cleanup(func() { p.down(); p.tasks.Wait() })
	q.Del("host")
	q.Del("port")
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = p.address, q.Encode()
	return p, u.String()
}

// up takes connections.
func (p *proxy) up() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatalf("proxy: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener, p.address = listener, listener.Addr().String()
	p.tasks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.tasks.Go(func() { p.serve(conn) })
		}
	})
}

// down refuses connections and cuts those there are.
func (p *proxy) down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
	p.cut()
}

func (p *proxy) cut() {
	for conn := range p.conns {
		conn.Close()
	}
	p.wake()
}

func (p *proxy) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// set makes the network silent or slow. What was on its way while it was
// silent is lost: the connections are cut when it speaks again.
func (p *proxy) set(silent bool, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent && !silent {
		p.cut()
	}
	p.silent, p.delay = silent, delay
	p.wake()
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.DialTimeout(p.network, p.server, 5*time.Second)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	if p.listener == nil {
		p.mu.Unlock()
		return
	}
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pass(server, client, true) })
	both.Go(func() { p.pass(client, server, false) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, server)
}

func (p *proxy) pass(to, from net.Conn, slowly bool) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && p.mayPass(to, slowly) {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				from.Close()
			}
			return
		}
	}
}

// mayPass waits as long as the network takes; false: these bytes are lost.
func (p *proxy) mayPass(to net.Conn, slowly bool) bool {
	p.mu.Lock()
	silent, delay, changed := p.silent, p.delay, p.changed
	alive := p.conns[to]
	p.mu.Unlock()
	switch {
	case silent || !alive:
		return false
	case slowly && delay > 0:
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-changed:
		}
	}
	return true
}

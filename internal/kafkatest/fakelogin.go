package kafkatest

import (
	"crypto/tls"
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fakeListener listens for kfake and makes up for two things that it lacks: being advertised at another address, and
// an answer to a login that it refuses. kfake only ends the connection then, while Kafka says why (KIP-152).
type fakeListener struct {
	net.Listener
	address net.Addr // what kfake tells clients
	tls     *tls.Config
	ending  *atomic.Bool // the cluster is: nobody is being refused
}

func (l *fakeListener) Addr() net.Addr { return l.address }

func (l *fakeListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if l.tls != nil {
		conn = tls.Server(conn, l.tls)
	}
	return &fakeConn{Conn: conn, ending: l.ending}, nil
}

// requestHead is what all requests begin with: size, kind, version and correlation id, of 4, 2, 2 and 4 bytes (Kafka
// protocol guide, "Request Header").
const requestHead = 12

// fakeConn knows which login has not been answered.
type fakeConn struct {
	net.Conn
	ending *atomic.Bool

	mu    sync.Mutex
	head  []byte // of the request that is being read
	rest  int    // bytes of it that are still to come after the head
	login []byte // the head of a login that has not been answered; nil if there is none
}

func (c *fakeConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	for seen := p[:n]; len(seen) > 0; {
		seen = c.follow(seen)
	}
	return n, err
}

// follow takes note of the next bytes and returns those that it has not looked at.
func (c *fakeConn) follow(seen []byte) []byte {
	if c.rest > 0 {
		skipped := min(c.rest, len(seen))
		c.rest -= skipped
		return seen[skipped:]
	}
	taken := min(requestHead-len(c.head), len(seen))
	c.head = append(c.head, seen[:taken]...)
	if len(c.head) == requestHead {
		const sizeBytes = 4
		c.rest = int(binary.BigEndian.Uint32(c.head)) - (requestHead - sizeBytes)
		if kmsg.Key(binary.BigEndian.Uint16(c.head[4:])) == kmsg.SASLAuthenticate { //nolint:gosec // the same bits
			c.login = c.head
		}
		c.head = nil
	}
	return seen[taken:]
}

func (c *fakeConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.login = nil
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// Close answers a login that kfake leaves unanswered.
func (c *fakeConn) Close() error {
	c.mu.Lock()
	login := c.login
	c.login = nil
	c.mu.Unlock()
	if login != nil && !c.ending.Load() {
		_, _ = c.Conn.Write(refusal(login)) // whoever has gone does not need it
	}
	return c.Conn.Close()
}

// refusal is the answer to a login with a wrong name or password.
func refusal(login []byte) []byte {
	message := "Authentication failed: Invalid username or password"
	response := kmsg.NewPtrSASLAuthenticateResponse()
	response.Version = int16(binary.BigEndian.Uint16(login[6:])) //nolint:gosec // the same bits
	response.ErrorCode, response.ErrorMessage = kerr.SaslAuthenticationFailed.Code, &message
	answer := append(make([]byte, 4), login[8:requestHead]...)
	if response.IsFlexible() {
		answer = append(answer, 0) // no tagged fields
	}
	answer = response.AppendTo(answer)
	binary.BigEndian.PutUint32(answer, uint32(len(answer)-4)) //nolint:gosec // a hundred bytes
	return answer
}

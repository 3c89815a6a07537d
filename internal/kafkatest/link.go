package kafkatest

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
)

const (
	// chunk is how much is passed on at once where messages cannot be told apart.
	chunk = 32 << 10
	// maxMessage is Kafka's default of socket.request.max.bytes, 100 MiB: what says that it is longer is not Kafka's
	// protocol.
	maxMessage = 100 << 20
)

// link is one connection through the proxy.
type link struct {
	proxy          *Proxy
	client, broker net.Conn
	ended          chan struct{}
	end            sync.Once

	mu    sync.Mutex
	asked map[int32]int16 // the kinds of the requests that have no answer yet, by correlation id
}

func (p *Proxy) connect(client net.Conn, address string) {
	broker, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
	if err != nil {
		_ = client.Close() // as the broker would do
		return
	}
	l := &link{proxy: p, client: client, broker: broker, ended: make(chan struct{}), asked: map[int32]int16{}}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.cut || p.state.closed {
		l.reset()
		return
	}
	p.links[l] = struct{}{}
	var pumps sync.WaitGroup
	pumps.Go(l.requests)
	pumps.Go(l.answers)
	p.running.Go(func() {
		pumps.Wait()
		l.close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.links, l)
	})
}

// reset ends the connection so that both sides see an error, not an orderly end.
func (l *link) reset() {
	for _, conn := range []net.Conn{l.client, l.broker} {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // fails only on what is closed
		}
	}
	l.close()
}

func (l *link) close() {
	l.end.Do(func() {
		close(l.ended)
		_ = l.client.Close()
		_ = l.broker.Close()
	})
}

// requests passes on what the client sends. When the client goes, the broker may still answer, as on a real network: a
// request that was on its way arrives.
func (l *link) requests() {
	if l.pump(l.broker, l.client, func(s state) bool { return s.requests }, l.request) != nil {
		l.close()
		return
	}
	if tcp, ok := l.broker.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // fails only on what is closed
	}
}

func (l *link) answers() {
	_ = l.pump(l.client, l.broker, func(s state) bool { return s.answer }, l.answer) // whichever way it ended, it ended
	l.close()
}

// pump passes on until the source ends, which is no error.
func (l *link) pump(to io.Writer, from io.Reader, withheld func(state) bool, seen func([]byte) bool) error {
	buffer := make([]byte, chunk)
	for {
		message, err := l.next(from, buffer)
		if err != nil {
			if err == io.EOF { //nolint:errorlint // io.Reader's contract: EOF itself, when it is an orderly end
				return nil
			}
			return err
		}
		if l.proxy.plain && !seen(message) {
			return net.ErrClosed
		}
		if err := l.await(withheld); err != nil {
			return err
		}
		if _, err := to.Write(message); err != nil {
			return err
		}
	}
}

// next reads one message of Kafka's protocol, its size in front (Kafka protocol guide, "Protocol Primitive Types"), or
// whatever there is where the bytes are TLS.
func (l *link) next(from io.Reader, buffer []byte) ([]byte, error) {
	if !l.proxy.plain {
		n, err := from.Read(buffer)
		if n > 0 {
			err = nil // it comes again
		}
		return buffer[:n], err
	}
	const sizeBytes = 4
	if _, err := io.ReadFull(from, buffer[:sizeBytes]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(buffer)
	if size > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	message := make([]byte, sizeBytes+size)
	copy(message, buffer[:sizeBytes])
	_, err := io.ReadFull(from, message[sizeBytes:])
	return message, err
}

// await returns when the network lets a message pass.
func (l *link) await(withheld func(state) bool) error {
	for {
		now, changed := l.proxy.weather()
		if now.cut || now.closed {
			return net.ErrClosed
		}
		if !withheld(now) {
			return nil
		}
		select {
		case <-changed:
		case <-l.ended:
			return net.ErrClosed
		}
	}
}

// request notes what was asked: after the size come the kind and version of the request, two bytes each, and the
// correlation id. It tells whether to pass it on.
func (l *link) request(message []byte) bool {
	const kindAt, idAt, length = 4, 8, 12
	if len(message) < length {
		return true // the broker will complain
	}
	kind := int16(binary.BigEndian.Uint16(message[kindAt:])) //nolint:gosec // the same bits
	l.mu.Lock()
	l.asked[int32(binary.BigEndian.Uint32(message[idAt:]))] = kind //nolint:gosec // the same bits
	l.mu.Unlock()
	return !l.proxy.springs(kind, false)
}

// answer finds out what was answered: after the size comes the correlation id.
func (l *link) answer(message []byte) bool {
	const idAt, length = 4, 8
	if len(message) < length {
		return true // the client will complain
	}
	id := int32(binary.BigEndian.Uint32(message[idAt:])) //nolint:gosec // the same bits
	l.mu.Lock()
	kind, asked := l.asked[id]
	delete(l.asked, id)
	l.mu.Unlock()
	return !asked || !l.proxy.springs(kind, true)
}

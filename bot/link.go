package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/slack-go/slack/socketmode"
)

// Reasons of Slack's "disconnect" message that need more than a new socket.
const (
	reasonDisabled = "link_disabled"
	reasonTooMany  = "too_many_websockets"
)

// refusedLink is a socket that Slack ended with a reason that a new one does
// not cure.
type refusedLink struct{ reason string }

func (r *refusedLink) Error() string {
	switch r.reason {
	case reasonDisabled:
		return "Socket Mode was switched off for the app. Switch it on under Settings → Socket Mode and start the bot again. (Slack says link_disabled.)"
	case reasonTooMany:
		return "Slack allows no more than 10 sockets for one app: run fewer replicas or connections"
	}
	return "Slack ends the socket: " + r.reason
}

const (
	maxFrame  = 8 << 20          // a payload carries whole messages and views
	dialLimit = 10 * time.Second // handshake, and again until hello
	ackLimit  = 5 * time.Second  // to write one small frame
)

// link is one WebSocket to Slack. Acks are written on the link their envelope
// came from, by a call that returns only when the frame is out.
type link struct {
	number  int
	conn    *websocket.Conn
	opened  time.Time
	last    atomic.Int64  // UnixNano of the last frame of any kind
	hello   chan struct{} // closed when Slack said hello
	helloed sync.Once
	leave   chan string // Slack's reason for asking us to leave
	gone    chan struct{}
	err     error // why the link ended; read it after gone
	pending tally // envelopes accepted and not finished
	closing atomic.Bool
}

func dial(ctx context.Context, client *http.Client, address string, number int, now func() time.Time) (*link, error) {
	l := &link{
		number: number, opened: now(),
		hello: make(chan struct{}), leave: make(chan string, 1), gone: make(chan struct{}),
	}
	seen := func() { l.last.Store(now().UnixNano()) }
	seen()
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, address, &websocket.DialOptions{ //nolint:bodyclose // Dial says: never needed
		HTTPClient:     client,
		OnPingReceived: func(context.Context, []byte) bool { seen(); return true },
		OnPongReceived: func(context.Context, []byte) { seen() },
	})
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("open the socket: HTTP %d", response.StatusCode) // the address holds a ticket: not in the text
		}
		return nil, errors.New("open the socket: " + withoutAddress(err))
	}
	conn.SetReadLimit(maxFrame)
	l.conn = conn
	return l, nil
}

// read hands every frame to receive until the link ends. It must never wait
// for anything else, because pings are answered only while it reads.
func (l *link) read(ctx context.Context, now func() time.Time, receive func([]byte)) {
	defer close(l.gone)
	for {
		_, frame, err := l.conn.Read(ctx)
		if err != nil {
			l.err = err
			_ = l.conn.CloseNow() // it is over either way
			return
		}
		l.last.Store(now().UnixNano())
		receive(frame)
	}
}

func (l *link) sayHello() { l.helloed.Do(func() { close(l.hello) }) }

func (l *link) askedToLeave(reason string) {
	select {
	case l.leave <- reason:
	default: // already leaving: "refresh_requested" after "warning"
	}
}

// ack writes the empty acknowledgement of an envelope. A nil error means that
// the frame was written to this link's connection.
func (l *link) ack(ctx context.Context, envelopeID string) error {
	frame, err := json.Marshal(socketmode.Response{EnvelopeID: envelopeID})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, ackLimit)
	defer cancel()
	return l.conn.Write(ctx, websocket.MessageText, frame)
}

// close takes requests until a moment when none is under way, for at most
// limit, and sends the close frame then.
func (l *link) close(limit time.Duration, reason string) {
	deadline := time.Now().Add(limit)
	l.pending.settle(limit)
	l.closing.Store(true) // from here on nothing is accepted
	l.pending.settle(time.Until(deadline))
	_ = l.conn.Close(websocket.StatusNormalClosure, reason) // fails only if the link is gone
	<-l.gone
}

func (l *link) alive() bool {
	select {
	case <-l.gone:
		return false
	default:
	}
	select {
	case <-l.hello:
		return true
	default:
		return false
	}
}

func (l *link) silence(now time.Time) time.Duration { return now.Sub(time.Unix(0, l.last.Load())) }

// withoutAddress keeps tickets out of logs: errors of net/http quote the URL.
func withoutAddress(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}

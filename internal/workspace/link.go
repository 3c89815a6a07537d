package workspace

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	// maxLinks is how many connections an app may hold.
	maxLinks = 10
	// maxQueued bounds what waits to be written to one connection.
	maxQueued  = 4096
	writeLimit = 10 * time.Second
	// debugLife is the life of a connection that asked for debug_reconnects.
	debugLife = 6 * time.Minute
	// lingerLimit is how long an ended connection waits for the client's end.
	lingerLimit = 2 * time.Second
)

// link is one Socket Mode connection. Its state is guarded by the workspace's
// mutex; frames reach the network through out, in order, by one goroutine.
type link struct {
	id          string
	conn        net.Conn
	out         chan frame
	gone        bool
	unanswered  time.Time // when the first ping without an answer was sent
	stopPing    func() bool
	stopRefresh func() bool
}

// connectionsOpen hands out an address that is good for one connection.
func connectionsOpen(w *Workspace, c *call) (obj, *apiError) {
	if !slices.Contains(w.app.AppScopes, "connections:write") {
		return nil, &apiError{code: "missing_scope", fields: obj{"needed": "connections:write", "provided": ""}}
	}
	ticket := w.secret()
	w.tickets[ticket] = w.now()
	w.after(w.opt.Timing.Ticket, func() { delete(w.tickets, ticket) })
	if w.base == "" {
		w.base = c.base
	}
	return obj{"url": "ws" + c.base[len("http"):] + "/link/?ticket=" + ticket + "&app_id=" + w.app.ID}, nil
}

// serveLink is a Socket Mode connection from its handshake to its end.
func (w *Workspace) serveLink(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	_, valid := w.tickets[r.URL.Query().Get("ticket")]
	delete(w.tickets, r.URL.Query().Get("ticket"))
	if !valid || w.closed {
		w.note(Entry{Kind: "socket", Event: "refused", Violation: "the WebSocket address was used before, is too old or unknown"})
		w.mu.Unlock()
		http.Error(rw, "ticket unknown, used or expired", http.StatusUnauthorized)
		return
	}
	w.wg.Add(1)
	w.mu.Unlock()
	defer w.wg.Done()

	conn, reader, err := upgrade(rw, r)
	if err != nil {
		w.log.Warn("Socket Mode handshake failed", "error", err)
		return
	}
	life := w.opt.Timing.Connection
	if r.URL.Query().Get("debug_reconnects") == "true" {
		life = min(life, debugLife)
	}
	l := w.openLink(conn, life)
	w.read(l, reader)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropLink(l, "ended")
	delete(w.conns, conn)
	_ = conn.Close() // both sides are through
}

// openLink registers a connection, greets it and starts its clocks, or ends it
// when it is one too many.
func (w *Workspace) openLink(conn net.Conn, life time.Duration) *link {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.linkNo++
	l := &link{id: strconv.Itoa(w.linkNo), conn: conn, out: make(chan frame, maxQueued)}
	w.conns[conn] = true
	w.wg.Go(l.write)
	switch {
	case w.closed:
		l.cut()
		return l
	case len(w.links) >= maxLinks:
		w.note(Entry{Kind: "socket", Conn: l.id, Event: "too_many_websockets", Violation: "more than 10 connections"})
		l.disconnect("too_many_websockets")
		l.end()
		return l
	}
	w.links = append(w.links, l)
	w.note(Entry{Kind: "socket", Conn: l.id, Event: "open"})
	// Its clocks run before it is greeted: whoever has read the greeting may turn the clock on.
	w.armPing(l)
	l.stopRefresh = w.after(life, func() { w.refresh(l) })
	l.send(w.hello())
	w.publish(notice{Type: "bot"})
	if w.socketFaultOf("link_disabled") != nil {
		w.disable(l)
	}
	return l
}

func (w *Workspace) hello() obj {
	return obj{
		"type": "hello", "num_connections": len(w.links), "connection_info": obj{"app_id": w.app.ID},
		"debug_info": obj{
			"host": "applink-" + strconv.Itoa(len(w.links)), "build_number": 1,
			"approximate_connection_time": int(w.opt.Timing.Connection.Seconds()),
		},
	}
}

// armPing sends a ping every interval, and drops a client that stopped
// answering. While the fault "silence" lasts nothing is sent or expected.
func (w *Workspace) armPing(l *link) {
	l.stopPing = w.after(w.opt.Timing.Ping, func() {
		if l.gone {
			return
		}
		if w.socketFaultOf("silence") == nil {
			if l.unanswered.IsZero() {
				l.unanswered = w.now()
			}
			if limit := w.opt.Timing.Pong; limit > 0 && w.now().Sub(l.unanswered) >= limit {
				w.note(Entry{Kind: "socket", Conn: l.id, Event: "no_pong", Violation: fmt.Sprintf("no answer to pings for %s", limit)})
				w.dropLink(l, "no pong")
				return
			}
			l.frame(frame{op: opPing, payload: []byte("Ping from applink-" + l.id)})
		}
		w.armPing(l)
	})
}

// refresh ends a connection as Slack does every few hours: a warning, then
// refresh_requested, then the cut. Envelopes still arrive in between.
func (w *Workspace) refresh(l *link) {
	w.after(w.opt.Timing.RefreshWarning, func() {
		if l.gone {
			return
		}
		w.after(w.opt.Timing.RefreshCut, func() {
			if !l.gone {
				w.note(Entry{Kind: "socket", Conn: l.id, Event: "cut"})
				l.end()
				w.forget(l)
			}
		})
		l.disconnect("refresh_requested")
		w.note(Entry{Kind: "socket", Conn: l.id, Event: "refresh_requested"})
	})
	l.disconnect("warning")
	w.note(Entry{Kind: "socket", Conn: l.id, Event: "warning"})
}

// disable tells a client that Socket Mode was turned off, and ends it.
func (w *Workspace) disable(l *link) {
	l.disconnect("link_disabled")
	w.note(Entry{Kind: "socket", Conn: l.id, Event: "link_disabled"})
	l.end()
	w.forget(l)
}

// dropLink cuts a connection without a word. One that is ending is left to its
// writer, which may still have the close frame to send.
func (w *Workspace) dropLink(l *link, why string) {
	if !l.gone {
		w.note(Entry{Kind: "socket", Conn: l.id, Event: "closed", Response: why})
		l.cut()
	}
	w.forget(l)
}

// forget takes l out of the pool.
func (w *Workspace) forget(l *link) {
	l.gone = true
	for _, stop := range []func() bool{l.stopPing, l.stopRefresh} {
		if stop != nil {
			stop()
		}
	}
	before := len(w.links)
	w.links = slices.DeleteFunc(w.links, func(x *link) bool { return x == l })
	if len(w.links) != before {
		w.publish(notice{Type: "bot"})
	}
}

func (l *link) disconnect(reason string) {
	l.send(obj{"type": "disconnect", "reason": reason, "debug_info": obj{"host": "applink-" + l.id}})
}

// send queues a JSON message.
func (l *link) send(v obj) { l.frame(frame{op: opText, payload: remarshal(v)}) }

// frame queues f; a client that reads too slowly is cut.
func (l *link) frame(f frame) {
	if l.gone {
		return
	}
	select {
	case l.out <- f:
	default:
		l.cut()
	}
}

// end queues a close frame, the last that is sent; what the client still sends
// is read for a moment, so that it gets the frame, and ignored.
func (l *link) end() {
	l.frame(frame{op: opClose, payload: normalClosure()})
	if !l.gone {
		l.gone = true
		close(l.out)
	}
}

// cut closes the connection at once.
func (l *link) cut() {
	_ = l.conn.Close() // ending it is all that is wanted
	if !l.gone {
		l.gone = true
		close(l.out)
	}
}

// write sends what is queued, then tells the client that nothing follows. Its
// reader closes the connection.
func (l *link) write() {
	for f := range l.out {
		_ = l.conn.SetWriteDeadline(time.Now().Add(writeLimit)) // a failure shows in Write
		if _, err := l.conn.Write(f.encode()); err != nil {
			_ = l.conn.Close() // the write error says it all
			return
		}
	}
	if half, ok := l.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // fails only when the connection is gone
	}
	_ = l.conn.SetReadDeadline(time.Now().Add(lingerLimit)) // as above
}

// read handles the client's frames until the connection ends.
func (w *Workspace) read(l *link, r io.Reader) {
	for {
		f, err := readFrame(r)
		if err != nil {
			return
		}
		w.mu.Lock()
		switch {
		case l.gone:
		case f.op == opPing:
			l.frame(frame{op: opPong, payload: f.payload})
		case f.op == opPong:
			l.unanswered = time.Time{}
		case f.op == opClose:
			w.note(Entry{Kind: "socket", Conn: l.id, Event: "close_frame", Status: closeCode(f.payload)})
			l.end()
			w.forget(l)
		case f.op == opText && f.final:
			w.received(l, f.payload)
		case f.op == opText:
			w.note(Entry{Kind: "ack", Conn: l.id, Event: "dropped", Violation: "a message in several WebSocket frames is not put together"})
		}
		w.mu.Unlock()
	}
}

// received is a JSON message of the client: an acknowledgement.
func (w *Workspace) received(l *link, raw []byte) {
	if len(raw) >= maxAck {
		w.note(Entry{Kind: "ack", Conn: l.id, Event: "dropped", Violation: fmt.Sprintf("an acknowledgement of %d bytes is dropped (20 KB is the limit)", len(raw))})
		return
	}
	var ack struct {
		EnvelopeID string `json:"envelope_id"`
		Payload    any    `json:"payload"`
	}
	if err := json.Unmarshal(raw, &ack); err != nil || ack.EnvelopeID == "" {
		w.note(Entry{Kind: "ack", Conn: l.id, Event: "dropped", Violation: "a message that is not an acknowledgement"})
		return
	}
	w.acknowledge(l, ack.EnvelopeID, ack.Payload)
}

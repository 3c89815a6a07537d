package bot

import (
	"context"
	"encoding/json"
	"runtime/debug"

	"github.com/slack-go/slack/socketmode"
)

// receive sorts one frame. It never blocks.
func (s *socket) receive(l *link, frame []byte) {
	var r socketmode.Request
	if err := json.Unmarshal(frame, &r); err != nil {
		s.log.Warn("unreadable frame from slack", "link", l.number, "bytes", len(frame), "error", err)
		return
	}
	switch {
	case r.Type == socketmode.RequestTypeHello:
		l.sayHello()
	case r.Type == socketmode.RequestTypeDisconnect:
		l.askedToLeave(r.Reason)
	case r.EnvelopeID == "":
		s.log.Warn("frame from slack without an envelope", "link", l.number, "type", r.Type)
	case l.closing.Load():
		s.log.Warn("envelope after the close frame", "link", l.number, "type", r.Type)
	default:
		l.pending.add()
		select {
		case s.jobs <- job{link: l, envelope: envelope{Request: r, received: s.now()}}:
		default:
			l.pending.done()
			s.watch.envelope(r.Type, "overloaded", 0)
			s.log.Error("too many requests at once; one is not acknowledged", "type", r.Type)
		}
	}
}

// serve works on one envelope and acknowledges it where it came from.
func (s *socket) serve(ctx context.Context, j job) {
	defer j.link.pending.done()
	outcome := "acknowledged"
	if !s.guarded(ctx, j.envelope) {
		outcome = "refused"
	} else if err := j.link.ack(ctx, j.EnvelopeID); err != nil {
		outcome = "ack not written"
		s.log.Error("acknowledgement not written", "link", j.link.number, "type", j.Type, "error", withoutAddress(err))
	}
	s.watch.envelope(j.Type, outcome, s.now().Sub(j.received))
}

// guarded keeps a panic inside the one envelope that caused it.
func (s *socket) guarded(ctx context.Context, e envelope) (ack bool) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic while handling an envelope", "type", e.Type, "panic", p, "stack", string(debug.Stack()))
			ack = false
		}
	}()
	return s.handle(ctx, e)
}

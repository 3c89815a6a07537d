package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// queueLength bounds the envelopes that wait for a handler. More than this
// cannot be answered within Slack's 3 s anyway.
const queueLength = 512

// envelope is one payload of Slack and when it arrived.
type envelope struct {
	socketmode.Request
	received time.Time
}

// handler works on one envelope and says whether it may be acknowledged.
type handler func(ctx context.Context, e envelope) (ack bool)

// socket keeps several links to Slack open. slack-go's own socket client loses
// what Slack sends during a refresh and acknowledgements at stop; this one opens
// the new link first and reads the old one to its end, and writes every ack
// itself.
type socket struct {
	opt    Options
	api    *slack.Client
	http   *http.Client
	log    *slog.Logger
	now    func() time.Time
	handle handler
	watch  Observer

	jobs   chan job
	number atomic.Int64

	mu    sync.Mutex
	links map[*link]struct{}
	tasks sync.WaitGroup // readers and retirements
	last  string         // why there is no link, for people
}

type job struct {
	link *link
	envelope
}

func newSocket(o Options, api *slack.Client, client *http.Client, d Deps, handle handler) *socket {
	return &socket{
		opt: o, api: api, http: client, log: d.Log, now: d.Now, handle: handle, watch: d.Observe,
		jobs: make(chan job, queueLength), links: map[*link]struct{}{}, last: "not started",
	}
}

// run keeps the links until ctx ends, which returns nil, or until something
// happens that no retry can cure, which returns a *FatalError. Either way it
// finishes what was received, writes the acks and closes every link with a
// close frame.
func (s *socket) run(ctx context.Context) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var workers sync.WaitGroup
	for range s.opt.Handlers {
		workers.Go(func() {
			for j := range s.jobs {
				s.serve(work, j)
			}
		})
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var slots sync.WaitGroup
	for range s.opt.Connections {
		slots.Go(func() {
			if err := s.keep(ctx, work); err != nil {
				cancel(err)
			}
		})
	}
	slots.Wait()
	s.closeAll()
	s.tasks.Wait()
	close(s.jobs)
	stopWork()
	workers.Wait()
	var unfit *FatalError
	if errors.As(context.Cause(ctx), &unfit) {
		return unfit
	}
	return nil
}

// keep holds one link open, replacing it whenever it has to be.
func (s *socket) keep(ctx, work context.Context) error {
	wait := backoff{base: s.opt.Timing.Backoff}
	for ctx.Err() == nil {
		l, err := s.connect(ctx, work)
		if err != nil {
			if err := s.pause(ctx, &wait, err); err != nil {
				return err
			}
			continue
		}
		reason := s.stay(ctx, l)
		s.log.Info("slack socket ends", "link", l.number, "reason", reason, "after", s.now().Sub(l.opened).Round(time.Millisecond))
		switch {
		case ctx.Err() != nil:
			return nil
		case reason == reasonDisabled:
			return &FatalError{Sentence: "Socket Mode was switched off for the app. Switch it on under Settings → Socket Mode and start the bot again. (Slack says link_disabled.)"}
		case reason == reasonTooMany:
			s.explain("Slack refuses more than 10 sockets for one app; run fewer replicas or connections")
			sleep(ctx, jitter(maxBackoff/2))
		case s.now().Sub(l.opened) > 5*time.Second:
			wait.reset()
		case wait.fails == 0:
			wait.fails = 1 // the first short-lived link is replaced at once
		default:
			sleep(ctx, wait.next())
		}
	}
	return nil
}

// pause waits after a failure to connect. It returns an error only when
// waiting is of no use.
func (s *socket) pause(ctx context.Context, wait *backoff, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	if unfit := fatal(err, "app"); unfit != nil {
		return unfit
	}
	d := wait.next()
	if limit, ok := rateLimited(err); ok {
		d = max(d, limit+jitter(s.opt.Timing.Backoff))
	}
	s.explain(withoutAddress(err))
	s.log.Warn("no slack socket", "error", withoutAddress(err), "again_in", d.Round(time.Millisecond))
	sleep(ctx, d)
	return nil
}

// connect asks for an address, dials it and waits for hello.
func (s *socket) connect(ctx, work context.Context) (*link, error) {
	_, address, err := s.api.StartSocketModeContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("apps.connections.open: %w", err)
	}
	l, err := dial(ctx, s.http, address, int(s.number.Add(1)), s.now)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.links[l] = struct{}{}
	s.mu.Unlock()
	s.tasks.Go(func() {
		l.read(work, s.now, func(frame []byte) { s.receive(l, frame) })
		s.mu.Lock()
		delete(s.links, l)
		s.mu.Unlock()
		s.watch.links(s.live())
	})
	timer := time.NewTimer(dialLimit)
	defer timer.Stop()
	select {
	case <-l.hello:
		s.explain("")
		s.watch.links(s.live())
		s.log.Info("slack socket ready", "link", l.number)
		return l, nil
	case <-l.gone:
		return nil, fmt.Errorf("the socket ended before hello: %w", l.err)
	case <-timer.C:
		_ = l.conn.CloseNow()
		<-l.gone
		return nil, errors.New("the socket said no hello")
	case <-ctx.Done():
		l.close(s.opt.Timing.Ask, "stopping")
		return nil, ctx.Err()
	}
}

// stay returns when the link has to be replaced: Slack asked for it, it ended,
// it was silent for too long, or the bot stops. A link that Slack wants replaced
// is read on in the background.
func (s *socket) stay(ctx context.Context, l *link) (reason string) {
	tick := time.NewTicker(s.opt.Timing.Silence / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return "stopping"
		case reason := <-l.leave:
			s.tasks.Go(func() { s.retire(l) })
			return reason
		case <-l.gone:
			return "lost: " + withoutAddress(l.err)
		case <-tick.C:
			if silent := l.silence(s.now()); silent > s.opt.Timing.Silence {
				_ = l.conn.CloseNow()
				<-l.gone
				return fmt.Sprintf("silent for %s", silent.Round(time.Millisecond))
			}
		}
	}
}

// retire reads on until Slack closes the link, and closes it itself when Slack
// does not.
func (s *socket) retire(l *link) {
	timer := time.NewTimer(s.opt.Timing.Overlap)
	defer timer.Stop()
	select {
	case <-l.gone:
	case <-timer.C:
		l.close(s.opt.Timing.Ask, "replaced")
	}
}

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

// closeAll finishes what was received and closes every link.
func (s *socket) closeAll() {
	s.mu.Lock()
	links := make([]*link, 0, len(s.links))
	for l := range s.links {
		links = append(links, l)
	}
	s.mu.Unlock()
	var closing sync.WaitGroup
	for _, l := range links {
		closing.Go(func() { l.close(s.opt.Timing.Drain, "stopping") })
	}
	closing.Wait()
}

package bot

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
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
	onBack func()

	jobs   chan job
	number atomic.Int64

	mu    sync.Mutex
	links map[*link]struct{}
	tasks sync.WaitGroup // readers and retirements
	// trouble says, for people, why a slot has no link. A slot that has one is not in it.
	trouble map[int]string
	// deaf: there was a link, and there is none now.
	deaf bool
}

type job struct {
	link *link
	envelope
}

func newSocket(o Options, api *slack.Client, client *http.Client, d Deps, handle handler) *socket {
	return &socket{
		opt: o, api: api, http: client, log: d.Log, now: d.Now, handle: handle, watch: d.Observe, onBack: d.OnBack,
		jobs: make(chan job, queueLength), links: map[*link]struct{}{}, trouble: map[int]string{},
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
	for slot := range s.opt.Connections {
		slots.Go(func() {
			if err := s.keep(ctx, work, slot); err != nil {
				cancel(err)
			}
		})
	}
	slots.Wait()
	s.closeAll()
	s.tasks.Wait()
	close(s.jobs)
	stopWork()
	s.outlast(&workers)
	var unfit *FatalError
	if errors.As(context.Cause(ctx), &unfit) {
		return unfit
	}
	return nil
}

// outlast waits for the handlers, but not for one that ignores its context.
func (s *socket) outlast(workers *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { workers.Wait(); close(done) }()
	timer := time.NewTimer(s.opt.Timing.Drain)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		s.log.Error("a request is still being handled; stopping without it")
	}
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

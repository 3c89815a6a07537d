package bot

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// keep holds one link open, replacing it whenever it has to be.
func (s *socket) keep(ctx, work context.Context, slot int) error {
	wait := backoff{base: s.opt.Timing.Backoff}
	for ctx.Err() == nil {
		l, err := s.connect(ctx, work, slot)
		if err != nil {
			if err := s.pause(ctx, slot, &wait, err); err != nil {
				return err
			}
			continue
		}
		reason := s.stay(ctx, l)
		s.log.Info("slack socket ends", "link", l.number, "reason", reason, "after", s.now().Sub(l.opened).Round(time.Millisecond))
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // to be stopped is no failure
		case reason == reasonDisabled || reason == reasonTooMany:
			if err := s.pause(ctx, slot, &wait, &refusedLink{reason}); err != nil {
				return err
			}
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
func (s *socket) pause(ctx context.Context, slot int, wait *backoff, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // to be stopped is no failure
	}
	if unfit := fatal(err, "app"); unfit != nil {
		return unfit
	}
	d := wait.next()
	var refused *refusedLink
	if errors.As(err, &refused) && refused.reason == reasonDisabled {
		return &FatalError{Sentence: refused.Error(), Err: err}
	} else if refused != nil {
		d = jitter(maxBackoff / 2)
	}
	if limit, ok := rateLimited(err); ok {
		d = max(d, limit+jitter(s.opt.Timing.Backoff))
	}
	s.explain(slot, withoutAddress(err))
	s.miss()
	s.log.Warn("no slack socket", "error", withoutAddress(err), "again_in", d.Round(time.Millisecond))
	sleep(ctx, d)
	return nil
}

// connect asks for an address, dials it and waits for hello.
func (s *socket) connect(ctx, work context.Context, slot int) (*link, error) {
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
		s.miss()
		s.watch.links(s.live())
	})
	timer := time.NewTimer(dialLimit)
	defer timer.Stop()
	select {
	case <-l.hello:
		s.explain(slot, "")
		s.hear()
		s.watch.links(s.live())
		s.log.Info("slack socket ready", "link", l.number)
		return l, nil
	case <-l.gone:
		select {
		case reason := <-l.leave: // refused instead of greeted
			return nil, &refusedLink{reason}
		default:
			return nil, fmt.Errorf("the socket ended before hello: %w", l.err)
		}
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

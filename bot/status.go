package bot

import (
	"errors"
	"time"
)

// Status is how the sockets to Slack stand.
type Status struct {
	Links []LinkStatus
	// Trouble says why there is no socket, or fewer than wanted; may be empty.
	Trouble string
}

// LinkStatus is one open socket.
type LinkStatus struct {
	Number int
	Since  time.Time
	Silent time.Duration // since the last frame, pings included
}

func (s *socket) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out Status
	for slot := range s.opt.Connections {
		if out.Trouble = s.trouble[slot]; out.Trouble != "" {
			break
		}
	}
	for l := range s.links {
		if l.alive() {
			out.Links = append(out.Links, LinkStatus{Number: l.number, Since: l.opened, Silent: l.silence(s.now())})
		}
	}
	return out
}

// ready is nil when requests can come in: Slack said hello on a socket that is
// still open.
func (s *socket) ready() error {
	status := s.status()
	if len(status.Links) > 0 {
		return nil
	}
	if status.Trouble == "" {
		return errors.New("no socket to Slack")
	}
	return errors.New("no socket to Slack: " + status.Trouble)
}

func (s *socket) live() int { return len(s.status().Links) }

// explain notes why a slot has no link; nothing when it has one.
func (s *socket) explain(slot int, trouble string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if trouble == "" {
		delete(s.trouble, slot)
		return
	}
	s.trouble[slot] = trouble
}

// miss notes that what Slack sends from now on may be missed, unless another link is open.
func (s *socket) miss() {
	if s.live() > 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = true
}

// hear says once that Slack can be heard again.
func (s *socket) hear() {
	s.mu.Lock()
	back := s.deaf
	s.deaf = false
	s.mu.Unlock()
	if back && s.onBack != nil {
		s.onBack()
	}
}

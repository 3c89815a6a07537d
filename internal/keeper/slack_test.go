package keeper_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/keeper"
)

// slack is a workspace as the keeper sees it: what was done to it counts, not what was
// answered.
type slack struct {
	mu       sync.Mutex
	now      func() time.Time
	rooms    map[string]*room // by id
	created  int
	invites  int
	topics   int
	writes   int // messages posted and edited
	fault    func(method string) fault
	nameless map[string]bool // names that somebody has whom the bot cannot see
	lag      time.Duration   // until a channel is listed that was created
}

// fault is what goes wrong with one call.
type fault struct {
	before error // nothing was done
	after  error // it was done, and the answer is this
	hang   bool  // until the call is given up
}

type room struct {
	id, name  string
	ours      bool
	archived  bool
	outside   bool // the bot is no member
	created   time.Time
	members   map[string]bool
	topic     string
	bookmarks map[string]string
	pins      map[string]bool
	said      map[string]*incidents.Seen
	edits     map[string][]time.Time // of the bot's messages, by timestamp
}

func newSlack(now func() time.Time) *slack {
	return &slack{now: now, rooms: map[string]*room{}, nameless: map[string]bool{}}
}

func sayNo(p incidents.RoomProblem) *incidents.RoomError {
	return &incidents.RoomError{Problem: p, Sentence: "Slack says " + string(p) + "."}
}

// call is one call, with what goes wrong with it.
func call[T any](ctx context.Context, s *slack, method string, do func() (T, error)) (T, error) {
	var zero T
	if ctx.Err() != nil {
		return zero, sayNo(incidents.NotNow)
	}
	var f fault
	s.mu.Lock()
	if s.fault != nil {
		f = s.fault(method)
	}
	s.mu.Unlock()
	if f.hang {
		<-ctx.Done()
		return zero, sayNo(incidents.NotKnown)
	}
	if f.before != nil {
		return zero, f.before
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := do()
	if f.after != nil {
		return zero, f.after
	}
	return v, err
}

// open adds a channel and gives its id; s.mu is held.
func (s *slack) open(name string, ours bool) *room {
	r := &room{
		id: fmt.Sprintf("C%d", 100+len(s.rooms)), name: name, ours: ours, created: s.now(), members: map[string]bool{},
		bookmarks: map[string]string{}, pins: map[string]bool{}, said: map[string]*incidents.Seen{}, edits: map[string][]time.Time{},
	}
	s.rooms[r.id] = r
	return r
}

func (s *slack) byName(name string) *room {
	for _, r := range s.rooms {
		if r.name == name {
			return r
		}
	}
	return nil
}

func (s *slack) in(channel string, do func(r *room) error) error {
	r := s.rooms[channel]
	if r == nil || r.archived || r.outside {
		return sayNo(incidents.NotThere)
	}
	return do(r)
}

func (s *slack) Create(ctx context.Context, name string, _ bool) (string, error) {
	return call(ctx, s, "create", func() (string, error) {
		if s.byName(name) != nil || s.nameless[name] {
			return "", sayNo(incidents.NameTaken)
		}
		s.created++
		return s.open(name, true).id, nil
	})
}

func (s *slack) Find(ctx context.Context, name string) (*incidents.Channel, error) {
	return call(ctx, s, "find", func() (*incidents.Channel, error) {
		r := s.byName(name)
		if r == nil || s.now().Before(r.created.Add(s.lag)) {
			return nil, nil //nolint:nilnil // there is none
		}
		return &incidents.Channel{ID: r.id, Name: r.name, Ours: r.ours, Created: r.created, Archived: r.archived}, nil
	})
}

func (s *slack) Invite(ctx context.Context, channel string, users []string) ([]string, error) {
	return call(ctx, s, "invite", func() (left []string, err error) {
		return left, s.in(channel, func(r *room) error {
			s.invites++
			for _, u := range users {
				if u == "UGONE" {
					left = append(left, u)
					continue
				}
				r.members[u] = true
			}
			return nil
		})
	})
}

func (s *slack) Topic(ctx context.Context, channel, text string) error {
	_, err := call(ctx, s, "topic", func() (int, error) {
		return 0, s.in(channel, func(r *room) error { r.topic = text; s.topics++; return nil })
	})
	return err
}

func (s *slack) Bookmark(ctx context.Context, channel, title, url string) error {
	_, err := call(ctx, s, "bookmark", func() (int, error) {
		return 0, s.in(channel, func(r *room) error { r.bookmarks[title] = url; return nil })
	})
	return err
}

func (s *slack) Pin(ctx context.Context, channel, ts string) error {
	_, err := call(ctx, s, "pin", func() (int, error) {
		return 0, s.in(channel, func(r *room) error {
			if r.said[ts] == nil {
				return sayNo(incidents.NotThere)
			}
			r.pins[ts] = true
			return nil
		})
	})
	return err
}

func (s *slack) Unpin(ctx context.Context, channel, ts string) error {
	_, err := call(ctx, s, "unpin", func() (int, error) {
		return 0, s.in(channel, func(r *room) error { delete(r.pins, ts); return nil })
	})
	return err
}

func (s *slack) Pinned(ctx context.Context, channel string) ([]string, error) {
	return call(ctx, s, "pinned", func() (own []string, err error) {
		return own, s.in(channel, func(r *room) error {
			for _, ts := range slices.Sorted(maps.Keys(r.pins)) {
				if m := r.said[ts]; m != nil && m.Ours {
					own = append(own, ts)
				}
			}
			return nil
		})
	})
}

func (s *slack) Message(ctx context.Context, channel, ts string) (incidents.Seen, error) {
	return call(ctx, s, "message", func() (seen incidents.Seen, err error) {
		return seen, s.in(channel, func(r *room) error {
			if r.said[ts] == nil {
				return sayNo(incidents.NotThere)
			}
			seen = r.seen(ts)
			return nil
		})
	})
}

func (r *room) seen(ts string) incidents.Seen {
	seen := *r.said[ts]
	seen.Pinned = r.pins[ts]
	seen.Files, seen.Reactions = slices.Clone(seen.Files), slices.Clone(seen.Reactions)
	return seen
}

// History gives pages of three, so that there are many.
func (s *slack) History(ctx context.Context, channel string, since time.Time, cursor string) ([]incidents.Seen, string, error) {
	type answer struct {
		page []incidents.Seen
		next string
	}
	a, err := call(ctx, s, "history", func() (a answer, err error) {
		return a, s.in(channel, func(r *room) error {
			for _, ts := range slices.Backward(slices.Sorted(maps.Keys(r.said))) {
				if r.said[ts].At.Before(since) || cursor != "" && ts >= cursor {
					continue
				}
				if len(a.page) == 3 {
					a.next = a.page[2].TS
					break
				}
				a.page = append(a.page, r.seen(ts))
			}
			return nil
		})
	})
	return a.page, a.next, err
}

func (s *slack) Direct(ctx context.Context, user string) (string, error) {
	return call(ctx, s, "direct", func() (string, error) { return "D" + user, nil })
}

func (s *slack) Address(_ context.Context, channel, ts string) (string, error) {
	return "https://slack.example/" + channel + "/" + ts, nil
}

var _ keeper.Rooms = (*slack)(nil)

// post is what the sender of the outbox does: it says or edits. empty ts: it is new.
func (s *slack) post(channel, ts, text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[channel]
	if r == nil {
		r = s.open(channel, false)
		delete(s.rooms, r.id)
		r.id = channel
		s.rooms[channel] = r
	}
	s.writes++
	if r.said[ts] == nil {
		ts = s.stamp()
		r.said[ts] = &incidents.Seen{Channel: channel, TS: ts, At: s.now(), Ours: true, Author: "UBOT"}
	}
	r.said[ts].Text = text
	r.edits[ts] = append(r.edits[ts], s.now())
	return ts
}

func (s *slack) stamp() string { return fmt.Sprintf("%d.%06d", s.now().Unix(), s.writes) }

// say is a person who says something.
func (s *slack) say(channel, author, text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	ts := s.stamp()
	s.rooms[channel].said[ts] = &incidents.Seen{Channel: channel, TS: ts, At: s.now(), Author: author, Text: text, Link: "https://slack.example/" + ts}
	return ts
}

// with does something to a channel.
func (s *slack) with(channel string, do func(r *room)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do(s.rooms[channel])
}

// breaks has calls fail from now on; nil: none.
func (s *slack) breaks(f func(method string) fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

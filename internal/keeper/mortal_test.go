package keeper_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/keeper"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/store"
)

var errKilled = errors.New("this replica was killed")

// mortal is a replica that is killed at one of its steps, before or after it took
// effect, as by kill -9: from then on it does nothing more, not even give back what it
// holds.
type mortal struct {
	mu    sync.Mutex
	at    int
	steps int
	dead  bool
}

// step is one point at which it may end.
func (m *mortal) step() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.steps++; m.steps == m.at {
		m.dead = true
	}
	if m.dead {
		return errKilled
	}
	return nil
}

func (m *mortal) killed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

// alive is for what only reads.
func (m *mortal) alive() error {
	if m.killed() {
		return errKilled
	}
	return nil
}

func around[T any](m *mortal, do func() (T, error)) (T, error) {
	var zero T
	if err := m.step(); err != nil {
		return zero, err
	}
	v, err := do()
	if err := m.step(); err != nil {
		return zero, err
	}
	return v, err
}

func aroundAll(m *mortal, do func() error) error {
	_, err := around(m, func() (int, error) { return 0, do() })
	return err
}

// mortalStore dies around every write.
type mortalStore struct {
	*store.Store
	m *mortal
}

func (s mortalStore) Record(ctx context.Context, key string, numbered bool, build func(int64) commands.Intent) (bool, error) {
	return around(s.m, func() (bool, error) { return s.Store.Record(ctx, key, numbered, build) })
}

func (s mortalStore) HeldIncidents(ctx context.Context) ([]incidents.Incident, error) {
	if err := s.m.alive(); err != nil {
		return nil, err
	}
	return s.Store.HeldIncidents(ctx)
}

func (s mortalStore) LeaseIncident(ctx context.Context, id int64, holder string, ttl time.Duration) (bool, error) {
	return around(s.m, func() (bool, error) { return s.Store.LeaseIncident(ctx, id, holder, ttl) })
}

func (s mortalStore) FreeIncident(ctx context.Context, id int64, holder string) error {
	return aroundAll(s.m, func() error { return s.Store.FreeIncident(ctx, id, holder) })
}

func (s mortalStore) TakeName(ctx context.Context, name string, id int64) (bool, error) {
	return around(s.m, func() (bool, error) { return s.Store.TakeName(ctx, name, id) })
}

func (s mortalStore) ShowSpaced(ctx context.Context, p message.Post, gap time.Duration) (bool, error) {
	return around(s.m, func() (bool, error) { return s.Store.ShowSpaced(ctx, p, gap) })
}

func (s mortalStore) LostPost(ctx context.Context, channel, ts string, keys ...string) (bool, error) {
	return around(s.m, func() (bool, error) { return s.Store.LostPost(ctx, channel, ts, keys...) })
}

func (s mortalStore) Unsight(ctx context.Context, seen keeper.Sighted) error {
	return aroundAll(s.m, func() error { return s.Store.Unsight(ctx, seen) })
}

func (s mortalStore) NextSightings(ctx context.Context, holder string, ttl time.Duration, limit int) ([]keeper.Sighted, error) {
	return around(s.m, func() ([]keeper.Sighted, error) { return s.Store.NextSightings(ctx, holder, ttl, limit) })
}

func (s mortalStore) NextDelivery(ctx context.Context, lease time.Duration, kinds ...incidents.DestinationKind) (*keeper.Letter, error) {
	return around(s.m, func() (*keeper.Letter, error) { return s.Store.NextDelivery(ctx, lease, kinds...) })
}

func (s mortalStore) BeginDelivery(ctx context.Context, d incidents.Delivery) error {
	return aroundAll(s.m, func() error { return s.Store.BeginDelivery(ctx, d) })
}

func (s mortalStore) EndDelivery(ctx context.Context, d incidents.Delivery, after time.Duration, p *message.Post, e audit.Event) error {
	return aroundAll(s.m, func() error { return s.Store.EndDelivery(ctx, d, after, p, e) })
}

func (s mortalStore) SettleHanded(ctx context.Context, event func(incidents.Delivery) audit.Event) (int, error) {
	return around(s.m, func() (int, error) { return s.Store.SettleHanded(ctx, event) })
}

// mortalRooms dies around every call to Slack.
type mortalRooms struct {
	*slack
	m *mortal
}

func (r mortalRooms) Create(ctx context.Context, name string, private bool) (string, error) {
	return around(r.m, func() (string, error) { return r.slack.Create(ctx, name, private) })
}

func (r mortalRooms) Find(ctx context.Context, name string) (*incidents.Channel, error) {
	return around(r.m, func() (*incidents.Channel, error) { return r.slack.Find(ctx, name) })
}

func (r mortalRooms) Invite(ctx context.Context, channel string, users []string) ([]string, error) {
	return around(r.m, func() ([]string, error) { return r.slack.Invite(ctx, channel, users) })
}

func (r mortalRooms) Topic(ctx context.Context, channel, text string) error {
	return aroundAll(r.m, func() error { return r.slack.Topic(ctx, channel, text) })
}

func (r mortalRooms) Bookmark(ctx context.Context, channel, title, url string) error {
	return aroundAll(r.m, func() error { return r.slack.Bookmark(ctx, channel, title, url) })
}

func (r mortalRooms) Pin(ctx context.Context, channel, ts string) error {
	return aroundAll(r.m, func() error { return r.slack.Pin(ctx, channel, ts) })
}

func (r mortalRooms) Unpin(ctx context.Context, channel, ts string) error {
	return aroundAll(r.m, func() error { return r.slack.Unpin(ctx, channel, ts) })
}

func (r mortalRooms) Pinned(ctx context.Context, channel string) ([]string, error) {
	return around(r.m, func() ([]string, error) { return r.slack.Pinned(ctx, channel) })
}

func (r mortalRooms) Message(ctx context.Context, channel, ts string) (incidents.Seen, error) {
	return around(r.m, func() (incidents.Seen, error) { return r.slack.Message(ctx, channel, ts) })
}

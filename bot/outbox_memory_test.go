package bot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/internal/message"
)

// memory is an Outbox in memory, with the semantics of the one in the store: a
// claim per channel with a fencing number and a lease, turns, coalescing,
// children after their parents, files after their message.
type memory struct {
	mu       sync.Mutex
	wake     chan struct{}
	rows     []*row
	channels map[string]*rest
	files    map[string][]byte
	turns    int
	events   []string // what was reported, in order
}

type row struct {
	id, turn            int
	post                message.Post
	file                *message.File
	version, sent       int64
	ts, root, state     string // state: waiting, sent, failed
	unknown             bool
	tried, notBefore    time.Time
	fileID              string
	attempts            int
	reason              string
	created             time.Time
	retries, unknownLog int
}

type rest struct {
	claim     int64
	until     time.Time
	notBefore time.Time
}

var errClaimLost = errors.New("claim lost")

func newMemory() *memory {
	return &memory{wake: make(chan struct{}, 1), channels: map[string]*rest{}, files: map[string][]byte{}}
}

// Set states what should stand under the post's key.
func (m *memory) Set(posts ...message.Post) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range posts {
		if m.channels[p.Channel] == nil {
			m.channels[p.Channel] = &rest{}
		}
		m.set(p)
		for _, f := range p.Message.Files {
			if m.find(p.Key, f.Name) == nil {
				m.turns++
				m.rows = append(m.rows, &row{id: len(m.rows) + 1, turn: m.turns, post: p, file: &f, version: 1, state: "waiting", created: time.Now()})
			}
		}
	}
	m.signal()
}

func (m *memory) set(p message.Post) {
	r := m.find(p.Key, "")
	m.turns++
	if r == nil {
		m.rows = append(m.rows, &row{id: len(m.rows) + 1, turn: m.turns, post: p, version: 1, state: "waiting", created: time.Now()})
		return
	}
	r.post = p
	r.version++
	if r.state != "waiting" {
		r.turn, r.attempts, r.notBefore, r.state = m.turns, 0, time.Time{}, "waiting"
	}
}

func (m *memory) find(key, file string) *row {
	for _, r := range m.rows {
		name := ""
		if r.file != nil {
			name = r.file.Name
		}
		if r.post.Key == key && name == file {
			return r
		}
	}
	return nil
}

// needs is the row of the message that r belongs to.
func (m *memory) needs(r *row) *row {
	if r.file != nil {
		return m.find(r.post.Key, "")
	}
	if r.post.Parent != "" {
		return m.find(r.post.Parent, "")
	}
	return nil
}

func (m *memory) Next(_ context.Context, lease time.Duration) (*bot.Delivery, time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	var best *row
	wait := time.Second
	for _, r := range m.rows {
		n, c := m.needs(r), m.channels[r.post.Channel]
		if r.state != "waiting" || (n != nil && n.sent == 0 && n.state == "waiting") {
			continue
		}
		due := r.notBefore
		for _, t := range []time.Time{c.until, c.notBefore} {
			if t.After(due) {
				due = t
			}
		}
		if due.After(now) {
			wait = min(wait, due.Sub(now))
			continue
		}
		if best == nil || r.turn < best.turn {
			best = r
		}
	}
	if best == nil {
		return nil, wait, nil
	}
	c := m.channels[best.post.Channel]
	c.claim++
	c.until = now.Add(lease)
	d := &bot.Delivery{
		ID: int64(best.id), Claim: c.claim, Post: best.post, File: best.file, Version: best.version, TS: best.ts,
		Thread: best.post.Thread, Unknown: best.unknown, Tried: best.tried, FileID: best.fileID,
		Attempts: best.attempts, Created: best.created, Kind: bot.DeliverPost,
	}
	if n := m.needs(best); n != nil {
		if d.Thread == "" || best.file != nil {
			d.Thread = n.root
		}
	}
	switch {
	case best.file != nil:
		d.Kind = bot.DeliverFile
	case best.post.OnlyTo != "":
		d.Kind = bot.DeliverEphemeral
	case best.ts != "":
		d.Kind = bot.DeliverUpdate
	}
	return d, 0, nil
}

// claimed runs f on the delivery's row if the claim still holds.
func (m *memory) claimed(d *bot.Delivery, release bool, gap time.Duration, f func(r *row)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rows[d.ID-1]
	c := m.channels[r.post.Channel]
	if c.claim != d.Claim || !c.until.After(time.Now()) {
		return errClaimLost
	}
	f(r)
	if release {
		c.until = time.Time{}
		if t := time.Now().Add(gap); t.After(c.notBefore) {
			c.notBefore = t
		}
		m.signal()
	}
	return nil
}

func (m *memory) Begin(_ context.Context, d *bot.Delivery) error {
	return m.claimed(d, false, 0, func(r *row) {
		if !r.unknown {
			r.tried = time.Now()
		}
		r.unknown = true
		r.attempts++
		d.Attempts++
	})
}

func (m *memory) Uploaded(_ context.Context, d *bot.Delivery, fileID string) error {
	return m.claimed(d, false, 0, func(r *row) { r.fileID, d.FileID = fileID, fileID })
}

func (m *memory) Sent(_ context.Context, d *bot.Delivery, ts string, gap time.Duration) error {
	return m.claimed(d, true, gap, func(r *row) {
		m.events = append(m.events, "sent "+name(d))
		r.sent = max(r.sent, d.Version)
		if ts != "" && r.file == nil {
			r.ts, r.root = ts, ts
		}
		if d.Thread != "" {
			r.root = d.Thread
		}
		r.unknown, r.tried, r.attempts, r.notBefore, r.state = false, time.Time{}, 0, time.Time{}, "sent"
		if r.version > d.Version && r.post.OnlyTo == "" {
			m.turns++
			r.state, r.turn = "waiting", m.turns
		}
	})
}

func (m *memory) Retry(_ context.Context, d *bot.Delivery, wait time.Duration, unknown bool, reason string) error {
	return m.claimed(d, true, wait, func(r *row) {
		m.events = append(m.events, "retry "+name(d)+": "+reason)
		r.retries++
		r.notBefore, r.unknown, r.reason = time.Now().Add(wait), unknown, reason
		if unknown {
			r.unknownLog++
		}
	})
}

func (m *memory) Failed(_ context.Context, d *bot.Delivery, reason string) error {
	return m.claimed(d, true, 0, func(r *row) {
		m.events = append(m.events, "failed "+name(d)+": "+reason)
		r.unknown, r.tried, r.attempts, r.notBefore, r.state, r.reason = false, time.Time{}, 0, time.Time{}, "failed", reason
		if r.version > d.Version && r.post.Final {
			r.state = "waiting"
		}
	})
}

func (m *memory) Open(_ context.Context, source string) (io.ReadCloser, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.files[source]
	if !ok {
		return nil, 0, fmt.Errorf("no file %s", source)
	}
	return io.NopCloser(bytes.NewReader(b)), int64(len(b)), nil
}

func (m *memory) Wake() <-chan struct{} { return m.wake }

func (m *memory) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func name(d *bot.Delivery) string {
	if d.File != nil {
		return d.Post.Key + "/" + d.File.Name
	}
	return d.Post.Key
}

// idle waits until nothing is waiting to be sent.
func (m *memory) idle(t *testing.T, limit time.Duration) {
	t.Helper()
	eventually(t, limit, "the outbox to be empty", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, r := range m.rows {
			if r.state == "waiting" {
				return false
			}
		}
		return true
	})
}

func (m *memory) row(key, file string) row {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.find(key, file); r != nil {
		return *r
	}
	return row{state: "none"}
}

func (m *memory) log() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.events...)
}

func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", limit, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

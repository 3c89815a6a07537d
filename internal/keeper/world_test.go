package keeper_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/keeper"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// clock is the one that all replicas share, as they do that of the database.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is one store, one workspace and several replicas.
type world struct {
	t       testing.TB
	dsn     string
	clock   *clock
	slack   *slack
	stores  []*store.Store
	keepers []*keeper.Keeper
	change  func(*keeper.Options)
	started int
}

func newWorld(t testing.TB, replicas int, change ...func(*keeper.Options)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: noon}, change: func(*keeper.Options) {}}
	if len(change) > 0 {
		w.change = change[0]
	}
	w.slack = newSlack(w.clock.Now)
	w.dsn = pgtest.Template(t, "keeper", func(dsn string) {
		if err := store.Migrate(t.Context(), dsn, ""); err != nil {
			t.Fatal(err)
		}
	})
	for range replicas {
		s, err := store.Open(t.Context(), store.Options{DSN: w.dsn, Version: "test", MaxConns: 6, Now: w.clock.Now, WriteTimeout: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		w.stores = append(w.stores, s)
		w.keepers = append(w.keepers, w.start(s, w.slack))
	}
	return w
}

// start starts a replica over a store and rooms, which may be mortal.
func (w *world) start(s keeper.Store, rooms keeper.Rooms) *keeper.Keeper {
	w.t.Helper()
	w.started++
	o := keeper.Options{
		Store: s, Rooms: rooms, Words: words(), Holder: fmt.Sprintf("replica-%d", w.started), Version: "test", Log: slog.New(slog.DiscardHandler),
		Members: func(_ context.Context, group string) ([]string, error) { return groups()[group], nil },
		Catalog: catalog(),
		Domain: func(domain string) (names, off []string) {
			for _, c := range catalog() {
				if c.Domain == domain {
					names = append(names, c.Name)
				}
			}
			return names, nil
		},
		Lease: 10 * time.Second, SendWithin: time.Second,
	}
	w.change(&o)
	k, err := keeper.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return k
}

func groups() map[string][]string {
	return map[string][]string{"S0RESP": {"U1", "U2", "U3"}, "S0L1": {"U4"}, "S0EXEC": {"U7", "U8"}}
}

func catalog() check.Catalog {
	return check.Catalog{
		{Name: "orphaned-orders", Title: "Orphaned orders", Domain: "orders"},
		{Name: "order-totals", Title: "Order totals", Domain: "orders"},
		{Name: "stock", Title: "Stock", Domain: "inventory"},
	}
}

func words() incidents.Wording {
	return incidents.Wording{Word: "/integrity", Checks: catalog().ByName(), Rules: incidents.Rules{
		Channel: "inc-{date}-{domain}", Invite: []string{"S0RESP"}, Runbook: "https://wiki.example/runbook",
		Links: map[string]string{"Board": "https://board.example"}, Reaction: "pushpin", Grace: 10 * time.Minute, Snooze: 15 * time.Minute,
		Soak: 30 * time.Minute, Subject: "Data Inconsistency", Fallback: "C0OPS",
		Severities: []incidents.SeverityRule{{Severity: incidents.P0, Domains: []string{"orders"}}},
		Updates:    map[incidents.Severity]time.Duration{incidents.P0: 30 * time.Minute, incidents.P1: time.Hour},
		Audiences: []incidents.Audience{
			{Name: "responders", Title: "Responders", To: []incidents.Destination{{Kind: incidents.ToChannel, To: "incident"}}},
		},
		Levels: []incidents.Level{{Name: "L1", Title: "DevOps", Groups: []string{"S0L1"}, After: 15 * time.Minute}},
	}}
}

// declare opens an incident, or gives the one that holds its key, as the command does.
func (w *world) declare(replica int, domain string, change ...func(*incidents.Declaration)) incidents.Incident {
	w.t.Helper()
	i, err := w.tryDeclare(replica, domain, change...)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

func (w *world) tryDeclare(replica int, domain string, change ...func(*incidents.Declaration)) (incidents.Incident, error) {
	s, d := w.stores[replica], incidents.Declaration{
		Domain: domain, Source: audit.FromSlash, By: "U9", Request: "req-1", Asked: incidents.Place{Channel: "C0OPS"}, At: w.clock.Now(),
	}
	for _, c := range change {
		c(&d)
	}
	for range 100 {
		var made incidents.Incident
		_, err := s.Record(context.Background(), fmt.Sprintf("declare/%p/%d", &made, time.Now().UnixNano()), true, func(run int64) commands.Intent {
			d.ID = run
			made = incidents.Declare(d, words())
			return commands.Intent{Incidents: []incidents.Change{{Incident: made}}, Events: []audit.Event{made.Log("incident.declare", nil)}}
		})
		if err == nil {
			return made, nil
		}
		if !errors.Is(err, incidents.ErrMoved) {
			return made, err
		}
		if held, err := s.IncidentOf(context.Background(), domain); err == nil {
			return held, nil
		}
	}
	return incidents.Incident{}, errors.New("not declared")
}

// incident reads one.
func (w *world) incident(id int64) incidents.Incident {
	w.t.Helper()
	i, err := w.stores[0].Incident(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

func (w *world) view(id int64) incidents.View {
	w.t.Helper()
	v, err := w.stores[0].IncidentView(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// move changes an incident whatever happens beside it.
func (w *world) move(id int64, change func(incidents.Incident) incidents.Incident) {
	w.t.Helper()
	for range 20 {
		i := w.incident(id)
		to := change(i)
		_, err := w.stores[0].Record(w.t.Context(), fmt.Sprintf("test/%d/%d", id, i.Version), false, func(int64) commands.Intent {
			return commands.Intent{Incidents: []incidents.Change{{Incident: to}}}
		})
		if err == nil {
			return
		}
		if !errors.Is(err, incidents.ErrMoved) {
			w.t.Fatal(err)
		}
	}
	w.t.Fatal("it always moved")
}

// send carries out what the outbox has to say now.
func (w *world) send() {
	w.t.Helper()
	s := w.stores[0]
	for {
		d, _, err := s.Next(w.t.Context(), time.Minute)
		if err != nil {
			w.t.Fatal(err)
		}
		if d == nil {
			return
		}
		if err := s.Begin(w.t.Context(), d); err != nil {
			w.t.Fatal(err)
		}
		ts := w.slack.post(d.Post.Channel, d.TS, d.Post.Message.PlainText())
		if err := s.Sent(w.t.Context(), d, ts, 0); err != nil {
			w.t.Fatal(err)
		}
	}
}

// passes are what a keeper does over and over.
func passes(k *keeper.Keeper) []func(context.Context) error {
	return []func(context.Context) error{k.Furnish, k.Tick, k.Call, k.Show, k.Watch, k.Read, k.Deliver}
}

// keep has a replica make all passes, and the outbox be sent after each.
func (w *world) keep(replica int) {
	w.t.Helper()
	for _, pass := range passes(w.keepers[replica]) {
		if err := pass(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.send()
	}
}

// settle keeps until everything stands that is to stand.
func (w *world) settle() {
	w.t.Helper()
	for n := range 3 {
		w.keep(n % len(w.keepers))
		w.clock.pass(11 * time.Second)
	}
}

// desired is what is to stand under a key; nil: nothing.
func (w *world) desired(key string) *message.Post {
	w.t.Helper()
	var body []byte
	if !w.query(&body, `SELECT desired FROM posts WHERE key = $1 AND file = ''`, key) {
		return nil
	}
	var p message.Post
	if err := json.Unmarshal(body, &p); err != nil {
		w.t.Fatal(err)
	}
	return &p
}

// count runs a query that gives a number.
func (w *world) count(sql string, args ...any) (n int64) {
	w.t.Helper()
	w.query(&n, sql, args...)
	return n
}

func (w *world) query(to any, sql string, args ...any) bool {
	w.t.Helper()
	ctx := w.t.Context()
	conn, err := pgx.Connect(ctx, w.dsn)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	switch err := conn.QueryRow(ctx, sql, args...).Scan(to); {
	case errors.Is(err, pgx.ErrNoRows):
		return false
	case err != nil:
		w.t.Fatal(err)
	}
	return true
}

// events counts audit events of an action and outcome of an incident.
func (w *world) events(id int64, action string, outcome audit.Outcome) int64 {
	w.t.Helper()
	return w.count(`SELECT count(*) FROM audit_events WHERE body::jsonb ->> 'action' = $1 AND body::jsonb ->> 'outcome' = $2
		AND body::jsonb ->> 'incident' = $3`, action, outcome, incidents.Ref(id))
}

package commands_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/fix/report"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// ledger records intents as the store does: one key, one time.
type ledger struct {
	mu      sync.Mutex
	keys    map[string]bool
	runs    int64
	intents []commands.Intent
	down    error
	// moved is called for each decision, as the store compares and sets.
	moved  func(fix.Transition) error
	memory *memory
}

func (l *ledger) Record(_ context.Context, key string, numbered bool, build func(int64) commands.Intent) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return false, l.down
	}
	if l.keys[key] {
		return true, nil
	}
	l.keys[key] = true
	if numbered {
		l.runs++
	}
	in := build(l.runs)
	if in.Decide != nil && l.moved != nil {
		if err := l.moved(*in.Decide); err != nil {
			delete(l.keys, key)
			return false, err
		}
	}
	if l.memory != nil {
		if err := l.memory.apply(in); err != nil {
			delete(l.keys, key)
			return false, err
		}
	}
	l.intents = append(l.intents, in)
	return false, nil
}

func (l *ledger) last(t *testing.T) commands.Intent {
	t.Helper()
	if len(l.intents) == 0 {
		t.Fatal("nothing was recorded")
	}
	return l.intents[len(l.intents)-1]
}

// directory knows people by id, and channels.
type directory struct {
	people map[string]authz.Subject
	places map[string]commands.Place
	down   error
}

func (d directory) Subject(_ context.Context, a audit.Actor, _ bool) (authz.Subject, error) {
	if d.down != nil {
		return authz.Subject{}, d.down
	}
	s, ok := d.people[a.User]
	if !ok {
		return authz.Subject{}, fmt.Errorf("no such person %s", a.User)
	}
	return s, nil
}

func (d directory) Place(_ context.Context, channel string) (commands.Place, error) {
	return d.places[channel], d.down
}

func (d directory) Members(_ context.Context, group string) ([]string, error) {
	return members(group), d.down
}

// archive holds a few runs, plans and incidents.
type archive struct {
	*memory
	runs  map[int64]check.Run
	plans map[int64]fix.Plan
}

func (a archive) Run(_ context.Context, id int64) (check.Run, error) {
	r, ok := a.runs[id]
	if !ok {
		return check.Run{}, commands.ErrNotFound
	}
	return r, nil
}

func (a archive) Plan(_ context.Context, id int64) (fix.Plan, time.Time, error) {
	p, ok := a.plans[id]
	if !ok {
		return fix.Plan{}, noon, commands.ErrNotFound
	}
	return p, noon, nil
}

func (a archive) Events(context.Context, commands.EventFilter) ([]audit.Entry, error) {
	return []audit.Entry{{Seq: 1, At: noon, Event: audit.Event{Action: "check", Actor: audit.Actor{User: "U1ALICE"}, Outcome: audit.Done}}}, nil
}

var catalog = check.Catalog{
	{Name: "orphaned-orders", Title: "Orphaned orders", Domain: "orders", Target: "shop", Place: "production/shop", Fixable: true},
	{Name: "order-totals", Title: "Order totals", Domain: "orders", Target: "shop"},
	{Name: "product-stock", Title: "Stock", Domain: "inventory", Target: "shop", Place: "production/shop", Fixable: true},
	{Name: "verify-totals", Title: "Totals", Domain: "verification", Target: "shop", OnRequest: true},
	{Name: "consumer-lag", Title: "Consumer lag", Domain: "events", Kind: "lag", Target: "events", Place: "production/events", OnRequest: true},
	{Name: "failed-events", Title: "Failed events", Domain: "events", Kind: "dead-letters", Target: "events", Place: "production/events", OnRequest: true, Fixable: true},
	{Name: "customer-cache", Title: "Customer cache", Domain: "cache", Kind: "cache", Target: "cache", Place: "production/cache", OnRequest: true, Fixable: true},
	{Name: "blocked-sessions", Title: "Blocked sessions", Domain: "locks", Kind: "locks", Target: "shop", Place: "production/shop", OnRequest: true, Fixable: true},
	{Name: "writers", Title: "Writers", Domain: "writes", Kind: "writers", Target: "cluster", Place: "production", OnRequest: true, Fixable: true},
	{Name: "backup", Title: "Backup", Domain: "restore", Kind: "restore", Target: "cluster", Place: "production", OnRequest: true, Fixable: true},
}

var policy = authz.Policy{Roles: []authz.Role{
	{Name: "responders", Groups: []string{"S0RESP"}, Permissions: []string{"check:*", "fix:*", "diagnose:*", "look:*", "audit:read", "incident:*", "notify:*", "escalate:*"}},
	{Name: "approvers", Groups: []string{"S0APPR"}, Permissions: []string{"check:*", "fix:*", "approve:*", "diagnose:*", "look:*", "cache:flush", "locks:terminate", "writes:*", "restore:run", "incident:*", "notify:*", "escalate:*", "resolve:override"}},
	{Name: "events-team", Users: []string{"U1EVE"}, Permissions: []string{"check:events", "fix:events", "export:events", "incident:declare", "escalate:l1"}},
	{Name: "orders-team", Groups: []string{"S0ORDERS"}, Permissions: []string{"check:orders", "diagnose:orders", "incident:read", "notify:executives"}},
	{Name: "leads", Users: []string{"U1LEAD"}, Permissions: []string{"incident:*"}},
	{Name: "admins", Users: []string{"U1ADMIN"}, Permissions: []string{"*"}},
}}

// house is a runner with everything behind it made up.
type house struct {
	runner *commands.Runner
	ledger *ledger
	people map[string]authz.Subject
	dir    *directory
	plans  map[int64]fix.Plan
	runs   map[int64]check.Run
	fixes  fix.Catalog
	looks  look.Catalog
	memory *memory
	env    commands.Env
}

// replace makes the commands anew, from something else than what newHouse took.
func (h house) replace(t *testing.T, env commands.Env) {
	t.Helper()
	registry, err := commands.All(env)
	if err != nil {
		t.Fatal(err)
	}
	h.runner.Registry = registry
}

func newHouse(t *testing.T) house {
	t.Helper()
	return houseOf(t, catalog)
}

// houseOf declares other checks than most tests do. The second of dead letters has
// the fix of the first.
func houseOf(t *testing.T, catalog check.Catalog) house {
	t.Helper()
	people := map[string]authz.Subject{
		"U1ALICE":    {User: "U1ALICE", Team: "T1", Groups: []string{"S0RESP"}},
		"U1OLIVE":    {User: "U1OLIVE", Team: "T1", Groups: []string{"S0ORDERS"}},
		"U1BOB":      {User: "U1BOB", Team: "T1", Groups: []string{"S0APPR"}},
		"U1ADMIN":    {User: "U1ADMIN", Team: "T1"},
		"U1EVE":      {User: "U1EVE", Team: "T1"},
		"U1LEAD":     {User: "U1LEAD", Team: "T1"},
		"U1NOBODY":   {User: "U1NOBODY", Team: "T1"},
		"U1GUEST":    {User: "U1GUEST", Team: "T1", Groups: []string{"S0RESP"}, Guest: true},
		"U1OUTSIDER": {User: "U1OUTSIDER", Team: "T2", Groups: []string{"S0RESP"}, Outsider: true},
		"U1BOT":      {User: "U1BOT", Team: "T1", Groups: []string{"S0RESP"}, Bot: true},
		"U1GONE":     {User: "U1GONE", Team: "T1", Groups: []string{"S0RESP"}, Deactivated: true},
	}
	dir := &directory{people: people, places: map[string]commands.Place{
		"C1":      {ID: "C1", Member: true},
		"C2":      {ID: "C2", Member: true},
		"CINC":    {ID: "CINC", Member: true},
		"CPAY":    {ID: "CPAY", Member: true},
		"CSOAK":   {ID: "CSOAK", Member: true},
		"CENDED":  {ID: "CENDED", Member: true},
		"CFIX":    {ID: "CFIX", Member: true},
		"CAWAY":   {ID: "CAWAY"},
		"D1":      {ID: "D1", Member: true, Direct: true},
		"CSHARED": {ID: "CSHARED", Member: true, Shared: true},
	}}
	kept := newMemory()
	fewIncidents(kept)
	store := archive{memory: kept, runs: fewRuns(), plans: fewPlans()}
	fixes := fewFixes()
	for _, one := range ofLetters(catalog) {
		fixes[one.Name] = fixes["failed-events"]
	}
	for name, like := range map[string]string{"session-cache": "customer-cache", "other-sessions": "blocked-sessions"} {
		fixes[name] = fixes[like]
	}
	env := commands.Env{
		Catalog: catalog, Policy: policy, Archive: store, Word: "/integrity", Now: func() time.Time { return noon },
		Fixes: fixes, Plans: report.Wording{Checks: catalog.ByName(), Policy: policy}, Preventer: migrations{},
		Selection: selection, Looks: fewLooks(), Incidents: wording(), Directory: dir,
	}
	registry, err := commands.All(env)
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{keys: map[string]bool{}, runs: 1041, memory: kept}
	var n atomic.Int64
	return house{ledger: l, people: people, dir: dir, plans: store.plans, runs: store.runs, fixes: fixes, looks: env.Looks, memory: kept, env: env, runner: &commands.Runner{
		Registry: registry, Policy: policy, Directory: dir, Ledger: l, Word: "/integrity", Version: "test",
		Log:   slog.New(slog.DiscardHandler),
		NewID: func() string { return fmt.Sprintf("request-%d", n.Add(1)) },
	}}
}

func ofLetters(catalog check.Catalog) (of []check.Check) {
	for _, one := range catalog {
		if one.Kind == "dead-letters" {
			of = append(of, one)
		}
	}
	return of
}

func ask(user, channel, text string) commands.Request {
	return commands.Request{
		Key: user + channel + text, Actor: audit.Actor{Kind: audit.Person, Team: "T1", User: user},
		Source: audit.FromSlash, Channel: channel, Text: text, At: noon, ResponseURL: "https://hooks.example/1",
	}
}

var errDown = errors.New("connection refused")

// reply is the text of the one ephemeral answer.
func reply(t *testing.T, in commands.Intent) string {
	t.Helper()
	var found *message.Post
	for i := range in.Posts {
		if in.Posts[i].OnlyTo != "" {
			if found != nil {
				t.Fatal("two answers to one request")
			}
			found = &in.Posts[i]
		}
	}
	if found == nil {
		return ""
	}
	return found.Message.PlainText()
}

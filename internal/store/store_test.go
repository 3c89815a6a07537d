package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/store"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// patience bounds what a test waits for.
const patience = 30 * time.Second

// database is a fresh, migrated database used by one role for everything.
func database(t testing.TB) string {
	t.Helper()
	return pgtest.Template(t, "store", func(dsn string) {
		if err := store.Migrate(t.Context(), dsn, ""); err != nil {
			t.Fatal(err)
		}
	})
}

// open opens a store on a database, with changes to its options.
func open(t testing.TB, dsn string, change ...func(*store.Options)) *store.Store {
	t.Helper()
	o := store.Options{DSN: dsn, Version: "test", MaxConns: 6}
	for _, c := range change {
		c(&o)
	}
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// at gives the store a clock that a test moves.
func at(clock *time.Time) func(*store.Options) {
	return func(o *store.Options) { o.Now = func() time.Time { return *clock } }
}

func event(action string) audit.Event {
	return audit.Event{
		Request: "req-" + action, Actor: audit.Actor{Kind: audit.Person, Team: "T1", User: "U1"}, Source: audit.FromSlash,
		Channel: "C1", Action: action, Decision: "allowed", Outcome: audit.Done, Version: "test",
	}
}

func order(run int64, checks ...string) *check.Order {
	return &check.Order{
		ID: run, Title: "Orders", Words: "check orders", Checks: checks, Channel: "C1", AskedBy: "U1",
		AskedAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Request: "req",
	}
}

func post(key, channel, text string) message.Post {
	return message.Post{Key: key, Channel: channel, Message: message.Message{Headline: message.Text("%s", text)}}
}

// ask records a run and gives its number.
func ask(t testing.TB, s *store.Store, key string, checks ...string) int64 {
	t.Helper()
	var number int64
	_, err := s.Record(t.Context(), key, true, func(run int64) commands.Intent {
		number = run
		return commands.Intent{Run: order(run, checks...), Events: []audit.Event{event("check")}}
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

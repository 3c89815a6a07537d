package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/store"
)

// storeUnderTest stands for one replica.
type storeUnderTest struct{ *store.Store }

func next(t testing.TB, s *store.Store) *bot.Delivery {
	t.Helper()
	d, wait, err := s.Next(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if d == nil {
		t.Fatalf("nothing is due, wait %s", wait)
	}
	return d
}

// count runs a query that gives one number on the store's database.
func count(t testing.TB, s *store.Store, query string, args ...any) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, store.DSN(s))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var n int64
	if err := conn.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// exec runs a statement on the store's database as superuser.
func exec(t testing.TB, s *store.Store, sql string) {
	t.Helper()
	pgtest.Exec(t, store.DSN(s), sql)
}

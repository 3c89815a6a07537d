package shop_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/shop"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// bounded gives a test a deadline of its own.
func bounded(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func generate(t *testing.T, opt shop.Options) (dsn string, truth *shop.Truth) {
	t.Helper()
	dsn = pgtest.Database(t)
	truth, err := shop.Generate(bounded(t, time.Minute), dsn, opt)
	if err != nil {
		t.Fatal(err)
	}
	return dsn, truth
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(bounded(t, time.Minute), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

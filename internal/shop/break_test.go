package shop_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/shop"
)

func TestBreakMakesExactlyWhatItSays(t *testing.T) {
	dsn, truth := generate(t, shop.Options{Seed: 21, Plant: shop.PlantLasting})
	conn := connect(t, dsn)
	ctx := bounded(t, time.Minute)
	for _, kind := range shop.Kinds() {
		for range 2 {
			plants, err := shop.Break(ctx, conn, kind)
			if err != nil {
				t.Fatal(err)
			}
			if len(plants) == 0 {
				t.Errorf("%s is found by no check", kind)
			}
			if truth, err = truth.With(plants...); err != nil {
				t.Fatal(err)
			}
		}
	}
	agree(t, conn, truth, clock(t, conn))
}

func TestBreakRefuses(t *testing.T) {
	dsn, _ := generate(t, shop.Options{Seed: 22, Plant: shop.PlantNone})
	conn := connect(t, dsn)
	for _, kind := range []string{"", "nonsense", "refunded", "fk-not-valid"} {
		_, err := shop.Break(bounded(t, time.Minute), conn, kind)
		if err == nil || !strings.Contains(err.Error(), "there is no kind of defect") {
			t.Errorf("break %q: %v, want a refusal that lists the kinds", kind, err)
		}
	}
}

func clock(t *testing.T, conn *pgx.Conn) time.Time {
	t.Helper()
	var now time.Time
	if err := conn.QueryRow(bounded(t, time.Minute), "SELECT now()").Scan(&now); err != nil {
		t.Fatal(err)
	}
	return now
}

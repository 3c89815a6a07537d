package shop_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/shop"
)

func TestWritersNeverChangeTheTruth(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		seed    int64
		writing time.Duration
	}{
		{"for ten seconds", 31, 10 * time.Second},
		{"with another seed", 32, 2 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dsn, truth := generate(t, shop.Options{Seed: tt.seed})
			conn := connect(t, dsn)

			stop, cancel := context.WithTimeout(bounded(t, time.Minute), tt.writing)
			defer cancel()
			type result struct {
				done map[string]int
				err  error
			}
			finished := make(chan result, 1)
			go func() {
				done, err := shop.Writers{DSN: dsn, Truth: truth, Rate: 400, Connections: 6, Seed: uint64(tt.seed)}.Run(stop)
				finished <- result{done, err}
			}()
			// Each of the oracle's statements sees one moment of the shop, and at every moment only the planted rows
			// are wrong.
			for stop.Err() == nil {
				agree(t, conn, truth, clock(t, conn))
			}
			r := <-finished
			if r.err != nil {
				t.Fatal(r.err)
			}
			t.Logf("done: %v", r.done)
			if tt.writing < 10*time.Second {
				agree(t, conn, truth, clock(t, conn).Add(time.Hour))
				return
			}
			for _, op := range []string{
				"place", "place step by step", "place before the customer", "change items", "complete", "cancel", "move stock", "take stock",
				"touch planted rows", "touch other rows", "delete",
			} {
				if r.done[op] == 0 {
					t.Errorf("never done: %s", op)
				}
			}
			// Nothing is half done, or it would be a defect once it is old enough.
			agree(t, conn, truth, clock(t, conn).Add(time.Hour))
		})
	}
}

func TestWritersAndFreshDefects(t *testing.T) {
	t.Parallel()
	dsn, truth := generate(t, shop.Options{Seed: 33, Plant: shop.PlantLasting})
	conn := connect(t, dsn)
	stop, cancel := context.WithTimeout(bounded(t, time.Minute), 2*time.Second)
	defer cancel()
	finished := make(chan error, 1)
	go func() {
		_, err := shop.Writers{DSN: dsn, Truth: truth, Rate: 200}.Run(stop)
		finished <- err
	}()
	for _, kind := range []string{"order-customer-gone", "email-twice", "total-too-high", "stock-too-low", "paid-twice", "paid-but-cancelled"} {
		plants, err := shop.Break(bounded(t, time.Minute), conn, kind)
		if err != nil {
			t.Fatal(err)
		}
		if truth, err = truth.With(plants...); err != nil {
			t.Fatal(err)
		}
		agree(t, conn, truth, clock(t, conn))
	}
	if err := <-finished; err != nil {
		t.Fatal(err)
	}
	agree(t, conn, truth, clock(t, conn))
}

func TestWritersRefuse(t *testing.T) {
	truth := &shop.Truth{Orders: 1, Customers: 1, Products: 1}
	tests := []struct {
		name    string
		writers shop.Writers
		want    string
	}{
		{"an empty truth", shop.Writers{DSN: "postgres://", Truth: &shop.Truth{}}, "not an empty one"},
		{"no database", shop.Writers{Truth: truth}, "need a database"},
		{"no truth", shop.Writers{DSN: "postgres://"}, "need the truth"},
		{"too many connections", shop.Writers{DSN: "postgres://", Truth: truth, Connections: 1000}, "between 1 and 100"},
		{"a negative rate", shop.Writers{DSN: "postgres://", Truth: truth, Rate: -1}, "rate must not be negative"},
		{"no server", shop.Writers{DSN: "host=/nowhere user=nobody", Truth: truth}, "writers: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.writers.Run(bounded(t, 10*time.Second))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

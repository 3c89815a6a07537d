package store_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/store"
)

// Replicas begin plans at the same moment that want some of the same places: one
// wins, whatever the isolation level that somebody gave the role.
func TestPlansThatBeginAtOnceNeverShareAPlace(t *testing.T) {
	const replicas, rounds = 4, 30
	for name, words := range map[string]string{"as usual": "", "repeatable read": " default_transaction_isolation='repeatable read'"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := database(t)
			var stores []*store.Store
			for range replicas {
				stores = append(stores, open(t, dsn+separated(dsn, words)))
			}
			random := rand.New(rand.NewPCG(1, 2))
			for round := range rounds {
				at := int64(round * 1000)
				var plans []begun
				var claims [][]fix.Claim
				for range replicas {
					plans = append(plans, confirmed(t, stores[0]))
					from := at + random.Int64N(100)
					claims = append(claims, []fix.Claim{of(0, 0, from, at+150), of(0, 1, from, from+1)}) // all of them want at+149
				}
				won := beginAtOnce(t, stores, plans, claims)
				if len(won) != 1 {
					t.Fatalf("round %d: %v won", round, won)
				}
			}
			if n := count(t, stores[0], `SELECT count(*) FROM sent_records a JOIN sent_records b ON (a.source, a.of, a.part) = (b.source, b.of, b.part)
				AND a.plan < b.plan AND a.spans && b.spans`); n != 0 {
				t.Errorf("%d pairs of plans share places", n)
			}
			if n := count(t, stores[0], `SELECT count(DISTINCT plan) FROM sent_records`); n != rounds {
				t.Errorf("%d plans have places, want %d", n, rounds)
			}
		})
	}
}

// separated adds a setting to a DSN of either form.
func separated(dsn, setting string) string {
	if setting == "" || dsn[:8] != "postgres" {
		return setting
	}
	return "&default_transaction_isolation=repeatable%20read"
}

// beginAtOnce begins each plan on a replica of its own, and tells which of them
// did; the others must have clashed.
func beginAtOnce(t *testing.T, stores []*store.Store, plans []begun, claims [][]fix.Claim) (won []int64) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	ready := make(chan struct{})
	for i, p := range plans {
		wg.Go(func() {
			<-ready
			err := p.begin(t, stores[i], claims[i]...)
			var clash *fix.Clash
			if err != nil && !errors.As(err, &clash) {
				t.Errorf("%s: %v", p.Ref(), err)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, p.ID)
			}
		})
	}
	close(ready)
	wg.Wait()
	return won
}

// The largest plan, with nothing that touches: every second record of 12
// partitions.
func TestALargePlanBegins(t *testing.T) {
	const records, parts = 500_000, 12
	s := open(t, database(t))
	one, two := confirmed(t, s), confirmed(t, s)
	var claims []fix.Claim
	for part := range int32(parts) {
		c := of(0, part)
		for n := range int64(records / parts) {
			c.Spans = append(c.Spans, fix.Span{From: 2 * n, To: 2*n + 1})
		}
		claims = append(claims, c)
	}
	began := time.Now()
	if err := one.begin(t, s, claims...); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d scattered places taken in %s", records, time.Since(began))
	var clash *fix.Clash
	if err := two.begin(t, s, claims...); !errors.As(err, &clash) || clash.Places != records/parts*parts {
		t.Errorf("the same once more: %v", err)
	}
	for i := range claims {
		for j := range claims[i].Spans {
			claims[i].Spans[j].From++
			claims[i].Spans[j].To++
		}
	}
	if err := two.begin(t, s, claims...); err != nil {
		t.Errorf("what is between: %v", err)
	}
	if got := held(t, s, "dlq", "id-1"); len(got) != 2*parts || len(got[0].Spans) != records/parts {
		t.Errorf("%d rows are held", len(got))
	}
}

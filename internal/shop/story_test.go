package shop_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/shop"
)

// TestStoriesArePlanted: what a story says is wrong can be planted, and only that is.
func TestStoriesArePlanted(t *testing.T) {
	t.Parallel()
	for _, s := range shop.Stories() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			_, truth := generate(t, shop.Options{Seed: 3, Plant: shop.PlantLasting, Plain: true, Defects: s.Defects, Migrated: s.Migrated})
			kinds := []string{}
			for _, p := range truth.Plants {
				if !p.Innocent {
					kinds = append(kinds, p.Kind)
				}
			}
			slices.Sort(kinds)
			kinds = slices.Compact(kinds)
			want := slices.Clone(s.Defects)
			if s.Defects == nil {
				want = append(shop.Kinds(), "fk-not-valid")
				want = slices.DeleteFunc(want, func(kind string) bool { return len(kind) > 8 && kind[:8] == "hostile-" })
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, kinds); diff != "" {
				t.Errorf("planted (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAStoryIsFoundByItsName, and one that is not there is named with those that are.
func TestAStoryIsFoundByItsName(t *testing.T) {
	t.Parallel()
	for _, want := range shop.Stories() {
		if got, err := shop.StoryNamed(want.Name); err != nil || got.Name != want.Name {
			t.Errorf("%s: %s, %v", want.Name, got.Name, err)
		}
	}
	if s, err := shop.StoryNamed(""); err != nil || s.Name != "everything" {
		t.Errorf("without a name: %s, %v", s.Name, err)
	}
	_, err := shop.StoryNamed("rase")
	if want := `there is no story "rase"; the stories are everything, failed-events, race, stale-cache, bad-migration, recent-change`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestSessionsThatBlockEachOther: the root, those that wait for it, and a deadlock that the database has counted;
// when all is over nothing was changed.
func TestSessionsThatBlockEachOther(t *testing.T) {
	t.Parallel()
	dsn, truth := generate(t, shop.Options{Seed: 4, Plant: shop.PlantNone})
	conn := connect(t, dsn)
	before := digest(t, conn)
	ctx := bounded(t, time.Minute)
	b, err := shop.Block(ctx, shop.BlockersOptions{DSN: dsn, Truth: truth, Waiters: 2})
	if err != nil {
		t.Fatal(err)
	}
	var roots []uint32
	if err := conn.QueryRow(ctx, `SELECT array_agg(DISTINCT p) FROM pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) p
		WHERE a.wait_event_type = 'Lock' AND NOT p = ANY ($1)`, b.Waiting).Scan(&roots); err != nil {
		t.Error(err)
	}
	if !slices.Equal(roots, []uint32{b.Root}) || len(b.Waiting) != 2 {
		t.Errorf("%v block %v, and %d should", roots, b.Waiting, b.Root)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, digest(t, conn)); diff != "" {
		t.Errorf("something was changed:\n%s", diff)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) { // statistics come a little later
		var deadlocks int64
		if err := conn.QueryRow(ctx, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&deadlocks); err != nil {
			t.Fatal(err)
		}
		if deadlocks == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d deadlocks were counted", deadlocks)
		}
	}
}

package reconcile

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/redisproc"
	"github.com/integritybot/integritybot/internal/redistest"
	"github.com/integritybot/integritybot/internal/target/redis"
)

const smallSQL = `
CREATE TABLE customers (id text PRIMARY KEY, name text, credit numeric, updated_at timestamptz);
INSERT INTO customers SELECT 'c' || i, 'Name ' || i, i, '2026-01-01' FROM generate_series(1, 30) i;`

const smallCheck = `
kind: cache
pattern: customer:*
value: json
rows: {target: shop, table: customers, key: id, time: updated_at}
fields: {name: name}
ttl: {max: 24h}
`

func (w *world) detects(words *cacheWords, opts check.Options) (*recorder, check.Result, error) {
	rec := &recorder{}
	result, err := words.Detector(w.cache, w.rows).Detect(w.t.Context(), opts, nil, rec)
	return rec, result, err
}

func TestAPatternNarrowsACheckDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, smallSQL)
	for i := 1; i <= 30; i++ {
		name := fmt.Sprint("Name ", i)
		if i == 12 || i == 22 {
			name = "Other"
		}
		w.put(fmt.Sprintf("customer:c%d", i), fmt.Sprintf(`{"name":%q}`, name), time.Hour)
	}
	w.put("order:c1", "{}", time.Hour)
	words := wordsOf(t, smallCheck)
	for _, tt := range []struct {
		match, says, reject string
		found               []string
	}{
		{"customer:c1*", "of 11 cached values that match customer:c1* 1 is stale", "", []string{"customer:c12"}},
		{"customer:c3*", "all 2 cached values that match customer:c3* agree with their rows", "", nil},
		{"customer:c4", "the only cached value that matches customer:c4 agrees with its row", "", nil},
		{"*:c1", "the only cached value that matches *:c1 agrees with its row", "", nil},
		{"order:*", "", "No key of customer:* matches order:*.", nil},
		{"customer:x*", "", "No key of customer:* matches customer:x*.", nil},
		{"customer:*a*a*a*b", "", "makes Redis slow for others", nil},
	} {
		rec, result, err := w.detects(words, check.Options{Overview: true, Match: tt.match})
		if tt.reject != "" {
			wants(t, err, tt.reject)
			continue
		}
		var found []string
		for _, row := range rec.rows {
			found = append(found, row.Key[0])
		}
		if diff := cmp.Diff(tt.found, found); diff != "" || err != nil || result.Says != tt.says || result.Overview.Rows[0][0] != "match "+tt.match {
			t.Errorf("%s: says %q, %v, -want +found:\n%s", tt.match, result.Says, err, diff)
		}
	}
	_, err := w.planned(smallCheck, "{mode: clear}").Draft(t.Context(), fix.Order{Select: []string{"pattern=customer:*a*a*a*b"}}, allCaps(), nil)
	wants(t, err, "makes Redis slow for others")
	_, err = Looks(w.caches())["cache scan"].Look(t.Context(), look.Question{Words: []string{"customer:*a*a*a*b"}}, nil)
	wants(t, err, "makes Redis slow for others")
}

// TestNothingThatCouldBeJudgedIsNoPass.
func TestNothingThatCouldBeJudgedIsNoPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, smallSQL)
	for i := 1; i <= 3; i++ {
		w.put(fmt.Sprintf("customer:c%d", i), strings.Repeat("x", 2<<20), time.Hour)
	}
	words := wordsOf(t, smallCheck)
	_, _, err := w.detects(words, check.Options{})
	wants(t, err, "3 keys of customer:* were found, and none could be judged. 3 keys with a value over 1.0 MB: not judged.")
	if _, _, err := w.detects(words, check.Options{Since: time.Hour}); err != nil {
		t.Errorf("nothing was changed in the last hour: %v", err)
	}
	w.put("customer:c4", `{"name":"Name 4"}`, time.Hour)
	_, result, err := w.detects(words, check.Options{})
	if want := "the only cached value agrees with its row; 3 more could not be judged"; result.Says != want || err != nil {
		t.Errorf("says %q, %v, want %q", result.Says, err, want)
	}
}

func TestExpiriesThatCannotBeCountedAreNoPass(t *testing.T) {
	t.Parallel()
	w := &walk{j: &judge{words: wordsOf(t, smallCheck)}, expiries: expiries{full: true}}
	w.counted.keys, w.counted.right = 5, 5
	wants(t, w.unknown(check.Options{}, nil), "whether many expire together is not known")
	w.counted.wrong = 1
	if err := w.unknown(check.Options{}, nil); err != nil {
		t.Errorf("what is wrong is said all the same: %v", err)
	}
}

// TestARowOfTheFutureIsNotYoungForEver: its time is wrong.
func TestARowOfTheFutureIsNotYoungForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, smallSQL+"UPDATE customers SET updated_at = '2136-01-01' WHERE id = 'c1'; UPDATE customers SET updated_at = 'infinity' WHERE id = 'c2';")
	w.put("customer:c1", `{"name":"Old"}`, time.Hour)
	w.put("customer:c2", `{"name":"Old"}`, time.Hour)
	w.put("customer:c3", `{"name":"Name 3"}`, time.Hour)
	rec, result := w.detected(wordsOf(t, smallCheck), check.Options{})
	if len(rec.rows) != 2 || result.Scanned != 3 {
		t.Errorf("found %v of %d, %q", rec.byClass(), result.Scanned, result.Notes)
	}
}

// TestYoungIsByTheDatabasesClock, whatever ours says.
func TestYoungIsByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, smallSQL+"UPDATE customers SET updated_at = clock_timestamp() WHERE id = 'c1';")
	w.put("customer:c1", `{"name":"Old"}`, time.Hour)
	w.put("customer:c2", `{"name":"Name 2"}`, time.Hour)
	words := wordsOf(t, strings.Replace(smallCheck, "ttl:", "min_age: 1m\nttl:", 1))
	for _, off := range []time.Duration{-time.Hour, 0, time.Hour} {
		w.cache = openCache(t, redis.Options{Name: "cache", Place: "test/cache", Addrs: w.redis.Addrs(), Sleep: hurried, Now: func() time.Time { return time.Now().Add(off) }})
		rec, result, err := w.detects(words, check.Options{})
		if err != nil || len(rec.rows) != 0 || result.Scanned != 1 {
			t.Errorf("%s ahead: found %v of %d, %v", off, rec.byClass(), result.Scanned, err)
		}
	}
}

// TestTextTimesAreOldOrRead: what is skipped by its text is what would have been old.
func TestTextTimesAreOldOrRead(t *testing.T) {
	t.Parallel()
	j := &judge{words: wordsOf(t, smallCheck)}
	l := newLooking(j, nil, 0)
	l.when(time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC))
	for text, old := range map[string]bool{
		"2026-06-15 11:59:58.123+00": false, "2026-06-14 12:00:00+00": false, "2026-06-01 00:00:00+00": true, "2025-12-31 23:59:59.999999": true,
		"2026-06-15": false, "2025-06-15": false, "infinity": false, "-infinity": false, "12026-01-01 00:00:00+00": false, "0044-03-15 00:00:00+00 BC": false, "2036-01-01 00:00:00+00": false,
	} {
		if got := l.longAgo(text); got != old {
			t.Errorf("%s is long ago: %v", text, got)
		}
	}
}

// TestMemoryIsBoundedByWhatIsReported, and not by what values hold.
func TestMemoryIsBoundedByWhatIsReported(t *testing.T) { //nolint:paralleltest // others use memory, too
	const values, large = 300, 200 << 10
	w := newWorld(t, redisproc.Single, smallSQL)
	pad := strings.Repeat("y", large)
	for i := range values {
		w.put(fmt.Sprintf("customer:x%d", i), fmt.Sprintf(`{"name":"Other %d","pad":%q}`, i, pad), time.Hour)
	}
	runtime.GC() // of what filled the cache
	ctx, cancel := context.WithCancel(t.Context())
	var most uint64
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			_ = wait(ctx, 5*time.Millisecond)
		}
	})
	rec, _ := w.detected(wordsOf(t, smallCheck), check.Options{})
	cancel()
	watching.Wait()
	if len(rec.rows) != values {
		t.Errorf("found %d of %d", len(rec.rows), values)
	}
	if total := uint64(values * large); most > 3*total/2 { // it would be many times as much
		t.Errorf("%d MB for values of %d MB", most>>20, total>>20)
	}
	t.Logf("%d MB for values of %d MB", most>>20, values*large>>20)
}

// TestManyFindingsAreWrittenInPieces, and each once.
func TestManyFindingsAreWrittenInPieces(t *testing.T) {
	t.Parallel()
	const keys = savedAtOnce + 2*suspectsAtOnce
	w := newWorld(t, redisproc.Single, smallSQL)
	pipe := w.client.Pipeline()
	for i := range keys {
		pipe.Set(t.Context(), fmt.Sprintf("customer:x%d", i), "{}", time.Hour)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec, result := w.detected(wordsOf(t, smallCheck), check.Options{Full: true})
	if n := len(rec.byClass()[classGone]); n != keys || len(rec.rows) != keys || rec.saves != 1 || result.Says != "of 30,000 cached values 30,000 have no row" {
		t.Errorf("found %d of %d, saved %d times, says %q", n, keys, rec.saves, result.Says)
	}
}

func TestAReplicaIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Watched, smallSQL)
	w.put("customer:c1", `{"name":"Name 1"}`, time.Hour)
	info := redistest.Direct(t, w.redis.Addr()).Info(t.Context(), "replication").Val()
	_, rest, _ := strings.Cut(info, ",port=")
	port, _, _ := strings.Cut(rest, ",")
	w.cache = openCache(t, redis.Options{Name: "cache", Place: "test/cache", Addrs: []string{"127.0.0.1:" + port}, Sleep: hurried})
	deadline := time.Now().Add(10 * time.Second)
	for n := int64(0); n == 0 && time.Now().Before(deadline); {
		n, _ = w.cache.Size(t.Context())
	}
	_, result := w.detected(wordsOf(t, smallCheck), check.Options{})
	if !slices.Contains(result.Notes, "The cache was read from a replica, which may be behind its primary.") {
		t.Errorf("notes %q", result.Notes)
	}
}

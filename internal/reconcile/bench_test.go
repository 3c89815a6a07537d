package reconcile

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/redisproc"
)

// BenchmarkCheck compares 200,000 cached customers with their rows. It reports keys a
// second and the longest single command of Redis.
func BenchmarkCheck(b *testing.B) {
	const keys = 200_000
	w := newWorldAt(b, redisproc.Single, fmt.Sprintf(`
CREATE TABLE customers (id text PRIMARY KEY, name text, email text, updated_at timestamptz);
INSERT INTO customers SELECT 'c' || i, 'Name ' || i, 'c' || i || '@example.com', '2026-01-01' FROM generate_series(1, %d) i;
ANALYZE customers;`, keys), nil)
	pipe := w.client.Pipeline()
	for i := 1; i <= keys; i++ {
		id := "c" + strconv.Itoa(i)
		value := fmt.Sprintf(`{"id":%q,"email":"%s@example.com","name":"Name %d","updatedAt":"2026-01-01T00:00:00Z"}`, id, id, i)
		pipe.Set(b.Context(), "customer:"+id, value, time.Hour+time.Duration(i*7919%80000)*time.Second)
		if i%1000 == 0 {
			if _, err := pipe.Exec(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	words := wordsOf(b, `
kind: cache
pattern: customer:*
value: json
rows: {target: shop, table: customers, key: id, time: updated_at}
fields: {id: id, email: email, name: name}
ttl: {max: 24h, together: 1000}
`)
	for b.Loop() {
		w.client.ConfigSet(b.Context(), "slowlog-log-slower-than", "500")
		w.client.Do(b.Context(), "SLOWLOG", "RESET")
		began, busy := time.Now(), processor(b)
		rec := &recorder{}
		result, err := words.Detector(w.cache, w.rows).Detect(b.Context(), check.Options{Full: true}, nil, rec)
		if err != nil || len(rec.rows) > 0 || result.Scanned != keys {
			b.Fatalf("%d of %d, %v, %v", result.Scanned, keys, rec.byClass(), err)
		}
		took := time.Since(began)
		var longest time.Duration
		for _, slow := range w.client.SlowLogGet(b.Context(), 1000).Val() {
			longest = max(longest, slow.Duration)
		}
		b.ReportMetric(keys/took.Seconds(), "keys/s")
		b.ReportMetric(float64((processor(b)-busy).Microseconds())/keys, "cpu-µs/key") // of ours: the machine may be busy
		b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
	}
}

// processor is how much time of processors this process has used.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

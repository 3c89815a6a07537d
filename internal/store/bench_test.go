package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/store"
)

// servers to measure on: one that waits for the disk as in production, and one
// that does not.
var durability = map[string]bool{"fsync=on": true, "fsync=off": false}

// benchStore is a store on a server of its own.
func benchStore(b *testing.B, durable bool, group int) *store.Store {
	b.Helper()
	dir, err := os.MkdirTemp("/tmp", "ibbench")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server's user passes through
		b.Fatal(err)
	}
	server, err := pgproc.Start(b.Context(), pgproc.Options{Dir: filepath.Join(dir, "pg"), Durable: durable})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Stop)
	dsn := server.DSN(pgproc.Superuser, pgproc.Superuser)
	if err := store.Migrate(b.Context(), dsn, ""); err != nil {
		b.Fatal(err)
	}
	return open(b, dsn, func(o *store.Options) { o.Group = group; o.WriteTimeout = time.Minute })
}

// S10: a request with its run, job, post and audit event; from 32 callers.
func BenchmarkRecord(b *testing.B) {
	for name, durable := range durability {
		for _, group := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/group=%d", name, group), func(b *testing.B) {
				s := benchStore(b, durable, group)
				var n atomic.Int64
				const callers = 32
				b.ResetTimer()
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for {
							i := n.Add(1)
							if i > int64(b.N) {
								return
							}
							if _, err := s.Record(b.Context(), fmt.Sprintf("key-%d", i), true, intent); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

// S1: 100 commands per second, evenly; how long each waits.
func BenchmarkRecordAtHundredPerSecond(b *testing.B) {
	for name, durable := range durability {
		b.Run(name, func(b *testing.B) {
			s := benchStore(b, durable, 64)
			took := make([]time.Duration, b.N)
			var wg sync.WaitGroup
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			b.ResetTimer()
			for i := range b.N {
				<-tick.C
				wg.Go(func() {
					asked := time.Now()
					if _, err := s.Record(b.Context(), fmt.Sprintf("key-%d", i), true, intent); err != nil {
						b.Error(err)
					}
					took[i] = time.Since(asked)
				})
			}
			wg.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
		})
	}
}

// S10: reading the log back and checking it.
func BenchmarkVerifyAudit(b *testing.B) {
	s := benchStore(b, false, 64)
	signer, keys := signing(b)
	const batch = 2000
	for n := 0; n < b.N; n += batch {
		events := make([]audit.Event, min(batch, b.N-n))
		for i := range events {
			events[i] = event("check")
			events[i].Args = map[string]string{"words": "orders --full", "channel_name": "inc-20261122-orders"}
		}
		if err := s.Append(b.Context(), events...); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := s.Checkpoint(b.Context(), signer); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	report, err := s.VerifyAudit(b.Context(), store.VerifyOptions{Keys: keys})
	if err != nil || report.Fault != nil || report.Head.Size != int64(b.N) {
		b.Fatalf("%+v, %v", report, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

//go:build bench

package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/mod/sumdb/note"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/pgproc"
	"github.com/integritybot/integritybot/internal/store"
)

const (
	callers      = 32 // ask at the same time
	appendsGoal  = 1000
	verifiesGoal = 200_000
)

// measureAudit is S10: recording requests with their run, job, post and audit event, and verifying the chain.
func measureAudit(t *trial, b *bed) {
	durable := b.appends(t, true)
	fast := b.appends(t, false)
	verified := b.verifies(t)
	b.note("S10", "%d callers record requests through `internal/store`, each with its own run, job, post and audit event; the store may "+
		"commit several in one transaction. fsync on: %s/s, off: %s/s. Verify reads %s events back, recomputes the chain "+
		"and compares it with a signed checkpoint: %s events/s.",
		callers, count(durable), count(fast), humanize.Comma(int64(b.events)), count(verified))
	t.measured(row{
		ID:     "S10",
		Work:   fmt.Sprintf("audit append with its job, %d callers; verify %s events", callers, humanize.Comma(int64(b.events))),
		Ours:   fmt.Sprintf("%s appended/s (fsync on), %s/s (off); %s events/s verified", count(durable), count(fast), count(verified)),
		Theirs: "–", Goal: "≥ 1,000/s; ≥ 200,000 events/s",
		Met: verdict(durable >= appendsGoal && verified >= verifiesGoal),
	})
}

func count(n float64) string { return humanize.Comma(int64(n)) }

// emptyStore is a migrated store on a server of its own.
func (b *bed) emptyStore(t *trial, durable bool) *store.Store {
	t.Helper()
	server := startServer(t, pgproc.Options{Durable: durable})
	t.Cleanup(server.Stop)
	env := b.store(t, server)
	s, err := store.Open(t.Context(), store.Options{DSN: env["STORE_DSN"], Version: "bench", WriteTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// appends gives how many requests a second are recorded.
func (b *bed) appends(t *trial, durable bool) float64 {
	t.Helper()
	s := b.emptyStore(t, durable)
	ctx, cancel := context.WithTimeout(t.Context(), b.flood)
	defer cancel()
	var n, done atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for ctx.Err() == nil {
				key := fmt.Sprintf("bench-%d", n.Add(1))
				if _, err := s.Record(t.Context(), key, true, intent); err != nil {
					t.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	events, err := s.Events(t.Context(), commands.EventFilter{Action: "check", Limit: 1})
	if err != nil || len(events) != 1 || events[0].Seq < done.Load() {
		t.Fatalf("%d requests were recorded, and the last event is %+v, %v", done.Load(), events, err)
	}
	return float64(done.Load()) / took.Seconds()
}

// intent is what a "check orders" leaves behind.
func intent(run int64) commands.Intent {
	return commands.Intent{
		Run: &check.Order{
			ID: run, Title: "Orders", Words: "check orders", Checks: []string{"orphaned-orders", "order-totals"}, Channel: "C1", AskedBy: "U1",
			AskedAt: time.Now(), Request: fmt.Sprintf("req-%d", run),
		},
		Events: []audit.Event{event()},
		Posts:  []message.Post{{Key: fmt.Sprintf("run/%d", run), Channel: "C1", Message: message.Message{Headline: message.Text("queued")}}},
	}
}

func event() audit.Event {
	return audit.Event{
		Request: "req", Actor: audit.Actor{Kind: audit.Person, Team: "T1", User: "U1"}, Source: audit.FromSlash, Channel: "C1", Action: "check",
		Args: map[string]string{"words": "orders --full", "channel_name": "inc-20261122-orders"}, Decision: "allowed", Outcome: audit.Done, Version: "bench",
	}
}

// verifies gives how many events a second are verified.
func (b *bed) verifies(t *trial) float64 {
	t.Helper()
	s := b.emptyStore(t, false)
	private, public, err := audit.NewKey(rand.Reader, "integritybot/bench")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	const batch = 2000
	for n := 0; n < b.events; n += batch {
		events := make([]audit.Event, min(batch, b.events-n))
		for i := range events {
			events[i] = event()
		}
		if err := s.Append(t.Context(), events...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Checkpoint(t.Context(), signer); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	report, err := s.VerifyAudit(t.Context(), store.VerifyOptions{Keys: note.VerifierList(verifier)})
	took := time.Since(began)
	if err != nil || report.Fault != nil || report.Head.Size < int64(b.events) || len(report.Agreed) != 1 {
		t.Fatalf("verify: %+v, %v", report, err)
	}
	return float64(report.Head.Size) / took.Seconds()
}

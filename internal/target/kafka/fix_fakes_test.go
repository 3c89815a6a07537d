package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
)

// memoryLedger is the store's ledger, in memory.
type memoryLedger struct {
	mu   sync.Mutex
	rows []ledgerRow
}

type ledgerRow struct {
	plan  int64
	hold  fix.Hold
	claim fix.Claim
}

func (l *memoryLedger) hold(plan int64, hold fix.Hold, claims []fix.Claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range claims {
		l.rows = append(l.rows, ledgerRow{plan, hold, c})
	}
}

func (l *memoryLedger) free(plan int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = slices.DeleteFunc(l.rows, func(r ledgerRow) bool { return r.plan == plan && r.hold == fix.Taken })
}

func (l *memoryLedger) Held(_ context.Context, topic, of string) ([]fix.Held, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []fix.Held
	for _, r := range l.rows {
		if r.claim.Source == topic && r.claim.Of == of {
			out = append(out, fix.Held{Plan: r.plan, Hold: r.hold, Part: r.claim.Part, Spans: r.claim.Spans})
		}
	}
	return out, nil
}

// memoryTables are the consumer's and the service's databases, in memory.
type memoryTables struct {
	mu     sync.Mutex
	known  map[string]bool
	asked  func() // before each answer
	events []Event
}

func (m *memoryTables) know(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[id] = true
}

func (m *memoryTables) Known(_ context.Context, target, table, column string, ids []string) (map[string]bool, error) {
	if target != "shop" || table != "processed_events" || column != "event_id" {
		return nil, fmt.Errorf("asked for %s.%s.%s", target, table, column)
	}
	if m.asked != nil {
		m.asked()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]bool{}
	for _, id := range ids {
		if m.known[id] {
			out[id] = true
		}
	}
	return out, nil
}

func (m *memoryTables) Events(_ context.Context, _ string, _ EventTable, aggregate string, since, until time.Time, limit int) ([]Event, error) {
	var out []Event
	for _, e := range m.events {
		if strings.HasPrefix(e.ID, aggregate+"/") && len(out) < limit && !e.At.Before(since) && (until.IsZero() || e.At.Before(until)) {
			out = append(out, e)
		}
	}
	return out, nil
}

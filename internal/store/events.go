package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
)

var _ commands.Archive = (*Store)(nil)

// defaultEvents is how many events a filter without a limit gives.
const defaultEvents = 100

// Events implements commands.Archive: newest first.
func (s *Store) Events(ctx context.Context, f commands.EventFilter) ([]audit.Entry, error) {
	if f.Limit <= 0 {
		f.Limit = defaultEvents
	}
	where, args := conditions(f)
	args = append(args, f.Limit)
	rows, err := s.pool.Query(ctx, `SELECT body, prev, hash FROM audit_events`+where+` ORDER BY seq DESC LIMIT $`+strconv.Itoa(len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("read audit events: %w", err)
	}
	entries, err := pgx.CollectRows(rows, scanEntry)
	if err != nil {
		return nil, fmt.Errorf("read audit events: %w", err)
	}
	return entries, nil
}

func scanEntry(row pgx.CollectableRow) (audit.Entry, error) {
	var e audit.Entry
	var prev, hash []byte
	if err := row.Scan(&e.Body, &prev, &hash); err != nil {
		return e, err
	}
	copy(e.Prev[:], prev)
	copy(e.Hash[:], hash)
	var err error
	e.Seq, e.At, e.Event, err = audit.Decode(e.Body)
	return e, err
}

// conditions is the WHERE clause of a filter, without its limit.
func conditions(f commands.EventFilter) (string, []any) {
	var terms []string
	var args []any
	add := func(term string, value any) {
		args = append(args, value)
		terms = append(terms, term+"$"+strconv.Itoa(len(args)))
	}
	if f.Actor != "" {
		add("actor = ", f.Actor)
	}
	if !f.Since.IsZero() {
		add("at >= ", f.Since.UTC().Truncate(time.Microsecond))
	}
	if f.Incident != "" {
		add("incident = ", f.Incident)
	}
	if f.Action != "" {
		add("action = ", f.Action)
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), args
}

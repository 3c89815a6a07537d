package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/keeper"
)

var _ keeper.Store = (*Store)(nil)

// Sight keeps that something happened to a message in the channel of an incident that
// is held; anywhere else it does nothing. An event is kept once.
func (s *Store) Sight(ctx context.Context, seen incidents.Sighting) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	_, err := s.pool.Exec(ctx, `
		INSERT INTO incident_sightings (event, incident, channel, ts, kind, at)
		SELECT $1, i.id, i.channel, $3, $4, coalesce($5, $6, clock_timestamp()) FROM incidents i
		WHERE i.held AND i.channel <> '' AND i.channel = $2
		ON CONFLICT DO NOTHING`, seen.Event, seen.Channel, seen.TS, seen.Kind, moment(seen.At), s.now())
	if err != nil {
		return fmt.Errorf("keep that %s happened in %s: %w", seen.Kind, seen.Channel, err)
	}
	return nil
}

// nextSightings takes the oldest sighting of each message; while it is held, the
// younger ones wait behind it.
const nextSightings = `
WITH oldest AS (
	SELECT s.id FROM incident_sightings s
	WHERE s.lease <= coalesce($1, clock_timestamp())
	  AND NOT EXISTS (SELECT FROM incident_sightings o WHERE o.channel = s.channel AND o.ts = s.ts AND o.id < s.id)
	ORDER BY s.id LIMIT $4 FOR UPDATE OF s SKIP LOCKED
)
UPDATE incident_sightings s SET holder = $2, lease = coalesce($1, clock_timestamp()) + $3::interval
FROM oldest WHERE s.id = oldest.id
RETURNING s.incident, s.channel, s.ts, (SELECT max(y.id) FROM incident_sightings y WHERE y.channel = s.channel AND y.ts = s.ts)`

// NextSightings gives messages at which something happened, one line for each message,
// to be looked at by this holder alone until ttl is over.
func (s *Store) NextSightings(ctx context.Context, holder string, ttl time.Duration, limit int) ([]keeper.Sighted, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, nextSightings, s.now(), holder, ttl, limit)
	if err != nil {
		return nil, fmt.Errorf("next sightings: %w", err)
	}
	next, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n keeper.Sighted, err error) {
		err = row.Scan(&n.Incident, &n.Channel, &n.TS, &n.Upto)
		return n, err
	})
	if err != nil {
		return nil, fmt.Errorf("next sightings: %w", err)
	}
	return next, nil
}

// Unsight forgets what a look at a message has seen. What happened to it since that
// look was begun is kept.
func (s *Store) Unsight(ctx context.Context, seen keeper.Sighted) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	_, err := s.pool.Exec(ctx, `DELETE FROM incident_sightings WHERE channel = $1 AND ts = $2 AND id <= $3`, seen.Channel, seen.TS, seen.Upto)
	if err != nil {
		return fmt.Errorf("forget what was seen in %s: %w", seen.Channel, err)
	}
	return nil
}

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/incidents"
)

// LeaseIncident gives the sole right to talk to Slack about the channel of an incident
// for ttl, unless another holder has it. Who has it may prolong it.
func (s *Store) LeaseIncident(ctx context.Context, id int64, holder string, ttl time.Duration) (bool, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	tag, err := s.pool.Exec(ctx, `UPDATE incidents SET holder = $2, lease = coalesce($4, clock_timestamp()) + $3::interval
		WHERE id = $1 AND (holder = $2 OR lease <= coalesce($4, clock_timestamp()))`, id, holder, ttl, s.now())
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", incidents.Ref(id), err)
	}
	return tag.RowsAffected() == 1, nil
}

// FreeIncident gives it back. One that was lost is given back already.
func (s *Store) FreeIncident(ctx context.Context, id int64, holder string) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	_, err := s.pool.Exec(ctx, `UPDATE incidents SET holder = '', lease = '-infinity' WHERE id = $1 AND holder = $2`, id, holder)
	if err != nil {
		return fmt.Errorf("free %s: %w", incidents.Ref(id), err)
	}
	return nil
}

// TakeName gives a channel name to an incident for ever. false: another one has it.
func (s *Store) TakeName(ctx context.Context, name string, incident int64) (bool, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var owner int64
	var batch pgx.Batch
	batch.Queue(`INSERT INTO incident_names (name, incident, at) VALUES ($1, $2, coalesce($3, clock_timestamp())) ON CONFLICT DO NOTHING`, name, incident, s.now())
	batch.Queue(`SELECT incident FROM incident_names WHERE name = $1`, name).QueryRow(func(row pgx.Row) error { return row.Scan(&owner) })
	if err := s.pool.SendBatch(ctx, &batch).Close(); err != nil {
		return false, fmt.Errorf("take the name %q: %w", name, err)
	}
	return owner == incident, nil
}

// RoomOf gives the incident that has or had a channel, the one that holds it before
// others; 0: none.
func (s *Store) RoomOf(ctx context.Context, channel string) (int64, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var id int64
	err := s.pool.QueryRow(ctx, `SELECT coalesce((
		SELECT id FROM incidents WHERE channel <> '' AND channel = $1 ORDER BY held DESC, id DESC LIMIT 1), 0)`, channel).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("whose channel is %s: %w", channel, err)
	}
	return id, nil
}

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
)

// Incident implements commands.Archive.
func (s *Store) Incident(ctx context.Context, id int64) (incidents.Incident, error) {
	return s.incident(ctx, incidents.Ref(id), `id = $1`, id)
}

// IncidentIn implements commands.Archive.
func (s *Store) IncidentIn(ctx context.Context, channel string) (incidents.Incident, error) {
	return s.incident(ctx, "the incident in "+channel, `held AND channel <> '' AND channel = $1`, channel)
}

// IncidentOf implements commands.Archive.
func (s *Store) IncidentOf(ctx context.Context, key string) (incidents.Incident, error) {
	return s.incident(ctx, fmt.Sprintf("the incident about %.40q", key), `held AND key = $1`, key)
}

func (s *Store) incident(ctx context.Context, what, where string, value any) (incidents.Incident, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	found, err := readIncidents(ctx, s.pool, `WHERE `+where, value)
	if err == nil && len(found) == 0 {
		err = incidents.ErrNotFound
	}
	if err != nil {
		return incidents.Incident{}, fmt.Errorf("read %s: %w", what, err)
	}
	return found[0], nil
}

// readIncidents reads those that a clause selects.
func readIncidents(ctx context.Context, q querier, clause string, args ...any) ([]incidents.Incident, error) {
	rows, err := q.Query(ctx, `SELECT state, version FROM incidents `+clause, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (i incidents.Incident, err error) {
		var state []byte
		var version int64
		if err := row.Scan(&state, &version); err != nil {
			return i, err
		}
		err = json.Unmarshal(state, &i)
		i.Version = version
		return i, err
	})
}

// HeldIncidents are those that are not over or in their soak, the oldest first.
func (s *Store) HeldIncidents(ctx context.Context) ([]incidents.Incident, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	held, err := readIncidents(ctx, s.pool, `WHERE held ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("held incidents: %w", err)
	}
	return held, nil
}

// LeavingIncidents implements keeper.Store.
func (s *Store) LeavingIncidents(ctx context.Context, within time.Duration) ([]incidents.Incident, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	leaving, err := readIncidents(ctx, s.pool, `WHERE NOT held AND id IN (
		SELECT id FROM incidents WHERE updated > coalesce($1, clock_timestamp()) - $2::interval
		UNION SELECT incident FROM notice_deliveries WHERE state = 'waiting'
		UNION SELECT incident FROM notice_deliveries WHERE state = 'handed'
		UNION SELECT incident FROM notice_deliveries WHERE at > coalesce($1, clock_timestamp()) - $2::interval) ORDER BY id`, s.now(), within)
	if err != nil {
		return nil, fmt.Errorf("leaving incidents: %w", err)
	}
	return leaving, nil
}

// over are the statuses of incidents that nobody works on.
var over = []incidents.Status{incidents.Resolved, incidents.Declined, incidents.Merged}

// Incidents implements commands.Archive.
func (s *Store) Incidents(ctx context.Context, all bool, limit int) ([]incidents.Opened, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var list []incidents.Opened
	err := s.asOfOneMoment(ctx, func(tx pgx.Tx) error {
		found, err := readIncidents(ctx, tx, `WHERE $1 OR NOT status = ANY ($2) ORDER BY id DESC LIMIT $3`, all, over, limit)
		if err != nil {
			return err
		}
		for _, i := range found {
			runs, fixed, err := runsOf(ctx, tx, i)
			if err != nil {
				return err
			}
			list = append(list, incidents.Opened{Incident: i, Checks: measured(runs, fixed)})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list incidents: %w", err)
	}
	return list, nil
}

// asOfOneMoment reads in one transaction that sees the store as it was when it began.
func (s *Store) asOfOneMoment(ctx context.Context, read func(tx pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, read)
}

// runsOf are the runs of an incident with their findings: those that belong to it, the
// one under whose result it was declared, and those of what was merged into it. fixed
// is when the plans ended that runs of it carried out, by the run.
func runsOf(ctx context.Context, q querier, i incidents.Incident) (runs []check.Run, fixed map[int64]time.Time, err error) {
	runs, err = readRuns(ctx, q, `WHERE r.incident > 0 AND r.incident = $1 OR r.id = $2 OR r.id = ANY ($3) ORDER BY r.id`, i.ID, i.Run, i.Also)
	if err != nil {
		return nil, nil, err
	}
	rows, err := q.Query(ctx, `SELECT run, finished FROM plans
		WHERE (incident > 0 AND incident = $1 OR run = ANY ($2)) AND run > 0 AND finished IS NOT NULL`, i.ID, i.Also)
	if err != nil {
		return nil, nil, err
	}
	fixed = map[int64]time.Time{}
	var run int64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&run, &at}, func() error {
		fixed[run] = at.UTC()
		return nil
	})
	return runs, fixed, err
}

// LatestRuns implements commands.Archive.
func (s *Store) LatestRuns(ctx context.Context, limit int) ([]check.Run, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	runs, err := readRuns(ctx, s.pool, `ORDER BY r.id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("latest runs: %w", err)
	}
	return runs, nil
}

package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/incidents"
)

// inOrderOfLocks: new ones first, by the key that two groups may both want, then those
// that move, by id.
func inOrderOfLocks(a, b incidents.Change) int {
	x, y := a.Incident, b.Incident
	if (x.Version == 0) != (y.Version == 0) {
		return cmp.Compare(min(x.Version, 1), min(y.Version, 1))
	}
	if x.Version == 0 {
		return cmp.Compare(x.Key, y.Key)
	}
	return cmp.Compare(x.ID, y.ID)
}

// openIncident does nothing if another one holds the key or the channel; if that is
// being decided by another transaction, it waits for it.
const openIncident = `
INSERT INTO incidents (id, version, key, channel, held, status, run, state, opened, updated)
VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, $8, coalesce($9, clock_timestamp()), coalesce($9, clock_timestamp()))
ON CONFLICT DO NOTHING`

// moveIncident is the compare-and-set of every change.
const moveIncident = `
UPDATE incidents SET version = $2 + 1, key = $3, channel = $4, held = $5, status = $6, run = $7, state = $8,
	updated = coalesce($9, clock_timestamp())
WHERE id = $1 AND version = $2`

// queueIncident writes an incident over the version that it was made from; if that is
// not what stands there, the batch fails with incidents.ErrMoved and nothing of it is
// done. Whoever is second waits for the first one's transaction.
func queueIncident(batch *pgx.Batch, i incidents.Incident, now *time.Time) error {
	if i.ID <= 0 || i.Key == "" {
		return fmt.Errorf("incident %d with key %q: it needs both", i.ID, i.Key)
	}
	state, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("encode %s: %w", i.Ref(), err)
	}
	write := moveIncident
	if i.Version == 0 {
		write = openIncident
	}
	batch.Queue(write, i.ID, i.Version, i.Key, i.Room.Channel, i.Held(), i.Status, i.Run, state, now).
		Exec(onlyIfWritten(i.Ref()))
	if i.Version == 0 {
		queueTakeover(batch, i)
	}
	return nil
}

// onlyIfWritten fails the batch with incidents.ErrMoved if nothing was written.
func onlyIfWritten(what string) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 {
			return fmt.Errorf("%s: %w", what, incidents.ErrMoved)
		}
		return nil
	}
}

// uniqueViolation is an SQLSTATE code, PostgreSQL manual, appendix A.
const uniqueViolation = "23505"

// asMoved: an incident that would take the key or the channel of another one that is
// held was decided upon before that one was seen.
func asMoved(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == uniqueViolation &&
		(pg.ConstraintName == "incidents_held_key" || pg.ConstraintName == "incidents_held_channel") {
		return fmt.Errorf("%w: %w", incidents.ErrMoved, err)
	}
	return err
}

// queueEntry adds a revision to the timeline. One that is there stays as it is.
func queueEntry(batch *pgx.Batch, e incidents.Entry, now *time.Time) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode entry %s: %w", e.Key, err)
	}
	batch.Queue(`INSERT INTO incident_entries (incident, key, revision, at, noted, body)
		VALUES ($1, $2, $3, $4, coalesce($5, $6, clock_timestamp()), $7) ON CONFLICT DO NOTHING`,
		e.Incident, e.Key, e.Revision, e.At, moment(e.Noted), now, body)
	return nil
}

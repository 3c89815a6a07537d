package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/incidents"
)

// queueNotice writes a notice that is to be sent, with one delivery for each
// destination; who is not told stands in its letters. If what is under its seal was
// sent before, the batch fails with incidents.ErrMoved.
func queueNotice(batch *pgx.Batch, n incidents.Notice, now *time.Time) error {
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode notice %d: %w", n.ID, err)
	}
	batch.Queue(`INSERT INTO notices (id, incident, seal, body, at) VALUES ($1, $2, $3, $4, coalesce($5, clock_timestamp()))
		ON CONFLICT DO NOTHING`, n.ID, n.Incident, n.Seal(), body, now).Exec(onlyIfWritten(n.Ref()))
	for _, d := range n.Outgoing() {
		batch.Queue(`INSERT INTO notice_deliveries (notice, n, incident, audience, kind, dest, via, state, reason, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, clock_timestamp()))`,
			d.Notice, d.N, d.Incident, d.Audience, d.To.Kind, d.To.To, d.To.Via, d.State, d.Reason, now)
	}
	return nil
}

// queueAgain has a delivery sent once more, if it still is as it was. Whoever tried
// before can no longer say what became of that try, and a post that was given up gives
// way to a new one.
func queueAgain(batch *pgx.Batch, a incidents.Again, now *time.Time) {
	batch.Queue(`UPDATE notice_deliveries SET state = 'waiting', attempts = 0, reason = '', claim = claim + 1, begun = false,
			lease = '-infinity', not_before = '-infinity', at = coalesce($4, clock_timestamp())
		WHERE notice = $1 AND n = $2 AND state = $3 AND state IN ('refused', 'unclear')`, a.Notice, a.N, a.State, now).
		Exec(onlyIfWritten(incidents.DeliveryRef(a.Notice, a.N)))
	batch.Queue(`DELETE FROM posts WHERE key = $1 AND state = 'failed' AND sent_version = 0`, incidents.LetterKey(a.Notice, a.N))
}

// queueDiscard throws a draft away.
func queueDiscard(batch *pgx.Batch, seal string) {
	batch.Queue(`DELETE FROM incident_drafts WHERE seal = $1`, seal).Exec(onlyIfWritten("draft"))
}

const keepDraft = `INSERT INTO incident_drafts (seal, body, made) VALUES ($1, $2, coalesce($3, clock_timestamp()))
	ON CONFLICT (seal) DO UPDATE SET body = excluded.body, made = excluded.made`

func queueDraft(batch *pgx.Batch, d incidents.Sealed, now *time.Time) error {
	body, err := json.Marshal(d.Notice)
	if err != nil {
		return fmt.Errorf("encode draft %s: %w", d.Seal, err)
	}
	batch.Queue(keepDraft, d.Seal, body, now)
	return nil
}

// KeepDraft implements commands.Archive. A draft is kept for a day.
func (s *Store) KeepDraft(ctx context.Context, d incidents.Sealed) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var batch pgx.Batch
	err := queueDraft(&batch, d, s.now())
	if err == nil {
		err = s.pool.SendBatch(ctx, &batch).Close()
	}
	if err != nil {
		return fmt.Errorf("keep draft: %w", err)
	}
	return nil
}

// Draft implements commands.Archive. One that was sent is the notice, with its ID.
func (s *Store) Draft(ctx context.Context, seal string) (incidents.Sealed, error) {
	d := incidents.Sealed{Seal: seal}
	var body []byte
	err := s.pool.QueryRow(ctx, `
		SELECT body FROM (
			SELECT body, 1 AS first FROM notices WHERE seal = $1 UNION ALL SELECT body, 2 FROM incident_drafts WHERE seal = $1
		) known ORDER BY first LIMIT 1`, seal).Scan(&body)
	if err = unlessNone(err, incidents.ErrNotFound); err == nil {
		err = json.Unmarshal(body, &d.Notice)
	}
	if err != nil {
		return incidents.Sealed{}, fmt.Errorf("draft %.16q: %w", seal, err)
	}
	return d, nil
}

// IncidentOfNotice is the incident that a notice is about, over or not.
// incidents.ErrNotFound: there is no such notice.
func (s *Store) IncidentOfNotice(ctx context.Context, notice int64) (int64, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var id int64
	err := s.pool.QueryRow(ctx, `SELECT incident FROM notices WHERE id = $1`, notice).Scan(&id)
	if err = unlessNone(err, incidents.ErrNotFound); err != nil {
		return 0, fmt.Errorf("whose notice is %s: %w", incidents.NoticeRef(notice), err)
	}
	return id, nil
}

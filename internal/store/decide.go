package store

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/fix"
)

// movePlan is the compare-and-set of a decision.
const movePlan = `
UPDATE plans SET state = $3, decided_by = $4, decided_at = coalesce($10, clock_timestamp()), reason = $5,
	run = CASE WHEN $6::bigint > 0 THEN $6 ELSE run END,
	finished = CASE WHEN $3 IN ('cancelled', 'refused', 'expired', 'failed') THEN coalesce($10, clock_timestamp()) END
WHERE id = $1 AND state = $2 AND hash = $7 AND digest = $8 AND (NOT $9 OR expires > coalesce($10, clock_timestamp()))`

// queueDecision moves a plan on if it still is as it was decided upon; if not,
// the batch fails with fix.ErrMoved and nothing of it is done. Whoever is second
// waits for the first one's transaction and then finds another state.
func queueDecision(batch *pgx.Batch, t fix.Transition, now *time.Time) {
	batch.Queue(movePlan, t.Plan, t.From, t.To, t.By, t.Reason, t.Run, t.Hash, t.Digest, t.InTime, now).
		Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return fmt.Errorf("plan %s from %s to %s: %w", fix.Ref(t.Plan), t.From, t.To, fix.ErrMoved)
			}
			return nil
		})
}

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// unsettledAtOnce is how many plans are looked up in one go.
const unsettledAtOnce = 100

// unsettled is the condition of a plan p that ended without it being known what it
// has sent: it still has places, or, where the changes have no places of their own,
// its outcome says so.
const unsettled = `(EXISTS (SELECT FROM sent_records s WHERE s.plan = p.id AND s.hold = 'taken')
	OR p.outcome->>'unknown' = 'true' AND jsonb_path_exists(p.forms::jsonb, '$[*] ? (@.op == "send" || @.once == true)'))`

// Unsettled are plans that ended without it being known what they have sent, the
// oldest first. Nobody works on them any more, and nobody else may have their
// places. Those that their target may have forgotten are not among them: they stay
// as they are.
func (s *Store) Unsettled(ctx context.Context) ([]fix.Plan, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, `
		SELECT id FROM plans p WHERE state = 'partly applied'
			AND decided_at > coalesce($1, clock_timestamp()) - $2::interval
			AND finished > coalesce($1, clock_timestamp()) - $2::interval -- by an index; it finished later than that
			AND `+unsettled+` ORDER BY id LIMIT $3`, s.now(), fix.Remembered, unsettledAtOnce)
	if err != nil {
		return nil, fmt.Errorf("unsettled plans: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("unsettled plans: %w", err)
	}
	var plans []fix.Plan
	for _, id := range ids {
		p, _, err := s.Plan(ctx, id)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// SettlePlan ends a plan for which it was found out what it has sent: the ledger, its
// state, outcome and reason, posts and events, in one transaction. It tells
// whether it did: somebody else may have been first.
func (s *Store) SettlePlan(ctx context.Context, p fix.Plan, made []fix.Claim, posts []message.Post, events []audit.Event) (bool, error) {
	outcome, err := json.Marshal(p.Outcome)
	if err != nil {
		return false, fmt.Errorf("encode outcome: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, contentWithin, errNoAnswer)
	defer cancel()
	err = s.inOwnTransaction(ctx, func(tx pgx.Tx) ([]audit.Event, error) {
		tag, err := tx.Exec(ctx, `UPDATE plans p SET state = $2, outcome = $3, reason = $4 WHERE id = $1 AND state = 'partly applied' AND `+unsettled, p.ID, p.State, outcome, p.Reason)
		if err == nil && tag.RowsAffected() == 0 { // an answer like any other: the connection stays
			return nil, errors.Join(fix.ErrMoved, tx.Rollback(ctx))
		}
		if err != nil {
			return nil, err
		}
		if err := s.markSent(ctx, tx, p.ID, made); err != nil {
			return nil, err
		}
		var batch pgx.Batch
		batch.Queue(freePlaces, p.ID)
		if err := queuePosts(&batch, posts, s.now()); err != nil {
			return nil, err
		}
		return eventsOf(p.Incident, events), tx.SendBatch(ctx, &batch).Close()
	})
	switch {
	case errors.Is(err, fix.ErrMoved):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("settle plan %d: %w", p.ID, err)
	}
	s.signal()
	return true, nil
}

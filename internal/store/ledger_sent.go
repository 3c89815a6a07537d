package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/fix"
)

// What was sent is no longer only taken: whole rows first, then what is left of
// others.
const (
	dropSent = `
DELETE FROM sent_records t USING sent_records s
WHERE t.plan = $1 AND t.hold = 'taken' AND s.plan = $1 AND s.hold = 'sent' AND (s.source, s.of, s.part) = (t.source, t.of, t.part) AND t.spans <@ s.spans`
	lessSent = `
UPDATE sent_records t SET spans = t.spans - s.spans FROM sent_records s
WHERE t.plan = $1 AND t.hold = 'taken' AND s.plan = $1 AND s.hold = 'sent' AND (s.source, s.of, s.part) = (t.source, t.of, t.part) AND t.spans && s.spans`
	freePlaces = `DELETE FROM sent_records WHERE plan = $1 AND hold = 'taken'`
)

// markSent notes what of a plan's places was sent.
func (s *Store) markSent(ctx context.Context, tx pgx.Tx, plan int64, made []fix.Claim) error {
	if err := s.put(ctx, tx, plan, fix.Sent, made); err != nil {
		return err
	}
	for _, sql := range []string{dropSent, lessSent} {
		if _, err := tx.Exec(ctx, sql, plan); err != nil {
			return fmt.Errorf("note what was sent: %w", err)
		}
	}
	return nil
}

// NoteSent notes what a plan has sent, under the claim of the run that applies it.
// What was noted before stays. Its other places stay taken until its last state is
// written: a process that takes over could still send them. check.ErrFenced: the
// claim was lost.
func (s *Store) NoteSent(ctx context.Context, run, epoch int64, plan int64, made []fix.Claim) error {
	ctx, cancel := context.WithTimeoutCause(ctx, contentWithin, errNoAnswer)
	defer cancel()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := fence(ctx, tx, run, epoch); err != nil {
			return err
		}
		return s.markSent(ctx, tx, plan, made)
	})
	if err != nil {
		return fmt.Errorf("note what plan %d has sent: %w", plan, err)
	}
	return nil
}

// sentBeyond counts the places of a plan that were sent, without those that are given.
const sentBeyond = `
WITH given AS (
	SELECT p.source, p.of, p.part, range_agg(int8range(s.lo, s.hi)) AS spans
	FROM unnest($2::integer[], $3::bigint[], $4::bigint[]) AS s(n, lo, hi)
	JOIN unnest($5::text[], $6::text[], $7::integer[]) WITH ORDINALITY AS p(source, of, part, n) ON p.n = s.n
	GROUP BY p.source, p.of, p.part
)
SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint
FROM sent_records s LEFT JOIN given g ON (g.source, g.of, g.part) = (s.source, s.of, s.part),
	unnest(s.spans - coalesce(g.spans, '{}')) AS r
WHERE s.plan = $1 AND s.hold = 'sent'`

// SentBeyond is how many places the ledger knows a plan to have sent that are not
// among those. A target that says that it made only those has forgotten the others.
func (s *Store) SentBeyond(ctx context.Context, plan int64, made []fix.Claim) (places int64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, contentWithin, errNoAnswer)
	defer cancel()
	f := flatten(made)
	if err := s.pool.QueryRow(ctx, sentBeyond, plan, f.numbers, f.from, f.to, f.sources, f.ofs, f.parts).Scan(&places); err != nil {
		return 0, fmt.Errorf("what plan %d has sent: %w", plan, err)
	}
	return places, nil
}

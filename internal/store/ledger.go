package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/fix"
)

// ledgerLock is the advisory lock under which plans take places, one after
// another: whoever waits for it sees what those before have taken.
const ledgerLock = `SELECT pg_advisory_xact_lock(hashtextextended('integritybot: places of plans', 0))`

// alone makes a transaction that takes places the only one that does. It has to
// come first: whatever the role's default is, each statement after it must see what
// was committed until then.
func alone(ctx context.Context, tx pgx.Tx, claims []fix.Claim) error {
	if len(claims) == 0 {
		return nil
	}
	for _, sql := range []string{`SET TRANSACTION ISOLATION LEVEL READ COMMITTED`, ledgerLock} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("lock the ledger: %w", err)
		}
	}
	return nil
}

// putPlaces keeps claims, with the spans of each part put together.
const putPlaces = `
INSERT INTO sent_records AS c (plan, source, of, part, hold, spans, at)
SELECT $1, p.source, p.of, p.part, $2, range_agg(int8range(s.lo, s.hi)), coalesce($9, clock_timestamp())
FROM unnest($3::integer[], $4::bigint[], $5::bigint[]) AS s(n, lo, hi)
JOIN unnest($6::text[], $7::text[], $8::integer[]) WITH ORDINALITY AS p(source, of, part, n) ON p.n = s.n
GROUP BY p.source, p.of, p.part
ON CONFLICT (plan, source, of, part, hold) DO UPDATE SET spans = c.spans + excluded.spans`

// clashes are the plans that have places of this one.
const clashes = `
SELECT o.plan, sum(upper(r) - lower(r))::bigint
FROM sent_records m JOIN sent_records o ON (o.source, o.of, o.part) = (m.source, m.of, m.part) AND o.plan <> m.plan AND o.spans && m.spans,
	unnest(o.spans * m.spans) AS r
WHERE m.plan = $1
GROUP BY o.plan ORDER BY o.plan`

// take enters the places that a plan takes. On a *fix.Clash the transaction is
// over.
func (s *Store) take(ctx context.Context, tx pgx.Tx, plan int64, claims []fix.Claim) error {
	if len(claims) == 0 {
		return nil
	}
	if err := s.put(ctx, tx, plan, fix.Taken, claims); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, clashes, plan)
	if err != nil {
		return fmt.Errorf("look for clashes: %w", err)
	}
	clash := &fix.Clash{}
	var other, places int64
	if _, err := pgx.ForEachRow(rows, []any{&other, &places}, func() error {
		clash.Plans, clash.Places = append(clash.Plans, other), clash.Places+places
		return nil
	}); err != nil {
		return fmt.Errorf("look for clashes: %w", err)
	}
	if clash.Places > 0 { // an answer like any other: the connection stays
		return errors.Join(clash, tx.Rollback(ctx))
	}
	return nil
}

func (s *Store) put(ctx context.Context, tx pgx.Tx, plan int64, hold fix.Hold, claims []fix.Claim) error {
	type key struct {
		source, of string
		part       int32
	}
	known := map[key]int32{}
	var sources, ofs []string
	var parts, numbers []int32
	var from, to []int64
	for _, c := range claims {
		k := key{c.Source, c.Of, c.Part}
		if known[k] == 0 {
			sources, ofs, parts = append(sources, c.Source), append(ofs, c.Of), append(parts, c.Part)
			known[k] = int32(len(parts)) //nolint:gosec // no plan has so many partitions
		}
		for _, one := range c.Spans {
			numbers, from, to = append(numbers, known[k]), append(from, one.From), append(to, one.To)
		}
	}
	if _, err := tx.Exec(ctx, putPlaces, plan, string(hold), numbers, from, to, sources, ofs, parts, s.now()); err != nil {
		return fmt.Errorf("enter %s places: %w", hold, err)
	}
	return nil
}

// What was sent is no longer only taken: whole rows first, then what is left of
// others.
const (
	dropSent = `
DELETE FROM sent_records t USING sent_records s
WHERE t.plan = $1 AND t.hold = 'taken' AND s.plan = $1 AND s.hold = 'sent' AND (s.source, s.of, s.part) = (t.source, t.of, t.part) AND t.spans <@ s.spans`
	lessSent = `
UPDATE sent_records t SET spans = t.spans - s.spans FROM sent_records s
WHERE t.plan = $1 AND t.hold = 'taken' AND s.plan = $1 AND s.hold = 'sent' AND (s.source, s.of, s.part) = (t.source, t.of, t.part)`
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

// NoteSent notes what a plan has sent, under the claim of the run that applies it. Its
// other places stay taken until its last state is written: a process that takes
// over could still send them. check.ErrFenced: the claim was lost.
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

// Held is what plans have taken or sent of one source, in the order of the plans.
// of tells it apart from an earlier one of the same name.
func (s *Store) Held(ctx context.Context, source, of string) ([]fix.Held, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, contentWithin, errNoAnswer)
	defer cancel()
	rows, err := s.pool.Query(ctx, `
		SELECT plan, hold, part, ARRAY(SELECT lower(r) FROM unnest(spans) r ORDER BY 1), ARRAY(SELECT upper(r) FROM unnest(spans) r ORDER BY 1)
		FROM sent_records WHERE source = $1 AND of = $2 ORDER BY plan, part, hold`, source, of)
	if err != nil {
		return nil, fmt.Errorf("places of %s: %w", source, err)
	}
	held, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h fix.Held, err error) {
		var from, to []int64
		if err := row.Scan(&h.Plan, &h.Hold, &h.Part, &from, &to); err != nil {
			return h, err
		}
		h.Spans = make([]fix.Span, len(from))
		for i := range from {
			h.Spans[i] = fix.Span{From: from[i], To: to[i]}
		}
		return h, nil
	})
	if err != nil {
		return nil, fmt.Errorf("places of %s: %w", source, err)
	}
	return held, nil
}

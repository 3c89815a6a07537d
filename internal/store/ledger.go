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

// manySpans is from how many spans on a plan is large.
const manySpans = 10_000

// put enters places under a hold.
func (s *Store) put(ctx context.Context, tx pgx.Tx, plan int64, hold fix.Hold, claims []fix.Claim) error {
	f := flatten(claims)
	if len(f.numbers) > manySpans { // it takes this process long to put them on the wire, and the transaction is idle meanwhile
		if _, err := tx.Exec(ctx, `SET LOCAL idle_in_transaction_session_timeout = '30s'`); err != nil {
			return fmt.Errorf("enter %s places: %w", hold, err)
		}
	}
	if _, err := tx.Exec(ctx, putPlaces, plan, string(hold), f.numbers, f.from, f.to, f.sources, f.ofs, f.parts, s.now()); err != nil {
		return fmt.Errorf("enter %s places: %w", hold, err)
	}
	return nil
}

// flat is claims as the arrays of a statement: the parts, and the spans, each with
// the number of its part, from 1.
type flat struct {
	sources, ofs []string
	parts        []int32

	numbers  []int32
	from, to []int64
}

func flatten(claims []fix.Claim) (f flat) {
	type key struct {
		source, of string
		part       int32
	}
	known := map[key]int32{}
	for _, c := range claims {
		k := key{c.Source, c.Of, c.Part}
		if known[k] == 0 {
			f.sources, f.ofs, f.parts = append(f.sources, c.Source), append(f.ofs, c.Of), append(f.parts, c.Part)
			known[k] = int32(len(f.parts)) //nolint:gosec // no plan has so many partitions
		}
		for _, one := range c.Spans {
			f.numbers, f.from, f.to = append(f.numbers, known[k]), append(f.from, one.From), append(f.to, one.To)
		}
	}
	return f
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

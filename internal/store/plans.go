package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/fix"
)

// Plan implements commands.Archive. The time is that of the database, which all
// replicas share, when it was read: by it a plan expires.
func (s *Store) Plan(ctx context.Context, id int64) (fix.Plan, time.Time, error) {
	p, now, err := readPlan(ctx, s.pool, id, s.now())
	if errors.Is(err, pgx.ErrNoRows) {
		return fix.Plan{}, now, fmt.Errorf("plan %d: %w", id, commands.ErrNotFound)
	}
	if err != nil {
		return fix.Plan{}, now, fmt.Errorf("read plan %d: %w", id, err)
	}
	return p, now, nil
}

// planColumns are what scanPlan reads of plans; $1 is the time of tests.
const planColumns = `coalesce($1, clock_timestamp()), asked, state, draft, hash, digest, batches, expires, second, why, decided_by, decided_at,
	reason, outcome, run, undone_by, finished, incident`

func readPlan(ctx context.Context, q querier, id int64, at *time.Time) (fix.Plan, time.Time, error) {
	return scanPlan(q.QueryRow(ctx, `SELECT `+planColumns+` FROM plans WHERE id = $2`, at, id))
}

// readPlans reads those that a clause selects, whose first argument is $2.
func readPlans(ctx context.Context, q querier, at *time.Time, clause string, args ...any) ([]fix.Plan, error) {
	rows, err := q.Query(ctx, `SELECT `+planColumns+` FROM plans `+clause, append([]any{at}, args...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (fix.Plan, error) {
		p, _, err := scanPlan(row)
		return p, err
	})
}

func scanPlan(row pgx.Row) (p fix.Plan, now time.Time, err error) {
	var asked, draft, outcome []byte
	var expires, decided, finished *time.Time
	var incident int64
	err = row.Scan(&now, &asked, &p.State, &draft, &p.Hash, &p.Digest, &p.Batches, &expires, &p.Second, &p.Why,
		&p.DecidedBy, &decided, &p.Reason, &outcome, &p.Run, &p.UndoneBy, &finished, &incident)
	if err != nil {
		return fix.Plan{}, now, err
	}
	for _, part := range []struct {
		raw  []byte
		into any
	}{{asked, &p.Order}, {draft, &p.Draft}, {outcome, &p.Outcome}} {
		if part.raw == nil {
			continue
		}
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return fix.Plan{}, now, fmt.Errorf("decode plan: %w", err)
		}
	}
	p.Incident, p.Expires, p.DecidedAt, p.Finished = incident, utc(expires), utc(decided), utc(finished)
	return p, now.UTC(), nil
}

// WaitingPlans implements commands.Archive. Those whose time is over are not among
// them, even if nobody has said so yet.
func (s *Store) WaitingPlans(ctx context.Context, limit int) ([]fix.Plan, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	plans, err := readPlans(ctx, s.pool, s.now(), `WHERE state = 'waiting' AND expires > coalesce($1, clock_timestamp()) ORDER BY id LIMIT $2`, limit)
	if err != nil {
		return nil, fmt.Errorf("waiting plans: %w", err)
	}
	return plans, nil
}

// PlanForms is what the changes of a plan have in common. It is kept as long as
// the plan, because the way back needs it.
func (s *Store) PlanForms(ctx context.Context, id int64) ([]fix.Form, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	forms, _, err := s.planForms(ctx, id)
	return forms, err
}

func (s *Store) planForms(ctx context.Context, id int64) (forms []fix.Form, batches int, err error) {
	var raw []byte
	err = s.pool.QueryRow(ctx, `SELECT forms, batches FROM plans WHERE id = $1`, id).Scan(&raw, &batches)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && raw == nil {
		return nil, 0, fmt.Errorf("content of plan %d: %w", id, commands.ErrNotFound)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("content of plan %d: %w", id, err)
	}
	if err := json.Unmarshal(raw, &forms); err != nil {
		return nil, 0, fmt.Errorf("decode content of plan %d: %w", id, err)
	}
	return forms, batches, nil
}

// contentWithin bounds reading or writing all of what a plan changes.
const contentWithin = 20 * time.Second

// PlanContent is exactly what a plan changes, and how it was cut into
// transactions when it was worked out: the target knows them by their numbers.
// commands.ErrNotFound: it was never worked out, or its time is over.
func (s *Store) PlanContent(ctx context.Context, id int64) (fix.Content, []fix.Batch, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, contentWithin, errNoAnswer)
	defer cancel()
	forms, count, err := s.planForms(ctx, id)
	if err != nil {
		return fix.Content{}, nil, err
	}
	rows, err := s.pool.Query(ctx, `SELECT body FROM plan_batches WHERE plan = $1 ORDER BY n`, id)
	if err != nil {
		return fix.Content{}, nil, fmt.Errorf("content of plan %d: %w", id, err)
	}
	bodies, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return fix.Content{}, nil, fmt.Errorf("content of plan %d: %w", id, err)
	}
	if len(bodies) != count {
		return fix.Content{}, nil, fmt.Errorf("content of plan %d: %w", id, commands.ErrNotFound)
	}
	content := fix.Content{Forms: forms}
	batches := make([]fix.Batch, count)
	for n, body := range bodies {
		batches[n].N = n
		if err := json.Unmarshal(body, &batches[n].Changes); err != nil {
			return fix.Content{}, nil, fmt.Errorf("decode content of plan %d: %w", id, err)
		}
		content.Changes = append(content.Changes, batches[n].Changes...)
	}
	return content, batches, nil
}

// Clock is the time by which plans expire.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var now time.Time
	if err := s.pool.QueryRow(ctx, `SELECT coalesce($1, clock_timestamp())`, s.now()).Scan(&now); err != nil {
		return time.Time{}, fmt.Errorf("clock of the store: %w", err)
	}
	return now.UTC(), nil
}

package store

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
)

// PlanStep is a plan as it stands from now on.
type PlanStep struct {
	From fix.State // as it stood until now; if it stands elsewhere, nothing is written
	Plan fix.Plan
	// Worked: the plan was worked out; its draft's content and listing are kept.
	Worked bool
}

// BeginApply moves a plan from approved to applying under the claim of the run
// that applies it, with the places that it takes for itself and the events that
// say so before anything is changed. check.ErrFenced: the claim was lost, or the
// plan stands elsewhere. A *fix.Clash: others have some of the places, so it has
// none and nothing is written.
func (s *Store) BeginApply(ctx context.Context, run, epoch int64, plan int64, claims []fix.Claim, events []audit.Event) error {
	within := s.opts.WriteTimeout
	if len(claims) > 0 {
		within = contentWithin
	}
	ctx, cancel := context.WithTimeoutCause(ctx, within, errNoAnswer)
	defer cancel()
	err := s.inOwnTransaction(ctx, func(tx pgx.Tx) ([]audit.Event, error) {
		if err := alone(ctx, tx, claims); err != nil {
			return nil, err
		}
		if err := fence(ctx, tx, run, epoch); err != nil {
			return nil, err
		}
		var incident int64
		err := tx.QueryRow(ctx, `UPDATE plans SET state = 'applying' WHERE id = $1 AND state = 'approved' AND run = $2 RETURNING incident`, plan, run).Scan(&incident)
		if err != nil {
			return nil, unlessNone(err, check.ErrFenced)
		}
		return eventsOf(incident, events), s.take(ctx, tx, plan, claims)
	})
	if err != nil {
		return fmt.Errorf("begin to apply plan %d: %w", plan, err)
	}
	return nil
}

// ConcludePlan ends a run that worked a plan out or applied it: the run's state
// and findings, the plan's next state with its content, posts and audit events,
// in one transaction. A plan that takes another one back, and was applied wholly,
// makes that one undone. Places that an applied plan has taken and not sent are
// free again, unless it is not known what became of it. check.ErrFenced: the claim
// was lost, or the plan stands elsewhere, and nothing is written.
func (s *Store) ConcludePlan(ctx context.Context, epoch int64, run check.Run, step PlanStep, posts []message.Post, events []audit.Event) error {
	within := s.opts.WriteTimeout
	if step.Worked {
		within = contentWithin
	}
	ctx, cancel := context.WithTimeoutCause(ctx, within, errNoAnswer)
	defer cancel()
	err := s.inOwnTransaction(ctx, func(tx pgx.Tx) ([]audit.Event, error) {
		incident, err := s.endRun(ctx, tx, epoch, run)
		if err != nil {
			return nil, err
		}
		var batch pgx.Batch
		if err := s.queueStep(&batch, step); err != nil {
			return nil, err
		}
		if err := queueFindings(&batch, run); err != nil {
			return nil, err
		}
		if err := queuePosts(&batch, posts, s.now()); err != nil {
			return nil, err
		}
		return eventsOf(incident, events), tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return fmt.Errorf("conclude plan %d: %w", step.Plan.ID, err)
	}
	s.signal()
	return nil
}

// inOwnTransaction does something, appends the events of it and commits.
func (s *Store) inOwnTransaction(ctx context.Context, do func(tx pgx.Tx) ([]audit.Event, error)) error {
	conn, tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // a connection with an open transaction is closed by it
	events, err := do(tx)
	if err != nil {
		return err
	}
	return s.finish(ctx, tx, events)
}

func (s *Store) queueStep(batch *pgx.Batch, step PlanStep) error {
	p := step.Plan
	draft, err := json.Marshal(p.Draft)
	if err != nil {
		return fmt.Errorf("encode draft: %w", err)
	}
	outcome, err := json.Marshal(p.Outcome)
	if err != nil {
		return fmt.Errorf("encode outcome: %w", err)
	}
	batch.Queue(`UPDATE plans SET state = $3, draft = $4, hash = $5, digest = $6, batches = $7, expires = $8, second = $9, why = $10,
			reason = $11, outcome = $12, finished = CASE WHEN $3 <> 'waiting' THEN coalesce($13, $14, clock_timestamp()) END,
			decided_by = $15, decided_at = $16
		WHERE id = $1 AND state = $2`, p.ID, step.From, p.State, draft, p.Hash, p.Digest, p.Batches, moment(p.Expires), p.Second, p.Why,
		p.Reason, outcome, moment(p.Finished), s.now(), p.DecidedBy, moment(p.DecidedAt)).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() == 0 {
			return check.ErrFenced
		}
		return nil
	})
	if step.From == fix.Applying && !p.Outcome.Unknown { // only now may others have what it left
		batch.Queue(freePlaces, p.ID)
	}
	if p.TakesBack() {
		batch.Queue(`UPDATE plans SET state = 'undone', undone_by = $2 WHERE id = $1 AND state IN ('applied', 'partly applied')`, p.Undoes, p.ID)
	}
	if !step.Worked {
		return nil
	}
	return queueContent(batch, p)
}

// queueContent keeps what the plan changes, and the list of it for people.
func queueContent(batch *pgx.Batch, p fix.Plan) error {
	forms, err := json.Marshal(p.Draft.Content.Forms)
	if err != nil {
		return fmt.Errorf("encode forms: %w", err)
	}
	for _, b := range p.Draft.Content.Batches() {
		body, err := json.Marshal(b.Changes)
		if err != nil {
			return fmt.Errorf("encode batch %d: %w", b.N, err)
		}
		batch.Queue(`INSERT INTO plan_batches (plan, n, body) VALUES ($1, $2, $3)`, p.ID, b.N, body)
	}
	header, rows := "", p.Draft.Listing
	if len(rows) > 0 {
		if header, err = csvLine(rows[0]); err != nil {
			return err
		}
		rows = rows[1:]
	}
	pieces, size, err := encodeRows(rows)
	if err != nil {
		return err
	}
	for i, body := range pieces {
		batch.Queue(`INSERT INTO plan_rows (plan, piece, body) VALUES ($1, $2, $3)`, p.ID, i+1, body)
	}
	batch.Queue(`UPDATE plans SET forms = $2, header = $3, pieces = $4, bytes = $5 WHERE id = $1`, p.ID, forms, []byte(header), len(pieces), size)
	return nil
}

func csvLine(fields []string) (string, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(fields); err != nil {
		return "", fmt.Errorf("encode header: %w", err)
	}
	w.Flush()
	return b.String(), w.Error()
}

// expireAtOnce is how many plans one transaction lets expire.
const expireAtOnce = 50

// ExpirePlans ends the plans that waited until their time was over, each by
// exactly one caller, together with what word gives: the message that says so and
// its event. It tells how many there were.
func (s *Store) ExpirePlans(ctx context.Context, word func(fix.Plan) ([]message.Post, audit.Event)) (int, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var ids []int64
	err := s.expire(ctx, word, &ids)
	if err != nil {
		return 0, fmt.Errorf("expire plans: %w", err)
	}
	if len(ids) > 0 {
		s.signal()
	}
	return len(ids), nil
}

func (s *Store) expire(ctx context.Context, word func(fix.Plan) ([]message.Post, audit.Event), ids *[]int64) error {
	conn, tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // a connection with an open transaction is closed by it
	rows, err := tx.Query(ctx, `
		UPDATE plans SET state = 'expired', finished = coalesce($1, clock_timestamp()) WHERE id IN (
			SELECT id FROM plans WHERE state = 'waiting' AND expires <= coalesce($1, clock_timestamp())
			ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
		RETURNING id`, s.now(), expireAtOnce)
	if err != nil {
		return err
	}
	if *ids, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil {
		return err
	}
	if len(*ids) == 0 {
		return tx.Rollback(ctx)
	}
	slices.Sort(*ids)
	var posts []message.Post
	var events []audit.Event
	for _, id := range *ids {
		p, _, err := readPlan(ctx, tx, id, s.now())
		if err != nil {
			return err
		}
		said, event := word(p)
		posts, events = append(posts, said...), append(events, eventsOf(p.Incident, []audit.Event{event})...)
	}
	var batch pgx.Batch
	if err := queuePosts(&batch, posts, s.now()); err != nil {
		return err
	}
	if batch.Len() > 0 {
		if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
	}
	return s.finish(ctx, tx, events)
}

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/keeper"
	"github.com/integritybot/integritybot/internal/message"
)

// outOfSlack are deliveries whose call may have taken effect if nobody noted what
// came of it. What goes to Slack is handed to the outbox instead, which knows.
const outOfSlack = `d.kind IN ('email', 'webhook')`

// nextLetter claims the delivery that has been due longest.
const nextLetter = `
WITH due AS (
	SELECT d.notice, d.n FROM notice_deliveries d
	WHERE d.state = 'waiting' AND d.not_before <= coalesce($1, clock_timestamp()) AND d.lease <= coalesce($1, clock_timestamp())
	  AND NOT (d.begun AND ` + outOfSlack + `) AND ($3::text[] IS NULL OR d.kind = ANY ($3))
	ORDER BY d.not_before, d.notice, d.n LIMIT 1 FOR UPDATE SKIP LOCKED
), d AS (
	UPDATE notice_deliveries d SET claim = d.claim + 1, lease = coalesce($1, clock_timestamp()) + $2::interval, begun = false
	FROM due WHERE (d.notice, d.n) = (due.notice, due.n) RETURNING d.*
)
SELECT ` + deliveryColumns + `, o.body, i.state FROM d JOIN notices o ON o.id = d.notice JOIN incidents i ON i.id = d.incident`

// NextDelivery claims a delivery that is due, of these kinds or, without any, of all;
// nil: none is. So a mail server that hangs holds back no message of Slack. One whose sender went
// silent before it had begun is due again; one whose sender went silent while it was
// sending becomes unclear, and is never sent again by itself.
func (s *Store) NextDelivery(ctx context.Context, lease time.Duration, kinds ...incidents.DestinationKind) (*keeper.Letter, error) {
	if err := s.giveUpLost(ctx); err != nil {
		return nil, fmt.Errorf("next letter: %w", err)
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var l keeper.Letter
	var notice, state []byte
	err := s.pool.QueryRow(ctx, nextLetter, s.now(), lease, kinds).Scan(append(deliveryFields(&l.Delivery), &notice, &state)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // none is due
	}
	if err == nil {
		err = fillLetter(&l, notice, state)
	}
	if err != nil {
		return nil, fmt.Errorf("next letter: %w", err)
	}
	return &l, nil
}

func fillLetter(l *keeper.Letter, notice, state []byte) error {
	var i incidents.Incident
	if err := errors.Join(json.Unmarshal(notice, &l.Notice), json.Unmarshal(state, &i)); err != nil {
		return fmt.Errorf("decode %s: %w", incidents.NoticeRef(l.Delivery.Notice), err)
	}
	n := slices.IndexFunc(l.Notice.Letters, func(one incidents.Letter) bool { return one.Audience == l.Audience })
	if n < 0 {
		return fmt.Errorf("%s has no letter for %q", l.Notice.Ref(), l.Audience)
	}
	l.At, l.Letter = l.At.UTC(), l.Notice.Letters[n]
	l.Channel, l.Severity, l.Status, l.Ref, l.Drill = i.Where(), i.Severity, i.Status, i.Ref(), i.Drill
	return nil
}

// BeginDelivery notes that it is being sent from now on. ErrClaimLost: do not send.
func (s *Store) BeginDelivery(ctx context.Context, d incidents.Delivery) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	tag, err := s.pool.Exec(ctx, `UPDATE notice_deliveries SET begun = true, attempts = attempts + 1
		WHERE notice = $1 AND n = $2 AND claim = $3 AND state = 'waiting' AND NOT begun AND lease > coalesce($4, clock_timestamp())`,
		d.Notice, d.N, d.Claim, s.now())
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrClaimLost
	}
	if err != nil {
		return fmt.Errorf("begin delivery %s: %w", incidents.DeliveryRef(d.Notice, d.N), err)
	}
	return nil
}

// EndDelivery notes what came of it, with the post that carries it or tells of it, if
// any, and its event; one without an action is none. Where it is to be tried again, d.State is Waiting and after the
// wait. Whoever is late may still say what became of a delivery that was given up as
// unclear. ErrClaimLost: somebody else has it, and nothing is written.
func (s *Store) EndDelivery(ctx context.Context, d incidents.Delivery, after time.Duration, post *message.Post, event audit.Event) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	err := s.endDelivery(ctx, d, after, post, event)
	if deadlocked(err) { // what was sent must not become unclear because of others
		err = s.endDelivery(ctx, d, after, post, event)
	}
	if err != nil {
		return fmt.Errorf("end delivery %s: %w", incidents.DeliveryRef(d.Notice, d.N), err)
	}
	if post != nil {
		s.signal()
	}
	return nil
}

func (s *Store) endDelivery(ctx context.Context, d incidents.Delivery, after time.Duration, post *message.Post, event audit.Event) error {
	var posts []message.Post
	if post != nil {
		posts = append(posts, *post)
	}
	var events []audit.Event
	if event.Action != "" {
		events = append(events, event)
	}
	return s.inOwnTransaction(ctx, func(tx pgx.Tx) ([]audit.Event, error) {
		tag, err := tx.Exec(ctx, `UPDATE notice_deliveries SET state = $4, reason = $5, at = coalesce($7, clock_timestamp()),
				not_before = coalesce($7, clock_timestamp()) + $6::interval, lease = '-infinity', begun = false
			WHERE notice = $1 AND n = $2 AND claim = $3 AND state IN ('waiting', 'unclear')`,
			d.Notice, d.N, d.Claim, d.State, d.Reason, after, s.now())
		if err == nil && tag.RowsAffected() == 0 { // an answer like any other: the connection stays
			return nil, errors.Join(ErrClaimLost, tx.Rollback(ctx))
		}
		if err != nil {
			return nil, err
		}
		return events, s.writePosts(ctx, tx, posts)
	})
}

// deadlocked: the server ended this transaction so that another one can go on. The
// SQLSTATE code is of the PostgreSQL manual, appendix A.
func deadlocked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "40P01"
}

func (s *Store) writePosts(ctx context.Context, tx pgx.Tx, posts []message.Post) error {
	var batch pgx.Batch
	if err := queuePosts(&batch, posts, s.now()); err != nil {
		return err
	}
	if batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, &batch).Close()
}

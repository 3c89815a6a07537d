package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

// deliveriesAtOnce is how many deliveries one transaction ends.
const deliveriesAtOnce = 100

// lostInBetween is why a delivery is unclear whose sender went silent.
const lostInBetween = "The bot stopped while it was sending this, so it may have arrived or not."

// giveUpLost ends the deliveries whose sender went silent while it was sending.
func (s *Store) giveUpLost(ctx context.Context) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	_, err := s.endDeliveries(ctx, func(tx pgx.Tx) ([]audit.Event, error) {
		rows, err := tx.Query(ctx, `
			UPDATE notice_deliveries d SET state = 'unclear', reason = $2, at = coalesce($1, clock_timestamp()), lease = '-infinity'
			FROM (SELECT d.notice, d.n FROM notice_deliveries d
				WHERE d.state = 'waiting' AND d.begun AND `+outOfSlack+` AND d.lease <= coalesce($1, clock_timestamp())
				ORDER BY d.notice, d.n LIMIT $3 FOR UPDATE SKIP LOCKED) lost
			WHERE (d.notice, d.n) = (lost.notice, lost.n) RETURNING `+deliveryColumns, s.now(), lostInBetween, deliveriesAtOnce)
		if err != nil {
			return nil, err
		}
		lost, err := pgx.CollectRows(rows, scanDelivery)
		if err != nil {
			return nil, err
		}
		return s.lostEvents(ctx, tx, lost)
	})
	return err
}

// lostEvents say of deliveries that it is not known what became of them.
func (s *Store) lostEvents(ctx context.Context, tx pgx.Tx, lost []incidents.Delivery) ([]audit.Event, error) {
	events := make([]audit.Event, len(lost))
	for n, d := range lost {
		found, err := readIncidents(ctx, tx, `WHERE id = $1`, d.Incident)
		if err != nil {
			return nil, err
		}
		e := found[0].Log("notice.delivery", map[string]string{
			"notice": incidents.NoticeRef(d.Notice), "audience": d.Audience, "kind": string(d.To.Kind), "to": d.To.Shown(), "state": string(d.State),
		})
		e.Target = incidents.DeliveryRef(d.Notice, d.N)
		e.Request, e.Outcome, e.Error, e.Version = e.Target, audit.Failed, d.Reason, s.opts.Version
		events[n] = e
	}
	return events, nil
}

// SettleHanded ends deliveries whose post was sent or given up, each by one caller,
// with the event that is made of it. It tells how many there were.
func (s *Store) SettleHanded(ctx context.Context, event func(incidents.Delivery) audit.Event) (int, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	n, err := s.endDeliveries(ctx, func(tx pgx.Tx) ([]audit.Event, error) {
		ended, err := s.settleHanded(ctx, tx)
		events := make([]audit.Event, len(ended))
		for i, d := range ended {
			events[i] = event(d)
		}
		return events, err
	})
	if err != nil {
		return 0, fmt.Errorf("settle letters: %w", err)
	}
	return n, nil
}

// endedLetters are deliveries whose post came to an end; $1 is their number at most. The
// key of the post is incidents.LetterKey.
const endedLetters = `
SELECT ` + deliveryColumns + `, p.sent_version > 0, p.reason
FROM notice_deliveries d JOIN posts p ON p.key = 'notice/N-' || d.notice || '/' || d.n AND p.file = '' AND (p.sent_version > 0 OR p.state = 'failed')
WHERE d.state = 'handed' ORDER BY d.notice, d.n LIMIT $1 FOR UPDATE OF d SKIP LOCKED`

func (s *Store) settleHanded(ctx context.Context, tx pgx.Tx) ([]incidents.Delivery, error) {
	rows, err := tx.Query(ctx, endedLetters, deliveriesAtOnce)
	if err != nil {
		return nil, err
	}
	ended, err := pgx.CollectRows(rows, scanEnded)
	if err != nil || len(ended) == 0 {
		return nil, err
	}
	var batch pgx.Batch
	for _, d := range ended {
		batch.Queue(`UPDATE notice_deliveries SET state = $3, reason = $4, at = coalesce($5, clock_timestamp()) WHERE notice = $1 AND n = $2`,
			d.Notice, d.N, d.State, d.Reason, s.now())
	}
	return ended, tx.SendBatch(ctx, &batch).Close()
}

// scanEnded: what was edited in vain after it was sent was sent.
func scanEnded(row pgx.CollectableRow) (d incidents.Delivery, err error) {
	var sent bool
	var reason string
	err = row.Scan(append(deliveryFields(&d), &sent, &reason)...)
	d.State, d.Reason = incidents.Refused, reason
	if sent {
		d.State, d.Reason = incidents.Delivered, ""
	}
	return d, err
}

// endDeliveries does something and commits it with its events, or nothing if there
// are none. It tells how many there were.
func (s *Store) endDeliveries(ctx context.Context, do func(tx pgx.Tx) ([]audit.Event, error)) (int, error) {
	conn, tx, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release() // a connection with an open transaction is closed by it
	events, err := do(tx)
	if err != nil {
		return 0, errors.Join(err, tx.Rollback(ctx))
	}
	if len(events) == 0 {
		return 0, tx.Rollback(ctx)
	}
	return len(events), s.finish(ctx, tx, events)
}

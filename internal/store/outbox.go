package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/bot"
)

var _ bot.Outbox = (*Store)(nil)

// ErrClaimLost is returned when a delivery is no longer this sender's: its
// lease ran out and another one may be sending it.
var ErrClaimLost = errors.New("the delivery was taken over by another sender")

const (
	// longestWait bounds the time until work committed by another replica is seen.
	longestWait  = time.Second
	shortestWait = 10 * time.Millisecond
)

// due is what may be sent as far as a post itself tells: its time has come,
// and the message it belongs to was sent or given up.
const due = `p.state = 'waiting' AND p.not_before <= coalesce($1, clock_timestamp())
	AND NOT EXISTS (SELECT 1 FROM posts q WHERE q.key = p.needs AND q.file = '' AND q.sent_version = 0 AND q.state = 'waiting')`

// nextChannel locks the free channel that has waited longest.
const nextChannel = `
SELECT c.channel FROM channels c
JOIN (SELECT p.channel, min(p.turn) AS turn FROM posts p WHERE ` + due + ` GROUP BY p.channel) w USING (channel)
WHERE c.not_before <= coalesce($1, clock_timestamp()) AND c.claimed_until <= coalesce($1, clock_timestamp())
ORDER BY w.turn LIMIT 1 FOR UPDATE OF c SKIP LOCKED`

// nextDelivery claims the locked channel for its first delivery. It has to be
// a statement of its own: only then does it see what the sender before did,
// and cannot take the second message for the first.
const nextDelivery = `
WITH first AS (
	SELECT p.id FROM posts p WHERE p.channel = $3 AND ` + due + ` ORDER BY p.turn LIMIT 1
), claimed AS (
	UPDATE channels c SET claim = c.claim + 1, claimed_until = coalesce($1, clock_timestamp()) + $2
	WHERE c.channel = $3 AND EXISTS (SELECT FROM first) RETURNING c.claim
)
SELECT p.id, claimed.claim, p.version, p.ts, p.unknown, p.tried, p.file_id, p.attempts, p.created, p.desired,
	p.channel, p.root, p.file, p.only_to, n.desired, coalesce(n.ts, ''), coalesce(n.root, ''), coalesce(n.state = 'failed' AND n.sent_version = 0, false)
FROM first CROSS JOIN claimed JOIN posts p USING (id) LEFT JOIN posts n ON n.key = p.needs AND n.file = '' AND p.needs <> ''`

// Next implements bot.Outbox.
func (s *Store) Next(ctx context.Context, lease time.Duration) (*bot.Delivery, time.Duration, error) {
	for {
		d, orphan, err := s.claimNext(ctx, lease)
		switch {
		case errors.Is(err, errIdle):
			wait, err := s.untilDue(ctx)
			if err != nil {
				return nil, 0, fmt.Errorf("next delivery: %w", err)
			}
			return nil, wait, nil
		case errors.Is(err, errTaken):
			continue
		case err != nil:
			return nil, 0, fmt.Errorf("next delivery: %w", err)
		case !orphan:
			return d, 0, nil
		}
		err = s.Failed(ctx, d, "the message it belongs to could not be sent")
		if err != nil && !errors.Is(err, ErrClaimLost) {
			return nil, 0, err
		}
	}
}

var (
	errIdle  = errors.New("no channel has anything to send")
	errTaken = errors.New("another sender was faster")
)

// claimNext gives the claimed delivery. orphan: the message that it needs
// failed for good, so that it has no place.
func (s *Store) claimNext(ctx context.Context, lease time.Duration) (d *bot.Delivery, orphan bool, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	d = &bot.Delivery{}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var channel string
		if err := tx.QueryRow(ctx, nextChannel, s.now()).Scan(&channel); err != nil {
			return unlessNone(err, errIdle)
		}
		var r deliveryRow
		err := tx.QueryRow(ctx, nextDelivery, s.now(), lease, channel).Scan(&d.ID, &d.Claim, &d.Version, &d.TS, &d.Unknown, &r.tried, &d.FileID,
			&d.Attempts, &d.Created, &r.desired, &r.channel, &r.root, &r.file, &r.onlyTo, &r.needed, &r.neededTS, &r.neededRoot, &orphan)
		if err != nil {
			return unlessNone(err, errTaken)
		}
		d.Created, d.Tried = d.Created.UTC(), utc(r.tried)
		return r.fill(d)
	})
	return d, orphan, err
}

// unlessNone replaces pgx's "no rows".
func unlessNone(err, none error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return none
	}
	return err
}

// deliveryRow is what of a row needs a thought before it is a delivery.
type deliveryRow struct {
	desired, needed      []byte
	channel, root        string // where it is or is to be sent, whatever is desired by now
	file, onlyTo         string
	neededTS, neededRoot string
	tried                *time.Time
}

func (r deliveryRow) fill(d *bot.Delivery) error {
	if r.file != "" {
		return r.fillFile(d)
	}
	if err := json.Unmarshal(r.desired, &d.Post); err != nil {
		return fmt.Errorf("decode post of delivery %d: %w", d.ID, err)
	}
	if d.Post.Channel != r.channel {
		d.Post.Channel, d.Post.Thread = r.channel, ""
		if r.root != d.TS {
			d.Post.Thread = r.root
		}
	}
	if d.Thread = d.Post.Thread; d.Thread == "" {
		d.Thread = r.neededRoot
	}
	switch {
	case r.onlyTo != "":
		d.Kind = bot.DeliverEphemeral
	case d.TS != "":
		d.Kind = bot.DeliverUpdate
	default:
		d.Kind = bot.DeliverPost
	}
	return nil
}

// fillFile: a file goes into the thread that its message is in or begins.
func (r deliveryRow) fillFile(d *bot.Delivery) error {
	d.Kind, d.TS, d.Thread = bot.DeliverFile, r.neededTS, r.neededRoot
	err := json.Unmarshal(r.desired, &d.File)
	if err == nil && r.needed != nil {
		err = json.Unmarshal(r.needed, &d.Post)
	}
	if err != nil {
		return fmt.Errorf("decode file of delivery %d: %w", d.ID, err)
	}
	d.Post.Channel = r.channel
	return nil
}

// untilDue is how long to wait at most before asking again.
func (s *Store) untilDue(ctx context.Context) (time.Duration, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var seconds *float64
	err := s.pool.QueryRow(ctx, `
		SELECT extract(epoch FROM min(greatest(p.not_before, c.not_before, c.claimed_until)) - coalesce($1, clock_timestamp()))::float8
		FROM posts p JOIN channels c USING (channel)
		WHERE p.state = 'waiting' AND greatest(p.not_before, c.not_before, c.claimed_until) > coalesce($1, clock_timestamp())`, s.now()).Scan(&seconds)
	if err != nil {
		return 0, err
	}
	if seconds == nil || *seconds > longestWait.Seconds() {
		return longestWait, nil
	}
	return max(shortestWait, time.Duration(*seconds*float64(time.Second))), nil
}

// Wake implements bot.Outbox.
func (s *Store) Wake() <-chan struct{} { return s.wake }

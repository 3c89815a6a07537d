package store

import (
	"context"
	"fmt"
	"time"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/internal/audit"
)

// Begin implements bot.Outbox. From here on the outcome is unknown until it is
// reported. ErrClaimLost: do not call Slack.
func (s *Store) Begin(ctx context.Context, d *bot.Delivery) error {
	err := s.settle(ctx, d, `
		UPDATE posts p SET unknown = true, attempts = attempts + 1,
			tried = CASE WHEN unknown THEN tried ELSE coalesce($3, clock_timestamp()) END
		FROM channels c
		WHERE p.id = $1 AND c.channel = p.channel AND c.claim = $2 AND c.claimed_until > coalesce($3, clock_timestamp())`)
	if err != nil {
		return fmt.Errorf("begin delivery %d: %w", d.ID, err)
	}
	d.Attempts++
	return nil
}

// Uploaded implements bot.Outbox.
func (s *Store) Uploaded(ctx context.Context, d *bot.Delivery, fileID string) error {
	err := s.settle(ctx, d, `
		UPDATE posts p SET file_id = $4, updated = coalesce($3, clock_timestamp())
		FROM channels c WHERE p.id = $1 AND c.channel = p.channel AND c.claim = $2`, fileID)
	if err != nil {
		return fmt.Errorf("note upload of delivery %d: %w", d.ID, err)
	}
	d.FileID = fileID
	return nil
}

// releaseChannel gives the claim up and lets the channel rest for the
// interval $4 if there still is such a claim.
const releaseChannel = `
WITH released AS (
	UPDATE channels c SET claimed_until = '-infinity',
		not_before = greatest(c.not_before, coalesce($3, clock_timestamp()) + $4::interval)
	FROM posts p WHERE p.id = $1 AND c.channel = p.channel AND c.claim = $2 RETURNING c.channel
)`

// Sent implements bot.Outbox. If more was said meanwhile, the rest of it takes
// a new turn, so that a message edited often does not keep others waiting.
func (s *Store) Sent(ctx context.Context, d *bot.Delivery, ts string, gap time.Duration) error {
	err := s.settle(ctx, d, releaseChannel+`
		UPDATE posts p SET sent_version = greatest(sent_version, $5),
			ts = CASE WHEN $6 = '' OR file <> '' THEN ts ELSE $6 END,
			root = CASE WHEN $7 <> '' THEN $7 WHEN $6 = '' THEN root ELSE $6 END,
			unknown = false, tried = NULL, attempts = 0, not_before = '-infinity', reason = '',
			state = CASE WHEN version > $5 AND only_to = '' THEN 'waiting' ELSE 'sent' END,
			turn = CASE WHEN version > $5 THEN nextval('post_turns') ELSE turn END,
			updated = coalesce($3, clock_timestamp())
		FROM released WHERE p.id = $1`, gap, d.Version, ts, d.Thread)
	if err != nil {
		return fmt.Errorf("settle delivery %d as sent: %w", d.ID, err)
	}
	s.signal()
	return nil
}

// Retry implements bot.Outbox. The whole channel waits, because what comes
// after must not overtake it.
func (s *Store) Retry(ctx context.Context, d *bot.Delivery, wait time.Duration, unknown bool, reason string) error {
	err := s.settle(ctx, d, releaseChannel+`
		UPDATE posts p SET not_before = coalesce($3, clock_timestamp()) + $4::interval,
			unknown = $5, tried = CASE WHEN $5 THEN coalesce(tried, $3, clock_timestamp()) END, reason = $6
		FROM released WHERE p.id = $1`, wait, unknown, reason)
	if err != nil {
		return fmt.Errorf("give delivery %d back: %w", d.ID, err)
	}
	s.signal()
	return nil
}

// Failed implements bot.Outbox. A final version that came meanwhile is still tried.
func (s *Store) Failed(ctx context.Context, d *bot.Delivery, reason string) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if err := s.fail(ctx, d, reason); err != nil {
		return fmt.Errorf("settle delivery %d as failed: %w", d.ID, err)
	}
	s.signal()
	return nil
}

func (s *Store) fail(ctx context.Context, d *bot.Delivery, reason string) error {
	conn, tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // a connection with an open transaction is closed by it
	tag, err := tx.Exec(ctx, releaseChannel+`
		UPDATE posts p SET unknown = false, tried = NULL, attempts = 0, not_before = '-infinity', reason = $6,
			state = CASE WHEN version > $5 AND final THEN 'waiting' ELSE 'failed' END, updated = coalesce($3, clock_timestamp())
		FROM released WHERE p.id = $1`, d.ID, d.Claim, s.now(), time.Duration(0), d.Version, reason)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return ErrClaimLost
	}
	return s.finish(ctx, tx, []audit.Event{s.failure(d, reason)})
}

func (s *Store) failure(d *bot.Delivery, reason string) audit.Event {
	e := audit.Event{
		Request: d.Post.Key, Actor: audit.Actor{Kind: audit.System}, Source: audit.FromSystem,
		Channel: d.Post.Channel, Thread: d.Thread, Action: "post", Target: d.Post.Key,
		Args: map[string]string{"kind": string(d.Kind)}, Outcome: audit.Failed, Error: reason, Version: s.opts.Version,
	}
	if d.File != nil {
		e.Args["file"] = d.File.Name
	}
	return e
}

// settle runs one statement about a claimed delivery, with its id, claim and
// the time first. No row means that the claim is lost.
func (s *Store) settle(ctx context.Context, d *bot.Delivery, sql string, args ...any) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	tag, err := s.pool.Exec(ctx, sql, append([]any{d.ID, d.Claim, s.now()}, args...)...)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrClaimLost
	}
	return err
}

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/bot"
)

var _ bot.Shelf = (*Store)(nil)

// lookAnswer reads what lies there. Who is in which group may be long, so an
// answer that is too old is not sent.
const lookAnswer = `
WITH t AS (SELECT coalesce($4, clock_timestamp()) AS now)
SELECT CASE WHEN a.asked >= t.now - $3::interval THEN a.answer END,
	coalesce(extract(epoch FROM t.now - a.asked), 0)::float8,
	coalesce(extract(epoch FROM w.until - t.now), 0)::float8,
	coalesce(a.asking_until > t.now, false)
FROM t LEFT JOIN slack_answers a ON a.method = $1 AND a.key = $2 LEFT JOIN slack_waits w ON w.method = $1`

// claimAnswer gives the right to ask to the first who comes. One who had to
// wait for the row compares with the time before that wait, and so sees that
// somebody was faster.
const claimAnswer = `
WITH t AS (SELECT coalesce($5, clock_timestamp()) AS now)
INSERT INTO slack_answers AS a (method, key, claimed, asking_until)
SELECT $1, $2, t.now, t.now + $4::interval FROM t
ON CONFLICT (method, key) DO UPDATE SET claimed = excluded.claimed, asking_until = excluded.asking_until
	WHERE a.asking_until <= excluded.claimed AND (a.asked IS NULL OR a.asked < excluded.claimed - $3::interval)
RETURNING claimed`

// Look implements bot.Shelf.
func (s *Store) Look(ctx context.Context, method, key string, life, lease time.Duration) (bot.Shelved, error) {
	var found bot.Shelved
	var age, wait float64
	var asking bool
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	err := s.pool.QueryRow(ctx, lookAnswer, method, key, life, s.now()).Scan(&found.Answer, &age, &wait, &asking)
	if err != nil {
		return bot.Shelved{}, fmt.Errorf("look up an answer of %s: %w", method, err)
	}
	found.Age, found.Wait = seconds(age), seconds(wait)
	if found.Answer != nil || found.Wait > 0 || asking || lease <= 0 {
		return found, nil
	}
	err = s.pool.QueryRow(ctx, claimAnswer, method, key, life, lease, s.now()).Scan(&found.Claim)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return bot.Shelved{}, fmt.Errorf("claim an answer of %s: %w", method, err)
	}
	return found, nil
}

// seconds as a duration, at least 0.
func seconds(n float64) time.Duration { return max(0, time.Duration(n*float64(time.Second))) }

// Put implements bot.Shelf. Whoever asked for longer than its claim lasted has
// an answer as well, of the time at which it asked.
func (s *Store) Put(ctx context.Context, method, key string, claim time.Time, answer []byte) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	_, err := s.pool.Exec(ctx, `UPDATE slack_answers SET answer = $4, asked = $3,
			asking_until = CASE WHEN claimed = $3 THEN '-infinity' ELSE asking_until END
		WHERE method = $1 AND key = $2 AND (asked IS NULL OR asked < $3)`, method, key, claim, answer)
	if err != nil {
		return fmt.Errorf("keep an answer of %s: %w", method, err)
	}
	return nil
}

// GiveUp implements bot.Shelf.
func (s *Store) GiveUp(ctx context.Context, method, key string, claim time.Time, wait time.Duration) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var batch pgx.Batch
	batch.Queue(`UPDATE slack_answers SET asking_until = '-infinity' WHERE method = $1 AND key = $2 AND claimed = $3`, method, key, claim)
	if wait > 0 {
		batch.Queue(`INSERT INTO slack_waits AS w (method, until) VALUES ($1, coalesce($3, clock_timestamp()) + $2::interval)
			ON CONFLICT (method) DO UPDATE SET until = greatest(w.until, excluded.until)`, method, wait, s.now())
	}
	if err := s.pool.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("give up asking for %s: %w", method, err)
	}
	return nil
}

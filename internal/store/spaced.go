package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/message"
)

// setSpaced is setPost for a message that is edited often: it changes only what was
// sent, and that at least $8 ago.
const setSpaced = setPost + `
  AND posts.state <> 'waiting' AND posts.updated <= excluded.updated - $8::interval`

// ShowSpaced sets a post if it says something else than what stands there, and what
// stands there was sent at least gap ago: two edits are never closer than gap,
// whatever replicas ask. It tells whether it did.
func (s *Store) ShowSpaced(ctx context.Context, post message.Post, gap time.Duration) (bool, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	desired, err := encodePost(post)
	if err != nil {
		return false, err
	}
	if shown, err := s.shows(ctx, post.Key, desired); shown || err != nil {
		return false, err
	}
	var set bool
	var batch pgx.Batch
	batch.Queue(addChannels, []string{post.Channel})
	batch.Queue(setSpaced, post.Key, post.Channel, post.Parent, post.OnlyTo, desired, post.Final, s.now(), gap).Exec(func(tag pgconn.CommandTag) error {
		set = tag.RowsAffected() == 1
		return nil
	})
	if err := s.pool.SendBatch(ctx, &batch).Close(); err != nil {
		return false, fmt.Errorf("show %s: %w", post.Key, err)
	}
	if set {
		s.signal()
	}
	return set, nil
}

// shows tells whether a post says that already. It is asked all the time, and locks nothing.
func (s *Store) shows(ctx context.Context, key string, desired []byte) (bool, error) {
	var shown bool
	err := s.pool.QueryRow(ctx, `SELECT coalesce((SELECT desired::text = $2::json::text FROM posts WHERE key = $1 AND file = ''), false)`, key, desired).Scan(&shown)
	if err != nil {
		return false, fmt.Errorf("what does %s say: %w", key, err)
	}
	return shown, nil
}

// PostOf gives the timestamp and channel at which the newest version of a post that
// was sent stands; empty: nowhere. failed says why it could not be sent for good.
func (s *Store) PostOf(ctx context.Context, key string) (ts, channel, failed string, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var place, reason string
	var gone bool
	err = s.pool.QueryRow(ctx, `SELECT ts, channel, reason, state = 'failed' FROM posts WHERE key = $1 AND file = ''`, key).Scan(&ts, &place, &reason, &gone)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", "", "", fmt.Errorf("where does %s stand: %w", key, err)
	}
	if gone {
		failed = reason
	}
	if ts != "" {
		channel = place
	}
	return ts, channel, failed, nil
}

// LostPost has a message that was deleted in Slack posted anew, if it is the post of
// one of these keys. Of those who tell the same, one is the first.
func (s *Store) LostPost(ctx context.Context, channel, ts string, keys ...string) (bool, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	tag, err := s.pool.Exec(ctx, `
		UPDATE posts SET ts = '', root = '', version = version + 1, state = 'waiting', turn = nextval('post_turns'),
			attempts = 0, not_before = '-infinity', reason = '', updated = coalesce($4, clock_timestamp())
		WHERE channel = $1 AND ts = $2 AND key = ANY ($3) AND file = '' AND ts <> ''`, channel, ts, keys, s.now())
	if err != nil {
		return false, fmt.Errorf("post anew what was lost in %s: %w", channel, err)
	}
	if tag.RowsAffected() == 0 {
		return false, nil
	}
	s.signal()
	return true, nil
}

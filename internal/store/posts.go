package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/message"
)

// setPost states what should stand in Slack. Nothing changes if it says the
// same, would put something provisional over a final message, edits what can
// only be said once, or is provisional and nobody could see what was before it. A post
// keeps its place: what stands in one channel cannot be edited from another. Only one that
// could not be sent there may move.
const setPost = `
INSERT INTO posts (key, channel, needs, only_to, desired, final, created, updated)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, clock_timestamp()), coalesce($7, clock_timestamp()))
ON CONFLICT (key, file) DO UPDATE SET
    channel = CASE WHEN posts.state = 'failed' AND posts.sent_version = 0 THEN excluded.channel ELSE posts.channel END,
    desired = excluded.desired, final = excluded.final, version = posts.version + 1, updated = excluded.updated,
    turn = CASE WHEN posts.state = 'waiting' THEN posts.turn ELSE excluded.turn END,
    not_before = CASE WHEN posts.state = 'waiting' THEN posts.not_before ELSE '-infinity' END,
    attempts = CASE WHEN posts.state = 'waiting' THEN posts.attempts ELSE 0 END,
    state = 'waiting'
WHERE posts.desired::text IS DISTINCT FROM excluded.desired::text
  AND (excluded.final OR NOT posts.final)
  AND NOT (posts.only_to <> '' AND posts.sent_version > 0)
  AND (excluded.final OR posts.state <> 'failed' OR posts.sent_version > 0 OR posts.channel <> excluded.channel)`

// setFile adds a file to a message. It is sent once, whatever happens to the
// message later; one that failed gets another chance when it is set again. It goes where
// its message is.
const setFile = `
INSERT INTO posts (key, file, channel, needs, desired, final, created, updated)
SELECT $1, $2, p.channel, $1, $3::json, true, coalesce($4, clock_timestamp()), coalesce($4, clock_timestamp())
FROM posts p WHERE p.key = $1 AND p.file = ''
ON CONFLICT (key, file) DO UPDATE SET state = 'waiting', channel = excluded.channel, turn = excluded.turn, attempts = 0, not_before = '-infinity',
    updated = excluded.updated, version = posts.version + 1
WHERE posts.state = 'failed'`

// queuePosts queues what sets the posts, in their order. Rows of one
// transaction are locked in the order of their keys where that cannot be seen,
// so that two transactions do not wait for each other; channels before them.
func queuePosts(batch *pgx.Batch, posts []message.Post, now *time.Time) error {
	if len(posts) == 0 {
		return nil
	}
	keys, channels := make([]string, len(posts)), make([]string, len(posts))
	for i, p := range posts {
		keys[i], channels[i] = p.Key, p.Channel
	}
	slices.Sort(channels)
	batch.Queue(addChannels, slices.Compact(channels))
	if len(posts) > 1 {
		slices.Sort(keys)
		batch.Queue(`SELECT FROM posts WHERE key = ANY ($1) AND file = '' ORDER BY key FOR UPDATE`, keys)
	}
	for _, p := range posts {
		if err := queuePost(batch, p, now); err != nil {
			return err
		}
	}
	return nil
}

// addChannels takes them in the order in which they are given.
const addChannels = `INSERT INTO channels (channel) SELECT c FROM unnest($1::text[]) WITH ORDINALITY AS t (c, n) ORDER BY n ON CONFLICT DO NOTHING`

func queuePost(batch *pgx.Batch, p message.Post, now *time.Time) error {
	desired, err := encodePost(p)
	if err != nil {
		return err
	}
	batch.Queue(setPost, p.Key, p.Channel, p.Parent, p.OnlyTo, desired, p.Final, now)
	for _, f := range p.Message.Files {
		file, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("encode file of post %s: %w", p.Key, err)
		}
		batch.Queue(setFile, p.Key, f.Name, file, now)
	}
	return nil
}

// encodePost replaces NUL in what are columns of their own; inside the JSON it
// is escaped and does no harm.
func encodePost(p message.Post) ([]byte, error) {
	if strings.ContainsRune(p.Key+p.Channel+p.Parent+p.OnlyTo, 0) {
		return nil, fmt.Errorf("post %q: its place contains a NUL", p.Key)
	}
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode post %s: %w", p.Key, err)
	}
	return b, nil
}

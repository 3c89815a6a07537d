package store

import (
	"context"
	"fmt"
	"time"
)

// Retention says how long what is no evidence is kept. Zero fields mean the
// defaults; runs, findings and the audit log are kept for ever.
type Retention struct {
	// Inbox remembers which requests were seen. Slack delivers again for hours
	// at most; default 7 days.
	Inbox time.Duration
	// Posts are what was sent. Without them a message cannot be edited any
	// more; default 30 days.
	Posts time.Duration
	// Rows are the complete lists of failing rows, and what plans that are over
	// changed; default 30 days.
	Rows time.Duration
	// Drafts are notices that were previewed and not sent; default 1 day.
	Drafts time.Duration
	// Answers are what Slack said about people, groups and channels. Nothing
	// older than a minute is used; default 1 hour.
	Answers time.Duration
}

const (
	day        = 24 * time.Hour
	purgeBatch = 5000
)

func (r Retention) withDefaults() Retention {
	if r.Inbox == 0 {
		r.Inbox = 7 * day
	}
	if r.Posts == 0 {
		r.Posts = 30 * day
	}
	if r.Rows == 0 {
		r.Rows = 30 * day
	}
	if r.Drafts == 0 {
		r.Drafts = day
	}
	if r.Answers == 0 {
		r.Answers = time.Hour
	}
	return r
}

// stillShown: what an incident that is held says is edited until it is over, or it would be
// posted anew; posts p.
const stillShown = `(EXISTS (SELECT FROM incidents i WHERE i.held AND starts_with(p.key, 'incident/INC-' || i.id || '/'))
	OR p.key LIKE 'notice/%' AND EXISTS (SELECT FROM notices o JOIN incidents i ON i.id = o.incident
		WHERE i.held AND starts_with(p.key || '/', 'notice/N-' || o.id || '/')))`

// purges delete what is older than $2, at most $3 rows at a time, so that no
// lock is held for long.
var purges = []struct {
	name string
	age  func(Retention) time.Duration
	sql  string
}{
	{"inbox", func(r Retention) time.Duration { return r.Inbox }, `DELETE FROM inbox WHERE key IN (
		SELECT key FROM inbox WHERE at < coalesce($1, clock_timestamp()) - $2::interval LIMIT $3)`},
	{"posts", func(r Retention) time.Duration { return r.Posts }, `DELETE FROM posts WHERE id IN (
		SELECT id FROM posts p WHERE state <> 'waiting' AND updated < coalesce($1, clock_timestamp()) - $2::interval AND NOT ` + stillShown + ` LIMIT $3)`},
	{"rows", func(r Retention) time.Duration { return r.Rows }, `DELETE FROM run_rows WHERE (run, name, chunk) IN (
		SELECT w.run, w.name, w.chunk FROM run_rows w JOIN runs r ON r.id = w.run
		WHERE r.finished < coalesce($1, clock_timestamp()) - $2::interval LIMIT $3)`},
	{"plan batches", func(r Retention) time.Duration { return r.Rows }, `DELETE FROM plan_batches WHERE (plan, n) IN (
		SELECT b.plan, b.n FROM plan_batches b JOIN plans p ON p.id = b.plan
		WHERE p.finished < coalesce($1, clock_timestamp()) - $2::interval LIMIT $3)`},
	{"plan rows", func(r Retention) time.Duration { return r.Rows }, `DELETE FROM plan_rows WHERE (plan, piece) IN (
		SELECT w.plan, w.piece FROM plan_rows w JOIN plans p ON p.id = w.plan
		WHERE p.finished < coalesce($1, clock_timestamp()) - $2::interval LIMIT $3)`},
	{"drafts", func(r Retention) time.Duration { return r.Drafts }, `DELETE FROM incident_drafts WHERE seal IN (
		SELECT seal FROM incident_drafts WHERE made < coalesce($1, clock_timestamp()) - $2::interval LIMIT $3)`},
	// Nobody looks any more at what happens in the channel of an incident that is over.
	{"sightings", func(Retention) time.Duration { return 0 }, `DELETE FROM incident_sightings WHERE id IN (
		SELECT s.id FROM incident_sightings s JOIN incidents i ON i.id = s.incident
		WHERE NOT i.held AND s.at <= coalesce($1, clock_timestamp()) - $2::interval LIMIT $3)`},
	{"answers", func(r Retention) time.Duration { return r.Answers }, `DELETE FROM slack_answers WHERE (method, key) IN (
		SELECT method, key FROM slack_answers WHERE claimed < coalesce($1, clock_timestamp()) - $2::interval LIMIT $3)`},
}

// Purge removes what is too old, and tells how many rows that were.
func (s *Store) Purge(ctx context.Context, keep Retention) (int64, error) {
	keep = keep.withDefaults()
	var total int64
	for _, p := range purges {
		for {
			tag, err := s.pool.Exec(ctx, p.sql, s.now(), p.age(keep), purgeBatch)
			if err != nil {
				return total, fmt.Errorf("purge %s: %w", p.name, err)
			}
			total += tag.RowsAffected()
			if tag.RowsAffected() < purgeBatch {
				break
			}
		}
	}
	return total, nil
}

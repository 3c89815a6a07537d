package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

// queueEvents locks the head and queues the events that follow it. Those that do not
// say which incident they belong to belong to that of their channel.
func (s *Store) queueEvents(ctx context.Context, tx pgx.Tx, batch *pgx.Batch, events []audit.Event) error {
	if len(events) == 0 {
		return nil
	}
	head, at, held, err := s.lockHead(ctx, tx, unplaced(events))
	if err != nil {
		return fmt.Errorf("lock audit head: %w", err)
	}
	seqs, ats := make([]int64, len(events)), make([]time.Time, len(events))
	bodies, prevs, hashes := make([]string, len(events)), make([][]byte, len(events)), make([][]byte, len(events))
	for i, e := range events {
		if e.Incident == "" {
			e.Incident = held[e.Channel]
		}
		var entry audit.Entry
		if entry, head, err = head.Append(at, e); err != nil {
			return fmt.Errorf("%w: %w", errBuild, err)
		}
		seqs[i], ats[i], bodies[i], prevs[i], hashes[i] = entry.Seq, entry.At, string(entry.Body), entry.Prev[:], entry.Hash[:]
	}
	batch.Queue(`INSERT INTO audit_events (seq, at, body, prev, hash)
		SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::bytea[], $5::bytea[])`, seqs, ats, bodies, prevs, hashes)
	batch.Queue(`UPDATE audit_head SET size = $1, hash = $2`, head.Size, head.Hash[:])
	return nil
}

// eventsOf are events of what belongs to an incident, and so do they: not to that which
// holds their channel by now.
func eventsOf(incident int64, events []audit.Event) []audit.Event {
	events = slices.Clone(events)
	for i := range events {
		if incident > 0 && events[i].Incident == "" {
			events[i].Incident = incidents.Ref(incident)
		}
	}
	return events
}

// unplaced are the channels of events that do not name an incident, each once.
func unplaced(events []audit.Event) []string {
	var channels []string
	known := map[string]bool{"": true}
	for _, e := range events {
		if e.Incident == "" && !known[e.Channel] && utf8.ValidString(e.Channel) && !strings.ContainsRune(e.Channel, 0) {
			channels = append(channels, e.Channel)
			known[e.Channel] = true
		}
	}
	return channels
}

// holders are the incidents that are held in these channels. It is a join, because that is
// planned once; channel = ANY ($1) is planned anew each time, which takes twice as long
// as all the rest that is done while the head is locked.
const holders = `
SELECT i.channel, i.id FROM unnest($1::text[]) c (channel)
JOIN incidents i ON i.held AND i.channel <> '' AND i.channel = c.channel`

// lockHead gives the end of the log, the time, and the incidents that hold these
// channels, in one round trip. The incidents are read behind the lock: whatever was
// recorded before these events is seen by them.
func (s *Store) lockHead(ctx context.Context, tx pgx.Tx, channels []string) (head audit.Head, at time.Time, held map[string]string, err error) {
	var batch pgx.Batch
	batch.Queue(`SELECT size, hash, coalesce($1, clock_timestamp()) FROM audit_head FOR UPDATE`, s.now()).QueryRow(func(row pgx.Row) error {
		var hash []byte
		err := row.Scan(&head.Size, &hash, &at)
		copy(head.Hash[:], hash)
		return err
	})
	if len(channels) > 0 {
		held = map[string]string{}
		batch.Queue(holders, channels).Query(func(rows pgx.Rows) error {
			var channel string
			var id int64
			_, err := pgx.ForEachRow(rows, []any{&channel, &id}, func() error {
				held[channel] = incidents.Ref(id)
				return nil
			})
			return err
		})
	}
	return head, at, held, tx.SendBatch(ctx, &batch).Close()
}

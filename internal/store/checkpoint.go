package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"github.com/integritybot/integritybot/internal/audit"
)

// ErrChainBroken is returned by Checkpoint when the log is not what an earlier
// checkpoint says. Nothing is signed then: it would cover the traces.
var ErrChainBroken = errors.New("the audit log disagrees with its last checkpoint; run integritybot audit verify")

// Checkpoint signs the head of the audit log and keeps the note in the store,
// if the log has grown since the last one; then it returns the note, else "".
func (s *Store) Checkpoint(ctx context.Context, signer note.Signer) (string, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	signed, err := s.checkpoint(ctx, signer)
	if err != nil {
		return "", fmt.Errorf("audit checkpoint: %w", err)
	}
	return signed, nil
}

func (s *Store) checkpoint(ctx context.Context, signer note.Signer) (string, error) {
	var head, last audit.Head
	var hash, lastHash, lastStored []byte
	var at time.Time
	var lastNote *string
	err := s.pool.QueryRow(ctx, `
		SELECT h.size, h.hash, coalesce($1, clock_timestamp()), c.note, coalesce(c.size, 0), e.hash, t.hash
		FROM audit_head h
		LEFT JOIN LATERAL (SELECT size, note FROM audit_checkpoints ORDER BY size DESC, id DESC LIMIT 1) c ON true
		LEFT JOIN audit_events e ON e.seq = c.size
		LEFT JOIN audit_events t ON t.seq = h.size`, s.now()).Scan(&head.Size, &hash, &at, &lastNote, &last.Size, &lastStored, &lastHash)
	if err != nil {
		return "", err
	}
	copy(head.Hash[:], hash)
	if head.Size > 0 && !bytes.Equal(hash, lastHash) {
		return "", ErrChainBroken
	}
	if lastNote != nil {
		if err := agreesWith(*lastNote, lastStored, head.Size); err != nil {
			return "", err
		}
	}
	if head.Size == last.Size {
		return "", nil
	}
	signed, err := audit.Sign(head, at, signer)
	if err != nil {
		return "", err
	}
	_, err = s.pool.Exec(ctx, `INSERT INTO audit_checkpoints (size, at, note) VALUES ($1, $2, $3)`, head.Size, at, signed)
	return signed, err
}

// agreesWith compares the last note's hash with the event it was made for. The
// signature is the verification's business: keys change.
func agreesWith(signed string, stored []byte, size int64) error {
	c, err := audit.PeekCheckpoint(signed)
	if err != nil {
		return err
	}
	if c.Size > size || c.Size > 0 && !bytes.Equal(stored, c.Hash[:]) {
		return ErrChainBroken
	}
	return nil
}

// checkpointNotes gives all kept notes, by size.
func checkpointNotes(ctx context.Context, tx pgx.Tx) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT note FROM audit_checkpoints ORDER BY size, id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

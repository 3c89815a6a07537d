package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
)

// ExportPiece is about how long a piece of an export should be: what a reader of
// the file holds in memory.
const ExportPiece = chunkBytes

// BeginExport begins the file of a run that exports what a check looks at, under
// the claim of that run: what a process before wrote is removed.
// check.ErrFenced: the claim was lost.
func (s *Store) BeginExport(ctx context.Context, run, epoch int64, name string) error {
	state, err := json.Marshal(check.State{})
	if err != nil {
		return fmt.Errorf("begin export of run %d: %w", run, err)
	}
	return s.exporting(ctx, run, func(ctx context.Context) error {
		return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if err := fence(ctx, tx, run, epoch); err != nil {
				return err
			}
			var batch pgx.Batch
			batch.Queue(`DELETE FROM run_rows WHERE run = $1 AND name = $2`, run, name)
			batch.Queue(`INSERT INTO run_checks (run, name, state, done, saves) VALUES ($1, $2, $3, false, 0)
				ON CONFLICT (run, name) DO UPDATE SET chunks = 0, rows = 0, bytes = 0`, run, name, state)
			return tx.SendBatch(ctx, &batch).Close()
		})
	})
}

// addExport adds a piece once: the row of the check says which is the next.
const addExport = `
WITH fence AS (
	SELECT id FROM runs WHERE id = $1 AND epoch = $3 AND state = 'running' FOR SHARE
), counted AS (
	UPDATE run_checks c SET chunks = $4, rows = c.rows + $6, bytes = c.bytes + octet_length($5::bytea)
	FROM fence WHERE c.run = fence.id AND c.name = $2 AND c.chunks = $4 - 1 RETURNING c.chunks
), added AS (
	INSERT INTO run_rows (run, name, chunk, body) SELECT $1, $2, counted.chunks, $5 FROM counted
)
SELECT (SELECT count(*) FROM fence), (SELECT count(*) FROM counted),
	coalesce((SELECT chunks FROM run_checks WHERE run = $1 AND name = $2), 0)`

// AddExport adds the n-th piece, from 1, of an export that this claim began. It may
// be added again if it is not known whether it was. check.ErrFenced: the claim was
// lost.
func (s *Store) AddExport(ctx context.Context, run, epoch int64, name string, n int, body []byte, lines int64) error {
	return s.exporting(ctx, run, func(ctx context.Context) error {
		var fenced, added, before int
		err := s.pool.QueryRow(ctx, addExport, run, name, epoch, n, body, lines).Scan(&fenced, &added, &before)
		switch {
		case err != nil:
			return err
		case fenced == 0:
			return check.ErrFenced
		case added == 0 && before != n: // n: it was added before, and only the answer was lost
			return fmt.Errorf("piece %d does not follow %d", n, before)
		}
		return nil
	})
}

// exporting tries a write again while the store is away for a moment.
func (s *Store) exporting(ctx context.Context, run int64, write func(context.Context) error) error {
	for try := 1; ; try++ {
		bounded, cancel := s.bounded(ctx)
		err := write(bounded)
		cancel()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, check.ErrFenced) || refused(err) || try == saveTries || ctx.Err() != nil:
			return fmt.Errorf("keep export of run %d: %w", run, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(savePause):
		}
	}
}

// openExport opens what a run has exported, as it was handed over.
func (s *Store) openExport(ctx context.Context, source, number string) (io.ReadCloser, int64, error) {
	run, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return nil, 0, fmt.Errorf("open %q: %w", source, commands.ErrNotFound)
	}
	var name string
	var pieces, size, kept int64
	err = s.pool.QueryRow(ctx, `SELECT c.name, c.chunks, c.bytes, (SELECT count(*) FROM run_rows w WHERE w.run = c.run AND w.name = c.name)
		FROM run_checks c JOIN runs r ON r.id = c.run WHERE c.run = $1 AND r.step = $2`, run, check.StepExport).Scan(&name, &pieces, &size, &kept)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && kept < pieces {
		return nil, 0, fmt.Errorf("open %s: %w", source, commands.ErrNotFound)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open %s: %w", source, err)
	}
	return &file{ctx: ctx, store: s, source: source, chunks: pieces, sql: nextRows, args: []any{run, name}}, size, nil
}

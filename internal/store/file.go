package store

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
)

// Open implements bot.Outbox: it reads the complete list of failing rows of
// one check of a run, "run/1042/orphaned-orders", or of the changes of a plan,
// "plan/1043", as CSV with a header, or what a run has exported, "export/1044", as
// it was handed over; and says how many bytes that is. It reads what was there when
// it was opened, holding one chunk in memory and no transaction. commands.ErrNotFound: there is no such file, or its time is over.
func (s *Store) Open(ctx context.Context, source string) (io.ReadCloser, int64, error) {
	if id, ok := strings.CutPrefix(source, "plan/"); ok {
		return s.openPlan(ctx, source, id)
	}
	if run, ok := strings.CutPrefix(source, "export/"); ok {
		return s.openExport(ctx, source, run)
	}
	run, name, err := parseSource(source)
	if err != nil {
		return nil, 0, err
	}
	var raw []byte
	var chunks, size, kept int64
	err = s.pool.QueryRow(ctx, `SELECT state, chunks, bytes,
		(SELECT count(*) FROM run_rows r WHERE r.run = c.run AND r.name = c.name)
		FROM run_checks c WHERE run = $1 AND name = $2`, run, name).Scan(&raw, &chunks, &size, &kept)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && kept < chunks {
		return nil, 0, fmt.Errorf("open %s: %w", source, commands.ErrNotFound)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open %s: %w", source, err)
	}
	header, err := fileHeader(raw)
	if err != nil {
		return nil, 0, fmt.Errorf("open %s: %w", source, err)
	}
	f := &file{ctx: ctx, store: s, source: source, chunks: chunks, rest: header, sql: nextRows, args: []any{run, name}}
	return f, size + int64(len(header)), nil
}

// What reads the next chunk of a file, with its number as the last argument.
const (
	nextRows    = `SELECT body FROM run_rows WHERE run = $1 AND name = $2 AND chunk = $3`
	nextChanges = `SELECT body FROM plan_rows WHERE plan = $1 AND piece = $2`
)

// openPlan opens the list of a plan's changes.
func (s *Store) openPlan(ctx context.Context, source, number string) (io.ReadCloser, int64, error) {
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return nil, 0, fmt.Errorf("open %q: %w", source, commands.ErrNotFound)
	}
	var header []byte
	var pieces, size, kept int64
	err = s.pool.QueryRow(ctx, `SELECT header, pieces, bytes, (SELECT count(*) FROM plan_rows r WHERE r.plan = p.id)
		FROM plans p WHERE id = $1`, id).Scan(&header, &pieces, &size, &kept)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && (kept < pieces || len(header) == 0) {
		return nil, 0, fmt.Errorf("open %s: %w", source, commands.ErrNotFound)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open %s: %w", source, err)
	}
	f := &file{ctx: ctx, store: s, source: source, chunks: pieces, rest: header, sql: nextChanges, args: []any{id}}
	return f, size + int64(len(header)), nil
}

func parseSource(source string) (run int64, name string, err error) {
	parts := strings.SplitN(source, "/", 3)
	if len(parts) == 3 && parts[0] == "run" {
		if run, err = strconv.ParseInt(parts[1], 10, 64); err == nil {
			return run, parts[2], nil
		}
	}
	return 0, "", fmt.Errorf("open %q: files are named run/<number>/<check>, plan/<number> or export/<number>: %w", source, commands.ErrNotFound)
}

func fileHeader(raw []byte) ([]byte, error) {
	var state check.State
	if err := json.Unmarshal(raw, &state); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(check.FileHeader(state.Tally.Columns)); err != nil {
		return nil, err
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// file reads chunk by chunk.
type file struct {
	ctx    context.Context //nolint:containedctx // io.Reader has no other place for it
	store  *Store
	source string
	sql    string
	args   []any
	chunks int64
	read   int64
	rest   []byte
}

func (f *file) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		if f.read == f.chunks {
			return 0, io.EOF
		}
		err := f.store.pool.QueryRow(f.ctx, f.sql, append(slices.Clone(f.args), f.read+1)...).Scan(&f.rest)
		if err != nil {
			return 0, fmt.Errorf("read %s, piece %d of %d: %w", f.source, f.read+1, f.chunks, err)
		}
		f.read++
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// Close implements io.Closer. Nothing is held between reads.
func (f *file) Close() error {
	f.chunks, f.read, f.rest = 0, 0, nil
	return nil
}

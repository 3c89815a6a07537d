package store

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
)

// Open implements bot.Outbox: it reads the complete list of failing rows of
// one check of a run, "run/1042/orphaned-orders", as CSV with a header, and
// says how many bytes that is. It reads what was there when it was opened,
// holding one chunk in memory and no transaction. commands.ErrNotFound: there
// is no such file, or its time is over.
func (s *Store) Open(ctx context.Context, source string) (io.ReadCloser, int64, error) {
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
	f := &file{ctx: ctx, store: s, source: source, run: run, name: name, chunks: chunks, rest: header}
	return f, size + int64(len(header)), nil
}

func parseSource(source string) (run int64, name string, err error) {
	parts := strings.SplitN(source, "/", 3)
	if len(parts) == 3 && parts[0] == "run" {
		if run, err = strconv.ParseInt(parts[1], 10, 64); err == nil {
			return run, parts[2], nil
		}
	}
	return 0, "", fmt.Errorf("open %q: files are named run/<number>/<check>: %w", source, commands.ErrNotFound)
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
	run    int64
	name   string
	chunks int64
	read   int64
	rest   []byte
}

func (f *file) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		if f.read == f.chunks {
			return 0, io.EOF
		}
		err := f.store.pool.QueryRow(f.ctx, `SELECT body FROM run_rows WHERE run = $1 AND name = $2 AND chunk = $3`,
			f.run, f.name, f.read+1).Scan(&f.rest)
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

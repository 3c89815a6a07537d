package store

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

const (
	// chunkBytes is about how long a stored piece of a file is: what a reader
	// of the file holds in memory.
	chunkBytes = 256 << 10
	// saveTries and savePause let a run live through a short absence of the
	// store. Together they stay under the time of a lease.
	saveTries = 5
	savePause = time.Second
)

// Journal is the journal of one run under one claim. It implements
// check.Journal. Checks may save side by side; each check by itself must not.
type Journal struct {
	store *Store
	run   int64
	epoch int64

	mu    sync.Mutex
	marks map[string]mark
}

// mark is what the journal knows about one check's row: how often it was
// saved, and how many rows a save carried whose outcome is not known.
type mark struct {
	saves int64
	doubt bool
	rows  int
}

// Journal gives the journal of a run under a claim.
func (s *Store) Journal(run, epoch int64) check.Journal {
	return &Journal{store: s, run: run, epoch: epoch, marks: map[string]mark{}}
}

// Resume implements check.Journal.
func (j *Journal) Resume(ctx context.Context, name string) (check.State, error) {
	ctx, cancel := j.store.bounded(ctx)
	defer cancel()
	var raw []byte
	var m mark
	err := j.store.pool.QueryRow(ctx, `SELECT state, saves FROM run_checks WHERE run = $1 AND name = $2`, j.run, name).Scan(&raw, &m.saves)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return check.State{}, fmt.Errorf("read journal of run %d, %s: %w", j.run, name, err)
	}
	var state check.State
	if raw != nil {
		if err := json.Unmarshal(raw, &state); err != nil {
			return check.State{}, fmt.Errorf("decode journal of run %d, %s: %w", j.run, name, err)
		}
	}
	j.setMark(name, m)
	return state, nil
}

// Progress implements check.Journal. How far a check is need not outlive the
// process: it is shown in the run's message, and a cursor says where to go on.
func (j *Journal) Progress(string, check.Progress) {}

// Save implements check.Journal: the state and the rows, both or neither, once.
// If a save failed without it being known whether it took effect, the next one
// must hand over the same rows first, as a Recorder does; it finds out.
func (j *Journal) Save(ctx context.Context, name string, s check.State, rows [][]string) error {
	state, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode journal of run %d, %s: %w", j.run, name, err)
	}
	for try := 1; ; try++ {
		err = j.saveOnce(ctx, name, state, s.Finding != nil, rows)
		if err == nil || errors.Is(err, check.ErrFenced) || refused(err) || try == saveTries {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(savePause):
			continue
		}
		break
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("save journal of run %d, %s: %w", j.run, name, err)
	}
	// Our own deadline must not look like that of the check.
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %v", errNoAnswer, err) //nolint:errorlint // see above
	}
	return fmt.Errorf("save journal of run %d, %s: %w", j.run, name, err)
}

func (j *Journal) saveOnce(ctx context.Context, name string, state []byte, done bool, rows [][]string) error {
	ctx, cancel := j.store.bounded(ctx)
	defer cancel()
	m := j.mark(name)
	if m.doubt {
		var err error
		if m, err = j.resolve(ctx, name, m); err != nil {
			return err
		}
	}
	if m.rows > len(rows) {
		return fmt.Errorf("%d rows are saved but only %d were handed over again", m.rows, len(rows))
	}
	chunks, size, err := encodeRows(rows[m.rows:])
	if err != nil {
		return err
	}
	// Until the answer is here, it is not known whether this took effect.
	j.setMark(name, mark{saves: m.saves, doubt: true, rows: len(rows)})
	if err := j.write(ctx, name, m.saves, piece{state: state, done: done, chunks: chunks, rows: len(rows) - m.rows, bytes: size}); err != nil {
		if refused(err) || errors.Is(err, check.ErrFenced) {
			j.setMark(name, m)
		}
		return err
	}
	j.setMark(name, mark{saves: m.saves + 1})
	return nil
}

// resolve finds out whether the save in doubt took effect. If so, its rows are
// there: the mark tells how many of the next ones to leave out.
func (j *Journal) resolve(ctx context.Context, name string, m mark) (mark, error) {
	var saves int64
	err := j.store.pool.QueryRow(ctx, `SELECT coalesce((SELECT saves FROM run_checks WHERE run = $1 AND name = $2), 0)`, j.run, name).Scan(&saves)
	if err != nil {
		return m, err
	}
	resolved := mark{saves: m.saves}
	if saves == m.saves+1 {
		resolved = mark{saves: saves, rows: m.rows}
	}
	j.setMark(name, resolved)
	return resolved, nil
}

// saveJournal does nothing unless the claim still holds: the run's row is
// locked against a new claim while this commits. A save that was done already
// (saves differs) does nothing either.
const saveJournal = `
WITH fence AS (
	SELECT id FROM runs WHERE id = $1 AND epoch = $3 AND state = 'running' FOR SHARE
), saved AS (
	INSERT INTO run_checks AS c (run, name, state, done, saves, chunks, rows, bytes)
	SELECT id, $2, $5, $9, 1, cardinality($6::bytea[]), $7, $8 FROM fence WHERE $4::bigint = 0 OR EXISTS (SELECT 1 FROM run_checks WHERE run = $1 AND name = $2)
	ON CONFLICT (run, name) DO UPDATE SET state = excluded.state, done = excluded.done, saves = c.saves + 1,
		chunks = c.chunks + excluded.chunks, rows = c.rows + excluded.rows, bytes = c.bytes + excluded.bytes
	WHERE c.saves = $4
	RETURNING chunks
), lines AS (
	INSERT INTO run_rows (run, name, chunk, body)
	SELECT $1, $2, saved.chunks - cardinality($6::bytea[]) + t.n, t.body FROM saved, unnest($6::bytea[]) WITH ORDINALITY AS t(body, n)
)
SELECT (SELECT count(*) FROM fence), (SELECT count(*) FROM saved)`

// piece is what one save adds.
type piece struct {
	state  []byte
	done   bool
	chunks [][]byte
	rows   int
	bytes  int64
}

func (j *Journal) write(ctx context.Context, name string, saves int64, p piece) error {
	var fence, saved int
	err := j.store.pool.QueryRow(ctx, saveJournal, j.run, name, j.epoch, saves, p.state, p.chunks, p.rows, p.bytes, p.done).Scan(&fence, &saved)
	switch {
	case err != nil:
		return err
	case fence == 0, saved == 0: // somebody else saved in between: it is theirs
		return check.ErrFenced
	}
	return nil
}

func (j *Journal) mark(name string) mark {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.marks[name]
}

func (j *Journal) setMark(name string, m mark) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.marks[name] = m
}

// encodeRows makes CSV lines, cut into chunks at line ends.
func encodeRows(rows [][]string) (chunks [][]byte, size int64, err error) {
	chunks = [][]byte{}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	cut := func() {
		if b.Len() > 0 {
			chunks = append(chunks, bytes.Clone(b.Bytes()))
			size += int64(b.Len())
			b.Reset()
		}
	}
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			return nil, 0, fmt.Errorf("encode rows: %w", err)
		}
		w.Flush()
		if b.Len() >= chunkBytes {
			cut()
		}
	}
	cut()
	return chunks, size, w.Error()
}

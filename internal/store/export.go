package store

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/commands"
)

// ExportAudit writes the events that fit, oldest first, one JSON object per
// line: {"prev": hex, "hash": hex, "body": …}. What stands behind "body": is,
// byte for byte, what was hashed: anybody can check hash = SHA-256(prev ‖ body).
// A filter's Limit keeps the newest. It tells how many events there were.
func (s *Store) ExportAudit(ctx context.Context, w io.Writer, f commands.EventFilter) (int64, error) {
	var n int64
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
			return err
		}
		var err error
		n, err = exportIn(ctx, tx, w, f)
		return err
	})
	if err != nil {
		return n, fmt.Errorf("export audit log: %w", err)
	}
	return n, nil
}

func exportIn(ctx context.Context, tx pgx.Tx, w io.Writer, f commands.EventFilter) (n int64, err error) {
	where, args := conditions(f)
	query := `SELECT seq, prev, hash, body FROM audit_events` + where
	if f.Limit > 0 {
		args = append(args, f.Limit)
		query = `SELECT * FROM (` + query + ` ORDER BY seq DESC LIMIT $` + strconv.Itoa(len(args)) + `) newest`
	}
	rows, err := tx.Query(ctx, query+` ORDER BY seq`, args...)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	var seq int64
	var prev, hash, body []byte
	_, err = pgx.ForEachRow(rows, []any{&seq, &prev, &hash, &body}, func() error {
		n++
		_, err := fmt.Fprintf(out, `{"prev":"%s","hash":"%s","body":%s}`+"\n", hex.EncodeToString(prev), hex.EncodeToString(hash), body)
		return err
	})
	if err != nil {
		return n, err
	}
	return n, out.Flush()
}

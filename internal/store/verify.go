package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"github.com/integritybot/integritybot/internal/audit"
)

// VerifyOptions say with what the audit log is compared.
type VerifyOptions struct {
	// Keys are the public keys of checkpoints. Nil: none can be used.
	Keys note.Verifiers
	// Notes are checkpoints kept outside the store, by where they were found:
	// "file /var/lib/…", "standard input".
	Notes map[string][]string
}

// VerifyAudit reads the whole audit log as one moment saw it and checks
// numbers, order, hashes, the head, the readable columns and all checkpoints.
// The error is about reading; what is wrong with the log is in the report.
func (s *Store) VerifyAudit(ctx context.Context, o VerifyOptions) (audit.Report, error) {
	var report audit.Report
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		// The whole log is one statement, and may be slow.
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
			return err
		}
		return verifyIn(ctx, tx, o, &report)
	})
	if err != nil {
		return audit.Report{}, fmt.Errorf("verify audit log: %w", err)
	}
	return report, nil
}

func verifyIn(ctx context.Context, tx pgx.Tx, o VerifyOptions, report *audit.Report) error {
	kept, err := checkpointNotes(ctx, tx)
	if err != nil {
		return err
	}
	checkpoints := openNotes(o.Keys, "the store", kept, report)
	for place, notes := range o.Notes {
		checkpoints = append(checkpoints, openNotes(o.Keys, place, notes, report)...)
	}
	if len(checkpoints) == 0 {
		report.Warnings = append(report.Warnings, "There is no checkpoint to compare with: a cut tail would not be noticed.")
	}
	head, err := readHead(ctx, tx)
	if err != nil {
		return err
	}
	v := audit.NewVerifier(checkpoints...)
	if err := scanEvents(ctx, tx, v); err != nil {
		return err
	}
	fault := v.End(head)
	if report.Fault == nil {
		report.Fault = fault
	}
	report.Head, report.Agreed = v.Head(), v.Passed()
	return verifyTable(ctx, tx, report)
}

// openNotes gives the checkpoints that can be believed. One whose signature is
// wrong although its key is known was changed: that is a fault of its own.
func openNotes(keys note.Verifiers, place string, notes []string, report *audit.Report) []audit.Checkpoint {
	if keys == nil {
		keys = note.VerifierList()
	}
	var opened []audit.Checkpoint
	strangers := 0
	for _, signed := range notes {
		c, err := audit.OpenCheckpoint(signed, place, keys)
		switch {
		case err == nil:
			opened = append(opened, c)
		case errors.Is(err, audit.ErrUnknownKey):
			strangers++
		case report.Fault == nil:
			report.Fault = &audit.Fault{What: fmt.Sprintf("a checkpoint in %s was changed: %v", place, err)}
		}
	}
	if strangers > 0 {
		report.Unusable = append(report.Unusable, fmt.Sprintf("%d in %s: %v", strangers, place, audit.ErrUnknownKey))
	}
	return opened
}

func readHead(ctx context.Context, tx pgx.Tx) (audit.Head, error) {
	var head audit.Head
	var hash []byte
	err := tx.QueryRow(ctx, `SELECT size, hash FROM audit_head`).Scan(&head.Size, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return audit.Head{}, nil // an empty one agrees with no event at all
	}
	copy(head.Hash[:], hash)
	return head, err
}

// postgresEpoch is the beginning of the year 2000, from which Postgres counts
// microseconds, in microseconds since 1970.
const postgresEpoch = 946_684_800_000_000

// scanEvents hands the rows to the verifier as they come, without decoding
// what need not be. It reads on to the end only while all is well.
func scanEvents(ctx context.Context, tx pgx.Tx, v *audit.Verifier) error {
	rows, err := tx.Query(ctx, `SELECT seq, at, body, prev, hash FROM audit_events ORDER BY seq`, pgx.QueryResultFormats{pgx.BinaryFormatCode})
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		raw := rows.RawValues()
		e := audit.Stored{Seq: int64From(raw[0]), At: time.UnixMicro(postgresEpoch + int64From(raw[1])), Body: raw[2], Prev: raw[3], Hash: raw[4]}
		if v.Add(e) != nil {
			return nil
		}
	}
	return rows.Err()
}

func int64From(b []byte) int64 {
	var n int64
	for _, x := range b {
		n = n<<8 | int64(x)
	}
	return n
}

// readable are the columns that are generated from the hashed text, and how.
var readable = map[string]string{
	"request": "body::json->>'request'", "actor": "body::json->'actor'->>'user'", "source": "body::json->>'source'",
	"channel": "body::json->>'channel'", "incident": "body::json->>'incident'", "action": "body::json->>'action'",
	"target": "body::json->>'target'", "decision": "body::json->>'decision'", "outcome": "body::json->>'outcome'",
}

// verifyTable checks that Postgres still generates the readable columns from
// the hashed text, so that they cannot say anything else, and that the trigger
// still refuses changes.
func verifyTable(ctx context.Context, tx pgx.Tx, report *audit.Report) error {
	rows, err := tx.Query(ctx, `
		SELECT a.attname, coalesce(pg_get_expr(d.adbin, d.adrelid), '') FROM pg_attribute a
		LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = 's'
		WHERE a.attrelid = 'audit_events'::regclass AND a.attnum > 0 AND NOT a.attisdropped`)
	if err != nil {
		return err
	}
	found := map[string]string{}
	var name, expression string
	if _, err := pgx.ForEachRow(rows, []any{&name, &expression}, func() error {
		found[name] = plain(expression)
		return nil
	}); err != nil {
		return err
	}
	for name, want := range readable {
		if found[name] != want && report.Fault == nil {
			report.Fault = &audit.Fault{What: fmt.Sprintf("the column %s is no longer generated from the recorded content, so it may say anything", name)}
		}
	}
	var guarded bool
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = 'audit_events'::regclass
		AND tgname = 'audit_events_append_only' AND tgenabled IN ('O', 'A'))`).Scan(&guarded)
	if err == nil && !guarded {
		report.Warnings = append(report.Warnings, "The trigger that refuses changes of the audit log is missing or switched off: run integritybot migrate and find out who did that.")
	}
	return err
}

// plain takes out what Postgres adds when it shows an expression.
func plain(expression string) string {
	return strings.NewReplacer("(", "", ")", "", " ", "", "::text", "").Replace(expression)
}

package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/store"
)

const (
	tamperEvents = 40
	tamperings   = 1000
)

// signing makes a key pair.
func signing(t testing.TB) (note.Signer, note.Verifiers) {
	t.Helper()
	private, public, err := audit.NewKey(rand.Reader, "integritybot/test")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return signer, note.VerifierList(verifier)
}

// tampering does one thing to the log as a superuser for whom no trigger
// fires. first is the first event that is wrong then; 0 if no single one is.
type tampering struct {
	name string
	do   func(t *tamperer) (first int64)
}

// tamperer is an open transaction that will be rolled back.
type tamperer struct {
	*testing.T
	ctx    context.Context
	tx     pgx.Tx
	random *mathrand.Rand
}

// seq is any event.
func (t *tamperer) seq() int64 { return 1 + t.random.Int64N(tamperEvents) }

// exec runs a statement that must change something.
func (t *tamperer) exec(sql string, args ...any) {
	t.Helper()
	tag, err := t.tx.Exec(t.ctx, sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if !strings.HasPrefix(tag.String(), "ALTER") && !strings.HasPrefix(tag.String(), "DROP") && tag.RowsAffected() == 0 {
		t.Fatalf("%s %v: nothing was changed", sql, args)
	}
}

type row struct {
	seq  int64
	at   time.Time
	body string
}

// rewrite does what somebody does who knows how the chain works: change the
// events, then compute all hashes and the head anew.
func (t *tamperer) rewrite(change func([]row) []row) {
	t.Helper()
	rows, err := t.tx.Query(t.ctx, `SELECT seq, at, body FROM audit_events ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (x row, err error) {
		err = r.Scan(&x.seq, &x.at, &x.body)
		return x, err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.exec(`DELETE FROM audit_events`)
	var prev [32]byte
	all = change(all)
	var batch pgx.Batch
	for i, r := range all {
		body := []byte(fmt.Sprintf(`{"seq":%d,%s`, i+1, r.body[max(0, strings.Index(r.body, `"at"`)):]))
		hash := audit.Link(prev, body)
		batch.Queue(`INSERT INTO audit_events (seq, at, body, prev, hash) VALUES ($1, $2, $3, $4, $5)`, i+1, r.at, string(body), bytes.Clone(prev[:]), hash[:])
		prev = hash
	}
	if err := t.tx.SendBatch(t.ctx, &batch).Close(); err != nil {
		t.Fatal(err)
	}
	t.exec(`UPDATE audit_head SET size = $1, hash = $2`, len(all), prev[:])
}

// settle makes the head agree with the last event.
func (t *tamperer) settleHead() {
	t.exec(`UPDATE audit_head h SET size = e.seq, hash = e.hash FROM (SELECT seq, hash FROM audit_events ORDER BY seq DESC LIMIT 1) e`)
}

var tamperKinds = []tampering{
	{"edit seq", func(t *tamperer) int64 {
		k := t.seq()
		t.exec(`UPDATE audit_events SET seq = seq + 1000 WHERE seq = $1`, k)
		return k
	}},
	{"edit at", func(t *tamperer) int64 {
		k := t.seq()
		t.exec(`UPDATE audit_events SET at = at + $2 WHERE seq = $1`, k, time.Duration(1+t.random.Int64N(1e9))*time.Microsecond)
		return k
	}},
	{"edit one letter of the content", func(t *tamperer) int64 {
		k := t.seq()
		letter := string(rune('a' + t.random.IntN(26)))
		t.exec(`UPDATE audit_events SET body = replace(body, '"words":"x', '"words":"'||$2||'X') WHERE seq = $1`, k, letter)
		return k
	}},
	{"edit spaces of the content", func(t *tamperer) int64 {
		k := t.seq()
		t.exec(`UPDATE audit_events SET body = body || ' ' WHERE seq = $1`, k)
		return k
	}},
	{"edit the actor in the content", func(t *tamperer) int64 {
		k := t.seq()
		t.exec(`UPDATE audit_events SET body = replace(body, '"user":"U1"', '"user":"U2"') WHERE seq = $1`, k)
		return k
	}},
	{"edit prev", func(t *tamperer) int64 {
		k := t.seq()
		t.exec(`UPDATE audit_events SET prev = set_bit(prev, $2, 1 - get_bit(prev, $2)) WHERE seq = $1`, k, t.random.IntN(256))
		return k
	}},
	{"edit hash", func(t *tamperer) int64 {
		k := t.seq()
		t.exec(`UPDATE audit_events SET hash = set_bit(hash, $2, 1 - get_bit(hash, $2)) WHERE seq = $1`, k, t.random.IntN(256))
		return k
	}},
	{"edit a readable column", func(t *tamperer) int64 {
		columns := []string{"request", "actor", "source", "channel", "incident", "action", "target", "decision", "outcome"}
		c := columns[t.random.IntN(len(columns))]
		t.exec(`ALTER TABLE audit_events ALTER COLUMN ` + c + ` DROP EXPRESSION`)
		t.exec(`UPDATE audit_events SET `+c+` = 'forged' WHERE seq = $1`, t.seq())
		return 0
	}},
	{"replace a readable column", func(t *tamperer) int64 {
		t.exec(`ALTER TABLE audit_events DROP COLUMN actor`)
		t.exec(`ALTER TABLE audit_events ADD COLUMN actor text GENERATED ALWAYS AS ('U' || seq) STORED`)
		return 0
	}},
	{"edit content and hash", func(t *tamperer) int64 {
		k := t.seq()
		t.exec(`UPDATE audit_events SET body = replace(body, '"done"', '"refused"'),
			hash = sha256(prev || convert_to(replace(body, '"done"', '"refused"'), 'UTF8')) WHERE seq = $1`, k)
		return min(k+1, tamperEvents)
	}},
	{"delete one", func(t *tamperer) int64 {
		k := t.seq()
		t.exec(`DELETE FROM audit_events WHERE seq = $1`, k)
		return k
	}},
	{"delete several", func(t *tamperer) int64 {
		k := t.seq()
		t.exec(`DELETE FROM audit_events WHERE seq BETWEEN $1::bigint AND $1 + $2::int`, k, t.random.IntN(5))
		return k
	}},
	{"delete and close the gap", func(t *tamperer) int64 {
		k := 1 + t.random.Int64N(tamperEvents-1)
		t.exec(`DELETE FROM audit_events WHERE seq = $1`, k)
		t.exec(`UPDATE audit_events SET seq = -seq + 1 WHERE seq > $1`, k)
		t.exec(`UPDATE audit_events SET seq = -seq WHERE seq < 0`)
		t.settleHead()
		return k
	}},
	{"insert a copy", func(t *tamperer) int64 {
		t.exec(`ALTER TABLE audit_events DROP CONSTRAINT audit_events_pkey`)
		t.exec(`INSERT INTO audit_events (seq, at, body, prev, hash) SELECT seq, at, body, prev, hash FROM audit_events WHERE seq = $1`, t.seq())
		return 0
	}},
	{"append without the head", func(t *tamperer) int64 {
		t.exec(`INSERT INTO audit_events (seq, at, body, prev, hash) SELECT seq + 1, at, body, hash, hash FROM audit_events WHERE seq = $1`, tamperEvents)
		return tamperEvents + 1
	}},
	{"swap two", func(t *tamperer) int64 {
		a := 1 + t.random.Int64N(tamperEvents-1)
		b := a + 1 + t.random.Int64N(tamperEvents-a)
		t.exec(`UPDATE audit_events SET seq = $2 WHERE seq = $1`, a, tamperEvents+1000)
		t.exec(`UPDATE audit_events SET seq = $2 WHERE seq = $1`, b, a)
		t.exec(`UPDATE audit_events SET seq = $2 WHERE seq = $1`, tamperEvents+1000, b)
		return a
	}},
	{"swap the content of two", func(t *tamperer) int64 {
		a := 1 + t.random.Int64N(tamperEvents-1)
		t.exec(`UPDATE audit_events x SET body = y.body, at = y.at FROM audit_events y WHERE x.seq IN ($1::bigint, $1 + 1) AND y.seq IN ($1, $1 + 1) AND x.seq <> y.seq`, a)
		return a
	}},
	{"cut the tail", func(t *tamperer) int64 {
		k := t.seq()
		t.exec(`DELETE FROM audit_events WHERE seq >= $1`, k)
		return k
	}},
	{"cut the tail and set the head back", func(t *tamperer) int64 {
		k := 1 + t.seq()
		if k > tamperEvents {
			k = tamperEvents
		}
		t.exec(`DELETE FROM audit_events WHERE seq >= $1`, k)
		t.settleHead()
		return k
	}},
	{"empty the log and the head", func(t *tamperer) int64 {
		t.exec(`DELETE FROM audit_events`)
		t.exec(`UPDATE audit_head SET size = 0, hash = decode(repeat('00', 32), 'hex')`)
		return 1
	}},
	{"cut the tail with its checkpoint", func(t *tamperer) int64 {
		t.exec(`DELETE FROM audit_events WHERE seq >= $1`, tamperEvents)
		t.settleHead()
		t.exec(`DELETE FROM audit_checkpoints WHERE size >= $1`, tamperEvents)
		return tamperEvents
	}},
	{"edit and compute everything anew", func(t *tamperer) int64 {
		k := t.seq()
		t.rewrite(func(rows []row) []row {
			rows[k-1].body = strings.Replace(rows[k-1].body, `"user":"U1"`, `"user":"U2"`, 1)
			return rows
		})
		return tamperEvents
	}},
	{"delete and compute everything anew", func(t *tamperer) int64 {
		k := t.seq()
		t.rewrite(func(rows []row) []row { return slices.Delete(rows, int(k-1), int(k)) })
		return tamperEvents
	}},
	{"insert and compute everything anew", func(t *tamperer) int64 {
		k := t.seq()
		t.rewrite(func(rows []row) []row {
			return slices.Insert(rows, int(k-1), row{at: rows[k-1].at, body: strings.Replace(rows[k-1].body, "U1", "U3", 1)})
		})
		return tamperEvents
	}},
	{"swap and compute everything anew", func(t *tamperer) int64 {
		k := 1 + t.random.Int64N(tamperEvents-1)
		t.rewrite(func(rows []row) []row { rows[k-1], rows[k] = rows[k], rows[k-1]; return rows })
		return tamperEvents
	}},
	{"edit the head's size", func(t *tamperer) int64 {
		t.exec(`UPDATE audit_head SET size = size + $1`, 1+t.random.IntN(5))
		return tamperEvents + 1
	}},
	{"edit the head's hash", func(t *tamperer) int64 {
		t.exec(`UPDATE audit_head SET hash = set_bit(hash, $1, 1 - get_bit(hash, $1))`, t.random.IntN(256))
		return tamperEvents
	}},
	{"delete the head", func(t *tamperer) int64 {
		t.exec(`DELETE FROM audit_head`)
		return 1
	}},
	{"edit a checkpoint", func(t *tamperer) int64 {
		t.exec(`UPDATE audit_checkpoints SET note = replace(note, E'\n' || size || E'\n', E'\n' || (size - 1) || E'\n')`)
		return 0
	}},
}

// R7: random single tamperings with the audit log, every one noticed.
func TestEveryTamperingIsNoticed(t *testing.T) {
	s := open(t, database(t))
	for i := range tamperEvents {
		e := event("check")
		e.Args = map[string]string{"words": "x" + hex.EncodeToString([]byte{byte(i)})}
		if err := s.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	signer, verifiers := signing(t)
	kept, err := s.Checkpoint(t.Context(), signer)
	if err != nil || kept == "" {
		t.Fatalf("Checkpoint = %q, %v", kept, err)
	}
	o := store.VerifyOptions{Keys: verifiers, Notes: map[string][]string{"a file": {kept}}}
	good := func() {
		t.Helper()
		report, err := s.VerifyAudit(t.Context(), o)
		if err != nil || report.Fault != nil || report.Head.Size != tamperEvents || len(report.Agreed) != 2 || len(report.Warnings) != 0 {
			t.Fatalf("false alarm: %+v, %v", report, err)
		}
	}
	good()
	ctx := within(t, 5*time.Minute)
	conn, err := pgx.Connect(ctx, store.DSN(s))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, `ALTER TABLE audit_events DROP CONSTRAINT audit_events_seq_check`); err != nil {
		t.Fatal(err)
	}
	const seed = 42
	random := mathrand.New(mathrand.NewPCG(seed, seed))
	missed, done := 0, map[string]int{}
	for range tamperings {
		kind := tamperKinds[random.IntN(len(tamperKinds))]
		done[kind.name]++
		if !noticed(ctx, t, conn, kind, random, o) {
			missed++
		}
	}
	good()
	t.Logf("%d tamperings of %d kinds, %d not noticed (seed %d)", tamperings, len(done), missed, seed)
	if len(done) != len(tamperKinds) {
		t.Errorf("only %d of %d kinds were tried", len(done), len(tamperKinds))
	}
}

func noticed(ctx context.Context, t *testing.T, conn *pgx.Conn, kind tampering, random *mathrand.Rand, o store.VerifyOptions) bool {
	t.Helper()
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tx.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
	}()
	if _, err := tx.Exec(ctx, `SET LOCAL session_replication_role = replica`); err != nil {
		t.Fatal(err)
	}
	first := kind.do(&tamperer{T: t, ctx: ctx, tx: tx, random: random})
	var report audit.Report
	if err := store.VerifyIn(ctx, tx, o, &report); err != nil {
		t.Fatalf("%s: %v", kind.name, err)
	}
	if report.Fault == nil {
		t.Errorf("%s was not noticed", kind.name)
		return false
	}
	if first != 0 && report.Fault.Seq != first {
		t.Errorf("%s: said %v, want event %d", kind.name, report.Fault, first)
	}
	return true
}

package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/fix"
)

// claimSQL makes the transactions of one plan wait for each other, so that a
// process that was given up for dead and its successor cannot be inside one
// batch together. The record's unique key is the second line.
const claimSQL = "SELECT pg_advisory_xact_lock(hashtextextended('integritybot plan ' || $1, 0))"

func (x *Fixing) claimKey(plan int64) string { return fmt.Sprintf("%d of %s", plan, x.store) }

// claim waits until nobody else is inside a batch of this plan.
func (w *work) claim(ctx context.Context) error {
	err := w.withLockTimeout(ctx, claimWait, func() error { return w.exec(ctx, claimSQL, w.x.claimKey(w.plan.ID)) })
	if lockNotAvailable(err) {
		return problemf("Another process is still inside a batch of %s on Postgres %s. Try again in a minute.", w.plan.Ref(), w.x.t.opts.Place)
	}
	return err
}

// recorded reads what became of this batch in this pass, if it was made.
func (w *work) recorded(ctx context.Context) (fix.Result, bool, error) {
	var hash string
	var raw []byte
	err := w.each(ctx, `SELECT hash, result FROM integritybot.applied WHERE store = $1 AND plan = $2 AND batch = $3 AND pass = $4`,
		[]any{w.x.store, w.plan.ID, w.batch.N, w.pass}, func(rows pgx.Rows) error { return rows.Scan(&hash, &raw) })
	if err != nil || raw == nil {
		return fix.Result{}, false, err
	}
	if hash != w.plan.Hash {
		return fix.Result{}, false, problemf("Postgres %s has recorded a batch of %s with another content than the one that was confirmed.", w.x.t.opts.Place, w.plan.Ref())
	}
	var result fix.Result
	if err := json.Unmarshal(raw, &result); err != nil {
		return fix.Result{}, false, fmt.Errorf("recorded result: %w", err)
	}
	return result, true, nil
}

// lookAfter reads the rows as they are at the end, triggers included: that is
// what an undo must find.
func (w *work) lookAfter(ctx context.Context) error {
	forms := map[int][]int{}
	for i, fate := range w.fates {
		c := w.batch.Changes[i]
		if op := w.forms[c.Form].Op; fate.made && (op == fix.Update || op == fix.Insert) {
			forms[c.Form] = append(forms[c.Form], i)
		}
	}
	for form, changes := range forms {
		f := w.forms[form]
		s := w.shapes[f.Table]
		b := &bundle{names: []string{"ib_i"}, types: []string{"int4"}, args: []any{places(changes)}}
		b.add(w, "ib_k", len(f.Key), changes, func(c fix.Change, n int) *string { return &keyAfter(f, c)[n] })
		sql := fmt.Sprintf("SELECT ib.ib_i, (t.*)::text FROM %s JOIN %s AS t ON %s", b.sql(), s.table, s.keyIs("t", "ib", f.Key))
		err := w.each(ctx, sql, b.args, func(rows pgx.Rows) error {
			var i int
			var row string
			err := rows.Scan(&i, &row)
			if err == nil {
				w.fates[i].after = &row
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	w.chain()
	return nil
}

// chain links the changes of one row: what one leaves is what the next one found.
func (w *work) chain() {
	last := map[string]int{}
	for i, fate := range w.fates {
		c := w.batch.Changes[i]
		f := w.forms[c.Form]
		if !fate.made || f.Op == fix.Keep || f.Op == fix.Validate {
			continue
		}
		if j, ok := last[rowName(f.Table, c.Key)]; ok {
			w.fates[j].after = fate.before
		}
		last[rowName(f.Table, keyAfter(f, c))] = i
	}
}

// keyAfter is a row's key after its change, which may have written it.
func keyAfter(f fix.Form, c fix.Change) []string {
	if f.Op != fix.Update {
		return c.Key
	}
	key := slices.Clone(c.Key)
	for n, name := range f.Key {
		if i := slices.Index(f.Columns, name); i >= 0 && c.New[i] != nil {
			key[n] = *c.New[i]
		}
	}
	return key
}

// record leaves in the database what the transaction did, and gives it.
func (w *work) record(ctx context.Context) (fix.Result, error) {
	result := fix.Result{Batch: w.batch.N, Pass: w.pass}
	for i, fate := range w.fates {
		switch {
		case !fate.tried:
		case fate.why != "":
			result.Skipped = append(result.Skipped, fix.Skipped{Index: i, Why: fate.why})
		case fate.made && w.forms[w.batch.Changes[i].Form].Op != fix.Keep:
			result.Changed++
		}
	}
	if err := w.saveImages(ctx); err != nil {
		return fix.Result{}, err
	}
	if err := w.saveQuarantine(ctx); err != nil {
		return fix.Result{}, err
	}
	if err := w.each(ctx, "SELECT now()", nil, func(rows pgx.Rows) error { return rows.Scan(&result.At) }); err != nil {
		return fix.Result{}, err
	}
	result.At = result.At.UTC()
	raw, err := json.Marshal(result)
	if err != nil {
		return fix.Result{}, fmt.Errorf("record the result: %w", err)
	}
	return result, w.exec(ctx, `
INSERT INTO integritybot.applied (store, plan, batch, pass, hash, changed, result) VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb)`,
		w.x.store, w.plan.ID, w.batch.N, w.pass, w.plan.Hash, result.Changed, string(raw))
}

// saveImages keeps each changed row as it was and is. Of a session nothing is kept:
// it cannot be brought back.
func (w *work) saveImages(ctx context.Context) error {
	if signals(w.forms) {
		return nil
	}
	var rows [][]any
	for i, fate := range w.fates {
		c := w.batch.Changes[i]
		if f := w.forms[c.Form]; fate.made && f.Op != fix.Keep {
			key := c.Key
			if key == nil {
				key = []string{}
			}
			rows = append(rows, []any{w.x.store, w.plan.ID, w.batch.N, w.pass, i, c.Group, f.Table, key, string(f.Op), fate.before, fate.after})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, w.timeout+answerGrace)
	defer cancel()
	_, err := w.conn.CopyFrom(bounded, pgx.Identifier{"integritybot", "before_image"},
		[]string{"store", "plan", "batch", "pass", "n", "grp", "tbl", "key", "op", "before", "after"}, pgx.CopyFromRows(rows))
	return lost(err)
}

// saveQuarantine makes the quarantined rows of the images readable.
func (w *work) saveQuarantine(ctx context.Context) error {
	tables := map[string]bool{}
	for i, fate := range w.fates {
		if f := w.forms[w.batch.Changes[i].Form]; fate.made && f.Op == fix.Quarantine {
			tables[f.Table] = true
		}
	}
	for table := range tables {
		err := w.exec(ctx, `
INSERT INTO integritybot.quarantine (store, plan, batch, n, tbl, key, row)
SELECT store, plan, batch, n, tbl, key, to_jsonb(before::`+table+`) FROM integritybot.before_image
WHERE store = $1 AND plan = $2 AND batch = $3 AND pass = $4 AND tbl = $5 AND op = $6`,
			w.x.store, w.plan.ID, w.batch.N, w.pass, table, string(fix.Quarantine))
		if err != nil {
			return err
		}
	}
	return nil
}

// Applied is what this database recorded of a plan, in the order of its batches.
// It waits for a batch that is still being made by a process given up for dead,
// so that what it says is final. See [fix.Applier].
func (x *Fixing) Applied(ctx context.Context, plan int64, _ []fix.Form) ([]fix.Result, error) {
	var out []fix.Result
	err := x.reading(ctx, "READ COMMITTED", claimWait+answerGrace, func(w *work) error {
		w.plan.ID = plan
		if err := w.claim(ctx); err != nil {
			return err
		}
		return w.each(ctx, `SELECT result FROM integritybot.applied WHERE store = $1 AND plan = $2 ORDER BY pass, batch`,
			[]any{x.store, plan}, func(rows pgx.Rows) error {
				var raw []byte
				var r fix.Result
				if err := rows.Scan(&raw); err != nil {
					return err
				}
				if err := json.Unmarshal(raw, &r); err != nil {
					return fmt.Errorf("recorded result: %w", err)
				}
				out = append(out, r)
				return nil
			})
	})
	return out, err
}

// reading does something in a transaction that changes nothing. Errors are
// Problems.
func (x *Fixing) reading(ctx context.Context, isolation string, timeout time.Duration, do func(*work) error) error {
	s, err := x.t.session(ctx, nil, timeout)
	if err != nil {
		return err
	}
	defer s.Release()
	w := &work{x: x, conn: s.conn.Conn(), timeout: timeout}
	if err := w.exec(ctx, "BEGIN ISOLATION LEVEL "+isolation+" READ ONLY"); err != nil {
		return x.problem(ctx, "read the record", err)
	}
	defer w.rollback(ctx)
	if err := do(w); err != nil {
		return x.problem(ctx, "read the record", err)
	}
	return nil
}

// purgeChunk is how many images one statement removes.
const purgeChunk = 5_000

// Purge removes the images of plans whose last batch is older. See [fix.Applier].
func (x *Fixing) Purge(ctx context.Context, before time.Time) (int64, error) {
	var all int64
	for {
		var n int64
		err := x.t.query(ctx, `
WITH gone AS (DELETE FROM integritybot.before_image WHERE ctid = ANY (ARRAY(
  SELECT b.ctid FROM integritybot.before_image b WHERE b.store = $1 AND b.plan IN (
    SELECT plan FROM integritybot.applied WHERE store = $1 GROUP BY plan HAVING max(at) < $2) LIMIT $3)) RETURNING 1)
SELECT count(*) FROM gone`, []any{x.store, before, purgeChunk}, func(rows pgx.Rows) error { return rows.Scan(&n) })
		all += n
		if err != nil || n < purgeChunk {
			return all, err
		}
	}
}

package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/fix"
)

const (
	// signalWithin is how long to wait until a session has done as it was told.
	signalWithin = 5 * time.Second
	// signalLook lies between two looks at it.
	signalLook = 100 * time.Millisecond
)

// allowedSQL is which sessions may be ended at all, whatever a plan says: other
// people's connections to this database. a is the session, r its role.
const allowedSQL = `a.backend_type = 'client backend' AND a.datname = current_database() AND a.pid <> pg_backend_pid()
  AND NOT r.rolsuper AND NOT (a.application_name = '` + ApplicationName + `' OR starts_with(a.application_name, '` + ApplicationName + ` '))`

// signalSQL is compare and set: the session, its transaction and, if it is to be
// cancelled, its statement are those of the plan; it is one that may be ended; and
// somebody still waits for it, where that is why. Only then the function is called.
const signalSQL = `
WITH s AS MATERIALIZED (
  SELECT a.pid, %[3]s AS same, %[2]s AS allowed,
         NOT $5::bool OR EXISTS (SELECT FROM pg_stat_activity w WHERE w.wait_event_type = 'Lock' AND a.pid = ANY (pg_blocking_pids(w.pid))) AS needed
  FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid WHERE a.pid = $1::text::int)
SELECT same, coalesce(allowed, false), needed, CASE WHEN same AND allowed AND needed THEN %[1]s(pid) END FROM s`

// sameSQL tells whether a is the session of the plan, doing what it did then.
const sameSQL = `(to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') IS NOT DISTINCT FROM $2
  AND to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') IS NOT DISTINCT FROM $3
  AND ($4::text IS NULL OR (to_char(a.query_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') = $4 AND a.state = 'active')))`

// signal ends what the changes of a batch say.
//
// A signal cannot be rolled back, so the order is: it is given inside of the
// transaction, and its record is committed right behind it. Whoever dies between
// the two leaves no record; who goes on compares again, and finds the session gone
// or at something else, and leaves it alone: "gone since the preview". Nobody else
// is ever hit, because who a session is includes when it and its transaction began.
// The other order, a record before the signal, would tell of a session that was
// ended and still holds its locks.
func (w *work) signal(ctx context.Context, only []int) error {
	w.fates = make([]fate, len(w.batch.Changes))
	for i := range w.fates {
		w.fates[i].tried = only == nil
	}
	for _, i := range only {
		if i < 0 || i >= len(w.fates) {
			return fmt.Errorf("change %d of a batch of %d", i, len(w.fates))
		}
		w.fates[i].tried = true
	}
	for i := range w.fates {
		if !w.fates[i].tried {
			continue
		}
		if err := w.signalOne(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) signalOne(ctx context.Context, i int) error {
	c := w.batch.Changes[i]
	f := w.forms[c.Form]
	id, spec, err := readSignal(f, c)
	if err != nil {
		return fmt.Errorf("change %d: %w", i, err)
	}
	function := "pg_terminate_backend"
	if f.Op == fix.Interrupt {
		function = "pg_cancel_backend"
	}
	fate := &w.fates[i]
	fate.why = fix.WhyGone
	args := []any{c.Key[0], id.Backend, id.Transaction, id.Statement, spec.Blocking}
	err = w.fresh(ctx, fmt.Sprintf(signalSQL, function, allowedSQL, sameSQL), args, func(rows pgx.Rows) error {
		var same, allowed, needed bool
		var given *bool
		if err := rows.Scan(&same, &allowed, &needed, &given); err != nil {
			return err
		}
		switch {
		case !same, !allowed:
			fate.why = fix.WhyChanged
		case !needed:
			fate.why = fix.WhyUnless
		case given != nil && *given:
			fate.made, fate.why = true, ""
		}
		return nil
	})
	if state(err) == stateNoPrivilege {
		return problemf("%s", w.x.noSignal(spec.Roles))
	}
	if err != nil || !fate.made {
		return err
	}
	return w.obeyed(ctx, args[:4])
}

// readSignal reads which session a change is about.
func readSignal(f fix.Form, c fix.Change) (id sessionID, spec signalSpec, err error) {
	if err := json.Unmarshal([]byte(c.Before), &id); err != nil {
		return id, spec, fmt.Errorf("session of a plan: %w", err)
	}
	if err := json.Unmarshal(f.Spec, &spec); err != nil {
		return id, spec, fmt.Errorf("form of a plan: %w", err)
	}
	if len(c.Key) != 1 || f.Op == fix.Interrupt && id.Statement == nil {
		return id, spec, errors.New("it names no session, or no statement to cancel")
	}
	return id, spec, nil
}

// fresh asks for the sessions as they are now: within a transaction the server
// shows them as it saw them first.
func (w *work) fresh(ctx context.Context, sql string, args []any, each func(pgx.Rows) error) error {
	if err := w.exec(ctx, "SELECT pg_stat_clear_snapshot()"); err != nil {
		return err
	}
	return w.each(ctx, sql, args, each)
}

// obeyed waits until the session has done as it was told, so that the check that
// runs next sees it. One that takes longer was told nevertheless.
func (w *work) obeyed(ctx context.Context, args []any) error {
	for until := w.x.t.opts.Now().Add(signalWithin); w.x.t.opts.Now().Before(until); {
		still := false
		err := w.fresh(ctx, "SELECT FROM pg_stat_activity a WHERE a.pid = $1::text::int AND "+sameSQL, args, func(pgx.Rows) error {
			still = true
			return nil
		})
		if err != nil || !still {
			return err
		}
		if err := w.x.t.opts.Sleep(ctx, signalLook); err != nil {
			return err
		}
	}
	return nil
}

// maySignalSQL is which of the roles ours may not signal, and whether it sees what
// sessions do, without which none is the one of the plan.
// Source: PostgreSQL manual, 9.28.2 "Server Signaling Functions".
const maySignalSQL = `
SELECT pg_has_role('pg_read_all_stats', 'USAGE'),
       ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE r.rolname = ANY ($1) AND NOT pg_has_role(r.oid, 'USAGE')
                AND NOT pg_has_role('pg_signal_backend', 'USAGE') ORDER BY 1)`

// maySignal is nil if our role may end the sessions of a plan, and else a Problem
// that names the GRANT.
func (x *Fixing) maySignal(ctx context.Context, forms []fix.Form) error {
	var sees bool
	var lacks, roles []string
	for _, f := range forms {
		var spec signalSpec
		if err := json.Unmarshal(f.Spec, &spec); err != nil {
			return fmt.Errorf("form of a plan: %w", err)
		}
		roles = append(roles, spec.Roles...)
	}
	err := x.t.query(ctx, maySignalSQL, []any{roles}, func(rows pgx.Rows) error { return rows.Scan(&sees, &lacks) })
	switch {
	case err != nil:
		return err
	case !sees:
		return problemf("Role %s may not see what sessions do on Postgres %s: have a superuser run GRANT pg_read_all_stats TO %s.",
			x.role(), x.t.opts.Place, pgx.Identifier{x.role()}.Sanitize())
	case len(lacks) > 0:
		return problemf("%s", x.noSignal(lacks))
	}
	return nil
}

// noSignal says which grant is missing.
func (x *Fixing) noSignal(roles []string) string {
	return fmt.Sprintf("Role %s may not cancel or end sessions of role %s on Postgres %s: have a superuser run GRANT pg_signal_backend TO %s (see deploy/sql/target.sql).",
		x.role(), strings.Join(roles, ", "), x.t.opts.Place, pgx.Identifier{x.role()}.Sanitize())
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// Further SQLSTATEs that get a sentence of their own.
// Source: PostgreSQL manual, appendix A "PostgreSQL Error Codes".
const (
	stateForeignKey        = "23503"
	stateUnique            = "23505"
	stateExclusion         = "23P01"
	stateDeadlock          = "40P01"
	stateDiskFull          = "53100"
	stateGeneratedAlways   = "428C9"
	stateIdleInTransaction = "25P03"
	classIntegrity         = "23"
	classData              = "22"
)

// errLost marks errors of the connection, as opposed to the server's answers.
var errLost = errors.New("connection lost")

func lost(err error) error {
	var pg *pgconn.PgError
	if err == nil || errors.As(err, &pg) {
		return err
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

func state(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// ended tells whether an error is the end of its session.
func ended(pg *pgconn.PgError) bool {
	switch pg.Code {
	case stateAdminShutdown, stateCrashShutdown, stateCannotConnectNow, stateIdleInTransaction:
		return true
	}
	return false
}

func lockNotAvailable(err error) bool { return state(err) == stateLockNotAvailable }

// refusedRow tells whether a row could not be written because another one has
// its key; not whether a trigger met such a row elsewhere.
func refusedRow(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == stateUnique || pg.Code == stateExclusion) && !raisedIn.MatchString(pg.Where)
}

// tryAgain tells whether a batch may go through when it is begun anew.
func tryAgain(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == stateDeadlock || pg.Code == stateSerialization || pg.Code == stateTooManyClients || ended(pg)
	}
	if errors.Is(err, errUnsettled) {
		return true
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return false // silence, which has lasted long enough
	}
	var known *check.Problem
	return errors.Is(err, errLost) || (errors.As(err, &known) && known.Err != nil)
}

// notApplied makes a Problem of why a batch was not made. The end of the
// caller's own context is handed on as it is.
func (x *Fixing) notApplied(ctx context.Context, p fix.Plan, b fix.Batch, err error, unsettled bool) error {
	name := fmt.Sprintf("Batch %d of %s", b.N+1, p.Ref())
	err = fmt.Errorf("postgres %s: apply batch %d of %s: %w", x.t.opts.Name, b.N, p.Ref(), err)
	if ctx.Err() != nil {
		return err
	}
	fate := name + " was not applied."
	if unsettled {
		fate = name + " may have been applied or not: the record in this database tells as soon as it answers."
	}
	return &check.Problem{Sentence: x.fixSentence(err) + " " + fate, Err: err}
}

// problem makes a Problem of what went wrong while nothing was changed. The end of
// the caller's own context is handed on as it is.
func (x *Fixing) problem(ctx context.Context, doing string, err error) error {
	var known *check.Problem
	err = fmt.Errorf("postgres %s: %s: %w", x.t.opts.Name, doing, err)
	if ctx.Err() != nil || errors.As(err, &known) {
		return err
	}
	return &check.Problem{Sentence: x.fixSentence(err), Err: err}
}

// fixSentence says what went wrong and what to do, without row data: a server's
// own message is never repeated, because that of a trigger may hold a row.
func (x *Fixing) fixSentence(err error) string {
	var pg *pgconn.PgError
	var known *check.Problem
	place := x.t.opts.Place
	switch {
	case errors.As(err, &known):
		return known.Sentence
	case errors.As(err, &pg):
		return x.serverSentence(pg)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("Postgres %s did not answer in time (%s for a statement).", place, x.t.opts.StatementTimeout)
	case errors.Is(err, errLost), errors.Is(err, errUnsettled):
		return fmt.Sprintf("The connection to Postgres %s broke off.", place)
	}
	return fmt.Sprintf("The plan does not fit Postgres %s: make a new preview.", place)
}

// raisedIn finds the innermost function of a server's error.
var raisedIn = regexp.MustCompile(`(?:PL/pgSQL|SQL) function ([^(\n]+)\(`)

func (x *Fixing) serverSentence(pg *pgconn.PgError) string {
	place := x.t.opts.Place
	function := ""
	if m := raisedIn.FindStringSubmatch(pg.Where); m != nil {
		function = strings.Trim(m[1], `"`)
	}
	switch {
	case pg.Code == stateDiskFull:
		return fmt.Sprintf("Postgres %s has no space left on its disk.", place)
	case pg.Code == stateReadOnly:
		return fmt.Sprintf("Postgres %s can only be read at the moment (it is a replica, or set to read-only).", place)
	case pg.Code == stateDeadlock, pg.Code == stateSerialization:
		return fmt.Sprintf("The changes got into the way of other transactions on Postgres %s, %d times in a row. Try again when it is calmer.", place, fixTries)
	case pg.Code == stateQueryCanceled:
		return x.t.serverSentence(pg)
	case pg.Code == stateIdleInTransaction:
		return fmt.Sprintf("Postgres %s ended our session because we were silent for too long.", place)
	case pg.Code == stateForeignKey && strings.HasSuffix(function, "validate_constraint"):
		return fmt.Sprintf("Foreign key %s of table %s on Postgres %s does not hold: repair its rows first.", pg.ConstraintName, pg.TableName, place)
	case pg.Code == stateNoPrivilege:
		return x.grantSentence(pg, function)
	case function != "":
		return fmt.Sprintf("A trigger on Postgres %s refused a change: function %s ended with error %s.", place, function, pg.Code)
	case pg.Code == stateForeignKey:
		return fmt.Sprintf("Foreign key %s of table %s on Postgres %s refused a change: rows refer to each other otherwise than when the plan was made. Make a new preview.", pg.ConstraintName, pg.TableName, place)
	case strings.HasPrefix(pg.Code, classIntegrity):
		return fmt.Sprintf("A rule of table %s on Postgres %s refused a change%s.", pg.TableName, place, ruleOf(pg))
	case strings.HasPrefix(pg.Code, classData), pg.Code == stateUndefinedColumn, pg.Code == stateUndefinedTable, pg.Code == stateGeneratedAlways:
		return fmt.Sprintf("A value does not fit its table on Postgres %s (error %s): the table is another one than when the plan was made. Make a new preview.", place, pg.Code)
	}
	return x.t.serverSentence(pg)
}

func ruleOf(pg *pgconn.PgError) string {
	switch {
	case pg.ConstraintName != "":
		return " (constraint " + pg.ConstraintName + ")"
	case pg.ColumnName != "":
		return " (column " + pg.ColumnName + " must not be NULL)"
	}
	return ""
}

func (x *Fixing) grantSentence(pg *pgconn.PgError, function string) string {
	in := ""
	if function != "" {
		in = ", which function " + function + " needs"
	}
	if m := deniedName.FindStringSubmatch(pg.Message); m != nil {
		return fmt.Sprintf("Role %s lacks a right on %s %s on Postgres %s%s: have its owner grant it.", x.role(), m[1], m[2], x.t.opts.Place, in)
	}
	return fmt.Sprintf("Role %s lacks a right on Postgres %s%s.", x.role(), x.t.opts.Place, in)
}

// meddlersSQL asks for what may have changed a row that we wrote.
const meddlersSQL = `
SELECT coalesce((SELECT string_agg(tgname, ', ' ORDER BY tgname) FROM pg_trigger
                 WHERE tgrelid = to_regclass($1) AND NOT tgisinternal AND tgenabled <> 'D'), ''),
       coalesce((SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute
                 WHERE attrelid = to_regclass($1) AND attgenerated <> ''), '')`

func (w *work) meddlers(ctx context.Context, f fix.Form) (string, error) {
	var triggers, generated string
	err := w.each(ctx, meddlersSQL, []any{f.Table}, func(rows pgx.Rows) error { return rows.Scan(&triggers, &generated) })
	var parts []string
	if triggers != "" {
		parts = append(parts, "triggers: "+triggers)
	}
	if generated != "" {
		parts = append(parts, "generated columns: "+generated)
	}
	if len(parts) == 0 {
		return "", err
	}
	return " (" + strings.Join(parts, "; ") + ")", err
}

// swallowed is the Problem of a row that was there and was not changed, although
// no error came.
func (w *work) swallowed(ctx context.Context, f fix.Form) error {
	who, err := w.meddlers(ctx, f)
	if err != nil {
		return err
	}
	return problemf("Something in %s on Postgres %s kept a row from being changed without saying so%s.", f.Table, w.x.t.opts.Place, who)
}

// altered is the Problem of a row that was put back and is not the same.
func (w *work) altered(ctx context.Context, f fix.Form) error {
	who, err := w.meddlers(ctx, f)
	if err != nil {
		return err
	}
	return problemf("A row cannot be put back into %s on Postgres %s exactly as it was: something there alters it%s.", f.Table, w.x.t.opts.Place, who)
}

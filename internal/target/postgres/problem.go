package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/check"
)

// SQLSTATEs that get a sentence of their own.
// Source: PostgreSQL manual, appendix A "PostgreSQL Error Codes".
const (
	stateQueryCanceled     = "57014"
	stateAdminShutdown     = "57P01"
	stateCrashShutdown     = "57P02"
	stateCannotConnectNow  = "57P03"
	stateNoPrivilege       = "42501"
	stateUndefinedTable    = "42P01"
	stateUndefinedColumn   = "42703"
	stateUndefinedFunction = "42883"
	stateSyntax            = "42601"
	stateTooManyClients    = "53300"
	stateBadPassword       = "28P01"
	stateBadAuthorization  = "28000"
	stateNoDatabase        = "3D000"
	stateLockNotAvailable  = "55P03"
	stateReadOnly          = "25006"
	stateSerialization     = "40001"
)

var deniedName = regexp.MustCompile(`permission denied for (table|view|materialized view|foreign table|schema|function|database|sequence) ("?.+"?)$`)

// problem makes a sentence for people of a driver's error. The end of the
// caller's own context is handed on as it is: it is no fault of the database.
func (t *Target) problem(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("postgres %s: %s: %w", t.opts.Name, doing, context.Cause(ctx))
	}
	var known *check.Problem
	if errors.As(err, &known) {
		return err
	}
	return &check.Problem{Sentence: t.sentence(err), Err: fmt.Errorf("postgres %s: %s: %w", t.opts.Name, doing, err)}
}

// sentence says what did not answer and what to do, without the DSN and without
// row data: a server's message is repeated only where it can hold neither.
func (t *Target) sentence(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return t.serverSentence(pg)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("Postgres %s did not answer in time (%s to connect, %s for a statement).",
			t.opts.Place, t.opts.ConnectTimeout, t.opts.StatementTimeout)
	case strings.Contains(err.Error(), "connection refused"):
		return fmt.Sprintf("Postgres %s refused the connection: is it running, and is the address right?", t.opts.Place)
	case errors.As(err, &connect):
		return fmt.Sprintf("Postgres %s cannot be reached.", t.opts.Place)
	}
	return fmt.Sprintf("The connection to Postgres %s broke off.", t.opts.Place)
}

func (t *Target) serverSentence(pg *pgconn.PgError) string {
	place, role := t.opts.Place, t.pool.Config().ConnConfig.User
	switch pg.Code {
	case stateQueryCanceled:
		if strings.Contains(pg.Message, "recovery") {
			return fmt.Sprintf("Postgres %s, a replica, ended our statement because of a conflict with recovery. Try again.", place)
		}
		return fmt.Sprintf("A statement on Postgres %s took longer than its time-out and was ended.", place)
	case stateNoPrivilege:
		if m := deniedName.FindStringSubmatch(pg.Message); m != nil {
			return deniedSentence(place, role, m[1], m[2])
		}
		return fmt.Sprintf("Role %s may not do this on Postgres %s: %s.", role, place, pg.Message)
	case stateUndefinedTable, stateUndefinedColumn, stateUndefinedFunction, stateSyntax:
		s := fmt.Sprintf("Postgres %s does not understand the check: %s.", place, pg.Message)
		if pg.Hint != "" && pg.Code == stateUndefinedColumn {
			s += " " + pg.Hint
		}
		return s
	case stateTooManyClients:
		return fmt.Sprintf("Postgres %s has no connection left to give (max_connections).", place)
	case stateBadPassword, stateBadAuthorization:
		return fmt.Sprintf("Postgres %s refused the login of role %s: check the password and pg_hba.conf.", place, role)
	case stateNoDatabase:
		return fmt.Sprintf("Postgres %s: the database of the DSN does not exist.", place)
	case stateAdminShutdown, stateCrashShutdown, stateCannotConnectNow:
		return fmt.Sprintf("Postgres %s is shutting down or starting up (or ended our session).", place)
	case stateLockNotAvailable:
		return fmt.Sprintf("A table on Postgres %s is locked by somebody else; gave up after %s.", place, t.opts.LockTimeout)
	case stateReadOnly:
		return fmt.Sprintf("The check tried to write on Postgres %s; our sessions are read-only.", place)
	case stateSerialization:
		return fmt.Sprintf("Postgres %s, a replica, ended our statement because of a conflict with recovery. Try again.", place)
	}
	return fmt.Sprintf("Postgres %s answered with error %s.", place, pg.Code)
}

// deniedSentence names the GRANT that is missing.
func deniedSentence(place, role, kind, name string) string {
	to := pgx.Identifier{role}.Sanitize()
	grant := fmt.Sprintf("GRANT SELECT ON %s TO %s", name, to)
	switch kind {
	case "schema":
		grant = fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s", name, to)
	case "function":
		grant = fmt.Sprintf("GRANT EXECUTE ON FUNCTION %s TO %s", name, to)
	}
	return fmt.Sprintf("Role %s may not read %s %s on Postgres %s: have its owner run %s.", role, kind, name, place, grant)
}

// timedOut tells whether a statement was ended by its time-out, so that a
// smaller one may succeed.
func timedOut(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == stateQueryCanceled && strings.Contains(pg.Message, "statement timeout")
}

// humane prints a duration for people: 12 s, 250 ms, 4 min.
func humane(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	}
	return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
}

package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

var _ Preventer = (*Blocking)(nil)

// Prevent implements Preventer. No constraint keeps a session from waiting; the
// server's own time-outs bound how long. What is too long only the application
// knows, so that no file is proposed; nor can our role see what others have set.
func (w *Blocking) Prevent(ctx context.Context, t *Target) (Prevention, error) {
	p := Prevention{Title: "Time-outs of the server for sessions that wait or sit", Notes: []string{
		"There is no constraint against waiting. What bounds it is set for each role of an application (ALTER ROLE … SET …), after a look at how long its longest honest transaction takes:",
		"lock_timeout, a few seconds, for roles that migrate schemas: a migration that waits for a table makes all later queries wait behind it.",
	}}
	if limit := w.maxIdle(); limit > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("idle_in_transaction_session_timeout: without it a session that forgot its transaction keeps its locks for ever. This check allows %s.", humane(limit)))
	}
	var logged string
	err := t.itself().query(ctx, "SELECT current_setting('log_lock_waits')", nil, func(rows pgx.Rows) error { return rows.Scan(&logged) })
	if err == nil && logged != "on" {
		p.Notes = append(p.Notes, "log_lock_waits is off: with it the server's log says who waited for whom for longer than deadlock_timeout.")
	}
	return p, err
}

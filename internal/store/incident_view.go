package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// IncidentView implements commands.Archive.
func (s *Store) IncidentView(ctx context.Context, id int64) (incidents.View, error) {
	return s.view(ctx, id, s.readView, s.readHistory)
}

// IncidentFacts is the view without Entries and Events, whose number has no bound.
func (s *Store) IncidentFacts(ctx context.Context, id int64) (incidents.View, error) {
	return s.view(ctx, id, s.readView)
}

// view reads an incident and what is asked for about it, as of one moment.
func (s *Store) view(ctx context.Context, id int64, reads ...func(context.Context, pgx.Tx, *incidents.View) error) (incidents.View, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, contentWithin, errNoAnswer)
	defer cancel()
	var v incidents.View
	err := s.asOfOneMoment(ctx, func(tx pgx.Tx) error {
		found, err := readIncidents(ctx, tx, `WHERE id = $1`, id)
		if err == nil && len(found) == 0 {
			err = incidents.ErrNotFound
		}
		if err != nil {
			return err
		}
		v.Incident = found[0]
		for _, read := range reads {
			if err := read(ctx, tx, &v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return incidents.View{}, fmt.Errorf("read %s: %w", incidents.Ref(id), err)
	}
	return v, nil
}

func (s *Store) readView(ctx context.Context, tx pgx.Tx, v *incidents.View) error {
	i := v.Incident
	runs, fixed, err := runsOf(ctx, tx, i)
	if err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	v.Checks, v.Runs = measured(runs, fixed), underway(runs)
	if v.Ended, err = endedRuns(ctx, tx, i.Steps); err != nil {
		return fmt.Errorf("runs of steps: %w", err)
	}
	plans, err := readPlans(ctx, tx, s.now(), `WHERE incident > 0 AND incident = $2 ORDER BY id`, i.ID)
	if err != nil {
		return fmt.Errorf("plans: %w", err)
	}
	for _, p := range plans {
		v.Repairs = append(v.Repairs, repair(p))
	}
	if v.Notices, err = noticesOf(ctx, tx, i.ID); err != nil {
		return fmt.Errorf("notices: %w", err)
	}
	err = tx.QueryRow(ctx, `SELECT coalesce($1, clock_timestamp())`, s.now()).Scan(&v.Now)
	v.Now = v.Now.UTC()
	return err
}

func (s *Store) readHistory(ctx context.Context, tx pgx.Tx, v *incidents.View) (err error) {
	if v.Entries, err = entriesOf(ctx, tx, allEntries, v.Incident.ID); err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	if v.Events, err = loggedOf(ctx, tx, v.Incident.ID); err != nil {
		return fmt.Errorf("audit events: %w", err)
	}
	return nil
}

// endedRuns are the runs of steps that are over.
func endedRuns(ctx context.Context, q querier, steps []incidents.Step) (map[int64]incidents.Ended, error) {
	var ids []int64
	for _, s := range steps {
		if s.Run > 0 {
			ids = append(ids, s.Run)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	runs, err := readRuns(ctx, q, `WHERE r.id = ANY ($1) AND r.state NOT IN ('queued', 'running')`, ids)
	ended := make(map[int64]incidents.Ended, len(runs))
	for _, run := range runs {
		ended[run.ID] = incidents.Ended{State: run.State, Verdict: worst(run.Findings)}
	}
	return ended, err
}

// worst is FAIL before UNKNOWN before PASS.
func worst(findings []check.Finding) (worst check.Verdict) {
	for _, f := range findings {
		switch {
		case f.Verdict == check.Fail, worst == "", f.Verdict == check.Unknown && worst == check.Pass:
			worst = f.Verdict
		}
	}
	return worst
}

// repair is a plan without anything that could be row data: its draft's clause may
// name records and sessions, its button does not.
func repair(p fix.Plan) incidents.Repair {
	r := incidents.Repair{
		ID: p.ID, Ref: p.Ref(), Check: p.Check, Mode: p.Mode, Target: p.Draft.Place, State: string(p.State), Does: p.Draft.Button,
		Rows: p.Draft.Rows, AskedBy: p.AskedBy, DecidedBy: p.DecidedBy, Asked: p.AskedAt, Decided: p.DecidedAt, Finished: p.Finished,
		Verdict: p.Outcome.Verdict, Before: p.Outcome.Before, After: p.Outcome.After, Undoes: p.Undoes, UndoneBy: p.UndoneBy,
	}
	if p.State == fix.Applied || p.State == fix.PartlyApplied || p.State == fix.Undone {
		r.Rows = p.Outcome.Changed
	}
	return r
}

// What entriesOf reads: all revisions, or the latest ones.
const (
	allEntries    = `SELECT body FROM incident_entries WHERE incident = $1 ORDER BY key, revision`
	latestEntries = `SELECT DISTINCT ON (key) body FROM incident_entries WHERE incident = $1 ORDER BY key, revision DESC`
)

func entriesOf(ctx context.Context, q querier, sql string, id int64) ([]incidents.Entry, error) {
	rows, err := q.Query(ctx, sql, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e incidents.Entry, err error) {
		err = scanJSON(row, &e)
		return e, err
	})
}

// Entries gives the latest revision of each entry of an incident's timeline.
func (s *Store) Entries(ctx context.Context, incident int64) ([]incidents.Entry, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	entries, err := entriesOf(ctx, s.pool, latestEntries, incident)
	if err != nil {
		return nil, fmt.Errorf("entries of %s: %w", incidents.Ref(incident), err)
	}
	return entries, nil
}

func scanJSON(row pgx.CollectableRow, into any) error {
	var body []byte
	if err := row.Scan(&body); err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

func loggedOf(ctx context.Context, q querier, id int64) ([]audit.Entry, error) {
	rows, err := q.Query(ctx, `SELECT body, prev, hash FROM audit_events WHERE incident = $1 ORDER BY seq`, incidents.Ref(id))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanEntry)
}

// noticesOf are the notices of an incident with what became of them.
func noticesOf(ctx context.Context, q querier, id int64) ([]incidents.Sent, error) {
	rows, err := q.Query(ctx, `SELECT body FROM notices WHERE incident = $1 ORDER BY id`, id)
	if err != nil {
		return nil, err
	}
	sent, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n incidents.Sent, err error) {
		err = scanJSON(row, &n.Notice)
		return n, err
	})
	if err != nil {
		return nil, err
	}
	at := make(map[int64]int, len(sent))
	for i, n := range sent {
		at[n.ID] = i
	}
	rows, err = q.Query(ctx, `SELECT `+deliveryColumns+` FROM notice_deliveries d WHERE incident = $1 ORDER BY notice, n`, id)
	if err != nil {
		return nil, err
	}
	deliveries, err := pgx.CollectRows(rows, scanDelivery)
	for _, d := range deliveries {
		n := &sent[at[d.Notice]]
		n.Deliveries = append(n.Deliveries, d)
	}
	return sent, err
}

// deliveryColumns are what scanDelivery reads of deliveries d.
const deliveryColumns = `d.notice, d.n, d.incident, d.audience, d.kind, d.dest, d.via, d.state, d.attempts, d.reason, d.at, d.claim, d.begun`

func scanDelivery(row pgx.CollectableRow) (d incidents.Delivery, err error) {
	err = row.Scan(deliveryFields(&d)...)
	d.At = d.At.UTC()
	return d, err
}

func deliveryFields(d *incidents.Delivery) []any {
	return []any{
		&d.Notice, &d.N, &d.Incident, &d.Audience, &d.To.Kind, &d.To.To, &d.To.Via, &d.State, &d.Attempts, &d.Reason, &d.At, &d.Claim, &d.Begun,
	}
}

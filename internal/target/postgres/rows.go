package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// Rows declares that no row of a table satisfies a predicate. Only TRUE counts:
// a row for which the predicate is NULL is right.
type Rows struct {
	Subject `yaml:",inline"`
	Wrong   string `yaml:"wrong"`
}

// Faults implements declare.Words.
func (w *Rows) Faults(bad declare.Bad) {
	w.Subject.Faults(bad)
	if w.Wrong == "" {
		bad("wrong", "wrong is missing: the condition that no row may satisfy")
	}
	if err := GuardExpression(w.Wrong); err != nil {
		bad("wrong", "wrong: %v", err)
	}
}

// Validate implements Declaration.
func (w *Rows) Validate(ctx context.Context, t *Target) error {
	s, err := w.resolve(ctx, t, t.mentioned(ctx, &w.Subject, w.Wrong), nil)
	if err != nil {
		return err
	}
	list, args := keyArrays(s.key, nil, 1)
	return t.explain(ctx, w.lookSQL(s, list, "TRUE"), args)
}

// Detector implements Declaration.
func (w *Rows) Detector(t *Target) check.Detector { return &rowsDetector{w, t} }

type rowsDetector struct {
	words  *Rows
	target *Target
}

// rowsState is the cursor.
type rowsState struct {
	Now  time.Time `json:"now"`
	Read int64     `json:"read"`
	Rows rowState  `json:"rows"`
}

// Detect implements check.Detector.
func (d *rowsDetector) Detect(ctx context.Context, opts check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	w := d.words
	s, err := w.resolve(ctx, d.target, d.target.mentioned(ctx, &w.Subject, w.Wrong), nil)
	if err != nil {
		return check.Result{}, err
	}
	if opts.Since > 0 && s.time == nil {
		return check.Result{}, errNoTime()
	}
	state := &rowsState{}
	if err := resume(from, state); err != nil {
		return check.Result{}, err
	}
	r := d.target.Reader(opts, rec)
	rec.Columns(s.classes)
	r.Expect(s.table.Estimate(), state.Read)
	if state.Now.IsZero() {
		if state.Now, err = r.Now(ctx); err != nil {
			return check.Result{}, err
		}
	}
	cursor := func() any { state.Read = r.Read(); return state }
	lookout := r.Lookout(w.look(s, state.Now))
	old := s.old(state.Now)
	walk := &rowWalk{
		r: r, subject: s, lookout: lookout, cursor: cursor, state: &state.Rows,
		judged: old, wrong: "(" + w.Wrong + ") AND " + old, counts: []string{"NOT " + old},
		since: s.recent(state.Now, opts.Since), from: beginning(state.Now, opts.Since),
	}
	if err := walk.run(ctx); err != nil {
		return check.Result{}, err
	}
	if err := lookout.Flush(ctx, cursor); err != nil {
		return check.Result{}, err
	}
	result := check.Result{Scanned: state.Rows.Scanned, Read: r.Read(), Plan: state.Rows.Plan, Notes: walk.notes()}
	if young := state.Rows.Counts[0]; young > 0 {
		result.Notes = append(result.Notes, fmt.Sprintf("%d rows of %s are younger than %s: not judged.", young, s.table, humane(s.minAge)))
	}
	result.Position, err = r.Position(ctx)
	return result, err
}

func (w *Rows) lookSQL(s *subject, list, old string) string {
	return fmt.Sprintf("SELECT %s FROM %s JOIN %s ON %s WHERE (%s) AND %s AND %s",
		s.details(), s.from(), list, keyJoin(s.alias, s.key), w.Wrong, s.where, old)
}

func (w *Rows) look(s *subject, now time.Time) Look {
	return func(ctx context.Context, session *Session, keys [][]string) ([]Failing, error) {
		list, args := keyArrays(s.key, keys, 1)
		var failing []Failing
		err := session.Each(ctx, w.lookSQL(s, list, s.old(now)), args, func(rows pgx.Rows) error {
			row, err := s.scan(rows)
			failing = append(failing, Failing{Row: row})
			return err
		})
		return failing, err
	}
}

// resume reads a cursor into a state, which stays as it is when there is none.
func resume(from check.Cursor, state any) error {
	if from == nil {
		return nil
	}
	if err := json.Unmarshal(from, state); err != nil {
		return fmt.Errorf("read the cursor: %w", err)
	}
	return nil
}

// beginning is when a restriction by since begins; zero when there is none.
func beginning(now time.Time, since time.Duration) time.Time {
	if since <= 0 {
		return time.Time{}
	}
	return now.Add(-since)
}

func errNoTime() error {
	return problemf("This check names no time column, so it cannot be restricted by since.")
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
)

const (
	// Wrong rows of one chunk; more of them and the chunk is split.
	suspectsPerChunk = 5_000
	// A table of more rows is not read in one snapshot: at a measured 2 to 4 M
	// rows a second this holds it for at most ten seconds.
	snapshotRows = 20_000_000
)

// How a rowWalk goes through the table.
const (
	bySnapshot = "pages in one snapshot"
	byKeys     = "key ranges"
	byTime     = "time ranges"
	byPages    = "pages"
)

// rowWalk judges every row of a table by a condition.
//
// At full speed a table of moderate size is read by pages in one snapshot, which
// is the fastest and sees every row exactly once; nothing is saved before its
// end, and when it finds more than a few thousand rows it is given up. Otherwise
// it is read by ranges of its key, which cannot miss a row either (see Span) and
// can be saved anywhere. Only a table without an index on a key is read by pages
// in a snapshot each; then a row may be missed that moved meanwhile, which the
// finding says.
type rowWalk struct {
	r       *Reader
	subject *subject
	join    string    // behind the table; may be empty; at most one row per row
	judged  string    // condition of rows that count as scanned
	wrong   string    // condition of rows that fail
	counts  []string  // conditions of rows to be counted beside
	since   string    // condition that restricts the run
	from    time.Time // when the restriction begins; zero: none
	lookout *Lookout
	cursor  func() any
	state   *rowState
}

// rowState is a rowWalk's part of a cursor.
type rowState struct {
	Plan    string   `json:"plan,omitempty"`
	At      Position `json:"at"`
	Scanned int64    `json:"scanned"`
	Counts  []int64  `json:"counts,omitempty"`
}

// judgedRows is what one chunk shows.
type judgedRows struct {
	read, scanned int64
	counts        []int64
	wrong         [][]string
}

func (w *rowWalk) run(ctx context.Context) error {
	if w.state.At.Done {
		return nil
	}
	if w.state.Plan == "" {
		plan, err := w.plan()
		if err != nil {
			return err
		}
		if plan == bySnapshot {
			err := w.snapshot(ctx)
			if !errors.Is(err, ErrSnapshot) {
				return err
			}
			plan = w.steady()
		}
		w.state.Plan = plan
	}
	if w.state.Counts == nil {
		w.state.Counts = make([]int64, len(w.counts))
	}
	span, err := w.span()
	if err != nil {
		return err
	}
	if err := Walk(ctx, w.r, span, w.read, w.accept); err != nil {
		return err
	}
	w.state.At.Done = true
	return nil
}

// plan chooses how to go through the table.
func (w *rowWalk) plan() (string, error) {
	table := w.subject.table
	pages := (Span{Table: table}).check(w.r.t) == nil
	steady := w.steady()
	switch {
	case steady == byTime:
		return byTime, nil
	case pages && w.r.Full() && table.Estimate() <= snapshotRows:
		return bySnapshot, nil
	case steady == byPages && !pages:
		return "", (Span{Table: table}).check(w.r.t)
	}
	return steady, nil
}

// steady is the plan that can be saved anywhere.
func (w *rowWalk) steady() string {
	if !w.from.IsZero() && w.subject.time != nil {
		if _, _, ok := w.subject.table.IndexOn([]Column{*w.subject.time}); ok {
			return byTime
		}
	}
	if _, _, ok := w.subject.table.IndexOn(w.subject.key); ok {
		return byKeys
	}
	return byPages
}

func (w *rowWalk) span() (Span, error) {
	span := Span{Table: w.subject.table, From: w.state.At}
	switch w.state.Plan {
	case byKeys:
		_, cols, ok := w.subject.table.IndexOn(w.subject.key)
		if !ok {
			cols = w.subject.key // the index is gone since; slow, but right
		}
		span.Key = cols
	case byTime:
		span.Key = []Column{*w.subject.time}
		if span.From.After == nil && !span.From.Done {
			before := w.from.Add(-time.Microsecond)
			span.From.After = []string{before.UTC().Format("2006-01-02 15:04:05.999999") + "+00"}
		}
	case byPages:
	default:
		return span, fmt.Errorf("cursor of %s names an unknown plan %q", w.subject.table, w.state.Plan)
	}
	return span, nil
}

// snapshot reads all of the table in one snapshot and saves nothing before it
// is through.
func (w *rowWalk) snapshot(ctx context.Context) error {
	before := w.r.Read()
	state := rowState{Plan: bySnapshot, Counts: make([]int64, len(w.counts))}
	var suspects []Suspect
	err := Walk(ctx, w.r, Span{Table: w.subject.table, Snapshot: true}, w.read,
		func(_ context.Context, found judgedRows, _ Position) error {
			state.add(found)
			suspects = append(suspects, suspectsOf(found.wrong)...)
			if len(suspects) > suspectsPerChunk {
				return ErrSnapshot
			}
			return nil
		})
	if err != nil {
		w.r.rows.Store(before)
		return err
	}
	w.lookout.Add(suspects...)
	state.At.Done = true
	*w.state = state
	return w.lookout.Step(ctx, w.cursor)
}

func (w *rowWalk) read(ctx context.Context, s *Session, rng Range) (judgedRows, error) {
	where, args := rng.Where(w.subject.alias, 1)
	picked := []string{"count(*)", "count(*) FILTER (WHERE " + w.judged + ")"}
	for _, c := range w.counts {
		picked = append(picked, "count(*) FILTER (WHERE "+c+")")
	}
	for _, k := range w.subject.key {
		picked = append(picked, fmt.Sprintf("(array_agg(%s::text) FILTER (WHERE %s))[1:%d]", k.In(w.subject.alias), w.wrong, suspectsPerChunk+1))
	}
	sql := fmt.Sprintf("SELECT %s FROM %s %s WHERE %s AND %s AND %s",
		strings.Join(picked, ", "), w.subject.from(), w.join, where, w.subject.where, w.since)
	found := judgedRows{counts: make([]int64, len(w.counts))}
	lists := make([][]string, len(w.subject.key))
	dest := []any{&found.read, &found.scanned}
	for i := range found.counts {
		dest = append(dest, &found.counts[i])
	}
	for i := range lists {
		dest = append(dest, &lists[i])
	}
	if err := s.Row(ctx, sql, args, dest...); err != nil {
		return found, err
	}
	if len(lists[0]) > suspectsPerChunk && !rng.Whole {
		return found, ErrSplit
	}
	w.r.AddRead(found.read)
	found.wrong = transpose(lists)
	return found, nil
}

func (w *rowWalk) accept(ctx context.Context, found judgedRows, at Position) error {
	w.state.add(found)
	w.state.At = at
	w.lookout.Add(suspectsOf(found.wrong)...)
	return w.lookout.Step(ctx, w.cursor)
}

func (s *rowState) add(found judgedRows) {
	s.Scanned += found.scanned
	for i, n := range found.counts {
		s.Counts[i] += n
	}
}

func suspectsOf(keys [][]string) []Suspect {
	suspects := make([]Suspect, len(keys))
	for i, k := range keys {
		suspects[i].Key = k
	}
	return suspects
}

// notes are what is worth knowing about how the table was read.
func (w *rowWalk) notes() []string {
	if w.state.Plan != byPages {
		return nil
	}
	return []string{fmt.Sprintf("%s has no index on %s: it was read by physical pages, and a row that moved meanwhile may be missed.",
		w.subject.table, strings.Join(columnNames(w.subject.key), ", "))}
}

// problemf is a Problem without a cause.
func problemf(format string, args ...any) error {
	return &check.Problem{Sentence: fmt.Sprintf(format, args...)}
}

package check

import (
	"context"
	"errors"
	"time"

	"github.com/shopspring/decimal"
)

// recorder is the Recorder that Execute gives to a detector: it counts, masks
// and buffers, and writes through the journal.
type recorder struct {
	check  Check
	exec   Execution
	board  *board
	state  State
	rows   [][]string // since the last save
	failed error      // the journal's error, which ends the run
}

func (r *recorder) Columns(cols []Column) { r.state.Tally.Columns = cols }

func (r *recorder) Found(rows ...Row) {
	for _, row := range rows {
		r.add(row)
	}
}

func (r *recorder) add(row Row) {
	t := &r.state.Tally
	t.Rows++
	if row.Class != "" {
		if t.Classes == nil {
			t.Classes = map[string]int64{}
		}
		t.Classes[row.Class]++
	}
	if row.Money.Valid {
		t.addMoney(r.currency(row), row.Money.Decimal)
	}
	t.widen(row.At, r.state.Started.Add(-RecentWithin))
	values := shown(t.Columns, row.Values, r.exec.Unmasked)
	if len(t.Examples) < MaxExamples {
		t.Examples = append(t.Examples, Example{Class: row.Class, Values: values})
	}
	r.rows = append(r.rows, fileLine(t.Columns, values, row, r.currency(row)))
}

func (r *recorder) currency(row Row) string {
	if row.Currency != "" {
		return row.Currency
	}
	return r.check.Currency
}

func (r *recorder) Save(ctx context.Context, next Cursor) error { return r.save(ctx, next) }

func (r *recorder) save(ctx context.Context, next Cursor) error {
	r.state.Cursor = next
	if err := r.exec.Journal.Save(ctx, r.check.Name, r.state, r.rows); err != nil {
		// A deadline of the check is the check's trouble, not the journal's.
		if !errors.Is(err, context.DeadlineExceeded) {
			r.failed = err
		}
		return err
	}
	r.rows = nil
	return nil
}

func (r *recorder) Progress(p Progress) {
	r.exec.Journal.Progress(r.check.Name, p)
	r.board.tell(r.check.Name, p)
}

// conclude turns what was found into a finding. PASS needs a detector that
// finished without an error and found nothing.
func (r *recorder) conclude(result Result, err error, now time.Time) Finding {
	f := Finding{
		Check:    r.check.Name,
		Verdict:  Pass,
		Tally:    r.state.Tally,
		Result:   result,
		Started:  r.state.Started,
		Duration: now.Sub(r.state.Started),
	}
	switch {
	case err != nil:
		f.Verdict, f.Reason, f.Cause = Unknown, sentence(err), err.Error()
	case f.Tally.Rows > 0:
		f.Verdict = Fail
	}
	return f
}

func sentence(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Sentence
	}
	return "It could not be read; the log says why."
}

func (t *Tally) addMoney(currency string, amount decimal.Decimal) {
	if t.Money == nil {
		t.Money = map[string]decimal.Decimal{}
	}
	t.Money[currency] = t.Money[currency].Add(amount)
}

// widen takes a time into account; what is after since is recent.
func (t *Tally) widen(at, since time.Time) {
	if at.IsZero() {
		return
	}
	if at.After(since) {
		t.Recent.Rows++
		if t.Recent.First.IsZero() || at.Before(t.Recent.First) {
			t.Recent.First = at
		}
	}
	if t.First.IsZero() || at.Before(t.First) {
		t.First = at
	}
	if at.After(t.Last) {
		t.Last = at
	}
}

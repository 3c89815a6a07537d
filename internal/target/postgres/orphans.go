package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// Orphans declares that every row of a table has the parent that it refers to.
// A row whose reference is NULL, in any of its columns, refers to nothing: it
// is not judged, but counted in a note.
type Orphans struct {
	Subject      `yaml:",inline"`
	Column       declare.Names `yaml:"column"`        // the reference
	Parent       string        `yaml:"parent"`        // the table referred to
	ParentColumn declare.Names `yaml:"parent_column"` // default: its primary key
}

// Faults implements declare.Words.
func (o *Orphans) Faults(bad declare.Bad) {
	o.Subject.Faults(bad)
	if len(o.Column) == 0 {
		bad("column", "column is missing: the column that refers to the parent")
	}
	if o.Parent == "" {
		bad("parent", "parent is missing: the table that column refers to")
	}
	if n := len(o.ParentColumn); n > 0 && n != len(o.Column) {
		bad("parent_column", "parent_column names %d columns, column names %d", n, len(o.Column))
	}
}

// Validate implements Declaration.
func (o *Orphans) Validate(ctx context.Context, t *Target) error {
	scan, err := o.resolve(ctx, t)
	if err != nil {
		return err
	}
	list, args := keyArrays(scan.subject.key, nil, 1)
	return t.explain(ctx, scan.lookSQL(list, "TRUE"), args)
}

// Detector implements Declaration.
func (o *Orphans) Detector(t *Target) check.Detector { return &orphansDetector{o, t} }

type orphansDetector struct {
	words  *Orphans
	target *Target
}

// orphanState is the cursor.
type orphanState struct {
	Now        time.Time   `json:"now"` // when the run began: what is young is young all along
	Read       int64       `json:"read"`
	Unattached int64       `json:"unattached,omitempty"`
	Values     *valueState `json:"values,omitempty"` // one of these two
	Rows       *rowState   `json:"rows,omitempty"`
}

// Detect implements check.Detector.
func (d *orphansDetector) Detect(ctx context.Context, opts check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	scan, err := d.words.resolve(ctx, d.target)
	if err != nil {
		return check.Result{}, err
	}
	if opts.Since > 0 && scan.subject.time == nil {
		return check.Result{}, errNoTime()
	}
	state := &orphanState{}
	if err := resume(from, state); err != nil {
		return check.Result{}, err
	}
	r := d.target.Reader(opts, rec)
	rec.Columns(scan.subject.classes)
	r.Expect(scan.subject.table.Estimate(), state.Read)
	cursor := func() any { state.Read = r.Read(); return state }
	lookout := r.Lookout(scan.look(func() time.Time { return state.Now }))
	if err := scan.run(ctx, r, lookout, state, cursor); err != nil {
		return check.Result{}, err
	}
	if err := lookout.Flush(ctx, cursor); err != nil {
		return check.Result{}, err
	}
	result := scan.result(state)
	result.Read = r.Read()
	result.Position, err = r.Position(ctx)
	return result, err
}

// orphanScan is Orphans on a live database.
type orphanScan struct {
	subject *subject
	columns []Column // the reference
	parent  *Table
	refers  []Column // the parent's columns, one by one
}

func (o *Orphans) resolve(ctx context.Context, t *Target) (*orphanScan, error) {
	s, err := o.Subject.resolve(ctx, t, o.Column, o.Column)
	if err != nil {
		return nil, err
	}
	scan := &orphanScan{subject: s}
	if scan.columns, err = s.table.Named(o.Column...); err != nil {
		return nil, err
	}
	if scan.parent, err = t.Table(ctx, o.Parent); err != nil {
		return nil, err
	}
	if scan.refers, err = scan.parent.KeyOr(o.ParentColumn); err != nil {
		return nil, err
	}
	if len(scan.refers) != len(scan.columns) {
		return nil, problemf("%s refers to %s by %d columns, but the parent's key has %d: name them in parent_column.",
			s.table, scan.parent, len(scan.columns), len(scan.refers))
	}
	return scan, nil
}

// run walks the table. Without a condition on the rows the index on the
// reference tells everything; otherwise every row is read.
func (o *orphanScan) run(ctx context.Context, r *Reader, lookout *Lookout, state *orphanState, cursor func() any) error {
	if state.Now.IsZero() {
		now, err := r.Now(ctx)
		if err != nil {
			return err
		}
		state.Now = now
		_, _, indexed := o.subject.table.IndexOn(o.columns)
		if indexed && o.subject.where == "TRUE" && r.opts.Since == 0 {
			state.Values = &valueState{}
			if state.Unattached, err = o.unattached(ctx, r); err != nil {
				return err
			}
		} else {
			state.Rows = &rowState{}
		}
	}
	if state.Values != nil {
		_, cols, ok := o.subject.table.IndexOn(o.columns)
		if !ok {
			cols = o.columns
		}
		walk := &valueWalk{
			r: r, subject: o.subject, cols: cols, judge: o.judge(cols), old: o.subject.old(state.Now),
			lookout: lookout, cursor: cursor, state: state.Values,
		}
		return walk.run(ctx)
	}
	return o.byRows(r, lookout, state, cursor).run(ctx)
}

// judge joins the distinct references of a range with the parents of the same
// range: two index-only scans, side by side.
func (o *orphanScan) judge(cols []Column) func(Range, int) (string, []any, string) {
	refers := make([]Column, len(cols))
	for i, c := range cols {
		for j, have := range o.columns {
			if have.Name == c.Name {
				refers[i] = o.refers[j]
			}
		}
	}
	return func(rng Range, first int) (string, []any, string) {
		where, args := "TRUE", []any(nil)
		if sameOrder(cols, refers) {
			where, args = rng.On("p", refers, first)
		}
		var on, picked []string
		for i, c := range refers {
			picked = append(picked, fmt.Sprintf(`%s AS "%d"`, c.In("p"), i+1))
			on = append(on, fmt.Sprintf(`ib_p."%d" = v."%d"`, i+1, i+1))
		}
		join := fmt.Sprintf("LEFT JOIN (SELECT %s%s FROM %s AS p WHERE %s) AS ib_p ON %s",
			o.distinct(), strings.Join(picked, ", "), o.parent.SQL(), where, strings.Join(on, " AND "))
		return join, args, `ib_p."1" IS NULL`
	}
}

// sameOrder tells whether ranges of one list of columns are ranges of the other.
func sameOrder(a, b []Column) bool {
	for i := range a {
		if a[i].Type != b[i].Type || a[i].Collation != b[i].Collation {
			return false
		}
	}
	return true
}

// distinct keeps a parent that exists twice from counting a child twice.
func (o *orphanScan) distinct() string {
	for _, i := range o.parent.Indexes {
		if i.Unique && len(i.Columns) == len(o.refers) && i.Leads(columnNames(o.refers)) {
			return ""
		}
	}
	return "DISTINCT "
}

func (o *orphanScan) unattached(ctx context.Context, r *Reader) (int64, error) {
	var n int64
	sql := fmt.Sprintf("SELECT count(*) FROM %s WHERE NOT %s", o.subject.from(), o.attached())
	if o.attached() == "TRUE" {
		return 0, nil
	}
	err := r.Each(ctx, true, sql, nil, func(rows pgx.Rows) error { return rows.Scan(&n) })
	return n, err
}

// attached is the condition of rows that refer to something.
func (o *orphanScan) attached() string {
	var parts []string
	for _, c := range o.columns {
		if !c.NotNull {
			parts = append(parts, c.In(o.subject.alias)+" IS NOT NULL")
		}
	}
	if len(parts) == 0 {
		return "TRUE"
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

func (o *orphanScan) byRows(r *Reader, lookout *Lookout, state *orphanState, cursor func() any) *rowWalk {
	var on, picked []string
	for i, c := range o.refers {
		picked = append(picked, fmt.Sprintf(`%s AS "%d"`, c.In("p"), i+1))
		on = append(on, fmt.Sprintf(`ib_p."%d" = %s`, i+1, o.columns[i].In(o.subject.alias)))
	}
	orphan := o.attached() + ` AND ib_p."1" IS NULL`
	old := o.subject.old(state.Now)
	return &rowWalk{
		r: r, subject: o.subject, lookout: lookout, cursor: cursor, state: state.Rows,
		join: fmt.Sprintf("LEFT JOIN (SELECT %s%s FROM %s AS p) AS ib_p ON %s",
			o.distinct(), strings.Join(picked, ", "), o.parent.SQL(), strings.Join(on, " AND ")),
		judged: fmt.Sprintf("%s AND NOT (%s AND NOT %s)", o.attached(), orphan, old),
		wrong:  orphan + " AND " + old,
		counts: []string{"NOT " + o.attached(), orphan + " AND NOT " + old},
		since:  o.subject.recent(state.Now, r.opts.Since),
		from:   beginning(state.Now, r.opts.Since),
	}
}

// lookSQL judges the rows of a list of keys again and shows those that fail.
func (o *orphanScan) lookSQL(list, old string) string {
	on := make([]string, len(o.refers))
	for i, c := range o.refers {
		on[i] = c.In("ib_p") + " = " + o.columns[i].In(o.subject.alias)
	}
	return fmt.Sprintf("SELECT %s FROM %s JOIN %s ON %s WHERE %s AND %s AND %s AND NOT EXISTS (SELECT 1 FROM %s AS ib_p WHERE %s)",
		o.subject.details(), o.subject.from(), list, keyJoin(o.subject.alias, o.subject.key),
		o.subject.where, o.attached(), old, o.parent.SQL(), strings.Join(on, " AND "))
}

// look is the second look at suspects.
func (o *orphanScan) look(now func() time.Time) Look {
	return func(ctx context.Context, s *Session, keys [][]string) ([]Failing, error) {
		list, args := keyArrays(o.subject.key, keys, 1)
		var failing []Failing
		err := s.Each(ctx, o.lookSQL(list, o.subject.old(now())), args, func(rows pgx.Rows) error {
			row, err := o.subject.scan(rows)
			failing = append(failing, Failing{Row: row})
			return err
		})
		return failing, err
	}
}

// result sums up what the walk counted.
func (o *orphanScan) result(state *orphanState) check.Result {
	var result check.Result
	var spared int64
	names := strings.Join(columnNames(o.columns), ", ")
	if state.Values != nil {
		spared = state.Values.Spared
		result.Scanned = state.Values.Scanned - spared
		result.Plan = "index on " + names
		result.Notes = o.subject.table.unvacuumed()
	} else {
		result.Scanned = state.Rows.Scanned
		result.Plan = state.Rows.Plan
		state.Unattached, spared = state.Rows.Counts[0], state.Rows.Counts[1]
		if _, _, ok := o.subject.table.IndexOn(o.columns); !ok {
			result.Notes = append(result.Notes, fmt.Sprintf("An index on %s (%s) would make this check faster.", o.subject.table, names))
		}
	}
	if state.Unattached > 0 {
		result.Notes = append(result.Notes, fmt.Sprintf("%d rows of %s have no %s (NULL): not judged.", state.Unattached, o.subject.table, names))
	}
	if spared > 0 {
		result.Notes = append(result.Notes, fmt.Sprintf("%d rows of %s have no parent yet and are younger than %s: not judged.", spared, o.subject.table, humane(o.subject.minAge)))
	}
	if _, _, ok := o.parent.IndexOn(o.refers); !ok {
		result.Notes = append(result.Notes, fmt.Sprintf("%s has no index on %s, which slows this check and every join.", o.parent, strings.Join(columnNames(o.refers), ", ")))
	}
	return result
}

package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// The classes of a surplus row.
const (
	classDuplicate = "duplicate" // equal to the kept row in all that is compared
	classConflict  = "conflict"  // one key, but other facts: not to be merged blindly
)

// Duplicates declares that a set of columns is unique. Reported is every surplus
// row: all rows of a group but the one kept, which is the first by keep, ties
// decided by the key. A row with a NULL in one of the columns equals no other.
type Duplicates struct {
	Subject    `yaml:",inline"`
	Columns    declare.Names `yaml:"columns"`
	Keep       string        `yaml:"keep"`        // default: time
	IgnoreCase bool          `yaml:"ignore_case"` // texts that differ in case only are equal
	// Compare are the columns that tell a duplicate from a conflict. Default: all
	// but the key, the columns, keep, time and those named updated….
	Compare declare.Names `yaml:"compare"`
}

// Faults implements declare.Words.
func (d *Duplicates) Faults(bad declare.Bad) {
	d.Subject.Faults(bad)
	if len(d.Columns) == 0 {
		bad("columns", "columns is missing: the columns that must be unique together")
	}
}

// Validate implements Declaration.
func (d *Duplicates) Validate(ctx context.Context, t *Target) error {
	scan, err := d.resolve(ctx, t)
	if err != nil {
		return err
	}
	list, args := keyArrays(scan.subject.key, nil, 1)
	return t.explain(ctx, scan.lookSQL(list, "TRUE"), args)
}

// Detector implements Declaration.
func (d *Duplicates) Detector(t *Target) check.Detector { return &duplicatesDetector{d, t} }

type duplicatesDetector struct {
	words  *Duplicates
	target *Target
}

// duplicatesState is the cursor.
type duplicatesState struct {
	Now    time.Time   `json:"now"`
	Read   int64       `json:"read"`
	Values *valueState `json:"values,omitempty"` // one of these two
	Hashes *hashState  `json:"hashes,omitempty"`
}

// Detect implements check.Detector.
func (d *duplicatesDetector) Detect(ctx context.Context, opts check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	scan, err := d.words.resolve(ctx, d.target)
	if err != nil {
		return check.Result{}, err
	}
	if opts.Since > 0 && scan.subject.time == nil {
		return check.Result{}, errNoTime()
	}
	state := &duplicatesState{}
	if err := resume(from, state); err != nil {
		return check.Result{}, err
	}
	r := d.target.Reader(opts, rec)
	rec.Columns(scan.shown())
	r.Expect(scan.subject.table.Estimate(), state.Read)
	if state.Now.IsZero() {
		if state.Now, err = r.Now(ctx); err != nil {
			return check.Result{}, err
		}
		if scan.indexed() && opts.Since == 0 {
			state.Values = &valueState{}
		} else {
			state.Hashes = &hashState{}
		}
	}
	cursor := func() any { state.Read = r.Read(); return state }
	judged := scan.subject.old(state.Now) + " AND " + scan.subject.recent(state.Now, opts.Since)
	lookout := r.Lookout(scan.look(judged))
	result, err := scan.run(ctx, r, lookout, state, cursor, judged)
	if err != nil {
		return check.Result{}, err
	}
	if err := lookout.Flush(ctx, cursor); err != nil {
		return check.Result{}, err
	}
	result.Read = r.Read()
	result.Position, err = r.Position(ctx)
	return result, err
}

// duplicateScan is Duplicates on a live database.
type duplicateScan struct {
	subject    *subject
	columns    []Column
	ignoreCase bool
	keep       []Column // keep, if any, and the key
	compare    []Column
}

func (d *Duplicates) resolve(ctx context.Context, t *Target) (*duplicateScan, error) {
	s, err := d.Subject.resolve(ctx, t, d.Columns, nil)
	if err != nil {
		return nil, err
	}
	scan := &duplicateScan{subject: s, ignoreCase: d.IgnoreCase}
	if scan.columns, err = s.table.Named(d.Columns...); err != nil {
		return nil, err
	}
	keep := d.Keep
	if keep == "" {
		keep = d.Time
	}
	if keep != "" {
		if scan.keep, err = s.table.Named(keep); err != nil {
			return nil, err
		}
	}
	scan.keep = append(scan.keep, s.key...)
	if len(d.Compare) > 0 {
		scan.compare, err = s.table.Named(d.Compare...)
		return scan, err
	}
	apart := append(columnNames(scan.keep), d.Columns...)
	for _, c := range s.table.Columns {
		if !slices.Contains(apart, c.Name) && c.Name != d.Time && !strings.HasPrefix(c.Name, "updated") {
			scan.compare = append(scan.compare, c)
		}
	}
	return scan, nil
}

// indexed tells whether an index alone tells which values occur twice.
func (d *duplicateScan) indexed() bool {
	_, _, ok := d.subject.table.IndexOn(d.columns)
	return ok && d.subject.where == "TRUE" && !d.ignoreCase
}

// shown are the columns of a failing row: its own, and the kept row's key.
func (d *duplicateScan) shown() []check.Column {
	cols := slices.Clone(d.subject.classes)
	for _, k := range d.subject.key {
		cols = append(cols, check.Column{Name: "kept " + k.Name, Class: check.Key})
	}
	return cols
}

func (d *duplicateScan) run(ctx context.Context, r *Reader, lookout *Lookout, state *duplicatesState, cursor func() any, judged string) (check.Result, error) {
	names := strings.Join(columnNames(d.columns), ", ")
	var result check.Result
	var groups int64
	if state.Values != nil {
		_, cols, ok := d.subject.table.IndexOn(d.columns)
		if !ok {
			cols = d.columns // the index is gone since; slow, but right
		}
		walk := &valueWalk{
			r: r, subject: d.subject, cols: cols, old: "TRUE", lookout: lookout, cursor: cursor, state: state.Values,
			judge: func(Range, int) (string, []any, string) { return "", nil, "v.n > 1" },
		}
		if err := walk.run(ctx); err != nil {
			return result, err
		}
		result.Scanned, groups = state.Values.Scanned, state.Values.Values
		result.Plan = "index on " + names
		result.Notes = d.subject.table.unvacuumed()
	} else {
		walk := &hashWalk{
			r: r, subject: d.subject, values: d.values(), judged: judged, lookout: lookout, cursor: cursor, state: state.Hashes,
		}
		if err := walk.run(ctx); err != nil {
			return result, err
		}
		result.Scanned, groups = state.Hashes.Scanned, state.Hashes.Groups
		result.Plan = "hashes, " + state.Hashes.Plan
		if !d.ignoreCase && d.subject.where == "TRUE" && !d.indexed() {
			result.Notes = append(result.Notes, fmt.Sprintf("An index on %s (%s) would make this check faster.", d.subject.table, names))
		}
	}
	if groups > 0 {
		result.Notes = append(result.Notes, fmt.Sprintf("%d values of %s occur more than once in %s.", groups, names, d.subject.table))
	}
	return result, nil
}

// values are the expressions that must be unique together.
func (d *duplicateScan) values() []string {
	out := make([]string, len(d.columns))
	for i, c := range d.columns {
		out[i] = c.In(d.subject.alias)
		if d.ignoreCase && isText(c.Type) {
			out[i] = "lower(" + out[i] + ")"
		}
	}
	return out
}

func isText(t string) bool {
	return t == "text" || t == "character varying" || t == "bpchar" || t == "name"
}

// lookSQL finds the groups of the suspects, the row to keep of each, and shows
// the suspects that are not it. Every row of a group is read once a statement,
// however many suspects it has.
func (d *duplicateScan) lookSQL(list, judged string) string {
	s := d.subject
	values := d.values()
	var named, same, order, kept, keptKey, differ []string
	for i, v := range values {
		named = append(named, fmt.Sprintf(`%s AS "g%d"`, v, i))
		same = append(same, fmt.Sprintf(`%s = ib_group."g%d"`, v, i))
		order = append(order, v)
	}
	for _, c := range d.keep {
		order = append(order, c.In(s.alias)+" NULLS LAST")
	}
	for i, c := range s.key {
		kept = append(kept, fmt.Sprintf(`%s AS "k%d"`, c.In(s.alias), i))
		keptKey = append(keptKey, fmt.Sprintf(`ib_group."k%d"`, i))
	}
	for i, c := range d.compare {
		kept = append(kept, fmt.Sprintf(`%s AS "c%d"`, equatable(c, s.alias), i))
		differ = append(differ, fmt.Sprintf(`%s IS DISTINCT FROM ib_group."c%d"`, equatable(c, s.alias), i))
	}
	if len(differ) == 0 {
		differ = []string{"FALSE"}
	}
	return fmt.Sprintf(`
WITH ib_wanted AS (SELECT DISTINCT %[1]s FROM %[2]s JOIN %[3]s ON %[4]s WHERE %[5]s),
ib_group AS (SELECT DISTINCT ON (%[6]s) %[7]s, %[8]s FROM %[2]s JOIN ib_wanted AS ib_group ON %[9]s WHERE %[5]s ORDER BY %[10]s)
SELECT %[11]s, %[12]s, %[13]s
FROM %[2]s JOIN %[3]s ON %[4]s JOIN ib_group ON %[9]s
WHERE %[5]s AND %[14]s AND %[15]s <> %[16]s`,
		strings.Join(named, ", "), s.from(), list, keyJoin(s.alias, s.key), s.where, // 1-5
		strings.Join(values, ", "), strings.Join(named, ", "), strings.Join(kept, ", "), // 6-8
		strings.Join(same, " AND "), strings.Join(order, ", "), // 9-10
		s.details(), strings.Join(castText(keptKey), ", "), strings.Join(differ, " OR "), // 11-13
		judged, row(ins(s.alias, s.key)), row(keptKey)) // 14-16
}

// look is the second look at members of groups.
func (d *duplicateScan) look(judged string) Look {
	return func(ctx context.Context, s *Session, keys [][]string) ([]Failing, error) {
		list, args := keyArrays(d.subject.key, keys, 1)
		var failing []Failing
		err := s.Each(ctx, d.lookSQL(list, judged), args, func(rows pgx.Rows) error {
			kept := make([]*string, len(d.subject.key))
			extra := make([]any, len(kept), len(kept)+1)
			for i := range kept {
				extra[i] = &kept[i]
			}
			var conflict bool
			row, err := d.subject.scan(rows, append(extra, &conflict)...)
			row.Values = append(row.Values, kept...)
			row.Class = classDuplicate
			if conflict {
				row.Class = classConflict
			}
			failing = append(failing, Failing{Row: row})
			return err
		})
		return failing, err
	}
}

// equatable is a column in a form that has an equality.
func equatable(c Column, alias string) string {
	switch c.Type {
	case "json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle":
		return c.In(alias) + "::text"
	}
	return c.In(alias)
}

func castText(exprs []string) []string {
	out := make([]string, len(exprs))
	for i, e := range exprs {
		out[i] = e + "::text"
	}
	return out
}

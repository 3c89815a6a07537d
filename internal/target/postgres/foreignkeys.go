package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// The classes of what foreign-keys reports.
const (
	classViolated = "violated"  // a row whose declared parent is not there
	classNotValid = "not valid" // a constraint that was never validated; its key is its name
)

// ForeignKeys declares that every foreign key of the catalog really holds. A
// constraint does not prove that: triggers may have been off, and one that is
// NOT VALID was never checked against the rows that were there before.
type ForeignKeys struct {
	Schemas declare.Names     `yaml:"schemas"` // default: all
	Tables  declare.Names     `yaml:"tables"`  // children; default: all
	Time    string            `yaml:"time"`    // used in tables that have it
	Mask    map[string]string `yaml:"mask"`
}

// Faults implements declare.Words.
func (f *ForeignKeys) Faults(bad declare.Bad) {
	(&Subject{Table: "-", Mask: f.Mask}).Faults(bad)
}

// Validate implements Declaration.
func (f *ForeignKeys) Validate(ctx context.Context, t *Target) error {
	keys, err := f.chosen(ctx, t)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if _, err := f.orphans(ctx, t, k); err != nil {
			return err
		}
	}
	return nil
}

// Detector implements Declaration.
func (f *ForeignKeys) Detector(t *Target) check.Detector { return &foreignKeysDetector{f, t} }

// chosen are the constraints to look at, in a stable order.
func (f *ForeignKeys) chosen(ctx context.Context, t *Target) ([]ForeignKey, error) {
	for _, name := range f.Tables {
		if _, err := t.Table(ctx, name); err != nil {
			return nil, err
		}
	}
	all, err := t.ForeignKeys(ctx)
	return slices.DeleteFunc(all, func(k ForeignKey) bool {
		schema, table := splitName(k.Table)
		named := slices.ContainsFunc(f.Tables, func(n string) bool {
			s, bare := splitName(n)
			return bare == table && (s == "" || s == schema)
		})
		return len(f.Schemas) > 0 && !slices.Contains(f.Schemas, schema) || len(f.Tables) > 0 && !named
	}), err
}

type foreignKeysDetector struct {
	words  *ForeignKeys
	target *Target
}

// foreignKeysState is the cursor: the constraints done, by name, and the state of
// the one under way. By name, because one may come or go before a run goes on.
type foreignKeysState struct {
	Now     time.Time    `json:"now"`
	Read    int64        `json:"read"`
	Scanned int64        `json:"scanned"`
	Done    []string     `json:"done,omitempty"`
	Current string       `json:"current,omitempty"`
	Orphans *orphanState `json:"orphans,omitempty"`
	Notes   []string     `json:"notes,omitempty"`
}

// Detect implements check.Detector.
func (d *foreignKeysDetector) Detect(ctx context.Context, opts check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	keys, err := d.words.chosen(ctx, d.target)
	if err != nil {
		return check.Result{}, err
	}
	state := &foreignKeysState{}
	if err := resume(from, state); err != nil {
		return check.Result{}, err
	}
	r := d.target.Reader(check.Options{Full: opts.Full}, rec)
	rec.Columns([]check.Column{
		{Name: "constraint", Class: check.Code},
		{Name: "table", Class: check.Code},
		{Name: "key", Class: check.Key},
		{Name: "refers to", Class: check.Key},
		{Name: "parent", Class: check.Code},
	})
	if state.Now.IsZero() {
		if state.Now, err = r.Now(ctx); err != nil {
			return check.Result{}, err
		}
	}
	run := &foreignKeysRun{d: d, r: r, rec: rec, state: state}
	r.Expect(0, state.Read)
	for _, k := range keys {
		if !slices.Contains(state.Done, run.id(k)) {
			if err := run.one(ctx, k); err != nil {
				return check.Result{}, err
			}
		}
	}
	result := check.Result{Scanned: state.Scanned, Read: r.Read(), Plan: fmt.Sprintf("%d foreign keys, one by one", len(keys))}
	result.Notes = append([]string{fmt.Sprintf("%d foreign keys are declared.", len(keys))}, state.Notes...)
	if opts.Since > 0 {
		result.Notes = append(result.Notes, "All rows were judged: foreign keys know no since.")
	}
	result.Position, err = r.Position(ctx)
	return result, err
}

// foreignKeysRun carries one run out.
type foreignKeysRun struct {
	d     *foreignKeysDetector
	r     *Reader
	rec   check.Recorder
	state *foreignKeysState
}

func (f *foreignKeysRun) id(k ForeignKey) string { return k.Table + "." + k.Name }

func (f *foreignKeysRun) cursor() any {
	f.state.Read = f.r.Read()
	return f.state
}

// one judges one constraint with the engine of orphans.
func (f *foreignKeysRun) one(ctx context.Context, k ForeignKey) error {
	scan, err := f.d.words.orphans(ctx, f.d.target, k)
	if err != nil {
		return err
	}
	lookout := f.r.Lookout(f.look(scan, k))
	if f.state.Current != f.id(k) {
		f.state.Current, f.state.Orphans = f.id(k), &orphanState{}
		if !k.Valid {
			f.rec.Found(notValid(k))
		}
	}
	if err := scan.run(ctx, f.r, lookout, f.state.Orphans, f.cursor); err != nil {
		return err
	}
	// The cursor saved with the last rows must say that the constraint is done.
	result := scan.result(f.state.Orphans)
	return lookout.Flush(ctx, func() any {
		f.state.Scanned += result.Scanned
		f.state.Done = append(f.state.Done, f.id(k))
		f.state.Current, f.state.Orphans = "", nil
		for _, n := range result.Notes {
			if !strings.Contains(n, "(NULL)") { // a NULL is no concern of a constraint
				f.state.Notes = append(f.state.Notes, n)
			}
		}
		if k.Full && len(k.Columns) > 1 {
			f.state.Notes = append(f.state.Notes, fmt.Sprintf("%s is MATCH FULL: rows with a half-empty key are not judged.", k.Name))
		}
		return f.cursor()
	})
}

// orphans puts a constraint into the words of the kind orphans.
func (f *ForeignKeys) orphans(ctx context.Context, t *Target, k ForeignKey) (*orphanScan, error) {
	words := &Orphans{Subject: Subject{Table: k.Table}, Column: k.Columns, Parent: k.Parent, ParentColumn: k.Refers}
	table, err := t.Table(ctx, k.Table)
	if err != nil {
		return nil, err
	}
	if len(table.Key) == 0 {
		words.Key = k.Columns // rows without a key are told apart as far as the reference does
	}
	if _, ok := table.Column(f.Time); ok {
		words.Time = f.Time
	}
	return words.resolve(ctx, t)
}

// look puts the rows of one constraint into the columns that all share.
func (f *foreignKeysRun) look(scan *orphanScan, k ForeignKey) Look {
	plain := scan.look(func() time.Time { return f.state.Now })
	at := make([]int, len(scan.columns))
	for i, c := range scan.columns {
		at[i] = slices.IndexFunc(scan.subject.shown, func(s Column) bool { return s.Name == c.Name })
	}
	return func(ctx context.Context, s *Session, keys [][]string) ([]Failing, error) {
		failing, err := plain(ctx, s, keys)
		for i := range failing {
			row := &failing[i].Row
			refers := make([]string, len(at))
			for j, n := range at {
				if v := row.Values[n]; v != nil {
					refers[j] = *v
				}
			}
			row.Class = classViolated
			row.Values = violation(k, strings.Join(row.Key, ", "), strings.Join(refers, ", "))
		}
		return failing, err
	}
}

func notValid(k ForeignKey) check.Row {
	row := check.Row{Key: []string{k.Name}, Class: classNotValid, Values: violation(k, "", "")}
	row.Values[2], row.Values[3] = nil, nil
	return row
}

func violation(k ForeignKey, key, refers string) []*string {
	_, table := splitName(k.Table)
	_, parent := splitName(k.Parent)
	return []*string{&k.Name, &table, &key, &refers, &parent}
}

package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// matchFix repairs the status of rows that do not match, as far as the config
// allows, class by class. It moves no money: all other classes are counted and
// left to people.
type matchFix struct {
	declare.Fix  `yaml:",inline"`
	StatusColumn string       `yaml:"status_column"` // of transitions that name none
	Transitions  []transition `yaml:"transitions"`

	check *Match
}

// transition is a status that may be changed into another where a row is wrong
// in one way.
type transition struct {
	Class  string `yaml:"class"`
	Column string `yaml:"column"`
	From   string `yaml:"from"`
	To     string `yaml:"to"`
}

const wayStatus = "status"

func (w *matchFix) Ways() []string { return []string{wayStatus} }

func (w *matchFix) Faults(bad declare.Bad) {
	if len(w.Transitions) == 0 {
		bad("transitions", "transitions is missing: which status may become which, such as {class: paid_but_pending, column: status, from: PENDING, to: COMPLETED}")
	}
	classes := w.classes()
	seen := map[[2]string]bool{}
	for i, t := range w.Transitions {
		switch {
		case t.Class == "" || t.From == "" || t.To == "":
			bad("transitions", "transitions: number %d needs class, from and to", i+1)
		case !slices.Contains(classes, t.Class):
			bad("transitions", "transitions: this check has no class %q%s Its classes are %s.", t.Class, declare.DidYouMean(t.Class, slices.Clone(classes)), strings.Join(classes, ", "))
		case w.column(t) == "":
			bad("transitions", "transitions: number %d names no column, and there is no status_column", i+1)
		case t.From == t.To:
			bad("transitions", "transitions: %s from %s to itself changes nothing", t.Class, t.From)
		case seen[[2]string{t.Class, t.From}]:
			bad("transitions", "transitions: %s from %s stands twice", t.Class, t.From)
		}
		seen[[2]string{t.Class, t.From}] = true
	}
}

func (w *matchFix) column(t transition) string {
	if t.Column == "" {
		return w.StatusColumn
	}
	return t.Column
}

// classes of rows that have a status: not of right rows without a left row.
func (w *matchFix) classes() []string {
	var names []string
	for _, way := range []string{wayMissing, wayLess, wayMore, wayTwice, wayCurrency, wayNoAmount} {
		names = append(names, w.check.class(way))
	}
	for _, f := range w.check.Left.Forbid {
		names = append(names, f.Class)
	}
	return names
}

// endOfTime is when nothing is young any more: what a plan is made of has been
// old enough, and its text must not depend on the moment.
func endOfTime() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

func (w *matchFix) draft(ctx context.Context, d *drafting) error {
	detector := &matchDetector{words: w.check, target: d.target}
	c, err := detector.resolve(ctx, d.reader)
	if err != nil {
		return err
	}
	ever, err := detector.resolve(ctx, d.reader)
	if err != nil {
		return err
	}
	now, err := d.reader.Now(ctx)
	if err != nil {
		return err
	}
	w.check.judgeAt(c, now)
	w.check.judgeAt(ever, endOfTime())
	t, err := d.table(ctx, w.check.Left.Table)
	if err != nil {
		return err
	}
	t.mask(c.judge.subject.classes...)
	t.masked(w.check.Mask)
	if err := d.searchable(ctx, c.right.table, c.right.key); err != nil {
		return err
	}
	for _, one := range w.Transitions {
		cols, err := t.Named(w.column(one))
		if err != nil {
			return err
		}
		if err := d.writable(t, cols); err != nil {
			return err
		}
	}
	rows, err := w.allowed(d)
	if err != nil {
		return err
	}
	var done []check.Row
	err = d.victims(ctx, t, c.left.key, rows, func(s *Session, rows []check.Row, records []*record) error {
		still, err := w.repair(ctx, d, c, ever, s, rows, records)
		done = append(done, still...)
		return err
	})
	if err != nil {
		return err
	}
	d.repaired(done)
	d.repairs("change", "changed", ": "+w.changes(done))
	d.risk("Only a status changes; no money moves.")
	return nil
}

// allowed are the rows of classes for which a transition is declared; the others
// are counted.
func (w *matchFix) allowed(d *drafting) ([]check.Row, error) {
	declared := func(class string) bool {
		return slices.ContainsFunc(w.Transitions, func(t transition) bool { return t.Class == class })
	}
	var rows []check.Row
	var all int64
	examples := map[string][]string{}
	for _, r := range d.found.rows {
		if declared(r.Class) {
			rows = append(rows, r)
		} else if len(examples[r.Class]) < leftExamples {
			examples[r.Class] = append(examples[r.Class], keyText(r.Key))
		}
	}
	var classes []string
	for class := range d.found.classes {
		classes = append(classes, class)
	}
	slices.Sort(classes)
	for _, class := range classes {
		if declared(class) {
			all += d.found.classes[class]
			continue
		}
		d.leave(strings.ReplaceAll(class, "_", " ")+": the config allows no change here, decide by hand", d.found.classes[class], examples[class]...)
	}
	return d.choose(rows, all)
}

// repair plans the transitions of some rows, looked at again in the moment in
// which they are read.
func (w *matchFix) repair(ctx context.Context, d *drafting, c, ever *comparison, s *Session, rows []check.Row, records []*record) ([]check.Row, error) {
	keys := make([][]string, len(rows))
	for i, r := range rows {
		keys[i] = r.Key
	}
	failing, err := c.look(ctx, s, keys)
	if err != nil {
		return nil, err
	}
	ways := map[string]string{}
	for _, f := range failing {
		ways[joined(f.Row.Key)] = f.Way
	}
	var done []check.Row
	for i, r := range rows {
		if ways[joined(r.Key)] != r.Class { // it changed just now
			d.leave("they changed while the plan was made: ask again", 1, keyText(r.Key))
			continue
		}
		one, cols := w.transitionOf(r.Class, records[i])
		if one == nil {
			d.leave(strings.ReplaceAll(r.Class, "_", " ")+": the config allows no change of a status that they have, decide by hand", 1, keyText(r.Key))
			continue
		}
		form := fix.Form{Unless: "NOT " + ever.wrongNow("way = '"+r.Class+"'"), Why: "it is not " + strings.ReplaceAll(r.Class, "_", " ") + " any more"}
		if err := d.writeRow(r, records[i], "", cols, []*string{&one.To}, form); err != nil {
			return nil, err
		}
		done = append(done, r)
	}
	return done, nil
}

// transitionOf finds what is declared for a row of a class with its status.
func (w *matchFix) transitionOf(class string, r *record) (*transition, []Column) {
	for i := range w.Transitions {
		t := &w.Transitions[i]
		if t.Class != class {
			continue
		}
		cols := []Column{r.table.Columns[r.table.at(w.column(*t))]}
		if status := r.texts(cols)[0]; status != nil && *status == t.From {
			return t, cols
		}
	}
	return nil, nil
}

// changes says in words which statuses change.
func (w *matchFix) changes(done []check.Row) string {
	var parts []string
	for _, t := range w.Transitions {
		if slices.ContainsFunc(done, func(r check.Row) bool { return r.Class == t.Class }) {
			parts = append(parts, fmt.Sprintf("%s %s becomes %s", w.column(t), t.From, t.To))
		}
	}
	return strings.Join(unique(parts), ", ")
}

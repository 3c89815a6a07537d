package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// planner works out how to repair what one check finds. It reads, in the same
// read-only sessions as the check.
type planner struct {
	fix    Fix
	target *Target
	check  check.Check
}

// Modes implements fix.Planner.
func (p *planner) Modes() []string { return p.fix.modes() }

// Draft implements fix.Planner: it runs the check's own detector, so that a plan
// repairs what the check finds and nothing else.
func (p *planner) Draft(ctx context.Context, o fix.Order, caps fix.Caps, tell func(check.Progress)) (fix.Draft, error) {
	modes := p.Modes()
	mode := o.Mode
	if mode == "" {
		mode = modes[0]
	}
	if !slices.Contains(modes, mode) {
		return fix.Draft{}, problemf("%s cannot be repaired by %s: its config allows %s.", p.check.Name, mode, strings.Join(modes, ", "))
	}
	if o.Limit != 0 {
		if err := caps.Limit(o.Limit); err != nil {
			return fix.Draft{}, err
		}
	}
	d := newDrafting(p.target, p.check, newFindings(tell))
	d.order, d.mode, d.caps = o, mode, caps
	d.draft = fix.Draft{Noun: d.noun(), Target: p.check.Target, Place: p.target.Place()}
	if _, ok := p.fix.words.(finder); ok {
		err := p.fix.words.draft(ctx, d)
		return d.draft, err
	}
	result, err := p.fix.declaration.Detector(p.target).Detect(ctx, check.Options{}, nil, d.found)
	if err != nil {
		return fix.Draft{}, err
	}
	d.found.sort()
	d.draft.Found, d.draft.Of, d.draft.Columns = d.found.count, result.Scanned, d.found.columns
	if d.found.count == 0 {
		return d.draft, nil
	}
	if err := p.fix.words.draft(ctx, d); err != nil {
		return fix.Draft{}, err
	}
	return d.finish(ctx)
}

// drafting is one plan being worked out.
type drafting struct {
	target *Target
	check  check.Check
	order  fix.Order
	mode   string
	caps   fix.Caps
	reader *Reader

	found      *findings
	gone       map[string]bool      // keys of rows that went away since they were found
	tables     map[uint32]*fixTable // by their OID
	declared   []declaredReference
	references map[uint32][]*reference // by the OID of the table referred to
	content    *content
	draft      fix.Draft
}

func newDrafting(t *Target, c check.Check, found *findings) *drafting {
	return &drafting{
		target: t, check: c, found: found, reader: t.Reader(check.Options{}, found), gone: map[string]bool{},
		tables: map[uint32]*fixTable{}, references: map[uint32][]*reference{}, content: newContent(),
	}
}

// Validate tries the fix on a live database: tables, columns, grants,
// expressions. Errors are Problems. It reads no row that fails.
func (f Fix) Validate(ctx context.Context, t *Target, c check.Check) error {
	for _, mode := range f.modes() {
		d := newDrafting(t, c, newFindings(nil))
		d.mode, d.caps = mode, f.Rules().Caps
		if err := f.words.draft(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

func (d *drafting) noun() string {
	if d.check.Noun == "" {
		return "rows"
	}
	return d.check.Noun
}

// repairs sets what the plan does, in words: the verb of its button, what has
// become of the rows then, and what is done beside.
func (d *drafting) repairs(verb, done, beside string) {
	rows := d.draft.Rows
	d.draft.Done = done
	means := "break this check"
	if d.check.Means != "" {
		means = d.check.Means
	}
	d.draft.Button = fmt.Sprintf("%s %s %s", verb, phrase.Count(rows), d.draft.Noun)
	d.draft.Does = fmt.Sprintf("%s that %s%s", d.draft.Button, means, beside)
	if rows == 1 {
		d.draft.Button = verb + " 1 row"
		d.draft.Does = fmt.Sprintf("%s one of the %s that %s%s", verb, d.draft.Noun, means, beside)
	}
}

// choose takes of the rows that could be repaired as many as the order wants, in
// the order of their keys. The error is a Problem: they are more than one plan
// may repair.
func (d *drafting) choose(rows []check.Row, all int64) ([]check.Row, error) {
	if limit := d.order.Limit; limit > 0 && int64(limit) < all {
		all = int64(limit)
	}
	if err := d.caps.Check(all, d.draft.Of); err != nil {
		return nil, err
	}
	return rows[:min(int64(len(rows)), all)], nil
}

// repaired counts the rows that the plan repairs, and their money.
func (d *drafting) repaired(rows []check.Row) {
	d.draft.Rows = int64(len(rows))
	for _, r := range rows {
		if !r.Money.Valid {
			continue
		}
		currency := r.Currency
		if currency == "" {
			currency = d.check.Currency
		}
		if d.draft.Money == nil {
			d.draft.Money = map[string]decimal.Decimal{}
		}
		d.draft.Money[currency] = d.draft.Money[currency].Add(r.Money.Decimal)
	}
}

// leave notes failing rows that the plan does not touch.
func (d *drafting) leave(why string, rows int64, examples ...string) {
	if rows == 0 {
		return
	}
	for i := range d.draft.Left {
		if left := &d.draft.Left[i]; left.Why == why {
			left.Rows += rows
			left.Examples = append(left.Examples, examples...)
			left.Examples = left.Examples[:min(len(left.Examples), leftExamples)]
			return
		}
	}
	examples = slices.Clone(examples[:min(len(examples), leftExamples)])
	d.draft.Left = append(d.draft.Left, fix.Left{Rows: rows, Why: why, Examples: examples})
}

// leftExamples is how many keys stand for the rows that are left alone.
const leftExamples = 3

// risk adds a sentence that somebody should know before the click.
func (d *drafting) risk(format string, args ...any) {
	sentence := fmt.Sprintf(format, args...)
	if strings.Contains(d.draft.Risk, sentence) {
		return
	}
	d.draft.Risk = strings.TrimSpace(d.draft.Risk + " " + sentence)
}

// shapes notes which columns the tables have, because rows travel as text, and
// where the names in conditions were looked up.
func (d *drafting) shapes(ctx context.Context) error {
	var path string
	if err := d.target.query(ctx, pathSQL, nil, func(rows pgx.Rows) error { return rows.Scan(&path) }); err != nil {
		return err
	}
	known := map[string]string{}
	for i := range d.draft.Content.Forms {
		f := &d.draft.Content.Forms[i]
		text, ok := known[f.Table]
		if !ok && f.Op != fix.Validate {
			s := &shape{table: f.Table}
			if err := d.target.query(ctx, shapeSQL, []any{f.Table}, s.scan); err != nil {
				return err
			}
			text = s.text()
			known[f.Table] = text
		}
		f.Shape = text
		if f.Unless != "" || f.Held != "" {
			f.Path = path
		}
	}
	return nil
}

// finish puts the plan together.
func (d *drafting) finish(ctx context.Context) (fix.Draft, error) {
	d.draft.Content = d.content.assemble()
	if err := d.shapes(ctx); err != nil {
		return fix.Draft{}, err
	}
	for _, c := range d.draft.Content.Changes {
		if d.draft.Content.Forms[c.Form].Op != fix.Keep {
			d.draft.Total++
		}
	}
	d.draft.Dependants = d.content.dependants
	d.draft.Listing = d.content.listing()
	if err := d.sideEffects(ctx); err != nil {
		return fix.Draft{}, err
	}
	return d.draft, nil
}

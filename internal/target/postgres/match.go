package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// Match declares that every row of the left table, such as an order, is matched
// by rows of the right table, such as its payments: those that add less those
// that subtract come to the left amount, in the left currency.
//
// The right rows of one key are added up before they are compared, so that
// attempts, instalments and refunds are what they are. Left rows that are to be
// matched (Expect) and left rows that are not to be matched (Forbid) are judged;
// all others are not. Younger than MinAge nothing is judged: neither a left row,
// nor one with a right row so young.
type Match struct {
	Left  MatchLeft  `yaml:"left"`
	Right MatchRight `yaml:"right"`
	// Tolerance is how far apart both may be, in minor units of Scale digits.
	Tolerance int64             `yaml:"tolerance"`
	Scale     *int              `yaml:"scale"`
	MinAge    declare.Duration  `yaml:"min_age"`
	Unmatched string            `yaml:"unmatched"` // right rows without a left row: ignore (the default) or report
	Classes   map[string]string `yaml:"classes"`   // other names for the classes
	Show      declare.Names     `yaml:"show"`      // columns of the left table
	Mask      map[string]string `yaml:"mask"`
}

// MatchLeft are the rows that are to be matched.
type MatchLeft struct {
	Table    string        `yaml:"table"`
	Key      declare.Names `yaml:"key"` // default: the primary key
	Amount   string        `yaml:"amount"`
	Currency string        `yaml:"currency"`
	Expect   string        `yaml:"expect"` // rows that must be matched; default all
	Forbid   Forbid        `yaml:"forbid"`
	Time     string        `yaml:"time"`
	Where    string        `yaml:"where"` // rows that are judged at all
}

// MatchRight are the rows that match.
type MatchRight struct {
	Table    string        `yaml:"table"`
	Key      declare.Names `yaml:"key"`
	Amount   string        `yaml:"amount"`
	Currency string        `yaml:"currency"`
	Add      string        `yaml:"add"`      // rows that count; default all that do not subtract
	Subtract string        `yaml:"subtract"` // rows that count against; default none
	Time     string        `yaml:"time"`
	Where    string        `yaml:"where"`
}

// Forbid are conditions of left rows that must not be matched, each under the
// class of its violation, in order: the first that holds counts.
type Forbid []Forbidden

// Forbidden is one of them.
type Forbidden struct {
	Class, Where string
}

// UnmarshalYAML keeps the order of the mapping.
func (f *Forbid) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: forbid is a mapping of classes to conditions", node.Line)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		*f = append(*f, Forbidden{Class: node.Content[i].Value, Where: node.Content[i+1].Value})
	}
	return nil
}

// The ways of not matching, and under which class they are reported by default.
const (
	wayMissing  = "missing"
	wayLess     = "less"
	wayMore     = "more"
	wayTwice    = "twice"
	wayCurrency = "currency"
	wayNoAmount = "no_amount"
	wayStray    = "unmatched"
)

func matchClasses() map[string]string {
	return map[string]string{
		wayMissing: "unpaid", wayLess: "underpaid", wayMore: "overpaid", wayTwice: "paid_twice",
		wayCurrency: "wrong_currency", wayNoAmount: "no_amount", wayStray: "no_order",
	}
}

// class is the name of a way of not matching.
func (w *Match) class(way string) string {
	if name, ok := w.Classes[way]; ok {
		return name
	}
	return matchClasses()[way]
}

// className is what a class may be called: it stands in SQL and in messages.
var className = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Faults implements declare.Words.
func (w *Match) Faults(bad declare.Bad) {
	subject := w.subjectWords()
	subject.Faults(func(key, format string, args ...any) {
		switch key {
		case "table":
			bad("left", "left.table is missing")
		case "where":
			bad("left", "left."+format, args...)
		case "min_age":
			if w.MinAge < 0 {
				bad(key, format, args...)
				return
			}
			bad(key, "min_age needs left.time: the column that tells a row's age")
		default:
			bad(key, format, args...)
		}
	})
	for _, m := range []struct{ key, name, value, what string }{
		{"left", "left.amount", w.Left.Amount, "what is to be matched"},
		{"right", "right.table", w.Right.Table, "the table whose rows match"},
		{"right", "right.amount", w.Right.Amount, "what one row is worth"},
	} {
		if m.value == "" {
			bad(m.key, "%s is missing: %s", m.name, m.what)
		}
	}
	if len(w.Right.Key) == 0 {
		bad("right", "right.key is missing: the column that refers to the left key")
	}
	if n := len(w.Left.Key); n > 0 && len(w.Right.Key) > 0 && n != len(w.Right.Key) {
		bad("right", "right.key names %d columns, left.key names %d", len(w.Right.Key), n)
	}
	if (w.Left.Currency == "") != (w.Right.Currency == "") {
		bad("left", "a currency is named on one side only: name it on both or on none")
	}
	toleranceFaults(w.Tolerance, w.Scale, bad)
	oneOf("unmatched", w.Unmatched, bad, "ignore", "report")
	w.classFaults(bad)
	w.expressionFaults(bad)
}

func (w *Match) classFaults(bad func(key, format string, args ...any)) {
	known := matchClasses()
	for way, name := range w.Classes {
		if _, ok := known[way]; !ok {
			bad("classes", "classes: there is no way of not matching called %q: use missing, less, more, twice, currency, no_amount or unmatched", way)
		}
		if !className.MatchString(name) {
			bad("classes", "classes: %q must be small letters, digits and underscores", name)
		}
	}
	seen := map[string]bool{}
	for _, f := range w.Left.Forbid {
		if !className.MatchString(f.Class) {
			bad("left", "left.forbid: %q must be small letters, digits and underscores", f.Class)
		}
		if seen[f.Class] {
			bad("left", "left.forbid: %q stands twice", f.Class)
		}
		if strings.TrimSpace(f.Where) == "" {
			bad("left", "left.forbid: %s has no condition", f.Class)
		}
		seen[f.Class] = true
	}
}

func (w *Match) expressionFaults(bad func(key, format string, args ...any)) {
	for _, e := range []struct{ key, name, sql string }{
		{"left", "left.amount", w.Left.Amount},
		{"left", "left.expect", w.Left.Expect},
		{"right", "right.amount", w.Right.Amount},
		{"right", "right.add", w.Right.Add},
		{"right", "right.subtract", w.Right.Subtract},
		{"right", "right.where", w.Right.Where},
	} {
		if err := GuardExpression(e.sql); err != nil {
			bad(e.key, "%s: %v", e.name, err)
		}
	}
	for _, f := range w.Left.Forbid {
		if err := GuardExpression(f.Where); err != nil {
			bad("left", "left.forbid: %s: %v", f.Class, err)
		}
	}
}

// subjectWords are the words about the left table.
func (w *Match) subjectWords() Subject {
	return Subject{
		Table: w.Left.Table, Key: w.Left.Key, Where: w.Left.Where, MinAge: w.MinAge, Time: w.Left.Time,
		CurrencyColumn: w.Left.Currency, Show: w.Show, Mask: w.Mask,
	}
}

// Validate implements Declaration.
func (w *Match) Validate(ctx context.Context, t *Target) error {
	d := &matchDetector{words: w, target: t}
	c, err := d.resolve(ctx, t.Reader(check.Options{}, nil))
	if err != nil {
		return err
	}
	return c.explain(ctx)
}

// Detector implements Declaration.
func (w *Match) Detector(t *Target) check.Detector { return &matchDetector{words: w, target: t} }

type matchDetector struct {
	words  *Match
	target *Target
	limits limits
}

// Detect implements check.Detector.
func (d *matchDetector) Detect(ctx context.Context, opts check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	c, err := d.resolve(ctx, d.target.Reader(opts, rec))
	if err != nil {
		return check.Result{}, err
	}
	rec.Columns(append(c.judge.subject.classes, d.words.columns()...))
	return c.detect(ctx, from, d.limits, func() { d.words.judgeAt(c, c.state.Now) })
}

// columns are shown behind those of the left table.
func (w *Match) columns() []check.Column {
	cols := []check.Column{
		{Name: "expected", Class: check.Number}, {Name: "matched", Class: check.Number}, {Name: "difference", Class: check.Number},
	}
	if w.Right.Currency != "" {
		cols = append(cols, check.Column{Name: "in another currency", Class: check.Code})
	}
	return cols
}

// resolve looks everything up.
func (d *matchDetector) resolve(ctx context.Context, r *Reader) (*comparison, error) {
	w := d.words
	words := w.subjectWords()
	involved := d.target.mentioned(ctx, &words, w.Left.Currency+" "+w.states())
	s, err := words.resolve(ctx, d.target, involved, nil)
	if err != nil {
		return nil, err
	}
	right, err := d.target.Table(ctx, w.Right.Table)
	if err != nil {
		return nil, err
	}
	refers, err := right.Named(w.Right.Key...)
	if err != nil {
		return nil, err
	}
	if err := pairable(s.table, s.key, right, refers); err != nil {
		return nil, err
	}
	for _, name := range []string{w.Right.Time, w.Right.Currency} {
		if name == "" {
			continue
		}
		if _, err := right.Named(name); err != nil {
			return nil, err
		}
	}
	c := &comparison{r: r}
	c.left = ledger{
		// All rows take part, judged or not: see Totals.
		table: s.table, alias: s.alias, key: s.key, where: "TRUE", amount: w.Left.Amount, applies: w.expected(),
		negative: "FALSE", unknown: true,
	}
	c.right = ledger{
		table: right, alias: pgx.Identifier{right.Name}.Sanitize(), key: refers, amount: w.Right.Amount,
		applies: "TRUE", negative: "FALSE", judged: "FALSE",
	}
	c.right.where = fmt.Sprintf("%s AND (%s OR %s)", orTrue(w.Right.Where), w.adds(), w.subtracts())
	if w.subtracts() != "FALSE" {
		c.right.negative = w.subtracts()
	}
	if w.Right.Currency != "" {
		c.left.currency = named(s.table, s.alias, w.Left.Currency) + "::text"
		c.right.currency = named(right, c.right.alias, w.Right.Currency) + "::text"
	}
	c.judge = &judgement{subject: s}
	if amount, ok := s.table.Column(w.Left.Amount); ok && amount.NotNull {
		c.left.unknown = false
	}
	w.judgeAt(c, time.Unix(0, 0)) // until the run knows its moment
	return c, nil
}

// named is a column that is known to exist, behind an alias.
func named(t *Table, alias, name string) string {
	c, _ := t.Column(name)
	return c.In(alias)
}

// expected is the condition of left rows that must be matched. NULL is no.
func (w *Match) expected() string {
	if strings.TrimSpace(w.Left.Expect) == "" {
		return "TRUE"
	}
	return "((" + w.Left.Expect + ") IS TRUE)"
}

// subtracts is the condition of right rows that count against.
func (w *Match) subtracts() string {
	if strings.TrimSpace(w.Right.Subtract) == "" {
		return "FALSE"
	}
	return "((" + w.Right.Subtract + ") IS TRUE)"
}

// adds is the condition of right rows that count. A row that also subtracts
// counts against.
func (w *Match) adds() string {
	if strings.TrimSpace(w.Right.Add) == "" {
		return "TRUE"
	}
	return "((" + w.Right.Add + ") IS TRUE)"
}

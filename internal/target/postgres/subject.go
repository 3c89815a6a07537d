package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// Subject are the words that all kinds share which judge the rows of one table.
type Subject struct {
	Table string        `yaml:"table"`
	Key   declare.Names `yaml:"key"`   // default: the primary key
	Where string        `yaml:"where"` // rows that are judged at all
	// MinAge spares rows whose Time is younger: a late parent, a payment still
	// to be captured. A row without a time is never young.
	MinAge         declare.Duration  `yaml:"min_age"`
	Time           string            `yaml:"time"`
	Money          string            `yaml:"money"` // a column or an expression
	CurrencyColumn string            `yaml:"currency_column"`
	Show           declare.Names     `yaml:"show"` // default: the key and the columns involved
	Mask           map[string]string `yaml:"mask"` // column → class
}

// Faults implements declare.Words.
func (w *Subject) Faults(bad declare.Bad) {
	if w.Table == "" {
		bad("table", "table is missing")
	}
	if w.MinAge < 0 {
		bad("min_age", "min_age must not be negative")
	}
	if w.MinAge > 0 && w.Time == "" {
		bad("min_age", "min_age needs time: the column that tells a row's age")
	}
	for column, class := range w.Mask {
		if !slices.Contains(classes(), check.Class(class)) {
			bad("mask", "mask: %s is to be %q, which is no class: use one of %v", column, class, classes())
		}
	}
	for key, sql := range map[string]string{"where": w.Where, "money": w.Money} {
		if err := GuardExpression(sql); err != nil {
			bad(key, "%s: %v", key, err)
		}
	}
}

// subject is a Subject on a live database.
type subject struct {
	table *Table
	key   []Column
	alias string // the table's own quoted name: predicates may use it

	where    string // never empty
	money    string // an expression giving text; never empty
	currency string
	time     *Column
	shown    []Column
	classes  []check.Column

	minAge time.Duration
}

// resolve looks everything up. involved are the columns that the check is about:
// they are shown when the config does not say what to show. references are those
// of them that hold keys, whatever they are called.
func (w *Subject) resolve(ctx context.Context, t *Target, involved, references []string) (*subject, error) {
	table, err := t.Table(ctx, w.Table)
	if err != nil {
		return nil, err
	}
	s := &subject{table: table, alias: pgx.Identifier{table.Name}.Sanitize(), minAge: time.Duration(w.MinAge)}
	if s.key, err = table.KeyOr(w.Key); err != nil {
		return nil, err
	}
	s.where = "TRUE"
	if w.Where != "" {
		s.where = "(" + w.Where + ")"
	}
	if err := s.moment(w.Time); err != nil {
		return nil, err
	}
	if err := s.atStake(w.Money, w.CurrencyColumn); err != nil {
		return nil, err
	}
	show := []string(w.Show)
	if len(show) == 0 {
		show = append(columnNames(s.key), involved...)
		if s.time != nil {
			show = append(show, s.time.Name)
		}
	}
	if s.shown, err = table.Named(unique(show)...); err != nil {
		return nil, err
	}
	for _, c := range s.shown {
		class := classify(c)
		if slices.Contains(columnNames(s.key), c.Name) || slices.Contains(references, c.Name) {
			class = check.Key
		}
		if override, ok := w.Mask[c.Name]; ok {
			class = check.Class(override)
		}
		s.classes = append(s.classes, check.Column{Name: c.Name, Class: class})
	}
	return s, nil
}

// moment finds the column that tells when a row came about.
func (s *subject) moment(name string) error {
	if name == "" {
		return nil
	}
	cols, err := s.table.Named(name)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(cols[0].Type, "timestamp") && cols[0].Type != "date" {
		return &check.Problem{Sentence: fmt.Sprintf("Column %s of table %s is of type %s: time must be a date or a timestamp.", name, s.table, cols[0].Type)}
	}
	s.time = &cols[0]
	return nil
}

// atStake makes the expressions for money and currency.
func (s *subject) atStake(money, currency string) error {
	s.money, s.currency = "NULL::text", "NULL::text"
	if c, ok := s.table.Column(money); ok {
		money = c.In(s.alias)
	}
	if money != "" {
		s.money = "((" + money + ")::numeric)::text"
	}
	if currency == "" {
		return nil
	}
	cols, err := s.table.Named(currency)
	if err == nil {
		s.currency = cols[0].In(s.alias) + "::text"
	}
	return err
}

// from is the table under its alias.
func (s *subject) from() string { return s.table.SQL() + " AS " + s.alias }

// old is the predicate of rows that are old enough to be judged at a moment.
func (s *subject) old(now time.Time) string {
	if s.time == nil || s.minAge == 0 {
		return "TRUE"
	}
	return fmt.Sprintf("(%s IS NULL OR %[1]s <= %s)", s.time.In(s.alias), moment(now.Add(-s.minAge)))
}

// recent is the predicate of rows that a run restricted by since looks at.
func (s *subject) recent(now time.Time, since time.Duration) string {
	if s.time == nil || since == 0 {
		return "TRUE"
	}
	return fmt.Sprintf("%s >= %s", s.time.In(s.alias), moment(now.Add(-since)))
}

// moment is a time as SQL. It is made by us and needs no parameter.
func moment(t time.Time) string {
	return "TIMESTAMPTZ '" + t.UTC().Format("2006-01-02 15:04:05.999999") + "+00'"
}

// details is what a look selects of a row, in the order that scan reads.
func (s *subject) details() string {
	parts := []string{texts(s.alias, s.key)}
	if len(s.shown) > 0 {
		parts = append(parts, texts(s.alias, s.shown))
	}
	at := "NULL::timestamptz"
	if s.time != nil {
		at = s.time.In(s.alias) + "::timestamptz"
	}
	return strings.Join(append(parts, s.money, s.currency, at), ", ")
}

// scan reads the details of a row and whatever was selected behind them.
func (s *subject) scan(rows pgx.Rows, extra ...any) (check.Row, error) {
	row := check.Row{Key: make([]string, len(s.key)), Values: make([]*string, len(s.shown))}
	var money, currency *string
	var at pgtype.Timestamptz
	var dest []any
	for i := range row.Key {
		dest = append(dest, &row.Key[i])
	}
	for i := range row.Values {
		dest = append(dest, &row.Values[i])
	}
	dest = append(dest, &money, &currency, &at)
	if err := rows.Scan(append(dest, extra...)...); err != nil {
		return row, fmt.Errorf("read a row of %s: %w", s.table, err)
	}
	decorate(&row, money, currency, at)
	return row, nil
}

// decorate puts money, currency and time into a row as far as there are any.
func decorate(row *check.Row, money, currency *string, at pgtype.Timestamptz) {
	if at.Valid && at.InfinityModifier == pgtype.Finite {
		row.At = at.Time.UTC()
	}
	if currency != nil {
		row.Currency = *currency
	}
	row.Money = amount(money)
}

// amount reads a numeric; NaN and the infinities are no amount.
func amount(text *string) decimal.NullDecimal {
	if text == nil {
		return decimal.NullDecimal{}
	}
	d, err := decimal.NewFromString(*text)
	return decimal.NullDecimal{Decimal: d.Abs(), Valid: err == nil}
}

func unique(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

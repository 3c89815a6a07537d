package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
	"github.com/integritybot/integritybot/internal/fix"
)

// wayStatement is the one way of rows and query: what the config declares.
const wayStatement = "statement"

// statementWords say what is done to each failing row: columns are set, or the
// row is deleted.
type statementWords struct {
	Update *updateWords `yaml:"update"`
	Delete bool         `yaml:"delete"`
}

// updateWords are what an update sets.
type updateWords struct {
	Set assignments `yaml:"set"`
}

// assignments are columns with the expressions that they are set to, in the
// order of the config.
type assignments []assignment

type assignment struct{ column, expression string }

// UnmarshalYAML takes numbers, booleans and null as they are, and texts as
// expressions of SQL: 0, null, "'CANCELLED'", "greatest(stock, 0)".
func (a *assignments) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: set is a mapping of columns to values", node.Line)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		value := node.Content[i+1]
		if value.Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: set: the value of %s is one number, text or null", value.Line, node.Content[i].Value)
		}
		expression := value.Value
		if value.ShortTag() == "!!null" {
			expression = "NULL"
		}
		*a = append(*a, assignment{column: node.Content[i].Value, expression: expression})
	}
	return nil
}

func (w *statementWords) Faults(bad declare.Bad) {
	if w.Update == nil {
		return
	}
	if len(w.Update.Set) == 0 {
		bad("update", "update: set is missing: which columns become what")
	}
	for i, a := range w.Update.Set {
		if slices.ContainsFunc(w.Update.Set[:i], func(b assignment) bool { return b.column == a.column }) {
			bad("update", "update: %s is set twice", a.column)
		}
		if strings.TrimSpace(a.expression) == "" {
			bad("update", "update: %s is set to nothing; write null, or \"''\" for an empty text", a.column)
		} else if err := GuardExpression(a.expression); err != nil {
			bad("update", "update: %s: %v", a.column, err)
		}
	}
}

// update plans to set columns of failing rows to what the database makes of the
// expressions now: the new values are frozen.
func (d *drafting) update(ctx context.Context, t *fixTable, alias string, key []Column, rows []check.Row, set assignments, form fix.Form) error {
	var cols []Column
	for _, a := range set {
		c, err := t.Named(a.column)
		if err != nil {
			return err
		}
		cols = append(cols, c...)
	}
	if err := d.writable(t, cols); err != nil {
		return err
	}
	if len(rows) == 0 { // the expressions are tried all the same
		return d.snapshot(ctx, func(s *Session) error {
			_, err := s.evaluated(ctx, t, alias, cols, set, nil)
			return err
		})
	}
	var done []check.Row
	err := d.victims(ctx, t, key, rows, func(s *Session, rows []check.Row, records []*record) error {
		values, err := s.evaluated(ctx, t, alias, cols, set, records)
		if err != nil {
			return err
		}
		for i, r := range records {
			if unchanged(r.texts(cols), values[i]) {
				d.leave("what the fix sets is what they hold already", 1, keyText(rows[i].Key))
				continue
			}
			// What is written was worked out from the whole row.
			if err := d.writeRow(rows[i], r, r.whole, cols, values[i], form); err != nil {
				return err
			}
			done = append(done, rows[i])
		}
		return nil
	})
	d.repaired(done)
	parts := make([]string, len(set))
	for i, a := range set {
		parts[i] = a.column + " becomes " + clipped(a.expression, sampleRunes)
	}
	d.repairs("change", "changed", ": "+strings.Join(parts, ", "))
	return err
}

func unchanged(old, values []*string) bool {
	return slices.EqualFunc(old, values, func(a, b *string) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b })
}

// evaluated is what the expressions come to for each row.
func (s *Session) evaluated(ctx context.Context, t *fixTable, alias string, cols []Column, set assignments, records []*record) ([][]*string, error) {
	keys := make([][]string, len(records))
	at := map[string]int{}
	for i, r := range records {
		keys[i], at[joined(r.key)] = r.key, i
	}
	list, args := keyArrays(t.key, keys, 1)
	exprs := make([]string, len(cols))
	for i, a := range set {
		exprs[i] = fmt.Sprintf("((%s\n)::%s)::text", a.expression, t.exact[t.at(a.column)].Type)
	}
	sql := fmt.Sprintf("SELECT %s, %s FROM %s AS %s JOIN %s ON %s", texts(alias, t.key), strings.Join(exprs, ", "), t.SQL(), alias, list, keyJoin(alias, t.key))
	out := make([][]*string, len(records))
	err := s.Each(ctx, sql, args, func(rows pgx.Rows) error {
		key, values := make([]string, len(t.key)), make([]*string, len(cols))
		dest := pointers(key)
		for i := range values {
			dest = append(dest, &values[i])
		}
		err := rows.Scan(dest...)
		if i, ok := at[joined(key)]; ok {
			out[i] = values
		}
		return err
	})
	if unreadable(err) {
		return nil, problemf("What the fix sets cannot be worked out for some rows of %s, or does not fit its column.", t)
	}
	return out, err
}

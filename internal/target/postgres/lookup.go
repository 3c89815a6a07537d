package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// lookupAtOnce is how many keys one statement looks for.
const lookupAtOnce = 5000

// Lookup reads rows by one column that tells them apart. Keys are text, and the text
// that was asked for comes back; what the column could not hold is in no row. Values
// are text, nil is NULL. A column in parentheses is an expression of the config over
// the row. Of two rows with one key the result is a Problem.
//
// Without keys it only looks whether it could be done, and gives the types of the
// columns as the row of the empty key.
func (t *Target) Lookup(ctx context.Context, table, key string, columns, keys []string) (map[string][]*string, error) {
	l, err := t.lookup(ctx, table, key, columns)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return map[string][]*string{"": l.types}, t.explain(ctx, l.sql, []any{[]string{}})
	}
	possible := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !l.as.possible(k) })
	slices.Sort(possible)
	possible = slices.Compact(possible)
	found := make(map[string][]*string, len(possible))
	for some := range slices.Chunk(possible, lookupAtOnce) {
		if err := l.read(ctx, some, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// rowLookup is a Lookup on a live database.
type rowLookup struct {
	t     *Target
	table *Table
	key   Column
	as    identified
	sql   string
	types []*string
}

func (t *Target) lookup(ctx context.Context, table, key string, columns []string) (*rowLookup, error) {
	tab, err := t.Table(ctx, table)
	if err != nil {
		return nil, err
	}
	keys, err := tab.Named(key)
	if err != nil {
		return nil, err
	}
	as, err := identity(tab, keys[0])
	if err != nil {
		return nil, err
	}
	l := &rowLookup{t: t, table: tab, key: keys[0], as: as}
	// The name is nobody's column, so that an expression need not say whose it means.
	const asked = `asked."integritybot: asked"`
	list := []string{asked}
	for _, name := range columns {
		text, kind, err := selected(tab, name)
		if err != nil {
			return nil, err
		}
		list, l.types = append(list, text), append(l.types, &kind)
	}
	// The array is cast and not the column, so that its index is used; the text that was
	// asked for comes back, and not the column's own form of it.
	from, where := `unnest($1::text[]) AS asked("integritybot: asked")`, fmt.Sprintf("t.%s = %s%s", keys[0].SQL(), asked, as.cast)
	if _, _, indexed := tab.IndexOn(keys); indexed {
		// Left to itself Postgres would rather read all of a table than look a few
		// thousand rows up in it: measured 230 ms against 15 ms, for 2,000 of 200,000.
		l.sql = fmt.Sprintf("SELECT %s FROM %s CROSS JOIN LATERAL (SELECT * FROM %s AS t WHERE %s LIMIT 2) AS t", strings.Join(list, ", "), from, tab.SQL(), where)
		return l, nil
	}
	l.sql = fmt.Sprintf("SELECT %s FROM %s JOIN %s AS t ON %s", strings.Join(list, ", "), from, tab.SQL(), where)
	return l, nil
}

// selected is how a column, or an expression in parentheses, is selected as text, and
// its type.
func selected(tab *Table, name string) (text, kind string, err error) {
	if strings.HasPrefix(name, "(") && strings.HasSuffix(name, ")") {
		if err := GuardExpression(name); err != nil {
			return "", "", &check.Problem{Sentence: fmt.Sprintf("The expression %s over table %s %v.", name, tab, err)}
		}
		return name + "::text", "boolean", nil
	}
	cols, err := tab.Named(name)
	if err != nil {
		return "", "", err
	}
	return cols[0].In("t") + "::text", cols[0].Type, nil
}

// read is one statement in one session, so that others have their turn.
func (l *rowLookup) read(ctx context.Context, keys []string, found map[string][]*string) error {
	s, err := l.t.session(ctx, l.t.full, l.t.opts.StatementTimeout)
	if err != nil {
		return err
	}
	defer s.Release()
	return s.Each(ctx, l.sql, []any{keys}, func(rows pgx.Rows) error {
		var key string
		values := make([]*string, len(l.types))
		into := []any{&key}
		for i := range values {
			into = append(into, &values[i])
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if _, twice := found[key]; twice {
			return &check.Problem{Sentence: fmt.Sprintf("Column %s of table %s does not tell its rows apart: two have the same one. Name another column in key.", l.key.Name, l.table)}
		}
		found[key] = values
		return nil
	})
}

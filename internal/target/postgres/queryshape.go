package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// queryShape is what a query returns, found out without running it.
type queryShape struct {
	key   []Column // of the result
	cols  []Column
	shown []check.Column
}

// resolve has the server parse and plan the query: the second layer.
func (q *Query) resolve(ctx context.Context, t *Target) (*queryShape, error) {
	s, err := t.session(ctx, nil, t.opts.StatementTimeout)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	described, err := s.conn.Conn().Prepare(ctx, "", q.clean)
	if err != nil {
		return nil, t.problem(ctx, "prepare the query", err)
	}
	result := &Table{Name: "the query's result"}
	if result.Columns, err = s.typed(ctx, described.Fields); err != nil {
		return nil, err
	}
	if err := s.Each(ctx, "EXPLAIN "+q.clean, nil, func(pgx.Rows) error { return nil }); err != nil {
		return nil, err
	}
	if len(result.Columns) == 0 {
		return nil, problemf("The query returns no column at all.")
	}
	return q.shape(result)
}

// shape looks the declared columns up in the result.
func (q *Query) shape(result *Table) (*queryShape, error) {
	names := columnNames(result.Columns)
	for i, n := range names {
		if slices.Contains(names[:i], n) {
			return nil, problemf("The query returns two columns named %s: give one of them another name with AS.", n)
		}
	}
	key := q.Key
	if len(key) == 0 {
		key = declare.Names{names[0]}
	}
	shape := &queryShape{}
	var err error
	if shape.key, err = result.Named(key...); err != nil {
		return nil, err
	}
	for _, n := range []string{q.Time, q.CurrencyColumn, q.Money} {
		if n != "" {
			if _, err := result.Named(n); err != nil {
				return nil, err
			}
		}
	}
	show := []string(q.Show)
	if len(show) == 0 {
		show = names
	}
	if shape.cols, err = result.Named(show...); err != nil {
		return nil, err
	}
	for _, c := range shape.cols {
		class := classify(c)
		if slices.Contains(key, c.Name) {
			class = check.Key
		}
		if override, ok := q.Mask[c.Name]; ok {
			class = check.Class(override)
		}
		shape.shown = append(shape.shown, check.Column{Name: c.Name, Class: class})
	}
	return shape, nil
}

// typed names the types of a statement's columns.
func (s *Session) typed(ctx context.Context, fields []pgconn.FieldDescription) ([]Column, error) {
	oids := make([]uint32, len(fields))
	for i, f := range fields {
		oids[i] = f.DataTypeOID
	}
	var cols []Column
	err := s.Each(ctx, "SELECT format_type(oid, -1) FROM unnest($1::oid[]) WITH ORDINALITY AS u(oid, pos) ORDER BY pos",
		[]any{oids}, func(rows pgx.Rows) error {
			c := Column{Name: fields[len(cols)].Name}
			err := rows.Scan(&c.Type)
			cols = append(cols, c)
			return err
		})
	return cols, err
}

// sql wraps the query: its rows as text, those behind a key, in the order of
// their keys. Keys are ordered as text, which every type has.
func (q *Query) sql(shape *queryShape, last []string, since string) (string, []any) {
	const alias = "ib_query"
	pick := make([]string, 0, len(shape.cols)+4)
	var keys, behind []string
	for _, k := range shape.key {
		keys = append(keys, fmt.Sprintf(`coalesce(%s::text, '') COLLATE "C"`, k.In(alias)))
	}
	pick = append(pick, strings.Join(keys, ", "))
	for _, c := range shape.cols {
		pick = append(pick, c.In(alias)+"::text")
	}
	for _, extra := range []struct{ column, cast string }{
		{q.Money, "::numeric::text"}, {q.CurrencyColumn, "::text"}, {q.Time, "::timestamptz"},
	} {
		if extra.column == "" {
			pick = append(pick, "NULL"+strings.TrimPrefix(extra.cast, "::numeric"))
			continue
		}
		pick = append(pick, Column{Name: extra.column}.In(alias)+extra.cast)
	}
	where := since
	var args []any
	if last != nil {
		for i, l := range last {
			args = append(args, l)
			behind = append(behind, fmt.Sprintf(`$%d::text COLLATE "C"`, i+1))
		}
		where += " AND " + row(keys) + " > " + row(behind)
	}
	return fmt.Sprintf("SELECT %s FROM (%s\n) AS %s WHERE %s ORDER BY %s",
		strings.Join(pick, ", "), q.clean, alias, where, strings.Join(keys, ", ")), args
}

package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// scope says which rows an exact look is about. A nil predicate is all rows.
type scope struct {
	left, right func(alias string, first int) (string, []any)
	// lookUp finds the right rows by the keys of the left ones, instead of
	// reading all of the right scope: for a few left rows among many.
	lookUp bool
	// filter is one more condition on the left rows, without parameters.
	filter string
}

// everything is the scope of a statement that looks at both whole tables.
func everything() scope { return scope{} }

// chosen is the scope of a list of keys.
func chosen(left, right []Column, keys [][]string) scope {
	in := func(cols []Column) func(string, int) (string, []any) {
		return func(alias string, first int) (string, []any) {
			_, args := keyArrays(cols, keys, first)
			return memberOf(alias, cols, first), args
		}
	}
	return scope{left: in(left), right: in(right)}
}

// memberOf is the condition that a row's key is in the arrays of [keyArrays].
// A semi-join, unlike a join, leaves the row's own columns the only names.
func memberOf(alias string, cols []Column, first int) string {
	params, casts := make([]string, len(cols)), make([]string, len(cols))
	for i, c := range cols {
		params[i] = fmt.Sprintf("$%d::text[]", first+i)
		casts[i] = fmt.Sprintf(`ib_k."%d"::%s`, i+1, c.Type)
	}
	names := make([]string, len(cols))
	for i := range cols {
		names[i] = fmt.Sprintf(`"%d"`, i+1)
	}
	return fmt.Sprintf("%s IN (SELECT %s FROM unnest(%s) AS ib_k(%s))",
		row(columnsIn(alias, cols)), strings.Join(casts, ", "), strings.Join(params, ", "), strings.Join(names, ", "))
}

func columnsIn(alias string, cols []Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.In(alias)
	}
	return out
}

// keyNames are the names of the key's columns in the statements below: k1, k2, …
func keyNames(alias string, cols []Column) []string {
	out := make([]string, len(cols))
	for i := range cols {
		out[i] = fmt.Sprintf("%s.k%d", alias, i+1)
	}
	return out
}

// keyAs selects a key under those names.
func keyAs(alias string, cols []Column) string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = fmt.Sprintf("%s AS k%d", c.In(alias), i+1)
	}
	return strings.Join(out, ", ")
}

// joinKeys is the condition that joins two statements of the same key.
func joinKeys(a, b string, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf("%s.k%d = %s.k%d", a, i+1, b, i+1)
	}
	return strings.Join(parts, " AND ")
}

// judgement is how a kind of check judges a left row and the right rows of its
// key, as parts of one statement: ib_l are the judged left rows, ib_r has at
// most one row per key, way is in which way a row is wrong, NULL for none.
type judgement struct {
	subject *subject
	left    string // further columns of ib_l, "expression AS name"
	judged  string // condition of ib_l on the left table
	// right is the text of the common table expressions up to ib_r, given the
	// condition that restricts the right rows.
	right func(where string) string
	way   string
	shown []string // expressions of type text over ib_l and ib_r, shown behind the subject's columns
	// row makes a Row complete of those.
	row func(row *check.Row, way string, shown []*string)
}

// brief is the statement that gives the keys of wrong rows with their way, and
// in every row (there is at least one) how many left rows were judged.
func (c *comparison) brief(j *judgement, sc scope) (string, []any) {
	with, args := c.with(j, sc, "")
	keys := make([]string, len(c.left.key))
	for i, k := range keyNames("ib_l", c.left.key) {
		keys[i] = fmt.Sprintf("%s::text AS t%d", k, i+1)
	}
	return fmt.Sprintf(`%s
SELECT (SELECT count(*) FROM ib_l), ib_x.*
FROM (SELECT 1) AS ib_one
LEFT JOIN (SELECT * FROM (SELECT %s AS way, %s FROM ib_l LEFT JOIN ib_r ON %s) AS ib_j WHERE way IS NOT NULL) AS ib_x ON TRUE`,
		with, j.way, strings.Join(keys, ", "), joinKeys("ib_l", "ib_r", len(keys))), args
}

// full is the statement that gives the wrong rows as they are shown.
func (c *comparison) full(j *judgement, sc scope) (string, []any) {
	with, args := c.with(j, sc, ", "+j.subject.named())
	picked := append(j.subject.names("ib_l"), append([]string{j.way + " AS way"}, j.shown...)...)
	return fmt.Sprintf("%s\nSELECT * FROM (SELECT %s FROM ib_l LEFT JOIN ib_r ON %s) AS ib_j WHERE way IS NOT NULL",
		with, strings.Join(picked, ", "), joinKeys("ib_l", "ib_r", len(c.left.key))), args
}

// with is the common part of both.
func (c *comparison) with(j *judgement, sc scope, more string) (string, []any) {
	var args []any
	restrict := func(side func(string, int) (string, []any), alias string) string {
		if side == nil {
			return "TRUE"
		}
		sql, add := side(alias, len(args)+1)
		args = append(args, add...)
		return sql
	}
	left := restrict(sc.left, c.left.alias)
	if sc.filter != "" {
		left += " AND " + sc.filter
	}
	right := restrict(sc.right, c.right.alias)
	if sc.lookUp {
		right += fmt.Sprintf(" AND %s IN (SELECT %s FROM ib_l)",
			row(columnsIn(c.right.alias, c.right.key)), strings.Join(keyNames("ib_l", c.left.key), ", "))
	}
	return fmt.Sprintf("WITH ib_l AS (SELECT %s, %s%s FROM %s WHERE %s AND %s AND %s),\n%s",
		keyAs(c.left.alias, c.left.key), j.left, more, c.left.from(), left, c.left.present(), j.judged,
		j.right(right+" AND "+c.right.present())), args
}

// named selects the details of a row under names; names are these names, in the
// order that scan reads.
func (s *subject) named() string {
	parts := s.detailList()
	for i := range parts {
		parts[i] = fmt.Sprintf("%s AS d%d", parts[i], i+1)
	}
	return strings.Join(parts, ", ")
}

func (s *subject) names(alias string) []string {
	out := make([]string, len(s.detailList()))
	for i := range out {
		out[i] = fmt.Sprintf("%s.d%d", alias, i+1)
	}
	return out
}

// detailList are the same expressions as details, one by one.
func (s *subject) detailList() []string {
	var parts []string
	for _, cols := range [][]Column{s.key, s.shown} {
		for _, c := range cols {
			parts = append(parts, c.In(s.alias)+"::text")
		}
	}
	at := "NULL::timestamptz"
	if s.time != nil {
		at = s.time.In(s.alias) + "::timestamptz"
	}
	return append(parts, s.money, s.currency, at)
}

// glance is what a brief statement shows.
type glance struct {
	judged   int64
	suspects []Suspect
}

// glanceAt runs a brief statement.
func (c *comparison) glanceAt(rows pgx.Rows, g *glance) error {
	var way *string
	key := make([]*string, len(c.left.key))
	dest := []any{&g.judged, &way}
	for i := range key {
		dest = append(dest, &key[i])
	}
	if err := rows.Scan(dest...); err != nil {
		return fmt.Errorf("read what differs between %s and %s: %w", c.left.table, c.right.table, err)
	}
	if way == nil {
		return nil
	}
	s := Suspect{Way: *way, Key: make([]string, len(key))}
	for i, k := range key {
		if k != nil {
			s.Key[i] = *k
		}
	}
	g.suspects = append(g.suspects, s)
	return nil
}

// look is the second look at suspects, in one statement, with all that is shown.
func (c *comparison) look(ctx context.Context, s *Session, keys [][]string) ([]Failing, error) {
	sql, args := c.full(c.judge, chosen(c.left.key, c.right.key, keys))
	var failing []Failing
	err := s.Each(ctx, sql, args, func(rows pgx.Rows) error {
		var way string
		shown := make([]*string, len(c.judge.shown))
		extra := []any{&way}
		for i := range shown {
			extra = append(extra, &shown[i])
		}
		found, err := c.judge.subject.scan(rows, extra...)
		if err != nil {
			return err
		}
		c.judge.row(&found, way, shown)
		failing = append(failing, Failing{Row: found, Way: way})
		return nil
	})
	if err != nil {
		return nil, err
	}
	more, err := c.lookStrays(ctx, s, keys)
	return append(failing, more...), err
}

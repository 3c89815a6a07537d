package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
)

// knownAtOnce is how many ids one statement looks for.
const knownAtOnce = 5000

// Known gives which of the ids stand in a column of a table, such as that of the
// events that a consumer has handled. Without ids it only looks whether there is
// such a column. Errors are Problems.
func (t *Target) Known(ctx context.Context, table, column string, ids []string) (map[string]bool, error) {
	tab, err := t.Table(ctx, table)
	if err != nil {
		return nil, err
	}
	cols, err := tab.Named(column)
	if err != nil {
		return nil, err
	}
	as, err := identity(tab, cols[0])
	if err != nil {
		return nil, err
	}
	possible := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !as.possible(id) })
	// The text that was asked for comes back, and not the column's own form of it.
	sql := fmt.Sprintf("SELECT DISTINCT i.id FROM unnest($1::text[]) AS i(id) WHERE EXISTS (SELECT FROM %s AS t WHERE t.%s = i.id%s)",
		tab.SQL(), cols[0].SQL(), as.cast)
	known := map[string]bool{}
	for some := range slices.Chunk(possible, knownAtOnce) {
		if err := t.knownOf(ctx, sql, some, known); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// knownOf is one statement in one session, so that others have their turn.
func (t *Target) knownOf(ctx context.Context, sql string, ids []string, known map[string]bool) error {
	s, err := t.session(ctx, t.full, t.opts.StatementTimeout)
	if err != nil {
		return err
	}
	defer s.Release()
	return s.Each(ctx, sql, []any{ids}, func(rows pgx.Rows) error {
		var id string
		err := rows.Scan(&id)
		known[id] = true
		return err
	})
}

// identified is how text is compared with a column: how the server is to read it,
// and what it could read at all. What it could not is nowhere in the column, and
// must not end the statement.
type identified struct {
	cast     string
	possible func(string) bool
}

var wholeNumber = regexp.MustCompile(`^-?[0-9]{1,100}$`)

func identity(tab *Table, c Column) (identified, error) {
	switch c.Type {
	case "text", "character varying":
		return identified{"::text", storable}, nil
	case "character", "bpchar":
		return identified{"::bpchar", storable}, nil
	case "uuid":
		return identified{"::uuid", isUUID}, nil
	case "bigint", "integer", "smallint":
		return identified{"::bigint", func(id string) bool { _, err := strconv.ParseInt(id, 10, 64); return err == nil }}, nil
	case "numeric":
		return identified{"::numeric", wholeNumber.MatchString}, nil
	}
	return identified{}, &check.Problem{Sentence: fmt.Sprintf(
		"Column %s of table %s is of type %s: an id must be text, a uuid or a whole number.", c.Name, tab, c.Type)}
}

// isUUID tells whether Postgres reads it as one: it knows no urn:uuid: before it.
func isUUID(s string) bool {
	return uuid.Validate(s) == nil && !strings.HasPrefix(strings.ToLower(s), "urn:")
}

// storable tells whether Postgres could hold it as text.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

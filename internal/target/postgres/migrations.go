package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
)

// mostMigrations is how many of one table are read at most, the newest first.
const mostMigrations = 1_000

// Chronicler knows which schema migrations were made, as the tools that made them
// have noted it in this database.
func (t *Target) Chronicler() look.Chronicler { return &chronicler{t.itself()} }

type chronicler struct{ t *Target }

// history is a table in which a tool notes its migrations.
type history struct {
	schema, name, sql string // sql is its quoted name
	usable, readable  bool   // may our role?
	zone              string // in which times without a zone are taken
	columns           map[string]string
}

func (h *history) String() string { return (&Table{Schema: h.schema, Name: h.name}).String() }

// has tells whether a table has all of these columns.
func (h *history) has(columns ...string) bool {
	return !slices.ContainsFunc(columns, func(c string) bool { return h.columns[c] == "" })
}

// zoneless is the type of a time that does not say in which zone it is.
const zoneless = "timestamp without time zone"

// moment is a column with the time of a migration, as SQL. A timestamp without
// zone is what the tool's session took for the time: that session's zone is
// unknown, and the server's own is what it has unless somebody said otherwise.
func (h *history) moment(column string) string {
	name := "h." + quoted(column)
	if h.columns[column] == zoneless {
		return name + " AT TIME ZONE " + zoneSQL
	}
	return name
}

// taken says that times may be off by hours: empty if they say their zone, or if
// everybody's is UTC.
func (h *history) taken() string {
	if !slices.Contains(slices.Collect(maps.Values(h.columns)), zoneless) || slices.Contains(utcNames(), strings.ToUpper(h.zone)) {
		return ""
	}
	return "noted without a time zone, and taken as " + clipped(check.Inert(h.zone), nameRunes) + ", the zone of new sessions on this server"
}

func utcNames() []string { return []string{"UTC", "ETC/UTC", "GMT", "ETC/GMT", "UCT", "ZULU"} }

// zoneSQL is the zone of new sessions.
const zoneSQL = "(SELECT reset_val FROM pg_settings WHERE name = 'TimeZone')"

// historiesSQL finds the tables by their names, in all schemas, whether our role
// may read them or not.
const historiesSQL = `
SELECT n.nspname, c.relname, quote_ident(n.nspname) || '.' || quote_ident(c.relname),
       has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT'),
       ARRAY(SELECT a.attname || ' ' || format_type(a.atttypid, NULL) FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
       ` + zoneSQL + `
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND lower(c.relname) = ANY ($1) AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY n.nspname, c.relname`

// Changes implements look.Chronicler.
func (c *chronicler) Changes(ctx context.Context, since time.Time) ([]look.Change, []string, error) {
	histories, err := c.histories(ctx)
	if err != nil {
		return nil, nil, err
	}
	var changes []look.Change
	var missing []string
	found := false
	for _, h := range histories {
		tool := h.tool()
		switch {
		case tool == nil && h.expected() == "": // a table of another kind with the same name
		case tool == nil:
			missing = append(missing, fmt.Sprintf("Table %s on Postgres %s is not as %s makes it, so the migrations in it are not shown.", h, c.t.Place(), h.expected()))
		case !h.usable:
			missing = append(missing, deniedSentence(c.t.Place(), c.role(), "schema", pgx.Identifier{h.schema}.Sanitize()))
		case !h.readable:
			missing = append(missing, deniedSentence(c.t.Place(), c.role(), "table", h.sql))
		default:
			some, unseen, err := tool.read(ctx, c.t, h, since)
			if err != nil {
				if ctx.Err() != nil {
					return nil, nil, err
				}
				missing = append(missing, sentenceOf(err))
				continue
			}
			changes, missing = append(changes, some...), append(missing, unseen...)
		}
		found = found || tool != nil
	}
	if !found && len(missing) == 0 {
		missing = append(missing, fmt.Sprintf("Postgres %s has no table of Flyway, Liquibase, goose, golang-migrate or Rails: schema migrations that were made by other means are not seen.", c.t.Place()))
	}
	slices.SortStableFunc(changes, func(a, b look.Change) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Says, b.Says)) })
	return changes, missing, nil
}

func (c *chronicler) role() string { return c.t.pool.Config().ConnConfig.User }

func (c *chronicler) histories(ctx context.Context) ([]*history, error) {
	var out []*history
	err := c.t.query(ctx, historiesSQL, []any{historyNames()}, func(rows pgx.Rows) error {
		h := &history{columns: map[string]string{}}
		var columns []string
		if err := rows.Scan(&h.schema, &h.name, &h.sql, &h.usable, &h.readable, &columns, &h.zone); err != nil {
			return err
		}
		for _, column := range columns {
			name, kind := splitColumn(column)
			h.columns[name] = kind
		}
		out = append(out, h)
		return nil
	})
	return out, err
}

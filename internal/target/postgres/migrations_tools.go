package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// tool is a program that migrates schemas, and how to read what it has noted.
type tool struct {
	name    string
	tables  []string // how its table is called unless somebody says otherwise
	columns []string // that tell its table from others of the same name
	timed   bool     // it notes when
	sql     func(h *history) string
	change  func(rows pgx.Rows) (look.Change, error)
	// unseen says in a sentence what a tool without times has noted.
	unseen func(h *history, place string, rows pgx.Rows) (string, error)
}

// tools are told apart by their columns: two of them call their table
// schema_migrations. The more particular come first.
func tools() []*tool {
	return []*tool{flyway(), liquibase(), goose(), golangMigrate(), rails()}
}

func historyNames() []string {
	var out []string
	for _, t := range tools() {
		out = append(out, t.tables...)
	}
	return unique(out)
}

// tool finds who made a table; nil: none that is known.
func (h *history) tool() *tool {
	for _, t := range tools() {
		if t.calls(h.name) && h.has(t.columns...) {
			return t
		}
	}
	return nil
}

func (t *tool) calls(name string) bool {
	for _, one := range t.tables {
		if strings.EqualFold(one, name) {
			return true
		}
	}
	return false
}

// expected names the tool that a table's name speaks of. A name that is nobody's
// alone speaks of none.
func (h *history) expected() string {
	for _, t := range tools() {
		if t.calls(h.name) && !strings.EqualFold(h.name, "schema_version") {
			return t.name
		}
	}
	return ""
}

// read gives the migrations since a time. Errors are Problems.
func (t *tool) read(ctx context.Context, target *Target, h *history, since time.Time) (changes []look.Change, unseen []string, err error) {
	args := []any{since, mostMigrations}
	if !t.timed {
		args = nil
	}
	err = target.query(ctx, t.sql(h), args, func(rows pgx.Rows) error {
		if !t.timed {
			said, err := t.unseen(h, target.Place(), rows)
			unseen = append(unseen, said)
			return err
		}
		change, err := t.change(rows)
		if err != nil {
			return err
		}
		change.Kind, change.What, change.Place = look.Migration, "schema "+h.schema, target.Place()
		change.At = change.At.UTC()
		if said := h.taken(); said != "" {
			change.Differences = append(change.Differences, said)
		}
		changes = append(changes, change)
		return nil
	})
	if len(changes) == mostMigrations {
		unseen = append(unseen, fmt.Sprintf("Table %s on Postgres %s has more than %s migrations since then: only the newest are shown.", h, target.Place(), phrase.Count(mostMigrations)))
	}
	return changes, unseen, err
}

// newest reads columns of the migrations since $1, at most $2.
func newest(h *history, at, columns, where string) string {
	return fmt.Sprintf("SELECT x.at, %s FROM (SELECT h.*, (%s)::timestamptz AS at FROM %s h) AS x WHERE isfinite(x.at) AND x.at >= $1 AND %s ORDER BY x.at DESC LIMIT $2",
		columns, h.moment(at), h.sql, where)
}

// flyway notes each migration, failed ones too (of databases that cannot roll a
// migration back, and of those that run outside of a transaction). Of its rows SCHEMA,
// BASELINE and DELETE are notes of its own, for which nothing was run.
func flyway() *tool {
	return &tool{
		name: "Flyway", tables: []string{"flyway_schema_history", "schema_version"}, timed: true,
		columns: []string{"installed_rank", "version", "description", "type", "script", "installed_by", "installed_on", "execution_time", "success"},
		sql: func(h *history) string {
			return newest(h, "installed_on", "coalesce(x.version::text, ''), x.description::text, x.type::text, x.script::text, x.installed_by::text, x.execution_time::bigint, x.success", "x.type::text NOT IN ('SCHEMA', 'BASELINE', 'DELETE')")
		},
		change: func(rows pgx.Rows) (look.Change, error) {
			var c look.Change
			var version, description, kind, script, by string
			var took int64
			var success bool
			if err := rows.Scan(&c.At, &version, &description, &kind, &script, &by, &took, &success); err != nil {
				return c, fmt.Errorf("read a migration: %w", err)
			}
			name := "repeatable migration"
			if version != "" {
				name = "migration V" + version
			}
			c.Says, c.Who, c.Failed = titled(name, description), "user "+by, !success
			c.Differences = []string{fmt.Sprintf("%s %s, in %s", strings.ToLower(kind), script, phrase.Duration(time.Duration(took)*time.Millisecond))}
			return c, nil
		},
	}
}

// liquibase notes change sets, and also those that it did not run: MARK_RAN and
// SKIPPED. Its author is who wrote one, not who ran it.
func liquibase() *tool {
	return &tool{
		name: "Liquibase", tables: []string{"databasechangelog"}, timed: true,
		columns: []string{"id", "author", "filename", "dateexecuted", "exectype"},
		sql: func(h *history) string {
			return newest(h, "dateexecuted", "x.id::text, x.author::text, x.filename::text, x.exectype::text", "x.exectype::text NOT IN ('MARK_RAN', 'SKIPPED')")
		},
		change: func(rows pgx.Rows) (look.Change, error) {
			var c look.Change
			var id, author, file, kind string
			if err := rows.Scan(&c.At, &id, &author, &file, &kind); err != nil {
				return c, fmt.Errorf("read a change set: %w", err)
			}
			c.Says, c.Who, c.Failed = "change set "+id, "author "+author, kind == "FAILED"
			c.Differences = []string{file}
			if kind == "RERAN" {
				c.Says += " ran again"
			}
			return c, nil
		},
	}
}

// goose notes a version when it is reached, and in older releases also when it is
// left again. Version 0 is the table itself.
func goose() *tool {
	return &tool{
		name: "goose", tables: []string{"goose_db_version"}, timed: true,
		columns: []string{"version_id", "is_applied", "tstamp"},
		sql: func(h *history) string {
			return newest(h, "tstamp", "x.version_id::bigint, x.is_applied", "x.version_id > 0")
		},
		change: func(rows pgx.Rows) (look.Change, error) {
			var c look.Change
			var version int64
			var applied bool
			if err := rows.Scan(&c.At, &version, &applied); err != nil {
				return c, fmt.Errorf("read a migration: %w", err)
			}
			c.Says = fmt.Sprintf("migration %d", version)
			if !applied {
				c.Says += " was rolled back"
			}
			return c, nil
		},
	}
}

// golangMigrate keeps where it is, and not how it got there.
func golangMigrate() *tool {
	return &tool{
		name: "golang-migrate", tables: []string{"schema_migrations"}, columns: []string{"version", "dirty"},
		sql: func(h *history) string {
			return fmt.Sprintf("SELECT h.version::text, h.dirty FROM %s h ORDER BY h.version DESC LIMIT 1", h.sql)
		},
		unseen: func(h *history, place string, rows pgx.Rows) (string, error) {
			var version string
			var dirty pgtype.Bool
			if err := rows.Scan(&version, &dirty); err != nil {
				return "", fmt.Errorf("read a version: %w", err)
			}
			text := fmt.Sprintf("golang-migrate keeps no times: %s on Postgres %s is at version %s", h, place, version)
			if dirty.Bool {
				text += ", dirty: its last migration failed halfway"
			}
			return text + ".", nil
		},
	}
}

// rails keeps the versions alone. They often begin with the day on which somebody
// wrote them, which is not when they were run.
func rails() *tool {
	return &tool{
		name: "Rails", tables: []string{"schema_migrations"}, columns: []string{"version"},
		sql: func(h *history) string {
			return fmt.Sprintf("SELECT coalesce(max(h.version::text), 'none'), count(*) FROM %s h", h.sql)
		},
		unseen: func(h *history, place string, rows pgx.Rows) (string, error) {
			var version string
			var n int64
			if err := rows.Scan(&version, &n); err != nil {
				return "", fmt.Errorf("read a version: %w", err)
			}
			return fmt.Sprintf("Table %s on Postgres %s (Rails and others) keeps no times: it has %s, the highest is %s.",
				h, place, phrase.Plural(n, "version"), clipped(check.Inert(version), nameRunes)), nil
		},
	}
}

// titled is a migration with what its author called it.
func titled(what, description string) string {
	if description == "" {
		return what
	}
	return what + ": " + clipped(description, sampleRunes)
}

// splitColumn takes "name type" apart; a name may hold blanks, a type never begins
// with one. Columns whose names hold blanks belong to no tool.
func splitColumn(text string) (name, kind string) {
	name, kind, _ = strings.Cut(text, " ")
	return name, kind
}

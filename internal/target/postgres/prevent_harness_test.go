//go:build cgo

package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	pgquery "github.com/pganalyze/pg_query_go/v6"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/shop"
)

// cleanShop is a shop in which every check passes.
func cleanShop(t *testing.T) string {
	t.Helper()
	return pgtest.Template(t, "shop in order", func(dsn string) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if _, err := shop.Generate(ctx, dsn, shop.Options{Seed: 7, Plant: shop.PlantNone}); err != nil {
			t.Fatal(err)
		}
	})
}

// prevent asks a declaration for its migration.
func prevent(t *testing.T, dsn, kind, words string) Prevention {
	t.Helper()
	preventer, ok := declareCheck(t, kind, words).(Preventer)
	if !ok {
		t.Fatalf("a check of kind %s prevents nothing", kind)
	}
	p, err := preventer.Prevent(t.Context(), open(t, brisk(dsn)))
	if err != nil {
		t.Fatalf("prevent: %v", err)
	}
	return p
}

// statements takes a file apart as Postgres does.
func statements(t *testing.T, sql string) []string {
	t.Helper()
	tree, err := pgquery.Parse(sql)
	if err != nil {
		t.Fatalf("the file cannot be parsed: %v\n%s", err, sql)
	}
	var out []string
	for _, s := range tree.GetStmts() {
		from, length := int(s.GetStmtLocation()), int(s.GetStmtLen())
		if length == 0 {
			length = len(sql) - from
		}
		out = append(out, sql[from:from+length])
	}
	return out
}

// rollback are the statements of the file's last section.
func rollback(t *testing.T, sql string) string {
	t.Helper()
	_, part, ok := strings.Cut(sql, "-- Rollback")
	if !ok {
		t.Fatal("the file has no rollback")
	}
	var out []string
	for line := range strings.Lines(part) {
		if l, ok := strings.CutPrefix(line, "--   "); ok {
			out = append(out, l)
		}
	}
	return strings.Join(out, "")
}

// carryOut runs a file statement by statement, as psql does.
func carryOut(t *testing.T, dsn, sql string) {
	t.Helper()
	conn := connectTo(t, dsn)
	for _, s := range statements(t, sql) {
		if _, err := conn.Exec(t.Context(), s, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%v\n%s\n--- the whole file:\n%s", err, s, sql)
		}
	}
}

func connectTo(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// attempt runs SQL in one transaction and gives the SQLSTATE of what refused
// it, by the end of the commit; empty when nothing did. kept: it stays.
func attempt(t *testing.T, dsn, sql string, kept bool) string {
	t.Helper()
	conn := connectTo(t, dsn)
	end := "; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK"
	if kept {
		end = "; COMMIT"
	}
	_, err := conn.Exec(t.Context(), "BEGIN; "+strings.TrimRight(sql, "; \n")+end, pgx.QueryExecModeSimpleProtocol)
	var pg *pgconn.PgError
	if err != nil && !errors.As(err, &pg) {
		t.Fatal(err)
	}
	if pg == nil {
		return ""
	}
	return pg.Code
}

// prevented is one defect that a migration has to stop.
type prevented struct {
	name, kind, words string
	schema            string // empty: the shop in order
	defect            string
	code              string // of the refusal
	innocent          string
	steps             int
	note              string // in the answer to the second question
}

var (
	breaks = regexp.MustCompile(`\n--|\s`)
	sizes  = regexp.MustCompile(`about[\d,]+|onlyafew`)
)

// sizeless is a file without what changes with the number of rows: it says how
// many there are, and its lines break accordingly.
func sizeless(sql string) string {
	return sizes.ReplaceAllString(breaks.ReplaceAllString(sql, ""), "")
}

// prove has the file made, run, asked for again and taken back.
func (c prevented) prove(t *testing.T) {
	dsn := cleanOrOwn(t, c.schema)
	if code := attempt(t, dsn, c.defect, false); code != "" {
		t.Fatalf("the defect was impossible from the beginning: %s", code)
	}
	first := prevent(t, dsn, c.kind, c.words)
	if n := steps(first.SQL); n != c.steps {
		t.Errorf("%d steps, want %d:\n%s", n, c.steps, first.SQL)
	}
	acts := slices.DeleteFunc(statements(t, first.SQL), func(s string) bool {
		s = strings.TrimSpace(withoutComments(s))
		return strings.HasPrefix(s, "SET ") || strings.HasPrefix(s, "RESET ")
	})
	if len(acts) != c.steps {
		t.Errorf("%d statements for %d steps:\n%s", len(acts), c.steps, first.SQL)
	}
	carryOut(t, dsn, first.SQL)
	if code := attempt(t, dsn, c.defect, true); code != c.code {
		t.Errorf("the defect met %q, want %q", code, c.code)
	}
	if code := attempt(t, dsn, c.innocent, true); code != "" {
		t.Errorf("the innocent met %q", code)
	}
	rec, _ := detect(t, declareCheck(t, c.kind, c.words).Detector(open(t, brisk(dsn))), check.Options{})
	if len(rec.saved) > 0 {
		t.Errorf("the check finds %v", rec.keys())
	}
	second := prevent(t, dsn, c.kind, c.words)
	if second.SQL != "" || second.Name != "" {
		t.Errorf("the second time it proposes:\n%s", second.SQL)
	}
	if all := strings.Join(second.Notes, "\n"); !strings.Contains(all, c.note) {
		t.Errorf("no note says %q:\n%s", c.note, all)
	}
	if strings.Contains(first.SQL, "\r") {
		return // a comment cannot hold what ends it: this rollback is for people to put right
	}
	carryOut(t, dsn, rollback(t, first.SQL))
	if again := prevent(t, dsn, c.kind, c.words); sizeless(again.SQL) != sizeless(first.SQL) {
		t.Errorf("after the rollback (-first +again):\n%s", cmp.Diff(first.SQL, again.SQL))
	}
	if code := attempt(t, dsn, c.defect, false); code != "" {
		t.Errorf("after the rollback the defect still met %s", code)
	}
}

// withoutComments is a statement without the comment lines before it.
func withoutComments(statement string) string {
	for strings.HasPrefix(strings.TrimSpace(statement), "--") {
		_, statement, _ = strings.Cut(strings.TrimSpace(statement), "\n")
	}
	return statement
}

func cleanOrOwn(t *testing.T, schema string) string {
	t.Helper()
	if schema == "" {
		return cleanShop(t)
	}
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, schema)
	return dsn
}

var numbers = regexp.MustCompile(`(?m)^-- \d+\. `)

// steps counts the numbered steps in a file.
func steps(sql string) int {
	return len(numbers.FindAllString(sql, -1))
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "prevent", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

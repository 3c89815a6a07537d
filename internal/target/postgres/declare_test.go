package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/declare"
)

func TestDeclareNamesAllMistakesWithLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, words string
		want              []string // "line: part of the message"
	}{
		{"right", "orphans", "kind: orphans\ntitle: T\ntable: a\ncolumn: b\nparent: c\n", nil},
		{"unknown word", "orphans", "table: a\ncolumn: b\nparent: c\nparrent: d\n", []string{"4: parrent"}},
		{
			"all at once", "orphans", "table: a\nmin_age: soon\nwhere: \"a ;\"\nmask: {x: secret}\n",
			[]string{"1: column is missing", "1: parent is missing", "2: \"soon\" is not a duration", "3: where:", "4: no class"},
		},
		{"age without time", "rows", "table: a\nwrong: b\nmin_age: 10m\n", []string{"3: min_age needs time"}},
		{"nothing", "rows", "{}", []string{"1: table is missing", "1: wrong is missing"}},
		{"a list", "rows", "[a, b]", []string{"1: a check is a mapping"}},
		{"no such kind", "orphan", "table: a", []string{"1: there is no kind of check \"orphan\": did you mean orphans?"}},
		{"columns that do not pair", "orphans", "table: a\ncolumn: [a, b]\nparent: c\nparent_column: [d]\n", []string{"4: parent_column names 1 columns"}},
		{"a query that writes", "query", "of: a\nsql: DELETE FROM a\n", []string{"2: sql must be a SELECT"}},
		{"no query", "query", "key: a\n", []string{"1: sql is missing"}},
		{"no columns", "duplicates", "table: a\n", []string{"1: columns is missing"}},
		{"a word twice", "rows", "table: a\ntable: b\nwrong: c\n", []string{"2: table"}},
		{"a list of the wrong things", "duplicates", "table: a\ncolumns: {a: b}\n", []string{"2: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tryDeclare(c.kind, c.words)
			var got []string
			for _, f := range faultsOf(err) {
				got = append(got, sprint("%d: ", f.Line)+f.Message)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q (%v)", got, c.want, err)
			}
			for i, want := range c.want {
				line, part, _ := strings.Cut(want, ": ")
				if !strings.HasPrefix(got[i], line+": ") || !strings.Contains(got[i], part) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

// faultsOf are the faults that an error joins.
func faultsOf(err error) []*declare.Fault {
	var one *declare.Fault
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*declare.Fault
		for _, e := range joined.Unwrap() {
			all = append(all, faultsOf(e)...)
		}
		return all
	}
	if errors.As(err, &one) {
		return []*declare.Fault{one}
	}
	return nil
}

func TestKindsAreDifferent(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if seen[k] {
			t.Errorf("kind %s is listed twice", k)
		}
		seen[k] = true
	}
	for _, k := range []string{"orphans", "duplicates", "rows", "query", "foreign-keys"} {
		if !seen[k] {
			t.Errorf("kind %s is missing", k)
		}
	}
}

func TestDeclareLeavesTheNodeAlone(t *testing.T) {
	t.Parallel()
	one := declareCheck(t, "rows", "title: T\ntable: a\nwrong: b\nkey: c\n").(*Rows)
	want := &Rows{Subject: Subject{Table: "a", Key: declare.Names{"c"}}, Wrong: "b"}
	if diff := cmp.Diff(want, one); diff != "" {
		t.Errorf("declared (-want +got):\n%s", diff)
	}
}

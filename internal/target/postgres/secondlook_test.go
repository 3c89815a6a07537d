package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/pgtest"
)

// TestSecondLookDropsWhatWasInFlight repairs rows in the time between the two
// looks, and nothing of them is reported.
func TestSecondLookDropsWhatWasInFlight(t *testing.T) {
	t.Parallel()
	const schema = `
CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE k (id int PRIMARY KEY, ref int, code text); CREATE INDEX ON k (ref);
INSERT INTO k SELECT i, i, 'c' || i FROM generate_series(1, 30) i; INSERT INTO p SELECT i FROM generate_series(1, 28) i; UPDATE k SET code = 'c1' WHERE id IN (2, 3);`
	for _, c := range []struct{ name, kind, words, repair, want string }{
		{"orphans", "orphans", `{table: k, column: ref, parent: p}`, "INSERT INTO p VALUES (29)", "30"},
		{"orphans by rows", "orphans", `{table: k, column: ref, parent: p, where: "true"}`, "DELETE FROM k WHERE id = 29", "30"},
		{"duplicates", "duplicates", `{table: k, columns: code}`, "UPDATE k SET code = 'c2' WHERE id = 2", "3 conflict"},
		{"rows", "rows", `{table: k, wrong: "ref > 28"}`, "UPDATE k SET ref = 1 WHERE id = 29", "30"},
		{"query", "query", `{sql: "SELECT id FROM k WHERE ref > 28"}`, "UPDATE k SET ref = 1 WHERE id = 29", "30"},
	} {
		for mode, opts := range modes() {
			t.Run(c.name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				dsn := pgtest.Database(t)
				pgtest.Exec(t, dsn, schema)
				o := brisk(dsn)
				o.SecondLook, o.SaveEvery, o.chunkRows = time.Hour, 2*time.Hour, 0
				o.Sleep = func(_ context.Context, d time.Duration) error {
					if d > 59*time.Minute {
						pgtest.Exec(t, dsn, c.repair)
					}
					return nil
				}
				rec, _ := detect(t, declareCheck(t, c.kind, c.words).Detector(open(t, o)), opts)
				if diff := cmp.Diff([]string{c.want}, rec.keys()); diff != "" {
					t.Errorf("found (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestSecondLookConverges on suspects that fail in another way every time they
// are looked at: after three looks they are reported as they are.
func TestSecondLookConverges(t *testing.T) {
	t.Parallel()
	o := brisk(pgtest.Database(t))
	rec := &recorder{t: t}
	rec.Columns([]check.Column{})
	r := open(t, o).Reader(check.Options{Full: true}, rec)
	ways := map[string][]string{
		"steady": {"unpaid"}, "settles": {"overpaid", "overpaid"}, "restless": {"b", "c", "d", "e"}, "repaired": {}, "repaired late": {"b"},
	}
	looks := map[string]int{}
	l := r.Lookout(func(_ context.Context, _ *Session, keys [][]string) ([]Failing, error) {
		var failing []Failing
		for _, k := range keys {
			n := looks[k[0]]
			looks[k[0]]++
			if w := ways[k[0]]; n < len(w) {
				failing = append(failing, Failing{Row: check.Row{Key: k, Class: w[n]}, Way: w[n]})
			}
		}
		return failing, nil
	})
	for name := range ways {
		l.Add(Suspect{Key: []string{name}, Way: "unpaid"})
	}
	if err := l.Flush(t.Context(), func() any { return "behind" }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"restless d", "settles overpaid", "steady unpaid"}, rec.keys()); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"steady": 1, "settles": 2, "restless": 3, "repaired": 1, "repaired late": 2}, looks); diff != "" {
		t.Errorf("looks (-want +got):\n%s", diff)
	}
	if string(rec.cursor) != `"behind"` {
		t.Errorf("cursor %s", rec.cursor)
	}
}

// TestSinceRestricts judges only rows that are younger, with an index on the
// time and without.
func TestSinceRestricts(t *testing.T) {
	t.Parallel()
	const schema = `
CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE k (id int PRIMARY KEY, ref int, at timestamptz); CREATE INDEX ON k (ref);
INSERT INTO k SELECT i, i / 2, now() - i * interval '1 h' + interval '1 min' FROM generate_series(1, 48) i; INSERT INTO k VALUES (99, 99, NULL);`
	for _, c := range []struct {
		name, kind, words string
		want              []string
		scanned           int64
	}{
		{"orphans", "orphans", `{table: k, column: ref, parent: p, time: at}`, []string{"1", "2", "3"}, 3},
		{"duplicates", "duplicates", `{table: k, columns: ref, time: at}`, []string{"2 duplicate"}, 3},
		{"rows", "rows", `{table: k, wrong: "true", time: at}`, []string{"1", "2", "3"}, 3},
		{"query", "query", `{sql: "SELECT id, at FROM k", time: at}`, []string{"1", "2", "3"}, 3},
	} {
		for _, index := range []string{"", "CREATE INDEX ON k (at)"} {
			t.Run(strings.TrimSpace(c.name+" "+index), func(t *testing.T) {
				t.Parallel()
				dsn := pgtest.Database(t)
				pgtest.Exec(t, dsn, schema+index)
				target := open(t, brisk(dsn))
				for mode, opts := range modes() {
					opts.Since = 3 * time.Hour
					rec, result := detect(t, declareCheck(t, c.kind, c.words).Detector(target), opts)
					if diff := cmp.Diff(c.want, rec.keys()); diff != "" {
						t.Errorf("%s: found (-want +got):\n%s", mode, diff)
					}
					if result.Scanned != c.scanned {
						t.Errorf("%s: scanned %d, want %d (%s)", mode, result.Scanned, c.scanned, result.Plan)
					}
				}
			})
		}
	}
	dsn := pgtest.Database(t)
	pgtest.Exec(t, dsn, schema)
	_, err := declareCheck(t, "rows", `{table: k, wrong: "true"}`).Detector(open(t, brisk(dsn))).
		Detect(t.Context(), check.Options{Since: time.Hour}, nil, &recorder{t: t})
	if err == nil || !strings.Contains(sentence(t, err), "names no time column") {
		t.Errorf("since without a time column: %v", err)
	}
}

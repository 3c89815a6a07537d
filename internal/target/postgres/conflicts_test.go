package postgres

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/pgtest"
)

func factsOf(facts []look.Fact, kind look.Kind) []look.Fact {
	var out []look.Fact
	for _, f := range facts {
		if f.Kind == kind {
			out = append(out, f)
		}
	}
	return out
}

// deadlock makes two sessions wait for each other, of which the server ends one.
func (c *contended) deadlock() {
	c.t.Helper()
	one := c.session("one").does("BEGIN", "UPDATE orders SET status = 'a' WHERE id = 1")
	two := c.session("two").does("BEGIN", "UPDATE orders SET status = 'b' WHERE id = 2")
	one.begins("UPDATE orders SET status = 'a' WHERE id = 2")
	two.begins("UPDATE orders SET status = 'b' WHERE id = 1")
	if (one.ended() == nil) == (two.ended() == nil) {
		c.t.Fatal("there was no deadlock")
	}
	for _, s := range []*session{one, two} {
		s.does("ROLLBACK")
		_ = s.conn.Close(context.Background()) // what it counted is then in the server's statistics
	}
}

// TestConflictsCounters: a deadlock is counted, and one that comes about while it
// is looked is told apart from those before.
func TestConflictsCounters(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	execute(t, c.dsn, "ALTER ROLE %s SET deadlock_timeout = '10ms'", c.role)
	target := c.reader(false) // it needs no grant
	ask := func() (look.Report, []string) {
		var told []string
		report, err := Conflicts([]*Target{target}).Look(t.Context(), look.Question{At: time.Now()}, func(p check.Progress) { told = append(told, p.Reading) })
		if err != nil {
			t.Fatal(err)
		}
		return report, told
	}
	report, told := ask()
	if got := factsOf(report.Facts, look.Deadlocks); len(got) != 1 || got[0].Count != 0 || got[0].Says != "0 deadlocks on test/shop (primary)" {
		t.Errorf("facts %+v", got)
	}
	if len(told) != 1 || !strings.Contains(report.Head.Headline.String(), "0 deadlocks and checksums are off since the server was made") {
		t.Errorf("told %q, headline %q", told, report.Head.Headline)
	}
	pgtest.Exec(t, c.dsn, "SELECT pg_stat_reset()")
	c.deadlock()
	eventually(t, "it is counted", func() bool {
		return scanOne[int64](t, c.dsn, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 1
	})
	target.opts.Sleep = func(context.Context, time.Duration) error {
		c.deadlock()
		eventually(t, "the second one is counted", func() bool {
			return scanOne[int64](t, c.dsn, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 2
		})
		return nil
	}
	report, _ = ask()
	headline := report.Head.Headline.String()
	if !strings.HasPrefix(headline, "🔎 Database: 2 deadlocks and checksums are off since ") || !strings.Contains(headline, "(under 1 min)") || !strings.Contains(headline, ": 1 deadlock") {
		t.Errorf("headline %q", headline)
	}
	if got := factsOf(report.Facts, look.Deadlocks)[0]; got.Count != 2 || !strings.Contains(got.Says, "2 deadlocks on test/shop (primary) in under 1 min, 1 of them in the last ") {
		t.Errorf("fact %+v", got)
	}
	rollbacks := factsOf(report.Facts, look.Rollbacks)[0]
	if rollbacks.Count < 2 || rollbacks.Of <= rollbacks.Count {
		t.Errorf("fact %+v", rollbacks)
	}
	if len(factsOf(report.Facts, look.Checksums)) > 0 || len(factsOf(report.Facts, look.Conflicts)) > 0 || len(report.Missing) > 0 {
		t.Errorf("facts %+v, missing %q", report.Facts, report.Missing)
	}
	if len(report.Thread) != 1 || report.Thread[0].Name != "server-a" {
		t.Fatalf("thread %+v", report.Thread)
	}
	text := ""
	for _, p := range report.Thread[0].Message.Parts {
		for _, l := range p.Lines {
			text += l.String() + "\n"
		}
	}
	for _, want := range []string{"Data checksums are off", "It is no standby", "40P01"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}

// TestConflictsUnreachable: a server that does not answer is said to be missing,
// and is an error only if none answers.
func TestConflictsUnreachable(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	o := brisk("postgres://nobody@127.0.0.1:1/none")
	o.Place = "test/down"
	down := open(t, o)
	_, err := Conflicts([]*Target{down}).Look(t.Context(), look.Question{}, nil)
	if err == nil || !strings.Contains(err.Error(), "Postgres test/down refused the connection") {
		t.Errorf("error %v", err)
	}
	o = brisk(c.dsn)
	o.ReadDSN = "postgres://nobody@127.0.0.1:1/none"
	o.Sleep = func(context.Context, time.Duration) error { return nil }
	report, err := Conflicts([]*Target{open(t, o)}).Look(t.Context(), look.Question{}, nil)
	if err != nil || len(report.Missing) != 1 || len(report.Thread) != 1 || len(report.Head.Parts) != 2 {
		t.Errorf("%v, report %+v", err, report)
	}
	if got := letters(0) + letters(25) + letters(26); got != "azba" {
		t.Errorf("letters %q", got)
	}
}

// TestConflictsWords are of a standby with damage, as no test server is one.
func TestConflictsWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 11, 12, 0, 0, 0, time.UTC)
	reset, last := now.Add(-10*24*time.Hour), now.Add(-2*time.Hour)
	two := int64(2)
	raw := func(n string) map[string]json.RawMessage {
		return map[string]json.RawMessage{"deadlocks": json.RawMessage("0"), "conflicts": json.RawMessage(n), "xact_commit": json.RawMessage("99"), "xact_rollback": json.RawMessage("1"), "sessions_killed": json.RawMessage("null")}
	}
	server := &statServer{
		t: &Target{opts: Options{Place: "production/shop"}}, replica: true,
		before: &counters{at: now.Add(-2 * time.Second), database: raw("40")},
		now:    &counters{at: now, recovery: true, checksums: true, database: raw("41"), corrupt: &two, last: &last, reset: &reset},
	}
	report := conflictReport([]*statServer{server}, nil, now)
	want := "🔎 Database: 2 checksum failures and 0 deadlocks since 2026-07-01 12:00 UTC (10 d), 41 conflicts with recovery, 1 % of transactions rolled back; in the last 2 s: 1 conflict"
	if diff := cmp.Diff(want, report.Head.Headline.String()); diff != "" {
		t.Error(diff)
	}
	const name = "production/shop (standby, which checks read)"
	facts := []look.Fact{
		{Kind: look.Deadlocks, Subject: name, Says: "0 deadlocks on " + name},
		{Kind: look.Rollbacks, Subject: name, Count: 1, Of: 100, Says: "1 % of transactions on " + name + " rolled back"},
		{Kind: look.Checksums, Subject: name, Count: 2, At: last, Says: "2 checksum failures on " + name},
		{Kind: look.Conflicts, Subject: name, Count: 41, Says: "41 conflicts with recovery on " + name + " in 10 d, 1 of them in the last 2 s"},
	}
	if diff := cmp.Diff(facts, report.Facts); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	rows := [][]string{{name, "0", "1 (1 %)", "2", "41", "2026-07-01 12:00 UTC"}}
	if diff := cmp.Diff(rows, report.Head.Parts[0].Table.Rows); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if got := report.Thread[0].Message.Parts[0].Table.Rows; len(got) != 3 || got[2][2] != "4.10" {
		t.Errorf("counters %q", got)
	}
}

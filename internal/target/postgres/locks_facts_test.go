package postgres

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/integritybot/integritybot/internal/look"
)

// TestLockFacts are what a diagnosis gets: who blocks whom, and who writes where;
// also that there is nobody.
func TestLockFacts(t *testing.T) {
	t.Parallel()
	c := newContended(t)
	target := c.reader(true)
	ask := func(targets ...*Target) look.Report {
		t.Helper()
		report, err := Locks(targets).Look(t.Context(), look.Question{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	quiet := []look.Fact{{Kind: look.Blocked, Says: "no blocked sessions"}, {Kind: look.Writers, Says: "nobody writes to a table just now"}}
	report := ask(target)
	if diff := cmp.Diff(quiet, report.Facts); diff != "" || report.Head.Headline.String() != "test/shop: nobody waits for a lock" {
		t.Errorf("headline %q, facts (-want +got):\n%s", report.Head.Headline, diff)
	}
	c.session("other").does("BEGIN", "UPDATE stock SET n = 1 WHERE id = 9")
	c.session(ApplicationName).does("BEGIN", "UPDATE stock SET n = 1 WHERE id = 8")
	root, _ := c.stuck()
	c.session("late").waits("DELETE FROM orders WHERE id = 1")
	o := brisk("postgres://nobody@127.0.0.1:1/none")
	o.Place = "test/down"
	report = ask(target, open(t, o))
	want := []look.Fact{
		{Kind: look.Blocked, Subject: "pid " + root.pid + " (ecommerce-backend)", Count: 2, Of: 4},
		{Kind: look.Writers, Subject: "orders", Count: 3, Of: 4, Says: "3 sessions write to orders at once"},
		{Kind: look.Writers, Subject: "stock", Count: 1, Of: 4, Says: "1 session writes to stock"},
	}
	got := report.Facts
	says := got[0].Says
	if got[0].At.IsZero() || !strings.HasPrefix(says, "pid "+root.pid+" (ecommerce-backend), idle in transaction for ") || !strings.Contains(says, ", blocks 2 others, the longest for ") {
		t.Errorf("fact %+v", got[0])
	}
	got[0].Says = ""
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(look.Fact{}, "At")); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if len(report.Missing) != 1 || !strings.Contains(report.Missing[0], "test/down refused") || report.Head.Headline.String() != "test/shop: "+says {
		t.Errorf("missing %q, headline %q", report.Missing, report.Head.Headline)
	}
	if len(ask(c.reader(false)).Missing) != 1 {
		t.Error("a role that sees nothing misses nothing")
	}
}

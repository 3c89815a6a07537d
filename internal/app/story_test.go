package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/config"
	"github.com/integritybot/integritybot/internal/mailtest"
	"github.com/integritybot/integritybot/internal/workspace"
)

// told is a world in which a story has happened: a shop, its events, its cache and
// its cluster.
type told struct {
	*world
	cluster *cluster.Cluster
	mail    *mailtest.Server
}

func newStory(t *testing.T, name string) told {
	t.Helper()
	story, err := app.Tell(t.Context(), name, 2000)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := story.Close(); err != nil {
			t.Error(err)
		}
	})
	slack := newSlack(t, workspace.Options{})
	w := &world{t: t, slack: slack, truth: story.Truth, dsn: story.Shop, yaml: config.Example(), env: story.Env}
	w.env["SLACK_APP_TOKEN"], w.env["SLACK_BOT_TOKEN"], w.env["SLACK_API_URL"] = slack.AppToken(), slack.BotToken(), slack.APIURL()
	w.env["WRITES_WATCH"] = "3s" // HTTP is on: the demo takes alerts
	if err := app.Migrate(t.Context(), w.config()); err != nil {
		t.Fatal(err)
	}
	return told{w, story.Cluster, story.Mail}
}

// TestEveryStoryIsNamed: for each planted cause the diagnosis names it first.
func TestEveryStoryIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ story, cause, evidence string }{
		{"failed-events", "failed events (strong)", "412 dead letters"},
		{"race", "a race between writers (strong)", "blocks 3 others"},
		{"stale-cache", "a stale cache (strong)", "cached values differ from their rows"},
		{"bad-migration", "corruption or a bad migration (strong)", "migration V57"},
		{"recent-change", "a recent change (strong)", "image 1.8.3 → 1.9.0"},
	} {
		t.Run(c.story, func(t *testing.T) { // one after another: each is a Postgres, a Redis, a broker and a cluster
			w := newStory(t, c.story)
			stop := w.replica()
			w.say("/integrity diagnose orders")
			head := w.said("most likely")
			if want := "Orders: most likely " + c.cause; !strings.Contains(head.Text, want) {
				t.Errorf("it reads %q, want %q", head.Text, want)
			}
			if text := fmt.Sprint(head.Blocks); !strings.Contains(text, c.evidence) {
				t.Errorf("the evidence is not named: %q in\n%s", c.evidence, text)
			}
			w.settled(time.Minute)
			w.noViolations()
			if *screenshots != "" {
				page := browser(t, w.slack.URL()+"/?as="+alice+"#/"+incident)
				do(t, page, chromedp.EmulateViewport(1600, 1150), aside())
				picture(t, page, "diagnose-"+c.story)
			}
			stop()
		})
	}
}

// approved lets somebody ask for a plan and another one approve it, and gives what
// stands there in the end.
func (w told) approved(words string) (ref string, applied workspace.Message) {
	w.t.Helper()
	ref, preview := w.planned(bob, words)
	w.press(carol, preview.TS, "confirm")
	return ref, await(w.t, ref+" ending", 2*time.Minute, func() (workspace.Message, bool) {
		m := w.said(ref)
		return m, strings.Contains(m.Text, ref+" applied") || strings.Contains(m.Text, ref+" partly applied") || strings.Contains(m.Text, ref+" failed")
	})
}

// TestWritersAreStoppedAndResumed, by the second person, through Slack: nobody runs
// any more, it is said for how long, and then they are what they were.
func TestWritersAreStoppedAndResumed(t *testing.T) {
	t.Parallel()
	w := newStory(t, "recent-change")
	w.replica()
	pods := func() int { return len(w.cluster.Pods(cluster.Namespace, cluster.Backend)) }
	if n := pods(); n != 3 {
		t.Fatalf("%d pods run before", n)
	}
	before := w.seq()
	w.say("/integrity writes stop")
	w.ephemeral(alice, incident, "writes:stop")
	w.onlyRow(before, "writes.stop", "refused", "refused")

	ref, preview := w.planned(bob, "writes stop --mode scale")
	w.press(bob, preview.TS, "confirm")
	w.ephemeral(bob, incident, "You asked for "+ref+" yourself")
	w.press(carol, preview.TS, "confirm")
	stopped := w.said(ref + " applied")
	if !strings.Contains(stopped.Text, "Writers: PASS") || pods() != 0 {
		t.Errorf("%d pods run, and it reads %q", pods(), stopped.Text)
	}
	w.say("/integrity writes status")
	if m := w.said("1 of 1 writer stopped"); !strings.Contains(m.Text, ref) {
		t.Errorf("it does not say by which plan: %q", m.Text)
	}
	back, resumed := w.approved("writes resume")
	if !strings.Contains(resumed.Text, back+" applied") || pods() != 3 {
		t.Errorf("%d pods run again, and it reads %q", pods(), resumed.Text)
	}
	w.settled(time.Minute)
	w.noViolations()
	w.auditIsSound()
}

// TestAStopThatIsTakenBack: somebody else scales the writers up again, and that is
// what is said, with the name, and never success.
func TestAStopThatIsTakenBack(t *testing.T) {
	t.Parallel()
	w := newStory(t, "recent-change")
	w.env["WRITES_WATCH"] = "20s"
	w.replica()
	end, err := w.cluster.Revert(cluster.Namespace, cluster.Backend, "argocd-controller", 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	ref, after := w.approved("writes stop --mode scale")
	text := fmt.Sprint(after.Blocks)
	if strings.Contains(after.Text, ref+" applied") || !strings.Contains(text, "argocd-controller") {
		t.Errorf("it reads %q\n%s", after.Text, text)
	}
	w.settled(time.Minute)
	w.noViolations()
}

// TestARestoreIsFollowedToItsEnd: the job runs, and its end is what the plan says.
func TestARestoreIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	w := newStory(t, "bad-migration")
	w.replica()
	at := time.Now().UTC().Add(-3 * time.Hour).Format("2006-01-02 15:04")
	ref, done := w.approved("restore --at '" + at + "'")
	if !strings.Contains(done.Text, ref+" applied") || !strings.Contains(done.Text, "PASS") {
		t.Errorf("it reads %q", done.Text)
	}
	w.settled(time.Minute)
	w.noViolations()
}

// TestWhoBlocksOthersIsEnded: the chain is shown, its root is ended by two people,
// and nobody waits any more.
func TestWhoBlocksOthersIsEnded(t *testing.T) {
	t.Parallel()
	w := newStory(t, "race")
	w.replica()
	root := ask[int64](t, w.dsn, `SELECT DISTINCT p FROM pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) p
		WHERE NOT EXISTS (SELECT FROM pg_stat_activity b WHERE b.pid = p AND cardinality(pg_blocking_pids(b.pid)) > 0)`)[0]
	await(t, "somebody waiting for more than 5 s", time.Minute, func() (bool, bool) {
		n := ask[int64](t, w.dsn, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND now() - query_start > interval '6 s'`)[0]
		return true, n == 3
	})
	w.say("/integrity locks")
	head := w.said(fmt.Sprintf("pid %d", root))
	if !strings.Contains(head.Text, "FAIL Blocked sessions") {
		t.Errorf("it reads %q", head.Text)
	}
	ref, ended := w.approved(fmt.Sprintf("locks terminate %d", root))
	if !strings.Contains(ended.Text, ref+" applied") || !strings.Contains(ended.Text, "PASS") {
		t.Errorf("it reads %q", ended.Text)
	}
	w.settled(time.Minute)
	w.noViolations()
}

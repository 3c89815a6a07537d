package app_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/workspace"
)

// TestTwoClicksAtOnce: two people press Confirm and one presses Cancel, on two
// replicas, at the same moment. One decision is carried out; everybody reads
// something.
func TestTwoClicksAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.repairable()
	w.replica()
	w.replica()
	before := w.seq()
	ref, preview := w.planned(alice, "fix negative-stock")
	var wg sync.WaitGroup
	for by, button := range map[string]string{alice: "confirm", bob: "confirm", carol: "cancel"} {
		wg.Go(func() {
			if err := w.slack.Click(workspace.Click{As: by, Channel: incident, TS: preview.TS, ActionID: button}); err != nil {
				t.Errorf("%s presses %s: %v", by, button, err)
			}
		})
	}
	wg.Wait()
	w.settled(time.Minute)
	rows := w.since(before)
	allowed := 0
	for _, r := range rows[1:] {
		if r.Decision == "allowed" {
			allowed++
		} else if r.Outcome != "refused" {
			t.Errorf("an answer that is neither: %+v", r)
		}
	}
	if len(rows) != 4 || allowed != 1 {
		t.Errorf("%d rows, %d decisions: %+v", len(rows), allowed, rows)
	}
	applies := ask[int64](t, w.store(), `SELECT count(*) FROM runs WHERE asked->>'Step' = 'apply'`)[0]
	if state := w.planState(ref); (state == "applied") != (applies == 1) || state != "applied" && state != "cancelled" {
		t.Errorf("%s is %s, %d runs apply it", ref, state, applies)
	}
	answers := ask[int64](t, w.store(), `SELECT count(*) FROM posts WHERE only_to <> '' AND state = 'sent'`)[0]
	if answers != 2 {
		t.Errorf("%d people were answered, want the 2 who were late", answers)
	}
	w.noViolations()
	w.auditIsSound()
}

// TestWhoMayDecide: the same as the guards' table, through Slack: a right that
// is taken away after the preview, one's own approval, a check that was declared
// differently, a plan that expired, and a shared channel.
func TestWhoMayDecide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.repairable()
	w.yaml = []byte(strings.NewReplacer(
		"update: {set: {stock_quantity: 0}}", "update: {set: {stock_quantity: 0}}\n      approve_over: 0",
	).Replace(string(w.yaml)))
	stop := w.replica()
	refused := func(name, by, button string, m workspace.Message, want, rule string) {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			before := w.seq()
			w.press(by, m.TS, button)
			w.ephemeral(by, incident, want)
			w.onlyRow(before, button, "refused", "refused")
			if got := ask[string](t, w.store(), `SELECT body::json->>'rule' FROM audit_events WHERE seq > $1 AND source = 'button' ORDER BY seq LIMIT 1`, before)[0]; got != rule {
				t.Errorf("the rule is %q, want %q", got, rule)
			}
		})
	}
	ref, preview := w.planned(bob, "fix negative-stock")
	refused("without a right", "U0DAVE", "confirm", preview, "approve:inventory is for approvers, admins", "no role grants approve:inventory")
	refused("a second person who may not approve", alice, "confirm", preview, "needs a second person", "no role grants approve:inventory")
	refused("one's own approval", bob, "confirm", preview, "You asked for "+ref+" yourself", "self-approval")
	t.Run("a right that is taken away after the preview", func(t *testing.T) {
		w := w.in(t)
		time.Sleep(4 * time.Second) // what Slack answered is believed for a moment
		if _, err := w.slack.AddPerson(workspace.Person{ID: carol, Name: "carol", RealName: "Carol Lindqvist", Kind: workspace.Member, Groups: []string{}}); err != nil {
			t.Fatal(err)
		}
		before := w.seq()
		w.press(carol, preview.TS, "confirm")
		w.onlyRow(before, "confirm", "refused", "refused")
	})
	t.Run("in a channel that is shared", func(t *testing.T) {
		w := w.in(t)
		before := w.seq()
		w.sayAs(bob, "C0PARTNER", "", "/integrity fix negative-stock")
		w.ephemeral(bob, "C0PARTNER", "This channel is shared with another organisation, so no row data and no fixes here.")
		w.onlyRow(before, "fix", "refused", "refused")
	})
	if state := w.planState(ref); state != "waiting" {
		t.Errorf("%s is %s after all that", ref, state)
	}

	// The config changes while the plan waits.
	stop()
	w.yaml = []byte(strings.Replace(string(w.yaml), "wrong: stock_quantity < 0", "wrong: stock_quantity < -1", 1))
	w.replica()
	refused("a check that was declared differently", alice, "confirm", preview, "was declared differently since", "declared differently since")
	second, waits := w.planned(alice, "fix negative-stock")
	if state := w.planState(ref); state != "refused" {
		t.Errorf("%s is %s", ref, state)
	}
	w.press(bob, waits.TS, "confirm")
	w.said(second + " applied")
	w.settled(time.Minute)
	if n := ask[int64](t, w.dsn, `SELECT count(*) FROM products WHERE stock_quantity < -1`)[0]; n != 0 {
		t.Errorf("%d products are still wrong", n)
	}
	w.noViolations()
	w.auditIsSound()
}

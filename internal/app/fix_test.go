package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/target/postgres"
	"github.com/integritybot/integritybot/internal/workspace"
)

const (
	bob   = "U0BOB"
	carol = "U0CAROL"
)

// repairable lets the bot repair the shop, with a role of this test's own.
func (w *world) repairable() {
	w.t.Helper()
	fixer := pgtest.Role(w.t, "fixer")
	script := strings.ReplaceAll(postgres.TargetSQL(), "integritybot_fixer", fixer)
	pgtest.Exec(w.t, w.dsn, script+"; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+fixer)
	w.env["SHOP_FIX_DSN"] = pgtest.As(w.dsn, fixer)
}

// said waits for a message of the bot in the incident channel or one of its
// threads that begins as told.
func (w *world) said(begins string) workspace.Message {
	w.t.Helper()
	var last []string
	defer func() {
		if w.t.Failed() {
			w.t.Logf("there stands:\n%s", strings.Join(last, "\n"))
		}
	}()
	return await(w.t, fmt.Sprintf("%q being said", begins), time.Minute, func() (workspace.Message, bool) {
		last = nil
		for _, head := range w.heads() {
			thread, err := w.slack.Thread(alice, incident, head.TS)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, m := range append(thread, head) {
				last = append(last, m.Text)
				if m.BotID != "" && strings.Contains(m.Text, begins) {
					return m, true
				}
			}
		}
		return workspace.Message{}, false
	})
}

// rowsOf is a fingerprint of tables, whatever the order of their rows.
func (w *world) rowsOf(tables ...string) string {
	w.t.Helper()
	var sums []string
	for _, t := range tables {
		sums = append(sums, t+" "+ask[string](w.t, w.dsn, `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM `+t+` t`)[0])
	}
	return strings.Join(sums, ", ")
}

// planned asks for a fix and gives the number and the message of the plan that
// waits.
func (w *world) planned(by, words string) (string, workspace.Message) {
	w.t.Helper()
	before := ask[int64](w.t, w.store(), `SELECT coalesce(max(id), 0) FROM plans`)[0]
	w.sayAs(by, incident, "", "/integrity "+words)
	id := await(w.t, "the plan", 20*time.Second, func() (int64, bool) {
		id := ask[int64](w.t, w.store(), `SELECT coalesce(max(id), 0) FROM plans`)[0]
		return id, id > before
	})
	ref := fmt.Sprintf("P-%d", id)
	return ref, w.said(ref + " waiting")
}

func (w *world) planState(ref string) string {
	w.t.Helper()
	return ask[string](w.t, w.store(), `SELECT state FROM plans WHERE 'P-' || id = $1`, ref)[0]
}

// TestAFixFromTheFindingToTheUndo: check, preview, confirm, green, undo, red
// again; and the audit tells it.
func TestAFixFromTheFindingToTheUndo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.repairable()
	w.replica()
	tables := []string{"orders", "order_items", "payments", "customers"}
	before := w.rowsOf(tables...)
	w.say("/integrity check orphaned-orders")
	w.finished("Orphaned orders", time.Minute)
	orphans := len(wanted(w.truth, "orphaned-orders"))

	finding := w.said("belong to a customer that does not exist")
	w.press(alice, finding.TS, "fix")
	preview := w.said(" waiting: ")
	if preview.ThreadTS == "" || !strings.Contains(preview.Text, fmt.Sprint(orphans)) {
		t.Errorf("the preview reads %q in thread %q", preview.Text, preview.ThreadTS)
	}
	first := strings.Fields(preview.Text)[1]
	if got := w.rowsOf(tables...); got != before {
		t.Errorf("the preview changed rows: %s, before %s", got, before)
	}
	w.press(bob, preview.TS, "confirm")
	applied := w.said(first + " applied")
	if applied.TS != preview.TS || !strings.Contains(applied.Text, fmt.Sprintf("%d → 0, PASS", orphans)) {
		t.Errorf("it reads %q", applied.Text)
	}
	if got := w.rowsOf(tables...); got == before {
		t.Error("nothing was changed")
	}
	w.press(alice, applied.TS, "undo")
	back := w.said(" waiting: ")
	second := strings.Fields(back.Text)[1]
	if second == first {
		t.Fatalf("the way back is %s itself", second)
	}
	w.press(alice, back.TS, "confirm")
	undone := w.said(second + " applied")
	if !strings.Contains(undone.Text, fmt.Sprintf("0 → %d, FAIL", orphans)) {
		t.Errorf("it reads %q", undone.Text)
	}
	if got := w.said(first + " undone by " + second); got.TS != preview.TS {
		t.Errorf("it reads %q", got.Text)
	}
	if got := w.rowsOf(tables...); got != before {
		t.Errorf("after the undo: %s, before: %s", got, before)
	}
	w.settled(time.Minute)
	w.theStory(first, second)
	w.noViolations()
	w.auditIsSound()
}

// theStory compares the audit of one fix and its undo with what happened.
func (w *world) theStory(first, second string) {
	w.t.Helper()
	type line struct{ Who, Source, Action, Target, Outcome string }
	got := ask[line](w.t, w.store(), `SELECT coalesce(actor, ''), source, action, target, outcome FROM audit_events WHERE actor <> '' ORDER BY seq`)
	run := ask[string](w.t, w.store(), `SELECT 'R-' || min(id) FROM runs`)[0]
	want := []line{
		{alice, "slash", "check", run, "intended"},
		{alice, "system", "check.finding", "orphaned-orders", "done"},
		{alice, "system", "check.run", run, "done"},
	}
	for _, plan := range []struct{ ref, asks, by, decides string }{{first, "fix", bob, "confirm"}, {second, "undo", alice, "confirm"}} {
		want = append(want,
			line{alice, "button", plan.asks, plan.ref, "intended"},
			line{alice, "system", "plan", plan.ref, "done"},
			line{plan.by, "button", plan.decides, plan.ref, "intended"},
			line{plan.by, "system", "fix.apply", plan.ref, "intended"},
			line{plan.by, "system", "fix.applied", plan.ref, "done"},
			line{plan.by, "system", "fix.verified", plan.ref, "done"})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("the audit (-want +got):\n%s", diff)
	}
	w.none("events of a plan without its hash", `SELECT action || ' ' || target FROM audit_events
		WHERE action IN ('plan', 'confirm', 'fix.apply', 'fix.applied', 'fix.verified') AND coalesce(body::json->>'plan_hash', '') = ''`)
	w.none("plans with two hashes", `SELECT target FROM audit_events WHERE body::json->>'plan_hash' <> '' GROUP BY target HAVING count(DISTINCT body::json->>'plan_hash') > 1`)
}

// TestEveryFixOfTheExample: preview, confirm, undo, over every check whose config
// declares a fix; the undo leaves each table as it was.
func TestEveryFixOfTheExample(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.repairable()
	w.replica()
	tables := ask[string](t, w.dsn, `SELECT c.relname::text FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1`)
	for _, d := range w.config().Declared() {
		if d.Fix == nil || d.Check.Target != "shop" || d.Check.Kind == "foreign-keys" || d.Check.Kind == "locks" {
			continue // elsewhere, or nothing to take back
		}
		t.Run(d.Check.Name, func(t *testing.T) {
			w := w.in(t)
			before := w.rowsOf(tables...)
			ref, preview := w.planned(alice, "fix "+d.Check.Name+" --limit 50") // within the share of every table
			if got := w.rowsOf(tables...); got != before {
				t.Fatalf("the preview changed rows:\n%s\nbefore:\n%s", got, before)
			}
			w.press(bob, preview.TS, "confirm")
			applied := w.said(ref + " applied")
			t.Log(applied.Text)
			if got := w.rowsOf(tables...); got == before {
				t.Error("nothing was changed")
			}
			next := ask[int64](t, w.store(), `SELECT max(id) FROM plans`)[0]
			w.press(alice, applied.TS, "undo")
			back := await(t, "the way back", 30*time.Second, func() (string, bool) {
				found := ask[string](t, w.store(), `SELECT 'P-' || id FROM plans WHERE id > $1 AND state = 'waiting'`, next)
				return strings.Join(found, ""), len(found) == 1
			})
			w.press(bob, w.said(back+" waiting").TS, "confirm")
			t.Log(w.said(back + " applied").Text)
			if got := w.rowsOf(tables...); got != before {
				t.Errorf("after the undo:\n%s\nbefore:\n%s", got, before)
			}
		})
	}
	w.settled(time.Minute)
	w.noViolations()
	w.auditIsSound()
}

// TestVerifyAndPrevent: the list with its numbers, and a migration that is shown
// and not run.
func TestVerifyAndPrevent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.replica()
	w.say("/integrity verify")
	head := w.finished("Verification", 2*time.Minute)
	text := fmt.Sprint(head.Blocks)
	for _, want := range []string{"No orphaned records", "No duplicate records", "Calculated values correct", "Foreign key constraints intact", "Event processing working", "not looked at yet"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	schema := `SELECT count(*) FROM pg_constraint UNION ALL SELECT count(*) FROM pg_index ORDER BY 1`
	before := fmt.Sprint(ask[int64](t, w.dsn, schema))
	w.press(alice, w.said("belong to a customer that does not exist").TS, "prevent")
	shown := w.said("How to prevent what Orphaned orders finds")
	if text := fmt.Sprint(shown.Blocks); !strings.Contains(text, "FOREIGN KEY") {
		t.Errorf("it reads %s", text)
	}
	await(t, "the file", time.Minute, func() (int, bool) {
		for name, content := range w.files(head, 1) {
			if strings.HasSuffix(name, ".sql") && strings.Contains(content, "FOREIGN KEY") {
				return 0, true
			}
		}
		return 0, false
	})
	if after := fmt.Sprint(ask[int64](t, w.dsn, schema)); after != before {
		t.Errorf("constraints and indexes: %s, before %s", after, before)
	}
	w.settled(time.Minute)
	w.noViolations()
}

// TestAReplicaIsKilledWhileItApplies: a process of its own, killed at once when
// the plan is being applied through a slow network; another one finishes it.
func TestAReplicaIsKilledWhileItApplies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.repairable()
	network, through := newProxy(t, w.env["SHOP_FIX_DSN"])
	direct := w.env["SHOP_FIX_DSN"]
	stop := w.replica()
	ref, preview := w.planned(alice, "fix orphaned-orders")
	stop()
	w.env["SHOP_FIX_DSN"] = through
	network.set(false, 150*time.Millisecond)
	victim := w.process()
	await(t, "the process being there", time.Minute, func() (int, bool) {
		return 0, w.slack.Click(workspace.Click{As: bob, Channel: incident, TS: preview.TS, ActionID: "confirm"}) == nil
	})
	await(t, "the apply beginning", time.Minute, func() (int, bool) { return 0, w.planState(ref) == "applying" })
	time.Sleep(300 * time.Millisecond)
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	_ = victim.Wait() // it was killed
	w.env["SHOP_FIX_DSN"] = direct
	w.replica()
	applied := w.said(ref + " applied")
	if took := time.Since(killed); took > 35*time.Second {
		t.Errorf("finished only after %s", took)
	}
	if !strings.Contains(applied.Text, "→ 0, PASS") || !strings.Contains(applied.Text, "finished by another instance") {
		t.Errorf("it reads %q", applied.Text)
	}
	if n := ask[int64](t, w.store(), `SELECT count(*) FROM audit_events WHERE action IN ('fix.apply', 'fix.applied', 'fix.verified')`)[0]; n != 3 {
		t.Errorf("%d events, want one of each", n)
	}
	w.settled(time.Minute)
	w.noViolations()
	w.auditIsSound()
}

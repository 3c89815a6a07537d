package app_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/app"
	"github.com/integritybot/integritybot/internal/workspace"
)

// row is an audit row of what a person asked.
type row struct {
	Action, Source, Decision, Outcome, Target string
}

// since gives the rows about what people asked, after this one.
func (w *world) since(seq int64) []row {
	return ask[row](w.t, w.store(), `SELECT coalesce(action, ''), coalesce(source, ''), coalesce(decision, ''), coalesce(outcome, ''), coalesce(target, '')
		FROM audit_events WHERE seq > $1 AND source <> 'system' ORDER BY seq`, seq)
}

func (w *world) seq() int64 { return ask[int64](w.t, w.store(), `SELECT size FROM audit_head`)[0] }

// onlyRow waits for the one row since then and compares it.
func (w *world) onlyRow(seq int64, action, decision, outcome string) {
	w.t.Helper()
	rows := await(w.t, "an audit row", 10*time.Second, func() ([]row, bool) {
		rows := w.since(seq)
		return rows, len(rows) > 0
	})
	if len(rows) != 1 || rows[0].Action != action || rows[0].Decision != decision || rows[0].Outcome != outcome {
		w.t.Errorf("audit rows %+v, want one: %s %s %s", rows, action, decision, outcome)
	}
}

func TestRefusalsOfWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.replica()
	for _, c := range []struct{ name, as, channel, text, want, action string }{
		{"unknown command", alice, incident, "chekc orders", `There is no command called "chekc". Did you mean "check"?`, "unknown"},
		{"unknown check", alice, incident, "check ordres", `There is no check called "ordres". Did you mean "orders"?`, "check"},
		{"unknown flag", alice, incident, "check orders --ful", "check has no flag --ful. Did you mean --full?", "check"},
		{"two things", alice, incident, "check orders payments", "One thing at a time", "check"},
		{"open quote", alice, incident, `check "orders`, "a quote is not closed", "unknown"},
		{"no such run", alice, incident, "stop R-99", "There is no run R-99", "stop"},
		{"missing right", "U0DAVE", incident, "check orders", "This needs the permission check:orders, which you do not have here. It is for responders", "check"},
		{"guest", "U0GUEST", incident, "check orders", "Guests may not use the bot", "unknown"},
		{"outsider", "U0OTTO", "C0PARTNER", "check orders", "You are from another organisation", "unknown"},
		{"audit in a shared channel", alice, "C0PARTNER", "audit", "so the audit is not shown here", "audit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			before := w.seq()
			w.sayAs(c.as, c.channel, "", "/integrity "+c.text)
			w.ephemeral(c.as, c.channel, c.want)
			w.onlyRow(before, c.action, "refused", "refused")
		})
	}
	t.Run("Slack does not say who it is", func(t *testing.T) {
		w := w.in(t)
		before := w.seq()
		if err := w.slack.Inject(workspace.Fault{Method: "users.info", Kind: "timeout", Count: 1}); err != nil {
			t.Fatal(err)
		}
		w.sayAs("U0CAROL", incident, "", "/integrity check orders")
		w.ephemeral("U0CAROL", incident, "I could not find out from Slack who you are, so I did nothing")
		w.onlyRow(before, "unknown", "refused", "refused")
	})
	if runs := ask[int64](t, w.store(), `SELECT count(*) FROM runs`)[0]; runs != 0 {
		t.Errorf("%d runs of what was refused", runs)
	}
	w.noViolations()
	w.auditIsSound()
}

// in is the same world for a part of a test.
func (w *world) in(t *testing.T) *world {
	part := *w
	part.t = t
	return &part
}

// TestDeactivated asks and is deactivated before the bot hears of it.
func TestDeactivated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{Timing: workspace.Timing{EventRetryAfter: []time.Duration{time.Second, time.Second, time.Second, time.Second, time.Second}}})
	eve := workspace.Person{ID: "U0EVE", Name: "eve", Kind: workspace.Member, Groups: []string{"S0RESPONDERS"}}
	if _, err := w.slack.AddPerson(eve); err != nil {
		t.Fatal(err)
	}
	if err := w.slack.Invite(alice, incident, eve.ID); err != nil {
		t.Fatal(err)
	}
	before := w.seq()
	w.sayAs(eve.ID, incident, "", "<@"+w.slack.BotUserID()+"> check orders")
	eve.Kind = workspace.Deactivated
	if _, err := w.slack.AddPerson(eve); err != nil {
		t.Fatal(err)
	}
	w.replica()
	w.onlyRow(before, "unknown", "refused", "refused")
	if runs := ask[int64](t, w.store(), `SELECT count(*) FROM runs`)[0]; runs != 0 {
		t.Errorf("%d runs for somebody who is gone", runs)
	}
}

// TestPlaces: where the bot is no member, in a shared channel, in a thread, and
// by the form.
func TestPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	w.replica()
	t.Run("not a member", func(t *testing.T) {
		w := w.in(t)
		before := w.seq()
		w.sayAs(alice, "C0NOBOT", "", "/integrity check negative-stock")
		m := w.ephemeral(alice, "C0NOBOT", "I am not a member of this channel")
		text, err := json.Marshal(m.Blocks)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"/invite @integrity", "FAIL Negative stock"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("no %q in %s", want, text)
			}
		}
		w.onlyRow(before, "check", "allowed", "intended")
	})
	t.Run("shared with another organisation", func(t *testing.T) {
		w := w.in(t)
		before := w.seq()
		w.sayAs(alice, "C0PARTNER", "", "/integrity check negative-stock")
		w.onlyRow(before, "check", "allowed", "intended")
		w.settled(time.Minute)
		b := w.board(alice, "C0PARTNER")
		all, err := json.Marshal(b.posts)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(all), "FAIL Negative stock") || !strings.Contains(string(all), "shared with another organisation, so rows are not shown here") {
			t.Errorf("it reads %s", all)
		}
		for _, id := range wanted(w.truth, "negative-stock") {
			if len(b.files) > 0 || strings.Contains(string(all), id) {
				t.Errorf("a row (%s) or a file (%v) is shown to another organisation", id, b.files)
			}
		}
	})
	t.Run("in a thread", func(t *testing.T) {
		w := w.in(t)
		before := w.seq()
		root := w.sayAs(alice, incident, "", "stock looks odd")
		w.sayAs(alice, incident, root, "<@"+w.slack.BotUserID()+"> check negative-stock")
		w.onlyRow(before, "check", "allowed", "intended")
		w.settled(time.Minute)
		b := w.board(alice, incident)
		if got := strings.Join(b.order[incident+" "+root], " "); !strings.Contains(got, "run/") || !strings.Contains(got, "/negative-stock") || !strings.Contains(got, ".csv") {
			t.Errorf("in the thread stands %q", got)
		}
		if len(b.order) != 1 {
			t.Errorf("something stands beside the thread: %v", b.order)
		}
	})
	t.Run("by the form", func(t *testing.T) {
		w := w.in(t)
		before := w.seq()
		if err := w.slack.UseShortcut(alice, "pick_check", "", ""); err != nil {
			t.Fatal(err)
		}
		open, err := w.slack.Modals(alice)
		if err != nil || len(open) != 1 {
			t.Fatalf("%d forms, %v", len(open), err)
		}
		id, _ := open[0]["id"].(string)
		err = w.slack.Submit(alice, id, map[string]any{
			"check":   map[string]any{"check": map[string]any{"type": "static_select", "selected_option": map[string]any{"value": "negative-totals"}}},
			"channel": map[string]any{"channel": map[string]any{"type": "conversations_select", "selected_conversation": incident}},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.onlyRow(before, "check", "allowed", "intended")
		w.finished("Negative totals", time.Minute)
	})
	w.settled(time.Minute)
	w.noViolations()
	w.auditIsSound()
}

// TestButtons: stopping what runs, by whom, and pressing twice.
func TestButtons(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Options{})
	network, through := newProxy(t, w.env["SHOP_DSN"])
	network.set(false, 100*time.Millisecond)
	w.env["SHOP_DSN"] = through
	w.replica()
	w.say("/integrity check all")
	head := await(t, "the head", 20*time.Second, func() (workspace.Message, bool) {
		heads := w.heads()
		if len(heads) == 0 {
			return workspace.Message{}, false
		}
		return heads[0], true
	})
	before := w.seq()
	w.press("U0DAVE", head.TS, "stop")
	w.ephemeral("U0DAVE", incident, "which you do not have here")
	w.onlyRow(before, "stop", "refused", "refused")
	before = w.seq()
	w.press("U0BOB", head.TS, "stop")
	w.onlyRow(before, "stop", "allowed", "intended")
	stopped := await(t, "the run being stopped", 20*time.Second, func() (workspace.Message, bool) {
		m := w.heads()[0]
		return m, strings.Contains(m.Text, "UNKNOWN All checks: stopped by")
	})
	w.settled(time.Minute)
	if state := ask[string](t, w.store(), `SELECT state || ' by ' || stop_by FROM runs`)[0]; state != "stopped by U0BOB" {
		t.Errorf("the run is %s", state)
	}

	network.set(false, 0)
	if err := w.slack.Inject(workspace.Fault{Method: "socket", Kind: "duplicate", Count: 4}); err != nil {
		t.Fatal(err)
	}
	before = w.seq()
	w.press(alice, stopped.TS, "again") // one click, delivered four times
	w.onlyRow(before, "again", "allowed", "intended")
	w.slack.ClearFaults()
	w.settled(90 * time.Second)
	w.finished("All checks", time.Minute)
	if runs := ask[int64](t, w.store(), `SELECT count(*) FROM runs`)[0]; runs != 2 {
		t.Errorf("%d runs, want the stopped one and one more", runs)
	}

	// Bob asks while the bot remembers his groups; by the time the run begins
	// they are others. The run and the click take no answer that is older than
	// a moment.
	w.sayAs("U0BOB", incident, "", "/integrity whoami")
	w.ephemeral("U0BOB", incident, "You are")
	time.Sleep(3 * time.Second)
	if _, err := w.slack.AddPerson(workspace.Person{ID: "U0BOB", Name: "bob", RealName: "Bob Okafor", Kind: workspace.Member, Groups: []string{}}); err != nil {
		t.Fatal(err)
	}
	before = w.seq()
	w.sayAs("U0BOB", incident, "", "/integrity check negative-stock")
	w.onlyRow(before, "check", "allowed", "intended")
	await(t, "the run being refused", 20*time.Second, func() (int, bool) {
		refused := ask[int64](t, w.store(), `SELECT count(*) FROM audit_events WHERE action = 'check.run' AND outcome = 'refused'`)[0]
		return 0, refused == 1
	})
	w.settled(time.Minute)
	if last := w.heads()[len(w.heads())-1].Text; !strings.Contains(last, "The right to do this was taken away before it began") {
		t.Errorf("it reads %q", last)
	}
	before = w.seq()
	w.press("U0BOB", stopped.TS, "again")
	w.ephemeral("U0BOB", incident, "This needs the permission")
	w.onlyRow(before, "again", "refused", "refused")
	w.noViolations()
	w.auditIsSound()
}

func (w *world) press(as, ts, button string) {
	w.t.Helper()
	if err := w.slack.Click(workspace.Click{As: as, Channel: incident, TS: ts, ActionID: button}); err != nil {
		w.t.Fatalf("%s presses %s: %v", as, button, err)
	}
}

// TestFatal: what no retry can cure ends the process with a sentence.
func TestFatal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, variable, value string
		disabled              bool
		want                  string
	}{
		{"no token", "SLACK_BOT_TOKEN", "", false, "set SLACK_APP_TOKEN (xapp-…) and SLACK_BOT_TOKEN (xoxb-…)"},
		{"wrong bot token", "SLACK_BOT_TOKEN", "xoxb-wrong", false, "Slack does not know the bot token. Set SLACK_BOT_TOKEN"},
		{"wrong app token", "SLACK_APP_TOKEN", "xapp-wrong", false, "Slack does not know the app token. Set SLACK_APP_TOKEN"},
		{"socket mode off", "", "", true, "Socket Mode was switched off for the app. Switch it on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, workspace.Options{})
			if c.variable != "" {
				w.env[c.variable] = c.value
			}
			if c.disabled {
				if err := w.slack.Inject(workspace.Fault{Method: "socket", Kind: "link_disabled"}); err != nil {
					t.Fatal(err)
				}
			}
			done := make(chan error, 1)
			go func() {
				done <- app.Run(t.Context(), w.config(), app.RunOptions{Log: slog.New(slog.NewTextHandler(w.log(), nil)), Version: "test"})
			}()
			select {
			case err := <-done:
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "-wrong") {
					t.Errorf("it ended with %v, want %q", err, c.want)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("it went on")
			}
		})
	}
}

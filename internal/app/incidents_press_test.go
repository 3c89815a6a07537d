package app_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/mailtest"
	"github.com/integritybot/integritybot/internal/workspace"
)

// TestPressesThatComeAgainActOnce: three replicas, each payload delivered four times, and
// each button pressed four times by two people at once. Somebody leads, a step begins, a
// notice is sent, a letter is sent again, and a call is answered: each once.
func TestPressesThatComeAgainActOnce(t *testing.T) {
	t.Parallel()
	mail, err := mailtest.Start(mailtest.Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer mail.Close()
	mail.Break(mailtest.Fault{At: mailtest.To, Do: mailtest.Refuse})
	e := newEmergency(t, 3, "SMTP_ADDR="+mail.Addr(), "SMTP_TLS=none")
	e.sayAs(alice, incident, "", "/integrity incident declare inventory")
	room := e.room().ID
	e.standing(alice, room, "FAIL Inventory:")
	summary := e.pinned(alice, room)
	if err := e.slack.Inject(workspace.Fault{Method: "socket", Kind: "duplicate", Count: 4}); err != nil {
		t.Fatal(err)
	}
	say := func(words string) { t.Helper(); e.sayAs(alice, room, "", "/integrity "+words) }

	e.pressAll(room, summary, "I lead", "incident.claim")
	say("incident checklist")
	runs := e.count(`SELECT count(*) FROM runs`)
	e.pressAll(room, e.standing(alice, room, "Find the cause", "Prevent that it happens again"), "Run: diagnose", "incident.step")
	if n := e.count(`SELECT count(*) FROM runs`); n != runs+1 {
		t.Errorf("the step began %d runs", n-runs)
	}

	say("notify opened --says 'We are on it.'")
	e.pressAll(room, e.standing(alice, room, "Preview:", "We are on it."), "Send", "send")
	e.told(1)
	mail.Mend()
	again := e.standing(alice, room, "not delivered", " again")
	e.pressAll(room, again, "Send ", "resend")
	e.told(1)
	if n := len(mail.Mails()); n != 1 {
		t.Errorf("%d mails arrived", n)
	}
	for channel, who := range map[string]string{"C0EXECUTIVES": carol, "C0SUPPORT": "U0DAVE"} {
		n := 0
		for _, m := range e.all(who, channel) {
			if strings.Contains(whole(m), "We are on it.") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d letters stand in %s", n, channel)
		}
	}

	say("escalate L3 --reason 'stock is sold twice'")
	e.pressAll(room, e.standing(alice, room, "stock is sold twice", "Acknowledge"), "Acknowledge", "incident.ack")
	e.settled(time.Minute)
	if twice := e.board(alice, room, "C0EXECUTIVES", "C0SUPPORT").twice(); len(twice) > 0 {
		t.Errorf("said twice: %q", twice)
	}
	e.clean()
}

// pressAll presses the button whose label begins so four times at once, twice by each of
// two people, and wants the action to be done once and every press to be in the audit once.
func (e *emergency) pressAll(channel string, m workspace.Message, label, action string) {
	e.t.Helper()
	id := buttonOf(m, label)
	if id == "" {
		e.t.Fatalf("no button %q under %s: %v", label, m.Text, m.Blocks)
	}
	var mu sync.Mutex
	var g sync.WaitGroup
	pressed := int64(0)
	for i := range 4 {
		g.Go(func() {
			err := e.slack.Click(workspace.Click{As: []string{alice, bobby}[i%2], Channel: channel, TS: m.TS, ActionID: id})
			mu.Lock()
			defer mu.Unlock()
			var refusal *workspace.Refusal
			switch {
			case err == nil:
				pressed++
			case !errors.As(err, &refusal) || refusal.Status >= 500: // a button that is gone cannot be pressed
				e.t.Errorf("press %s: %v", label, err)
			}
		})
	}
	g.Wait()
	if pressed == 0 {
		e.t.Errorf("nobody could press %q", label)
	}
	rows := await(e.t, "every press of "+label+" being in the audit", 30*time.Second, func() (int64, bool) {
		n := e.count(`SELECT count(*) FROM audit_events WHERE action = $1 AND source = 'button'`, action)
		return n, n >= pressed
	})
	if done := e.count(`SELECT count(*) FROM audit_events WHERE action = $1 AND source = 'button' AND outcome = 'done'`, action); rows != pressed || done != 1 {
		e.t.Errorf("%s: %d presses are %d rows in the audit, and %d of them acted", action, pressed, rows, done)
	}
}

// buttonOf is the id of the button whose label begins so; empty: there is none.
func buttonOf(m workspace.Message, label string) string {
	for _, block := range m.Blocks {
		one, _ := block.(map[string]any)
		elements, _ := one["elements"].([]any)
		for _, element := range elements {
			button, _ := element.(map[string]any)
			if button["type"] != "button" {
				continue
			}
			if strings.HasPrefix(drawnOne(button["text"]), label) {
				id, _ := button["action_id"].(string)
				return id
			}
		}
	}
	return ""
}

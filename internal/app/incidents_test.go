package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/mailtest"
	"github.com/integritybot/integritybot/internal/workspace"
)

// TestAnAlertOpensAnIncidentByItself: one alert is told four times to each of three
// replicas. It opens one incident with one channel, in which there are the responders,
// one pinned summary and the checks of the domain; its end is noted.
func TestAnAlertOpensAnIncidentByItself(t *testing.T) {
	t.Parallel()
	e := newEmergency(t, 3)
	since := time.Now().Add(-5 * time.Minute).UTC()
	var answers []string
	var mu sync.Mutex
	var g sync.WaitGroup
	for i := range 12 {
		g.Go(func() {
			answer := e.alert(i%3, "DataInconsistencyDetected", "f1", "firing", since)
			mu.Lock()
			defer mu.Unlock()
			answers = append(answers, answer)
		})
	}
	g.Wait()
	if n := len(slices.DeleteFunc(answers, func(a string) bool { return !strings.HasPrefix(a, "Opened INC-") })); n != 1 {
		t.Errorf("%d of 12 opened an incident", n)
	}
	room := e.room()
	if want := "inc-" + time.Now().UTC().Format("20060102") + "-orders"; room.Name != want {
		t.Errorf("the channel is %s, want %s", room.Name, want)
	}
	e.standing(alice, room.ID, "FAIL Orders:")
	summary := e.pinned(alice, room.ID)
	says(t, summary, "P0", "INC-")
	e.standing(alice, alerts, "INC-", "#"+room.ID)
	room = e.room()
	for _, who := range []string{alice, bobby, e.slack.BotUserID()} {
		if !slices.Contains(room.Members, who) {
			t.Errorf("%s is not in the channel: %v", who, room.Members)
		}
	}
	if len(room.Bookmarks) == 0 || !strings.Contains(room.Topic, "P0") {
		t.Errorf("the topic is %q, the bookmarks %v", room.Topic, room.Bookmarks)
	}
	for _, m := range e.all(alice, room.ID) {
		if strings.Contains(plainText(m)+m.Text, "tainted") {
			t.Errorf("an alert's own words stand in the channel: %s", m.Text)
		}
	}
	e.alert(1, "DataInconsistencyDetected", "f1", "resolved", since)
	e.alert(2, "DataInconsistencyDetected", "f1", "resolved", since)
	if n := e.count(`SELECT count(*) FROM audit_events WHERE action = 'alert.ended'`); n != 1 {
		t.Errorf("the end of the alert is recorded %d times", n)
	}
	if n := e.count(`SELECT count(*) FROM incidents`); n != 1 {
		t.Errorf("%d incidents", n)
	}
	if n := e.count(`SELECT count(*) FROM runs WHERE incident > 0`); n != 1 {
		t.Errorf("the checks were begun %d times", n)
	}
	e.clean()
}

// TestAlertsThatFlapMakeOneIncident: a hundred beginnings and ends are one incident,
// and no flood.
func TestAlertsThatFlapMakeOneIncident(t *testing.T) {
	t.Parallel()
	e := newEmergency(t, 3)
	begun := time.Now().Add(-time.Hour).UTC()
	for i := range 100 {
		since := begun.Add(time.Duration(i) * 20 * time.Second)
		e.alert(i%3, "DataInconsistencyDetected", "f1", "firing", since)
		e.alert((i+1)%3, "DataInconsistencyDetected", "f1", "resolved", since)
	}
	room := e.room()
	e.pinned(alice, room.ID)
	e.standing(alice, room.ID, "FAIL Orders:")
	if n := e.count(`SELECT count(*) FROM incidents`); n != 1 {
		t.Errorf("%d incidents", n)
	}
	top, _, err := e.slack.Messages(alice, room.ID)
	if err != nil {
		t.Fatal(err)
	}
	bot := slices.DeleteFunc(top, func(m workspace.Message) bool { return m.BotID == "" })
	if len(bot) > 6 {
		t.Errorf("%d messages stand in the channel: %q", len(bot), textsOf(bot))
	}
	e.clean()
}

// TestFiftyWhoDeclareAtOnceGetOneIncident: by slash command, on three replicas. One
// opens it, the others read where it is.
func TestFiftyWhoDeclareAtOnceGetOneIncident(t *testing.T) {
	t.Parallel()
	e := newEmergency(t, 3)
	people := []string{alice, bobby}
	var g sync.WaitGroup
	for i := range 50 {
		g.Go(func() {
			if _, err := e.slack.Say(people[i%2], incident, "", "/integrity incident declare orders"); err != nil {
				t.Errorf("declare: %v", err)
			}
		})
	}
	g.Wait()
	room := e.room()
	e.pinned(alice, room.ID)
	links := await(t, "everybody reading where it is", time.Minute, func() (int, bool) {
		n := 0
		for _, who := range people {
			all, _, err := e.slack.Messages(who, incident)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range all {
				if m.Ephemeral && strings.Contains(m.Text, "is open for orders since") {
					n++
				}
			}
		}
		return n, n >= 49
	})
	if links != 49 {
		t.Errorf("%d were given the link, want 49", links)
	}
	if n := e.count(`SELECT count(*) FROM incidents`); n != 1 {
		t.Errorf("%d incidents", n)
	}
	if n := len(e.made()); n != 1 {
		t.Errorf("%d channels", n)
	}
	if n := e.count(`SELECT count(*) FROM audit_events WHERE action = 'incident.declare'`); n != 50 {
		t.Errorf("%d declarations are in the audit, want 50", n)
	}
	e.standing(alice, incident, "INC-", "#"+room.ID)
	e.clean()
}

// TestAChannelThatCannotBeCreated: the incident goes on all the same, and people read
// why, and what to do.
func TestAChannelThatCannotBeCreated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, fault, says string }{
		{"a scope is missing", "missing_scope", "the app lacks the scope"},
		{"the workspace forbids it", "restricted_action", "It has no channel of its own, so it goes on here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := newEmergency(t, 2)
			if err := e.slack.Inject(workspace.Fault{Method: "conversations.create", Kind: "error", Error: tt.fault}); err != nil {
				t.Fatal(err)
			}
			e.sayAs(alice, incident, "", "/integrity incident declare orders")
			e.standing(alice, incident, tt.says)
			e.standing(alice, incident, "FAIL Orders:")
			e.pinned(alice, incident)
			if n := e.count(`SELECT count(*) FROM audit_events WHERE action LIKE 'incident.%' AND outcome = 'failed'`); n == 0 {
				t.Error("the audit has no row that says so")
			}
			e.clean()
		})
	}
}

// TestATakenNameNeverBindsToSomebodyElsesChannel.
func TestATakenNameNeverBindsToSomebodyElsesChannel(t *testing.T) {
	t.Parallel()
	e := newEmergency(t, 2)
	name := "inc-" + time.Now().UTC().Format("20060102") + "-orders"
	if _, err := e.slack.AddChannel(workspace.Channel{ID: "C0TAKEN", Name: name, Members: []string{alice}}); err != nil {
		t.Fatal(err)
	}
	e.sayAs(alice, incident, "", "/integrity incident declare orders")
	room := await(t, "another channel", 30*time.Second, func() (workspace.ChannelState, bool) {
		for _, c := range e.made() {
			if c.Name == name+"-2" {
				return c, true
			}
		}
		return workspace.ChannelState{}, false
	})
	e.pinned(alice, room.ID)
	for _, m := range e.all(alice, "C0TAKEN") {
		if m.BotID != "" {
			t.Errorf("the bot speaks in somebody else's channel: %s", m.Text)
		}
	}
	e.clean()
}

// TestTwoLeadsAtOnce: both press; one leads, the other one reads who does.
func TestTwoLeadsAtOnce(t *testing.T) {
	t.Parallel()
	e := newEmergency(t, 3)
	e.sayAs(alice, incident, "", "/integrity incident declare orders")
	room := e.room()
	e.pinned(alice, room.ID)
	var g sync.WaitGroup
	for _, who := range []string{alice, bobby} {
		g.Go(func() {
			if _, err := e.slack.Say(who, room.ID, "", "/integrity incident claim"); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	rows := await(t, "both being answered", 20*time.Second, func() ([]string, bool) {
		rows := ask[string](t, e.store(), `SELECT outcome FROM audit_events WHERE action = 'incident.claim' ORDER BY outcome`)
		return rows, len(rows) == 2
	})
	if fmt.Sprint(rows) != "[done refused]" {
		t.Errorf("the two claims are %v", rows)
	}
	lead := ask[string](t, e.store(), `SELECT state->>'lead' FROM incidents`)[0]
	other := alice
	if lead == alice {
		other = bobby
	}
	e.ephemeral(other, room.ID, "lead")
	await(t, "the summary naming the lead", 40*time.Second, func() (int, bool) {
		return 0, strings.Contains(fmt.Sprint(e.pinned(alice, room.ID).Blocks), lead)
	})
	e.clean()
}

// TestAnIncidentFromItsBeginningToItsEnd: declared, led, measured, repaired, told about
// by channel and mail, verified, resolved and exported, each by what people type.
func TestAnIncidentFromItsBeginningToItsEnd(t *testing.T) {
	t.Parallel()
	mail, err := mailtest.Start(mailtest.Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer mail.Close()
	e := newEmergency(t, 2, "SMTP_ADDR="+mail.Addr(), "SMTP_TLS=none")
	e.repairable()
	e.sayAs(alice, incident, "", "/integrity incident declare inventory --severity P1")
	room := e.room()
	e.pinned(alice, room.ID)
	ref := ask[string](t, e.store(), `SELECT 'INC-' || id FROM incidents`)[0]
	say := func(as, words string) { t.Helper(); e.sayAs(as, room.ID, "", "/integrity "+words) }
	say(alice, "incident claim")
	say(alice, "incident cause 'two sales read the same stock'")
	say(alice, "incident note 'we told the warehouse'")
	e.standing(alice, room.ID, "FAIL Inventory:")

	say(bobby, "incident resolve --says 'all is well'")
	e.ephemeral(bobby, room.ID, "is not resolved: ")

	say(alice, "notify opened --says 'The warehouse counts by hand.'")
	preview := e.standing(alice, room.ID, "Preview:", "P1 - Data Inconsistency Detected", "The warehouse counts by hand.")
	if n := len(mail.Mails()); n != 0 {
		t.Fatalf("%d mails were sent by a preview", n)
	}
	e.pressIn(alice, room.ID, preview, "Send")
	mails, err := mail.Wait(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(mails) != 1 || mails[0].Subject != "P1 - Data Inconsistency Detected" || mails[0].To[0] != "executives@example.com" {
		t.Fatalf("the mails are %+v", mails)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(mails[0].Text), "\n") {
		if !strings.Contains(fmt.Sprint(preview.Blocks), line) {
			t.Errorf("the mail says %q, which the preview does not", line)
		}
	}
	e.standing("U0CAROL", "C0EXECUTIVES", "The warehouse counts by hand.")
	e.standing("U0DAVE", "C0SUPPORT", "The warehouse counts by hand.")

	say(bobby, "incident resolve --because 'counted by hand, all is well'")
	e.standing(alice, room.ID, "resolved")
	if status := ask[string](t, e.store(), `SELECT status FROM incidents`)[0]; status != "resolved" {
		t.Errorf("the incident is %s", status)
	}
	say(alice, "incident export "+ref)
	document := await(t, "the exported document", time.Minute, func() (string, bool) {
		for _, m := range e.all(alice, room.ID) {
			for _, f := range m.Files {
				if strings.HasSuffix(f.Name, ".md") {
					return e.download(f.URL), true
				}
			}
		}
		return "", false
	})
	for _, part := range []string{ref, "two sales read the same stock", "we told the warehouse", "counted by hand, all is well", "e…@example.com"} {
		if !strings.Contains(document, part) {
			t.Errorf("no %q in the export:\n%s", part, document)
		}
	}
	e.clean()
}

// TestOneBrokenDestinationNeverBlocksTheOthers: the mail server refuses, the webhook
// hangs, a user group has nobody in it; the channels are told all the same.
func TestOneBrokenDestinationNeverBlocksTheOthers(t *testing.T) {
	t.Parallel()
	mail, err := mailtest.Start(mailtest.Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer mail.Close()
	mail.Break(mailtest.Fault{At: mailtest.To, Do: mailtest.Refuse})
	hung := make(chan struct{})
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hung:
		case <-r.Context().Done():
		}
	}))
	defer hook.Close()
	defer close(hung)
	e := newEmergencyWith(t, 2, func(yaml string) string {
		yaml = strings.Replace(yaml, "webhooks: {}", "webhooks: {status-page: {url: \""+hook.URL+"\"}}", 1)
		return strings.Replace(yaml, "to: [{channel: C0EXECUTIVES}, {email: executives@example.com}]",
			"to: [{webhook: status-page}, {email: executives@example.com}, {group: S0NOBODY}, {channel: C0EXECUTIVES}]", 1)
	}, "SMTP_ADDR="+mail.Addr(), "SMTP_TLS=none")
	e.sayAs(alice, incident, "", "/integrity incident declare inventory")
	room := e.room()
	e.standing(alice, room.ID, "FAIL Inventory:")
	e.sayAs(alice, room.ID, "", "/integrity notify opened --says 'We are on it.'")
	preview := e.standing(alice, room.ID, "Preview:", "We are on it.", "S0NOBODY")
	e.pressIn(alice, room.ID, preview, "Send")
	e.standing("U0CAROL", "C0EXECUTIVES", "We are on it.")
	e.standing("U0DAVE", "C0SUPPORT", "We are on it.")
	for kind, want := range map[string]string{"email": "refused", "webhook": "unclear"} {
		await(t, kind+" being "+want, time.Minute, func() (int, bool) {
			return 0, e.count(`SELECT count(*) FROM notice_deliveries WHERE kind = $1 AND state = $2`, kind, want) == 1
		})
	}
	if n := e.count(`SELECT count(*) FROM audit_events WHERE action = 'notice.delivery' AND outcome = 'failed'`); n < 2 {
		t.Errorf("%d failed deliveries are in the audit, want 2", n)
	}
	e.standing(alice, room.ID, "4 of 6 told", "Send 2 again", "Send 3 again")
	e.clean()
}

// TestALevelWithoutAnybodyIsSaidAndTheNextIsCalled, and whoever comes ends the calling.
func TestALevelWithoutAnybodyIsSaidAndTheNextIsCalled(t *testing.T) {
	t.Parallel()
	e := newEmergencyWith(t, 2, func(yaml string) string { return strings.Replace(yaml, "groups: [S0BACKEND]", "groups: [S0EMPTY]", 1) })
	if _, err := e.slack.AddGroup(workspace.Group{ID: "S0EMPTY", Handle: "empty", Name: "Nobody"}); err != nil {
		t.Fatal(err)
	}
	e.sayAs(alice, incident, "", "/integrity incident declare inventory")
	room := e.room()
	e.pinned(alice, room.ID)
	e.sayAs(alice, room.ID, "", "/integrity escalate L2 --reason 'stock is sold twice'")
	call := e.standing(alice, room.ID, "L2", "S0EMPTY", "L3")
	if !strings.Contains(fmt.Sprint(call.Blocks)+call.Text, bobby) {
		t.Errorf("nobody of L3 is called in %s", call.Text)
	}
	e.sayAs(bobby, room.ID, "", "/integrity incident ack")
	await(t, "the call being answered", 30*time.Second, func() (int, bool) {
		return 0, e.count(`SELECT count(*) FROM incidents WHERE state->'escalation'->>'acked' = $1`, bobby) == 1
	})
	e.clean()
}

// TestResolveWhileAFixIsApplying is refused whatever the reason, and goes through when
// the fix is done and the check passes.
func TestResolveWhileAFixIsApplying(t *testing.T) {
	t.Parallel()
	e := newEmergency(t, 0)
	e.repairable()
	e.start()
	e.sayAs(alice, incident, "", "/integrity incident declare inventory")
	room := e.room()
	e.standing(alice, room.ID, "FAIL Inventory:")
	say := func(as, words string) { t.Helper(); e.sayAs(as, room.ID, "", "/integrity "+words) }
	say(alice, "fix negative-stock")
	preview := e.standing(alice, room.ID, "waiting:")
	unlock := e.lock("products")
	e.pressBegins(alice, room.ID, preview, "Confirm")
	e.standing(alice, room.ID, "applying")
	say(bobby, "incident resolve --because 'it is counted by hand'")
	e.ephemeral(bobby, room.ID, "cannot be resolved while something is being changed")
	if status := ask[string](t, e.store(), `SELECT status FROM incidents`)[0]; status == "resolved" {
		t.Fatal("it was resolved while a fix was applying")
	}
	unlock()
	e.standing(alice, room.ID, "applied:")
	say(bobby, "incident resolve --because 'it is counted by hand'")
	await(t, "the end", 30*time.Second, func() (int, bool) {
		return 0, e.count(`SELECT count(*) FROM incidents WHERE status = 'resolved'`) == 1
	})
	e.clean()
}

// TestTheHomeTabTellsWhatIsGoingOn, to whom may know.
func TestTheHomeTabTellsWhatIsGoingOn(t *testing.T) {
	t.Parallel()
	e := newEmergency(t, 1)
	home := func(who string) string {
		t.Helper()
		if _, err := e.slack.OpenHome(who); err != nil {
			t.Fatal(err)
		}
		return await(t, "the Home tab", 20*time.Second, func() (string, bool) {
			view, err := e.slack.OpenHome(who)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(view), view != nil
		})
	}
	if text := home(alice); !strings.Contains(text, "No incident is open.") || !strings.Contains(text, "Declare an incident") {
		t.Errorf("Alice's Home is %s", text)
	}
	e.sayAs(alice, incident, "", "/integrity incident declare inventory")
	room := e.room()
	e.standing(alice, room.ID, "FAIL Inventory:")
	home(alice) // what the first visit drew is shown until the bot has drawn anew
	text := await(t, "the incident being on Home", 20*time.Second, func() (string, bool) {
		text := home(alice)
		return text, strings.Contains(text, "INC-")
	})
	for _, part := range []string{"Inventory data is wrong", room.ID, "I lead INC-", "Last runs", "FAIL Inventory: ", "responders", "begin an incident", "tell people: Responders, ", "call people: L1, "} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q on Home: %s", part, text)
		}
	}
	home("U0DAVE")
	if text := home("U0DAVE"); strings.Contains(text, "INC-") || strings.Contains(text, "Last runs") || strings.Contains(text, "Declare an incident") {
		t.Errorf("Dave, who has no role, reads %s", text)
	}
	e.clean()
}

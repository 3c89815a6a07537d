package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/workspace"
)

// TestAPrivateIncidentIsForThoseWhoAreInIt: its channel is private, nothing of it stands
// elsewhere, and everything works in it.
func TestAPrivateIncidentIsForThoseWhoAreInIt(t *testing.T) {
	t.Parallel()
	e := newEmergency(t, 0)
	e.repairable()
	e.start()
	e.start()
	e.sayAs(alice, incident, "", "/integrity incident declare inventory --title 'A leak of secrets' --private")
	room := e.privateRoom()
	for _, who := range []string{alice, bobby, e.slack.BotUserID()} {
		if !slices.Contains(room.Members, who) {
			t.Errorf("%s is not in the channel: %v", who, room.Members)
		}
	}
	if seen := e.seen(carol); slices.ContainsFunc(seen, func(c workspace.ChannelState) bool { return c.ID == room.ID }) {
		t.Error("Carol, who is not in it, sees the channel")
	}

	e.standing(alice, room.ID, "FAIL Inventory:")
	say := func(as, words string) { t.Helper(); e.sayAs(as, room.ID, "", "/integrity "+words) }
	e.pressIn(alice, room.ID, e.pinned(alice, room.ID), "I lead")
	await(t, "the summary naming the lead", 40*time.Second, func() (int, bool) {
		return 0, strings.Contains(fmt.Sprint(e.pinned(bobby, room.ID).Blocks), alice)
	})
	ts := e.sayAs(bobby, room.ID, "", "the warehouse counts by hand")
	if err := e.slack.React(alice, room.ID, ts, "pushpin", false); err != nil {
		t.Fatal(err)
	}
	await(t, "the message on the timeline", time.Minute, func() (int, bool) {
		return 0, e.count(`SELECT count(*) FROM incident_entries WHERE body->>'why' = 'reaction'`) == 1
	})
	say(alice, "incident timeline")
	e.standing(alice, room.ID, "entries since", "the warehouse counts by hand")
	say(alice, "fix negative-stock")
	e.pressBegins(alice, room.ID, e.standing(alice, room.ID, " waiting:"), "Confirm")
	e.standing(alice, room.ID, "applied:")
	say(alice, "notify opened --audience responders --says 'It is contained.'")
	e.pressIn(alice, room.ID, e.standing(alice, room.ID, "Preview:", "It is contained."), "Send")
	e.told(1)

	e.isSecret(room, "A leak of secrets")
	say(bobby, "incident resolve --because 'all is well'")
	e.standing(alice, room.ID, "RESOLVED")
	e.isSecret(room, "A leak of secrets")
	e.clean()
}

// TestAConfigMayMakeEveryIncidentPrivate.
func TestAConfigMayMakeEveryIncidentPrivate(t *testing.T) {
	t.Parallel()
	e := newEmergencyWith(t, 1, func(yaml string) string {
		return strings.Replace(yaml, "\n  private: false\n", "\n  private: true\n", 1)
	})
	e.alert(0, "DataInconsistencyDetected", "f1", "firing", time.Now().Add(-5*time.Minute).UTC())
	room := e.privateRoom()
	e.standing(alice, room.ID, "FAIL Orders:")
	e.pinned(alice, room.ID)
	e.isSecret(room, "Orders data is wrong")
	e.clean()
}

// privateRoom waits for the incident's channel, with its people in it, and wants it to be
// private.
func (e *emergency) privateRoom() workspace.ChannelState {
	e.t.Helper()
	room := e.room()
	if !room.IsPrivate {
		e.t.Errorf("#%s is public", room.Name)
	}
	for _, call := range e.slack.Journal(0) {
		if call.Kind == "api" && call.Method == "conversations.create" && fmt.Sprint(call.Args["is_private"]) != "true" {
			e.t.Errorf("a channel was created by %v", call.Args)
		}
	}
	e.pinned(alice, room.ID) // comes after the people
	return e.room()
}

// isSecret: what others read, by themselves or by asking, is not what it is about.
func (e *emergency) isSecret(room workspace.ChannelState, title string) {
	e.t.Helper()
	ref := ask[string](e.t, e.store(), `SELECT 'INC-' || id FROM incidents`)[0]
	const answered = `SELECT count(*) FROM audit_events WHERE channel = $1 AND source = 'slash'`
	before := e.count(answered, incident)
	for _, words := range []string{"list", "list --all", "summary " + ref, "timeline " + ref, "checklist " + ref, "export " + ref} {
		e.sayAs(carol, incident, "", "/integrity incident "+words)
	}
	e.sayAs(bobby, incident, "", "/integrity incident summary "+ref)
	await(e.t, "everybody being answered", 20*time.Second, func() (int, bool) {
		return 0, e.count(answered, incident) >= before+7
	})
	e.settled(time.Minute)
	for who, channels := range map[string][]string{carol: {incident, alerts, "C0EXECUTIVES", "C0GENERAL"}, bobby: {incident}, "U0DAVE": {"C0SUPPORT"}} {
		for _, channel := range channels {
			for _, m := range e.all(who, channel) {
				if m.BotID != "" && strings.Contains(whole(m), title) {
					e.t.Errorf("%s reads in %s: %s", who, channel, m.Text)
				}
			}
		}
	}
	if text := e.home(carol, "What you may do"); strings.Contains(text, title) || strings.Contains(text, room.ID) {
		e.t.Errorf("Carol's Home tells of it: %s", text)
	}
}

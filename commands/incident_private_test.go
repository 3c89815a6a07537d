package commands_test

import (
	"context"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
)

// secret makes an incident private.
func (h house) secret(t *testing.T, id int64, change func(*incidents.Incident)) {
	t.Helper()
	i := h.incident(t, id)
	i.Private, i.Title = true, "SECRET TITLE"
	if change != nil {
		change(&i)
	}
	h.memory.incidents[id] = i
}

// TestAPrivateIncidentIsDealtWithInItsChannelAlone: nothing of it is said or done
// elsewhere, by whatever right, and no form shows its numbers.
func TestAPrivateIncidentIsDealtWithInItsChannelAlone(t *testing.T) {
	for _, words := range []string{
		"incident severity INC-12 P1", "incident status INC-12 identified", "incident lead INC-12 me", "incident claim INC-12",
		"incident note INC-12 'hello'", "incident cause INC-12 'rollout 41'", "incident resolve INC-12 --says x", "incident decline INC-12 'no'",
		"incident merge INC-12 INC-13", "incident merge INC-13 INC-12", "incident step INC-12 measure", "incident snooze INC-12 executives",
		"notify update INC-12 --says 'We know.'", "incident nochange INC-12 executives", "escalate L1 INC-12", "incident ack INC-12",
		"resend N-60/1", "incident timeline INC-12", "incident export INC-12", "audit --incident INC-12", "check orders --incident INC-12",
	} {
		t.Run(words, func(t *testing.T) {
			h := newHouse(t)
			h.secret(t, 12, nil)
			before := h.incident(t, 12).Version
			for _, channel := range []string{"C1", "D1", ""} {
				if f := h.formFor(t, audit.FromButton, "U1ADMIN", channel, words); f != nil {
					t.Errorf("a form opens: %s", formText(f))
				}
				in := h.does(t, "U1ADMIN", channel, words)
				wantRefused(t, in, "bad input", "INC-12 is private: it is shown in its own channel alone")
				if text := written(in); strings.Contains(text, "SECRET") || strings.Contains(text, "CINC") {
					t.Errorf("said:\n%s", text)
				}
			}
			if h.incident(t, 12).Version != before {
				t.Error("it moved")
			}
		})
	}
}

// TestFormsOfAPrivateIncidentOpenInItsChannelAlone.
func TestFormsOfAPrivateIncidentOpenInItsChannelAlone(t *testing.T) {
	h := newHouse(t)
	h.secret(t, 12, nil)
	for _, words := range []string{"incident resolve INC-12", "notify update INC-12", "incident severity INC-12", "incident note INC-12"} {
		if f := h.formFor(t, audit.FromButton, "U1ADMIN", "C1", words); f != nil {
			t.Errorf("%s elsewhere: %s", words, formText(f))
		}
		if f := h.formFor(t, audit.FromButton, "U1ADMIN", "CINC", words); f == nil {
			t.Errorf("%s in its channel opens no form", words)
		}
	}
}

// TestOfAPrivateIncidentOthersReadItsNameAlone: in lists, and where its domain is declared
// once more.
func TestOfAPrivateIncidentOthersReadItsNameAlone(t *testing.T) {
	h := newHouse(t)
	h.secret(t, 12, nil)
	for _, words := range []string{"incident list", "incident list --all", "incident", "incident declare orders", "incident severity P1"} {
		in := h.does(t, "U1ADMIN", "C1", words)
		text := written(in)
		for _, secret := range []string{"SECRET", "CINC", "rows"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s says %q:\n%s", words, secret, text)
			}
		}
	}
	if text := reply(t, h.does(t, "U1ADMIN", "C1", "incident list")); !strings.Contains(text, "P0 INC-12, a private incident") {
		t.Errorf("the list says:\n%s", text)
	}
}

// TestAPrivateIncidentWithoutAChannelIsForThoseWhoKnowOfIt: who opened it, who leads it;
// they alone read the answers. And somebody has to be able to take care of it.
func TestAPrivateIncidentWithoutAChannelIsForThoseWhoKnowOfIt(t *testing.T) {
	h := newHouse(t)
	h.secret(t, 12, func(i *incidents.Incident) { i.Room, i.Asked = incidents.Room{}, incidents.Place{} })
	for _, words := range []string{"incident note INC-12 'we look'", "notify update INC-12 --says 'We know.'", "incident status INC-12"} {
		wantRefused(t, h.does(t, "U1BOB", "C1", words), "bad input", "INC-12 is private")
		in := h.does(t, "U1ALICE", "C1", words)
		if in.Events[0].Outcome != audit.Done {
			t.Errorf("%s by who opened it: %s", words, reply(t, in))
		}
		for _, p := range in.Posts {
			if p.OnlyTo != "U1ALICE" {
				t.Errorf("%s is said to all in %s", words, p.Channel)
			}
		}
	}
	if in := h.does(t, "U1BOB", "C1", "incident claim INC-12"); in.Events[0].Outcome != audit.Done {
		t.Errorf("nobody can take it: %s", reply(t, in))
	}
	if in := h.does(t, "U1BOB", "C1", "incident status INC-12"); in.Events[0].Outcome != audit.Done {
		t.Errorf("who leads it: %s", reply(t, in))
	}
}

// TestWhatIsPrivateOrSharedIsDeclaredQuietly: nothing stands where others read it.
func TestWhatIsPrivateOrSharedIsDeclaredQuietly(t *testing.T) {
	for _, tt := range []struct{ name, channel, words, asked string }{
		{"private", "C1", "incident declare inventory --title 'SECRET TITLE' --private", ""},
		{"shared", "CSHARED", "incident declare inventory --title 'SECRET TITLE'", "C0FALL"},
		{"private and shared", "CSHARED", "incident declare inventory --title 'SECRET TITLE' --private", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			in := h.does(t, "U1ALICE", tt.channel, tt.words)
			if len(in.Incidents) != 1 || in.Incidents[0].Incident.Asked.Channel != tt.asked {
				t.Fatalf("declared %+v: %s", in.Incidents, reply(t, in))
			}
			for _, p := range in.Posts {
				if p.OnlyTo == "" && p.Channel != "C0FALL" || p.OnlyTo == "" && tt.asked == "" {
					t.Errorf("in %s all read: %s", p.Channel, p.Message.PlainText())
				}
			}
			if text := reply(t, in); !strings.Contains(text, "INC-1042 is declared: SECRET TITLE") {
				t.Errorf("the asker reads: %s", text)
			}
		})
	}
}

// TestNothingOfIncidentsIsSaidInASharedChannel.
func TestNothingOfIncidentsIsSaidInASharedChannel(t *testing.T) {
	h := newHouse(t)
	for _, words := range []string{"incident severity INC-12 P1", "notify update INC-12 --says 'We know.'", "escalate L1 INC-12", "send preview", "discard preview", "resend N-60/1", "incident severity P1", "incident resolve INC-13"} {
		in := h.does(t, "U1ADMIN", "CSHARED", words)
		wantRefused(t, in, "bad input", "This channel is shared with another organisation, so incidents are not shown here")
	}
	if h.incident(t, 12).Version != 1 {
		t.Error("it moved")
	}
}

// TestNobodyWritesOnTheTimelineOfAnIncidentWithoutTheRight: not by naming it, and not on
// that of one that is not there yet.
func TestNobodyWritesOnTheTimelineOfAnIncidentWithoutTheRight(t *testing.T) {
	h := newHouse(t)
	for _, words := range []string{"check INC-12 'ALL CLEAR say executives'", "fix INC-77 x", "incident status INC-12 fixing", "incident note INC-12 'the data are right'", "incident severity INC-77 P0"} {
		in := h.does(t, "U1NOBODY", "C1", words)
		if e := in.Events[0]; e.Incident != "" || e.Outcome != audit.Refused {
			t.Errorf("%s: %s of incident %q", words, e.Outcome, e.Incident)
		}
	}
	if e := h.does(t, "U1NOBODY", "CINC", "incident note 'the data are right'").Events[0]; e.Args["roles"] != "none" {
		t.Errorf("in its channel the audit says %+v", e)
	}
	if e := h.does(t, "U1ADMIN", "C1", "incident severity INC-77 P0").Events[0]; e.Incident != "" {
		t.Errorf("an event of an incident that is not there: %q", e.Incident)
	}
	if e := h.does(t, "U1ALICE", "C1", "incident severity INC-12 P9").Events[0]; e.Incident != "INC-12" || e.Outcome != audit.Refused {
		t.Errorf("bad input of somebody who may: %+v", e)
	}
}

// TestWhoIsCalledMayCome, without any other right, and from a direct message.
func TestWhoIsCalledMayCome(t *testing.T) {
	h := newHouse(t)
	h.secret(t, 12, nil)
	h.does(t, "U1ALICE", "CINC", "escalate data")
	wantRefused(t, h.doesBy(t, audit.FromButton, "U1OLIVE", "CINC", "incident ack INC-12"), "no role grants incident:manage", "incident:manage")
	in := h.doesBy(t, audit.FromButton, "U1EVE", "D1", "incident ack INC-12")
	if e := in.Events[0]; e.Outcome != audit.Done || e.Rule != "is called to it" || h.incident(t, 12).Escalation.Acked != "U1EVE" {
		t.Fatalf("%+v: %s", e, reply(t, in))
	}
	wantRefused(t, h.does(t, "U1EVE", "D1", "incident severity INC-12 P3"), "no role grants incident:manage", "incident:manage")
	again := h.does(t, "U1ALICE", "CINC", "escalate data")
	wantRefused(t, again, "bad input", "less than a minute ago, and somebody came; ask there first")
}

// TestARunIsTakenOverOnlyByWhoMaySeeIt.
func TestARunIsTakenOverOnlyByWhoMaySeeIt(t *testing.T) {
	h := newHouse(t)
	for _, words := range []string{"incident declare --run R-8", "incident declare inventory --drill --run R-8"} {
		wantRefused(t, h.does(t, "U1EVE", "C1", words), "no role grants check:inventory", "check:inventory")
		if f := h.formFor(t, audit.FromButton, "U1EVE", "C1", words); f != nil {
			t.Errorf("a form opens: %s", formText(f))
		}
	}
	h.secret(t, 12, nil)
	run := h.runs[8]
	run.Channel = "CINC"
	h.runs[8] = run
	wantRefused(t, h.does(t, "U1ALICE", "C1", "incident declare --run R-8"), "bad input", "INC-12 is private")
}

// TestWhatIsRunForAnIncidentBelongsToIt, wherever it is dealt with: another one may hold
// the channel.
func TestWhatIsRunForAnIncidentBelongsToIt(t *testing.T) {
	for _, tt := range []struct{ name, channel, words string }{
		{"a step", "CINC", "incident step INC-13 measure"},
		{"the checks", "CINC", "check orders --incident INC-13"},
		{"the verification", "CINC", "verify --incident INC-13"},
		{"again", "CINC", "again R-7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			i := h.incident(t, 13) // it goes on in the channel of another one
			i.Domain, i.Room, i.Asked = "orders", incidents.Room{Settled: true}, incidents.Place{Channel: "CINC"}
			h.memory.incidents[13] = i
			run := h.runs[7]
			run.Incident = 13
			h.runs[7] = run
			in := h.does(t, "U1ALICE", tt.channel, tt.words)
			if in.Run == nil || in.Run.Incident != 13 || in.Run.Channel != "CINC" {
				t.Errorf("began %+v: %s", in.Run, reply(t, in))
			}
		})
	}
	h := newHouse(t)
	wantRefused(t, h.does(t, "U1EVE", "C1", "check events --incident INC-12"), "no role grants incident:read", "incident:read")
	wantRefused(t, h.does(t, "U1ALICE", "C1", "check orders --incident INC-15"), "bad input", "INC-15 is declined, so nothing is run for it any more")
}

// TestAPlanIsNotLetPassWhileItsIncidentIsCalledResolved.
func TestAPlanIsNotLetPassWhileItsIncidentIsCalledResolved(t *testing.T) {
	h := newHouse(t)
	plan := h.plans[32]
	plan.Incident = 14
	h.plans[32] = plan
	in := h.does(t, "U1ALICE", "C1", "confirm P-32")
	wantRefused(t, in, "its incident is resolved", "INC-14 is resolved, and P-32 would change its data; open it again first. Try /integrity incident reopen INC-14")
	plan.Incident = 12
	h.plans[32] = plan
	if in := h.does(t, "U1ALICE", "C1", "confirm P-32"); in.Decide == nil || len(in.Incidents) != 1 || in.Incidents[0].Incident.ID != 12 || in.Run.Incident != 12 {
		t.Errorf("confirmed with %+v: %s", in.Incidents, reply(t, in))
	}
}

// TestWhoMayMoveNothingLeadsNothing.
func TestWhoMayMoveNothingLeadsNothing(t *testing.T) {
	h := newHouse(t)
	in := h.does(t, "U1ALICE", "CINC", "incident lead <@U1NOBODY>")
	wantRefused(t, in, "bad input", "it takes the permission incident:manage (@U1NOBODY)")
}

// asking is a Directory that counts how often it is asked anew.
type asking struct {
	*directory
	anew *int
}

func (a asking) Subject(ctx context.Context, actor audit.Actor, fresh bool) (authz.Subject, error) {
	if fresh {
		*a.anew++
	}
	return a.directory.Subject(ctx, actor, fresh)
}

// TestAFormOfAButtonAsksAnewWhoSomebodyIs.
func TestAFormOfAButtonAsksAnewWhoSomebodyIs(t *testing.T) {
	h := newHouse(t)
	asked := 0
	h.runner.Directory = asking{h.dir, &asked}
	if f := h.formFor(t, audit.FromButton, "U1ALICE", "CINC", "incident severity INC-12"); f == nil || asked != 1 {
		t.Errorf("form %v; Slack was asked anew %d times, want once", f != nil, asked)
	}
}

// TestATextThatBeginsLikeAFlagIsTakenBehindTwoDashes, as forms write it.
func TestATextThatBeginsLikeAFlagIsTakenBehindTwoDashes(t *testing.T) {
	h := newHouse(t)
	in := h.doesBy(t, audit.FromModal, "U1ALICE", "CINC", "incident note INC-12 -- '-5 orders are wrong'")
	if len(in.Entries) != 1 || in.Entries[0].Text != "-5 orders are wrong" {
		t.Errorf("noted %+v: %s", in.Entries, reply(t, in))
	}
	in = h.doesBy(t, audit.FromModal, "U1ALICE", "CINC", "incident note INC-12 -- --decision")
	if len(in.Entries) != 1 || in.Entries[0].Text != "--decision" || in.Entries[0].Kind != incidents.Note {
		t.Errorf("noted %+v: %s", in.Entries, reply(t, in))
	}
}

package commands_test

import (
	"strings"
	"testing"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

// TestWhatIsSaidToBadInputAboutIncidents: one sentence, an example, an event of the
// audit, and nothing else happens.
func TestWhatIsSaidToBadInputAboutIncidents(t *testing.T) {
	long := strings.Repeat("x", 1200)
	for _, tt := range []struct {
		name, user, channel, text string
		says                      string
	}{
		{"declare nothing", "U1ALICE", "C1", "incident declare", "Which data is wrong? Name a domain: orders, inventory, verification, events, cache, locks, writes, restore, payments. Try /integrity incident declare orders."},
		{"declare a domain with a slip", "U1ALICE", "C1", "incident declare ordrs", `There is no domain called "ordrs". Did you mean orders? Try /integrity incident declare orders.`},
		{"declare what only an alert is mapped to, with a slip", "U1ALICE", "C1", "incident declare payment", "Did you mean payments?"},
		{"declare an unknown domain", "U1ALICE", "C1", "incident declare zzzzzzzz", `There is no domain called "zzzzzzzz"; there are orders, inventory`},
		{"declare two", "U1ALICE", "C1", "incident declare orders are wrong", "One domain at a time; a title goes behind --title. Try /integrity incident declare orders --title 'are wrong'."},
		{"declare with an unknown severity", "U1ALICE", "C1", "incident declare inventory --severity high", `"high" is no severity; it is one of P0, P1, P2, P3; P0 is the worst. Try /integrity incident declare inventory --severity P1.`},
		{"declare with a title that is too long", "U1ALICE", "C1", "incident declare inventory --title " + long, "That title is 1200 characters long; at most 120 fit."},
		{"declare under no run", "U1ALICE", "C1", "incident declare --run banana", `--run: "banana" is not a run; runs look like R-1042. Try /integrity incident declare --run R-1042.`},
		{"declare under an unknown run", "U1ALICE", "C1", "incident declare --run R-99", "There is no run R-99."},
		{"declare under a run that found nothing", "U1ALICE", "C1", "incident declare --run R-7", "R-7 found nothing that fails; name the domain that is wrong all the same."},
		{"bind a direct message", "U1ALICE", "D1", "incident bind inventory", "An incident cannot live in a direct message"},
		{"bind a shared channel", "U1ALICE", "CSHARED", "incident bind inventory", "This channel is shared with another organisation"},
		{"bind where the bot is not", "U1ALICE", "CAWAY", "incident bind inventory", "I am not a member of this channel: invite me first, then ask again. Try /integrity incident declare inventory --bind."},
		{"bind and private", "U1ALICE", "C2", "incident bind inventory --private", "--private and --bind do not go together"},
		{"bind the channel of another one", "U1ALICE", "CINC", "incident bind inventory", "This is the channel of INC-12 already; in one channel one incident is dealt with. Try /integrity incident declare inventory."},
		{"the audit of no incident", "U1ALICE", "C1", "audit --incident 12", `--incident: "12" is not an incident; incidents look like INC-12. Try /integrity audit --incident INC-12.`},
		{"no such word", "U1ALICE", "C1", "incident foo", `incident has no "foo"; it has declare, bind, list, status`},
		{"a slip in a word", "U1ALICE", "C1", "incident timline", `Did you mean "incident timeline"?`},
		{"the word from elsewhere", "U1ALICE", "C1", "incident close", `Did you mean "incident resolve"?`},
		{"the button's words are not offered", "U1ALICE", "C1", "incident acc", "incident has no \"acc\""},
		{"outside of an incident", "U1ALICE", "C1", "incident severity P1", "This is not the channel of an open incident. Name the one that is meant behind the command: INC-16, INC-13, INC-12. Try /integrity incident list."},
		{"an unknown incident", "U1ALICE", "C1", "incident severity INC-99 P1", "There is no incident INC-99. Try /integrity incident list --all."},
		{"an incident that is no number", "U1ALICE", "C1", "incident status INC-99999999999999999999", "is not an incident; incidents look like INC-12."},
		{"severity without a word", "U1ALICE", "CINC", "incident severity", "Which severity? It is one of P0, P1, P2, P3; P0 is the worst. Try /integrity incident severity INC-12 P1."},
		{"an unknown severity", "U1ALICE", "CINC", "incident severity P5", `"P5" is no severity`},
		{"the severity that it has", "U1ALICE", "CINC", "incident severity P0", "INC-12 is P0 already."},
		{"an unknown status", "U1ALICE", "CINC", "incident status identifed", `There is no status "identifed". Did you mean identified? Try /integrity incident status INC-12 identified.`},
		{"two statuses", "U1ALICE", "CINC", "incident status fixing now", "One status at a time"},
		{"resolved as a status", "U1ALICE", "CINC", "incident status resolved", "An incident is resolved by its own command, which looks at the checks first. Try /integrity incident resolve INC-12."},
		{"declined as a status", "U1ALICE", "CINC", "incident status declined", "with the reason. Try /integrity incident decline INC-12"},
		{"the status of one that is over", "U1ALICE", "C1", "incident status INC-15 fixing", "INC-15 is declined"},
		{"lead without a person", "U1ALICE", "CINC", "incident lead", "Who leads it? Mention one person."},
		{"lead by a name", "U1ALICE", "CINC", "incident lead alice", `"alice" is not a person; mention one, or give the Slack user id. Try /integrity incident lead INC-12 me.`},
		{"lead by a guest", "U1ALICE", "CINC", "incident lead <@U1GUEST>", "That account cannot do this (guests may not act)."},
		{"lead by somebody whom Slack does not know", "U1ALICE", "CINC", "incident lead U1WHO", "I could not find out from Slack who that is, so I did nothing."},
		{"claim what is led", "U1BOB", "CPAY", "incident claim", "Somebody leads INC-13 already (@U1ALICE). Try /integrity incident lead INC-13 me."},
		{"claim more", "U1BOB", "CINC", "incident claim INC-12 now", "incident claim takes nothing behind the incident"},
		{"note nothing", "U1ALICE", "CINC", "incident note '  '", "What should be noted? Try /integrity incident note INC-12 'orders were stopped at the gateway'."},
		{"note too much", "U1ALICE", "CINC", "incident note " + long, "That is 1200 characters long; at most 1000 are kept."},
		{"no cause", "U1ALICE", "CINC", "incident cause", "What is the cause? Say it in a few words."},
		{"no follow-up", "U1ALICE", "CINC", "incident followup", "What is to be done afterwards?"},
		{"no milestone", "U1ALICE", "CINC", "incident milestone", "Which milestone? There are began, detected, contained, identified, fixed, verified."},
		{"a milestone with a slip", "U1ALICE", "CINC", "incident milestone contaned", "Did you mean contained?"},
		{"a milestone at no time", "U1ALICE", "CINC", "incident milestone contained --at yesterday", `--at: "yesterday" is not a time; write 10:02 for today, in UTC, or 2026-11-21T10:02:00Z. Try /integrity incident milestone INC-12 contained --at 2026-11-21T10:02:00Z.`},
		{"a flag without its value", "U1ALICE", "CINC", "incident step prevent --skip", "--skip has to be followed by what it is. Try /integrity incident step prevent --skip 'the constraint is there already'."},
		{"a text that begins like a flag", "U1ALICE", "CINC", "incident note '-5 orders are wrong'", "put -- before a text that does. Try /integrity incident note -- '-5 orders are wrong'."},
		{"severity with more words", "U1ALICE", "CINC", "incident severity P1 now please", "I do not understand \"now please\" behind the severity."},
		{"bind nothing", "U1ALICE", "C2", "incident bind", "Try /integrity incident bind orders."},
		{"a milestone to come", "U1ALICE", "CINC", "incident milestone contained --at 2026-11-22", "is in the future; say when it was."},
		{"a milestone with more words", "U1ALICE", "CINC", "incident milestone contained at noon", "a moment is given with --at"},
		{"snooze an unknown audience", "U1ALICE", "CINC", "incident snooze executive", `No update is due to "executive". Did you mean executives? Try /integrity incident snooze INC-12 executives.`},
		{"snooze two", "U1ALICE", "CINC", "incident snooze executives responders", "One audience at a time."},
		{"no step", "U1ALICE", "CINC", "incident step", "Which step? There are contain, measure, first-bad"},
		{"a step with a slip", "U1ALICE", "CINC", "incident step mesure", "Did you mean measure? Try /integrity incident step INC-12 measure."},
		{"two steps", "U1ALICE", "CINC", "incident step measure verify", "One step at a time"},
		{"done and skipped", "U1ALICE", "CINC", "incident step measure --done --own", "--done and --own do not go together."},
		{"skipped without a reason", "U1ALICE", "CINC", "incident step measure --skip ''", "Try /integrity incident step INC-12 measure --skip 'nothing writes to it any more'."},
		{"a step that people do", "U1ALICE", "CINC", "incident step choose", "is done by people; tell me when it is done. Try /integrity incident step INC-12 choose --done."},
		{"to do again what is not done", "U1ALICE", "CINC", "incident step measure --reopen", "is still to be done"},
		{"nobody is called", "U1ALICE", "CINC", "incident ack", "Nobody is being called for INC-12."},
		{"no level", "U1ALICE", "CINC", "escalate", "Who should be called? There are L1, L2, data. Try /integrity escalate L1."},
		{"an unknown level", "U1ALICE", "CINC", "escalate L9", `There is no level "L9"; there are L1, L2, data.`},
		{"escalate outside of an incident", "U1ALICE", "C1", "escalate L1", "Name the one that is meant behind the command: INC-16, INC-13, INC-12."},
		{"decline without a reason", "U1ALICE", "CINC", "incident decline", "Why was it none? Say it in a few words."},
		{"decline while a fix is under way", "U1ALICE", "CFIX", "incident decline the data were a test", "P-80 is being carried out, so INC-16 cannot be declined"},
		{"merge into nothing", "U1ALICE", "CINC", "incident merge", "Into which incident? Name one, or two"},
		{"merge into itself", "U1ALICE", "CINC", "incident merge INC-12", "INC-12 cannot be merged into itself."},
		{"merge into one that is over", "U1ALICE", "CINC", "incident merge INC-15", "INC-15 is declined, so nothing can go on there."},
		{"merge into an unknown one", "U1ALICE", "CINC", "incident merge INC-99", "There is no incident INC-99."},
		{"resolve with words", "U1ALICE", "CPAY", "incident resolve all is well", "What is true now is said with --says; I do not understand \"all is well\". Try /integrity incident resolve INC-13 --says 'all is well'."},
		{"resolve with a short reason", "U1BOB", "CINC", "incident resolve --because no", "That reason is too short to be understood later"},
		{"resolve twice", "U1ALICE", "CSOAK", "incident resolve", "INC-14 is resolved already"},
		{"reopen what is open", "U1ALICE", "CINC", "incident reopen totals are wrong", "INC-12 is open: investigating."},
		{"reopen without a reason", "U1ALICE", "CSOAK", "incident reopen", "Why is it open again? Say it in a few words."},
		{"reopen what was declined", "U1ALICE", "C1", "incident reopen INC-15 again", "INC-15 is declined, and cannot be opened again; declare another one."},
		{"list something", "U1ALICE", "C1", "incident list orders", `I do not understand "orders" after incident list. Try /integrity incident list --all.`},
		{"summary of something", "U1ALICE", "CINC", "incident summary please", `I do not understand "please" after incident summary. Try /integrity incident summary INC-12.`},
		{"timeline in a shared channel", "U1ALICE", "CSHARED", "incident timeline INC-12", "so incidents are not shown here"},
		{"list in a shared channel", "U1ALICE", "CSHARED", "incident list", "so incidents are not shown here"},
		{"export from nowhere", "U1ALICE", "", "incident export INC-12", "I do not know in which channel to answer"},
		{"no notice", "U1ALICE", "CINC", "notify", "Which notice? There are opened, update, fix-applied, all-clear, postponed. Try /integrity notify update."},
		{"a notice with a slip", "U1ALICE", "CINC", "notify updat", `There is no notice called "updat". Did you mean update?`},
		{"a notice with loose words", "U1ALICE", "CINC", "notify update we know", "What people should know stands behind --says, in quotes"},
		{"an unknown audience", "U1ADMIN", "CINC", "notify update --audience press", `There is no audience called "press"; there are responders, executives.`},
		{"no such confidence", "U1ALICE", "CINC", "notify update --confidence sure", "The confidence is one of low, medium, high."},
		{"no time until the next", "U1ALICE", "CINC", "notify update --next soon", "is no time until the next update"},
		{"an all-clear while something fails", "U1ALICE", "CINC", "notify all-clear", "No all-clear yet"},
		{"postponed without a reason", "U1ALICE", "CINC", "notify postponed", "Say with --says why it is postponed."},
		{"send nothing", "U1ALICE", "CINC", "send", "Press the button under a preview"},
		{"send what is not kept", "U1ALICE", "CINC", "send 0123456789abcdef", "That preview is no longer kept: it was discarded, or is older than a day."},
		{"discard twice", "U1ALICE", "CINC", "discard 0123456789abcdef", "That preview is no longer kept"},
		{"no change to nobody", "U1ALICE", "CINC", "incident nochange", "To whom is nothing to be reported? Name one audience."},
		{"no change to an unknown audience", "U1ADMIN", "CINC", "incident nochange press", "Name one audience."},
		{"resend nothing", "U1ADMIN", "CINC", "resend", "Which delivery?"},
		{"resend what is no delivery", "U1ADMIN", "CINC", "resend N-60", `"N-60" is not a delivery; deliveries look like N-1043/3.`},
		{"resend an unknown delivery", "U1ADMIN", "CINC", "resend N-60/9", "INC-12 has no delivery N-60/9."},
		{"resend what was never sent", "U1ADMIN", "CINC", "resend N-61/1", "There is no notice N-61."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			in := h.does(t, tt.user, tt.channel, tt.text)
			if in.Run != nil || len(in.Incidents)+len(in.Entries)+len(in.Notices) > 0 || in.Draft != nil || in.Again != nil || in.Discard != "" || len(in.Posts) != 1 {
				t.Error("something was done")
			}
			if e := in.Events[0]; len(in.Events) != 1 || e.Outcome != audit.Refused || e.Decision != "refused" || e.Rule != "bad input" || e.Error == "" {
				t.Errorf("the audit says %s by rule %q", e.Outcome, e.Rule)
			}
			if got := reply(t, in); !strings.Contains(got, tt.says) {
				t.Errorf("said:\n%s\nwant: %s", got, tt.says)
			}
		})
	}
}

// TestWithoutAnyIncidentOneIsDeclared: an example has to work.
func TestWithoutAnyIncidentOneIsDeclared(t *testing.T) {
	h := newHouse(t)
	clear(h.memory.incidents)
	wantRefused(t, h.does(t, "U1ALICE", "C1", "incident note something"), "bad input", "No incident is open, neither here nor elsewhere. Try /integrity incident declare orders.")
	if got := reply(t, h.does(t, "U1ALICE", "C1", "incident")); !strings.Contains(got, "o incident is open") {
		t.Errorf("said: %s", got)
	}
}

// TestWhatAConfigWithoutAudiencesAndLevelsSays.
func TestWhatAConfigWithoutAudiencesAndLevelsSays(t *testing.T) {
	h := newHouse(t)
	env := h.env
	env.Incidents.Rules = incidents.Rules{}
	h.replace(t, env)
	wantRefused(t, h.does(t, "U1ADMIN", "CINC", "escalate L1"), "bad input", "The config names no levels of escalation")
	wantRefused(t, h.does(t, "U1ADMIN", "CINC", "notify update"), "bad input", "The config names no audience")
	if got := reply(t, h.does(t, "U1ALICE", "CINC", "help")); !strings.Contains(got, "the config names no audiences") || !strings.Contains(got, "the config names no levels of escalation") {
		t.Errorf("help says:\n%s", got)
	}
}

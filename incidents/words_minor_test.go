package incidents_test

import (
	"strings"
	"testing"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

// refusedBy is a command that was refused under a rule.
func refusedBy(rule, action, words, why string) audit.Event {
	e := ended(by("UDAVE", "r-"+rule, action, "", map[string]string{"words": words}), audit.Refused, why)
	e.Rule = rule
	return e
}

// TestWhatMovedNothingIsInTheExportAlone: people read what happened, not what was mistyped.
func TestWhatMovedNothingIsInTheExportAlone(t *testing.T) {
	stranger := refusedBy("no role grants incident:read", "incident.note", "INC-12 stranger", "This needs the permission incident:read.")
	stranger.Args["roles"] = "none"
	for _, tt := range []struct {
		name  string
		event audit.Event
		says  string // in the export
		shown bool
	}{
		{"a typo", refusedBy("bad input", "incident.step", "banana", `There is no step "banana".`), "There is no step", false},
		{"no such command", refusedBy("bad input", "unknown", "incidnet", "I know no incidnet."), "I know no incidnet", false},
		{"a source that did not answer", refusedBy("not available", "check", "orders", "I could not look that up."), "could not look that up", false},
		{"somebody without any role", stranger, "This needs the permission", false},
		{"a right that is missing", refusedBy("no role grants fix:orders", "fix", "orphaned-orders", "This needs the permission fix:orders."), "asked for `fix orphaned-orders` and was refused", true},
		{"the gate", refusedBy("checks have not passed", "incident.resolve", "INC-12", "INC-12 is not resolved: 3 things are not right yet."), "3 things are not right", true},
		{"an approval by the one who asked", refusedBy("not by who asked", "confirm", "P-77", "Somebody else has to approve it."), "Somebody else has to approve", true},
		{"a preview", by("UALICE", "r-p", "notify", "INC-12", map[string]string{"template": "update", "audiences": "support"}), "previewed the notice", false},
		{"a preview that was thrown away", by("UALICE", "r-d", "discard", "INC-12", map[string]string{"template": "update", "audiences": "support"}), "threw the preview of “update” for Support away: it was not sent", true},
		{"a letter that arrived", itself("notice.delivery", "N-1046/1", map[string]string{"notice": "N-1046", "audience": "support", "kind": "channel", "to": "C1", "state": "delivered"}), "arrived", false},
		{"a letter that did not", ended(itself("notice.delivery", "N-1046/1", map[string]string{"notice": "N-1046", "audience": "support", "kind": "email", "to": "a…@example.com", "state": "refused"}), audit.Failed, "550 5.1.1 <ann@example.com>: no such user"), "did not arrive", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := freshView()
			v.Events = recorded(t, tt.event)
			if text := string(incidents.Markdown(v, ourWords())); !strings.Contains(text, tt.says) {
				t.Errorf("the export does not say it:\n%s", text)
			}
			text, recap := incidents.TimelineMessage(v, ourWords()).PlainText(), incidents.Recap(v, ourWords()).PlainText()
			says := strings.ReplaceAll(tt.says, "`", "")
			if strings.Contains(text, says) != tt.shown || strings.Contains(recap, says) != tt.shown {
				t.Errorf("shown is not %v:\n%s\n%s", tt.shown, text, recap)
			}
		})
	}
}

// TestRefusedWordsAreNotRepeated: whoever may not act writes nothing into the incident by
// trying to.
func TestRefusedWordsAreNotRepeated(t *testing.T) {
	v := freshView()
	v.Events = recorded(t,
		refusedBy("no role grants check:orders", "check", "INC-12 ALL CLEAR says the CTO, https://evil.example", "This needs the permission check:orders."),
		refusedBy("no role grants notify:support", "send", strings.Repeat("ab", 16), "This needs the permission notify:support."),
	)
	text := incidents.TimelineMessage(v, ourWords()).PlainText() + string(incidents.Markdown(v, ourWords()))
	for _, not := range []string{"ALL CLEAR", "evil", "abab"} {
		if strings.Contains(text, not) {
			t.Errorf("%q stands in\n%s", not, text)
		}
	}
	if !strings.Contains(text, "check INC-12") {
		t.Errorf("what was asked is not said:\n%s", text)
	}
}

func TestWhoDidIt(t *testing.T) {
	from := itself("incident.merge", "INC-12", map[string]string{"from": "INC-11", "into": "INC-12"})
	from.Actor = audit.Actor{Kind: audit.Person, User: "UALICE"}
	scheduled := itself("check.run", "R-1002", map[string]string{"state": "done"})
	scheduled.Actor = audit.Actor{Kind: audit.Schedule}
	step := func(args map[string]string) audit.Event { return by("UALICE", "r-s", "incident.step", "INC-12", args) }
	opened := changed(itself("alert.declare", "INC-12", map[string]string{"alert": "Lag"}), "", "P0") // it is P1 now
	for _, tt := range []struct {
		name, want string
		event      audit.Event
	}{
		{"as bad as it was when it began", "The alert Lag opened INC-12 Orders data is wrong as P0", opened},
		{"a run did not do its step", "R-1005 did not do the step “Verify that all is right”: FAIL", itself("incident.step", "INC-12", map[string]string{"step": "verify", "did": "looked", "run": "R-1005", "why": "FAIL"})},
		{"a run that the incident began", "R-1002, begun by the bot", scheduled},
		{"a step that somebody takes", "@UALICE took the step “Choose the fix”", step(map[string]string{"step": "choose", "did": "own", "owner": "UALICE"})},
		{"a step that is given", "@UALICE gave the step “Choose the fix” to @UBOB", step(map[string]string{"step": "choose", "did": "own", "owner": "UBOB"})},
		{"another one was merged into it", "@UALICE merged INC-11 into it", from},
		{"a level whose title says its name", "Called: Data team (@UERIN)", itself("incident.page", "INC-12", map[string]string{"level": "data", "title": "Data team", "people": "UERIN"})},
		{"the rule raised the severity", "The bot changed the severity from P1 to P0: 100 rows or more", changed(itself("incident.severity", "INC-12", map[string]string{"rule": "100 rows or more"}), "P1", "P0")},
		{"nobody could be told", "Nobody of Support could be told", itself("incident.untold", "INC-12", map[string]string{"audience": "support", "due": "2026-11-21T12:42:00Z"})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := freshView()
			v.Events = recorded(t, tt.event)
			if text := incidents.TimelineMessage(v, ourWords()).PlainText(); !strings.Contains(text, tt.want) {
				t.Errorf("no %q in\n%s", tt.want, text)
			}
		})
	}
}

package incidents_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
)

// told are the lines of the timeline, without their times.
func toldOf(v incidents.View) []string {
	out := []string{}
	for _, h := range incidents.Timeline(v, ourWords()) {
		out = append(out, h.What.String())
	}
	return out
}

func TestWhatTheTimelineTells(t *testing.T) {
	asked := intended(by("UBOB", "r-1", "check", "R-7", args{"words": "orders"}))
	ran := by("UBOB", "r-1", "check.run", "R-7", args{"state": "done"})
	found := by("UBOB", "r-1", "check.finding", "stock", args{"run": "R-7", "verdict": "FAIL", "rows": "1234", "scanned": "50000"})
	begin := by("UBOB", "r-1", "incident.step", "R-7", args{"step": "measure", "did": "begin"})
	apply := intended(planned(by("UBOB", "r-2", "fix.apply", "P-1", nil), "P-1", "", ""))
	create := intended(itself("incident.create-channel", "INC-12", args{"name": "inc-orders"}))
	for _, tt := range []struct {
		name   string
		events []audit.Event
		want   []string
	}{
		{"what was asked, while it runs", []audit.Event{asked}, []string{"@UBOB asked for R-7: check orders"}},
		{"what was asked and is over, once", []audit.Event{asked, ran}, []string{"R-7 for @UBOB ended, 0.0 s"}},
		{"a run with what it found, in one line", []audit.Event{asked, found, ran}, []string{"R-7 for @UBOB: 🔴 FAIL Stock 1,234 of 50,000"}},
		{"a finding whose run is not over", []audit.Event{found}, []string{"R-7: 🔴 FAIL Stock 1,234 of 50,000"}},
		{"a run that was stopped", []audit.Event{by("UBOB", "r-1", "check.run", "R-7", args{"state": "stopped", "stopped_by": "UCAROL"})}, []string{"R-7 for @UBOB (stopped by @UCAROL) ended, 0.0 s"}},
		{"a run that failed", []audit.Event{ended(by("UBOB", "r-1", "check.run", "R-7", args{"state": "failed"}), audit.Failed, "Its worker died.")}, []string{"R-7 for @UBOB (failed) ended, 0.0 s. It failed: Its worker died."}},
		{"a step and the command that carries it out, once", []audit.Event{begin, allowed(asked)}, []string{"@UBOB began the step “Measure how much is wrong” with R-7"}},
		{"a step, and the end of its run", []audit.Event{begin, allowed(asked), found, ran}, []string{"@UBOB began the step “Measure how much is wrong” with R-7", "R-7 for @UBOB: 🔴 FAIL Stock 1,234 of 50,000"}},
		{"a plan that is being applied", []audit.Event{apply}, []string{"P-1 is being applied"}},
		{"a plan that was found out later to be applied", []audit.Event{apply, planned(itself("fix.settled", "P-1", args{"state": "applied", "rows": "3"}), "P-1", "", "")}, []string{"P-1 applied: 3 rows changed"}},
		{"a plan that was refused at the last moment", []audit.Event{ended(planned(by("UBOB", "r-2", "fix.apply", "P-1", nil), "P-1", "", ""), audit.Failed, "Its target does not answer.")}, []string{"P-1 was not applied, nothing was changed. It failed: Its target does not answer."}},
		{"a channel that is being created", []audit.Event{create}, []string{"The bot creates the channel #inc-orders"}},
		{"a step whose command is over at once", []audit.Event{begin, allowed(by("UBOB", "r-1", "writes.status", "", nil))}, []string{"@UBOB began the step “Measure how much is wrong” with R-7"}},
		{"a channel whose name was taken", []audit.Event{create, ended(create, audit.Failed, "The name is taken."), create}, []string{"The bot could not create the channel #inc-orders: The name is taken.", "The bot creates the channel #inc-orders"}},
		{"a channel that was created", []audit.Event{create, itself("incident.furnish", "INC-12", args{"what": "channel", "name": "inc-orders"})}, []string{"The channel #inc-orders is there"}},
		{"a channel that could not be created", []audit.Event{create, ended(itself("incident.furnish", "INC-12", args{"what": "channel"}), audit.Failed, "A scope is missing.")}, []string{"No channel: A scope is missing."}},
		{"an action that is not known", []audit.Event{by("UBOB", "r-3", "moon.shoot", "M-1", nil)}, []string{"@UBOB: moon shoot (M-1), done"}},
		{"who only looked", []audit.Event{by("UBOB", "r-3", "incident.timeline", "INC-12", nil), by("UBOB", "r-3", "incident.status", "INC-12", nil)}, []string{}},
		{"who was not let look", []audit.Event{ended(by("UBOB", "r-3", "incident.timeline", "INC-12", nil), audit.Refused, "You may not.")}, []string{"@UBOB asked for incident timeline and was refused: You may not."}},
		{"a run by the schedule", []audit.Event{{Request: "r", Actor: audit.Actor{Kind: audit.Schedule}, Action: "check.run", Target: "R-8"}}, []string{"R-8, begun by the bot ended, 0.0 s"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := freshView()
			v.Events = recorded(t, tt.events...)
			if diff := cmp.Diff(tt.want, toldOf(v)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestMessagesAreToldAsTheyStand: once, at their own time, with what they said before.
func TestMessagesAreToldAsTheyStand(t *testing.T) {
	said := incidents.Entry{Key: "slack/C/1", Revision: 1, Kind: incidents.Said, At: minute(1), Noted: minute(2), Author: "UBOB", Text: "one\n# two"}
	edited, same, gone, back := said, said, said, said
	edited.Revision, edited.Text, edited.Noted = 2, "three", minute(3)
	same.Revision, same.Text, same.Noted, same.Withdrawn = 3, "three", minute(4), true
	gone.Revision, gone.Text, gone.Noted, gone.Gone = 4, "three", minute(5), true
	back.Revision, back.Text, back.Noted = 4, "one\n# two", minute(6)
	for _, tt := range []struct {
		name    string
		entries []incidents.Entry
		want    string
	}{
		{"as it was said", []incidents.Entry{said}, "@UBOB said: one # two"},
		{"edited", []incidents.Entry{said, edited}, "@UBOB said: three (edited 2026-11-21 10:05 UTC, before: one # two)"},
		{"in any order", []incidents.Entry{edited, said}, "@UBOB said: three (edited 2026-11-21 10:05 UTC, before: one # two)"},
		{"taken off", []incidents.Entry{said, edited, same}, "@UBOB said: three (edited 2026-11-21 10:05 UTC, before: one # two) (taken off the timeline 2026-11-21 10:06 UTC)"},
		{"deleted", []incidents.Entry{said, edited, same, gone}, "@UBOB said: three (edited 2026-11-21 10:05 UTC, before: one # two) (deleted 2026-11-21 10:07 UTC; these were the last words)"},
		{"edited back", []incidents.Entry{said, edited, same, back}, "@UBOB said: one # two (edited 2026-11-21 10:08 UTC, before: three)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := freshView()
			v.Entries = tt.entries
			all := incidents.Timeline(v, ourWords())
			if len(all) != 1 || all[0].What.String() != tt.want || !all[0].At.Equal(minute(1)) || len(all[0].Revisions) != len(tt.entries)-1 {
				t.Errorf("%+v, want %s", all, tt.want)
			}
			inMessage := strings.Contains(incidents.TimelineMessage(v, ourWords()).PlainText(), tt.want)
			if inMessage == all[0].Withdrawn {
				t.Errorf("withdrawn: %v, in the message: %v", all[0].Withdrawn, inMessage)
			}
			if !strings.Contains(string(incidents.Markdown(v, ourWords())), "`@UBOB`") {
				t.Error("the export does not have it")
			}
		})
	}
}

// TestTheTimelineIsInOrder: of time, then of the audit's numbers; whatever order things
// are stored in; and no event of an unknown action is lost.
func TestTheTimelineIsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := freshView()
		n := rapid.IntRange(0, 200).Draw(t, "events")
		for seq := range n {
			at := minute(float64(seq / 20))
			v.Events = append(v.Events, audit.Entry{Seq: int64(seq + 1), At: at, Event: audit.Event{Action: fmt.Sprintf("unknown-%d", seq), Outcome: audit.Done}})
			v.Entries = append(v.Entries, incidents.Entry{Key: fmt.Sprintf("slack/C/%d", seq), Revision: 1, At: inMinutes(t, "said"), Text: "x"})
		}
		all := incidents.Timeline(v, ourWords())
		if len(all) != 2*n {
			t.Fatalf("%d lines of %d", len(all), 2*n)
		}
		if !slices.IsSortedFunc(all, func(a, b incidents.Happened) int { return a.At.Compare(b.At) }) {
			t.Error("not in the order of time")
		}
		last := int64(0)
		for _, h := range all {
			var seq int64
			if _, err := fmt.Sscanf(h.Key, "audit/%d", &seq); err == nil {
				if seq != last+1 {
					t.Errorf("event %d after %d", seq, last)
				}
				last = seq
			}
		}
	})
}

func TestALongTimelineSaysHowMuchIsNotShown(t *testing.T) {
	v := freshView()
	for n := range 100 {
		v.Entries = append(v.Entries, incidents.Entry{Key: fmt.Sprintf("slack/C/%03d", n), Revision: 1, At: minute(float64(n)), Text: fmt.Sprintf("number %d.", n)})
	}
	text := incidents.TimelineMessage(v, ourWords()).PlainText()
	for _, want := range []string{"100 entries", "60 earlier ones are in the export: /integrity incident export INC-12", "number 60.", "number 99."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "number 59.") {
		t.Error("an earlier one is shown")
	}
}

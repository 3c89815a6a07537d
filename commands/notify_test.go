package commands_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// TestWhatEveryNoticeRecordsAndSays, and what its forms show.
func TestWhatEveryNoticeRecordsAndSays(t *testing.T) {
	for _, tt := range []struct {
		name, user, channel, words string
		source                     audit.Source
		form                       bool
	}{
		{"preview", "U1ALICE", "CINC", "notify update --says 'We know the cause.' --next 2h", audit.FromMention, false},
		{"preview-from-elsewhere", "U1ALICE", "C1", "notify opened INC-13 --audience executives --says 'We look.'", audit.FromSlash, false},
		{"preview-as-update", "U1ALICE", "CINC", "incident update --audience executives", audit.FromMention, false},
		{"send", "U1ALICE", "CINC", "send preview", audit.FromButton, false},
		{"discard", "U1ALICE", "CINC", "discard preview", audit.FromButton, false},
		{"no-change", "U1ALICE", "CINC", "incident nochange INC-12 executives", audit.FromButton, false},
		{"no-change-to-who-was-told-nothing", "U1ALICE", "CINC", "incident nochange INC-12 responders", audit.FromButton, false},
		{"resend", "U1ALICE", "CINC", "resend N-60/1", audit.FromButton, false},
		{"form", "U1ALICE", "CINC", "notify update INC-12", audit.FromButton, true},
		{"form-for-one", "U1OLIVE", "CINC", "notify update INC-12 --audience executives", audit.FromButton, true},
		{"form-incomplete", "U1ALICE", "CPAY", "notify postponed", audit.FromSlash, true},
		{"form-renewed", "U1ALICE", "CINC", "notify update INC-12 --audience executives --says 'We know.' --sealed preview", audit.FromModal, true},
		{"form-changed", "U1ALICE", "CINC", "notify update INC-12 --sealed preview", audit.FromButton, true},
		{"form-typed-whole", "U1ALICE", "CINC", "notify update --says 'We know.'", audit.FromSlash, true},
		{"form-without-the-right", "U1OLIVE", "CINC", "notify update", audit.FromSlash, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			if tt.form {
				golden(t, "notify-"+tt.name+".txt", tt.words+"\n"+formText(h.formFor(t, tt.source, tt.user, tt.channel, tt.words)))
				return
			}
			golden(t, "notify-"+tt.name+".txt", tt.words+"\n"+written(h.doesBy(t, tt.source, tt.user, tt.channel, tt.words)))
		})
	}
}

// letters of a notice, byte for byte.
func letters(n incidents.Notice) (out []string) {
	for _, l := range n.Letters {
		out = append(out, l.Subject+"\n"+l.Body)
	}
	return out
}

// TestWhatWasPreviewedIsSent: byte for byte, whatever happened since.
func TestWhatWasPreviewedIsSent(t *testing.T) {
	h := newHouse(t)
	previewed := h.doesBy(t, audit.FromMention, "U1ALICE", "CINC", "notify update --says 'We know the cause.'").Draft
	facts := h.memory.facts[12]
	facts.Checks[0].Last.Rows = 99 // a run ended meanwhile
	h.memory.facts[12] = facts
	in := h.doesBy(t, audit.FromButton, "U1BOB", "CINC", "send "+previewed.Seal)
	if len(in.Notices) != 1 || in.Notices[0].ID == 0 || in.Notices[0].Seal() != previewed.Seal {
		t.Fatalf("sent %+v: %s", in.Notices, reply(t, in))
	}
	if diff := cmp.Diff(letters(previewed.Notice), letters(in.Notices[0])); diff != "" {
		t.Errorf("previewed and sent differ:\n%s", diff)
	}
	again := h.doesBy(t, audit.FromButton, "U1ALICE", "CINC", "send "+previewed.Seal)
	wantRefused(t, again, "bad input", "That was sent already, as "+in.Notices[0].Ref())
}

// submitted is what a form asks when it is submitted as it was opened, with changes.
func submitted(f *message.Form, changes map[string]string) string {
	words := f.Verb + " " + f.Ref
	for _, field := range f.Fields {
		value := field.Value
		if changed, ok := changes[field.Name]; ok {
			value = changed
		}
		if value != "" {
			words += " --" + field.Name + " " + commands.Quote(value)
		}
	}
	for name, value := range f.Carried {
		words += " --" + name + " " + commands.Quote(value)
	}
	return words
}

// TestAFormThatWasNotChangedSendsWhatItShowed, and one that was sends nothing.
func TestAFormThatWasNotChangedSendsWhatItShowed(t *testing.T) {
	h := newHouse(t)
	f := h.formFor(t, audit.FromButton, "U1ALICE", "CINC", "notify update INC-12 --says 'We know.'")
	if f == nil || f.Submit != "Send" || len(f.Preview) == 0 {
		t.Fatalf("the form is %+v", f)
	}
	in := h.doesBy(t, audit.FromModal, "U1ALICE", "CINC", submitted(f, map[string]string{"says": "We know more."}))
	if len(in.Notices) != 0 || in.Draft == nil || in.Events[0].Action != "notify" || !strings.Contains(in.Posts[0].Message.PlainText(), "nothing was sent") {
		t.Errorf("a changed form: %s", written(in))
	}
	in = h.doesBy(t, audit.FromModal, "U1ALICE", "CINC", submitted(f, map[string]string{"audience": "executives"}))
	if len(in.Notices) != 0 {
		t.Errorf("a form with another audience: %s", written(in))
	}
	in = h.doesBy(t, audit.FromModal, "U1ALICE", "CINC", submitted(f, nil))
	if len(in.Notices) != 1 || in.Notices[0].Seal() != f.Carried["sealed"] || in.Events[0].Action != "send" {
		t.Errorf("an unchanged form: %s%s", written(in), reply(t, in))
	}
	again := h.doesBy(t, audit.FromModal, "U1BOB", "CINC", submitted(f, nil))
	wantRefused(t, again, "bad input", "That was sent already, as "+in.Notices[0].Ref())
}

// TestAPreviewIsChangedFromWhatItHolds: its button opens a form with what was said.
func TestAPreviewIsChangedFromWhatItHolds(t *testing.T) {
	h := newHouse(t)
	in := h.doesBy(t, audit.FromMention, "U1ALICE", "CINC", "notify update --says 'We know.' --audience executives --next 2h")
	for _, a := range in.Posts[0].Message.Actions {
		if !a.Form {
			continue
		}
		f := h.formFor(t, audit.FromButton, "U1ALICE", "CINC", a.Verb+" "+a.Ref)
		values := map[string]string{}
		for _, field := range f.Fields {
			values[field.Name] = field.Value
		}
		want := map[string]string{"audience": "executives", "says": "We know.", "next": "2h", "repair": "", "confidence": ""}
		if diff := cmp.Diff(want, values); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		return
	}
	t.Error("the preview has no such button")
}

// TestTheRightToTellIsOfEachAudience: of those that are asked for, and of those that a
// preview goes to.
func TestTheRightToTellIsOfEachAudience(t *testing.T) {
	h := newHouse(t)
	wantRefused(t, h.does(t, "U1OLIVE", "CINC", "notify update --audience executives,responders"), "no role grants notify:responders", "notify:responders")
	both := h.doesBy(t, audit.FromMention, "U1ALICE", "CINC", "notify update --says 'We know.'").Draft
	wantRefused(t, h.does(t, "U1OLIVE", "CINC", "send "+both.Seal), "no role grants notify:responders", "notify:responders")
	wantRefused(t, h.does(t, "U1OLIVE", "CINC", "discard "+both.Seal), "no role grants notify:responders", "notify:responders")
}

// TestAPreviewThatIsNoLongerTrueIsNotSent.
func TestAPreviewThatIsNoLongerTrueIsNotSent(t *testing.T) {
	for _, tt := range []struct {
		name   string
		happen func(t *testing.T, h house)
		says   string
	}{
		{"another one was sent", func(t *testing.T, h house) {
			h.doesBy(t, audit.FromButton, "U1ALICE", "CINC", "incident nochange INC-12 executives")
		}, "Another notice of this kind was sent since you saw the preview"},
		{"it is old", func(_ *testing.T, h house) {
			s := h.memory.drafts["preview"]
			s.Notice.At = noon.Add(-time.Hour)
			h.memory.drafts["preview"] = s
		}, "That preview is from 2026-11-21 11:00 UTC"},
		{"its promise is over", func(_ *testing.T, h house) {
			s := h.memory.drafts["preview"]
			s.Notice.Next = map[string]time.Time{"executives": noon}
			h.memory.drafts["preview"] = s
		}, "promises the next update for a time that is over"},
		{"it was discarded", func(t *testing.T, h house) {
			h.doesBy(t, audit.FromButton, "U1ALICE", "CINC", "discard preview")
		}, "That preview is no longer kept"},
		{"it was no incident", func(t *testing.T, h house) {
			h.does(t, "U1BOB", "CINC", "incident decline the test data were wrong --because 'those rows are test orders'")
		}, "INC-12 is declined"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			tt.happen(t, h)
			in := h.doesBy(t, audit.FromButton, "U1ALICE", "CINC", "send preview")
			wantRefused(t, in, "bad input", tt.says)
			if len(in.Notices) != 0 {
				t.Error("it was sent")
			}
		})
	}
}

// TestTheClockGoesOnWithANotice, and the reminder that asked for it loses its buttons.
func TestTheClockGoesOnWithANotice(t *testing.T) {
	h := newHouse(t)
	i := h.incident(t, 12)
	c := i.Clocks["executives"]
	c.Due, c.Reminded = noon.Add(-time.Minute), noon.Add(-time.Minute)
	i.Clocks["executives"] = c
	h.memory.incidents[12] = i
	in := h.doesBy(t, audit.FromButton, "U1ALICE", "CINC", "incident nochange INC-12 executives")
	due := h.incident(t, 12).Clocks["executives"].Due
	if !due.After(noon) || in.Notices[0].Next["executives"] != due {
		t.Errorf("the next one is due %s; the letter says %s", due, in.Notices[0].Next["executives"])
	}
	reminders := 0
	for _, p := range in.Posts {
		if strings.Contains(p.Key, "/remind/") && len(p.Message.Actions) == 0 {
			reminders++
		}
	}
	if reminders != 1 {
		t.Errorf("%d reminders were answered: %s", reminders, written(in))
	}
}

// TestADeliveryIsSentAgainOnlyWhereItFailed.
func TestADeliveryIsSentAgainOnlyWhereItFailed(t *testing.T) {
	h := newHouse(t)
	in := h.doesBy(t, audit.FromButton, "U1OLIVE", "CINC", "resend N-60/1")
	if diff := cmp.Diff(&incidents.Again{Notice: 60, N: 1, State: incidents.Refused}, in.Again); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	wantRefused(t, h.doesBy(t, audit.FromButton, "U1OLIVE", "CINC", "resend N-60/2"), "bad input", "N-60/2 is delivered, so there is nothing to send again.")
}

// silentGroups is a Directory that does not say who is in a user group.
type silentGroups struct{ *directory }

func (silentGroups) Members(context.Context, string) ([]string, error) { return nil, errDown }

// TestAGroupThatSlackDoesNotNameIsSaid: nobody is told in silence.
func TestAGroupThatSlackDoesNotNameIsSaid(t *testing.T) {
	h := newHouse(t)
	env := h.env
	env.Directory = silentGroups{h.dir}
	h.replace(t, env)
	in := h.does(t, "U1ALICE", "CINC", "escalate L1")
	if text := written(in); !strings.Contains(text, "Slack did not say who is in S0DEVOPS") || len(in.Incidents) != 1 {
		t.Errorf("said:\n%s", text)
	}
	in = h.doesBy(t, audit.FromMention, "U1ALICE", "CINC", "notify update --audience executives")
	if text := written(in); !strings.Contains(text, "S0EXEC") {
		t.Errorf("said:\n%s", text)
	}
}

// TestLinesOfAFormStayLines: what was typed on two lines is told on two lines.
func TestLinesOfAFormStayLines(t *testing.T) {
	h := newHouse(t)
	f := h.formFor(t, audit.FromButton, "U1ALICE", "CINC", "notify update INC-12")
	words := submitted(f, map[string]string{"says": "We know the cause.\nWe repair it: " + strings.Repeat("é", 1500)})
	in := h.doesBy(t, audit.FromModal, "U1ALICE", "CINC", words)
	if in.Draft == nil || !strings.Contains(in.Draft.Notice.Letters[0].Body, "We know the cause.\nWe repair it: é") {
		t.Errorf("said: %s", written(in))
	}
}

// TestWhoWritesIsNamedWhereTheirNameIsKnown.
func TestWhoWritesIsNamedWhereTheirNameIsKnown(t *testing.T) {
	h := newHouse(t)
	env := h.env
	env.NameOf = func(_ context.Context, user string) string { return map[string]string{"U1ALICE": "Alice"}[user] }
	h.replace(t, env)
	in := h.doesBy(t, audit.FromMention, "U1ALICE", "CPAY", "notify update --audience responders --says 'We look.'")
	if !strings.Contains(in.Draft.Notice.Letters[0].Body, "— Alice, incident INC-13") {
		t.Errorf("the letter is:\n%s", in.Draft.Notice.Letters[0].Body)
	}
}

package incidents_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/message"
)

// noticeText is a message with what its buttons ask for.
func noticeText(m message.Message) string {
	text := m.PlainText()
	for _, a := range m.Actions {
		text += fmt.Sprintf("  [%s] %s %s", a.Label, a.Verb, a.Ref)
		if a.Form {
			text += " (form)"
		}
		if a.Confirm != nil {
			text += fmt.Sprintf(" — %s %s", a.Confirm.Title, a.Confirm.Text)
		}
		text += "\n"
	}
	return text
}

// delivered are the deliveries of a notice with what became of them: by number, the rest
// as it is.
func delivered(n incidents.Notice, rest incidents.DeliveryState, by map[int]incidents.Delivery) incidents.Sent {
	s := incidents.Sent{Notice: n, Deliveries: n.Outgoing()}
	for i := range s.Deliveries {
		d := &s.Deliveries[i]
		d.State = rest
		if other, named := by[d.N]; named {
			d.State, d.Reason, d.Attempts = other.State, other.Reason, other.Attempts
		}
	}
	return s
}

func TestWhatThePosterReads(t *testing.T) {
	n := compose(t, orders(), incidents.Draft{Template: "update", Audiences: everybody(), Fields: map[string]string{"says": "Totals are being corrected."}})
	nobody := compose(t, orders(), incidents.Draft{Template: "opened", Audiences: []string{"consumers"}})
	long := compose(t, orders(), incidents.Draft{Template: "update", Audiences: everybody(), Fields: map[string]string{"says": strings.Repeat("A long sentence. ", 110)}})
	sent := n
	sent.ID = 1043
	unsent := nobody
	unsent.ID = 1044
	refused := incidents.Delivery{State: incidents.Refused, Reason: "The mail server mail:25 refused the address: 550 no such user."}
	for name, m := range map[string]message.Message{
		"preview":          incidents.PreviewOf(incidents.Sealed{Seal: "5ea1ed", Notice: n}, noticeWords()),
		"preview, nobody":  incidents.PreviewOf(incidents.Sealed{Seal: "5ea1ed", Notice: nobody}, noticeWords()),
		"preview, long":    incidents.PreviewOf(incidents.Sealed{Seal: "5ea1ed", Notice: long}, noticeWords()),
		"sent":             incidents.SentMessage(delivered(sent, incidents.Delivered, nil), noticeWords()),
		"sent, under way":  incidents.SentMessage(delivered(sent, incidents.Handed, map[int]incidents.Delivery{1: {State: incidents.Delivered}, 2: {State: incidents.Waiting, Attempts: 1, Reason: "The mail server mail:25 cannot be reached."}}), noticeWords()),
		"sent, refused":    incidents.SentMessage(delivered(sent, incidents.Delivered, map[int]incidents.Delivery{2: refused, 7: {State: incidents.Unclear, Reason: "The webhook statuspage did not answer in time."}}), noticeWords()),
		"sent, unclear":    incidents.SentMessage(delivered(sent, incidents.Delivered, map[int]incidents.Delivery{3: {State: incidents.Unclear, Reason: "The mail server hung up."}}), noticeWords()),
		"sent, not tried":  incidents.SentMessage(delivered(sent, incidents.Delivered, map[int]incidents.Delivery{6: {State: incidents.NotSent, Reason: "No mail server is configured."}}), noticeWords()),
		"sent, to nobody":  incidents.SentMessage(delivered(unsent, incidents.Delivered, nil), noticeWords()),
		"letter, in Slack": incidents.LetterMessage(n.Letters[1]),
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, "notices/shown-"+strings.NewReplacer(", ", "-", " ", "-").Replace(name)+".txt", noticeText(m))
		})
	}
}

// What is previewed is what is sent, in Slack too: every letter stands in the preview, or
// in the file beside it, to the byte.
func TestThePreviewHoldsEveryLetter(t *testing.T) {
	for name, says := range map[string]string{"short": "We are at it.", "long": strings.Repeat("A long sentence. ", 110)} {
		t.Run(name, func(t *testing.T) {
			n := compose(t, orders(), incidents.Draft{Template: "update", Audiences: everybody(), Fields: map[string]string{"says": says}})
			m := incidents.PreviewOf(incidents.Sealed{Seal: n.Seal(), Notice: n}, noticeWords())
			var shown []string
			for _, p := range m.Parts {
				shown = append(shown, p.Code)
			}
			for _, f := range m.Files {
				shown = append(shown, string(f.Inline))
			}
			if (name == "long") != (len(m.Files) == 1) {
				t.Errorf("it has %d files", len(m.Files))
			}
			for _, l := range n.Letters {
				if !strings.Contains(strings.Join(shown, "\n"), l.Text()) {
					t.Errorf("the letter to %s is not in the preview", l.Audience)
				}
				if got := incidents.LetterMessage(l); got.Headline.String()+"\n\n"+linesOf(got) != strings.TrimPrefix(l.Text(), "Subject: ") {
					t.Errorf("in Slack the letter to %s is another one:\n%s", l.Audience, got.PlainText())
				}
			}
		})
	}
}

func linesOf(m message.Message) string {
	var lines []string
	for _, p := range m.Parts {
		for _, l := range p.Lines {
			lines = append(lines, l.String())
		}
	}
	return strings.Join(lines, "\n")
}

func TestNoticesAndDeliveriesAreReferredTo(t *testing.T) {
	for text, want := range map[string]int64{"N-1043": 1043, "n-1": 1, "7": 7, "N-0": 0, "INC-3": 0, "": 0, "N-": 0, "N--1": 0} {
		if got, err := incidents.ParseNoticeRef(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is read as %d, %v", text, got, err)
		}
	}
	for text, want := range map[string][2]int64{"N-1043/3": {1043, 3}, "n-1/12": {1, 12}, "N-1": {}, "N-1/0": {}, "N-1/x": {}, "x/1": {}} {
		notice, n, err := incidents.ParseDeliveryRef(text)
		if diff := cmp.Diff(want, [2]int64{notice, int64(n)}); diff != "" || (err == nil) != (want[0] > 0) {
			t.Errorf("%q is read as %d, %d, %v", text, notice, n, err)
		}
	}
	if got := incidents.LetterKey(1043, 3); got != "notice/N-1043/3" {
		t.Errorf("the key of a letter is %s", got)
	}
}

// A form gives back what Compose asks for.
func TestTheFieldsOfANoticeAreEnoughToComposeIt(t *testing.T) {
	for _, template := range incidents.Templates() {
		t.Run(template, func(t *testing.T) {
			filled := map[string]string{}
			for _, f := range append(incidents.FieldsOf(template), noticeWords().Rules.AudienceField(template)) {
				if f.Kind == message.FieldChoice || f.Kind == message.FieldChoices {
					if len(f.Options) == 0 {
						t.Errorf("%s has nothing to choose from", f.Name)
					}
				}
				if !f.Optional {
					filled[f.Name] = "in an hour"
				}
				if f.Name == "audience" {
					filled[f.Name] = f.Value
				}
			}
			v := orders()
			if template == "all-clear" {
				v = repaired()
			}
			if n := compose(t, v, incidents.Draft{Template: template, Fields: filled}); len(n.Letters) < 3 {
				t.Errorf("%d audiences are told", len(n.Letters))
			}
		})
	}
	if fields := incidents.FieldsOf("party"); fields != nil {
		t.Errorf("a notice that is not there has fields: %v", fields)
	}
}

func TestManyFailuresAreCountedAndNotLost(t *testing.T) {
	n := incidents.Notice{ID: 1043, Incident: 12, Template: "update", Number: 2, Letters: []incidents.Letter{{Audience: "all", Title: "All"}}}
	for i := range 300 {
		n.Letters[0].To = append(n.Letters[0].To, incidents.Destination{Kind: incidents.ToEmail, To: fmt.Sprintf("p%d@example.com", i)})
	}
	m := incidents.SentMessage(delivered(n, incidents.Refused, nil), noticeWords())
	text := m.PlainText()
	for _, want := range []string{"300 messages are not delivered, 0 of 300 told", "email 0 of 300", "and 280 more"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if len(m.Actions) != 10 {
		t.Errorf("it has %d buttons", len(m.Actions))
	}
}

package commands_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
)

// TestNoChangeIsSaidOnce, however often and by whomever the button is pressed: the button
// names the update that it is about.
func TestNoChangeIsSaidOnce(t *testing.T) {
	h := newHouse(t)
	i := h.incident(t, 12)
	c := i.Clocks["executives"]
	c.Due, c.Last = noon.Add(-time.Minute), noon.Add(-time.Hour)
	c.Reminded = c.Due
	i.Clocks["executives"] = c
	h.memory.incidents[12] = i
	words := "incident nochange INC-12 executives " + strconv.FormatInt(c.Due.Unix(), 10)
	for n, user := range []string{"U1ALICE", "U1BOB", "U1ALICE"} {
		in := h.doesBy(t, audit.FromButton, user, "CINC", words)
		if n == 0 && len(in.Notices) != 1 {
			t.Fatalf("not sent: %s", reply(t, in))
		}
		if n > 0 {
			wantRefused(t, in, "bad input", "The update for executives was sent or put off in between, so I sent nothing.")
		}
	}
	wantRefused(t, h.doesBy(t, audit.FromButton, "U1BOB", "CINC", "incident nochange INC-12 executives"), "bad input", "in between")
	env := h.env
	env.Now = func() time.Time { return noon.Add(10 * time.Minute) }
	h.replace(t, env)
	if in := h.doesBy(t, audit.FromButton, "U1BOB", "CINC", words); len(in.Notices) > 0 {
		t.Error("the button of an update that was sent sends another one later")
	}
}

// TestNoChangeIsNotSaidWhereSomethingDid, or where nothing was told before.
func TestNoChangeIsNotSaidWhereSomethingDid(t *testing.T) {
	h := newHouse(t)
	facts := h.memory.facts[12]
	facts.Checks[0].Last.Rows = 31
	h.memory.facts[12] = facts
	for audience, says := range map[string]string{"executives": "something did change", "responders": "was told nothing yet"} {
		in := h.doesBy(t, audit.FromButton, "U1ALICE", "CINC", "incident nochange INC-12 "+audience)
		wantRefused(t, in, "bad input", says)
		if text := reply(t, in); !strings.Contains(text, "Try /integrity notify update INC-12 --audience "+audience) {
			t.Errorf("it does not say what to do: %s", text)
		}
	}
}

// TestWhatWasSentIsNotDiscarded, and what was discarded is not sent: both want the draft.
func TestWhatWasSentIsNotDiscarded(t *testing.T) {
	h := newHouse(t)
	sent := h.doesBy(t, audit.FromButton, "U1ALICE", "CINC", "send preview")
	if len(sent.Notices) != 1 || sent.Discard != "preview" || !sent.Notices[0].SentAt.Equal(noon) {
		t.Fatalf("sent %+v", sent)
	}
	in := h.doesBy(t, audit.FromButton, "U1BOB", "CINC", "discard preview")
	wantRefused(t, in, "bad input", "That was sent already, as "+sent.Notices[0].Ref())
	if strings.Contains(written(in), "nothing was sent") {
		t.Errorf("it says that nothing was sent:\n%s", written(in))
	}
	h = newHouse(t)
	h.doesBy(t, audit.FromButton, "U1BOB", "CINC", "discard preview")
	if in := h.doesBy(t, audit.FromButton, "U1ALICE", "CINC", "send preview"); len(in.Notices) > 0 {
		t.Error("it was sent after it was discarded")
	}
}

// TestSendAndDiscardAtOnceHaveOneOutcome.
func TestSendAndDiscardAtOnceHaveOneOutcome(t *testing.T) {
	for range 20 {
		h := newHouse(t)
		done := make(chan struct{})
		for _, words := range []string{"send preview", "discard preview"} {
			go func() {
				defer func() { done <- struct{}{} }()
				h.runner.Ask(t.Context(), ask("U1ALICE", "CINC", words))
			}()
		}
		<-done
		<-done
		sent, discarded := 0, 0
		for _, in := range h.ledger.intents {
			sent += len(in.Notices)
			if strings.Contains(written(in), "discarded by") {
				discarded++
			}
		}
		if sent+discarded != 1 {
			t.Fatalf("sent %d times and discarded %d times", sent, discarded)
		}
	}
}

// TestAnAllClearIsNotSentWhileSomethingFails: it was previewed while all passed. Nor is it
// sent again.
func TestAnAllClearIsNotSentWhileSomethingFails(t *testing.T) {
	h := newHouse(t)
	facts := h.memory.facts[12]
	bad := facts.Checks[0].Last
	good := bad
	good.Verdict, good.Rows, good.Began, good.Started, good.At = check.Pass, 0, noon.Add(-2*time.Minute), noon.Add(-2*time.Minute), noon.Add(-time.Minute)
	facts.Checks[0].Last, facts.Checks[0].Passed = good, good
	h.memory.facts[12] = facts
	draft := h.doesBy(t, audit.FromMention, "U1ALICE", "CINC", "notify all-clear --audience executives").Draft
	other := h.doesBy(t, audit.FromMention, "U1ALICE", "CINC", "notify all-clear --audience responders").Draft
	if draft == nil || other == nil {
		t.Fatal(reply(t, h.ledger.last(t)))
	}
	sent := h.doesBy(t, audit.FromButton, "U1ALICE", "CINC", "send "+draft.Seal)
	if len(sent.Notices) != 1 {
		t.Fatal(reply(t, sent))
	}
	facts = h.memory.facts[12]
	last := &facts.Notices[len(facts.Notices)-1]
	last.Deliveries[0].State, last.Deliveries[0].Notice = incidents.Refused, last.ID
	bad.Began, bad.Started, bad.At = noon, noon, noon
	facts.Checks[0].Last, facts.Checks[0].Failed = bad, bad
	h.memory.facts[12] = facts
	i := h.incident(t, 12)
	i.Told["all-clear"] = 0 // as if the other one came first
	h.memory.incidents[12] = i
	in := h.doesBy(t, audit.FromButton, "U1ALICE", "CINC", "send "+other.Seal)
	wantRefused(t, in, "it is true no more", "No all-clear yet")
	in = h.doesBy(t, audit.FromButton, "U1ALICE", "CINC", "resend "+incidents.DeliveryRef(last.ID, last.Deliveries[0].N))
	wantRefused(t, in, "it is true no more", "No all-clear yet")
}

// TestADeliveryIsSentAgainAfterTheEnd, in the channel where its notice stands.
func TestADeliveryIsSentAgainAfterTheEnd(t *testing.T) {
	h := newHouse(t)
	i := h.incident(t, 12)
	i.Status, i.End = incidents.Resolved, &incidents.End{By: "U1ALICE", At: noon.Add(-2 * time.Hour)} // its soak is over
	h.memory.incidents[12] = i
	if in := h.doesBy(t, audit.FromButton, "U1OLIVE", "CINC", "resend N-60/1"); in.Again == nil || in.Events[0].Incident != "INC-12" {
		t.Errorf("not sent again: %s", reply(t, in))
	}
	i.Status = incidents.Declined
	h.memory.incidents[12] = i
	wantRefused(t, h.doesBy(t, audit.FromButton, "U1OLIVE", "CINC", "resend N-60/1"), "bad input", "INC-12 is declined, so nobody is told about it any more.")
}

// previews are the messages of an intent that show a notice with a button that sends it,
// and those that did.
func previews(in commands.Intent) (live, settled []string) {
	for _, p := range in.Posts {
		switch {
		case !strings.HasPrefix(p.Key, "notice/preview/"):
		case len(p.Message.Actions) > 0:
			live = append(live, p.Key)
		default:
			settled = append(settled, p.Key+": "+p.Message.PlainText())
		}
	}
	return live, settled
}

// TestWhatWasDiscardedCanBePreviewedAgain: in a new message, and not in silence.
func TestWhatWasDiscardedCanBePreviewedAgain(t *testing.T) {
	h := newHouse(t)
	const words = "notify all-clear --says 'All was checked by hand.'"
	first := h.doesBy(t, audit.FromMention, "U1ALICE", "CPAY", words)
	gone := h.doesBy(t, audit.FromButton, "U1ALICE", "CPAY", "discard "+first.Draft.Seal)
	again := h.doesBy(t, audit.FromMention, "U1ALICE", "CPAY", words)
	one, _ := previews(first)
	two, _ := previews(again)
	_, settled := previews(gone)
	if first.Draft.Seal != again.Draft.Seal || len(one) != 1 || len(two) != 1 || one[0] == two[0] {
		t.Errorf("shown as %v and %v", one, two)
	}
	want := one[0] + ": ⚪ Preview of \"all-clear\": discarded by @U1ALICE 2026-11-21 12:00 UTC; nothing was sent."
	if len(settled) != 1 || !strings.HasPrefix(settled[0], want) {
		t.Errorf("what was discarded reads %q, want %q", settled, want)
	}
}

// TestOnlyWhatCanBeSentHasTheButton: once one is sent, the others of its kind lose theirs.
func TestOnlyWhatCanBeSentHasTheButton(t *testing.T) {
	h := newHouse(t)
	a := h.doesBy(t, audit.FromMention, "U1ALICE", "CINC", "notify update --says 'We know the cause.'")
	b := h.doesBy(t, audit.FromMention, "U1BOB", "CINC", "notify update --audience executives --says 'We look.'")
	other := h.doesBy(t, audit.FromMention, "U1BOB", "CINC", "notify opened --audience executives --says 'We look.'")
	in := h.doesBy(t, audit.FromButton, "U1BOB", "CINC", "send "+b.Draft.Seal)
	_, settled := previews(in)
	oneA, _ := previews(a)
	oneB, _ := previews(b)
	text := strings.Join(settled, "\n")
	if len(settled) != 2 || !strings.Contains(text, oneB[0]+": ⚪ Preview of \"update\": sent as N-1042 by @U1BOB 2026-11-21 12:00 UTC.") ||
		!strings.Contains(text, oneA[0]+": ⚪ Preview of \"update\": another one was sent as N-1042 by @U1BOB 2026-11-21 12:00 UTC.") {
		t.Errorf("settled:\n%s", text)
	}
	if left := h.incident(t, 12).Previews; len(left) != 1 || left[0].Seal != other.Draft.Seal {
		t.Errorf("left are %+v", left)
	}
}

// TestADraftIsShownOnlyToWhoMayTellIt: its seal is no key to it.
func TestADraftIsShownOnlyToWhoMayTellIt(t *testing.T) {
	h := newHouse(t)
	env := h.env
	env.Incidents.Rules.Audiences[0].Templates = nil // the responders are told nothing by itself
	h.replace(t, env)
	draft := h.doesBy(t, audit.FromMention, "U1ALICE", "CINC", "notify update --audience responders --says 'For responders alone.'").Draft
	if text := formText(h.formFor(t, audit.FromButton, "U1ALICE", "CINC", "notify update INC-12 --sealed "+draft.Seal)); !strings.Contains(text, "For responders alone.") {
		t.Errorf("who may does not see it:\n%s", text)
	}
	for words, user := range map[string]string{
		"notify update INC-12 --sealed " + draft.Seal: "U1OLIVE",
		"notify update INC-13 --sealed " + draft.Seal: "U1ALICE",
	} {
		if text := formText(h.formFor(t, audit.FromButton, user, "CINC", words)); strings.Contains(text, "For responders alone.") {
			t.Errorf("%s shows:\n%s", words, text)
		}
	}
}

package commands_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// press is a click of a person in the channel of the plans.
func (h house) press(t *testing.T, user, text string) commands.Intent {
	t.Helper()
	q := ask(user, "C1", text)
	q.Source, q.Thread = audit.FromButton, "1.2"
	if post := h.runner.Ask(t.Context(), q); post != nil {
		t.Fatalf("%s: answered directly: %s", text, post.Message.PlainText())
	}
	return h.ledger.last(t)
}

func TestAFixIsRecordedWithItsPlanItsRunAndItsMessage(t *testing.T) {
	h := newHouse(t)
	h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "fix orphaned-orders --limit 30 --mode attach --parent c1"))
	in := h.ledger.last(t)
	want := &fix.Order{
		ID: 1042, Check: "orphaned-orders", Domain: "orders", Mode: "attach", Argument: "c1", Limit: 30,
		Channel: "C1", ResponseURL: "https://hooks.example/1", AskedBy: "U1ALICE", AskedAt: noon, Request: "request-1",
	}
	if diff := cmp.Diff(want, in.Plan); diff != "" {
		t.Errorf("the plan (-want +got):\n%s", diff)
	}
	if in.Run == nil || in.Run.ID != 1042 || in.Run.Plan != 1042 || in.Run.Step != check.StepPlan {
		t.Errorf("the run is %+v", in.Run)
	}
	if len(in.Posts) != 1 || in.Posts[0].Key != "plan/1042" || in.Posts[0].OnlyTo != "" {
		t.Errorf("the message is %+v", in.Posts)
	}
	if e := in.Events[0]; e.Target != "P-1042" || e.Plan != "P-1042" || e.Outcome != audit.Intended || e.Rule != "role responders" || e.Action != "fix" {
		t.Errorf("the audit says %+v", e)
	}
}

func TestTheButtonUnderAFailingCheckPutsThePlanUnderTheRun(t *testing.T) {
	h := newHouse(t)
	in := h.press(t, "U1ALICE", "fix R-7/order-totals")
	if in.Plan != nil {
		t.Fatal("a check without a fix has a plan")
	}
	h.fixes["order-totals"] = h.fixes["orphaned-orders"]
	in = h.press(t, "U1BOB", "fix R-7/order-totals")
	if in.Plan == nil || in.Plan.Under != "run/7" || in.Plan.Thread != "" || in.Posts[0].Parent != "run/7" {
		t.Errorf("the plan is %+v", in.Plan)
	}
}

func TestAConfirmationMovesThePlanAndBeginsTheApply(t *testing.T) {
	h := newHouse(t)
	in := h.press(t, "U1ALICE", "confirm P-32")
	want := &fix.Transition{Plan: 32, From: fix.Waiting, To: fix.Approved, Hash: "hash", Digest: "digest", InTime: true, By: "U1ALICE", Run: 1042}
	if diff := cmp.Diff(want, in.Decide); diff != "" {
		t.Errorf("the decision (-want +got):\n%s", diff)
	}
	if in.Run == nil || in.Run.Step != check.StepApply || in.Run.Plan != 32 || !cmp.Equal(in.Run.Checks, []string{"orphaned-orders"}) || in.Run.AskedBy != "U1ALICE" {
		t.Errorf("the run is %+v", in.Run)
	}
	if e := in.Events[0]; e.Plan != "P-32" || e.PlanHash != "hash" || e.Outcome != audit.Intended || e.Decision != "allowed" {
		t.Errorf("the audit says %+v", e)
	}
	if len(in.Posts) != 1 || in.Posts[0].Key != "plan/32" || hasButton(in, "confirm") || !hasButton(in, "stop") {
		t.Errorf("the message is %+v", in.Posts)
	}
	if in := h.press(t, "U1BOB", "confirm P-33"); in.Decide == nil || in.Decide.By != "U1BOB" {
		t.Errorf("a second person's approval recorded %+v", in)
	}
}

func hasButton(in commands.Intent, verb string) bool {
	for _, p := range in.Posts {
		for _, a := range p.Message.Actions {
			if a.Verb == verb {
				return true
			}
		}
	}
	return false
}

func TestACancellationEndsThePlan(t *testing.T) {
	h := newHouse(t)
	in := h.press(t, "U1BOB", "cancel P-32")
	if in.Decide == nil || in.Decide.To != fix.Cancelled || in.Decide.By != "U1BOB" || in.Run != nil || hasButton(in, "confirm") || hasButton(in, "cancel") {
		t.Errorf("recorded %+v", in)
	}
	if e := in.Events[0]; e.Outcome != audit.Done {
		t.Errorf("the audit says %+v", e)
	}
}

// A click that comes too late says so, and the message shows it, too.
func TestALateClickEndsThePlan(t *testing.T) {
	for _, tt := range []struct {
		text, rule, says string
		to               fix.State
	}{
		{"confirm P-34", "expired", "P-34 expired", fix.Expired},
		{"cancel P-34", "expired", "P-34 expired", fix.Expired},
		{"confirm P-35", "declared differently since", "was declared differently since", fix.Refused},
	} {
		h := newHouse(t)
		in := h.press(t, "U1BOB", tt.text)
		if in.Decide == nil || in.Decide.To != tt.to || in.Decide.InTime || in.Decide.By != "" || in.Run != nil {
			t.Errorf("%s recorded %+v", tt.text, in.Decide)
		}
		if e := in.Events[0]; e.Outcome != audit.Refused || e.Decision != "refused" || e.Rule != tt.rule {
			t.Errorf("%s: the audit says %+v", tt.text, e)
		}
		if !strings.Contains(reply(t, in), tt.says) || hasButton(in, "confirm") || !hasButton(in, "fix") {
			t.Errorf("%s: said %q, %+v", tt.text, reply(t, in), in.Posts)
		}
	}
}

// Two clicks at once: the one that the store takes second reads who was first.
func TestTheSecondOfTwoClicksReadsWhoWasFirst(t *testing.T) {
	h := newHouse(t)
	tries := 0
	h.ledger.moved = func(fix.Transition) error {
		tries++
		p := h.plans[32] // somebody else's transaction
		p.State, p.DecidedBy, p.DecidedAt = fix.Approved, "U1ADMIN", noon
		h.plans[32] = p
		return fix.ErrMoved
	}
	in := h.press(t, "U1BOB", "confirm P-32")
	if tries != 1 || in.Decide != nil || in.Run != nil || len(h.ledger.intents) != 1 {
		t.Errorf("%d tries, recorded %+v", tries, in)
	}
	if got := reply(t, in); !strings.Contains(got, "P-32 was confirmed by @U1ADMIN") {
		t.Errorf("said %q", got)
	}
	if e := in.Events[0]; e.Outcome != audit.Refused || e.Rule != "decided before: approved" {
		t.Errorf("the audit says %+v", e)
	}
}

// A plan that never stands still leaves no click without an answer.
func TestAClickIsAnsweredHoweverOftenThePlanMoves(t *testing.T) {
	h := newHouse(t)
	h.ledger.moved = func(fix.Transition) error { return fix.ErrMoved }
	q := ask("U1BOB", "C1", "confirm P-32")
	if post := h.runner.Ask(t.Context(), q); post != nil {
		t.Fatalf("answered without a record: %s", post.Message.PlainText())
	}
	in := h.ledger.last(t)
	if got := reply(t, in); in.Decide != nil || in.Events[0].Outcome != audit.Refused || !strings.Contains(got, "Somebody else") {
		t.Errorf("said %q, recorded %+v", got, in)
	}
}

func TestStopsOfPlans(t *testing.T) {
	h := newHouse(t)
	for text, want := range map[string]int64{"stop R-31": 31, "stop P-31": 31, "stop P-36": 40} {
		in := h.press(t, "U1ALICE", text)
		if in.Stop == nil || in.Stop.Run != want || in.Stop.By != "U1ALICE" || in.Events[0].Outcome != audit.Intended || reply(t, in) == "" {
			t.Errorf("%s recorded %+v", text, in)
		}
	}
}

func TestAnUndoIsAPlanOfItsOwn(t *testing.T) {
	h := newHouse(t)
	in := h.press(t, "U1ALICE", "undo P-37")
	if in.Plan == nil || in.Plan.Undoes != 37 || in.Plan.Check != "orphaned-orders" || in.Plan.Under != "plan/37" || in.Run == nil || in.Run.Step != check.StepPlan {
		t.Errorf("recorded %+v, %+v", in.Plan, in.Run)
	}
}

// Two people stopped the writers: taking that back asks for the right to let them
// write again, and not only for that to fix.
func TestTakingBackAsksForItsRight(t *testing.T) {
	for user, allowed := range map[string]bool{"U1ALICE": false, "U1BOB": true} {
		h := newHouse(t)
		d := h.fixes["writers"]
		d.Rules.Back = fix.Way{Right: "writes:resume"}
		h.fixes["writers"] = d
		p := h.plans[37]
		p.Check, p.Domain, p.Mode = "writers", "writes", "scale"
		h.plans[37] = p
		in := h.press(t, user, "undo P-37")
		if allowed != (in.Plan != nil) || allowed != (in.Events[0].Outcome == audit.Intended) {
			t.Errorf("%s: the plan is %+v, the event %+v", user, in.Plan, in.Events[0])
		}
		if !allowed && !strings.Contains(reply(t, in), "writes:resume") {
			t.Errorf("%s reads %q", user, reply(t, in))
		}
	}
}

// The message with the buttons stays the only one that has them.
func TestAPlanIsShownWithoutItsButtons(t *testing.T) {
	h := newHouse(t)
	h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "plan 32"))
	in := h.ledger.last(t)
	if len(in.Posts) != 1 || in.Posts[0].OnlyTo != "" || in.Posts[0].Key == "plan/32" || hasButton(in, "confirm") || !strings.Contains(in.Posts[0].Message.PlainText(), "P-32 waiting") {
		t.Errorf("shown in its channel: %+v", in.Posts)
	}
	h.runner.Ask(t.Context(), ask("U1ALICE", "C2", "plan P-32"))
	if in := h.ledger.last(t); len(in.Posts) != 1 || in.Posts[0].OnlyTo != "U1ALICE" || hasButton(in, "confirm") {
		t.Errorf("shown elsewhere: %+v", in.Posts)
	}
}

func TestPreventShowsTheMigrationAsTextAndAsAFile(t *testing.T) {
	h := newHouse(t)
	in := h.press(t, "U1ALICE", "prevent R-7/orphaned-orders")
	if len(in.Posts) != 1 || in.Run != nil {
		t.Fatalf("recorded %+v", in)
	}
	p := in.Posts[0]
	if p.Key != "run/7/orphaned-orders/prevent" || p.Parent != "run/7" || p.OnlyTo != "" || len(p.Message.Files) != 1 ||
		string(p.Message.Files[0].Inline) != "ALTER TABLE orders …;\n" || !strings.Contains(p.Message.PlainText(), "NULL is let pass.") {
		t.Errorf("the message is %+v", p)
	}
}

func TestVerifyRunsEveryCheckThatRunsByItself(t *testing.T) {
	h := newHouse(t)
	h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "verify"))
	in := h.ledger.last(t)
	if in.Run == nil || in.Run.Step != check.StepVerify || !cmp.Equal(in.Run.Checks, []string{"orphaned-orders", "order-totals", "product-stock"}) {
		t.Errorf("recorded %+v", in.Run)
	}
}

// TestWhatIsOffIsLeftOutAndNamed: by verify, and when a run is asked for again as things
// stand then.
func TestWhatIsOffIsLeftOutAndNamed(t *testing.T) {
	without := func(off ...string) check.Catalog {
		all := slices.Clone(catalog[:3])
		for i := range all {
			all[i].Off = slices.Contains(off, all[i].Name)
		}
		return all
	}
	for _, c := range []struct {
		name, words string
		off         []string
		wantChecks  []string
		wantOff     []string
	}{
		{"verify", "verify", []string{"product-stock"}, []string{"orphaned-orders", "order-totals"}, []string{"product-stock"}},
		{"again, and it is off still", "again R-50", []string{"product-stock"}, []string{"orphaned-orders", "order-totals"}, []string{"product-stock"}},
		{"again, and it is on now", "again R-50", nil, []string{"orphaned-orders", "order-totals", "product-stock"}, nil},
		{"again, and one more is off: it does not answer", "again R-50", []string{"product-stock", "order-totals"}, []string{"orphaned-orders", "order-totals"}, []string{"product-stock"}},
		{"one of its checks again", "again R-50/order-totals", []string{"product-stock"}, []string{"order-totals"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := houseOf(t, without(c.off...))
			h.runs[50] = check.Run{Order: check.Order{
				ID: 50, Title: "All checks", Words: "check all", Channel: "C1", Checks: []string{"orphaned-orders", "order-totals"}, Off: []string{"product-stock"},
			}, State: check.Done}
			h.runner.Ask(t.Context(), ask("U1ALICE", "C1", c.words))
			in := h.ledger.last(t)
			if in.Run == nil {
				t.Fatalf("no run: %s", reply(t, in))
			}
			if diff := cmp.Diff(c.wantChecks, in.Run.Checks); diff != "" {
				t.Errorf("checks (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.wantOff, in.Run.Off); diff != "" {
				t.Errorf("off (-want +got):\n%s", diff)
			}
		})
	}
}

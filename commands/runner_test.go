package commands_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
)

func TestACheckIsRecordedWithItsRunItsMessageAndItsReason(t *testing.T) {
	h := newHouse(t)
	if post := h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "check orders —full --since 2h")); post != nil {
		t.Fatalf("answered directly: %s", post.Message.PlainText())
	}
	in := h.ledger.last(t)
	want := &check.Order{
		ID: 1042, Title: "Orders", Words: "check orders --full --since 2h", Checks: []string{"orphaned-orders", "order-totals"},
		Options: check.Options{Full: true, Since: 2 * time.Hour}, Channel: "C1", ResponseURL: "https://hooks.example/1",
		AskedBy: "U1ALICE", AskedAt: noon, Request: "request-1",
	}
	if diff := cmp.Diff(want, in.Run); diff != "" {
		t.Errorf("the run (-want +got):\n%s", diff)
	}
	if len(in.Events) != 1 {
		t.Fatalf("%d audit events, want 1", len(in.Events))
	}
	e := in.Events[0]
	if e.Outcome != audit.Intended || e.Decision != "allowed" || e.Rule != "role responders" || e.Target != "R-1042" || e.Action != "check" {
		t.Errorf("the audit says %+v", e)
	}
	if len(in.Posts) != 1 || in.Posts[0].Key != "run/1042" || in.Posts[0].OnlyTo != "" {
		t.Errorf("the message is %+v", in.Posts)
	}
}

func TestTheSameRequestTwiceIsOneRun(t *testing.T) {
	h := newHouse(t)
	for range 4 {
		if post := h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "check orders")); post != nil {
			t.Fatal("answered directly")
		}
	}
	if len(h.ledger.intents) != 1 {
		t.Errorf("%d intents recorded, want 1", len(h.ledger.intents))
	}
}

func TestWhatIsSaidToBadInput(t *testing.T) {
	for _, tt := range []struct {
		name, user, channel, text string
		rule, says                string
	}{
		{"unknown command", "U1ALICE", "C1", "chekc orders", "bad input", `Did you mean "check"? Try /integrity check orders.`},
		{"no such command at all", "U1ALICE", "C1", "xyzzy", "bad input", `There is no command called "xyzzy". Try /integrity help.`},
		{"unknown check", "U1ALICE", "C1", "check ordres", "bad input", `There is no check called "ordres". Did you mean "orders"? Try /integrity check orders.`},
		{"unknown check without a neighbour", "U1ALICE", "C1", "check zzzzzzz", "bad input", "There are orders, inventory, verification, events, cache, locks, writes, restore."},
		{"unknown flag", "U1ALICE", "C1", "check orders --ful", "bad input", "Did you mean --full?"},
		{"single dash flag", "U1ALICE", "C1", "check orders -full", "bad input", "--full"},
		{"two things", "U1ALICE", "C1", "check orders inventory", "bad input", "One thing at a time"},
		{"bad span", "U1ALICE", "C1", "check orders --since yesterday", "bad input", "write 30m, 2h or 7d"},
		{"negative span", "U1ALICE", "C1", "check orders --since=-2h", "bad input", "write 30m, 2h or 7d"},
		{"open quote", "U1ALICE", "C1", `check "orders`, "bad input", "a quote is not closed"},
		{"far too long", "U1ALICE", "C1", "check " + strings.Repeat("x", 4000), "bad input", "at most 3000"},
		{"stop nothing", "U1ALICE", "C1", "stop", "bad input", "Which run?"},
		{"stop no run", "U1ALICE", "C1", "stop banana", "bad input", "runs look like R-1042"},
		{"stop unknown run", "U1ALICE", "C1", "stop R-99", "bad input", "There is no run R-99"},
		{"stop a run that is over", "U1ALICE", "C1", "stop R-8", "bad input", "R-8 is already over"},
		{"details of an unknown check", "U1ALICE", "C1", "details R-7/nothing", "bad input", "has no check called"},
		{"again of a removed check", "U1ADMIN", "C1", "again R-9", "bad input", "no longer in the config"},
		{"audit of a name", "U1ALICE", "C1", "audit --actor alice", "bad input", "is not a person"},
		{"audit in a shared channel", "U1ALICE", "CSHARED", "audit", "bad input", "shared with another organisation"},
		{"missing right", "U1OLIVE", "C1", "check inventory", "no role grants check:inventory", "It is for responders, approvers, admins"},
		{"right for a part only", "U1OLIVE", "C1", "check all", "no role grants check:inventory", "check:inventory"},
		{"stop without the right", "U1NOBODY", "C1", "stop R-7", "no role grants check:orders", "check:orders"},
		{"audit without the right", "U1OLIVE", "C1", "audit", "no role grants audit:read", "audit:read"},
		{"fix nothing", "U1ALICE", "C1", "fix", "bad input", "Which check's findings should be repaired? Name one. Try /integrity fix orphaned-orders."},
		{"fix of an unknown check", "U1ALICE", "C1", "fix orphaned-order", "bad input", `Did you mean "orphaned-orders"? Try /integrity fix orphaned-orders.`},
		{"fix of a domain", "U1ALICE", "C1", "fix orders", "bad input", "A fix is for one check at a time; orders has orphaned-orders, order-totals."},
		{"fix of a check that passed", "U1ALICE", "C1", "fix R-7/orphaned-orders", "bad input", "Orphaned orders passes in R-7: there is nothing to fix."},
		{"fix of a check of another run", "U1ALICE", "C1", "fix R-8/orphaned-orders", "bad input", "R-8 has no check called"},
		{"a check without a fix", "U1ALICE", "C1", "fix order-totals", "bad input", "The config declares no fix for order-totals. Try /integrity prevent order-totals."},
		{"a target without write access", "U1ALICE", "C1", "fix product-stock", "bad input", "Fixes are off for production/shop: the config gives no write access for it (targets.shop.postgres.fix_dsn)."},
		{"fix in a shared channel", "U1ALICE", "CSHARED", "fix orphaned-orders", "bad input", "This channel is shared with another organisation, so no row data and no fixes here. Use a private channel."},
		{"a limit of 0", "U1ALICE", "C1", "fix orphaned-orders --limit 0", "bad input", "A limit of 0 would repair nothing"},
		{"a limit below 0", "U1ALICE", "C1", "fix orphaned-orders --limit -1", "bad input", "A limit of -1 would repair nothing"},
		{"a limit of a million", "U1ALICE", "C1", "fix orphaned-orders --limit 1000000", "bad input", "A limit of 1,000,000 is more than one plan may repair: max_rows of this fix is 10,000."},
		{"a limit that is no number", "U1ALICE", "C1", "fix orphaned-orders --limit many", "bad input", "I could not read the flags"},
		{"an unknown way", "U1ALICE", "C1", "fix orphaned-orders --mode delet", "bad input", "Did you mean delete?"},
		{"a way that is not allowed", "U1ALICE", "C1", "fix orphaned-orders --mode quarantine", "bad input", "its config allows delete, attach"},
		{"an unknown plan", "U1ALICE", "C1", "plan P-99", "bad input", "There is no plan P-99. Try /integrity fix orphaned-orders."},
		{"confirm an unknown plan", "U1ALICE", "C1", "confirm P-99", "bad input", "There is no plan P-99."},
		{"what is no plan", "U1ALICE", "C1", "plan R-x", "bad input", "is not a plan; plans look like P-1042"},
		{"a plan in a shared channel", "U1ALICE", "CSHARED", "plan P-32", "bad input", "so plans are not shown here"},
		{"confirm in a shared channel", "U1ALICE", "CSHARED", "confirm P-32", "shared channel", "no row data and no fixes here"},
		{"confirm without the right", "U1OLIVE", "C1", "confirm P-32", "no role grants fix:orders", "fix:orders is for responders, approvers, admins"},
		{"approve oneself", "U1ALICE", "C1", "confirm P-33", "self-approval", "You asked for P-33 yourself; someone else in approvers or admins has to approve it."},
		{"confirm what was cancelled", "U1ALICE", "C1", "confirm P-38", "decided before: cancelled", "P-38 was cancelled by"},
		{"confirm what is under way", "U1ALICE", "C1", "confirm P-36", "decided before: applying", "P-36 was confirmed by"},
		{"confirm what is not there yet", "U1ALICE", "C1", "confirm P-31", "not waiting", "still being worked out"},
		{"cancel what is applied", "U1ALICE", "C1", "cancel P-37", "decided before: applied", "has been applied"},
		{"stop a plan that waits", "U1ALICE", "C1", "stop P-32", "not under way", "is not being applied"},
		{"stop working out without the right", "U1OLIVE", "C1", "stop P-31", "no role grants fix:orders", "fix:orders"},
		{"undo what changed nothing", "U1ALICE", "C1", "undo P-38", "not applied", "P-38 has changed nothing"},
		{"undo what is under way", "U1ALICE", "C1", "undo P-36", "not applied yet", "Stop it first"},
		{"verify something", "U1ALICE", "C1", "verify orders", "bad input", "verify takes nothing behind it"},
		{"prevent nothing", "U1ALICE", "C1", "prevent", "bad input", "Which check's defects should be prevented? Name one. Try /integrity prevent orphaned-orders."},
		{"prevent in a shared channel", "U1ALICE", "CSHARED", "prevent orphaned-orders", "bad input", "nothing about the tables is shown here"},
		{"prevent where the target is silent", "U1ALICE", "C1", "prevent order-totals", "bad input", "Postgres production/shop did not answer in 5 s."},
		{"guest", "U1GUEST", "C1", "check orders", "guests may not act", "Guests may not use the bot"},
		{"guest with nonsense", "U1GUEST", "C1", "chekc", "guests may not act", "Guests may not use the bot"},
		{"outsider", "U1OUTSIDER", "C1", "check orders", "outsiders may not act", "another organisation"},
		{"bot", "U1BOT", "C1", "check orders", "bots may not act", "a person has to ask"},
		{"deactivated", "U1GONE", "C1", "check orders", "deactivated accounts may not act", "deactivated"},
		{"unknown person", "U1WHO", "C1", "check orders", "person not known", "could not find out from Slack who you are"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			if post := h.runner.Ask(t.Context(), ask(tt.user, tt.channel, tt.text)); post != nil {
				t.Fatalf("answered directly: %s", post.Message.PlainText())
			}
			in := h.ledger.last(t)
			if in.Run != nil || in.Stop != nil || in.Plan != nil {
				t.Error("something was done")
			}
			e := in.Events[0]
			if e.Outcome != audit.Refused || e.Decision != "refused" || e.Rule != tt.rule || e.Error == "" {
				t.Errorf("the audit says %s by rule %q, want refused by %q", e.Outcome, e.Rule, tt.rule)
			}
			if got := reply(t, in); !strings.Contains(got, tt.says) {
				t.Errorf("said:\n%s\nwant: %s", got, tt.says)
			}
		})
	}
}

func TestWhenTheStoreIsDownNothingIsDoneAndThePersonReadsIt(t *testing.T) {
	h := newHouse(t)
	h.ledger.down = errDown
	post := h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "check orders"))
	if post == nil {
		t.Fatal("the request was acknowledged in silence")
	}
	text := post.Message.PlainText()
	if !strings.Contains(text, "I could not record this, so I did nothing.") || strings.Contains(text, "refused") {
		t.Errorf("said: %s", text)
	}
	if post.OnlyTo != "U1ALICE" {
		t.Error("it is not for the asker alone")
	}
}

func TestWhenTheStoreGoesSilentInMidCommitNothingIsClaimed(t *testing.T) {
	h := newHouse(t)
	h.ledger.down = fmt.Errorf("record: %w", commands.ErrInDoubt)
	post := h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "check orders"))
	if post == nil || !strings.Contains(post.Message.PlainText(), "may or may not be done") {
		t.Errorf("said: %+v", post)
	}
}

func TestWhenSlackDoesNotSayWhoIsInAChannelNothingIsDone(t *testing.T) {
	h := newHouse(t)
	h.dir.down = context.DeadlineExceeded
	h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "check orders"))
	if in := h.ledger.last(t); in.Run != nil || in.Events[0].Outcome != audit.Refused {
		t.Errorf("recorded %+v", in)
	}
}

// silent is a Directory that never answers.
type silent struct{}

func (silent) Subject(ctx context.Context, _ audit.Actor, _ bool) (authz.Subject, error) {
	<-ctx.Done()
	return authz.Subject{}, ctx.Err()
}

func (silent) Place(ctx context.Context, _ string) (commands.Place, error) {
	<-ctx.Done()
	return commands.Place{}, ctx.Err()
}

func (silent) Members(ctx context.Context, _ string) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestWhenSlackIsSilentThereIsTimeLeftToRecordIt(t *testing.T) {
	h := newHouse(t)
	h.runner.Directory = silent{}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if post := h.runner.Ask(ctx, ask("U1ALICE", "C1", "check orders")); post != nil {
		t.Errorf("answered directly: %s", post.Message.PlainText())
	}
	if ctx.Err() != nil {
		t.Error("looking up took all the time there was")
	}
	if e := h.ledger.last(t).Events[0]; e.Outcome != audit.Refused || e.Rule != "person not known" {
		t.Errorf("the audit says %+v", e)
	}
}

func TestInASharedChannelARunShowsNoRows(t *testing.T) {
	h := newHouse(t)
	h.runner.Ask(t.Context(), ask("U1ALICE", "CSHARED", "check orders"))
	if in := h.ledger.last(t); in.Run == nil || !in.Run.NoRows {
		t.Errorf("the run may show rows: %+v", in.Run)
	}
}

func TestButtons(t *testing.T) {
	h := newHouse(t)
	press := func(text string) {
		q := ask("U1ALICE", "C1", text)
		q.Source, q.Thread = audit.FromButton, "1.2"
		if post := h.runner.Ask(t.Context(), q); post != nil {
			t.Fatalf("%s: answered directly", text)
		}
	}
	press("stop R-7")
	if in := h.ledger.last(t); in.Stop == nil || in.Stop.Run != 7 || in.Stop.By != "U1ALICE" || in.Events[0].Outcome != audit.Intended {
		t.Errorf("stop recorded %+v", in)
	}
	press("again R-8")
	if in := h.ledger.last(t); in.Run == nil || in.Run.Thread != "" || !cmp.Equal(in.Run.Checks, []string{"product-stock"}) {
		t.Errorf("again recorded %+v", in.Run)
	}
	press("again R-7/order-totals")
	if in := h.ledger.last(t); in.Run == nil || in.Run.Title != "Order totals" || !cmp.Equal(in.Run.Checks, []string{"order-totals"}) {
		t.Errorf("again for one check recorded %+v", in.Run)
	}
	press("details R-8")
	if in := h.ledger.last(t); len(in.Posts) != 1 || in.Posts[0].Key != "run/8/details" || in.Posts[0].Parent != "run/8" {
		t.Errorf("details recorded %+v", in.Posts)
	}
}

func TestAllLeavesOutWhatRunsOnRequest(t *testing.T) {
	h := newHouse(t)
	h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "check"))
	if got := h.ledger.last(t).Run.Checks; !cmp.Equal(got, []string{"orphaned-orders", "order-totals", "product-stock"}) {
		t.Errorf("check runs %v", got)
	}
	h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "check verification"))
	if got := h.ledger.last(t).Run.Checks; !cmp.Equal(got, []string{"verify-totals"}) {
		t.Errorf("check verification runs %v", got)
	}
}

package commands_test

import (
	"testing"

	"github.com/integritybot/integritybot/internal/audit"
)

// TestEveryPersonAndEveryCommand: each cell says whether the person may.
func TestEveryPersonAndEveryCommand(t *testing.T) {
	people := []string{"U1ADMIN", "U1ALICE", "U1BOB", "U1OLIVE", "U1EVE", "U1NOBODY", "U1GUEST", "U1OUTSIDER", "U1BOT", "U1GONE"}
	for _, row := range []struct {
		words string
		may   string // one letter a person, in the order above
	}{
		{"help", "yyyyyynnnn"},
		{"help check", "yyyyyynnnn"},
		{"whoami", "yyyyyynnnn"},
		{"check", "yyynnnnnnn"},
		{"check all", "yyynnnnnnn"},
		{"check orders", "yyyynnnnnn"},
		{"check order-totals", "yyyynnnnnn"},
		{"check inventory", "yyynnnnnnn"},
		{"check verification", "yyynnnnnnn"},
		{"stop R-7", "yyyynnnnnn"},
		{"again R-7", "yyyynnnnnn"},
		{"again R-8", "yyynnnnnnn"},
		{"details R-7", "yyyynnnnnn"},
		{"details R-8", "yyynnnnnnn"},
		{"verify", "yyynnnnnnn"},
		{"prevent orphaned-orders", "yyyynnnnnn"},
		{"prevent product-stock", "yyynnnnnnn"},
		{"fix orphaned-orders", "yyynnnnnnn"},
		{"fix R-7/orphaned-orders", "nnnnnnnnnn"}, // it passes there
		{"plan P-32", "yyyynnnnnn"},
		{"confirm P-32", "yyynnnnnnn"},
		{"confirm P-33", "ynynnnnnnn"}, // a second person: an approver, and not who asked
		{"cancel P-32", "yyynnnnnnn"},
		{"stop R-31", "yyynnnnnnn"}, // a plan that is worked out
		{"stop P-31", "yyynnnnnnn"},
		{"stop P-36", "yyynnnnnnn"},
		{"undo P-37", "yyynnnnnnn"},
		{"events", "yyyyyynnnn"},
		{"help events", "yyyyyynnnn"},
		{"events lag", "yyynynnnnn"},
		{"events dlq", "yyynynnnnn"},
		{"events dlq failed-events --group-by key", "yyynynnnnn"},
		{"events export", "ynnnynnnnn"}, // the right to check is not the right to the data
		{"again R-10", "ynnnynnnnn"},    // it was an export
		{"events replay --limit 10", "yyynynnnnn"},
		{"events replay-aggregate o-17", "yyynynnnnn"},
		{"fix P-39", "yyynynnnnn"},
		{"audit", "yynnnnnnnn"},
		{"logs --since 2h", "yyynnnnnnn"},
		{"events logs", "yyynnnnnnn"}, // of the team's events, but the logs are everybody's
		{"changes", "yyynnnnnnn"},
		{"db", "yyyyyynnnn"},
		{"db conflicts", "yyynnnnnnn"},
		{"diagnose", "yyynnnnnnn"},
		{"diagnose orders", "yyyynnnnnn"},
		{"diagnose cache", "yyynnnnnnn"},
		{"stop R-11", "yyynnnnnnn"}, // a look
		{"again R-11", "yyynnnnnnn"},
		{"again R-12", "yyynnnnnnn"},
		{"again R-13", "yyyynnnnnn"},
		{"cache", "yyyyyynnnn"},
		{"cache check", "yyynnnnnnn"},
		{"cache check 'customer:1*'", "yyynnnnnnn"},
		{"cache get customer:1", "yyynnnnnnn"},
		{"cache ttl customer:1", "yyynnnnnnn"},
		{"cache scan", "yyynnnnnnn"},
		{"cache clear customer:1", "yyynnnnnnn"},
		{"cache flush", "ynynnnnnnn"}, // cache:flush, too
		{"fix customer-cache", "yyynnnnnnn"},
		{"fix customer-cache --mode flush", "ynynnnnnnn"}, // by whatever way it is asked for
		{"fix P-44", "ynynnnnnnn"},
		{"fix P-44 --mode clear", "yyynnnnnnn"},
		{"confirm P-43 production/cache", "ynynnnnnnn"},
		{"locks", "yyynnnnnnn"},
		{"locks cancel 4711", "yyynnnnnnn"},
		{"locks terminate 4711", "ynynnnnnnn"},
		{"writes", "yyyyyynnnn"},
		{"writes status", "yyynnnnnnn"},
		{"writes stop", "ynynnnnnnn"},
		{"writes stop --mode scale ecommerce-backend", "ynynnnnnnn"},
		{"writes resume", "ynynnnnnnn"},
		{"fix writers", "ynynnnnnnn"}, // the config's first way asks for more
		{"restore --at 2026-11-21", "ynynnnnnnn"},
		{"incident", "yyyynnnnnn"},
		{"help incident", "yyyyyynnnn"},
		{"incident list --all", "yyyynnnnnn"},
		{"incident status INC-12", "yyyynnnnnn"},
		{"incident status INC-12 identified", "yyynnnnnnn"},
		{"incident summary INC-12", "yyyynnnnnn"},
		{"incident timeline INC-15", "yyyynnnnnn"},
		{"incident checklist INC-12", "yyyynnnnnn"},
		{"incident export INC-12", "yyyynnnnnn"},
		{"incident declare inventory", "yyynynnnnn"},
		{"incident bind inventory", "yyynynnnnn"},
		{"incident declare --run R-8", "yyynnnnnnn"}, // and check:inventory, to which Eve has no right
		{"incident severity INC-12 P1", "yyynnnnnnn"},
		{"incident lead INC-12 me", "yyynnnnnnn"},
		{"incident claim INC-12", "yyynnnnnnn"},
		{"incident note INC-12 we look", "yyynnnnnnn"},
		{"incident cause INC-12 rollout 41", "yyynnnnnnn"},
		{"incident followup INC-12 add a key", "yyynnnnnnn"},
		{"incident milestone INC-12 contained", "yyynnnnnnn"},
		{"incident snooze INC-12 executives", "yyynnnnnnn"},
		{"incident retry INC-12", "nnnnnnnnnn"},        // nothing is missing
		{"incident step INC-12 measure", "yyynnnnnnn"}, // and check:orders, which Olive has alone
		{"incident step INC-12 contain --done", "yyynnnnnnn"},
		{"incident skip INC-12 contain because", "yyynnnnnnn"},
		{"incident merge INC-12 INC-13", "yyynnnnnnn"},
		{"incident decline INC-13 no", "yyynnnnnnn"},
		{"incident decline INC-12 no", "nnnnnnnnnn"},                                  // its check fails
		{"incident decline INC-12 no --because 'they are test orders'", "ynynnnnnnn"}, // resolve:override
		{"incident resolve INC-13", "yyynnnnnnn"},
		{"incident resolve INC-12", "nnnnnnnnnn"},                                  // its check fails
		{"incident resolve INC-12 --because 'they are test orders'", "ynynnnnnnn"}, // resolve:override
		{"incident resolve INC-16 --because 'they are test orders'", "nnnnnnnnnn"}, // a fix is under way
		{"incident reopen INC-14 again", "yyynnnnnnn"},
		{"incident ack INC-12", "nnnnnnnnnn"}, // nobody is called
		{"notify update INC-12 --audience executives", "yyyynnnnnn"},
		{"notify update INC-12", "yyynnnnnnn"}, // the responders, too
		{"incident update INC-12 --audience executives", "yyyynnnnnn"},
		{"incident nochange INC-12 executives", "yyyynnnnnn"},
		{"send preview", "yyyynnnnnn"},
		{"discard preview", "yyyynnnnnn"},
		{"escalate L1 INC-12", "yyynynnnnn"},
		{"escalate INC-12 L2", "yyynnnnnnn"},
	} {
		for i, person := range people {
			t.Run(row.words+" by "+person, func(t *testing.T) {
				h := newHouse(t)
				h.runner.Ask(t.Context(), ask(person, "C1", row.words))
				in := h.ledger.last(t)
				allowed := in.Events[0].Decision == "allowed"
				if want := row.may[i] == 'y'; allowed != want {
					t.Errorf("allowed is %v, want %v (rule %q)", allowed, want, in.Events[0].Rule)
				}
				if !allowed && (len(in.Incidents)+len(in.Notices)+len(in.Entries) > 0 || in.Draft != nil || in.Again != nil || in.Discard != "") {
					t.Errorf("a refusal must do nothing: %+v", in)
				}
				if !allowed && (in.Events[0].Outcome != audit.Refused || in.Run != nil || in.Stop != nil || in.Plan != nil || in.Decide != nil || reply(t, in) == "") {
					t.Errorf("a refusal must do nothing, say why, and be recorded: %+v", in)
				}
			})
		}
	}
}

package commands_test

import (
	"testing"

	"github.com/integritybot/integritybot/internal/audit"
)

// TestEveryPersonAndEveryCommand: each cell says whether the person may.
func TestEveryPersonAndEveryCommand(t *testing.T) {
	people := []string{"U1ADMIN", "U1ALICE", "U1BOB", "U1OLIVE", "U1NOBODY", "U1GUEST", "U1OUTSIDER", "U1BOT", "U1GONE"}
	for _, row := range []struct {
		words string
		may   string // one letter a person, in the order above
	}{
		{"help", "yyyyynnnn"},
		{"help check", "yyyyynnnn"},
		{"whoami", "yyyyynnnn"},
		{"check", "yyynnnnnn"},
		{"check all", "yyynnnnnn"},
		{"check orders", "yyyynnnnn"},
		{"check order-totals", "yyyynnnnn"},
		{"check inventory", "yyynnnnnn"},
		{"check verification", "yyynnnnnn"},
		{"stop R-7", "yyyynnnnn"},
		{"again R-7", "yyyynnnnn"},
		{"again R-8", "yyynnnnnn"},
		{"details R-7", "yyyynnnnn"},
		{"details R-8", "yyynnnnnn"},
		{"verify", "yyynnnnnn"},
		{"prevent orphaned-orders", "yyyynnnnn"},
		{"prevent product-stock", "yyynnnnnn"},
		{"fix orphaned-orders", "yyynnnnnn"},
		{"fix R-7/orphaned-orders", "nnnnnnnnn"}, // it passes there
		{"plan P-32", "yyyynnnnn"},
		{"confirm P-32", "yyynnnnnn"},
		{"confirm P-33", "ynynnnnnn"}, // a second person: an approver, and not who asked
		{"cancel P-32", "yyynnnnnn"},
		{"stop R-31", "yyynnnnnn"}, // a plan that is worked out
		{"stop P-31", "yyynnnnnn"},
		{"stop P-36", "yyynnnnnn"},
		{"undo P-37", "yyynnnnnn"},
		{"audit", "yynnnnnnn"},
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
				if !allowed && (in.Events[0].Outcome != audit.Refused || in.Run != nil || in.Stop != nil || in.Plan != nil || in.Decide != nil || reply(t, in) == "") {
					t.Errorf("a refusal must do nothing, say why, and be recorded: %+v", in)
				}
			})
		}
	}
}

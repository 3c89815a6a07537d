package commands_test

import (
	"testing"

	"github.com/integritybot/integritybot/internal/audit"
)

// TestEveryPersonAndEveryCommand: each cell says whether the person may.
func TestEveryPersonAndEveryCommand(t *testing.T) {
	people := []string{"U1ADMIN", "U1ALICE", "U1OLIVE", "U1NOBODY", "U1GUEST", "U1OUTSIDER", "U1BOT", "U1GONE"}
	for _, row := range []struct {
		words string
		may   string // one letter a person, in the order above
	}{
		{"help", "yyyynnnn"},
		{"help check", "yyyynnnn"},
		{"whoami", "yyyynnnn"},
		{"check", "yynnnnnn"},
		{"check all", "yynnnnnn"},
		{"check orders", "yyynnnnn"},
		{"check order-totals", "yyynnnnn"},
		{"check inventory", "yynnnnnn"},
		{"check verification", "yynnnnnn"},
		{"stop R-7", "yyynnnnn"},
		{"again R-7", "yyynnnnn"},
		{"again R-8", "yynnnnnn"},
		{"details R-7", "yyynnnnn"},
		{"details R-8", "yynnnnnn"},
		{"audit", "yynnnnnn"},
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
				if !allowed && (in.Events[0].Outcome != audit.Refused || in.Run != nil || in.Stop != nil || reply(t, in) == "") {
					t.Errorf("a refusal must do nothing, say why, and be recorded: %+v", in)
				}
			})
		}
	}
}

package commands_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/fix/report"
)

// TestAFlushIsConfirmedByItsName: typed behind the plan or into the dialog, whole.
func TestAFlushIsConfirmedByItsName(t *testing.T) {
	for words, says := range map[string]string{
		"confirm P-43":                    "type production/cache, and you typed nothing",
		"confirm P-43 '  '":               "you typed nothing",
		"confirm P-43 production":         "you typed something else",
		"confirm P-43 production/cache 2": "you typed something else",
	} {
		h := newHouse(t)
		h.runner.Ask(t.Context(), ask("U1BOB", "C1", words))
		wantRefused(t, h.ledger.last(t), "not typed", says)
		if in := h.press(t, "U1BOB", "confirm P-43 production/cache"); in.Decide == nil || in.Decide.To != fix.Approved || in.Run == nil {
			t.Errorf("typed as it is shown: %s", reply(t, in))
		}
	}
	h := newHouse(t)
	h.plans[43] = withTyped(h.plans[43], "the production cache")
	if in := h.press(t, "U1BOB", "confirm P-43 "+commands.Quote("the production cache ")); in.Decide == nil {
		t.Errorf("typed into the dialog: %s", reply(t, in))
	}
	h = newHouse(t)
	h.plans[43] = withTyped(h.plans[43], "the production cache")
	if in := h.press(t, "U1BOB", "confirm P-43 the production cache"); in.Decide == nil {
		t.Errorf("typed as words: %s", reply(t, in))
	}
}

func withTyped(p fix.Plan, want string) fix.Plan {
	p.Draft.Typed = want
	return p
}

// TestWordsBehindAConfirmationMeanSomething: a second plan is not overheard.
func TestWordsBehindAConfirmationMeanSomething(t *testing.T) {
	h := newHouse(t)
	h.runner.Ask(t.Context(), ask("U1ALICE", "C1", "confirm P-32 P-33"))
	wantRefused(t, h.ledger.last(t), "bad input", `P-32 is confirmed by itself; I do not understand "P-33" behind it. Try /integrity confirm P-32.`)
	h.runner.Ask(t.Context(), ask("U1OLIVE", "C1", "confirm P-32 P-33"))
	wantRefused(t, h.ledger.last(t), "no role grants fix:orders", "fix:orders")
}

// downArchive answers no question about plans.
type downArchive struct{ archive }

func (downArchive) Plan(context.Context, int64) (fix.Plan, time.Time, error) {
	return fix.Plan{}, time.Time{}, errDown
}

// TestADialogIsWordedByThePlanAsItStands: one that is over asks nothing any more.
func TestADialogIsWordedByThePlanAsItStands(t *testing.T) {
	plans := fewPlans()
	d := commands.Dialogs{Archive: archive{plans: plans}, Plans: report.Wording{Checks: catalog.ByName(), Policy: policy}}
	ask, err := d.Ask(t.Context(), "confirm", "P-43")
	if err != nil || ask == nil || ask.Want != "production/cache" || !strings.Contains(ask.Title, "P-43") {
		t.Errorf("asks %+v, %v", ask, err)
	}
	for _, nothing := range [][2]string{
		{"confirm", "P-32"}, // is confirmed by the click
		{"confirm", "P-36"}, // under way
		{"confirm", "P-34"}, // expired, although nobody has noticed
		{"cancel", "P-43"}, {"frobnicate", "P-43"}, {"confirm", "P-99"}, {"confirm", "43"}, {"stop", "R-7"}, {"confirm", "P-x"}, {"confirm", ""},
	} {
		if ask, err := d.Ask(t.Context(), nothing[0], nothing[1]); ask != nil || err != nil {
			t.Errorf("%v asks %+v, %v", nothing, ask, err)
		}
	}
	over := plans[43]
	over.State = fix.Cancelled
	plans[43] = over
	if ask, err := d.Ask(t.Context(), "confirm", "P-43"); ask != nil || err != nil {
		t.Errorf("a cancelled plan asks %+v, %v", ask, err)
	}
	d.Archive = downArchive{}
	if _, err := d.Ask(t.Context(), "confirm", "P-43"); !errors.Is(err, errDown) {
		t.Errorf("a store that is down says %v", err)
	}
}

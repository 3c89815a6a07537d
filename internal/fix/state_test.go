package fix_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/fix"
)

var states = []fix.State{
	fix.Planning, fix.Waiting, fix.Approved, fix.Applying, fix.Applied, fix.PartlyApplied,
	fix.Failed, fix.Expired, fix.Cancelled, fix.Refused, fix.Undone,
}

// TestAPlanMayOnlyDoWhatIsWritten: all pairs of states, and what lies outside.
func TestAPlanMayOnlyDoWhatIsWritten(t *testing.T) {
	allowed := map[fix.State][]fix.State{
		fix.Planning:      {fix.Waiting, fix.Failed, fix.Cancelled},
		fix.Waiting:       {fix.Approved, fix.Cancelled, fix.Expired, fix.Refused},
		fix.Approved:      {fix.Applying, fix.Cancelled, fix.Refused, fix.Failed},
		fix.Applying:      {fix.Applied, fix.PartlyApplied, fix.Failed},
		fix.Applied:       {fix.Undone},
		fix.PartlyApplied: {fix.Undone, fix.Applied, fix.Failed},
	}
	for _, from := range append(states, "", "else") {
		may := map[fix.State]bool{}
		for _, to := range allowed[from] {
			may[to] = true
		}
		for _, to := range append(states, "", "else") {
			if err := fix.May(from, to); (err == nil) != may[to] {
				t.Errorf("from %q to %q: %v", from, to, err)
			}
		}
	}
}

func TestEveryStateIsOpenOrFinal(t *testing.T) {
	for _, s := range states {
		if s.Open() == s.Final() {
			t.Errorf("%q: open %v, final %v", s, s.Open(), s.Final())
		}
	}
	if s := fix.State("else"); s.Open() || s.Final() {
		t.Error("what is no state is neither")
	}
}

// TestWhateverHappensAPlanIsCarriedOutAtMostOnce: along every path a plan begins
// to be applied at most once, and always after somebody approved it.
func TestWhateverHappensAPlanIsCarriedOutAtMostOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := fix.Planning
		been := map[fix.State]int{at: 1}
		for _, next := range rapid.SliceOfN(rapid.SampledFrom(states), 0, 200).Draw(t, "tries") {
			if fix.May(at, next) != nil {
				continue
			}
			if at = next; at == fix.Applying && been[fix.Approved] == 0 {
				t.Fatal("applied without approval")
			}
			been[at]++
		}
		for s, n := range been {
			if n > 1 {
				t.Fatalf("%d times %q", n, s)
			}
		}
	})
}

func TestEnding(t *testing.T) {
	skips := []fix.Skip{{Table: "orders", Key: []string{"o1"}, Why: fix.WhyChanged}}
	for _, tt := range []struct {
		name    string
		outcome fix.Outcome
		reason  string
		want    fix.State
	}{
		{"all", fix.Outcome{Total: 30}, "", fix.Applied},
		{"nothing to count, as for a validated constraint", fix.Outcome{}, "", fix.Applied},
		{"some left alone", fix.Outcome{Total: 29, Skipped: skips}, "", fix.PartlyApplied},
		{"stopped", fix.Outcome{Total: 10, Left: 20}, "It was stopped.", fix.PartlyApplied},
		{"interrupted, though the numbers are complete", fix.Outcome{Total: 10}, "The target does not answer.", fix.PartlyApplied},
		{"all left alone", fix.Outcome{Skipped: skips}, "", fix.Failed},
		{"stopped at once", fix.Outcome{Left: 30}, "It was stopped.", fix.Failed},
		{"nobody knows", fix.Outcome{Unknown: true, Left: 30}, "The target does not answer.", fix.PartlyApplied},
		{"a trigger raised", fix.Outcome{}, "A trigger raised.", fix.Failed},
	} {
		if got := fix.Ending(tt.outcome, tt.reason); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

package incidents_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
)

// TestTheGateOpensOnlyOnChecksNewerThanTheLastFix keeps what stands against an end.
func TestTheGateOpensOnlyOnChecksNewerThanTheLastFix(t *testing.T) {
	const m = time.Minute
	undo := repair(8, "applied", 15*m, 17*m)
	undo.Undoes = 7
	undone := repair(7, "undone", 2*m, 5*m)
	var b strings.Builder
	for _, tt := range []struct {
		name    string
		checks  []incidents.Checked
		repairs []incidents.Repair
		open    bool
	}{
		{"nothing was ever wrong", []incidents.Checked{checked("order-totals", ran{m, check.Pass, 0})}, nil, true},
		{"it passed, and gave no answer since", []incidents.Checked{checked("order-totals", ran{m, check.Pass, 0}, ran{2 * m, check.Unknown, 0})}, nil, false},
		{"nothing was run", nil, nil, false},
		{"passed since, nothing was changed by the bot", []incidents.Checked{checked("order-totals", ran{0, check.Fail, 3}, ran{m, check.Pass, 0})}, nil, true},
		{"passed after the fix", []incidents.Checked{checked("order-totals", ran{0, check.Fail, 3}, ran{6 * m, check.Pass, 0})}, []incidents.Repair{repair(7, "applied", 2*m, 5*m)}, true},
		{"passed while the fix was applied", []incidents.Checked{checked("order-totals", ran{0, check.Fail, 3}, ran{4 * m, check.Pass, 0})}, []incidents.Repair{repair(7, "applied", 2*m, 5*m)}, false},
		{"passed in the check with which the fix ended", []incidents.Checked{checked("order-totals", ran{0, check.Fail, 3}, ran{5 * m, check.Pass, 0})}, []incidents.Repair{repair(7, "partly applied", 2*m, 5*m)}, true},
		{"passed in a run that began before the fix ended, on a machine whose clock is ahead", []incidents.Checked{skewed(checked("order-totals", ran{0, check.Fail, 3}, ran{4 * m, check.Pass, 0}), 2*m)}, []incidents.Repair{repair(7, "applied", 2*m, 5*m)}, false},
		{"passed, but the fix was taken back", []incidents.Checked{checked("order-totals", ran{0, check.Fail, 3}, ran{6 * m, check.Pass, 0})}, []incidents.Repair{undone, undo}, false},
		{"passed, but the fix was taken back where nobody of the incident saw it", []incidents.Checked{checked("order-totals", ran{0, check.Fail, 3}, ran{4 * m, check.Pass, 0})}, []incidents.Repair{undone}, false},
		{"passed in a run that had begun before the one that failed", []incidents.Checked{{
			Name: "order-totals", Failed: checked("", ran{3 * m, check.Fail, 3}).Failed, Last: checked("", ran{2 * m, check.Pass, 0}).Last,
		}}, nil, false},
		{"passed while one that failed was still reading", []incidents.Checked{{
			Name:   "order-totals",
			Failed: incidents.Measure{Run: 1, Verdict: check.Fail, Rows: 3, Began: opened.Add(2 * m), Started: opened.Add(2 * m), At: opened.Add(4 * m)},
			Last:   incidents.Measure{Run: 2, Verdict: check.Pass, Began: opened.Add(3 * m), Started: opened.Add(3 * m), At: opened.Add(3 * m)},
		}}, nil, false},
		{"passed before it failed, on a machine whose clock is ahead", []incidents.Checked{{
			Name: "order-totals", Failed: checked("", ran{3 * m, check.Fail, 3}).Failed, Last: skewed(checked("", ran{2 * m, check.Pass, 0}), 5*m).Last,
		}}, nil, false},
		{"fails still", []incidents.Checked{checked("orphaned-orders", ran{0, check.Fail, 30}, ran{m, check.Fail, 1})}, nil, false},
		{"nobody knows", []incidents.Checked{checked("orphaned-orders", ran{0, check.Fail, 30}, ran{m, check.Pass, 0}, ran{2 * m, check.Unknown, 0})}, nil, false},
		{"a plan waits", nil, []incidents.Repair{repair(7, "waiting", 0, 0), repair(8, "planning", 0, 0), repair(9, "cancelled", 0, 0)}, false},
		{"a fix is under way", []incidents.Checked{checked("orphaned-orders", ran{0, check.Fail, 30})}, []incidents.Repair{repair(7, "waiting", 0, 0), repair(8, "approved", 0, 0)}, false},
	} {
		v := incidents.View{Incident: declared(), Checks: tt.checks, Repairs: tt.repairs}
		against, active := incidents.Gate(v, movesWords())
		fmt.Fprintf(&b, "%s (active: %t):\n", tt.name, active)
		for _, a := range against {
			b.WriteString("    " + a + "\n")
		}
		_, err := incidents.Resolve(v, movesWords(), after(20*m), "", "")
		same(t, tt.name+": open", tt.open, err == nil)
		same(t, tt.name+": silent", tt.open, len(against) == 0)
		_, err = incidents.Resolve(v, movesWords(), after(20*m), "", "agreed with finance")
		same(t, tt.name+": a reason opens it", !active, err == nil)
	}
	golden(t, "moves-gate.golden", b.String())
}

func TestAResolvedIncidentIsHeldUntilItsSoakIsOver(t *testing.T) {
	w := movesWords()
	i, _, err := incidents.Escalate(declared(), w, after(0), "L1", "", whoIsIn)
	i = moved(t)(moved(t)(i, err).SetSeverity(after(0), incidents.P3, w.Rules)) // executives have no clock then
	i = i.Sent(incidents.Notice{Template: "update", At: opened, Letters: []incidents.Letter{{Audience: "support", To: []incidents.Destination{{Kind: incidents.ToChannel, To: "C9"}}}}})
	same(t, "there is something to end", []int{1, 1}, []int{len(i.Paused), len(i.Untold)})
	v := incidents.View{Incident: i, Checks: []incidents.Checked{checked("order-totals", ran{0, check.Fail, 3}, ran{6 * time.Minute, check.Pass, 0})}}
	end := moved(t)(incidents.Resolve(v, w, after(20*time.Minute), " all repaired ", "I need no reason for this"))
	same(t, "end", &incidents.End{
		By: "U2BOB", At: opened.Add(20 * time.Minute), Says: "all repaired", Soak: opened.Add(140 * time.Minute), Known: map[string]int64{"order-totals": 1000},
	}, end.End)
	same(t, "milestones", incidents.Milestones{Detected: opened, Verified: opened.Add(6*time.Minute + time.Second), Resolved: opened.Add(20 * time.Minute)}, end.Milestones)
	same(t, "nobody is reminded", 0, len(end.Clocks)+len(end.Paused)+len(end.Untold))
	same(t, "nobody has to come any more, and nobody has", []any{"", true, time.Time{}}, []any{end.Escalation.Acked, end.Escalation.Needless, end.Escalation.Due})
	same(t, "held", true, end.Held())
	w.Rules.Soak = 0
	same(t, "without a soak it is not", false, moved(t)(incidents.Resolve(v, w, after(20*time.Minute), "", "")).Held())
}

func TestAnOverrideIsKeptWithWhatFailedStill(t *testing.T) {
	v := incidents.View{Incident: declared(), Checks: []incidents.Checked{
		checked("order-totals", ran{0, check.Fail, 3}), checked("orphaned-orders", ran{0, check.Fail, 30}, ran{time.Minute, check.Pass, 0}),
	}}
	end := moved(t)(incidents.Resolve(v, movesWords(), after(20*time.Minute), "", "agreed with finance"))
	same(t, "override", "agreed with finance", end.End.Override)
	same(t, "failing", map[string]int64{"order-totals": 3}, end.End.Failing)
	same(t, "it is not verified", true, end.Milestones.Verified.IsZero())
}

func TestAReopenedIncidentBeginsAnew(t *testing.T) {
	ok := moved(t)
	w := movesWords()
	end := ok(incidents.Resolve(incidents.View{Incident: declared()}, w, after(20*time.Minute), "", "nothing can be run here"))
	i := ok(end.Reopen(after(30*time.Minute), "wrong again", w.Rules))
	same(t, "status", []any{incidents.Investigating, 1, (*incidents.End)(nil)}, []any{i.Status, i.Reopened, i.End})
	same(t, "milestones", incidents.Milestones{Detected: opened}, i.Milestones)
	same(t, "clock", incidents.Clock{Every: 30 * time.Minute, Due: opened.Add(time.Hour)}, i.Clocks["executives"])
	second := ok(incidents.Resolve(incidents.View{Incident: i}, w, after(40*time.Minute), "", "nothing can be run here"))
	same(t, "the second end knows of it", 1, second.End.Reopened)
}

package incidents_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
)

func TestTheChecklistIsTheRunbooks(t *testing.T) {
	var b strings.Builder
	i := declared()
	for _, s := range i.Steps {
		fmt.Fprintf(&b, "%-10s %-35s %s\n", s.Name, s.Title, i.StepWords(s.Name))
	}
	golden(t, "moves-checklist.golden", b.String())
	same(t, "without a domain everything is measured", "check all", incidents.Incident{}.StepWords("measure"))
}

// TestTwoPeopleWhoPressTheSameStepRunItOnce: the second decides from what the first
// has written.
func TestTwoPeopleWhoPressTheSameStepRunItOnce(t *testing.T) {
	first := moved(t)(declared().BeginStep(incidents.Move{By: "U1ALICE", At: opened}, "measure", 1043))
	_, err := again(t, first).BeginStep(after(time.Second), "measure", 1044)
	same(t, "refusal", "\"Measure how much is wrong\" was already begun: R-1043. (U1ALICE)\n    try: incident checklist INC-12", refused(t, err))
	same(t, "the first", incidents.Step{Name: "measure", Title: "Measure how much is wrong", State: incidents.Running, By: "U1ALICE", At: opened, Run: 1043}, first.Steps[1])
}

// TestStepsAreTickedByWhatIsStored plays an incident from the first run to the end.
func TestStepsAreTickedByWhatIsStored(t *testing.T) {
	const m = time.Minute
	i := declared()
	stop := repair(6, "applied", m, 2*m)
	stop.Check, stop.Mode = "writers", "read-only"
	failing := []incidents.Checked{checked("orphaned-orders", ran{m, check.Fail, 30})}
	passing := []incidents.Checked{checked("orphaned-orders", ran{m, check.Fail, 30}, ran{20 * m, check.Pass, 0})}
	for _, tt := range []struct {
		name string
		v    incidents.View
		want string
	}{
		{"nothing yet", incidents.View{}, ""},
		{"a run found something", incidents.View{Checks: failing}, "measure first-bad"},
		{"writers were stopped", incidents.View{Checks: failing, Repairs: []incidents.Repair{stop}}, "contain measure first-bad"},
		{"a fix was asked for", incidents.View{Checks: failing, Repairs: []incidents.Repair{stop, repair(7, "waiting", 5*m, 0)}}, "contain measure first-bad choose"},
		{"it was approved", incidents.View{Checks: failing, Repairs: []incidents.Repair{stop, repair(7, "applying", 5*m, 0)}}, "contain measure first-bad choose approve"},
		{"it was applied", incidents.View{Checks: failing, Repairs: []incidents.Repair{stop, repair(7, "applied", 5*m, 9*m)}}, "contain measure first-bad choose approve apply"},
		{"the checks pass", incidents.View{Checks: passing, Repairs: []incidents.Repair{stop, repair(7, "applied", 5*m, 9*m)}}, "contain measure first-bad choose approve apply verify"},
	} {
		v := tt.v
		v.Incident, v.Now = i, opened.Add(25*m)
		i, _, _ = incidents.Tick(v, movesWords(), whoIsIn)
		var done []string
		for _, s := range i.Steps {
			if s.State == incidents.Ticked {
				done = append(done, s.Name)
			}
		}
		same(t, tt.name, tt.want, strings.Join(done, " "))
	}
	same(t, "status", incidents.Monitoring, i.Status)
}

// TestAStepIsDoneOnlyIfItsRunDidIt: that a run is over says nothing; what came of it does.
func TestAStepIsDoneOnlyIfItsRunDidIt(t *testing.T) {
	for _, tt := range []struct {
		name, step string
		ended      map[int64]incidents.Ended
		state      incidents.StepState
		note       string
	}{
		{"it is under way", "cause", nil, incidents.Running, ""},
		{"another run is over", "cause", map[int64]incidents.Ended{1044: {State: check.Done}}, incidents.Running, ""},
		{"a look", "cause", map[int64]incidents.Ended{1043: {State: check.Done}}, incidents.Ticked, ""},
		{"changes", "first-bad", map[int64]incidents.Ended{1043: {State: check.Done}}, incidents.Ticked, ""},
		{"it was stopped", "cause", map[int64]incidents.Ended{1043: {State: check.Stopped}}, incidents.Todo, "R-1043: it was stopped"},
		{"it gave up", "first-bad", map[int64]incidents.Ended{1043: {State: check.Failed}}, incidents.Todo, "R-1043: it could not be finished"},
		{"measured: something is wrong", "measure", map[int64]incidents.Ended{1043: {State: check.Done, Verdict: check.Fail}}, incidents.Ticked, ""},
		{"measured: nobody knows", "measure", map[int64]incidents.Ended{1043: {State: check.Done, Verdict: check.Unknown}}, incidents.Todo, "R-1043: UNKNOWN"},
		{"verified", "verify", map[int64]incidents.Ended{1043: {State: check.Done, Verdict: check.Pass}}, incidents.Ticked, ""},
		{"verified: something is wrong", "verify", map[int64]incidents.Ended{1043: {State: check.Done, Verdict: check.Fail}}, incidents.Todo, "R-1043: FAIL"},
		{"verified: nobody knows", "verify", map[int64]incidents.Ended{1043: {State: check.Done, Verdict: check.Unknown}}, incidents.Todo, "R-1043: UNKNOWN"},
		{"verified: nothing was looked at", "verify", map[int64]incidents.Ended{1043: {State: check.Done}}, incidents.Todo, "R-1043: it checked nothing"},
		{"who writes was looked at", "contain", map[int64]incidents.Ended{1043: {State: check.Done}}, incidents.Todo, "R-1043: it only looked; stopping the writers is a plan of its own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := moved(t)(declared().BeginStep(after(0), tt.step, 1043))
			v := incidents.View{Incident: i, Ended: tt.ended, Now: opened.Add(time.Minute)}
			out, e, did := incidents.Tick(v, movesWords(), whoIsIn)
			same(t, "it moved", tt.state != incidents.Running, did)
			for _, s := range out.Steps {
				if s.Name == tt.step {
					same(t, "step", []any{tt.state, tt.note, int64(1043), "U2BOB"}, []any{s.State, s.Note, s.Run, s.By})
				}
			}
			if did {
				same(t, "event", "incident.step", actions(e))
			}
			v.Incident = out
			if _, e, did := incidents.Tick(v, movesWords(), whoIsIn); did {
				t.Errorf("and it moves again: %s", actions(e))
			}
		})
	}
}

func TestTheCauseIsFoundWhenItIsSaid(t *testing.T) {
	i := moved(t)(declared().SetStatus(after(time.Minute), incidents.Identified))
	if out, _, did := incidents.Tick(incidents.View{Incident: i, Now: opened.Add(2 * time.Minute)}, movesWords(), whoIsIn); did {
		t.Errorf("a status alone ticks the step: %+v", out.Steps[3])
	}
}

func TestAStepThatIsToBeDoneAgainIsNotTickedByOldFacts(t *testing.T) {
	ok := moved(t)
	v := incidents.View{Incident: declared(), Now: opened.Add(2 * time.Minute), Checks: []incidents.Checked{checked("order-totals", ran{time.Minute, check.Fail, 3})}}
	i, _, _ := incidents.Tick(v, movesWords(), whoIsIn)
	v.Incident = ok(i.ReopenStep(after(3*time.Minute), "measure"))
	if out, _, did := incidents.Tick(v, movesWords(), whoIsIn); did {
		t.Errorf("it was ticked again: %+v", out.Steps[1])
	}
	v.Checks = []incidents.Checked{checked("order-totals", ran{time.Minute, check.Fail, 3}, ran{4 * time.Minute, check.Fail, 4})}
	out, _, _ := incidents.Tick(v, movesWords(), whoIsIn)
	same(t, "a new run ticks it", incidents.Ticked, out.Steps[1].State)
}

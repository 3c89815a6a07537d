package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/store"
)

// found is a finding of a check that took a minute.
func found(name string, verdict check.Verdict, rows int64, started time.Time) check.Finding {
	return check.Finding{
		Check: name, Verdict: verdict, Started: started, Duration: time.Minute, Result: check.Result{Scanned: 1000, Says: "o-17 is wrong"},
		Tally: check.Tally{Rows: rows, Money: map[string]decimal.Decimal{"USD": decimal.New(rows, 0)}, First: noon.Add(-time.Hour), Examples: []check.Example{{Values: []string{"o-17"}}}},
	}
}

// ended asks for a run and ends it with what it found.
func ended(t testing.TB, s *store.Store, change func(*check.Order), findings ...check.Finding) int64 {
	t.Helper()
	run := askedFor(t, s, change)
	concluded(t, s, run, check.Done, findings...)
	return run
}

// askedFor asks for a run.
func askedFor(t testing.TB, s *store.Store, change func(*check.Order)) int64 {
	t.Helper()
	o := order(0, "a", "b")
	change(o)
	_, err := s.Record(t.Context(), fmt.Sprintf("test-%d", recorded.Add(1)), true, func(n int64) commands.Intent {
		o.ID = n
		return commands.Intent{Run: o, Events: []audit.Event{event("check")}}
	})
	must(t, err)
	return o.ID
}

// concluded begins a run and ends it with what it found.
func concluded(t testing.TB, s *store.Store, run int64, state check.RunState, findings ...check.Finding) {
	t.Helper()
	c := claim(t, s, run, "one")
	end := c.Run
	end.State, end.Findings = state, findings
	must(t, s.Conclude(t.Context(), c.Epoch, end, nil, []audit.Event{event("check.run")}))
}

func asked(*check.Order) {}

// wantMeasure is a measure as it is expected, of a process whose clock is right.
func wantMeasure(run int64, verdict check.Verdict, rows int64, began time.Time) incidents.Measure {
	return incidents.Measure{
		Run: run, Verdict: verdict, Rows: rows, Of: 1000, Money: map[string]decimal.Decimal{"USD": decimal.New(rows, 0)},
		First: noon.Add(-time.Hour), Began: began, Started: began, At: began.Add(time.Minute),
	}
}

func TestTheViewMeasures(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	elsewhere := func(o *check.Order) { o.Channel = "C9" }
	ranAt := func(began time.Duration, change func(*check.Order), verdicts ...check.Finding) int64 {
		clock = noon.Add(began)
		for n := range verdicts {
			verdicts[n].Started = clock
		}
		return ended(t, s, change, verdicts...)
	}
	under := ranAt(0, elsewhere, found("a", check.Fail, 10, noon))
	ranAt(time.Minute, elsewhere, found("a", check.Fail, 99, noon))
	i := declared(t, s, "orders", "C1")
	i.Run = under
	must(t, record(t, s, change(i)))
	ranAt(2*time.Minute, func(o *check.Order) { o.Options.Since = time.Hour }, found("a", check.Pass, 0, noon))
	ranAt(3*time.Minute, func(o *check.Order) { o.Options.Match = "order:*" }, found("b", check.Pass, 0, noon))
	late := askedFor(t, s, asked)
	early := ranAt(5*time.Minute, asked, found("a", check.Fail, 30, noon), found("b", check.Fail, 3, noon))
	clock = noon.Add(10 * time.Minute)
	concluded(t, s, late, check.Done, found("b", check.Pass, 0, clock), found("a", check.Fail, 30, clock))
	passed := ranAt(20*time.Minute, asked, found("a", check.Pass, 0, noon))
	unknown := ranAt(30*time.Minute, asked, found("a", check.Unknown, 0, noon))
	open := ask(t, s, "open", "a")

	v, err := s.IncidentView(t.Context(), i.ID)
	must(t, err)
	after := noon.Add
	want := []incidents.Checked{
		{
			Name: "a", First: wantMeasure(under, check.Fail, 10, after(0)), Last: wantMeasure(unknown, check.Unknown, 0, after(30*time.Minute)),
			Failed: wantMeasure(late, check.Fail, 30, after(10*time.Minute)), Passed: wantMeasure(passed, check.Pass, 0, after(20*time.Minute)),
			Grew: after(6 * time.Minute),
		},
		{
			Name: "b", First: wantMeasure(early, check.Fail, 3, after(5*time.Minute)), Last: wantMeasure(late, check.Pass, 0, after(10*time.Minute)),
			Failed: wantMeasure(early, check.Fail, 3, after(5*time.Minute)), Passed: wantMeasure(late, check.Pass, 0, after(10*time.Minute)),
		},
	}
	if diff := cmp.Diff(want, v.Checks); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]incidents.Underway{{Run: open, Title: "Orders", By: "U1", Since: order(0).AskedAt}}, v.Runs); diff != "" {
		t.Errorf("under way (-want +got):\n%s", diff)
	}
}

// The clock of a process that measures is fast: by it, what it read before comes last.
func TestWhatWasReadLastIsLastWhateverTheClocksSay(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	i := declared(t, s, "orders", "C1")
	fast := ended(t, s, asked, found("a", check.Pass, 0, noon.Add(30*time.Minute)))
	clock = noon.Add(time.Minute)
	ended(t, s, asked, found("a", check.Fail, 7, clock))
	v, err := s.IncidentView(t.Context(), i.ID)
	must(t, err)
	if c := v.Checks[0]; c.Last.Verdict != check.Fail || c.First.Run != fast || !c.Passed.Began.Equal(noon) || !c.Last.Began.Equal(clock) {
		t.Errorf("the last one is %s of R-%d, %+v", c.Last.Verdict, c.Last.Run, c)
	}
	if list, err := s.Incidents(t.Context(), false, 1); err != nil || list[0].Checks[0].Last.Verdict != check.Fail {
		t.Errorf("listed as %+v, %v", list, err)
	}
}

// The check with which a plan ends reads what the plan has left, so that it counts as
// read after it, although its run was begun before.
func TestTheCheckWithWhichAPlanEndsIsReadAfterIt(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	i := declared(t, s, "orders", "C1")
	p := waiting(t, s, noon.Add(time.Hour))
	run := apply(t, s, p)
	c := claim(t, s, run, "one")
	clock = noon.Add(time.Minute) // another one looks while it changes something
	ended(t, s, asked, found("a", check.Fail, 7, clock))
	clock = noon.Add(5 * time.Minute)
	must(t, s.BeginApply(t.Context(), run, c.Epoch, p.ID, nil, nil))
	applied, _, err := s.Plan(t.Context(), p.ID)
	must(t, err)
	applied.State = fix.Applied
	end := c.Run
	end.State, end.Findings = check.Done, []check.Finding{found("a", check.Pass, 0, noon)}
	must(t, s.ConcludePlan(t.Context(), c.Epoch, end, store.PlanStep{From: fix.Applying, Plan: applied}, nil, nil))
	v, err := s.IncidentView(t.Context(), i.ID)
	must(t, err)
	last := v.Checks[0].Last
	if last.Run != run || !last.Began.Equal(clock) || !v.Repairs[0].Finished.Equal(clock) {
		t.Errorf("the last one is of R-%d and began at %s; the plan ended at %s", last.Run, last.Began, v.Repairs[0].Finished)
	}
}

// apply confirms a plan; the run that applies it is queued.
func apply(t testing.TB, s *store.Store, p fix.Plan) (run int64) {
	t.Helper()
	_, err := s.Record(t.Context(), fmt.Sprintf("test-%d", recorded.Add(1)), true, func(n int64) commands.Intent {
		run = n
		o := order(n, "a")
		o.Step, o.Plan, o.Channel = check.StepApply, p.ID, "C7"
		return commands.Intent{Run: o, Decide: &fix.Transition{Plan: p.ID, From: fix.Waiting, To: fix.Approved, By: "U2", Run: n, Hash: p.Hash, Digest: p.Digest}}
	})
	must(t, err)
	return run
}

func TestTheViewKnowsHowTheRunsOfStepsEnded(t *testing.T) {
	s := open(t, database(t))
	i := declared(t, s, "orders", "C1")
	want := map[int64]incidents.Ended{}
	finish := func(state check.RunState, worst check.Verdict, verdicts ...check.Verdict) {
		var findings []check.Finding
		for n, v := range verdicts {
			findings = append(findings, found(string(rune('a'+n)), v, 0, noon))
		}
		// Where it was asked does not matter.
		run := askedFor(t, s, func(o *check.Order) { o.Channel = "C9" })
		concluded(t, s, run, state, findings...)
		i.Steps = append(i.Steps, incidents.Step{Name: "x", State: incidents.Running, Run: run})
		want[run] = incidents.Ended{State: state, Verdict: worst}
	}
	finish(check.Done, check.Pass, check.Pass, check.Pass)
	finish(check.Done, check.Fail, check.Unknown, check.Fail)
	finish(check.Done, check.Fail, check.Fail, check.Unknown)
	finish(check.Done, check.Unknown, check.Unknown, check.Pass)
	finish(check.Stopped, check.Pass, check.Pass)
	finish(check.Done, "")
	i.Steps = append(i.Steps, incidents.Step{Name: "queued", State: incidents.Running, Run: ask(t, s, "queued", "a")}, incidents.Step{Name: "none", Run: 0})
	claim(t, s, askedFor(t, s, asked), "two")
	must(t, record(t, s, change(i)))
	v, err := s.IncidentView(t.Context(), i.ID)
	must(t, err)
	if diff := cmp.Diff(want, v.Ended); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is asked all the time does not grow with the history.
func TestTheFactsAreTheViewWithoutTheHistory(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	i := declared(t, s, "orders", "C1")
	in := commands.Intent{Entries: []incidents.Entry{{Incident: i.ID, Key: "note/1", Revision: 1, At: noon}}, Notices: []incidents.Notice{noticeTo(900, i, email("a"))}}
	must(t, record(t, s, in))
	waiting(t, s, noon.Add(time.Hour))
	ended(t, s, asked, found("a", check.Fail, 7, noon))
	want, err := s.IncidentView(t.Context(), i.ID)
	must(t, err)
	if len(want.Entries) != 1 || len(want.Events) == 0 || len(want.Notices) != 1 || len(want.Repairs) != 1 {
		t.Fatalf("the view has nothing to compare: %+v", want)
	}
	want.Entries, want.Events = nil, nil
	got, err := s.IncidentFacts(t.Context(), i.ID)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := s.IncidentFacts(t.Context(), 7); !errors.Is(err, incidents.ErrNotFound) {
		t.Errorf("of what is not there: %v", err)
	}
}

// A check that was given up before it began is known since its run ended.
func TestACheckThatNeverBeganIsKnownSinceItsRunEnded(t *testing.T) {
	clock := noon.Add(time.Hour)
	s := open(t, database(t), at(&clock))
	i := declared(t, s, "orders", "C1")
	ended(t, s, asked, found("a", check.Fail, 3, noon))
	run := ended(t, s, asked, check.Finding{Check: "a", Verdict: check.Unknown, Reason: "The database did not answer."})
	v, err := s.IncidentView(t.Context(), i.ID)
	must(t, err)
	want := incidents.Measure{Run: run, Verdict: check.Unknown, Reason: "The database did not answer.", Began: clock, At: clock}
	if diff := cmp.Diff(want, v.Checks[0].Last); diff != "" {
		t.Errorf("last (-want +got):\n%s", diff)
	}
}

func TestTheListOfIncidents(t *testing.T) {
	s := open(t, database(t))
	first := over(t, s, declared(t, s, "orders", "C1"))
	second := declared(t, s, "payments", "C2")
	third := declared(t, s, "orders", "C1")
	ended(t, s, asked, found("a", check.Fail, 10, noon), found("b", check.Fail, 5, noon))
	ended(t, s, asked, found("b", check.Pass, 0, noon.Add(time.Hour)))
	fails := incidents.Checked{Name: "a", Last: incidents.Measure{Verdict: check.Fail, Rows: 10}}
	passes := incidents.Checked{Name: "b", Last: incidents.Measure{Verdict: check.Pass}}
	for name, c := range map[string]struct {
		all   bool
		limit int
		want  []string
	}{
		"those that are not over": {false, 10, []string{line(third, fails, passes), line(second)}},
		"all":                     {true, 10, []string{line(third, fails, passes), line(second), line(first)}},
		"the newest":              {true, 1, []string{line(third, fails, passes)}},
	} {
		list, err := s.Incidents(t.Context(), c.all, c.limit)
		must(t, err)
		var got []string
		for _, o := range list {
			got = append(got, line(o.Incident, o.Checks...))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func line(i incidents.Incident, checks ...incidents.Checked) string {
	says := i.Ref() + " " + string(i.Status)
	for _, c := range checks {
		says += fmt.Sprintf(", %s %s of %d", c.Name, c.Last.Verdict, c.Last.Rows)
	}
	return says
}

func TestTheViewHasRepairsWithoutRowData(t *testing.T) {
	s := open(t, database(t))
	i := declared(t, s, "orders", "C1")
	p := waiting(t, s, soon())
	exec(t, s, fmt.Sprintf(`UPDATE plans SET draft = '{"does": "end session 4711 of alice", "button": "end 1 session", "place": "production/shop", "rows": 3}' WHERE id = %d`, p.ID))
	repairs := func() []incidents.Repair {
		v, err := s.IncidentView(t.Context(), i.ID)
		must(t, err)
		return v.Repairs
	}
	want := incidents.Repair{
		ID: p.ID, Ref: p.Ref(), Check: "a", Mode: "delete", Target: "production/shop", State: "waiting", Does: "end 1 session", Rows: 3,
		AskedBy: "U1", Asked: p.AskedAt,
	}
	if diff := cmp.Diff([]incidents.Repair{want}, repairs()); diff != "" {
		t.Errorf("a plan that waits (-want +got):\n%s", diff)
	}
	exec(t, s, fmt.Sprintf(`UPDATE plans SET state = 'partly applied', decided_by = 'U2', decided_at = '%s', finished = '%s',
		outcome = '{"changed": 2, "verdict": "FAIL", "before": 3, "after": 1}' WHERE id = %d`, noon.Format(time.RFC3339), noon.Add(time.Minute).Format(time.RFC3339), p.ID))
	want.State, want.Rows, want.DecidedBy, want.Decided, want.Finished = string(fix.PartlyApplied), 2, "U2", noon, noon.Add(time.Minute)
	want.Verdict, want.Before, want.After = check.Fail, 3, 1
	if diff := cmp.Diff([]incidents.Repair{want}, repairs()); diff != "" {
		t.Errorf("one that was applied (-want +got):\n%s", diff)
	}
	plans, err := s.WaitingPlans(t.Context(), 10)
	if len(plans) != 0 || err != nil {
		t.Errorf("%d plans wait, %v", len(plans), err)
	}
}

// What belongs together is written together, and so it is seen.
func TestAViewIsOfOneMoment(t *testing.T) {
	const writers, changes = 4, 25
	stores := replicas(t, database(t))
	i := declared(t, stores[0], "orders", "C1")
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		writing.Go(func() {
			for n := range changes {
				for {
					now := stored(t, stores[w%3], i.ID)
					now.FollowUps = append(now.FollowUps, "x")
					in := change(now, now.Log("incident.followup", nil))
					in.Entries = []incidents.Entry{{Incident: i.ID, Key: fmt.Sprintf("note/%d-%d", w, n), Revision: 1, At: noon}}
					if record(t, stores[w%3], in) == nil {
						break
					}
				}
			}
		})
	}
	for _, s := range stores {
		reading.Go(func() {
			for views := 1; ; views++ {
				written := isClosed(done)
				v, err := s.IncidentView(t.Context(), i.ID)
				if err != nil {
					t.Error(err)
					return
				}
				n := len(v.Incident.FollowUps)
				if len(v.Entries) != n || len(v.Events) != n+1 || v.Incident.Version != int64(n)+1 {
					t.Errorf("%d changes, %d entries, %d events, version %d", n, len(v.Entries), len(v.Events), v.Incident.Version)
				}
				if written {
					if n != writers*changes || views < 3 {
						t.Errorf("%d changes after %d views", n, views)
					}
					return
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestTheLatestRuns(t *testing.T) {
	s := open(t, database(t))
	for n := range 4 {
		ended(t, s, asked, found("a", check.Fail, int64(n), noon))
	}
	runs, err := s.LatestRuns(t.Context(), 3)
	must(t, err)
	var got []int64
	for _, r := range runs {
		got = append(got, r.Findings[0].Tally.Rows)
	}
	if diff := cmp.Diff([]int64{3, 2, 1}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

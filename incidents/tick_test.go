package incidents_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
)

// day is an incident whose time goes on.
type day struct {
	t    *testing.T
	w    incidents.Wording
	view incidents.View
}

// at lets time be so long after 12:00, and gives what happened then.
func (d *day) at(since time.Duration) incidents.Effects {
	d.t.Helper()
	d.view.Now = opened.Add(since)
	i, e, did := incidents.Tick(d.view, d.w, whoIsIn)
	if !did && (len(e.Posts) > 0 || len(e.Events) > 0 || e.Run) {
		d.t.Error("nothing moved, and yet there are effects")
	}
	d.view.Incident = again(d.t, i)
	return e
}

func actions(e incidents.Effects) string {
	var out []string
	for _, a := range e.Events {
		out = append(out, a.Action)
	}
	return strings.Join(out, " ")
}

func TestALeadIsRemindedOnceAndThenTheNextLevelIsCalled(t *testing.T) {
	var b strings.Builder
	d := day{t: t, w: movesWords(), view: incidents.View{Incident: moved(t)(declared().Claim(after(0)))}}
	show := func(name string, e incidents.Effects) {
		fmt.Fprintf(&b, "=== %s\n%s%s", name, events(e.Events), texts(e.Posts))
	}
	same(t, "before it is due", "", actions(d.at(30*time.Minute-time.Second)))
	show("12:30", d.at(30*time.Minute))
	same(t, "it is reminded of once", "", actions(d.at(30*time.Minute+30*time.Second)))
	same(t, "and again not", "", actions(d.at(39*time.Minute)))
	show("12:40", d.at(40*time.Minute))
	same(t, "one call for a due time", "", actions(d.at(45*time.Minute)))
	d.view.Incident.Lead = ""
	d.view.Incident = moved(t)(d.view.Incident.Acknowledge(after(46 * time.Minute)))
	show("13:00, nobody leads", d.at(60*time.Minute))
	golden(t, "moves-reminders.golden", b.String())
}

func TestAfterAnOutageOnlyWhatIsDueNowIsRemindedOf(t *testing.T) {
	d := day{t: t, w: movesWords(), view: incidents.View{Incident: declared()}}
	e := d.at(9 * time.Hour)
	same(t, "one for each audience, and the lead gets the grace", "incident.remind incident.remind", actions(e))
	same(t, "no call yet", "", actions(d.at(9*time.Hour+9*time.Minute)))
	same(t, "one call for both", "incident.page", actions(d.at(9*time.Hour+10*time.Minute)))
}

func TestAnOverdueUpdateMovesARunningCallOn(t *testing.T) {
	i, _, err := incidents.Escalate(declared(), movesWords(), after(34*time.Minute), "L1", "", whoIsIn)
	d := day{t: t, w: movesWords(), view: incidents.View{Incident: moved(t)(i, err)}}
	d.at(30 * time.Minute)
	same(t, "the next level", "incident.page", actions(d.at(40*time.Minute)))
	same(t, "L2", 1, d.view.Incident.Escalation.At)
	same(t, "once", "", actions(d.at(41*time.Minute)))
}

func TestAtOneMomentOneLevelIsCalled(t *testing.T) {
	i, _, err := incidents.Escalate(declared(), movesWords(), after(30*time.Minute), "L1", "", whoIsIn)
	d := day{t: t, w: movesWords(), view: incidents.View{Incident: moved(t)(i, err)}}
	d.at(30 * time.Minute)
	same(t, "L1 had its time, and the update is overdue", "incident.page", actions(d.at(40*time.Minute)))
	same(t, "L2, not L3", 1, d.view.Incident.Escalation.At)
}

func TestASnoozedClockRemindsAtItsNewTime(t *testing.T) {
	d := day{t: t, w: movesWords(), view: incidents.View{Incident: declared()}}
	d.at(30 * time.Minute)
	d.view.Incident = moved(t)(d.view.Incident.Snooze(after(31*time.Minute), "executives", d.w.Rules))
	same(t, "no call for what was put off", "", actions(d.at(45*time.Minute)))
	e := d.at(46 * time.Minute)
	same(t, "a reminder", "incident.remind", actions(e))
	for _, a := range e.Posts[0].Message.Actions {
		if strings.HasPrefix(a.Ref, "snooze") {
			t.Error("what was put off once offers to put it off again")
		}
	}
}

func TestAnAudienceThatIsNotKnownAnyMoreIsNotRemindedOf(t *testing.T) {
	w := movesWords()
	w.Rules.Audiences = w.Rules.Audiences[1:]
	d := day{t: t, w: w, view: incidents.View{Incident: declared()}}
	same(t, "executives are gone", "", actions(d.at(45*time.Minute)))
	same(t, "support is not", "incident.remind", actions(d.at(60*time.Minute)))
}

func TestMilestonesAndStatusFollowTheFacts(t *testing.T) {
	stop := repair(6, "applied", time.Minute, 2*time.Minute)
	stop.Check, stop.Mode = "writers", "scale"
	resume := repair(9, "applied", 30*time.Minute, 31*time.Minute)
	resume.Check, resume.Mode = "writers", "resume"
	d := day{t: t, w: quiet(movesWords()), view: incidents.View{Incident: declared()}}
	d.view.Checks = []incidents.Checked{checked("orphaned-orders", ran{0, check.Fail, 30})}
	var b strings.Builder
	show := func(name string, e incidents.Effects) {
		fmt.Fprintf(&b, "=== %s: %s\n%s", name, d.view.Incident.Status, events(e.Events))
	}
	show("a check fails", d.at(time.Minute))
	d.view.Repairs = []incidents.Repair{stop}
	show("writers are stopped", d.at(3*time.Minute))
	d.view.Repairs = []incidents.Repair{stop, repair(7, "approved", 4*time.Minute, 0)}
	show("a fix begins", d.at(5*time.Minute))
	d.view.Repairs = []incidents.Repair{stop, repair(7, "applied", 4*time.Minute, 6*time.Minute)}
	show("it is applied", d.at(7*time.Minute))
	d.view.Checks = []incidents.Checked{checked("orphaned-orders", ran{0, check.Fail, 30}, ran{8 * time.Minute, check.Pass, 0})}
	show("its check passes", d.at(9*time.Minute))
	d.view.Checks = []incidents.Checked{checked("orphaned-orders", ran{0, check.Fail, 30}, ran{8 * time.Minute, check.Pass, 0}, ran{10 * time.Minute, check.Pass, 0})}
	show("and passes again", d.at(11*time.Minute))
	d.view.Repairs = append(d.view.Repairs, repair(8, "applied", 12*time.Minute, 13*time.Minute))
	show("another fix is applied", d.at(14*time.Minute))
	d.view.Checks = []incidents.Checked{checked("orphaned-orders", ran{0, check.Fail, 30}, ran{15 * time.Minute, check.Pass, 0})}
	show("and its check passes", d.at(16*time.Minute))
	d.view.Repairs = append(d.view.Repairs, resume)
	show("writers are resumed", d.at(32*time.Minute))
	golden(t, "moves-facts.golden", b.String())
}

func TestWhatAPersonSaidIsNotMovedByOlderFacts(t *testing.T) {
	ok := moved(t)
	d := day{t: t, w: quiet(movesWords()), view: incidents.View{Incident: declared(), Repairs: []incidents.Repair{repair(7, "applied", 4*time.Minute, 6*time.Minute)}}}
	d.view.Checks = []incidents.Checked{checked("order-totals", ran{0, check.Fail, 3})}
	d.at(7 * time.Minute)
	same(t, "fixing", incidents.Fixing, d.view.Incident.Status)
	i := ok(d.view.Incident.SetStatus(after(8*time.Minute), incidents.Investigating))
	i = ok(i.SetMilestone(after(8*time.Minute), "fixed", opened.Add(5*time.Minute)))
	i = ok(i.SetMilestone(after(8*time.Minute), "began", opened.Add(-5*time.Minute)))
	d.view.Incident = i
	same(t, "nothing moves", "", actions(d.at(9*time.Minute)))
	d.view.Repairs = append(d.view.Repairs, repair(8, "applied", 10*time.Minute, 11*time.Minute))
	d.at(12 * time.Minute)
	same(t, "a younger fact does", []any{incidents.Fixing, opened.Add(11 * time.Minute), opened.Add(-5 * time.Minute)},
		[]any{d.view.Incident.Status, d.view.Incident.Milestones.Fixed, d.view.Incident.Milestones.Began})
	d.view.Incident = ok(d.view.Incident.SetStatus(after(13*time.Minute), incidents.Monitoring))
	d.view.Repairs = append(d.view.Repairs, repair(9, "applying", 14*time.Minute, 0))
	d.at(15 * time.Minute)
	same(t, "and it never goes back", incidents.Monitoring, d.view.Incident.Status)
}

// soaking is an incident that was resolved at 12:20 and is held until 14:20.
func soaking(t *testing.T, override string, checks ...incidents.Checked) *day {
	v := incidents.View{Incident: declared(), Checks: checks}
	v.Incident = moved(t)(incidents.Resolve(v, movesWords(), after(20*time.Minute), "done", override))
	return &day{t: t, w: movesWords(), view: v}
}

var healed = []ran{{0, check.Fail, 30}, {10 * time.Minute, check.Pass, 0}}

func TestTheChecksAreBegunAtHalfTheSoakAndAtItsEnd(t *testing.T) {
	d := soaking(t, "", checked("orphaned-orders", healed...))
	same(t, "early", "", actions(d.at(80*time.Minute-time.Second)))
	e := d.at(80 * time.Minute)
	same(t, "half", []any{"incident.soak-check", true, 0}, []any{actions(e), e.Run, len(e.Posts)})
	same(t, "once", "", actions(d.at(81*time.Minute)))
	d.view.Checks = []incidents.Checked{checked("orphaned-orders", append(healed, ran{80 * time.Minute, check.Pass, 0})...)}
	same(t, "not over", "", actions(d.at(139*time.Minute)))
	d.view.Checks = []incidents.Checked{checked("orphaned-orders", append(healed, ran{140 * time.Minute, check.Pass, 0})...)}
	same(t, "end", "incident.soak-check", actions(d.at(140*time.Minute)))
	same(t, "which is not over at the moment at which the checks begin", "", actions(d.at(140*time.Minute)))
	d.view.Runs = []incidents.Underway{{Run: 1050}}
	same(t, "a run is under way", "", actions(d.at(4*time.Hour)))
	d.view.Runs = nil
	d.view.Checks = []incidents.Checked{checked("orphaned-orders", append(healed, ran{140*time.Minute + time.Second, check.Pass, 0})...)}
	out := texts(d.at(4*time.Hour + time.Minute).Posts)
	same(t, "held", false, d.view.Incident.Held())
	same(t, "and that is all", "", actions(d.at(5*time.Hour)))
	golden(t, "moves-soak-over.golden", out)
}

func TestAfterAnOutageTheChecksOfASoakAreBegunOnce(t *testing.T) {
	d := soaking(t, "", checked("orphaned-orders", healed...))
	same(t, "end", "incident.soak-check", actions(d.at(10*time.Hour)))
	d.view.Checks = []incidents.Checked{checked("orphaned-orders", append(healed, ran{10*time.Hour + time.Second, check.Pass, 0})...)}
	same(t, "over", "incident.soak-over", actions(d.at(10*time.Hour+time.Minute)))
}

func TestAnEndWhoseChecksDoNotAnswerSaysSo(t *testing.T) {
	d := soaking(t, "", checked("orphaned-orders", healed...), checked("order-totals", ran{time.Minute, check.Pass, 0}))
	d.at(140 * time.Minute)
	d.view.Checks = []incidents.Checked{
		checked("orphaned-orders", append(healed, ran{141 * time.Minute, check.Unknown, 0})...),
		checked("order-totals", ran{time.Minute, check.Pass, 0}),
	}
	same(t, "some patience", "", actions(d.at(154*time.Minute)))
	out := texts(d.at(155 * time.Minute).Posts)
	same(t, "held", false, d.view.Incident.Held())

	none := soaking(t, "nothing can be run here")
	none.at(140 * time.Minute)
	out += texts(none.at(155 * time.Minute).Posts)

	known := soaking(t, "agreed with finance", checked("order-totals", ran{time.Minute, check.Fail, 3}))
	known.at(140 * time.Minute)
	known.view.Checks = []incidents.Checked{checked("order-totals", ran{time.Minute, check.Fail, 3}, ran{141 * time.Minute, check.Fail, 3})}
	out += texts(known.at(142 * time.Minute).Posts)
	golden(t, "moves-soak-unanswered.golden", out)
}

func TestACheckThatFailsInTheSoakOpensTheIncidentAgain(t *testing.T) {
	d := soaking(t, "", checked("orphaned-orders", healed...))
	d.view.Checks = []incidents.Checked{checked("orphaned-orders", append(healed, ran{90 * time.Minute, check.Fail, 12})...)}
	e := d.at(91 * time.Minute)
	i := d.view.Incident
	same(t, "open", []any{incidents.Investigating, 1, true, true}, []any{i.Status, i.Reopened, i.End == nil, i.Milestones.Verified.IsZero()})
	same(t, "clock", opened.Add(121*time.Minute), i.Clocks["executives"].Due)
	same(t, "once", "", actions(d.at(92*time.Minute)))
	golden(t, "moves-reopened.golden", events(e.Events)+texts(e.Posts))
}

func TestWhatWasAcceptedOpensNothingUntilItIsWorse(t *testing.T) {
	fails := []ran{{time.Minute, check.Fail, 3}, {30 * time.Minute, check.Fail, 3}}
	d := soaking(t, "agreed with finance", checked("order-totals", fails[:1]...))
	d.view.Checks = []incidents.Checked{checked("order-totals", fails...)}
	same(t, "as it was", "", actions(d.at(31*time.Minute)))
	d.view.Checks = []incidents.Checked{checked("order-totals", append(fails, ran{32 * time.Minute, check.Fail, 4})...)}
	if e := d.at(33 * time.Minute); !strings.HasPrefix(actions(e), "incident.reopen") {
		t.Errorf("worse: %s", actions(e))
	}
}

// TestAFailThatIsKnownBesideTheEndOpensItAgain holds whatever the clocks say: the view
// was read before the run ended, and the end was written after.
func TestAFailThatIsKnownBesideTheEndOpensItAgain(t *testing.T) {
	fails := ran{19 * time.Minute, check.Fail, 7}
	for _, tt := range []struct {
		name  string
		then  []ran
		again bool
	}{
		{"it failed", []ran{fails}, true},
		{"it failed, and gave no answer since", []ran{fails, {25 * time.Minute, check.Unknown, 0}}, true},
		{"it failed, and passes by now", []ran{fails, {25 * time.Minute, check.Pass, 0}}, false},
		{"it gave no answer", []ran{{19 * time.Minute, check.Unknown, 0}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := soaking(t, "", checked("orphaned-orders", healed...)) // the end: 12:20
			d.view.Checks = []incidents.Checked{checked("orphaned-orders", append(healed[:len(healed):len(healed)], tt.then...)...)}
			same(t, "opened again", tt.again, strings.HasPrefix(actions(d.at(30*time.Minute)), "incident.reopen"))
		})
	}
}

func TestARepairAfterTheEndOpensItAgain(t *testing.T) {
	fixed := repair(7, "applied", time.Minute, 2*time.Minute)
	resume := repair(8, "applied", 30*time.Minute, 31*time.Minute)
	resume.Check, resume.Mode = "writers", "resume"
	undone, undo := fixed, repair(9, "applied", 30*time.Minute, 31*time.Minute)
	undone.State, undo.Undoes = "undone", 7
	for _, tt := range []struct {
		name    string
		repairs []incidents.Repair
		again   bool
	}{
		{"as before", []incidents.Repair{fixed}, false},
		{"a plan that waits", []incidents.Repair{fixed, repair(8, "waiting", 0, 0)}, false},
		{"writers are let on", []incidents.Repair{fixed, resume}, false},
		{"one is being carried out", []incidents.Repair{fixed, repair(8, "applying", 0, 0)}, true},
		{"one was, in no time", []incidents.Repair{fixed, repair(8, "applied", 0, 21*time.Minute)}, true},
		{"the fix was taken back", []incidents.Repair{undone, undo}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := incidents.View{Incident: declared(), Checks: []incidents.Checked{checked("orphaned-orders", healed...)}, Repairs: []incidents.Repair{fixed}}
			v.Incident = moved(t)(incidents.Resolve(v, movesWords(), after(20*time.Minute), "done", ""))
			d := &day{t: t, w: movesWords(), view: v}
			d.view.Repairs = tt.repairs
			same(t, "opened again", tt.again, strings.HasPrefix(actions(d.at(32*time.Minute)), "incident.reopen"))
		})
	}
}

// TestASoakWaitsOnlyForWhatIsRunInIt: the checks of other data, which were run for the
// incident by hand, are not begun.
func TestASoakWaitsOnlyForWhatIsRunInIt(t *testing.T) {
	writers := checked("writers", ran{time.Minute, check.Pass, 0})
	d := soaking(t, "", checked("orphaned-orders", healed...), writers)
	d.at(140 * time.Minute)
	d.view.Checks = []incidents.Checked{checked("orphaned-orders", append(healed[:2:2], ran{140 * time.Minute, check.Pass, 0})...), writers}
	e := d.at(141 * time.Minute)
	same(t, "over", "incident.soak-over", actions(e))
	golden(t, "moves-soak-others.golden", texts(e.Posts))
}

func TestWhatOpensAResolvedOneAgainIsSaid(t *testing.T) {
	one, two := checked("order-totals", ran{time.Minute, check.Fail, 3}), checked("orphaned-orders", ran{time.Minute, check.Fail, 3})
	for _, tt := range []struct {
		name string
		day  *day
		want string
	}{
		{"all is well", soaking(t, "", checked("orphaned-orders", healed...)), "a check that fails"},
		{"one failed still", soaking(t, "agreed with finance", one), "a check that did not fail then, or the one that did, Order totals, if it finds more"},
		{"two failed still", soaking(t, "agreed with finance", one, two), "a check that did not fail then, or one of the 2 that did, if it finds more"},
	} {
		same(t, tt.name, tt.want, incidents.Reopens(tt.day.view.Incident, movesWords()))
	}
}

// TestALateUpdateIsNotForgottenWhileTheLastLevelIsCalled: there is no next level to call,
// so the first is called again when nobody came.
func TestALateUpdateIsNotForgottenWhileTheLastLevelIsCalled(t *testing.T) {
	i, _, err := incidents.Escalate(declared(), movesWords(), after(20*time.Minute), "data", "", whoIsIn)
	d := day{t: t, w: movesWords(), view: incidents.View{Incident: moved(t)(i, err)}}
	d.at(30 * time.Minute)
	same(t, "the last level is being called", "", actions(d.at(40*time.Minute)))
	same(t, "nobody came: the first level", "incident.page-over incident.page", actions(d.at(50*time.Minute)))
	same(t, "L1", "L1", d.view.Incident.Escalation.Levels[0].Level)
	same(t, "once", "", actions(d.at(51*time.Minute)))
}

func TestAnAlertInTheSoakHasTheChecksRun(t *testing.T) {
	d := soaking(t, "", checked("orphaned-orders", healed...))
	d.view.Incident, _ = d.view.Incident.Alerted(incidents.Fired{Fingerprint: "f", Name: "A", Firing: true, Since: opened.Add(30 * time.Minute)}, d.w)
	same(t, "at once", "incident.soak-check", actions(d.at(31*time.Minute)))
	same(t, "once", "", actions(d.at(32*time.Minute)))
	same(t, "and at half of it as ever", "incident.soak-check", actions(d.at(80*time.Minute)))
}

func TestNothingMovesAnIncidentThatIsClosed(t *testing.T) {
	declined := moved(t)(incidents.Decline(incidents.View{Incident: declared()}, movesWords(), after(time.Minute), "a drill", ""))
	d := day{t: t, w: movesWords(), view: incidents.View{Incident: declined, Checks: []incidents.Checked{checked("order-totals", ran{time.Hour, check.Fail, 3})}}}
	same(t, "declined", "", actions(d.at(100*time.Hour)))
}

func TestWhomSlackDoesNotNameIsAskedForAgain(t *testing.T) {
	silent := func(string) ([]string, error) { return nil, errors.New("slack: ratelimited") }
	w := movesWords()
	w.Rules.Levels = w.Rules.Levels[:1]
	v := incidents.View{Incident: declared(), Now: opened.Add(30 * time.Minute)}
	v.Incident, _, _ = incidents.Tick(v, w, silent)
	v.Now = opened.Add(40 * time.Minute)
	if _, e, did := incidents.Tick(v, w, silent); did {
		t.Errorf("%s: though Slack may answer in a moment", actions(e))
	}
	_, e, _ := incidents.Tick(v, w, whoIsIn)
	same(t, "it answers", "incident.page", actions(e))
	v.Now = opened.Add(50 * time.Minute)
	_, e, _ = incidents.Tick(v, w, silent)
	same(t, "it does not in time: everybody can see it", "incident.page-empty incident.page-over", actions(e))
}

func TestAnAlertThatFlapsInTheSoakDoesNotHaveTheChecksRunAllTheTime(t *testing.T) {
	d := soaking(t, "", checked("orphaned-orders", healed...))
	begun := 0
	for n := 21; n < 139; n++ { // it ends and fires again every minute
		at := opened.Add(time.Duration(n) * time.Minute)
		d.view.Incident, _ = d.view.Incident.Alerted(incidents.Fired{Fingerprint: "f", Since: at.Add(-time.Minute), Until: at.Add(-time.Second)}, d.w)
		d.view.Incident, _ = d.view.Incident.Alerted(incidents.Fired{Fingerprint: "f", Firing: true, Since: at}, d.w)
		if d.at(time.Duration(n) * time.Minute).Run {
			begun++
		}
	}
	same(t, "in two hours: every 15 min, and once at half of it", 8, begun)
}

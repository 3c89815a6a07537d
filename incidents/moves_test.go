package incidents_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

// busy is an incident in the middle of things: every map and slice holds something.
func busy(t *testing.T) incidents.Incident {
	ok := moved(t)
	w := movesWords()
	i := declared()
	i, _ = i.Alerted(incidents.Fired{Fingerprint: "f1", Name: "DataInconsistencyDetected", Firing: true, Since: opened}, w)
	i = ok(i.Claim(after(time.Minute)))
	i = ok(i.SetStatus(after(2*time.Minute), incidents.Fixing))
	i = ok(i.FollowUp(after(3*time.Minute), "add the foreign key"))
	i, _, err := incidents.Escalate(i, w, after(4*time.Minute), "L1", "", whoIsIn)
	i, _, err = incidents.Escalate(ok(i, err), w, after(4*time.Minute), "L2", "", whoIsIn)
	i = ok(i, err)
	i.Also, i.Paused = []int64{900}, map[string]incidents.Clock{"responders": {Every: time.Hour, Due: opened.Add(time.Hour)}}
	i = i.Sent(incidents.Notice{Template: "opened", At: opened.Add(5 * time.Minute), By: "U2BOB", Letters: []incidents.Letter{{Audience: "support", To: []incidents.Destination{{Kind: incidents.ToChannel, To: "C9"}}}}})
	i.Links = map[string]string{"Dashboard": "https://example.com"}
	i.Room.Trouble["topic"] = "The topic could not be set."
	return i
}

// TestNoMoveChangesWhatItWasMadeFrom holds for every move: an incident is a value.
func TestNoMoveChangesWhatItWasMadeFrom(t *testing.T) {
	w := movesWords()
	m := after(20 * time.Minute)
	ok := moved(t)
	ended := ok(incidents.Resolve(incidents.View{Incident: busy(t), Checks: []incidents.Checked{checked("order-totals", ran{0, check.Fail, 3})}}, w, m, "done", "accepted by finance"))
	running := ok(busy(t).BeginStep(m, "measure", 1043))
	skipped := ok(busy(t).SkipStep(m, "apply", "nothing to apply"))
	for _, tt := range []struct {
		name string
		from incidents.Incident
		move func(incidents.Incident) (incidents.Incident, error)
	}{
		{"severity", busy(t), func(i incidents.Incident) (incidents.Incident, error) { return i.SetSeverity(m, incidents.P1, w.Rules) }},
		{"status", busy(t), func(i incidents.Incident) (incidents.Incident, error) { return i.SetStatus(m, incidents.Monitoring) }},
		{"lead", busy(t), func(i incidents.Incident) (incidents.Incident, error) { return i.SetLead(m, "") }},
		{"claim", declared(), func(i incidents.Incident) (incidents.Incident, error) { return i.Claim(m) }},
		{"cause", busy(t), func(i incidents.Incident) (incidents.Incident, error) { return i.SetCause(m, "rollout 41") }},
		{"milestone", busy(t), func(i incidents.Incident) (incidents.Incident, error) { return i.SetMilestone(m, "contained", opened) }},
		{"follow-up", busy(t), func(i incidents.Incident) (incidents.Incident, error) { return i.FollowUp(m, "alert on lag") }},
		{"decline", busy(t), func(i incidents.Incident) (incidents.Incident, error) {
			return incidents.Decline(incidents.View{Incident: i}, w, m, "none", "")
		}},
		{"snooze", busy(t), func(i incidents.Incident) (incidents.Incident, error) { return i.Snooze(m, "", w.Rules) }},
		{"next", busy(t), func(i incidents.Incident) (incidents.Incident, error) {
			return i.TellNext(m, "support", m.At.Add(time.Hour))
		}},
		{"sent", busy(t), func(i incidents.Incident) (incidents.Incident, error) {
			return i.Sent(incidents.Notice{Template: "update", At: m.At, Letters: []incidents.Letter{{Audience: "executives"}, {Audience: "support"}}}), nil
		}},
		{"all clear", busy(t), func(i incidents.Incident) (incidents.Incident, error) {
			return i.Sent(incidents.Notice{Template: "all-clear", At: m.At, Letters: []incidents.Letter{{Audience: "executives"}}}), nil
		}},
		{"alert", busy(t), func(i incidents.Incident) (incidents.Incident, error) {
			out, _ := i.Alerted(incidents.Fired{Fingerprint: "f2", Firing: true, Since: m.At}, w)
			return out, nil
		}},
		{"begin a step", busy(t), func(i incidents.Incident) (incidents.Incident, error) { return i.BeginStep(m, "measure", 1043) }},
		{"tick a step", running, func(i incidents.Incident) (incidents.Incident, error) { return i.TickStep(m, "measure") }},
		{"skip a step", busy(t), func(i incidents.Incident) (incidents.Incident, error) { return i.SkipStep(m, "approve", "no fix") }},
		{"own a step", busy(t), func(i incidents.Incident) (incidents.Incident, error) { return i.OwnStep(m, "cause", "U3DAVE") }},
		{"reopen a step", skipped, func(i incidents.Incident) (incidents.Incident, error) { return i.ReopenStep(m, "apply") }},
		{"resolve", busy(t), func(i incidents.Incident) (incidents.Incident, error) {
			return incidents.Resolve(incidents.View{Incident: i}, w, m, "done", "nothing can be run here")
		}},
		{"reopen", ended, func(i incidents.Incident) (incidents.Incident, error) { return i.Reopen(m, "wrong again", w.Rules) }},
		{"acknowledge", busy(t), func(i incidents.Incident) (incidents.Incident, error) { return i.Acknowledge(m) }},
		{"escalate", busy(t), func(i incidents.Incident) (incidents.Incident, error) {
			out, _, err := incidents.Escalate(i, w, m, "data", "", whoIsIn)
			return out, err
		}},
		{"merge from", busy(t), func(i incidents.Incident) (incidents.Incident, error) {
			other := declared()
			other.ID = 13
			from, _, err := incidents.Merge(incidents.View{Incident: i}, m, other)
			return from, err
		}},
		{"merge into", busy(t), func(i incidents.Incident) (incidents.Incident, error) {
			other := busy(t)
			other.ID = 13
			_, into, err := incidents.Merge(incidents.View{Incident: other}, m, i)
			return into, err
		}},
		{"time", busy(t), func(i incidents.Incident) (incidents.Incident, error) {
			out, _, did := incidents.Tick(incidents.View{Incident: i, Now: opened.Add(24 * time.Hour)}, w, whoIsIn)
			if !did {
				return i, errors.New("nothing moved")
			}
			return out, nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := again(t, tt.from)
			out := ok(tt.move(tt.from))
			same(t, "what it was made from", before, again(t, tt.from))
			if fmt.Sprint(again(t, out)) == fmt.Sprint(before) {
				t.Error("nothing moved")
			}
			scribble(out)
			same(t, "what it was made from, after the result was changed", before, again(t, tt.from))
		})
	}
}

// scribble changes everything that the incident refers to.
func scribble(i incidents.Incident) {
	for k := range i.Alerts {
		i.Alerts[k] = incidents.Alert{Name: "?"}
	}
	for k := range i.Clocks {
		i.Clocks[k] = incidents.Clock{Every: 1}
	}
	for k := range i.Told {
		i.Told[k] = 99
	}
	for k := range i.Links {
		i.Links[k] = "?"
	}
	for k := range i.Said {
		i.Said[k] = time.Time{}
	}
	for k := range i.Room.Done {
		i.Room.Done[k] = time.Time{}
	}
	for k := range i.Room.Trouble {
		i.Room.Trouble[k] = "?"
	}
	for n := range i.Steps {
		i.Steps[n] = incidents.Step{Name: "?"}
	}
	for n := range i.FollowUps {
		i.FollowUps[n] = "?"
	}
	for n := range i.Also {
		i.Also[n] = 99
	}
	for k, u := range i.Untold {
		if u.Was != nil {
			u.Was.Every = 1
		}
		i.Untold[k] = incidents.Untold{}
	}
	for k := range i.Paused {
		i.Paused[k] = incidents.Clock{Every: 1}
	}
	for _, e := range i.Paged {
		e.Levels[0].People[0], e.Levels[0].Level = "?", "?"
	}
	if e := i.Escalation; e != nil {
		for n := range e.Levels {
			for k := range e.Levels[n].People {
				e.Levels[n].People[k] = "?"
			}
			e.Levels[n].Level = "?"
		}
		e.N = 99
	}
	if i.End != nil {
		for k := range i.End.Failing {
			i.End.Failing[k] = 99
		}
		for k := range i.End.Known {
			i.End.Known[k] = 99
		}
		i.End.Says = "?"
	}
}

// TestARefusedMoveSaysWhatWorksInstead keeps every refusal as people read it.
func TestARefusedMoveSaysWhatWorksInstead(t *testing.T) {
	w := movesWords()
	m := after(20 * time.Minute)
	ok := moved(t)
	i := ok(declared().Claim(after(time.Minute)))
	i = ok(i.FollowUp(m, "add the foreign key"))
	i = ok(i.SetCause(m, "rollout 41"))
	i = ok(i.BeginStep(after(time.Minute), "measure", 1043))
	i = ok(i.TickStep(m, "first-bad"))
	i = ok(i.SkipStep(m, "contain", "nothing writes"))
	view := incidents.View{Incident: i}
	resolved := ok(incidents.Resolve(view, w, m, "", "nothing can be run here"))
	closed := resolved.Clone()
	closed.End.Soak = time.Time{}
	declined := ok(incidents.Decline(view, w, m, "a drill", ""))
	other := declared()
	other.ID, other.Key = 13, "cache"
	drill := other
	drill.Drill = true
	merged, _, err := incidents.Merge(view, m, other)
	merged = ok(merged, err)
	calling, _, err := incidents.Escalate(i, w, m, "L2", "", whoIsIn)
	calling = ok(calling, err)
	came := ok(calling.Acknowledge(m))
	snoozed := ok(i.Snooze(m, "support", w.Rules))
	active := []incidents.Repair{repair(7, "applying", 0, 0)}
	long := strings.Repeat("x", 1001)
	never := w.Rules
	never.Snooze = 0

	var b strings.Builder
	refuse := func(name string, _ incidents.Incident, err error) {
		t.Helper()
		b.WriteString(name + ":\n    " + refused(t, err) + "\n")
	}
	say := func(name string) func(incidents.Incident, error) {
		return func(out incidents.Incident, err error) { t.Helper(); refuse(name, out, err) }
	}
	three := func(name string, e error) { t.Helper(); refuse(name, i, e) }

	say("severity: none of them")(i.SetSeverity(m, "P7", w.Rules))
	say("severity: as it is")(i.SetSeverity(m, incidents.P0, w.Rules))
	say("severity: resolved")(resolved.SetSeverity(m, incidents.P1, w.Rules))
	say("severity: closed")(closed.SetSeverity(m, incidents.P1, w.Rules))
	say("severity: declined")(declined.SetSeverity(m, incidents.P1, w.Rules))
	say("severity: merged")(merged.SetSeverity(m, incidents.P1, w.Rules))
	say("status: none of them")(i.SetStatus(m, "done"))
	say("status: as it is")(i.SetStatus(m, incidents.Identified))
	say("status: an end, resolved")(i.SetStatus(m, incidents.Resolved))
	say("status: an end, declined")(i.SetStatus(m, incidents.Declined))
	say("status: an end, merged")(i.SetStatus(m, incidents.Merged))
	say("status: resolved before")(resolved.SetStatus(m, incidents.Fixing))
	say("lead: the lead")(i.SetLead(m, "U2BOB"))
	say("lead: nobody, twice")(other.SetLead(m, ""))
	say("lead: resolved")(resolved.SetLead(m, "U1ALICE"))
	say("claim: twice")(i.Claim(m))
	say("claim: somebody else leads")(i.Claim(incidents.Move{By: "U1ALICE", At: m.At}))
	say("claim: nobody")(other.Claim(incidents.Move{At: m.At}))
	say("cause: none")(i.SetCause(m, "  "))
	say("cause: too long")(i.SetCause(m, long))
	say("cause: known")(i.SetCause(m, "rollout 41"))
	say("cause: declined")(declined.SetCause(m, "x"))
	say("milestone: none of them")(i.SetMilestone(m, "lunch", opened))
	say("milestone: resolved")(i.SetMilestone(m, "resolved", opened))
	say("milestone: in the future")(i.SetMilestone(m, "fixed", m.At.Add(time.Second)))
	say("milestone: no time")(i.SetMilestone(m, "fixed", time.Time{}))
	say("milestone: known")(i.SetMilestone(m, "detected", opened))
	say("milestone: began after it was detected")(i.SetMilestone(m, "began", opened.Add(time.Minute)))
	say("milestone: fixed after it was resolved")(resolved.SetMilestone(after(time.Hour), "fixed", m.At.Add(time.Minute)))
	say("follow-up: none")(i.FollowUp(m, ""))
	say("follow-up: known")(i.FollowUp(m, "add the foreign key"))
	say("snooze: whom nothing is due for")(i.Snooze(m, "responders", w.Rules))
	say("snooze: twice")(snoozed.Snooze(m, "support", w.Rules))
	say("snooze: not possible")(i.Snooze(m, "support", never))
	say("snooze: no clock at all")(incidents.Incident{ID: 5}.Snooze(m, "", w.Rules))
	say("snooze: resolved")(resolved.Snooze(m, "", w.Rules))
	say("next: in the past")(i.TellNext(m, "support", opened))
	say("next: next year")(i.TellNext(m, "support", opened.AddDate(1, 0, 0)))
	say("next: whom nothing is due for")(i.TellNext(m, "customers", m.At.Add(time.Hour)))
	say("step: none of them")(i.TickStep(m, "lunch"))
	say("step: begun by somebody")(i.BeginStep(m, "measure", 1044))
	say("step: begin what is done")(i.BeginStep(m, "first-bad", 1044))
	say("step: done twice")(i.TickStep(m, "first-bad"))
	say("step: skip without a reason")(i.SkipStep(m, "apply", ""))
	say("step: skip what is done")(i.SkipStep(m, "first-bad", "no need"))
	say("step: skip what is under way")(i.SkipStep(m, "measure", "no need"))
	say("step: skip twice")(i.SkipStep(m, "contain", "nothing writes"))
	say("step: nobody's already")(i.OwnStep(m, "apply", ""))
	say("step: reopen what is to be done")(i.ReopenStep(m, "apply"))
	say("step: resolved")(resolved.TickStep(m, "apply"))
	say("decline: no reason")(incidents.Decline(view, w, m, "", ""))
	under := incidents.View{Incident: i, Repairs: active}
	say("decline: a fix is under way")(incidents.Decline(under, w, m, "a drill", "because I say so, really"))
	say("decline: a plan waits")(incidents.Decline(incidents.View{Incident: i, Repairs: []incidents.Repair{repair(7, "waiting", 0, 0)}}, w, m, "a drill", "because I say so, really"))
	say("decline: a plan is worked out")(incidents.Decline(incidents.View{Incident: i, Repairs: []incidents.Repair{repair(7, "planning", 0, 0)}}, w, m, "a drill", "because I say so, really"))
	_, _, err = incidents.Merge(view, m, i)
	three("merge: into itself", err)
	closed.ID = 14
	_, _, err = incidents.Merge(view, m, closed)
	three("merge: into one that is over", err)
	_, _, err = incidents.Merge(view, m, drill)
	three("merge: into a drill", err)
	_, _, err = incidents.Merge(under, m, other)
	three("merge: a fix is under way", err)
	say("resolve: twice")(incidents.Resolve(incidents.View{Incident: resolved}, w, m, "", ""))
	say("resolve: a fix is under way, whatever the reason")(incidents.Resolve(incidents.View{Incident: i, Repairs: active}, w, m, "", "because I say so, really"))
	failing := incidents.View{Incident: i, Checks: []incidents.Checked{checked("orphaned-orders", ran{0, check.Fail, 30}), checked("order-totals", ran{0, check.Fail, 3}, ran{time.Minute, check.Unknown, 0})}}
	say("decline: checks fail")(incidents.Decline(failing, w, m, "the test data were wrong", ""))
	say("decline: a short reason")(incidents.Decline(failing, w, m, "the test data were wrong", "because"))
	say("resolve: checks fail")(incidents.Resolve(failing, w, m, "", ""))
	say("resolve: a short reason")(incidents.Resolve(failing, w, m, "", "because"))
	say("resolve: a long reason")(incidents.Resolve(failing, w, m, "", long))
	say("reopen: open")(i.Reopen(m, "wrong again", w.Rules))
	say("reopen: no reason")(resolved.Reopen(m, "", w.Rules))
	say("reopen: closed")(closed.Reopen(m, "wrong again", w.Rules))
	say("reopen: merged")(merged.Reopen(m, "wrong again", w.Rules))
	_, _, err = incidents.Escalate(i, w, m, "L9", "", whoIsIn)
	three("escalate: no such level", err)
	_, _, err = incidents.Escalate(calling, w, m, "L1", "", whoIsIn)
	three("escalate: a lower level", err)
	_, _, err = incidents.Escalate(calling, w, m, "backend", "", whoIsIn)
	three("escalate: the same level", err)
	_, _, err = incidents.Escalate(resolved, w, m, "L1", "", whoIsIn)
	three("escalate: resolved", err)
	_, _, err = incidents.Escalate(i, incidents.Wording{}, m, "L1", "", whoIsIn)
	three("escalate: no levels at all", err)
	say("acknowledge: nobody is called")(i.Acknowledge(m))
	say("acknowledge: twice")(came.Acknowledge(m))
	golden(t, "moves-refusals.golden", b.String())
}

func TestAMoreSevereIncidentIsToldSooner(t *testing.T) {
	ok := moved(t)
	r := movesWords().Rules
	i := declared()
	at := opened.Add

	less := ok(i.SetSeverity(after(10*time.Minute), incidents.P1, r))
	same(t, "less severe: what was promised stays", map[string]incidents.Clock{
		"executives": {Every: time.Hour, Due: at(30 * time.Minute), Under: incidents.P0}, "support": {Every: time.Hour, Due: at(time.Hour), Under: incidents.P0},
	}, less.Clocks)
	same(t, "who said so", "set by a person", less.Rule)

	quiet := ok(i.SetSeverity(after(10*time.Minute), incidents.P2, r))
	same(t, "P2: only support has a clock", map[string]incidents.Clock{"support": {Every: 4 * time.Hour, Due: at(time.Hour), Under: incidents.P0}}, quiet.Clocks)

	slow := less.Sent(incidents.Notice{Template: "update", At: at(20 * time.Minute), Letters: []incidents.Letter{{Audience: "executives"}, {Audience: "support"}}})
	worse := ok(slow.SetSeverity(after(21*time.Minute), incidents.P0, r))
	same(t, "more severe: due sooner", map[string]incidents.Clock{
		"executives": {Every: 30 * time.Minute, Due: at(51 * time.Minute)}, "support": {Every: time.Hour, Due: at(80 * time.Minute)},
	}, worse.Clocks)

	allClear := i.Sent(incidents.Notice{Template: "all-clear", At: at(time.Minute), Letters: []incidents.Letter{{Audience: "executives"}}})
	same(t, "an all-clear ends a clock", []string{"support"}, keys(allClear.Clocks))
	same(t, "and less severe does not begin it again", []string{"support"}, keys(ok(allClear.SetSeverity(after(2*time.Minute), incidents.P1, r)).Clocks))
}

// TestSeverityUpAndDownKeepsWhatWasPromised: whoever put an update off did so under the
// worse severity already.
func TestSeverityUpAndDownKeepsWhatWasPromised(t *testing.T) {
	ok := moved(t)
	r := movesWords().Rules
	r.Snooze = time.Hour // longer than the interval, so that a rise could make it due sooner
	put := ok(ok(declared().Snooze(after(5*time.Minute), "executives", r)).Snooze(after(5*time.Minute), "support", r))
	for _, less := range []incidents.Severity{incidents.P1, incidents.P2, incidents.P3} {
		down := ok(put.SetSeverity(after(6*time.Minute), less, r))
		same(t, "P0 → "+string(less)+" → P0", put.Clocks, ok(down.SetSeverity(after(7*time.Minute), incidents.P0, r)).Clocks)
	}
	down := ok(ok(put.SetSeverity(after(6*time.Minute), incidents.P3, r)).SetSeverity(after(7*time.Minute), incidents.P1, r))
	same(t, "P0 → P3 → P1 → P0", put.Clocks, ok(down.SetSeverity(after(8*time.Minute), incidents.P0, r)).Clocks)

	down = ok(ok(put.SetSeverity(after(6*time.Minute), incidents.P1, r)).SetSeverity(after(7*time.Minute), incidents.P2, r))
	same(t, "P0 → P1 → P2 → P0", put.Clocks, ok(down.SetSeverity(after(8*time.Minute), incidents.P0, r)).Clocks)

	calm := ok(ok(declared().SetSeverity(after(time.Minute), incidents.P2, r)).Snooze(after(2*time.Minute), "support", r))
	same(t, "put off under P2, P0 again: sooner", incidents.Clock{Every: time.Hour, Due: opened.Add(63 * time.Minute)}, ok(calm.SetSeverity(after(3*time.Minute), incidents.P0, r)).Clocks["support"])

	late := ok(ok(declared().SetSeverity(after(6*time.Minute), incidents.P3, r)).SetSeverity(after(time.Hour), incidents.P0, r))
	same(t, "what was promised for meanwhile is due now", opened.Add(time.Hour), late.Clocks["executives"].Due)

	slow := declared()
	slow.Severity, slow.Clocks = incidents.P2, map[string]incidents.Clock{"support": {Every: 4 * time.Hour, Due: opened.Add(4 * time.Hour)}}
	slow = ok(slow.Snooze(after(time.Minute), "support", r))
	worse := ok(slow.SetSeverity(after(2*time.Minute), incidents.P0, r)).Clocks["support"]
	same(t, "put off under less: sooner, and nobody put that off", incidents.Clock{Every: time.Hour, Due: opened.Add(62 * time.Minute)}, worse)
}

func keys[V any](m map[string]V) (names []string) {
	for _, name := range []string{"executives", "support", "nobody", "responders"} {
		if _, ok := m[name]; ok {
			names = append(names, name)
		}
	}
	return names
}

func TestANoticeMovesTheClocksOfItsAudiences(t *testing.T) {
	at := opened.Add
	i := declared()
	i.Clocks["executives"] = incidents.Clock{Every: 30 * time.Minute, Due: at(30 * time.Minute), Reminded: at(30 * time.Minute), Asked: at(30 * time.Minute), Raised: at(30 * time.Minute), SnoozedBy: "U1ALICE"}
	to := []incidents.Destination{{Kind: incidents.ToChannel, To: "C9"}}
	for _, tt := range []struct {
		name string
		n    incidents.Notice
		want map[string]incidents.Clock
	}{
		{"as the clock says", incidents.Notice{Template: "update", Letters: []incidents.Letter{{Audience: "executives", To: to}}}, map[string]incidents.Clock{
			"executives": {Every: 30 * time.Minute, Due: at(70 * time.Minute), Last: at(40 * time.Minute)}, "support": {Every: time.Hour, Due: at(time.Hour)},
		}},
		{"as the poster says", incidents.Notice{Template: "postponed", Letters: []incidents.Letter{{Audience: "executives", To: to}}, Next: map[string]time.Time{"executives": at(4 * time.Hour)}}, map[string]incidents.Clock{
			"executives": {Every: 30 * time.Minute, Due: at(4 * time.Hour), Last: at(40 * time.Minute)}, "support": {Every: time.Hour, Due: at(time.Hour)},
		}},
		{"none any more", incidents.Notice{Template: "update", Letters: []incidents.Letter{{Audience: "executives", To: to}}, Next: map[string]time.Time{"executives": {}}}, map[string]incidents.Clock{
			"support": {Every: time.Hour, Due: at(time.Hour)},
		}},
		{"all clear", incidents.Notice{Template: "all-clear", Letters: []incidents.Letter{{Audience: "support", To: to}, {Audience: "executives", To: to}}}, map[string]incidents.Clock{}},
		{"nobody could be told", incidents.Notice{Template: "update", Letters: []incidents.Letter{{Audience: "support"}}}, map[string]incidents.Clock{
			"executives": i.Clocks["executives"], "support": {Every: time.Hour, Due: at(100 * time.Minute)},
		}},
		{"an audience without a clock gets one that was promised", incidents.Notice{Template: "update", Letters: []incidents.Letter{{Audience: "responders", To: to}}, Next: map[string]time.Time{"responders": at(2 * time.Hour)}}, map[string]incidents.Clock{
			"executives": i.Clocks["executives"], "support": i.Clocks["support"], "responders": {Every: 80 * time.Minute, Due: at(2 * time.Hour), Last: at(40 * time.Minute)},
		}},
		{"and else it gets none", incidents.Notice{Template: "update", Letters: []incidents.Letter{{Audience: "responders", To: to}}}, i.Clocks},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.n.At, tt.n.By = at(40*time.Minute), "U2BOB"
			out := i.Sent(tt.n)
			same(t, "clocks", tt.want, out.Clocks)
			same(t, "told", map[string]int{tt.n.Template: 1}, out.Told)
			same(t, "step", incidents.Step{Name: "tell", Title: "Tell those who must know", State: incidents.Ticked, By: "U2BOB", At: tt.n.At}, out.Steps[8])
		})
	}
}

func TestAnUpdateCanBePutOffOnce(t *testing.T) {
	ok := moved(t)
	r := movesWords().Rules
	i := declared()
	one := ok(i.Snooze(after(5*time.Minute), "", r))
	same(t, "none is overdue: the next", incidents.Clock{Every: 30 * time.Minute, Due: opened.Add(45 * time.Minute), SnoozedBy: "U2BOB"}, one.Clocks["executives"])
	same(t, "and no other", i.Clocks["support"], one.Clocks["support"])
	all := ok(i.Snooze(after(70*time.Minute), "", r))
	for _, name := range []string{"executives", "support"} {
		same(t, "overdue: from now, "+name, opened.Add(85*time.Minute), all.Clocks[name].Due)
	}
	said := ok(one.TellNext(after(6*time.Minute), "executives", opened.Add(50*time.Minute)))
	same(t, "a new promise", incidents.Clock{Every: 30 * time.Minute, Due: opened.Add(50 * time.Minute)}, said.Clocks["executives"])
}

func TestACauseIsFoundAndMilestonesCanBePutRight(t *testing.T) {
	ok := moved(t)
	i := ok(declared().SetCause(after(9*time.Minute), " rollout 41 "))
	same(t, "cause", "rollout 41", i.Cause)
	same(t, "status", incidents.Identified, i.Status)
	same(t, "milestone", opened.Add(9*time.Minute), i.Milestones.Identified)
	same(t, "step", incidents.Ticked, i.Steps[3].State)
	i = ok(i.SetMilestone(after(10*time.Minute), "identified", opened.Add(-time.Minute)))
	same(t, "known before it was detected", opened.Add(-time.Minute), i.Milestones.Identified)
	later := ok(i.SetCause(after(11*time.Minute), "migration V57"))
	same(t, "another cause later does not move the milestone", opened.Add(-time.Minute), later.Milestones.Identified)
	end := ok(incidents.Resolve(incidents.View{Incident: later}, movesWords(), after(20*time.Minute), "", "nothing can be run here"))
	end = ok(end.SetMilestone(after(time.Hour), "contained", opened.Add(time.Minute)))
	end = ok(end.FollowUp(after(time.Hour), "add the foreign key"))
	same(t, "it can be put right after the end", opened.Add(time.Minute), end.Milestones.Contained)
	same(t, "and stays resolved", incidents.Resolved, end.Status)
}

func TestAMergedIncidentGivesItsAlertsAndItsRunsAway(t *testing.T) {
	w := movesWords()
	from, into := declared(), declared()
	into.ID, into.Key = 13, "payments"
	from, _ = from.Alerted(incidents.Fired{Fingerprint: "a", Name: "A", Firing: true, Since: opened}, w)
	from, _ = from.Alerted(incidents.Fired{Fingerprint: "b", Name: "B", Firing: true, Since: opened}, w)
	into, _ = into.Alerted(incidents.Fired{Fingerprint: "b", Name: "B", Firing: true, Since: opened.Add(time.Minute)}, w)
	from.Run, into.Also = 900, []int64{905}
	fixed := repair(7, "applied", time.Minute, 2*time.Minute)
	v := incidents.View{Incident: from, Repairs: []incidents.Repair{fixed}, Checks: []incidents.Checked{checked("orphaned-orders", ran{0, check.Fail, 30}, ran{time.Minute, check.Unknown, 0})}}
	over, on, err := incidents.Merge(v, after(5*time.Minute), into)
	over = moved(t)(over, err)
	same(t, "it is over", []any{incidents.Merged, int64(13), false}, []any{over.Status, over.Into, over.Held()})
	same(t, "alerts", map[string]incidents.Alert{
		"a": {Name: "A", Firing: true, Since: opened, Times: 1}, "b": {Name: "B", Firing: true, Since: opened.Add(time.Minute), Times: 2},
	}, on.Alerts)
	same(t, "runs and plans", []int64{7, 900, 905, 1000, 1001}, on.Also)
	post := incidents.MergedPost(over, on, after(5*time.Minute))
	golden(t, "moves-merged.golden", texts([]message.Post{post}))
	over.Private = true
	if text := incidents.MergedPost(over, on, after(0)).Message.PlainText(); strings.Contains(text, over.Title) {
		t.Errorf("a private one is named by its title:\n%s", text)
	}
}

// TestAnAnswerTakesTheButtonsAway holds for reminders: what a move has answered asks
// nobody any more.
func TestAnAnswerTakesTheButtonsAway(t *testing.T) {
	ok := moved(t)
	w := movesWords()
	v := incidents.View{Incident: ok(declared().Claim(after(0))), Now: opened.Add(30 * time.Minute)}
	i, e, _ := incidents.Tick(v, w, whoIsIn)
	same(t, "one reminder", 1, len(e.Posts))
	m := after(33 * time.Minute)
	var b strings.Builder
	show := func(name string, a incidents.Incident, err error) {
		t.Helper()
		a = ok(a, err)
		posts := incidents.Answered(i, a, w, m)
		if len(posts) != 1 || posts[0].Key != e.Posts[0].Key || len(posts[0].Message.Actions) > 0 {
			t.Fatalf("%s: want the reminder without buttons, got %+v", name, posts)
		}
		b.WriteString(name + "\n" + posts[0].Message.PlainText())
	}
	sent := incidents.Notice{Template: "update", At: m.At, By: m.By, Letters: []incidents.Letter{{Audience: "executives"}}}
	show("sent", i.Sent(sent), nil)
	sent.Template = "all-clear"
	show("all clear", i.Sent(sent), nil)
	a, err := i.Snooze(m, "executives", w.Rules)
	show("put off", a, err)
	a, err = i.TellNext(m, "executives", m.At.Add(time.Hour))
	show("promised for another time", a, err)
	a, err = i.SetSeverity(m, incidents.P2, w.Rules)
	show("no clock at this severity", a, err)
	a, err = incidents.Resolve(incidents.View{Incident: i}, w, m, "", "nothing can be run here")
	show("resolved", a, err)
	a, err = i.SetLead(m, "U1ALICE")
	same(t, "another move answers nothing", 0, len(incidents.Answered(i, ok(a, err), w, m)))
	golden(t, "moves-answered.golden", b.String())
}

// texts are posts as people read them, with their keys.
func texts(posts []message.Post) string {
	var b strings.Builder
	for _, p := range posts {
		fmt.Fprintf(&b, "--- %s in %s\n%s", p.Key, p.Channel, p.Message.PlainText())
		for _, a := range p.Message.Actions {
			fmt.Fprintf(&b, "    [%s] = %s %s\n", a.Label, a.Verb, a.Ref)
		}
	}
	return b.String()
}

package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/incidents"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/check/report"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/store"
)

// planned asks for a plan and the run that works it out.
func planned(t testing.TB, s *store.Store, change func(*fix.Order)) int64 {
	t.Helper()
	var id int64
	_, err := s.Record(t.Context(), fmt.Sprintf("test-%d", recorded.Add(1)), true, func(n int64) commands.Intent {
		id = n
		o, run := planOrder(n), step(n, check.StepPlan)
		change(o)
		run.Channel = o.Channel
		return commands.Intent{Plan: o, Run: run}
	})
	must(t, err)
	return id
}

// whose is the incident of a plan and that of the run that works it out, which are one.
func whose(t testing.TB, s *store.Store, id int64) int64 {
	t.Helper()
	run, err := s.Run(t.Context(), id)
	must(t, err)
	p, _, err := s.Plan(t.Context(), id)
	must(t, err)
	if p.Incident != run.Incident {
		t.Errorf("P-%d is of INC-%d, its run of INC-%d", id, p.Incident, run.Incident)
	}
	return p.Incident
}

func TestWhatARunBelongsTo(t *testing.T) {
	s := open(t, database(t))
	here, there := declared(t, s, "orders", "C1"), declared(t, s, "payments", "")
	done := over(t, s, declared(t, s, "cache", "C3"))
	plan := planned(t, s, func(o *fix.Order) { o.Channel, o.Domain = "C9", "payments" })
	for name, c := range map[string]struct {
		change func(*check.Order)
		want   int64
	}{
		"the incident that holds its channel": {asked, here.ID},
		"no other":                            {func(o *check.Order) { o.Channel = "C9" }, 0},
		"none that is over":                   {func(o *check.Order) { o.Channel = "C3" }, 0},
		"the one that it is for, wherever its answer stands": {func(o *check.Order) { o.Incident = there.ID }, there.ID},
		"even if that is over":                               {func(o *check.Order) { o.Incident = done.ID }, done.ID},
		"that of the plan which it carries out":              {func(o *check.Order) { o.Step, o.Plan = check.StepApply, plan }, there.ID},
	} {
		run, err := s.Run(t.Context(), askedFor(t, s, c.change))
		if err != nil || run.Incident != c.want {
			t.Errorf("%s: it is of INC-%d, want INC-%d, %v", name, run.Incident, c.want, err)
		}
	}
}

func TestWhatAPlanBelongsTo(t *testing.T) {
	s := open(t, database(t))
	here, there := declared(t, s, "orders", "C1"), declared(t, s, "payments", "")
	over(t, s, declared(t, s, "cache", "C3"))
	run := askedFor(t, s, func(o *check.Order) { o.Incident = there.ID })
	for name, c := range map[string]struct {
		change func(*fix.Order)
		want   int64
	}{
		"the incident that holds its channel":         {func(o *fix.Order) { o.Domain = "payments" }, here.ID},
		"the one that it is for":                      {func(o *fix.Order) { o.Incident = there.ID }, there.ID},
		"that of the run in whose thread it stands":   {func(o *fix.Order) { o.Under = report.HeadKey(run) }, there.ID},
		"elsewhere, the one that is about its domain": {func(o *fix.Order) { o.Channel, o.Domain = "C9", "payments" }, there.ID},
		"no other":          {func(o *fix.Order) { o.Channel, o.Domain = "C9", "customers" }, 0},
		"none that is over": {func(o *fix.Order) { o.Channel, o.Domain = "C3", "cache" }, 0},
		"none because of what is below another message": {func(o *fix.Order) { o.Channel, o.Domain, o.Under = "C9", "x", fmt.Sprint("plan/", run) }, 0},
	} {
		if got := whose(t, s, planned(t, s, c.change)); got != c.want {
			t.Errorf("%s: it is of INC-%d, want INC-%d", name, got, c.want)
		}
	}
}

func TestAnIncidentTakesOverTheWorkThatGoesOn(t *testing.T) {
	s := open(t, database(t))
	in := func(channel, domain string) func(*fix.Order) {
		return func(o *fix.Order) { o.Channel, o.Domain, o.Under = channel, domain, "" }
	}
	run := func(channel string) int64 { return askedFor(t, s, func(o *check.Order) { o.Channel = channel }) }
	under, queued, elsewhere, ran := run("C9"), run("C1"), run("C8"), run("C1")
	concluded(t, s, under, check.Done, found("a", check.Fail, 3, noon))
	concluded(t, s, ran, check.Done, found("a", check.Fail, 9, noon))
	inThread := planned(t, s, func(o *fix.Order) { o.Channel, o.Domain, o.Under = "C9", "x", report.HeadKey(under) })
	inChannel, ofDomain, other := planned(t, s, in("C1", "x")), planned(t, s, in("C8", "orders")), planned(t, s, in("C8", "x"))
	cancelled := planned(t, s, in("C1", "orders"))
	exec(t, s, fmt.Sprintf(`UPDATE plans SET state = 'cancelled' WHERE id = %d; UPDATE runs SET state = 'done' WHERE id = %[1]d`, cancelled))
	taken := declared(t, s, "customers", "C5").ID
	others := planned(t, s, func(o *fix.Order) { o.Channel, o.Incident = "C1", taken })

	i := incident(900, "orders", "C1")
	i.Run = under
	must(t, record(t, s, change(i)))
	for name, c := range map[string]struct{ run, want int64 }{
		"the run under which it was declared":               {under, i.ID},
		"one that is under way in a channel that was bound": {queued, i.ID},
		"one under way elsewhere":                           {elsewhere, 0},
		"one that had ended":                                {ran, 0},
		"a plan in the thread of that run":                  {inThread, i.ID},
		"a plan in the channel":                             {inChannel, i.ID},
		"a plan about what the incident is about":           {ofDomain, i.ID},
		"another plan":                                      {other, 0},
		"one that had ended, about what it is about":        {cancelled, 0},
		"a plan of another incident":                        {others, taken},
	} {
		got, err := s.Run(t.Context(), c.run)
		if err != nil || got.Incident != c.want {
			t.Errorf("%s is of INC-%d, want INC-%d, %v", name, got.Incident, c.want, err)
		}
	}
	for _, p := range []int64{inThread, inChannel, ofDomain, other, cancelled, others} {
		whose(t, s, p) // as its run
	}
	v, err := s.IncidentView(t.Context(), i.ID)
	must(t, err)
	if len(v.Repairs) != 3 || len(v.Checks) != 1 || v.Checks[0].Last.Rows != 3 {
		t.Errorf("%d repairs, %+v", len(v.Repairs), v.Checks)
	}
	// What moves on later takes nothing over: people share the channel that it goes on in.
	moving := stored(t, s, i.ID)
	moving.Room.Channel = "C8"
	must(t, record(t, s, change(moving)))
	if n := count(t, s, `SELECT count(*) FROM runs WHERE channel = 'C8' AND incident = 900`); n != 1 {
		t.Errorf("%d runs of C8", n) // that of the plan about orders
	}
}

// What becomes of a run is told where the run belongs, whoever holds its channel then.
func TestTheEndOfWhatBelongsToAnIncidentDoesAsWell(t *testing.T) {
	s := open(t, database(t))
	i := declared(t, s, "orders", "C1")
	run := askedFor(t, s, asked)
	p := waiting(t, s, soon())
	over(t, s, stored(t, s, i.ID))
	next := declared(t, s, "payments", "C1")
	ended := func(action string, want incidents.Incident) {
		t.Helper()
		if n := count(t, s, `SELECT count(*) FROM audit_events WHERE action = $1 AND incident = $2`, action, want.Ref()); n != 1 {
			t.Errorf("%d events %s of %s", n, action, want.Ref())
		}
	}
	concluded(t, s, run, check.Done)
	ended("check.run", i)
	// Who asks for it elsewhere is told there as well.
	must(t, record(t, s, commands.Intent{Run: &check.Order{ID: 5000, Channel: "C9", Incident: i.ID}, Events: []audit.Event{event("asks")}}))
	ended("asks", i)
	applying := apply(t, s, p)
	c := claim(t, s, applying, "one")
	must(t, s.BeginApply(t.Context(), applying, c.Epoch, p.ID, nil, []audit.Event{event("begun")}))
	ended("begun", i)
	now, _, err := s.Plan(t.Context(), p.ID)
	must(t, err)
	now.State = fix.Applied
	end := c.Run
	end.State = check.Done
	must(t, s.ConcludePlan(t.Context(), c.Epoch, end, store.PlanStep{From: fix.Applying, Plan: now}, nil, []audit.Event{event("applied")}))
	ended("applied", i)
	named := event("named")
	named.Incident = next.Ref()
	last := askedFor(t, s, func(o *check.Order) { o.Incident = i.ID })
	c = claim(t, s, last, "one")
	end = c.Run
	end.State = check.Done
	must(t, s.Conclude(t.Context(), c.Epoch, end, nil, []audit.Event{named}))
	ended("named", next)
}

func TestEventsThatNameNoIncidentBelongToThatOfTheirChannel(t *testing.T) {
	s := open(t, database(t))
	inside, outside, odd, named := event("help"), event("help"), event("odd"), event("named")
	outside.Channel, odd.Channel, named.Incident = "C9", "C\x00\xff", "INC-7"
	// The channel is bound in the same intent as it is said in it.
	must(t, record(t, s, change(incident(900, "orders", "C1"), inside, outside, named, odd)))
	must(t, s.Append(t.Context(), named, inside)) // and so they do beside one that names another
	over(t, s, stored(t, s, 900))
	must(t, s.Append(t.Context(), inside))
	for where, want := range map[string]int64{`= 'INC-900'`: 2, `= 'INC-7'`: 2, `IS NULL`: 3} {
		if got := count(t, s, `SELECT count(*) FROM audit_events WHERE incident `+where); got != want {
			t.Errorf("%d events whose incident %s, want %d", got, where, want)
		}
	}
	if log, err := s.VerifyAudit(t.Context(), store.VerifyOptions{}); err != nil || log.Fault != nil {
		t.Errorf("the log: %+v, %v", log.Fault, err)
	}
}

// An incident into which another one was merged counts its runs as well.
func TestTheRunsOfWhatWasMergedCount(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	i, other := declared(t, s, "orders", "C1"), declared(t, s, "payments", "C2")
	run := askedFor(t, s, func(o *check.Order) { o.Incident = other.ID })
	concluded(t, s, run, check.Done, found("a", check.Fail, 5, noon))
	i.Also = []int64{run}
	must(t, record(t, s, change(i)))
	v, err := s.IncidentView(t.Context(), i.ID)
	must(t, err)
	want := []incidents.Checked{{Name: "a", First: wantMeasure(run, check.Fail, 5, noon), Last: wantMeasure(run, check.Fail, 5, noon), Failed: wantMeasure(run, check.Fail, 5, noon)}}
	if diff := cmp.Diff(want, v.Checks); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestIncidentsThatLeave(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	declared(t, s, "orders", "C1") // is held
	told, quiet := declared(t, s, "payments", "C2"), declared(t, s, "cache", "C3")
	must(t, tell(t, s, noticeTo(900, told, email("a"))))
	told, quiet = over(t, s, told), over(t, s, quiet)
	leaving := func(name string, want ...incidents.Incident) {
		t.Helper()
		got, err := s.LeavingIncidents(t.Context(), 10*time.Minute)
		if diff := cmp.Diff(append([]incidents.Incident{}, want...), got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	leaving("at once", told, quiet)
	clock = noon.Add(10*time.Minute - time.Second)
	leaving("for ten minutes", told, quiet)
	clock = noon.Add(time.Hour)
	leaving("while a letter is on its way", told)
	l := nextLetter(t, s)
	must(t, s.BeginDelivery(t.Context(), l.Delivery))
	must(t, end(t, s, l.Delivery, incidents.Handed, 0))
	clock = noon.Add(2 * time.Hour)
	leaving("or handed over", told)
	exec(t, s, fmt.Sprintf(`UPDATE notice_deliveries SET state = 'refused', at = '%s'`, clock.Format(time.RFC3339)))
	clock = clock.Add(9 * time.Minute)
	leaving("and when it has just ended", told)
	clock = clock.Add(time.Minute)
	leaving("and then no more")
}

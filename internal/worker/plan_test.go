package worker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/fix/report"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// fixers lets the group fix and approve orders.
var fixers = authz.Policy{Roles: []authz.Role{{Name: "responders", Groups: []string{"S1"}, Permissions: []string{"check:orders", "fix:orders", "approve:orders"}}}}

// fixing gives a worker the made-up target with one check and its fix.
func fixing(t *target, change ...func(*fix.Declared)) (check.Catalog, func(*worker.Options)) {
	return fixingAll(map[string]*target{"a": t}, change...)
}

// fixingAll does so with a check and its fix for each target.
func fixingAll(targets map[string]*target, change ...func(*fix.Declared)) (check.Catalog, func(*worker.Options)) {
	detectors := map[string]check.Detector{}
	for name, t := range targets {
		detectors[name] = t
	}
	c := catalog(detectors)
	return c, func(o *worker.Options) {
		o.Fixes, o.Policy = fix.Catalog{}, fixers
		for _, one := range c {
			t := targets[one.Name]
			d := fix.Declared{Check: one, Digest: "digest", Planner: t, Applier: t.applier(), Rules: fix.Rules{Caps: fix.Caps{Rows: 10_000, Share: 1}, SecondOver: 10_000, Expiry: 10 * time.Minute}}
			for _, f := range change {
				f(&d)
			}
			o.Fixes[one.Name] = d
		}
		o.Plans = report.Wording{Checks: c.ByName(), Policy: fixers}
	}
}

// wish asks for a plan as the command does.
func wish(t testing.TB, s *store.Store, change ...func(*fix.Order)) int64 {
	t.Helper()
	var number int64
	_, err := s.Record(t.Context(), fmt.Sprintf("fix-%d", time.Now().UnixNano()), true, func(n int64) commands.Intent {
		number = n
		o := fix.Order{ID: n, Check: "a", Domain: "orders", Channel: "C1", AskedBy: "U1", AskedAt: time.Now().UTC(), Request: "ask"}
		for _, c := range change {
			c(&o)
		}
		return commands.Intent{Plan: &o, Run: &check.Order{
			ID: n, Title: o.Ref(), Checks: []string{o.Check}, Channel: "C1", AskedBy: o.AskedBy, Request: "ask", Step: check.StepPlan, Plan: n,
		}}
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// confirm lets a plan pass as the button does, and gives the number of its run.
func confirm(t testing.TB, s *store.Store, id int64, by string) int64 {
	t.Helper()
	p := planOf(t, s, id)
	var number int64
	_, err := s.Record(t.Context(), fmt.Sprintf("confirm-%d", id), true, func(n int64) commands.Intent {
		number = n
		return commands.Intent{
			Decide: &fix.Transition{Plan: id, From: fix.Waiting, To: fix.Approved, Hash: p.Hash, Digest: p.Digest, InTime: true, By: by, Run: n},
			Run: &check.Order{
				ID: n, Title: p.Ref(), Checks: []string{p.Check}, Channel: "C1", AskedBy: by, Request: "click", Step: check.StepApply, Plan: id,
			},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func planOf(t testing.TB, s *store.Store, id int64) fix.Plan {
	t.Helper()
	p, _, err := s.Plan(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// until waits for a plan to be in a state.
func until(t testing.TB, s *store.Store, id int64, states ...fix.State) fix.Plan {
	t.Helper()
	var p fix.Plan
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		p = planOf(t, s, id)
		for _, state := range states {
			if p.State == state {
				return p
			}
		}
	}
	t.Fatalf("%s is %s (%s), not yet %v", p.Ref(), p.State, p.Reason, states)
	return p
}

// over waits for a plan that nothing more happens to.
func over(t testing.TB, s *store.Store, id int64) fix.Plan {
	t.Helper()
	return until(t, s, id, fix.Applied, fix.PartlyApplied, fix.Failed, fix.Refused, fix.Cancelled, fix.Expired, fix.Undone)
}

func TestAPlanIsWorkedOut(t *testing.T) {
	t.Parallel()
	s, shop := open(t, database(t)), newTarget(12)
	checks, with := fixing(shop, func(d *fix.Declared) { d.Rules.SecondOver = 11 })
	start(t, s, checks, with)
	began := time.Now()
	id := wish(t, s)
	p := until(t, s, id, fix.Waiting)
	if p.Draft.Rows != 12 || p.Hash == "" || p.Digest != "digest" || p.Batches != 1 || !p.Second || p.Why != "over 11 rows" {
		t.Errorf("the plan is %+v", p)
	}
	if left := p.Expires.Sub(began); left < 9*time.Minute || left > 11*time.Minute {
		t.Errorf("it expires in %s", left)
	}
	if run := await(t, s, id); run.State != check.Done {
		t.Errorf("the run is %s: %s", run.State, run.Reason)
	}
	if shop.wrong() != 12 {
		t.Error("planning changed something")
	}
	if got := said(t, s)[fmt.Sprintf("plan/%d", id)]; !strings.Contains(got, "waiting: set 12 rows") {
		t.Errorf("said %q", got)
	}
	if got := actions(t, s); !cmp.Equal(got, []string{"plan " + p.Ref() + " done"}) {
		t.Errorf("events %v", got)
	}
	if c, _, err := s.PlanContent(t.Context(), id); err != nil || len(c.Changes) != 12 {
		t.Errorf("%d changes are kept, %v", len(c.Changes), err)
	}
}

func TestWhatCannotBePlannedSaysWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shop    func(*target)
		declare func(*fix.Declared)
		people  *people
		state   fix.State
		reason  string
		event   string
	}{
		"nothing is wrong": {shop: func(s *target) { s.rows = map[string]string{"1": "right"} }, state: fix.Failed, reason: "nothing is wrong any more", event: "failed"},
		"a problem": {
			shop: func(s *target) {
				s.fail = func(string, int) error { return &check.Problem{Sentence: "The table has no primary key."} }
			}, state: fix.Failed, reason: "The table has no primary key.", event: "failed",
		},
		"an error without words": {shop: func(s *target) { s.fail = func(string, int) error { return errors.New("secret") } }, state: fix.Failed, reason: "It failed inside the bot", event: "failed"},
		"a panic":                {shop: func(s *target) { s.fail = func(string, int) error { panic("a bug") } }, state: fix.Failed, reason: "It failed inside the bot", event: "failed"},
		"no write access":        {declare: func(d *fix.Declared) { d.Applier = nil }, state: fix.Failed, reason: "Fixes are off for", event: "failed"},
		"the right is gone":      {people: &people{groups: []string{"S2"}}, state: fix.Failed, reason: "The right to do this was taken away", event: "refused"},
		"rights are not known":   {people: &people{err: errors.New("time-out")}, state: fix.Failed, reason: "Slack did not say", event: "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, shop := open(t, database(t)), newTarget(3)
			if c.shop != nil {
				c.shop(shop)
			}
			checks, with := fixing(shop, func(d *fix.Declared) {
				if c.declare != nil {
					c.declare(d)
				}
			})
			start(t, s, checks, with, func(o *worker.Options) {
				o.RightsWithin = time.Second
				if c.people != nil {
					o.Directory = c.people
				}
			})
			id := wish(t, s)
			p := over(t, s, id)
			if p.State != c.state || !strings.Contains(p.Reason, c.reason) || strings.Contains(p.Reason, "secret") {
				t.Errorf("%s: %q", p.State, p.Reason)
			}
			if got := actions(t, s); !cmp.Equal(got, []string{"plan " + p.Ref() + " " + c.event}) {
				t.Errorf("events %v", got)
			}
			if text := said(t, s)[fmt.Sprintf("plan/%d", id)]; text == "" || strings.Contains(text, "secret") {
				t.Errorf("said %q", text)
			}
			if run := await(t, s, id); run.State != check.Failed {
				t.Errorf("the run is %s", run.State)
			}
		})
	}
}

func TestWorkingOutIsStopped(t *testing.T) {
	s, shop := open(t, database(t)), newTarget(3)
	reached, release := make(chan struct{}), make(chan struct{})
	shop.fail = func(call string, _ int) error {
		if call == "draft" {
			close(reached)
			<-release
		}
		return nil
	}
	checks, with := fixing(shop)
	start(t, s, checks, with)
	id := wish(t, s)
	<-reached
	stopRun(t, s, id)
	time.AfterFunc(500*time.Millisecond, func() { close(release) }) // it looks at its context, some time
	p := over(t, s, id)
	if p.State != fix.Cancelled || p.DecidedBy != "U7" {
		t.Errorf("%s by %q: %s", p.State, p.DecidedBy, p.Reason)
	}
	if run := await(t, s, id); run.State != check.Stopped {
		t.Errorf("the run is %s", run.State)
	}
}

func stopRun(t testing.TB, s *store.Store, run int64) {
	t.Helper()
	if _, err := s.Record(t.Context(), fmt.Sprintf("stop-%d", run), false, func(int64) commands.Intent {
		return commands.Intent{Stop: &commands.Stop{Run: run, By: "U7"}}
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAPlanThatNobodyDecidesUponExpires(t *testing.T) {
	t.Parallel()
	s, shop := open(t, database(t)), newTarget(3)
	checks, with := fixing(shop, func(d *fix.Declared) { d.Rules.Expiry = 50 * time.Millisecond })
	start(t, s, checks, with, func(o *worker.Options) { o.SweepEvery = 100 * time.Millisecond })
	start(t, s, checks, with, func(o *worker.Options) { o.SweepEvery, o.Holder = 100*time.Millisecond, "two" })
	id := wish(t, s)
	p := over(t, s, id)
	if p.State != fix.Expired {
		t.Errorf("%s", p.State)
	}
	time.Sleep(300 * time.Millisecond)
	if got := actions(t, s); !cmp.Equal(got, []string{"plan " + p.Ref() + " done", "plan.expired " + p.Ref() + " done"}) {
		t.Errorf("events %v", got)
	}
	if got := said(t, s)[fmt.Sprintf("plan/%d", id)]; !strings.Contains(got, "expired") || !strings.Contains(got, "nothing was done") {
		t.Errorf("said %q", got)
	}
}

func TestBeforeImagesArePurged(t *testing.T) {
	t.Parallel()
	s, shop := open(t, database(t)), newTarget(3)
	checks, with := fixing(shop)
	start(t, s, checks, with, func(o *worker.Options) { o.KeepImages = 30 * 24 * time.Hour })
	for deadline := time.Now().Add(patience); len(actions(t, s)) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was purged")
		}
	}
	if got := actions(t, s); !cmp.Equal(got, []string{"fix.purge a done"}) {
		t.Errorf("events %v", got)
	}
	shop.mu.Lock()
	defer shop.mu.Unlock()
	if d := time.Since(shop.purged) - 30*24*time.Hour; d < -time.Minute || d > time.Minute {
		t.Errorf("purged what is older than %s", shop.purged)
	}
}

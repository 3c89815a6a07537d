package store_test

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/store"
)

func planOrder(id int64) *fix.Order {
	return &fix.Order{
		ID: id, Check: "a", Domain: "orders", Mode: "delete", Channel: "C1", Under: "run/1", AskedBy: "U1",
		AskedAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Request: "req",
	}
}

func step(id int64, s check.Step) *check.Order {
	o := order(id, "a")
	o.Step, o.Plan = s, id
	return o
}

// content is three changes in two batches, one of them with what JSON and
// Postgres like least.
func content() fix.Content {
	odd := "a\x00b\u2028<&>\"\\"
	c := fix.Content{Forms: []fix.Form{{Op: fix.Delete, Table: `"public"."orders"`, Key: []string{"id"}}, {Op: fix.Update, Table: "x", Key: []string{"id"}, Columns: []string{"v"}}}}
	for n := range fix.MaxBatch + 2 {
		c.Changes = append(c.Changes, fix.Change{Form: 0, Key: []string{fmt.Sprint(n)}, Before: "(1,2)"})
	}
	c.Changes = append(c.Changes, fix.Change{Form: 1, Key: []string{odd}, Old: []*string{nil}, New: []*string{&odd}})
	return c
}

// waiting brings a plan to where people decide upon it.
func waiting(t testing.TB, s *store.Store, expires time.Time) fix.Plan {
	t.Helper()
	var id int64
	_, err := s.Record(t.Context(), fmt.Sprintf("fix-%d", time.Now().UnixNano()), true, func(n int64) commands.Intent {
		id = n
		return commands.Intent{Plan: planOrder(n), Run: step(n, check.StepPlan), Events: []audit.Event{event("fix")}}
	})
	if err != nil {
		t.Fatal(err)
	}
	c := claim(t, s, id, "planner")
	p, _, err := s.Plan(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	p.State, p.Hash, p.Digest, p.Expires = fix.Waiting, "hash", "digest", expires
	p.Draft = fix.Draft{
		Does: "delete 3 orders", Rows: 3, Money: map[string]decimal.Decimal{"USD": decimal.RequireFromString("1204.50")},
		Content: content(), Listing: [][]string{{"key", "before"}, {"o1", "x"}, {"o2", "y, z"}},
	}
	p.Batches = len(p.Draft.Content.Batches())
	end := c.Run
	end.State = check.Done
	if err := s.ConcludePlan(t.Context(), c.Epoch, end, store.PlanStep{From: fix.Planning, Plan: p, Worked: true}, nil, []audit.Event{event("plan")}); err != nil {
		t.Fatal(err)
	}
	return p
}

func soon() time.Time { return time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond) }

func TestAPlanIsKeptAsItWasMade(t *testing.T) {
	s := open(t, database(t))
	made := waiting(t, s, soon())
	got, now, err := s.Plan(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Since(now); d < -time.Minute || d > time.Minute {
		t.Errorf("the store's clock says %s", now)
	}
	want := made
	want.Draft.Content, want.Draft.Listing = fix.Content{}, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	c, batches, err := s.PlanContent(t.Context(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(content(), c); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	if len(batches) != 2 || len(batches[0].Changes) != fix.MaxBatch || batches[1].N != 1 {
		t.Errorf("%d batches", len(batches))
	}
	forms, err := s.PlanForms(t.Context(), made.ID)
	if diff := cmp.Diff(content().Forms, forms); diff != "" || err != nil {
		t.Errorf("forms: %v\n%s", err, diff)
	}
	r, size, err := s.Open(t.Context(), fmt.Sprintf("plan/%d", made.ID))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if want := "key,before\no1,x\no2,\"y, z\"\n"; string(text) != want || size != int64(len(want)) || err != nil {
		t.Errorf("the file is %q (%d), %v", text, size, err)
	}
}

func TestNoSuchPlan(t *testing.T) {
	s := open(t, database(t))
	if _, _, err := s.Plan(t.Context(), 7); !errors.Is(err, commands.ErrNotFound) {
		t.Errorf("Plan: %v", err)
	}
	if _, _, err := s.PlanContent(t.Context(), 7); !errors.Is(err, commands.ErrNotFound) {
		t.Errorf("PlanContent: %v", err)
	}
	for _, source := range []string{"plan/7", "plan/x", "plan/"} {
		if _, _, err := s.Open(t.Context(), source); !errors.Is(err, commands.ErrNotFound) {
			t.Errorf("Open(%s): %v", source, err)
		}
	}
}

// decide is a click on a plan that waits.
func decide(s *store.Store, t testing.TB, key string, p fix.Plan, to fix.State) error {
	_, err := s.Record(t.Context(), key, true, func(run int64) commands.Intent {
		in := commands.Intent{
			Decide: &fix.Transition{Plan: p.ID, From: fix.Waiting, To: to, Hash: p.Hash, Digest: p.Digest, InTime: true, By: key},
			Events: []audit.Event{event("confirm")}, Posts: []message.Post{post("plan/head", "C1", string(to)+" by "+key)},
		}
		if to == fix.Approved {
			o := step(run, check.StepApply)
			o.Plan = p.ID
			in.Run, in.Decide.Run = o, run
		}
		return in
	})
	return err
}

// Many clicks on one plan, on three replicas at once: one is carried out, and
// what came with the others was not recorded at all.
func TestOfManyDecisionsOneTakesEffect(t *testing.T) {
	dsn := database(t)
	stores := []*store.Store{open(t, dsn), open(t, dsn), open(t, dsn)}
	for round := range 5 {
		p := waiting(t, stores[0], soon())
		const clicks = 24
		var won, lost atomic.Int64
		var wg sync.WaitGroup
		for n := range clicks {
			wg.Go(func() {
				to := fix.Approved
				if n%3 == 2 {
					to = fix.Cancelled
				}
				err := decide(stores[n%len(stores)], t, fmt.Sprintf("click-%d-%d", round, n), p, to)
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, fix.ErrMoved):
					lost.Add(1)
				default:
					t.Errorf("Record: %v", err)
				}
			})
			wg.Go(func() { // others go on meanwhile, in the same groups
				if _, err := stores[n%len(stores)].Record(t.Context(), fmt.Sprintf("other-%d-%d", round, n), false, func(int64) commands.Intent {
					return commands.Intent{Events: []audit.Event{event("whoami")}}
				}); err != nil {
					t.Errorf("somebody else's request failed: %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != clicks-1 {
			t.Fatalf("%d took effect, %d were late", won.Load(), lost.Load())
		}
		got, _, err := stores[0].Plan(t.Context(), p.ID)
		if err != nil || got.State != fix.Approved && got.State != fix.Cancelled {
			t.Errorf("the plan is %s, %v", got.State, err)
		}
		applies := count(t, stores[0], `SELECT count(*) FROM runs WHERE asked->>'Step' = 'apply' AND (asked->>'Plan')::bigint = $1`, p.ID)
		if want := map[fix.State]int64{fix.Approved: 1, fix.Cancelled: 0}[got.State]; applies != want {
			t.Errorf("%s, and %d runs apply it", got.State, applies)
		}
		if keys := count(t, stores[0], `SELECT count(*) FROM inbox WHERE key LIKE $1`, fmt.Sprintf("click-%d-%%", round)); keys != 1 {
			t.Errorf("%d clicks are recorded", keys)
		}
		if n := count(t, stores[0], `SELECT count(*) FROM audit_events WHERE action = 'confirm'`); n != int64(round+1) {
			t.Errorf("%d events of decisions after %d rounds", n, round+1)
		}
	}
	if n := count(t, stores[0], `SELECT count(*) FROM audit_events WHERE action = 'whoami'`); n != 5*24 {
		t.Errorf("%d events of the others", n)
	}
}

func TestADecisionNeedsThePlanAsItWas(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	p := waiting(t, s, noon.Add(10*time.Minute))
	other := p
	other.Hash = "another"
	if err := decide(s, t, "hash", other, fix.Approved); !errors.Is(err, fix.ErrMoved) {
		t.Errorf("another hash: %v", err)
	}
	other = p
	other.Digest = "another"
	if err := decide(s, t, "digest", other, fix.Approved); !errors.Is(err, fix.ErrMoved) {
		t.Errorf("another digest: %v", err)
	}
	clock = noon.Add(10 * time.Minute)
	if err := decide(s, t, "late", p, fix.Approved); !errors.Is(err, fix.ErrMoved) {
		t.Errorf("at the moment it expires: %v", err)
	}
	clock = noon.Add(10*time.Minute - time.Millisecond)
	if err := decide(s, t, "in time", p, fix.Approved); err != nil {
		t.Errorf("in time: %v", err)
	}
	got, _, err := s.Plan(t.Context(), p.ID)
	if err != nil || got.State != fix.Approved || got.DecidedBy != "in time" || got.Run == 0 {
		t.Errorf("%s by %q with run %d, %v", got.State, got.DecidedBy, got.Run, err)
	}
}

// Plans expire once, whoever looks, and never before their time.
func TestPlansExpireOnce(t *testing.T) {
	clock := noon
	dsn := database(t)
	stores := []*store.Store{open(t, dsn, at(&clock)), open(t, dsn, at(&clock)), open(t, dsn, at(&clock))}
	for n := range 7 {
		waiting(t, stores[0], noon.Add(time.Duration(n+1)*time.Minute))
	}
	var expired atomic.Int64
	sweep := func() {
		var wg sync.WaitGroup
		for _, s := range stores {
			wg.Go(func() {
				n, err := s.ExpirePlans(t.Context(), func(p fix.Plan) ([]message.Post, audit.Event) {
					if p.State != fix.Expired {
						t.Errorf("%s is worded while it is %s", p.Ref(), p.State)
					}
					return []message.Post{post("plan/"+p.Ref(), "C1", "expired")}, event("plan.expired")
				})
				if err != nil {
					t.Errorf("ExpirePlans: %v", err)
				}
				expired.Add(int64(n))
			})
		}
		wg.Wait()
	}
	sweep()
	if expired.Load() != 0 {
		t.Fatalf("%d expired before their time", expired.Load())
	}
	clock = noon.Add(5 * time.Minute)
	sweep()
	sweep()
	if n := count(t, stores[0], `SELECT count(*) FROM audit_events WHERE action = 'plan.expired'`); expired.Load() != 5 || n != 5 {
		t.Errorf("%d expired, %d events, want 5", expired.Load(), n)
	}
	if n := count(t, stores[0], `SELECT count(*) FROM plans WHERE state = 'waiting'`); n != 2 {
		t.Errorf("%d still wait, want 2", n)
	}
}

// The worker's steps are under its claim and from the state that it saw.
func TestStepsOfAnApplyAreFenced(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	p := waiting(t, s, noon.Add(10*time.Minute))
	if err := decide(s, t, "U2", p, fix.Approved); err != nil {
		t.Fatal(err)
	}
	p, _, err := s.Plan(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	old := claim(t, s, p.Run, "old")
	clock = clock.Add(2 * ttl)
	c := claim(t, s, p.Run, "new")
	intended := []audit.Event{event("fix.apply")}
	if err := s.BeginApply(t.Context(), p.Run, old.Epoch, p.ID, nil, intended); !errors.Is(err, check.ErrFenced) {
		t.Errorf("begin by the one before: %v", err)
	}
	if err := s.BeginApply(t.Context(), p.Run, c.Epoch, p.ID, nil, intended); err != nil {
		t.Fatal(err)
	}
	if err := s.BeginApply(t.Context(), p.Run, c.Epoch, p.ID, nil, intended); !errors.Is(err, check.ErrFenced) {
		t.Errorf("begin twice: %v", err)
	}
	done := p
	done.State, done.Outcome = fix.Applied, fix.Outcome{Changed: 3, Total: 3, Before: 3, Verdict: check.Pass}
	end := c.Run
	end.State = check.Done
	conclude := func(epoch int64, from fix.State) error {
		return s.ConcludePlan(t.Context(), epoch, end, store.PlanStep{From: from, Plan: done}, []message.Post{post("plan/head", "C1", "applied")}, []audit.Event{event("fix.applied")})
	}
	if err := conclude(old.Epoch, fix.Applying); !errors.Is(err, check.ErrFenced) {
		t.Errorf("conclude by the one before: %v", err)
	}
	if err := conclude(c.Epoch, fix.Approved); !errors.Is(err, check.ErrFenced) {
		t.Errorf("conclude from another state: %v", err)
	}
	if err := conclude(c.Epoch, fix.Applying); err != nil {
		t.Fatal(err)
	}
	if err := conclude(c.Epoch, fix.Applying); !errors.Is(err, check.ErrFenced) {
		t.Errorf("conclude twice: %v", err)
	}
	got, _, err := s.Plan(t.Context(), p.ID)
	if err != nil || got.State != fix.Applied || got.Outcome.Changed != 3 || got.DecidedBy != "U2" || got.Finished.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	for action, want := range map[string]int64{"fix.apply": 1, "fix.applied": 1} {
		if n := count(t, s, `SELECT count(*) FROM audit_events WHERE action = $1`, action); n != want {
			t.Errorf("%d events %s", n, action)
		}
	}
}

func TestAnAppliedUndoMarksThePlanThatItTookBack(t *testing.T) {
	s := open(t, database(t))
	apply := func(p fix.Plan, to fix.State) fix.Plan {
		if err := decide(s, t, p.Ref(), p, fix.Approved); err != nil {
			t.Fatal(err)
		}
		p, _, err := s.Plan(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		c := claim(t, s, p.Run, "one")
		if err := s.BeginApply(t.Context(), p.Run, c.Epoch, p.ID, nil, nil); err != nil {
			t.Fatal(err)
		}
		end := c.Run
		end.State, p.State = check.Done, to
		if err := s.ConcludePlan(t.Context(), c.Epoch, end, store.PlanStep{From: fix.Applying, Plan: p}, nil, nil); err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := apply(waiting(t, s, soon()), fix.PartlyApplied)
	back := waiting(t, s, soon())
	back.Undoes = first.ID
	exec(t, s, fmt.Sprintf(`UPDATE plans SET asked = jsonb_set(asked::jsonb, '{Undoes}', '%d') WHERE id = %d`, first.ID, back.ID))
	back = apply(back, fix.Applied)
	got, _, err := s.Plan(t.Context(), first.ID)
	if err != nil || got.State != fix.Undone || got.UndoneBy != back.ID {
		t.Errorf("%s by %d, %v", got.State, got.UndoneBy, err)
	}
}

func TestContentOfOldPlansIsPurged(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	old, open := waiting(t, s, noon.Add(time.Minute)), waiting(t, s, noon.Add(1000*time.Hour))
	clock = noon.Add(time.Hour)
	if n, err := s.ExpirePlans(t.Context(), func(fix.Plan) ([]message.Post, audit.Event) { return nil, event("plan.expired") }); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	clock = noon.Add(31 * 24 * time.Hour)
	if _, err := s.Purge(t.Context(), store.Retention{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.PlanContent(t.Context(), old.ID); !errors.Is(err, commands.ErrNotFound) {
		t.Errorf("content of an old plan: %v", err)
	}
	if _, _, err := s.Open(t.Context(), fmt.Sprintf("plan/%d", old.ID)); !errors.Is(err, commands.ErrNotFound) {
		t.Errorf("list of an old plan: %v", err)
	}
	if _, _, err := s.Plan(t.Context(), old.ID); err != nil {
		t.Errorf("the plan itself: %v", err)
	}
	if _, _, err := s.PlanContent(t.Context(), open.ID); err != nil {
		t.Errorf("content of a plan that waits: %v", err)
	}
}

func TestTheStoreHasAnIdentity(t *testing.T) {
	dsn := database(t)
	one, err := open(t, dsn).ID(t.Context())
	two, again := open(t, dsn).ID(t.Context())
	if err != nil || again != nil || one == "" || one != two {
		t.Errorf("%q and %q, %v %v", one, two, err, again)
	}
}

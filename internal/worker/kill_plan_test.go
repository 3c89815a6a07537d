package worker_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/fix/report"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// mortal is a replica that is frozen at one of its steps, before or after it
// took effect, as by kill -9; and then, when nobody expects it, goes on.
type mortal struct {
	at    int64
	steps atomic.Int64
	once  sync.Once
	dead  chan struct{}
	awake chan struct{}
	gone  chan struct{} // it has given up
}

func newMortal(at int) *mortal {
	return &mortal{at: int64(at), dead: make(chan struct{}), awake: make(chan struct{}), gone: make(chan struct{})}
}

func (m *mortal) step() {
	if m.steps.Add(1) == m.at {
		m.once.Do(func() { close(m.dead) })
	}
	m.breathe()
}

// breathe is for what goes on beside the steps.
func (m *mortal) breathe() {
	select {
	case <-m.dead:
		<-m.awake
	default:
	}
}

func around[T any](m *mortal, do func() (T, error)) (T, error) {
	m.step()
	v, err := do()
	m.step()
	return v, err
}

// mortalStore and mortalTarget are the two worlds that a replica talks to.
type mortalStore struct {
	*store.Store
	m *mortal
}

func (s mortalStore) Extend(ctx context.Context, run, epoch int64, ttl time.Duration) (string, error) {
	s.m.breathe()
	return s.Store.Extend(ctx, run, epoch, ttl)
}

func (s mortalStore) Claim(ctx context.Context, run int64, holder string, ttl time.Duration) (store.Claim, error) {
	return around(s.m, func() (store.Claim, error) { return s.Store.Claim(ctx, run, holder, ttl) })
}

func (s mortalStore) Plan(ctx context.Context, id int64) (p fix.Plan, now time.Time, err error) {
	p, err = around(s.m, func() (p fix.Plan, err error) { p, now, err = s.Store.Plan(ctx, id); return p, err })
	return p, now, err
}

func (s mortalStore) BeginApply(ctx context.Context, run, epoch, plan int64, claims []fix.Claim, events []audit.Event) error {
	_, err := around(s.m, func() (int, error) { return 0, s.Store.BeginApply(ctx, run, epoch, plan, claims, events) })
	return err
}

func (s mortalStore) NoteSent(ctx context.Context, run, epoch, plan int64, made []fix.Claim) error {
	_, err := around(s.m, func() (int, error) { return 0, s.Store.NoteSent(ctx, run, epoch, plan, made) })
	return err
}

func (s mortalStore) ConcludePlan(ctx context.Context, epoch int64, run check.Run, step store.PlanStep, posts []message.Post, events []audit.Event) error {
	_, err := around(s.m, func() (int, error) { return 0, s.Store.ConcludePlan(ctx, epoch, run, step, posts, events) })
	return err
}

func (s mortalStore) Journal(run, epoch int64) check.Journal {
	return mortalJournal{s.Store.Journal(run, epoch), s.m}
}

type mortalJournal struct {
	check.Journal
	m *mortal
}

func (j mortalJournal) Save(ctx context.Context, name string, s check.State, rows [][]string) error {
	_, err := around(j.m, func() (int, error) { return 0, j.Journal.Save(ctx, name, s, rows) })
	return err
}

type mortalTarget struct {
	*target
	applier interface {
		fix.Applier
		fix.Patient
	}
	m *mortal
}

func (t mortalTarget) Ready(ctx context.Context) error {
	_, err := around(t.m, func() (int, error) { return 0, t.target.Ready(ctx) })
	return err
}

func (t mortalTarget) Applied(ctx context.Context, plan int64, forms []fix.Form) ([]fix.Result, error) {
	return around(t.m, func() ([]fix.Result, error) { return t.applier.Applied(ctx, plan, forms) })
}

func (t mortalTarget) Apply(ctx context.Context, p fix.Plan, forms []fix.Form, b fix.Batch, pass int, only []int) (fix.Result, error) {
	return around(t.m, func() (fix.Result, error) { return t.applier.Apply(ctx, p, forms, b, pass, only) })
}

func (t mortalTarget) Busy(ctx context.Context, p fix.Plan, forms []fix.Form, next *fix.Batch) (string, error) {
	return around(t.m, func() (string, error) { return t.applier.Busy(ctx, p, forms, next) })
}

func (t mortalTarget) Draft(ctx context.Context, o fix.Order, caps fix.Caps, tell func(check.Progress)) (fix.Draft, error) {
	return around(t.m, func() (fix.Draft, error) { return t.target.Draft(ctx, o, caps, tell) })
}

// fewRows are three batches of a target that makes few at once: there are many of
// these targets.
const fewRows = 25

func inThree(t *target) *target {
	t.per = 10
	return t
}

// ward is a check with a target and a plan of its own, and the replica that
// dies over it.
type ward struct {
	name string
	shop *target
	plan int64
	m    *mortal
}

// options of a worker that knows all wards; with a mortal it is that replica.
func wardOptions(s *store.Store, wards []*ward, m *mortal) worker.Options {
	detectors, fixes := map[string]check.Detector{}, fix.Catalog{}
	for _, w := range wards {
		detectors[w.name] = w.shop
		d := fix.Declared{Check: check.Check{Name: w.name}, Digest: "digest", Planner: w.shop, Applier: w.shop.applier(), Rules: fix.Rules{Caps: fix.Caps{Rows: 10_000, Share: 1}, SecondOver: 10_000, Expiry: time.Hour}}
		if m != nil {
			mortal := mortalTarget{w.shop, w.shop.applier(), m}
			d.Planner, d.Applier = mortal, mortal
		}
		fixes[w.name] = d
	}
	o := options(s, catalog(detectors))
	if m != nil {
		o.Store = mortalStore{s, m}
	}
	o.Fixes, o.Policy, o.Plans = fixes, fixers, report.Wording{Checks: o.Catalog.ByName(), Policy: authz.Policy{}}
	o.Lease, o.SweepEvery, o.Runs = 2*time.Second, time.Second, 8
	return o
}

// TestAReplicaIsKilledAtEveryStep: while a plan is worked out and while it is
// applied, before and after each thing that the replica asks of the store or of
// the target. Another one goes on; nothing is done twice, nothing is lost, and the
// dead that come back change nothing.
func TestAReplicaIsKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	killAtEveryStep(t, open(t, database(t)), func(string) *target { return inThree(newTarget(fewRows)) })
}

// TestAReplicaThatSendsIsKilledAtEveryStep: the same for a plan whose changes may
// be made only once and cannot be taken back.
func TestAReplicaThatSendsIsKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	killAtEveryStep(t, s, func(name string) *target { return inThree(newTopic(s, name, fewRows)) })
}

func killAtEveryStep(t *testing.T, s *store.Store, shop func(name string) *target) {
	planning, applying := countSteps(t, s, shop("check-0"))
	t.Logf("%d points while planning, %d while applying", planning, applying)
	var wards []*ward
	for at := 1; at <= planning+applying; at++ {
		name := fmt.Sprintf("check-%d", at)
		w := &ward{name: name, shop: shop(name), m: newMortal(at)}
		if at > planning {
			w.m = newMortal(at - planning)
		}
		w.plan = wish(t, s, func(o *fix.Order) { o.Check = w.name })
		wards = append(wards, w)
	}
	killWhile(t, s, wards, wards[:planning], func(w *ward) int64 { return w.plan })
	for _, w := range wards {
		until(t, s, w.plan, fix.Waiting)
		confirm(t, s, w.plan, "U2")
	}
	killWhile(t, s, wards, wards[planning:], func(w *ward) int64 { return planOf(t, s, w.plan).Run })
	for _, w := range wards {
		w.examine(t, s)
	}
	raise(t, wards)
	for _, w := range wards {
		w.examine(t, s)
	}
}

// raise lets the dead come back, and waits until they have given up.
func raise(t *testing.T, wards []*ward) {
	t.Helper()
	for _, w := range wards {
		close(w.m.awake)
	}
	for _, w := range wards {
		select {
		case <-w.m.gone:
		case <-time.After(patience):
			t.Errorf("the dead of %s still try", w.name)
		}
	}
}

// countSteps goes the whole way once without a death.
func countSteps(t *testing.T, s *store.Store, shop *target) (planning, applying int) {
	w := &ward{name: "check-0", shop: shop, m: newMortal(0)}
	replica, err := worker.New(wardOptions(s, []*ward{w}, w.m))
	if err != nil {
		t.Fatal(err)
	}
	w.plan = wish(t, s, func(o *fix.Order) { o.Check = w.name })
	if err := worker.Carry(t.Context(), replica, w.plan); err != nil {
		t.Fatal(err)
	}
	planning = int(w.m.steps.Swap(0))
	if err := worker.Carry(t.Context(), replica, confirm(t, s, w.plan, "U2")); err != nil {
		t.Fatal(err)
	}
	w.examine(t, s)
	return planning, int(w.m.steps.Load())
}

// killWhile lets the dying each take their own run, and then a survivor all that
// is left.
func killWhile(t *testing.T, s *store.Store, all, dying []*ward, run func(*ward) int64) {
	t.Helper()
	dieOver(t, s, all, dying, run)
	killed := time.Now()
	survivor, err := worker.New(wardOptions(s, all, nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- survivor.Run(ctx) }()
	for _, w := range all {
		if r := await(t, s, run(w)); r.State != check.Done {
			t.Errorf("%s: the run is %s: %s", w.name, r.State, r.Reason)
		}
	}
	t.Logf("all work was done %s after the deaths", time.Since(killed)) // TestKilledReplica holds one run to its time
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// dieOver lets the dying each take their own run, until they are dead.
func dieOver(t *testing.T, s *store.Store, all, dying []*ward, run func(*ward) int64) {
	t.Helper()
	var wg sync.WaitGroup
	for _, w := range dying {
		o := wardOptions(s, all, w.m)
		o.Holder = "mortal of " + w.name
		replica, err := worker.New(o)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer close(w.m.gone)
			_ = worker.Carry(context.Background(), replica, run(w))
		}()
		wg.Go(func() {
			select {
			case <-w.m.dead:
			case <-w.m.gone: // it needed a step less than the one that was counted
			}
		})
	}
	wg.Wait()
}

// examine looks at everything that may be there once.
func (w *ward) examine(t *testing.T, s *store.Store) {
	t.Helper()
	p := planOf(t, s, w.plan)
	want := fix.Outcome{Changed: fewRows, Total: fewRows, Batches: 3, Verdict: check.Pass, Before: fewRows, Took: p.Outcome.Took, Taken: p.Outcome.Taken}
	if diff := cmp.Diff(want, p.Outcome); diff != "" || p.State != fix.Applied || p.Outcome.Taken > 1 {
		t.Errorf("%s, step %d: %s %q, outcome (-want +got):\n%s", w.name, w.m.at, p.State, p.Reason, diff)
	}
	w.shop.mu.Lock()
	if len(w.shop.order) != 3 || w.shop.held == nil && w.shop.rows["0"] != "right" {
		t.Errorf("%s, step %d: applied %v", w.name, w.m.at, w.shop.order)
	}
	w.shop.mu.Unlock()
	if w.shop.held != nil {
		w.sentOnce(t)
	}
	got := map[string]int{}
	for _, e := range actions(t, s) {
		if action, ok := cutTarget(e, p.Ref()); ok {
			got[action]++
		}
	}
	if diff := cmp.Diff(map[string]int{"plan done": 1, "fix.apply intended": 1, "fix.applied done": 1, "fix.verified done": 1}, got); diff != "" {
		t.Errorf("%s, step %d: events (-want +got):\n%s", w.name, w.m.at, diff)
	}
}

// cutTarget takes the target out of an event about it.
func cutTarget(event, target string) (string, bool) {
	var action, on, outcome string
	if _, err := fmt.Sscan(event, &action, &on, &outcome); err != nil || on != target {
		return "", false
	}
	return action + " " + outcome, true
}

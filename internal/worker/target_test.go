package worker_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/store"
)

// place is a turn of one plan.
type place struct {
	plan        int64
	batch, pass int
}

// target is a database made up: rows with a value, and its own record of what
// was applied to them, changed together.
type target struct {
	mu     sync.Mutex
	rows   map[string]string
	locked map[string]int // for so many looks
	record map[place]fix.Result
	order  []place
	purged time.Time
	topic  string

	// fail gives the error of the n-th call of a kind, if it has one.
	fail  func(call string, n int) error
	calls map[string]int
	// before is called before a batch takes effect.
	before func(b fix.Batch, pass int)
	busy   []string
	// asked is told of every question whether to go on, and may want the plan to
	// end or say why not yet.
	asked func(next *fix.Batch) (why string, err error)

	// held makes of the rows records of a topic that are sent on: they stay as they
	// are, and only the ledger tells which of them are dealt with.
	held   func(ctx context.Context) ([]fix.Held, error)
	copies map[string]int // of each record
	epochs map[int64]int  // of each plan: whoever asked last may send
	// events: they have no places of their own, so that no ledger knows of them.
	events bool
	hangs  bool // Applied does not answer at all
	// per is how many changes a batch has; 0: as many as it may.
	per int
}

// forget makes the target remember nothing of any plan.
func (t *target) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.record)
	t.order = nil
}

// asks is how often a call was made.
func (t *target) asks(call string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calls[call]
}

// newTopic is a topic with so many dead letters, whose ledger is the store.
func newTopic(s *store.Store, name string, letters int) *target {
	t := newTarget(letters)
	t.copies, t.epochs = map[string]int{}, map[int64]int{}
	t.held = func(ctx context.Context) ([]fix.Held, error) { return s.Held(ctx, name, topicID) }
	t.topic = name
	return t
}

// topicID tells the topics of these tests from earlier ones of the same name.
const topicID = "id-1"

// dealt tells which records plans hold, at least as firmly as that.
func (t *target) dealt(ctx context.Context, holds ...fix.Hold) (map[string]bool, error) {
	out := map[string]bool{}
	if t.held == nil {
		return out, nil
	}
	held, err := t.held(ctx)
	for _, h := range held {
		for _, one := range h.Spans {
			for n := one.From; n < one.To && slices.Contains(holds, h.Hold); n++ {
				out[fmt.Sprint(n)] = true
			}
		}
	}
	return out, err
}

// wrongKeys are the rows that are wrong and not dealt with.
func (t *target) wrongKeys(dealt map[string]bool) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(sorted(t.rows, "wrong"), func(k string) bool { return dealt[k] })
}

// sends makes a draft one that sends records on, the first 500 as a canary.
func (t *target) sends(d fix.Draft) fix.Draft {
	if t.held == nil {
		return d
	}
	d.Irreversible, d.Content.First = "a record that was sent cannot be called back", cmp.Or(t.per/2, 500)
	d.Content.Forms = []fix.Form{{Op: fix.Send, Table: t.topic, Name: "orders", Key: []string{"partition", "offset"}, Shape: topicID, Once: !t.events}}
	for i := range d.Content.Changes {
		d.Content.Changes[i].Key = append([]string{"0"}, d.Content.Changes[i].Key...)
	}
	return d
}

func newTarget(rows int) *target {
	t := &target{rows: map[string]string{}, locked: map[string]int{}, record: map[place]fix.Result{}, calls: map[string]int{}}
	for n := range rows {
		t.rows[fmt.Sprint(n)] = "wrong"
	}
	return t
}

func (t *target) called(call string) error {
	t.mu.Lock()
	t.calls[call]++
	n, fail := t.calls[call], t.fail
	t.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(call, n)
}

func (t *target) value(key string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rows[key]
}

func (t *target) wrong() (n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, v := range t.rows {
		if v == "wrong" {
			n++
		}
	}
	return n
}

// Ready, Applied, Inverse, Apply, Purge and Busy implement fix.Applier.
func (t *target) Ready(context.Context) error { return t.called("ready") }

func (t *target) Apply(_ context.Context, p fix.Plan, _ []fix.Form, b fix.Batch, pass int, only []int) (fix.Result, error) {
	if t.before != nil {
		t.before(b, pass)
	}
	if err := t.called("apply"); err != nil {
		return fix.Result{}, err
	}
	result, err := t.apply(p, b, pass, only), t.called("answer")
	return result, err
}

func (t *target) apply(p fix.Plan, b fix.Batch, pass int, only []int) fix.Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := place{p.ID, b.N, pass}
	if r, ok := t.record[at]; ok {
		return r
	}
	r := fix.Result{Batch: b.N, Pass: pass}
	for i, c := range b.Changes {
		if pass == 2 && !slices.Contains(only, i) {
			continue
		}
		key := c.Key[len(c.Key)-1]
		switch {
		case t.locked[key] > 0:
			t.locked[key]--
			r.Skipped = append(r.Skipped, fix.Skipped{Index: i, Why: fix.WhyLocked})
		case t.rows[key] != *c.Old[0]:
			r.Skipped = append(r.Skipped, fix.Skipped{Index: i, Why: fix.WhyChanged})
		case t.held != nil:
			t.copies[key]++
			r.Changed++
		default:
			t.rows[key] = *c.New[0]
			r.Changed++
		}
	}
	t.record[at] = r
	t.order = append(t.order, at)
	return r
}

func (t *target) Applied(ctx context.Context, plan int64, _ []fix.Form) ([]fix.Result, error) {
	if err := t.called("applied"); err != nil {
		return nil, err
	}
	if t.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []fix.Result
	for _, at := range t.order {
		if at.plan == plan {
			out = append(out, t.record[at])
		}
	}
	return out, nil
}

func (t *target) Inverse(_ context.Context, _ fix.Order, _ fix.Plan, forms []fix.Form) (fix.Draft, error) {
	if len(forms) == 0 {
		return fix.Draft{}, errors.New("the forms are missing")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return draft("right", "wrong", sorted(t.rows, "right"), 2), nil
}

func (t *target) Purge(_ context.Context, before time.Time) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := int64(0)
	if t.purged.IsZero() {
		n = 12
	}
	t.purged = before
	return n, nil
}

func (t *target) Busy(_ context.Context, _ fix.Plan, _ []fix.Form, next *fix.Batch) (string, error) {
	if t.asked != nil {
		return t.asked(next)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.busy) == 0 {
		return "", nil
	}
	why := t.busy[0]
	t.busy = t.busy[1:]
	return why, nil
}

// Modes and Draft implement fix.Planner.
func (t *target) Modes() []string { return []string{"set"} }

func (t *target) Draft(ctx context.Context, o fix.Order, _ fix.Caps, tell func(check.Progress)) (fix.Draft, error) {
	tell(check.Progress{Done: 41, Total: 100, Reading: "rows"})
	if err := t.called("draft"); err != nil {
		return fix.Draft{}, err
	}
	if ctx.Err() != nil {
		return fix.Draft{}, ctx.Err()
	}
	dealt, err := t.dealt(ctx, fix.Sent, fix.Taken)
	if err != nil {
		return fix.Draft{}, err
	}
	keys := t.wrongKeys(dealt)
	if o.Limit > 0 {
		keys = keys[:min(len(keys), o.Limit)]
	}
	d := t.sends(draft("wrong", "right", keys, int64(len(t.rows))))
	d.Content.PerBatch = t.per
	return d, nil
}

func sorted(rows map[string]string, value string) []string {
	var keys []string
	for k, v := range rows {
		if v == value {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return len(a)*1000 - len(b)*1000 + slices.Compare([]byte(a), []byte(b)) })
	return keys
}

func draft(from, to string, keys []string, of int64) fix.Draft {
	n := int64(len(keys))
	d := fix.Draft{
		Does: fmt.Sprintf("set %d rows", n), Button: fmt.Sprintf("change %d rows", n), Noun: "rows", Target: "shop", Place: "production/shop",
		Rows: n, Found: n, Of: of, Total: n,
		Content: fix.Content{Forms: []fix.Form{{Op: fix.Update, Table: "t", Key: []string{"id"}, Columns: []string{"v"}}}},
		Listing: [][]string{{"key"}},
	}
	for _, k := range keys {
		d.Content.Changes = append(d.Content.Changes, fix.Change{Repairs: true, Key: []string{k}, Old: []*string{&from}, New: []*string{&to}})
		d.Listing = append(d.Listing, []string{k})
	}
	return d
}

// Detect implements check.Detector: it finds the rows that are wrong.
func (t *target) Detect(ctx context.Context, _ check.Options, _ check.Cursor, rec check.Recorder) (check.Result, error) {
	if err := t.called("detect"); err != nil {
		return check.Result{}, err
	}
	rec.Columns([]check.Column{{Name: "id", Class: check.Key}})
	dealt, err := t.dealt(ctx, fix.Sent)
	if err != nil {
		return check.Result{}, err
	}
	keys, of := t.wrongKeys(dealt), int64(len(t.rows))
	for _, k := range keys {
		rec.Found(check.Row{Key: []string{k}, Values: []*string{&k}})
	}
	return check.Result{Scanned: of}, rec.Save(ctx, nil)
}

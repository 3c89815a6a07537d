package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
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

	// fail gives the error of the n-th call of a kind, if it has one.
	fail  func(call string, n int) error
	calls map[string]int
	// before is called before a batch takes effect.
	before func(b fix.Batch, pass int)
	busy   []string
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
		switch {
		case t.locked[c.Key[0]] > 0:
			t.locked[c.Key[0]]--
			r.Skipped = append(r.Skipped, fix.Skipped{Index: i, Why: fix.WhyLocked})
		case t.rows[c.Key[0]] != *c.Old[0]:
			r.Skipped = append(r.Skipped, fix.Skipped{Index: i, Why: fix.WhyChanged})
		default:
			t.rows[c.Key[0]] = *c.New[0]
			r.Changed++
		}
	}
	t.record[at] = r
	t.order = append(t.order, at)
	return r
}

func (t *target) Applied(_ context.Context, plan int64) ([]fix.Result, error) {
	if err := t.called("applied"); err != nil {
		return nil, err
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

func (t *target) Busy(context.Context) (string, error) {
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

func (t *target) Draft(ctx context.Context, o fix.Order, _ fix.Caps, _ func(check.Progress)) (fix.Draft, error) {
	if err := t.called("draft"); err != nil {
		return fix.Draft{}, err
	}
	if ctx.Err() != nil {
		return fix.Draft{}, ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	keys := sorted(t.rows, "wrong")
	if o.Limit > 0 {
		keys = keys[:min(len(keys), o.Limit)]
	}
	return draft("wrong", "right", keys, int64(len(t.rows))), nil
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
	t.mu.Lock()
	keys, of := sorted(t.rows, "wrong"), int64(len(t.rows))
	t.mu.Unlock()
	for _, k := range keys {
		rec.Found(check.Row{Key: []string{k}, Values: []*string{&k}})
	}
	return check.Result{Scanned: of}, rec.Save(ctx, nil)
}

package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/redisproc"
)

// planned makes the planner of a fix of the customers' cache.
func (w *world) planned(checkText, fixText string, others ...Declaration) fix.Planner {
	w.t.Helper()
	words := wordsOf(w.t, checkText)
	f, err := DeclareFix("cache", words, node(w.t, fixText))
	if err != nil {
		w.t.Fatal(err)
	}
	return f.Planner(w.cache, w.rows, check.Check{Name: "customer-cache", Target: "cache", Noun: "cached customers"}, others...)
}

func allCaps() fix.Caps { return fix.Caps{Rows: 10_000, Share: 1} }

func (w *world) draft(p fix.Planner, o fix.Order) fix.Draft {
	w.t.Helper()
	d, err := p.Draft(w.t.Context(), o, allCaps(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// apply carries a plan out.
func (w *world) apply(plan int64, c fix.Content) fix.Outcome {
	w.t.Helper()
	applier := w.cache.Applier()
	if err := applier.Ready(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	var results []fix.Result
	for _, b := range c.Batches() {
		r, err := applier.Apply(w.t.Context(), fix.Plan{Order: fix.Order{ID: plan}}, c.Forms, b, 1, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		results = append(results, r)
	}
	return fix.Sum(fix.Draft{}, c.Forms, c.Batches(), results)
}

// kept is a value as DUMP gives it, with the moment at which it expires.
type kept struct {
	dump    string
	expires time.Duration
}

// Equal is for go-cmp: the moment is known to a few thousandths.
func (k kept) Equal(other kept) bool {
	return k.dump == other.dump && (k.expires-other.expires).Abs() < 10*time.Millisecond
}

// everything is all keys.
func (w *world) everything() map[string]kept {
	w.t.Helper()
	out := map[string]kept{}
	err := w.cache.Scan(w.t.Context(), "*", func(keys []string) error {
		pipe := w.client.Pipeline()
		var answers []func()
		for _, key := range keys {
			dump, expires := pipe.Dump(w.t.Context(), key), pipe.PExpireTime(w.t.Context(), key)
			answers = append(answers, func() { out[key] = kept{dump.Val(), expires.Val()} })
		}
		_, err := pipe.Exec(w.t.Context())
		for _, answer := range answers {
			answer()
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func planKeys(d fix.Draft) map[string]bool {
	out := map[string]bool{}
	for _, c := range d.Content.Changes {
		out[c.Key[0]] = true
	}
	return out
}

func TestAPlanClearsWhatIsWrongAndUndoIsEqual(t *testing.T) {
	t.Parallel()
	for name, shape := range map[string]redisproc.Shape{"standalone": redisproc.Single, "cluster": redisproc.Cluster} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, shape, customersSQL)
			truth := plant(t, w)
			before := w.everything()
			p := w.planned(customersCheck, "{mode: clear, rate: 0, classes: [stale, missing row, unreadable, no expiry, expiry beyond policy]}")
			d := w.draft(p, fix.Order{ID: 7})
			if diff := cmp.Diff(before, w.everything()); diff != "" {
				t.Errorf("a plan changed something: -before +after:\n%s", diff)
			}
			want := map[string]bool{}
			for _, keys := range truth {
				maps.Copy(want, keys)
			}
			for key := range want { // keys that are no text are written otherwise
				if legible(key) != key {
					delete(want, key)
					want[legible(key)] = true
				}
			}
			if diff := cmp.Diff(want, planKeys(d)); diff != "" {
				t.Errorf("-truth +plan:\n%s", diff)
			}
			if d.Rows != int64(len(want)) || d.Of < 2000 || len(d.Samples) != fix.MaxSamples || len(d.Listing) != len(want)+1 {
				t.Errorf("%d rows of %d, %d samples, %d lines", d.Rows, d.Of, len(d.Samples), len(d.Listing))
			}
			if o := w.apply(7, d.Content); o.Changed != d.Rows {
				t.Fatalf("%d of %d cleared: %+v", o.Changed, d.Rows, o.Skipped)
			}
			rec, _ := w.detected(wordsOf(t, customersCheck), check.Options{})
			if len(rec.rows) != 0 {
				t.Errorf("still wrong: %v", rec.byClass())
			}
			back, err := w.cache.Applier().Inverse(t.Context(), fix.Order{ID: 8}, fix.Plan{Order: fix.Order{ID: 7}, Draft: d}, d.Content.Forms)
			if err != nil {
				t.Fatal(err)
			}
			if o := w.apply(8, back.Content); o.Changed != d.Rows {
				t.Fatalf("%d of %d put back: %+v", o.Changed, d.Rows, o.Skipped)
			}
			after := w.everything()
			maps.DeleteFunc(after, func(key string, _ kept) bool { return w.cache.Own(key) })
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("-before +undone:\n%s", diff)
			}
		})
	}
}

func TestWhichKeysAPlanTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, customersSQL)
	for i := 1; i <= 100; i++ {
		c := correct(i)
		if i%10 == 0 {
			c["name"] = "stale"
		}
		w.put(fmt.Sprintf("customer:%d", i), c.json(t), time.Hour)
	}
	w.put("customer:55", correct(55).json(t), 0)
	p := w.planned(customersCheck, "{mode: clear, rate: 100}")
	for _, tt := range []struct {
		name   string
		order  fix.Order
		want   []string
		left   string
		reject string
	}{
		{"all", fix.Order{}, []string{"customer:10", "customer:100", "customer:20", "customer:30", "customer:40", "customer:50", "customer:60", "customer:70", "customer:80", "customer:90"}, "1 no expiry: this fix does not clear them (classes)", ""},
		{"a pattern", fix.Order{Select: []string{"pattern=customer:1*"}}, []string{"customer:10", "customer:100"}, "", ""},
		{"named ones", fix.Order{Select: []string{"key=customer:20", "key=customer:30"}}, []string{"customer:20", "customer:30"}, "", ""},
		{"named ones that agree", fix.Order{Select: []string{"key=customer:20", "key=customer:21", "key=customer:777"}}, []string{"customer:20"}, "1 agree with their row; 1 there is no such key", ""},
		{"only what agrees", fix.Order{Select: []string{"key=customer:21"}}, nil, "1 agree with their row", ""},
		{"a limit", fix.Order{Limit: 1, Select: []string{"key=customer:20", "key=customer:30"}}, []string{"customer:20"}, "", ""},
		{"nothing by that name", fix.Order{Select: []string{"key=customer:1000"}}, nil, "", "There is no key customer:1000 in Redis test/cache. Near it are customer:100"},
		{"another kind of key", fix.Order{Select: []string{"key=session:1"}}, nil, "", "session:1 is no key of customer-cache: those look like customer:*."},
		{"everything", fix.Order{Select: []string{"pattern=*"}}, nil, "", "The pattern * matches every key. Name what is meant"},
		{"everything in other words", fix.Order{Select: []string{"pattern=?*"}}, nil, "", "matches every key"},
		{"everything but", fix.Order{Select: []string{"pattern=[^x]*"}}, nil, "", "matches every key"},
		{"others' keys", fix.Order{Select: []string{"pattern=session:*"}}, nil, "", "No key of customer:* matches session:*."},
		{"both", fix.Order{Select: []string{"pattern=customer:1*", "key=customer:1"}}, nil, "", "Name keys or a pattern, not both."},
		{"what is no word", fix.Order{Select: []string{"customer:1"}}, nil, "", `"customer:1" does not say which keys are meant`},
		{"too fast", fix.Order{Rate: 101}, nil, "", "101 values a second are more than this fix may remove: rate is 100 in its config."},
		{"backwards", fix.Order{Rate: -1}, nil, "", "A rate of -1 values a second removes nothing"},
		{"a mode that is not allowed", fix.Order{Mode: "flush"}, nil, "", "customer-cache cannot be repaired by flush: its config allows clear."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.order.ID = 3
			d, err := p.Draft(t.Context(), tt.order, allCaps(), nil)
			if tt.reject != "" {
				if strings.HasPrefix(tt.reject, `"`) {
					tt.reject = strings.Trim(tt.reject, `"`)
				}
				wants(t, err, strings.TrimPrefix(tt.reject, `customer:1" `))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := slices.Sorted(maps.Keys(planKeys(d)))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var left []string
			for _, l := range d.Left {
				left = append(left, fmt.Sprintf("%d %s", l.Rows, l.Why))
			}
			if got := strings.Join(left, "; "); got != tt.left {
				t.Errorf("left %q, want %q", got, tt.left)
			}
		})
	}
	_, err := p.Draft(t.Context(), fix.Order{}, fix.Caps{Rows: 5, Share: 1}, nil)
	wants(t, err, "10 failing rows are more than one plan may repair")
}

// TestAValueThatIsRefreshedStays: between the preview and the click.
func TestAValueThatIsRefreshedStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, redisproc.Single, customersSQL)
	for i := 1; i <= 4; i++ {
		c := correct(i)
		c["name"] = "stale"
		w.put(fmt.Sprintf("customer:%d", i), c.json(t), time.Hour)
	}
	d := w.draft(w.planned(customersCheck, "{mode: clear}"), fix.Order{ID: 1})
	w.put("customer:2", correct(2).json(t), time.Hour)
	w.client.Del(t.Context(), "customer:3")
	o := w.apply(1, d.Content)
	slices.SortFunc(o.Skipped, func(a, b fix.Skip) int { return strings.Compare(a.Key[0], b.Key[0]) })
	want := []fix.Skip{{Table: "customer:*", Key: []string{"customer:2"}, Why: fix.WhyChanged}, {Table: "customer:*", Key: []string{"customer:3"}, Why: fix.WhyGone}}
	if diff := cmp.Diff(want, o.Skipped); diff != "" || o.Changed != 2 {
		t.Errorf("%d cleared, -want +got:\n%s", o.Changed, diff)
	}
	if w.client.Exists(t.Context(), "customer:2").Val() != 1 {
		t.Error("the refreshed value is gone")
	}
}

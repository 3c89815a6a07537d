package fix_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/fix"
)

func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{"", "o1", "NULL", "\"", "</script>", "\u2028", "(1,\"a,b\")"}), rapid.StringN(0, 20, 80))
}

func values() *rapid.Generator[[]*string] {
	return rapid.SliceOfN(rapid.Ptr(text(), true), 0, 4)
}

func content() *rapid.Generator[fix.Content] {
	return rapid.Custom(func(t *rapid.T) fix.Content {
		form := rapid.Custom(func(t *rapid.T) fix.Form {
			return fix.Form{
				Op:    rapid.SampledFrom([]fix.Op{fix.Update, fix.Delete, fix.Quarantine, fix.Insert}).Draw(t, "op"),
				Table: text().Draw(t, "table"), Key: rapid.SliceOfN(text(), 1, 3).Draw(t, "key"),
				Columns: rapid.SliceOfN(text(), 0, 3).Draw(t, "columns"), Unless: text().Draw(t, "unless"), Why: text().Draw(t, "why"),
				Once: rapid.Bool().Draw(t, "once"), Spec: rapid.SampledFrom([]json.RawMessage{nil, []byte(`{}`), []byte("{\"v\": 1,\n \"k\": \"<&>\u2028\"}")}).Draw(t, "spec"),
			}
		})
		change := rapid.Custom(func(t *rapid.T) fix.Change {
			return fix.Change{
				Form: rapid.IntRange(0, 3).Draw(t, "form"), Key: rapid.SliceOfN(text(), 1, 3).Draw(t, "key"),
				Before: text().Draw(t, "before"), After: text().Draw(t, "after"),
				Old: values().Draw(t, "old"), New: values().Draw(t, "new"),
			}
		})
		return fix.Content{
			Forms: rapid.SliceOfN(form, 1, 4).Draw(t, "forms"), Changes: rapid.SliceOfN(change, 1, 20).Draw(t, "changes"),
		}
	})
}

func hash(t interface{ Fatal(...any) }, c fix.Content, o fix.Order, target string) string {
	h, err := c.Hash(o, target)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestTheHashSurvivesTheStore: what was written down and read again is the same
// plan.
func TestTheHashSurvivesTheStore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := content().Draw(t, "content")
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back fix.Content
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if hash(t, c, fix.Order{}, "shop") != hash(t, back, fix.Order{}, "shop") {
			t.Error("another hash after the store")
		}
	})
}

// example has every field of a form and of a change set.
func example() fix.Content {
	old, now := "1.00", "2.00"
	return fix.Content{
		Forms: []fix.Form{{Op: fix.Update, Table: "orders", Key: []string{"id"}, Columns: []string{"total"}, Unless: "false", Why: "x", Held: "true", Name: "fk"}},
		Changes: []fix.Change{
			{Form: 0, Key: []string{"o1"}, Group: 1, Before: "(o1)", After: "(o2)", Old: []*string{&old}, New: []*string{&now}},
			{Form: 0, Key: []string{"o2"}},
		},
	}
}

// TestTheHashIsOverEverything: the plan is another one if any field differs. A
// field that is new has to be named here.
func TestTheHashIsOverEverything(t *testing.T) {
	other := "3.00"
	forms := map[string]func(*fix.Form){
		"Op": func(f *fix.Form) { f.Op = fix.Delete }, "Table": func(f *fix.Form) { f.Table = "payments" },
		"Key": func(f *fix.Form) { f.Key = []string{"id", "n"} }, "Columns": func(f *fix.Form) { f.Columns = []string{"status"} },
		"Unless": func(f *fix.Form) { f.Unless = "true" }, "Why": func(f *fix.Form) { f.Why = "y" },
		"Held": func(f *fix.Form) { f.Held = "" }, "Name": func(f *fix.Form) { f.Name = "fk2" },
		"Path": func(f *fix.Form) { f.Path = "public" }, "Refers": func(f *fix.Form) { f.Refers = "true" }, "Shape": func(f *fix.Form) { f.Shape = "id text" },
		"Once": func(f *fix.Form) { f.Once = true }, "Spec": func(f *fix.Form) { f.Spec = json.RawMessage(`{"v":2}`) },
	}
	changes := map[string]func(*fix.Change){
		"Form": func(c *fix.Change) { c.Form = 1 }, "Key": func(c *fix.Change) { c.Key = []string{"o3"} },
		"Repairs": func(c *fix.Change) { c.Repairs = true },
		"Group":   func(c *fix.Change) { c.Group = 2 }, "Before": func(c *fix.Change) { c.Before = "" },
		"After": func(c *fix.Change) { c.After = "(o3)" }, "Old": func(c *fix.Change) { c.Old = []*string{nil} },
		"New": func(c *fix.Change) { c.New = []*string{&other} },
	}
	whole := map[string]func(*fix.Content){
		"order": func(c *fix.Content) { c.Changes[0], c.Changes[1] = c.Changes[1], c.Changes[0] },
		"fewer": func(c *fix.Content) { c.Changes = c.Changes[:1] },
		"form":  func(c *fix.Content) { c.Forms = append(c.Forms, fix.Form{}) },
	}
	for name, change := range forms {
		whole["Form."+name] = func(c *fix.Content) { change(&c.Forms[0]) }
	}
	for name, change := range changes {
		whole["Change."+name] = func(c *fix.Content) { change(&c.Changes[0]) }
	}
	if named, have := len(forms)+len(changes), reflect.TypeFor[fix.Form]().NumField()+reflect.TypeFor[fix.Change]().NumField(); named != have {
		t.Errorf("%d fields are named here, there are %d", named, have)
	}
	order := fix.Order{ID: 77, Check: "orphaned-orders", Mode: "delete", Argument: "c1"}
	seen := map[string]string{hash(t, example(), order, "shop"): "as it is"}
	note := func(name, h string) {
		if before, twice := seen[h]; twice {
			t.Errorf("%s and %s have one hash", name, before)
		}
		seen[h] = name
	}
	for name, change := range whole {
		c := example()
		change(&c)
		note(name, hash(t, c, order, "shop"))
	}
	for name, o := range map[string]fix.Order{
		"Check": {Check: "items", Mode: "delete", Argument: "c1"}, "Mode": {Check: "orphaned-orders", Mode: "attach", Argument: "c1"},
		"Argument": {Check: "orphaned-orders", Mode: "delete", Argument: "c2"}, "Undoes": {Check: "orphaned-orders", Mode: "delete", Argument: "c1", Undoes: 7},
	} {
		note("Order."+name, hash(t, example(), o, "shop"))
	}
	note("target", hash(t, example(), order, "other"))
	if again := hash(t, example(), order, "shop"); seen[again] != "as it is" {
		t.Error("the same plan has two hashes")
	}
}

// TestBatches: all changes in order, at most MaxBatch in each, numbered, and
// nothing that belongs together is torn apart.
func TestBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c fix.Content
		group := 0
		for _, size := range rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 5), rapid.IntRange(1, fix.MaxBatch)), 0, 12).Draw(t, "groups") {
			if group++; rapid.Bool().Draw(t, "alone") {
				size = -size
			}
			for range max(size, -size) {
				change := fix.Change{Form: len(c.Changes)}
				if size > 0 {
					change.Group = group
				}
				c.Changes = append(c.Changes, change)
			}
		}
		var all []fix.Change
		where := map[int]int{}
		for i, b := range c.Batches() {
			if b.N != i || len(b.Changes) == 0 || len(b.Changes) > fix.MaxBatch {
				t.Fatalf("batch %d at place %d has %d changes", b.N, i, len(b.Changes))
			}
			for _, change := range b.Changes {
				if in, known := where[change.Group]; known && in != i && change.Group != 0 {
					t.Fatalf("group %d is in batches %d and %d", change.Group, in, i)
				}
				where[change.Group] = i
			}
			all = append(all, b.Changes...)
		}
		if diff := cmp.Diff(len(c.Changes), len(all)); diff != "" {
			t.Fatal(diff)
		}
		for i := range all {
			if all[i].Form != i {
				t.Fatalf("change %d is at place %d", all[i].Form, i)
			}
		}
	})
	if got := (fix.Content{}).Batches(); len(got) != 0 {
		t.Errorf("an empty plan has %d batches", len(got))
	}
}

// TestBatchesOfASize: the first is a canary, the others are as large as the target
// likes them.
func TestBatchesOfASize(t *testing.T) {
	for _, tt := range []struct {
		first, per int
		want       []int
	}{
		{0, 0, []int{1000, 1000, 500}},
		{10, 0, []int{10, 1000, 1000, 490}},
		{0, 2000, []int{2000, 500}},
		{10, 2000, []int{10, 2000, 490}},
		{5000, 100, []int{2500}},
	} {
		c := fix.Content{Changes: make([]fix.Change, 2500), First: tt.first, PerBatch: tt.per}
		var got []int
		for _, b := range c.Batches() {
			got = append(got, len(b.Changes))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("first %d, then %d (-want +got):\n%s", tt.first, tt.per, diff)
		}
	}
}

func TestAgain(t *testing.T) {
	r := fix.Result{Skipped: []fix.Skipped{{Index: 0, Why: fix.WhyChanged}, {Index: 3, Why: fix.WhyLocked}, {Index: 5, Why: fix.WhyDependant}, {Index: 7, Why: fix.WhyGone}, {Index: 8, Why: fix.WhyUnless}, {Index: 9, Why: fix.WhyTaken}, {Index: 11, Why: fix.WhyGroup}}}
	if diff := cmp.Diff([]int{3, 5, 11}, r.Again()); diff != "" {
		t.Error(diff)
	}
}

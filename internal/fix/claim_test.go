package fix_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/fix"
)

// sending are forms of a plan that sends letters of two topics on, and one that
// may be carried out again.
var sending = []fix.Form{
	{Op: fix.Send, Table: "dlq", Shape: "id-1", Name: "orders", Once: true},
	{Op: fix.Send, Table: "old-dlq", Shape: "id-2", Name: "orders", Once: true},
	{Op: fix.Send, Table: "events", Name: "orders"},
}

func letter(form int, part, place int64) fix.Change {
	return fix.Change{Form: form, Key: []string{fmt.Sprint(part), fmt.Sprint(place)}, Repairs: true}
}

func TestWhatAPlanClaims(t *testing.T) {
	batches := []fix.Batch{
		{N: 0, Changes: []fix.Change{letter(0, 3, 12), letter(0, 3, 10), letter(0, 3, 11), letter(0, 0, 7), letter(2, 9, 9)}},
		{N: 1, Changes: []fix.Change{letter(0, 3, 13), letter(1, 3, 11), letter(0, 3, 20)}},
	}
	got, err := fix.Claims(sending, batches)
	want := []fix.Claim{
		{Batch: 0, Source: "dlq", Of: "id-1", Part: 3, Spans: []fix.Span{{From: 10, To: 13}}},
		{Batch: 0, Source: "dlq", Of: "id-1", Part: 0, Spans: []fix.Span{{From: 7, To: 8}}},
		{Batch: 1, Source: "dlq", Of: "id-1", Part: 3, Spans: []fix.Span{{From: 13, To: 14}, {From: 20, To: 21}}},
		{Batch: 1, Source: "old-dlq", Of: "id-2", Part: 3, Spans: []fix.Span{{From: 11, To: 12}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := fix.Claims([]fix.Form{{Op: fix.Delete, Table: "t"}}, []fix.Batch{{Changes: []fix.Change{{Key: []string{"o1"}}}}}); got != nil || err != nil {
		t.Errorf("a plan of rows claims %v, %v", got, err)
	}
}

func TestWhatIsNoPlaceCannotBeClaimed(t *testing.T) {
	for name, c := range map[string]struct {
		changes [][]fix.Change // by batch
		want    string
	}{
		"no key":               {[][]fix.Change{{{}}}, "is not a part and a place"},
		"one word":             {[][]fix.Change{{{Key: []string{"3"}}}}, "is not a part and a place"},
		"three words":          {[][]fix.Change{{{Key: []string{"3", "4", "5"}}}}, "is not a part and a place"},
		"a part in words":      {[][]fix.Change{{{Key: []string{"x", "1"}}}}, "its part"},
		"a place in words":     {[][]fix.Change{{{Key: []string{"1", "x"}}}}, "its place"},
		"a part too large":     {[][]fix.Change{{letter(0, 1<<31, 1)}}, "its part"},
		"before the beginning": {[][]fix.Change{{letter(0, 1, -1)}}, "cannot be"},
		"no part":              {[][]fix.Change{{letter(0, -1, 1)}}, "cannot be"},
		"the last number":      {[][]fix.Change{{letter(0, 1, 1<<63-1)}}, "cannot be"},
		"twice in a batch":     {[][]fix.Change{{letter(0, 1, 5), letter(0, 1, 6), letter(0, 1, 5)}}, "place 5 is there twice"},
		"twice in a plan":      {[][]fix.Change{{letter(0, 1, 5), letter(0, 1, 6)}, {letter(0, 1, 7)}, {letter(0, 1, 6)}}, "batches 0 and 2 both have place 6"},
	} {
		t.Run(name, func(t *testing.T) {
			var batches []fix.Batch
			for n, changes := range c.changes {
				batches = append(batches, fix.Batch{N: n, Changes: changes})
			}
			if got, err := fix.Claims(sending, batches); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestWhatWasMadeIsWhatWasClaimedWithoutWhatWasLeft: whatever a target records,
// place by place.
func TestWhatWasMadeIsWhatWasClaimedWithoutWhatWasLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := fix.Content{Forms: sending, PerBatch: 7, First: 2}
		for i, place := range rapid.SliceOfNDistinct(rapid.Int64Range(0, 60), 1, 50, rapid.ID).Draw(t, "places") {
			content.Changes = append(content.Changes, letter(rapid.IntRange(0, 2).Draw(t, "form"), int64(i%3), place))
		}
		batches := content.Batches()
		var results []fix.Result
		want := map[string]bool{}
		for _, b := range batches {
			if rapid.Bool().Draw(t, "begun") {
				results = append(results, record(t, b, want)...)
			}
		}
		claims, err := fix.AllMade(sending, batches, rapid.Permutation(results).Draw(t, "order"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, places(claims)); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// record draws what became of a batch in its two passes, and notes what was sent.
func record(t *rapid.T, b fix.Batch, sent map[string]bool) []fix.Result {
	one, two := fix.Result{Batch: b.N, Pass: 1}, fix.Result{Batch: b.N, Pass: 2}
	again := rapid.Bool().Draw(t, "second pass")
	for i, c := range b.Changes {
		left := false
		switch rapid.SampledFrom([]string{"made", "made", "gone", "locked", "locked for ever"}).Draw(t, "fate") {
		case "gone":
			one.Skipped, left = append(one.Skipped, fix.Skipped{Index: i, Why: fix.WhyGone}), true
		case "locked":
			one.Skipped, left = append(one.Skipped, fix.Skipped{Index: i, Why: fix.WhyLocked}), !again
		case "locked for ever":
			one.Skipped, left = append(one.Skipped, fix.Skipped{Index: i, Why: fix.WhyLocked}), true
			two.Skipped = append(two.Skipped, fix.Skipped{Index: i, Why: fix.WhyLocked})
		}
		if !left && sending[c.Form].Once {
			sent[fmt.Sprint(sending[c.Form].Table, c.Key)] = true
		}
	}
	if again {
		return []fix.Result{one, two}
	}
	return []fix.Result{one}
}

func places(claims []fix.Claim) map[string]bool {
	out := map[string]bool{}
	for _, c := range claims {
		for _, s := range c.Spans {
			for p := s.From; p < s.To; p++ {
				out[fmt.Sprint(c.Source, []string{fmt.Sprint(c.Part), fmt.Sprint(p)})] = true
			}
		}
	}
	return out
}

func TestWhatPeopleReadOfAClash(t *testing.T) {
	for want, c := range map[string]fix.Clash{
		"1 of its records was taken by P-1050 meanwhile: make a new preview.":                      {Places: 1, Plans: []int64{1050}},
		"1,200 of its records were taken by P-1050 and P-1051 meanwhile: make a new preview.":      {Places: 1200, Plans: []int64{1050, 1051}},
		"3 of its records were taken by P-1, P-2 and P-3 meanwhile: make a new preview.":           {Places: 3, Plans: []int64{1, 2, 3}},
		"5 of its records were taken by P-1, P-2, P-3 and 2 others meanwhile: make a new preview.": {Places: 5, Plans: []int64{1, 2, 3, 4, 5}},
		"4 of its records were taken by P-1, P-2, P-3 and 1 other meanwhile: make a new preview.":  {Places: 4, Plans: []int64{1, 2, 3, 4}},
	} {
		if got := c.Sentence(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := (&fix.Clash{Places: 9, Plans: []int64{1, 2, 3, 4, 5}}).Error(); got != "9 of its places are claimed by P-1, P-2, P-3, P-4 and P-5" {
		t.Errorf("the log says %q", got)
	}
}

package kafka

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/fix"
)

// TestMemoryKeepsEveryBatch: whatever was sent and left alone, the text beside the
// offset gives it back.
func TestMemoryKeepsEveryBatch(t *testing.T) {
	t.Parallel()
	whys := []fix.Why{fix.WhyChanged, fix.WhyGone, fix.WhyUnless, whyLarge, whyTime, whyKeyless, whyPartition}
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMilli(1_700_000_000_000).UTC()
		var m memory
		var want []fix.Result
		for n := range rapid.IntRange(0, 12).Draw(t, "batches") {
			size := rapid.IntRange(1, 30).Draw(t, "size")
			r := fix.Result{Batch: n, Pass: 1, Changed: int64(size), At: at}
			for i := range size {
				if rapid.IntRange(0, 3).Draw(t, "left alone") == 0 {
					r.Skipped = append(r.Skipped, fix.Skipped{Index: i, Why: rapid.SampledFrom(whys).Draw(t, "why")})
					r.Changed--
				}
			}
			m = m.with(r, size, r.Changed)
			want = append(want, r)
		}
		text, err := m.text()
		if err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 {
			return // nothing is ever written of it
		}
		read, err := readMemory(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := read.results()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s gives (-want +got):\n%s", text, diff)
		}
	})
}

// TestMemoryOfALargePlanFits: a plan of half a million letters, of which every
// thousandth was left alone.
func TestMemoryOfALargePlanFits(t *testing.T) {
	t.Parallel()
	var m memory
	for n := range 100 {
		r := fix.Result{Batch: n, Pass: 1, Changed: 4_995, At: time.UnixMilli(1_700_000_000_000)}
		for i := range 5 {
			r.Skipped = append(r.Skipped, fix.Skipped{Index: i * 1_000, Why: fix.WhyUnless})
		}
		m = m.with(r, 5_000, r.Changed)
	}
	text, err := m.text()
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > memoryMost {
		t.Errorf("the memory has %d bytes", len(text))
	}
}

// FuzzReadMemory: whatever stands beside an offset, reading it gives results or an
// error.
func FuzzReadMemory(f *testing.F) {
	f.Add(`{"v":1,"next":2,"sizes":[[3,2]],"skipped":{"g":"0:1-2;1:0"}}`)
	f.Add(`{"v":1,"next":1,"sizes":[[3,1]],"skipped":{"g":"0:2-1"}}`)
	f.Add(`{"v":1,"next":-1,"sizes":[[-3,-1]]}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := readMemory(text)
		if err != nil {
			return
		}
		results, err := m.results()
		if err != nil {
			return
		}
		for i, r := range results {
			if r.Batch != i || r.Changed < 0 {
				t.Errorf("%s gives %+v", text, r)
			}
		}
	})
}

package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
)

// TestWhatWasFoundLast: the newest finding of each check, of runs that looked at everything.
func TestWhatWasFoundLast(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	found := func(rows int64, change func(*check.Order), names ...string) int64 {
		t.Helper()
		var id int64
		_, err := s.Record(t.Context(), clock.String()+names[0], true, func(run int64) commands.Intent {
			id = run
			o := &check.Order{ID: run, Checks: names, Channel: "C1", AskedBy: "U1", AskedAt: clock, Request: "r"}
			if change != nil {
				change(o)
			}
			return commands.Intent{Run: o}
		})
		if err != nil {
			t.Fatal(err)
		}
		c := claim(t, s, id, "one")
		j := s.Journal(id, c.Epoch)
		for _, name := range names {
			f := check.Finding{Check: name, Verdict: check.Fail, Tally: check.Tally{Rows: rows}, Started: clock}
			if err := j.Save(t.Context(), name, check.State{Started: clock, Finding: &f}, nil); err != nil {
				t.Fatal(err)
			}
		}
		run := c.Run
		run.State, run.Finished = check.Done, clock
		if err := s.Conclude(t.Context(), c.Epoch, run, nil, nil); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(time.Minute)
		return id
	}
	found(1, nil, "a", "b") // at noon
	second := found(2, nil, "b")
	third := found(3, nil, "a")
	found(4, func(o *check.Order) { o.Options.Since = time.Hour }, "a")

	got := func(since time.Time, names ...string) map[string][2]int64 {
		t.Helper()
		seen, err := s.LastFindings(t.Context(), names, since)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][2]int64{}
		for _, one := range seen {
			out[one.Finding.Check] = [2]int64{one.Run, one.Finding.Tally.Rows}
		}
		return out
	}
	if diff := cmp.Diff(map[string][2]int64{"a": {third, 3}, "b": {second, 2}}, got(noon.Add(-time.Hour), "a", "b", "c")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][2]int64{"a": {third, 3}}, got(noon.Add(90*time.Second), "a", "b")); diff != "" {
		t.Errorf("since half past one (-want +got):\n%s", diff)
	}
}

// TestTheNewestIsWhatWasLookedAtLast: of two runs side by side the one that ends last
// may have looked at a check first.
func TestTheNewestIsWhatWasLookedAtLast(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	begin := func(key string) (id int64, epoch int64, run check.Run) {
		t.Helper()
		if _, err := s.Record(t.Context(), key, true, func(n int64) commands.Intent {
			id = n
			return commands.Intent{Run: &check.Order{ID: n, Checks: []string{"a"}, Channel: "C1", AskedBy: "U1", AskedAt: clock, Request: "r"}}
		}); err != nil {
			t.Fatal(err)
		}
		c := claim(t, s, id, key)
		return id, c.Epoch, c.Run
	}
	long, longEpoch, longRun := begin("long")
	short, shortEpoch, shortRun := begin("short")
	ended := func(id, epoch int64, run check.Run, started time.Time, took time.Duration, verdict check.Verdict) {
		t.Helper()
		f := check.Finding{Check: "a", Verdict: verdict, Started: started, Duration: took}
		if err := s.Journal(id, epoch).Save(t.Context(), "a", check.State{Started: started, Finding: &f}, nil); err != nil {
			t.Fatal(err)
		}
		run.State, run.Finished = check.Done, clock
		if err := s.Conclude(t.Context(), epoch, run, nil, nil); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(time.Minute)
	}
	// It was repaired between 12:02, when the long run had looked at it, and 12:03.
	ended(short, shortEpoch, shortRun, noon.Add(3*time.Minute), 1500*time.Millisecond, check.Pass)
	ended(long, longEpoch, longRun, noon, 2*time.Minute, check.Fail)
	seen, err := s.LastFindings(t.Context(), []string{"a"}, noon.Add(-time.Hour))
	if err != nil || len(seen) != 1 || seen[0].Run != short || seen[0].Finding.Verdict != check.Pass {
		t.Errorf("%+v, %v; want run %d, which passed", seen, err, short)
	}
}

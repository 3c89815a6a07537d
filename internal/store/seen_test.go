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

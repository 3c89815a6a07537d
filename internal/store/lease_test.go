package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/store"
)

const ttl = 15 * time.Second

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func claim(t testing.TB, s *store.Store, run int64, holder string) store.Claim {
	t.Helper()
	c, err := s.Claim(t.Context(), run, holder, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// runToItsEnd claims, journals and concludes a run of one check "a".
func runToItsEnd(t testing.TB, s *store.Store, run int64) int64 {
	t.Helper()
	c := claim(t, s, run, "one")
	j := s.Journal(run, c.Epoch)
	if err := j.Save(t.Context(), "a", check.State{Cursor: check.Cursor(`1`)}, [][]string{{"x"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Extend(t.Context(), run, c.Epoch, ttl); err != nil {
		t.Fatal(err)
	}
	end := c.Run
	end.State, end.Findings = check.Done, []check.Finding{{Check: "a", Verdict: check.Pass}}
	if err := s.Conclude(t.Context(), c.Epoch, end, nil, []audit.Event{event("check.run")}); err != nil {
		t.Fatal(err)
	}
	return run
}

// stopAfter is a context that ends when the job of the run was taken.
func stopAfter(t testing.TB, _ int64) context.Context {
	t.Helper()
	return within(t, 2*time.Second)
}

func TestOnlyOneHoldsARun(t *testing.T) {
	clock := noon
	dsn := database(t)
	one, two := open(t, dsn, at(&clock)), open(t, dsn, at(&clock))
	run := ask(t, one, "k", "a")
	first := claim(t, one, run, "one")
	if first.Epoch != 1 || first.Run.State != check.Running || !first.Run.Started.Equal(noon) {
		t.Errorf("claim %+v", first)
	}
	if _, err := two.Claim(t.Context(), run, "two", ttl); !errors.Is(err, check.ErrFenced) {
		t.Errorf("second claim: %v", err)
	}
	clock = noon.Add(ttl - time.Second)
	if _, err := one.Extend(t.Context(), run, first.Epoch, ttl); err != nil {
		t.Error(err)
	}
	clock = noon.Add(ttl + time.Second) // extended
	if _, err := two.Claim(t.Context(), run, "two", ttl); !errors.Is(err, check.ErrFenced) {
		t.Errorf("claim of an extended run: %v", err)
	}
	clock = noon.Add(3 * ttl)
	second := claim(t, two, run, "two")
	if second.Epoch != 2 || second.Crashes != 1 || !second.Run.Started.Equal(noon) {
		t.Errorf("claim %+v", second)
	}
}

// A holder that was paused and comes back must not be able to write anything.
func TestPausedHolderIsFenced(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	run := ask(t, s, "k", "a")
	old := claim(t, s, run, "old")
	j := s.Journal(run, old.Epoch)
	if err := j.Save(t.Context(), "a", check.State{}, [][]string{{"1"}}); err != nil {
		t.Fatal(err)
	}
	clock = noon.Add(2 * ttl)
	claim(t, s, run, "new")
	for name, write := range map[string]func() error{
		"save":     func() error { return j.Save(t.Context(), "a", check.State{}, [][]string{{"2"}}) },
		"save new": func() error { return j.Save(t.Context(), "b", check.State{}, [][]string{{"2"}}) },
		"show":     func() error { return s.Show(t.Context(), run, old.Epoch, post("run/1", "C1", "late")) },
		"conclude": func() error {
			return s.Conclude(t.Context(), old.Epoch, check.Run{Order: *order(run, "a"), State: check.Done},
				[]message.Post{post("run/1", "C1", "late")}, []audit.Event{event("check.run")})
		},
		"extend": func() error { _, err := s.Extend(t.Context(), run, old.Epoch, ttl); return err },
	} {
		if err := write(); !errors.Is(err, check.ErrFenced) {
			t.Errorf("%s by the old holder: %v", name, err)
		}
	}
	if err := s.Release(t.Context(), run, old.Epoch); err != nil {
		t.Errorf("release by the old holder: %v", err)
	}
	for what, query := range map[string]string{
		"posts": `SELECT count(*) FROM posts`, "released runs": `SELECT count(*) FROM runs WHERE lease = '-infinity'`,
		"late events": `SELECT count(*) FROM audit_events WHERE action = 'check.run'`, "late rows": `SELECT count(*) - 1 FROM run_rows`,
	} {
		if n := count(t, s, query); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}

func TestStopReachesTheHolder(t *testing.T) {
	s := open(t, database(t))
	run := ask(t, s, "k", "a")
	c := claim(t, s, run, "one")
	if _, err := s.Record(t.Context(), "stop", false, func(int64) commands.Intent {
		return commands.Intent{Stop: &commands.Stop{Run: run, By: "U9"}}
	}); err != nil {
		t.Fatal(err)
	}
	by, err := s.Extend(t.Context(), run, c.Epoch, ttl)
	if err != nil || by != "U9" {
		t.Errorf("Extend = %q, %v", by, err)
	}
}

func TestConcludeWritesOnce(t *testing.T) {
	s := open(t, database(t))
	run := ask(t, s, "k", "a", "b")
	c := claim(t, s, run, "one")
	end := c.Run
	end.State, end.Reason = check.Failed, "The store was away."
	end.Findings = []check.Finding{{Check: "b", Verdict: check.Unknown, Reason: "not asked"}, {Check: "a", Verdict: check.Fail, Tally: check.Tally{Rows: 3}}}
	if err := s.Conclude(t.Context(), c.Epoch, end, []message.Post{post("run/1", "C1", "end")}, []audit.Event{event("check.run")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Conclude(t.Context(), c.Epoch, end, nil, []audit.Event{event("check.run")}); !errors.Is(err, check.ErrFenced) {
		t.Errorf("second Conclude: %v", err)
	}
	got, err := s.Run(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	if got.Finished.IsZero() {
		t.Error("not finished")
	}
	want := end
	want.Findings = []check.Finding{end.Findings[1], end.Findings[0]} // as asked
	want.Finished = got.Finished
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
}

func TestSweepTakesUpWhatNobodyHolds(t *testing.T) {
	clock := time.Now()
	s := open(t, database(t), at(&clock))
	run := ask(t, s, "k", "a")
	sweep := func(when string, want int) {
		t.Helper()
		n, err := s.Sweep(t.Context())
		if err != nil || n != want {
			t.Errorf("%s: Sweep = %d, %v; want %d", when, n, err, want)
		}
	}
	clock = clock.Add(time.Minute)
	sweep("its job waits", 0)
	count(t, s, `WITH x AS (UPDATE river_job SET state = 'running' RETURNING 1) SELECT count(*) FROM x`)
	sweep("its job was lost with a process before the claim", 1)
	sweep("enqueued just now", 0)
	count(t, s, `WITH x AS (UPDATE river_job SET state = 'running' RETURNING 1) SELECT count(*) FROM x`)
	c := claim(t, s, run, "one")
	clock = clock.Add(ttl - time.Second)
	sweep("held", 0)
	clock = clock.Add(2 * time.Second)
	sweep("the holder went silent", 1)
	if err := s.Release(t.Context(), run, c.Epoch); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT count(*) FROM river_job WHERE state = 'available'`); n != 2 {
		t.Errorf("%d jobs after release", n)
	}
	runToItsEnd(t, s, run)
	clock = clock.Add(time.Hour)
	sweep("over", 0)
}

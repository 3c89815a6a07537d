package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
)

func TestRecordKeepsEverythingTogether(t *testing.T) {
	s := open(t, database(t))
	var run int64
	duplicate, err := s.Record(t.Context(), "env-1", true, func(n int64) commands.Intent {
		run = n
		return commands.Intent{
			Run: order(n, "orphaned-orders"), Events: []audit.Event{event("check")},
			Posts: []message.Post{post(fmt.Sprintf("run/%d", n), "C1", "queued")},
		}
	})
	if err != nil || duplicate {
		t.Fatalf("Record = %v, %v", duplicate, err)
	}
	got, err := s.Run(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(check.Run{Order: *order(run, "orphaned-orders"), State: check.Queued}, got); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if d := next(t, s); d.Post.Key != fmt.Sprintf("run/%d", run) {
		t.Errorf("delivery of %q", d.Post.Key)
	}
	entries, err := s.Events(t.Context(), commands.EventFilter{Actor: "U1", Action: "check"})
	if err != nil || len(entries) != 1 {
		t.Fatalf("Events = %v, %v", entries, err)
	}
	if diff := cmp.Diff(event("check"), entries[0].Event); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if jobs := count(t, s, `SELECT count(*) FROM river_job WHERE kind = 'run_check' AND (args->>'run')::bigint = $1`, run); jobs != 1 {
		t.Errorf("%d jobs", jobs)
	}
}

func TestRunIsNotFound(t *testing.T) {
	s := open(t, database(t))
	if _, err := s.Run(t.Context(), 7); !errors.Is(err, commands.ErrNotFound) {
		t.Errorf("Run(7) = %v", err)
	}
}

func TestEqualKeysAreRecordedOnce(t *testing.T) {
	dsn := database(t)
	stores := []storeUnderTest{{open(t, dsn)}, {open(t, dsn)}, {open(t, dsn)}}
	const keys, deliveries = 20, 12
	var built, fresh atomic.Int64
	var wg sync.WaitGroup
	for k := range keys {
		for d := range deliveries {
			wg.Go(func() {
				duplicate, err := stores[d%len(stores)].Record(t.Context(), fmt.Sprintf("key-%d", k), true, func(n int64) commands.Intent {
					built.Add(1)
					return commands.Intent{Run: order(n, "a"), Events: []audit.Event{event("check")}}
				})
				if err != nil {
					t.Errorf("Record: %v", err)
				}
				if !duplicate {
					fresh.Add(1)
				}
			})
		}
	}
	wg.Wait()
	if built.Load() != keys || fresh.Load() != keys {
		t.Errorf("built %d, not duplicate %d, want %d", built.Load(), fresh.Load(), keys)
	}
	for what, query := range map[string]string{
		"runs": "SELECT count(*) FROM runs", "events": "SELECT count(*) FROM audit_events",
		"jobs": "SELECT count(*) FROM river_job", "inbox entries": "SELECT count(*) FROM inbox",
	} {
		if n := count(t, stores[0].Store, query); n != keys {
			t.Errorf("%d %s, want %d", n, what, keys)
		}
	}
}

func TestBadIntentFailsAlone(t *testing.T) {
	s := open(t, database(t))
	var wg sync.WaitGroup
	var good, bad atomic.Int64
	for i := range 60 {
		wg.Go(func() {
			_, err := s.Record(t.Context(), fmt.Sprintf("k%d", i), false, func(int64) commands.Intent {
				switch {
				case i%20 == 0:
					panic("a bug in a command")
				case i%20 == 1:
					return commands.Intent{Posts: []message.Post{post("p\x00", "C1", "x")}}
				}
				return commands.Intent{Events: []audit.Event{event("help")}}
			})
			if err != nil {
				if bad.Add(1); i%20 > 1 {
					t.Errorf("k%d: %v", i, err)
				}
			} else {
				good.Add(1)
			}
		})
	}
	wg.Wait()
	if good.Load() != 54 || bad.Load() != 6 {
		t.Errorf("%d good, %d bad", good.Load(), bad.Load())
	}
	if n := count(t, s, `SELECT count(*) FROM audit_events`); n != 54 {
		t.Errorf("%d events", n)
	}
}

func TestForeignTextCanBeRecorded(t *testing.T) {
	s := open(t, database(t))
	e := event("check")
	e.Args = map[string]string{"words": "a\x00b \xff \\u0000 <!channel> \u202e " + strings.Repeat("x", 5000)}
	if err := s.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	entries, err := s.Events(t.Context(), commands.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	want := "a\uFFFDb \uFFFD \\u0000 <!channel> \u202e " + strings.Repeat("x", 5000)
	if diff := cmp.Diff(want, entries[0].Args["words"]); diff != "" {
		t.Error(diff)
	}
}

func TestStopIsAskedOnce(t *testing.T) {
	s := open(t, database(t))
	run := ask(t, s, "k", "a")
	for i, by := range []string{"U2", "U3"} {
		_, err := s.Record(t.Context(), fmt.Sprintf("stop-%d", i), false, func(int64) commands.Intent {
			return commands.Intent{Stop: &commands.Stop{Run: run, By: by}}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Run(t.Context(), run)
	if err != nil || got.StoppedBy != "U2" {
		t.Errorf("stopped by %q, %v", got.StoppedBy, err)
	}
}

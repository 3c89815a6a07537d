package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestADiagnosisWithDeadSources: a cache that refuses, a cluster that hangs and a
// broker that is gone are UNKNOWN and named, nothing passes because of them, and the
// rest still answers, within its time.
func TestADiagnosisWithDeadSources(t *testing.T) {
	t.Parallel()
	w := newStory(t, "recent-change")
	w.env["REDIS_ADDR"] = "127.0.0.1:1"
	w.env["KAFKA_BROKERS"] = "127.0.0.1:1"
	w.cluster.Down()
	w.replica()
	began := time.Now()
	w.say("/integrity diagnose orders")
	head := w.said("Orders:")
	for took := time.Since(began); took > 75*time.Second; {
		t.Fatalf("it took %s", took)
	}
	w.settled(time.Minute)
	text := fmt.Sprint(head.Blocks)
	for _, want := range []string{"43 rows", "Not known"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said:\n%s", want, text)
		}
	}
	for _, never := range []string{"cache agrees", "no dead letters", "consumers keep up", "nothing was changed", "strong"} {
		if strings.Contains(text, never) {
			t.Errorf("it says %q, which nobody can know:\n%s", never, text)
		}
	}
	thread, err := w.slack.Thread(alice, incident, head.TS)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"events", "cache", "recent changes"} {
		found := false
		for _, m := range thread {
			if strings.Contains(m.Text, step) && strings.Contains(m.Text, "Step") {
				found = true
				if !strings.Contains(m.Text, "UNKNOWN") {
					t.Errorf("the step %s reads %q", step, m.Text)
				}
			}
		}
		if !found {
			t.Errorf("there is no step %s", step)
		}
	}
	for _, words := range []string{"logs", "changes", "cache check", "cache get customer:c1", "writes status"} {
		w.say("/integrity " + words)
	}
	w.settled(2 * time.Minute)
	for _, m := range w.heads()[1:] {
		if !strings.Contains(m.Text, "⚪") && !strings.Contains(m.Text, "not all could be seen") {
			t.Errorf("with all of it down it reads %q", m.Text)
		}
	}
	w.noViolations()
}

package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// replicaDSN makes this test binary a replica of the bot: a worker on that
// store until it is killed.
const replicaDSN = "WORKER_TEST_REPLICA_DSN"

const killSteps = 150

// replica says on standard output which step it saved.
func replica(dsn string) {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{DSN: dsn})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	o := options(s, catalog(map[string]check.Detector{"a": counting{
		steps: killSteps, pause: 20 * time.Millisecond, reached: func(n int) { fmt.Println(n) },
	}}))
	o.Holder = fmt.Sprintf("replica-%d", os.Getpid())
	o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	w, err := worker.New(o)
	if err == nil {
		err = w.Run(ctx)
	}
	fmt.Println(err)
	os.Exit(1)
}

// A replica killed in the middle of a run: another one goes on within 30 s,
// from where it was, and no row is there twice.
func TestKilledReplica(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	s := open(t, dsn)
	id := ask(t, s, "a")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), replicaDSN+"="+dsn)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var step int
	for step < 20 {
		if _, err := fmt.Fscan(out, &step); err != nil {
			t.Fatalf("the replica said something else: %v", err)
		}
	}
	start(t, s, catalog(map[string]check.Detector{"a": counting{steps: killSteps}}), func(o *worker.Options) { o.Holder = "survivor" })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	_ = cmd.Wait() // it was killed
	run := await(t, s, id)
	took := time.Since(killed)
	t.Logf("finished %s after the kill", took)
	if took > 30*time.Second {
		t.Errorf("work resumed only after %s", took)
	}
	if run.State != check.Done || run.Findings[0].Tally.Rows != killSteps {
		t.Errorf("%s with %d rows", run.State, run.Findings[0].Tally.Rows)
	}
	if diff := cmp.Diff(wholeFile(killSteps), file(t, s, id, "a")); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	if got, want := actions(t, s), []string{"check.finding a done", fmt.Sprintf("check.run R-%d done", id)}; cmp.Diff(want, got) != "" {
		t.Errorf("events %v", got)
	}
}

package worker_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// wholeFile is what a counting check of n steps leaves.
func wholeFile(n int) string {
	var b strings.Builder
	b.WriteString("order,finding,money_at_stake,currency,bad_since\n")
	for i := range n {
		fmt.Fprintf(&b, "o%d,,,,\n", i+1)
	}
	return b.String()
}

func file(t testing.TB, s *store.Store, run int64, name string) string {
	t.Helper()
	r, _, err := s.Open(t.Context(), fmt.Sprintf("run/%d/%s", run, name))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// said gives the headlines that are waiting to be sent, by key.
func said(t testing.TB, s *store.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	for {
		d, _, err := s.Next(t.Context(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if d == nil {
			return out
		}
		key := d.Post.Key
		if d.File != nil {
			key += " " + d.File.Name
		}
		out[key] = d.Post.Message.Headline.String()
		if err := s.Begin(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if err := s.Sent(t.Context(), d, "1.0", 0); err != nil {
			t.Fatal(err)
		}
	}
}

func actions(t testing.TB, s *store.Store) []string {
	t.Helper()
	entries, err := s.Events(t.Context(), commands.EventFilter{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range slices.Backward(entries) {
		out = append(out, e.Action+" "+e.Target+" "+string(e.Outcome))
	}
	return out
}

func TestRunIsCarriedToItsEnd(t *testing.T) {
	s := open(t, database(t))
	start(t, s, catalog(map[string]check.Detector{"good": counting{}, "bad": counting{steps: 3}, "broken": panicking{}}))
	id := ask(t, s, "good", "bad", "broken", "removed")
	run := await(t, s, id)
	if run.State != check.Done {
		t.Errorf("state %s: %s", run.State, run.Reason)
	}
	verdicts := map[string]check.Verdict{}
	for _, f := range run.Findings {
		verdicts[f.Check] = f.Verdict
	}
	if diff := cmp.Diff(map[string]check.Verdict{"good": check.Pass, "bad": check.Fail, "broken": check.Unknown, "removed": check.Unknown}, verdicts); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wholeFile(3), file(t, s, id, "bad")); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	head := fmt.Sprintf("run/%d", id)
	if got := said(t, s); got[head] != "done by : 4 findings. " || got[head+"/bad bad.csv"] != "FAIL" {
		t.Errorf("said %v", got)
	}
	want := []string{"check.finding good done", "check.finding bad done", "check.finding broken failed", "check.finding removed failed", fmt.Sprintf("check.run R-%d done", id)}
	if diff := cmp.Diff(want, actions(t, s)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestProgressIsShown(t *testing.T) {
	s := open(t, database(t))
	start(t, s, catalog(map[string]check.Detector{"slow": counting{steps: 200, pause: 20 * time.Millisecond}}))
	id := ask(t, s, "slow")
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if text := said(t, s)[fmt.Sprintf("run/%d", id)]; strings.HasSuffix(text, " done") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no progress was shown")
		}
	}
}

func TestStopEndsARun(t *testing.T) {
	s := open(t, database(t))
	var reached atomic.Int64
	start(t, s, catalog(map[string]check.Detector{
		"slow": counting{steps: 1_000_000, pause: 10 * time.Millisecond, reached: func(n int) { reached.Store(int64(n)) }}, "quick": counting{},
	}))
	id := ask(t, s, "quick", "slow")
	for reached.Load() < 3 {
		time.Sleep(5 * time.Millisecond)
	}
	asked := time.Now()
	if _, err := s.Record(t.Context(), "stop", false, func(int64) commands.Intent {
		return commands.Intent{Stop: &commands.Stop{Run: id, By: "U7"}}
	}); err != nil {
		t.Fatal(err)
	}
	run := await(t, s, id)
	if took := time.Since(asked); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	if run.State != check.Stopped || run.StoppedBy != "U7" || len(run.Findings) != 1 {
		t.Errorf("%s by %q, findings %v", run.State, run.StoppedBy, run.Findings)
	}
	if got := said(t, s)[fmt.Sprintf("run/%d", id)]; got != "stopped by U7: 1 findings. " {
		t.Errorf("said %q", got)
	}
}

func TestStopBeforeTheBeginning(t *testing.T) {
	s := open(t, database(t))
	id := ask(t, s, "never")
	if _, err := s.Record(t.Context(), "stop", false, func(int64) commands.Intent {
		return commands.Intent{Stop: &commands.Stop{Run: id, By: "U7"}}
	}); err != nil {
		t.Fatal(err)
	}
	start(t, s, catalog(map[string]check.Detector{"never": counting{steps: 1, reached: func(int) { t.Error("it began") }}}))
	if run := await(t, s, id); run.State != check.Stopped || run.StoppedBy != "U7" {
		t.Errorf("%s by %q", run.State, run.StoppedBy)
	}
}

func TestRightsAreReadAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		people *people
		want   string
	}{
		"taken away":       {&people{}, "The right to do this was taken away"},
		"Slack is silent ": {&people{groups: []string{"S1"}, err: errors.New("time-out")}, "Slack did not say what rights"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			start(t, s, catalog(map[string]check.Detector{"a": counting{steps: 1, reached: func(int) { t.Error("it read data") }}}),
				func(o *worker.Options) { o.Directory, o.RightsWithin = c.people, 3*time.Second })
			run := await(t, s, ask(t, s, "a"))
			if run.State != check.Failed || !strings.Contains(run.Reason, c.want) || len(run.Findings) != 0 {
				t.Errorf("%s: %q, %v", run.State, run.Reason, run.Findings)
			}
			if got := actions(t, s); len(got) != 1 || !strings.HasSuffix(got[0], "refused") {
				t.Errorf("events %v", got)
			}
		})
	}
}

func TestDeadlineOfARun(t *testing.T) {
	s := open(t, database(t))
	start(t, s, catalog(map[string]check.Detector{"slow": counting{steps: 1_000_000, pause: 10 * time.Millisecond}, "quick": counting{}}),
		func(o *worker.Options) { o.RunTimeout = 500 * time.Millisecond })
	run := await(t, s, ask(t, s, "quick", "slow"))
	if run.State != check.Failed || !strings.Contains(run.Reason, "not finished after 500ms") {
		t.Errorf("%s: %q", run.State, run.Reason)
	}
	if len(run.Findings) != 1 || run.Findings[0].Check != "quick" {
		t.Errorf("findings %v", run.Findings)
	}
}

// A clean stop hands the run over at once, and nothing is read twice.
func TestCleanStopHandsOver(t *testing.T) {
	s := open(t, database(t))
	var reached, again atomic.Int64
	const steps = 60
	stop := start(t, s, catalog(map[string]check.Detector{"a": counting{steps: steps, pause: 30 * time.Millisecond, reached: func(n int) { reached.Store(int64(n)) }}}))
	id := ask(t, s, "a")
	for reached.Load() < 10 {
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	stopped := time.Now()
	start(t, s, catalog(map[string]check.Detector{"a": counting{steps: steps, reached: func(n int) { again.CompareAndSwap(0, int64(n)) }}}),
		func(o *worker.Options) { o.Holder = "two" })
	run := await(t, s, id)
	if took := time.Since(stopped); took > 8*time.Second {
		t.Errorf("the hand-over took %s", took)
	}
	if run.State != check.Done || again.Load() <= 10 {
		t.Errorf("%s, went on at step %d after %d", run.State, again.Load(), reached.Load())
	}
	if diff := cmp.Diff(wholeFile(steps), file(t, s, id, "a")); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

func TestRunsAreBoundedSideBySide(t *testing.T) {
	s := open(t, database(t))
	var now, most atomic.Int64
	d := busy{now: &now, most: &most}
	start(t, s, catalog(map[string]check.Detector{"a": d}), func(o *worker.Options) { o.Runs = 2 })
	var ids []int64
	for range 6 {
		ids = append(ids, ask(t, s, "a"))
	}
	for _, id := range ids {
		await(t, s, id)
	}
	if most.Load() != 2 {
		t.Errorf("%d at once", most.Load())
	}
}

type busy struct{ now, most *atomic.Int64 }

func (b busy) Detect(context.Context, check.Options, check.Cursor, check.Recorder) (check.Result, error) {
	n := b.now.Add(1)
	for m := b.most.Load(); n > m && !b.most.CompareAndSwap(m, n); m = b.most.Load() {
	}
	time.Sleep(150 * time.Millisecond)
	b.now.Add(-1)
	return check.Result{}, nil
}

func TestRunThatEndsProcessesIsGivenUp(t *testing.T) {
	s := open(t, database(t))
	id := ask(t, s, "a")
	for range 3 { // three processes that died at it
		if _, err := s.Claim(t.Context(), id, "dead", time.Millisecond); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	start(t, s, catalog(map[string]check.Detector{"a": counting{}}), func(o *worker.Options) { o.Crashes = 2 })
	if run := await(t, s, id); run.State != check.Failed || !strings.Contains(run.Reason, "3 processes") {
		t.Errorf("%s: %q", run.State, run.Reason)
	}
}

func TestCheckpointsAreKept(t *testing.T) {
	dsn := database(t)
	s := open(t, dsn)
	private, public, err := audit.NewKey(rand.Reader, "integritybot/test")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoints")
	stop := start(t, s, catalog(map[string]check.Detector{"a": counting{}}), func(o *worker.Options) { o.Signer, o.CheckpointFile = signer, path })
	await(t, s, ask(t, s, "a"))
	stop()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	notes, err := audit.SplitCheckpoints(f)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	report, err := s.VerifyAudit(t.Context(), store.VerifyOptions{Keys: note.VerifierList(verifier), Notes: map[string][]string{"the file": notes}})
	if err != nil {
		t.Fatal(err)
	}
	if report.Fault != nil || report.Head.Size != 2 || len(report.Agreed) < 2 {
		t.Errorf("fault %v, size %d, agreed %v", report.Fault, report.Head.Size, report.Agreed)
	}
}

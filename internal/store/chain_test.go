package store_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/store"
)

// Everything that appends, from three replicas at once: one unbroken chain.
func TestChainWithManyWriters(t *testing.T) {
	dsn := database(t)
	stores := []*store.Store{open(t, dsn), open(t, dsn), open(t, dsn)}
	signer, verifiers := signing(t)
	const each = 40
	var failed atomic.Int64
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			for n := range each {
				if err := s.Append(t.Context(), event("start"), event("stop")); err != nil {
					t.Error(err)
				}
				if n%10 == 0 {
					if _, err := s.Checkpoint(t.Context(), signer); err != nil {
						t.Error(err)
					}
				}
			}
		})
		wg.Go(func() {
			for n := range each {
				runToItsEnd(t, s, ask(t, s, fmt.Sprintf("k-%d-%d", i, n), "a"))
			}
		})
		wg.Go(func() {
			for n := range each {
				p := post(fmt.Sprintf("p-%d-%d", i, n), fmt.Sprintf("C%d", i), "x")
				if err := s.Say(t.Context(), p); err != nil {
					t.Error(err)
				}
			}
			for failed.Load() < int64(len(stores)*each) {
				d, wait, err := s.Next(t.Context(), time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				if d == nil {
					time.Sleep(min(wait, 20*time.Millisecond))
					continue
				}
				if err := s.Failed(t.Context(), d, "a test"); err != nil {
					t.Error(err)
				}
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	report, err := stores[0].VerifyAudit(t.Context(), store.VerifyOptions{Keys: verifiers})
	if err != nil {
		t.Fatal(err)
	}
	want := int64(len(stores) * each * (2 + 2 + 1)) // appended, check and check.run, failed posts
	if report.Fault != nil || report.Head.Size != want || len(report.Agreed) == 0 {
		t.Errorf("fault %v, %d events, want %d, %d checkpoints", report.Fault, report.Head.Size, want, len(report.Agreed))
	}
}

func TestVerifySaysWhatItCouldNotUse(t *testing.T) {
	s := open(t, database(t))
	if err := s.Append(t.Context(), event("start")); err != nil {
		t.Fatal(err)
	}
	report, err := s.VerifyAudit(t.Context(), store.VerifyOptions{})
	if err != nil || report.Fault != nil || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "no checkpoint") {
		t.Errorf("without a checkpoint: %+v, %v", report, err)
	}
	signer, _ := signing(t)
	if _, err := s.Checkpoint(t.Context(), signer); err != nil {
		t.Fatal(err)
	}
	_, others := signing(t)
	report, err = s.VerifyAudit(t.Context(), store.VerifyOptions{Keys: others})
	if err != nil || report.Fault != nil || len(report.Unusable) != 1 || !strings.Contains(report.Unusable[0], "1 in the store: signed by a key that is not known here") {
		t.Errorf("with another key: %+v, %v", report, err)
	}
	exec(t, s, `ALTER TABLE audit_events DISABLE TRIGGER audit_events_append_only`)
	report, err = s.VerifyAudit(t.Context(), store.VerifyOptions{})
	if err != nil || len(report.Warnings) != 2 || !strings.Contains(report.Warnings[1], "trigger") {
		t.Errorf("without the trigger: %+v, %v", report, err)
	}
}

func TestCheckpointOnlyWhenTheLogGrew(t *testing.T) {
	s := open(t, database(t))
	signer, _ := signing(t)
	sign := func(want bool) {
		t.Helper()
		signed, err := s.Checkpoint(t.Context(), signer)
		if err != nil || (signed != "") != want {
			t.Errorf("Checkpoint = %q, %v; want one: %v", signed, err, want)
		}
	}
	sign(false)
	for range 3 {
		if err := s.Append(t.Context(), event("start")); err != nil {
			t.Fatal(err)
		}
	}
	sign(true)
	sign(false)
	// Signing over a log that was cut would cover the traces.
	exec(t, s, `ALTER TABLE audit_events DISABLE TRIGGER ALL`)
	exec(t, s, `DELETE FROM audit_events WHERE seq = 3`)
	exec(t, s, `UPDATE audit_head h SET size = 2, hash = e.hash FROM audit_events e WHERE e.seq = 2`)
	if _, err := s.Checkpoint(t.Context(), signer); !errors.Is(err, store.ErrChainBroken) {
		t.Errorf("Checkpoint of a cut log = %v", err)
	}
}

func TestEventsAreFiltered(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	for i, change := range []func(*audit.Event){
		func(e *audit.Event) { e.Action = "help" },
		func(e *audit.Event) { e.Actor.User = "U2" },
		func(e *audit.Event) { e.Incident = "INC-12" },
		func(*audit.Event) {},
	} {
		clock = noon.Add(time.Duration(i) * time.Hour)
		e := event("check")
		change(&e)
		if err := s.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		filter commands.EventFilter
		want   string
	}{
		"all":      {commands.EventFilter{}, "4 3 2 1"},
		"newest":   {commands.EventFilter{Limit: 2}, "4 3"},
		"actor":    {commands.EventFilter{Actor: "U2"}, "2"},
		"action":   {commands.EventFilter{Action: "help"}, "1"},
		"incident": {commands.EventFilter{Incident: "INC-12"}, "3"},
		"since":    {commands.EventFilter{Since: noon.Add(2 * time.Hour)}, "4 3"},
		"both":     {commands.EventFilter{Since: noon.Add(2 * time.Hour), Actor: "U1", Limit: 1}, "4"},
		"hostile":  {commands.EventFilter{Actor: "' OR true --"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			entries, err := s.Events(t.Context(), c.filter)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range entries {
				got = append(got, fmt.Sprint(e.Seq))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("events %v, want %s", got, c.want)
			}
		})
	}
}

// Whoever has the export can check it without us.
func TestExportCanBeCheckedByAnybody(t *testing.T) {
	s := open(t, database(t))
	for i := range 20 {
		e := event("check")
		e.Args = map[string]string{"words": fmt.Sprintf("<%d> \u2028 \\ \"", i)}
		if err := s.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	n, err := s.ExportAudit(t.Context(), &out, commands.EventFilter{})
	if err != nil || n != 20 {
		t.Fatalf("ExportAudit = %d, %v", n, err)
	}
	prev := make([]byte, 32)
	seq := 0
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		var line struct {
			Prev, Hash string
			Body       json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(slices.Concat(prev, line.Body))
		if line.Prev != hex.EncodeToString(prev) || line.Hash != hex.EncodeToString(sum[:]) {
			t.Errorf("line %d does not follow", seq+1)
		}
		prev = sum[:]
		seq++
	}
	if seq != 20 {
		t.Errorf("%d lines", seq)
	}
	out.Reset()
	if n, err := s.ExportAudit(t.Context(), &out, commands.EventFilter{Limit: 2}); err != nil || n != 2 || !strings.Contains(out.String(), `"seq":19,`) {
		t.Errorf("newest two: %d, %v, %s", n, err, out.String())
	}
}

func TestPurgeKeepsTheEvidence(t *testing.T) {
	clock := noon
	s := open(t, database(t), at(&clock))
	run := ask(t, s, "old", "a")
	runToItsEnd(t, s, run)
	say(t, s, post("sent", "C1", "x"), post("waiting", "C1", "x"))
	send(t, s, "1.0")
	clock = noon.Add(31 * 24 * time.Hour)
	ask(t, s, "new", "a")
	n, err := s.Purge(t.Context(), store.Retention{})
	if err != nil || n != 3 { // the old key, the sent post, the rows
		t.Errorf("Purge = %d, %v", n, err)
	}
	for what, query := range map[string]string{
		"inbox entries": `SELECT count(*) - 1 FROM inbox`, "waiting posts": `SELECT count(*) - 1 FROM posts`, "rows": `SELECT count(*) FROM run_rows`,
		"runs": `SELECT count(*) - 2 FROM runs`, "findings": `SELECT count(*) - 1 FROM run_checks`, "events": `SELECT count(*) - 3 FROM audit_events`,
	} {
		if n := count(t, s, query); n != 0 {
			t.Errorf("%s: %d too many", what, n)
		}
	}
	if got, err := s.Run(t.Context(), run); err != nil || got.State != check.Done || len(got.Findings) != 1 {
		t.Errorf("the old run: %+v, %v", got, err)
	}
	if _, _, err := s.Open(t.Context(), fmt.Sprintf("run/%d/a", run)); !errors.Is(err, commands.ErrNotFound) {
		t.Errorf("its file: %v", err)
	}
}

package worker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

// lookers may look at logs.
var lookers = authz.Policy{Roles: []authz.Role{{Name: "responders", Groups: []string{"S1"}, Permissions: []string{"check:*", "diagnose:logs"}}}}

// eye is a Looker made of a function.
type eye func(ctx context.Context, q look.Question) (look.Report, error)

func (e eye) Look(ctx context.Context, q look.Question, tell func(check.Progress)) (look.Report, error) {
	tell(check.Progress{Reading: "logs"})
	return e(ctx, q)
}

// looks lets a worker look by this eye.
func looks(e eye, change ...func(*look.Look)) func(*worker.Options) {
	one := look.Look{Name: "logs", Title: "Logs", Looker: e}
	if e == nil {
		one.Looker, one.Off = nil, "There is no cluster in the config."
	}
	for _, c := range change {
		c(&one)
	}
	return func(o *worker.Options) { o.Policy, o.Looks = lookers, look.Catalog{"logs": one} }
}

func wantLook(t testing.TB, s *store.Store, change ...func(*check.Order)) int64 {
	t.Helper()
	var number int64
	_, err := s.Record(t.Context(), fmt.Sprintf("look-%d", time.Now().UnixNano()), true, func(run int64) commands.Intent {
		number = run
		o := &check.Order{
			ID: run, Title: "Logs", Channel: "C1", AskedBy: "U1", AskedAt: time.Now().UTC(), Request: "req",
			Step: check.StepLook, Look: "logs", Grep: "(?i)error", Select: []string{"word"}, Options: check.Options{Since: time.Hour}, Right: "diagnose:logs",
		}
		for _, c := range change {
			c(o)
		}
		return commands.Intent{Run: o}
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func sighting(headline string) look.Report {
	return look.Report{
		Head:   message.Message{Headline: message.Text("%s", headline)},
		Thread: []look.Detail{{Name: "per-pod", Message: message.Message{Headline: message.Text("12 pods")}}},
	}
}

// TestALookIsSaid: what was asked reaches the looker, with the moment since which
// data is wrong, and what it saw is said and recorded.
func TestALookIsSaid(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	bad := time.Now().UTC().Add(-10 * time.Minute).Truncate(time.Second)
	checks := catalog(map[string]check.Detector{"a": wrongSince(bad)})
	var asked look.Question
	start(t, s, checks, looks(func(_ context.Context, q look.Question) (look.Report, error) {
		asked = q
		return sighting("3 patterns"), nil
	}))
	await(t, s, ask(t, s, "a"))
	id := wantLook(t, s)
	run := await(t, s, id)
	if run.State != check.Done || len(run.Findings) != 0 {
		t.Errorf("%s: %q, %+v", run.State, run.Reason, run.Findings)
	}
	want := look.Question{Words: []string{"word"}, Grep: "(?i)error", Since: time.Hour, At: asked.At, FirstBad: bad}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	texts := said(t, s)
	if got := texts[fmt.Sprintf("run/%d", id)]; got != "3 patterns" {
		t.Errorf("said %q", got)
	}
	if got := texts[fmt.Sprintf("run/%d/per-pod", id)]; got != "12 pods" {
		t.Errorf("said in the thread %q", got)
	}
	entries, err := s.Events(t.Context(), commands.EventFilter{Action: "logs"})
	if err != nil || len(entries) != 1 || entries[0].Target != fmt.Sprintf("R-%d", id) {
		t.Errorf("%+v, %v", entries, err)
	}
}

// wrongSince is a Detector that finds one row, wrong since then.
type wrongSince time.Time

func (w wrongSince) Detect(ctx context.Context, _ check.Options, _ check.Cursor, rec check.Recorder) (check.Result, error) {
	rec.Columns([]check.Column{{Name: "id", Class: check.Key}})
	id := "1"
	rec.Found(check.Row{Key: []string{id}, Values: []*string{&id}, At: time.Time(w)})
	return check.Result{Scanned: 1}, rec.Save(ctx, nil)
}

// TestWhatIsNotSeen: a look that sees nothing says why, in one sentence, and is no
// verdict.
func TestWhatIsNotSeen(t *testing.T) {
	t.Parallel()
	hangs := func(ctx context.Context, _ look.Question) (look.Report, error) {
		<-ctx.Done()
		return look.Report{}, ctx.Err()
	}
	for name, c := range map[string]struct {
		with   func(*worker.Options)
		change func(*check.Order)
		want   string
	}{
		"a source that is down": {
			looks(func(context.Context, look.Question) (look.Report, error) {
				return look.Report{}, &check.Problem{Sentence: "Kubernetes production does not answer.", Err: errors.New("refused")}
			}), nil, "Kubernetes production does not answer.",
		},
		"a source that hangs": {
			looks(hangs, func(l *look.Look) { l.Timeout = time.Second }), nil, "It was not finished after 1s, so nothing is known.",
		},
		"off":                {looks(nil), nil, "There is no cluster in the config. Nothing was read."},
		"gone":               {looks(nil), func(o *check.Order) { o.Look = "dreams" }, "This is no longer in the config. Nothing was read."},
		"a panic":            {looks(func(context.Context, look.Question) (look.Report, error) { panic("ouch") }), nil, "It failed inside the bot; the log says why, under R-1"},
		"the right was lost": {looks(nil), func(o *check.Order) { o.Right = "diagnose:secrets" }, "The right to do this was taken away before it began."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			start(t, s, nil, c.with)
			id := wantLook(t, s, func(o *check.Order) {
				if c.change != nil {
					c.change(o)
				}
			})
			run := await(t, s, id)
			if run.State != check.Failed || len(run.Reason) < len(c.want) || run.Reason[:len(c.want)] != c.want {
				t.Errorf("%s: %q, want %q", run.State, run.Reason, c.want)
			}
		})
	}
}

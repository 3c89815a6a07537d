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
var lookers = authz.Policy{Roles: []authz.Role{{Name: "responders", Groups: []string{"S1"}, Permissions: []string{"check:*", "look:logs"}}}}

// eye is a Looker made of a function.
type eye func(ctx context.Context, q look.Question) (look.Report, error)

func (e eye) Look(ctx context.Context, q look.Question, tell func(check.Progress)) (look.Report, error) {
	tell(check.Progress{Reading: "logs"})
	return e(ctx, q)
}

// looks lets a worker look by this eye.
func looks(e eye, change ...func(*look.Look)) func(*worker.Options) {
	one := look.Look{Name: "logs", Title: "Logs", Looker: e, Past: true}
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
			Step: check.StepLook, Look: "logs", Grep: "(?i)error", Select: []string{"word"}, Options: check.Options{Since: time.Hour}, Right: "look:logs",
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
	checks := ofRows(catalog(map[string]check.Detector{"a": wrongSince(bad)}))
	var asked look.Question
	start(t, s, checks, looks(func(_ context.Context, q look.Question) (look.Report, error) {
		asked = q
		report := sighting("3 patterns")
		report.Outcome, report.Missing = map[string]string{"causes": "a stale cache (weak)"}, []string{"One pod did not answer."}
		return report, nil
	}))
	await(t, s, ask(t, s, "a"))
	id := wantLook(t, s)
	run := await(t, s, id)
	if run.State != check.Done || len(run.Findings) != 0 {
		t.Errorf("%s: %q, %+v", run.State, run.Reason, run.Findings)
	}
	want := look.Question{Words: []string{"word"}, Grep: "(?i)error", Since: time.Hour, At: asked.At, FirstBad: bad, FirstBadBy: "a"}
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
		t.Fatalf("%+v, %v", entries, err)
	}
	if diff := cmp.Diff(map[string]string{"state": "done", "epoch": "1", "causes": "a stale cache (weak)", "not_seen": "1"}, entries[0].Args); diff != "" {
		t.Errorf("the audit trail (-want +got):\n%s", diff)
	}
}

// ofRows makes checks of a kind that judges rows.
func ofRows(of check.Catalog, change ...func(*check.Check)) check.Catalog {
	for i := range of {
		of[i].Kind = "rows"
		for _, c := range change {
			c(&of[i])
		}
	}
	return of
}

// TestSinceWhenDataIsWrong is told by checks of rows alone, of the domain that is asked
// about, that failed when they ran last, and to looks that want to know.
func TestSinceWhenDataIsWrong(t *testing.T) {
	t.Parallel()
	early, late := time.Now().UTC().Add(-40*time.Minute).Truncate(time.Second), time.Now().UTC().Add(-10*time.Minute).Truncate(time.Second)
	for name, c := range map[string]struct {
		since  map[string]time.Time
		checks func(*check.Check)
		look   func(*look.Look)
		order  func(*check.Order)
		want   look.Question
	}{
		"the earliest of several": {since: map[string]time.Time{"a": late, "b": early}, want: look.Question{FirstBad: early, FirstBadBy: "b"}},
		"of the domain that is asked about": {
			since:  map[string]time.Time{"a": late, "b": early},
			checks: func(c *check.Check) { c.Domain = map[string]string{"a": "orders", "b": "stock"}[c.Name] },
			order:  func(o *check.Order) { o.Domain = "orders" }, want: look.Question{FirstBad: late, FirstBadBy: "a"},
		},
		"since when a session sits is no wrong data": {
			since: map[string]time.Time{"a": late, "b": early}, want: look.Question{FirstBad: late, FirstBadBy: "a"},
			checks: func(c *check.Check) { c.Kind = map[string]string{"a": "rows", "b": "locks"}[c.Name] },
		},
		"a look that does not want to know": {since: map[string]time.Time{"a": late}, look: func(l *look.Look) { l.Past = false }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, database(t))
			detectors := map[string]check.Detector{}
			var names []string
			for check, at := range c.since {
				detectors[check], names = wrongSince(at), append(names, check)
			}
			checks := ofRows(catalog(detectors))
			if c.checks != nil {
				checks = ofRows(checks, c.checks)
			}
			var asked look.Question
			eyes := looks(func(_ context.Context, q look.Question) (look.Report, error) {
				asked = q
				return sighting("seen"), nil
			}, func(l *look.Look) {
				if c.look != nil {
					c.look(l)
				}
			})
			start(t, s, checks, eyes)
			await(t, s, ask(t, s, names...))
			await(t, s, wantLook(t, s, func(o *check.Order) {
				if c.order != nil {
					c.order(o)
				}
			}))
			got := look.Question{FirstBad: asked.FirstBad, FirstBadBy: asked.FirstBadBy}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// tillItsEnd is a look that answers also when it is ended, with what it saw until then.
func tillItsEnd(begun chan<- struct{}) eye {
	return func(ctx context.Context, _ look.Question) (look.Report, error) {
		select {
		case begun <- struct{}{}:
			<-ctx.Done()
			return sighting("half of it"), nil
		default: // the second to look
			return sighting("all of it"), nil
		}
	}
}

// TestALookGoesOnElsewhere when its process ends: what was seen until then is no answer.
func TestALookGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	begun := make(chan struct{}, 1)
	stop := start(t, s, nil, looks(tillItsEnd(begun)))
	id := wantLook(t, s)
	awaitBegun := func() {
		select {
		case <-time.After(time.Minute):
			t.Fatal("it never looked")
		case <-begun:
			begun <- struct{}{} // it is full: who looks next sees all
		}
	}
	awaitBegun()
	stop()
	if run, err := s.Run(context.Background(), id); err != nil || !run.Finished.IsZero() {
		t.Fatalf("after the end of its process: %s, %v", run.State, err)
	}
	start(t, s, nil, looks(tillItsEnd(begun)))
	if run := await(t, s, id); run.State != check.Done {
		t.Errorf("%s: %s", run.State, run.Reason)
	}
	if got := said(t, s)[fmt.Sprintf("run/%d", id)]; got != "all of it" {
		t.Errorf("said %q", got)
	}
}

// TestALookIsStopped by a person, who is named, and has no answer.
func TestALookIsStopped(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	begun := make(chan struct{}, 1)
	start(t, s, nil, looks(tillItsEnd(begun)))
	id := wantLook(t, s)
	<-begun
	if _, err := s.Record(t.Context(), "stop", false, func(int64) commands.Intent {
		return commands.Intent{Stop: &commands.Stop{Run: id, By: "U9"}}
	}); err != nil {
		t.Fatal(err)
	}
	if run := await(t, s, id); run.State != check.Stopped || run.StoppedBy != "U9" {
		t.Errorf("%s by %q", run.State, run.StoppedBy)
	}
	entries, err := s.Events(t.Context(), commands.EventFilter{Action: "logs"})
	if err != nil || len(entries) != 1 || entries[0].Args["stopped_by"] != "U9" || entries[0].Args["state"] != "stopped" {
		t.Errorf("the audit trail: %+v, %v", entries, err)
	}
	if got := said(t, s)[fmt.Sprintf("run/%d", id)]; got == "half of it" {
		t.Errorf("said %q", got)
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
			looks(hangs, func(l *look.Look) { l.Timeout = time.Second }), nil, "It was not finished after 1 s, so nothing is known.",
		},
		"off":                {looks(nil), nil, "There is no cluster in the config. Nothing was read."},
		"gone":               {looks(nil), func(o *check.Order) { o.Look = "dreams" }, "This is no longer in the config. Nothing was read."},
		"a panic":            {looks(func(context.Context, look.Question) (look.Report, error) { panic("ouch") }), nil, "It failed inside the bot; the log says why, under R-1"},
		"the right was lost": {looks(nil), func(o *check.Order) { o.Right = "look:secrets" }, "The right to do this was taken away before it began."},
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

// forgetful is a store that never says what was found last.
type forgetful struct{ *store.Store }

func (forgetful) LastFindings(ctx context.Context, _ []string, _ time.Time) ([]store.Seen, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestAStoreThatHangsKeepsNoLookFromLooking: the time is the look's.
func TestAStoreThatHangsKeepsNoLookFromLooking(t *testing.T) {
	t.Parallel()
	s := open(t, database(t))
	checks := ofRows(catalog(map[string]check.Detector{"a": wrongSince(time.Now())}))
	start(t, forgetful{s}, checks, looks(func(ctx context.Context, _ look.Question) (look.Report, error) {
		return sighting("seen"), ctx.Err()
	}, func(l *look.Look) { l.Timeout = 10 * time.Second }))
	if run := await(t, s, wantLook(t, s)); run.State != check.Done {
		t.Errorf("%s: %s", run.State, run.Reason)
	}
}

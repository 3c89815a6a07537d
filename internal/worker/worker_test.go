package worker_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/pgtest"
	"github.com/integritybot/integritybot/internal/store"
	"github.com/integritybot/integritybot/internal/worker"
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv(replicaDSN); dsn != "" {
		replica(dsn)
		return
	}
	pgtest.AtOnce(4) // they wait for leases and for answers that do not come
	pgtest.Main(m)
}

// patience bounds what a test waits for, on a machine that has much else to do.
const patience = 2 * time.Minute

func database(t testing.TB) string {
	t.Helper()
	return pgtest.Template(t, "store", func(dsn string) {
		if err := store.Migrate(t.Context(), dsn, ""); err != nil {
			t.Fatal(err)
		}
	})
}

func open(t testing.TB, dsn string) *store.Store {
	t.Helper()
	// Slack's 3 s do not matter here, and a busy machine is no store that hangs.
	s, err := store.Open(t.Context(), store.Options{DSN: dsn, Version: "test", WriteTimeout: 15 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// words is a Reporter that needs no words.
type words struct{}

func (words) Running(run check.Run, progress map[string]check.Progress, _ time.Time) message.Post {
	var done int64
	for _, p := range progress {
		done += p.Done
	}
	return message.Post{Key: fmt.Sprintf("run/%d", run.ID), Channel: run.Channel, Message: message.Message{Headline: message.Text("%d done", done)}}
}

func (words) Finished(run check.Run) []message.Post {
	head := message.Post{Key: fmt.Sprintf("run/%d", run.ID), Channel: run.Channel, Final: true, Message: message.Message{
		Headline: message.Text("%s by %s: %d findings. %s", run.State, run.StoppedBy, len(run.Findings), run.Reason),
	}}
	posts := []message.Post{head}
	for _, f := range run.Findings {
		posts = append(posts, message.Post{Key: head.Key + "/" + f.Check, Parent: head.Key, Channel: run.Channel, Final: true, Message: message.Message{
			Headline: message.Text("%s", f.Verdict), Files: []message.File{{Name: f.Check + ".csv", Source: fmt.Sprintf("run/%d/%s", run.ID, f.Check)}},
		}})
	}
	return posts
}

func (words) Looked(run check.Run, r look.Report) []message.Post {
	posts := []message.Post{{Key: fmt.Sprintf("run/%d", run.ID), Channel: run.Channel, Message: r.Head}}
	for _, d := range r.Thread {
		posts = append(posts, message.Post{Key: fmt.Sprintf("run/%d/%s", run.ID, d.Name), Channel: run.Channel, Parent: posts[0].Key, Message: d.Message})
	}
	return posts
}

func (words) Exported(run check.Run, e check.Exported) message.Post {
	return message.Post{Key: fmt.Sprintf("run/%d", run.ID), Channel: run.Channel, Final: true, Message: message.Message{
		Headline: message.Text("exported %d, left %d", e.Lines, e.Left),
		Files:    []message.File{{Name: "a.ndjson", Source: fmt.Sprintf("export/%d", run.ID)}},
	}}
}

// people is a Directory in which everybody is in a group.
type people struct {
	mu     sync.Mutex
	groups []string
	err    error
}

func (p *people) Subject(_ context.Context, a audit.Actor, fresh bool) (authz.Subject, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !fresh {
		return authz.Subject{}, fmt.Errorf("asked for old rights")
	}
	return authz.Subject{Team: a.Team, User: a.User, Groups: p.groups}, p.err
}

// Members implements commands.Directory: the worker does not ask.
func (p *people) Members(context.Context, string) ([]string, error) { return nil, nil }

func (p *people) Place(context.Context, string) (commands.Place, error) {
	return commands.Place{Member: true}, nil
}

// policy lets the group check orders.
var policy = authz.Policy{Roles: []authz.Role{{Name: "responders", Groups: []string{"S1"}, Permissions: []string{"check:orders"}}}}

// counting is a Detector that finds one row per step and saves after each.
type counting struct {
	steps int
	pause time.Duration
	// reached, if set, is told each step after it was saved.
	reached func(step int)
}

func (d counting) Detect(ctx context.Context, _ check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	step := 0
	if from != nil {
		if _, err := fmt.Sscan(string(from), &step); err != nil {
			return check.Result{}, err
		}
	}
	rec.Columns([]check.Column{{Name: "order", Class: check.Key}})
	for step < d.steps {
		select {
		case <-ctx.Done():
			return check.Result{}, ctx.Err()
		case <-time.After(d.pause):
		}
		step++
		value := fmt.Sprintf("o%d", step)
		rec.Found(check.Row{Key: []string{value}, Values: []*string{&value}})
		rec.Progress(check.Progress{Done: int64(step), Total: int64(d.steps)})
		if err := rec.Save(ctx, check.Cursor(fmt.Sprint(step))); err != nil {
			return check.Result{}, err
		}
		if d.reached != nil {
			d.reached(step)
		}
	}
	return check.Result{Scanned: int64(d.steps)}, nil
}

// panicking is a Detector with a bug.
type panicking struct{}

func (panicking) Detect(context.Context, check.Options, check.Cursor, check.Recorder) (check.Result, error) {
	panic("a bug")
}

func catalog(detectors map[string]check.Detector) check.Catalog {
	var c check.Catalog
	for name, d := range detectors {
		c = append(c, check.Check{Name: name, Title: name, Domain: "orders", Target: name, Detector: d})
	}
	return c
}

// start runs a worker until the test ends or the returned function is called.
func start(t testing.TB, s worker.Store, checks check.Catalog, change ...func(*worker.Options)) (stop func()) {
	t.Helper()
	o := options(s, checks)
	for _, c := range change {
		c(&o)
	}
	w, err := worker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(stop)
	return stop
}

func options(s worker.Store, checks check.Catalog) worker.Options {
	return worker.Options{
		Store: s, Catalog: checks, Report: words{}, Directory: &people{groups: []string{"S1"}}, Policy: policy,
		Holder: "one", Version: "test", Beat: 100 * time.Millisecond, ShowEvery: 200 * time.Millisecond,
	}
}

func ask(t testing.TB, s *store.Store, checks ...string) int64 {
	t.Helper()
	var number int64
	_, err := s.Record(t.Context(), fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano()), true, func(run int64) commands.Intent {
		number = run
		return commands.Intent{Run: &check.Order{
			ID: run, Title: "Orders", Checks: checks, Channel: "C1", AskedBy: "U1", AskedAt: time.Now().UTC(), Request: "req",
		}, Posts: []message.Post{{Key: fmt.Sprintf("run/%d", run), Channel: "C1", Message: message.Message{Headline: message.Text("queued")}}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// await waits until the run is over.
func await(t testing.TB, s *store.Store, id int64) check.Run {
	t.Helper()
	return awaitUntil(t, s, id, func(r check.Run) bool { return !r.Finished.IsZero() })
}

func awaitUntil(t testing.TB, s *store.Store, id int64, ok func(check.Run) bool) check.Run {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		run, err := s.Run(context.Background(), id)
		if err == nil && ok(run) {
			return run
		}
	}
	t.Fatalf("run %d is not there yet", id)
	return check.Run{}
}

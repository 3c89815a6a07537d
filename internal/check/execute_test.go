package check_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
)

// journal keeps a run in memory; it can fail, or forget that it is ours.
type journal struct {
	mu     sync.Mutex
	states map[string]check.State
	rows   map[string][][]string
	saves  int
	fail   func(saves int) error
}

func newJournal() *journal {
	return &journal{states: map[string]check.State{}, rows: map[string][][]string{}}
}

func (j *journal) Resume(_ context.Context, name string) (check.State, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.states[name], nil
}

func (j *journal) Save(_ context.Context, name string, s check.State, rows [][]string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.saves++
	if j.fail != nil {
		if err := j.fail(j.saves); err != nil {
			return err
		}
	}
	text, err := json.Marshal(s) // what is kept must survive being written down
	if err != nil {
		return err
	}
	var kept check.State
	if err := json.Unmarshal(text, &kept); err != nil {
		return err
	}
	j.states[name] = kept
	j.rows[name] = append(j.rows[name], rows...)
	return nil
}

func (j *journal) Progress(string, check.Progress) {}

// counting finds n rows, saving after each, and goes on from its cursor.
type counting struct {
	n    int
	end  error
	hook func(i int)
}

func (d counting) Detect(ctx context.Context, _ check.Options, from check.Cursor, rec check.Recorder) (check.Result, error) {
	rec.Columns([]check.Column{{Name: "id", Class: check.Key}, {Name: "email", Class: check.Email}})
	i := 0
	if len(from) > 0 {
		if err := json.Unmarshal(from, &i); err != nil {
			return check.Result{}, err
		}
	}
	for ; i < d.n; i++ {
		if d.hook != nil {
			d.hook(i)
		}
		id, mail := fmt.Sprintf("o%d", i), "alice@example.com"
		rec.Found(check.Row{
			Key: []string{id}, Values: []*string{&id, &mail}, Class: "gone",
			Money: decimal.NewNullDecimal(decimal.RequireFromString("10.05")), At: time.Unix(int64(1000+i), 0).UTC(),
		})
		next, err := json.Marshal(i + 1)
		if err != nil {
			return check.Result{}, err
		}
		if err := rec.Save(ctx, next); err != nil {
			return check.Result{}, err
		}
		rec.Progress(check.Progress{Done: int64(i), Total: int64(d.n), Reading: "orders"})
	}
	return check.Result{Scanned: 100, Read: 200, Plan: "counting"}, d.end
}

func execution(j check.Journal, checks ...check.Check) check.Execution {
	e := check.Execution{Journal: j, Checks: checks, Now: func() time.Time { return time.Unix(5000, 0).UTC() }}
	for _, c := range checks {
		e.Order.Checks = append(e.Order.Checks, c.Name)
	}
	return e
}

func named(name string, d check.Detector) check.Check {
	return check.Check{Name: name, Title: name, Target: "shop", Currency: "USD", Detector: d}
}

func TestVerdicts(t *testing.T) {
	problem := &check.Problem{Sentence: "Postgres did not answer in 5 s.", Err: errors.New("dial tcp")}
	for _, tt := range []struct {
		name     string
		detector check.Detector
		want     check.Verdict
		reason   string
	}{
		{"no rows", counting{}, check.Pass, ""},
		{"rows", counting{n: 3}, check.Fail, ""},
		{"an error is never a pass", counting{end: problem}, check.Unknown, "Postgres did not answer in 5 s."},
		{"rows and an error", counting{n: 3, end: problem}, check.Unknown, "Postgres did not answer in 5 s."},
		{"an error without a sentence", counting{end: errors.New("secret detail")}, check.Unknown, "It could not be read; the log says why."},
		{"a panic", counting{n: 1, hook: func(int) { panic("boom") }}, check.Unknown, "This check failed inside the bot; the log says why."},
		{"a target that is off", nil, check.Unknown, "Its target is off: the config gives no address for shop."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := check.Execute(t.Context(), execution(newJournal(), named("one", tt.detector)))
			if err != nil {
				t.Fatal(err)
			}
			if found[0].Verdict != tt.want || found[0].Reason != tt.reason {
				t.Errorf("%s %q, want %s %q", found[0].Verdict, found[0].Reason, tt.want, tt.reason)
			}
		})
	}
}

func TestATimeOutIsUnknownAndSaysWhatToDo(t *testing.T) {
	c := named("slow", waiting{})
	c.Timeout = 20 * time.Millisecond
	e := execution(newJournal(), c)
	e.Now = time.Now
	found, err := check.Execute(t.Context(), e)
	if err == nil && (found[0].Verdict != check.Unknown || !strings.Contains(found[0].Reason, "did not finish in 20ms")) {
		t.Errorf("%+v", found[0])
	}
	if err != nil {
		t.Fatal(err)
	}
}

// waiting never answers.
type waiting struct{}

func (waiting) Detect(ctx context.Context, _ check.Options, _ check.Cursor, _ check.Recorder) (check.Result, error) {
	<-ctx.Done()
	return check.Result{}, ctx.Err()
}

// TestKilledAnywhereARunFindsEveryRowOnce: the journal dies at every save in
// turn, and the run is continued.
func TestKilledAnywhereARunFindsEveryRowOnce(t *testing.T) {
	const rows = 6
	for kill := 1; kill <= rows+1; kill++ {
		j := newJournal()
		j.fail = func(saves int) error {
			if saves == kill {
				return check.ErrFenced
			}
			return nil
		}
		c := named("one", counting{n: rows})
		if _, err := check.Execute(t.Context(), execution(j, c)); !errors.Is(err, check.ErrFenced) {
			t.Fatalf("killed at save %d: %v", kill, err)
		}
		j.fail = nil
		found, err := check.Execute(t.Context(), execution(j, c))
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range j.rows["one"] {
			ids = append(ids, r[0])
		}
		if want := []string{"o0", "o1", "o2", "o3", "o4", "o5"}; !slices.Equal(ids, want) {
			t.Errorf("killed at save %d: rows %v", kill, ids)
		}
		if tally := found[0].Tally; tally.Rows != rows || tally.Money["USD"].String() != "60.3" {
			t.Errorf("killed at save %d: %d rows, %s", kill, tally.Rows, tally.Money["USD"])
		}
	}
}

func TestAFinishedCheckIsNotRunAgain(t *testing.T) {
	j := newJournal()
	c := named("one", counting{n: 2})
	first, err := check.Execute(t.Context(), execution(j, c))
	if err != nil {
		t.Fatal(err)
	}
	c.Detector = counting{hook: func(int) { t.Error("run again") }, n: 1}
	again, err := check.Execute(t.Context(), execution(j, c))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
}

func TestTheTally(t *testing.T) {
	j := newJournal()
	found, err := check.Execute(t.Context(), execution(j, named("one", counting{n: 12})))
	if err != nil {
		t.Fatal(err)
	}
	got := found[0].Tally
	if got.Rows != 12 || len(got.Examples) != check.MaxExamples || got.Classes["gone"] != 12 {
		t.Errorf("%d rows, %d examples, classes %v", got.Rows, len(got.Examples), got.Classes)
	}
	if got.Money["USD"].String() != "120.6" {
		t.Errorf("at stake: %s", got.Money["USD"])
	}
	if !got.First.Equal(time.Unix(1000, 0)) || !got.Last.Equal(time.Unix(1011, 0)) {
		t.Errorf("from %s to %s", got.First, got.Last)
	}
	if got.Recent != (check.Recent{Rows: 12, First: got.First}) {
		t.Errorf("recent is %+v", got.Recent)
	}
	want := []string{"o0", "a•••@example.com", "gone", "10.05", "USD", "1970-01-01T00:16:40Z"}
	if diff := cmp.Diff(want, j.rows["one"][0]); diff != "" {
		t.Errorf("the file's first row (-want +got):\n%s", diff)
	}
}

// TestOldRowsDoNotDateWhatHappenedToday: they are counted, and recent ones apart.
func TestOldRowsDoNotDateWhatHappenedToday(t *testing.T) {
	now := time.Unix(1000, 0).Add(check.RecentWithin).Add(10 * time.Second) // rows are from 1000 to 1011
	e := execution(newJournal(), named("one", counting{n: 12}))
	e.Now = func() time.Time { return now }
	found, err := check.Execute(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	got := found[0].Tally
	if got.Recent.Rows != 1 || !got.Recent.First.Equal(time.Unix(1011, 0)) || !got.First.Equal(time.Unix(1000, 0)) {
		t.Errorf("since %s, and %d lately, since %s", got.First, got.Recent.Rows, got.Recent.First)
	}
}

func TestStoppingEndsTheRunWithoutAVerdict(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	because := errors.New("a person stopped it")
	found, err := check.Execute(ctx, execution(newJournal(),
		named("one", counting{n: 2}),
		named("two", counting{n: 1000, hook: func(i int) {
			if i == 10 {
				stop(because)
			}
		}}),
	))
	if !errors.Is(err, because) && !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if len(found) != 1 || found[0].Check != "one" {
		t.Errorf("found %+v", found)
	}
}

func TestOneDeadTargetDoesNotKeepTheOthersFromAnswering(t *testing.T) {
	dead := named("dead", waiting{})
	dead.Target, dead.Timeout = "other", 30*time.Millisecond
	e := execution(newJournal(), dead, named("alive", counting{}))
	e.Now = time.Now
	found, err := check.Execute(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if found[0].Verdict != check.Unknown || found[1].Verdict != check.Pass {
		t.Errorf("%+v", found)
	}
}

// meeting waits until n checks are at work at the same time.
type meeting struct{ all *sync.WaitGroup }

func (m meeting) Detect(ctx context.Context, _ check.Options, _ check.Cursor, _ check.Recorder) (check.Result, error) {
	m.all.Done()
	met := make(chan struct{})
	go func() { m.all.Wait(); close(met) }()
	select {
	case <-met:
		return check.Result{}, nil
	case <-ctx.Done():
		return check.Result{}, ctx.Err()
	}
}

func TestAtFullSpeedChecksOfATargetGoOnSideBySide(t *testing.T) {
	var all sync.WaitGroup
	all.Add(2)
	e := execution(newJournal(), named("one", meeting{&all}), named("two", meeting{&all}))
	e.Order.Options.Full, e.Now = true, time.Now
	e.Checks[0].Timeout, e.Checks[1].Timeout = 30*time.Second, 30*time.Second
	found, err := check.Execute(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if found[0].Check != "one" || found[0].Verdict != check.Pass || found[1].Verdict != check.Pass {
		t.Errorf("%+v", found)
	}
}

func TestPolitelyADatabaseIsReadByOneCheckAtATime(t *testing.T) {
	var busy sync.Mutex
	alone := func(int) {
		if !busy.TryLock() {
			t.Error("two checks at once")
			return
		}
		time.Sleep(time.Millisecond)
		busy.Unlock()
	}
	var checks []check.Check
	for i := range 5 {
		checks = append(checks, named(fmt.Sprint(i), counting{n: 3, hook: alone}))
	}
	if _, err := check.Execute(t.Context(), execution(newJournal(), checks...)); err != nil {
		t.Fatal(err)
	}
}

func TestMask(t *testing.T) {
	for _, tt := range []struct {
		class check.Class
		in    string
		want  string
	}{
		{check.Key, "o100000", "o100000"},
		{check.Number, "-12.50", "-12.50"},
		{check.Code, "COMPLETED", "COMPLETED"},
		{check.Email, "alice@example.com", "a•••@example.com"},
		{check.Email, "not an address", "n•••"},
		{check.Email, "", "•••"},
		{check.Name, "Ängström", "Ä•••"},
		{check.Phone, "+49 151 23456", "•••56"},
		{check.Phone, "12", "•••"},
		{check.Free, "call me <@U1>", "••• (13 characters)"},
		{"unheard of", "secret", "••• (6 characters)"},
	} {
		if got := check.Mask(tt.class, tt.in); got != tt.want {
			t.Errorf("Mask(%s, %q) = %q, want %q", tt.class, tt.in, got, tt.want)
		}
	}
}

func TestSelect(t *testing.T) {
	c := check.Catalog{{Name: "a", Title: "A", Domain: "orders"}, {Name: "b", Domain: "orders"}, {Name: "c", Title: "C", Domain: "stock"}}
	for word, want := range map[string]int{"": 3, "all": 3, "ALL": 3, "orders": 2, "Orders": 2, "c": 1} {
		if got, _, err := c.Select(word); err != nil || len(got) != want {
			t.Errorf("Select(%q) = %d checks, %v", word, len(got), err)
		}
	}
	var unknown *check.UnknownError
	if _, _, err := c.Select("nope"); !errors.As(err, &unknown) || unknown.Word != "nope" {
		t.Errorf("Select(nope): %v", err)
	}
}

package diagnose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/look"
)

// detector is a check that does what its test says.
type detector func(ctx context.Context, opts check.Options, rec check.Recorder) (check.Result, error)

func (d detector) Detect(ctx context.Context, opts check.Options, _ check.Cursor, rec check.Recorder) (check.Result, error) {
	return d(ctx, opts, rec)
}

// finds is a check that finds rows with these keys.
func finds(scanned int64, column string, class check.Class, keys ...string) detector {
	return func(ctx context.Context, _ check.Options, rec check.Recorder) (check.Result, error) {
		rec.Columns([]check.Column{{Name: column, Class: class}})
		for i := range keys {
			rec.Found(check.Row{Key: keys[i : i+1], Values: []*string{&keys[i]}, At: ago(2 * hour)})
			if err := rec.Save(ctx, nil); err != nil {
				return check.Result{}, err
			}
		}
		return check.Result{Scanned: scanned}, nil
	}
}

// looker is a look that does what its test says.
type looker func(ctx context.Context, q look.Question) (look.Report, error)

func (l looker) Look(ctx context.Context, q look.Question, _ func(check.Progress)) (look.Report, error) {
	return l(ctx, q)
}

func facts(of ...look.Fact) looker {
	return func(context.Context, look.Question) (look.Report, error) { return look.Report{Facts: of}, nil }
}

// clinic is a doctor over sources that all answer and see nothing wrong.
func clinic() Options {
	o := Options{Now: now, ChangeKinds: changeKinds(), Looks: look.Catalog{}, Fixes: fixes(), Grace: 20 * time.Millisecond}
	for _, c := range catalog() {
		c.Detector = finds(100, "id", check.Key)
		o.Checks = append(o.Checks, c)
	}
	for name, l := range map[string]looker{
		"logs": facts(), "events logs": facts(), "changes": facts(),
		"db conflicts": facts(look.Fact{Kind: look.Deadlocks, At: ago(week)}, look.Fact{Kind: look.Checksums}),
		"locks":        facts(look.Fact{Kind: look.Blocked}, look.Fact{Kind: look.Writers}),
	} {
		o.Looks[name] = look.Look{Name: name, Title: strings.ToUpper(name[:1]) + name[1:], Looker: l}
	}
	return o
}

func (o Options) with(name string, d check.Detector) Options {
	o.Checks = slices.Clone(o.Checks)
	for i := range o.Checks {
		if o.Checks[i].Name == name {
			o.Checks[i].Detector = d
		}
	}
	return o
}

func diagnosed(t *testing.T, o Options, q look.Question) look.Report {
	t.Helper()
	report, err := New(o).Look(t.Context(), q, func(check.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func expectText(t *testing.T, text string, says []string, never ...string) {
	t.Helper()
	for _, want := range says {
		if !strings.Contains(text, want) {
			t.Errorf("does not say %q", want)
		}
	}
	for _, n := range never {
		if strings.Contains(text, n) {
			t.Errorf("says %q", n)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// all is a report's head and thread as text.
func all(r look.Report) string {
	text := r.Head.PlainText()
	for _, d := range r.Thread {
		text += "\n" + d.Name + ": " + d.Message.PlainText()
	}
	return text
}

func TestEverythingAnswersAndNothingIsWrong(t *testing.T) {
	t.Parallel()
	r := diagnosed(t, clinic(), look.Question{Domain: "orders"})
	expectText(t, all(r), []string{
		"🔎 Orders: no row is wrong, and there is no cause to name", "no dead letters", "no blocked sessions",
		"🟢 PASS Step 2, data checks: 0 of 4 checks fail", "🔎 SEEN Step 5",
	}, "Not known")
	if len(r.Missing) > 0 {
		t.Errorf("missing: %v", r.Missing)
	}
}

// TestTheDomainChoosesDataChecksOnly: events, cache, locks and foreign keys belong
// to every question.
func TestTheDomainChoosesDataChecksOnly(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string][]string{
		"":              {"orphaned-orders", "order-totals", "order-payments", "duplicate-emails", "negative-totals", "foreign-keys"},
		"orders":        {"orphaned-orders", "order-totals", "negative-totals", "foreign-keys"},
		"payments":      {"order-payments", "foreign-keys"},
		"order-totals":  {"order-totals", "foreign-keys"},
		"verify-orders": {"verify-orders", "foreign-keys"},
		"schema":        {"orphaned-orders", "order-totals", "order-payments", "duplicate-emails", "negative-totals", "foreign-keys"},
		"events":        {"orphaned-orders", "order-totals", "order-payments", "duplicate-emails", "negative-totals", "foreign-keys"},
	} {
		d := &doctor{clinic()}
		chosen, _, err := d.choose(domain)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, want, namesOf(chosen[Data]))
		equal(t, []string{"consumer-lag", "failed-events"}, namesOf(chosen[Events]))
		equal(t, []string{"customer-cache"}, namesOf(chosen[Cache]))
		equal(t, []string{"blocked-sessions"}, namesOf(chosen[Races]))
	}
	_, err := New(clinic()).Look(t.Context(), look.Question{Domain: "ordres"}, nil)
	var p *check.Problem
	if !errors.As(err, &p) || !strings.Contains(p.Sentence, `"ordres"`) {
		t.Errorf("an unknown domain: %v", err)
	}
}

func namesOf(of []check.Check) []string {
	var out []string
	for _, c := range of {
		out = append(out, c.Name)
	}
	return out
}

func TestADeadSourceIsUnknownAndTheRestAnswers(t *testing.T) {
	t.Parallel()
	o := clinic().with("failed-events", detector(func(context.Context, check.Options, check.Recorder) (check.Result, error) {
		return check.Result{}, &check.Problem{Sentence: "Kafka production/events did not answer in 5 s."}
	})).with("order-totals", finds(1_000, "id", check.Key, "o-1", "o-2"))
	o.Looks["changes"] = look.Look{Name: "changes", Title: "Changes", Looker: looker(func(context.Context, look.Question) (look.Report, error) {
		return look.Report{}, &check.Problem{Sentence: "Kubernetes production: no permission to list replica sets."}
	})}
	o.Looks["locks"] = look.Look{Name: "locks", Off: "the config gives no address for shop."}
	r := diagnosed(t, o, look.Question{Domain: "orders"})
	equal(t, []string{"Failed events: Kafka production/events did not answer in 5 s.", "Changes: Kubernetes production: no permission to list replica sets."}, r.Missing)
	expectText(t, all(r), []string{
		"2 rows", "Not known: Failed events: Kafka production/events did not answer in 5 s.", "Not set up: locks (the config gives no address for shop)",
		"⚪ UNKNOWN Step 5, recent changes: 1 source without a full answer", "🔴 FAIL Step 2, data checks: 1 of 4 checks fail",
	}, "no dead letters", "nothing was changed", "no migration")
}

// TestASourceThatHangsIsLeftAlone: also one that does not notice the end of its
// time.
func TestASourceThatHangsIsLeftAlone(t *testing.T) {
	t.Parallel()
	forget := make(chan struct{})
	t.Cleanup(func() { close(forget) })
	o := clinic().with("customer-cache", detector(func(context.Context, check.Options, check.Recorder) (check.Result, error) {
		<-forget
		return check.Result{Scanned: 5}, nil
	})).with("negative-totals", detector(func(ctx context.Context, _ check.Options, _ check.Recorder) (check.Result, error) {
		<-ctx.Done()
		return check.Result{}, ctx.Err()
	})).with("orphaned-orders", finds(10, "id", check.Key, "o-1"))
	o.Looks["logs"] = look.Look{Name: "logs", Title: "Error logs", Looker: looker(func(context.Context, look.Question) (look.Report, error) {
		<-forget
		return look.Report{}, nil
	})}
	o.Deadlines = map[Step]time.Duration{}
	for _, s := range Steps() {
		o.Deadlines[s] = 100 * time.Millisecond
	}
	r := diagnosed(t, o, look.Question{Domain: "orders"})
	late := "It did not finish within the 0.1 s that a diagnosis gives it."
	expectText(t, all(r), []string{
		"Not known: Customer cache: " + late, "Not known: Error logs: " + late, "Not known: Negative totals: " + late,
		"🔴 FAIL Orphaned orders  1 of 10", "no dead letters",
	}, "the cache agrees")
}

func TestAPanicIsTheTroubleOfItsSource(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []string
	o := clinic().with("customer-cache", detector(func(context.Context, check.Options, check.Recorder) (check.Result, error) { panic("cache") }))
	o.Looks["logs"] = look.Look{Name: "logs", Title: "Error logs", Looker: looker(func(context.Context, look.Question) (look.Report, error) { panic("logs") })}
	o.Last = func(context.Context, []string, time.Duration) ([]Seen, error) { panic("last") }
	o.OnPanic = func(source string, value any, stack []byte) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fmt.Sprint(source, ": ", value, ", with stack: ", len(stack) > 0))
	}
	r := diagnosed(t, o, look.Question{Domain: "orders"})
	expectText(t, all(r), []string{
		"Not known: Customer cache: This check failed inside the bot; the log says why.",
		"Not known: Error logs: this look failed inside the bot; the log says why.", "🟢 PASS Order totals",
	}, "the cache agrees")
	slices.Sort(told)
	equal(t, []string{"customer-cache: cache, with stack: true", "logs: logs, with stack: true", "recent runs: last, with stack: true"}, told)
}

// TestFindingsOfRecentRunsAreTaken where they are young and known, and said so.
func TestFindingsOfRecentRunsAreTaken(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	read := map[string]bool{}
	o := clinic()
	for _, name := range []string{"orphaned-orders", "order-totals", "negative-totals", "failed-events"} {
		o = o.with(name, detector(func(context.Context, check.Options, check.Recorder) (check.Result, error) {
			mu.Lock()
			defer mu.Unlock()
			read[name] = true
			return check.Result{Scanned: 7}, nil
		}))
	}
	o.Last = func(_ context.Context, checks []string, within time.Duration) ([]Seen, error) {
		equal(t, []string{"orphaned-orders", "order-totals", "negative-totals", "foreign-keys"}, checks)
		equal(t, 10*time.Minute, within)
		return []Seen{
			{Run: 1042, Finding: check.Finding{Check: "orphaned-orders", Verdict: check.Fail, Tally: check.Tally{Rows: 30}, Result: check.Result{Scanned: 3_000_000}, Started: ago(4*time.Minute + 10*time.Second), Duration: 5 * time.Second}},
			{Run: 1043, Finding: check.Finding{Check: "order-totals", Verdict: check.Unknown, Reason: "Postgres was away.", Started: ago(time.Minute)}},
			{Run: 1001, Finding: check.Finding{Check: "negative-totals", Verdict: check.Pass, Started: ago(20 * time.Minute)}},
			{Run: 1044, Finding: check.Finding{Check: "failed-events", Verdict: check.Fail, Started: ago(time.Minute), Tally: check.Tally{Rows: 9}}},
		}, nil
	}
	r := diagnosed(t, o, look.Question{Domain: "orders"})
	equal(t, map[string]bool{"order-totals": true, "negative-totals": true, "failed-events": true}, read)
	expectText(t, all(r), []string{"🔴 FAIL Orphaned orders  30 of 3,000,000 (R-1042, 4 min ago)", "🟢 PASS Order totals  0 of 7"}, "R-1043", "R-1001", "R-1044")
}

// TestWhatIsOffIsNotSetUp: a target without an address is nothing that did not answer,
// and makes nothing less sure.
func TestWhatIsOffIsNotSetUp(t *testing.T) {
	t.Parallel()
	o := clinic()
	silentDetector := detector(func(context.Context, check.Options, check.Recorder) (check.Result, error) {
		return check.Result{}, &check.Problem{Sentence: "There is no address."}
	})
	o.Checks = slices.Clone(o.Checks)
	for i, c := range o.Checks {
		if c.Target == "events" || c.Target == "cache" || c.Kind == kindLocks {
			o.Checks[i].Off, o.Checks[i].Detector = true, silentDetector
		}
	}
	o.Looks["locks"] = look.Look{Name: "locks", Off: "There is no database to look at."}
	o.Looks["events logs"] = look.Look{Name: "events logs", Off: "There is no cluster to look at."}
	r := diagnosed(t, o, look.Question{Domain: "orders"})
	expectText(t, r.Head.PlainText(), []string{"no row is wrong, and there is no cause to name", "Not set up:", "a check of a cache", "a check of locks"}, "UNKNOWN", "Not known", "less sure")
	r = diagnosed(t, o, look.Question{Domain: "cache"})
	expectText(t, all(r), []string{"PASS Orphaned orders"}, "There is no address")
}

func TestAStoreThatDoesNotKnowMeansReadingAgain(t *testing.T) {
	t.Parallel()
	o := clinic().with("order-totals", finds(1_000, "id", check.Key, "o-1", "o-2"))
	o.Last = func(context.Context, []string, time.Duration) ([]Seen, error) { return nil, errors.New("no") }
	expectText(t, all(diagnosed(t, o, look.Question{Domain: "orders"})), []string{"🔴 FAIL Order totals  2 of 1,000"})
}

// TestStoppedInTheMiddle: what is there is reported, and the rest is UNKNOWN.
func TestStoppedInTheMiddle(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	o := clinic().with("orphaned-orders", finds(10, "id", check.Key, "o-1")).with("order-totals", detector(func(ctx context.Context, _ check.Options, _ check.Recorder) (check.Result, error) {
		stop() // after the check before it has ended
		<-ctx.Done()
		return check.Result{}, ctx.Err()
	}))
	r, err := New(o).Look(ctx, look.Question{Domain: "orders"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	expectText(t, all(r), []string{
		"🔴 FAIL Orphaned orders  1 of 10", "Order totals: It was not finished when the diagnosis was stopped.", "Negative totals: It was not finished when the diagnosis was stopped.",
	})
}

// TestDeadLettersNameWrongRows: of checks that are run here all keys are compared,
// and only where the columns speak of the same thing.
func TestDeadLettersNameWrongRows(t *testing.T) {
	t.Parallel()
	orders := []string{"o-1", "o-2", "o-3", "o-4"}
	for column, want := range map[string]string{"order": "the letters name 3 of the 4 rows of Orphaned orders", "orderId": "the letters name 3 of the 4", "customer": ""} {
		o := clinic().with("orphaned-orders", finds(100, "id", check.Key, orders...)).with("failed-events", finds(9, column, check.Code, "o-3", "o-1", "o-2", "o-1", "o-9"))
		text := all(diagnosed(t, o, look.Question{Domain: "orders"}))
		if want == "" {
			expectText(t, text, nil, "the letters name")
			continue
		}
		expectText(t, text, []string{want})
	}
	t.Run("not if rows are masked", func(t *testing.T) {
		t.Parallel()
		o := clinic().with("orphaned-orders", finds(100, "id", check.Key, orders...)).with("failed-events", finds(9, "order", check.Free, "o-3", "o-1"))
		expectText(t, all(diagnosed(t, o, look.Question{Domain: "orders"})), nil, "the letters name")
	})
	t.Run("not if there are too many to compare them all", func(t *testing.T) {
		t.Parallel()
		many := make([]string, mostKeys+1)
		for i := range many {
			many[i] = fmt.Sprint("o-", i)
		}
		o := clinic().with("orphaned-orders", finds(1_000_000, "id", check.Key, many...)).with("failed-events", finds(9, "order", check.Code, "o-3", "o-1"))
		expectText(t, all(diagnosed(t, o, look.Question{Domain: "orders"})), []string{"50,001 of 1,000,000"}, "the letters name")
	})
}

// TestWhatIsAskedOfLooks: how far back, and that rows are forbidden.
func TestWhatIsAskedOfLooks(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]look.Question{}
	o := clinic()
	for name := range o.Looks {
		o.Looks[name] = look.Look{Name: name, Looker: looker(func(_ context.Context, q look.Question) (look.Report, error) {
			mu.Lock()
			defer mu.Unlock()
			asked[name] = q
			return look.Report{}, nil
		})}
	}
	diagnosed(t, o, look.Question{Domain: "orders", NoRows: true, At: now()})
	plain := look.Question{Domain: "orders", NoRows: true, At: now()}
	logs, changes := plain, plain
	logs.Since, changes.Since = hour, week
	equal(t, map[string]look.Question{"logs": logs, "events logs": logs, "changes": changes, "db conflicts": plain, "locks": plain}, asked)
}

func TestProgressCountsStepsUpToTheEnd(t *testing.T) {
	t.Parallel()
	var told []check.Progress
	_, err := New(clinic()).Look(t.Context(), look.Question{}, func(p check.Progress) { told = append(told, p) })
	if err != nil {
		t.Fatal(err)
	}
	equal(t, check.Progress{Total: 6, Reading: "steps done: still looking at logs and conflicts, data checks, events, cache, recent changes, locks and races"}, told[0])
	equal(t, check.Progress{Done: 6, Total: 6, Reading: "steps done"}, told[len(told)-1])
	if !slices.IsSortedFunc(told, func(a, b check.Progress) int { return int(a.Done - b.Done) }) {
		t.Errorf("goes back: %v", told)
	}
}

// TestSourcesShareTheirPlaces: no more are looked at at once than is allowed.
func TestSourcesShareTheirPlaces(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	at, most := 0, 0
	o := clinic()
	o.Parallel = 2
	for name := range o.Looks {
		o.Looks[name] = look.Look{Name: name, Looker: looker(func(context.Context, look.Question) (look.Report, error) {
			mu.Lock()
			at++
			most = max(most, at)
			mu.Unlock()
			defer func() {
				mu.Lock()
				at--
				mu.Unlock()
			}()
			return look.Report{}, nil
		})}
	}
	diagnosed(t, o, look.Question{})
	if most > 2 || at != 0 {
		t.Errorf("%d at once, %d left", most, at)
	}
}

// TestWhatEarlierRunsTold about the time stands in where no check tells it now.
func TestWhatEarlierRunsTold(t *testing.T) {
	t.Parallel()
	o := clinic()
	o.Looks["changes"] = look.Look{Name: "changes", Looker: facts(look.Fact{Kind: look.Rollout, Subject: "backend", Count: 1, At: ago(3*hour + 5*time.Minute), Says: "rollout 41 of backend"})}
	asked := look.Question{Domain: "orders", FirstBad: ago(3 * hour), FirstBadBy: "orphaned-orders"}
	expectText(t, all(diagnosed(t, o, asked)), []string{"no row is wrong, and there is no cause to name"}, "earlier run")
	o = o.with("orphaned-orders", detector(func(context.Context, check.Options, check.Recorder) (check.Result, error) {
		return check.Result{}, &check.Problem{Sentence: "Postgres production/shop does not answer."}
	}))
	expectText(t, all(diagnosed(t, o, asked)), []string{"5 min before the first bad row of an earlier run"})
	o = o.with("orphaned-orders", finds(10, "id", check.Key, "o-1"))
	expectText(t, all(diagnosed(t, o, asked)), []string{"the first bad row of Orphaned orders 2026-11-21 10:00 UTC"}, "earlier run")
}

// chronicle is a target that knows what was changed in it.
type chronicle []look.Change

func (c chronicle) Changes(context.Context, time.Time) ([]look.Change, []string, error) {
	return c, nil, nil
}

// TestTheTimeLineIsUnderstood as the look that makes it words its facts.
func TestTheTimeLineIsUnderstood(t *testing.T) {
	t.Parallel()
	o := clinic().with("orphaned-orders", finds(10, "id", check.Key, "o-1")) // bad since two hours
	o.Looks["changes"] = look.Look{Name: "changes", Looker: look.TimeLine([]look.Source{{Place: "production", Chronicler: chronicle{
		{At: ago(2*hour + 5*time.Minute), Kind: look.Rollout, What: "deployment/ecommerce-backend", Says: "rollout 41: image 1.8.2 → 1.8.3"},
		{At: ago(3 * hour), Kind: look.Migration, What: "flyway_schema_history", Says: "migration V58: recompute totals", Who: "user flyway", Failed: true},
		{At: ago(4 * hour), Kind: look.Migration, What: "flyway_schema_history", Says: "migration V57: drop payments, failed", Who: "user flyway"},
	}}})}
	r := diagnosed(t, o, look.Question{Domain: "orders"})
	expectText(t, r.Head.PlainText(), []string{
		"rollout 41 of ecommerce-backend (image 1.8.2 → 1.8.3) 2026-11-21 09:55 UTC (2 h ago), 5 min before the first bad row of Orphaned orders",
		"migration V58 by user flyway, failed (recompute totals) 2026-11-21 09:00 UTC (3 h ago), 60 min before the first bad row of Orphaned orders; migration V57",
		"2026-11-21 08:00 UTC (4 h ago), 2 h before the first bad row of Orphaned orders",
	})
}

package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/check/report"
	"github.com/integritybot/integritybot/internal/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	bad   = time.Date(2026, 11, 21, 10, 2, 0, 0, time.UTC)
)

var checks = report.Checks{
	"orphaned-orders": {
		Name: "orphaned-orders", Title: "Orphaned orders", Kind: "orphans", Fixable: true, Place: "production/shop", Noun: "orders", Owner: "backend",
		Means: "belong to a customer that does not exist", Likely: "Likely when customers are deleted while orders are in flight.",
	},
	"order-payments": {Name: "order-payments", Title: "Payments", Kind: "match", Place: "production/shop", Noun: "orders", Means: "were not paid as they should have been"},
	"product-stock":  {Name: "product-stock", Title: "Stock", Kind: "totals", Place: "production/shop", Noun: "products"},
	"customer-cache": {Name: "customer-cache", Title: "Customer cache", Place: "production/cache"},
}

func usd(s string) map[string]decimal.Decimal {
	return map[string]decimal.Decimal{"USD": decimal.RequireFromString(s)}
}

var (
	orphans = check.Finding{
		Check: "orphaned-orders", Verdict: check.Fail, Started: began, Duration: 900 * time.Millisecond,
		Result: check.Result{Scanned: 3_000_000, Read: 3_300_000, Plan: "key ranges", Position: "LSN 0/16B3748", Notes: []string{"12 orders have no customer at all (NULL): not judged"}},
		Tally: check.Tally{
			Rows: 30, Money: usd("1204.5"), First: bad, Last: bad.Add(time.Hour),
			Columns:  []check.Column{{Name: "id", Class: check.Key}, {Name: "customer_id", Class: check.Key}, {Name: "total_amount", Class: check.Number}},
			Examples: []check.Example{{Values: []string{"o100000", "gone", "45.10"}}, {Values: []string{"o100001", "gone", "7.00"}}},
		},
	}
	payments = check.Finding{
		Check: "order-payments", Verdict: check.Fail, Started: began, Duration: 2 * time.Second,
		Result: check.Result{Scanned: 2_700_000, Read: 5_700_000, Plan: "bucket sums"},
		Tally: check.Tally{
			Rows: 43, Money: usd("17000"), Classes: map[string]int64{"unpaid": 17, "paid_twice": 21, "underpaid": 5},
			Columns:  []check.Column{{Name: "id", Class: check.Key}, {Name: "total", Class: check.Number}},
			Examples: []check.Example{{Class: "unpaid", Values: []string{"o5", "12.00"}}},
		},
	}
	stock = check.Finding{Check: "product-stock", Verdict: check.Pass, Started: began, Duration: time.Second, Result: check.Result{Scanned: 50_000, Read: 150_000, Plan: "one statement"}}
	fresh = check.Finding{Check: "customer-cache", Verdict: check.Pass, Started: began, Duration: time.Second, Result: check.Result{Scanned: 700, Read: 1400}}
	cache = check.Finding{Check: "customer-cache", Verdict: check.Unknown, Reason: "Redis did not answer in 5 s.", Started: began}
)

func run(state check.RunState, findings ...check.Finding) check.Run {
	r := check.Run{
		Order: check.Order{ID: 1042, Title: "Orders", Channel: "C1", AskedBy: "U1ALICE", AskedAt: began},
		State: state, Findings: findings, Started: began, Finished: began.Add(6200 * time.Millisecond),
	}
	for _, f := range findings {
		r.Checks = append(r.Checks, f.Check)
	}
	return r
}

func verify(findings ...check.Finding) check.Run {
	r := run(check.Done, findings...)
	r.Title, r.Step = "Verification", check.StepVerify
	return r
}

func TestWhatPeopleRead(t *testing.T) {
	half := check.Finding{Check: "order-payments", Verdict: check.Unknown, Reason: "Postgres production/shop did not answer in 5 s.", Tally: check.Tally{Rows: 4, Columns: payments.Tally.Columns, Examples: payments.Tally.Examples}}
	stopped := run(check.Stopped, orphans)
	stopped.Checks, stopped.StoppedBy = []string{"orphaned-orders", "order-payments"}, "U1BOB"
	failed := run(check.Failed)
	failed.Checks, failed.Reason = []string{"orphaned-orders"}, "Your right to run it was taken away before it began."
	shared := run(check.Done, orphans)
	shared.NoRows = true
	running := run(check.Running, orphans)
	running.Checks = append(running.Checks, "order-payments")
	one := orphans
	one.Tally.Rows = 1
	house := withCache(checks)
	off, bothOff := run(check.Done, stock, stock), verify(stock)
	off.Off, bothOff.Off = []string{"customer-cache"}, []string{"customer-cache", "product-stock-b"}
	failedAndOff := verify(orphans, stock)
	failedAndOff.Off = []string{"customer-cache"}
	for name, posts := range map[string][]message.Post{
		"fail":            report.Finished(run(check.Done, orphans, payments, stock, cache), checks),
		"pass":            report.Finished(run(check.Done, stock, stock), checks),
		"single":          report.Finished(run(check.Done, stock), checks),
		"one-row":         report.Finished(run(check.Done, one), checks),
		"unknown":         report.Finished(run(check.Done, stock, cache), checks),
		"partial":         report.Finished(run(check.Done, half), checks),
		"stopped":         report.Finished(stopped, checks),
		"failed":          report.Finished(failed, checks),
		"shared":          report.Finished(shared, checks),
		"queued":          {report.Queued(run(check.Queued, orphans, stock).Order)},
		"running":         {report.Running(running, map[string]check.Progress{"order-payments": {Done: 41, Total: 100, Reading: "payments", Paused: "replica lag 12 s (limit 5 s)"}}, checks, began.Add(4*time.Second))},
		"verify":          report.Finished(verify(orphans, payments, stock, cache), checks)[:1],
		"verified":        report.Finished(verify(stock), checks)[:1],
		"pass-off":        report.Finished(off, house),
		"verified-off":    report.Finished(bothOff, house)[:1],
		"verify-fail-off": report.Finished(failedAndOff, house)[:1],
		"verified-cache":  report.Finished(verify(stock, fresh), house)[:1],
		"details":         {report.Details(run(check.Done, orphans, stock), checks, "")},
	} {
		t.Run(name, func(t *testing.T) {
			var text string
			for _, p := range posts {
				text += "── " + p.Key + "\n" + p.Message.PlainText() + "\n"
			}
			golden(t, filepath.Join("testdata", name+".txt"), text)
		})
	}
}

// withCache are the checks of a house with a cache and a second database.
func withCache(of report.Checks) report.Checks {
	out := report.Checks{}
	for name, c := range of {
		out[name] = c
	}
	c := out["customer-cache"]
	c.Kind = "cache"
	out["customer-cache"] = c
	out["product-stock-b"] = check.Check{Name: "product-stock-b", Title: "Stock of b", Kind: "totals", Place: "production/b"}
	return out
}

// events are a house with a broker.
var events = report.Checks{
	"consumer-lag":  {Name: "consumer-lag", Title: "Consumer lag", Kind: "lag", Place: "production/events", Noun: "partitions", Means: "are further behind than they may be"},
	"failed-events": {Name: "failed-events", Title: "Failed events", Kind: "dead-letters", Place: "production/events", Noun: "events", Means: "were given up on", Fixable: true},
}

var (
	lag = check.Finding{
		Check: "consumer-lag", Verdict: check.Fail, Started: began, Duration: 2100 * time.Millisecond,
		Result: check.Result{
			Scanned: 12, Read: 2, Plan: "committed and end offsets, twice 2 s apart", Says: "2 of 12 partitions are behind: 48,210 records, the oldest 14 min old",
			Notes: []string{"The group is Stable with 3 members."},
			Overview: &check.Overview{
				Columns: []check.Column{{Name: "topic", Class: check.Key}, {Name: "partition", Class: check.Key}, {Name: "lag", Class: check.Number}, {Name: "oldest", Class: check.Time}},
				Rows:    [][]string{{"ecommerce-events", "3", "48000", "2026-11-21 11:46:00+00"}, {"ecommerce-events", "0", "unknown", ""}},
				Total:   12,
			},
		},
		Tally: check.Tally{Rows: 2, Columns: []check.Column{{Name: "topic", Class: check.Key}, {Name: "partition", Class: check.Key}}, Examples: []check.Example{{Values: []string{"ecommerce-events", "3"}}}},
	}
	letters = check.Finding{
		Check: "failed-events", Verdict: check.Fail, Started: began, Duration: 900 * time.Millisecond,
		Result: check.Result{Scanned: 412, Read: 412, Plan: "read from the first record to the end of each partition", Position: "0:412", Says: "412 dead letters, 398 of them NullPointerException, the oldest 3 h old"},
		Tally: check.Tally{
			Rows: 412, Classes: map[string]int64{"NullPointerException": 398, "others": 14}, First: bad, Last: began,
			Columns:  []check.Column{{Name: "record", Class: check.Key}, {Name: "key", Class: check.Free}},
			Examples: []check.Example{{Class: "NullPointerException", Values: []string{"3/12345", "••• (4 characters)"}}},
		},
	}
	read = check.Finding{Check: "consumer-lag", Verdict: check.Pass, Started: began, Duration: 2 * time.Second, Result: check.Result{
		Scanned: 12, Plan: "committed and end offsets, twice 2 s apart", Says: "all 12 partitions are within their limits: 210 records unread, the oldest 2 s old", Overview: lag.Result.Overview,
	}}
	none = check.Finding{Check: "failed-events", Verdict: check.Pass, Started: began, Duration: time.Second, Result: check.Result{Scanned: 9, Read: 9, Plan: "read", Overview: &check.Overview{}}}
)

// all is a run that was asked to show all it looked at.
func all(title string, findings ...check.Finding) check.Run {
	r := run(check.Done, findings...)
	r.Title, r.Options.Overview = title, true
	return r
}

func TestWhatPeopleReadAboutEvents(t *testing.T) {
	shared := all("Consumer lag", lag)
	shared.NoRows = true
	verification := verify(read, letters)
	export := run(check.Done)
	export.Title, export.Step, export.Checks, export.Select = "Failed events", check.StepExport, []string{"failed-events"}, []string{"error=NullPointer", "key=o-17"}
	failed, stopped := export, export
	failed.State, failed.Reason = check.Failed, "It was not finished after 30 min. Export less at once with --match or --limit."
	stopped.State, stopped.StoppedBy = check.Stopped, "U1BOB"
	keys := letters
	keys.Tally.Classes = map[string]int64{"user_1": 400, "user_2": 3, "a": 2, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1, "h": 1}
	keys.Tally.Examples = []check.Example{{Class: "user_1", Values: []string{"3/12345", "user_1"}}}
	sharedKeys := all("Failed events", keys)
	sharedKeys.NoRows = true
	for name, posts := range map[string][]message.Post{
		"events-lag":         report.Finished(all("Consumer lag", lag), events),
		"events-lag-pass":    report.Finished(all("Consumer lag", read), events),
		"events-lag-shared":  report.Finished(shared, events),
		"events-dlq":         report.Finished(all("Failed events", letters), events),
		"events-dlq-none":    report.Finished(all("Failed events", none), events),
		"events-both":        report.Finished(run(check.Done, lag, letters), events),
		"events-verify":      report.Finished(verification, events)[:1],
		"events-export":      {report.Exported(export, check.Exported{Lines: 50_000, Left: 1_200, Notes: []string{"3 are wrapped; they are given as they stand."}}, events)},
		"events-export-none": {report.Exported(export, check.Exported{}, events)},
		"events-export-running": {
			report.Queued(export.Order), report.Running(export, nil, events, began),
			report.Running(export, map[string]check.Progress{"failed-events": {Done: 12_000, Reading: "records"}}, events, began),
		},
		"events-export-failed":   report.Finished(failed, events),
		"events-export-stopped":  report.Finished(stopped, events),
		"events-dlq-keys":        report.Finished(all("Failed events", keys), events),
		"events-dlq-keys-shared": report.Finished(sharedKeys, events),
	} {
		t.Run(name, func(t *testing.T) {
			var text string
			for _, p := range posts {
				text += "── " + p.Key + "\n" + p.Message.PlainText() + "\n"
			}
			golden(t, filepath.Join("testdata", name+".txt"), text)
		})
	}
}

// TestNamesStayOutOfSharedChannels: whatever a check of sessions, workloads or letters
// says of them, nothing that others have named is shown there.
func TestNamesStayOutOfSharedChannels(t *testing.T) {
	const secret = "payroll-export"
	for _, kind := range []string{"locks", "writers", "restore", "dead-letters"} {
		house := report.Checks{
			"one": {Name: "one", Title: "One", Kind: kind, Noun: "sessions", Means: "wait for others"},
			"two": {Name: "two", Title: "Two", Kind: kind, Noun: "sessions"},
		}
		for _, verdict := range []check.Verdict{check.Fail, check.Pass} {
			f := check.Finding{Check: "one", Verdict: verdict, Started: began, Result: check.Result{
				Scanned: 40, Says: "pid 4711 (" + secret + "), idle in transaction", Notes: []string{secret + " began it"},
				Overview: &check.Overview{Columns: []check.Column{{Name: "session"}}, Rows: [][]string{{secret}}, Total: 1},
			}}
			if verdict == check.Fail {
				f.Tally = check.Tally{Rows: 3, Columns: []check.Column{{Name: "session"}}, Examples: []check.Example{{Values: []string{secret}}}}
			}
			second := f
			second.Check = "two"
			for _, r := range []check.Run{all("One", f), all("Both", f, second)} {
				if text := textOf(report.Finished(r, house)); !strings.Contains(text, secret) {
					t.Errorf("%s: what was found is not said:\n%s", kind, text)
				}
				r.NoRows = true
				text := textOf(append(report.Finished(r, house), report.Details(r, house, "")))
				if strings.Contains(text, secret) {
					t.Errorf("%s: names what others have named:\n%s", kind, text)
				}
				if verdict == check.Fail && !strings.Contains(text, "FAIL One: 3 sessions wait for others") {
					t.Errorf("%s: does not say what is wrong:\n%s", kind, text)
				}
			}
		}
	}
}

func textOf(posts []message.Post) (text string) {
	for _, p := range posts {
		text += p.Message.PlainText() + "\n"
	}
	return text
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got; if meant: go test ./internal/check/report -update\n%s", diff)
	}
}

func TestTimesInExamplesAreReadable(t *testing.T) {
	f := orphans
	f.Tally.Columns = []check.Column{{Name: "at", Class: check.Time}}
	for value, want := range map[string]string{
		"2026-11-22 14:23:05.646268+00": "2026-11-22 14:23:05 UTC",
		"2026-11-22 14:23:05+02":        "2026-11-22 12:23:05 UTC",
		"2026-11-22 14:23:05.1+05:30":   "2026-11-22 08:53:05 UTC",
		"2026-11-22T14:23:05Z":          "2026-11-22 14:23:05 UTC",
		"2026-11-22 14:23:05":           "2026-11-22 14:23:05",
		"infinity":                      "infinity",
		"NULL":                          "NULL",
	} {
		f.Tally.Examples = []check.Example{{Values: []string{value}}}
		posts := report.Finished(run(check.Done, f), checks)
		if got := posts[1].Message.Parts[0].Table.Rows[0][0]; got != want {
			t.Errorf("%q is shown as %q, want %q", value, got, want)
		}
	}
}

// TestWhatIsAnIncidentIsNotDeclaredAgain: the button is there where something is wrong,
// and not in the incident's own channel.
func TestWhatIsAnIncidentIsNotDeclaredAgain(t *testing.T) {
	run := check.Run{Order: check.Order{ID: 7, Checks: []string{"a"}}, State: check.Done, Findings: []check.Finding{{Check: "a", Verdict: check.Fail}}}
	offered := func() bool {
		for _, a := range report.Finished(run, nil)[0].Message.Actions {
			if a.Verb == "incident" {
				return a.Ref == "declare --run R-7" && a.Form
			}
		}
		return false
	}
	if !offered() {
		t.Error("no incident can be declared of what is wrong")
	}
	if run.Incident = 12; offered() {
		t.Error("an incident is offered in an incident")
	}
	if run.Incident, run.Findings[0].Verdict = 0, check.Pass; offered() {
		t.Error("an incident is offered of what is right")
	}
}

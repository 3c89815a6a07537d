package report_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/fix/report"
	"github.com/integritybot/integritybot/internal/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

var wording = report.Wording{
	Checks: map[string]check.Check{
		"orphaned-orders":  {Name: "orphaned-orders", Title: "Orphaned orders", Domain: "orders", Place: "production/shop"},
		"failed-events":    {Name: "failed-events", Title: "Failed events", Domain: "events", Place: "production/events", Kind: "dead-letters"},
		"writers":          {Name: "writers", Title: "Writers", Domain: "writes", Place: "production", Kind: "writers"},
		"customer-cache":   {Name: "customer-cache", Title: "Customer cache", Domain: "cache", Place: "production/cache", Kind: "cache"},
		"duplicate-emails": {Name: "duplicate-emails", Title: "Duplicate customers", Domain: "customers", Place: "production/shop"},
	},
	Policy: authz.Policy{Roles: []authz.Role{
		{Name: "responders", Permissions: []string{"fix:orders"}},
		{Name: "approvers", Permissions: []string{"approve:*"}},
		{Name: "admins", Permissions: []string{"*"}},
	}},
	Keep: 30 * 24 * time.Hour,
}

// plan is P-77, waiting, changed as a test needs it.
func plan(with ...func(*fix.Plan)) fix.Plan {
	p := fix.Plan{
		Order: fix.Order{ID: 77, Check: "orphaned-orders", Domain: "orders", Channel: "C1", Under: "run/70", Thread: "1.2", AskedBy: "U1ALICE", AskedAt: noon},
		State: fix.Waiting, Hash: "h", Digest: "d", Batches: 1, Expires: noon.Add(10 * time.Minute),
		Draft: fix.Draft{
			Does: "move 30 orders whose customer does not exist to quarantine", Button: "change 30 orders", Done: "quarantined", Noun: "orders",
			Target: "shop", Place: "production/shop", Rows: 30, Found: 30, Of: 3_000_000, Total: 148,
			Money: map[string]decimal.Decimal{"USD": decimal.RequireFromString("1204.5")},
			Dependants: []fix.Dependant{
				{Table: `"public"."order_items"`, Rows: 90, Fate: "moved to quarantine with them"},
				{Table: `"public"."payments"`, Rows: 28, Fate: "moved to quarantine with them"},
			},
			Columns: []check.Column{{Name: "id", Class: check.Key}},
			Samples: []fix.Sample{
				{Key: "o100000", Before: "customer gone, total 45.10", After: "quarantined"},
				{Key: "o100001", Before: "customer gone, total 7.00", After: "quarantined"},
			},
		},
	}
	for _, change := range with {
		change(&p)
	}
	return p
}

func confirmed(p *fix.Plan) {
	p.State, p.DecidedBy, p.DecidedAt, p.Run = fix.Approved, "U1BOB", noon.Add(2*time.Minute), 78
}

func second(p *fix.Plan) {
	p.Second, p.Why = true, "over 500 rows"
	p.Draft.Rows, p.Draft.Found, p.Draft.Total, p.Draft.Button = 600, 600, 600, "change 600 orders"
	p.Draft.Dependants = nil
}

func ended(s fix.State, o fix.Outcome) func(*fix.Plan) {
	return func(p *fix.Plan) {
		confirmed(p)
		p.State, p.Outcome, p.Finished = s, o, noon.Add(3*time.Minute)
	}
}

func as(s fix.State, reason string) func(*fix.Plan) {
	return func(p *fix.Plan) { p.State, p.Reason = s, reason }
}

var whole = fix.Outcome{Changed: 30, Total: 148, Batches: 1, Took: 1100 * time.Millisecond, Verdict: check.Pass, Before: 30}

func outcome(change func(*fix.Outcome)) fix.Outcome {
	o := whole
	change(&o)
	return o
}

// skips are as many rows of orders that were left alone.
func skips(n int, why fix.Why) []fix.Skip {
	var out []fix.Skip
	for i := range n {
		out = append(out, fix.Skip{Table: `"public"."orders"`, Key: []string{fmt.Sprintf("o%d", 200+i)}, Why: why})
	}
	return out
}

// hostile is what rows and people may hold.
const hostile = "<!channel> <@U1> *b* `c` https://evil.example\n\x1b[31m\u202e"

func hostileDraft(p *fix.Plan) {
	p.Reason = hostile
	p.Draft.Risk, p.Draft.Irreversible = hostile, hostile
	p.Draft.Samples = []fix.Sample{{Key: hostile, Before: strings.Repeat("x", 5_000), After: hostile}}
	p.Draft.Left = []fix.Left{{Rows: 2, Why: hostile, Examples: []string{hostile, strings.Repeat("k", 5_000)}}}
	p.Draft.Dependants = []fix.Dependant{{Table: hostile, Rows: 1, Fate: hostile}}
	p.Draft.Triggers, p.Draft.Cascades = []string{hostile}, []string{hostile}
}

func undo(p *fix.Plan) {
	p.ID, p.Undoes = 80, 77
	p.Draft.Does, p.Draft.Done, p.Draft.Button = "take P-77 back: put 30 orders back", "put back", "change 30 orders"
}

// sends makes it a plan that produces records, which knows no triggers and cannot
// be taken back.
func sends(p *fix.Plan) {
	p.ID, p.Check, p.Domain, p.Mode, p.Batches = 79, "failed-events", "events", "replay", 2
	p.Draft = fix.Draft{
		Does: "replay 380 dead letters to ecommerce-events, and put 3 aside", Button: "send 383 letters", Done: "sent on", Noun: "dead letters",
		Target: "events", Place: "production/events", Rows: 383, Found: 412, Of: 412, Total: 383, Plain: true,
		Dependants: []fix.Dependant{{Table: "ecommerce-quarantine", Rows: 3, Fate: "set aside after 3 attempts"}},
		Left: []fix.Left{
			{Rows: 17, Why: "their event id stands in processed_events of production/shop", Examples: []string{"0/12", "1/7"}},
			{Rows: 12, Why: "DeserializationException is not cured by a replay"},
		},
		Samples:      []fix.Sample{{Key: "0/13", Before: "NullPointerException, key ••• (4 characters)", After: "ecommerce-events, partition 3"}},
		Irreversible: "a record that was produced cannot be taken back; a correcting event can be sent",
		Risk:         "only consumers that read committed records never see copies of a batch that is given up",
	}
}

func TestWhatPeopleReadOfAReplay(t *testing.T) {
	head := func(with ...func(*fix.Plan)) message.Post {
		return wording.Head(plan(append([]func(*fix.Plan){sends}, with...)...), noon)
	}
	all := fix.Outcome{Changed: 383, Total: 383, Batches: 2, Took: 31 * time.Second, Verdict: check.Fail, Before: 412, After: 12}
	halted := fix.Outcome{Changed: 10, Total: 10, Left: 373, Batches: 1, Took: 31 * time.Second, Verdict: check.Fail, Before: 412, After: 406}
	for name, post := range map[string]message.Post{
		"send-preview": head(),
		"send-narrowed": head(func(p *fix.Plan) {
			p.Select, p.Rate = []string{"key=o-17", "header.note=<@U1BOB> " + strings.Repeat("x", 200)}, 1_000_000
			p.From, p.To = noon.Add(-2*time.Hour), noon
		}),
		"send-alone": head(func(p *fix.Plan) {
			p.Draft.Dependants, p.Draft.Left, p.Draft.Rows, p.Draft.Total, p.Draft.Found, p.Draft.Of = nil, nil, 380, 380, 380, 380
		}),
		"send-applying": wording.Applying(plan(sends, confirmed, as(fix.Applying, "")), check.Progress{
			Done: 10, Total: 383, Paused: "the first 10 were sent; 22 s to see whether any of them comes back",
		}),
		"send-done":    wording.Applying(plan(sends, confirmed, as(fix.Applying, "")), check.Progress{Done: 383, Total: 383}),
		"send-applied": head(ended(fix.Applied, all)),
		"send-halted": head(ended(fix.PartlyApplied, halted), func(p *fix.Plan) {
			p.Reason = "4 of 10 canaries came back within 30 s (limit 20 %); the other 373 were not sent. Look at the consumer first."
		}),
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, filepath.Join("testdata", name+".txt"), shown(post))
		})
	}
}

// stops is a plan that stops writers, which are no failing rows of its check.
func stops(p *fix.Plan) {
	p.Check, p.Domain, p.Second, p.Why = "writers", "writes", true, "stopping writes always needs a second person"
	p.Draft = fix.Draft{
		Does: "stop writes of 2 deployments by scaling them to zero", Button: "stop writes of 2 deployments", Done: "stopped", Noun: "deployments",
		Target: "cluster", Place: "production", Rows: 2, Found: 2, Of: 2, Total: 2, Plain: true, Uncounted: true,
		Heads:   []string{"deployment", "now", "then"},
		Samples: []fix.Sample{{Key: "ecommerce-backend", Before: "3 replicas", After: "0 replicas"}, {Key: "worker", Before: "2 replicas", After: "0 replicas"}},
		Risk:    "Argo CD owns ecommerce-backend and may scale it up again; pause it there first",
	}
}

// flushes is a plan that empties a cache.
func flushes(p *fix.Plan) {
	p.Check, p.Domain, p.Second, p.Why = "customer-cache", "cache", true, "a flush always needs a second person"
	p.Draft = fix.Draft{
		Does: "remove all 50,120 cached values of production/cache", Button: "flush production/cache", Done: "removed", Noun: "values",
		Target: "cache", Place: "production/cache", Rows: 50_120, Found: 50_120, Total: 1, Plain: true, Typed: "production/cache",
		Irreversible: "what was cached is gone; services read it from the database again",
		Risk:         "for a while every read goes to the database: 1,200 reads a second did not until now",
	}
}

// TestWhatPeopleReadOfWhatIsNoRow: writers that stop, caches that are emptied.
func TestWhatPeopleReadOfWhatIsNoRow(t *testing.T) {
	head := func(with ...func(*fix.Plan)) message.Post { return wording.Head(plan(with...), noon) }
	good := fix.Outcome{Changed: 2, Total: 2, Batches: 2, Took: 62 * time.Second, Verdict: check.Pass}
	for name, post := range map[string]message.Post{
		"writes-preview": head(stops),
		"writes-stopped": head(stops, ended(fix.Applied, good)),
		"writes-reverted": head(stops, ended(fix.PartlyApplied, fix.Outcome{Changed: 2, Total: 2, Batches: 2, Took: 9 * time.Second, Verdict: check.Fail, After: 1}), func(p *fix.Plan) {
			p.Reason = "argocd-application-controller scaled ecommerce-backend back to 3 after 7 s: it writes again."
		}),
		"flush-preview": head(flushes),
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, filepath.Join("testdata", name+".txt"), shown(post))
		})
	}
	flush := head(flushes)
	if a := flush.Message.Actions[0]; a.Ask == nil || a.Ask.Want != "production/cache" || a.Confirm != nil {
		t.Errorf("a flush is confirmed by %+v, and not by typing its name", a)
	}
}

func TestWhatPeopleRead(t *testing.T) {
	head := func(with ...func(*fix.Plan)) message.Post { return wording.Head(plan(with...), noon) }
	applying := func(at check.Progress) message.Post {
		return wording.Applying(plan(confirmed, as(fix.Applying, "")), at)
	}
	for name, post := range map[string]message.Post{
		"planning":      wording.Planning(plan().Order),
		"planning-undo": wording.Planning(plan(undo).Order),
		"planning-half": wording.Applying(plan(as(fix.Planning, "")), check.Progress{Done: 41, Total: 100, Reading: "order_items", Paused: "replica lag 12 s (limit 5 s)"}),
		"preview":       head(),
		"preview-second": head(second, func(p *fix.Plan) {
			p.Draft.Triggers = []string{"orders_audit on orders after each delete", "orders_touch on orders before each delete"}
		}),
		"preview-everything": head(func(p *fix.Plan) {
			p.Draft.Irreversible = "the sequence has moved on"
			p.Draft.Risk = "payments of two of them are being refunded"
			p.Draft.Found = 40
			p.Draft.Cascades = []string{"deletes 3 reviews by a foreign key with ON DELETE CASCADE"}
			p.Draft.Dependants = append(p.Draft.Dependants, fix.Dependant{Table: "refunds", Rows: 4, Fate: "deleted with them"})
			p.Draft.Left = []fix.Left{
				{Rows: 7, Why: "their other columns differ: decide by hand", Examples: []string{"o5", "o6", "o7"}},
				{Rows: 3, Why: "younger than 10 min"},
			}
		}),
		"preview-update": head(func(p *fix.Plan) {
			p.Draft = fix.Draft{Does: "set 60 totals to the sum of their items", Button: "change 60 orders", Noun: "orders", Place: "production/shop", Rows: 60, Found: 60, Of: 3_000_000, Total: 60}
		}),
		"preview-nobody": head(func(p *fix.Plan) { p.Check, p.Domain, p.Second = "duplicate-emails", "customers", false }, func(p *fix.Plan) { p.AskedBy = "" }),
		"approved":       head(confirmed),
		"applying":       applying(check.Progress{}),
		"applying-half":  applying(check.Progress{Done: 74, Total: 148, Paused: "replica lag 12 s (limit 5 s)"}),
		"applying-again": applying(check.Progress{Done: 148, Total: 148}),
		"applied":        head(ended(fix.Applied, whole)),
		"applied-taken":  head(ended(fix.Applied, outcome(func(o *fix.Outcome) { o.Taken = 1 }))),
		"applied-still": head(ended(fix.Applied, outcome(func(o *fix.Outcome) {
			o.Changed, o.Total, o.Verdict, o.Before, o.After = 10, 10, check.Fail, 30, 20
		})), func(p *fix.Plan) { p.Draft.Rows, p.Draft.Total, p.Draft.Found = 10, 10, 30 }),
		"applied-unknown":      head(ended(fix.Applied, outcome(func(o *fix.Outcome) { o.Verdict = check.Unknown }))),
		"applied-unchecked":    head(ended(fix.Applied, outcome(func(o *fix.Outcome) { o.Verdict = "" }))),
		"applied-irreversible": head(ended(fix.Applied, whole), func(p *fix.Plan) { p.Draft.Irreversible = "it cannot" }),
		"applied-second":       head(second, ended(fix.Applied, outcome(func(o *fix.Outcome) { o.Changed, o.Total, o.Before = 600, 600, 600 }))),
		"partly": head(ended(fix.PartlyApplied, outcome(func(o *fix.Outcome) {
			o.Changed, o.Total, o.Verdict, o.After = 15, 73, check.Fail, 15
			o.Skipped = append(append(skips(2, fix.WhyLocked), skips(13, fix.WhyChanged)...), fix.Skip{Table: "order_items", Key: []string{"o1", "3"}, Why: fix.WhyGone})
		}))),
		"partly-right": head(ended(fix.PartlyApplied, outcome(func(o *fix.Outcome) { o.Changed, o.Total, o.Skipped = 28, 28, skips(2, fix.WhyUnless) }))),
		"stopped": head(ended(fix.PartlyApplied, fix.Outcome{Changed: 12_000, Total: 12_000, Left: 18_000, Batches: 12, Took: 40 * time.Second, Verdict: check.Unknown, Before: 30_000}), func(p *fix.Plan) {
			p.Reason, p.Batches, p.Draft.Rows, p.Draft.Total = "It was stopped by a person", 30, 30_000, 30_000
		}),
		"not-known": head(ended(fix.PartlyApplied, fix.Outcome{Unknown: true, Left: 148, Verdict: check.Unknown, Before: 30}), func(p *fix.Plan) {
			p.Reason = "The database production/shop does not answer. So it is not known whether the last batch took effect."
		}),
		"failed": head(ended(fix.Failed, fix.Outcome{Left: 148}), func(p *fix.Plan) {
			p.Reason = "A trigger of the table orders raised an error: orders are frozen. Nothing was done."
		}),
		"failed-skipped":  head(ended(fix.Failed, fix.Outcome{Skipped: skips(3, fix.WhyChanged), Verdict: check.Fail, Before: 30, After: 30})),
		"not-made":        head(as(fix.Failed, "The table orders has no primary key, so its rows cannot be told apart. Nothing was changed."), unmade),
		"nothing":         head(as(fix.Failed, ""), unmade),
		"nothing-to-do":   head(as(fix.Failed, ""), unmade, func(p *fix.Plan) { p.Draft.Left = []fix.Left{{Rows: 5, Why: "decide by hand"}} }),
		"expired":         head(as(fix.Expired, "")),
		"expired-unseen":  wording.Head(plan(), noon.Add(time.Hour)),
		"cancelled":       head(confirmed, as(fix.Cancelled, "")),
		"cancelled-early": head(confirmed, as(fix.Cancelled, "It was stopped while it was worked out"), unmade, func(p *fix.Plan) { p.DecidedAt = time.Time{} }),
		"cancelled-late":  head(confirmed, as(fix.Cancelled, "It was stopped before the first change.")),
		"refused":         head(as(fix.Refused, "The check orphaned-orders was declared differently since.")),
		"undone":          wording.Undone(plan(ended(fix.Undone, whole)), plan(undo, ended(fix.Applied, whole))),
		"undone-in-part":  wording.Undone(plan(ended(fix.Undone, whole)), plan(undo, ended(fix.PartlyApplied, whole))),
		"undone-by-id":    head(ended(fix.Undone, whole), func(p *fix.Plan) { p.UndoneBy = 80 }),
		"undo-waiting":    head(undo),
		"undo-applied":    head(undo, ended(fix.Applied, outcome(func(o *fix.Outcome) { o.Verdict, o.Before, o.After = check.Fail, 0, 30 }))),
		"undo-expired":    head(undo, as(fix.Expired, "")),
		"hostile-preview": head(hostileDraft),
		"hostile-partly":  head(hostileDraft, ended(fix.PartlyApplied, outcome(func(o *fix.Outcome) { o.Skipped = []fix.Skip{{Table: hostile, Key: []string{hostile}, Why: hostile}} }))),
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, filepath.Join("testdata", name+".txt"), shown(post))
		})
	}
}

func unmade(p *fix.Plan) { p.Hash, p.Draft = "", fix.Draft{} }

// shown is a post with what its buttons carry and ask.
func shown(p message.Post) string {
	text := fmt.Sprintf("── %s in %s under %q thread %q final %v\n%s", p.Key, p.Channel, p.Parent, p.Thread, p.Final, p.Message.PlainText())
	for _, a := range p.Message.Actions {
		text += fmt.Sprintf("  %s → %s %s %s\n", a.Label, a.Verb, a.Ref, a.Style)
		if a.Confirm != nil {
			text += message.Message{Headline: message.Text("    %s | %s | %s | %s", a.Confirm.Title, a.Confirm.Text, a.Confirm.Yes, a.Confirm.No)}.PlainText()
		}
	}
	for _, f := range p.Message.Files {
		text += fmt.Sprintf("  %s: %s, %s\n", f.Name, f.Title, f.Source)
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
		t.Errorf("-want +got; if meant: go test ./internal/fix/report -update\n%s", diff)
	}
}

// TestOnlyAPlanThatWaitsCanBeConfirmed: in every other state the buttons of the
// decision are gone, and no button carries more than what it acts on.
func TestOnlyAPlanThatWaitsCanBeConfirmed(t *testing.T) {
	for _, s := range []fix.State{
		fix.Planning, fix.Waiting, fix.Approved, fix.Applying, fix.Applied, fix.PartlyApplied,
		fix.Failed, fix.Expired, fix.Cancelled, fix.Refused, fix.Undone, "else",
	} {
		post := wording.Head(plan(ended(s, whole)), noon)
		if post.Key != report.HeadKey(77) || post.Final != s.Final() {
			t.Errorf("%q: key %q, final %v", s, post.Key, post.Final)
		}
		for _, a := range post.Message.Actions {
			if (a.Verb == "confirm" || a.Verb == "cancel") != (s == fix.Waiting) {
				t.Errorf("%q: button %s %s", s, a.Verb, a.Ref)
			}
			if a.Ref != "P-77" && a.Ref != "R-77" && a.Ref != "orphaned-orders" {
				t.Errorf("%q: %s carries %q", s, a.Verb, a.Ref)
			}
		}
	}
}

// TestOnlyAPassIsGreen: whatever else an outcome says.
func TestOnlyAPassIsGreen(t *testing.T) {
	for _, v := range []check.Verdict{check.Pass, check.Fail, check.Unknown, ""} {
		for _, s := range []fix.State{fix.Applied, fix.PartlyApplied} {
			text := wording.Head(plan(ended(s, outcome(func(o *fix.Outcome) { o.Verdict = v }))), noon).Message.Headline.String()
			if green := strings.Contains(text, "🟢"); green != (v == check.Pass && s == fix.Applied) {
				t.Errorf("%q, %q: %s", s, v, text)
			}
			if v != check.Pass && strings.Contains(text, "PASS") || (v == check.Unknown || v == "") && !strings.Contains(text, "UNKNOWN") {
				t.Errorf("%q, %q: %s", s, v, text)
			}
		}
	}
}

// TestWhateverAPlanHoldsItHasAHeadline: no state, number or text makes a message
// that says nothing, names too many keys, or is longer than its foreign text.
func TestWhateverAPlanHoldsItHasAHeadline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plan(func(p *fix.Plan) {
			p.State = fix.State(rapid.SampledFrom([]string{"planning", "waiting", "approved", "applying", "applied", "partly applied", "failed", "expired", "cancelled", "refused", "undone", "else"}).Draw(t, "state"))
			p.Reason, p.DecidedBy, p.Hash = rapid.StringMatching(`[^%]*`).Draw(t, "reason"), rapid.SampledFrom([]string{"", "U1BOB"}).Draw(t, "by"), rapid.SampledFrom([]string{"", "h"}).Draw(t, "hash")
			p.Second = rapid.Bool().Draw(t, "second")
			if rapid.Bool().Draw(t, "bare") {
				p.Draft = fix.Draft{}
			}
			p.Outcome = fix.Outcome{
				Changed: rapid.Int64().Draw(t, "changed"), Total: rapid.Int64().Draw(t, "total"), Unknown: rapid.Bool().Draw(t, "unknown"),
				Skipped: skips(rapid.IntRange(0, 30).Draw(t, "skipped"), fix.WhyLocked), Left: rapid.Int64Range(0, 1<<40).Draw(t, "left"),
				Verdict: check.Verdict(rapid.SampledFrom([]string{"", "PASS", "FAIL", "UNKNOWN"}).Draw(t, "verdict")),
			}
		})
		m := wording.Head(p, noon).Message
		if !strings.Contains(m.Headline.String(), "P-77") && p.State != fix.Planning {
			t.Errorf("%q: headline %q", p.State, m.Headline)
		}
		if text := m.PlainText(); strings.Contains(text, "o211") || strings.Contains(text, "%!(") {
			t.Error(text)
		}
	})
}

// TestWithoutAThreadOfOursItAnswersInTheAskers: a plan that was not asked for
// under a run.
func TestWithoutAThreadOfOursItAnswersInTheAskers(t *testing.T) {
	post := wording.Head(plan(func(p *fix.Plan) { p.Under = "" }), noon)
	if post.Thread != "1.2" || post.Parent != "" {
		t.Errorf("thread %q, parent %q", post.Thread, post.Parent)
	}
}

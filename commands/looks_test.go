package commands_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/authz"
	"github.com/integritybot/integritybot/internal/check"
)

// wantRun checks the run that was recorded, but for what every run has.
func wantRun(t *testing.T, in commands.Intent, user string, want check.Order) {
	t.Helper()
	if in.Run == nil {
		t.Fatalf("no run: %s", reply(t, in))
	}
	want.ID, want.Channel, want.ResponseURL, want.AskedBy, want.AskedAt, want.Request = 1042, "C1", "https://hooks.example/1", user, noon, "request-1"
	if diff := cmp.Diff(want, *in.Run); diff != "" {
		t.Errorf("the run (-want +got):\n%s", diff)
	}
	if e := in.Events[0]; e.Outcome != audit.Intended || e.Target != "R-1042" || e.Decision != "allowed" {
		t.Errorf("the audit says %+v", e)
	}
	if len(in.Posts) != 1 || in.Posts[0].Key != "run/1042" || in.Posts[0].OnlyTo != "" {
		t.Errorf("the message is %+v", in.Posts)
	}
}

// wantRefused checks that nothing was done but said and recorded.
func wantRefused(t *testing.T, in commands.Intent, rule, says string) {
	t.Helper()
	if in.Run != nil || in.Plan != nil || in.Decide != nil || in.Stop != nil || len(in.Incidents)+len(in.Notices)+len(in.Entries) > 0 {
		t.Fatal("something was done")
	}
	if e := in.Events[0]; e.Outcome != audit.Refused || e.Decision != "refused" || e.Rule != rule || e.Error == "" {
		t.Errorf("the audit says %s by %q, want refused by %q", e.Outcome, e.Rule, rule)
	}
	if got := reply(t, in); !strings.Contains(got, says) {
		t.Errorf("said:\n%s\nwant: %s", got, says)
	}
}

func TestLooksAreRunsOfTheirOwn(t *testing.T) {
	look := func(name, title, right string, change func(*check.Order)) check.Order {
		o := check.Order{Step: check.StepLook, Look: name, Title: title, Right: right}
		if change != nil {
			change(&o)
		}
		return o
	}
	for _, tt := range []struct {
		words, action, again string
		want                 check.Order
	}{
		{"logs", "logs", "", look("logs", "Logs", "look:logs", nil)},
		{`logs --grep '\d+ (failed|lost)' —since 2h`, "logs", `logs --grep '\d+ (failed|lost)' --since 2h`, look("logs", "Logs", "look:logs", func(o *check.Order) {
			o.Grep, o.Options.Since = `\d+ (failed|lost)`, 2*time.Hour
		})},
		{"Events Logs --grep OrderCreated", "events.logs", "", look("events logs", "Logs about events", "look:logs", func(o *check.Order) { o.Grep = "OrderCreated" })},
		{"changes --since 7d", "changes", "", look("changes", "Changes", "look:changes", func(o *check.Order) { o.Options.Since = 168 * time.Hour })},
		{"db conflicts", "db.conflicts", "", look("db conflicts", "Conflicts", "look:database", nil)},
		{"diagnose", "diagnose", "", look("diagnose", "Diagnosis", "diagnose:all", nil)},
		{"diagnose all", "diagnose", "", look("diagnose", "Diagnosis", "diagnose:all", nil)},
		{"diagnose Orders", "diagnose", "", look("diagnose", "Diagnosis", "diagnose:orders", func(o *check.Order) { o.Domain = "orders" })},
		{"cache get customer:1 'customer: 2'", "cache.get", "", look("cache get", "Cached values", "look:cache", func(o *check.Order) { o.Select = []string{"customer:1", "customer: 2"} })},
		{"cache ttl customer:1 --check customer-cache", "cache.ttl", "", look("cache ttl", "Expiry", "look:cache", func(o *check.Order) {
			o.Select, o.Checks = []string{"customer:1"}, []string{"customer-cache"}
		})},
		{"cache scan", "cache.scan", "", look("cache scan", "Keys", "look:cache", nil)},
		{"cache scan customer:1*", "cache.scan", "cache scan 'customer:1*'", look("cache scan", "Keys", "look:cache", func(o *check.Order) { o.Select = []string{"customer:1*"} })},
	} {
		t.Run(tt.words, func(t *testing.T) {
			h := newHouse(t)
			h.runner.Ask(t.Context(), ask("U1ALICE", "C1", tt.words))
			in := h.ledger.last(t)
			want := tt.want
			want.Words = tt.again
			if want.Words == "" {
				want.Words = tt.words
			}
			if want.Look == "cache scan" && in.Run != nil && len(in.Run.Select) == 0 {
				in.Run.Select = nil
			}
			wantRun(t, in, "U1ALICE", want)
			if e := in.Events[0]; e.Action != tt.action {
				t.Errorf("the audit calls it %s", e.Action)
			}
		})
	}
}

func TestWhatIsSaidToBadLooks(t *testing.T) {
	for _, tt := range []struct{ name, words, says string }{
		{"a pattern without its end", "logs --grep '(timeout|reset'", `"(timeout|reset" is not a regular expression: the parenthesis at character 1 has no other half. Try /integrity logs --grep 'deadlock|timeout'.`},
		{"a pattern with an end too many", `logs --grep '\(a\) [)] é)'`, "the parenthesis at character 12 has no other half"},
		{"a pattern with an open class", "events logs --grep 'é[a-'", `missing closing ], "[a-" at character 2. Try /integrity events logs --grep`},
		{"a repetition of nothing", "logs --grep 'a|*b'", `missing argument to repetition operator, "*" at character 3.`},
		{"look-around", "logs --grep 'a(?=b)'", `which knows no look-around: "(?=" at character 2.`},
		{"a back reference", `logs --grep '(a)\1'`, `invalid escape sequence, "\1" at character 4.`},
		{"a pattern that repeats too much", "logs --grep '(a{100}){100}'", `invalid repeat count, "{100}" at character`},
		{"a pattern that is too large", "logs --grep '(a{1000}){1}(b{1000}){1}(c{1000}){1}'", "is too large a regular expression"},
		{"a pattern that is too long", "logs --grep " + strings.Repeat("a", 501), "--grep is 501 characters long; a pattern has at most 500."},
		{"a pattern of everything", "logs --grep '.*'", `--grep ".*" matches every line`},
		{"another one", "logs --grep 'a*'", "matches every line"},
		{"any sign", `logs --grep '\S'`, "matches every line"},
		{"an empty pattern", "logs --grep ''", "matches every line"},
		{"words that should be a pattern", "logs NullPointer", "say with --grep what lines must match. Try /integrity logs --grep NullPointer."},
		{"words that are none", "logs '(a'", "Try /integrity logs --grep error."},
		{"a length of time without a unit", "logs --since 2", "is not a length of time; write 30m, 2h or 7d. Try /integrity logs --since 1h."},
		{"changes of something", "changes orders", `changes takes nothing behind it, and I do not understand "orders". Try /integrity changes.`},
		{"changes since words", "changes --since monday", "Try /integrity changes --since 24h."},
		{"conflicts of something", "db conflicts shop", "db conflicts takes nothing behind it"},
		{"db of something", "db vacuum", `db has no "vacuum"; it has conflicts. Try /integrity help db.`},
		{"a misspelt one", "db conflict", `Did you mean "db conflicts"? Try /integrity db conflicts.`},
		{"a misspelt domain", "diagnose oders", `There is no domain called "oders". Did you mean "orders"? Try /integrity diagnose orders.`},
		{"no domain at all", "diagnose xyzzyxyz", "There are orders, inventory, verification, events, cache, locks, writes, restore. Try /integrity diagnose."},
		{"a check instead of a domain", "diagnose order-totals", "order-totals is a check; a diagnosis is of a domain. Try /integrity diagnose orders."},
		{"two domains", "diagnose orders inventory", "One domain at a time"},
		{"no key", "cache get", "Which key? Give one or more. Try /integrity cache get customer:1."},
		{"an empty key", "cache ttl ''", "Which key?"},
		{"a pattern instead of a key", "cache get customer:1*", `is a pattern of many keys, and this shows single ones; a pattern can be scanned. Try /integrity cache scan 'customer:1*'.`},
		{"everything instead of a key", "cache get '*'", "matches every key; this shows single keys"},
		{"too many keys", "cache get " + strings.Repeat("k ", 51), "That are 51 keys; give at most 50 at a time"},
		{"keys of a check that is none", "cache get a --check customer-cahce", `Did you mean "customer-cache"? Try /integrity cache get customer:1 --check customer-cache.`},
		{"keys of a check of another kind", "cache ttl a --check order-totals", "order-totals is a check of kind ; for this there are customer-cache."},
		{"a scan of everything", "cache scan '*'", `The pattern "*" matches every key; leave it out`},
		{"a scan of everything in other words", "cache scan '?[a-z]*'", "matches every key"},
		{"a scan of one key", "cache scan customer:1", "is one key and no pattern; one key can be looked at. Try /integrity cache get customer:1."},
		{"a scan of how keys begin", "cache scan customer:", "a pattern goes on with a star. Try /integrity cache scan 'customer:*'."},
		{"a scan of nothing", "cache scan ''", "The pattern is empty"},
		{"two patterns", "cache scan a* b*", "One pattern at a time"},
		{"log", "log", `Did you mean "logs"? Try /integrity logs.`},
		{"rollouts", "rollouts", `There is no command called "rollouts". Did you mean "changes"? Try /integrity changes.`},
		{"deploys", "deploys --since 2h", `Did you mean "changes"?`},
		{"a misspelt group with a command of it", "evnts logs", `Did you mean "events"? Try /integrity events logs.`},
		{"keys", "cache keys 'customer:*'", `cache has no "keys". Did you mean "cache scan"? Try /integrity cache scan.`},
		{"setting a value", "cache set a b", "I never write values into a cache"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			h.runner.Ask(t.Context(), ask("U1ADMIN", "C1", tt.words))
			wantRefused(t, h.ledger.last(t), "bad input", tt.says)
		})
	}
}

// TestALookThatIsOffSaysWhy: at once, and not when its run begins.
func TestALookThatIsOffSaysWhy(t *testing.T) {
	for words, name := range map[string]string{
		"logs": "logs", "events logs": "events logs", "changes": "changes", "db conflicts": "db conflicts", "diagnose orders": "diagnose",
		"cache get a": "cache get", "cache ttl a": "cache ttl", "cache scan": "cache scan", "again R-11": "logs",
	} {
		h := newHouse(t)
		one := h.looks[name]
		one.Looker, one.Off = nil, "There is no such target in the config (targets.cluster.kubernetes)."
		h.looks[name] = one
		h.runner.Ask(t.Context(), ask("U1ALICE", "C1", words))
		wantRefused(t, h.ledger.last(t), "bad input", one.Off)
		delete(h.looks, name)
		h.runner.Ask(t.Context(), ask("U1BOB", "C1", words))
		wantRefused(t, h.ledger.last(t), "bad input", "The config names nothing that \""+name+"\" could look at")
	}
}

// TestLooksInASharedChannelShowNoRows: and cached values not at all.
func TestLooksInASharedChannelShowNoRows(t *testing.T) {
	for _, words := range []string{"logs", "events logs", "changes", "db conflicts", "diagnose", "cache ttl a", "cache scan", "again R-11"} {
		h := newHouse(t)
		h.runner.Ask(t.Context(), ask("U1ALICE", "CSHARED", words))
		if in := h.ledger.last(t); in.Run == nil || !in.Run.NoRows || in.Run.Step != check.StepLook {
			t.Errorf("%s: recorded %+v: %s", words, in.Run, reply(t, in))
		}
	}
	for _, words := range []string{"cache get customer:1", "again R-12"} {
		h := newHouse(t)
		h.runner.Ask(t.Context(), ask("U1ALICE", "CSHARED", words))
		wantRefused(t, h.ledger.last(t), "bad input", "shared with another organisation, so no cached values are shown here. Use a private channel.")
	}
}

func TestLooksWithoutTheRight(t *testing.T) {
	for words, right := range map[string]string{
		"logs": "look:logs", "events logs": "look:logs", "changes": "look:changes", "db conflicts": "look:database",
		"cache get a": "look:cache", "diagnose": "diagnose:all", "diagnose inventory": "diagnose:inventory",
		"stop R-11": "look:logs", "again R-12": "look:cache", "details R-12": "look:cache",
	} {
		h := newHouse(t)
		h.runner.Ask(t.Context(), ask("U1OLIVE", "C1", words))
		wantRefused(t, h.ledger.last(t), "no role grants "+right, "This needs the permission "+right+", which you do not have here. It is for responders, approvers, admins")
	}
}

// TestALookIsTakenUpAgain: with all that was said, and stopped like a run.
func TestALookIsTakenUpAgain(t *testing.T) {
	h := newHouse(t)
	in := h.press(t, "U1ALICE", "again R-11")
	if in.Run == nil || in.Run.Step != check.StepLook || in.Run.Look != "logs" || in.Run.Grep != "x" || in.Run.Options.Since != time.Hour ||
		in.Run.Right != "look:logs" || in.Run.Words != "logs --grep x" || in.Run.Thread != "" {
		t.Errorf("again is %+v", in.Run)
	}
	if in := h.press(t, "U1OLIVE", "again R-13"); in.Run == nil || in.Run.Domain != "orders" || in.Run.Right != "diagnose:orders" {
		t.Errorf("again is %+v", in.Run)
	}
	in = h.press(t, "U1BOB", "again R-12")
	if in.Run == nil || !slices.Equal(in.Run.Select, []string{"customer:1"}) || !slices.Equal(in.Run.Checks, []string{"customer-cache"}) {
		t.Errorf("again is %+v", in.Run)
	}
	if in := h.press(t, "U1ALICE", "stop R-11"); in.Stop == nil || in.Stop.Run != 11 {
		t.Errorf("stop recorded %+v", in)
	}
	if in := h.press(t, "U1ALICE", "details R-12"); !strings.Contains(reply(t, in), "judged nothing") {
		t.Errorf("details: %s", reply(t, in))
	}
}

// TestARightToLookIsNoRightToADomain of the same name, nor the other way round; and to
// leave the check out of a look into a cache asks for no less.
func TestARightToLookIsNoRightToADomain(t *testing.T) {
	for _, c := range []struct {
		permissions []string
		words       string
		may         bool
	}{
		{[]string{"look:cache", "check:cache"}, "cache get customer:1", true},
		{[]string{"look:cache", "check:cache"}, "cache get customer:1 --check customer-cache", true},
		{[]string{"look:cache", "check:cache"}, "again R-12", true},
		{[]string{"look:cache"}, "cache get customer:1", false},
		{[]string{"look:cache"}, "cache get customer:1 --check customer-cache", false},
		{[]string{"look:cache"}, "cache scan", false},
		{[]string{"look:cache", "check:cache"}, "diagnose cache", false},
		{[]string{"diagnose:cache", "check:cache"}, "cache get customer:1", false},
		{[]string{"diagnose:cache"}, "diagnose cache", true},
		{[]string{"diagnose:*"}, "logs", false},
		{[]string{"look:*"}, "logs", true},
		{[]string{"look:*"}, "diagnose", false},
	} {
		h := newHouse(t)
		h.runner.Policy = authz.Policy{Roles: []authz.Role{{Name: "some", Groups: []string{"S0RESP"}, Permissions: c.permissions}}}
		h.runner.Ask(t.Context(), ask("U1ALICE", "C1", c.words))
		if e := h.ledger.last(t).Events[0]; (e.Decision == "allowed") != c.may {
			t.Errorf("%s with %v: %s (%s)", c.words, c.permissions, e.Decision, e.Rule)
		}
	}
}

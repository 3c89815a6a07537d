package commands_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

// wantPlan checks the plan that was recorded, but for what every plan has.
func wantPlan(t *testing.T, in commands.Intent, user string, want fix.Order) {
	t.Helper()
	if in.Plan == nil {
		t.Fatalf("no plan: %s", reply(t, in))
	}
	want.ID, want.Channel, want.ResponseURL, want.AskedBy, want.AskedAt, want.Request = 1042, "C1", "https://hooks.example/1", user, noon, "request-1"
	if diff := cmp.Diff(want, *in.Plan); diff != "" {
		t.Errorf("the plan (-want +got):\n%s", diff)
	}
	if in.Run == nil || in.Run.Step != check.StepPlan || in.Run.Plan != 1042 || len(in.Posts) != 1 || in.Posts[0].Key != "plan/1042" {
		t.Errorf("the run is %+v, the messages %+v", in.Run, in.Posts)
	}
}

func TestCacheCheckIsARunThatShowsAll(t *testing.T) {
	for words, match := range map[string]string{
		"cache check": "", "cache check Customer-Cache": "", "cache check --check customer-cache": "",
		"cache check 'customer:1*'": "customer:1*", "cache check customer:17 --check customer-cache": "customer:17",
	} {
		t.Run(words, func(t *testing.T) {
			h := newHouse(t)
			h.runner.Ask(t.Context(), ask("U1ALICE", "C1", words))
			wantRun(t, h.ledger.last(t), "U1ALICE", check.Order{
				Title: "Customer cache", Checks: []string{"customer-cache"}, Words: words, Options: check.Options{Overview: true, Match: match},
			})
		})
	}
}

func TestClearAndFlushArePlans(t *testing.T) {
	for _, tt := range []struct {
		words string
		want  fix.Order
	}{
		{"cache clear customer:1 customer:2 customer:1", fix.Order{Mode: "clear", Select: []string{"key=customer:1", "key=customer:2"}}},
		{"cache clear 'customer: 1' --check customer-cache", fix.Order{Mode: "clear", Select: []string{"key=customer: 1"}}},
		{"cache clear customer:1*", fix.Order{Mode: "clear", Select: []string{"pattern=customer:1*"}}},
		{`cache clear 'customer:\[eu\]:[12]'`, fix.Order{Mode: "clear", Select: []string{`pattern=customer:\[eu\]:[12]`}}},
		{"cache flush", fix.Order{Mode: "flush"}},
		{"fix customer-cache --mode flush", fix.Order{Mode: "flush"}},
	} {
		t.Run(tt.words, func(t *testing.T) {
			h := newHouse(t)
			h.runner.Ask(t.Context(), ask("U1BOB", "C1", tt.words))
			tt.want.Check, tt.want.Domain = "customer-cache", "cache"
			wantPlan(t, h.ledger.last(t), "U1BOB", tt.want)
		})
	}
}

func TestWhatIsSaidToBadInputAboutCaches(t *testing.T) {
	for _, tt := range []struct{ name, channel, words, says string }{
		{"a misspelt check", "C1", "cache check customer-cahce", `Did you mean "customer-cache"? Try /integrity cache check customer-cache.`},
		{"a check of another kind", "C1", "cache check consumer-lag", "consumer-lag is a check of kind lag; for this there are customer-cache."},
		{"two of them", "C1", "cache check a:* b:*", "One check or one pattern at a time"},
		{"all keys", "C1", "cache check '**'", `matches every key; leave it out to compare all keys of the check. Try /integrity cache check.`},
		{"nothing to clear", "C1", "cache clear", "Which keys? Give some, or one pattern. Try /integrity cache clear customer:1."},
		{"an empty key", "C1", "cache clear ''", "Which keys?"},
		{"everything", "C1", "cache clear '*'", `The pattern "*" matches every key; that is a flush, which asks for more. Try /integrity cache flush.`},
		{"everything beside a key", "C1", "cache clear a '?*'", "matches every key"},
		{"keys and a pattern", "C1", "cache clear a b:*", `Give keys, or one pattern, and not both: "a b:*". Try /integrity cache clear 'b:*'.`},
		{"too many keys", "C1", "cache clear " + strings.Repeat("k ", 51), "give at most 50 at a time, or a pattern. Try /integrity cache clear 'customer:1*'."},
		{"another check", "C1", "cache clear a --check order-totals", "for this there are customer-cache. Try /integrity cache clear a --check customer-cache."},
		{"a flush of keys", "C1", "cache flush customer:1", "takes no keys; some keys are cleared. Try /integrity cache clear customer:1."},
		{"a word from Redis", "C1", "cache del customer:1", `cache has no "del". Did you mean "cache clear"? Try /integrity cache clear customer:1.`},
		{"another word from Redis", "C1", "cache FLUSHALL", `Did you mean "cache flush"? Try /integrity cache flush.`},
		{"the word alone", "C1", "flushdb", `Did you mean "cache flush"?`},
		{"nothing like it", "C1", "cache frobnicate", "it has check, get, ttl, scan, clear, flush. Try /integrity help cache."},
		{"help about none", "C1", "help cache del", `Did you mean "cache clear"?`},
		{"clear where strangers are", "CSHARED", "cache clear a", "so no row data and no fixes here"},
		{"flush where strangers are", "CSHARED", "cache flush", "so no row data and no fixes here"},
		{"a preview of some keys as a flush", "C1", "fix P-45 --mode flush", "ask for it on its own. Try /integrity cache flush --check customer-cache."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			h.runner.Ask(t.Context(), ask("U1ADMIN", tt.channel, tt.words))
			wantRefused(t, h.ledger.last(t), "bad input", tt.says)
		})
	}
}

// TestAFlushAsksForMoreByWhateverWayItIsAskedFor: the command, the general one, and
// the button that makes a plan anew.
func TestAFlushAsksForMoreByWhateverWayItIsAskedFor(t *testing.T) {
	for _, words := range []string{"cache flush", "fix customer-cache --mode flush", "fix P-44"} {
		h := newHouse(t)
		h.runner.Ask(t.Context(), ask("U1ALICE", "C1", words))
		wantRefused(t, h.ledger.last(t), "no role grants cache:flush", "This needs the permission cache:flush, which you do not have here. It is for approvers, admins")
	}
	h := newHouse(t)
	if in := h.press(t, "U1ALICE", "fix P-45"); in.Plan == nil || in.Plan.Mode != "clear" || !slices.Equal(in.Plan.Select, []string{"key=a"}) {
		t.Errorf("the same keys again are %+v: %s", in.Plan, reply(t, in))
	}
}

func TestACacheThatMayNotBeWrittenSaysWhy(t *testing.T) {
	for _, words := range []string{"cache clear a", "cache flush", "fix customer-cache"} {
		h := newHouse(t)
		declared := h.fixes["customer-cache"]
		declared.Planner, declared.Applier, declared.Off = nil, nil, "the config does not let plans remove values there (targets.cache.redis.clear)"
		h.fixes["customer-cache"] = declared
		h.runner.Ask(t.Context(), ask("U1BOB", "C1", words))
		wantRefused(t, h.ledger.last(t), "bad input", "Fixes are off for production/cache: the config does not let plans remove values there (targets.cache.redis.clear).")
		delete(h.fixes, "customer-cache")
		h.runner.Ask(t.Context(), ask("U1ADMIN", "C1", words))
		wantRefused(t, h.ledger.last(t), "bad input", "The config declares no fix for customer-cache. Try /integrity cache check customer-cache.")
	}
	h := newHouse(t)
	declared := h.fixes["customer-cache"]
	declared.Planner = ways{"clear"}
	h.fixes["customer-cache"] = declared
	h.runner.Ask(t.Context(), ask("U1BOB", "C1", "cache flush"))
	wantRefused(t, h.ledger.last(t), "bad input", "The fix of customer-cache does not allow flush; its config allows clear. Try /integrity fix customer-cache.")
}

// TestSeveralCaches: which one has to be said, and every example says it.
func TestSeveralCaches(t *testing.T) {
	second := catalog[6]
	second.Name, second.Title = "session-cache", "Session cache"
	for words, says := range map[string]string{
		"cache check":                "Which one? There are customer-cache, session-cache. Try /integrity cache check customer-cache.",
		"cache check 'a:*'":          "Which one? There are customer-cache, session-cache. Try /integrity cache check 'a:*' --check customer-cache.",
		"cache clear a 'b c'":        "Try /integrity cache clear a 'b c' --check customer-cache.",
		"cache clear":                "Try /integrity cache clear customer:1 --check customer-cache.",
		"cache flush":                "Try /integrity cache flush --check customer-cache.",
		"cache flush a":              "Try /integrity cache clear a --check customer-cache.",
		"cache del a":                "Try /integrity cache clear customer:1 --check customer-cache.",
		"cache flush --check sesion": "There is no check called \"sesion\"; for this there are customer-cache, session-cache. Try /integrity cache flush --check customer-cache.",
	} {
		t.Run(words, func(t *testing.T) {
			h := houseOf(t, append(slices.Clone(catalog), second))
			h.runner.Ask(t.Context(), ask("U1ADMIN", "C1", words))
			wantRefused(t, h.ledger.last(t), "bad input", says)
		})
	}
	h := houseOf(t, append(slices.Clone(catalog), second))
	if in := h.press(t, "U1BOB", "cache clear a --check session-cache"); in.Plan == nil || in.Plan.Check != "session-cache" {
		t.Errorf("the plan is %+v: %s", in.Plan, reply(t, in))
	}
	h = houseOf(t, catalog[:6])
	h.runner.Ask(t.Context(), ask("U1ADMIN", "C1", "cache flush"))
	wantRefused(t, h.ledger.last(t), "bad input", "The config declares no check of kind cache; config.example.yaml shows one.")
}

func TestHelpAboutCachesTellsWhatIsMissing(t *testing.T) {
	h := newHouse(t)
	for _, words := range []string{"cache", "help cache"} {
		h.runner.Ask(t.Context(), ask("U1ALICE", "C1", words))
		got := reply(t, h.ledger.last(t))
		may, missing, _ := strings.Cut(got, "Not for you here")
		for _, want := range []string{"cache check [check | pattern] [--check NAME]", "cache get <key> …", "cache clear <key> … | <pattern>"} {
			if !strings.Contains(may, want) {
				t.Errorf("%s does not say %q:\n%s", words, want, got)
			}
		}
		if !strings.Contains(missing, "cache flush") || !strings.Contains(missing, "needs cache:flush. It is for approvers, admins") {
			t.Errorf("%s does not say what a flush needs:\n%s", words, got)
		}
	}
	h.runner.Ask(t.Context(), ask("U1OLIVE", "C1", "help cache get"))
	if got := reply(t, h.ledger.last(t)); !strings.Contains(got, "Not for you here: needs look:cache.") || !strings.Contains(got, "Example: /integrity cache get customer:1") {
		t.Errorf("help of one of them:\n%s", got)
	}
}

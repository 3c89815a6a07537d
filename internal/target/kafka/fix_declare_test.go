package kafka

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWordsOfAReplay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ words, want string }{
		"nothing":          {"mode: replay", ""},
		"all":              {"mode: replay\nmodes: quarantine\nquarantine: q\nto: original\npartition: key\nattempts: 1\ncanary: 0\nrate: 0\nwindow: 1m\nstop_share: 1\npermanent: A\nwithout_id: replay\n" + processedWords, ""},
		"unknown word":     {"mod: replay", "mod"},
		"unknown mode":     {"mode: delete", "mode is \"delete\", but checks of kind dead-letters are repaired by replay or quarantine or aggregate"},
		"no quarantine":    {"modes: quarantine", "modes allows quarantine: name its topic with quarantine"},
		"no event store":   {"mode: aggregate", "mode allows aggregate: say with event_store"},
		"to itself":        {"to: dlq", "to is dlq, the topic of the letters themselves"},
		"aside to itself":  {"quarantine: dlq", "quarantine is dlq"},
		"topics":           {"topics: [orders, payments]", ""},
		"topics with to":   {"to: orders\ntopics: [payments]", "to sends all of them to orders: leave one of the two out"},
		"topics: itself":   {"topics: [orders, dlq]", "topics has dlq, the topic of the letters themselves"},
		"partition":        {"partition: 3", `partition is "3": it is original or key`},
		"attempts":         {"attempts: 0", "attempts is 0"},
		"canary":           {"canary: -1", "canary is -1"},
		"share":            {"stop_share: 2", "stop_share is 2"},
		"window":           {"window: 2h", "window is 2h0m0s"},
		"rate":             {"rate: -5", "rate is -5"},
		"half a table":     {"processed: {target: shop}", "processed needs table"},
		"half a store":     {"event_store: {target: shop, table: t}", "event_store needs aggregate"},
		"without_id alone": {"without_id: replay", "there is no processed"},
		"without_id":       {"without_id: drop\n" + processedWords, `without_id is "drop"`},
	} {
		_, err := DeclareFix("dead-letters", &DeadLetters{Topic: "dlq"}, node(t, c.words))
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := DeclareFix("lag", &Lag{}, node(t, "mode: replay")); err == nil {
		t.Error("lag has a fix")
	}
}

func TestTargetsOfAReplay(t *testing.T) {
	t.Parallel()
	f, err := DeclareFix("dead-letters", &DeadLetters{Topic: "dlq"}, node(t, processedWords))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"processed": "shop"}, f.Targets()); diff != "" {
		t.Error(diff)
	}
	if r := f.Rules(); r.Caps.Share != 1 || r.Caps.Rows != 10_000 {
		t.Errorf("the caps are %+v", r.Caps)
	}
}

package app_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestHomeShowsEverybodyWhatIsTheirs: the open incidents, the plans that wait for this
// person and for nobody else, the last runs, and what this person may do.
func TestHomeShowsEverybodyWhatIsTheirs(t *testing.T) {
	t.Parallel()
	e := newEmergencyWith(t, 0, func(yaml string) string {
		return strings.Replace(yaml, "approve_over: 500 ", "approve_over: 5 ", 1)
	})
	e.repairable()
	e.start()
	e.sayAs(alice, incident, "", "/integrity incident declare orders")
	room := e.room()
	e.standing(alice, room.ID, "FAIL Orders:")
	e.pinned(alice, room.ID)
	e.sayAs(alice, room.ID, "", "/integrity fix orphaned-orders")
	e.standing(alice, room.ID, " waiting:")
	e.sayAs(bobby, room.ID, "", "/integrity incident claim")
	await(t, "somebody leading", 20*time.Second, func() (int, bool) {
		return 0, e.count(`SELECT count(*) FROM incidents WHERE state->>'lead' = $1`, bobby) == 1
	})
	e.sayAs(alice, incident, "", "/integrity incident declare inventory --private --title 'A leak of secrets'")
	await(t, "both being measured", 30*time.Second, func() (int, bool) {
		return 0, e.count(`SELECT count(*) FROM runs WHERE incident > 0 AND state = 'done'`) >= 3 // two of checks, one that worked the plan out
	})
	e.settled(time.Minute)

	var all strings.Builder
	for _, who := range []struct{ id, name string }{{alice, "Alice"}, {bobby, "Bob, who approves"}, {carol, "Carol, an admin"}, {"U0ERIN", "Erin, who has no role"}} {
		text := strings.ReplaceAll(e.home(who.id, "What you may do"), room.ID, "C0ROOM")
		all.WriteString("== " + who.name + "\n" + text + "\n")
		waits := strings.Contains(text, "Waiting for you") && strings.Contains(text, "Show P-")
		if waits != (who.id == bobby || who.id == carol) {
			t.Errorf("a plan that Alice asked for waits for %s: %t", who.name, waits)
		}
		if strings.Contains(text, "A leak of secrets") {
			t.Errorf("%s reads what a private incident is about", who.name)
		}
	}
	golden(t, "home.txt", all.String())

	e.pressBegins(bobby, room.ID, e.standing(alice, room.ID, " waiting:"), "Approve")
	e.standing(alice, room.ID, "applied:")
	if text := e.homeUntil(bobby, func(text string) bool { return !strings.Contains(text, "Waiting for you") }); !strings.Contains(text, "Last runs") {
		t.Errorf("Bob's Home is %s", text)
	}
	e.clean()
}

// home is the text of somebody's Home tab as it is drawn for this visit, once it holds a
// part. What is drawn again as it was is not sent again.
func (e *emergency) home(who, part string) string {
	e.t.Helper()
	first, err := e.slack.OpenHome(who) // what stands there is of the last visit
	if err != nil {
		e.t.Fatal(err)
	}
	for end := time.Now().Add(3 * time.Second); first != nil && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if view, err := e.slack.OpenHome(who); err != nil || view["hash"] != first["hash"] {
			break
		}
	}
	return e.homeUntil(who, func(text string) bool { return strings.Contains(text, part) })
}

// homeUntil waits until somebody's Home tab is as wanted.
func (e *emergency) homeUntil(who string, is func(text string) bool) string {
	e.t.Helper()
	last := ""
	defer func() {
		if e.t.Failed() {
			e.t.Logf("%s's Home is:\n%s", who, last)
		}
	}()
	return await(e.t, "the Home tab of "+who, 20*time.Second, func() (string, bool) {
		view, err := e.slack.OpenHome(who)
		if err != nil {
			e.t.Fatal(err)
		}
		blocks, _ := view["blocks"].([]any)
		last = drawn(blocks)
		return last, is(last)
	})
}

// drawn are blocks as a person reads them: a line for each line, buttons in brackets.
func drawn(blocks []any) string {
	var b strings.Builder
	for _, block := range blocks {
		b.WriteString(strings.TrimSpace(drawnOne(block)) + "\n")
	}
	return b.String()
}

func drawnOne(v any) string {
	one, _ := v.(map[string]any)
	word := func(name string) string { s, _ := one[name].(string); return s }
	switch kind := word("type"); kind {
	case "rich_text", "rich_text_list", "actions", "context":
		return strings.Join(drawnAll(one["elements"]), map[bool]string{true: " ", false: "\n"}[kind == "actions"])
	case "rich_text_section", "rich_text_preformatted", "rich_text_quote":
		return strings.Join(drawnAll(one["elements"]), "")
	case "user":
		return "@" + word("user_id")
	case "usergroup":
		return "@" + word("usergroup_id")
	case "channel":
		return "#" + word("channel_id")
	case "date":
		return "<time>"
	case "button":
		return "[" + drawnOne(one["text"]) + "]"
	case "section", "header":
		return drawnOne(one["text"])
	}
	return moment.ReplaceAllString(word("text"), "<time>")
}

func drawnAll(v any) []string {
	all, _ := v.([]any)
	var out []string
	for _, one := range all {
		out = append(out, drawnOne(one))
	}
	return out
}

// moment is a point in time as Slack shows it in each reader's zone.
var moment = regexp.MustCompile(`<!date\^[^>]*>`)

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got; if meant: go test ./internal/app -run TestHome -update\n%s", diff)
	}
}

package app_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/workspace"
)

// TestWhatPeopleReadWhereSlackForbids: each thing that Slack can refuse is said in the
// incident with its way out, and nothing else waits for it.
func TestWhatPeopleReadWhereSlackForbids(t *testing.T) {
	t.Parallel()
	e := newEmergency(t, 1)
	var all strings.Builder
	forbid := func(method, problem string, count int) {
		t.Helper()
		if err := e.slack.Inject(workspace.Fault{Method: method, Kind: "error", Error: problem, Count: count}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ name, problem, domain, title, channel string }{
		{"the scope is missing", "missing_scope", "inventory", "Inventory", incident},
		{"the workspace forbids channels", "restricted_action", "customers", "Customers", "C0GENERAL"},
	} {
		forbid("conversations.create", tt.problem, 0)
		e.sayAs(alice, tt.channel, "", "/integrity incident declare "+tt.domain)
		e.standing(alice, tt.channel, "FAIL "+tt.title+":")
		e.pinned(alice, tt.channel)
		e.slack.ClearFaults()
		all.WriteString("== " + tt.name + "\n" + e.aboutRoom(tt.channel))
	}
	for _, f := range []struct{ method, problem string }{
		{"bookmarks.add", "missing_scope"}, {"conversations.invite", "missing_scope"}, {"pins.add", "missing_scope"},
	} {
		forbid(f.method, f.problem, 0)
	}
	e.sayAs(alice, "C0GENERAL", "", "/integrity incident declare payments")
	room := e.room().ID
	e.standing(alice, room, "FAIL Payments:")
	e.standing(alice, room, "The summary is not pinned.")
	e.standing(alice, room, "no bookmarks:", "not everybody was invited:", "the summary is not pinned:")
	e.settled(time.Minute)
	all.WriteString("== nothing may be done in the channel\n" + e.aboutRoom(room))
	golden(t, "trouble.txt", all.String())
	e.clean()
}

// number is one that depends on what was asked for before.
var number = regexp.MustCompile(`\b(INC)-\d+|\b(inc)-\d{8}`)

// aboutRoom is what the bot says of a channel there and in its summary: not of checks.
func (e *emergency) aboutRoom(channel string) string {
	e.t.Helper()
	var out []string
	for _, m := range e.all(alice, channel) {
		if !strings.HasPrefix(key(m), "incident/") {
			continue
		}
		for line := range strings.SplitSeq(drawn(m.Blocks), "\n") {
			if strings.Contains(line, "channel") || strings.Contains(line, "scope") || strings.Contains(line, "Slack") {
				out = append(out, number.ReplaceAllString(line, "$1$2-N"))
			}
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "\n") + "\n"
}

package workspace_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/workspace"
)

// TestWhatPeopleDoToMessagesIsTold to an app that is there, may see it and subscribed.
func TestWhatPeopleDoToMessagesIsTold(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) { o.App.Events = append(quietEvents(), "message.channels") })
	s := f.connect()
	event := func() map[string]any {
		t.Helper()
		e := s.next()
		s.ack(e, nil)
		return e.Payload["event"].(map[string]any)
	}
	say := func(thread, text string) string {
		t.Helper()
		ts, err := f.Say(f.alice, f.channel, thread, text)
		if err != nil {
			t.Fatal(err)
		}
		event()
		return ts
	}
	head := say("", "the importer writes twice")
	reply := say(head, "since 14:02")
	alone := say("", "I look")
	item := func(e map[string]any) any {
		i, _ := e["item"].(map[string]any)
		if m, ok := i["message"].(map[string]any); ok {
			return m["ts"]
		}
		return i["ts"]
	}
	changed := func(e map[string]any) any {
		m, _ := e["message"].(map[string]any)
		return m["ts"]
	}
	for _, row := range []struct {
		name string
		do   error
		want map[string]any
		ts   func(map[string]any) any
		is   string
	}{
		{"a reaction", f.React(f.alice, f.channel, reply, "pushpin", false), args{"type": "reaction_added", "reaction": "pushpin", "user": f.alice}, item, reply},
		{"its end", f.React(f.alice, f.channel, reply, "pushpin", true), args{"type": "reaction_removed", "reaction": "pushpin"}, item, reply},
		{"a pin", f.Pin(f.alice, f.channel, reply, false), args{"type": "pin_added", "channel_id": f.channel, "has_pins": true}, item, reply},
		{"its end", f.Pin(f.alice, f.channel, reply, true), args{"type": "pin_removed", "channel_id": f.channel, "has_pins": false}, item, reply},
		{"an edit", f.Edit(f.alice, f.channel, reply, "since 14:05"), args{"type": "message", "subtype": "message_changed"}, changed, reply},
		{"a deletion", f.Delete(f.alice, f.channel, alone), args{"type": "message", "subtype": "message_deleted", "deleted_ts": alone}, nil, ""},
		{"that of a message with a thread", f.Delete(f.alice, f.channel, head), args{"type": "message", "subtype": "message_changed"}, changed, head},
	} {
		if row.do != nil {
			t.Fatalf("%s: %v", row.name, row.do)
		}
		e := event()
		for field, want := range row.want {
			if e[field] != want {
				t.Errorf("%s: %s is %v, want %v", row.name, field, e[field], want)
			}
		}
		if row.ts != nil && row.ts(e) != row.is {
			t.Errorf("%s is about %v, want %s", row.name, row.ts(e), row.is)
		}
	}
}

// TestWhereTheAppIsNotNothingIsTold, nor without the scope.
func TestWhereTheAppIsNotNothingIsTold(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) {
		o.App.Events = append(quietEvents(), "message.channels")
		o.App.Scopes = slices.DeleteFunc(workspace.DefaultScopes(), func(s string) bool { return s == "pins:read" })
	})
	f.connect()
	elsewhere := f.addChannel(workspace.Channel{Name: "elsewhere", Members: []string{f.alice}})
	for _, channel := range []string{elsewhere, f.channel} {
		ts, err := f.Say(f.alice, channel, "", "look")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Pin(f.alice, channel, ts, false); err != nil {
			t.Fatal(err)
		}
		if channel == elsewhere {
			if err := f.React(f.alice, channel, ts, "eyes", false); err != nil {
				t.Fatal(err)
			}
			if err := f.Edit(f.alice, channel, ts, "look there"); err != nil {
				t.Fatal(err)
			}
		}
	}
	var told []string
	for _, e := range f.Journal(0) {
		if e.Kind == "envelope" {
			event, _ := e.Payload["event"].(map[string]any)
			told = append(told, fmt.Sprint(event["type"]))
		}
	}
	if diff := cmp.Diff([]string{"message"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestOnlyOnesOwnMessagesAreEdited.
func TestOnlyOnesOwnMessagesAreEdited(t *testing.T) {
	f := newFixture(t, nil)
	ts, err := f.Say(f.alice, f.channel, "", "hi @bob & <all>")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, as, ts, text, code string
	}{
		{"another's", f.bob, ts, "x", "cant_update_message"},
		{"nothing", f.alice, ts, " ", "no_text"},
		{"what is not there", f.alice, "1.000001", "x", "message_not_found"},
		{"too much", f.alice, ts, strings.Repeat("x", 40_001), "msg_too_long"},
	} {
		if err := f.Edit(row.as, f.channel, row.ts, row.text); err == nil || !strings.HasPrefix(err.Error(), row.code+":") {
			t.Errorf("%s: %v, want %s", row.name, err, row.code)
		}
	}
	if err := f.Edit(f.alice, f.channel, ts, "bye @bob"); err != nil {
		t.Fatal(err)
	}
	if m := f.messages(f.bob)[0]; m.Text != "bye <@"+f.bob+">" || m.Edited == nil {
		t.Errorf("the message is %+v", m)
	}
}

// TestBookmarksPurposeAndOwnChannels are as the app is told by Slack's methods.
func TestBookmarksPurposeAndOwnChannels(t *testing.T) {
	f := newFixture(t, nil)
	f.addChannel(workspace.Channel{Name: "elsewhere", Members: []string{f.alice}})
	call := func(method string, in map[string]any) map[string]any {
		t.Helper()
		answer, _, _ := f.raw(method, in)
		if answer["ok"] != true {
			t.Fatalf("%s: %v", method, answer)
		}
		return answer
	}
	add := args{"channel_id": f.channel, "title": "Runbook", "type": "link", "link": "https://runbook.example/"}
	mark := call("bookmarks.add", add)["bookmark"].(map[string]any)
	call("bookmarks.edit", args{"channel_id": f.channel, "bookmark_id": mark["id"], "link": "https://runbook.example/2"})
	state, err := f.State(f.alice)
	if err != nil {
		t.Fatal(err)
	}
	want := []workspace.Bookmark{{ID: mark["id"].(string), Title: "Runbook", Link: "https://runbook.example/2"}}
	for _, c := range state.Channels {
		if c.ID == f.channel {
			if diff := cmp.Diff(want, c.Bookmarks); diff != "" {
				t.Errorf("bookmarks (-want +got):\n%s", diff)
			}
		}
	}
	call("bookmarks.remove", args{"channel_id": f.channel, "bookmark_id": mark["id"]})
	if got := call("bookmarks.list", args{"channel_id": f.channel})["bookmarks"].([]any); len(got) != 0 {
		t.Errorf("%d bookmarks are left", len(got))
	}
	if answer, _, _ := f.raw("bookmarks.remove", args{"channel_id": f.channel, "bookmark_id": mark["id"]}); answer["error"] != "not_found" {
		t.Errorf("removed twice: %v", answer)
	}
	call("conversations.setPurpose", args{"channel": f.channel, "purpose": "data that is wrong"})
	info := call("conversations.info", args{"channel": f.channel})["channel"].(map[string]any)
	if p := info["purpose"].(map[string]any)["value"]; p != "data that is wrong" {
		t.Errorf("the purpose is %v", p)
	}
	var names []string
	for _, c := range call("users.conversations", args{"exclude_archived": true})["channels"].([]any) {
		names = append(names, c.(map[string]any)["name"].(string))
	}
	if diff := cmp.Diff([]string{"incidents"}, names); diff != "" {
		t.Errorf("the app's channels (-want +got):\n%s", diff)
	}
}

// TestLinksOfSlacksFormLeadToThePage.
func TestLinksOfSlacksFormLeadToThePage(t *testing.T) {
	f := newFixture(t, nil)
	head, err := f.Say(f.alice, f.channel, "", "one")
	if err != nil {
		t.Fatal(err)
	}
	reply, err := f.Say(f.alice, f.channel, head, "two")
	if err != nil {
		t.Fatal(err)
	}
	link := func(ts string) string {
		answer, _, _ := f.raw("chat.getPermalink", args{"channel": f.channel, "message_ts": ts})
		address, _ := answer["permalink"].(string)
		return address
	}
	test, _, _ := f.raw("auth.test", args{})
	thread := "/#/" + f.channel + "/thread/" + head
	for _, row := range []struct{ name, address, want string }{
		{"a message", link(head), thread},
		{"a reply", link(reply), thread},
		{"a channel", test["url"].(string) + "archives/" + f.channel, "/#/" + f.channel},
	} {
		f.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, row.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := f.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || got != row.want {
			t.Errorf("%s: %s leads to %q (HTTP %d), want %q", row.name, row.address, got, res.StatusCode, row.want)
		}
	}
}

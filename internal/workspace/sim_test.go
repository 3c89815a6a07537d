package workspace_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/workspace"
)

// sim calls the control API.
func (f *fixture) sim(method, path string, body any) (answer map[string]any, status int) {
	f.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.URL()+"/sim/"+path, strings.NewReader(string(raw)))
	if err != nil {
		f.t.Fatal(err)
	}
	res, err := f.http.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		f.t.Fatalf("%s answered HTTP %d without JSON: %v", path, res.StatusCode, err)
	}
	return answer, res.StatusCode
}

func TestControlAPI(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) { o.Tries = []string{"/integrity check orders"} })
	s := f.connect()
	ok := func(method, path string, body any) map[string]any {
		t.Helper()
		answer, status := f.sim(method, path, body)
		if status != http.StatusOK || answer["ok"] != true {
			t.Fatalf("%s %s: HTTP %d %v", method, path, status, answer)
		}
		return answer
	}
	state := ok("GET", "state", nil)
	if state["me"] != f.alice || state["bot"].(args)["online"] != true || len(state["tries"].([]any)) != 1 {
		t.Errorf("state %v", state)
	}
	for _, field := range []string{"rev", "team", "people", "groups", "channels", "commands", "shortcuts"} {
		if state[field] == nil {
			t.Errorf("state has no %s", field)
		}
	}
	ts := ok("POST", "say", args{"as": f.alice, "channel": f.channel, "text": "hello @bob"})["ts"].(string)
	messages := ok("GET", "channels/"+f.channel+"/messages?as="+f.bob, nil)["messages"].([]any)
	if m := messages[0].(args); m["text"] != "hello <@"+f.bob+">" || m["user"] != f.alice {
		t.Errorf("message %v", m)
	}
	ok("POST", "react", args{"as": f.bob, "channel": f.channel, "ts": ts, "name": "eyes"})
	ok("POST", "pin", args{"as": f.bob, "channel": f.channel, "ts": ts})
	ok("POST", "say", args{"as": f.bob, "channel": f.channel, "thread_ts": ts, "text": "answer"})
	thread := ok("GET", "channels/"+f.channel+"/threads/"+ts+"?as="+f.alice, nil)["messages"].([]any)
	if len(thread) != 2 || thread[0].(args)["reply_count"] != 1.0 {
		t.Errorf("thread %v", thread)
	}
	ok("POST", "pin", args{"as": f.bob, "channel": f.channel, "ts": ts, "remove": true})
	ok("POST", "react", args{"as": f.bob, "channel": f.channel, "ts": ts, "name": "eyes", "remove": true})

	button := f.postButton()
	clicked := make(chan map[string]any, 1)
	go func() {
		answer, _ := f.sim("POST", "click", args{"as": f.alice, "channel": f.channel, "ts": button, "block_id": "b", "action_id": "go"})
		clicked <- answer
	}()
	for e := s.next(); ; e = s.next() {
		s.ack(e, nil)
		if e.Type == "interactive" {
			break
		}
	}
	if answer := <-clicked; answer["ok"] != true {
		t.Errorf("click %v", answer)
	}

	person := ok("POST", "people", args{"name": "gina", "real_name": "Gina Guest", "kind": "guest"})["person"].(args)
	group := ok("POST", "groups", args{"handle": "approvers", "users": []string{person["id"].(string)}})["group"].(args)
	changed := ok("POST", "people", args{"id": person["id"], "name": "gina", "kind": "member", "groups": []string{}})["person"].(args)
	if changed["kind"] != "member" || len(changed["groups"].([]any)) != 0 || group["id"] == "" {
		t.Errorf("changed to %v", changed)
	}
	channel := ok("POST", "channels", args{"name": "new", "is_private": true, "members": []string{f.alice}})["channel"].(args)
	ok("POST", "invite", args{"as": f.alice, "channel": channel["id"], "users": []string{f.BotUserID()}})
	ok("POST", "faults", args{"method": "chat.update", "kind": "500", "count": 2})
	if faults := ok("GET", "faults", nil)["faults"].([]any); len(faults) != 1 {
		t.Errorf("faults %v", faults)
	}
	ok("DELETE", "faults", nil)
	entries := ok("GET", "journal?after=0", nil)["entries"].([]any)
	last := entries[len(entries)-1].(args)["n"].(float64)
	if rest := ok("GET", "journal?after="+jsonNumber(last), nil)["entries"].([]any); len(rest) != 0 {
		t.Errorf("entries after the last: %v", rest)
	}
	ok("POST", "delete", args{"as": f.alice, "channel": f.channel, "ts": ts})
}

func jsonNumber(n float64) string {
	raw, _ := json.Marshal(n) // a number always has a JSON form
	return string(raw)
}

func TestControlAPIErrors(t *testing.T) {
	f := newFixture(t, nil)
	rows := []struct {
		name, method, path string
		body               any
		status             int
		code               string
	}{
		{"nobody", "GET", "state?as=U404", nil, 404, "user_not_found"},
		{"no JSON", "POST", "say", "text", 400, "invalid_json"},
		{"unknown channel", "GET", "channels/C404/messages?as=" + f.alice, nil, 404, "channel_not_found"},
		{"unknown thread", "GET", "channels/" + f.channel + "/threads/1.0?as=" + f.alice, nil, 404, "thread_not_found"},
		{"command without bot in a thread", "POST", "say", args{"as": f.alice, "channel": f.channel, "text": "/weather"}, 400, "unknown_command"},
		{"click without bot", "POST", "shortcut", args{"as": f.alice, "callback_id": "pick-check"}, 409, "app_not_connected"},
		{"unknown shortcut", "POST", "shortcut", args{"as": f.alice, "callback_id": "x"}, 404, "shortcut_not_found"},
		{"name taken", "POST", "people", args{"name": "alice"}, 400, "invalid_arguments"},
		{"unknown kind", "POST", "people", args{"name": "x", "kind": "robot"}, 400, "invalid_arguments"},
		{"bad channel name", "POST", "channels", args{"name": "No Good"}, 400, "invalid_arguments"},
		{"unknown fault", "POST", "faults", args{"method": "*", "kind": "flood"}, 400, "invalid_arguments"},
		{"delete of another's message", "POST", "delete", args{"as": f.alice, "channel": f.channel, "ts": f.postButton()}, 400, "cant_delete_message"},
		{"unknown view", "POST", "views/V404/submit", args{"as": f.alice}, 404, "view_not_found"},
		{"bad journal position", "GET", "journal?after=x", nil, 400, "invalid_after"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			answer, status := f.sim(row.method, row.path, row.body)
			if status != row.status || answer["error"] != row.code || answer["ok"] != false {
				t.Errorf("HTTP %d %v, want %d %s", status, answer, row.status, row.code)
			}
			if sentence, _ := answer["message"].(string); !strings.HasSuffix(sentence, ".") {
				t.Errorf("%q is no sentence", sentence)
			}
		})
	}
}

func TestOtherSitesCannotUseTheControlAPI(t *testing.T) {
	f := newFixture(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL()+"/sim/faults", strings.NewReader(`{"method":"*","kind":"500"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://example.com")
	res, err := f.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusForbidden || len(f.Faults()) != 0 {
		t.Errorf("HTTP %d, faults %v", res.StatusCode, f.Faults())
	}
}

// listen reads the stream of notices of a person.
func (f *fixture) listen(as string) <-chan map[string]any {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.URL()+"/sim/events?as="+as, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	res, err := (&http.Client{Transport: f.http.Transport}).Do(req) //nolint:bodyclose // the reader closes it when the stream ends
	if err != nil {
		f.t.Fatal(err)
	}
	out := make(chan map[string]any, 100)
	ready := make(chan struct{})
	go func() {
		defer close(out)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), ": rev") {
				close(ready)
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var n map[string]any
				if json.Unmarshal([]byte(data), &n) != nil {
					continue
				}
				select {
				case out <- n:
				case <-f.t.Context().Done():
					return
				}
			}
		}
	}()
	select {
	case <-ready:
	case <-time.After(5 * time.Second):
		f.t.Fatal("the stream does not begin")
	}
	return out
}

func TestStream(t *testing.T) {
	f := newFixture(t, nil)
	alice, bob := f.listen(f.alice), f.listen(f.bob)
	next := func(who string, c <-chan map[string]any) map[string]any {
		t.Helper()
		select {
		case n := <-c:
			return n
		case <-time.After(5 * time.Second):
			t.Fatalf("%s is told nothing", who)
			return nil
		}
	}
	ts := f.postButton()
	for who, c := range map[string]<-chan map[string]any{"alice": alice, "bob": bob} {
		if n := next(who, c); n["type"] != "message" || n["ts"] != ts || n["channel"] != f.channel {
			t.Errorf("%s: %v", who, n)
		}
	}
	// What only alice may see, bob is not told.
	f.raw("chat.postEphemeral", args{"channel": f.channel, "user": f.alice, "text": "x"})
	f.raw("chat.postMessage", args{"channel": f.alice, "text": "in her direct messages"})
	f.raw("chat.update", args{"channel": f.channel, "ts": ts, "text": "changed"})
	var types []string
	rev := 0.0
	for range 3 {
		n := next("alice", alice)
		types = append(types, n["type"].(string))
		if n["rev"].(float64) <= rev {
			t.Errorf("rev fell to %v", n["rev"])
		}
		rev = n["rev"].(float64)
	}
	if got := strings.Join(types, " "); got != "ephemeral message message_changed" {
		t.Errorf("alice is told %s", got)
	}
	if n := next("bob", bob); n["type"] != "message_changed" {
		t.Errorf("bob is told %v", n)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, open := <-alice; open {
		t.Error("the stream goes on after Close")
	}
}

func TestUnread(t *testing.T) {
	f := newFixture(t, nil)
	unread := func() int {
		state, err := f.State(f.alice)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range state.Channels {
			if c.ID == f.channel {
				return c.Unread
			}
		}
		t.Fatal("the channel is gone")
		return 0
	}
	f.postButton()
	f.postButton()
	if got := unread(); got != 2 {
		t.Errorf("%d unread, want 2", got)
	}
	f.messages(f.alice)
	if got := unread(); got != 0 {
		t.Errorf("%d unread after looking, want 0", got)
	}
}

package workspace_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/workspace"
)

// run does something that waits for the bot, while the test plays the bot.
func run(work func() error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- work() }()
	return result
}

func keys(m map[string]any) map[string]bool {
	out := map[string]bool{}
	for k := range m {
		out[k] = true
	}
	return out
}

func set(names ...string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}

func TestPayloadFields(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	f.command("check orders")
	slash := s.next()
	if diff := cmp.Diff(set("token", "team_id", "team_domain", "channel_id", "channel_name", "user_id", "user_name", "command", "text",
		"api_app_id", "is_enterprise_install", "response_url", "trigger_id"), keys(slash.Payload)); diff != "" {
		t.Errorf("slash command: %s", diff)
	}
	s.ack(slash, nil)

	ts := f.postButton()
	clicked := run(func() error {
		return f.Click(workspace.Click{As: f.alice, Channel: f.channel, TS: ts, BlockID: "b", ActionID: "go"})
	})
	click := s.next()
	s.ack(click, nil)
	if err := <-clicked; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(set("type", "token", "team", "user", "api_app_id", "enterprise", "is_enterprise_install", "trigger_id", "container",
		"channel", "message", "response_url", "actions", "state"), keys(click.Payload)); diff != "" {
		t.Errorf("block_actions: %s", diff)
	}
	action := click.Payload["actions"].([]any)[0].(map[string]any)
	if diff := cmp.Diff(set("type", "action_id", "block_id", "action_ts", "text", "value"), keys(action)); diff != "" || action["value"] != "42" {
		t.Errorf("action %v: %s", action, diff)
	}
	if diff := cmp.Diff(set("id", "username", "name", "team_id"), keys(click.Payload["user"].(map[string]any))); diff != "" {
		t.Errorf("user: %s", diff)
	}

	shortcut := run(func() error { return f.UseShortcut(f.alice, "pick-check", "", "") })
	global := s.next()
	s.ack(global, nil)
	if err := <-shortcut; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(set("type", "token", "team", "user", "api_app_id", "enterprise", "is_enterprise_install", "trigger_id",
		"callback_id", "action_ts"), keys(global.Payload)); diff != "" || global.Payload["type"] != "shortcut" {
		t.Errorf("shortcut: %s", diff)
	}

	shortcut = run(func() error { return f.UseShortcut(f.alice, "explain", f.channel, ts) })
	onMessage := s.next()
	s.ack(onMessage, nil)
	if err := <-shortcut; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(set("type", "token", "team", "user", "api_app_id", "enterprise", "is_enterprise_install", "trigger_id",
		"callback_id", "action_ts", "message_ts", "message", "channel", "response_url"), keys(onMessage.Payload)); diff != "" {
		t.Errorf("message_action: %s", diff)
	}
}

func TestClickInThreadAndOnEphemeral(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	parent := f.postButton()
	answer, _, _ := f.raw("chat.postMessage", map[string]any{"channel": f.channel, "thread_ts": parent, "text": "x", "blocks": buttonBlocks()})
	reply := answer["ts"].(string)
	clicked := run(func() error {
		return f.Click(workspace.Click{As: f.bob, Channel: f.channel, TS: reply, ActionID: "go"})
	})
	e := s.next()
	s.ack(e, nil)
	if err := <-clicked; err != nil {
		t.Fatal(err)
	}
	container := e.Payload["container"].(map[string]any)
	if container["thread_ts"] != parent || container["message_ts"] != reply || container["is_ephemeral"] != false {
		t.Errorf("container %v", container)
	}

	answer, _, _ = f.raw("chat.postEphemeral", map[string]any{"channel": f.channel, "user": f.alice, "text": "x", "blocks": buttonBlocks()})
	hidden := answer["message_ts"].(string)
	wantCode(t, f.Click(workspace.Click{As: f.bob, Channel: f.channel, TS: hidden, ActionID: "go"}), "message_not_found")
	clicked = run(func() error {
		return f.Click(workspace.Click{As: f.alice, Channel: f.channel, TS: hidden, ActionID: "go"})
	})
	e = s.next()
	s.ack(e, nil)
	if err := <-clicked; err != nil {
		t.Fatal(err)
	}
	if _, has := e.Payload["message"]; has || e.Payload["container"].(map[string]any)["is_ephemeral"] != true {
		t.Errorf("click on an ephemeral message: %s", e.raw)
	}
	if answer, _, _ := f.raw("chat.update", map[string]any{"channel": f.channel, "ts": hidden, "text": "y"}); answer["error"] != "message_not_found" {
		t.Errorf("chat.update of an ephemeral message: %v", answer)
	}
	url := e.Payload["response_url"].(string)
	if answer, _, _ := f.post(url, map[string]any{"replace_original": true, "text": "done"}); answer["ok"] != true {
		t.Fatal(answer)
	}
	messages := f.messages(f.alice)
	if m := messages[len(messages)-1]; m.Text != "done" || m.TS != hidden || len(m.Blocks) != 0 {
		t.Errorf("after replace_original: %+v", m)
	}
	if answer, _, _ := f.post(url, map[string]any{"delete_original": true}); answer["ok"] != true {
		t.Fatal(answer)
	}
	if got := f.messages(f.alice); len(got) != len(messages)-1 {
		t.Errorf("after delete_original: %+v", got)
	}
}

func TestSelectsAndOverflow(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	option := func(v string) args { return args{"text": args{"type": "plain_text", "text": v}, "value": v} }
	blocks := []any{args{"type": "actions", "block_id": "b", "elements": []any{
		args{"type": "static_select", "action_id": "pick", "options": []any{option("a"), option("b")}},
		args{"type": "overflow", "action_id": "more", "options": []any{option("c")}},
		args{"type": "users_select", "action_id": "who"},
	}}}
	answer, _, _ := f.raw("chat.postMessage", args{"channel": f.channel, "text": "x", "blocks": blocks})
	ts := answer["ts"].(string)
	click := func(actionID string, selected map[string]any) map[string]any {
		t.Helper()
		clicked := run(func() error {
			return f.Click(workspace.Click{As: f.alice, Channel: f.channel, TS: ts, ActionID: actionID, Selected: selected})
		})
		e := s.next()
		s.ack(e, nil)
		if err := <-clicked; err != nil {
			t.Fatal(err)
		}
		return e.Payload["actions"].([]any)[0].(map[string]any)
	}
	if a := click("pick", args{"selected_option": "b"}); a["selected_option"].(map[string]any)["value"] != "b" {
		t.Errorf("select by value: %v", a)
	}
	if a := click("more", args{"selected_option": option("c")}); a["selected_option"].(map[string]any)["value"] != "c" || a["type"] != "overflow" {
		t.Errorf("overflow by option: %v", a)
	}
	if a := click("who", args{"selected_user": f.bob}); a["selected_user"] != f.bob {
		t.Errorf("users select: %v", a)
	}
	wantCode(t, f.Click(workspace.Click{As: f.alice, Channel: f.channel, TS: ts, ActionID: "pick", Value: "z"}), "option_not_found")
	wantCode(t, f.Click(workspace.Click{As: f.alice, Channel: f.channel, TS: ts, ActionID: "gone"}), "element_not_found")
}

func TestResponseURLEnds(t *testing.T) {
	t.Run("after five uses", func(t *testing.T) {
		f := newFixture(t, nil)
		s := f.connect()
		f.command("x")
		url := s.next().Payload["response_url"].(string)
		for i := range 6 {
			answer, status, _ := f.post(url, args{"text": "answer"})
			if i < 5 && (status != http.StatusOK || answer["ok"] != true) {
				t.Fatalf("use %d: %d %v", i+1, status, answer)
			}
			if i == 5 && (status != http.StatusNotFound || answer["error"] != "used_url") {
				t.Fatalf("sixth use: %d %v", status, answer)
			}
		}
	})
	t.Run("after thirty minutes", func(t *testing.T) {
		f := newFixture(t, nil)
		s := f.connect()
		f.command("x")
		url := s.next().Payload["response_url"].(string)
		f.clock.Advance(30 * time.Minute)
		if answer, _, _ := f.post(url, args{"text": "in time"}); answer["ok"] != true {
			t.Fatal(answer)
		}
		f.clock.Advance(time.Second)
		if answer, status, _ := f.post(url, args{"text": "too late"}); status != http.StatusNotFound || answer["error"] != "expired_url" {
			t.Fatalf("%d %v", status, answer)
		}
	})
	t.Run("a refused answer is no use", func(t *testing.T) {
		f := newFixture(t, nil)
		s := f.connect()
		f.command("x")
		url := s.next().Payload["response_url"].(string)
		for range 10 {
			if answer, status, _ := f.post(url, args{}); status != http.StatusBadRequest || answer["error"] != "no_text" {
				t.Fatalf("%d %v", status, answer)
			}
		}
		if answer, _, _ := f.post(url, args{"text": "x"}); answer["ok"] != true {
			t.Fatal(answer)
		}
	})
}

func TestResponseURLWhereTheBotIsNoMember(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	elsewhere := f.addChannel(workspace.Channel{Name: "elsewhere", IsPrivate: true, Members: []string{f.alice, f.bob}})
	if _, err := f.Say(f.alice, elsewhere, "", "/integrity check"); err != nil {
		t.Fatal(err)
	}
	e := s.next()
	if e.Payload["channel_name"] != "privategroup" {
		t.Errorf("channel_name of a private channel is %v", e.Payload["channel_name"])
	}
	s.ack(e, nil)
	if answer, _, _ := f.raw("chat.postMessage", args{"channel": elsewhere, "text": "x"}); answer["error"] != "channel_not_found" {
		t.Errorf("posting where the bot is no member: %v", answer)
	}
	url := e.Payload["response_url"].(string)
	if answer, _, _ := f.post(url, args{"text": "for all", "response_type": "in_channel"}); answer["ok"] != true {
		t.Fatal(answer)
	}
	got, _, err := f.Messages(f.bob, elsewhere)
	if err != nil || len(got) != 2 || got[0].Command != "/integrity check" || got[1].Text != "for all" {
		t.Fatalf("bob sees %+v, %v", got, err)
	}
	if answer, _, _ := f.post(url, args{"text": "in the thread", "response_type": "in_channel", "thread_ts": got[1].TS}); answer["ok"] != true {
		t.Fatal(answer)
	}
	if thread, err := f.Thread(f.bob, elsewhere, got[1].TS); err != nil || len(thread) != 2 {
		t.Fatalf("thread %+v, %v", thread, err)
	}
}

func TestTriggers(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	trigger := func() string {
		f.command("x")
		e := s.next()
		s.ack(e, nil)
		return e.Payload["trigger_id"].(string)
	}
	open := func(id string) any {
		answer, _, _ := f.raw("views.open", args{"trigger_id": id, "view": modalView("Ask")})
		if answer["ok"] == true {
			return "ok"
		}
		return answer["error"]
	}
	id := trigger()
	f.clock.Advance(3 * time.Second)
	if got := open(id); got != "ok" {
		t.Errorf("after 3 s: %v", got)
	}
	if got := open(id); got != "exchanged_trigger_id" {
		t.Errorf("second use: %v", got)
	}
	id = trigger()
	f.clock.Advance(3*time.Second + time.Millisecond)
	if got := open(id); got != "expired_trigger_id" {
		t.Errorf("after more than 3 s: %v", got)
	}
	for i, want := range []any{"ok", "ok", "push_limit_reached"} {
		if got := open(trigger()); got != want {
			t.Errorf("modal %d: %v, want %v", i+2, got, want)
		}
	}
}

// openModal has the bot open a modal for alice.
func (f *fixture) openModal(s *socket, view args) map[string]any {
	f.t.Helper()
	f.command("modal")
	e := s.next()
	s.ack(e, nil)
	answer, _, _ := f.raw("views.open", args{"trigger_id": e.Payload["trigger_id"], "view": view})
	if answer["ok"] != true {
		f.t.Fatal(answer)
	}
	return answer["view"].(map[string]any)
}

func reason(text string) map[string]any {
	return args{"reason": args{"text": args{"type": "plain_text_input", "value": text}}}
}

func TestModalIsSubmitted(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	view := f.openModal(s, modalView("Ask"))
	id := view["id"].(string)

	for text, complaint := range map[string]string{
		"": "Please complete this required field.", "no": "This entry is too short.", "much too long": "This entry is too long.",
	} {
		var refusal *workspace.Refusal
		if err := f.Submit(f.alice, id, reason(text)); !errors.As(err, &refusal) || refusal.Errors["reason"] != complaint {
			t.Errorf("%q: %v, want %q", text, err, complaint)
		}
	}
	submit := func(payload any) error {
		t.Helper()
		done := run(func() error { return f.Submit(f.alice, id, reason("because")) })
		e := s.next()
		if e.Payload["type"] != "view_submission" || !e.Accepts {
			t.Fatalf("got %s", e.raw)
		}
		values := e.Payload["view"].(map[string]any)["state"].(map[string]any)["values"]
		want := args{
			"reason": args{"text": args{"type": "plain_text_input", "value": "because"}},
			"kind":   args{"pick": args{"type": "static_select", "selected_option": nil}},
		}
		if diff := cmp.Diff(want, values); diff != "" {
			t.Errorf("state: %s", diff)
		}
		for _, absent := range []string{"channel", "response_url"} {
			if _, has := e.Payload[absent]; has {
				t.Errorf("view_submission has a %s", absent)
			}
		}
		s.ack(e, payload)
		return <-done
	}
	var refusal *workspace.Refusal
	if err := submit(args{"response_action": "errors", "errors": args{"reason": "not that"}}); !errors.As(err, &refusal) || refusal.Errors["reason"] != "not that" {
		t.Errorf("errors: %v", err)
	}
	wantCode(t, submit(args{"response_action": "errors", "errors": args{"nowhere": "x"}}), "invalid_response")
	wantCode(t, submit(args{"text": "stray"}), "invalid_response")
	if err := submit(args{"response_action": "push", "view": modalView("Second")}); err != nil {
		t.Fatal(err)
	}
	stack, err := f.Modals(f.alice)
	if err != nil || len(stack) != 2 || stack[1]["previous_view_id"] != id || stack[1]["root_view_id"] != id {
		t.Fatalf("stack %v, %v", stack, err)
	}
	wantCode(t, f.Submit(f.alice, id, reason("because")), "view_not_on_top")
	if err := f.CloseView(f.alice, stack[1]["id"].(string)); err != nil {
		t.Fatal(err)
	}
	if err := submit(args{"response_action": "update", "view": modalView("Changed")}); err != nil {
		t.Fatal(err)
	}
	stack, _ = f.Modals(f.alice)
	if title := stack[0]["title"].(map[string]any)["text"]; len(stack) != 1 || title != "Changed" {
		t.Fatalf("after update: %v", stack)
	}
	if err := submit(nil); err != nil {
		t.Fatal(err)
	}
	if stack, _ := f.Modals(f.alice); len(stack) != 0 {
		t.Fatalf("the modal stayed open: %v", stack)
	}
	wantCode(t, f.Submit(f.alice, id, nil), "view_not_found")
}

func TestModalTimesOut(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	id := f.openModal(s, modalView("Ask"))["id"].(string)
	done := run(func() error { return f.Submit(f.alice, id, reason("because")) })
	s.next()
	f.clock.Advance(3 * time.Second)
	wantCode(t, <-done, "operation_timeout")
	if stack, _ := f.Modals(f.alice); len(stack) != 1 {
		t.Fatal("the modal was closed")
	}
}

func TestViewsUpdateAndHash(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	view := f.openModal(s, modalView("Loading"))
	update := func(hash any) args {
		answer, _, _ := f.raw("views.update", args{"view_id": view["id"], "hash": hash, "view": modalView("Ready")})
		return answer
	}
	if answer := update("1.abc"); answer["error"] != "hash_conflict" {
		t.Errorf("wrong hash: %v", answer)
	}
	if answer := update(view["hash"]); answer["ok"] != true {
		t.Errorf("right hash: %v", answer)
	}
	if answer := update(view["hash"]); answer["error"] != "hash_conflict" {
		t.Errorf("the old hash again: %v", answer)
	}
	if answer := update(""); answer["ok"] != true {
		t.Errorf("without hash: %v", answer)
	}
}

func TestViewClosedIsTold(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	view := modalView("Ask")
	view["notify_on_close"] = true
	id := f.openModal(s, view)["id"].(string)
	if err := f.CloseView(f.alice, id); err != nil {
		t.Fatal(err)
	}
	if e := s.next(); e.Payload["type"] != "view_closed" || e.Payload["is_cleared"] != false {
		t.Fatalf("got %s", e.raw)
	}
}

func TestHomeTab(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	if view, err := f.OpenHome(f.alice); err != nil || view != nil {
		t.Fatalf("home %v, %v before it is published", view, err)
	}
	e := s.next()
	event := e.Payload["event"].(map[string]any)
	if event["type"] != "app_home_opened" || event["tab"] != "home" || event["user"] != f.alice {
		t.Fatalf("got %s", e.raw)
	}
	s.ack(e, nil)
	home := args{"type": "home", "blocks": []any{args{"type": "divider"}}}
	if answer, _, _ := f.raw("views.publish", args{"user_id": f.alice, "view": home}); answer["ok"] != true {
		t.Fatal(answer)
	}
	view, err := f.OpenHome(f.alice)
	if err != nil || view["type"] != "home" {
		t.Fatalf("home %v, %v", view, err)
	}
	if view, err := f.OpenHome(f.bob); err != nil || view != nil {
		t.Fatalf("bob sees alice's home: %v, %v", view, err)
	}
}

func TestEvents(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) { o.App.Events = append(quietEvents(), "message.channels") })
	outsider := f.person(workspace.Person{Name: "olga", Kind: workspace.Outsider})
	shared := f.addChannel(workspace.Channel{Name: "shared", ExtShared: true, Members: []string{f.alice, outsider, f.BotUserID()}})
	s := f.connect()
	ts, err := f.Say(outsider, shared, "", "hi @integrity & <all>")
	if err != nil {
		t.Fatal(err)
	}
	byType := map[string]envelope{}
	for range 2 {
		e := s.next()
		s.ack(e, nil)
		byType[e.Payload["event"].(map[string]any)["type"].(string)] = e
	}
	for _, name := range []string{"message", "app_mention"} {
		e := byType[name]
		event, _ := e.Payload["event"].(map[string]any)
		if event["text"] != "hi <@"+f.BotUserID()+"> &amp; &lt;all&gt;" || event["user_team"] != workspace.OutsideTeamID || event["ts"] != ts {
			t.Errorf("%s: %s", name, e.raw)
		}
		section := event["blocks"].([]any)[0].(map[string]any)["elements"].([]any)[0].(map[string]any)
		want := []any{
			args{"type": "text", "text": "hi "}, args{"type": "user", "user_id": f.BotUserID()}, args{"type": "text", "text": " & <all>"},
		}
		if diff := cmp.Diff(want, section["elements"]); diff != "" {
			t.Errorf("%s blocks: %s", name, diff)
		}
		if e.Payload["is_ext_shared_channel"] != true || len(e.Payload["authorizations"].([]any)) != 1 {
			t.Errorf("%s wrapper: %s", name, e.raw)
		}
	}
	if _, err := f.Say(f.alice, shared, ts, "@integrity in the thread"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		e := s.next()
		s.ack(e, nil)
		if event := e.Payload["event"].(map[string]any); event["thread_ts"] != ts {
			t.Errorf("event in a thread: %s", e.raw)
		}
	}
	if err := f.React(f.alice, shared, ts, "eyes", false); err != nil {
		t.Fatal(err)
	}
	e := s.next()
	if event := e.Payload["event"].(map[string]any); event["type"] != "reaction_added" || event["reaction"] != "eyes" || event["item_user"] != outsider {
		t.Errorf("got %s", e.raw)
	}
	s.ack(e, nil)
	if err := f.Invite(f.alice, shared, f.bob); err != nil {
		t.Fatal(err)
	}
	e = s.next()
	if event := e.Payload["event"].(map[string]any); event["type"] != "member_joined_channel" || event["inviter"] != f.alice {
		t.Errorf("got %s", e.raw)
	}
}

func TestMentionWhereTheBotIsNoMember(t *testing.T) {
	f := newFixture(t, nil)
	f.connect()
	elsewhere := f.addChannel(workspace.Channel{Name: "elsewhere", Members: []string{f.alice}})
	if _, err := f.Say(f.alice, elsewhere, "", "@integrity hello"); err != nil {
		t.Fatal(err)
	}
	got, _, err := f.Messages(f.alice, elsewhere)
	if err != nil || len(got) != 2 || !got[1].Ephemeral || got[1].User != "USLACKBOT" {
		t.Fatalf("alice sees %+v, %v", got, err)
	}
	for _, e := range f.Journal(0) {
		if e.Kind == "envelope" {
			t.Fatalf("the bot was told: %+v", e)
		}
	}
}

func TestMentionsAreEncoded(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) { o.App.Commands[0].ShouldEscape = true })
	group, err := f.AddGroup(workspace.Group{Handle: "responders"})
	if err != nil {
		t.Fatal(err)
	}
	hidden := f.addChannel(workspace.Channel{Name: "hidden", IsPrivate: true})
	for typed, want := range map[string]string{
		"@bob":              "<@" + f.bob + ">",
		"@bob, are you in?": "<@" + f.bob + ">, are you in?",
		"@BOB.":             "<@" + f.bob + ">.",
		"@nobody":           "@nobody",
		"@responders":       "<!subteam^" + group.ID + ">",
		"@here":             "<!here>",
		"#incidents":        "<#" + f.channel + "|incidents>",
		"#hidden":           "<#" + hidden + "|>",
		"<@" + f.bob + ">":  "<@" + f.bob + ">",
		"a < b && b > c":    "a &lt; b &amp;&amp; b &gt; c",
		"mail@example.com":  "mail@example.com",
	} {
		if _, err := f.Say(f.alice, f.channel, "", typed); err != nil {
			t.Fatal(err)
		}
		messages := f.messages(f.alice)
		if got := messages[len(messages)-1].Text; got != want {
			t.Errorf("%q became %q, want %q", typed, got, want)
		}
	}
	s := f.connect()
	f.command("tell @bob and @responders")
	want := "tell <@" + f.bob + "|bob> and <!subteam^" + group.ID + "|@responders>"
	if got := s.next().Payload["text"]; got != want {
		t.Errorf("the command's text is %q, want %q", got, want)
	}
}

func TestWhatCannotBeSaid(t *testing.T) {
	f := newFixture(t, nil)
	elsewhere := f.addChannel(workspace.Channel{Name: "elsewhere", Members: []string{f.alice}})
	parent := f.postButton()
	rows := []struct{ name, as, channel, thread, text, want string }{
		{"nothing", f.alice, f.channel, "", " ", "no_text"},
		{"command in a thread", f.alice, f.channel, parent, "/integrity check", "slash_in_thread"},
		{"unknown command", f.alice, f.channel, "", "/weather", "unknown_command"},
		{"unknown person", "U404", f.channel, "", "x", "user_not_found"},
		{"unknown channel", f.alice, "C404", "", "x", "channel_not_found"},
		{"not a member", f.bob, elsewhere, "", "x", "not_in_channel"},
		{"unknown thread", f.alice, f.channel, "1.000001", "x", "thread_not_found"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := f.Say(row.as, row.channel, row.thread, row.text)
			wantCode(t, err, row.want)
		})
	}
}

func TestClickInModalPushesAnother(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	view := modalView("First")
	view["blocks"] = append(view["blocks"].([]any), buttonBlocks()...)
	first := f.openModal(s, view)
	id := first["id"].(string)
	clicked := run(func() error {
		return f.Click(workspace.Click{As: f.alice, ViewID: id, BlockID: "b", ActionID: "go", Values: reason("typed so far")})
	})
	e := s.next()
	s.ack(e, nil)
	if err := <-clicked; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(set("type", "token", "team", "user", "api_app_id", "enterprise", "is_enterprise_install", "trigger_id",
		"container", "view", "actions"), keys(e.Payload)); diff != "" {
		t.Errorf("block_actions in a view: %s", diff)
	}
	if diff := cmp.Diff(args{"type": "view", "view_id": id}, e.Payload["container"]); diff != "" {
		t.Error(diff)
	}
	typed := e.Payload["view"].(map[string]any)["state"].(map[string]any)["values"]
	if diff := cmp.Diff(reason("typed so far"), typed); diff != "" {
		t.Error(diff)
	}
	answer, _, _ := f.raw("views.push", args{"trigger_id": e.Payload["trigger_id"], "view": modalView("Second")})
	if answer["ok"] != true || answer["view"].(map[string]any)["previous_view_id"] != id {
		t.Fatal(answer)
	}
	wantCode(t, f.Click(workspace.Click{As: f.bob, ViewID: id, ActionID: "go"}), "view_not_found")
	if err := f.CloseView(f.alice, id); err != nil {
		t.Fatal(err)
	}
	if stack, _ := f.Modals(f.alice); len(stack) != 0 {
		t.Errorf("closing the first leaves %v", stack)
	}
	f.command("x")
	e = s.next()
	if answer, _, _ := f.raw("views.push", args{"trigger_id": e.Payload["trigger_id"], "view": modalView("x")}); answer["error"] != "not_found" {
		t.Errorf("push without a modal: %v", answer)
	}
}

// What was sent is a record: typing on in a modal must not change it, nor race
// with those who read the journal.
func TestJournalKeepsWhatWasSent(t *testing.T) {
	f := newFixture(t, nil)
	s := f.connect()
	view := modalView("Ask")
	view["blocks"] = append(view["blocks"].([]any), buttonBlocks()...)
	id := f.openModal(s, view)["id"].(string)
	for _, text := range []string{"first", "second"} {
		clicked := run(func() error {
			return f.Click(workspace.Click{As: f.alice, ViewID: id, BlockID: "b", ActionID: "go", Values: reason(text)})
		})
		s.ack(s.next(), nil)
		if err := <-clicked; err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, e := range f.Journal(0) {
		if shown, ok := e.Payload["view"].(map[string]any); ok && e.Kind == "envelope" {
			values := shown["state"].(map[string]any)["values"].(map[string]any)
			got = append(got, values["reason"].(map[string]any)["text"].(map[string]any)["value"].(string))
		}
	}
	if diff := cmp.Diff([]string{"first", "second"}, got); diff != "" {
		t.Error(diff)
	}
}

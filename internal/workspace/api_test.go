package workspace_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/workspace"
)

type args = map[string]any

func TestErrorsByName(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) { o.Rates = workspace.RatesOff; o.EditWindow = time.Hour })
	public := f.addChannel(workspace.Channel{Name: "public", Members: []string{f.alice}})
	private := f.addChannel(workspace.Channel{Name: "private", IsPrivate: true, Members: []string{f.alice}})
	archived := f.addChannel(workspace.Channel{Name: "old", Archived: true, Members: []string{f.alice, f.BotUserID()}})
	theirs, err := f.Say(f.alice, f.channel, "", "mine")
	if err != nil {
		t.Fatal(err)
	}
	old := f.postButton()
	f.clock.Advance(2 * time.Hour)
	fresh := f.postButton()
	longHeader := []any{args{"type": "header", "text": args{"type": "plain_text", "text": strings.Repeat("x", 151)}}}
	markdown := []any{}
	for range 5 {
		markdown = append(markdown, args{"type": "section", "text": args{"type": "mrkdwn", "text": strings.Repeat("x", 2999)}})
	}
	rows := []struct {
		name, method string
		args         args
		want         string
	}{
		{"unknown method", "chat.shout", args{}, "unknown_method"},
		{"unknown channel", "chat.postMessage", args{"channel": "C404", "text": "x"}, "channel_not_found"},
		{"public, not a member", "chat.postMessage", args{"channel": public, "text": "x"}, "not_in_channel"},
		{"private, not a member", "chat.postMessage", args{"channel": private, "text": "x"}, "channel_not_found"},
		{"archived", "chat.postMessage", args{"channel": archived, "text": "x"}, "is_archived"},
		{"nothing to say", "chat.postMessage", args{"channel": f.channel}, "no_text"},
		{"text and markdown", "chat.postMessage", args{"channel": f.channel, "text": "x", "markdown_text": "y"}, "markdown_text_conflict"},
		{"long markdown", "chat.postMessage", args{"channel": f.channel, "markdown_text": strings.Repeat("x", 12001)}, "msg_too_long"},
		{"blocks that are no JSON", "chat.postMessage", args{"channel": f.channel, "text": "x", "blocks": "[{"}, "invalid_blocks_format"},
		{"block too long", "chat.postMessage", args{"channel": f.channel, "text": "x", "blocks": longHeader}, "invalid_blocks"},
		{"blocks too long together", "chat.postMessage", args{"channel": f.channel, "text": "x", "blocks": markdown}, "msg_blocks_too_long"},
		{"metadata too large", "chat.postMessage", args{"channel": f.channel, "text": "x", "metadata": args{"event_type": "run", "event_payload": args{"x": strings.Repeat("x", 20000)}}}, "metadata_too_large"},
		{"update of a person's message", "chat.update", args{"channel": f.channel, "ts": theirs, "text": "x"}, "cant_update_message"},
		{"update of nothing", "chat.update", args{"channel": f.channel, "ts": "1.000001", "text": "x"}, "message_not_found"},
		{"update too late", "chat.update", args{"channel": f.channel, "ts": old, "text": "x"}, "edit_window_closed"},
		{"update too long", "chat.update", args{"channel": f.channel, "ts": fresh, "text": strings.Repeat("x", 4001)}, "msg_too_long"},
		{"delete of a person's message", "chat.delete", args{"channel": f.channel, "ts": theirs}, "cant_delete_message"},
		{"ephemeral for an outsider of the channel", "chat.postEphemeral", args{"channel": f.channel, "user": "U404", "text": "x"}, "user_not_in_channel"},
		{"history of a channel without the bot", "conversations.history", args{"channel": public}, "not_in_channel"},
		{"thread that is not there", "conversations.replies", args{"channel": f.channel, "ts": "1.000001"}, "thread_not_found"},
		{"bad cursor", "conversations.members", args{"channel": f.channel, "cursor": "nonsense"}, "invalid_cursor"},
		{"channel name taken", "conversations.create", args{"name": "public"}, "name_taken"},
		{"channel name with capitals", "conversations.create", args{"name": "Bad Name"}, "invalid_name_specials"},
		{"channel name too long", "conversations.create", args{"name": strings.Repeat("x", 81)}, "invalid_name_maxlength"},
		{"invite of a member", "conversations.invite", args{"channel": f.channel, "users": f.alice}, "already_in_channel"},
		{"join of a private channel", "conversations.join", args{"channel": private}, "channel_not_found"},
		{"topic too long", "conversations.setTopic", args{"channel": f.channel, "topic": strings.Repeat("x", 251)}, "too_long"},
		{"unknown user", "users.info", args{"user": "U404"}, "user_not_found"},
		{"unknown group", "usergroups.users.list", args{"usergroup": "S404"}, "no_such_subteam"},
		{"pin of nothing", "pins.add", args{"channel": f.channel, "timestamp": "1.000001"}, "message_not_found"},
		{"unpin of what is not pinned", "pins.remove", args{"channel": f.channel, "timestamp": fresh}, "no_pin"},
		{"bad reaction", "reactions.add", args{"channel": f.channel, "timestamp": fresh, "name": "no such emoji"}, "invalid_name"},
		{"view without trigger", "views.open", args{"trigger_id": "1.2.abc", "view": modalView("a")}, "invalid_trigger_id"},
		{"update of no view", "views.update", args{"view_id": "V404", "view": modalView("a")}, "not_found"},
		{"view with a long title", "views.open", args{"trigger_id": "1.2.abc", "view": modalView(strings.Repeat("x", 25))}, "invalid_arguments"},
		{"home for nobody", "views.publish", args{"user_id": "U404", "view": args{"type": "home", "blocks": []any{}}}, "user_not_found"},
		{"file of no bytes", "files.getUploadURLExternal", args{"filename": "a.csv", "length": 0}, "file_upload_size_restricted"},
		{"snippet too large", "files.getUploadURLExternal", args{"filename": "a.txt", "length": 1<<20 + 1, "snippet_type": "text"}, "snippet_too_large"},
		{"completing nothing", "files.completeUploadExternal", args{"files": []any{args{"id": "F404"}}}, "file_not_found"},
		{"link without address", "bookmarks.add", args{"channel_id": f.channel, "title": "t", "type": "link"}, "invalid_link"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			answer, _, _ := f.raw(row.method, row.args)
			if answer["ok"] != false || answer["error"] != row.want {
				t.Errorf("%s answered %v, want %s", row.method, answer, row.want)
			}
		})
	}
}

func modalView(title string) args {
	return args{
		"type": "modal", "callback_id": "ask", "title": args{"type": "plain_text", "text": title},
		"submit": args{"type": "plain_text", "text": "Send"}, "blocks": []any{
			args{
				"type": "input", "block_id": "reason", "label": args{"type": "plain_text", "text": "Reason"},
				"element": args{"type": "plain_text_input", "action_id": "text", "min_length": 3, "max_length": 10},
			},
			args{
				"type": "input", "block_id": "kind", "optional": true, "label": args{"type": "plain_text", "text": "Kind"},
				"element": args{"type": "static_select", "action_id": "pick", "options": []any{
					args{"text": args{"type": "plain_text", "text": "Orders"}, "value": "orders"},
				}},
			},
		},
	}
}

func TestBlockErrorsCarryPointers(t *testing.T) {
	f := newFixture(t, nil)
	_, _, err := f.api.PostMessageContext(t.Context(), f.channel, slack.MsgOptionBlocks(
		slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", "fine", false, false), nil, nil),
		slack.NewHeaderBlock(slack.NewTextBlockObject("plain_text", strings.Repeat("x", 151), false, false))))
	var known slack.SlackErrorResponse
	if !errors.As(err, &known) || known.Err != "invalid_blocks" {
		t.Fatalf("got %v", err)
	}
	want := []string{"[ERROR] must be less than 151 characters [json-pointer:/blocks/1/text/text]"}
	if diff := cmp.Diff(want, known.ResponseMetadata.Messages); diff != "" {
		t.Error(diff)
	}
}

func TestTokens(t *testing.T) {
	f := newFixture(t, nil)
	call := func(method, header string, form url.Values) args {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.APIURL()+method, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if header != "" {
			req.Header.Set("Authorization", "Bearer "+header)
		}
		return f.do(req)
	}
	rows := []struct {
		name, method, header, form, want string
	}{
		{"none", "auth.test", "", "", "not_authed"},
		{"wrong", "auth.test", "xoxb-wrong", "", "invalid_auth"},
		{"app token for a bot method", "auth.test", f.AppToken(), "", "not_allowed_token_type"},
		{"bot token for the socket", "apps.connections.open", f.BotToken(), "", "not_allowed_token_type"},
		{"app token as a form field", "apps.connections.open", "", f.AppToken(), "invalid_arguments"},
		{"in the header", "auth.test", f.BotToken(), "", ""},
		{"in the form", "auth.test", "", f.BotToken(), ""},
		{"app token in the header", "apps.connections.open", f.AppToken(), "", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			form := url.Values{}
			if row.form != "" {
				form.Set("token", row.form)
			}
			answer := call(row.method, row.header, form)
			if got, _ := answer["error"].(string); got != row.want {
				t.Errorf("got %v, want error %q", answer, row.want)
			}
		})
	}
	for _, e := range f.Journal(0) {
		if _, leaked := e.Args["token"]; leaked {
			t.Errorf("a token is in the journal: %v", e.Args)
		}
	}
}

func TestScopes(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) { o.App.Scopes = []string{"chat:write", "channels:read"} })
	private := f.addChannel(workspace.Channel{Name: "private", IsPrivate: true, Members: []string{f.alice, f.BotUserID()}})
	me, err := f.api.AuthTestContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := me.Header.Get("X-OAuth-Scopes"); got != "chat:write,channels:read" {
		t.Errorf("X-OAuth-Scopes is %q", got)
	}
	rows := []struct {
		method string
		args   args
		needed string
	}{
		{"users.info", args{"user": f.alice}, "users:read"},
		{"users.lookupByEmail", args{"email": "a@example.com"}, "users:read.email"},
		{"usergroups.list", args{}, "usergroups:read"},
		{"conversations.info", args{"channel": private}, "groups:read"},
		{"conversations.info", args{"channel": f.channel}, ""},
		{"conversations.history", args{"channel": f.channel}, "channels:history"},
		{"conversations.history", args{"channel": private}, "groups:history"},
		{"conversations.create", args{"name": "new"}, "channels:manage"},
		{"conversations.create", args{"name": "new", "is_private": true}, "groups:write"},
		{"conversations.open", args{"users": f.alice}, "im:write"},
		{"files.getUploadURLExternal", args{"filename": "a", "length": 1}, "files:write"},
		{"pins.add", args{"channel": f.channel, "timestamp": "1"}, "pins:write"},
		{"reactions.add", args{"channel": f.channel, "timestamp": "1", "name": "x"}, "reactions:write"},
		{"bookmarks.add", args{"channel_id": f.channel}, "bookmarks:write"},
		{"team.info", args{}, "team:read"},
	}
	for _, row := range rows {
		answer, _, _ := f.raw(row.method, row.args)
		if row.needed == "" {
			if answer["ok"] != true {
				t.Errorf("%s: %v", row.method, answer)
			}
			continue
		}
		needed, _ := answer["needed"].(string)
		if answer["error"] != "missing_scope" || !slices.Contains(strings.Split(needed, ","), row.needed) || answer["provided"] != "chat:write,channels:read" {
			t.Errorf("%s: %v, want missing_scope %s", row.method, answer, row.needed)
		}
	}
	_, err = f.Say(f.alice, f.channel, "", "/integrity check") // needs the scope "commands"
	wantCode(t, err, "unknown_command")
}

func TestRateLimits(t *testing.T) {
	count := func(f *fixture, method string, a args) (passed int, retry string) {
		for {
			answer, status, header := f.raw(method, a)
			if status == http.StatusTooManyRequests {
				if answer["error"] != "ratelimited" {
					f.t.Errorf("429 with %v", answer)
				}
				return passed, header.Get("Retry-After")
			}
			if passed++; passed > 500 {
				f.t.Fatalf("%s is not limited", method)
			}
		}
	}
	t.Run("one post a second in a channel after a burst", func(t *testing.T) {
		f := newFixture(t, nil)
		post := args{"channel": f.channel, "text": "x"}
		if n, retry := count(f, "chat.postMessage", post); n != 5 || retry != "1" {
			t.Errorf("%d posts passed, Retry-After %s", n, retry)
		}
		other := f.addChannel(workspace.Channel{Name: "other", Members: []string{f.BotUserID()}})
		if n, _ := count(f, "chat.postMessage", args{"channel": other, "text": "x"}); n != 5 {
			t.Errorf("%d posts passed in another channel", n)
		}
		f.clock.Advance(2 * time.Second)
		if n, _ := count(f, "chat.postMessage", post); n != 2 {
			t.Errorf("%d posts passed after 2 s", n)
		}
	})
	for method, want := range map[string]int{"chat.update": 50, "users.info": 100, "pins.list": 20} {
		t.Run(method, func(t *testing.T) {
			f := newFixture(t, nil)
			if n, _ := count(f, method, args{"channel": f.channel, "user": f.alice, "ts": "1", "text": "x"}); n != want {
				t.Errorf("%d calls passed, want %d", n, want)
			}
			f.clock.Advance(time.Minute)
			if n, _ := count(f, method, args{"channel": f.channel, "user": f.alice, "ts": "1", "text": "x"}); n != want {
				t.Errorf("%d calls passed a minute later, want %d", n, want)
			}
		})
	}
	t.Run("strict", func(t *testing.T) {
		f := newFixture(t, func(o *workspace.Options) { o.Rates = workspace.RatesStrict })
		if n, _ := count(f, "chat.postMessage", args{"channel": f.channel, "text": "x"}); n != 1 {
			t.Errorf("%d posts passed", n)
		}
	})
	t.Run("off", func(t *testing.T) {
		f := newFixture(t, func(o *workspace.Options) { o.Rates = workspace.RatesOff })
		for range 200 {
			if answer, _, _ := f.raw("chat.postMessage", args{"channel": f.channel, "text": "x"}); answer["ok"] != true {
				t.Fatal(answer)
			}
		}
	})
	t.Run("slack-go sees Retry-After", func(t *testing.T) {
		f := newFixture(t, func(o *workspace.Options) { o.Rates = workspace.RatesStrict })
		var limited *slack.RateLimitedError
		for range 2 {
			_, _, err := f.api.PostMessageContext(t.Context(), f.channel, slack.MsgOptionText("x", false))
			errors.As(err, &limited)
		}
		if limited == nil || limited.RetryAfter != time.Second {
			t.Errorf("got %v", limited)
		}
	})
}

func TestThreadsAndMetadata(t *testing.T) {
	f := newFixture(t, nil)
	ctx := t.Context()
	_, parent, err := f.api.PostMessageContext(ctx, f.channel, slack.MsgOptionText("parent", false),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "run", EventPayload: map[string]any{"id": "R-1"}}))
	if err != nil {
		t.Fatal(err)
	}
	_, reply, err := f.api.PostMessageContext(ctx, f.channel, slack.MsgOptionText("reply", false), slack.MsgOptionTS(parent))
	if err != nil {
		t.Fatal(err)
	}
	got, _, _, err := f.api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
		ChannelID: f.channel, Timestamp: parent, IncludeAllMetadata: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].ReplyCount != 1 || got[0].LatestReply != reply || got[1].ThreadTimestamp != parent {
		t.Fatalf("thread is %+v", got)
	}
	if got[0].Metadata.EventType != "run" || got[0].Metadata.EventPayload["id"] != "R-1" {
		t.Errorf("metadata is %+v", got[0].Metadata)
	}
	history, err := f.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{ChannelID: f.channel})
	if err != nil || len(history.Messages) != 1 || history.Messages[0].Metadata.EventType != "" {
		t.Errorf("history without metadata is %+v, %v", history, err)
	}
	// A thread that does not exist: no error, but no thread_ts either.
	answer, _, _ := f.raw("chat.postMessage", args{"channel": f.channel, "text": "lost", "thread_ts": "1.000001"})
	message, _ := answer["message"].(args)
	if _, threaded := message["thread_ts"]; answer["ok"] != true || threaded {
		t.Errorf("posting into no thread answered %v", answer)
	}
	// Deleting a parent with replies leaves a tombstone.
	if _, _, err := f.api.DeleteMessageContext(ctx, f.channel, parent); err != nil {
		t.Fatal(err)
	}
	thread, err := f.Thread(f.alice, f.channel, parent)
	if err != nil || len(thread) != 2 || thread[0].Subtype != "tombstone" {
		t.Errorf("thread is %+v, %v", thread, err)
	}
}

func TestUpdateSemantics(t *testing.T) {
	f := newFixture(t, nil)
	ts := f.postButton()
	update := func(a args) workspace.Message {
		t.Helper()
		a["channel"], a["ts"] = f.channel, ts
		if answer, _, _ := f.raw("chat.update", a); answer["ok"] != true {
			t.Fatal(answer)
		}
		return f.messages(f.alice)[0]
	}
	if m := update(args{"metadata": args{"event_type": "run", "event_payload": args{}}}); len(m.Blocks) != 1 || m.Text != "press" {
		t.Errorf("metadata alone changed the content: %+v", m)
	}
	if m := update(args{"text": "new", "blocks": buttonBlocks()}); m.Text != "new" || len(m.Blocks) != 1 || m.Metadata == nil || m.Edited == nil {
		t.Errorf("after an update: %+v", m)
	}
	if m := update(args{"text": "only text"}); len(m.Blocks) != 0 {
		t.Errorf("text without blocks keeps the blocks: %+v", m)
	}
}

func TestTextIsCutWhenPosted(t *testing.T) {
	f := newFixture(t, nil)
	if answer, _, _ := f.raw("chat.postMessage", args{"channel": f.channel, "text": strings.Repeat("é", 40_010)}); answer["ok"] != true {
		t.Fatal(answer)
	}
	if got := len([]rune(f.messages(f.alice)[0].Text)); got != 40_000 {
		t.Errorf("text has %d characters, want 40,000", got)
	}
}

func TestWhoPeopleAre(t *testing.T) {
	f := newFixture(t, nil)
	kinds := map[string]string{}
	for _, kind := range []workspace.Kind{workspace.Guest, workspace.SingleChannelGuest, workspace.Outsider, workspace.BotAccount, workspace.Deactivated} {
		kinds[string(kind)] = f.person(workspace.Person{Name: "the-" + string(kind), Kind: kind, Email: "x@example.com"})
	}
	shared := f.addChannel(workspace.Channel{Name: "shared", ExtShared: true, Members: []string{f.alice, kinds["outsider"]}})
	answer, _, _ := f.raw("users.info", args{"user": kinds["outsider"]})
	if answer["error"] != "user_not_visible" {
		t.Errorf("an outsider without a shared channel: %v", answer)
	}
	if err := f.Invite(f.alice, shared, f.BotUserID()); err != nil {
		t.Fatal(err)
	}
	info := func(kind string) *slack.User {
		t.Helper()
		u, err := f.api.GetUserInfoContext(t.Context(), kinds[kind])
		if err != nil {
			t.Fatal(err)
		}
		if u.Profile.Email != "" {
			t.Errorf("%s: email without users:read.email", kind)
		}
		return u
	}
	if u := info("guest"); !u.IsRestricted || u.IsUltraRestricted {
		t.Errorf("guest: %+v", u)
	}
	if u := info("single_channel_guest"); !u.IsRestricted || !u.IsUltraRestricted {
		t.Errorf("single channel guest: %+v", u)
	}
	if u := info("outsider"); u.TeamID == f.TeamID() || u.IsStranger {
		t.Errorf("outsider: %+v", u)
	}
	if u := info("bot"); !u.IsBot {
		t.Errorf("bot: %+v", u)
	}
	if u := info("deactivated"); !u.Deleted {
		t.Errorf("deactivated: %+v", u)
	}
	c, err := f.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: shared})
	if err != nil || !c.IsExtShared || !c.IsShared || len(c.ConnectedTeamIDs) != 2 || !c.IsMember {
		t.Errorf("shared channel: %+v, %v", c, err)
	}
	_, err = f.Say(kinds["deactivated"], f.channel, "", "x")
	wantCode(t, err, "account_inactive")
	_, err = f.Say(kinds["bot"], f.channel, "", "x")
	wantCode(t, err, "is_bot")
}

func TestGroupsPinsReactionsBookmarks(t *testing.T) {
	f := newFixture(t, nil)
	ctx := t.Context()
	group, err := f.AddGroup(workspace.Group{Handle: "responders", Users: []string{f.alice}})
	if err != nil {
		t.Fatal(err)
	}
	groups, err := f.api.GetUserGroupsContext(ctx, slack.GetUserGroupsOptionIncludeUsers(true))
	if err != nil || len(groups) != 1 || groups[0].Handle != "responders" || !slices.Equal(groups[0].Users, []string{f.alice}) {
		t.Errorf("groups %+v, %v", groups, err)
	}
	if users, err := f.api.GetUserGroupMembersContext(ctx, group.ID); err != nil || len(users) != 1 {
		t.Errorf("members %v, %v", users, err)
	}
	ts := f.postButton()
	item := slack.NewRefToMessage(f.channel, ts)
	if err := f.api.AddPinContext(ctx, f.channel, item); err != nil {
		t.Fatal(err)
	}
	if err := f.api.AddPinContext(ctx, f.channel, item); err == nil || err.Error() != "already_pinned" {
		t.Errorf("second pin: %v", err)
	}
	if _, pins, err := f.Messages(f.alice, f.channel); err != nil || !slices.Equal(pins, []string{ts}) {
		t.Errorf("pins %v, %v", pins, err)
	}
	if err := f.api.RemovePinContext(ctx, f.channel, item); err != nil {
		t.Error(err)
	}
	if err := f.api.AddReactionContext(ctx, "eyes", item); err != nil {
		t.Fatal(err)
	}
	if err := f.React(f.alice, f.channel, ts, "eyes", false); err != nil {
		t.Fatal(err)
	}
	if got := f.messages(f.alice)[0].Reactions; len(got) != 1 || len(got[0].Users) != 2 {
		t.Errorf("reactions %+v", got)
	}
	if _, err := f.api.AddBookmarkContext(ctx, f.channel, slack.AddBookmarkParameters{Title: "Runbook", Type: "link", Link: "https://example.com"}); err != nil {
		t.Error(err)
	}
	if marks, err := f.api.ListBookmarksContext(ctx, f.channel); err != nil || len(marks) != 1 {
		t.Errorf("bookmarks %v, %v", marks, err)
	}
}

func TestConversations(t *testing.T) {
	f := newFixture(t, nil)
	ctx := t.Context()
	c, err := f.api.CreateConversationContext(ctx, slack.CreateConversationParams{ChannelName: "inc-12", IsPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.api.InviteUsersToConversationContext(ctx, c.ID, f.alice, f.bob); err != nil {
		t.Fatal(err)
	}
	if _, err := f.api.SetTopicOfConversationContext(ctx, c.ID, "Orders are wrong"); err != nil {
		t.Fatal(err)
	}
	first, cursor, err := f.api.GetUsersInConversationContext(ctx, &slack.GetUsersInConversationParameters{ChannelID: c.ID, Limit: 2})
	if err != nil || len(first) != 2 || cursor == "" {
		t.Fatalf("first page %v, cursor %q, %v", first, cursor, err)
	}
	rest, cursor, err := f.api.GetUsersInConversationContext(ctx, &slack.GetUsersInConversationParameters{ChannelID: c.ID, Limit: 2, Cursor: cursor})
	if err != nil || len(rest) != 1 || cursor != "" {
		t.Fatalf("second page %v, cursor %q, %v", rest, cursor, err)
	}
	im, _, _, err := f.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{f.alice}, ReturnIM: true})
	if err != nil || !im.IsIM || im.User != f.alice {
		t.Fatalf("direct message %+v, %v", im, err)
	}
	if _, _, err := f.api.PostMessageContext(ctx, f.alice, slack.MsgOptionText("by user id", false)); err != nil {
		t.Error(err)
	}
	if got, _, err := f.Messages(f.alice, im.ID); err != nil || len(got) != 1 {
		t.Errorf("direct messages %v, %v", got, err)
	}
	if got, err := f.State(f.bob); err != nil || slices.ContainsFunc(got.Channels, func(c workspace.ChannelState) bool { return c.ID == im.ID }) {
		t.Errorf("bob sees alice's direct messages (%v)", err)
	}
}

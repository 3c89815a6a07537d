package bot_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/workspace"
)

// asked waits for the n-th request and gives it.
func (w *world) asked(n int) commands.Request {
	w.t.Helper()
	eventually(w.t, 3*time.Second, fmt.Sprintf("request %d", n), func() bool { return len(w.asker.requests()) >= n })
	return w.asker.requests()[n-1]
}

func (w *world) alicesRequest(source audit.Source, text string) commands.Request {
	return commands.Request{
		Actor:  audit.Actor{Kind: audit.Person, Team: w.TeamID(), User: w.alice},
		Source: source, Channel: w.channel, Text: text,
	}
}

var unpredictable = cmpopts.IgnoreFields(commands.Request{}, "Key", "At", "ResponseURL")

func TestWaysOfAsking(t *testing.T) {
	w := newWorld(t, setup{})
	parent := w.say(w.bob, "", "something is wrong with the orders")
	cases := []struct {
		name string
		do   func()
		want commands.Request
	}{
		{"slash command", func() { w.say(w.alice, "", "/integrity check orders --full") }, w.alicesRequest(audit.FromSlash, "check orders --full")},
		{"with a person in it", func() { w.say(w.alice, "", "/integrity audit --actor @bob") }, w.alicesRequest(audit.FromSlash, "audit --actor <@"+w.bob+">")},
		{"mention in the channel", func() { w.say(w.alice, "", "@integrity check orders") }, w.alicesRequest(audit.FromMention, "check orders")},
		{"mention in a thread", func() { w.say(w.alice, parent, "hey @integrity check orders") }, func() commands.Request {
			r := w.alicesRequest(audit.FromMention, "check orders")
			r.Thread = parent
			return r
		}()},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.do()
			got := w.asked(i + 1)
			if diff := cmp.Diff(c.want, got, unpredictable); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if got.Key == "" || got.At.IsZero() || (got.Source == audit.FromSlash) != (got.ResponseURL != "") {
				t.Errorf("request lacks its key, time or response_url: %+v", got)
			}
		})
	}
	w.check()
}

func TestClickCarriesVerbAndRefOnly(t *testing.T) {
	w := newWorld(t, setup{})
	p := post("run/1", w.channel, "3 of 5 checks fail")
	p.Message.Actions = []message.Action{
		{Verb: "stop", Ref: "R-1", Label: "Stop", Style: message.Danger},
		{Verb: "again", Ref: "R-1", Label: "Run again"},
		{Verb: "again", Ref: "R-1/orphans", Label: "Run one again"},
	}
	detail := post("run/1/orphans", w.channel, "30 orphans")
	detail.Parent, detail.Message.Actions = "run/1", []message.Action{{Verb: "details", Ref: "R-1/orphans", Label: "Details"}}
	w.outbox.Set(p, detail)
	w.outbox.idle(t, 30*time.Second)
	top := w.messages()[0].TS
	thread, err := w.Thread(w.alice, w.channel, top)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ action, ts, text, thread string }{
		{"stop", top, "stop R-1", ""},
		{"again~2", top, "again R-1/orphans", ""},
		{"details", thread[1].TS, "details R-1/orphans", top},
	}
	keys := map[string]bool{}
	for i, c := range cases {
		t.Run(c.action, func(t *testing.T) {
			if err := w.Click(workspace.Click{As: w.alice, Channel: w.channel, TS: c.ts, ActionID: c.action}); err != nil {
				t.Fatal(err)
			}
			got := w.asked(i + 1)
			want := w.alicesRequest(audit.FromButton, c.text)
			want.Thread = c.thread
			if diff := cmp.Diff(want, got, unpredictable); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			parts := strings.Split(got.Key, ":")
			if len(parts) != 5 || parts[0] != w.channel || parts[1] != c.ts || parts[2] != c.action || parts[4] != w.alice || keys[got.Key] {
				t.Errorf("key %q is not channel, message, action, time and person", got.Key)
			}
			keys[got.Key] = true
		})
	}
	w.check()
}

func TestShortcutOpensAModalThatAsks(t *testing.T) {
	w := newWorld(t, setup{deps: func(d *bot.Deps) {
		d.Choices = []bot.Choice{
			{Value: "all", Label: "Everything", Group: "Domains"},
			{Value: "orders", Label: "Orders", Group: "Domains"},
			{Value: "orphaned-orders", Label: "Orphaned orders", Group: "Checks"},
		}
	}})
	if err := w.UseShortcut(w.alice, "pick_check", "", ""); err != nil {
		t.Fatal(err)
	}
	modals, err := w.Modals(w.alice)
	if err != nil || len(modals) != 1 {
		t.Fatalf("modals %v, %v", modals, err)
	}
	id := modals[0]["id"].(string)
	values := map[string]any{
		"check":   map[string]any{"check": map[string]any{"selected_option": map[string]any{"value": "orders"}}},
		"channel": map[string]any{"channel": map[string]any{"selected_conversation": w.channel}},
	}
	if err := w.Submit(w.alice, id, values); err != nil {
		t.Fatal(err)
	}
	got := w.asked(1)
	if diff := cmp.Diff(w.alicesRequest(audit.FromModal, "check orders"), got, unpredictable); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(got.Key, id+":") {
		t.Errorf("key %q does not begin with the view", got.Key)
	}
	if modals, _ := w.Modals(w.alice); len(modals) != 0 {
		t.Error("the modal is still open")
	}
	w.check()
}

type home struct{}

func (home) Home(_ context.Context, actor audit.Actor) (message.Message, error) {
	return message.Message{
		Headline: message.Join("Hello ", message.Mention(actor.User)),
		Parts:    []message.Part{{Lines: []message.Line{message.Join("Try ", message.Mono("/integrity check orders"))}}},
	}, nil
}

func TestHomeTab(t *testing.T) {
	w := newWorld(t, setup{deps: func(d *bot.Deps) { d.Home = home{} }})
	eventually(t, 3*time.Second, "the home tab", func() bool {
		view, err := w.OpenHome(w.alice)
		return err == nil && view != nil && strings.Contains(fmt.Sprint(view), "/integrity check orders")
	})
	w.check()
}

func TestRedeliveredEventIsAskedOnce(t *testing.T) {
	w := newWorld(t, setup{asker: &asker{answer: func(context.Context, commands.Request) *message.Post {
		time.Sleep(100 * time.Millisecond) // so that the copies overlap
		return nil
	}}})
	w.fault(workspace.Fault{Method: "socket", Kind: "duplicate", Count: 4})
	w.say(w.alice, "", "@integrity check orders")
	w.say(w.alice, "", "/integrity check orders")
	w.asked(2)
	time.Sleep(300 * time.Millisecond)
	if n := len(w.asker.requests()); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}

func TestWhatCannotBeRecordedIsSaidBeforeTheAck(t *testing.T) {
	said := post("", "", "I could not record this, so I did nothing.")
	cases := []struct {
		name   string
		answer func(ctx context.Context, r commands.Request) *message.Post
		want   string
	}{
		{"store down", func(context.Context, commands.Request) *message.Post { return &said }, "I did nothing"},
		{"store hangs", func(ctx context.Context, _ commands.Request) *message.Post { <-ctx.Done(); return &said }, "I did nothing"},
		{"panic", func(context.Context, commands.Request) *message.Post { panic("a bug") }, "Something went wrong inside me"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, setup{asker: &asker{answer: c.answer}, workspace: func(o *workspace.Options) {
				o.App.Events = []string{"app_mention"} // so that each way has one ack
			}})
			for i, way := range []string{"/integrity check orders", "@integrity check orders"} {
				w.say(w.alice, "", way)
				eventually(t, 4*time.Second, "the ack", func() bool { return len(acksOf(w)) == i+1 })
				if e := acksOf(w)[i]; e.Event != "" || e.LatencyMS >= 3000 {
					t.Errorf("%s: ack %+v", way, e)
				}
				shown := w.messages()
				if len(shown) != i+1 || !shown[i].Ephemeral || !strings.Contains(shown[i].Text, c.want) {
					t.Fatalf("%s: shown %+v", way, shown)
				}
			}
		})
	}
}

// Nobody was told and nothing recorded: then Slack must say that it failed.
func TestNoAckWhenNobodyCouldBeTold(t *testing.T) {
	said := post("", "", "I could not record this, so I did nothing.")
	w := newWorld(t, setup{asker: &asker{answer: func(context.Context, commands.Request) *message.Post { return &said }}, workspace: func(o *workspace.Options) {
		o.Timing.Ack = 500 * time.Millisecond
	}})
	w.fault(workspace.Fault{Method: "response_url", Kind: "error", Error: "expired_url"})
	w.fault(workspace.Fault{Method: "chat.postEphemeral", Kind: "error", Error: "user_not_in_channel"})
	w.say(w.alice, "", "/integrity check orders")
	eventually(t, 3*time.Second, "Slack's time-out", func() bool { a := acksOf(w); return len(a) == 1 && a[0].Event == "timeout" })
}

func TestUnknownEnvelopesAreAcknowledged(t *testing.T) {
	w := newWorld(t, setup{workspace: func(o *workspace.Options) { o.App.Events = append(bot.Events(), "member_joined_channel") }})
	ts := w.say(w.bob, "", "look")
	if err := w.Invite(w.bob, w.channel, w.person("carol")); err != nil {
		t.Fatal(err)
	}
	if err := w.React(w.alice, w.channel, ts, "eyes", false); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	for _, e := range acksOf(w) {
		if e.Event != "" {
			t.Errorf("not acknowledged: %+v", e)
		}
	}
	if n := len(w.asker.requests()); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

package workspace_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"github.com/integritybot/integritybot/internal/workspace"
)

// slack-go's own Socket Mode client against the simulator, in real time:
// command, mention, click, and a modal.
func TestSlackGoSocketMode(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) {
		o.Clock = workspace.RealClock{}
		o.Timing.Ping = 50 * time.Millisecond
	})
	client := socketmode.New(f.api)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := client.RunContext(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("the client stopped: %v", err)
		}
	})
	wg.Go(func() { answer(ctx, t, f, client) })
	defer wg.Wait()
	defer cancel()
	waitFor(t, "the bot", func() bool {
		state, err := f.State(f.alice)
		return err == nil && state.Bot.Online
	})

	f.command("check orders")
	waitFor(t, "the answer to the command", func() bool { return f.saw("checking orders") })
	f.mention("status")
	waitFor(t, "the answer to the mention", func() bool { return f.saw("mentioned by " + f.alice) })
	ts := f.postButton()
	if err := f.Click(workspace.Click{As: f.alice, Channel: f.channel, TS: ts, ActionID: "go"}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the answer to the click", func() bool { return f.saw("clicked 42") })
	if err := f.UseShortcut(f.alice, "pick-check", "", ""); err != nil {
		t.Fatal(err)
	}
	var stack []map[string]any
	waitFor(t, "the modal", func() bool {
		stack, _ = f.Modals(f.alice)
		return len(stack) == 1
	})
	if err := f.Submit(f.alice, stack[0]["id"].(string), reason("because")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the answer to the modal", func() bool { return f.saw("submitted because") })
	if v := f.Violations(); len(v) != 0 {
		t.Errorf("violations %+v", v)
	}
}

func (f *fixture) saw(text string) bool {
	for _, m := range f.messages(f.alice) {
		if m.Text == text {
			return true
		}
	}
	return false
}

// answer is a small bot.
func answer(ctx context.Context, t *testing.T, f *fixture, client *socketmode.Client) {
	post := func(text string) {
		// The test may end when it sees the message, before the answer is here.
		if _, _, err := f.api.PostMessageContext(context.WithoutCancel(ctx), f.channel, slack.MsgOptionText(text, false)); err != nil {
			t.Errorf("post %q: %v", text, err)
		}
	}
	for {
		var event socketmode.Event
		select {
		case <-ctx.Done():
			return
		case event = <-client.Events:
		}
		if event.Request != nil && event.Request.EnvelopeID != "" {
			if err := client.Ack(*event.Request); err != nil {
				t.Errorf("acknowledge: %v", err)
			}
		}
		switch data := event.Data.(type) {
		case slack.SlashCommand:
			post(strings.Replace(data.Text, "check", "checking", 1))
		case slackevents.EventsAPIEvent:
			if mention, ok := data.InnerEvent.Data.(*slackevents.AppMentionEvent); ok {
				post("mentioned by " + mention.User)
			}
		case slack.InteractionCallback:
			interacted(ctx, t, f, data, post)
		}
	}
}

func interacted(ctx context.Context, t *testing.T, f *fixture, data slack.InteractionCallback, post func(string)) {
	switch data.Type {
	case slack.InteractionTypeBlockActions:
		post("clicked " + data.ActionCallback.BlockActions[0].Value)
	case slack.InteractionTypeShortcut:
		modal := slack.ModalViewRequest{
			Type: slack.VTModal, Title: slack.NewTextBlockObject("plain_text", "Ask", false, false),
			Submit: slack.NewTextBlockObject("plain_text", "Send", false, false),
			Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewInputBlock("reason", slack.NewTextBlockObject("plain_text", "Reason", false, false), nil,
				slack.NewPlainTextInputBlockElement(nil, "text"))}},
		}
		if _, err := f.api.OpenViewContext(ctx, data.TriggerID, modal); err != nil {
			t.Errorf("open a modal: %v", err)
		}
	case slack.InteractionTypeViewSubmission:
		post("submitted " + data.View.State.Values["reason"]["text"].Value)
	default:
		t.Errorf("unexpected interaction %s", data.Type)
	}
}

// Many clients at once, for the race detector: people talk, the bot posts,
// connections come and go.
func TestManyAtOnce(t *testing.T) {
	f := newFixture(t, func(o *workspace.Options) {
		o.Clock = workspace.RealClock{}
		o.Rates = workspace.RatesOff
		o.Timing.Ping = time.Millisecond
		o.Limits.Messages = 50
	})
	stream := f.listen(f.bob)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() { // a bot's connection that acknowledges and breaks off
			for range 5 {
				_, url, err := f.api.StartSocketModeContext(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				s := f.dialURL(url)
				for range 10 {
					e, err := s.read(100 * time.Millisecond)
					if err != nil {
						break
					}
					if e.EnvelopeID != "" {
						_ = s.conn.Write(t.Context(), 1, []byte(`{"envelope_id":"`+e.EnvelopeID+`"}`))
					}
				}
				_ = s.conn.CloseNow()
			}
		})
		wg.Go(func() {
			for n := range 50 {
				_, ts, err := f.api.PostMessageContext(t.Context(), f.channel, slack.MsgOptionText(fmt.Sprint(i, n), false))
				if err != nil {
					t.Error(err)
					return
				}
				_, _, _, _ = f.api.UpdateMessageContext(t.Context(), f.channel, ts, slack.MsgOptionText("changed", false)) // may be dropped by now
			}
		})
		wg.Go(func() {
			for range 50 {
				if _, err := f.Say(f.alice, f.channel, "", "/integrity x"); err != nil {
					t.Error(err)
				}
				if _, err := f.Say(f.bob, f.channel, "", "hi @integrity"); err != nil {
					t.Error(err)
				}
				_, _ = f.State(f.alice)
				_ = f.messages(f.bob)
				_ = f.Journal(0)
			}
		})
	}
	wg.Wait()
	if len(stream) == 0 {
		t.Error("bob's page was told nothing")
	}
	if got := len(f.messages(f.bob)); got > 50 {
		t.Errorf("%d messages are kept, more than the limit", got)
	}
}

func TestManualClock(t *testing.T) {
	c := workspace.NewManualClock(start)
	var got []string
	note := func(name string) func() {
		return func() { got = append(got, name+" "+c.Now().Sub(start).String()) }
	}
	c.AfterFunc(3*time.Second, note("late"))
	c.AfterFunc(time.Second, func() {
		note("early")()
		c.AfterFunc(time.Second, note("chained"))
	})
	stop := c.AfterFunc(2*time.Second, note("stopped"))
	if !stop() || stop() {
		t.Error("stop does not tell whether it was in time")
	}
	c.Advance(2500 * time.Millisecond)
	c.Advance(500 * time.Millisecond)
	if diff := cmp.Diff([]string{"early 1s", "chained 2s", "late 3s"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestScaledClock(t *testing.T) {
	c := workspace.ScaledClock{Start: time.Now(), Factor: 1000}
	done := make(chan struct{})
	c.AfterFunc(10*time.Second, func() { close(done) })
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("10 scaled seconds took more than 5 real ones")
	}
	if passed := c.Now().Sub(c.Start); passed < 10*time.Second {
		t.Errorf("only %s passed", passed)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := workspace.New(workspace.Options{Rates: 9, App: workspace.App{
		BotToken: "nonsense", AppToken: "nonsense",
		Commands:  []workspace.Command{{Command: "integrity"}, {Command: "/a"}, {Command: "/a"}},
		Shortcuts: []workspace.Shortcut{{CallbackID: "x", Type: "local"}},
	}})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{"BotToken", "AppToken", `"integrity" must begin with /`, `"/a" is there twice`, `type of "x"`, "Rates"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not mention %s", err, part)
		}
	}
}

func TestListenTwice(t *testing.T) {
	f := newFixture(t, nil)
	if err := f.Listen(t.Context(), "127.0.0.1:0"); err == nil {
		t.Error("a second listener was accepted")
	}
	other, err := workspace.New(workspace.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Listen(t.Context(), strings.TrimPrefix(f.URL(), "http://")); err == nil {
		t.Error("a used address was accepted")
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

func TestEndOfContextEndsEverything(t *testing.T) {
	w, err := workspace.New(workspace.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := w.Listen(ctx, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	api := slack.New(w.BotToken(), slack.OptionAPIURL(w.APIURL()))
	if _, err := api.AuthTestContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	cancel()
	waitFor(t, "the end", func() bool {
		_, err := api.AuthTestContext(t.Context())
		return err != nil
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

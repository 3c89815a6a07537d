package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/workspace"
)

// realWorkspace is the simulator itself, with an app that has no connection.
type realWorkspace struct {
	*workspace.Workspace
	api                 *slack.Client
	url                 string
	alice, bob, channel string
}

func newRealWorkspace(t *testing.T) *realWorkspace {
	t.Helper()
	w, err := workspace.New(workspace.Options{
		TeamName: "Acme Shop", Rates: workspace.RatesOff, Tries: []string{"/integrity check orders"},
		App: workspace.App{
			Commands:  []workspace.Command{{Command: "/integrity", UsageHint: "check [all | domain | check]", Description: "Check data"}},
			Shortcuts: []workspace.Shortcut{{CallbackID: "pick_check", Name: "Run a check", Type: "global"}},
		},
	})
	if err != nil {
		t.Fatalf("make the workspace: %v", err)
	}
	if err := w.Listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatalf("listen: %v", err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close the workspace: %v", err)
		}
	})
	r := &realWorkspace{Workspace: w, url: strings.TrimSuffix(strings.TrimSuffix(w.APIURL(), "/"), "/api")}
	r.api = slack.New(w.BotToken(), slack.OptionAPIURL(w.APIURL()), slack.OptionHTTPClient(&http.Client{Timeout: 20 * time.Second}))
	for _, person := range []struct {
		name, full string
		id         *string
	}{{"alice", "Alice Archer", &r.alice}, {"bob", "Bob Bell", &r.bob}} {
		added, err := w.AddPerson(workspace.Person{Name: person.name, RealName: person.full})
		if err != nil {
			t.Fatalf("add %s: %v", person.name, err)
		}
		*person.id = added.ID
	}
	added, err := w.AddChannel(workspace.Channel{Name: "inc-orders", Members: []string{r.alice, r.bob, w.BotUserID()}})
	if err != nil {
		t.Fatalf("add the channel: %v", err)
	}
	r.channel = added.ID
	return r
}

func TestThePageShowsTheRealSimulator(t *testing.T) {
	w := newRealWorkspace(t)
	p := openAt(t, w.url, "?as="+w.alice+"#/"+w.channel)

	p.click(id("composer"))
	p.typing("hello @bob & <all>")
	p.enter()
	p.until("the message appears with its mention", `[...document.querySelectorAll('[data-testid=message]')].some((m) => m.innerText.includes('hello @bob & <all>'))`)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, ts, err := w.api.PostMessageContext(ctx, w.channel, slack.MsgOptionText("Orders: 3 of 5 checks fail", false), slack.MsgOptionBlocks(
		slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, "🔴 *Orders: 3 of 5 checks fail*", false, false), nil, nil),
		slack.NewActionBlock("acts", slack.NewButtonBlockElement("again", "R-1", slack.NewTextBlockObject(slack.PlainTextType, "Run again", false, false))),
	))
	if err != nil {
		t.Fatalf("post: %v", err)
	}
	p.see(id("message-"+ts) + " " + id("button-again"))
	if _, _, err := w.api.PostMessageContext(ctx, w.channel, slack.MsgOptionTS(ts), slack.MsgOptionText("Orphaned orders: `30`", false)); err != nil {
		t.Fatalf("reply: %v", err)
	}
	p.click(id("replies-" + ts))
	p.until("the reply is in the thread", `document.querySelector('[data-testid=thread]')?.innerText.includes('Orphaned orders: 30')`)
	if _, _, _, err := w.api.UpdateMessageContext(ctx, w.channel, ts, slack.MsgOptionText("Orders: all well", false), slack.MsgOptionBlocks()); err != nil {
		t.Fatalf("update: %v", err)
	}
	p.until("the edit shows", `document.querySelector('[data-testid="message-`+ts+`"]').innerText.includes('Orders: all well')`)
	p.see(id("message-"+ts) + " .edited")

	p.click(id("thread-close"))
	p.click(id("composer"))
	p.typing("/integrity check orders")
	p.enter()
	p.see(id("ephemeral"))
	if got := p.text(id("ephemeral")); !contains(got, "Only visible to you", "Slackbot", "/integrity failed because the app did not respond") {
		t.Errorf("Slackbot's notice is\n%s", got)
	}
	p.click(id("composer"))
	p.typing("/nosuch thing")
	p.enter()
	if got := p.text(id("composer-error")); !contains(got, "/nosuch is not a valid command") {
		t.Errorf("the refusal is %q", got)
	}
	p.shot("real-simulator")
}

func TestAppsAndPeopleAreInvitedAndChannelsJoined(t *testing.T) {
	w := newRealWorkspace(t)
	lonely, err := w.AddChannel(workspace.Channel{Name: "quiet", Members: []string{w.bob}})
	if err != nil {
		t.Fatalf("add a channel: %v", err)
	}
	p := openAt(t, w.url, "?as="+w.alice+"#/home")
	p.click(id("channel-quiet"))
	p.click(id("join"))
	p.click(id("composer"))
	p.typing("/invite @integrity")
	p.enter() // takes the suggestion
	p.enter() // sends
	p.until("the app is a member", `document.querySelector('.faces')?.innerText.trim().endsWith('3')`)
	state, err := w.State(w.alice)
	if err != nil {
		t.Fatalf("state: %v", err)
	}
	for _, channel := range state.Channels {
		if channel.ID == lonely.ID && !channel.BotIsMember {
			t.Error("the simulator does not have the app in #quiet")
		}
	}
}

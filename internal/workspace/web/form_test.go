package web_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/bot"
	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/message"
)

// formAsker has one form, whose preview says what it is made of.
type formAsker struct {
	mu    sync.Mutex
	asked []string
}

func (a *formAsker) Ask(_ context.Context, r commands.Request) *message.Post {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, r.Text)
	return nil
}

func (a *formAsker) Form(_ context.Context, r commands.Request) *message.Form {
	return &message.Form{
		Title: "Notify stakeholders", Verb: "notify", Ref: "update INC-12", Submit: "Send", Renew: true,
		Intro: []message.Line{message.Join("The update of ", message.Mono("INC-12"), " goes to whom you choose, as it is shown below.")},
		Fields: []message.Field{
			{
				Name: "audience", Label: "Who is told", Kind: message.FieldChoices, Value: "executives",
				Options: []message.Option{{Value: "executives", Label: "Executives"}, {Value: "support", Label: "Support"}},
			},
			{Name: "says", Label: "What to say", Kind: message.FieldLines, Hint: "Two sentences, without internal words"},
			{
				Name: "next", Label: "Next update in", Kind: message.FieldChoice, Value: "30m",
				Options: []message.Option{{Value: "15m", Label: "15 minutes"}, {Value: "30m", Label: "30 minutes"}},
			},
			{Name: "lead", Label: "Signed by", Kind: message.FieldPerson, Optional: true},
			{Name: "drill", Label: "It is a drill", Kind: message.FieldFlag},
		},
		Preview: []message.Part{
			{Lines: []message.Line{message.Join(message.Strong("To Executives"), message.Text(" · Data Inconsistency P1 – update 2"))}},
			{Code: "30 orders of 4,812 have no customer.\nmade of: " + r.Text},
		},
	}
}

// nothing is an outbox with nothing in it.
type nothing struct{}

func (nothing) Next(context.Context, time.Duration) (*bot.Delivery, time.Duration, error) {
	return nil, time.Hour, nil
}

func (nothing) Begin(context.Context, *bot.Delivery) error { return nil }

func (nothing) Uploaded(context.Context, *bot.Delivery, string) error { return nil }

func (nothing) Sent(context.Context, *bot.Delivery, string, time.Duration) error { return nil }

func (nothing) Retry(context.Context, *bot.Delivery, time.Duration, bool, string) error { return nil }

func (nothing) Failed(context.Context, *bot.Delivery, string) error { return nil }

func (nothing) Open(context.Context, string) (io.ReadCloser, int64, error) { return nil, 0, io.EOF }

func (nothing) Wake() <-chan struct{} { return nil }

func connectBot(t *testing.T, w *realWorkspace, asker commands.Asker) {
	t.Helper()
	b, err := bot.New(bot.Options{AppToken: bot.Secret(w.AppToken()), BotToken: bot.Secret(w.BotToken()), APIURL: w.APIURL()},
		bot.Deps{Asker: asker, Outbox: nothing{}})
	if err != nil {
		t.Fatalf("make the bot: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = b.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
}

// TestACommandsFormIsFilledInOnThePage: the bot's own form, in a browser: opened by the
// command without its words, renewed with what was entered, and sent.
func TestACommandsFormIsFilledInOnThePage(t *testing.T) {
	w := newRealWorkspace(t)
	asker := &formAsker{}
	p := openAt(t, w.url, "?as="+w.alice+"#/"+w.channel)
	connectBot(t, w, asker)
	p.see(".bar-bot.online")
	p.click(id("composer"))
	p.typing("/integrity notify update")
	p.enter()
	p.see(id("modal"))
	p.click(id("modal-submit"))
	if got := p.text(id("error-flag-says")); got != "Please complete this required field." {
		t.Errorf("the missing field says %q", got)
	}
	p.click(id("element-lines-says"))
	p.typing("The importer wrote twice. We stopped it.")
	p.click(id("input-flag-audience") + " .choice:nth-child(2)")
	p.click(id("select-choice-next"))
	p.click(id("option-15m"))
	p.click(id("select-person-lead"))
	p.typing("bob")
	p.enter()
	p.click(id("button-renew"))
	p.until("the preview follows", `document.querySelector('[data-testid=modal]').innerText.includes('We stopped it')`)
	p.until("what was entered stays", `document.querySelector('[data-testid=element-lines-says]').value.startsWith('The importer')`)
	p.shot("form")
	p.click(id("modal-submit"))
	p.gone(id("modal"))
	asker.mu.Lock()
	defer asker.mu.Unlock()
	if len(asker.asked) != 1 {
		t.Fatalf("asked %q, want once", asker.asked)
	}
	words, err := commands.Split(asker.asked[0])
	want := []string{
		"notify", "update", "INC-12", "--audience", "executives,support", "--lead", "<@" + w.bob + ">", "--next", "15m",
		"--says", "The importer wrote twice. We stopped it.",
	}
	if diff := cmp.Diff(want, words); err != nil || diff != "" {
		t.Errorf("asked %q, %v (-want +got):\n%s", asker.asked[0], err, diff)
	}
}

// TestWhatTheAppDoesToAChannelShows: a new one in the list, its links, its topic.
func TestWhatTheAppDoesToAChannelShows(t *testing.T) {
	w := newRealWorkspace(t)
	p := openAt(t, w.url, "?as="+w.alice+"#/"+w.channel)
	rooms, err := bot.NewRooms(bot.Options{AppToken: bot.Secret(w.AppToken()), BotToken: bot.Secret(w.BotToken()), APIURL: w.APIURL()}, bot.RoomsDeps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rooms.Close)
	ctx := t.Context()
	channel, err := rooms.Create(ctx, "inc-20261126-orders", false)
	if err != nil {
		t.Fatal(err)
	}
	p.see(id("channel-inc-20261126-orders"))
	if _, err := rooms.Invite(ctx, channel, []string{w.alice, w.bob}); err != nil {
		t.Fatal(err)
	}
	p.click(id("channel-inc-20261126-orders"))
	for _, err := range []error{
		rooms.Topic(ctx, channel, "P1 · Orders data is wrong · INC-12"),
		rooms.Bookmark(ctx, channel, "Runbook", "https://runbook.example/"), rooms.Bookmark(ctx, channel, "Dashboard", "https://grafana.example/"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p.see(id("bookmarks"))
	if got := strings.Fields(p.text(id("bookmarks"))); !cmp.Equal(got, []string{"Runbook", "Dashboard"}) {
		t.Errorf("the links are %q", got)
	}
	p.until("the topic", `document.querySelector('.topic')?.textContent.startsWith('P1')`)
	p.click(id("composer"))
	p.typing("since 14:02 @bob & co")
	p.enter()
	p.until("the message", `document.querySelector('.list').innerText.includes('since 14:02')`)
	messages, _, err := w.Messages(w.alice, channel)
	if err != nil {
		t.Fatal(err)
	}
	ts := messages[len(messages)-1].TS
	if err := rooms.Pin(ctx, channel, ts); err != nil {
		t.Fatal(err)
	}
	p.see(id("pins"))
	p.eval(`document.querySelector('[data-testid="message-` + ts + `"] [data-testid=message-more]').click()`) // it shows on hover
	p.shot("incident-channel")
	p.eval(`[...document.querySelectorAll('[role=menuitem]')].find((one) => one.textContent === 'Edit message').click()`)
	p.until("its box has the focus", `document.activeElement.dataset.testid === 'editor'`)
	if got := p.eval(`document.querySelector('[data-testid=editor]').value`); got != "since 14:02 @bob & co" {
		t.Errorf("what is edited is %q", got)
	}
	p.typing("mpany")
	p.enter()
	p.gone(id("editor"))
	p.until("the edit", `document.querySelector('[data-testid="message-`+ts+`"]').innerText.includes('& company (edited)')`)
}

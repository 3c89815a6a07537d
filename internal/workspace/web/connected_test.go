package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// app is a small bot on a real Socket Mode connection: "/integrity" posts a
// message with a button, the button opens a modal, the modal wants a number.
type app struct {
	t       *testing.T
	api     *slack.Client
	socket  *socketmode.Client
	channel string
}

func connectApp(t *testing.T, w *realWorkspace) {
	t.Helper()
	api := slack.New(w.BotToken(), slack.OptionAPIURL(w.APIURL()), slack.OptionAppLevelToken(w.AppToken()), slack.OptionHTTPClient(&http.Client{Timeout: 20 * time.Second}))
	a := &app{t: t, api: api, socket: socketmode.New(api), channel: w.channel}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = a.socket.RunContext(ctx) })
	done.Go(func() { a.serve(ctx) })
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
}

func (a *app) serve(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-a.socket.Events:
			if event.Request == nil {
				continue
			}
			switch event.Type {
			case socketmode.EventTypeSlashCommand:
				_ = a.socket.Ack(*event.Request)
				a.post(ctx)
			case socketmode.EventTypeInteractive:
				callback, _ := event.Data.(slack.InteractionCallback)
				a.interact(ctx, *event.Request, callback)
			default:
				_ = a.socket.Ack(*event.Request)
			}
		}
	}
}

func text(words string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, words, false, false)
}

func (a *app) post(ctx context.Context) {
	button := slack.NewButtonBlockElement("limit", "R-1", text("Set a limit"))
	if _, _, err := a.api.PostMessageContext(ctx, a.channel, slack.MsgOptionText("Orders", false), slack.MsgOptionBlocks(slack.NewActionBlock("acts", button))); err != nil {
		a.t.Errorf("post: %v", err)
	}
}

func (a *app) interact(ctx context.Context, request socketmode.Request, callback slack.InteractionCallback) {
	switch callback.Type {
	case slack.InteractionTypeBlockActions:
		_ = a.socket.Ack(request)
		input := slack.NewInputBlock("rows", text("Rows"), nil, slack.NewPlainTextInputBlockElement(text("30"), "count"))
		view := slack.ModalViewRequest{Type: slack.VTModal, CallbackID: "limit", Title: text("Limit"), Submit: text("Save"), Close: text("Cancel"), Blocks: slack.Blocks{BlockSet: []slack.Block{input}}}
		if _, err := a.api.OpenViewContext(ctx, callback.TriggerID, view); err != nil {
			a.t.Errorf("open the view: %v", err)
		}
	case slack.InteractionTypeViewSubmission:
		entered := callback.View.State.Values["rows"]["count"].Value
		if entered != "30" {
			_ = a.socket.Ack(request, map[string]any{"response_action": "errors", "errors": map[string]string{"rows": "At most 30, not " + entered + "."}})
			return
		}
		_ = a.socket.Ack(request)
		if _, _, err := a.api.PostMessageContext(ctx, a.channel, slack.MsgOptionText("Limit is "+entered, false)); err != nil {
			a.t.Errorf("post: %v", err)
		}
	default:
		_ = a.socket.Ack(request)
	}
}

func TestAConnectedAppIsUsedThroughThePage(t *testing.T) {
	w := newRealWorkspace(t)
	p := openAt(t, w.url, "?as="+w.alice+"#/"+w.channel)
	connectApp(t, w)
	p.see(".bar-bot.online")

	p.click(id("composer"))
	p.typing("/integrity check orders")
	p.enter()
	p.click(id("button-limit"))
	p.see(id("modal"))
	if got := p.text(id("modal-title")); got != "Limit" {
		t.Errorf("the modal is called %q", got)
	}
	p.click(id("element-count"))
	p.typing("300")
	p.enter()
	if got := p.text(id("error-rows")); got != "At most 30, not 300." {
		t.Errorf("the error at the field is %q", got)
	}
	p.press("\b")
	p.click(id("modal-submit"))
	p.gone(id("modal"))
	p.until("the app's answer", `document.querySelector('.list').innerText.includes('Limit is 30')`)

	view := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewHeaderBlock(text("Data health"))}}}
	p.run(goTo("#/home"))
	p.see(id("home"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := w.api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: w.alice, View: view}); err != nil {
		t.Fatalf("publish the Home tab: %v", err)
	}
	p.until("the Home tab follows", `document.querySelector('[data-testid=home] .header-block')?.textContent === 'Data health'`)

	// A table with every kind of cell, as an app sends it.
	table := `[{"type":"table","column_settings":[{"align":"right"}],"rows":[[{"type":"raw_text","text":"n"}],[{"type":"raw_text","text":"1"}]]}]`
	var blocks slack.Blocks
	if err := json.Unmarshal([]byte(table), &blocks); err != nil {
		t.Fatalf("read the table block: %v", err)
	}
	if _, _, err := w.api.PostMessageContext(ctx, w.channel, slack.MsgOptionText("a table", false), slack.MsgOptionBlocks(blocks.BlockSet...)); err != nil {
		t.Fatalf("post the table: %v", err)
	}
	p.run(goTo("#/" + w.channel))
	p.see(id("table") + " td.align-right")

	upload := slack.UploadFileParameters{Content: "id,total\no1,45.10\n", Filename: "orders.csv", FileSize: 18, Channel: w.channel, Title: "Orders that are wrong"}
	file, err := w.api.UploadFileContext(ctx, upload)
	if err != nil {
		t.Fatalf("upload: %v", err)
	}
	p.click(id("file-" + file.ID))
	p.until("the file's rows", `document.querySelector('[data-testid=csv-table]')?.innerText.includes('45.10')`)
}

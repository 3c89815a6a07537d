package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// Dialogs words what has to be typed before a button's request is made.
type Dialogs interface {
	// Ask gives the question of a button as things stand now. nil: nothing has to be
	// typed (any more), and the click is a request by itself.
	Ask(ctx context.Context, verb, ref string) (*message.Ask, error)
}

const (
	// askMark is what follows the suffixMark in the id of a button that wants
	// something typed first.
	askMark     = "ask"
	askCallback = "ask_form"
	fieldTyped  = "typed"

	// askWithin bounds looking the question up: what is left of the 3 s that a trigger
	// lives is for Slack.
	askWithin = time.Second
	// maxTyped is how much can be typed at least.
	maxTyped = 300
)

// asked is what a dialog carries from the click to its submission. It holds ids
// alone: who may, and whether what was typed is right, is decided by others.
type asked struct {
	Verb    string `json:"verb"`
	Ref     string `json:"ref"`
	Channel string `json:"channel"`
	Thread  string `json:"thread,omitempty"`
	TS      string `json:"ts"` // of the message with the button
}

// question is a click that wants something typed, and the request it is without.
type question struct {
	trigger string
	carried asked
	request commands.Request
}

// askFirst opens the dialog of a click. done is false if nothing has to be typed: then
// the click is an ordinary request, which is answered as things stand now. ok is
// whether the click may be acknowledged.
func (d *dispatcher) askFirst(ctx context.Context, q question) (done, ok bool) {
	ask, err := d.question(ctx, q.carried)
	if err != nil {
		d.log.Error("question not known", "request", q.request.Key, "error", err)
	}
	if err != nil || ask == nil {
		return false, false
	}
	view, fits := askForm(*ask, q.carried)
	if !fits {
		d.log.Error("a question that does not fit into a dialog", "request", q.request.Key)
		return false, false
	}
	if _, err = d.api.OpenViewContext(ctx, q.trigger, view); err == nil {
		return true, true
	}
	d.log.Error("dialog not opened", "request", q.request.Key, "error", err)
	return true, d.tell(ctx, q.request, message.Post{Message: message.Message{Headline: message.Join(
		"Slack did not open the dialog in time, so nothing was done. If you see none, press the button again, or type ",
		message.Mono(d.opt.Command+" "+q.carried.Verb+" "+q.carried.Ref+" "+ask.Want), ".")}})
}

func (d *dispatcher) question(ctx context.Context, a asked) (*message.Ask, error) {
	if d.dialogs == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return d.dialogs.Ask(ctx, a.Verb, a.Ref)
}

// askForm is the dialog, unless what it carries has no room.
func askForm(q message.Ask, carried asked) (slack.ModalViewRequest, bool) {
	setZero(&q.Title, "Are you sure?")
	setZero(&q.Label, "To confirm, type what is shown")
	setZero(&q.Yes, "Yes")
	metadata, err := json.Marshal(carried)
	want := inline(q.Want) // to be typed as it stands
	m := slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: askCallback, PrivateMetadata: string(metadata),
		Title: plainText(foreign(q.Title), maxViewTitle), Submit: plainText(foreign(q.Yes), maxViewTitle), Close: plainText("Not now", maxViewTitle),
	}
	if strings.TrimSpace(q.Text) != "" {
		m.Blocks.BlockSet = append(m.Blocks.BlockSet, textBlock("text", foreign(q.Text)))
	}
	field := slack.NewPlainTextInputBlockElement(plainText(want, maxPlaceholder), fieldTyped)
	field.FocusOnLoad = true
	field.MaxLength = min(max(maxTyped, 2*size(want)), maxText)
	hint := plainText(fmt.Sprintf("Type: %s", want), maxLabel)
	m.Blocks.BlockSet = append(m.Blocks.BlockSet, slack.NewInputBlock(fieldTyped, plainText(foreign(q.Label), maxLabel), hint, field))
	return m, err == nil && size(m.PrivateMetadata) <= maxMetadata && strings.TrimSpace(want) != ""
}

// readAnswer turns what was typed into the request that the button stands for, with
// that behind it.
func readAnswer(e envelope, i interaction) act {
	var a asked
	if err := json.Unmarshal([]byte(i.View.PrivateMetadata), &a); err != nil || !verbForm.MatchString(a.Verb) {
		return act{why: "a dialog that does not say what it is about"}
	}
	typed := i.View.State.Values[fieldTyped][fieldTyped].Value
	r := commands.Request{
		Key:     requestKey(i.View.ID, i.View.Hash),
		Actor:   i.actor(),
		Source:  audit.FromModal,
		Channel: a.Channel,
		Thread:  a.Thread,
		Text:    a.Verb + " " + a.Ref + " " + commands.Quote(typed),
		At:      e.received,
	}
	return act{id: r.Key, requests: []commands.Request{r}}
}

package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// The dialogs that compose a command, and the global shortcut that opens one.
const (
	formCallback    = "command_form"
	formMark        = "form" // follows the suffixMark in the id of a button that opens one
	actionRenew     = "renew"
	shortcutDeclare = "declare_incident"
)

// composed is what a form carries from its opening to its submission: the words that
// are no fields.
type composed struct {
	Verb    string            `json:"verb"`
	Ref     string            `json:"ref,omitempty"`
	Channel string            `json:"channel,omitempty"`
	Thread  string            `json:"thread,omitempty"`
	Carried map[string]string `json:"carried,omitempty"`
}

// commandName is a command's name: of a group it is two words.
var commandName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,60}( [a-z][a-z0-9-]{0,60})?$`)

// formFirst opens the form that a request has. done is false if it has none: then it is
// asked as it is. ok is whether the envelope may be acknowledged.
func (d *dispatcher) formFirst(ctx context.Context, trigger string, r commands.Request) (done, ok bool) {
	form, late := d.formOf(ctx, r)
	switch {
	case form == nil && late && r.Source == audit.FromButton: // whoever pressed it wanted to be asked first
		return true, d.unopened(ctx, r, r.Text)
	case form == nil:
		return false, false
	}
	view, fits := formView(*form, composed{Verb: form.Verb, Ref: form.Ref, Channel: r.Channel, Thread: r.Thread, Carried: form.Carried}, "form")
	if !fits {
		d.log.Error("a form that does not fit into a dialog", "request", r.Key, "form", form.Verb)
		return true, d.unopened(ctx, r, typedForm(*form))
	}
	_, err := d.api.OpenViewContext(ctx, trigger, view)
	if err == nil || errorCode(err) == "exchanged_trigger_id" { // the latter: it was opened by a copy of this
		return true, true
	}
	d.log.Error("form not opened", "request", r.Key, "error", describe(err))
	return true, d.unopened(ctx, r, typedForm(*form))
}

// formOf asks for the form, for no longer than a trigger allows; late: that was too long.
func (d *dispatcher) formOf(ctx context.Context, r commands.Request) (f *message.Form, late bool) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("panic while making a form", "request", r.Key, "panic", p, "stack", string(debug.Stack()))
			f, late = nil, true
		}
	}()
	f = d.asker.Form(ctx, r)
	return f, ctx.Err() != nil
}

// unopened tells the person what to type instead.
func (d *dispatcher) unopened(ctx context.Context, r commands.Request, words string) bool {
	return d.tell(ctx, d.placed(ctx, r), message.Post{Message: message.Message{Headline: message.Join(
		"The form did not open in time, so nothing was done. If you see none, try again, or type ",
		message.Mono(d.opt.Command+" "+words), ".")}})
}

// typedForm is the command that a form stands for, with the flags that it needs.
func typedForm(f message.Form) string {
	words := strings.TrimSpace(f.Verb + " " + f.Ref)
	for _, field := range f.Fields {
		switch {
		case field.Optional || field.Kind == message.FieldFlag:
		case field.Name == "":
			words += " …"
		default:
			words += " --" + field.Name + " '…'"
		}
	}
	return words
}

// readForm turns a filled-in form into the command that it composes.
func readForm(e envelope, i interaction) act {
	r, err := formRequest(e, i)
	if err != nil {
		return act{why: err.Error()}
	}
	return act{id: r.Key, requests: []commands.Request{r}}
}

// formRequest is the request that a form stands for as it is filled in now.
func formRequest(e envelope, i interaction) (commands.Request, error) {
	var c composed
	if err := json.Unmarshal([]byte(i.View.PrivateMetadata), &c); err != nil || !commandName.MatchString(c.Verb) {
		return commands.Request{}, errors.New("a form that does not say what it is about")
	}
	return commands.Request{
		Key:     requestKey(i.View.ID, i.View.Hash),
		Actor:   i.actor(),
		Source:  audit.FromModal,
		Channel: c.Channel,
		Thread:  c.Thread,
		Text:    c.words(i.View.State.Values),
		At:      e.received,
	}, nil
}

// renew makes the preview of a form anew, with what its fields hold now. What is typed
// stays as it is, because the fields keep their ids.
func (d *dispatcher) renew(ctx context.Context, e envelope, i interaction) error {
	r, err := formRequest(e, i)
	if err != nil {
		return err
	}
	var view any
	if form, _ := d.formOf(ctx, r); form != nil {
		again, fits := formView(*form, composed{Verb: form.Verb, Ref: form.Ref, Channel: r.Channel, Thread: r.Thread, Carried: form.Carried}, i.View.Hash)
		if fits {
			view = again
		}
	}
	if view == nil {
		view = i.View.noted()
	}
	text, err := json.Marshal(view)
	if err != nil {
		return fmt.Errorf("renew a form: %w", err)
	}
	err = d.call.call(ctx, "views.update", map[string][]string{"view_id": {i.View.ID}, "hash": {i.View.Hash}, "view": {string(text)}}, nil)
	switch errorCode(err) {
	case "hash_conflict", "not_found", "view_not_found": // it was renewed by another click, or closed
		d.log.Debug("form not renewed", "view", i.View.ID, "error", describe(err))
		return nil
	}
	if err != nil {
		d.log.Log(ctx, slog.LevelError, "form not renewed", "view", i.View.ID, "error", describe(err))
	}
	return nil // pressing the button again is all that helps
}

// noted is the view as it stands, with a note that no preview can be made.
func (v *view) noted() map[string]any {
	const id = "no-preview"
	blocks := []any{}
	for _, b := range v.Blocks {
		var head struct {
			ID string `json:"block_id"`
		}
		if json.Unmarshal(b, &head) == nil && head.ID == id {
			continue
		}
		blocks = append(blocks, b)
		if head.ID == actionRenew {
			blocks = append(blocks, textBlock(id, "There is no preview of this: something that is filled in is not right, or it took too long. "+
				"Correct it and try again, or submit it to read what is wrong."))
		}
	}
	return map[string]any{
		"type": slack.VTModal, "callback_id": v.CallbackID, "private_metadata": v.PrivateMetadata,
		"title": v.Title, "submit": v.Submit, "close": v.Close, "blocks": blocks,
	}
}

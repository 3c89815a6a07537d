package bot

import (
	"context"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
)

// The global shortcut and the modal it opens.
const (
	shortcutPickCheck = "pick_check"
	pickerCallback    = "pick_check_form"
	fieldCheck        = "check"
	fieldChannel      = "channel"
)

// Choice is one thing that the modal offers to check.
type Choice struct {
	Value string // what follows "check": a domain, a check, "all"
	Label string
	Group string // heading it stands under; empty for none
}

// openPicker shows the modal. It needs nothing but the list the bot was built
// with, because a trigger lives for 3 seconds and works once.
func (d *dispatcher) openPicker(ctx context.Context, trigger string) error {
	_, err := d.api.OpenViewContext(ctx, trigger, picker(d.choices))
	if err != nil {
		return fmt.Errorf("views.open: %w", err)
	}
	return nil
}

// picker is the modal: what to check, and the channel to answer in.
func picker(choices []Choice) slack.ModalViewRequest {
	m := slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: pickerCallback,
		Title: plainText("Check data", maxViewTitle), Close: plainText("Cancel", maxViewTitle),
	}
	groups := optionGroups(choices)
	if len(groups) == 0 {
		m.Blocks.BlockSet = []slack.Block{textBlock("none", "There is no check in the configuration yet.")}
		return m
	}
	what := &slack.SelectBlockElement{
		Type: slack.OptTypeStatic, ActionID: fieldCheck, OptionGroups: groups,
		Placeholder: plainText("A domain or a check", maxPlaceholder), FocusOnLoad: true,
	}
	where := &slack.SelectBlockElement{
		Type: slack.OptTypeConversations, ActionID: fieldChannel,
		Placeholder:                  plainText("A channel", maxPlaceholder),
		DefaultToCurrentConversation: true, ResponseURLEnabled: true,
	}
	m.Submit = plainText("Check", maxViewTitle)
	m.Blocks.BlockSet = []slack.Block{
		slack.NewInputBlock(fieldCheck, plainText("What should be checked?", maxLabel), nil, what),
		slack.NewInputBlock(fieldChannel, plainText("Where should the result go?", maxLabel), nil, where),
	}
	return m
}

// optionGroups puts the choices under their headings, within Slack's 100
// groups of 100. What has no room is still there for those who type.
func optionGroups(choices []Choice) []*slack.OptionGroupBlockObject {
	var groups []*slack.OptionGroupBlockObject
	index := map[string]*slack.OptionGroupBlockObject{}
	for _, c := range choices {
		if c.Value == "" || size(c.Value) > maxOption {
			continue
		}
		name := c.Group
		setZero(&name, "Checks")
		g := index[name]
		if g == nil {
			if len(groups) == maxOptions {
				continue
			}
			g = slack.NewOptionGroupBlockElement(plainText(name, maxOption))
			index[name] = g
			groups = append(groups, g)
		}
		label := c.Label
		setZero(&label, c.Value)
		if len(g.Options) < maxOptions {
			g.Options = append(g.Options, slack.NewOptionBlockObject(c.Value, plainText(label, maxOption), nil))
		}
	}
	return groups
}

// readSubmission turns a filled-in modal into the command it stands for.
func readSubmission(e envelope, i interaction) act {
	switch {
	case i.View != nil && i.View.CallbackID == askCallback:
		return readAnswer(e, i)
	case i.View != nil && i.View.CallbackID == formCallback:
		return readForm(e, i)
	case i.View == nil || i.View.CallbackID != pickerCallback:
		return act{why: "a view that is not ours"}
	}
	chosen := i.View.State.Values[fieldCheck][fieldCheck].SelectedOption
	channel := i.View.State.Values[fieldChannel][fieldChannel].SelectedConversation
	if chosen == nil || channel == "" {
		return act{why: "a form with nothing chosen"}
	}
	r := commands.Request{
		Key:     requestKey(i.View.ID, i.View.Hash),
		Actor:   i.actor(),
		Source:  audit.FromModal,
		Channel: channel,
		Text:    "check " + chosen.Value,
		At:      e.received,
	}
	for _, u := range i.ResponseURLs {
		if u.ChannelID == channel || len(i.ResponseURLs) == 1 {
			r.ResponseURL = u.ResponseURL
		}
	}
	return act{id: r.Key, requests: []commands.Request{r}}
}

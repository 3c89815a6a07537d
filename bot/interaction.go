package bot

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/integritybot/integritybot/commands"
	"github.com/integritybot/integritybot/internal/audit"
)

// interaction is the part of an interactive payload that we use. The rest, the
// whole message with all its blocks, is not decoded: a click must not get lost
// because Slack invented a block.
type interaction struct {
	Type       string `json:"type"`
	CallbackID string `json:"callback_id"`
	TriggerID  string `json:"trigger_id"`
	Team       *struct {
		ID           string `json:"id"`
		EnterpriseID string `json:"enterprise_id"`
	} `json:"team"`
	Enterprise *struct {
		ID string `json:"id"`
	} `json:"enterprise"`
	User struct {
		ID     string `json:"id"`
		TeamID string `json:"team_id"`
	} `json:"user"`
	Channel *struct {
		ID string `json:"id"`
	} `json:"channel"`
	Container struct {
		MessageTS string `json:"message_ts"`
		ThreadTS  string `json:"thread_ts"`
		ChannelID string `json:"channel_id"`
		ViewID    string `json:"view_id"`
	} `json:"container"`
	Message *struct {
		ThreadTS string `json:"thread_ts"`
	} `json:"message"`
	ResponseURL  string `json:"response_url"`
	ResponseURLs []struct {
		ChannelID   string `json:"channel_id"`
		ResponseURL string `json:"response_url"`
	} `json:"response_urls"`
	Actions []click `json:"actions"`
	View    *view   `json:"view"`
}

type click struct {
	Type     string `json:"type"`
	ActionID string `json:"action_id"`
	ActionTS string `json:"action_ts"`
	Value    string `json:"value"`
	URL      string `json:"url"`
}

type view struct {
	ID              string `json:"id"`
	Hash            string `json:"hash"`
	CallbackID      string `json:"callback_id"`
	PrivateMetadata string `json:"private_metadata"`
	// Title, Submit, Close and Blocks are shown again as they are.
	Title  json.RawMessage   `json:"title"`
	Submit json.RawMessage   `json:"submit"`
	Close  json.RawMessage   `json:"close"`
	Blocks []json.RawMessage `json:"blocks"`
	State  struct {
		Values map[string]map[string]field `json:"values"`
	} `json:"state"`
}

type field struct {
	SelectedOption       *choice  `json:"selected_option"`
	SelectedOptions      []choice `json:"selected_options"`
	SelectedConversation string   `json:"selected_conversation"`
	SelectedUser         string   `json:"selected_user"`
	Value                string   `json:"value"`
}

type choice struct {
	Value string `json:"value"`
}

func (d *dispatcher) readInteraction(e envelope) (act, error) {
	var i interaction
	if err := json.Unmarshal(e.Payload, &i); err != nil {
		return act{}, err
	}
	if i.User.ID == "" {
		return act{}, missing("a user", e)
	}
	switch i.Type {
	case "block_actions":
		if i.View != nil && i.View.CallbackID == formCallback {
			return d.readRenewal(e, i), nil
		}
		return readClicks(e, i), nil
	case "view_submission":
		return readSubmission(e, i), nil
	case "shortcut":
		switch i.CallbackID {
		case shortcutPickCheck:
			return act{id: e.EnvelopeID, do: func(ctx context.Context) error { return d.openPicker(ctx, i.TriggerID) }}, nil
		case shortcutDeclare:
			return readDeclare(e, i), nil
		}
	}
	return act{why: "interaction " + i.Type + " " + i.CallbackID}, nil
}

// readDeclare asks for what a person types as "incident declare", which opens its form.
func readDeclare(e envelope, i interaction) act {
	r := commands.Request{
		Key: e.EnvelopeID, Actor: i.actor(), Source: audit.FromShortcut, Text: "incident declare", At: e.received,
	}
	return act{id: e.EnvelopeID, requests: []commands.Request{r}, trigger: i.TriggerID}
}

// readRenewal is a click on the button of a form that makes its preview anew.
func (d *dispatcher) readRenewal(e envelope, i interaction) act {
	for _, c := range i.Actions {
		if c.ActionID == actionRenew {
			return act{id: e.EnvelopeID, do: func(ctx context.Context) error { return d.renew(ctx, e, i) }}
		}
	}
	return act{why: "a choice in a form"}
}

// readClicks makes a request of each button that was pressed. The button's
// verb and ref are all that is taken from it; whether they may be acted on is
// for others to decide. Slack sends one click at a time.
func readClicks(e envelope, i interaction) act {
	channel := i.Container.ChannelID
	if channel == "" && i.Channel != nil {
		channel = i.Channel.ID
	}
	place := i.Container.MessageTS
	setZero(&place, i.Container.ViewID)
	a := act{id: e.EnvelopeID}
	for _, c := range i.Actions {
		verb, suffix, _ := strings.Cut(c.ActionID, suffixMark)
		if c.Type != "button" || c.URL != "" || verb == "" {
			continue
		}
		a.requests = append(a.requests, commands.Request{
			Key:         requestKey(channel, place, c.ActionID, c.ActionTS, i.User.ID),
			Actor:       i.actor(),
			Source:      audit.FromButton,
			Channel:     channel,
			Thread:      i.thread(),
			Text:        strings.TrimSpace(verb + " " + c.Value),
			ResponseURL: i.ResponseURL,
			At:          e.received,
		})
		if strings.HasPrefix(suffix, formMark) {
			a.trigger = i.TriggerID
		}
		if strings.HasPrefix(suffix, askMark) {
			a.first = &question{
				trigger: i.TriggerID, request: a.requests[len(a.requests)-1],
				carried: asked{Verb: verb, Ref: c.Value, Channel: channel, Thread: i.thread(), TS: i.Container.MessageTS},
			}
		}
	}
	if len(a.requests) == 0 {
		return act{why: "an interaction without a button of ours"}
	}
	return a
}

// actor is the person with their own workspace, which in a shared channel is
// not the one the click came from.
func (i interaction) actor() audit.Actor {
	enterprise, team := "", i.User.TeamID
	if i.Team != nil {
		enterprise = i.Team.EnterpriseID
		setZero(&team, i.Team.ID)
	}
	if i.Enterprise != nil {
		setZero(&enterprise, i.Enterprise.ID)
	}
	return person(enterprise, team, i.User.ID)
}

// thread is the thread of the message that was clicked; a message that only
// begins a thread is not in one.
func (i interaction) thread() string {
	ts := i.Container.ThreadTS
	if ts == "" && i.Message != nil {
		ts = i.Message.ThreadTS
	}
	if ts == i.Container.MessageTS {
		return ""
	}
	return ts
}

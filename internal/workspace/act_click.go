package workspace

import (
	"maps"
	"net/http"
	"slices"
)

// Click is a person's action on an interactive element of a message (Channel
// and TS) or of an open modal or Home tab (ViewID).
type Click struct {
	As      string `json:"as"`
	Channel string `json:"channel"`
	TS      string `json:"ts"`
	ViewID  string `json:"view_id"`
	BlockID string `json:"block_id"`
	// ActionID names the element; with an empty BlockID the first with this
	// id is taken.
	ActionID string `json:"action_id"`
	// Value is what was typed, or the value of the chosen option.
	Value string `json:"value"`
	// Selected holds the choices of selects and pickers by Slack's names:
	// selected_option, selected_users, selected_date …
	Selected map[string]any `json:"-"`
	// Values is the state of a view's inputs, by block_id and action_id.
	Values map[string]any `json:"values"`
}

// selections are the names an action's choice can have.
var selections = []string{
	"selected_option", "selected_options", "selected_user", "selected_users", "selected_channel", "selected_channels",
	"selected_conversation", "selected_conversations", "selected_date", "selected_time", "selected_date_time",
}

// Click does what a click on an element does, and returns when the bot has
// acknowledged it.
func (w *Workspace) Click(k Click) error {
	w.mu.Lock()
	wait, refusal := w.startClick(k)
	w.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	return errorOrNil(w.awaitAck(wait))
}

func (w *Workspace) startClick(k Click) (<-chan ackResult, *Refusal) {
	if k.ViewID != "" {
		return w.clickView(k)
	}
	p, c, refusal := w.present(k.As, k.Channel)
	if refusal != nil {
		return nil, refusal
	}
	m := c.find(k.TS)
	if m == nil {
		m = c.findEphemeral(k.TS)
	}
	if m == nil || (m.visibleTo != "" && m.visibleTo != p.ID) {
		return nil, notFound("message_not_found", "The message is gone.")
	}
	action, refusal := w.action(k, m.blocks)
	if refusal != nil {
		return nil, refusal
	}
	_, url := w.newResponseURL(responseURL{channel: c, user: p.ID, origin: m})
	payload := w.clickPayload(p, c, m, action, url)
	return w.interact(payload, notice{Type: "unfinished", Channel: c.ID, ThreadTS: m.threadTS, TS: m.ts, only: p.ID}), nil
}

func (w *Workspace) clickView(k Click) (<-chan ackResult, *Refusal) {
	p, v, refusal := w.ownView(k.As, k.ViewID)
	if refusal != nil {
		return nil, refusal
	}
	action, refusal := w.action(k, v.blocks)
	if refusal != nil {
		return nil, refusal
	}
	maps.Copy(v.values, k.Values)
	if state := stateOf(action); len(state) > 0 {
		maps.Copy(v.values, state)
	}
	payload := w.interaction("block_actions", p)
	payload["container"] = obj{"type": "view", "view_id": v.id}
	payload["view"], payload["actions"] = w.viewJSON(v), []obj{action}
	return w.interact(payload, notice{Type: "unfinished", View: w.viewJSON(v), only: p.ID}), nil
}

// action is the entry of actions[] for a click.
func (w *Workspace) action(k Click, blocks []any) (obj, *Refusal) {
	element := findElement(blocks, k.BlockID, k.ActionID)
	if element == nil {
		return nil, notFound("element_not_found", "The message has no such button or menu any more.")
	}
	action := obj{"type": element["type"], "action_id": k.ActionID, "block_id": blockOf(blocks, element), "action_ts": w.nextTS()}
	for _, key := range []string{"text", "style", "confirm", "placeholder"} {
		if v, ok := element[key]; ok {
			action[key] = v
		}
	}
	if element["type"] == "button" {
		if v, ok := element["value"]; ok {
			action["value"] = v
		}
		return action, nil
	}
	for _, key := range selections {
		if v, ok := k.Selected[key]; ok {
			action[key] = v
		}
	}
	if option, ok := chosen(element, k); ok {
		action["selected_option"] = option
	} else if option != nil {
		return nil, refuse("option_not_found", "The menu has no such option.")
	} else if k.Value != "" {
		action["value"] = k.Value
	}
	return action, nil
}

// chosen is the option of element a click names by its value. A nil option
// without ok means that element has no options.
func chosen(element map[string]any, k Click) (option any, ok bool) {
	options := allOptions(element)
	if len(options) == 0 || k.Selected["selected_options"] != nil {
		return nil, false
	}
	want := k.Value
	switch s := k.Selected["selected_option"].(type) {
	case string:
		want = s
	case map[string]any:
		want, _ = s["value"].(string)
	}
	for _, o := range options {
		if o["value"] == want {
			return o, true
		}
	}
	return obj{}, false
}

func allOptions(element map[string]any) []map[string]any {
	var out []map[string]any
	add := func(list any) {
		items, _ := list.([]any)
		for _, i := range items {
			if o, ok := i.(map[string]any); ok {
				out = append(out, o)
			}
		}
	}
	add(element["options"])
	groups, _ := element["option_groups"].([]any)
	for _, g := range groups {
		if group, ok := g.(map[string]any); ok {
			add(group["options"])
		}
	}
	return out
}

// blockOf is the id of the block that element stands in.
func blockOf(blocks []any, element map[string]any) string {
	for _, b := range blocks {
		block, ok := b.(map[string]any)
		if !ok {
			continue
		}
		actionID, _ := element["action_id"].(string)
		blockID, _ := block["block_id"].(string)
		if slices.ContainsFunc(elementsOf(block), func(e map[string]any) bool { return e["action_id"] == actionID }) &&
			findElement(blocks, blockID, actionID)["type"] == element["type"] {
			return blockID
		}
	}
	return ""
}

// ackResult is how an interaction ended.
type ackResult struct {
	outcome outcome
	answer  any
}

// interact sends an interactive envelope. When it is not acknowledged, the
// page is told by unfinished.
func (w *Workspace) interact(payload obj, unfinished notice) <-chan ackResult {
	wait := make(chan ackResult, 1)
	accepts := payload["type"] == "view_submission"
	w.deliver(&envelope{kind: interactive, payload: payload, acceptsIt: accepts, ended: func(o outcome, answer any) {
		if o != acked {
			w.publish(unfinished)
		}
		wait <- ackResult{o, answer}
	}})
	return wait
}

// awaitAck waits for the end of an interaction.
func (w *Workspace) awaitAck(wait <-chan ackResult) *Refusal {
	select {
	case r := <-wait:
		return failedInteraction(r.outcome)
	case <-w.done:
		return refuse("closed", "The workspace was closed.")
	}
}

func failedInteraction(o outcome) *Refusal {
	switch o {
	case timedOut:
		return &Refusal{Code: "operation_timeout", Message: "The app did not answer within 3 seconds. Try again.", Status: http.StatusRequestTimeout}
	case nobodyThere:
		return &Refusal{Code: "app_not_connected", Message: "The app did not respond: it is not connected.", Status: http.StatusConflict}
	case acked:
	}
	return nil
}

// UseShortcut runs a shortcut: a global one, or a message shortcut on a
// message.
func (w *Workspace) UseShortcut(as, callbackID, channel, ts string) error {
	w.mu.Lock()
	wait, refusal := w.startShortcut(as, callbackID, channel, ts)
	w.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	return errorOrNil(w.awaitAck(wait))
}

func (w *Workspace) startShortcut(as, callbackID, channel, ts string) (<-chan ackResult, *Refusal) {
	s, ok := w.app.shortcut(callbackID)
	if !ok {
		return nil, notFound("shortcut_not_found", "There is no shortcut "+quote(callbackID)+".")
	}
	if s.Type == "global" {
		p, refusal := w.acting(as)
		if refusal != nil {
			return nil, refusal
		}
		payload := w.interaction("shortcut", p)
		payload["callback_id"], payload["action_ts"] = callbackID, w.nextTS()
		return w.interact(payload, notice{Type: "unfinished", only: p.ID}), nil
	}
	p, c, refusal := w.present(as, channel)
	if refusal != nil {
		return nil, refusal
	}
	m := c.find(ts)
	if m == nil {
		return nil, notFound("message_not_found", "The message is gone.")
	}
	_, url := w.newResponseURL(responseURL{channel: c, user: p.ID, origin: m})
	payload := w.interaction("message_action", p)
	maps.Copy(payload, obj{
		"callback_id": callbackID, "action_ts": w.nextTS(), "message_ts": m.ts, "response_url": url,
		"message": w.messageJSON(c, m, true), "channel": channelRef(c),
	})
	return w.interact(payload, notice{Type: "unfinished", Channel: c.ID, TS: m.ts, only: p.ID}), nil
}

package workspace

import (
	"maps"
	"slices"
	"unicode/utf8"
)

// ownView is a view that the person sees.
func (w *Workspace) ownView(as, id string) (*Person, *view, *Refusal) {
	p, refusal := w.acting(as)
	if refusal != nil {
		return nil, nil, refusal
	}
	v := w.views[id]
	if v == nil || v.user != p.ID {
		return nil, nil, notFound("view_not_found", "This dialog is no longer open.")
	}
	return p, v, nil
}

// Submit presses the submit button of a modal. values are the inputs by
// block_id and action_id, each with "type" and what was entered. Errors of
// single fields come back in Refusal.Errors.
func (w *Workspace) Submit(as, viewID string, values map[string]any) error {
	w.mu.Lock()
	v, wait, refusal := w.startSubmit(as, viewID, values)
	w.mu.Unlock()
	if refusal != nil {
		return refusal
	}
	select {
	case r := <-wait:
		if refusal := failedInteraction(r.outcome); refusal != nil {
			refusal.Message = "We had some trouble connecting. Try again?"
			return refusal
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		return errorOrNil(w.afterSubmit(v, r.answer))
	case <-w.done:
		return refuse("closed", "The workspace was closed.")
	}
}

func (w *Workspace) startSubmit(as, viewID string, values map[string]any) (*view, <-chan ackResult, *Refusal) {
	p, v, refusal := w.ownView(as, viewID)
	if refusal != nil {
		return nil, nil, refusal
	}
	if stack := w.stacks[p.ID]; len(stack) == 0 || stack[len(stack)-1] != v {
		return nil, nil, refuse("view_not_on_top", "Another dialog is on top of this one.")
	}
	v.values = completeValues(v, values)
	if complaints := checkInputs(v); len(complaints) > 0 {
		return nil, nil, &Refusal{Code: "invalid_input", Message: "Some fields need attention.", Status: 400, Errors: complaints}
	}
	payload := w.interaction("view_submission", p)
	payload["view"], payload["response_urls"] = w.viewJSON(v), []obj{}
	return v, w.interact(payload, notice{Type: "unfinished", View: w.viewJSON(v), only: p.ID}), nil
}

// completeValues has an entry for every input, null where nothing was entered,
// and keeps the values of actions that happened before.
func completeValues(v *view, given map[string]any) obj {
	out := maps.Clone(v.values)
	maps.Copy(out, given)
	for _, b := range v.blocks {
		block, _ := b.(map[string]any)
		element, isInput := block["element"].(map[string]any)
		if block["type"] != "input" || !isInput {
			continue
		}
		blockID, _ := block["block_id"].(string)
		actionID, _ := element["action_id"].(string)
		actions, _ := out[blockID].(map[string]any)
		if actions == nil {
			actions = obj{}
		}
		value, _ := actions[actionID].(map[string]any)
		value = maps.Clone(value)
		if value == nil {
			value = obj{}
		}
		value["type"] = element["type"]
		field := valueField(element)
		if _, entered := value[field]; !entered {
			value[field] = initialValue(element, field)
		}
		if o, ok := value["selected_option"].(map[string]any); ok {
			value["selected_option"] = fullOption(element, o)
		}
		out[blockID] = obj{actionID: value}
	}
	return out
}

// fullOption is the element's own option with the value of o.
func fullOption(element, o map[string]any) any {
	for _, option := range allOptions(element) {
		if option["value"] == o["value"] {
			return option
		}
	}
	return o
}

// valueField is where state.values keeps what an element holds.
func valueField(element map[string]any) string {
	switch element["type"] {
	case "static_select", "external_select", "radio_buttons":
		return "selected_option"
	case "multi_static_select", "multi_external_select", "checkboxes":
		return "selected_options"
	case "users_select":
		return "selected_user"
	case "multi_users_select":
		return "selected_users"
	case "channels_select":
		return "selected_channel"
	case "multi_channels_select":
		return "selected_channels"
	case "conversations_select":
		return "selected_conversation"
	case "multi_conversations_select":
		return "selected_conversations"
	case "datepicker":
		return "selected_date"
	case "timepicker":
		return "selected_time"
	case "datetimepicker":
		return "selected_date_time"
	case "file_input":
		return "files"
	case "rich_text_input":
		return "rich_text_value"
	}
	return "value"
}

// initialValue is what an untouched element holds.
func initialValue(element map[string]any, field string) any {
	name := map[string]string{
		"value": "initial_value", "selected_option": "initial_option", "selected_options": "initial_options",
		"selected_user": "initial_user", "selected_users": "initial_users", "selected_channel": "initial_channel",
		"selected_channels": "initial_channels", "selected_conversation": "initial_conversation",
		"selected_conversations": "initial_conversations", "selected_date": "initial_date",
		"selected_time": "initial_time", "selected_date_time": "initial_date_time",
	}[field]
	if v, ok := element[name]; ok {
		return v
	}
	if len(field) > 0 && field[len(field)-1] == 's' {
		return []any{}
	}
	return nil
}

// checkInputs is what Slack checks before the bot hears of a submission.
func checkInputs(v *view) map[string]string {
	out := map[string]string{}
	for _, b := range v.blocks {
		block, _ := b.(map[string]any)
		element, isInput := block["element"].(map[string]any)
		if block["type"] != "input" || !isInput {
			continue
		}
		blockID, _ := block["block_id"].(string)
		actionID, _ := element["action_id"].(string)
		actions, _ := v.values[blockID].(map[string]any)
		value, _ := actions[actionID].(map[string]any)
		entered := value[valueField(element)]
		text, isText := entered.(string)
		list, isList := entered.([]any)
		empty := entered == nil || (isText && text == "") || (isList && len(list) == 0)
		switch {
		case empty && block["optional"] != true:
			out[blockID] = "Please complete this required field."
		case isText && !empty && tooShort(element, text):
			out[blockID] = "This entry is too short."
		case isText && tooLong(element, text):
			out[blockID] = "This entry is too long."
		}
	}
	return out
}

func tooShort(element map[string]any, text string) bool {
	n, ok := element["min_length"].(float64)
	return ok && utf8.RuneCountInString(text) < int(n)
}

func tooLong(element map[string]any, text string) bool {
	n, ok := element["max_length"].(float64)
	return ok && utf8.RuneCountInString(text) > int(n)
}

// afterSubmit does what the acknowledgement of a submission asks for.
func (w *Workspace) afterSubmit(v *view, answer any) *Refusal {
	fields, _ := answer.(map[string]any)
	trouble := func(why string) *Refusal {
		w.note(Entry{Kind: "ack", Event: "response_action", Violation: why})
		return refuse("invalid_response", "We had some trouble connecting. Try again?")
	}
	if len(fields) == 0 && answer != nil {
		return trouble("the acknowledgement of a view_submission has a body that is no response_action")
	}
	if len(fields) == 0 {
		w.closeView(v)
		return nil
	}
	switch fields["response_action"] {
	case "clear":
		if stack := w.stacks[v.user]; len(stack) > 0 {
			w.closeView(stack[0])
		}
		return nil
	case "errors":
		return w.fieldErrors(v, fields["errors"], trouble)
	case "update", "push":
		next, err := w.newView(&call{method: "ack", args: fields}, "modal")
		if err != nil {
			return trouble("the view in the acknowledgement was refused: " + err.code)
		}
		if fields["response_action"] == "update" {
			w.replaceView(v, next)
			return nil
		}
		if len(w.stacks[v.user]) >= maxStack {
			return trouble("more than 3 modals on top of each other")
		}
		w.push(v.user, next)
		return nil
	}
	return trouble("unknown response_action")
}

// fieldErrors shows errors at the inputs they name.
func (w *Workspace) fieldErrors(v *view, errors any, trouble func(string) *Refusal) *Refusal {
	byBlock, _ := errors.(map[string]any)
	out := map[string]string{}
	for blockID, text := range byBlock {
		isInput := slices.ContainsFunc(v.blocks, func(b any) bool {
			block, _ := b.(map[string]any)
			return block["block_id"] == blockID && block["type"] == "input"
		})
		message, isText := text.(string)
		if !isInput || !isText {
			return trouble("errors for " + quote(blockID) + ", which is not the block_id of an input")
		}
		out[blockID] = message
	}
	if len(out) == 0 {
		return trouble("response_action errors without errors")
	}
	return &Refusal{Code: "invalid_input", Message: "Some fields need attention.", Status: 400, Errors: out}
}

// CloseView closes a modal, and those on top of it, with its close button.
func (w *Workspace) CloseView(as, viewID string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, v, refusal := w.ownView(as, viewID)
	if refusal != nil {
		return refusal
	}
	all := v.definition["clear_on_close"] == true
	if stack := w.stacks[p.ID]; all && len(stack) > 0 {
		w.closeView(stack[0])
	}
	w.closeView(v)
	if v.definition["notify_on_close"] == true {
		payload := w.interaction("view_closed", p)
		delete(payload, "trigger_id")
		payload["view"], payload["is_cleared"] = w.viewJSON(v), all
		w.interact(payload, notice{Type: "unfinished", only: p.ID})
	}
	return nil
}

// OpenHome opens the app's Home tab; the bot is told. The view is nil until
// the bot published one.
func (w *Workspace) OpenHome(as string) (map[string]any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, refusal := w.acting(as)
	if refusal != nil {
		return nil, refusal
	}
	event := obj{"type": "app_home_opened", "user": p.ID, "channel": w.directMessage(p.ID).ID, "tab": "home"}
	home := w.homes[p.ID]
	if home != nil {
		event["view"] = w.viewJSON(home)
	}
	w.event(nil, p.ID, event)
	if home == nil {
		return nil, nil
	}
	return w.viewJSON(home), nil
}

// Modals are the open modals of a person, the last on top.
func (w *Workspace) Modals(as string) ([]map[string]any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, refusal := w.acting(as)
	if refusal != nil {
		return nil, refusal
	}
	out := []map[string]any{}
	for _, v := range w.stacks[p.ID] {
		out = append(out, w.viewJSON(v))
	}
	return out, nil
}

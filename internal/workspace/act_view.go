package workspace

import (
	"slices"
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

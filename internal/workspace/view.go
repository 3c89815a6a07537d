package workspace

import (
	"maps"
	"slices"

	"github.com/integritybot/integritybot/internal/workspace/blockkit"
)

// maxStack is how many modals may lie on top of each other.
const maxStack = 3

// view is an open modal or a person's Home tab.
type view struct {
	id, user, hash     string
	externalID         string
	rootID, previousID string
	definition         obj // type, title, blocks …, as given
	values             obj // block_id → action_id → value
	blocks             []any
	callbackID         string
	privateMet         string
}

// newView checks a view argument and makes a view of it.
func (w *Workspace) newView(c *call, kinds ...string) (*view, *apiError) {
	value, ok := c.parsed("view")
	definition, isObject := value.(map[string]any)
	if !ok || !isObject {
		return nil, failMessages("invalid_arguments", "[ERROR] missing or malformed field: view [json-pointer:/view]")
	}
	if problems := blockkit.ValidateView(remarshal(definition)); len(problems) > 0 {
		return nil, viewError(problems)
	}
	kind, _ := definition["type"].(string)
	if !slices.Contains(kinds, kind) {
		return nil, failMessages("invalid_arguments", "[ERROR] a view of type "+quote(kind)+" cannot be used here [json-pointer:/view/type]")
	}
	v := &view{definition: definition, values: obj{}}
	v.blocks, _ = definition["blocks"].([]any)
	v.callbackID, _ = definition["callback_id"].(string)
	v.privateMet, _ = definition["private_metadata"].(string)
	v.externalID, _ = definition["external_id"].(string)
	w.nameBlocks(v.blocks)
	return v, nil
}

// viewError is blockError with pointers into the argument "view".
func viewError(problems []blockkit.Problem) *apiError {
	moved := slices.Clone(problems)
	for i := range moved {
		moved[i].Pointer = "/view" + moved[i].Pointer
	}
	if moved[0].Code == "invalid_blocks" {
		moved[0].Code = "invalid_arguments"
	}
	return blockError(moved)
}

// viewJSON is the view object of answers and payloads.
func (w *Workspace) viewJSON(v *view) obj {
	out := obj{
		"id": v.id, "team_id": w.opt.TeamID, "type": v.definition["type"], "blocks": v.blocks,
		"private_metadata": v.privateMet, "callback_id": v.callbackID,
		"state": obj{"values": maps.Clone(v.values)}, // what is typed later must not change what was sent
		"hash":  v.hash, "clear_on_close": v.definition["clear_on_close"] == true,
		"notify_on_close": v.definition["notify_on_close"] == true, "title": v.definition["title"],
		"close": v.definition["close"], "submit": v.definition["submit"], "previous_view_id": nil,
		"root_view_id": v.rootID, "app_id": w.app.ID, "external_id": v.externalID,
		"app_installed_team_id": w.opt.TeamID, "bot_id": w.app.BotID, "submit_disabled": v.definition["submit_disabled"] == true,
	}
	if v.previousID != "" {
		out["previous_view_id"] = v.previousID
	}
	return out
}

func viewsOpen(w *Workspace, c *call) (obj, *apiError) { return w.showModal(c, false) }
func viewsPush(w *Workspace, c *call) (obj, *apiError) { return w.showModal(c, true) }

func (w *Workspace) showModal(c *call, onTop bool) (obj, *apiError) {
	v, err := w.newView(c, "modal")
	if err != nil {
		return nil, err
	}
	if w.externalIDTaken(v, nil) {
		return nil, fail("duplicate_external_id")
	}
	t, err := w.exchange(c.text("trigger_id"))
	if err != nil {
		return nil, err
	}
	if onTop && len(w.stacks[t.user]) == 0 {
		return nil, fail("not_found")
	}
	if len(w.stacks[t.user]) >= maxStack {
		return nil, fail("push_limit_reached")
	}
	w.push(t.user, v)
	return obj{"view": w.viewJSON(v)}, nil
}

func (w *Workspace) externalIDTaken(v, except *view) bool {
	for _, x := range w.views {
		if v.externalID != "" && x.externalID == v.externalID && x != except {
			return true
		}
	}
	return false
}

// push opens v on top of user's modals.
func (w *Workspace) push(user string, v *view) {
	v.id, v.user, v.hash = w.newID("V"), user, w.newHash()
	v.rootID = v.id
	if stack := w.stacks[user]; len(stack) > 0 {
		v.rootID, v.previousID = stack[0].id, stack[len(stack)-1].id
	}
	w.stacks[user] = append(w.stacks[user], v)
	w.views[v.id] = v
	w.publish(notice{Type: "view_opened", View: w.viewJSON(v), only: user})
}

func (w *Workspace) newHash() string { return w.nextTS() + "." + w.secret()[:8] }

func viewsUpdate(w *Workspace, c *call) (obj, *apiError) {
	old := w.views[c.text("view_id")]
	if external := c.text("external_id"); old == nil && external != "" {
		for _, x := range w.views {
			if x.externalID == external {
				old = x
			}
		}
	}
	if old == nil {
		return nil, fail("not_found")
	}
	v, err := w.newView(c, "modal", "home")
	if err != nil {
		return nil, err
	}
	switch {
	case v.definition["type"] != old.definition["type"]:
		return nil, failMessages("invalid_arguments", "[ERROR] the type of a view cannot change [json-pointer:/view/type]")
	case c.given("hash") && c.text("hash") != old.hash:
		return nil, fail("hash_conflict")
	case w.externalIDTaken(v, old):
		return nil, fail("duplicate_external_id")
	}
	w.replaceView(old, v)
	return obj{"view": w.viewJSON(old)}, nil
}

// replaceView puts the content of v into old. What was typed stays where block
// and action keep their ids.
func (w *Workspace) replaceView(old, v *view) {
	kept := obj{}
	for blockID, actions := range old.values {
		byAction, _ := actions.(map[string]any)
		for actionID := range byAction {
			if findElement(v.blocks, blockID, actionID) != nil {
				kept[blockID] = actions
			}
		}
	}
	old.definition, old.blocks, old.values = v.definition, v.blocks, kept
	old.callbackID, old.privateMet, old.externalID = v.callbackID, v.privateMet, v.externalID
	old.hash = w.newHash()
	kind := "view_updated"
	if old.definition["type"] == "home" {
		kind = "home"
	}
	w.publish(notice{Type: kind, View: w.viewJSON(old), only: old.user})
}

func viewsPublish(w *Workspace, c *call) (obj, *apiError) {
	user := c.text("user_id")
	p := w.people[user]
	if p == nil {
		return nil, fail("user_not_found")
	}
	if p.Kind == BotAccount || p.Kind == Deactivated || p.Kind == Outsider {
		return nil, fail("not_enabled")
	}
	v, err := w.newView(c, "home")
	if err != nil {
		return nil, err
	}
	old := w.homes[user]
	if old != nil {
		if c.given("hash") && c.text("hash") != old.hash {
			return nil, fail("hash_conflict")
		}
		w.replaceView(old, v)
		return obj{"view": w.viewJSON(old)}, nil
	}
	v.id, v.user, v.hash = w.newID("V"), user, w.newHash()
	v.rootID = v.id
	w.homes[user], w.views[v.id] = v, v
	w.publish(notice{Type: "home", View: w.viewJSON(v), only: user})
	return obj{"view": w.viewJSON(v)}, nil
}

// closeView takes v, and whatever lies on top of it, off its person's stack.
func (w *Workspace) closeView(v *view) {
	stack := w.stacks[v.user]
	i := slices.Index(stack, v)
	if i < 0 {
		return
	}
	for _, x := range slices.Backward(stack[i:]) {
		delete(w.views, x.id)
		w.publish(notice{Type: "view_closed", View: w.viewJSON(x), only: v.user})
	}
	w.stacks[v.user] = slices.Clone(stack[:i])
}

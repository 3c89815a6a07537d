package blockkit

// place is the kind of block an element stands in.
type place int

const (
	inSection place = 1 << iota
	inActions
	inInput
)

func (p place) String() string {
	return map[place]string{inSection: "section", inActions: "actions", inInput: "input"}[p]
}

// elementType says where an element may stand and how it is judged.
type elementType struct {
	in    place
	on    surface
	judge func(node)
}

func elementTypes() map[string]elementType {
	const anyPlace = inSection | inActions | inInput
	all := map[string]elementType{
		"button":           {inSection | inActions, everywhere, button},
		"workflow_button":  {inSection | inActions, everywhere, workflowButton},
		"image":            {inSection, everywhere, imageElement},
		"overflow":         {inSection | inActions, everywhere, overflow},
		"checkboxes":       {anyPlace, everywhere, choice("checkboxes", "initial_options")},
		"radio_buttons":    {anyPlace, everywhere, choice("radio_buttons", "initial_option")},
		"datepicker":       {anyPlace, everywhere, placeholder},
		"timepicker":       {anyPlace, everywhere, placeholder},
		"datetimepicker":   {inActions | inInput, everywhere, func(node) {}},
		"plain_text_input": {inInput, everywhere, plainTextInput},
		"rich_text_input":  {inInput, everywhere, placeholder},
		"number_input":     {inInput, modal, numberInput},
		"email_text_input": {inInput, modal, placeholder},
		"url_text_input":   {inInput, modal, placeholder},
		"file_input":       {inInput, modal, fileInput},
		"static_select":    {anyPlace, everywhere, staticSelect},
		"external_select":  {anyPlace, everywhere, placeholder},
		"icon_button":      {0, message, iconButton},
		"feedback_buttons": {0, message, feedbackButtons},
	}
	for _, of := range []string{"users", "conversations", "channels"} {
		all[of+"_select"] = elementType{anyPlace, everywhere, placeholder}
		all["multi_"+of+"_select"] = elementType{inSection | inInput, everywhere, multiSelect}
	}
	all["multi_external_select"] = elementType{inSection | inInput, everywhere, multiSelect}
	all["multi_static_select"] = elementType{inSection | inInput, everywhere, func(n node) {
		multiSelect(n)
		options(n)
	}}
	return all
}

// element judges an interactive element. seen holds the action_ids of the
// block; nil means that the element is the only one.
func (n node) element(where place, seen map[string]string) {
	if !n.isObject() {
		return
	}
	kind, _ := n.get("type").v.(string)
	known, ok := elementTypes()[kind]
	switch {
	case !ok:
		n.get("type").fail("unsupported type: %s", kind)
		return
	case known.in&where == 0:
		n.get("type").fail("elements of type %s are not allowed in %s blocks", kind, where)
		return
	case known.on&n.d.surface == 0:
		n.get("type").fail("elements of type %s are not allowed in %s", kind, n.d.surface)
		return
	}
	n.actionID(seen)
	known.judge(n)
	n.get("confirm").optional(confirm)
	n.get("focus_on_load").optional(node.boolean)
}

func (n node) actionID(seen map[string]string) {
	n.get("action_id").optional(func(id node) {
		id.str(0, MaxID)
		if seen != nil {
			id.unique(seen)
		}
	})
}

func button(n node) {
	if n.get("text").required() {
		n.get("text").plain(1, 75)
	}
	n.get("value").optional(func(v node) { v.str(0, 2000) })
	n.get("url").optional(func(u node) { u.str(1, 3000) })
	n.get("style").optional(func(s node) { s.oneOf("primary", "danger") })
	n.get("accessibility_label").optional(func(l node) { l.str(1, 75) })
}

func workflowButton(n node) {
	if n.get("text").required() {
		n.get("text").plain(1, 75)
	}
	n.get("style").optional(func(s node) { s.oneOf("primary", "danger") })
	n.get("workflow").required()
}

func overflow(n node) { optionList(n.get("options"), "overflow", 5) }

// choice is checkboxes and radio buttons.
func choice(kind, initial string) func(node) {
	return func(n node) {
		optionList(n.get("options"), kind, 10)
		n.get(initial).optional(func(i node) {
			if kind == "checkboxes" {
				optionList(i, kind, 10)
				return
			}
			option(i, kind)
		})
	}
}

func placeholder(n node) {
	n.get("placeholder").optional(func(p node) { p.plain(1, 150) })
}

func staticSelect(n node) {
	placeholder(n)
	options(n)
	n.get("initial_option").optional(func(o node) { option(o, "select") })
}

func multiSelect(n node) {
	placeholder(n)
	n.get("max_selected_items").optional(func(m node) { m.integer(1, unbounded) })
}

func plainTextInput(n node) {
	placeholder(n)
	n.get("min_length").optional(func(m node) { m.integer(0, 3000) })
	n.get("max_length").optional(func(m node) { m.integer(1, 3000) })
	n.get("multiline").optional(node.boolean)
	initial, ok := n.get("initial_value").v.(string)
	if most, limited := n.get("max_length").v.(float64); ok && limited {
		n.get("initial_value").length(initial, 0, int(most))
	}
	least, hasLeast := n.get("min_length").v.(float64)
	most, hasMost := n.get("max_length").v.(float64)
	if hasLeast && hasMost && least > most {
		n.get("min_length").fail("must not be more than max_length")
	}
}

func numberInput(n node) {
	placeholder(n)
	if n.get("is_decimal_allowed").required() {
		n.get("is_decimal_allowed").boolean()
	}
}

func fileInput(n node) {
	n.get("max_files").optional(func(m node) { m.integer(1, 10) })
}

func iconButton(n node) {
	n.get("icon").str(1, MaxID)
	if n.get("text").required() {
		n.get("text").plain(1, 75)
	}
	n.get("value").optional(func(v node) { v.str(0, 2000) })
	n.get("accessibility_label").optional(func(l node) { l.str(1, 75) })
}

func feedbackButtons(n node) {
	for _, side := range []string{"positive_button", "negative_button"} {
		b := n.get(side)
		if !b.required() {
			continue
		}
		if b.get("text").required() {
			b.get("text").plain(1, 75)
		}
		b.get("value").str(1, 2000)
		b.get("accessibility_label").optional(func(l node) { l.str(1, 75) })
	}
}

// contextActions hold feedback buttons and icon buttons, which stand nowhere
// else.
func contextActions(b node) {
	seen := map[string]string{}
	for _, e := range b.get("elements").items(1, 5) {
		kind, _ := e.get("type").v.(string)
		if kind != "feedback_buttons" && kind != "icon_button" {
			e.get("type").oneOf("feedback_buttons", "icon_button")
			continue
		}
		e.actionID(seen)
		elementTypes()[kind].judge(e)
		e.get("confirm").optional(confirm)
	}
}

package blockkit

import "slices"

// text is a text object, plain_text or mrkdwn, of lo to hi characters.
func (n node) text(lo, hi int) { n.textOf([]string{"plain_text", "mrkdwn"}, lo, hi) }

// plain is a text object that must be plain_text.
func (n node) plain(lo, hi int) { n.textOf([]string{"plain_text"}, lo, hi) }

func (n node) textOf(kinds []string, lo, hi int) {
	if !n.isObject() {
		return
	}
	kind, _ := n.get("type").v.(string)
	if !slices.Contains(kinds, kind) {
		n.get("type").oneOf(kinds...)
		return
	}
	n.get("text").str(lo, hi)
	n.get("emoji").optional(func(e node) {
		e.boolean()
		if kind == "mrkdwn" {
			e.fail("invalid additional property: emoji (only plain_text has it)")
		}
	})
	n.get("verbatim").optional(func(e node) {
		e.boolean()
		if kind == "plain_text" {
			e.fail("invalid additional property: verbatim (only mrkdwn has it)")
		}
	})
}

// confirm is a confirm dialog.
func confirm(n node) {
	if !n.isObject() {
		return
	}
	for _, part := range []struct {
		name string
		most int
	}{{"title", 100}, {"confirm", 30}, {"deny", 30}} {
		if n.get(part.name).required() {
			n.get(part.name).plain(1, part.most)
		}
	}
	if n.get("text").required() {
		n.get("text").text(1, 300)
	}
	n.get("style").optional(func(s node) { s.oneOf("primary", "danger") })
}

// option is a choice of a menu. Only those of an overflow menu may carry an
// address; only those of checkboxes and radio buttons may use mrkdwn.
func option(n node, owner string) {
	if !n.isObject() {
		return
	}
	rich := owner == "checkboxes" || owner == "radio_buttons"
	judge := node.plain
	if rich {
		judge = node.text
	}
	if n.get("text").required() {
		judge(n.get("text"), 1, 75)
	}
	n.get("value").str(1, 75)
	n.get("description").optional(func(d node) { judge(d, 1, 75) })
	n.get("url").optional(func(u node) {
		if owner != "overflow" {
			u.fail("only options of overflow menus have a url")
		}
		u.str(1, 3000)
	})
}

// options judges options or option_groups of a menu.
func options(n node) {
	plain, groups := n.get("options"), n.get("option_groups")
	switch {
	case !plain.given() && !groups.given():
		n.fail("one of options and option_groups is required")
	case plain.given() && groups.given():
		n.fail("only one of options and option_groups is allowed")
	}
	plain.optional(func(o node) { optionList(o, "select", 100) })
	groups.optional(func(g node) {
		for _, group := range g.items(1, 100) {
			if group.get("label").required() {
				group.get("label").plain(1, 75)
			}
			optionList(group.get("options"), "select", 100)
		}
	})
}

func optionList(n node, owner string, most int) {
	for _, o := range n.items(1, most) {
		option(o, owner)
	}
}

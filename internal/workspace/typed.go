package workspace

import (
	"regexp"
	"slices"
	"strings"
)

// What people type, in Slack's two forms: text with references and entities,
// and rich text blocks.

var (
	// typedEntity is a mention by name, or a reference already in Slack's own
	// form, or a character Slack escapes.
	typedEntity = regexp.MustCompile(`<[@#!][A-Za-z0-9^|_.\-]+>|[@#][\p{L}\p{N}._-]+|[&<>]`)
	// encodedReference is a reference in Slack's form: sign, id, label.
	encodedReference = regexp.MustCompile(`<([@#!])([^|>]+)(?:\|[^>]*)?>`)
	entities         = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// encode turns what a person types into Slack's form: names of people, user
// groups and channels into references, and &, < and > into entities. With
// labels the references carry names, as in commands that asked for it.
func (w *Workspace) encode(text string, labels bool) string {
	return typedEntity.ReplaceAllStringFunc(text, func(found string) string {
		switch found {
		case "&":
			return "&amp;"
		case "<":
			return "&lt;"
		case ">":
			return "&gt;"
		}
		if found[0] == '<' {
			return found
		}
		name := strings.TrimRight(found[1:], ".-_")
		reference := w.reference(found[0], name, labels)
		if reference == "" {
			return found
		}
		return reference + found[1+len(name):]
	})
}

// reference is Slack's form of @name or #name, or empty when there is none.
func (w *Workspace) reference(sign byte, name string, label bool) string {
	wrap := func(id, name string) string {
		if label {
			return "<" + id + "|" + name + ">"
		}
		return "<" + id + ">"
	}
	if sign == '#' {
		c := w.channelNamed(name)
		switch {
		case c == nil:
			return ""
		case c.IsPrivate:
			return "<#" + c.ID + "|>"
		}
		return "<#" + c.ID + "|" + c.Name + ">"
	}
	if slices.Contains([]string{"here", "channel", "everyone"}, name) {
		return "<!" + name + ">"
	}
	if p := w.personNamed(name); p != nil {
		return wrap("@"+p.ID, p.Name)
	}
	for _, g := range w.groups {
		if g.Handle == name {
			return wrap("!subteam^"+g.ID, "@"+g.Handle)
		}
	}
	return ""
}

// typedBlocks is the rich text block that Slack's own clients send along with
// the text of a message. The page shows the text.
func typedBlocks(ts, text string) []any {
	elements := []any{}
	add := func(text string) {
		if text != "" {
			elements = append(elements, obj{"type": "text", "text": entities.Replace(text)})
		}
	}
	at := 0
	for _, m := range encodedReference.FindAllStringSubmatchIndex(text, -1) {
		add(text[at:m[0]])
		at = m[1]
		elements = append(elements, richReference(text[m[2]:m[3]], text[m[4]:m[5]]))
	}
	add(text[at:])
	return []any{obj{"type": "rich_text", "block_id": "t" + ts, "elements": []any{
		obj{"type": "rich_text_section", "elements": elements},
	}}}
}

func richReference(sign, id string) obj {
	group, isGroup := strings.CutPrefix(id, "subteam^")
	switch {
	case sign == "@":
		return obj{"type": "user", "user_id": id}
	case sign == "#":
		return obj{"type": "channel", "channel_id": id}
	case isGroup:
		return obj{"type": "usergroup", "usergroup_id": group}
	}
	return obj{"type": "broadcast", "range": id}
}

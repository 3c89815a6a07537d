package blockkit

// richText is a rich_text block, or a rich text inside another block or cell.
// Slack publishes no size limit; empty texts are refused.
func richText(b node) {
	for _, e := range b.get("elements").items(0, unbounded) {
		richPart(e)
	}
}

func richPart(e node) {
	if !e.isObject() {
		return
	}
	switch e.get("type").oneOf("rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted") {
	case "rich_text_list":
		e.get("style").oneOf("bullet", "ordered")
		e.get("indent").optional(func(i node) { i.integer(0, 8) })
		e.get("border").optional(func(i node) { i.integer(0, 1) })
		e.get("offset").optional(func(i node) { i.integer(0, unbounded) })
		for _, item := range e.get("elements").items(0, unbounded) {
			if item.isObject() && item.get("type").oneOf("rich_text_section") != "" {
				richWords(item.get("elements"))
			}
		}
	case "rich_text_preformatted":
		e.get("language").optional(func(l node) { l.str(0, 255) })
		richWords(e.get("elements"))
	case "rich_text_section", "rich_text_quote":
		richWords(e.get("elements"))
	}
}

// richWords are the leaves of rich text.
func richWords(n node) {
	for _, e := range n.items(0, unbounded) {
		if !e.isObject() {
			continue
		}
		field := map[string]string{
			"text": "text", "link": "url", "emoji": "name", "user": "user_id", "usergroup": "usergroup_id",
			"channel": "channel_id", "broadcast": "range", "color": "value", "date": "timestamp", "team": "team_id",
		}
		kind, _ := e.get("type").v.(string)
		switch name, known := field[kind]; {
		case !known:
			e.get("type").fail("unsupported type: %s", kind)
		case kind == "date":
			if e.get(name).required() {
				e.get(name).integer(0, unbounded*4)
			}
			e.get("format").str(1, 255)
		case kind == "broadcast":
			e.get(name).oneOf("here", "channel", "everyone")
		default:
			e.get(name).str(1, unbounded)
		}
		e.get("style").optional(func(s node) { s.isObject() })
	}
}

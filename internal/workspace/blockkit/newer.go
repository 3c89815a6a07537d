package blockkit

// newerBlockTypes are the blocks of 2026. Not every workspace shows them, so a
// bot that sends one needs a fallback.
func newerBlockTypes() map[string]blockType {
	return map[string]blockType{
		"data_table":         {message, dataTable},
		"context_actions":    {message, contextActions},
		"task_card":          {message, taskCard},
		"plan":               {message, plan},
		"alert":              {modal, alert},
		"card":               {message | home, card},
		"carousel":           {message | home, carousel},
		"container":          {message | modal, container},
		"data_visualization": {message, dataVisualization},
	}
}

func taskCard(b node) {
	b.get("task_id").str(1, 255)
	b.get("title").str(1, unbounded)
	b.get("status").optional(func(s node) { s.oneOf("pending", "in_progress", "complete", "error") })
	b.get("hide_title").optional(node.boolean)
	for _, part := range []string{"details", "output"} {
		b.get(part).optional(func(r node) {
			if r.isObject() && r.get("type").oneOf("rich_text") != "" {
				richText(r)
			}
		})
	}
	b.get("sources").optional(func(s node) {
		for _, source := range s.items(0, unbounded) {
			source.get("url").str(1, 3000)
			source.get("text").str(1, unbounded)
		}
	})
}

func plan(b node) {
	b.get("title").str(1, unbounded)
	b.get("tasks").optional(func(t node) {
		for _, task := range t.items(0, MaxMessageBlocks) {
			taskCard(task)
		}
	})
}

func alert(b node) {
	if b.get("text").required() {
		b.get("text").text(1, 200)
	}
	b.get("level").optional(func(l node) { l.oneOf("default", "info", "warning", "error", "success") })
}

func card(b node) {
	for _, part := range []struct {
		name string
		most int
	}{{"title", 150}, {"subtitle", 150}, {"body", 200}, {"subtext", 200}} {
		b.get(part.name).optional(func(t node) { t.text(1, part.most) })
	}
	for _, part := range []string{"hero_image", "icon"} {
		b.get(part).optional(imageElement)
	}
	seen := map[string]string{}
	b.get("actions").optional(func(a node) {
		for _, e := range a.items(1, 3) {
			e.element(inActions, seen)
		}
	})
}

func carousel(b node) {
	for _, c := range b.get("elements").items(1, 10) {
		if c.isObject() && c.get("type").oneOf("card") != "" {
			card(c)
		}
	}
}

func container(b node) {
	if !b.get("title").given() && !b.get("rich_text_title").given() {
		b.fail("one of title and rich_text_title is required")
	}
	b.get("title").optional(func(t node) { t.plain(1, 150) })
	b.get("subtitle").optional(func(t node) { t.text(1, 150) })
	b.get("rich_text_title").optional(richText)
	b.get("icon").optional(imageElement)
	b.get("is_collapsible").optional(node.boolean)
	all := blockTypes()
	inside := map[string]blockType{}
	for _, kind := range []string{"actions", "context", "divider", "header", "image", "input", "rich_text", "section", "table", "video"} {
		inside[kind] = all[kind]
	}
	for _, child := range b.get("child_blocks").items(1, 10) {
		b.d.block(child, inside)
	}
}

func dataVisualization(b node) {
	b.get("title").str(1, 50)
	chart := b.get("chart")
	if !chart.required() || !chart.isObject() {
		return
	}
	switch chart.get("type").oneOf("pie", "bar", "area", "line") {
	case "pie":
		for _, s := range chart.get("segments").items(1, 12) {
			s.get("label").str(1, 20)
			s.get("value").number()
		}
	case "bar", "area", "line":
		series(chart)
	}
}

// series judges the data of a chart with axes: one point per category.
func series(chart node) {
	axis := chart.get("axis_config")
	if !axis.required() || !axis.isObject() {
		return
	}
	categories := axis.get("categories").items(1, 20)
	for _, c := range categories {
		c.str(1, 20)
	}
	for _, label := range []string{"x_label", "y_label"} {
		axis.get(label).optional(func(l node) { l.str(0, 50) })
	}
	seen := map[string]string{}
	for _, s := range chart.get("series").items(1, 12) {
		s.get("name").str(1, 20)
		s.get("name").unique(seen)
		for _, p := range s.get("data").items(len(categories), len(categories)) {
			p.get("label").str(1, 20)
			p.get("value").number()
		}
	}
}

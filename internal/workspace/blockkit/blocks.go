package blockkit

import "maps"

// blockType says where a block may stand and how it is judged.
type blockType struct {
	on    surface
	judge func(node)
}

const (
	everywhere = message | modal | home
	// unbounded is for lists and texts without a published limit.
	unbounded = 1 << 30
)

// blockTypes are the blocks a bot may send. The types "file" and "call" are
// only received.
func blockTypes() map[string]blockType {
	all := map[string]blockType{
		"section":   {everywhere, section},
		"header":    {everywhere, header},
		"divider":   {everywhere, func(node) {}},
		"context":   {everywhere, contextBlock},
		"actions":   {everywhere, actions},
		"image":     {everywhere, imageBlock},
		"input":     {everywhere, input},
		"rich_text": {everywhere, richText},
		"markdown":  {message, markdown},
		"table":     {message, table},
		"video":     {everywhere, video},
	}
	maps.Copy(all, newerBlockTypes())
	return all
}

// blocks judges a list of blocks.
func (d *document) blocks(n node, most int) {
	if !n.given() {
		return
	}
	types := blockTypes()
	for _, b := range n.items(0, most) {
		d.block(b, types)
		d.content += contentOf(b.v)
	}
}

func (d *document) block(b node, types map[string]blockType) {
	if !b.isObject() || !b.get("type").required() {
		return
	}
	kind, _ := b.get("type").v.(string)
	known, ok := types[kind]
	switch {
	case !ok:
		b.get("type").fail("unsupported type: %s", kind)
		return
	case known.on&d.surface == 0:
		b.get("type").fail("blocks of type %s are not shown in %s", kind, d.surface)
		return
	}
	b.get("block_id").optional(func(id node) {
		id.str(0, MaxID)
		if d.blockIDs == nil {
			d.blockIDs = map[string]string{}
		}
		id.unique(d.blockIDs)
	})
	known.judge(b)
}

func section(b node) {
	if !b.get("text").given() && !b.get("fields").given() {
		b.fail("one of text and fields is required")
	}
	b.get("text").optional(func(t node) { t.text(1, 3000) })
	b.get("fields").optional(func(f node) {
		for _, field := range f.items(1, 10) {
			field.text(1, 2000)
		}
	})
	b.get("expand").optional(node.boolean)
	b.get("accessory").optional(func(a node) { a.element(inSection, nil) })
}

func header(b node) {
	if b.get("text").required() {
		b.get("text").plain(1, 150)
	}
	b.get("level").optional(func(l node) { l.integer(1, 4) })
}

func contextBlock(b node) {
	for _, e := range b.get("elements").items(1, 10) {
		if e.get("type").v == "image" {
			imageElement(e)
			continue
		}
		e.text(1, 3000)
	}
}

func actions(b node) {
	seen := map[string]string{}
	for _, e := range b.get("elements").items(1, 25) {
		e.element(inActions, seen)
	}
}

func imageBlock(b node) {
	imageElement(b)
	b.get("title").optional(func(t node) { t.plain(1, 2000) })
}

// imageElement is what an image block and an image element share.
func imageElement(n node) {
	if !n.isObject() {
		return
	}
	if !n.get("image_url").given() && !n.get("slack_file").given() {
		n.fail("one of image_url and slack_file is required")
	}
	n.get("image_url").optional(func(u node) { u.str(1, 3000) })
	n.get("alt_text").str(1, 2000)
}

func input(b node) {
	b.d.inputs = true
	if b.get("label").required() {
		b.get("label").plain(1, 2000)
	}
	b.get("hint").optional(func(h node) { h.plain(1, 2000) })
	b.get("optional").optional(node.boolean)
	b.get("dispatch_action").optional(node.boolean)
	if b.get("element").required() {
		b.get("element").element(inInput, nil)
	}
}

func markdown(b node) {
	text := b.get("text").str(1, MaxMarkdown)
	b.d.markdown += len([]rune(text))
}

func video(b node) {
	b.get("alt_text").str(1, 2000)
	if b.get("title").required() {
		b.get("title").plain(1, 199)
	}
	b.get("video_url").str(1, 3000)
	b.get("thumbnail_url").str(1, 3000)
	b.get("author_name").optional(func(a node) { a.str(0, 49) })
	b.get("provider_name").optional(func(p node) { p.str(0, 49) })
	b.get("description").optional(func(t node) { t.plain(1, 199) })
}

// contentOf counts the characters people read in a block: texts, captions and
// titles, at any depth, but not the options of menus or confirm dialogs.
func contentOf(v any) int {
	n := 0
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			n += contentOf(item)
		}
	case map[string]any:
		for key, item := range v {
			switch key {
			case "options", "option_groups", "confirm", "placeholder", "value", "block_id", "action_id", "type":
				continue
			}
			if s, ok := item.(string); ok {
				if key == "text" || key == "caption" || key == "title" || key == "label" {
					n += len([]rune(s))
				}
				continue
			}
			n += contentOf(item)
		}
	}
	return n
}

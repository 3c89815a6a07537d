package bot

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/message"
)

// Form says which blocks a message may use. When Slack refuses one, the next
// is tried: every block newer than the table was refused somewhere once.
type Form int

// The forms, richest first.
const (
	Rich    Form = iota // rich text and one table
	NoTable             // rich text; tables as aligned text
	Bare                // unformatted sections and buttons only
)

// Look says how a message is to be rendered.
type Look struct {
	Form Form
	// Stamp makes the ids of the blocks new for each version, as Slack asks.
	Stamp string
	// NoButtons leaves the buttons out.
	NoButtons bool
}

// Rendered is a message for Slack, within every limit.
type Rendered struct {
	// Text is the headline: the phone's notification.
	Text   string
	Blocks []slack.Block
	// HasTable says whether a poorer form would differ in its tables.
	HasTable bool
}

// Render makes Block Kit of a message. Whatever the message holds, the result
// keeps within Slack's limits: what has no room is left out and counted.
func Render(m message.Message, look Look) Rendered {
	c := &canvas{look: look, chars: budget, rooms: maxBlocks, verbs: map[string]int{}}
	// The end is drawn first: a decision must not lose its buttons to a table.
	c.buttons(m.Actions)
	c.context(m.Context)
	tail := c.blocks
	c.blocks = nil
	c.headline(m)
	c.body(m.Parts)
	if len(c.blocks) == 0 {
		c.text(fallback(m)) // every part turned out to be empty
	}
	return Rendered{Text: fallback(m), Blocks: append(c.blocks, tail...), HasTable: c.table}
}

// fallback is the headline as text for notifications and for clients that
// show no blocks. It is sent with markup switched off, and escaped all the same.
func fallback(m message.Message) string {
	text := strings.TrimSpace(plainLine(m.Headline))
	for i := 0; text == "" && i < len(m.Parts); i++ {
		for _, l := range m.Parts[i].Lines {
			text = strings.TrimSpace(text + " " + plainLine(l))
		}
	}
	setZero(&text, "(no text)")
	for limit := maxFallback; ; limit = limit * 3 / 4 {
		if escaped := escapeInline(cut(text, limit)); size(escaped) <= maxFallback {
			return escaped
		}
	}
}

// canvas is a message being rendered: the blocks so far and what is left of
// the limits.
type canvas struct {
	look   Look
	blocks []slack.Block
	chars  int
	rooms  int
	table  bool
	cut    bool // something was left out
	count  int
	verbs  map[string]int // uses of a verb, to keep action ids apart
}

// reserve is kept back for the notes that say what was left out.
const (
	reserve      = 400
	reserveRooms = 3
)

// room is how many characters a further block may have, 0 for no block.
func (c *canvas) room() int {
	if c.rooms <= reserveRooms {
		return 0
	}
	return max(0, min(maxText, c.chars-blockCost-reserve))
}

func (c *canvas) id() string {
	c.count++
	return fmt.Sprintf("%s-%d", head(clean(c.look.Stamp), 100), c.count)
}

func (c *canvas) add(b slack.Block, cost int) {
	c.blocks = append(c.blocks, b)
	c.chars -= cost + blockCost
	c.rooms--
}

// note says that something was left out. It may use the reserve.
func (c *canvas) note(format string, args ...any) {
	c.cut = true
	text := fmt.Sprintf(format, args...)
	if text == "" || c.rooms < 1 || c.chars < size(text)+blockCost+elementCost {
		return
	}
	c.text(text)
}

// text adds a paragraph of our own words.
func (c *canvas) text(text string) {
	if c.look.Form == Bare {
		c.add(textBlock(c.id(), text), size(text))
		return
	}
	c.add(paragraph(c.id(), []slack.RichTextSectionElement{textElement(text, nil)}), size(text)+elementCost)
}

func (c *canvas) headline(m message.Message) {
	if strings.TrimSpace(plainLine(m.Headline)) == "" && len(m.Parts) > 0 {
		return // nothing to say before the parts
	}
	if c.look.Form == Bare {
		line := cut(strings.TrimSpace(plainLine(m.Headline)), c.room())
		setZero(&line, fallback(m))
		c.add(textBlock(c.id(), line), size(line))
		return
	}
	es, cost, _ := elements(m.Headline, true, c.room())
	if len(es) == 0 {
		c.text(fallback(m))
		return
	}
	c.add(paragraph(c.id(), es), cost)
}

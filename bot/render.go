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
		if escaped := Escape(cut(text, limit)); size(escaped) <= maxFallback {
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

func (c *canvas) body(parts []message.Part) {
	for i, p := range parts {
		if !c.part(p) {
			if left := len(parts) - i; left > 1 {
				c.note("… and %d more parts that do not fit into one message", left)
			} else {
				c.note("… and one more part that does not fit into one message")
			}
			return
		}
	}
}

// part adds one piece of the body and reports whether any of it had room.
func (c *canvas) part(p message.Part) bool {
	switch {
	case p.Table != nil:
		return c.addTable(*p.Table)
	case p.Code != "":
		return c.code(p.Code)
	case len(p.Actions) > 0:
		if c.room() == 0 {
			return false
		}
		c.buttons(p.Actions)
		return true
	}
	return c.lines(p.Lines)
}

// lines adds lines of text, as many to a block as fit.
func (c *canvas) lines(lines []message.Line) bool {
	var es []slack.RichTextSectionElement
	cost := 0
	flush := func() {
		if len(es) > 0 {
			c.add(paragraph(c.id(), es), cost)
		}
		es, cost = nil, 0
	}
	if c.look.Form == Bare {
		var plain []string
		for _, l := range lines {
			plain = append(plain, plainLine(l))
		}
		return c.plain(strings.Join(plain, "\n"), false)
	}
	for i, l := range lines {
		if c.room() < 40 {
			flush()
			c.note("… and %d more lines", len(lines)-i)
			return i > 0
		}
		more, need, fits := elements(l, false, c.room()-cost)
		if !fits && cost > 0 { // begin a block of its own
			flush()
			if c.room() < 40 {
				c.note("… and %d more lines", len(lines)-i)
				return true
			}
			more, need, _ = elements(l, false, c.room())
		}
		if cost > 0 {
			es, cost = append(es, textElement("\n", nil)), cost+1+elementCost
		}
		es, cost = append(es, more...), cost+need
		if cost > c.room()-50 {
			flush()
		}
	}
	flush()
	return true
}

// code adds preformatted text.
func (c *canvas) code(text string) bool {
	text = strings.Trim(strings.ReplaceAll(clean(text), "\t", "    "), "\n")
	if strings.TrimSpace(text) == "" {
		return true
	}
	return c.plain(text, true)
}

// plain adds text that keeps its line ends, in as many blocks as there is room
// for, and counts the lines that are left out.
func (c *canvas) plain(text string, mono bool) bool {
	if strings.TrimSpace(text) == "" {
		return true
	}
	for placed := false; ; placed = true {
		room := c.room()
		if room < 40 {
			if placed {
				c.note("… and %d more lines", strings.Count(text, "\n")+1)
			}
			return placed
		}
		piece := pieces(text, room-elementCost)[0]
		rest := strings.TrimPrefix(text[len(piece):], "\n")
		if strings.TrimSpace(piece) != "" {
			if mono && c.look.Form != Bare {
				c.add(preformatted(c.id(), piece), size(piece)+elementCost)
			} else {
				c.add(textBlock(c.id(), piece), size(piece))
			}
		}
		if strings.TrimSpace(rest) == "" {
			return true
		}
		text = rest
	}
}

// context adds the small print as one line.
func (c *canvas) context(lines []message.Line) {
	var kept []string
	left := maxContext
	for _, l := range lines {
		text := strings.TrimSpace(markup(l, left/2))
		if c.look.Form == Bare {
			text = strings.TrimSpace(cut(plainLine(l), left/2))
		}
		if text == "" || size(text)+3 > left {
			continue
		}
		kept, left = append(kept, text), left-size(text)-3
	}
	text := strings.Join(kept, " · ")
	switch {
	case text == "":
	case c.look.Form == Bare:
		c.add(textBlock(c.id(), text), size(text))
	default:
		c.add(smallPrint(c.id(), text), size(text))
	}
}

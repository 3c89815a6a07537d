package bot

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/message"
)

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

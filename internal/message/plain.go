package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// PlainText is the message for a terminal or a log: no colours, tables
// aligned, control characters of foreign text made visible so that they cannot
// drive a terminal.
func (m Message) PlainText() string {
	var b strings.Builder
	line := func(indent string, l Line) { b.WriteString(indent + inert(l.String()) + "\n") }
	line("", m.Headline)
	for _, p := range m.Parts {
		for _, l := range p.Lines {
			line("  ", l)
		}
		if p.Table != nil {
			p.Table.writeTo(&b)
		}
		for _, l := range strings.Split(p.Code, "\n") {
			if p.Code != "" {
				b.WriteString("    " + inert(l) + "\n")
			}
		}
		writeActions(&b, p.Actions)
	}
	for _, l := range m.Context {
		line("  ", l)
	}
	for _, f := range m.Files {
		b.WriteString("  file: " + inert(f.Name) + "\n")
	}
	writeActions(&b, m.Actions)
	return b.String()
}

func writeActions(b *strings.Builder, actions []Action) {
	if len(actions) == 0 {
		return
	}
	b.WriteString(" ")
	for _, a := range actions {
		b.WriteString(" [" + inert(a.Label) + "]")
	}
	b.WriteString("\n")
}

func (t *Table) writeTo(b *strings.Builder) {
	widths := make([]int, len(t.Columns))
	cells := func(row []string) []string {
		out := make([]string, len(t.Columns))
		for i := range out {
			if i < len(row) {
				out[i] = clip(inert(row[i]), 40)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(out[i]))
		}
		return out
	}
	head := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		head[i] = c.Name
	}
	rows := [][]string{cells(head)}
	for _, r := range t.Rows {
		rows = append(rows, cells(r))
	}
	for _, r := range rows {
		b.WriteString("   ")
		for i, cell := range r {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if t.Columns[i].Numeric {
				cell = pad + cell
			} else {
				cell += pad
			}
			b.WriteString(" " + cell + " ")
		}
		b.WriteString("\n")
	}
}

func clip(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}

// inert replaces what could move a cursor, hide text or turn its direction.
func inert(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '·'
		}
		return r
	}, s)
}

package bot

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/integritybot/integritybot/internal/message"
)

// maxGridRows is more rows than any one message can show.
const maxGridRows = 200

// Widths that are tried for a cell, in characters, until all rows fit.
var cellWidths = []int{300, 120, 50, 20}

// grid is a table as text: cleaned, of equal width, without empty cells.
type grid struct {
	names   []string
	numeric []bool
	rows    [][]string
	hidden  int   // columns left out
	total   int64 // rows there are in all
}

func newGrid(t message.Table) grid {
	g := grid{total: max(t.Total, int64(len(t.Rows)))}
	for i, col := range t.Columns {
		if i == maxColumns {
			g.hidden = len(t.Columns) - maxColumns
			break
		}
		g.names = append(g.names, cell(col.Name, cellWidths[2]))
		g.numeric = append(g.numeric, col.Numeric)
	}
	for _, r := range t.Rows[:min(len(t.Rows), maxGridRows)] {
		row := make([]string, len(g.names))
		for i := range row {
			row[i] = " "
			if i < len(r) {
				row[i] = cell(r[i], cellWidths[0])
			}
		}
		g.rows = append(g.rows, row)
	}
	return g
}

// cell is one value on one line; Slack refuses an empty one.
func cell(s string, width int) string {
	s = cut(foreign(head(s, 4*width)), width)
	setZero(&s, " ")
	return s
}

// addTable adds a table as a table block if this message has none yet, else as
// aligned text.
func (c *canvas) addTable(t message.Table) bool {
	g := newGrid(t)
	if len(g.names) == 0 {
		return true
	}
	if c.look.Form == Rich && !c.table {
		if ok := c.tableBlock(g); ok {
			return true
		}
	}
	return c.tableText(g)
}

// tableBlock adds the rows that fit under the heading, in the widest cells that
// let all of them in.
func (c *canvas) tableBlock(g grid) bool {
	room := min(maxCells, c.chars-blockCost-reserve)
	if c.rooms <= reserveRooms {
		return false
	}
	rows, cost := g.fit(room)
	if len(rows) == 0 || len(rows) == 1 && len(g.rows) > 0 {
		return false // no room for the heading, or for any row under it
	}
	block := slack.NewTableBlock(c.id())
	for _, row := range rows {
		cells := make([]slack.TableCell, len(row))
		for i, text := range row {
			cells[i] = slack.NewTableRawTextCell(text) // raw_number is refused in some workspaces
		}
		block.AddRow(cells...)
	}
	for _, numeric := range g.numeric {
		align := slack.ColumnAlignmentLeft
		if numeric {
			align = slack.ColumnAlignmentRight
		}
		block.ColumnSettings = append(block.ColumnSettings, slack.ColumnSetting{Align: align, IsWrapped: !numeric})
	}
	c.add(block, cost)
	c.table = true
	c.note("%s", g.leftOut(len(rows)-1))
	return true
}

// tableText adds the rows that fit as aligned text.
func (c *canvas) tableText(g grid) bool {
	room := c.room() - elementCost
	if room < 100 {
		return false
	}
	shown := len(g.rows)
	text := g.align(shown)
	for size(text) > room && shown > 0 {
		shown = min(shown-1, shown*room/size(text))
		text = g.align(shown)
	}
	if size(text) > room {
		return false
	}
	if c.look.Form == Bare {
		c.add(textBlock(c.id(), text), size(text))
	} else {
		c.add(preformatted(c.id(), text), size(text)+elementCost)
	}
	c.note("%s", g.leftOut(shown))
	return true
}

// fit is the heading and as many rows as fit into room characters.
func (g grid) fit(room int) (rows [][]string, cost int) {
	for _, width := range cellWidths {
		rows, cost = [][]string{g.names}, rowCost(g.names, width)
		for _, r := range g.rows {
			need := rowCost(r, width)
			if cost+need > room || len(rows) == maxRows {
				break
			}
			rows, cost = append(rows, narrow(r, width)), cost+need
		}
		if len(rows) > len(g.rows) || len(rows) == maxRows {
			break
		}
	}
	if cost > room {
		return nil, 0
	}
	return rows, cost
}

func rowCost(row []string, width int) int {
	cost := 0
	for _, text := range row {
		cost += min(size(text), width) + elementCost
	}
	return cost
}

func narrow(row []string, width int) []string {
	out := make([]string, len(row))
	for i, text := range row {
		out[i] = cut(text, width)
	}
	return out
}

// align is the heading and the first n rows as text in columns.
func (g grid) align(n int) string {
	const most = 60 // a wider column would push the others off the screen
	widths := make([]int, len(g.names))
	for _, row := range append([][]string{g.names}, g.rows[:n]...) {
		for i, text := range row {
			widths[i] = max(widths[i], min(utf8.RuneCountInString(text), most))
		}
	}
	var b strings.Builder
	line := func(row []string) {
		var cells []string
		for i, text := range row {
			text = cut(text, most)
			pad := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(text)))
			if g.numeric[i] {
				cells = append(cells, pad+text)
			} else {
				cells = append(cells, text+pad)
			}
		}
		b.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
	}
	line(g.names)
	var rule []string
	for _, w := range widths {
		rule = append(rule, strings.Repeat("─", w))
	}
	line(rule)
	for _, row := range g.rows[:n] {
		line(row)
	}
	return strings.TrimRight(b.String(), "\n")
}

// leftOut says what of the table is not shown; "" when all of it is.
func (g grid) leftOut(shown int) string {
	var parts []string
	if n := g.total - int64(shown); n > 0 {
		parts = append(parts, fmt.Sprintf("%s more rows", thousands(n)))
	}
	if g.hidden > 0 {
		parts = append(parts, fmt.Sprintf("%d more columns", g.hidden))
	}
	if len(parts) == 0 {
		return ""
	}
	return "… and " + strings.Join(parts, " and ")
}

// thousands writes n with separators: 3,000,000.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

package blockkit

// Limits of tables.
const (
	MaxTableRows    = 100
	MaxTableColumns = 20
	// MaxTableContent is in characters, over all cells.
	MaxTableContent = 10_000
	maxDataRows     = 101 // with the header
)

func table(b node) {
	b.d.tables = append(b.d.tables, b)
	total := 0
	for _, row := range b.get("rows").items(1, MaxTableRows) {
		for _, c := range row.items(1, MaxTableColumns) {
			cell(c, "raw_text", "rich_text", "raw_number")
			total += cellContent(c)
		}
	}
	if total > MaxTableContent {
		b.get("rows").fail("must have less than %d characters over all cells, has %d", MaxTableContent+1, total)
	}
	b.get("column_settings").optional(func(s node) {
		for _, column := range s.items(0, MaxTableColumns) {
			if column.v == nil {
				continue // a column without settings
			}
			if !column.isObject() {
				continue
			}
			column.get("align").optional(func(a node) { a.oneOf("left", "center", "right") })
			column.get("is_wrapped").optional(node.boolean)
		}
	})
}

// cell is a table's cell. An empty text is refused; a space is not.
func cell(c node, kinds ...string) {
	if !c.isObject() {
		return
	}
	switch c.get("type").oneOf(kinds...) {
	case "raw_text":
		c.get("text").str(1, unbounded)
	case "raw_number":
		if c.get("value").required() {
			c.get("value").number()
		}
		c.get("text").optional(func(t node) { t.str(1, unbounded) })
	case "rich_text":
		richText(c)
	case "action":
		if c.get("element").required() {
			c.get("element").element(inActions, nil)
		}
	}
}

func cellContent(c node) int { return contentOf(c.v) }

func dataTable(b node) {
	b.d.tables = append(b.d.tables, b)
	b.get("caption").str(1, unbounded)
	b.get("page_size").optional(func(p node) { p.integer(1, 100) })
	total, width := 0, -1
	for i, row := range b.get("rows").items(2, maxDataRows) {
		cells := row.items(1, MaxTableColumns)
		if width < 0 {
			width = len(cells)
		}
		if len(cells) != width {
			row.fail("must have %s like the header row", items(width))
		}
		for _, c := range cells {
			kinds := []string{"raw_text", "raw_number", "rich_text", "action"}
			if i == 0 {
				kinds = []string{"raw_text", "raw_number"}
			}
			cell(c, kinds...)
			total += cellContent(c)
		}
	}
	if total > MaxTableContent {
		b.get("rows").fail("must have less than %d characters over all cells, has %d", MaxTableContent+1, total)
	}
	b.get("row_header_column_index").optional(func(n node) { n.integer(0, max(0, width-1)) })
}

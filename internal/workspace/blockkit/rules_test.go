package blockkit_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/workspace/blockkit"
)

// Rules other than upper limits: each row is refused at pointer.
func TestRefusedMessages(t *testing.T) {
	section := m{"type": "section", "text": mrkdwn("hello")}
	table := func(c any) any { return blocks(tableOf(l{l{c}})) }
	rows := []struct {
		name, pointer, code string
		message             any
	}{
		{"not an object", "", blockkit.CodeInvalidBlocks, "text"},
		{"blocks are no list", "/blocks", blockkit.CodeInvalidBlocks, m{"blocks": m{}}},
		{"block without type", "/blocks/0/type", blockkit.CodeInvalidBlocks, blocks(m{"text": "x"})},
		{"unknown block", "/blocks/0/type", blockkit.CodeInvalidBlocks, blocks(m{"type": "marquee"})},
		{"received only", "/blocks/0/type", blockkit.CodeInvalidBlocks, blocks(m{"type": "file"})},
		{"alert outside modals", "/blocks/0/type", blockkit.CodeInvalidBlocks, blocks(m{"type": "alert", "text": plainText("x")})},
		{"block_id twice", "/blocks/1/block_id", blockkit.CodeInvalidBlocks, blocks(with(section, "block_id", "a"), with(section, "block_id", "a"))},
		{"action_id twice in a block", "/blocks/0/elements/1/action_id", blockkit.CodeInvalidBlocks, inActions(buttonWith("action_id", "a"), buttonWith("action_id", "a"))},
		{"section without text and fields", "/blocks/0", blockkit.CodeInvalidBlocks, blocks(m{"type": "section"})},
		{"empty section text", "/blocks/0/text/text", blockkit.CodeInvalidBlocks, blocks(m{"type": "section", "text": mrkdwn("")})},
		{"text of a wrong type", "/blocks/0/text/type", blockkit.CodeInvalidBlocks, blocks(m{"type": "section", "text": m{"type": "markdown", "text": "x"}})},
		{"text that is a string", "/blocks/0/text", blockkit.CodeInvalidBlocks, blocks(m{"type": "section", "text": "x"})},
		{"emoji on mrkdwn", "/blocks/0/text/emoji", blockkit.CodeInvalidBlocks, blocks(m{"type": "section", "text": with(mrkdwn("x"), "emoji", true)})},
		{"header in mrkdwn", "/blocks/0/text/type", blockkit.CodeInvalidBlocks, blocks(m{"type": "header", "text": mrkdwn("x")})},
		{"header level 0", "/blocks/0/level", blockkit.CodeInvalidBlocks, blocks(m{"type": "header", "text": plainText("x"), "level": 0})},
		{"no context elements", "/blocks/0/elements", blockkit.CodeInvalidBlocks, blocks(m{"type": "context", "elements": l{}})},
		{"no action elements", "/blocks/0/elements", blockkit.CodeInvalidBlocks, inActions()},
		{"image without source", "/blocks/0", blockkit.CodeInvalidBlocks, blocks(m{"type": "image", "alt_text": "a"})},
		{"image without alt text", "/blocks/0/alt_text", blockkit.CodeInvalidBlocks, blocks(m{"type": "image", "image_url": "u"})},
		{"button text in mrkdwn", "/blocks/0/elements/0/text/type", blockkit.CodeInvalidBlocks, inActions(buttonWith("text", mrkdwn("x")))},
		{"button without text", "/blocks/0/elements/0/text", blockkit.CodeInvalidBlocks, inActions(m{"type": "button"})},
		{"unknown style", "/blocks/0/elements/0/style", blockkit.CodeInvalidBlocks, inActions(buttonWith("style", "warning"))},
		{"confirm without deny", "/blocks/0/elements/0/confirm/deny", blockkit.CodeInvalidBlocks, inActions(confirmWith("deny", nil))},
		{"confirm style", "/blocks/0/elements/0/confirm/style", blockkit.CodeInvalidBlocks, inActions(confirmWith("style", "red"))},
		{"url on an option of a select", "/blocks/0/elements/0/options/0/url", blockkit.CodeInvalidBlocks, inActions(m{"type": "static_select", "options": l{with(choiceOf("o", "v"), "url", "u")}})},
		{"select without options", "/blocks/0/elements/0", blockkit.CodeInvalidBlocks, inActions(m{"type": "static_select"})},
		{"select with options and groups", "/blocks/0/elements/0", blockkit.CodeInvalidBlocks, inActions(m{"type": "static_select", "options": choices(1), "option_groups": l{m{"label": plainText("g"), "options": choices(1)}}})},
		{"max_selected_items 0", "/blocks/0/accessory/max_selected_items", blockkit.CodeInvalidBlocks, blocks(with(section, "accessory", m{"type": "multi_users_select", "max_selected_items": 0}))},
		{"text input among actions", "/blocks/0/elements/0/type", blockkit.CodeInvalidBlocks, inActions(m{"type": "plain_text_input"})},
		{"number input in a message", "/blocks/0/element/type", blockkit.CodeInvalidBlocks, blocks(inputOf(m{"type": "number_input", "is_decimal_allowed": false}))},
		{"empty table cell", "/blocks/0/rows/0/0/text", blockkit.CodeInvalidBlocks, table(m{"type": "raw_text", "text": ""})},
		{"unknown table cell", "/blocks/0/rows/0/0/type", blockkit.CodeInvalidBlocks, table(m{"type": "text", "text": "x"})},
		{"table number that is text", "/blocks/0/rows/0/0/value", blockkit.CodeInvalidBlocks, table(m{"type": "raw_number", "value": "1"})},
		{"empty text in a rich cell", "/blocks/0/rows/0/0/elements/0/elements/0/text", blockkit.CodeInvalidBlocks, table(richOf(""))},
		{"table without rows", "/blocks/0/rows", blockkit.CodeInvalidBlocks, blocks(tableOf(l{}))},
		{"table row without cells", "/blocks/0/rows/0", blockkit.CodeInvalidBlocks, blocks(tableOf(l{l{}}))},
		{"column alignment", "/blocks/0/column_settings/0/align", blockkit.CodeInvalidBlocks, blocks(with(tableOf(rows(1, 1, "x")), "column_settings", l{m{"align": "middle"}}))},
		{"data table of one row", "/blocks/0/rows", blockkit.CodeInvalidBlocks, blocks(dataTableOf(rows(1, 1, "x")))},
		{"data table without caption", "/blocks/0/caption", blockkit.CodeInvalidBlocks, blocks(m{"type": "data_table", "rows": rows(2, 1, "x")})},
		{"data table with a short row", "/blocks/0/rows/1", blockkit.CodeInvalidBlocks, blocks(dataTableOf(l{rows(1, 2, "x")[0], rows(1, 1, "x")[0]}))},
		{"rich text in a data table's header", "/blocks/0/rows/0/0/type", blockkit.CodeInvalidBlocks, blocks(dataTableOf(l{l{richOf("x")}, l{richOf("x")}}))},
		{"rich text of an unknown kind", "/blocks/0/elements/0/type", blockkit.CodeInvalidBlocks, blocks(m{"type": "rich_text", "elements": l{m{"type": "section"}}})},
		{"task status", "/blocks/0/status", blockkit.CodeInvalidBlocks, blocks(m{"type": "task_card", "task_id": "1", "title": "t", "status": "done"})},
		{"plan's task", "/blocks/0/tasks/0/title", blockkit.CodeInvalidBlocks, blocks(m{"type": "plan", "title": "t", "tasks": l{m{"type": "task_card", "task_id": "1"}}})},
		{"button in context actions", "/blocks/0/elements/0/type", blockkit.CodeInvalidBlocks, blocks(m{"type": "context_actions", "elements": l{buttonWith("value", "v")}})},
		{"block inside an attachment", "/attachments/0/blocks/0/type", blockkit.CodeInvalidBlocks, m{"attachments": l{m{"blocks": l{m{"type": "nope"}}}}}},
		{"metadata without payload", "/metadata/event_payload", blockkit.CodeInvalidMetadata, m{"metadata": m{"event_type": "run"}}},
		{"metadata without type", "/metadata/event_type", blockkit.CodeInvalidMetadata, m{"metadata": m{"event_payload": m{}}}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			wantProblem(t, blockkit.ValidateMessage(asJSON(t, row.message)), row.pointer, row.code)
		})
	}
}

func TestRefusedViews(t *testing.T) {
	rows := []struct {
		name, pointer string
		view          any
	}{
		{"unknown type", "/type", m{"type": "dialog", "title": plainText("t"), "blocks": l{}}},
		{"no title", "/title", m{"type": "modal", "blocks": l{}}},
		{"title in mrkdwn", "/title/type", with(view("modal"), "title", mrkdwn("t"))},
		{"no blocks", "/blocks", m{"type": "home"}},
		{"input without submit", "/submit", with(view("modal", inputOf(m{"type": "plain_text_input"})), "submit", nil)},
		{"markdown in a modal", "/blocks/0/type", view("modal", m{"type": "markdown", "text": "x"})},
		{"table in a modal", "/blocks/0/type", view("modal", tableOf(rows(1, 1, "x")))},
		{"table in the Home tab", "/blocks/0/type", view("home", tableOf(rows(1, 1, "x")))},
		{"card in a modal", "/blocks/0/type", view("modal", m{"type": "card", "title": mrkdwn("t")})},
		{"alert in the Home tab", "/blocks/0/type", view("home", m{"type": "alert", "text": plainText("x")})},
		{"file input in the Home tab", "/blocks/0/element/type", view("home", inputOf(m{"type": "file_input"}))},
		{"input without label", "/blocks/0/label", view("modal", m{"type": "input", "element": m{"type": "plain_text_input"}})},
		{"input without element", "/blocks/0/element", view("modal", m{"type": "input", "label": plainText("x")})},
		{"button as an input", "/blocks/0/element/type", view("modal", inputOf(buttonWith("value", "v")))},
		{"number input without is_decimal_allowed", "/blocks/0/element/is_decimal_allowed", view("modal", inputOf(m{"type": "number_input"}))},
		{"min above max", "/blocks/0/element/min_length", view("modal", inputOf(m{"type": "plain_text_input", "min_length": 5, "max_length": 4}))},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			wantProblem(t, blockkit.ValidateView(asJSON(t, row.view)), row.pointer, blockkit.CodeInvalidBlocks)
		})
	}
	t.Run("more than 250 KB", func(t *testing.T) {
		many := repeat(90, func(int) any { return m{"type": "section", "text": mrkdwn(chars(3000))} })
		wantProblem(t, blockkit.ValidateView(asJSON(t, view("home", many...))), "", blockkit.CodeViewTooLarge)
	})
}

// Everything a bot may sensibly send, at once.
func TestAcceptedMessage(t *testing.T) {
	message := m{
		"text": "fallback",
		"blocks": l{
			m{"type": "header", "text": with(plainText("Orders"), "emoji", true)},
			m{
				"type": "section", "block_id": "verdict", "text": mrkdwn("*3 of 5* fail"), "fields": l{mrkdwn("a"), plainText("b")},
				"accessory": m{"type": "overflow", "action_id": "more", "options": l{with(choiceOf("Docs", "docs"), "url", "https://example.com")}},
			},
			tableOf(l{
				l{m{"type": "raw_text", "text": "order"}, m{"type": "raw_text", "text": "total"}},
				l{richOf("o1"), m{"type": "raw_number", "value": 1.5, "text": "1.50"}},
			}),
			m{"type": "rich_text", "elements": l{
				m{"type": "rich_text_preformatted", "language": "sql", "elements": l{m{"type": "text", "text": "SELECT 1"}}},
				m{"type": "rich_text_quote", "elements": l{m{"type": "user", "user_id": "U1"}, m{"type": "link", "url": "https://example.com"}}},
				m{"type": "rich_text_section", "elements": l{m{"type": "date", "timestamp": 1793000000, "format": "{date}"}, m{"type": "emoji", "name": "wave"}}},
			}},
			m{"type": "context", "elements": l{mrkdwn("R-1042"), m{"type": "image", "image_url": "u", "alt_text": "a"}}},
			m{"type": "actions", "elements": l{
				buttonWith("confirm", m{"title": plainText("Sure?"), "text": plainText("Really"), "confirm": plainText("Yes"), "deny": plainText("No"), "style": "danger"}),
				m{"type": "static_select", "action_id": "pick", "placeholder": plainText("p"), "options": choices(2)},
				m{"type": "users_select", "action_id": "who"},
				m{"type": "datepicker", "action_id": "day", "initial_date": "2026-11-22"},
			}},
			m{"type": "context_actions", "elements": l{m{
				"type": "feedback_buttons", "action_id": "fb",
				"positive_button": m{"text": plainText("Good"), "value": "1"}, "negative_button": m{"text": plainText("Bad"), "value": "0"},
			}}},
			m{"type": "plan", "title": "Steps", "tasks": l{m{"type": "task_card", "task_id": "1", "title": "Read", "status": "complete", "details": richOf("done")}}},
			m{"type": "divider"},
		},
		"attachments": l{m{"color": "#ff0000", "blocks": l{m{"type": "divider"}}}},
		"metadata":    m{"event_type": "run", "event_payload": m{"id": "R-1"}},
	}
	if problems := blockkit.ValidateMessage(asJSON(t, message)); len(problems) > 0 {
		t.Fatalf("refused: %v", problems)
	}
	bare := asJSON(t, l{m{"type": "divider"}})
	if problems := blockkit.ValidateMessage(bare); len(problems) > 0 {
		t.Fatalf("a bare list of blocks is refused: %v", problems)
	}
}

func TestNotJSON(t *testing.T) {
	wantProblem(t, blockkit.ValidateMessage([]byte("{")), "", "invalid_blocks_format")
	wantProblem(t, blockkit.ValidateView([]byte("")), "", "invalid_blocks_format")
}

// The judge must not share code with what it judges.
func TestIsIndependent(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no sources found", err)
	}
	for _, name := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range parsed.Imports {
			if path := strings.Trim(imported.Path.Value, `"`); strings.Contains(path, ".") && !strings.HasSuffix(path, "/blockkit") {
				t.Errorf("%s imports %s; only the standard library is allowed", name, path)
			}
		}
	}
}

func FuzzValidate(f *testing.F) {
	f.Add([]byte(`{"blocks":[{"type":"section","text":{"type":"mrkdwn","text":"x"}}]}`))
	f.Add([]byte(`{"type":"modal","title":{"type":"plain_text","text":"t"},"blocks":[{"type":"input"}]}`))
	f.Add([]byte(`[{"type":"table","rows":[[{"type":"raw_text","text":""}]]}]`))
	f.Add([]byte(`{"blocks":[{"type":"container","child_blocks":[{"type":"container"}]}],"metadata":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, p := range append(blockkit.ValidateMessage(raw), blockkit.ValidateView(raw)...) {
			if p.Code == "" || p.Message == "" {
				t.Fatalf("a problem without code or message: %+v", p)
			}
		}
	})
}

package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestATableAlignsItsColumnsAndDrawsEveryKindOfCell(t *testing.T) {
	f := newFake(t)
	f.messages["C0INC"] = []map[string]any{blocksMessage(0, orphans())}
	p := open(t, f, "#/C0INC")
	p.see(id("table"))
	got := p.eval(`[...document.querySelectorAll('[data-testid=table] tr')].slice(0, 2).map((row) => [...row.cells].map((c) => c.tagName + ':' + c.className.trim() + ':' + c.innerText).join('|')).join('\n')`)
	want := strings.Join([]string{
		"TH:align-left:order|TH:align-left:customer_id|TH:align-right:total|TH:align-left wrapped:created",
		"TD:align-left:o100000|TD:align-left:gone|TD:align-right:45.1|TD:align-left wrapped:2026-11-21 10:02 UTC",
	}, "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
	if got := p.eval(`document.querySelector('[data-testid=table] td code').textContent`); got != "o100000" {
		t.Errorf("the rich cell is %q", got)
	}
	if got := p.eval(`document.querySelectorAll('[data-testid=table] tbody tr').length`); got != "10" {
		t.Errorf("%s rows, want 10", got)
	}
}

func TestRichTextDrawsItsElements(t *testing.T) {
	text := func(text string, styles ...string) map[string]any {
		style := map[string]any{}
		for _, name := range styles {
			style[name] = true
		}
		return map[string]any{"type": "text", "text": text, "style": style}
	}
	part := func(kind string, elements ...any) map[string]any {
		return map[string]any{"type": kind, "elements": elements}
	}
	bullets := part("rich_text_list", part("rich_text_section", text("first")), part("rich_text_section", text("second")))
	bullets["style"], bullets["indent"] = "bullet", 1
	numbers := part("rich_text_list", part("rich_text_section", text("third")))
	numbers["style"], numbers["offset"] = "ordered", 2
	f := newFake(t)
	f.messages["C0INC"] = []map[string]any{blocksMessage(0, map[string]any{"type": "rich_text", "elements": []any{
		part("rich_text_section", text("both", "bold", "italic"), text(" gone", "strike"), text("x=1", "code"), map[string]any{"type": "user", "user_id": "U0BOB"},
			map[string]any{"type": "usergroup", "usergroup_id": "S0RESP"}, map[string]any{"type": "channel", "channel_id": "C0GEN"}, map[string]any{"type": "broadcast", "range": "here"},
			map[string]any{"type": "emoji", "name": "no_such_name", "unicode": "1f534"}, map[string]any{"type": "link", "url": "https://example.com/x", "text": "docs"},
			map[string]any{"type": "date", "timestamp": 1392734382, "format": "{date_num}", "fallback": "then"}, map[string]any{"type": "color", "value": "#ff0000"}),
		bullets, numbers, part("rich_text_preformatted", text("select 1;")), part("rich_text_quote", text("quoted")),
	}})}
	p := open(t, f, "#/C0INC")
	p.see(".rich-text")
	for selector, want := range map[string]string{
		"em strong": "both", "s": " gone", "code": "x=1", ".mention": "@bob", "a[href='https://example.com/x']": "docs", "pre": "select 1;", "blockquote": "quoted",
		"ol[start='3'] li": "third", "ul li": "first", "time": "2014-02-18", ".color": "#ff0000", ".emoji": "🔴",
	} {
		if got := p.eval(fmt.Sprintf(`document.querySelector(%s)?.textContent ?? null`, quote(".rich-text "+selector))); got != want {
			t.Errorf("%s is %q, want %q", selector, got, want)
		}
	}
	got := p.eval(`[...document.querySelectorAll('.rich-text .mention')].map((m) => m.textContent).join(' ')`)
	if want := "@bob @responders #general @here"; got != want {
		t.Errorf("mentions are %q, want %q", got, want)
	}
}

func TestMarkdownBlocksAreDrawn(t *testing.T) {
	source := strings.Join([]string{
		"# Orders", "Some **bold**, *italic*, ~~gone~~, `code` and [a link](https://example.com/).", "", "- one", "  - inner", "- [x] done", "", "3. third", "",
		"> quoted", "", "| a | b |", "|---|--:|", "| 1 | 2 |", "", "```sql", "select *", "```", "---", "snake_case_stays and 2*3*4",
	}, "\n")
	f := newFake(t)
	f.messages["C0INC"] = []map[string]any{blocksMessage(0, map[string]any{"type": "markdown", "text": source})}
	p := open(t, f, "#/C0INC")
	p.see(".markdown")
	for selector, want := range map[string]string{
		".md-h1": "Orders", "strong": "bold", "em": "italic", "s": "gone", "code": "code", "a": "a link", "ul ul li": "inner", "li.task": "☑ done", "ol[start='3'] li": "third",
		"blockquote": "quoted", "td.align-right": "2", "pre": "select *", "> .paragraph:last-child": "snake_case_stays and 2*3*4",
	} {
		if got := p.eval(fmt.Sprintf(`document.querySelector(%s)?.textContent.trim() ?? null`, quote(".markdown "+selector))); got != want {
			t.Errorf("%s is %q, want %q", selector, got, want)
		}
	}
}

func TestWhatThePageCannotDrawIsSaid(t *testing.T) {
	f := newFake(t)
	f.messages["C0INC"] = []map[string]any{blocksMessage(0, map[string]any{"type": "hologram"}, actions(map[string]any{"type": "lever", "action_id": "l"}))}
	p := open(t, f, "#/C0INC")
	p.see(id("unknown-block"))
	if got := p.text(id("message-" + ts(0))); !contains(got, "This page cannot show the block “hologram”.", "This page cannot show the element “lever”.") {
		t.Errorf("the message shows:\n%s", got)
	}
}

func TestFilesOpenAndPicturesAreInline(t *testing.T) {
	f := newFake(t)
	furnish(f)
	f.files["/files/F0PNG/chart.svg"] = `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="80"><rect width="300" height="80" fill="green"/></svg>`
	picture := say(40, "U0BOT", "Trend")
	picture["files"] = []any{map[string]any{"id": "F0PNG", "name": "chart.svg", "mimetype": "image/svg+xml", "size": 120, "alt_txt": "Orphans fell from 30 to 0", "url": "/files/F0PNG/chart.svg"}}
	f.messages["C0INC"] = append(f.messages["C0INC"], picture)
	p := open(t, f, "#/C0INC/thread/"+ts(12))
	p.click(id("file-F0CSV"))
	got := p.eval(`new Promise((done) => { const look = () => { const t = document.querySelector('[data-testid=csv-table]'); t ? done([...t.rows].slice(0, 2).map((r) => [...r.cells].map((c) => c.textContent).join('|')).join('\n')) : setTimeout(look, 20); }; look(); })`)
	if want := "|order_id|customer_id|total|note\n1|o100000|c900|40.10|said \"gone\", twice"; got != want {
		t.Errorf("the file's first rows are\n%s\nwant\n%s", got, want)
	}
	if got := p.text(".viewer-count"); got != "30 rows" {
		t.Errorf("the count says %q", got)
	}
	if got := p.eval(`document.querySelector('[data-testid=file-download]').getAttribute('download')`); got != "orphaned-orders-R-1042.csv" {
		t.Errorf("the download is called %q", got)
	}
	p.press("\x1b")
	p.gone(id("file-viewer"))
	p.until("the picture is drawn", `(document.querySelector('[data-testid=file-F0PNG] img')?.naturalWidth || 0) > 0`)
	if got := p.eval(`document.querySelector('[data-testid=file-F0PNG] img').alt`); got != "Orphans fell from 30 to 0" {
		t.Errorf("its alternative text is %q", got)
	}
}

func TestALongFileShowsItsBeginningOnly(t *testing.T) {
	f := newFake(t)
	var csv strings.Builder
	csv.WriteString("id,note\n")
	for i := range 40_000 {
		fmt.Fprintf(&csv, "%d,some words about row %d\n", i, i)
	}
	f.files["/files/F0BIG/big.csv"] = csv.String()
	message := say(0, "U0BOT", "All rows")
	message["files"] = []any{map[string]any{"id": "F0BIG", "name": "big.csv", "mimetype": "text/csv", "size": csv.Len(), "url": "/files/F0BIG/big.csv"}}
	f.messages["C0INC"] = []map[string]any{message}
	p := open(t, f, "#/C0INC")
	p.click(id("file-F0BIG"))
	if got := p.text(".viewer-count"); got != "First 200 rows; download the file for all of them" {
		t.Errorf("the count says %q", got)
	}
	if got := p.eval(`document.querySelectorAll('[data-testid=csv-table] tbody tr').length`); got != "200" {
		t.Errorf("%s rows are drawn, want 200", got)
	}
}

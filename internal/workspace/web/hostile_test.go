package web_test

import (
	"testing"
)

// Text that tries to become markup, through every door that text comes in by.
const hostile = `<img src=x onerror="window.hacked=1"> <script>window.hacked=1</script> &lt;b&gt;bold?&lt;/b&gt; <javascript:window.hacked=1|click> <https://ok.example|fine>`

func TestHostileTextStaysText(t *testing.T) {
	mrkdwn := map[string]any{"type": "mrkdwn", "text": hostile}
	plain := map[string]any{"type": "plain_text", "text": hostile}
	f := newFake(t)
	f.messages["C0INC"] = []map[string]any{
		say(0, "U0BOB", hostile),
		blocksMessage(1,
			map[string]any{"type": "section", "text": mrkdwn, "fields": []any{plain}},
			map[string]any{"type": "header", "text": plain},
			map[string]any{"type": "context", "elements": []any{mrkdwn}},
			map[string]any{"type": "markdown", "text": "# " + hostile + "\n[x](javascript:window.hacked=1) <iframe srcdoc='x'></iframe>"},
			map[string]any{"type": "rich_text", "elements": []any{map[string]any{"type": "rich_text_section", "elements": []any{
				map[string]any{"type": "text", "text": hostile}, map[string]any{"type": "link", "url": "javascript:window.hacked=1", "text": "link"},
			}}}},
			map[string]any{"type": "table", "rows": []any{[]any{map[string]any{"type": "raw_text", "text": hostile}}, []any{map[string]any{"type": "raw_text", "text": hostile}}}},
			map[string]any{"type": "actions", "elements": []any{map[string]any{"type": "button", "action_id": "a", "text": plain, "url": "javascript:window.hacked=1"}}},
			map[string]any{"type": hostile},
		),
	}
	f.messages["C0INC"][0]["files"] = []any{map[string]any{"id": "F1", "name": hostile, "title": hostile, "mimetype": "text/csv", "size": 4, "url": "javascript:window.hacked=1"}}
	p := open(t, f, "#/C0INC")
	p.see(id("message-"+ts(1)) + " " + id("unknown-block"))
	p.click(id("message-"+ts(1)) + " " + id("button-a"))

	for what, expression := range map[string]string{
		"a script ran":           `Boolean(window.hacked)`,
		"text became an element": `document.querySelectorAll('.list img, .list script, .list iframe, .list b').length > 0`,
		"a link runs a script":   `[...document.querySelectorAll('a')].some((a) => a.protocol === 'javascript:')`,
	} {
		if got := p.eval(expression); got != "false" {
			t.Errorf("%s: %s is %s", what, expression, got)
		}
	}
	for _, row := range []string{ts(0), ts(1)} {
		if shown := p.text(id("message-" + row)); !contains(shown, `<img src=x onerror="window.hacked=1">`, `<script>window.hacked=1</script>`, `<b>bold?</b>`) {
			t.Errorf("the hostile text is not shown as it was written:\n%s", shown)
		}
	}
	if got := p.eval(`document.querySelector('.message-text a')?.href`); got != "https://ok.example/" {
		t.Errorf("the honest link leads to %s", got)
	}
}

package blockkit_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/integritybot/integritybot/internal/workspace/blockkit"
)

type (
	m = map[string]any
	l = []any
)

func chars(n int) string { return strings.Repeat("é", n) }

func plainText(s string) m { return m{"type": "plain_text", "text": s} }
func mrkdwn(s string) m    { return m{"type": "mrkdwn", "text": s} }

func repeat(n int, f func(i int) any) l {
	out := l{}
	for i := range n {
		out = append(out, f(i))
	}
	return out
}

func with(base m, key string, v any) m {
	out := m{}
	for k, x := range base {
		out[k] = x
	}
	out[key] = v
	return out
}

func blocks(b ...any) m { return m{"blocks": b} }

func buttonWith(key string, v any) m {
	return with(m{"type": "button", "action_id": "go", "text": plainText("Go")}, key, v)
}

func inActions(elements ...any) m {
	return blocks(m{"type": "actions", "elements": elements})
}

func choiceOf(text, value string) m { return m{"text": plainText(text), "value": value} }

func choices(n int) l {
	return repeat(n, func(i int) any { return choiceOf("o", fmt.Sprint(i)) })
}

func confirmWith(key string, v any) m {
	return buttonWith("confirm", with(m{"title": plainText("t"), "text": mrkdwn("t"), "confirm": plainText("y"), "deny": plainText("n")}, key, v))
}

func view(kind string, b ...any) m {
	v := m{"type": kind, "blocks": b}
	if kind == "modal" {
		v["title"], v["submit"] = plainText("Title"), plainText("Send")
	}
	return v
}

func inputOf(element m) m {
	return m{"type": "input", "block_id": "in", "label": plainText("Label"), "element": element}
}

func rows(n, width int, text string) l {
	return repeat(n, func(int) any {
		return repeat(width, func(int) any { return m{"type": "raw_text", "text": text} })
	})
}

func tableOf(r l) m { return m{"type": "table", "rows": r} }

func dataTableOf(r l) m { return m{"type": "data_table", "caption": "c", "rows": r} }

func richOf(text string) m {
	return m{"type": "rich_text", "elements": l{m{"type": "rich_text_section", "elements": l{m{"type": "text", "text": text}}}}}
}

func line(series, points int) m {
	categories := repeat(points, func(i int) any { return fmt.Sprint("c", i) })
	data := repeat(points, func(i int) any { return m{"label": fmt.Sprint("c", i), "value": i} })
	return m{"type": "data_visualization", "title": "t", "chart": m{
		"type": "line", "axis_config": m{"categories": categories},
		"series": repeat(series, func(i int) any { return m{"name": fmt.Sprint("s", i), "data": data} }),
	}}
}

// limit is one limit: build(most) is fine, build(most+1) is not, at pointer.
type limit struct {
	name    string
	most    int
	pointer string
	code    string // empty means invalid_blocks
	build   func(n int) any
}

func messageLimits() []limit {
	return []limit{
		{"blocks in a message", 50, "/blocks", "", func(n int) any {
			return blocks(repeat(n, func(int) any { return m{"type": "divider"} })...)
		}},
		{"all text together", blockkit.MaxContent, "/blocks", "msg_blocks_too_long", func(n int) any {
			var b l
			for ; n > 3000; n -= 3000 {
				b = append(b, m{"type": "section", "text": mrkdwn(chars(3000))})
			}
			return blocks(append(b, m{"type": "section", "text": mrkdwn(chars(n))})...)
		}},
		{"block_id", 255, "/blocks/0/block_id", "", func(n int) any { return blocks(m{"type": "divider", "block_id": chars(n)}) }},
		{"section text", 3000, "/blocks/0/text/text", "", func(n int) any { return blocks(m{"type": "section", "text": mrkdwn(chars(n))}) }},
		{"section fields", 10, "/blocks/0/fields", "", func(n int) any {
			return blocks(m{"type": "section", "fields": repeat(n, func(int) any { return mrkdwn("f") })})
		}},
		{"section field", 2000, "/blocks/0/fields/0/text", "", func(n int) any { return blocks(m{"type": "section", "fields": l{mrkdwn(chars(n))}}) }},
		{"header", 150, "/blocks/0/text/text", "", func(n int) any { return blocks(m{"type": "header", "text": plainText(chars(n))}) }},
		{"header level", 4, "/blocks/0/level", "", func(n int) any { return blocks(m{"type": "header", "text": plainText("h"), "level": n}) }},
		{"context elements", 10, "/blocks/0/elements", "", func(n int) any {
			return blocks(m{"type": "context", "elements": repeat(n, func(int) any { return mrkdwn("c") })})
		}},
		{"action elements", 25, "/blocks/0/elements", "", func(n int) any {
			return inActions(repeat(n, func(i int) any { return buttonWith("action_id", fmt.Sprint(i)) })...)
		}},
		{"image url", 3000, "/blocks/0/image_url", "", func(n int) any {
			return blocks(m{"type": "image", "alt_text": "a", "image_url": chars(n)})
		}},
		{"image alt text", 2000, "/blocks/0/alt_text", "", func(n int) any {
			return blocks(m{"type": "image", "alt_text": chars(n), "image_url": "u"})
		}},
		{"image title", 2000, "/blocks/0/title/text", "", func(n int) any {
			return blocks(m{"type": "image", "alt_text": "a", "image_url": "u", "title": plainText(chars(n))})
		}},
		{"one markdown block", 12000, "/blocks/0/text", "", func(n int) any { return blocks(m{"type": "markdown", "text": chars(n)}) }},
		{"all markdown blocks", 12000, "/blocks", "msg_blocks_too_long", func(n int) any {
			return blocks(m{"type": "markdown", "text": chars(6000)}, m{"type": "markdown", "text": chars(n - 6000)})
		}},
		{"attachments", 100, "/attachments", "too_many_attachments", func(n int) any {
			return m{"attachments": repeat(n, func(int) any { return m{"color": "#ff0000"} })}
		}},
		{"video title", 199, "/blocks/0/title/text", "", func(n int) any {
			return blocks(m{"type": "video", "alt_text": "a", "title": plainText(chars(n)), "video_url": "u", "thumbnail_url": "u"})
		}},
		{"video author", 49, "/blocks/0/author_name", "", func(n int) any {
			return blocks(m{"type": "video", "alt_text": "a", "title": plainText("t"), "video_url": "u", "thumbnail_url": "u", "author_name": chars(n)})
		}},
		{"rich text list indent", 8, "/blocks/0/elements/0/indent", "", func(n int) any {
			return blocks(m{"type": "rich_text", "elements": l{m{"type": "rich_text_list", "style": "bullet", "indent": n, "elements": l{}}}})
		}},
		{"metadata", 16384, "/metadata", "metadata_too_large", func(n int) any {
			overhead := len(`{"event_payload":{"id":""},"event_type":"run"}`)
			return m{"metadata": m{"event_type": "run", "event_payload": m{"id": strings.Repeat("x", n-overhead)}}}
		}},
	}
}

func tableLimits() []limit {
	return []limit{
		{"table rows", 100, "/blocks/0/rows", "", func(n int) any { return blocks(tableOf(rows(n, 1, "x"))) }},
		{"table cells in a row", 20, "/blocks/0/rows/0", "", func(n int) any { return blocks(tableOf(rows(1, n, "x"))) }},
		{"table column settings", 20, "/blocks/0/column_settings", "", func(n int) any {
			return blocks(with(tableOf(rows(1, 1, "x")), "column_settings", repeat(n, func(int) any { return m{"align": "right"} })))
		}},
		{"table characters", 10000, "/blocks/0/rows", "", func(n int) any {
			r := rows(100, 1, chars(99))
			return blocks(tableOf(append(r[:99:99], l{m{"type": "raw_text", "text": chars(n - 99*99)}})))
		}},
		{"table characters in rich text", 10000, "/blocks/0/rows", "", func(n int) any {
			cell := richOf(chars(n))
			return blocks(tableOf(l{l{cell}}))
		}},
		{"tables in a message", 1, "/blocks/1", "invalid_attachments", func(n int) any {
			return blocks(repeat(n, func(int) any { return tableOf(rows(1, 1, "x")) })...)
		}},
		{"data tables share the rule", 1, "/blocks/1", "invalid_attachments", func(n int) any {
			return blocks(repeat(n, func(i int) any {
				return []any{tableOf(rows(1, 1, "x")), dataTableOf(rows(2, 1, "x"))}[i]
			})...)
		}},
		{"data table rows", 101, "/blocks/0/rows", "", func(n int) any { return blocks(dataTableOf(rows(n, 1, "x"))) }},
		{"data table page size", 100, "/blocks/0/page_size", "", func(n int) any {
			return blocks(with(dataTableOf(rows(2, 1, "x")), "page_size", n))
		}},
		{"data table characters", 10000, "/blocks/0/rows", "", func(n int) any {
			return blocks(dataTableOf(l{rows(1, 1, chars(5000))[0], l{m{"type": "raw_text", "text": chars(n - 5000)}}}))
		}},
	}
}

func elementLimits() []limit {
	selectOf := func(key string, v any) any {
		return inActions(with(m{"type": "static_select", "action_id": "s", "options": choices(1)}, key, v))
	}
	groups := func(n, each int, label string) l {
		return repeat(n, func(int) any { return m{"label": plainText(label), "options": choices(each)} })
	}
	grouped := func(g l) any {
		return inActions(m{"type": "static_select", "action_id": "s", "option_groups": g})
	}
	return []limit{
		{"action_id", 255, "/blocks/0/elements/0/action_id", "", func(n int) any { return inActions(buttonWith("action_id", chars(n))) }},
		{"button text", 75, "/blocks/0/elements/0/text/text", "", func(n int) any { return inActions(buttonWith("text", plainText(chars(n)))) }},
		{"button value", 2000, "/blocks/0/elements/0/value", "", func(n int) any { return inActions(buttonWith("value", chars(n))) }},
		{"button url", 3000, "/blocks/0/elements/0/url", "", func(n int) any { return inActions(buttonWith("url", chars(n))) }},
		{"button label", 75, "/blocks/0/elements/0/accessibility_label", "", func(n int) any { return inActions(buttonWith("accessibility_label", chars(n))) }},
		{"confirm title", 100, "/blocks/0/elements/0/confirm/title/text", "", func(n int) any { return inActions(confirmWith("title", plainText(chars(n)))) }},
		{"confirm text", 300, "/blocks/0/elements/0/confirm/text/text", "", func(n int) any { return inActions(confirmWith("text", mrkdwn(chars(n)))) }},
		{"confirm yes", 30, "/blocks/0/elements/0/confirm/confirm/text", "", func(n int) any { return inActions(confirmWith("confirm", plainText(chars(n)))) }},
		{"confirm no", 30, "/blocks/0/elements/0/confirm/deny/text", "", func(n int) any { return inActions(confirmWith("deny", plainText(chars(n)))) }},
		{"options", 100, "/blocks/0/elements/0/options", "", func(n int) any { return selectOf("options", choices(n)) }},
		{"option text", 75, "/blocks/0/elements/0/options/0/text/text", "", func(n int) any { return selectOf("options", l{choiceOf(chars(n), "v")}) }},
		{"option value", 75, "/blocks/0/elements/0/options/0/value", "", func(n int) any { return selectOf("options", l{choiceOf("o", chars(n))}) }},
		{"option description", 75, "/blocks/0/elements/0/options/0/description/text", "", func(n int) any {
			return selectOf("options", l{with(choiceOf("o", "v"), "description", plainText(chars(n)))})
		}},
		{"option groups", 100, "/blocks/0/elements/0/option_groups", "", func(n int) any { return grouped(groups(n, 1, "g")) }},
		{"options of a group", 100, "/blocks/0/elements/0/option_groups/0/options", "", func(n int) any { return grouped(groups(1, n, "g")) }},
		{"group label", 75, "/blocks/0/elements/0/option_groups/0/label/text", "", func(n int) any { return grouped(groups(1, 1, chars(n))) }},
		{"placeholder", 150, "/blocks/0/elements/0/placeholder/text", "", func(n int) any { return selectOf("placeholder", plainText(chars(n))) }},
		{"overflow options", 5, "/blocks/0/elements/0/options", "", func(n int) any { return inActions(m{"type": "overflow", "options": choices(n)}) }},
		{"overflow option url", 3000, "/blocks/0/elements/0/options/0/url", "", func(n int) any {
			return inActions(m{"type": "overflow", "options": l{with(choiceOf("o", "v"), "url", chars(n))}})
		}},
		{"checkboxes", 10, "/blocks/0/elements/0/options", "", func(n int) any { return inActions(m{"type": "checkboxes", "options": choices(n)}) }},
		{"radio buttons", 10, "/blocks/0/elements/0/options", "", func(n int) any { return inActions(m{"type": "radio_buttons", "options": choices(n)}) }},
	}
}

func newerLimits() []limit {
	card := func(key string, v any) any { return blocks(with(m{"type": "card", "title": mrkdwn("t")}, key, v)) }
	chart := func(c m) any { return blocks(m{"type": "data_visualization", "title": "t", "chart": c}) }
	container := func(key string, v any) any {
		return blocks(with(m{"type": "container", "title": plainText("t"), "child_blocks": l{m{"type": "divider"}}}, key, v))
	}
	return []limit{
		{"context actions", 5, "/blocks/0/elements", "", func(n int) any {
			return blocks(m{"type": "context_actions", "elements": repeat(n, func(i int) any {
				return m{"type": "icon_button", "action_id": fmt.Sprint(i), "icon": "trash", "text": plainText("Delete")}
			})})
		}},
		{"card title", 150, "/blocks/0/title/text", "", func(n int) any { return card("title", mrkdwn(chars(n))) }},
		{"card subtitle", 150, "/blocks/0/subtitle/text", "", func(n int) any { return card("subtitle", mrkdwn(chars(n))) }},
		{"card body", 200, "/blocks/0/body/text", "", func(n int) any { return card("body", mrkdwn(chars(n))) }},
		{"card subtext", 200, "/blocks/0/subtext/text", "", func(n int) any { return card("subtext", mrkdwn(chars(n))) }},
		{"card actions", 3, "/blocks/0/actions", "", func(n int) any {
			return card("actions", repeat(n, func(i int) any { return buttonWith("action_id", fmt.Sprint(i)) }))
		}},
		{"carousel cards", 10, "/blocks/0/elements", "", func(n int) any {
			return blocks(m{"type": "carousel", "elements": repeat(n, func(int) any { return m{"type": "card", "title": mrkdwn("t")} })})
		}},
		{"container title", 150, "/blocks/0/title/text", "", func(n int) any { return container("title", plainText(chars(n))) }},
		{"container subtitle", 150, "/blocks/0/subtitle/text", "", func(n int) any { return container("subtitle", plainText(chars(n))) }},
		{"container children", 10, "/blocks/0/child_blocks", "", func(n int) any {
			return container("child_blocks", repeat(n, func(int) any { return m{"type": "divider"} }))
		}},
		{"chart title", 50, "/blocks/0/title", "", func(n int) any { return blocks(with(line(1, 1), "title", chars(n))) }},
		{"pie segments", 12, "/blocks/0/chart/segments", "", func(n int) any {
			return chart(m{"type": "pie", "segments": repeat(n, func(int) any { return m{"label": "a", "value": 1} })})
		}},
		{"chart label", 20, "/blocks/0/chart/segments/0/label", "", func(n int) any {
			return chart(m{"type": "pie", "segments": l{m{"label": chars(n), "value": 1}}})
		}},
		{"chart series", 12, "/blocks/0/chart/series", "", func(n int) any { return blocks(line(n, 2)) }},
		{"chart categories", 20, "/blocks/0/chart/axis_config/categories", "", func(n int) any { return blocks(line(1, n)) }},
	}
}

func viewLimits() []limit {
	modalWith := func(key string, v any) any { return with(view("modal", m{"type": "divider"}), key, v) }
	textInput := func(key string, v any) any {
		return view("modal", inputOf(with(m{"type": "plain_text_input", "action_id": "a"}, key, v)))
	}
	dividers := func(kind string, n int) any {
		return view(kind, repeat(n, func(int) any { return m{"type": "divider"} })...)
	}
	return []limit{
		{"modal blocks", 100, "/blocks", "", func(n int) any { return dividers("modal", n) }},
		{"home blocks", 100, "/blocks", "", func(n int) any { return dividers("home", n) }},
		{"modal title", 24, "/title/text", "", func(n int) any { return modalWith("title", plainText(chars(n))) }},
		{"modal submit", 24, "/submit/text", "", func(n int) any { return modalWith("submit", plainText(chars(n))) }},
		{"modal close", 24, "/close/text", "", func(n int) any { return modalWith("close", plainText(chars(n))) }},
		{"private metadata", 3000, "/private_metadata", "", func(n int) any { return modalWith("private_metadata", chars(n)) }},
		{"callback id", 255, "/callback_id", "", func(n int) any { return modalWith("callback_id", chars(n)) }},
		{"external id", 255, "/external_id", "", func(n int) any { return modalWith("external_id", chars(n)) }},
		{"input label", 2000, "/blocks/0/label/text", "", func(n int) any {
			return view("modal", with(inputOf(m{"type": "plain_text_input"}), "label", plainText(chars(n))))
		}},
		{"input hint", 2000, "/blocks/0/hint/text", "", func(n int) any {
			return view("modal", with(inputOf(m{"type": "plain_text_input"}), "hint", plainText(chars(n))))
		}},
		{"input min length", 3000, "/blocks/0/element/min_length", "", func(n int) any { return textInput("min_length", n) }},
		{"input max length", 3000, "/blocks/0/element/max_length", "", func(n int) any { return textInput("max_length", n) }},
		{"initial value", 3000, "/blocks/0/element/initial_value", "", func(n int) any {
			return view("modal", inputOf(m{"type": "plain_text_input", "max_length": 3000, "initial_value": chars(n)}))
		}},
		{"files of a file input", 10, "/blocks/0/element/max_files", "", func(n int) any {
			return view("modal", inputOf(m{"type": "file_input", "max_files": n}))
		}},
		{"alert", 200, "/blocks/0/text/text", "", func(n int) any { return view("modal", m{"type": "alert", "text": plainText(chars(n))}) }},
	}
}

func TestLimits(t *testing.T) {
	groups := map[string]struct {
		limits []limit
		judge  func([]byte) []blockkit.Problem
	}{
		"message": {messageLimits(), blockkit.ValidateMessage},
		"table":   {tableLimits(), blockkit.ValidateMessage},
		"element": {elementLimits(), blockkit.ValidateMessage},
		"newer":   {newerLimits(), blockkit.ValidateMessage},
		"view":    {viewLimits(), blockkit.ValidateView},
	}
	for group, g := range groups {
		for _, row := range g.limits {
			t.Run(group+"/"+row.name, func(t *testing.T) {
				if problems := g.judge(asJSON(t, row.build(row.most))); len(problems) > 0 {
					t.Errorf("at the limit of %d: %v", row.most, problems)
				}
				code := row.code
				if code == "" {
					code = blockkit.CodeInvalidBlocks
				}
				wantProblem(t, g.judge(asJSON(t, row.build(row.most+1))), row.pointer, code)
			})
		}
	}
}

// wantProblem demands exactly one kind of problem, at pointer.
func wantProblem(t *testing.T, problems []blockkit.Problem, pointer, code string) {
	t.Helper()
	ok := slices.ContainsFunc(problems, func(p blockkit.Problem) bool {
		return p.Pointer == pointer && p.Code == code && p.Message != ""
	})
	if !ok {
		t.Errorf("problems %v, want %s at %s", problems, code, pointer)
	}
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

package bot

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/workspace/blockkit"
)

// hostile is text that tries to break out.
var hostile = []string{
	"", " ", "plain words", "<!channel> <!here> <@U123> <#C1|x> <!subteam^S1> <https://evil.example|click>",
	"https://evil.example/a?b=c", "mailto:a@b.example", "a@b.example", "www.evil.example", "@channel @here @everyone",
	"*bold* _it_ ~no~ `code` ```block```", "> quote", "line one\nline two\r\nthree\rfour", "tab\there",
	"\u202Egnp.exe\u202C", "zero\u200Bwidth\u2060\uFEFF", "nul\x00bell\x07esc\x1b[31m", "\xff\xfe not utf-8", "&amp; &lt; & <",
	":tada: :large_green_circle: 🟢 PASS", "👩‍💻 🏴󠁧󠁢󠁳󠁣󠁴󠁿 e\u0301", "Z" + strings.Repeat("\u0300", 50), strings.Repeat("x", 5000),
	strings.Repeat("&", 4000), strings.Repeat("🟢", 3000), strings.Repeat("word ", 2000), strings.Repeat("line\n", 3000),
	"<!date^1^{date}|x>", "|", "{\"type\":\"button\"}", "\u2028\u2029\u0085", strings.Repeat("a@b:c*", 900),
}

func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom(hostile), rapid.String(), rapid.StringN(0, 200, 4000))
}

func anySpan() *rapid.Generator[message.Span] {
	return rapid.Custom(func(t *rapid.T) message.Span {
		return message.Span{
			Kind: rapid.SampledFrom([]message.Kind{
				message.Plain, message.Bold, message.Code, message.Date, message.User, message.Group, message.Channel, message.Link, "unknown",
			}).Draw(t, "kind"),
			Text: anyText().Draw(t, "text"),
			ID:   rapid.OneOf(rapid.SampledFrom([]string{"U0ALICE", "C0INCIDENTS", "S1"}), anyText()).Draw(t, "id"),
			Time: time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "time"), 0),
			URL:  rapid.OneOf(rapid.SampledFrom([]string{"https://wiki.example/run|x", "https://wiki.example/a?b=1&c=2", "javascript:alert(1)"}), anyText()).Draw(t, "url"),
		}
	})
}

func anyLine() *rapid.Generator[message.Line] {
	return rapid.Custom(func(t *rapid.T) message.Line {
		return rapid.SliceOfN(anySpan(), 0, 6).Draw(t, "line")
	})
}

func anyAction() *rapid.Generator[message.Action] {
	return rapid.Custom(func(t *rapid.T) message.Action {
		a := message.Action{
			Verb:  rapid.OneOf(rapid.SampledFrom([]string{"stop", "again", "confirm"}), anyText()).Draw(t, "verb"),
			Ref:   rapid.OneOf(rapid.SampledFrom([]string{"R-1", "P-77"}), anyText()).Draw(t, "ref"),
			Label: anyText().Draw(t, "label"),
			Style: rapid.SampledFrom([]message.Style{message.Default, message.Primary, message.Danger, "odd"}).Draw(t, "style"),
		}
		if rapid.Bool().Draw(t, "asks") {
			a.Confirm = &message.Confirm{Title: anyText().Draw(t, "title"), Text: anyText().Draw(t, "question"), Yes: anyText().Draw(t, "yes"), No: anyText().Draw(t, "no")}
		}
		return a
	})
}

func anyTable() *rapid.Generator[message.Table] {
	return rapid.Custom(func(t *rapid.T) message.Table {
		var tab message.Table
		cell := anyText().Draw(t, "cell")
		width := rapid.IntRange(0, 30).Draw(t, "columns")
		for range width {
			tab.Columns = append(tab.Columns, message.Column{Name: anyText().Draw(t, "column"), Numeric: rapid.Bool().Draw(t, "numeric")})
		}
		for range rapid.IntRange(0, 150).Draw(t, "rows") {
			row := make([]string, max(0, width+rapid.IntRange(-2, 2).Draw(t, "ragged")))
			for i := range row {
				row[i] = cell
			}
			tab.Rows = append(tab.Rows, row)
		}
		tab.Total = rapid.Int64Range(0, 1<<40).Draw(t, "total")
		return tab
	})
}

func anyPart() *rapid.Generator[message.Part] {
	return rapid.Custom(func(t *rapid.T) message.Part {
		switch rapid.IntRange(0, 3).Draw(t, "part") {
		case 0:
			tab := anyTable().Draw(t, "table")
			return message.Part{Table: &tab}
		case 1:
			return message.Part{Code: anyText().Draw(t, "code")}
		case 2:
			return message.Part{Actions: rapid.SliceOfN(anyAction(), 0, 40).Draw(t, "actions")}
		}
		return message.Part{Lines: rapid.SliceOfN(anyLine(), 0, 12).Draw(t, "lines")}
	})
}

func anyMessage() *rapid.Generator[message.Message] {
	return rapid.Custom(func(t *rapid.T) message.Message {
		return message.Message{
			Headline: anyLine().Draw(t, "headline"),
			Parts:    rapid.SliceOfN(anyPart(), 0, 60).Draw(t, "parts"),
			Context:  rapid.SliceOfN(anyLine(), 0, 15).Draw(t, "context"),
			Actions:  rapid.SliceOfN(anyAction(), 0, 60).Draw(t, "actions"),
		}
	})
}

// No message, however hostile, exceeds a limit or becomes more than it says.
func TestNoMessageExceedsALimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMessage().Draw(t, "message")
		for form := Rich; form <= Bare; form++ {
			judge(t, m, Look{Form: form, Stamp: rapid.SampledFrom([]string{"v1", "", strings.Repeat("s", 400)}).Draw(t, "stamp")})
		}
	})
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func judge(t failer, m message.Message, look Look) Rendered {
	t.Helper()
	r := Render(m, look)
	raw, err := json.Marshal(map[string]any{"blocks": r.Blocks, "metadata": metadata("run/1")})
	if err != nil {
		t.Fatalf("not JSON: %v", err)
	}
	for _, p := range blockkit.ValidateMessage(raw) {
		t.Fatalf("form %d: %s\n%s", look.Form, p, raw)
	}
	if n := size(r.Text); n == 0 || n > 4000 {
		t.Fatalf("fallback text has %d characters", n)
	}
	if len(r.Blocks) == 0 {
		t.Fatalf("no blocks")
	}
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatalf("not JSON: %v", err)
	}
	c := reader{t: t, ids: map[string]bool{}, actions: map[string]bool{}, links: map[string]bool{}}
	for _, l := range allSpans(m) {
		c.links[l.URL] = true
	}
	c.walk("", doc.(map[string]any)["blocks"])
	if c.chars > budget {
		t.Fatalf("form %d: %d characters, the budget is %d", look.Form, c.chars, budget)
	}
	escapedText(t, r.Text, "fallback")
	return r
}

func allSpans(m message.Message) []message.Span {
	out := append([]message.Span(nil), m.Headline...)
	for _, l := range m.Context {
		out = append(out, l...)
	}
	for _, p := range m.Parts {
		for _, l := range p.Lines {
			out = append(out, l...)
		}
	}
	return out
}

// reader walks rendered blocks as an independent reader: it counts all text
// and looks for whatever a client could interpret.
type reader struct {
	t            failer
	chars        int
	ids, actions map[string]bool
	links        map[string]bool
}

func (c *reader) walk(key string, v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			c.walk(key, x)
		}
	case map[string]any:
		c.object(v)
		for k, x := range v {
			c.walk(k, x)
		}
	case string:
		if key == "text" || key == "fallback" {
			c.chars += size(v)
		}
	}
}

func (c *reader) object(o map[string]any) {
	if id, ok := o["block_id"].(string); ok {
		if c.ids[id] {
			c.t.Fatalf("block_id %q twice", id)
		}
		c.ids[id] = true
	}
	if id, ok := o["action_id"].(string); ok {
		if c.actions[id] {
			c.t.Fatalf("action_id %q twice", id)
		}
		c.actions[id] = true
	}
	text, _ := o["text"].(string)
	switch o["type"] {
	case "mrkdwn":
		if o["verbatim"] != true {
			c.t.Fatalf("mrkdwn without verbatim: %v", o)
		}
		escapedText(c.t, ourTokens.ReplaceAllString(text, ""), "mrkdwn")
	case "plain_text":
		if o["emoji"] != false {
			c.t.Fatalf("plain text with emoji: %v", o)
		}
		printable(c.t, text)
	case "text", "raw_text":
		printable(c.t, text)
	case "link":
		if !c.links[o["url"].(string)] {
			c.t.Fatalf("link to %v, which is not one of ours", o["url"])
		}
	case "broadcast", "usergroup", "emoji", "color", "team":
		c.t.Fatalf("element %v", o)
	}
}

// ourTokens are the only markup that may stand in mrkdwn.
var ourTokens = regexp.MustCompile(`<!date\^\d+\^\{date_short_pretty\} at \{time\}\|[0-9: -]+UTC>|<@[UW][A-Z0-9]+>|<#[CDG][A-Z0-9]+>|<https?://[^|<>]*\|[^|<>]*>`)

var entity = regexp.MustCompile(`&(amp|lt|gt);`)

func escapedText(t failer, s, where string) {
	t.Helper()
	if strings.ContainsAny(s, "<>\n\r") {
		t.Fatalf("%s holds markup: %q", where, s)
	}
	if strings.Contains(entity.ReplaceAllString(s, ""), "&") {
		t.Fatalf("%s holds a bare ampersand: %q", where, s)
	}
	if regexp.MustCompile(`(?i)@(channel|here|everyone)\b|[a-z]://|:[a-z0-9_+'-]+:`).MatchString(s) {
		t.Fatalf("%s would call, link or draw: %q", where, s)
	}
	printable(t, s)
}

func printable(t failer, s string) {
	t.Helper()
	for _, r := range s {
		if (unicode.IsControl(r) && r != '\n') || (unicode.Is(unicode.Cf, r) && string(r) != joiner) || r == '\u2028' || r == '\u2029' {
			t.Fatalf("text holds %U: %q", r, s)
		}
	}
}

// The buttons of a decision survive whatever else is in the message.
func TestButtonsAndContextAreNeverCrowdedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMessage().Draw(t, "message")
		m.Actions = []message.Action{
			{Verb: "confirm", Ref: "P-77", Label: "Confirm: change 30 orders", Style: message.Primary, Confirm: &message.Confirm{
				Title: "Change 30 orders?", Text: "Change 30 orders and 118 dependent rows in production/shop?", Yes: "Yes, change them", No: "Not now",
			}},
			{Verb: "cancel", Ref: "P-77", Label: "Cancel"},
		}
		m.Context = []message.Line{message.Text("P-77"), message.Text("production/shop")}
		for form := Rich; form <= Bare; form++ {
			raw, err := json.Marshal(judge(t, m, Look{Form: form, Stamp: "v1"}).Blocks)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{`"action_id":"confirm"`, `"value":"P-77"`, `"action_id":"cancel"`, "Yes, change them", "P-77 · production/shop"} {
				if !strings.Contains(string(raw), want) {
					t.Fatalf("form %d lost %s:\n%s", form, want, raw)
				}
			}
		}
	})
}

// The message of a finished run, as the mock-up has it.
func TestRunMessage(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 2, 0, 0, time.UTC)
	m := message.Message{
		Headline: message.Text("🔴 Orders: 3 of 5 checks fail — 133 rows wrong, $18,204.10 at stake"),
		Parts: []message.Part{{Lines: []message.Line{
			message.Join("🔴 ", message.Strong("Orphaned orders"), " 30 of 3,000,000 · first bad ", message.At(at), " (2 h ago)"),
			message.Join("🟢 Stock 0 of 50,000"),
		}}, {Table: &message.Table{
			Columns: []message.Column{{Name: "order"}, {Name: "total", Numeric: true}},
			Rows:    [][]string{{"o100000", "45.10"}, {"o100001", ""}}, Total: 30,
		}}},
		Context: []message.Line{message.Text("R-1042"), message.Join("asked by ", message.Mention("U0ALICE"))},
		Actions: []message.Action{{Verb: "again", Ref: "R-1042", Label: "Run again", Style: message.Primary}},
	}
	want := map[Form]string{
		Rich: `rich_text v3-4: **🔴 Orders: 3 of 5 checks fail — 133 rows wrong, $18,204.10 at stake**
rich_text v3-5: 🔴 **Orphaned orders** 30 of 3,000,000 · first bad {date 1795255320, 2026-11-21 10:02 UTC} (2 h ago)⏎🟢 Stock 0 of 50,000
table v3-6: order|total; o100000|45.10; o100001| 
rich_text v3-7: … and 28 more rows
actions v3-2: [Run again: again R-1042 primary]
context v3-3: R-1042 · asked by <@U0ALICE>`,
		NoTable: `rich_text v3-4: **🔴 Orders: 3 of 5 checks fail — 133 rows wrong, $18,204.10 at stake**
rich_text v3-5: 🔴 **Orphaned orders** 30 of 3,000,000 · first bad {date 1795255320, 2026-11-21 10:02 UTC} (2 h ago)⏎🟢 Stock 0 of 50,000
rich_text v3-6: pre(order    total⏎───────  ─────⏎o100000  45.10⏎o100001)
rich_text v3-7: … and 28 more rows
actions v3-2: [Run again: again R-1042 primary]
context v3-3: R-1042 · asked by <@U0ALICE>`,
		Bare: `section v3-4: 🔴 Orders: 3 of 5 checks fail — 133 rows wrong, $18,204.10 at stake
section v3-5: 🔴 Orphaned orders 30 of 3,000,000 · first bad 2026-11-21 10:02 UTC (2 h ago)⏎🟢 Stock 0 of 50,000
section v3-6: order    total⏎───────  ─────⏎o100000  45.10⏎o100001
section v3-7: … and 28 more rows
actions v3-2: [Run again: again R-1042 primary]
section v3-3: R-1042 · asked by @U0ALICE`,
	}
	for form := Rich; form <= Bare; form++ {
		r := judge(t, m, Look{Form: form, Stamp: "v3"})
		want := strings.ReplaceAll(strings.ReplaceAll(want[form], "v3-2:", "v3-1:"), "v3-3:", "v3-2:")
		for i := 4; i <= 7; i++ {
			want = strings.ReplaceAll(want, fmt.Sprintf("v3-%d:", i), fmt.Sprintf("v3-%d:", i-1))
		}
		if diff := cmp.Diff(want, outline(t, r)); diff != "" {
			t.Errorf("form %d (-want +got):\n%s", form, diff)
		}
		if r.Text != "🔴 Orders: 3 of 5 checks fail — 133 rows wrong, $18,204.10 at stake" {
			t.Errorf("notification says %q", r.Text)
		}
	}
}

// outline writes blocks as text, one line each.
func outline(t *testing.T, r Rendered) string {
	t.Helper()
	raw, err := json.Marshal(r.Blocks)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []map[string]any
	if err := json.Unmarshal(raw, &blocks); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, b := range blocks {
		lines = append(lines, strings.ReplaceAll(fmt.Sprintf("%s %s: %s", b["type"], b["block_id"], sketch(b)), "\n", "⏎"))
	}
	return strings.Join(lines, "\n")
}

func sketch(v any) string {
	o, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	style, _ := o["style"].(map[string]any)
	switch o["type"] {
	case "date":
		return fmt.Sprintf("{date %.0f, %s}", o["timestamp"], o["fallback"])
	case "user":
		return "<@" + o["user_id"].(string) + ">"
	case "button":
		return strings.TrimSpace(fmt.Sprintf("[%s: %s %s %v]", sketch(o["text"]), o["action_id"], o["value"], orEmpty(o["style"])))
	case "table":
		var rows []string
		for _, r := range o["rows"].([]any) {
			var cells []string
			for _, c := range r.([]any) {
				cells = append(cells, sketch(c))
			}
			rows = append(rows, strings.Join(cells, "|"))
		}
		return strings.Join(rows, "; ")
	}
	out, ok := o["text"].(string)
	if !ok {
		out = sketch(o["text"])
	}
	if list, ok := o["elements"].([]any); ok {
		for _, e := range list {
			out += sketch(e)
		}
	}
	if o["type"] == "rich_text_preformatted" {
		out = "pre(" + out + ")"
	}
	if style["bold"] == true {
		out = "**" + out + "**"
	}
	return out
}

func orEmpty(v any) any {
	if v == nil || reflect.ValueOf(v).IsZero() {
		return ""
	}
	return v
}

func TestSecondTableBecomesText(t *testing.T) {
	table := func(name string) message.Part {
		return message.Part{Table: &message.Table{Columns: []message.Column{{Name: name}}, Rows: [][]string{{"1"}}, Total: 1}}
	}
	r := judge(t, message.Message{Headline: message.Text("two tables"), Parts: []message.Part{table("first"), table("second")}}, Look{Stamp: "v1"})
	got := outline(t, r)
	if strings.Count(got, "table v1") != 1 || !strings.Contains(got, "pre(second") {
		t.Errorf("blocks:\n%s", got)
	}
}

func TestTableWithoutRoomIsCounted(t *testing.T) {
	heading := message.Table{}
	for range 20 {
		heading.Columns = append(heading.Columns, message.Column{Name: strings.Repeat("n", 50)})
	}
	for lines := range 120 { // every amount of room that is left for it
		text := strings.Repeat("word ", 4*lines) + "."
		m := message.Message{Headline: message.Text("full"), Parts: []message.Part{
			{Code: strings.Repeat(text+"\n", 20)}, {Table: &heading},
		}}
		judge(t, m, Look{Stamp: "v1"})
	}
}

func TestLongTableSaysWhatIsLeftOut(t *testing.T) {
	tab := &message.Table{Total: 1234567}
	for i := range 25 {
		tab.Columns = append(tab.Columns, message.Column{Name: fmt.Sprint("c", i)})
	}
	for range 300 {
		tab.Rows = append(tab.Rows, make([]string, 25))
	}
	got := outline(t, judge(t, message.Message{Headline: message.Text("wide"), Parts: []message.Part{{Table: tab}}}, Look{Stamp: "v1"}))
	if !strings.Contains(got, "… and 1,234,468 more rows and 5 more columns") {
		t.Errorf("what is left out is not said:\n%s", got[max(0, len(got)-300):])
	}
}

func TestActionThatSlackCouldNotCarryBackIsNotAButton(t *testing.T) {
	m := message.Message{Headline: message.Text("x"), Actions: []message.Action{
		{Verb: "stop", Ref: strings.Repeat("r", 2001), Label: "Stop"}, {Verb: "a~b", Ref: "R-1", Label: "odd"},
	}}
	got := outline(t, judge(t, m, Look{Stamp: "v1"}))
	if strings.Contains(got, "actions") || !strings.Contains(got, "2 more buttons") {
		t.Errorf("blocks:\n%s", got)
	}
}

func TestEmptyMessagesStillSaySomething(t *testing.T) {
	cases := map[string]message.Message{
		"nothing":         {},
		"an empty part":   {Parts: []message.Part{{Actions: []message.Action{}}}},
		"blank lines":     {Parts: []message.Part{{Lines: []message.Line{message.Text(" ")}}, {Code: " \n "}}},
		"an empty table":  {Parts: []message.Part{{Table: &message.Table{}}}},
		"invisible words": {Headline: message.Text("\u200b")},
	}
	for name, m := range cases {
		t.Run(name, func(t *testing.T) {
			for form := Rich; form <= Bare; form++ {
				judge(t, m, Look{Form: form, Stamp: "v1"})
			}
		})
	}
}

func FuzzRender(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, s, s, uint8(i), uint8(3), uint8(2))
	}
	f.Fuzz(func(t *testing.T, headline, cell, code string, rows, columns, parts uint8) {
		tab := &message.Table{Total: int64(rows) * 3}
		for range columns {
			tab.Columns = append(tab.Columns, message.Column{Name: cell})
		}
		for range rows {
			row := make([]string, columns)
			for i := range row {
				row[i] = cell
			}
			tab.Rows = append(tab.Rows, row)
		}
		m := message.Message{
			Headline: message.Join(headline, message.Strong(cell), message.Mono(code), message.LinkTo(cell, headline), message.Mention(cell)),
			Context:  []message.Line{message.Text("%s", cell), message.Join(message.Mono(headline), message.LinkTo(code, cell))},
			Actions:  []message.Action{{Verb: cell, Ref: code, Label: headline, Confirm: &message.Confirm{Title: cell, Text: code}}},
		}
		for range parts {
			m.Parts = append(m.Parts, message.Part{Table: tab}, message.Part{Code: code}, message.Part{Lines: []message.Line{message.Text("%s", cell)}})
		}
		for form := Rich; form <= Bare; form++ {
			judge(t, m, Look{Form: form, Stamp: "v1"})
		}
	})
}

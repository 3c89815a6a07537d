package bot

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/integritybot/integritybot/internal/message"
)

func TestEscape(t *testing.T) {
	cases := map[string]string{
		"plain words, 30 of 3,000,000":          "plain words, 30 of 3,000,000",
		"a < b & c > d":                         "a &lt; b &amp; c &gt; d",
		"<!channel>":                            "&lt;!channel&gt;",
		"order_items and a*b":                   "order_items and a*b", // in a word nothing is formatting
		"*bold* _it_ ~no~":                      "∗bold∗ ˍitˍ ∼no∼",
		"`code`":                                "ˋcodeˋ",
		"> quote":                               "› quote",
		"two\nlines":                            "two⏎lines",
		"\u202Egnp.exe":                         "�gnp.exe",
		"ab\u200Bcd":                            "ab�cd",
		"nul\x00":                               "nul�",
		"\xff":                                  "�",
		"https://evil.example":                  "https:\u2060//evil.example",
		"ann@shop.example":                      "ann\u2060@shop.example",
		"@channel now":                          "@\u2060channel now",
		":tada:":                                ":\u2060tada:",
		"10:02 UTC and 5:30":                    "10:02 UTC and 5:30",
		"a\u0301\u0301\u0301\u0301\u0301\u0301": "a\u0301\u0301\u0301\u0301",
	}
	for in, want := range cases {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestWhatIsDefusedStaysReadable: in the text of a phone's notification and in small print
// nothing is shown as if something hidden had been taken out.
func TestWhatIsDefusedStaysReadable(t *testing.T) {
	const said = "see https://evil.example, tell @here, ann@shop.example and www.shop.example"
	line := message.Join(said+" ", message.Mono(said), " ", message.Strong(said))
	const defused = "see https:\u2060//evil.example, tell @\u2060here, ann\u2060@shop.example and www\u2060.shop.example"
	if got, want := fallback(message.Message{Headline: line}), defused+" "+defused+" "+defused; got != want {
		t.Errorf("the notification is %q, want %q", got, want)
	}
	if got, want := markup(line, 1000), defused+" `"+defused+"` *"+defused+"*"; got != want {
		t.Errorf("the small print is %q, want %q", got, want)
	}
	if got := defuse(defuse(said)); got != defused {
		t.Errorf("defused twice it is %q", got)
	}
	if got := markup(message.Join("a\u2060b"), 100); got != "a�b" {
		t.Errorf("what was hidden is %q", got)
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Escape(s)
		escapedText(t, got, "escaped text")
		if !utf8.ValidString(got) {
			t.Fatalf("not UTF-8: %q", got)
		}
		if strings.ContainsRune(got, '`') {
			t.Fatalf("a backtick: %q", got)
		}
		if size(got) > 5*size(s)+10 {
			t.Fatalf("grew from %d to %d", size(s), size(got))
		}
	})
}

func TestSecretsArePrintedMasked(t *testing.T) {
	s := Secret("xoxb-1-2-3")
	text, err := s.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{s.String(), s.GoString(), s.LogValue().String(), string(text)} {
		if strings.Contains(got, "1-2-3") {
			t.Errorf("printed as %q", got)
		}
	}
}

package commands_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/commands"
)

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"spaces", "   ", nil},
		{"words", "check orders", []string{"check", "orders"}},
		{"smart quotes", "note “two words” ‘and more’", []string{"note", "two words", "and more"}},
		{"em dash as iOS types it", "check —full", []string{"check", "--full"}},
		{"en dash", "check –full", []string{"check", "--full"}},
		{"minus sign", "check −full", []string{"check", "--full"}},
		{"a dash inside a word stays", "check order—totals", []string{"check", "order—totals"}},
		{"ordinary flags stay", "check --since=2h", []string{"check", "--since=2h"}},
		{"no-break spaces", "check\u00a0orders", []string{"check", "orders"}},
		{"zero-width and direction marks vanish", "che\u200bck \u202eorders", []string{"check", "orders"}},
		{"newlines are spaces", "check\norders", []string{"check", "orders"}},
		{"in quotes lines stay lines", "--says 'one\n\ntwo' \"three\r\nfour\"\n—full", []string{"--says", "one\n\ntwo", "three \nfour", "--full"}},
		{"a pattern in single quotes", `logs --grep '\d+ \\S \(x\'`, []string{"logs", "--grep", `\d+ \\S \(x\`}},
		{"a pattern in double quotes", `--grep "\d+ \"x\" \\d"`, []string{"--grep", `\d+ "x" \d`}},
		{"a pattern without quotes", `--grep \d+\.\d \`, []string{"--grep", `\d+\.\d`, `\`}},
		{"a space and a quote that are meant", `a\ b it\'s`, []string{"a b", "it's"}},
		{"a quote in single quotes", `'it'\''s'`, []string{"it's"}},
		{"nothing in quotes", `a '' b`, []string{"a", "", "b"}},
		{"Slack's entities", "note a &lt;b&gt; &amp;c", []string{"note", "a", "<b>", "&c"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := commands.Split(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) == 0 && len(tt.want) == 0 {
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{"30m": 30 * time.Minute, "2h": 2 * time.Hour, "7d": 168 * time.Hour, "1h30m": 90 * time.Minute} {
		if got, err := commands.Span(text); err != nil || got != want {
			t.Errorf("Span(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "2", "-2h", "0s", "0d", "-1d", "1e9d", "99999d", "later", "2 h"} {
		if got, err := commands.Span(text); err == nil {
			t.Errorf("Span(%q) = %v; want an error", text, got)
		}
	}
}

// TestQuoteIsOneWord: what was typed into a dialog comes out of the grammar as it
// went in, whatever it holds.
func TestQuoteIsOneWord(t *testing.T) {
	for _, text := range []string{"production/cache", "", " ", "two words", "it's", `a "b" c`, `back\slash\`, "'; flush", "a &lt;b&gt; & c", "<@U1>", "--yes", "two\nlines", "\n", "ключ-1"} {
		words, err := commands.Split("confirm P-77 " + commands.Quote(text))
		if err != nil || len(words) != 3 || words[2] != text {
			t.Errorf("%q became %q, %v", text, words, err)
		}
	}
	words, err := commands.Split("confirm P-77 " + commands.Quote("it’s\u200b “done”"))
	if err != nil || len(words) != 3 || words[2] != `it's "done"` {
		t.Errorf("what a phone types became %q, %v", words, err)
	}
}

// FuzzGrammar: whatever is typed, it never panics, and every word that comes
// out is free of control and direction characters.
func FuzzGrammar(f *testing.F) {
	for _, seed := range []string{"check orders", "check “orders” —full", `a "b`, `\`, "'", "--", "\x00", "a\u202eb", "&amp;lt;", "$(rm -rf)", "`x`", "a;b|c>d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := commands.Split(text)
		if err != nil {
			return
		}
		if one, err := commands.Split(commands.Quote(text)); len(text) < 500 && (err != nil || len(one) != 1) {
			t.Errorf("%q in quotes is %q, %v", text, one, err)
		}
		for _, w := range words {
			if strings.ContainsAny(w, "\x00\r\t\u200b\u202e") {
				t.Errorf("%q came out of %q", w, text)
			}
		}
	})
}

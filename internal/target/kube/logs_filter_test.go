package kube

import (
	"slices"
	"strings"
	"testing"
)

// patterns are expressions of every kind that the filter knows a short way for.
func patterns() []string {
	return []string{
		defaultErrors, defaultEvents, "error", "(?i)error", "(?i)(err|warn)(or|ing)?", "a|", "", "[Ee]rror", "(?i)e[rs]r", "x+y", "(ab)+c", "(?i)event.*(failed|error)",
		`\d{5}`, "^ERROR", `\bpanic\b`, "(?i)kaſk", "(?s)a.b", "a{2,3}", "(?i)s", "é", "(foo|bar)(baz|qux)", "a?b", "(?i)[ab]c|de", "foo$", "[^a]b",
	}
}

func TestTheFilterKnowsTheWordsOfAnExpression(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]struct {
		words []string
		exact bool
	}{
		defaultEvents:              {[]string{"event"}, false},
		"(?i)err(or|no)|exception": {[]string{"error", "errno", "exception"}, true},
		"Exception":                {[]string{"exception"}, false},
		`\d+ rows? (gone|lost)`:    {[]string{" gone", " lost"}, false},
		`\d+`:                      {nil, false},
		"x*":                       {nil, false},
	} {
		f, err := newFilter(pattern)
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, w := range f.words {
			words = append(words, string(w))
		}
		if !slices.Equal(words, want.words) || f.exact != want.exact {
			t.Errorf("%s is looked for by %q (exact: %t), want %q (%t)", pattern, words, f.exact, want.words, want.exact)
		}
	}
	if f, _ := newFilter(defaultErrors); !f.exact || len(f.words) != 9 {
		t.Errorf("the usual errors are looked for by %q, exact: %t", f.words, f.exact)
	}
}

// FuzzFilter: the short way agrees with the expression on every line.
func FuzzFilter(f *testing.F) {
	for i, p := range patterns() {
		f.Add(p, "an ERROR in event 12345: order failed, panic, foobaz aab ſ K é")
		f.Add(p, []string{"", "a", "b", "Kelvin \u212a", "err\xffor", "exceptioN", strings.Repeat("x", 9000) + "y", "kask"}[i%8])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 100 {
			return
		}
		filter, err := newFilter(pattern)
		if err != nil {
			return
		}
		text = text[:min(len(text), keptBytes)]
		m := matcher{filter: filter}
		if got, want := m.match([]byte(text)), filter.re.MatchString(text); got != want {
			t.Errorf("%q on %q: %t, the expression says %t", pattern, text, got, want)
		}
	})
}

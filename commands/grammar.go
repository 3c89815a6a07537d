package commands

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/buildkite/shellwords"

	"github.com/integritybot/integritybot/internal/audit"
)

// maxText is far above any command, and maxForm above what the fields of a form hold
// together; both are far below what could hurt.
const (
	maxText = 3000
	maxForm = 24_000
)

// Split turns what a person typed into words, as a shell would, after undoing
// what Slack and keyboards do to text: Slack escapes & < >, and iOS and macOS
// turn "--full" into "—full" and quotes into “ ”. Within quotes lines stay lines.
func Split(text string) ([]string, error) { return split(text, maxText) }

// words are those of a request.
func (q Request) words() ([]string, error) {
	if q.Source == audit.FromModal {
		return split(q.Text, maxForm)
	}
	return Split(q.Text)
}

func split(text string, most int) ([]string, error) {
	if len(text) > most {
		return nil, badInput("That is %d characters long; a command has at most %d.", len(text), most)
	}
	words, err := shellwords.SplitPosix(keepBackslashes(normalise(text)))
	if err != nil {
		return nil, badInput("I could not read that: a quote is not closed.")
	}
	return words, nil
}

// keepBackslashes doubles the backslashes that are meant as such, because the
// splitter takes every one for a mark before the next character: in single quotes
// all of them, as in a shell, and elsewhere those before what needs no mark, so that
// \d+ is a pattern however it is typed.
func keepBackslashes(text string) string {
	var b strings.Builder
	quote, runes := rune(0), []rune(text)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '\\' && quote != '\'' && i+1 < len(runes) && strings.ContainsRune("\\\"' ", runes[i+1]):
			b.WriteRune(r)
			i++
			r = runes[i]
		case r == '\\':
			b.WriteRune(r)
		case r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		}
		b.WriteRune(r)
	}
	return b.String()
}

var typography = strings.NewReplacer(
	"“", `"`, "”", `"`, "„", `"`, "‟", `"`, "«", `"`, "»", `"`,
	"‘", "'", "’", "'", "‚", "'", "‛", "'",
	"\u00a0", " ", "\u202f", " ", "\u2007", " ",
	"&lt;", "<", "&gt;", ">", "&amp;", "&",
)

// normalise never fails and is idempotent but for the entities.
func normalise(text string) string {
	text = typography.Replace(text)
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r): // zero-width, direction marks
			return -1
		}
		return r
	}, text)
	lines := strings.Split(text, "\n")
	for n, line := range lines {
		words := strings.Split(line, " ")
		for i, w := range words {
			words[i] = dashes(w)
		}
		lines[n] = strings.Join(words, " ")
	}
	return strings.Join(lines, "\n")
}

// dashes makes a leading long dash the "--" that was typed.
func dashes(word string) string {
	rest := strings.TrimLeft(word, "-‐‑‒–—―−")
	lead := word[:len(word)-len(rest)]
	if strings.ContainsAny(lead, "‐‑‒–—―−") && rest != "" {
		return "--" + rest
	}
	return word
}

// InputError is bad input: one sentence that says what was wrong, and an
// example that works.
type InputError struct {
	Sentence string
	Try      string // words of a command that works, without the command word
	Who      string // the person that it is about: a Slack user id; may be empty
	// Rule is what decided, where it is more than the words that were wrong: what stands
	// against it matters to others, too.
	Rule string
}

func (e *InputError) Error() string { return e.Sentence }

func badInput(format string, args ...any) *InputError {
	return &InputError{Sentence: fmt.Sprintf(format, args...)}
}

// by says what decided.
func (e *InputError) by(rule string) *InputError {
	e.Rule = rule
	return e
}

func (e *InputError) try(words string) *InputError {
	e.Try = words
	return e
}

// Span reads a length of time as people type it: 30m, 2h, 7d, 1h30m.
func Span(s string) (time.Duration, error) {
	d, bad := span(s)
	if bad != nil {
		return 0, bad
	}
	return d, nil
}

func span(s string) (time.Duration, *InputError) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		if _, err := fmt.Sscanf(days, "%d", &n); err == nil && fmt.Sprint(n) == days && n > 0 && n <= 3650 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, badInput("%q is not a length of time; write 30m, 2h or 7d.", s)
	}
	return d, nil
}

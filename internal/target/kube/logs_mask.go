package kube

import (
	"regexp"
	"strings"

	"github.com/integritybot/integritybot/internal/check"
)

// masks hide what a line may hold of people and of secrets. Log lines are written
// by programs that we do not know: what is left is not sure to be free of it, so
// lines go where row data may go and nowhere else.
var masks = []struct {
	what *regexp.Regexp
	with func(string) string
}{
	// The secret after its name, as headers, settings and URLs have it.
	{regexp.MustCompile(`(?i)\b(authorization|password|passwd|pwd|secret|token|api[_-]?key|credentials?)\b(["']?\s*[:=]\s*["']?)(bearer |basic )?[^\s"',;&}]+`), func(s string) string {
		i := strings.IndexAny(s, ":=")
		return s[:i+1] + "•••"
	}},
	{regexp.MustCompile(`://[^/\s:@]+:[^/\s@]+@`), func(string) string { return "://•••@" }},
	{regexp.MustCompile(`\beyJ[\w-]{8,}(\.[\w-]+){1,2}`), func(string) string { return "•••" }},
	{regexp.MustCompile(`[\w.%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+`), func(s string) string { return check.Mask(check.Email, s) }},
	// Cards in groups, telephone numbers, and other long numbers; the time of day may
	// have as many digits.
	{regexp.MustCompile(`\b\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{1,7}\b|\+\d[\d ().-]{7,}\d`), lastTwo},
	{regexp.MustCompile(`\d\d:\d\d:\d\d[.,]\d+|\d{9,}|\b\d{6,8}\b`), lastTwo},
}

// lastTwo leaves two digits, enough to tell two numbers apart. A short number that
// is part of a word, as in o100000, is the key of a row and stays.
func lastTwo(s string) string {
	if strings.Contains(s, ":") {
		return s
	}
	return check.Mask(check.Phone, s)
}

// maskLine is a line of a log as it may be shown.
func maskLine(s string) string {
	for _, m := range masks {
		s = m.what.ReplaceAllStringFunc(s, m.with)
	}
	return s
}

package kube

import (
	"strings"
	"testing"
)

func TestLinesAreMasked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ line, want string }{
		"an address":           {"no customer alice.b@example.co.uk here", "no customer a•••@example.co.uk here"},
		"a card":               {"card 4111 1111 1111 1111 refused", "card •••11 refused"},
		"a telephone number":   {"call +49 (170) 123-4567 now", "call •••67 now"},
		"a long number":        {"iban DE89370400440532013000, no 1234567", "iban DE•••00, no •••67"},
		"the key of a row":     {"order o100000, 12345 of them", "order o100000, 12345 of them"},
		"a time":               {"at 10:02:03.123456789 on 2026-11-21", "at 10:02:03.123456789 on 2026-11-21"},
		"a password":           {`user=bob password="hunter2" ok`, `user=bob password=•••" ok`},
		"a header":             {"Authorization: Bearer abc.def rest", "Authorization:••• rest"},
		"a password in a URL":  {"postgres://shop:hunter2@db:5432/shop", "postgres://•••@db:5432/shop"},
		"a token":              {"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl end", "jwt ••• end"},
		"a member of JSON":     {`{"token":"abc","msg":"m"}`, `{"token":•••","msg":"m"}`},
		"nothing to be hidden": {"panic: index out of range [3] with length 3", "panic: index out of range [3] with length 3"},
	} {
		if got := maskLine(tt.line); got != tt.want {
			t.Errorf("%s: %q is shown as %q, want %q", name, tt.line, got, tt.want)
		}
	}
}

// TestForeignLinesCannotDriveATerminal that shows the file.
func TestForeignLinesCannotDriveATerminal(t *testing.T) {
	t.Parallel()
	l := logLine{text: "a\x1b[31mb\u202ec\td", size: 8}
	if got := l.shown(100); strings.ContainsAny(got, "\x1b\u202e") || got != "a·[31mb·c\td" {
		t.Errorf("%q", got)
	}
}

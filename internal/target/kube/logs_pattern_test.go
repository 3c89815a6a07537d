package kube

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLinesThatSayTheSameHaveOnePattern(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ line, want string }{
		"a time in front":            {"2026-11-21 10:02:03,123 ERROR [nio-8080-exec-7] c.e.shop.OrderEventHandler : failed for order o100000", "ERROR [nio-<n>-exec-<n>] c.e.shop.OrderEventHandler : failed for order o<n>"},
		"a time in brackets":         {"[2026-11-21T10:02:03.5+02:00] boom", "[<time>] boom"},
		"ids":                        {"order 3f2504e0-4f89-11d3-9a0c-0305e82c3301 of 0xDEADBEEF, commit 3f2504e04f89, trace 4bf92f3577b34da6a3ce929d0e0e4736", "order <uuid> of <hex>, commit <hex>, trace <id>"},
		"numbers":                    {"took 1,234.50 ms, 12ms, 1.5ms from 10.0.0.1:8080", "took <n> ms, <n>ms, <n>ms from <n>:<n>"},
		"an address":                 {"no customer alice.b+c@example.co.uk.", "no customer <email>."},
		"an object":                  {"bad com.shop.Order@1a2b3c4d", "bad com.shop.Order@<hex>"},
		"quoted text":                {`cannot parse "Alice's \"order\"" or 'Bob said' for it's broken`, `cannot parse "…" or '…' for it's broken`},
		"the name of a constraint":   {`duplicate key value violates unique constraint "customers_email_key"`, `duplicate key value violates unique constraint "customers_email_key"`},
		"a pod":                      {"peer ecommerce-backend-7d9f8b6c5-x2x4z gone", "peer ecommerce-backend-<hex>-<id> gone"},
		"spaces":                     {"  a \t b\r ", "a b"},
		"nothing":                    {" \t", "(blank)"},
		"only a time":                {"10:02:03", "(blank)"},
		"JSON of zap":                {`{"level":"error","ts":1.2e9,"caller":"shop/handler.go:41","msg":"handling failed","event":"e-1","error":"null pointer"}`, "ERROR shop/handler.go:<n>: handling failed error=null pointer"},
		"JSON of ECS with an object": {`{"log.level":"ERROR","tags":["a",{"b":1}],"message":"m 7","error":{"type":"NullPointerException","message":"x"}}`, "ERROR m <n> error=x"},
		"JSON that is cut off":       {`{"level":"ERROR","message":"the beginning`, "ERROR the beginning"},
		"JSON that says nothing":     {`{"a":1,"b":"c"}`, `{"…":<n>,"…":"…"}`},
		"no JSON at all":             {`{oops error 12`, `{oops error <n>`},
		"a long line":                {strings.Repeat("word ", 200), strings.TrimSpace(strings.Repeat("word ", 47)) + "…"},
		"no UTF-8":                   {"caf\xe9 error", "caf\uFFFD error"},
	} {
		if got := patternOf([]byte(tt.line)); got != tt.want {
			t.Errorf("%s: %q\n is %q\nnot %q", name, tt.line, got, tt.want)
		}
	}
}

// FuzzPattern: a pattern has a bound, is text, and is its own pattern.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{
		"2026-11-21 10:02:03 ERROR x@y.com1 \"a 'b\" c' 123's foo' x@y1", `{"msg":"{\"stack_trace\":\"c_d\"}"}`, `{"stack_trace":"c_d"`,
		`" 'a'`, "a\x7f'b' \x01'c'", strings.Repeat("1 ", 200), strings.Repeat("é1", 200), `10:00:00 {"msg":"x"}`, "“quoted” …", "0000-00-00''", strings.Repeat("x", 300),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		once := patternOf(line)
		if len(once) > patternBytes || !utf8.ValidString(once) {
			t.Fatalf("%q has a pattern of %d bytes: %q", line, len(once), once)
		}
		if twice := patternOf([]byte(once)); twice != once {
			t.Fatalf("%q\n has the pattern %q\nwhich has another %q", line, once, twice)
		}
	})
}

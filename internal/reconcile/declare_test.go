package reconcile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/check"
)

func TestDeclareNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := Declare("cache", node(t, `
kind: cache
pattern: "*"
value: yaml
rows: {table: customers}
fields: {'$.a[x]': name, b: ""}
nulls: [strict, missing, none]
ttl: {max: 0s, together: 1}
min_age: 5s
mask: {nam: email, name: secret}
colour: red
`))
	want := []string{
		"line 3: cache: pattern is \"*\": it matches every key there is",
		"line 4: cache: value is \"yaml\": it must be json, hash or string",
		"line 5: cache: rows needs target",
		"line 5: cache: rows needs key",
		"line 6: cache: fields.b names no column",
		"line 7: cache: nulls has \"none\": it may have missing and empty, or strict alone",
		"line 7: cache: nulls is strict: then nothing else may stand for NULL",
		"line 8: cache: ttl.max is 0s: it must be above 0",
		"line 8: cache: ttl.together is 1: it must be at least 2, or 0 for none",
		"line 9: cache: min_age needs rows.time: the column that says when a row was changed",
		"line 10: cache: mask names nam, which is no column of fields: did you mean name?",
		"line 10: cache: mask.name is \"secret\": it must be one of key, number, time, code, email, name, phone, text",
		"line 11: field colour not found in type reconcile.cacheWords",
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ pattern, key, id, wrong string }{
		{"customer:*", "customer:12", "12", ""},
		{"customer:*", "customer:", "", ""},
		{"customer:*", "customers:1", "", ""},
		{"c:{key}:profile", "c:1:profile", "1", ""},
		{"c:{key}:profile", "c::profile", "", ""},
		{"{shop}:*", "{shop}:7", "7", ""},
		{"c:[a]?*", "c:[a]?7", "7", ""},
		{"c:[a]?*", "c:ax7", "", ""},
		{"a:*:b:*", "", "", "may have * or {key} once"},
		{"a:{key}:{key}", "", "", "may have * or {key} once"},
		{"a:{key}:*", "", "", "may have * or {key} once"},
		{"customers", "", "", "neither * nor {key}"},
		{"{key}", "", "", "matches every key"},
	} {
		s, err := parseShape(tt.pattern)
		if (err != nil) != (tt.wrong != "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("%s: %v, want %s", tt.pattern, err, tt.wrong)
			continue
		}
		if id, ok := s.id(tt.key); err == nil && (id != tt.id || ok != (tt.id != "")) {
			t.Errorf("%s: the row of %s is %q", tt.pattern, tt.key, id)
		}
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	const document = `{"a":{"b":[1,{"c.d":"x"}]},"a.b":"dotted","$":"money"}`
	for text, want := range map[string]string{
		"a.b": "dotted", "$.a.b[0]": "1", "$.a.b[1]['c.d']": "x", "$.a.c": "missing", "$.a.b[2]": "missing", "$.a.b.c": "missing", "$['a.b']": "dotted", "b": "missing",
	} {
		p, err := parsePath(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		cells := make([]cell, 1)
		if why := cut(document, []byte(document), []path{p}, cells); why != "" || cells[0].shown() != want {
			t.Errorf("%s is %+v, %s, want %s", text, cells, why, want)
		}
	}
	for _, text := range []string{"", "$", "$.", "$a", "$.a[", "$.a[-1]", "$.a[b]", "$..a"} {
		if p, err := parsePath(text); err == nil {
			t.Errorf("%q is the path %v", text, p)
		}
	}
}

func TestDeclareFix(t *testing.T) {
	t.Parallel()
	words := wordsOf(t, customersCheck)
	f, err := DeclareFix("cache", words, node(t, "{mode: clear, modes: [flush], rate: 50, classes: [stale, no expiry], max_rows: 7}"))
	if err != nil {
		t.Fatal(err)
	}
	rules := f.Rules()
	if rules.Caps.Rows != 7 || rules.Ways["flush"].Right != "cache:flush" || rules.Ways["flush"].Second == "" || rules.Ways["clear"].Second != "" {
		t.Errorf("rules are %+v", rules)
	}
	if got := f.Planner(nil, nil, check.Check{}).Modes(); !cmp.Equal(got, []string{"clear", "flush"}) {
		t.Errorf("modes are %v", got)
	}
	if got := words.Targets(); !cmp.Equal(got, map[string]string{"rows": "shop"}) {
		t.Errorf("targets are %v", got)
	}
	_, err = DeclareFix("cache", words, node(t, "mode: delete\nclasses: expire together\nrate: -1\n"))
	want := []string{
		"line 1: fix: mode is \"delete\", but checks of kind cache are repaired by clear or flush",
		"line 2: fix: classes has \"expire together\": what is cleared is stale, missing row, unreadable, no expiry, expiry beyond policy",
		"line 3: fix: rate is -1 values a second: it must not be negative (0: as fast as it goes)",
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

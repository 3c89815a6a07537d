package kafka

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/integritybot/integritybot/internal/declare"
)

func TestDeclareNamesAllMistakesWithLines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, kind, words string
		want              []string // "line: part of the message"
	}{
		{"no such kind", "lagg", "group: g", []string{`1: there is no kind of check "lagg": did you mean lag? The kinds are lag, dead-letters.`}},
		{"an empty lag", "lag", "kind: lag", []string{"1: lag: group is missing", "1: lag: max_lag and max_age are missing: one of them says when it is too much"}},
		{
			"a wrong lag", "lag", "group: g\ntopics: [a b]\nmax_lag: -1\nmax_age: 0s\nmax_lags: 5",
			[]string{`2: lag: topics: "a b" cannot be the name of a topic`, "3: lag: max_lag is -1: it must not be negative", "4: lag: max_age is 0s: it must be above 0", "5: "},
		},
		{"empty dead letters", "dead-letters", "kind: dead-letters", []string{"1: dead-letters: topic is missing: the topic of dead letters"}},
		{
			"wrong dead letters", "dead-letters", `topic: dlq
max: -1
id: {json: eventId}
origin: {topic: dlq, partition: -1}
headers: {topics: x}
envelope: {encoding: hex, key: key}
group_by: class
show: {order: "$.items[x]", key: $.k}
mask: {orders: email, key: secret}`,
			[]string{
				"2: dead-letters: max is -1: it must not be negative",
				`3: dead-letters: id.json: "eventId" is not a path into JSON`,
				"4: dead-letters: origin is the topic of dead letters itself",
				"4: dead-letters: origin.partition must be a number from 0 on",
				"5: ",
				"6: dead-letters: envelope.value is missing",
				`6: dead-letters: envelope.key: "key" is not a path into JSON`,
				`6: dead-letters: envelope.encoding is "hex": it must be base64, text or json`,
				`7: dead-letters: group_by is "class": it must be one of error, topic, key, age`,
				`8: dead-letters: show.order: "$.items[x]" is not a path into JSON`,
				"8: dead-letters: show.key: a column of this name is there already",
				`9: dead-letters: mask.key is "secret": it must be one of key, number, time, code, email, name, phone, text`,
				"9: dead-letters: mask names orders, which is no column of text here: did you mean order?",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var doc yaml.Node
			if err := yaml.Load([]byte(tt.words), &doc); err != nil {
				t.Fatal(err)
			}
			_, err := Declare(tt.kind, doc.Content[0])
			var got []string
			for _, one := range faults(err) {
				got = append(got, strings.TrimPrefix(one.Error(), "line "))
			}
			if len(got) != len(tt.want) {
				t.Fatalf("%d mistakes:\n%s", len(got), strings.Join(got, "\n"))
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got  %s\nwant %s", got[i], want)
				}
			}
		})
	}
}

func faults(err error) []*declare.Fault {
	var one *declare.Fault
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*declare.Fault
		for _, e := range many.Unwrap() {
			out = append(out, faults(e)...)
		}
		return out
	}
	if errors.As(err, &one) {
		return []*declare.Fault{one}
	}
	return nil
}

// TestDeclareReadsAllWords of the example in the documentation.
func TestDeclareReadsAllWords(t *testing.T) {
	t.Parallel()
	d := words(t, "dead-letters", `
kind: dead-letters
title: Failed events
domain: events
target: events
topic: ecommerce-dlq
max: 3
id: {header: event_id, json: $.eventId}
origin: {topic: ecommerce-events, partition: 2}
headers: {topic: x-original-topic, error: x-exception}
envelope: {value: $.payload, encoding: base64}
group_by: age
show: {order: $.orderId, customer: $.customerEmail, again: "$['a.b'][0]"}
mask: {customer: email, message: text}
fix: {mode: replay}`).(*DeadLetters)
	two := int32(2)
	if diff := cmp.Diff(&DeadLetters{
		Topic: "ecommerce-dlq", Max: 3, ID: IDRule{"event_id", "$.eventId"}, Origin: Origin{"ecommerce-events", &two},
		Headers: HeaderNames{Topic: "x-original-topic", Error: "x-exception"}, Envelope: &Envelope{Value: "$.payload", Encoding: "base64"},
		GroupBy: "age", Show: Shown{{"order", "$.orderId"}, {"customer", "$.customerEmail"}, {"again", "$['a.b'][0]"}},
		Mask: map[string]string{"customer": "email", "message": "text"},
	}, d); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"lag", "dead-letters"}, Kinds()); diff != "" {
		t.Error(diff)
	}
}

func TestPathsIntoJSON(t *testing.T) {
	t.Parallel()
	const doc = `{"a":{"b":[1,{"c":"x"}],"d.e":"y","n":null,"o":{"p": 1}},"a":{"b":[1,{"c":"x"}],"d.e":"y","n":null,"o":{"p": 1}},"s":"\u00e4"}`
	for text, want := range map[string]string{
		"$.a.b[0]":     "1",
		"$.a.b[1].c":   "x",
		"$.a['d.e']":   "y",
		`$["a"]["o"]`:  `{"p":1}`,
		"$.s":          "ä",
		"$.a.n":        "(null)",
		"$.a.b[2]":     "(none)",
		"$.a.b.c":      "(none)",
		"$.s.x":        "(none)",
		"$.nothing.at": "(none)",
	} {
		p, err := parsePath(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, ok := p.text([]byte(doc))
		if _, there := p.find([]byte(doc)); !ok && there {
			got = "(null)"
		} else if !ok {
			got = "(none)"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if _, ok := p.find([]byte("{no json")); ok {
			t.Errorf("%s is found in what is no JSON", text)
		}
	}
	for _, text := range []string{"", "a", "$a", "$.", "$..a", "$.a[", "$.a[-1]", "$.a['x", "$[x]"} {
		if p, err := parsePath(text); err == nil {
			t.Errorf("%q is taken for %v", text, p)
		}
	}
}

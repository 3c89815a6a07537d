package kafka

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestSelection(t *testing.T) {
	t.Parallel()
	l := Letter{
		Record: &kgo.Record{Partition: 3, Offset: 150, Timestamp: died, Headers: heads("kafka_dlt-exception-fqcn", "X", "a", "1=2")},
		Key:    []byte("o-17"), Value: []byte(`{"customerId":"c-1","n":5,"a=b":true,"none":null}`),
		Headers: heads("inner", ""), Topic: "ecommerce-events", Class: "NullPointerException", ID: "e-9",
	}
	for words, want := range map[string]bool{
		"":                                     true,
		"key=o-17":                             true,
		"key=o-1":                              false,
		"id=e-9":                               true,
		"id=":                                  false,
		"error=nullpointer":                    true,
		"error=Timeout":                        false,
		"topic=ecommerce-events":               true,
		"topic=ecommerce":                      false,
		"offset=3":                             true,
		"offset=2":                             false,
		"offset=3:150":                         true,
		"offset=3:100-150":                     true,
		"offset=3:151-200":                     false,
		"header.a=1=2":                         true,
		"header.inner=":                        true,
		"header.b=1":                           false,
		"json.$.customerId=c-1":                true,
		"json.$.n=5":                           true,
		"json.$['a=b']=true":                   true,
		"json.$.none=":                         false,
		"json.$.missing=c-1":                   false,
		"key=o-17 error=Null json.$.n=5":       true,
		"key=o-17 error=Null json.$.n=6":       false,
		"header.kafka_dlt-exception-fqcn=X":    true,
		"json.$.customerId=c-1 header.a=other": false,
	} {
		s, err := ParseSelect(strings.Fields(words))
		if err != nil {
			t.Errorf("%s: %v", words, err)
			continue
		}
		if got := s.Matches(l); got != want {
			t.Errorf("%q matches: %t, want %t", words, got, want)
		}
		if s.All() != (words == "") || s.String() != words {
			t.Errorf("%q became %q, all: %t", words, s, s.All())
		}
	}
	nobody := Letter{Record: &kgo.Record{Timestamp: died}}
	for _, word := range []string{"key=", "id=", "topic="} {
		if s, err := ParseSelect([]string{word}); err != nil || s.Matches(nobody) {
			t.Errorf("%s matches what has none (%v)", word, err)
		}
	}
}

func TestSelectionByTime(t *testing.T) {
	t.Parallel()
	l := Letter{Record: &kgo.Record{Timestamp: died}}
	for _, tt := range []struct {
		from, to time.Time
		want     bool
	}{
		{time.Time{}, time.Time{}, true},
		{died, time.Time{}, true},
		{died.Add(1), time.Time{}, false},
		{time.Time{}, died, false},
		{time.Time{}, died.Add(1), true},
	} {
		if got := (Selection{}).Between(tt.from, tt.to).Matches(l); got != tt.want {
			t.Errorf("from %s to %s: %t", tt.from, tt.to, got)
		}
	}
}

func TestSelectionSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"o-17":                  `"o-17" says nothing to select by: it needs a word, = and a value, such as key=o-17, id=9f1c, error=NullPointer, topic=ecommerce-events, offset=3:100-200, header.source=shop or json.$.customerId=c-1.`,
		"=x":                    `"=x" says nothing to select by: it needs a word, = and a value, such as key=o-17, id=9f1c, error=NullPointer, topic=ecommerce-events, offset=3:100-200, header.source=shop or json.$.customerId=c-1.`,
		"eror=Null":             `Letters cannot be selected by "eror": did you mean error? Words are key=o-17, id=9f1c, error=NullPointer, topic=ecommerce-events, offset=3:100-200, header.source=shop or json.$.customerId=c-1.`,
		"header=x":              `"header" is not complete: write it as in header.source=shop.`,
		"header.=x":             `"header." is not complete: write it as in header.source=shop.`,
		"json=x":                `"json" is not complete: write it as in json.$.customerId=c-1.`,
		"json.customerId=c-1":   `In json.customerId: "customerId" is not a path into JSON such as $.customer.id or $.items[0]: it begins with $. An example: json.$.customerId=c-1.`,
		"json.$.items[x].id=c":  `In json.$.items[x].id: "$.items[x].id" is not a path into JSON such as $.customer.id or $.items[0]: "x" is not a place in a list, counted from 0. An example: json.$.customerId=c-1.`,
		"error=":                `error= needs a part of an exception's class, such as error=NullPointer.`,
		"offset=x":              `offset=x is not a partition and offsets in it: write offset=3:100-200 for 100 to 200 of partition 3, offset=3:100 for one.`,
		"offset=3:200-100":      `offset=3:200-100 is not a partition and offsets in it: write offset=3:100-200 for 100 to 200 of partition 3, offset=3:100 for one.`,
		"offset=-1:5":           `offset=-1:5 is not a partition and offsets in it: write offset=3:100-200 for 100 to 200 of partition 3, offset=3:100 for one.`,
		"offset=99999999999999": `offset=99999999999999 is not a partition and offsets in it: write offset=3:100-200 for 100 to 200 of partition 3, offset=3:100 for one.`,
	} {
		if _, err := ParseSelect([]string{"key=fine", word}); err == nil {
			t.Errorf("%q is taken for a selection", word)
		} else if got := sentence(t, err); got != want {
			t.Errorf("%q:\n got %s\nwant %s", word, got, want)
		}
	}
}

// FuzzParseSelect: whatever people type is refused with a sentence or works.
func FuzzParseSelect(f *testing.F) {
	for _, e := range selectWords() {
		f.Add(e.text, []byte(`{"customerId":"c-1"}`))
	}
	f.Add("json.$['a=b']=c", []byte("{"))
	f.Fuzz(func(t *testing.T, word string, value []byte) {
		s, err := ParseSelect([]string{word})
		if err != nil {
			if got := sentence(t, err); got == "" {
				t.Error("an error without a sentence")
			}
			return
		}
		s.Matches(Letter{Record: &kgo.Record{Value: value}, Value: value, Key: value})
	})
}

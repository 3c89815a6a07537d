package kafka

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// heads are headers in order: name, value, name, value.
func heads(pairs ...string) []kgo.RecordHeader {
	var out []kgo.RecordHeader
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, kgo.RecordHeader{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return out
}

func int32s(n int32) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }
func int64s(n int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(n))) }

var died = time.UnixMilli(1_760_000_000_000).UTC()

// understood is what tests say of a letter.
type understood struct {
	Style, Topic, Place, Time, Class, Message, ID, Broken string
	Attempts                                              int
	Plan                                                  int64
	From                                                  string
	Key, Value                                            string // null is <null>
	Headers                                               string // names
}

func summary(l Letter) understood {
	show := func(b []byte) string {
		if b == nil {
			return "<null>"
		}
		return string(b)
	}
	var names []string
	for _, h := range l.Headers {
		names = append(names, h.Key+"="+show(h.Value))
	}
	at := ""
	if !l.Time.Equal(died) {
		at = l.Time.UTC().Format(time.RFC3339)
	}
	return understood{
		l.Style, l.Topic, positions(map[int32]int64{l.Partition: l.Offset}), at, l.Class, l.Message, l.ID, l.Broken,
		l.Attempts, l.Plan, l.From, show(l.Key), show(l.Value), strings.Join(names, " "),
	}
}

func TestUnderstand(t *testing.T) {
	t.Parallel()
	springs := heads("source", "shop",
		"kafka_dlt-original-topic", "ecommerce-events", "kafka_dlt-original-partition", int32s(3), "kafka_dlt-original-offset", int64s(77),
		"kafka_dlt-original-timestamp", int64s(1_700_000_000_000), "kafka_dlt-original-timestamp-type", "CREATE_TIME",
		"kafka_dlt-original-consumer-group", "ecommerce-consumer",
		"kafka_dlt-exception-fqcn", "org.springframework.kafka.listener.ListenerExecutionFailedException",
		"kafka_dlt-exception-cause-fqcn", "java.lang.NullPointerException",
		"kafka_dlt-exception-message", "order is null", "kafka_dlt-exception-stacktrace", "at com.example…",
		"source", "again")
	again := append(append([]kgo.RecordHeader(nil), springs...), heads(
		"kafka_dlt-original-topic", "ecommerce-dlq", "kafka_dlt-original-partition", int32s(9), "kafka_dlt-original-offset", int64s(1),
		"kafka_dlt-exception-fqcn", "java.lang.IllegalStateException", "kafka_dlt-exception-message", "still")...)
	kept := "source=shop kafka_dlt-original-topic=ecommerce-events kafka_dlt-original-partition=" + int32s(3) +
		" kafka_dlt-original-offset=" + int64s(77) + " kafka_dlt-original-timestamp=" + int64s(1_700_000_000_000) +
		" kafka_dlt-original-timestamp-type=CREATE_TIME kafka_dlt-original-consumer-group=ecommerce-consumer source=again"
	for _, tt := range []struct {
		name, words string
		rec         kgo.Record
		want        understood
	}{
		{
			name: "Spring", rec: kgo.Record{Key: []byte("o-1"), Value: []byte("v"), Headers: springs},
			want: understood{
				Style: "spring", Topic: "ecommerce-events", Place: "3:77", Time: "2023-11-14T22:13:20Z",
				Class: "NullPointerException", Message: "order is null", Key: "o-1", Value: "v", Headers: kept,
			},
		},
		{
			name: "Spring twice: first original, last exception", rec: kgo.Record{Key: []byte("o-1"), Headers: again},
			want: understood{
				Style: "spring", Topic: "ecommerce-events", Place: "3:77", Time: "2023-11-14T22:13:20Z",
				Class: "IllegalStateException", Message: "still", Key: "o-1", Value: "<null>", Headers: kept,
			},
		},
		{
			name: "Spring's retry topics", rec: kgo.Record{Headers: heads("retry_topic-attempts", int32s(3),
				"retry_topic-original-timestamp", int64s(1_700_000_000_000), "retry_topic-backoff-timestamp", int64s(5), "springDeserializerExceptionValue", "…")},
			want: understood{Place: "-1:-1", Time: "2023-11-14T22:13:20Z", Key: "<null>", Value: "<null>"},
		},
		{
			name: "Connect", rec: kgo.Record{Value: []byte{}, Headers: heads(
				"__connect.errors.topic", "orders", "__connect.errors.partition", "2", "__connect.errors.offset", "12345678",
				"__connect.errors.connector.name", "sink", "__connect.errors.task.id", "0", "__connect.errors.stage", "VALUE_CONVERTER",
				"__connect.errors.class.name", "org.apache.kafka.connect.json.JsonConverter",
				"__connect.errors.exception.class.name", "org.apache.kafka.connect.errors.DataException",
				"__connect.errors.exception.message", "bad json", "trace", "1")},
			want: understood{
				Style: "connect", Topic: "orders", Place: "2:12345678", Class: "DataException", Message: "bad json", Key: "<null>",
				Headers: "__connect.errors.topic=orders __connect.errors.partition=2 __connect.errors.offset=12345678 trace=1",
			},
		},
		{
			name: "headers that the config names", words: "headers: {topic: x-topic, partition: x-part, offset: x-off, time: x-time, error: x-error, message: x-msg}\nid: {header: event_id}",
			rec: kgo.Record{Headers: heads("event_id", "e-1", "x-topic", "orders", "x-part", "2", "x-off", "12345678", "x-time", "2023-11-14T22:13:20Z",
				"x-error", "ValueError: no such order of alice@example.com", "x-msg", "no")},
			want: understood{
				Style: "mapped", Topic: "orders", Place: "2:12345678", Time: "2023-11-14T22:13:20Z", Class: "ValueError", Message: "no", ID: "e-1",
				Key: "<null>", Value: "<null>", Headers: "event_id=e-1 x-topic=orders x-part=2 x-off=12345678 x-time=2023-11-14T22:13:20Z",
			},
		},
		{
			name: "what our own plan sent and came back", words: "origin: {topic: ecommerce-events}",
			rec: kgo.Record{Key: []byte("k"), Headers: heads("a", "b", "integritybot-plan", "P-7", "integritybot-attempt", "1", "integritybot-origin", "dlq/0/5",
				"integritybot-plan", "P-9", "integritybot-attempt", "2", "integritybot-other", "x")},
			want: understood{Style: "replay", Topic: "ecommerce-events", Place: "-1:-1", Plan: 9, Attempts: 2, From: "dlq/0/5", Key: "k", Value: "<null>", Headers: "a=b"},
		},
		{
			name: "nothing but the config's origin", words: "origin: {topic: ecommerce-events, partition: 2}\nid: {header: event_id, json: $.event.id}",
			rec:  kgo.Record{Value: []byte(`{"event":{"id":17}}`), Headers: []kgo.RecordHeader{{Key: "event_id"}}},
			want: understood{Topic: "ecommerce-events", Place: "2:-1", ID: "17", Key: "<null>", Value: `{"event":{"id":17}}`, Headers: "event_id=<null>"},
		},
		{
			name: "names and numbers that are none", rec: kgo.Record{Headers: heads("kafka_dlt-original-topic", "<!channel>", "kafka_dlt-original-partition", "x",
				"kafka_dlt-original-offset", "-4", "kafka_dlt-exception-fqcn", "call +49 151 23456 now", "kafka_dlt-original-timestamp", int64s(1<<62))},
			want: understood{Place: "-1:-1", Class: "unnamed error", Key: "<null>", Value: "<null>", Headers: "kafka_dlt-original-topic=<!channel> kafka_dlt-original-partition=x " +
				"kafka_dlt-original-offset=-4 kafka_dlt-original-timestamp=" + int64s(1<<62)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := words(t, "dead-letters", "topic: dlq\n"+tt.words).(*DeadLetters)
			tt.rec.Timestamp = died
			if diff := cmp.Diff(tt.want, summary(understand(d.rules(), &tt.rec))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnderstandEnvelopes(t *testing.T) {
	t.Parallel()
	const b64 = `envelope: {value: $.payload, encoding: base64, key: $.key, headers: $.headers, topic: $.from.topic, partition: "$.from['part']", offset: "$.at[0]", time: $.time, error: $.error, message: $.why}`
	full := `{"payload":"AAEC/w==","key":"by0x","headers":{"a":"eA==","b":null,"a2":["eQ==",null]},"from":{"topic":"orders","part":2},"at":[9],"time":1700000000000,"error":"a.b.TimeoutException","why":"late"}`
	for _, tt := range []struct {
		name, words string
		rec         kgo.Record
		want        understood
	}{
		{
			name: "all of it", words: b64, rec: kgo.Record{Key: []byte("outer"), Value: []byte(full), Headers: heads("outer", "1")},
			want: understood{
				Style: "envelope", Topic: "orders", Place: "2:9", Time: "2023-11-14T22:13:20Z", Class: "TimeoutException", Message: "late",
				Key: "o-1", Value: "\x00\x01\x02\xff", Headers: "a=x b=<null> a2=y a2=<null>",
			},
		},
		{
			name: "a tombstone in it, without a key", words: b64, rec: kgo.Record{Key: []byte("outer"), Value: []byte(`{"payload":null,"from":{"topic":"orders"},"error":"X"}`)},
			want: understood{Style: "envelope", Topic: "orders", Place: "-1:-1", Class: "X", Key: "<null>", Value: "<null>"},
		},
		{
			name: "no base64", words: b64, rec: kgo.Record{Value: []byte(`{"payload":"***","from":{"topic":"orders"},"error":"X"}`)},
			want: understood{Style: "envelope", Place: "-1:-1", Broken: "is wrapped, but holds no base64 at $.payload", Key: "<null>", Value: `{"payload":"***","from":{"topic":"orders"},"error":"X"}`},
		},
		{
			name: "not wrapped, and nothing says where it is from", words: b64, rec: kgo.Record{Value: []byte(`{"orderId":1}`)},
			want: understood{Place: "-1:-1", Broken: "is not wrapped as the config's envelope says", Key: "<null>", Value: `{"orderId":1}`},
		},
		{
			name: "JSON inside, to the byte", words: "envelope: {value: $.event, encoding: json}", rec: kgo.Record{Key: []byte("k"), Value: []byte(`{"event": {"b": 1,  "a": "ü"} }`)},
			want: understood{Style: "envelope", Place: "-1:-1", Key: "k", Value: `{"b": 1,  "a": "ü"}`},
		},
		{
			name: "text inside; the header mapping is overruled where the envelope says more", words: "headers: {topic: x-topic}\nenvelope: {value: $.event, headers: $.h}\nid: {header: id}",
			rec:  kgo.Record{Value: []byte(`{"event":"a\nb","h":[["id","e-1"],{"key":"n","value":null},{"name":"m","value":1}]}`), Headers: heads("x-topic", "orders")},
			want: understood{Style: "envelope", Topic: "orders", Place: "-1:-1", ID: "e-1", Key: "<null>", Value: "a\nb", Headers: "id=e-1 n=<null> m=1"},
		},
		{
			name: "a copy that a plan sent, wrapped when it died again", words: "envelope: {value: $.event, headers: $.h}",
			rec:  kgo.Record{Value: []byte(`{"event":"v","h":{"a":"x","integritybot-plan":"P-7","integritybot-attempt":"2","integritybot-origin":"dlq/3/12"}}`)},
			want: understood{Style: "envelope", Place: "-1:-1", Plan: 7, Attempts: 2, From: "dlq/3/12", Key: "<null>", Value: "v", Headers: "a=x"},
		},
		{
			name: "and put aside since then", words: "envelope: {value: $.event, headers: $.h}",
			rec: kgo.Record{
				Value:   []byte(`{"event":"v","h":{"integritybot-plan":"P-7","integritybot-attempt":"2","integritybot-origin":"dlq/3/12"}}`),
				Headers: heads("integritybot-plan", "P-9", "integritybot-attempt", "0", "integritybot-origin", "dlq/0/5"),
			},
			want: understood{Style: "envelope", Place: "-1:-1", Plan: 9, Attempts: 2, From: "dlq/0/5", Key: "<null>", Value: "v"},
		},
		{
			name: "a copy that a plan sent, in base64, and the rest of it is unreadable", words: b64,
			rec: kgo.Record{Value: []byte(`{"payload":"***","headers":{"bad":"***","integritybot-plan":"UC03","integritybot-origin":"ZGxxLzMvMTI="},"from":{"topic":"orders"},"error":"X"}`)},
			want: understood{
				Style: "envelope", Place: "-1:-1", Plan: 7, From: "dlq/3/12", Broken: "is wrapped, but holds no base64 at $.payload", Key: "<null>",
				Value: `{"payload":"***","headers":{"bad":"***","integritybot-plan":"UC03","integritybot-origin":"ZGxxLzMvMTI="},"from":{"topic":"orders"},"error":"X"}`,
			},
		},
		{
			name: "Spring does not wrap", words: "envelope: {value: $.payload}", rec: kgo.Record{Value: []byte(`{"payload":"x"}`), Headers: heads("kafka_dlt-original-topic", "orders")},
			want: understood{Style: "spring", Topic: "orders", Place: "-1:-1", Key: "<null>", Value: `{"payload":"x"}`, Headers: "kafka_dlt-original-topic=orders"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := words(t, "dead-letters", "topic: dlq\n"+tt.words).(*DeadLetters)
			tt.rec.Timestamp = died
			got := understand(d.rules(), &tt.rec)
			if diff := cmp.Diff(tt.want, summary(got)); diff != "" {
				t.Error(diff)
			}
			var again letterRules // as a plan keeps them
			if err := json.Unmarshal([]byte(asJSON(t, d.rules())), &again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(summary(got), summary(understand(again, &tt.rec))); diff != "" {
				t.Errorf("after JSON: %s", diff)
			}
		})
	}
}

// TestTextThatIsNotWhatWasWrapped is not sent on as if it were.
func TestTextThatIsNotWhatWasWrapped(t *testing.T) {
	t.Parallel()
	d := words(t, "dead-letters", "topic: dlq\nenvelope: {value: $.event, key: $.key, headers: $.h}").(*DeadLetters)
	const spoilt = "is wrapped, but holds text that cannot be told to the byte at "
	for value, want := range map[string]string{
		`{"event":"ü \ud83d\ude00 \\ud800","key":"\"","h":{"a":"\u00fc"}}`: "",
		"{\"event\":\"a\xff\"}":                spoilt + "$.event",
		`{"event":"a\ud800"}`:                  spoilt + "$.event",
		`{"event":"a\ude00\ud83d"}`:            spoilt + "$.event",
		`{"event":"a\ufffd"}`:                  spoilt + "$.event", // whoever wrapped it could not read it either
		"{\"event\":\"a\",\"key\":\"\xc3\"}":   spoilt + "$.key",
		`{"event":"a","h":{"n":"\udc00"}}`:     spoilt + "$.h",
		"{\"event\":\"a\",\"h\":{\"\xff\":1}}": spoilt + "$.h",
	} {
		if l := understand(d.rules(), &kgo.Record{Value: []byte(value)}); l.Broken != want {
			t.Errorf("%q: %q, want %q", value, l.Broken, want)
		}
	}
	raw := words(t, "dead-letters", "topic: dlq\nenvelope: {value: $.event, encoding: json}").(*DeadLetters)
	if l := understand(raw.rules(), &kgo.Record{Value: []byte("{\"event\":{\"a\":\"\xff\\ud800\"}}")}); l.Broken != "" || string(l.Value) != "{\"a\":\"\xff\\ud800\"}" {
		t.Errorf("JSON put in as it is: %q, %q", l.Value, l.Broken)
	}
}

func TestClassNames(t *testing.T) {
	t.Parallel()
	for full, want := range map[string]string{
		"":                                 "",
		"java.lang.NullPointerException":   "NullPointerException",
		"com.example.Orders$Missing":       "Missing",
		"ValueError":                       "ValueError",
		"*errors.errorString":              "errorString",
		"TimeoutException: after 5 s":      "TimeoutException",
		"alice@example.com is unknown":     "unnamed error",
		"@":                                "unnamed error",
		"49151234":                         "unnamed error",
		strings.Repeat("x", 200):           "unnamed error",
		"Füße":                             "unnamed error",
		"System.IO.IOException\nat line 1": "IOException",
	} {
		if got := className(full); got != want {
			t.Errorf("className(%q) = %q, want %q", full, got, want)
		}
	}
}

// FuzzUnderstand: whatever stands in a topic is read without a crash, stays
// untouched, and what is said about it is fit for a table.
func FuzzUnderstand(f *testing.F) {
	f.Add([]byte("k"), []byte(`{"payload":"AA==","key":"AA==","headers":[["a","AA=="]],"topic":"t"}`), "kafka_dlt-original-topic", []byte("t"), "x-error", []byte("E"))
	f.Add([]byte(nil), []byte(nil), "__connect.errors.offset", []byte("12"), "integritybot-plan", []byte("P-1"))
	f.Add([]byte{}, []byte(`{"payload":[[[`), "retry_topic-original-timestamp", []byte{1, 2, 3, 4, 5, 6, 7, 8}, "", []byte(nil))
	d := words(f, "dead-letters", `
topic: dlq
id: {header: event_id, json: "$.a['b'][0]"}
headers: {topic: x-topic, time: x-time, error: x-error}
envelope: {value: $.payload, encoding: base64, key: $.key, headers: $.headers, topic: $.topic}
show: {order: $.order}`).(*DeadLetters)
	rules := d.rules()
	f.Fuzz(func(t *testing.T, key, value []byte, name1 string, value1 []byte, name2 string, value2 []byte) {
		rec := &kgo.Record{Key: key, Value: value, Timestamp: died, Headers: []kgo.RecordHeader{{Key: name1, Value: value1}, {Key: name2, Value: value2}}}
		before, err := writeLine(rec, nil)
		if err != nil {
			t.Fatal(err)
		}
		l := understand(rules, rec)
		after, err := writeLine(rec, nil)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("the record was changed: %s, then %s", before, after)
		}
		if l.Topic != "" && !legalTopic(l.Topic) {
			t.Errorf("topic %q", l.Topic)
		}
		if len(l.Class) > longestClass || strings.ContainsAny(l.Class, "<>@&\n") {
			t.Errorf("class %q", l.Class)
		}
		if len(l.Headers) > len(rec.Headers) && l.Style != styleEnvelope {
			t.Errorf("headers came from nowhere: %v", l.Headers)
		}
		if cols, values := d.shown(l); len(cols) != len(values) {
			t.Errorf("%d columns, %d values", len(cols), len(values))
		}
	})
}

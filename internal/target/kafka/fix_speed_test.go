package kafka

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
)

// springLetter is a dead letter as Spring writes them, as large as they are.
func springLetter() *kgo.Record {
	return &kgo.Record{
		Topic: "dlq", Partition: 3, Offset: 123_456, Key: []byte("o-1234"), Timestamp: time.UnixMilli(1_750_000_000_000),
		Value: bytes.Repeat([]byte(`{"orderId":"o-1234"}`), 14),
		Headers: append([]kgo.RecordHeader{
			header("event_id", "ev-123456"),
			header("traceparent", fmt.Sprintf("00-%032x-%016x-01", 1, 2)),
			header("tag", "a"),
			header("tag", "b"),
			{Key: "nothing"},
			header("kafka_dlt-exception-cause-fqcn", "java.lang.NullPointerException"),
			header("kafka_dlt-exception-stacktrace", strings.Repeat("\tat com.example.shop.OrderEventHandler.handle(OrderEventHandler.java:41)\n", 6)),
			{Key: "kafka_dlt-original-timestamp", Value: []byte{0, 0, 1, 0x97, 0x22, 0x33, 0x44, 0x55}},
			header("kafka_dlt-original-timestamp-type", "CreateTime"),
		}, spring("events", 3, 77_000, "org.springframework.kafka.listener.ListenerExecutionFailedException")...),
	}
}

func BenchmarkLetterIsUnderstood(b *testing.B) {
	rules, r := (&DeadLetters{}).rules(), springLetter()
	b.ReportAllocs()
	for b.Loop() {
		if l := understand(rules, r); l.Class != "NullPointerException" || len(l.Headers) != 10 {
			b.Fatalf("understood as %+v", l)
		}
	}
}

func BenchmarkLetterIsCopied(b *testing.B) {
	rules, r := (&DeadLetters{}).rules(), springLetter()
	f, spec := fix.Form{Name: "events"}, sendSpec{Kind: sendLetter, Rules: rules}
	b.ReportAllocs()
	for b.Loop() {
		if c := copyOf(7, f, spec, goes{3, 1}, r); len(c.Headers) != 13 {
			b.Fatalf("copied as %+v", c)
		}
	}
}

func BenchmarkLetterIsDigested(b *testing.B) {
	r := springLetter()
	b.ReportAllocs()
	for b.Loop() {
		if printOf(r) == (fingerprint{}) {
			b.Fatal("no digest")
		}
	}
}

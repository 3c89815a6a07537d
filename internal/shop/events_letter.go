package shop

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The headers of Spring's DeadLetterPublishingRecoverer.
const (
	springClass     = "kafka_dlt-exception-fqcn"
	springCause     = "kafka_dlt-exception-cause-fqcn"
	springMessage   = "kafka_dlt-exception-message"
	springStack     = "kafka_dlt-exception-stacktrace"
	springTopic     = "kafka_dlt-original-topic"
	springPartition = "kafka_dlt-original-partition"
	springOffset    = "kafka_dlt-original-offset"
	springTime      = "kafka_dlt-original-timestamp"
	springTimeType  = "kafka_dlt-original-timestamp-type"
	springGroup     = "kafka_dlt-original-consumer-group"
)

// deadLetter is the record that Spring writes when the handler throws: the same key, value and headers in the same
// partition, exception headers replaced, headers about the origin added to those of earlier passes, numbers in
// binary, big end first.
func deadLetter(r *kgo.Record, f *failure, at time.Time) *kgo.Record {
	headers := slices.DeleteFunc(slices.Clone(r.Headers), func(h kgo.RecordHeader) bool {
		return strings.HasPrefix(h.Key, "kafka_dlt-exception-")
	})
	add := func(key string, value []byte) { headers = append(headers, kgo.RecordHeader{Key: key, Value: value}) }
	add(springClass, []byte(f.class))
	add(springCause, []byte(f.cause))
	add(springMessage, []byte(f.message))
	add(springStack, []byte(f.stack()))
	add(springTopic, []byte(r.Topic))
	add(springPartition, binary.BigEndian.AppendUint32(nil, uint32(r.Partition)))
	add(springOffset, binary.BigEndian.AppendUint64(nil, uint64(r.Offset)))
	add(springTime, binary.BigEndian.AppendUint64(nil, uint64(r.Timestamp.UnixMilli())))
	add(springTimeType, []byte("CreateTime"))
	add(springGroup, []byte(EventsGroup))
	return &kgo.Record{Topic: DeadLetterTopic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: headers, Timestamp: at}
}

// stack is a stack trace as Java prints it.
func (f *failure) stack() string {
	return f.class + ": " + f.message + `
	at org.springframework.kafka.listener.KafkaMessageListenerContainer$ListenerConsumer.decorateException(KafkaMessageListenerContainer.java:2869)
	at org.springframework.kafka.listener.KafkaMessageListenerContainer$ListenerConsumer.doInvokeRecordListener(KafkaMessageListenerContainer.java:2775)
	at org.springframework.kafka.listener.KafkaMessageListenerContainer$ListenerConsumer.pollAndInvoke(KafkaMessageListenerContainer.java:1434)
	at java.base/java.lang.Thread.run(Thread.java:1583)
Caused by: ` + f.cause + `
	at com.example.shop.OrderEventHandler.handleOrderCreated(OrderEventHandler.java:41)
	... 12 more
`
}

// simpleClass is what is thrown at the bottom, without its package; a failure to read the record is its own bottom.
func (f *failure) simpleClass() string {
	class := f.cause
	if strings.HasSuffix(f.class, ".DeserializationException") {
		class = f.class
	}
	return class[strings.LastIndex(class, ".")+1:]
}

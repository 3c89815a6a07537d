package kafka

import (
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
)

// The headers that a copy is given, at its end and once each, whatever it had of
// them before. Those of a stored event say which one it is.
const (
	headerPlan    = "integritybot-plan"    // P-1043
	headerAttempt = "integritybot-attempt" // 2: the letter's second replay
	headerOrigin  = "integritybot-origin"  // ecommerce-dlq/3/12345: topic, partition and offset of the letter

	headerEventID   = "event_id"
	headerEventType = "event_type"
	headerSequence  = "sequence"
)

// copyOf is what is sent of a letter: what was inside of it, or, when it is put
// aside, the letter as it stands. Both keep the time of what they are a copy of.
func copyOf(plan int64, f fix.Form, spec sendSpec, g goes, record *kgo.Record) *kgo.Record {
	out := &kgo.Record{Topic: f.Name, Key: record.Key, Value: record.Value, Timestamp: record.Timestamp, Partition: g.Partition}
	headers := record.Headers
	if spec.Kind == sendLetter {
		letter := understand(spec.Rules, record)
		out.Key, out.Value, headers = letter.Key, letter.Value, letter.Headers
		if !letter.Time.IsZero() {
			out.Timestamp = letter.Time
		}
	}
	for _, h := range headers {
		switch h.Key {
		case headerPlan, headerAttempt, headerOrigin:
		default:
			out.Headers = append(out.Headers, h)
		}
	}
	out.Headers = append(out.Headers,
		header(headerPlan, fix.Ref(plan)),
		header(headerAttempt, strconv.Itoa(g.Attempt)),
		header(headerOrigin, fmt.Sprintf("%s/%d/%d", record.Topic, record.Partition, record.Offset)),
	)
	return out
}

// eventOf is what is sent of a stored event.
func eventOf(plan int64, f fix.Form, e storedEvent) *kgo.Record {
	return &kgo.Record{
		Topic: f.Name, Key: []byte(e.Key), Value: e.Value, Timestamp: time.UnixMilli(e.Millis), Partition: -1,
		Headers: []kgo.RecordHeader{
			header(headerEventID, e.ID),
			header(headerEventType, e.Type),
			header(headerSequence, strconv.FormatInt(e.Sequence, 10)),
			header(headerPlan, fix.Ref(plan)),
		},
	}
}

func header(key, value string) kgo.RecordHeader {
	return kgo.RecordHeader{Key: key, Value: []byte(value)}
}

// partitionFor is where a copy goes whose partition the plan left open: where
// Java's default partitioner puts its key, and without a key somewhere, but for
// the same letter always the same.
func partitionFor(record *kgo.Record, place int64, partitions int32) int32 {
	if record.Key == nil {
		return int32(place % int64(partitions)) //nolint:gosec // below partitions
	}
	// The partitioner hashes keys with murmur2, as Java does, and remembers nothing
	// of records that have one.
	by := kgo.StickyKeyPartitioner(nil).ForTopic(record.Topic)
	return int32(by.Partition(record, int(partitions))) //nolint:gosec // below partitions
}

// sizeOf is how large a batch of this record alone is, in bytes, uncompressed: what
// a broker compares with max.message.bytes. Source: Apache Kafka, "Record Batch"
// and "Record" of the message format, version 2.
func sizeOf(r *kgo.Record) int {
	const batchOverhead = 61
	// attributes, and the deltas of time and offset, which are 0 for the first record
	n := 1 + 1 + 1
	n += varint(length(r.Key)) + len(r.Key) + varint(length(r.Value)) + len(r.Value) + varint(len(r.Headers))
	for _, h := range r.Headers {
		n += varint(len(h.Key)) + len(h.Key) + varint(length(h.Value)) + len(h.Value)
	}
	return batchOverhead + varint(n) + n
}

// length is that of bytes in the format, where null is -1.
func length(b []byte) int {
	if b == nil {
		return -1
	}
	return len(b)
}

// varint is how many bytes a number takes, zigzag encoded.
func varint(n int) int {
	u := uint64((n << 1) ^ (n >> 63)) //nolint:gosec // the encoding
	size := 1
	for u >= 0x80 {
		u >>= 7
		size++
	}
	return size
}

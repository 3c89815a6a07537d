package kafka

import (
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
	room := make([]kgo.RecordHeader, 0, len(record.Headers)+ownHeaders)
	var c kgo.Record
	if spec.Kind == sendLetter {
		c = originalOf(spec.Rules, record, room)
	} else {
		c = asideOf(record, room)
	}
	sign(&c, []byte(fix.Ref(plan)), record)
	address(&c, f.Name, g.Partition, []byte(strconv.Itoa(g.Attempt)))
	return &c
}

// originalOf is what was inside of a letter. Its headers are put into room.
func originalOf(rules letterRules, record *kgo.Record, room []kgo.RecordHeader) kgo.Record {
	l, _ := unwrap(rules.made, record, room)
	c := kgo.Record{Key: l.Key, Value: l.Value, Headers: l.Headers, Timestamp: record.Timestamp}
	if !l.Time.IsZero() {
		c.Timestamp = l.Time
	}
	return c
}

// asideOf is a letter as it stands, without what we had added to it. Its headers
// are put into room.
func asideOf(record *kgo.Record, room []kgo.RecordHeader) kgo.Record {
	for _, h := range record.Headers {
		switch h.Key {
		case headerPlan, headerAttempt, headerOrigin:
		default:
			room = append(room, h)
		}
	}
	return kgo.Record{Key: record.Key, Value: record.Value, Headers: room, Timestamp: record.Timestamp}
}

// sign adds our headers to a copy: which plan sends it, how often that makes, and
// what it is a copy of.
func sign(c *kgo.Record, plan []byte, letter *kgo.Record) {
	origin := make([]byte, 0, len(letter.Topic)+24)
	origin = append(append(origin, letter.Topic...), '/')
	origin = append(strconv.AppendInt(origin, int64(letter.Partition), 10), '/')
	origin = strconv.AppendInt(origin, letter.Offset, 10)
	c.Headers = append(c.Headers,
		kgo.RecordHeader{Key: headerPlan, Value: plan},
		kgo.RecordHeader{Key: headerAttempt},
		kgo.RecordHeader{Key: headerOrigin, Value: origin},
	)
}

// address says where a signed copy goes, and which attempt it is.
func address(c *kgo.Record, topic string, partition int32, attempt []byte) {
	c.Topic, c.Partition = topic, partition
	c.Headers[len(c.Headers)-2].Value = attempt
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

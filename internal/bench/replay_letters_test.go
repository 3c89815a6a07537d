//go:build bench

package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	letterPartitions = 4
	// oneIn is how rare each nasty kind of key and value is.
	oneIn = 200
	// keyDelimiter is what kcat puts between key and value.
	keyDelimiter = "|"
)

// letters are dead letters as Spring writes them, most of them ordinary orders, some with what breaks naive tools: keys
// and values that are null, empty, binary, or hold a newline or the delimiter, headers that come twice or are null,
// times long ago. They say that they come from a topic. The same number gives the same letters.
func letters(n int, from string) []*kgo.Record {
	chance := rand.New(rand.NewPCG(7, 7))
	began := time.Now().Add(-6 * 24 * time.Hour).Truncate(time.Millisecond)
	out := make([]*kgo.Record, n)
	for i := range out {
		r := &kgo.Record{
			Partition: int32(i / 3 * 7 % letterPartitions), Key: nastyKey(i, chance), Value: nastyValue(i), // a key stays in its partition
			Timestamp: began.Add(time.Duration(i) * time.Millisecond),
		}
		r.Headers = letterHeaders(i, r, from)
		out[i] = r
	}
	return out
}

func nastyKey(i int, chance *rand.Rand) []byte {
	plain := fmt.Appendf(nil, "o%d", i/3)
	switch i % oneIn {
	case 1:
		return nil
	case 2:
		return []byte{}
	case 3:
		return append(binary.BigEndian.AppendUint64(nil, chance.Uint64()), 0, '\n', 0xff)
	case 4:
		return append(plain, keyDelimiter+"eu"...)
	default:
		return plain
	}
}

func nastyValue(i int) []byte {
	plain, _ := json.Marshal(map[string]any{ // texts and numbers: it cannot fail
		"eventId": eventID(i), "type": "OrderCreated", "orderId": fmt.Sprintf("o%d", i/3), "customerEmail": nil, "note": strings.Repeat("leave at the door, ", 8),
	})
	switch i % oneIn {
	case 5:
		return nil
	case 6:
		return []byte{}
	case 7:
		return append(plain, "\nand a second line"...)
	case 8:
		return append([]byte{0, 0, 0, 0, byte(i), 0xfe, '\n'}, plain...) // a schema's id in front
	default:
		return plain
	}
}

func eventID(i int) string { return fmt.Sprintf("ev-%d", i) }

const (
	exceptionHeaders = "kafka_dlt-exception-"
	ourHeaders       = "integritybot-"
)

func letterHeaders(i int, r *kgo.Record, from string) []kgo.RecordHeader {
	h := []kgo.RecordHeader{
		{Key: "event_id", Value: []byte(eventID(i))},
		{Key: "traceparent", Value: fmt.Appendf(nil, "00-%032x-%016x-01", i, i)},
		{Key: "tag", Value: []byte("a")},
		{Key: "tag", Value: []byte("b")},
		{Key: "nothing", Value: nil},
		{Key: "empty", Value: []byte{}},
	}
	return append(h,
		kgo.RecordHeader{Key: exceptionHeaders + "fqcn", Value: []byte("org.springframework.kafka.listener.ListenerExecutionFailedException")},
		kgo.RecordHeader{Key: exceptionHeaders + "cause-fqcn", Value: []byte("java.lang.NullPointerException")},
		kgo.RecordHeader{Key: exceptionHeaders + "message", Value: []byte("Listener method threw exception; Cannot invoke \"String.toLowerCase()\"")},
		kgo.RecordHeader{Key: exceptionHeaders + "stacktrace", Value: []byte(strings.Repeat("\tat com.example.shop.OrderEventHandler.handle(OrderEventHandler.java:41)\n", 6))},
		kgo.RecordHeader{Key: "kafka_dlt-original-topic", Value: []byte(from)},
		kgo.RecordHeader{Key: "kafka_dlt-original-partition", Value: binary.BigEndian.AppendUint32(nil, uint32(r.Partition))},
		kgo.RecordHeader{Key: "kafka_dlt-original-offset", Value: binary.BigEndian.AppendUint64(nil, uint64(i))},
		kgo.RecordHeader{Key: "kafka_dlt-original-timestamp", Value: binary.BigEndian.AppendUint64(nil, uint64(r.Timestamp.UnixMilli()))},
		kgo.RecordHeader{Key: "kafka_dlt-original-timestamp-type", Value: []byte("CreateTime")},
	)
}

// kept is what came out of a replay, counted against what went in.
type kept struct {
	want, came       int
	headers          int // records with all headers they should have
	times            int
	partitions       int
	tombstones       int
	wantTombstones   int
	whole            int // records that are as they should be in everything
	bodies           int // key and value as they were
	doubled, unknown int // came again; nobody sent them
}

// all tells whether nothing is lost, changed or doubled.
func (k kept) all() bool { return k.whole == k.want && k.came == k.want && k.doubled == 0 }

func (k kept) String() string {
	n := func(v int) string { return humanize.Comma(int64(v)) }
	if k.all() {
		return fmt.Sprintf("%s of %s whole", n(k.whole), n(k.want))
	}
	return fmt.Sprintf("%s of %s whole (%s came out; key and value kept by %s, headers by %s, time by %s, partition by %s, tombstones %s of %s)",
		n(k.whole), n(k.want), n(k.came), n(k.bodies), n(k.headers), n(k.times), n(k.partitions), n(k.tombstones), n(k.wantTombstones))
}

// body tells keys and values apart, and null from empty.
func body(r *kgo.Record) [32]byte {
	h := sha256.New()
	for _, b := range [][]byte{r.Key, r.Value} {
		length := int64(len(b))
		if b == nil {
			length = -1
		}
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(length)))
		h.Write(b)
	}
	return [32]byte(h.Sum(nil))
}

// judge compares what came out with what went in. Records that went in with equal keys and values are told apart by
// their headers, partition and time as far as those were kept.
func judge(in, out []*kgo.Record, headers func(*kgo.Record) []kgo.RecordHeader) kept {
	k := kept{want: len(in), came: len(out)}
	waiting := map[[32]byte][]*kgo.Record{}
	for _, r := range in {
		waiting[body(r)] = append(waiting[body(r)], r)
		if r.Value == nil {
			k.wantTombstones++
		}
	}
	for _, r := range out {
		if r.Value == nil {
			k.tombstones++
		}
		at := body(r)
		candidates := waiting[at]
		if len(candidates) == 0 {
			k.unknown++
			continue
		}
		k.bodies++
		best, score := 0, [3]bool{}
		for i, c := range candidates {
			s := [3]bool{equalHeaders(headers(c), without(r.Headers, ourHeaders)), c.Timestamp.Equal(r.Timestamp), c.Partition == r.Partition}
			if i == 0 || sum(s) > sum(score) {
				best, score = i, s
			}
			if sum(s) == len(s) {
				break
			}
		}
		waiting[at] = slices.Delete(candidates, best, best+1)
		k.headers, k.times, k.partitions = k.headers+bit(score[0]), k.times+bit(score[1]), k.partitions+bit(score[2])
		k.whole += bit(sum(score) == len(score))
	}
	k.doubled = max(0, k.came-k.want)
	return k
}

func bit(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func sum(s [3]bool) int { return bit(s[0]) + bit(s[1]) + bit(s[2]) }

func equalHeaders(a, b []kgo.RecordHeader) bool {
	return slices.EqualFunc(a, b, func(x, y kgo.RecordHeader) bool {
		return x.Key == y.Key && bytes.Equal(x.Value, y.Value) && (x.Value == nil) == (y.Value == nil)
	})
}

func without(headers []kgo.RecordHeader, prefix string) []kgo.RecordHeader {
	return slices.DeleteFunc(slices.Clone(headers), func(h kgo.RecordHeader) bool { return strings.HasPrefix(h.Key, prefix) })
}

// committed reads a topic from its beginning to its end, as a consumer that reads committed records sees it.
func committed(ctx context.Context, brokers []string, topic string) ([]*kgo.Record, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	var out []*kgo.Record
	for next := map[int32]int64{}; ; {
		behind := false
		ends.Each(func(o kadm.ListedOffset) { behind = behind || next[o.Partition] < o.Offset })
		if !behind {
			return out, nil
		}
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		for _, r := range fetches.Records() {
			next[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				out = append(out, r)
			}
		}
	}
}

func TestJudge(t *testing.T) {
	all := func(r *kgo.Record) []kgo.RecordHeader { return r.Headers }
	in := letters(1000, "events")
	if k := judge(in, slices.Clone(in), all); !k.all() {
		t.Errorf("the same records: %s", k)
	}
	empty := *in[5]
	empty.Value = []byte{}
	if k := judge(in, append(slices.Clone(in[:5]), append([]*kgo.Record{&empty}, in[6:]...)...), all); k.all() || k.whole != 999 || k.tombstones != k.wantTombstones-1 {
		t.Errorf("a tombstone that became empty: %s", k)
	}
	if k := judge(in, append(slices.Clone(in), in[0]), all); k.all() || k.doubled != 1 {
		t.Errorf("a doubled record: %s", k)
	}
	late := *in[10]
	late.Timestamp, late.Headers = time.Now(), nil
	if k := judge(in, append(slices.Clone(in[1:10]), append([]*kgo.Record{&late}, in[11:]...)...), all); k.whole != 998 || k.times != 998 || k.headers != 998 || k.bodies != 999 {
		t.Errorf("one is gone, one has lost its headers and time: %s", k)
	}
}

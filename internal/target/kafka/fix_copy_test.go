package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestKeysGoWhereJavaPutsThem. Source of the hashes: Apache Kafka,
// org.apache.kafka.common.utils.UtilsTest, testMurmur2.
func TestKeysGoWhereJavaPutsThem(t *testing.T) {
	t.Parallel()
	for key, hash := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string":                       -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		for _, partitions := range []int32{1, 4, 12, 100} {
			want := (hash & 0x7fffffff) % partitions
			if got := partitionFor(&kgo.Record{Topic: "t", Key: []byte(key)}, 0, partitions); got != want {
				t.Errorf("%s goes to %d of %d, and with Java to %d", key, got, partitions, want)
			}
		}
	}
	if a, b := partitionFor(&kgo.Record{Topic: "t"}, 77, 4), partitionFor(&kgo.Record{Topic: "t"}, 77, 4); a != b {
		t.Errorf("one record without a key goes to %d and to %d", a, b)
	}
}

// TestSizesAreThoseOfTheBroker: a record of exactly max.message.bytes is taken, and
// one byte more is not.
func TestSizesAreThoseOfTheBroker(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		const limit = 2_000
		small := r.cluster.Topic(t, "small", 1, map[string]string{"max.message.bytes": "2000"})
		record := func(size int) *kgo.Record {
			one := &kgo.Record{Topic: small, Key: []byte("k"), Timestamp: time.UnixMilli(1), Headers: []kgo.RecordHeader{{Key: "null"}, header("a", "b")}}
			for one.Value = []byte{}; sizeOf(one) < size; one.Value = append(one.Value, 'x') {
			}
			if sizeOf(one) != size {
				t.Fatalf("no record has %d bytes", size)
			}
			return one
		}
		client := r.cluster.Client(t, kgo.ProducerBatchCompression(kgo.NoCompression()))
		defer client.Close()
		produce := func(one *kgo.Record) error {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			return client.ProduceSync(ctx, one).FirstErr()
		}
		if err := produce(record(limit)); err != nil {
			t.Errorf("a record of %d bytes: %v", limit, err)
		}
		if err := produce(record(limit + 1)); !errors.Is(err, kerr.MessageTooLarge) {
			t.Errorf("a record of %d bytes: %v", limit+1, err)
		}
		d, err := r.target.destination(t.Context(), r.target.cl, small)
		if err != nil {
			t.Fatal(err)
		}
		if d.refuses(record(limit), time.Now()) != "" || d.refuses(record(limit+1), time.Now()) != whyLarge {
			t.Errorf("the topic is taken for %+v", d)
		}
		// What fits exactly is sent, too: our client does not stop it.
		letter := r.letter(0, 1, "k", "")
		letter.Value = make([]byte, 1)
		for {
			copied := copyOf(7, r.form(small), sendSpec{Kind: sendLetter, Rules: r.rules()}, goes{-1, 1}, placed(letter))
			if sizeOf(copied) == limit {
				break
			}
			letter.Value = append(letter.Value, 'x')
		}
		r.send(letter)
		if sent := r.done(r.sending(), r.draft(r.fixOf("", "to: "+small), r.order(7))); sent != 1 {
			t.Errorf("%d sent, instead of 1", sent)
		}
	})
}

// TestWhatTopicsTake: compacted ones no record without a key, and some no old ones.
func TestWhatTopicsTake(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_760_000_000_000)
	d := destination{name: "t", partitions: 1, limit: defaultLimit, known: true}
	d.set("cleanup.policy", "compact,delete")
	d.set("message.timestamp.before.max.ms", "86400000")
	d.set("message.timestamp.after.max.ms", "9223372036854775807")
	for name, c := range map[string]struct {
		record *kgo.Record
		want   string
	}{
		"fine":     {&kgo.Record{Key: []byte{}, Timestamp: now}, ""},
		"no key":   {&kgo.Record{Timestamp: now}, string(whyKeyless)},
		"too old":  {&kgo.Record{Key: []byte("k"), Timestamp: now.Add(-48 * time.Hour)}, string(whyTime)},
		"tomorrow": {&kgo.Record{Key: []byte("k"), Timestamp: now.Add(48 * time.Hour)}, ""},
	} {
		if got := d.refuses(c.record, now); string(got) != c.want {
			t.Errorf("%s: %q instead of %q", name, got, c.want)
		}
	}
	d.set("message.timestamp.type", "LogAppendTime")
	if got := d.refuses(&kgo.Record{Key: []byte("k"), Timestamp: time.UnixMilli(1)}, now); got != "" {
		t.Errorf("where the broker's clock counts: %q", got)
	}
}

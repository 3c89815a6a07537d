package kafka

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// corpusSize is how many nasty letters are replayed; INTEGRITYBOT_LONG asks for
// as many as the promise is about.
func corpusSize() int {
	if os.Getenv("INTEGRITYBOT_LONG") != "" {
		return 200_000
	}
	return 3_000
}

const corpusWords = `
headers: {topic: x-topic, partition: x-partition, error: x-exception}
envelope: {value: $.payload, encoding: base64, key: $.key, headers: $.headers, topic: $.from.topic, partition: $.from.partition, time: $.from.time, error: $.error}
`

// TestACorpusOfNastyLettersIsEqual: keys, values and headers that are null, empty,
// binary, have newlines and delimiters, double and null headers, tombstones, old
// times, in each way in which letters are made: all arrive as they were.
func TestACorpusOfNastyLettersIsEqual(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		n := corpusSize()
		wants := map[string]*kgo.Record{} // by the place of the letter
		dice := rand.New(rand.NewPCG(4, 4))
		client := r.cluster.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		defer client.Close()
		var letters []*kgo.Record
		places := map[int32]int64{}
		for i := range n {
			original := nastyOriginal(dice, r.events, i)
			letter, want := wrap(dice, r, original, i)
			place := fmt.Sprintf("%s/%d/%d", r.letters, letter.Partition, places[letter.Partition])
			places[letter.Partition]++
			want.Headers = append(slices.Clone(want.Headers), header(headerPlan, "P-7"), header(headerAttempt, "1"), header(headerOrigin, place))
			wants[place] = want
			letters = append(letters, letter)
		}
		for some := range slices.Chunk(letters, 20_000) {
			if err := client.ProduceSync(t.Context(), some...).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		p := r.draft(r.fixOf(corpusWords, ""), fix.Order{ID: 7})
		if p.Draft.Rows != int64(n) {
			t.Fatalf("the plan is about %d letters, instead of %d: %+v", p.Draft.Rows, n, p.Draft.Left)
		}
		if sent := r.done(r.sending(), p); sent != int64(n) {
			t.Errorf("%d were sent, instead of %d", sent, n)
		}
		got := r.committed(r.events)
		r.equal(wants, got)
		r.kcat(t, got, wants)
	})
}

// nastyOriginal is a record as it was before it died.
func nastyOriginal(dice *rand.Rand, topic string, i int) *kgo.Record {
	pick := func(some ...[]byte) []byte { return some[dice.IntN(len(some))] }
	binaryBytes := make([]byte, 1+dice.IntN(40))
	for i := range binaryBytes {
		binaryBytes[i] = byte(dice.IntN(256))
	}
	text := []byte(fmt.Sprintf(`{"eventId":"e-%d","note":"a\nb"}`, i))
	r := &kgo.Record{
		Topic: topic, Partition: int32(dice.IntN(4)),
		Key:       pick(nil, []byte{}, []byte("o-17"), []byte("a:b\n|c\t"), binaryBytes, []byte(strconv.Itoa(i))),
		Value:     pick(nil, []byte{}, []byte("\n"), text, binaryBytes, []byte("line\r\nline\x00")),
		Timestamp: time.UnixMilli([]int64{1, 86_400_000, 1_262_304_000_123, 1_700_000_000_000 + int64(i)}[dice.IntN(4)]),
	}
	for range dice.IntN(5) {
		name := []string{"trace", "trace", "", "x\ny", "ünï", "content-type"}[dice.IntN(6)]
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: pick(nil, []byte{}, []byte("v"), []byte("=,\n"), binaryBytes)})
	}
	return r
}

// wrap makes the letter of a record, in one of the ways in which it is done, and
// what has to arrive, apart from our own headers.
func wrap(dice *rand.Rand, r *rig, original *kgo.Record, i int) (letter, want *kgo.Record) {
	w, l := *original, *original
	l.Topic, l.Partition = r.letters, int32(i%4)
	with := func(more ...kgo.RecordHeader) []kgo.RecordHeader {
		return append(slices.Clone(original.Headers), more...)
	}
	switch i % 4 {
	case 0: // Spring, some of them at their second pass
		about := spring(original.Topic, original.Partition, int64(i), "com.example.NullPointerException")
		about = append(about, kgo.RecordHeader{Key: "kafka_dlt-original-timestamp", Value: binary.BigEndian.AppendUint64(nil, uint64(original.Timestamp.UnixMilli()))})
		w.Headers = with(kept(about)...)
		l.Headers = with(about...)
		l.Timestamp = time.UnixMilli(1_750_000_000_000)
		if dice.IntN(3) == 0 {
			l.Headers = append(l.Headers, spring("another-topic", 0, 0, "com.example.Later")...)
		}
	case 1: // Kafka Connect
		from := []kgo.RecordHeader{
			header("__connect.errors.topic", original.Topic), header("__connect.errors.partition", strconv.Itoa(int(original.Partition))),
			header("__connect.errors.offset", strconv.Itoa(i)),
		}
		w.Headers = with(from...)
		l.Headers = append(with(from...), header("__connect.errors.exception.class.name", "org.apache.Bad"), header("__connect.errors.task.id", "0"))
	case 2: // an application of its own
		from := []kgo.RecordHeader{header("x-topic", original.Topic), header("x-partition", strconv.Itoa(int(original.Partition)))}
		w.Headers = with(from...)
		w.Headers = append(w.Headers, header("__connect.errors.topic", original.Topic)) // so that no envelope is looked for
		l.Headers = append(with(from...), header("x-exception", "Bad"), header("__connect.errors.topic", original.Topic))
	case 3: // wrapped
		l.Key, l.Headers, l.Timestamp = []byte("wrapped"), []kgo.RecordHeader{header("wrapper", "yes")}, time.UnixMilli(1_750_000_000_000)
		l.Value = wrapped(original)
	}
	return &l, &w
}

func wrapped(original *kgo.Record) []byte {
	encoded := func(b []byte) any {
		if b == nil {
			return nil
		}
		return base64.StdEncoding.EncodeToString(b)
	}
	headers := [][]any{}
	for _, h := range original.Headers {
		headers = append(headers, []any{h.Key, encoded(h.Value)})
	}
	out, err := json.Marshal(map[string]any{
		"payload": encoded(original.Value), "key": encoded(original.Key), "headers": headers, "error": "Bad",
		"from": map[string]any{"topic": original.Topic, "partition": original.Partition, "time": original.Timestamp.UnixMilli()},
	})
	if err != nil {
		panic(err)
	}
	return out
}

// equal compares all records, to the byte.
func (r *rig) equal(wants map[string]*kgo.Record, got []*kgo.Record) {
	r.t.Helper()
	if len(got) != len(wants) {
		r.t.Errorf("%d records arrived, instead of %d", len(got), len(wants))
	}
	seen, wrong := map[string]bool{}, 0
	for _, record := range got {
		place := lastHeader(record.Headers, headerOrigin)
		want := wants[place]
		if want == nil || seen[place] {
			r.t.Errorf("%s arrived without cause, or twice", place)
			continue
		}
		seen[place] = true
		if diff := cmp.Diff(exactly(want), exactly(record)); diff != "" && wrong < 5 {
			wrong++
			r.t.Errorf("%s (-want +got):\n%s", place, diff)
		}
	}
}

// exactly is everything of a record that has to be as it was; null is told from
// empty.
func exactly(r *kgo.Record) []string {
	bytes := func(b []byte) string {
		if b == nil {
			return "null"
		}
		return fmt.Sprintf("%q", b)
	}
	out := []string{fmt.Sprint(r.Partition), fmt.Sprint(r.Timestamp.UnixMilli()), bytes(r.Key), bytes(r.Value)}
	for _, h := range r.Headers {
		out = append(out, fmt.Sprintf("%q=%s", h.Key, bytes(h.Value)))
	}
	return out
}

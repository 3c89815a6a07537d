package kafka

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// nasty draws bytes as they are in topics: null, empty, binary, with newlines
// and delimiters.
func nasty(t *rapid.T, label string) []byte {
	return rapid.OneOf(
		rapid.Just([]byte(nil)), rapid.Just([]byte{}), rapid.Just([]byte("a\nb\r\n\tc")), rapid.Just([]byte(`{"a":"<&>"}`)),
		rapid.Just([]byte{0xff, 0, 0xfe}), rapid.SliceOf(rapid.Byte()),
	).Draw(t, label)
}

func nastyRecord(t *rapid.T, topic string, parts int32) *kgo.Record {
	r := &kgo.Record{
		Topic: topic, Partition: rapid.Int32Range(0, parts-1).Draw(t, "partition"), Key: nasty(t, "key"), Value: nasty(t, "value"),
		Timestamp: time.UnixMilli(rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, died.UnixMilli())).Draw(t, "time")),
	}
	names := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "a", "ü", "x\ny", "\xff\xfe"}), rapid.String())
	for range rapid.IntRange(0, 4).Draw(t, "headers") {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: names.Draw(t, "name"), Value: nasty(t, "header")})
	}
	return r
}

// exact is all of a record that counts, null told from empty.
func exact(r *kgo.Record) string {
	out := fmt.Sprintf("%d %d %#v %#v", r.Partition, r.Timestamp.UnixMilli(), r.Key, r.Value)
	for _, h := range r.Headers {
		out += fmt.Sprintf(" %q:%#v", h.Key, h.Value)
	}
	return out
}

func TestLinesKeepEveryByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := nastyRecord(t, "dlq", 5)
		r.Offset = rapid.Int64Min(0).Draw(t, "offset")
		text, err := writeLine(r, originOf(understand((&DeadLetters{}).rules(), r)))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(text, "\n\r") {
			t.Fatalf("the line %q has an end in it", text)
		}
		again, err := readLine(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if exact(r) != exact(again) || again.Offset != r.Offset || again.Topic != r.Topic {
			t.Fatalf("%s\nbecame\n%s", exact(r), exact(again))
		}
	})
}

func TestExportAndImportAreEqualToTheByte(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		target := open(t, c, func(o *Options) { o.Sends = true; o.Store = kafkatest.Unique(t, "store") })
		from, to := c.Topic(t, "from", 3, forever()), c.Topic(t, "to", 3, forever())
		var records []*kgo.Record
		for seed := range 200 {
			records = append(records, rapid.Custom(func(t *rapid.T) *kgo.Record { return nastyRecord(t, from, 3) }).Example(seed))
		}
		produce(t, c, records...)
		var file bytes.Buffer
		d := words(t, "dead-letters", "topic: "+from).(*DeadLetters)
		n, err := d.Export(t.Context(), target, Sources{}, Selection{}, 0, 0, func(line []byte) error {
			file.Write(line)
			return file.WriteByte('\n')
		})
		if err != nil || n != int64(len(records)) {
			t.Fatalf("exported %d, %v", n, err)
		}
		var told int64
		done, err := Import(t.Context(), target, to, &file, ImportOptions{OnSent: func(n int64) { told = n }})
		if err != nil || done.Sent != n || told != n || len(done.Notes) > 0 {
			t.Fatalf("imported %+v, told %d, %v", done, told, err)
		}
		want, got := map[int32][]string{}, map[int32][]string{}
		for _, r := range records {
			want[r.Partition] = append(want[r.Partition], exact(r))
		}
		// A transaction that has ended shows a moment later on Apache Kafka.
		until(t, "what was imported", func() bool { return len(c.Committed(t, to)) == len(records) })
		for _, r := range c.Committed(t, to) {
			got[r.Partition] = append(got[r.Partition], exact(r))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestExportOfASelection(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{})
	topic := c.Topic(t, "dlq", 1, forever())
	now := died.Add(time.Hour)
	target := open(t, c, func(o *Options) { o.Now = func() time.Time { return now } })
	for i := range 6 {
		produce(t, c, dead(topic, 0, fmt.Sprintf("k-%d", i%2), "a.E", "orders", died.Add(time.Duration(i)*10*time.Minute)))
	}
	d := words(t, "dead-letters", "topic: "+topic)
	exporter := d.Detector(target, Sources{Ledger: ledger{{Plan: 1, Hold: fix.Sent, Spans: []fix.Span{{From: 0, To: 1}}}}}).(check.Exporter)
	export := func(o check.Order) (string, check.Exported) {
		var offsets []string
		res, err := exporter.Export(t.Context(), o, func(line []byte) error {
			r, err := readLine(line)
			offsets = append(offsets, fmt.Sprint(r.Offset))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(offsets, " "), res
	}
	for _, tt := range []struct {
		order check.Order
		want  string
	}{
		{check.Order{}, "1 2 3 4 5"},
		{check.Order{Limit: 2}, "1 2"},
		{check.Order{Select: []string{"key=k-1"}}, "1 3 5"},
		{check.Order{Select: []string{"key=k-1"}, Options: check.Options{Since: 35 * time.Minute}}, "3 5"},
		{check.Order{Select: []string{"key=nobody"}}, ""},
	} {
		if got, res := export(tt.order); got != tt.want || res.Lines != int64(len(strings.Fields(tt.want))) {
			t.Errorf("%+v: %s, %+v", tt.order, got, res)
		}
	}
	_, err := exporter.Export(t.Context(), check.Order{Select: []string{"keey=1"}}, nil)
	if got := sentence(t, err); !strings.Contains(got, "did you mean key?") {
		t.Errorf("it says %q", got)
	}
}

func TestImportStopsAtABadLine(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{})
	target := open(t, c, func(o *Options) { o.Sends = true })
	good := `{"topic":"x","partition":0,"offset":1,"timestamp":1700000000000,"key":null,"value":"YQ==","headers":[]}`
	const fields = `"topic":"x","offset":1`
	for name, tt := range map[string]struct{ line, want string }{
		"no JSON":         {`{"topic":`, "it is not complete"},
		"nothing":         {``, "it is not complete"},
		"text":            {`hello`, "it is no JSON from byte 1 on"},
		"no partition":    {`{` + fields + `}`, "partition is missing, or is no number from 0 on"},
		"bad partition":   {`{` + fields + `,"partition":"0"}`, "partition is a string, which it must not be"},
		"no time":         {`{` + fields + `,"partition":0}`, "timestamp is missing: milliseconds since 1970"},
		"no key":          {`{` + fields + `,"partition":0,"timestamp":1}`, "key is missing: base64 or null"},
		"no value":        {`{` + fields + `,"partition":0,"timestamp":1,"key":null}`, "value is missing: base64 or null"},
		"no headers":      {`{` + fields + `,"partition":0,"timestamp":1,"key":null,"value":null}`, "headers is missing: a list, which may be empty"},
		"no base64":       {`{` + fields + `,"partition":0,"timestamp":1,"key":"*","value":null,"headers":[]}`, "bytes are written as base64"},
		"bad header":      {`{` + fields + `,"partition":0,"timestamp":1,"key":null,"value":null,"headers":[["a"]]}`, `a header is written as ["name", "value in base64"]`},
		"nameless header": {`{` + fields + `,"partition":0,"timestamp":1,"key":null,"value":null,"headers":[[null,null]]}`, "the name of a header is a text"},
		"unknown word":    {`{"secret":"alice@example.com"}`, "it holds a word that no record has"},
		"two in a line":   {good + good, "something follows the record"},
		"other partition": {strings.Replace(good, `"partition":0`, `"partition":7`, 1), "has no partition 7"},
	} {
		t.Run(name, func(t *testing.T) {
			topic := c.Topic(t, "to", 1, forever())
			done, err := Import(t.Context(), target, topic, strings.NewReader(good+"\n"+good+"\n"+tt.line+"\n"+good+"\n"), ImportOptions{})
			got := sentence(t, err)
			if !strings.HasPrefix(got, "Line 3: ") || !strings.Contains(got, tt.want) || !strings.HasSuffix(got, ". The 2 records before line 3 were sent, nothing after them.") {
				t.Errorf("it says %q", got)
			}
			if strings.Contains(got, "alice") {
				t.Errorf("it repeats data: %q", got)
			}
			if n := len(c.Committed(t, topic)); n != 2 || done.Sent != 2 {
				t.Errorf("%d records there, %d said", n, done.Sent)
			}
		})
	}
}

func TestImportInTransactionsAndByKey(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{})
	target := open(t, c, func(o *Options) { o.Sends = true })
	topic := c.Topic(t, "to", 4, forever())
	var file bytes.Buffer
	for i := range importRecords + 10 {
		text, err := writeLine(&kgo.Record{Topic: "x", Key: fmt.Appendf(nil, "k-%d", i%7), Value: fmt.Append(nil, i), Timestamp: died}, nil)
		if err != nil {
			t.Fatal(err)
		}
		file.Write(append(text, '\n'))
	}
	var told []int64
	done, err := Import(t.Context(), target, topic, &file, ImportOptions{ByKey: true, OnSent: func(n int64) { told = append(told, n) }})
	if err != nil || done.Sent != importRecords+10 {
		t.Fatal(done, err)
	}
	if diff := cmp.Diff([]int64{importRecords, importRecords + 10}, told); diff != "" {
		t.Error(diff)
	}
	part, last := map[string]int32{}, map[string]int{}
	for _, r := range c.Committed(t, topic) {
		key, n := string(r.Key), 0
		if _, err := fmt.Sscan(string(r.Value), &n); err != nil {
			t.Fatal(err)
		}
		if p, ok := part[key]; ok && (p != r.Partition || n <= last[key]) {
			t.Fatalf("%s: %d in partition %d after %d in %d", key, n, r.Partition, last[key], p)
		}
		part[key], last[key] = r.Partition, n
	}
	if len(part) != 7 {
		t.Errorf("%d keys", len(part))
	}
}

func TestImportNeedsTheRightToSend(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{})
	topic := c.Topic(t, "to", 1, forever())
	_, err := Import(t.Context(), open(t, c), topic, strings.NewReader(""), ImportOptions{})
	if got := sentence(t, err); got != "Nothing may be sent to Kafka production/events: replay is off in the config." {
		t.Errorf("it says %q", got)
	}
	_, err = Import(t.Context(), open(t, c, func(o *Options) { o.Sends = true }), topic+"x", strings.NewReader(""), ImportOptions{})
	if got := sentence(t, err); !strings.Contains(got, "did you mean "+topic+"?") {
		t.Errorf("it says %q", got)
	}
}

func TestImportIntoATopicThatKeepsItsOwnTime(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{})
	topic := c.Topic(t, "to", 1, map[string]string{"message.timestamp.type": "LogAppendTime"})
	done, err := Import(t.Context(), open(t, c, func(o *Options) { o.Sends = true }), topic, strings.NewReader(""), ImportOptions{})
	if err != nil || len(done.Notes) != 1 || !strings.Contains(done.Notes[0], "the times of the records are not kept") {
		t.Errorf("%+v, %v", done, err)
	}
}

// FuzzReadLine: a line is refused without repeating it, or written again as it
// was read.
func FuzzReadLine(f *testing.F) {
	f.Add([]byte(`{"topic":"x","partition":0,"offset":1,"timestamp":1700000000000,"key":null,"value":"YQ==","headers":[["a",null],["?","","/w=="]]}`))
	f.Add([]byte(`{"headers":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := readLine(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n<@") {
				t.Errorf("it says %q", err)
			}
			return
		}
		again, err := writeLine(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		same, err := readLine(again)
		if err != nil || exact(same) != exact(r) {
			t.Errorf("%s became %s (%v)", exact(r), again, err)
		}
	})
}

// TestImportOfWhichTheEndIsNotKnown says so: the broker is gone before or after
// it has taken the end of the transaction.
func TestImportOfWhichTheEndIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, lay := range map[string]func(*kafkatest.Proxy) <-chan struct{}{
		"before the records": func(p *kafkatest.Proxy) <-chan struct{} { return p.CutBefore(t, kmsg.Produce) },
		"before the end":     func(p *kafkatest.Proxy) <-chan struct{} { return p.CutBefore(t, kmsg.EndTxn) },
		"after the end":      func(p *kafkatest.Proxy) <-chan struct{} { return p.CutAfter(t, kmsg.EndTxn) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := kafkatest.Start(t, kafkatest.Options{Proxy: true})
			topic := c.Topic(t, "to", 1, forever())
			target := open(t, c, func(o *Options) { o.Sends = true }, impatient)
			text, err := writeLine(&kgo.Record{Topic: "x", Timestamp: died}, nil)
			if err != nil {
				t.Fatal(err)
			}
			file := strings.Repeat(string(text)+"\n", importRecords+3) // two transactions
			var cut <-chan struct{}
			done, err := Import(t.Context(), target, topic, strings.NewReader(file), ImportOptions{OnSent: func(int64) { cut = lay(c.Proxy) }})
			<-cut
			got := sentence(t, err)
			want := map[bool]string{
				true:  "The 5,000 records before line 5,001 were sent, nothing after them.",
				false: "5,000 records were sent for certain; whether the next 3 were is not known.",
			}[name == "before the records"]
			if !strings.HasPrefix(got, "Kafka production/events ") && !strings.HasPrefix(got, "The connection to Kafka") || !strings.HasSuffix(got, want) || done.Sent != importRecords {
				t.Errorf("%d sent, it says %q", done.Sent, got)
			}
			c.Proxy.Resume()
			n := len(c.Committed(t, topic))
			if n != importRecords && n != importRecords+3 {
				t.Errorf("%d records are there", n)
			}
		})
	}
}

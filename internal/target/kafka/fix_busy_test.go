package kafka

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestTheCanaryIsTheFirstBatchThatSends: a first batch of which nothing is left tells
// nothing, so the next one is watched.
func TestTheCanaryIsTheFirstBatchThatSends(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		for i := range 25 {
			r.send(r.letter(0, int64(i), "k", "v"))
		}
		p := r.draft(r.fixOf("", "canary: 5\nwindow: 1m"), fix.Order{ID: 7})
		p.Draft.Content.PerBatch = 10
		r.expire(r.cluster.Admin(t), map[string]map[int32]int64{r.letters: {0: 5}})
		forms, batches := p.Draft.Content.Forms, p.Draft.Content.Batches()
		now := time.UnixMilli(1_760_000_000_000)
		x := r.sendingOf(r.bot(func(o *Options) { o.Now = func() time.Time { return now } }))
		r.asked(x, p)
		says := func(next int, want string) {
			t.Helper()
			why, err := x.Busy(t.Context(), p, forms, &batches[next])
			if err != nil || why != want {
				t.Errorf("before batch %d it %q, %v", next, why, err)
			}
		}
		sends := func(n int, want int64) {
			t.Helper()
			if result, err := x.Apply(t.Context(), p, forms, batches[n], 1, nil); err != nil || result.Changed != want {
				t.Fatalf("batch %d: %+v, %v", n, result, err)
			}
		}
		sends(0, 0)
		says(1, "")
		sends(1, 10)
		says(2, "waits 60 s after the first 10 to see whether any come back to "+r.letters+": 0 so far")
		now = now.Add(time.Minute)
		says(2, "")
		sends(2, 10)
		if why, err := x.Busy(t.Context(), p, forms, nil); err != nil || !strings.HasPrefix(why, "waits 60 s after the last") {
			t.Errorf("at the end it %q, %v", why, err)
		}
	})
}

// TestALongLookForComebacksGoesOn: what was read before a look failed is not read
// once more.
func TestALongLookForComebacksGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake}))
	for i := range 40 {
		r.send(r.letter(int32(i%4), int64(i), fmt.Sprint("k", i), "v"))
	}
	p := r.draft(r.fixOf("", "window: 1m\nstop_share: 1"), fix.Order{ID: 7})
	forms := p.Draft.Content.Forms
	x := r.sending()
	r.asked(x, p)
	if _, err := x.Apply(t.Context(), p, forms, p.Draft.Content.Batches()[0], 1, nil); err != nil {
		t.Fatal(err)
	}
	for _, copied := range r.committed(r.events) {
		r.send(r.again(copied))
	}
	var first atomic.Int64
	var refuse atomic.Bool
	refuse.Store(true)
	r.cluster.Fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.cluster.Fake.KeepControl()
		q := req.(*kmsg.FetchRequest)
		switch asked := q.Topics[0].Partitions[0]; {
		case asked.Partition == 0:
			first.Add(1)
		case asked.Partition == 3 && refuse.Load():
			resp := q.ResponseKind().(*kmsg.FetchResponse)
			rt, rp := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
			rt.Topic, rt.TopicID = q.Topics[0].Topic, q.Topics[0].TopicID
			rp.Partition, rp.ErrorCode = 3, kerr.TopicAuthorizationFailed.Code
			rt.Partitions = append(rt.Partitions, rp)
			resp.Topics = append(resp.Topics, rt)
			return resp, nil, true
		}
		return nil, nil, false
	})
	if _, err := x.Busy(t.Context(), p, forms, nil); err == nil {
		t.Error("the look did not fail")
	}
	once := first.Load()
	refuse.Store(false)
	if why, err := x.Busy(t.Context(), p, forms, nil); err != nil || !strings.HasSuffix(why, ": 40 so far") {
		t.Errorf("it %q, %v", why, err)
	}
	if again := first.Load() - once; once == 0 || again != 0 {
		t.Errorf("the first partition was read %d times, and then %d times once more", once, again)
	}
}

// wrapped makes the letter that a consumer makes of a record by putting it into an
// envelope, with its headers or without.
func (r *rig) wrapped(died *kgo.Record, withHeaders bool) *kgo.Record {
	r.t.Helper()
	in := base64.StdEncoding.EncodeToString
	outside := map[string]any{"payload": in(died.Value), "key": in(died.Key), "topic": died.Topic, "partition": died.Partition, "error": "NullPointerException"}
	if withHeaders {
		headers := map[string]string{}
		for _, h := range died.Headers {
			headers[h.Key] = in(h.Value)
		}
		outside["headers"] = headers
	}
	value, err := json.Marshal(outside)
	if err != nil {
		r.t.Fatal(err)
	}
	return &kgo.Record{Topic: r.letters, Partition: died.Partition, Key: []byte("letter"), Value: value, Timestamp: died.Timestamp}
}

const (
	envelopeWords = "envelope: {value: $.payload, encoding: base64, key: $.key, topic: $.topic, partition: $.partition, error: $.error"
	headersWord   = ", headers: $.headers}"
)

// TestWrappedLettersThatComeBackAreSeen: what we add to a copy is inside the envelope
// when the copy dies, and both the canary and the number of attempts count it.
func TestWrappedLettersThatComeBackAreSeen(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		for i := range 20 {
			died := &kgo.Record{Topic: r.events, Partition: int32(i % 4), Key: []byte(fmt.Sprint("k", i)), Value: []byte("v"), Headers: []kgo.RecordHeader{header("trace", "a")}, Timestamp: time.UnixMilli(1_700_000_000_000)}
			r.send(r.wrapped(died, true))
		}
		p := r.draft(r.fixOf(envelopeWords+headersWord, "canary: 10\nwindow: 1m"), fix.Order{ID: 7})
		if strings.Contains(p.Draft.Risk, "names no headers") {
			t.Errorf("the risk is: %s", p.Draft.Risk)
		}
		forms, batches := p.Draft.Content.Forms, p.Draft.Content.Batches()
		x := r.sending()
		r.asked(x, p)
		if _, err := x.Apply(t.Context(), p, forms, batches[0], 1, nil); err != nil {
			t.Fatal(err)
		}
		for _, copied := range r.committed(r.events)[:4] {
			if lastHeader(copied.Headers, "trace") != "a" {
				t.Errorf("a copy has the headers %v", copied.Headers)
			}
			r.send(r.wrapped(copied, true))
		}
		_, err := x.Busy(t.Context(), p, forms, &batches[1])
		var halt *fix.Halt
		if !errors.As(err, &halt) || !strings.HasPrefix(halt.Sentence, "4 of 10 records that were sent came back") {
			t.Errorf("it goes on: %v", err)
		}
		r.end(t.Context(), x, p, nil)
		next := r.draft(r.fixOf(envelopeWords+headersWord, "attempts: 1\nquarantine: "+r.aside), fix.Order{ID: 8})
		if len(next.Draft.Dependants) != 1 || next.Draft.Dependants[0].Rows != 4 || next.Draft.Rows != 14 {
			t.Errorf("of %d letters these are put aside: %+v", next.Draft.Rows, next.Draft.Dependants)
		}
	})
}

// TestAnEnvelopeWithoutHeadersIsARisk: then nobody can see what comes back.
func TestAnEnvelopeWithoutHeadersIsARisk(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{}))
	r.send(r.wrapped(&kgo.Record{Topic: r.events, Key: []byte("k"), Value: []byte("v")}, false))
	p := r.draft(r.fixOf(envelopeWords+"}", ""), fix.Order{ID: 7})
	want := "The envelope names no headers in the config: copies that come back cannot be told from other letters, so neither the canary nor attempts counts them."
	if p.Draft.Rows != 1 || !strings.Contains(p.Draft.Risk, want) {
		t.Errorf("%d letters, and the risk is: %s", p.Draft.Rows, p.Draft.Risk)
	}
}

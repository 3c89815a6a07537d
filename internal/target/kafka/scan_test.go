package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/integritybot/integritybot/internal/kafkatest"
)

// seen are the values that a scan shows, partition by partition.
func seen(t *testing.T, target *Target, b bounds) []string {
	t.Helper()
	var out []string
	if err := target.scan(t.Context(), b, func(r *kgo.Record) error {
		out = append(out, fmt.Sprintf("%d/%s", r.Partition, r.Value))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func bound(t *testing.T, target *Target, topic string) bounds {
	t.Helper()
	b, err := target.bounds(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// transaction sends values to a partition and ends as told; nil leaves it open.
func transaction(t *testing.T, c *kafkatest.Cluster, topic string, part int32, end *kgo.TransactionEndTry, values ...string) *kgo.Client {
	t.Helper()
	cl := c.Client(t, kgo.TransactionalID(kafkatest.Unique(t, "tx")), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: part, Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if end != nil {
		if err := cl.EndTransaction(t.Context(), *end); err != nil {
			t.Fatal(err)
		}
	}
	return cl
}

func TestScanShowsWhatIsCommittedAndEndsAtTheHolesOfTransactions(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic := c.Topic(t, "dlq", 3, nil)
		target := open(t, c)
		commit, abort := kgo.TryCommit, kgo.TryAbort
		transaction(t, c, topic, 0, &commit, "a", "b")
		transaction(t, c, topic, 0, &abort, "x", "y") // the tail: two records and a mark that nobody may see
		transaction(t, c, topic, 1, &abort, "z")      // nothing but what nobody may see
		produce(t, c, &kgo.Record{Topic: topic, Partition: 2, Value: []byte("c")})
		opened := transaction(t, c, topic, 2, nil, "later") // open: it holds the end back
		produce(t, c, &kgo.Record{Topic: topic, Partition: 2, Value: []byte("behind")})

		b := bound(t, target, topic)
		if got := strings.Join(seen(t, target, b), " "); got != "0/a 0/b 2/c" {
			t.Errorf("it shows %s", got)
		}
		if err := opened.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(seen(t, target, b), " "); got != "0/a 0/b 2/c" {
			t.Errorf("within the old bounds it shows %s", got)
		}
		if got := strings.Join(seen(t, target, bound(t, target, topic)), " "); got != "0/a 0/b 2/c 2/later 2/behind" {
			t.Errorf("afterwards it shows %s", got)
		}
	})
}

// TestScanEndsInTheMiddleOfAnAbortedTransaction: the end is fixed while another
// transaction is open, in front of the marks of one that has been aborted.
func TestScanEndsInTheMiddleOfAnAbortedTransaction(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic := c.Topic(t, "dlq", 1, nil)
		target := open(t, c)
		abort := kgo.TryAbort
		produce(t, c, &kgo.Record{Topic: topic, Value: []byte("a")})
		aborted := transaction(t, c, topic, 0, nil, "x", "y")
		open := transaction(t, c, topic, 0, nil, "b")
		if err := aborted.EndTransaction(t.Context(), abort); err != nil {
			t.Fatal(err)
		}
		b := bounds{topic: topic, parts: map[int32]span{0: {0, 3}}}
		if got := strings.Join(seen(t, target, b), " "); got != "0/a" {
			t.Errorf("it shows %s", got)
		}
		if err := open.EndTransaction(t.Context(), abort); err != nil {
			t.Fatal(err)
		}
	})
}

func TestScanOfSpans(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic := c.Topic(t, "dlq", 2, nil)
		target := open(t, c)
		var records []*kgo.Record
		for i := range 10 {
			records = append(records, &kgo.Record{Topic: topic, Partition: 1, Value: []byte(fmt.Sprint(i))})
		}
		produce(t, c, records...)
		b := bounds{topic: topic, parts: map[int32]span{1: {3, 6}}}
		if got := strings.Join(seen(t, target, b), " "); got != "1/3 1/4 1/5" {
			t.Errorf("it shows %s", got)
		}
		n := 0
		if err := target.scan(t.Context(), bound(t, target, topic), func(*kgo.Record) error { n++; return stop{} }); err != nil || n != 1 {
			t.Errorf("stopped after %d records with %v", n, err)
		}
		mine := errors.New("mine")
		if err := target.scan(t.Context(), b, func(*kgo.Record) error { return mine }); !errors.Is(err, mine) {
			t.Errorf("the visitor's error became %v", err)
		}
		b.parts = map[int32]span{7: {0, 1}}
		err := target.scan(t.Context(), b, func(*kgo.Record) error { return nil })
		if got := sentence(t, err); !strings.Contains(got, "There is no partition 7 in topic "+topic) {
			t.Errorf("it says %q", got)
		}
	})
}

// TestScanOfWhatHasExpired: records that go away before they are read are not
// shown, and do not keep the scan from its end.
func TestScanOfWhatHasExpired(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic := c.Topic(t, "dlq", 1, nil)
		target := open(t, c)
		for i := range 5 {
			produce(t, c, &kgo.Record{Topic: topic, Value: []byte(fmt.Sprint(i))})
		}
		b := bound(t, target, topic)
		offsets := kadm.Offsets{}
		offsets.AddOffset(topic, 0, 3, -1)
		if deleted, err := c.Admin(t).DeleteRecords(t.Context(), offsets); err != nil || deleted.Error() != nil {
			t.Fatal(err, deleted.Error())
		}
		if got := strings.Join(seen(t, target, b), " "); got != "0/3 0/4" {
			t.Errorf("it shows %s", got)
		}
		offsets = kadm.Offsets{}
		offsets.AddOffset(topic, 0, 5, -1)
		if deleted, err := c.Admin(t).DeleteRecords(t.Context(), offsets); err != nil || deleted.Error() != nil {
			t.Fatal(err, deleted.Error())
		}
		if got := seen(t, target, b); len(got) != 0 {
			t.Errorf("it shows %s", got)
		}
	})
}

func TestScanOfATopicThatIsDeletedOrMadeAnew(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic := c.Topic(t, "dlq", 2, nil)
		target := open(t, c)
		produce(t, c, &kgo.Record{Topic: topic, Value: []byte("a")}, &kgo.Record{Topic: topic, Partition: 1, Value: []byte("b")})
		b := bound(t, target, topic)
		admin := c.Admin(t)
		err := target.scan(t.Context(), b, func(r *kgo.Record) error {
			if r.Partition > 0 {
				t.Error("a record of another partition was shown")
			}
			if _, err := admin.DeleteTopic(t.Context(), topic); err != nil {
				return err
			}
			until(t, "the topic to be gone", func() bool { _, err := target.lookup(t.Context(), topic); return errors.As(err, new(*noTopic)) })
			return nil
		})
		if got := sentence(t, err); !strings.Contains(got, "was deleted while it was read") {
			t.Errorf("it says %q", got)
		}
		until(t, "the topic to be made anew", func() bool {
			made, err := admin.CreateTopic(t.Context(), 2, 1, nil, topic)
			return err == nil && made.Err == nil
		})
		until(t, "the topic to be there", func() bool { _, err := target.topic(t.Context(), topic); return err == nil })
		err = target.scan(t.Context(), b, func(*kgo.Record) error { return nil })
		if got := sentence(t, err); !strings.Contains(got, "was deleted and made anew while it was read") {
			t.Errorf("it says %q", got)
		}
	})
}

// TestScanOfAClusterThatStopsAnswering is an error, and never an end.
func TestScanOfAClusterThatStopsAnswering(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		for name, fail := range map[string]func(*kafkatest.Proxy){
			"silent": (*kafkatest.Proxy).Mute,
			"gone":   (*kafkatest.Proxy).Cut,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := kafkatest.Start(t, kafkatest.Options{Peer: peer, Proxy: true})
				topic := c.Topic(t, "dlq", 2, nil)
				target := open(t, c, func(o *Options) { o.DialTimeout, o.RequestTimeout = 300*1e6, 300*1e6 })
				produce(t, c, &kgo.Record{Topic: topic, Value: []byte("a")}, &kgo.Record{Topic: topic, Partition: 1, Value: []byte("b")})
				b := bound(t, target, topic)
				n := 0
				err := target.scan(t.Context(), b, func(*kgo.Record) error { n++; fail(c.Proxy); return nil })
				if got := sentence(t, err); n != 1 || !strings.Contains(got, "Kafka production/events") {
					t.Errorf("after %d records it says %q", n, got)
				}
				c.Proxy.Resume()
				until(t, "it to recover", func() bool {
					n = 0
					return target.scan(t.Context(), b, func(*kgo.Record) error { n++; return nil }) == nil && n == 2
				})
			})
		}
	})
}

func TestScanEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Proxy: true})
	topic := c.Topic(t, "dlq", 2, nil)
	target := open(t, c)
	produce(t, c, &kgo.Record{Topic: topic, Value: []byte("a")}, &kgo.Record{Topic: topic, Partition: 1, Value: []byte("b")})
	b := bound(t, target, topic)
	ctx, cancel := context.WithCancel(t.Context())
	err := target.scan(ctx, b, func(*kgo.Record) error { c.Proxy.Mute(); cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

// TestScanOfACompactedTopic: what is left at the end of the bounds may be
// nothing at all.
func TestScanOfACompactedTopic(t *testing.T) {
	t.Parallel()
	for name, of := range map[string][]kfake.Opt{"now": nil, "before tiered storage": {kfake.MaxVersions(kversion.V2_7_0())}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compacted(t, kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake, Fake: of}))
		})
	}
}

func compacted(t *testing.T, c *kafkatest.Cluster) {
	t.Helper()
	topic := c.Topic(t, "dlq", 1, map[string]string{"cleanup.policy": "compact", "segment.bytes": "200", "min.cleanable.dirty.ratio": "0"})
	target := open(t, c)
	send := func(values ...string) {
		for _, v := range values {
			produce(t, c, &kgo.Record{Topic: topic, Key: []byte(v[:1]), Value: []byte(v)})
		}
	}
	send("a1", "b1", "c1", "b2", "c2")
	b := bound(t, target, topic)
	send("b3", "c3", "d1", "e1", "f1", "g1", "h1") // of the old bounds only a1 is the last of its key
	c.Fake.Compact()
	if got := strings.Join(seen(t, target, bound(t, target, topic)), " "); strings.Contains(got, "b1") {
		t.Fatalf("nothing was compacted: %s", got)
	}
	if got := strings.Join(seen(t, target, b), " "); got != "0/a1" {
		t.Errorf("it shows %s", got)
	}
	b.parts[0] = span{1, b.parts[0].to}
	if got := seen(t, target, b); len(got) > 0 {
		t.Errorf("it shows %s", got)
	}
}

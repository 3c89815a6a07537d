package kafkatest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestMain(m *testing.M) { mainOrVictim(m) }

// onEveryPeer runs a scenario on each of them.
func onEveryPeer(t *testing.T, o Options, scenario func(*testing.T, *Cluster)) {
	t.Helper()
	for _, peer := range Peers(t) {
		t.Run(string(peer), func(t *testing.T) {
			o := o
			o.Peer = peer
			c := Start(t, o)
			if c.Peer != peer || (c.Fake != nil) != (peer == Fake) {
				t.Fatalf("asked for %s, got %s", peer, c.Peer)
			}
			scenario(t, c)
		})
	}
}

// newClient is a client under test.
func newClient(t *testing.T, c *Cluster, user string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(c.ClientOptions(t, user), options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), operationTimeout)
	t.Cleanup(cancel)
	return ctx
}

func record(topic, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Value: []byte(value)}
}

func values(records []*kgo.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Value))
	}
	return all
}

func TestTopicHasWhatWasAskedFor(t *testing.T) {
	onEveryPeer(t, Options{}, func(t *testing.T, c *Cluster) {
		topic := c.Topic(t, "orders", 3, map[string]string{"max.message.bytes": "2000"})
		topics, err := c.Admin(t).ListTopics(patience(t), topic)
		if err != nil || len(topics[topic].Partitions) != 3 {
			t.Errorf("got %v, %v", topics, err)
		}
		client := newClient(t, c, "", kgo.ProducerBatchCompression(kgo.NoCompression()))
		if err := client.ProduceSync(patience(t), record(topic, "small")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		err = client.ProduceSync(patience(t), record(topic, string(make([]byte, 3000)))).FirstErr()
		if !errors.Is(err, kerr.MessageTooLarge) {
			t.Errorf("a record beyond the topic's limit: %v", err)
		}
		if diff := cmp.Diff([]string{"small"}, values(c.Committed(t, topic))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTopicsAreNotMadeByMistake(t *testing.T) {
	onEveryPeer(t, Options{}, func(t *testing.T, c *Cluster) {
		client := newClient(t, c, "", kgo.AllowAutoTopicCreation())
		err := client.ProduceSync(patience(t), record(Unique(t, "missing"), "lost")).FirstErr()
		if !errors.Is(err, kerr.UnknownTopicOrPartition) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCommittedShowsFinishedTransactionsOnly(t *testing.T) {
	onEveryPeer(t, Options{}, func(t *testing.T, c *Cluster) {
		topic := c.Topic(t, "orders", 1, nil)
		send := func(value string, end func(*kgo.Client)) {
			client := newClient(t, c, "", kgo.TransactionalID(Unique(t, "sender")))
			if err := client.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := client.ProduceSync(patience(t), record(topic, value)).FirstErr(); err != nil {
				t.Fatal(err)
			}
			end(client)
		}
		finish := func(how kgo.TransactionEndTry) func(*kgo.Client) {
			return func(client *kgo.Client) {
				if err := client.EndTransaction(patience(t), how); err != nil {
					t.Fatal(err)
				}
			}
		}
		send("committed", finish(kgo.TryCommit))
		send("aborted", finish(kgo.TryAbort))
		if diff := cmp.Diff([]string{"committed"}, values(c.Committed(t, topic))); diff != "" {
			t.Error(diff)
		}
		send("open", func(*kgo.Client) {})
		send("behind it", finish(kgo.TryCommit))
		if diff := cmp.Diff([]string{"committed"}, values(c.Committed(t, topic))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"committed", "aborted", "open", "behind it"}, values(c.Everything(t, topic))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAConsumerReadsCommittedRecordsInAGroup(t *testing.T) {
	onEveryPeer(t, Options{}, func(t *testing.T, c *Cluster) {
		topic, group := c.Topic(t, "orders", 2, nil), Unique(t, "readers")
		want := []string{"one", "three", "two"}
		for _, v := range want {
			if err := c.Client(t).ProduceSync(patience(t), record(topic, v)).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		client := newClient(t, c, "", kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
		var got []string
		for ctx := patience(t); len(got) < len(want); {
			fetches := client.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				t.Fatal(err)
			}
			got = append(got, values(fetches.Records())...)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("got %v", got)
		}
		if err := client.CommitUncommittedOffsets(patience(t)); err != nil {
			t.Fatal(err)
		}
		offsets, err := c.Admin(t).FetchOffsets(patience(t), group)
		total := int64(0)
		offsets.Each(func(o kadm.OffsetResponse) { total += o.At })
		if err != nil || total != int64(len(want)) {
			t.Errorf("the group has read %d, %v", total, err)
		}
	})
}

// TestTransactionsAreThoseOfKafka4: with version 2 of the feature, every transaction has its own epoch (KIP-890).
func TestTransactionsAreThoseOfKafka4(t *testing.T) {
	onEveryPeer(t, Options{}, func(t *testing.T, c *Cluster) {
		response, err := kmsg.NewPtrApiVersionsRequest().RequestWith(patience(t), c.Client(t))
		if err != nil {
			t.Fatal(err)
		}
		level := int16(0)
		for _, f := range response.FinalizedFeatures {
			if f.Name == "transaction.version" {
				level = f.MaxVersionLevel
			}
		}
		if level != 2 {
			t.Errorf("transaction.version is %d", level)
		}
	})
}

func TestForgottenTransactionEndsSoon(t *testing.T) {
	onEveryPeer(t, Options{}, func(t *testing.T, c *Cluster) {
		topic := c.Topic(t, "orders", 1, nil)
		client := newClient(t, c, "", kgo.TransactionalID(Unique(t, "sender")), kgo.TransactionTimeout(time.Second))
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(patience(t), record(topic, "forgotten")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		ctx := patience(t)
		await(ctx, t, "the broker ends the transaction", func() bool {
			offsets, err := c.Admin(t).ListCommittedOffsets(ctx, topic)
			end, _ := offsets.Lookup(topic, 0)
			return err == nil && end.Offset == 2 // the record and the marker
		})
		if got := values(c.Committed(t, topic)); got != nil {
			t.Errorf("got %v", got)
		}
	})
}

func TestUnique(t *testing.T) {
	one, two := Unique(t, "orders"), Unique(t, "orders")
	if one == two || one[:len("orders-TestUnique-")] != "orders-TestUnique-" {
		t.Errorf("got %q and %q", one, two)
	}
	t.Run("a long name, with ümläute and/slashes: "+strings.Repeat("x", 300), func(t *testing.T) {
		name := Unique(t, "orders")
		if len(name) > 249 {
			t.Errorf("%d bytes", len(name))
		}
		Start(t, Options{Peer: Fake}).Topic(t, "orders", 1, nil) // the broker takes it
	})
}

func TestFakeCanDoMore(t *testing.T) {
	t.Run("several brokers behind one proxy", func(t *testing.T) {
		c := Start(t, Options{Proxy: true, Fake: []kfake.Opt{kfake.NumBrokers(3)}})
		topic := c.Topic(t, "orders", 6, nil)
		client := newClient(t, c, "", impatient()...)
		for partition := range int32(6) {
			r := record(topic, "value")
			r.Partition = partition
			manual := newClient(t, c, "", kgo.RecordPartitioner(kgo.ManualPartitioner()))
			if err := manual.ProduceSync(patience(t), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(c.Committed(t, topic)); got != 6 || len(c.Brokers) != 3 {
			t.Errorf("%d records, %d brokers", got, len(c.Brokers))
		}
		c.Proxy.Cut()
		if err := pingOnce(t, client); err == nil {
			t.Error("there is a way past the proxy")
		}
	})
	t.Run("failures on command", func(t *testing.T) {
		c := Start(t, Options{Peer: Fake})
		topic := c.Topic(t, "orders", 1, nil)
		c.Fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.PolicyViolation})
		err := newClient(t, c, "").ProduceSync(patience(t), record(topic, "value")).FirstErr()
		if !errors.Is(err, kerr.PolicyViolation) {
			t.Errorf("got %v", err)
		}
	})
}

// failing is a test that has failed in the eyes of this package, not in those of go test.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Fatal(...any) { f.Fatalf("") }

func (f *failing) Fatalf(string, ...any) {
	f.failed = true
	panic(f)
}

func TestWhatNoClusterCanBe(t *testing.T) {
	for _, row := range []struct {
		name    string
		options Options
	}{
		{"an unknown peer", Options{Peer: "redpanda"}},
		{"the fake's options for Apache Kafka", Options{Peer: Apache, Fake: []kfake.Opt{kfake.NumBrokers(3)}}},
		{"ACLs without users", Options{ACLs: true}},
		{"an unknown mechanism", Options{Users: []User{{"alice", "secret", "GSSAPI"}}}},
		{"a second superuser", Options{Users: []User{{Superuser, "secret", Plain}}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if !fails(t, func(t testing.TB) { Start(t, row.options) }) {
				t.Error("it was started")
			}
		})
	}
	t.Run("an unknown peer in the environment", func(t *testing.T) {
		t.Setenv(peerVariable, "redpanda")
		if !fails(t, func(t testing.TB) { Start(t, Options{}) }) {
			t.Error("it was started")
		}
	})
	t.Run("rules about nothing", func(t *testing.T) {
		c := Start(t, Options{Peer: Fake})
		if !fails(t, func(t testing.TB) { c.Allow(t, "alice", kadm.NewACLs().Operations(kadm.OpRead)) }) {
			t.Error("they were taken")
		}
	})
	t.Run("a user who is not there", func(t *testing.T) {
		c := Start(t, Options{Peer: Fake})
		if !fails(t, func(t testing.TB) { c.ClientOptions(t, "mallory") }) {
			t.Error("there are options for nobody")
		}
	})
}

// fails tells whether a part of a test would have failed it.
func fails(t *testing.T, part func(testing.TB)) bool {
	t.Helper()
	f := &failing{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(f) {
				panic(r)
			}
		}()
		part(f)
	}()
	return f.failed
}

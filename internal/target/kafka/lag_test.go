package kafka

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// clock is a time that tests move.
type clock struct{ ms atomic.Int64 }

func newClock() *clock { c := &clock{}; c.ms.Store(died.UnixMilli()); return c }

func (c *clock) now() time.Time { return time.UnixMilli(c.ms.Load()).UTC() }

// during makes a target whose sleep does what is told and takes no time.
func (c *clock) during(what func()) func(*Options) {
	return func(o *Options) {
		o.Now = c.now
		o.Sleep = func(_ context.Context, d time.Duration) error {
			what()
			c.ms.Add(d.Milliseconds())
			return nil
		}
	}
}

// commit sets what a group has read, as a consumer without members would.
func commit(t *testing.T, c *kafkatest.Cluster, group, topic string, at map[int32]int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	for p, o := range at {
		offsets.AddOffset(topic, p, o, -1)
	}
	if err := c.Admin(t).CommitAllOffsets(t.Context(), group, offsets); err != nil {
		t.Fatal(err)
	}
}

// unread sends n records to a partition, each a second after the one before.
func unread(t *testing.T, c *kafkatest.Cluster, topic string, part int32, n int, first time.Time) {
	t.Helper()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: topic, Partition: part, Value: fmt.Append(nil, i), Timestamp: first.Add(time.Duration(i) * time.Second)})
	}
	produce(t, c, records...)
}

// lagOf runs the check, and gives the overview as lines.
func lagOf(t *testing.T, target *Target, text string) (*recorder, check.Result, error) {
	t.Helper()
	rec := &recorder{t: t}
	res, err := words(t, "lag", text).Detector(target, Sources{}).Detect(t.Context(), check.Options{Overview: true}, nil, rec)
	return rec, res, err
}

func lines(o *check.Overview) []string {
	var out []string
	for _, row := range o.Rows {
		out = append(out, strings.Join(row[1:], " | "))
	}
	return out
}

func TestLag(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic, group := c.Topic(t, "ecommerce-events", 5, forever()), kafkatest.Unique(t, "ecommerce-consumer")
		clock := newClock()
		unread(t, c, topic, 0, 10, died.Add(-10*time.Minute)) // behind, and being read
		unread(t, c, topic, 1, 5, died.Add(-time.Minute))     // never committed
		unread(t, c, topic, 2, 3, died.Add(-time.Hour))       // all read
		unread(t, c, topic, 3, 4, died.Add(-2*time.Minute))   // behind, and nobody reads; partition 4 is empty
		commit(t, c, group, topic, map[int32]int64{0: 2, 2: 3, 3: 1})
		target := open(t, c, clock.during(func() {
			commit(t, c, group, topic, map[int32]int64{0: 5})
			unread(t, c, topic, 3, 1, died)
		}))
		text := "group: " + group + "\ntopics: [" + topic + "]\n"

		rec, res, err := lagOf(t, target, text+"max_lag: 4\nmax_age: 5m")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{
			"0 | 8 | " + stamp(died, -10*time.Minute+2*time.Second) + " | 9 min | 2 | 10 | in about 16 s | nobody",
			"1 | 5 | " + stamp(died, -time.Minute) + " | 1 min | never | 5 | stands still | nobody",
			"3 | 3 | " + stamp(died, -2*time.Minute+time.Second) + " | 1 min | 1 | 4 | stands still, falling behind | nobody",
			"2 | 0 |  |  | 3 | 3 | has caught up | nobody",
			"4 | 0 |  |  | never | 0 | has caught up | nobody",
		}, lines(res.Overview)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]int{"more than 4 unread, unread for more than 5 min": 1, "more than 4 unread": 1}, rec.classes()); diff != "" {
			t.Error(diff)
		}
		first := rec.rows()[0]
		if diff := cmp.Diff([]string{topic, "0"}, first.Key); diff != "" || !first.At.Equal(died.Add(-10*time.Minute+2*time.Second)) {
			t.Errorf("%v since %s", first.Key, first.At)
		}
		if diff := cmp.Diff([]string{
			"Group " + group + " is empty: no consumer is running, so that nothing catches up.",
			"16 records unread in all; lag counts what a read-committed consumer can still read.",
			"Measured over 6 s: 3 records read, 1 written.",
			"The group has never committed an offset of 1 partition: there the lag counts from the first record.",
		}, res.Notes); diff != "" {
			t.Error(diff)
		}
		if res.Scanned != 5 || res.Position != topic+" 0:10 1:5 2:3 3:4 4:0" {
			t.Errorf("%+v", res)
		}
		rec, _, err = lagOf(t, target, text+"max_lag: 1000")
		if err != nil || len(rec.rows()) > 0 {
			t.Errorf("%d rows, %v", len(rec.rows()), err)
		}
	})
}

func TestLagOfALiveGroup(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic, group := c.Topic(t, "events", 1, forever()), kafkatest.Unique(t, "live")
		unread(t, c, topic, 0, 3, died)
		consumer := c.Client(t, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ClientID("shop-consumer"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		defer consumer.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := consumer.PollRecords(ctx, 3).Err(); err != nil {
			t.Fatal(err)
		}
		if err := consumer.CommitUncommittedOffsets(ctx); err != nil {
			t.Fatal(err)
		}
		unread(t, c, topic, 0, 2, died)
		_, res, err := lagOf(t, open(t, c, newClock().during(func() {})), "group: "+group+"\nmax_lag: 10")
		if err != nil {
			t.Fatal(err)
		}
		row := res.Overview.Rows[0]
		if row[0] != topic || row[2] != "2" || !strings.HasPrefix(row[8], "shop-consumer at ") {
			t.Errorf("%q", row)
		}
		if want := "Group " + group + " is stable, with 1 member."; res.Notes[0] != want {
			t.Errorf("it says %q", res.Notes[0])
		}
	})
}

// TestLagOfAModernGroup, whose coordinator shares out the partitions (KIP-848).
func TestLagOfAModernGroup(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic, group := c.Topic(t, "events", 1, forever()), kafkatest.Unique(t, "modern")
		unread(t, c, topic, 0, 3, died)
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), "opt_in_kafka_next_gen_balancer_beta", true), time.Minute) //nolint:revive,staticcheck // kgo asks for this key
		defer cancel()
		consumer := c.Client(t, kgo.WithContext(ctx), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ClientID("shop-consumer"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		defer consumer.Close()
		if err := consumer.PollRecords(ctx, 3).Err(); err != nil {
			t.Fatal(err)
		}
		if err := consumer.CommitUncommittedOffsets(ctx); err != nil {
			t.Fatal(err)
		}
		_, res, err := lagOf(t, open(t, c, newClock().during(func() {})), "group: "+group+"\nmax_lag: 10")
		if err != nil || res.Overview.Rows[0][2] != "0" || !strings.Contains(res.Notes[0], "is stable, with 1 member.") {
			t.Errorf("%+v, %v", res, err)
		}
	})
}

// TestLagThatIsOnlyMarksOfTransactions is none: nothing is left to read.
func TestLagThatIsOnlyMarksOfTransactions(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer})
		topic, group := c.Topic(t, "events", 2, forever()), kafkatest.Unique(t, "group")
		try, abort := kgo.TryCommit, kgo.TryAbort
		transaction(t, c, topic, 0, &try, "a")
		transaction(t, c, topic, 0, &abort, "x", "y")
		opened := transaction(t, c, topic, 1, nil, "z", "z")
		commit(t, c, group, topic, map[int32]int64{0: 1, 1: 0})
		rec, res, err := lagOf(t, open(t, c, newClock().during(func() {})), "group: "+group+"\nmax_lag: 0")
		if err != nil || len(rec.rows()) > 0 {
			t.Errorf("%d rows, %v", len(rec.rows()), err)
		}
		if want := "2 records stand after the last stable offset: a transaction is open, and read-committed consumers wait for its end."; !slices.Contains(res.Notes, want) {
			t.Errorf("it says %q", res.Notes)
		}
		if err := opened.EndTransaction(t.Context(), try); err != nil {
			t.Fatal(err)
		}
		if rec, _, err = lagOf(t, open(t, c, newClock().during(func() {})), "group: "+group+"\nmax_lag: 1"); err != nil || len(rec.rows()) != 1 {
			t.Errorf("%d rows, %v", len(rec.rows()), err)
		}
	})
}

func TestLagOfWhatExpiredUnread(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{})
	topic, group := c.Topic(t, "events", 1, forever()), kafkatest.Unique(t, "group")
	unread(t, c, topic, 0, 10, died)
	commit(t, c, group, topic, map[int32]int64{0: 2})
	gone := kadm.Offsets{}
	gone.AddOffset(topic, 0, 6, -1)
	if _, err := c.Admin(t).DeleteRecords(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	rec, res, err := lagOf(t, open(t, c, newClock().during(func() {})), "group: "+group+"\nmax_lag: 3")
	if err != nil || len(rec.rows()) != 1 || res.Overview.Rows[0][2] != "4" {
		t.Errorf("%d rows, %+v, %v", len(rec.rows()), res.Overview, err)
	}
	if !slices.Contains(res.Notes, "4 records expired before the group read them.") {
		t.Errorf("it says %q", res.Notes)
	}
}

// TestUnknownLagIsNeverPass: what is not known is shown as unknown.
func TestUnknownLagIsNeverPass(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Fake: []kfake.Opt{kfake.NumBrokers(1)}})
	topic, group := c.Topic(t, "events", 2, forever()), kafkatest.Unique(t, "group")
	unread(t, c, topic, 0, 5, died)
	commit(t, c, group, topic, map[int32]int64{0: 2, 1: 0})
	c.Fake.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		r := req.(*kmsg.ListOffsetsRequest)
		for _, rt := range r.Topics {
			for i, p := range rt.Partitions {
				if p.Partition != 1 {
					continue
				}
				resp := r.ResponseKind().(*kmsg.ListOffsetsResponse)
				at := kmsg.NewListOffsetsResponseTopic()
				at.Topic = rt.Topic
				for j, q := range rt.Partitions {
					one := kmsg.NewListOffsetsResponseTopicPartition()
					one.Partition, one.Offset = q.Partition, 5
					if q.Timestamp == -2 {
						one.Offset = 0
					}
					if i == j {
						one.ErrorCode, one.Offset = kerr.UnknownServerError.Code, -1
					}
					at.Partitions = append(at.Partitions, one)
				}
				resp.Topics = append(resp.Topics, at)
				return resp, nil, true
			}
		}
		return nil, nil, false
	})
	target := open(t, c, newClock().during(func() {}))
	failed := "Kafka production/events answered with error UNKNOWN_SERVER_ERROR while asking for the offsets of " + topic + "."

	rec, res, err := lagOf(t, target, "group: "+group+"\nmax_lag: 10")
	if got, want := sentence(t, err), "1 partition of group "+group+" could not be judged. "+failed; got != want || len(rec.rows()) > 0 {
		t.Errorf("%d rows; it says\n%q, want\n%q", len(rec.rows()), got, want)
	}
	if got := lines(res.Overview)[0]; got != "1 | unknown | unknown | unknown | 0 | unknown | unknown | nobody" {
		t.Errorf("the overview says %q", got)
	}
	rec, res, err = lagOf(t, target, "group: "+group+"\nmax_lag: 1")
	if err != nil || len(rec.rows()) != 1 || !slices.Contains(res.Notes, "The lag of 1 partition is unknown. "+failed) {
		t.Errorf("%d rows, %q, %v", len(rec.rows()), res.Notes, err)
	}
}

func TestLagOfATopicMadeAnewIsUnknown(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{})
	topic, group := c.Topic(t, "events", 1, forever()), kafkatest.Unique(t, "group")
	unread(t, c, topic, 0, 3, died)
	commit(t, c, group, topic, map[int32]int64{0: 500})
	_, res, err := lagOf(t, open(t, c), "group: "+group+"\nmax_lag: 10")
	if got := sentence(t, err); !strings.Contains(got, "The group has committed offset 500 of partition 0 of topic "+topic) {
		t.Errorf("it says %q", got)
	}
	if res.Overview.Rows[0][2] != "unknown" {
		t.Errorf("%q", res.Overview.Rows[0])
	}
}

// TestLagOfTopicsThatAreGoneIsUnknown: a group that keeps up with nothing keeps up
// with nothing that matters.
func TestLagOfTopicsThatAreGoneIsUnknown(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Fake: []kfake.Opt{kfake.MaxVersions(kversion.V2_7_0())}}) // whose offsets name topics, not ids
	topic := c.Topic(t, "events", 1, forever())
	unread(t, c, topic, 0, 3, died)
	commit(t, c, "group", topic, map[int32]int64{0: 0})
	c.Fake.ControlKey(int16(kmsg.OffsetFetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
		for _, name := range []string{"orders", "payments"} {
			rt, rp := kmsg.NewOffsetFetchResponseTopic(), kmsg.NewOffsetFetchResponseTopicPartition()
			rt.Topic, rp.Offset = name, 5
			rt.Partitions = append(rt.Partitions, rp)
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
	target := open(t, c, newClock().during(func() {}))
	_, _, err := lagOf(t, target, "group: group\nmax_lag: 10")
	if got, want := sentence(t, err), "Group group on Kafka production/events has committed offsets of orders, payments only, and none of it is there any more, or may be seen: name the topics that it reads in the config."; got != want {
		t.Errorf("it says %q", got)
	}
	rec, _, err := lagOf(t, target, "group: group\nmax_lag: 2\ntopics: "+topic)
	if err != nil || len(rec.rows()) != 1 {
		t.Errorf("of a topic that the config names: %d rows, %v", len(rec.rows()), err)
	}
}

func TestLagThatCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		c := kafkatest.Start(t, kafkatest.Options{Peer: peer, Proxy: true})
		topic := c.Topic(t, "ecommerce-events", 1, forever())
		unread(t, c, topic, 0, 1, died)
		commit(t, c, "ecommerce-consumer", topic, map[int32]int64{0: 0})
		target := open(t, c)
		for text, want := range map[string]string{
			"group: ecomerce-consumer":                          "There is no consumer group ecomerce-consumer on Kafka production/events: did you mean ecommerce-consumer? A group ends when its last offset has expired.",
			"group: ecommerce-consumer\ntopics: " + topic + "z": "There is no topic " + topic + "z on Kafka production/events: did you mean " + topic + "? Or the bot may not see it.",
		} {
			if _, _, err := lagOf(t, target, text+"\nmax_lag: 0"); err == nil || sentence(t, err) != want {
				t.Errorf("%s: %v", text, err)
			}
			if err := words(t, "lag", text+"\nmax_lag: 0").Validate(t.Context(), target); err == nil || sentence(t, err) != want {
				t.Errorf("validating %s: %v", text, err)
			}
		}
		if err := words(t, "lag", "group: ecommerce-consumer\nmax_age: 1m").Validate(t.Context(), target); err != nil {
			t.Error(err)
		}
		c.Proxy.Cut()
		_, _, err := lagOf(t, open(t, c, func(o *Options) { o.DialTimeout, o.RequestTimeout = time.Second, time.Second }), "group: ecommerce-consumer\nmax_lag: 0")
		if got := sentence(t, err); !strings.Contains(got, "Kafka production/events") {
			t.Errorf("it says %q", got)
		}
	})
}

func TestCatchesUp(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]partitionLag{
		"has caught up":                {},
		"unknown":                      {lag: 5},
		"stands still":                 {lag: 5, measured: true},
		"stands still, falling behind": {lag: 5, measured: true, producing: 1},
		"never: falling behind":        {lag: 5, measured: true, producing: 2, consuming: 2},
		"in about 5 s":                 {lag: 5, measured: true, producing: 1, consuming: 2},
		"in about 3 h":                 {lag: 10_000, measured: true, consuming: 1},
		"in about 12 d":                {lag: 1_000_000, measured: true, consuming: 1},
		"never: hardly moving":         {lag: 1 << 40, measured: true, consuming: 1},
	} {
		if got := p.catchesUp(); got != want {
			t.Errorf("%+v: %q, want %q", p, got, want)
		}
	}
}

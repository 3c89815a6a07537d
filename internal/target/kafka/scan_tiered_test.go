package kafka

import (
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// slow has a partition's first offsets in tiered storage, from which the leader
// reads too slowly for as many answers: then it answers as Kafka does, as if
// there were nothing.
func slow(c *kafkatest.Cluster, local int64, answers *atomic.Int64) {
	c.Fake.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		r := req.(*kmsg.ListOffsetsRequest)
		if len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 || r.Topics[0].Partitions[0].Timestamp != -4 {
			return nil, nil, false
		}
		resp := r.ResponseKind().(*kmsg.ListOffsetsResponse)
		rt, rp := kmsg.NewListOffsetsResponseTopic(), kmsg.NewListOffsetsResponseTopicPartition()
		rt.Topic, rp.Partition, rp.Offset = r.Topics[0].Topic, r.Topics[0].Partitions[0].Partition, local
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	c.Fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		r := req.(*kmsg.FetchRequest)
		if r.Topics[0].Partitions[0].FetchOffset >= local || answers.Add(-1) < 0 {
			return nil, nil, false
		}
		resp := r.ResponseKind().(*kmsg.FetchResponse)
		rt, rp := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
		rt.Topic, rt.TopicID = r.Topics[0].Topic, r.Topics[0].TopicID
		rp.Partition, rp.HighWatermark, rp.LastStableOffset, rp.LogStartOffset = r.Topics[0].Partitions[0].Partition, 5, 5, 0
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
}

// TestSlowTieredStorageIsNoEmptyTopic: what takes its time is waited for, and what
// never comes is an error.
func TestSlowTieredStorageIsNoEmptyTopic(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake})
	topic := c.Topic(t, "dlq", 1, forever())
	unread(t, c, topic, 0, 5, died)
	var answers atomic.Int64
	slow(c, 3, &answers)

	target := open(t, c)
	answers.Store(2)
	if got := strings.Join(seen(t, target, bound(t, target, topic)), " "); got != "0/0 0/1 0/2 0/3 0/4" {
		t.Errorf("it shows %s", got)
	}

	answers.Store(math.MaxInt64)
	target = open(t, c, func(o *Options) { o.DialTimeout, o.RequestTimeout = time.Second, time.Second })
	want := "Partition 0 of topic " + topic + " on Kafka production/events gives nothing from offset 0 on: the records are in tiered storage, " +
		"and reading them from there takes longer than remote.fetch.max.wait.ms of the brokers allows. Raise it, or try again later."
	err := target.scan(t.Context(), bound(t, target, topic), func(*kgo.Record) error { t.Error("a record was shown"); return nil })
	if got := sentence(t, err); got != want {
		t.Errorf("it says %q", got)
	}
	_, err = words(t, "dead-letters", "topic: "+topic).Detector(target, Sources{}).Detect(t.Context(), check.Options{}, nil, &recorder{t: t})
	if got := sentence(t, err); got != want {
		t.Errorf("the check says %q", got)
	}

	commit(t, c, "group", topic, map[int32]int64{0: 1})
	rec, res, err := lagOf(t, target, "group: group\nmax_lag: 10\nmax_age: 1h")
	if got := sentence(t, err); len(rec.rows()) > 0 || !strings.Contains(got, "1 partition of group group could not be judged. ") || !strings.Contains(got, "tiered storage") {
		t.Errorf("%d rows; the lag says %q", len(rec.rows()), got)
	}
	if got := res.Overview.Rows[0][2]; got != "4" {
		t.Errorf("the lag is %s", got)
	}
}

// TestTheFirstOffsetOnALeadersDisk is known to brokers that know of tiered
// storage; of others everything is there.
func TestTheFirstOffsetOnALeadersDisk(t *testing.T) {
	t.Parallel()
	local := func(t *testing.T, c *kafkatest.Cluster) int64 {
		topic := c.Topic(t, "dlq", 1, forever())
		unread(t, c, topic, 0, 5, died)
		offsets := kadm.Offsets{}
		offsets.AddOffset(topic, 0, 3, -1)
		if deleted, err := c.Admin(t).DeleteRecords(t.Context(), offsets); err != nil || deleted.Error() != nil {
			t.Fatal(err, deleted.Error())
		}
		target := open(t, c)
		top, err := target.topic(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		at, err := (&fetcher{scanner: &scanner{t: target, b: bounds{topic: topic}, top: top}}).local(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	eachPeer(t, func(t *testing.T, peer kafkatest.Peer) {
		if at := local(t, kafkatest.Start(t, kafkatest.Options{Peer: peer})); at != 3 {
			t.Errorf("it is %d", at)
		}
	})
	if at := local(t, kafkatest.Start(t, kafkatest.Options{Fake: []kfake.Opt{kfake.MaxVersions(kversion.V2_7_0())}})); at != 0 {
		t.Errorf("of an old broker it is %d", at)
	}
}

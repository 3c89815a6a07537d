package kafkatest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Committed reads what a topic holds at this moment for consumers that read committed records only: those of finished
// transactions and those sent without one, up to the first record of a transaction that is still open. They come by
// partition, in their order.
func (c *Cluster) Committed(t testing.TB, topic string) []*kgo.Record {
	t.Helper()
	return c.records(t, topic, reading{isolation: 1, level: kgo.ReadCommitted(), ends: (*kadm.Client).ListCommittedOffsets})
}

// Everything reads what a topic holds at this moment, records of open and aborted transactions included.
func (c *Cluster) Everything(t testing.TB, topic string) []*kgo.Record {
	t.Helper()
	return c.records(t, topic, reading{level: kgo.ReadUncommitted(), ends: (*kadm.Client).ListEndOffsets})
}

// reading is how to read: the isolation level as the protocol and as the library name it, and where the end is then.
type reading struct {
	isolation int8
	level     kgo.IsolationLevel
	ends      func(*kadm.Client, context.Context, ...string) (kadm.ListedOffsets, error)
}

func (c *Cluster) records(t testing.TB, topic string, how reading) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), operationTimeout)
	defer cancel()
	client := c.Client(t)
	defer client.Close()
	records, err := read(ctx, client, topic, how)
	if err != nil {
		t.Fatalf("kafkatest: reading %s: %v", topic, err)
	}
	return records
}

func read(ctx context.Context, client *kgo.Client, topic string, how reading) ([]*kgo.Record, error) {
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	ends, err := how.ends(admin, ctx, topic)
	if err != nil {
		return nil, err
	}
	topics, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return nil, err
	}
	var records []*kgo.Record
	partitions := topics[topic].Partitions
	for _, n := range slices.Sorted(maps.Keys(partitions)) {
		start, _ := starts.Lookup(topic, n)
		end, _ := ends.Lookup(topic, n)
		if start.Err != nil || end.Err != nil {
			return nil, fmt.Errorf("where partition %d begins and ends: %w, %w", n, start.Err, end.Err)
		}
		p := partition{topic: topic, id: topics[topic].ID, number: n, leader: partitions[n].Leader}
		some, err := p.read(ctx, client, how, start.Offset, end.Offset)
		if err != nil {
			return nil, fmt.Errorf("partition %d: %w", n, err)
		}
		records = append(records, some...)
	}
	return records, nil
}

type partition struct {
	topic          string
	id             kadm.TopicID
	number, leader int32
}

// read fetches by plain requests, because a consumer does not say how far it has got: the last records before the end
// may be markers, aborted, or compacted away.
func (p partition) read(ctx context.Context, client *kgo.Client, how reading, from, end int64) ([]*kgo.Record, error) {
	var records []*kgo.Record
	for from < end {
		response, err := p.request(how, from).RequestWith(ctx, client.Broker(int(p.leader)))
		if err != nil {
			return nil, err
		}
		if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
			return nil, fmt.Errorf("the answer is not about it: error %d", response.ErrorCode)
		}
		fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
			Offset: from, IsolationLevel: how.level, Topic: p.topic, Partition: p.number,
		}, &response.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
		if fetched.Err != nil {
			return nil, fetched.Err
		}
		for _, r := range fetched.Records {
			if r.Offset < end {
				records = append(records, r)
			}
		}
		from = next
	}
	return records, nil
}

func (p partition) request(how reading, from int64) *kmsg.FetchRequest {
	const wait, most = 100, 16 << 20 // milliseconds, bytes
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = p.number, from, most
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = p.topic, p.id
	topic.Partitions = append(topic.Partitions, partition)
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes = wait, 1, most
	request.IsolationLevel = how.isolation
	request.Topics = append(request.Topics, topic)
	return request
}

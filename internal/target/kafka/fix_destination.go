package kafka

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/integritybot/integritybot/internal/fix"
)

// destination is what a topic takes.
type destination struct {
	name       string
	partitions int32
	limit      int  // bytes of a batch
	known      bool // the limits are the topic's own, and not guessed
	compacted  bool // records without a key are refused
	lasting    bool // nothing is deleted for its age
	appended   bool // the broker's clock stamps what comes (LogAppendTime)
	// before and after bound how far a record's time may be from now; 0: no bound.
	before, after time.Duration
	// retention is how long records are kept after their own time; 0: for ever.
	retention time.Duration
}

// destination asks what a topic takes. Who may not see its settings learns by
// sending.
func (t *Target) destination(ctx context.Context, client *kgo.Client, name string) (destination, error) {
	d := destination{name: name, limit: defaultLimit}
	a := act{doing: "looking up topic " + name, operation: "Describe", kind: "topic", name: name, sends: true}
	asking, cancel := t.ask(ctx)
	defer cancel()
	found, err := described(asking, client, name)
	if err != nil {
		return d, t.problem(ctx, a, err)
	}
	d.partitions = int32(len(found.Partitions)) //nolint:gosec // a few
	configs, err := kadm.NewClient(client).DescribeTopicConfigs(asking, name)
	if err != nil && !denied(err) {
		return d, t.problem(ctx, a, err)
	}
	for _, c := range configs {
		if c.Err != nil && !denied(c.Err) {
			return d, t.problem(ctx, a, c.Err)
		}
		for _, one := range c.Configs {
			if one.Value != nil {
				d.set(one.Key, *one.Value)
			}
		}
	}
	return d, nil
}

// described asks for one topic and for what may be done with it. The client's own
// question would be answered from what it heard a few seconds ago.
func described(ctx context.Context, client *kgo.Client, name string) (kmsg.MetadataResponseTopic, error) {
	r := kmsg.NewPtrMetadataRequest()
	one := kmsg.NewMetadataRequestTopic()
	one.Topic = kmsg.StringPtr(name)
	r.Topics, r.IncludeTopicAuthorizedOperations = []kmsg.MetadataRequestTopic{one}, true
	answer, err := r.RequestWith(ctx, client)
	if err != nil {
		return kmsg.MetadataResponseTopic{}, err
	}
	if len(answer.Topics) != 1 {
		return kmsg.MetadataResponseTopic{}, fmt.Errorf("an answer about %d topics instead of one", len(answer.Topics))
	}
	return answer.Topics[0], kerr.ErrorForCode(answer.Topics[0].ErrorCode)
}

// set takes one setting of a topic. Source of the names: Apache Kafka, "Topic
// Configs".
func (d *destination) set(key, value string) {
	switch key {
	case "max.message.bytes":
		if n, err := strconv.Atoi(value); err == nil && n > 0 {
			d.limit, d.known = n, true
		}
	case "cleanup.policy":
		d.compacted, d.lasting = strings.Contains(value, "compact"), !strings.Contains(value, "delete")
	case "retention.ms":
		d.retention = bounded(value)
	case "message.timestamp.type":
		d.appended = value == "LogAppendTime"
	case "message.timestamp.before.max.ms":
		d.before = bounded(value)
	case "message.timestamp.after.max.ms":
		d.after = bounded(value)
	}
}

// bounded reads milliseconds; what no clock reaches is no bound.
func bounded(value string) time.Duration {
	const most = int64(1<<62) / int64(time.Millisecond)
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n <= 0 || n > most {
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

// refuses says why a topic would not take a record; empty: it would.
func (d destination) refuses(r *kgo.Record, now time.Time) fix.Why {
	switch {
	case sizeOf(r) > d.limit && d.known:
		return whyLarge
	case d.compacted && r.Key == nil:
		return whyKeyless
	case d.appended:
	case d.before > 0 && now.Sub(r.Timestamp) > d.before, d.after > 0 && r.Timestamp.Sub(now) > d.after:
		return whyTime
	}
	return ""
}

// outlived tells whether a record of that time may be deleted as soon as it is
// there: what a topic keeps is counted from a record's own time.
func (d destination) outlived(millis int64, now time.Time) bool {
	return !d.appended && !d.lasting && d.retention > 0 && now.Sub(time.UnixMilli(millis)) > d.retention
}

// destination is what a topic takes, asked once for each producer.
func (s *sender) destination(ctx context.Context, topic string) (destination, error) {
	if d, ok := s.topics[topic]; ok {
		return d, nil
	}
	d, err := s.x.t.destination(ctx, s.client, topic)
	if err != nil {
		return d, err
	}
	s.topics[topic] = d
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limits[topic] = clientLimit(d.limit); s.singly[topic] {
		s.limits[topic] = clientMost
	}
	return d, nil
}

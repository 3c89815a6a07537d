package kafka

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/declare"
)

// topic is what the cluster says about a topic.
type topic struct {
	name    string
	id      kadm.TopicID    // zero: a cluster older than 2.8
	leaders map[int32]int32 // by partition
	parts   []int32         // in order
}

// ident is the topic's id as the ledger keeps it.
func (t topic) ident() string { return hex.EncodeToString(t.id[:]) }

// nameless tells that a topic's id is none: topics have had ids since Kafka 2.8
// (KIP-516). Without one, a topic that was deleted and made anew cannot be told
// from the one before.
func nameless(id string) bool { return strings.Trim(id, "0") == "" }

// topic asks for one topic whose partitions all have a leader. A topic that is
// not there is a Problem that names the nearest one.
func (t *Target) topic(ctx context.Context, name string) (topic, error) {
	top, err := t.lookup(ctx, name)
	if err != nil {
		return topic{}, err
	}
	for _, leader := range top.leaders {
		if leader < 0 {
			return topic{}, t.problem(ctx, describing(name), kerr.LeaderNotAvailable)
		}
	}
	return top, nil
}

func describing(name string) act {
	return act{doing: "looking up topic " + name, operation: "Describe", kind: "topic", name: name}
}

// lookup asks for one topic. The leader of a partition is negative when there is
// none at the moment. It asks the cluster itself: what kadm answers may be some
// seconds old, and the topic another one by now.
func (t *Target) lookup(ctx context.Context, name string) (topic, error) {
	asking, cancel := t.ask(ctx)
	defer cancel()
	r := kmsg.NewPtrMetadataRequest()
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = &name
	r.Topics = append(r.Topics, rt)
	answer, err := r.RequestWith(asking, t.cl)
	if err != nil {
		return topic{}, t.problem(ctx, describing(name), err)
	}
	if len(answer.Topics) != 1 {
		return topic{}, t.missing(ctx, name)
	}
	found := answer.Topics[0]
	err = kerr.ErrorForCode(found.ErrorCode)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return topic{}, t.missing(ctx, name)
	}
	if err != nil {
		return topic{}, t.problem(ctx, describing(name), err)
	}
	out := topic{name: name, id: found.TopicID, leaders: map[int32]int32{}}
	for _, p := range found.Partitions {
		out.parts = append(out.parts, p.Partition)
		out.leaders[p.Partition] = p.Leader
		if p.ErrorCode != 0 && p.ErrorCode != kerr.ReplicaNotAvailable.Code {
			out.leaders[p.Partition] = -1
		}
	}
	slices.Sort(out.parts)
	return out, nil
}

// noTopic is the Problem of a topic that is not there.
type noTopic struct{ name string }

func (e *noTopic) Error() string { return "no topic " + e.name }

func (t *Target) missing(ctx context.Context, name string) error {
	return &check.Problem{
		Sentence: fmt.Sprintf("There is no topic %s on Kafka %s%s Or the bot may not see it.", name, t.opts.Place, declare.DidYouMean(name, t.topics(ctx))),
		Err:      &noTopic{name},
	}
}

// topics are the names of those that we may see. Without an answer there are
// none: they are only for a suggestion.
func (t *Target) topics(ctx context.Context) []string {
	asking, cancel := t.ask(ctx)
	defer cancel()
	all, err := t.adm.ListTopics(asking)
	if err != nil {
		return nil
	}
	var out []string
	for name, found := range all {
		if found.Err == nil {
			out = append(out, name)
		}
	}
	return out
}

// bounds fixes what a topic holds now.
func (t *Target) bounds(ctx context.Context, name string) (bounds, error) {
	top, err := t.topic(ctx, name)
	if err != nil {
		return bounds{}, err
	}
	ends, err := t.ends(ctx, top)
	if err != nil {
		return bounds{}, err
	}
	starts, err := t.starts(ctx, top)
	if err != nil {
		return bounds{}, err
	}
	b := bounds{topic: name, id: top.ident(), parts: map[int32]span{}}
	for _, p := range top.parts {
		// Records may expire between the two questions.
		b.parts[p] = span{from: min(starts[p], ends[p]), to: ends[p]}
	}
	return b, nil
}

// ends are the offsets behind the last record that a read-committed consumer
// may read now: the last stable offset.
func (t *Target) ends(ctx context.Context, top topic) (map[int32]int64, error) {
	return t.offsets(ctx, top, t.adm.ListCommittedOffsets)
}

// starts are the offsets of the first records.
func (t *Target) starts(ctx context.Context, top topic) (map[int32]int64, error) {
	return t.offsets(ctx, top, t.adm.ListStartOffsets)
}

type lister func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error)

// offsets asks for an offset of every partition: all or an error.
func (t *Target) offsets(ctx context.Context, top topic, list lister) (map[int32]int64, error) {
	out, missing, err := t.offsetsEach(ctx, top, list)
	if err != nil {
		return nil, err
	}
	for _, p := range top.parts {
		if err := missing[p]; err != nil {
			return nil, err
		}
	}
	return out, nil
}

// offsetsEach asks for an offset of every partition. What is not known of one is
// a Problem in missing; the error means that nothing is known.
func (t *Target) offsetsEach(ctx context.Context, top topic, list lister) (known map[int32]int64, missing map[int32]error, err error) {
	a := act{doing: "asking for the offsets of " + top.name, operation: "Describe", kind: "topic", name: top.name}
	asking, cancel := t.ask(ctx)
	defer cancel()
	listed, err := list(asking, top.name)
	if len(listed) == 0 && err != nil {
		return nil, nil, t.problem(ctx, a, unwrapShards(err))
	}
	known, missing = map[int32]int64{}, map[int32]error{}
	for _, p := range top.parts {
		o, ok := listed.Lookup(top.name, p)
		switch {
		case ok && o.Err != nil:
			missing[p] = t.problem(ctx, a, o.Err)
		case ok && o.Offset >= 0:
			known[p] = o.Offset
		case err != nil:
			missing[p] = t.problem(ctx, a, unwrapShards(err))
		default:
			missing[p] = problemf("Kafka %s did not say where partition %d of topic %s ends. Try again in a minute.", t.opts.Place, p, top.name)
		}
	}
	return known, missing, nil
}

// unwrapShards gives what one of several brokers said instead of what kadm makes
// of all of them.
func unwrapShards(err error) error {
	var shards *kadm.ShardErrors
	if errors.As(err, &shards) && len(shards.Errs) > 0 {
		return shards.Errs[0].Err
	}
	var auth *kadm.AuthError
	if errors.As(err, &auth) {
		return auth.Err
	}
	return err
}

// partitions in order.
func (b bounds) partitions() []int32 {
	var out []int32
	for p := range b.parts {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// readable tries to read of a topic, and keeps nothing: a right to describe it
// is not yet one to read it.
func (t *Target) readable(ctx context.Context, name string) error {
	b, err := t.bounds(ctx, name)
	if err != nil {
		return err
	}
	for p, s := range b.parts {
		if s.from < s.to {
			return t.scan(ctx, bounds{b.topic, b.id, map[int32]span{p: s}}, func(*kgo.Record) error { return stop{} })
		}
	}
	return nil
}

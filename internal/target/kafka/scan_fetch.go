package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetcher reads one partition.
type fetcher struct {
	*scanner
	part     int32
	next, to int64
	answered time.Time // when the cluster last said something that helped
	failures int       // since then
}

func (f *fetcher) act() act {
	return act{doing: "reading topic " + f.b.topic, operation: "Read", kind: "topic", name: f.b.topic}
}

func (f *fetcher) run(ctx context.Context, answers chan<- []*kgo.Record) error {
	for f.next < f.to {
		records, err := f.fetch(ctx)
		if err != nil {
			if err := f.again(ctx, err); err != nil {
				return err
			}
			continue
		}
		if len(records) == 0 {
			continue
		}
		select {
		case answers <- records:
			f.answered = time.Now() // looking at them may have taken long
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// errNothing is an answer that shows neither records nor that there are none.
var errNothing = errors.New("the broker had nothing to give")

// errFar is such an answer about records that are not on the broker's own disk:
// where reading them from tiered storage takes longer than
// remote.fetch.max.wait.ms, the broker answers as if there were none.
var errFar = fmt.Errorf("%w from tiered storage", errNothing)

// fetch asks once, and moves on behind what came.
func (f *fetcher) fetch(ctx context.Context) ([]*kgo.Record, error) {
	answer, err := f.request(ctx)
	if err != nil {
		return nil, err
	}
	got, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Offset: f.next, IsolationLevel: kgo.ReadCommitted(), Topic: f.b.topic, Partition: f.part,
	}, answer, kgo.DefaultDecompressor(), nil)
	if got.Err != nil {
		return nil, got.Err
	}
	if next > f.next {
		f.next, f.answered, f.failures = next, time.Now(), 0
		return f.within(got.Records), nil
	}
	stable := answer.LastStableOffset
	if stable < 0 {
		stable = answer.HighWatermark
	}
	if len(answer.RecordBatches) > 0 || stable < f.to {
		return nil, errNothing
	}
	local, err := f.local(ctx)
	if err != nil {
		return nil, err
	}
	if f.next < local {
		return nil, errFar
	}
	// The broker stands behind the end, and its own disk has nothing from here on:
	// compaction has left none.
	f.next = f.to
	return nil, nil
}

// local is the first offset on the disk of the partition's leader; what stands
// before it is in tiered storage. 0: the broker has none, because it does not
// know the question (KIP-405).
func (f *fetcher) local(ctx context.Context) (int64, error) {
	const earliestLocal, since = -4, 8 // version 8 of the request
	r := kmsg.NewPtrListOffsetsRequest()
	r.ReplicaID = -1
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = f.b.topic
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Partition, rp.Timestamp = f.part, earliestLocal
	rt.Partitions = append(rt.Partitions, rp)
	r.Topics = append(r.Topics, rt)
	answer, err := f.ask(ctx, r)
	if err != nil {
		return 0, err
	}
	resp, ok := answer.(*kmsg.ListOffsetsResponse)
	if !ok || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("a question for one offset was answered by %T without it", answer)
	}
	one := resp.Topics[0].Partitions[0]
	err = kerr.ErrorForCode(one.ErrorCode)
	switch {
	case resp.Version < since, errors.Is(err, kerr.UnsupportedVersion):
		return 0, nil
	case err != nil:
		return 0, err
	case one.Offset < 0:
		return 0, errNothing
	}
	return one.Offset, nil
}

// ask asks the partition's leader.
func (f *fetcher) ask(ctx context.Context, r kmsg.Request) (kmsg.Response, error) {
	asking, cancel := f.t.ask(ctx)
	defer cancel()
	return f.t.cl.Broker(int(f.top.leaders[f.part])).Request(asking, r)
}

// within leaves out what stands behind the end.
func (f *fetcher) within(records []*kgo.Record) []*kgo.Record {
	for i, r := range records {
		if r.Offset >= f.to {
			return records[:i]
		}
	}
	return records
}

// request asks the partition's leader. Without a session every answer stands
// for itself, and a broker that has to slow us down answers without the
// partition, which is no end.
func (f *fetcher) request(ctx context.Context) (*kmsg.FetchResponseTopicPartition, error) {
	r := kmsg.NewPtrFetchRequest()
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes = fetchWaitMillis, 1, f.bytes
	r.IsolationLevel, r.SessionEpoch = 1, -1
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.TopicID = f.b.topic, f.top.id
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = f.part, f.next, f.bytes
	rt.Partitions = append(rt.Partitions, rp)
	r.Topics = append(r.Topics, rt)
	answer, err := f.ask(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, ok := answer.(*kmsg.FetchResponse)
	if !ok {
		return nil, fmt.Errorf("a fetch was answered by %T", answer)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	if len(resp.Topics) == 0 || len(resp.Topics[0].Partitions) == 0 {
		return nil, errNothing
	}
	return &resp.Topics[0].Partitions[0], nil
}

// again decides whether to go on after an error: a leader moves, a broker
// starts anew, but not for longer than patience.
func (f *fetcher) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var said *kerr.Error
	answered := errors.As(err, &said)
	switch {
	case answered && is(said, kerr.OffsetOutOfRange):
		return f.moved(ctx)
	case answered && !said.Retriable && !is(said, kerr.UnknownTopicID, kerr.InconsistentTopicID):
		return f.t.problem(ctx, f.act(), err)
	case !answered && !errors.Is(err, errNothing) && !broken(err):
		return f.t.problem(ctx, f.act(), err)
	case time.Since(f.answered) > f.t.patience():
		return f.t.problem(ctx, f.act(), f.stuck(err))
	}
	f.failures++
	if err := sleep(ctx, backoff(f.failures)); err != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, errNothing) {
		return nil
	}
	return f.refresh(ctx)
}

func (f *fetcher) stuck(err error) error {
	switch {
	case !errors.Is(err, errNothing):
		return err
	case errors.Is(err, errFar):
		return problemf("Partition %d of topic %s on Kafka %s gives nothing from offset %d on: the records are in tiered storage, and reading them from there takes longer than remote.fetch.max.wait.ms of the brokers allows. Raise it, or try again later.",
			f.part, f.b.topic, f.t.opts.Place, f.next)
	}
	return problemf("Partition %d of topic %s on Kafka %s gives nothing from offset %d on, although it ended at %d: its leader has lost records, or slows us down (a quota).",
		f.part, f.b.topic, f.t.opts.Place, f.next, f.to)
}

// refresh asks who leads now. A cluster that does not answer is asked again by
// the next fetch.
func (f *fetcher) refresh(ctx context.Context) error {
	top, err := f.t.topic(ctx, f.b.topic)
	if err != nil {
		if errors.As(err, new(*noTopic)) {
			return f.t.vanished(f.b.topic, err)
		}
		if time.Since(f.answered) > f.t.patience() || ctx.Err() != nil {
			return err
		}
		return nil
	}
	f.top = top
	return f.same()
}

// moved goes on where the first record stands now: those before it have expired.
func (f *fetcher) moved(ctx context.Context) error {
	if err := f.refresh(ctx); err != nil {
		return err
	}
	starts, err := f.t.starts(ctx, f.top)
	if err != nil {
		return err
	}
	if start := starts[f.part]; start > f.next {
		f.next = start
		return nil
	}
	return problemf("Partition %d of topic %s on Kafka %s ends before offset %d, although it reached %d: its leader has lost records.",
		f.part, f.b.topic, f.t.opts.Place, f.next, f.to)
}

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

// remember commits the plan's progress in the transaction. The requests are made
// here because the client's own belong to consumers.
// by is who filled the transaction.
func (w *posting) remember(ctx context.Context, by producer, text string) error {
	now, err := w.s.producer(ctx)
	if err != nil {
		return err
	}
	if now != by {
		// The client made itself a new epoch, and with it the cluster aborted what had
		// been sent so far.
		return errRenewed
	}
	id, epoch := by.id, by.epoch
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = w.s.name(), id, epoch, w.s.name()
	err = w.s.settled(ctx, func() error {
		added, err := add.RequestWith(ctx, w.s.client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(added.ErrorCode)
	})
	if err != nil {
		return fmt.Errorf("add the group to the transaction: %w", err)
	}
	commit := w.offsets(text)
	commit.ProducerID, commit.ProducerEpoch = id, epoch
	err = w.s.settled(ctx, func() error {
		answer, err := commit.RequestWith(ctx, w.s.client)
		if err != nil {
			return err
		}
		for _, topic := range answer.Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit offsets in the transaction: %w", err)
	}
	return nil
}

// producer is who sends, as the cluster knows it.
type producer struct {
	id    int64
	epoch int16
}

func (s *sender) producer(ctx context.Context) (producer, error) {
	id, epoch, err := s.client.ProducerID(ctx)
	return producer{id, epoch}, err
}

// errRenewed is a transaction that was begun by one epoch of the producer and would
// be ended by another one.
var errRenewed = errors.New("the producer got a new epoch in mid transaction")

// settled repeats a request while the transaction before is still being ended.
func (s *sender) settled(ctx context.Context, do func() error) error {
	for attempt := 1; ; attempt++ {
		err := do()
		if !errors.Is(err, kerr.ConcurrentTransactions) || sleep(ctx, backoff(attempt)) != nil {
			return err
		}
	}
}

// offsets are where the plan has got to in each partition that the batch is about.
// The text stands beside the same one every time.
func (w *posting) offsets(text string) *kmsg.TxnOffsetCommitRequest {
	spec := w.specs[w.batch.Changes[0].Form]
	next := map[int32]int64{spec.Home: 0}
	for i, f := range w.fates {
		if f.letter != nil && w.specs[w.batch.Changes[i].Form].At == spec.At {
			next[f.letter.partition] = max(next[f.letter.partition], f.letter.offset+1)
		}
	}
	if next[spec.Home] == 0 {
		next[spec.Home] = int64(w.batch.N) + 1 // it has no meaning but to hold the text
	}
	r := kmsg.NewPtrTxnOffsetCommitRequest()
	r.TransactionalID, r.Group, r.Generation = w.s.name(), w.s.name(), -1
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic = spec.At
	for partition, offset := range next {
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset = partition, offset
		if partition == spec.Home {
			p.Metadata = &text
		}
		topic.Partitions = append(topic.Partitions, p)
	}
	r.Topics = append(r.Topics, topic)
	return r
}

// unsettledError is an error after which nobody here knows whether the batch was
// sent.
type unsettledError struct{ err error }

func (e *unsettledError) Error() string { return "while committing: " + e.err.Error() }
func (e *unsettledError) Unwrap() error { return e.err }

// commit is not stopped by the caller: a batch is sent or not, and known to be.
func (w *posting) commit(ctx context.Context, empty bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	end := func() error { return w.s.client.EndTransaction(ctx, kgo.TryCommit) }
	if empty {
		end = func() error { return w.s.end(ctx) }
	}
	if err := end(); err != nil {
		return &unsettledError{err}
	}
	if err := w.kept(ctx); err != nil {
		return &unsettledError{err}
	}
	return nil
}

// errNotKept is a transaction that the client called committed, and of which the
// cluster knows nothing.
var errNotKept = errors.New("the cluster does not have what was committed")

// keptWithin is how long the end of a transaction may take to reach the group.
const keptWithin = 5 * time.Second

// keptLate is how often the group is asked before the end is asked for once more.
const keptLate = 4

// kept makes sure that the cluster has the batch. The client's word is not enough:
// one that was just made may forget that it added a partition to its first
// transaction, take it for an empty one, and leave it open without an error
// (franz-go 1.22.2 with a capped TxnOffsetCommit, about one of 300 on a loaded
// machine: "no records were produced during the commit"). Then its end is asked for
// here, which does nothing to a transaction that has been committed.
func (w *posting) kept(ctx context.Context) error {
	spec, err := home(w.forms)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, keptWithin)
	defer cancel()
	for attempt := 1; ; attempt++ {
		m, err := w.s.fetch(ctx, spec)
		switch {
		case err == nil && m.Next > w.batch.N:
			return nil
		case err == nil:
			err = errNotKept // yet: before its first commit a group may say nothing of one that is coming
		case !passing(err):
			return err
		}
		if sleep(ctx, backoff(attempt)) != nil {
			return err
		}
		if attempt == keptLate {
			if err := w.s.ended(ctx, w.by, true); err != nil {
				return err
			}
		}
	}
}

// end commits a transaction in which nothing was produced: the client takes it
// for none.
func (s *sender) end(ctx context.Context) error {
	by, err := s.producer(ctx)
	if err != nil {
		return err
	}
	return s.ended(ctx, by, true)
}

// ended ends a transaction of one epoch of the producer, whatever the client takes
// it for. To end it twice in the same way does nothing.
func (s *sender) ended(ctx context.Context, by producer, commit bool) error {
	r := kmsg.NewPtrEndTxnRequest()
	r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Commit = s.name(), by.id, by.epoch, commit
	return s.settled(ctx, func() error {
		answer, err := r.RequestWith(ctx, s.client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(answer.ErrorCode)
	})
}

// abort ends the transaction at once, so that consumers do not wait for it and
// nothing of it is in the next one, see kept. If it cannot, whoever comes next does.
func (w *posting) abort(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.s.x.t.opts.RequestTimeout)
	defer cancel()
	if err := w.s.client.AbortBufferedRecords(ctx); err != nil {
		return err
	}
	if err := w.s.client.EndTransaction(ctx, kgo.TryAbort); err != nil || w.by == (producer{}) {
		return err
	}
	err := w.s.ended(ctx, w.by, false)
	var said *kerr.Error
	if errors.As(err, &said) && is(said, kerr.InvalidTxnState, kerr.InvalidProducerEpoch, kerr.ProducerFenced) {
		return nil // nothing of that epoch is open any more
	}
	return err
}

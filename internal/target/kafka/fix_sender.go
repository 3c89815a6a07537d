package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/integritybot/integritybot/internal/fix"
)

const (
	// sendWithin is how long the records of a batch may take, and endWithin how long
	// the end of its transaction may.
	sendWithin = 40 * time.Second
	endWithin  = 15 * time.Second
	// stableWithin is how long the end of an earlier transaction may take to show.
	stableWithin = 30 * time.Second
	// defaultLimit is max.message.bytes where a broker does not say. Source: Apache
	// Kafka, "Topic Configs".
	defaultLimit = 1_048_588
)

// transactionTimeouts are how long a transaction may be open, the first that the
// cluster allows (its transaction.max.timeout.ms): longer than a batch takes.
func transactionTimeouts() []time.Duration {
	return []time.Duration{sendWithin + 2*endWithin, 30 * time.Second, 10 * time.Second}
}

// sender is the producer of one plan in this process.
type sender struct {
	x    *Sending
	plan int64
	turn chan struct{} // held by whoever uses it
	used time.Time

	client *kgo.Client // nil: closed
	memory memory      // what the cluster remembers; true while client is there
	topics map[string]destination
	// readers read the letters, by the topic that they stand in.
	readers map[string]*reader
	// singly are topics whose records are sent one after the other: see leaves. The
	// next producer keeps to it.
	singly map[string]bool

	mu     sync.Mutex // the client asks for the limits in goroutines of its own
	limits map[string]int32
	watch  *watch
}

// give gives the producer back.
func (s *sender) give() {
	s.used = s.x.t.opts.Now()
	<-s.turn
}

// name is that of the plan's transactions and of its group.
func (s *sender) name() string { return s.x.named(fix.Ref(s.plan)) }

// named is what transactions and groups of this bot are called.
func (x *Sending) named(plan string) string {
	return strings.Join([]string{x.t.opts.Prefix, x.t.opts.Store, plan}, ".")
}

// open makes the producer, unless it is there. The order is what makes it safe:
// first whoever was sending for the plan is fenced and its open transaction
// aborted, and only then is read what had been committed.
func (s *sender) open(ctx context.Context, forms []fix.Form) error {
	if s.client != nil {
		return nil
	}
	if err := s.fence(ctx); err != nil {
		s.drop()
		return err
	}
	m, err := s.remembered(ctx, forms)
	if err != nil {
		s.drop()
		return err
	}
	s.readers = map[string]*reader{}
	s.memory, s.topics, s.watch = m, map[string]destination{}, nil
	return nil
}

// fence makes a client and has the cluster give it a producer id. A coordinator
// that is starting is waited for.
func (s *sender) fence(ctx context.Context) error {
	a := act{doing: "beginning to produce", operation: "Write", kind: "transactional-id", name: s.name(), sends: true}
	asking, cancel := context.WithTimeout(ctx, s.x.t.patience()+stableWithin)
	defer cancel()
	timeouts := transactionTimeouts()
	for attempt := 1; ; attempt++ {
		if err := s.dial(ctx, timeouts[0]); err != nil {
			return err
		}
		_, _, err := s.client.ProducerID(asking)
		switch {
		case errors.Is(err, kerr.InvalidTransactionTimeout) && len(timeouts) > 1:
			timeouts = timeouts[1:]
		case !passing(err) || sleep(asking, backoff(attempt)) != nil:
			return s.x.sentence(ctx, a, err)
		}
	}
}

func (s *sender) dial(ctx context.Context, timeout time.Duration) (err error) {
	s.drop()
	// From these versions on offsets are committed and fetched by topic ids. The
	// requests that are made here have names.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(kmsg.TxnOffsetCommit.Int16(), 4)
	// With that the client keeps one epoch over all transactions (KIP-890, part 1), and
	// from version 5 on the end of one would begin another.
	versions.SetMaxKeyVersion(kmsg.EndTxn.Int16(), 4)
	versions.SetMaxKeyVersion(kmsg.OffsetFetch.Int16(), 9)
	s.limits = map[string]int32{}
	s.client, err = s.x.t.sender(ctx,
		kgo.TransactionalID(s.name()),
		kgo.TransactionTimeout(timeout),
		kgo.MaxVersions(versions),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		// Without compression it is known before sending what is too large.
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerBatchMaxBytesFn(s.limit),
		kgo.MaxBufferedRecords(1<<20),
		kgo.ProducerLinger(0),
		// No RecordDeliveryTimeout: it counts from a record's own time, and those here
		// are old. The context of a batch bounds it.
	)
	return err
}

// limit is how large a batch for a topic may be, in the client's own way of
// counting: with the four bytes of a length that brokers do not count.
func (s *sender) limit(topic string) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.limits[topic]; ok {
		return n
	}
	return defaultLimit
}

// drop ends the producer. What it had not committed is aborted by whoever comes
// next, or by the cluster when the transaction's time is over.
func (s *sender) drop() {
	for _, r := range s.readers {
		r.close()
	}
	s.readers = nil
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

// recorded is what the cluster remembers of one batch.
func (s *sender) recorded(batch int) (fix.Result, error) {
	results, err := s.memory.results()
	if err != nil {
		return fix.Result{}, err
	}
	return results[batch], nil
}

// remembered reads the plan's group. A transaction that was decided but has not
// reached the group yet is waited for.
func (s *sender) remembered(ctx context.Context, forms []fix.Form) (memory, error) {
	a := act{doing: "reading what was sent for " + fix.Ref(s.plan), operation: "Read", kind: "group", name: s.name(), sends: true}
	spec, err := home(forms)
	if err != nil {
		return memory{}, err
	}
	asking, cancel := context.WithTimeout(ctx, stableWithin)
	defer cancel()
	for attempt := 1; ; attempt++ {
		m, err := s.fetch(asking, spec)
		if err == nil {
			return m, nil
		}
		if errors.Is(err, kerr.TopicAuthorizationFailed) {
			a.kind, a.name = "topic", spec.At
		}
		if !passing(err) {
			return memory{}, s.x.sentence(ctx, a, err)
		}
		if sleep(asking, backoff(attempt)) != nil {
			return memory{}, s.x.sentence(ctx, a, err)
		}
	}
}

// passing tells whether an error is that of a moment: a transaction is being
// ended, or a coordinator is starting.
func passing(err error) bool {
	var e *kerr.Error
	return errors.As(err, &e) && is(e, kerr.UnstableOffsetCommit, kerr.ConcurrentTransactions,
		kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator)
}

// fetch asks for the offset beside which the plan's memory stands; without one,
// nothing was sent. It has to be named: a group of which everything is asked keeps
// quiet about a first commit that was decided and has not reached it yet, and only
// somebody who asks for that very partition is told to wait (Apache Kafka up to 3.9).
func (s *sender) fetch(ctx context.Context, spec sendSpec) (memory, error) {
	r := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	one := kmsg.NewOffsetFetchRequestGroupTopic()
	one.Topic, one.Partitions = spec.At, []int32{spec.Home}
	g.Group, g.Topics = s.name(), []kmsg.OffsetFetchRequestGroupTopic{one}
	r.RequireStable, r.Groups = true, []kmsg.OffsetFetchRequestGroup{g} // the client makes the older form of it
	answer, err := r.RequestWith(ctx, s.client)
	if err != nil {
		return memory{}, err
	}
	if len(answer.Groups) != 1 {
		return memory{}, fmt.Errorf("an answer about %d groups instead of one", len(answer.Groups))
	}
	for _, code := range []int16{answer.ErrorCode, answer.Groups[0].ErrorCode} {
		err := kerr.ErrorForCode(code)
		if errors.Is(err, kerr.GroupIDNotFound) {
			return memory{}, nil // nobody ever committed for it
		}
		if err != nil {
			return memory{}, err
		}
	}
	for _, topic := range answer.Groups[0].Topics {
		for _, p := range topic.Partitions {
			if topic.Topic != spec.At || p.Partition != spec.Home {
				continue
			}
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return memory{}, err
			}
			if p.Metadata == nil || *p.Metadata == "" {
				return memory{}, nil
			}
			return readMemory(*p.Metadata)
		}
	}
	return memory{}, fmt.Errorf("an answer without partition %d of %s", spec.Home, spec.At)
}

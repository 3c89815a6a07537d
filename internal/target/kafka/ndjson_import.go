package kafka

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

const (
	importRecords = 5_000    // of one transaction
	importBytes   = 8 << 20  // of one transaction, about
	longestLine   = 64 << 20 // of a file
)

// ImportOptions say how records go back into a topic.
type ImportOptions struct {
	// ByKey lets the key decide on the partition, as Kafka's own producers do. The
	// default is the partition that the line names.
	ByKey bool
	// OnSent is told how many records have been committed.
	OnSent func(n int64)
}

// Imported is what an import has done.
type Imported struct {
	Sent  int64 // records, all of them committed
	Notes []string
}

// Import produces the records of a file that an export wrote to a topic, in the
// order of its lines, equal to the byte, with their times. It does so in
// transactions. At a line that cannot be read or sent it stops: what stands
// before it has been sent, nothing from it on, and the Problem says so.
func Import(ctx context.Context, t *Target, topic string, r io.Reader, o ImportOptions) (Imported, error) {
	i := &importing{t: t, topic: topic, opts: o}
	if err := i.open(ctx); err != nil {
		return i.done, err
	}
	defer i.client.Close()
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), longestLine)
	for in.Scan() {
		i.line++
		if err := i.take(ctx, in.Bytes()); err != nil {
			return i.done, err
		}
	}
	switch err := in.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		i.line++
		return i.done, i.halt(ctx, fmt.Errorf("it is longer than %d MiB", longestLine>>20))
	case err != nil:
		i.line++
		return i.done, i.halt(ctx, fmt.Errorf("it could not be read from the file: %w", err))
	}
	return i.done, i.commit(ctx)
}

// importing is one import.
type importing struct {
	t      *Target
	topic  string
	opts   ImportOptions
	client *kgo.Client
	to     destination
	limit  atomic.Int32 // of a batch; the client asks in goroutines of its own
	parts  map[int32]bool

	line  int64
	batch []*kgo.Record
	bytes int
	done  Imported
}

func (i *importing) open(ctx context.Context) error {
	t := i.t
	if !t.opts.Sends {
		return problemf("Nothing may be sent to Kafka %s: replay is off in the config.", t.opts.Place)
	}
	top, err := t.topic(ctx, i.topic)
	if err != nil {
		return err
	}
	i.limit.Store(defaultLimit)
	i.parts = map[int32]bool{}
	for _, p := range top.parts {
		i.parts[p] = true
	}
	// Two imports of one topic at once end each other: one of them has been started
	// by mistake.
	partition := kgo.ManualPartitioner()
	if i.opts.ByKey {
		partition = kgo.StickyKeyPartitioner(nil)
	}
	i.client, err = t.sender(ctx,
		kgo.TransactionalID(i.name()),
		kgo.TransactionTimeout(sendWithin),
		kgo.RecordPartitioner(partition),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerBatchMaxBytesFn(func(string) int32 { return i.limit.Load() }),
		kgo.MaxBufferedRecords(2*importRecords),
	)
	if err != nil {
		return err
	}
	if err := i.ready(ctx); err != nil {
		i.client.Close()
		return err
	}
	if i.to.appended {
		i.done.Notes = append(i.done.Notes, fmt.Sprintf("The broker stamps what comes to %s (LogAppendTime): the times of the records are not kept.", i.topic))
	}
	return nil
}

// ready ends whatever another import of the topic has left open, and asks what
// the topic takes.
func (i *importing) ready(ctx context.Context) (err error) {
	asking, cancel := context.WithTimeout(ctx, i.t.patience()+endWithin)
	defer cancel()
	if _, _, err := i.client.ProducerID(asking); err != nil {
		return i.t.problem(ctx, act{doing: "beginning to produce", operation: "Write", kind: "transactional-id", name: i.name(), sends: true}, err)
	}
	i.to, err = i.t.destination(ctx, i.client, i.topic)
	i.limit.Store(int32(i.to.limit)) //nolint:gosec // a size of a message
	return err
}

// name is that of the import's transactions.
func (i *importing) name() string {
	return strings.Join([]string{i.t.opts.Prefix, i.t.opts.Store, "import", i.topic}, ".")
}

// take reads one line and sends the batch when it is full.
func (i *importing) take(ctx context.Context, text []byte) error {
	r, err := readLine(text)
	if err != nil {
		return i.halt(ctx, err)
	}
	r.Topic = i.topic
	if why := i.to.refuses(r, i.t.opts.Now()); why != "" {
		return i.halt(ctx, fmt.Errorf("the topic does not take the record: %s", why))
	}
	if !i.opts.ByKey && !i.parts[r.Partition] {
		return i.halt(ctx, fmt.Errorf("topic %s has no partition %d", i.topic, r.Partition))
	}
	i.batch, i.bytes = append(i.batch, r), i.bytes+len(text)
	if len(i.batch) >= importRecords || i.bytes >= importBytes {
		return i.commit(ctx)
	}
	return nil
}

// halt sends what stands before a line, and says what is wrong with it.
func (i *importing) halt(ctx context.Context, why error) error {
	if err := i.commit(ctx); err != nil {
		return err
	}
	return &check.Problem{Sentence: fmt.Sprintf("Line %s: %v. %s", phrase.Count(i.line), reason(why), i.sofar()), Err: why}
}

// reason is the first part of an error's text: the rest may be the system's.
func reason(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		return strings.TrimSuffix(err.Error(), ": "+inner.Error())
	}
	return err.Error()
}

// sofar says what has been sent.
func (i *importing) sofar() string {
	switch n := i.done.Sent; n {
	case 0:
		return "Nothing was sent."
	case 1:
		return "The record of line 1 was sent, nothing after it."
	default:
		return fmt.Sprintf("The %s records before line %s were sent, nothing after them.", phrase.Count(n), phrase.Count(n+1))
	}
}

// commit sends the batch in a transaction: all of it or nothing.
func (i *importing) commit(ctx context.Context) error {
	if len(i.batch) == 0 {
		return nil
	}
	if err := i.transact(ctx); err != nil {
		problem := i.t.problem(ctx, act{doing: "importing into " + i.topic, operation: "Write", kind: "topic", name: i.topic, sends: true}, err)
		var known *check.Problem
		if !errors.As(problem, &known) {
			return problem
		}
		fate := i.sofar()
		if errors.As(err, new(*unsettledError)) {
			fate = fmt.Sprintf("%s were sent for certain; whether the next %s were is not known.",
				counted(i.done.Sent, "record"), phrase.Count(int64(len(i.batch))))
		}
		return &check.Problem{Sentence: known.Sentence + " " + fate, Err: problem}
	}
	i.done.Sent += int64(len(i.batch))
	i.batch, i.bytes = nil, 0
	if i.opts.OnSent != nil {
		i.opts.OnSent(i.done.Sent)
	}
	return nil
}

func (i *importing) transact(ctx context.Context) error {
	if err := i.client.BeginTransaction(); err != nil {
		return err
	}
	sent := i.produce(ctx)
	// The end is told even when whoever asked is gone: an open transaction holds
	// everybody's reading up.
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), min(endWithin, i.t.patience()))
	defer stop()
	if sent != nil {
		if i.client.AbortBufferedRecords(ending) == nil {
			_ = i.client.EndTransaction(ending, kgo.TryAbort) // or its time-out ends it
		}
		return sent
	}
	if err := i.client.EndTransaction(ending, kgo.TryCommit); err != nil {
		return &unsettledError{err}
	}
	return nil
}

// produce hands the batch over and waits until all of it is there. A record under
// way cannot be called back, so that the wait is bounded and not the record.
func (i *importing) produce(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, i.t.patience())
	defer cancel()
	var mu sync.Mutex
	var first error
	for _, r := range i.batch {
		i.client.Produce(asking, r, func(_ *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			first = cmp.Or(first, err)
		})
	}
	if err := i.client.Flush(asking); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return first
}

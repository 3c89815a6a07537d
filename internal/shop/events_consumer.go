package shop

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// retryDelay is how long the shop's handler tries an event again before it gives it up.
const retryDelay = 3 * time.Second

// consumer is the shop's consumer group of one member: it reads committed records, hands them to the handler, puts
// aside what fails, and then commits.
type consumer struct {
	client  *kgo.Client
	handler *handler
	// died is told of every dead letter of the past.
	died func(original, letter *kgo.Record, f *failure)

	mu      sync.Mutex
	past    bool            // events of the past are played: their letters are dated as if they had died then
	next    map[int32]int64 // by partition: the first offset that is not committed
	changed chan struct{}   // closed when next changes

	end  context.CancelFunc
	done chan error
}

// startConsumer joins the group.
func startConsumer(ctx context.Context, brokers []string, h *handler, died func(original, letter *kgo.Record, f *failure)) (*consumer, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.ClientID(EventsGroup), kgo.ConsumerGroup(EventsGroup), kgo.ConsumeTopics(EventsTopic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), // markers of transactions count as consumed, as in Java
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.FetchMaxWait(250*time.Millisecond), kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	if err != nil {
		return nil, fmt.Errorf("shop: start the consumer: %w", err)
	}
	ctx, end := context.WithCancel(ctx)
	c := &consumer{
		client: client, handler: h, died: died, past: true,
		next: map[int32]int64{}, changed: make(chan struct{}), end: end, done: make(chan error, 1),
	}
	go func() { c.done <- c.run(ctx) }()
	return c, nil
}

// stop leaves the group, and gives what made the consumer stop earlier.
func (c *consumer) stop() error {
	c.end()
	err := <-c.done
	c.client.CloseAllowingRebalance()
	return err
}

// run consumes until ctx ends. A broker that does not answer is waited for, as every client of Kafka does.
func (c *consumer) run(ctx context.Context) error {
	for {
		fetches := c.client.PollRecords(ctx, 200)
		err := c.process(ctx, fetches.Records())
		c.client.AllowRebalance()
		if ended := ctx.Err() != nil; ended || err != nil {
			if ended {
				err = nil // whatever failed, failed because of that
			}
			return err
		}
	}
}

// process handles records in order and commits them. What was handled when something fails here will come again,
// to the next member of the group: the handler knows it then.
func (c *consumer) process(ctx context.Context, records []*kgo.Record) error {
	for _, r := range records {
		if r.Attrs.IsControl() {
			continue
		}
		f, err := c.handler.handle(ctx, r)
		if err != nil {
			return err
		}
		if f == nil {
			continue
		}
		if err := c.putAside(ctx, r, f); err != nil {
			return err
		}
	}
	if len(records) == 0 {
		return nil
	}
	if c.commit(ctx, records) {
		c.advance(records)
	}
	return nil
}

// commit tries a few times. Where it cannot, the group has moved on without this member, and the records come again.
func (c *consumer) commit(ctx context.Context, records []*kgo.Record) bool {
	for range 3 {
		if c.client.CommitRecords(ctx, records...) == nil {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(500 * time.Millisecond):
		}
	}
	return false
}

func (c *consumer) putAside(ctx context.Context, r *kgo.Record, f *failure) error {
	at, past := time.Now(), c.inPast()
	if past {
		at = r.Timestamp.Add(retryDelay)
	}
	letter := deadLetter(r, f, at)
	if err := c.client.ProduceSync(ctx, letter).FirstErr(); err != nil {
		return fmt.Errorf("shop: write a dead letter: %w", err)
	}
	if past {
		c.died(r, letter, f)
	}
	return nil
}

func (c *consumer) advance(records []*kgo.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range records {
		c.next[r.Partition] = max(c.next[r.Partition], r.Offset+1)
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *consumer) inPast() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.past
}

func (c *consumer) present() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.past = false
}

// caughtUp waits until everything that stood in the topic when it was called is committed by the group.
func (c *consumer) caughtUp(ctx context.Context) error {
	ends, err := kadm.NewClient(c.client).ListEndOffsets(ctx, EventsTopic)
	if err = errors.Join(err, ends.Error()); err != nil {
		return fmt.Errorf("shop: end of the events: %w", err)
	}
	for {
		behind := false
		c.mu.Lock()
		changed := c.changed
		ends.Each(func(o kadm.ListedOffset) { behind = behind || c.next[o.Partition] < o.Offset })
		c.mu.Unlock()
		if !behind {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("shop: the consumer did not catch up: %w", ctx.Err())
		case err := <-c.done:
			c.done <- err
			return errors.Join(errors.New("shop: the consumer stopped"), err)
		case <-changed:
		}
	}
}

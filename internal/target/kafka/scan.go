package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/integritybot/integritybot/internal/check"
)

// fetchBytes is how much one request asks for. Two answers are in memory at
// most: the one that is looked at and the next. A batch larger than that comes
// alone.
const fetchBytes = 4 << 20

// fetchWaitMillis is how long a broker may wait for records to come.
const fetchWaitMillis = 500

// span is offsets of one partition from from up to to, which is not in it.
type span struct{ from, to int64 }

// bounds is what a topic holds at one moment: for each partition from its first
// record up to the end of what is committed.
type bounds struct {
	topic string
	id    string // the topic's id, in hexadecimal
	parts map[int32]span
}

// records is how many there are at most: compaction and markers of transactions
// leave holes.
func (b bounds) records() int64 {
	n := int64(0)
	for _, s := range b.parts {
		n += max(0, s.to-s.from)
	}
	return n
}

// stop is what a visitor of records gives to see no more.
type stop struct{}

func (stop) Error() string { return "enough" }

// scan shows every committed record within the bounds, partition after
// partition, in the order of their offsets. It joins no group and commits
// nothing. It ends when the brokers have shown that nothing else stands within
// the bounds, whatever compaction and aborted transactions have left of them; a
// cluster that stops answering is an error, never an end. What has expired in
// the meantime is not shown. visit is called by one goroutine at a time; its
// error ends the scan, and [stop] ends it well.
func (t *Target) scan(ctx context.Context, b bounds, visit func(*kgo.Record) error) error {
	top, err := t.topic(ctx, b.topic)
	if err != nil {
		return t.vanished(b.topic, err)
	}
	s := &scanner{t: t, b: b, top: top, bytes: fetchBytes}
	if err := s.same(); err != nil {
		return err
	}
	for _, p := range b.partitions() {
		if _, ok := top.leaders[p]; !ok {
			return problemf("There is no partition %d in topic %s on Kafka %s: it has %d, numbered from 0.", p, b.topic, t.opts.Place, len(top.parts))
		}
		err := s.partition(ctx, p, visit)
		if errors.As(err, new(stop)) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// peekBytes is what is asked for where one record is enough.
const peekBytes = 64 << 10

// first gives the first record within a span of one partition; nil: there is
// none. It reads, and leaves no trace.
func (t *Target) first(ctx context.Context, top topic, part int32, within span) (*kgo.Record, error) {
	b := bounds{top.name, top.ident(), map[int32]span{part: within}}
	var found *kgo.Record
	err := (&scanner{t: t, b: b, top: top, bytes: peekBytes}).partition(ctx, part, func(r *kgo.Record) error {
		found = r
		return stop{}
	})
	if errors.As(err, new(stop)) {
		err = nil
	}
	return found, err
}

// scanner is one scan.
type scanner struct {
	t     *Target
	b     bounds
	top   topic
	bytes int32 // that one request asks for
}

// same makes sure that the topic is still the one that the bounds are of.
func (s *scanner) same() error {
	if s.b.id != "" && s.b.id != s.top.ident() {
		return s.t.anew(s.b.topic)
	}
	return nil
}

func (t *Target) anew(topic string) error {
	return problemf("Topic %s on Kafka %s was deleted and made anew while it was read: begin again.", topic, t.opts.Place)
}

// vanished says of a topic that is not there that it was, a moment ago.
func (t *Target) vanished(topic string, err error) error {
	if errors.As(err, new(*noTopic)) {
		return &check.Problem{Sentence: fmt.Sprintf("Topic %s on Kafka %s was deleted while it was read.", topic, t.opts.Place), Err: err}
	}
	return err
}

// partition reads one partition: the next answer is fetched while one is
// looked at.
func (s *scanner) partition(ctx context.Context, p int32, visit func(*kgo.Record) error) error {
	g, ctx := errgroup.WithContext(ctx)
	answers := make(chan []*kgo.Record)
	g.Go(func() error {
		defer close(answers)
		f := &fetcher{scanner: s, part: p, next: s.b.parts[p].from, to: s.b.parts[p].to, answered: time.Now()}
		return f.run(ctx, answers)
	})
	g.Go(func() error {
		for records := range answers {
			for _, r := range records {
				if err := visit(r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return g.Wait()
}

package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// readied is a letter that was read again, as far as it can be worked out before
// the plan is asked about it.
type readied struct {
	record *kgo.Record // as it stands
	print  fingerprint
	copied kgo.Record // what is sent of it, signed, but not addressed yet
}

// maker makes letters ready. Headers of the copy are put into room.
type maker func(r *kgo.Record, room []kgo.RecordHeader) readied

// stream is one partition that is being read ahead: one answer is asked for, one
// waits to be made ready, one is ready, and one is looked at.
type stream struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	answers chan *answer // closed at the end
	err     error        // why it ended, once answers is closed

	now   *answer
	at    int64 // no record before this offset is given any more
	ahead bool  // it was begun before this batch
}

// begin reads a partition within the scanner's bounds.
func (r *reader) begin(sc *scanner, p int32) *stream {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream{cancel: cancel, answers: make(chan *answer), at: sc.b.parts[p].from}
	raw := make(chan []*kgo.Record)
	var err error
	s.running.Go(func() {
		defer close(raw)
		f := &fetcher{scanner: sc, part: p, next: sc.b.parts[p].from, to: sc.b.parts[p].to, answered: time.Now()}
		err = f.run(ctx, raw)
	})
	s.running.Go(func() {
		defer close(s.answers)
		for records := range raw {
			a := &answer{records: records}
			if r.dense.Load() {
				a.prepare(r.make)
			}
			select {
			case s.answers <- a:
			case <-ctx.Done():
			}
		}
		s.err = err
	})
	return s
}

// end stops reading, and waits until nothing of it runs any more.
func (s *stream) end() {
	s.cancel()
	s.running.Wait()
}

// answer is the one that is looked at, or the next; nil: there are no more.
func (s *stream) answer(ctx context.Context) (*answer, error) {
	if s.now != nil && s.now.at < len(s.now.records) {
		return s.now, nil
	}
	s.now = nil
	select {
	case a, more := <-s.answers:
		if !more {
			return nil, s.err
		}
		s.now = a
		return a, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// answer is what came at once: records in the order of their offsets.
type answer struct {
	records []*kgo.Record
	ready   []readied // of all records; nil: made one by one
	at      int       // those before were looked at
}

// prepare makes all records ready. Their headers share one room.
func (a *answer) prepare(m maker) {
	n := 0
	for _, r := range a.records {
		n += len(r.Headers) + ownHeaders
	}
	room := make([]kgo.RecordHeader, n)
	a.ready = make([]readied, len(a.records))
	for i, r := range a.records {
		most := len(r.Headers) + ownHeaders
		a.ready[i] = m(r, room[:0:most])
		room = room[min(len(a.ready[i].copied.Headers), most):]
	}
}

// give hands out the letters of this answer, and tells which are wanted behind it.
// What is not here, is nowhere.
func (a *answer) give(m maker, spots []spot, take found) ([]spot, error) {
	type hit struct{ record, change int }
	var hits []hit
	wanted, passed := 0, 0
	for ; a.at < len(a.records) && len(spots) > 0; a.at++ {
		r := a.records[a.at]
		for len(spots) > 0 && spots[0].offset < r.Offset {
			spots = spots[1:]
		}
		passed += weightOf(r)
		if len(spots) > 0 && spots[0].offset == r.Offset {
			hits, wanted, spots = append(hits, hit{a.at, spots[0].change}), wanted+weightOf(r), spots[1:]
		}
	}
	for _, r := range a.records[a.at:] {
		passed += weightOf(r)
	}
	for _, h := range hits {
		if err := take(h.change, a.readied(m, h.record), wanted*denseShare < passed); err != nil {
			return nil, err
		}
	}
	return spots, nil
}

func (a *answer) readied(m maker, i int) *readied {
	if a.ready != nil {
		return &a.ready[i]
	}
	r := a.records[i]
	l := m(r, make([]kgo.RecordHeader, 0, len(r.Headers)+ownHeaders))
	return &l
}

// next is the first offset that it does not reach.
func (a *answer) next() int64 {
	if a.at < len(a.records) {
		return a.records[a.at].Offset
	}
	return a.records[len(a.records)-1].Offset + 1
}

// weightOf is how many bytes a record keeps in memory, about.
func weightOf(r *kgo.Record) int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

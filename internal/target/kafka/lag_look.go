package kafka

import (
	"context"
	"errors"
	"strings"
	"time"
)

// partitionLag is how far a group is behind in one partition. What is not known
// is -1.
type partitionLag struct {
	place
	committed  int64 // -1: nothing is, so that it counts from the first record
	start, end int64 // end: what a read-committed consumer may read now
	high       int64 // and what others may
	lag        int64
	expired    int64     // records that expired before the group read them
	oldest     time.Time // of the unread records; zero: none, or not known
	unaged     error     // why the age is not known
	unknown    error     // why the lag is not known
	owner      string
	consuming  float64 // records a second, as measured
	producing  float64
	measured   bool
}

// lagLook is one look at all partitions of a group.
type lagLook struct {
	at    time.Time
	parts []*partitionLag
	tops  map[string]topic
	// measured is over how long the speeds were measured; 0: they were not.
	measured time.Duration
	gone     []string // topics of which offsets are committed, and which are no more
}

// look asks for everything once. Offsets are asked for before the ends, so that
// no consumer seems to be ahead.
func (d *lagDetector) look(ctx context.Context, group consumers) (*lagLook, error) {
	t := d.target
	committed, err := t.committed(ctx, d.words.Group)
	if err != nil {
		return nil, err
	}
	l := &lagLook{at: t.opts.Now(), tops: map[string]topic{}}
	names := d.words.topics(committed)
	if len(names) == 0 {
		return nil, problemf("Group %s on Kafka %s has committed nothing, so that nobody knows what it reads: name its topics in the config.",
			d.words.Group, t.opts.Place)
	}
	for _, name := range names {
		top, err := t.lookup(ctx, name)
		if errors.As(err, new(*noTopic)) && len(d.words.Topics) == 0 {
			l.gone = append(l.gone, name)
			continue
		}
		if err != nil {
			return nil, err
		}
		l.tops[name] = top
		parts, err := d.partitions(ctx, top, committed)
		if err != nil {
			return nil, err
		}
		l.parts = append(l.parts, parts...)
	}
	if len(l.tops) == 0 {
		return nil, problemf("Group %s on Kafka %s has committed offsets of %s only, and none of it is there any more, or may be seen: name the topics that it reads in the config.",
			d.words.Group, t.opts.Place, strings.Join(l.gone, ", "))
	}
	for _, p := range l.parts {
		p.owner = group.owner[p.place]
	}
	return l, nil
}

// partitions are those of one topic.
func (d *lagDetector) partitions(ctx context.Context, top topic, committed offsets) ([]*partitionLag, error) {
	t := d.target
	starts, noStart, err := t.offsetsEach(ctx, top, t.adm.ListStartOffsets)
	if err != nil {
		return nil, err
	}
	ends, noEnd, err := t.offsetsEach(ctx, top, t.adm.ListCommittedOffsets)
	if err != nil {
		return nil, err
	}
	highs, noHigh, err := t.offsetsEach(ctx, top, t.adm.ListEndOffsets)
	if err != nil {
		return nil, err
	}
	var out []*partitionLag
	for _, n := range top.parts {
		p := &partitionLag{place: place{top.name, n}, committed: -1, start: -1, end: -1, high: -1, lag: -1}
		out = append(out, p)
		for _, err := range []error{committed.failed[p.place], noStart[n], noEnd[n], noHigh[n]} {
			if err != nil && p.unknown == nil {
				p.unknown = err
			}
		}
		if at, ok := committed.at[p.place]; ok {
			p.committed = at
		}
		if p.unknown == nil {
			p.start, p.end, p.high = starts[n], ends[n], highs[n]
			p.count(t.opts.Place)
		}
	}
	return out, nil
}

// count works the lag out: what the group can still read.
func (p *partitionLag) count(where string) {
	switch {
	case p.committed < 0:
		p.lag = p.end - p.start
	case p.committed > p.high:
		p.unknown = problemf("The group has committed offset %d of partition %d of topic %s on Kafka %s, which ends at %d: was the topic made anew, or did its leader lose records?",
			p.committed, p.part, p.topic, where, p.high)
		return
	case p.committed < p.start:
		p.expired = p.start - p.committed
		p.lag = p.end - p.start
	default:
		p.lag = p.end - p.committed
	}
	// A consumer that reads uncommitted records may be ahead of the others.
	p.lag = max(p.lag, 0)
}

// from is where the unread records begin.
func (p *partitionLag) from() int64 { return max(p.committed, p.start) }

// ages finds the oldest unread record of each partition. Where there is none
// although offsets are unread, these are only the marks of transactions.
func (d *lagDetector) ages(ctx context.Context, l *lagLook) error {
	for _, p := range l.parts {
		if p.unknown != nil || p.lag == 0 {
			continue
		}
		r, err := d.target.first(ctx, l.tops[p.topic], p.part, span{p.from(), p.end})
		switch {
		case ctx.Err() != nil:
			return err
		case err != nil:
			p.unaged = err
		case r == nil:
			p.lag = 0
		default:
			p.oldest = r.Timestamp.UTC()
		}
	}
	return nil
}

// measure compares with a later look: how fast each partition is read and
// written.
func (l *lagLook) measure(later *lagLook) {
	after := map[place]*partitionLag{}
	for _, p := range later.parts {
		after[p.place] = p
	}
	seconds := later.at.Sub(l.at).Seconds()
	l.measured = later.at.Sub(l.at)
	for _, p := range l.parts {
		q := after[p.place]
		if q == nil || p.unknown != nil || q.unknown != nil || seconds <= 0 {
			continue
		}
		p.measured = true
		p.consuming = float64(max(0, q.from()-p.from())) / seconds
		p.producing = float64(max(0, q.end-p.end)) / seconds
	}
}

package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// sized is a plan of letters with these values for a topic that takes 2000 bytes.
// The plan knows nothing of that.
func (r *rig) sized(values ...string) (fix.Plan, string) {
	r.t.Helper()
	small := r.cluster.Topic(r.t, "small", 1, map[string]string{"max.message.bytes": "2000", "retention.ms": "-1"})
	for i, value := range values {
		r.send(r.letter(0, int64(i), fmt.Sprint("k", i), value))
	}
	return r.sentTo(small), small
}

// sentTo is a plan of all letters that goes to another topic than its preview said.
func (r *rig) sentTo(topic string) fix.Plan {
	r.t.Helper()
	p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
	p.Draft.Content.Forms[0].Name = topic
	for i := range p.Draft.Content.Changes {
		p.Draft.Content.Changes[i].After = `{"p":-1,"n":1}`
	}
	return p
}

// guess has a producer believe that a topic takes so many bytes, as where the right
// to describe its settings is missing.
func guess(s *sender, topic string, limit int) {
	s.topics[topic] = destination{name: topic, partitions: 1, limit: limit}
	s.limits[topic] = clientLimit(limit)
}

// guessing is a producer that knows a topic's limit only so.
func (r *rig) guessing(x *Sending, p fix.Plan, topic string, limit int) {
	r.t.Helper()
	s, err := x.take(r.t.Context(), p.ID, p.Draft.Content.Forms, anew)
	if err != nil {
		r.t.Fatal(err)
	}
	guess(s, topic, limit)
	s.give()
}

// TestARecordThatOurOwnClientRefuses: a client cannot be told of a larger limit, and
// a new one has to be made by whoever asks the store whose plan it is.
func TestARecordThatOurOwnClientRefuses(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		p, small := r.sized("a", strings.Repeat("x", 1500), "b", "c")
		p.Draft.Content.PerBatch = 3
		forms, batches := p.Draft.Content.Forms, p.Draft.Content.Batches()
		x := r.sending()
		r.guessing(x, p, small, 1000)
		_, err := x.Apply(t.Context(), p, forms, batches[0], 1, nil)
		if !errors.Is(err, fix.ErrAgain) || sentence(t, err) != "The connection of P-7 to Kafka test/events has to be made anew." {
			t.Errorf("it says %v", err)
		}
		if _, err := x.Apply(t.Context(), p, forms, batches[0], 1, nil); !errors.Is(err, fix.ErrAgain) {
			t.Errorf("it sends without being asked first: %v", err)
		}
		r.asked(x, p)
		if result, err := x.Apply(t.Context(), p, forms, batches[0], 1, nil); err != nil || result.Changed != 3 {
			t.Errorf("with another client: %+v, %v", result, err)
		}
		if sent := r.done(x, p); sent != 4 {
			t.Errorf("%d were sent, instead of 4", sent)
		}
		if got := r.committed(small); len(got) != 4 {
			t.Errorf("%d arrived, instead of 4", len(got))
		}
	})
}

// aborts counts the transactions that are aborted.
func aborts(c *kafkatest.Cluster) *atomic.Int64 {
	n := new(atomic.Int64)
	c.Fake.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		if !req.(*kmsg.EndTxnRequest).Commit {
			n.Add(1)
		}
		return nil, nil, false
	})
	return n
}

// TestBatchesFillATopicsLimitAndNotAByteMore: two records have one byte more together
// than the topic takes. Our client does not put them into one batch.
func TestBatchesFillATopicsLimitAndNotAByteMore(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake}))
	for i := range 90 {
		l := r.letter(0, int64(i), "k", strings.Repeat("x", 100+bit(i < 10)))
		l.Timestamp = time.UnixMilli(1_700_000_000_000)
		r.send(l)
	}
	const overhead = 61
	p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
	one := copyOf(7, p.Draft.Content.Forms[0], sendSpec{Kind: sendLetter, Rules: r.rules()}, goes{-1, 1}, placed(r.letter(0, 1, "k", strings.Repeat("x", 101))))
	two := 2*sizeOf(one) - overhead
	tight := r.cluster.Topic(t, "tight", 1, map[string]string{"max.message.bytes": fmt.Sprint(two - 1), "retention.ms": "-1"})
	p = r.sentTo(tight)
	p.Draft.Content.PerBatch = 30
	aborted := aborts(r.cluster)
	if sent := r.done(r.sending(), p); sent != 90 || aborted.Load() != 0 {
		t.Errorf("%d were sent, and %d transactions aborted", sent, aborted.Load())
	}
}

// TestOneLargeRecordDoesNotSlowTheRestDown: only its own batch is sent record by
// record, where the limit of the topic is known.
func TestOneLargeRecordDoesNotSlowTheRestDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake}))
	p, small := r.sized("a", strings.Repeat("x", 3000), "b", "c")
	p.Draft.Content.PerBatch = 2
	x := r.sending()
	s, err := x.take(t.Context(), p.ID, p.Draft.Content.Forms, anew)
	if err != nil {
		t.Fatal(err)
	}
	guess(s, small, defaultLimit)
	d := s.topics[small]
	d.known = true // the limit was lowered since it was asked for
	s.topics[small] = d
	s.give()
	result, err := x.Apply(t.Context(), p, p.Draft.Content.Forms, p.Draft.Content.Batches()[0], 1, nil)
	if diff := cmp.Diff([]fix.Skipped{{Index: 1, Why: whyLarge}}, result.Skipped); err != nil || diff != "" {
		t.Errorf("%v, left alone (-want +got):\n%s", err, diff)
	}
	if len(s.singly) > 0 {
		t.Error("the next batch is sent record by record, too")
	}
	if sent := r.done(x, p); sent != 3 {
		t.Errorf("%d were sent, instead of 3", sent)
	}
}

// TestNoRecordOvertakesAnEarlierOneOfItsKey: what comes behind a record that is left
// alone waits, in its batch and in later ones, whoever sends those.
func TestNoRecordOvertakesAnEarlierOneOfItsKey(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 3000)
	for name, limit := range map[string]int{"known": 0, "found out by sending": defaultLimit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
				small := r.cluster.Topic(t, "small", 1, map[string]string{"max.message.bytes": "2000", "retention.ms": "-1"})
				for i, one := range [][2]string{{"a", "a1"}, {"b", large}, {"b", "b2"}, {"", "c"}, {"b", "b3"}, {"a", "a2"}, {"d", "d1"}, {"b", "b4"}} {
					r.send(r.letter(0, int64(i), one[0], one[1]))
				}
				p := r.sentTo(small)
				p.Draft.Content.PerBatch = 4
				batches := p.Draft.Content.Batches()
				first, other := r.sending(), r.sendingOf(r.bot(nil))
				r.asked(first, p)
				if limit > 0 {
					r.guessing(first, p, small, limit)
				}
				got, err := first.Apply(t.Context(), p, p.Draft.Content.Forms, batches[0], 1, nil)
				if diff := cmp.Diff([]fix.Skipped{{Index: 1, Why: whyLarge}, {Index: 2, Why: whyWaits}}, got.Skipped); err != nil || diff != "" {
					t.Errorf("the first batch: %v, left alone (-want +got):\n%s", err, diff)
				}
				r.asked(other, p)
				got, err = other.Apply(t.Context(), p, p.Draft.Content.Forms, batches[1], 1, nil)
				if diff := cmp.Diff([]fix.Skipped{{Index: 0, Why: whyWaits}, {Index: 3, Why: whyWaits}}, got.Skipped); err != nil || diff != "" {
					t.Errorf("the second batch: %v, left alone (-want +got):\n%s", err, diff)
				}
				if sent := values(r.committed(small)); !slices.Equal(sent, []string{"a1", "c", "a2", "d1"}) {
					t.Errorf("what arrived: %q", sent)
				}
				if all := r.asked(first, p); len(all) != 2 || len(all[1].Skipped) != 2 || all[1].Skipped[0].Why != whyWaits {
					t.Errorf("remembered: %+v", all)
				}
			})
		})
	}
}

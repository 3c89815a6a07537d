package kafka

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// pending answers for a plan's group as Kafka's coordinator up to 3.9 does while its
// first commit was decided and has not reached it: who asks for everything hears of
// nothing, and who asks for a partition is told to wait, as often as that.
func pending(c *kafkatest.Cluster, waits int64) *atomic.Int64 {
	left := new(atomic.Int64)
	left.Store(waits)
	c.Fake.ControlKey(int16(kmsg.OffsetFetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		r := req.(*kmsg.OffsetFetchRequest)
		if left.Add(-1) < 0 {
			return nil, nil, false
		}
		resp := r.ResponseKind().(*kmsg.OffsetFetchResponse)
		for _, g := range r.Groups {
			rg := kmsg.NewOffsetFetchResponseGroup()
			rg.Group = g.Group
			for _, topic := range g.Topics {
				rt := kmsg.NewOffsetFetchResponseGroupTopic()
				rt.Topic, rt.TopicID = topic.Topic, topic.TopicID
				for _, p := range topic.Partitions {
					rp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
					rp.Partition, rp.Offset, rp.ErrorCode = p, -1, kerr.UnstableOffsetCommit.Code
					rt.Partitions = append(rt.Partitions, rp)
				}
				rg.Topics = append(rg.Topics, rt)
			}
			resp.Groups = append(resp.Groups, rg)
		}
		return resp, nil, true
	})
	return left
}

// TestAFirstCommitOnItsWayIsWaitedFor: whoever takes a plan over right after its
// first batch was committed does not take it for one of which nothing was sent.
func TestAFirstCommitOnItsWayIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake}))
	for i := range 20 {
		r.send(r.letter(int32(i%4), int64(i), "k", "v"))
	}
	p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
	x, other := r.sending(), r.sendingOf(r.bot(nil))
	r.asked(x, p)
	if _, err := x.Apply(t.Context(), p, p.Draft.Content.Forms, p.Draft.Content.Batches()[0], 1, nil); err != nil {
		t.Fatal(err)
	}
	left := pending(r.cluster, 2)
	if got := r.asked(other, p); len(got) != 1 || got[0].Changed != 20 {
		t.Errorf("whoever takes over finds %+v", got)
	}
	if left.Load() >= 0 {
		t.Error("it did not wait")
	}
	r.once(20)
}

// TestAnOldClusterRemembers: the oldest cluster to which plans may send, which knows
// older forms of the questions.
func TestAnOldClusterRemembers(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{Fake: []kfake.Opt{kfake.MaxVersions(kversion.V2_8_0())}}))
	for i := range 40 {
		r.send(r.letter(int32(i%4), int64(i), "k", "v"))
	}
	p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
	p.Draft.Content.PerBatch = 20
	if err := r.sending().Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	x, other := r.sending(), r.sendingOf(r.bot(nil))
	r.asked(x, p)
	if _, err := x.Apply(t.Context(), p, p.Draft.Content.Forms, p.Draft.Content.Batches()[0], 1, nil); err != nil {
		t.Fatal(err)
	}
	if got := r.asked(other, p); len(got) != 1 {
		t.Errorf("whoever takes over finds %+v", got)
	}
	r.done(other, p)
	r.once(40)
}

// TestATakeoverWhileARecordIsRefused: a record is too large, and before the batch is
// made again without it another process takes the plan over. The first one sends
// nothing more, and does not keep the other one out.
func TestATakeoverWhileARecordIsRefused(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		p, small := r.sized("a", strings.Repeat("x", 3000), "b")
		b := p.Draft.Content.Batches()[0]
		first, other := r.sending(), r.sendingOf(r.bot(nil))
		s, err := first.take(t.Context(), p.ID, p.Draft.Content.Forms, anew)
		if err != nil {
			t.Fatal(err)
		}
		defer s.give()
		guess(s, small, defaultLimit)
		w := &posting{s: s, plan: p, forms: p.Draft.Content.Forms, batch: b}
		_, err = w.once(t.Context())
		if err == nil || !w.leaves(err) {
			t.Fatalf("nothing was too large: %v", err)
		}
		if got := r.asked(other, p); len(got) != 0 {
			t.Fatalf("whoever takes over finds %+v", got)
		}
		if _, err = w.transact(t.Context()); err == nil {
			t.Error("the first one sends, although the plan is not its own any more")
		} else if says := sentence(t, w.notSent(t.Context(), err)); !strings.Contains(says, "another process of the bot has taken P-7 over") {
			t.Errorf("the first one says: %s", says)
		}
		result, err := other.Apply(t.Context(), p, p.Draft.Content.Forms, b, 1, nil)
		if err != nil || result.Changed != 2 {
			t.Errorf("the other one was kept out: %+v, %v", result, err)
		}
		if got := values(r.committed(small)); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("what arrived: %q", got)
		}
	})
}

// TestATransactionOfTwoEpochsIsNotCommitted: when the client gets itself a new epoch
// between two records, the cluster has aborted what was sent before. The batch is
// not taken for sent.
func TestATransactionOfTwoEpochsIsNotCommitted(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		for i := range 8 {
			r.send(r.letter(int32(i%4), int64(i), "k", "v"))
		}
		p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
		b := p.Draft.Content.Batches()[0]
		x := r.sending()
		s, err := x.take(t.Context(), p.ID, p.Draft.Content.Forms, anew)
		if err != nil {
			t.Fatal(err)
		}
		give := sync.OnceFunc(s.give)
		defer give()
		w := &posting{s: s, plan: p, forms: p.Draft.Content.Forms, batch: b}
		if err := errors.Join(w.prepare(t.Context()), s.client.BeginTransaction()); err != nil {
			t.Fatal(err)
		}
		by, err := s.producer(t.Context())
		if err := errors.Join(err, w.produce(t.Context())); err != nil {
			t.Fatal(err)
		}
		by.epoch--
		err = w.remember(t.Context(), by, `{"v":1,"next":1}`)
		if !errors.Is(err, errRenewed) {
			t.Fatalf("it goes on: %v", err)
		}
		if says := sentence(t, w.notSent(t.Context(), err)); !strings.HasPrefix(says, "Kafka test/events ended our transaction") {
			t.Errorf("it says %s", says)
		}
		if err := w.abort(t.Context()); err != nil {
			t.Fatal(err)
		}
		give()
		r.asked(x, p)
		if _, err := x.Apply(t.Context(), p, p.Draft.Content.Forms, b, 1, nil); err != nil {
			t.Fatal(err)
		}
		r.once(8)
	})
}

// values are those of records, in order.
func values(records []*kgo.Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, string(r.Value))
	}
	return out
}

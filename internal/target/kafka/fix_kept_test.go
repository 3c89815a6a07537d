package kafka

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestACommitThatWasNone: a batch whose commit was only said to have been made is
// committed after all, or else not taken for sent; and it is sent once.
func TestACommitThatWasNone(t *testing.T) {
	t.Parallel()
	for name, always := range map[string]bool{"once": false, "again and again": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake}))
			for i := range 20 {
				r.send(r.letter(int32(i%4), int64(i), "k", "v"))
			}
			p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
			x := r.sending()
			r.asked(x, p)
			var honest atomic.Bool
			r.cluster.Fake.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
				if honest.Load() {
					return nil, nil, false
				}
				if always {
					r.cluster.Fake.KeepControl()
				}
				asked := req.(*kmsg.EndTxnRequest)
				said := asked.ResponseKind().(*kmsg.EndTxnResponse)
				said.ProducerID, said.ProducerEpoch = asked.ProducerID, asked.ProducerEpoch
				return said, nil, true // and nothing is done
			})
			got, err := x.Apply(t.Context(), p, p.Draft.Content.Forms, p.Draft.Content.Batches()[0], 1, nil)
			honest.Store(true)
			if (err != nil) != always {
				t.Fatalf("it says %+v, %v", got, err)
			}
			if had := r.asked(x, p); (len(had) == 0) != always {
				t.Fatalf("the cluster has %+v", had)
			}
			if sent := r.done(x, p); sent != 20 {
				t.Errorf("%d were sent, instead of 20", sent)
			}
			r.once(20)
		})
	}
}

// TestAnAbortThatWasNone: what is sent again after a record was refused does not
// bring with it what was sent before, although the abort was only said to have been
// made.
func TestAnAbortThatWasNone(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake}))
	p, small := r.sized("a", strings.Repeat("x", 3000), "b")
	x := r.sending()
	r.guessing(x, p, small, defaultLimit)
	r.cluster.Fake.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		asked := req.(*kmsg.EndTxnRequest)
		if asked.Commit {
			t.Error("the refused transaction was committed")
		}
		said := asked.ResponseKind().(*kmsg.EndTxnResponse)
		said.ProducerID, said.ProducerEpoch = asked.ProducerID, asked.ProducerEpoch
		return said, nil, true
	})
	batches := p.Draft.Content.Batches()
	result, err := x.Apply(t.Context(), p, p.Draft.Content.Forms, batches[0], 1, nil)
	if err != nil || result.Changed != 2 {
		t.Fatalf("%+v, %v", result, err)
	}
	if got := values(r.committed(small)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("what arrived: %q", got)
	}
}

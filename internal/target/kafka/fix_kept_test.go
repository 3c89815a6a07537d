package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestACommitThatWasNone: a batch whose commit was only said to have been made is not
// taken for sent, and is sent once when the cluster was asked.
func TestACommitThatWasNone(t *testing.T) {
	t.Parallel()
	r := newRig(t, kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Fake}))
	for i := range 20 {
		r.send(r.letter(int32(i%4), int64(i), "k", "v"))
	}
	p := r.draft(r.fixOf("", ""), fix.Order{ID: 7})
	x := r.sending()
	r.asked(x, p)
	r.cluster.Fake.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		asked, ok := req.(*kmsg.EndTxnRequest)
		if !ok {
			return nil, nil, false
		}
		said := asked.ResponseKind().(*kmsg.EndTxnResponse)
		said.ProducerID, said.ProducerEpoch = asked.ProducerID, asked.ProducerEpoch
		return said, nil, true // and nothing is done
	})
	batch := p.Draft.Content.Batches()[0]
	if got, err := x.Apply(t.Context(), p, p.Draft.Content.Forms, batch, 1, nil); err == nil {
		t.Fatalf("taken for sent: %+v", got)
	}
	if got := r.asked(x, p); len(got) != 0 {
		t.Fatalf("the cluster has %+v", got)
	}
	if sent := r.done(x, p); sent != 20 {
		t.Errorf("%d were sent, instead of 20", sent)
	}
	r.once(20)
}

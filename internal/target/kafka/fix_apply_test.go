package kafka

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestALetterGoesBackAsItWas: what was in the letter stands in its topic again, in
// its partition, with its time, without what the dead-letter publisher added about
// the exception; the letter cannot be sent twice.
func TestALetterGoesBackAsItWas(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		letter := r.letter(2, 40, "o-17", `{"orderId":"o-17"}`, header("trace", "a"), kgo.RecordHeader{Key: "trace"}, header("trace", ""))
		r.send(letter)
		f := r.fixOf("", "")
		p := r.draft(f, fix.Order{ID: 7})
		if sent := r.done(r.sending(), p); sent != 1 {
			t.Errorf("%d records were sent, instead of 1", sent)
		}
		got := r.committed(r.events)
		if len(got) != 1 {
			t.Fatalf("%d records arrived, instead of 1", len(got))
		}
		want := append(kept(letter.Headers), header(headerPlan, "P-7"), header(headerAttempt, "1"), header(headerOrigin, r.letters+"/2/0"))
		if diff := cmp.Diff(want, got[0].Headers); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
		if string(got[0].Key) != "o-17" || string(got[0].Value) != `{"orderId":"o-17"}` || got[0].Partition != 2 || got[0].Timestamp.UnixMilli() != letter.Timestamp.UnixMilli() {
			t.Errorf("it is %v", got[0])
		}
		again := r.draft(f, fix.Order{ID: 8})
		if again.Draft.Rows != 0 || again.Draft.Found != 0 || len(again.Draft.Left) != 1 || again.Draft.Left[0].Why != "already sent on by P-7" {
			t.Errorf("a second plan: %+v", again.Draft)
		}
	})
}

// TestApplyTwiceIsOnce: a batch that is recorded is not sent again, whoever asks.
func TestApplyTwiceIsOnce(t *testing.T) {
	t.Parallel()
	onPeers(t, kafkatest.Options{}, func(t *testing.T, r *rig) {
		for i := range 25 {
			r.send(r.letter(int32(i%4), int64(i), fmt.Sprint("k", i), "v"))
		}
		p := r.draft(r.fixOf("", "canary: 10"), fix.Order{ID: 7})
		first := r.sending()
		if sent := r.done(first, p); sent != 25 {
			t.Fatalf("%d records were sent, instead of 25", sent)
		}
		second := r.sendingOf(r.bot(nil))
		for _, x := range []*Sending{first, second, first} {
			r.asked(x, p)
			for _, b := range p.Draft.Content.Batches() {
				got, err := x.Apply(t.Context(), p, p.Draft.Content.Forms, b, 1, nil)
				if err != nil || got.Changed != int64(len(b.Changes)) {
					t.Errorf("batch %d again: %+v, %v", b.N, got, err)
				}
			}
		}
		if got := r.committed(r.events); len(got) != 25 {
			t.Errorf("%d records arrived, instead of 25", len(got))
		}
	})
}
